# shellcheck shell=bash
# What the scripts beside it share; sourced, never run.

set -euo pipefail
export LC_ALL=C.UTF-8

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
cores() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }
is_debian() { [ -f /etc/debian_version ] && have apt-get && have dpkg-query; }

# as_root COMMAND...: run it with root's rights, asking nobody for a password.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

# The server to build against: PG_CONFIG where the caller names one, else any
# of 15 or newer that has the server itself and its headers.  (The pg_config of
# a client library has neither.)
find_pg_config() {
	local candidate
	local candidates=("${PG_CONFIG:-pg_config}")
	[ -n "${PG_CONFIG:-}" ] || candidates+=(/usr/lib/postgresql/*/bin/pg_config)
	for candidate in "${candidates[@]}"; do
		have "$candidate" || continue
		[ -f "$("$candidate" --pgxs 2>/dev/null)" ] || continue
		[ -f "$("$candidate" --includedir-server)/postgres.h" ] || continue
		[ -x "$("$candidate" --bindir)/initdb" ] || continue
		[ "$("$candidate" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 15 ] || continue
		command -v "$candidate"
		return 0
	done
	return 1
}

# copy_tree TO: the sources as they lie in the checkout now, committed or not,
# without what a build or a test left behind.
copy_tree() {
	mkdir -p "$1"
	tar -C "$checkout" --exclude-vcs --exclude-backups \
		--exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude=./results --exclude=./output_iso --exclude=./tmp_check \
		--exclude=./tmp_check_iso --exclude=./log --exclude='./regression.*' \
		-cf - . | tar -C "$1" --no-same-owner -xf -
}

# in_workshop SCRIPT ARGUMENT...: run SCRIPT of a copy of the sources, in a
# temporary folder, as an account that is not root (a server refuses to run as
# root) and may not be able to read the checkout.  Nothing of it stays: the
# folder and every server started in it are gone at the end, also after Ctrl-C.
# With KEEP_WORK set the folder is kept.  The server is copied from $pg_config.
in_workshop() {
	local script=$1 status=0 as=()
	shift
	work=$(mktemp -d -t distributor.XXXXXXXX)
	child=
	trap 'leave $?' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	copy_tree "$work/src"
	if [ "$(id -u)" -eq 0 ]; then
		local account=postgres
		id "$account" >/dev/null 2>&1 || account=nobody
		have setpriv || die "as root, setpriv (util-linux) is needed; or run this as another user"
		chown -R "$account" "$work"
		as=(setpriv "--reuid=$account" "--regid=$(id -g "$account")" --init-groups)
	fi
	# A session of its own, so that everything below it can be ended at once;
	# an empty environment, so that no PGHOST leads to a server of the user's.
	setsid "${as[@]}" env -i PATH="$PATH" HOME="$work" TMPDIR="$work" LC_ALL="$LC_ALL" \
		TERM="${TERM:-dumb}" CI="${CI:-}" PG_CONFIG="${pg_config:?}" PG_TEST_TIMEOUT_DEFAULT=30 \
		DISTRIBUTOR_SEED="${DISTRIBUTOR_SEED:-}" DISTRIBUTOR_CASES="${DISTRIBUTOR_CASES:-}" \
		DISTRIBUTOR_STEPS="${DISTRIBUTOR_STEPS:-}" DISTRIBUTOR_ROUNDS="${DISTRIBUTOR_ROUNDS:-}" \
		bash "$work/src/scripts/$script" "$work" "$@" </dev/null &
	child=$!
	wait "$child" || status=$?
	child=
	return "$status"
}

# leave STATUS: whichever way the caller ends; it may add its own last word.
leave() {
	close_workshop
	last_word "$1"
}

last_word() { return "$1"; }

close_workshop() {
	local pidfile
	[ -n "${work:-}" ] || return 0
	if [ -n "$child" ]; then
		kill -TERM -- "-$child" 2>/dev/null || true
		wait "$child" 2>/dev/null || true
	fi
	while read -r pidfile; do
		kill -QUIT "$(head -n 1 "$pidfile")" 2>/dev/null || true
	done < <(find "$work" -name postmaster.pid 2>/dev/null)
	[ -n "${KEEP_WORK:-}" ] || rm -rf "$work"
}

# private_server TO: a copy of the server's programs and libraries, into which
# the extension is installed.  A server finds its files relative to its own
# program, so the copy is complete, and the user's server stays as it is.
private_server() {
	local to=$1 bindir dir program
	bindir=$("$PG_CONFIG" --bindir)
	mkdir -p "$to$bindir"
	for program in postgres initdb pg_ctl pg_config psql pgbench createdb dropdb \
		pg_dump pg_dumpall pg_restore pg_basebackup pg_controldata pg_resetwal \
		pg_upgrade pg_isready pg_waldump pg_amcheck pg_checksums pg_rewind \
		pg_receivewal pg_recvlogical pg_verifybackup vacuumdb reindexdb; do
		[ ! -x "$bindir/$program" ] || cp -L "$bindir/$program" "$to$bindir/"
	done
	for dir in --pkglibdir --sharedir --includedir-server; do
		dir=$("$PG_CONFIG" "$dir")
		mkdir -p "$to$dir"
		cp -R "$dir/." "$to$dir/"
	done
	PG_CONFIG=$to$bindir/pg_config
	[ "$("$PG_CONFIG" --bindir)" = "$to$bindir" ] ||
		die "this server cannot be copied: its pg_config does not follow where it lies"
	PATH=$to$bindir:$PATH
}

# build_extension: quiet unless there is something to say.
build_extension() {
	make -s -j "$(cores)" PG_CONFIG="$PG_CONFIG" with_llvm=no ${CI:+COPT=-Werror} all
	make -s PG_CONFIG="$PG_CONFIG" with_llvm=no install
}

# start_cluster: a throw-away cluster behind a socket in $work; sets PG*.
start_cluster() {
	export PGDATA=$work/data PGHOST=$work PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	initdb -D "$PGDATA" -U postgres -A trust -N --locale=C --encoding=UTF8 >"$work/initdb.log" 2>&1 ||
		{ cat "$work/initdb.log" >&2; die "initdb failed"; }
	cat >>"$PGDATA/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$work'
		fsync = off
		full_page_writes = off
		synchronous_commit = off
		shared_buffers = 256MB
		max_wal_size = 2GB
		max_prepared_transactions = 10
		log_error_verbosity = verbose
		timezone = 'UTC'
	CONF
	pg_ctl -s -w -l "$work/server.log" start || { cat "$work/server.log" >&2; die "the private server did not start"; }
	trap 'pg_ctl -s -m immediate stop 2>/dev/null || true' EXIT
	trap 'exit 143' TERM
}
