# distributor: a PostgreSQL extension, built with PGXS
#
#	make && make install && make installcheck		where pg_config is present
#	make demo, make check, make bench				everywhere; install what is missing
#
# CONTRIBUTING.md says what each target does.

EXTENSION = distributor
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" distributor.control)
INSTALL_SCRIPT_SQL = sql/$(EXTENSION)--$(EXTVERSION).sql

MODULE_big = distributor
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
DATA = $(wildcard sql/$(EXTENSION)--*--*.sql)
DATA_built = $(INSTALL_SCRIPT_SQL)
# The server's headers are not ours to mend; what a callback is given it need not use.
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server)

# Regression outputs lie in expected/, where every server's pg_regress looks;
# isolation outputs in test/expected, where 15 looks and newer servers are told to.
REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=$(EXTENSION) --encoding=UTF8 --no-locale
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --load-extension=$(EXTENSION) \
	$(if $(filter 15,$(MAJORVERSION)),,--expecteddir=test)
PROVE_TESTS = test/t/*.pl

# pg_regress would take sql/NAME.sql for the test NAME.
shadowed = $(filter $(notdir $(wildcard sql/*.sql)),$(notdir $(wildcard test/sql/*.sql)))
ifneq (,$(shadowed))
$(error test/sql and sql both hold $(shadowed): rename the test)
endif

# Targets that work before there is a pg_config.  PGXS has a "check" of its own
# (it only says that it is not supported), so the two are never both in force.
WORKSHOP_GOALS = demo check check-flavors check-index check-oracle check-model check-crash check-servers fuzz bench
.PHONY: $(WORKSHOP_GOALS)

ifneq (,$(filter $(WORKSHOP_GOALS),$(MAKECMDGOALS)))

FLAVORS = parallel jit work_mem generic

demo:
	@scripts/demo
check:
	@scripts/check
check-flavors:
	@scripts/check $(FLAVORS)
check-index:
	@scripts/check index
check-oracle:
	@scripts/check oracle
check-model:
	@scripts/check model
check-crash:
	@scripts/check crash
check-servers:
	@scripts/servers
fuzz:
	@scripts/fuzz $(or $(SECONDS),60) $(TARGETS)
bench:
	@scripts/bench $(SCALE) $(ROUNDS)

# "make clean check": whatever else is asked for is asked of PGXS.
OTHER_GOALS = $(filter-out $(WORKSHOP_GOALS),$(MAKECMDGOALS))
ifneq (,$(OTHER_GOALS))
.PHONY: $(OTHER_GOALS)
.NOTPARALLEL:
$(OTHER_GOALS):
	@$(MAKE) --no-print-directory $@
endif

else

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifeq (,$(wildcard $(PGXS)))

.DEFAULT_GOAL = all
.PHONY: all
all:
	@echo "$(PG_CONFIG) finds no PostgreSQL server headers." >&2; \
	echo "Install them (postgresql-server-dev-NN on Debian and Ubuntu, postgresqlNN-devel on" >&2; \
	echo "Red Hat), or say which server: make PG_CONFIG=/path/to/pg_config" >&2; \
	echo "On Debian and Ubuntu, \"make demo\" and \"make check\" install what they need." >&2; \
	exit 1
.DEFAULT:
	@$(MAKE) --no-print-directory all

else

# TAP tests start servers of their own, which no server does as root.
TAP_TESTS := $(shell test "$$(id -u)" -ne 0 && perl -MIPC::Run -e 'print 1' 2>/dev/null)

include $(PGXS)

# The compiler is not asked for dependencies, so every object has them all.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h)

# One SQL file per concern; the install script is all of them in order.
$(INSTALL_SCRIPT_SQL): $(sort $(wildcard sql/install/*.sql)) $(EXTENSION).control
	cat $(filter %.sql,$^) > $@

ifeq (,$(TAP_TESTS))
installcheck: no-tap
.PHONY: no-tap
no-tap:
	@echo "The TAP tests are left out: they need perl with IPC::Run, and a user other than root (make check runs them)."
endif

endif
endif
