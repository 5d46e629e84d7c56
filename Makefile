# distributor: a PostgreSQL extension, built with PGXS
EXTENSION = distributor
MODULE_big = distributor
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
DATA_built = sql/distributor--0.1.0.sql
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

REGRESS_OPTS = --inputdir=test --load-extension=distributor --encoding=UTF8 --no-locale
REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# One SQL file per concern; the install script is all of them in order.
sql/distributor--0.1.0.sql: $(sort $(wildcard sql/install/*.sql))
	cat $^ > $@
