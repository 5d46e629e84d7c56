-- Posting from 8 connections: orders of members under one root.
-- Beside the same number of rows, in tables with the same columns and indexes,
-- inserted by one statement that calculates nothing.

CREATE TABLE posting.bare_sale (LIKE bench_program.sale INCLUDING INDEXES);
CREATE TABLE posting.bare_ledger (LIKE bench_program.ledger INCLUDING INDEXES);
INSERT INTO posting.bare_sale TABLE bench_program.sale;		-- so that its indexes are as large
INSERT INTO posting.bare_ledger TABLE bench_program.ledger;
CREATE SEQUENCE posting.order_id START 1000000000000;
CREATE SEQUENCE posting.entry_id;

-- those of the largest tree who have three uplines
CREATE TABLE posting.under_root AS
	SELECT row_number() OVER (ORDER BY member_id) AS n, member_id, path, 50.05 + member_id % 50 AS amount
	FROM bench_program.member
	WHERE distributor.depth(path) > 3 AND distributor.root_id(path) =
		(SELECT distributor.root_id(path) FROM bench_program.member GROUP BY 1 ORDER BY count(*) DESC LIMIT 1);
ALTER TABLE posting.under_root ADD PRIMARY KEY (n);
VACUUM (FREEZE, ANALYZE) posting.under_root;
SELECT count(*) AS members FROM posting.under_root \gset

CREATE TABLE bench.throughput (
	round integer NOT NULL,
	contender text NOT NULL,
	orders_per_second double precision NOT NULL,
	lock_waits bigint NOT NULL,		-- for each other, seen by looking again and again
	looks bigint NOT NULL,
	PRIMARY KEY (round, contender)
);

CREATE PROCEDURE posting.look(seconds double precision, INOUT waits bigint, INOUT looks bigint)
LANGUAGE plpgsql AS $$
DECLARE
	ends timestamptz := clock_timestamp() + make_interval(secs => seconds);
BEGIN
	waits := 0;
	looks := 0;
	WHILE clock_timestamp() < ends LOOP
		waits := waits + (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event <> 'extend' AND datname = current_database());
		looks := looks + 1;
		PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01);
	END LOOP;
END $$;

\set scripts `mktemp -d`
\setenv SCRIPTS :scripts
\setenv MEMBERS :members
\! printf '%s\n' "\\set n random(1, $MEMBERS)" "INSERT INTO posting.this SELECT nextval('posting.order_id'), member_id, amount FROM posting.under_root WHERE n = :n;" > "$SCRIPTS/this"
\! printf '%s\n' "\\set n random(1, $MEMBERS)" "WITH o AS (INSERT INTO posting.bare SELECT nextval('posting.order_id'), u.member_id, u.amount FROM posting.under_root u WHERE n = :n RETURNING *), s AS (INSERT INTO posting.bare_sale (sale_id, member_id, occurred_at, posted_at, plan_version, order_source_id, revision, order_key, amount, currency, path) SELECT o.id, o.member_id, now(), now(), 1, 1, 1, o.id::text, o.amount, 'USD', u.path FROM o JOIN posting.under_root u ON u.n = :n RETURNING *) INSERT INTO posting.bare_ledger (entry_id, source_id, member_id, basis, posted_at, available_at, line, level, source, rule, amount, currency) SELECT nextval('posting.entry_id'), s.sale_id, s.member_id - l, 0, now(), now(), 0, l, 'sale', 'sales', round(s.amount * 0.05, 2), 'USD' FROM s, generate_series(1, 3) l;" > "$SCRIPTS/bare"

\set round 0
\set seconds 5
\setenv SECONDS_EACH :seconds
SELECT format($$
\! rm -f "$SCRIPTS/done"; (pgbench -n -M prepared -c 8 -j 2 -T "$SECONDS_EACH" -f "$SCRIPTS/%2$s" > "$SCRIPTS/out" 2>&1; touch "$SCRIPTS/done") &
CALL posting.look(%3$s, NULL, NULL) \gset
\! until [ -e "$SCRIPTS/done" ]; do sleep 0.1; done
\set tps `sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$SCRIPTS/out"`
INSERT INTO bench.throughput VALUES (%1$s, '%2$s', :tps, :waits, :looks);
$$, r, c, :seconds) AS step
FROM generate_series(0, :rounds) r, (VALUES (1, 'bare'), (2, 'this')) v(i, c) ORDER BY r, i
\g (format=unaligned tuples_only=on) `echo "$SCRIPTS/steps"`
\i :scripts/steps
\! rm -r "$SCRIPTS"

-- Memory of a session that posts: a million orders, by a hundred thousand.
CREATE TABLE bench.memory (orders bigint PRIMARY KEY, bytes bigint NOT NULL);
CREATE PROCEDURE posting.remember(total bigint)
LANGUAGE plpgsql AS $$
DECLARE
	base bigint := 2000000000000;
	posted bigint := 0;
	size bigint := (SELECT count(*) FROM posting.new_order);
BEGIN
	WHILE posted < total LOOP
		INSERT INTO posting.this SELECT base + posted + n, member_id, amount FROM posting.new_order;
		posted := posted + size;
		COMMIT;
		INSERT INTO bench.memory SELECT posted, sum(total_bytes) FROM pg_backend_memory_contexts;
	END LOOP;
END $$;
CALL posting.remember(1000000);
