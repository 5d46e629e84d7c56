--
-- attach_members: the tree from a table of the user, of any types, once and
-- from then on
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
-- the tree of a program in one line, and the changes that it has seen
CREATE FUNCTION am_tree(program text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(m.path::text || coalesce(''='' || m.member_key, '''') || coalesce('' '' || m.rank, '''')'
				   ' || CASE m.state WHEN ''active'' THEN '''' ELSE '' '' || m.state END, '', '' ORDER BY m.path) FROM %I.member m', program) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION am_history(program text, since int DEFAULT 2) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(h.member_id::text || '':'' || h.revision || '' '' || h.change || '' '' || coalesce(h.sponsor_id::text, ''-'')'
				   ' || '' '' || h.state || coalesce('' '' || h.rank, ''''), '', '' ORDER BY h.member_id, h.revision)'
				   ' FROM %I.member_history h WHERE h.revision >= $1', program) INTO result USING since;
	RETURN result;
END
$$;
CREATE FUNCTION am_drop(program text) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	EXECUTE format('DROP SCHEMA %I CASCADE', program);
END
$$;

--
-- Types of ids
--
CREATE DOMAIN am_id AS bigint CHECK (VALUE > 0);
CREATE DOMAIN am_key AS am_id;
CREATE TYPE am_letter AS ENUM ('c', 'b', 'a');
CREATE TABLE am_type (type text, one text, two text, three text);
INSERT INTO am_type VALUES ('int', '1', '2', '3'), ('bigint', '1', '2', '9223372036854775807'), ('smallint', '1', '2', '0'), ('am_key', '1', '2', '3'),
	('uuid', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000B', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
	('text', 'O''Brien', E'back\\slash\n"quoted"', ' '), ('varchar(10)', 'a', 'A', 'á'), ('char(5)', 'a', 'b', 'c'), ('numeric', '1.5', '2', '3.0'),
	('am_letter', 'a', 'b', 'c'), ('name', 'a', 'b', 'c');
DO $$
DECLARE
	t am_type;
BEGIN
	FOR t IN SELECT * FROM am_type LOOP
		PERFORM create_program('am_types', 'CNY', time_zone => 'UTC');
		EXECUTE format('CREATE TABLE am_types_users (id %1$s PRIMARY KEY, up %1$s)', t.type);
		-- a child before its sponsor; what is there, then what comes
		EXECUTE format('INSERT INTO am_types_users VALUES (%L, %L), (%L, NULL)', t.two, t.one, t.one);
		PERFORM attach_members('am_types', 'am_types_users', 'id', 'up');
		EXECUTE format('INSERT INTO am_types_users VALUES (%L, %L)', t.three, t.two);
		RAISE NOTICE '%: %', t.type, am_tree('am_types');
		EXECUTE format('UPDATE am_types_users SET up = %L WHERE id = %L', t.one, t.three);
		EXECUTE format('DELETE FROM am_types_users WHERE id = %L', t.two);
		PERFORM pause('am_types');
		EXECUTE format('DELETE FROM am_types_users WHERE id = %L', t.three);
		PERFORM resume('am_types');
		RAISE NOTICE '%: %', t.type, am_tree('am_types');
		PERFORM am_drop('am_types');
		DROP TABLE am_types_users;
	END LOOP;
END
$$;
-- types that are none
DO $$
DECLARE
	type text;
BEGIN
	PERFORM create_program('am_types', 'CNY', time_zone => 'UTC');
	FOREACH type IN ARRAY '{float8,boolean,timestamptz,date,money,jsonb,bytea,int[],interval}'::text[] LOOP
		EXECUTE format('CREATE TABLE am_types_users (id %1$s, up %1$s)', type);
		RAISE NOTICE '%', fails($s$SELECT attach_members('am_types', 'am_types_users', 'id', 'up')$s$);
		DROP TABLE am_types_users;
	END LOOP;
	CREATE TABLE am_types_users (id bigint, up text);
	RAISE NOTICE '%', fails($s$SELECT attach_members('am_types', 'am_types_users', 'id', 'up')$s$);
	DROP TABLE am_types_users;
	-- a program with members keeps its kind of key
	PERFORM add_member('am_types', 1);
	CREATE TABLE am_types_users (id uuid, up uuid);
	RAISE NOTICE '%', fails($s$SELECT attach_members('am_types', 'am_types_users', 'id', 'up')$s$);
	DROP TABLE am_types_users;
	PERFORM am_drop('am_types');
END
$$;
DROP TABLE am_type;

--
-- joined_at, rank and state
--
SELECT create_program('am', 'CNY', time_zone => 'Asia/Shanghai');
CREATE TYPE am_rank AS ENUM ('bronze', 'silver', 'gold');
CREATE TABLE am_users (id int PRIMARY KEY, up int, at timestamptz, at_local timestamp, on_day date, rank text, level am_rank, state text, ok boolean);
INSERT INTO am_users VALUES (1, NULL, '2020-01-01 00:00+00', '2020-01-01', '2020-01-01', 'r1', 'gold', 'active', true),
	(2, 1, '2020-01-01 12:00+00', '2020-01-01 12:00', '2020-01-02', NULL, NULL, 'frozen', false), (3, 2, NULL, NULL, NULL, '', 'silver', NULL, NULL);
SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'at', rank => 'rank', state => 'state');
SELECT member_id, CASE WHEN member_id < 3 THEN joined_at END AS joined_at, state, rank FROM am.member ORDER BY 1;
SELECT m.joined_at = s.attached_at AS attached FROM am.member m, am.member_source s WHERE m.member_id = 3;
SELECT member_id, valid_from = joined_at AS from_joining, change, revision FROM am.member_history JOIN am.member USING (member_id) ORDER BY 1;
-- attached again with other columns: ranks and states follow
SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'at_local', rank => 'level', state => 'ok', state_map => '{"true": "active", "false": "left"}');
SELECT am_tree('am'), am_history('am');
-- and a third time, with nothing changed: nothing happens
SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'at_local', rank => 'level', state => 'ok', state_map => '{"true": "active", "false": "left"}');
SELECT am_history('am');
INSERT INTO am_users (id, up, at_local, level, ok) VALUES (4, 1, '2021-06-01 00:00', 'bronze', true);
SELECT detach_members('am', 'am_users');
SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'on_day', rank => 'level', state => 'ok', state_map => '{"true": "active", "false": "frozen"}');
INSERT INTO am_users (id, up, on_day, level, ok) VALUES (5, 1, '2021-06-01', 'bronze', true);
-- midnight in Shanghai
SELECT member_id, joined_at FROM am.member WHERE member_id IN (4, 5) ORDER BY 1;
-- changes of rank and state, and both with a move
UPDATE am_users SET level = 'gold' WHERE id = 4;
UPDATE am_users SET level = NULL WHERE id = 5;
UPDATE am_users SET ok = NOT ok WHERE id IN (4, 2);
UPDATE am_users SET up = 4, level = 'silver', ok = false WHERE id = 5;
UPDATE am_users SET on_day = '2000-01-01', rank = 'unused';
UPDATE am_users SET up = up, level = level;
SELECT am_tree('am'), am_history('am');
-- functions of a column that the table keeps are refused, and say where to go
SELECT fails($$SELECT set_rank('am', 1, 'x')$$);
SELECT fails($$SELECT set_state('am', 1, 'frozen')$$);
SELECT fails($$SELECT add_member('am', 9)$$);
SELECT fails($$SELECT move_member('am', 2, NULL)$$);
SELECT fails($$SELECT set_state('am', 1, 'left', 'sponsor')$$);
-- words that are no states
SELECT detach_members('am', 'am_users');
SELECT attach_members('am', 'am_users', 'id', 'up', state => 'state');
SELECT fails($$UPDATE am_users SET state = 'banned' WHERE id = 1$$);
SELECT fails($$UPDATE am_users SET state = '' WHERE id = 1$$);
SELECT fails($$UPDATE am_users SET state = 'Active' WHERE id = 1$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', state => 'state', state_map => '{"active": 1}')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', state => 'state', state_map => '{"active": "working"}')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', state => 'state', state_map => '["active"]')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', state => 'state', state_map => 'null')$$);
-- the table does not keep ranks now: functions may
SELECT set_rank('am', 1, 'by hand');
SELECT am_tree('am');
UPDATE am_users SET state = 'frozen' WHERE id = 1;
SELECT am_tree('am');

--
-- Arguments that are refused
--
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'nothing')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'ID', 'up')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', '', 'up')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'ctid', 'up')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'rank')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', rank => 'at')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', state => 'at')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', orphans => 'keep')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up', orphans => NULL)$$);
SELECT fails($$SELECT attach_members('am', 'am_users', NULL, 'up')$$);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', NULL)$$);
SELECT fails($$SELECT attach_members('am', NULL, 'id', 'up')$$);
SELECT fails($$SELECT attach_members(NULL, 'am_users', 'id', 'up')$$);
SELECT fails($$SELECT attach_members('am', 'am_nothing', 'id', 'up')$$);
SELECT fails($$SELECT attach_members('am', 4294967295, 'id', 'up')$$);
-- the table of members has to be one, and there is one table
CREATE TABLE am_other (id bigint PRIMARY KEY, up bigint);
SELECT fails($$SELECT attach_members('am', 'am_other', 'id', 'up')$$);
SELECT fails($$SELECT detach_members('am', 'am_other')$$);
SELECT detach_members('am', NULL);
SELECT detach_members('am', 'am_users');
SELECT fails($$SELECT detach_members('am', 'am_users')$$);
CREATE TEMP TABLE am_temp (id bigint, up bigint);
SELECT fails($$SELECT attach_members('am', 'am_temp', 'id', 'up')$$);
CREATE VIEW am_view AS SELECT id, up FROM am_other;
SELECT fails($$SELECT attach_members('am', 'am_view', 'id', 'up')$$);
CREATE MATERIALIZED VIEW am_matview AS SELECT id, up FROM am_other;
SELECT fails($$SELECT attach_members('am', 'am_matview', 'id', 'up')$$);
CREATE FOREIGN DATA WRAPPER am_fdw;
CREATE SERVER am_server FOREIGN DATA WRAPPER am_fdw;
CREATE FOREIGN TABLE am_foreign (id bigint, up bigint) SERVER am_server;
SELECT fails($$SELECT attach_members('am', 'am_foreign', 'id', 'up')$$);
CREATE TABLE am_parted (id bigint, up bigint) PARTITION BY RANGE (id);
CREATE TABLE am_parted_1 PARTITION OF am_parted FOR VALUES FROM (0) TO (10);
SELECT fails($$SELECT attach_members('am', 'am_parted_1', 'id', 'up')$$);
CREATE FOREIGN TABLE am_parted_2 PARTITION OF am_parted FOR VALUES FROM (10) TO (20) SERVER am_server;
SELECT fails($$SELECT attach_members('am', 'am_parted', 'id', 'up')$$);
SELECT split_part(fails($$SELECT attach_members('am', 'am_other_pkey', 'id', 'up')$$), ':', 1);
SELECT fails($$SELECT attach_members('am', 'am.sale_id_seq', 'last_value', 'log_cnt')$$);
SELECT split_part(fails($$SELECT attach_members('am', 'pg_class', 'relpages', 'relallvisible')$$), ':', 1);
CREATE UNLOGGED TABLE am_unlogged (id bigint, up bigint);
\set VERBOSITY default
SELECT attach_members('am', 'am_unlogged', 'id', 'up');
\set VERBOSITY terse
SELECT count(*) AS attached FROM am.member_source WHERE detached_at IS NULL;
-- a table that is dropped is forgotten
DROP TABLE am_unlogged;
SELECT add_member('am', 77);
SELECT attach_members('am', 'am_other', 'id', 'up');
SET client_min_messages = warning;
DROP FOREIGN DATA WRAPPER am_fdw CASCADE;
DROP TABLE am_other, am_temp, am_parted, am_users CASCADE;
RESET client_min_messages;
SELECT am_drop('am');

--
-- Orphans
--
SELECT create_program('am', 'CNY', time_zone => 'UTC');
CREATE TABLE am_users (id bigint, up bigint, at timestamptz);
INSERT INTO am_users SELECT i, 1000 + i FROM generate_series(1, 7) i;
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
TRUNCATE am_users;
INSERT INTO am_users VALUES (1, 1);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
UPDATE am_users SET up = 2;
INSERT INTO am_users VALUES (2, 1);
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
TRUNCATE am_users;
INSERT INTO am_users SELECT i, i % 9 + 1 FROM generate_series(1, 9) i;
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
SELECT count(*) AS members FROM am.member;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'am_users'::regclass;
-- two cycles, one of one, one of three with a tail, and two unknown sponsors
TRUNCATE am_users;
INSERT INTO am_users VALUES (1, 1, '2020-01-01'), (10, 12, '2020-01-03'), (11, 10, '2020-01-01'), (12, 11, '2020-01-02'), (13, 10, '2019-01-01'), (14, 13, '2020-01-01'),
	(20, 99, '2020-01-01'), (21, 20, '2020-01-01'), (22, 9223372036854775807, '2020-01-01'), (30, 31, NULL), (31, 30, NULL);
\set VERBOSITY default
SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'at', orphans => 'root');
\set VERBOSITY terse
SELECT am_tree('am');
SELECT member_id, sponsor_key, problem FROM am.orphan ORDER BY 1;
-- again: they stay as they are, and are not reported twice
SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'at', orphans => 'root');
SELECT am_tree('am') , am_history('am') IS NULL AS unchanged, (SELECT count(*) FROM am.orphan) AS orphans;
-- the sponsor comes: its orphans follow when the table is looked through
INSERT INTO am_users VALUES (99, 1, '2020-01-01');
SELECT am_tree('am');
SELECT pause('am'), resume('am');
SELECT am_tree('am'), am_history('am');
-- new ones by statement: unknown, cycle
INSERT INTO am_users VALUES (40, 41), (41, 40), (42, 4242), (43, 43);
SELECT member_id, sponsor_key, problem FROM am.orphan WHERE member_id >= 40 ORDER BY 1;
UPDATE am_users SET up = 4343 WHERE id = 41;
SELECT am_tree('am');
SELECT fails($$UPDATE am_users SET up = 14 WHERE id = 10$$);
SELECT detach_members('am', 'am_users');
DROP TABLE am_users;
SELECT am_drop('am');

-- an empty key, a time that is none
SELECT create_program('am', 'CNY', time_zone => 'UTC');
CREATE TABLE am_users (id text, up text, at timestamptz);
SELECT attach_members('am', 'am_users', 'id', 'up', joined_at => 'at');
SELECT fails($$INSERT INTO am_users VALUES ('', NULL)$$);
SELECT fails($$INSERT INTO am_users VALUES ('a', '')$$);
SELECT fails($$INSERT INTO am_users VALUES ('a', NULL, 'infinity')$$);
SELECT fails($$INSERT INTO am_users VALUES (NULL, NULL)$$);
DROP TABLE am_users;
SELECT am_drop('am');

-- cycles and unknown sponsors of keys
SELECT create_program('am', 'CNY', time_zone => 'UTC');
CREATE TABLE am_users (id text, up text);
INSERT INTO am_users VALUES ('a', 'b'), ('b', 'a'), ('c', 'c'), ('d', 'nobody'), ('e', 'd');
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
DELETE FROM am_users WHERE id = 'd';
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
DELETE FROM am_users WHERE id = 'e';
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
INSERT INTO am_users VALUES ('d', 'nobody'), ('e', 'd');
SET client_min_messages = error;
SELECT attach_members('am', 'am_users', 'id', 'up', orphans => 'root');
RESET client_min_messages;
SELECT member_key, depth(path), state FROM am.member ORDER BY 1;
SELECT member_key, o.sponsor_key, problem FROM am.orphan o JOIN am.member USING (member_id) ORDER BY 1;
SELECT detach_members('am', 'am_users');
DROP TABLE am_users;
SELECT am_drop('am');

--
-- Ids at the edges
--
SELECT create_program('am', 'CNY', time_zone => 'UTC');
CREATE TABLE am_users (id bigint, up bigint);
SELECT attach_members('am', 'am_users', 'id', 'up');
INSERT INTO am_users VALUES (9223372036854775807, 0), (0, NULL);
SELECT am_tree('am');
SELECT fails($$INSERT INTO am_users VALUES (-1, NULL)$$);
SELECT fails($$INSERT INTO am_users VALUES (-9223372036854775808, NULL)$$);
SELECT fails($$INSERT INTO am_users VALUES (1, -1)$$);
SELECT fails($$INSERT INTO am_users VALUES (NULL, NULL)$$);
SELECT fails($$INSERT INTO am_users VALUES (1, 0), (1, 0)$$);
SELECT fails($$INSERT INTO am_users VALUES (1, 2)$$);
SELECT fails($$INSERT INTO am_users VALUES (0, 9223372036854775807)$$);
-- the same member again is nothing new
INSERT INTO am_users VALUES (9223372036854775807, 0);
SELECT am_tree('am'), am_history('am');
SELECT detach_members('am', 'am_users');
DROP TABLE am_users;
SELECT am_drop('am');

--
-- Depth
--
SELECT create_program('am', 'CNY', time_zone => 'UTC');
CREATE TABLE am_users (id bigint PRIMARY KEY, up bigint);
INSERT INTO am_users SELECT 10000000 + i, nullif(10000000 + i - 1, 10000000) FROM generate_series(1, 5000) i;
SELECT fails($$SELECT attach_members('am', 'am_users', 'id', 'up')$$);
DELETE FROM am_users WHERE id > 10000600;
SELECT attach_members('am', 'am_users', 'id', 'up');
SELECT max(depth(path)) FROM am.member;
SELECT fails($$INSERT INTO am_users SELECT 10000000 + i, 10000000 + i - 1 FROM generate_series(601, 1000) i$$);
SELECT max(depth(path)) FROM am.member;
-- a move counts for the deepest of the team
INSERT INTO am_users SELECT i, nullif(i - 1, 0) FROM generate_series(1, 200) i;
SELECT fails($$UPDATE am_users SET up = 10000600 WHERE id = 1$$);
SELECT fails($$UPDATE am_users SET up = 200 WHERE id = 10000001$$);
UPDATE am_users SET up = 10000300 WHERE id = 1;
UPDATE am_users SET up = 10000500 WHERE id = 1;
UPDATE am_users SET up = NULL WHERE id = 10000500;
SELECT max(depth(path)) FROM am.member;
SELECT detach_members('am', 'am_users');
DROP TABLE am_users;
SELECT am_drop('am');

--
-- Names
--
SELECT create_program('am', 'CNY', time_zone => 'UTC');
CREATE TABLE "Select" ("a""b" bigint PRIMARY KEY, "from" bigint, "o'clock at@noon" timestamptz, "back\slash" text);
SELECT attach_members('am', '"Select"', 'a"b', 'from', joined_at => 'o''clock at@noon', rank => 'back\slash');
INSERT INTO "Select" VALUES (1, NULL, '2020-01-01', 'x'), (2, 1, '2020-01-02', 'y');
UPDATE "Select" SET "back\slash" = 'z', "from" = NULL WHERE "a""b" = 2;
SELECT am_tree('am');
SELECT pause('am'), resume('am');
SELECT detach_members('am', '"Select"');
DROP TABLE "Select";
SELECT am_drop('am');
SELECT create_program(repeat('n', 63), 'CNY', time_zone => 'UTC') AS long;
DO $$
BEGIN
	EXECUTE format('CREATE TABLE %I (%I bigint, %I bigint)', repeat('表', 21), repeat('号', 21), repeat('u', 63));
	PERFORM attach_members(repeat('n', 63), repeat('表', 21)::regclass, repeat('号', 21), repeat('u', 63));
	EXECUTE format('INSERT INTO %I VALUES (1, NULL), (2, 1)', repeat('表', 21));
	RAISE NOTICE '%', am_tree(repeat('n', 63));
	EXECUTE format('DROP TABLE %I', repeat('表', 21));
	PERFORM am_drop(repeat('n', 63));
END
$$;
-- generated and identity columns, and domains over them
SELECT create_program('am', 'CNY', time_zone => 'UTC');
CREATE TABLE am_users (no int GENERATED ALWAYS AS IDENTITY, up am_id, key am_key GENERATED ALWAYS AS (no + 100) STORED, level text GENERATED ALWAYS AS ('level ' || no) STORED);
SELECT attach_members('am', 'am_users', 'key', 'up', rank => 'level');
INSERT INTO am_users (up) VALUES (NULL), (101), (102);
SELECT am_tree('am');
DROP TABLE am_users;
SELECT am_drop('am');

--
-- Without a column of states, states are set by call; but who is there and
-- who is not, the table says
--
SELECT create_program('am_state', 'CNY', time_zone => 'UTC');
CREATE TABLE am_state_users (id bigint PRIMARY KEY, up bigint);
INSERT INTO am_state_users VALUES (1, NULL), (2, 1), (3, 2);
SELECT attach_members('am_state', 'am_state_users', 'id', 'up');
SELECT set_state('am_state', 2, 'frozen'), set_rank('am_state', 2, 'gold');
SELECT am_tree('am_state');
SELECT fails($$SELECT set_state('am_state', 2, 'left')$$);
SELECT fails($$SELECT set_state('am_state', 2, 'left', 'sponsor')$$);
SELECT fails($$SELECT add_member('am_state', 4, 1)$$);
SELECT fails($$SELECT move_member('am_state', 3, 1)$$);
-- what was set by call stays
UPDATE am_state_users SET up = 1 WHERE id = 3;
SELECT pause('am_state'), resume('am_state');
SELECT attach_members('am_state', 'am_state_users', 'id', 'up');
SELECT am_tree('am_state');
SELECT set_state('am_state', 2, 'active');

--
-- A table that comes back: who has gone from it meanwhile has left
--
SELECT detach_members('am_state', 'am_state_users');
DELETE FROM am_state_users WHERE id = 2;
INSERT INTO am_state_users VALUES (4, 3);
SELECT attach_members('am_state', 'am_state_users', 'id', 'up');
SELECT am_tree('am_state'), am_history('am_state');
-- what the call for a table that is attached does not say
SET session_replication_role = replica;
DELETE FROM am_state_users WHERE id = 4;
RESET session_replication_role;
SELECT attach_members('am_state', 'am_state_users', 'id', 'up');
SELECT am_tree('am_state');
-- more than one, one of them added by call meanwhile; while paused, resume does it
SELECT detach_members('am_state', 'am_state_users');
SELECT add_member('am_state', 5, 3);
SELECT attach_members('am_state', 'am_state_users', 'id', 'up');
SELECT am_tree('am_state');
SELECT detach_members('am_state', 'am_state_users'), pause('am_state');
DELETE FROM am_state_users WHERE id = 3;
SELECT attach_members('am_state', 'am_state_users', 'id', 'up');
SELECT am_tree('am_state');
SELECT resume('am_state');
SELECT am_tree('am_state');
-- and they come back, one by one
INSERT INTO am_state_users VALUES (3, 1);
INSERT INTO am_state_users VALUES (4, 3);
SELECT am_tree('am_state');
SELECT am_drop('am_state');
DROP TABLE am_state_users;
-- members that a table attached for the first time does not have stay
SELECT create_program('am_state', 'CNY', time_zone => 'UTC');
SELECT add_member('am_state', 1), add_member('am_state', 7, 1);
CREATE TABLE am_state_users (id bigint PRIMARY KEY, up bigint);
INSERT INTO am_state_users VALUES (1, NULL), (2, 7);
SELECT attach_members('am_state', 'am_state_users', 'id', 'up');
SELECT am_tree('am_state');
SELECT am_drop('am_state');
-- tables that others inherit from are refused, partitioned ones are not
CREATE TABLE am_state_more () INHERITS (am_state_users);
SELECT create_program('am_state', 'CNY', time_zone => 'UTC');
SELECT fails($$SELECT attach_members('am_state', 'am_state_users', 'id', 'up')$$);
-- the table that inherits is a table like any other
SELECT attach_members('am_state', 'am_state_more', 'id', 'up');
INSERT INTO am_state_more VALUES (3, NULL);
SELECT am_tree('am_state');
SELECT detach_members('am_state', 'am_state_more');
DROP TABLE am_state_more;

--
-- A program that is gone leaves its triggers behind
--
SELECT attach_members('am_state', 'am_state_users', 'id', 'up', orphans => 'root');
SELECT am_drop('am_state');
SELECT fails('INSERT INTO am_state_users VALUES (9, NULL)');
SELECT fails('UPDATE am_state_users SET up = NULL');
SELECT fails('DELETE FROM am_state_users');
SELECT fails('TRUNCATE am_state_users');
SELECT detach_members('am_state', 'am_state_users');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'am_state_users'::regclass;
INSERT INTO am_state_users VALUES (9, NULL);
SELECT fails($$SELECT detach_members('am_state', 'am_state_users')$$);
-- not by somebody who does not own the table
CREATE ROLE regress_am_clerk;
SET ROLE regress_am_clerk;
SELECT fails($$SELECT detach_members('am_state', 'am_state_users')$$);
RESET ROLE;
DROP ROLE regress_am_clerk;
DROP TABLE am_state_users;

DROP FUNCTION am_tree(text), am_history(text, int), am_drop(text);
DROP TYPE am_rank, am_letter;
DROP DOMAIN am_key, am_id;
