--
-- Programs and their plans: create_program, set_plan, the worked example
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY sqlstate

-- what a statement that fails says, without its context
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

--
-- The example of the README, as written
--
CREATE TABLE users  (id bigint PRIMARY KEY, inviter_id bigint REFERENCES users);
CREATE TABLE orders (id bigint PRIMARY KEY, buyer_id bigint NOT NULL REFERENCES users,
                     amount numeric(12,2) NOT NULL, status text NOT NULL DEFAULT 'paid',
                     paid_at timestamptz NOT NULL DEFAULT now());

SELECT distributor.create_program('shop', currency => 'CNY');
SELECT distributor.attach_members('shop', 'users', id => 'id', sponsor => 'inviter_id');
SELECT distributor.set_plan('shop', '{"rules": [
   {"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}');
SELECT distributor.attach_orders('shop', 'orders', key => 'id', member => 'buyer_id', amount => 'amount',
                                 occurred_at => 'paid_at', status => 'status', paid => '{paid,done}');

INSERT INTO users  VALUES (1, NULL), (2, 1), (3, 2), (4, 3);
INSERT INTO orders VALUES (100, 4, 100.00);

SELECT member_id, rule, level, amount FROM shop.earnings WHERE order_key = '100' ORDER BY level;
SELECT rule, level, member_id, base, rate, amount, reason, explanation FROM distributor.explain('shop', '100');
SELECT member_id, level, path, personal_volume, team_volume FROM distributor.team('shop', 1);
SELECT member_id, member_key, currency, balance, entries FROM shop.balance WHERE member_id = 2;
SELECT member_id, depth, path, frontline, downline, personal_volume FROM shop.team ORDER BY path;
SELECT sale_id, member_id, plan_version, order_source_id, order_key, amount, currency, path, path_ranks, path_states, attributes, author FROM shop.sale;

-- sales that are booked to their seller: the same with "self"
SELECT set_plan('shop', '{"rules": [{"name": "sales", "kind": "unilevel", "self": "20%", "levels": ["5%", "3%"]}]}');
INSERT INTO orders VALUES (101, 4, 100.00);
SELECT member_id, rule, level, amount FROM shop.earnings WHERE order_key = '101' ORDER BY level;

-- it goes away like any schema; the tables of the user stay as they were
SELECT detach_members('shop', 'users'), detach_orders('shop', 'orders');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid IN ('users'::regclass, 'orders'::regclass) AND NOT tgisinternal;
INSERT INTO orders VALUES (102, 4, 100.00);
SELECT count(*) AS sales FROM shop.sale;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
RESET client_min_messages;
DROP TABLE orders, users;

--
-- create_program: its tables and views
--
SELECT create_program('program_t', 'CNY', time_zone => 'Asia/Shanghai');
SELECT version, currency, time_zone, key_type, paused_at, created_at = now() AS now FROM program_t.program;
SELECT table_name, string_agg(column_name || ' ' || data_type || CASE is_nullable WHEN 'NO' THEN '!' ELSE '' END, ', ' ORDER BY ordinal_position) AS columns
FROM information_schema.columns WHERE table_schema = 'program_t' GROUP BY table_name ORDER BY table_name;
SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'program_t'::regnamespace AND relkind = 'v' ORDER BY relname;
-- every object says what it is
SELECT relname FROM pg_class WHERE relnamespace = 'program_t'::regnamespace AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL;
-- the sequences belong to their columns
SELECT pg_get_serial_sequence('program_t.member', 'member_id') AS member, pg_get_serial_sequence('program_t.sale', 'sale_id') AS sale,
       pg_get_serial_sequence('program_t.ledger', 'entry_id') AS ledger;
-- every table is guarded
SELECT c.relname, string_agg(t.tgname || ' ' || t.tgenabled::text, ', ' ORDER BY t.tgname) AS triggers
FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
WHERE c.relnamespace = 'program_t'::regnamespace AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname;

-- nobody changes them directly, the superuser included
CREATE FUNCTION pg_temp.try(statement text) RETURNS text LANGUAGE sql AS $$
	SELECT split_part(public.fails(statement), E'\n', 1)
$$;
SELECT relname, pg_temp.try(format('INSERT INTO program_t.%I DEFAULT VALUES', relname)) AS inserted,
       pg_temp.try(format('DELETE FROM program_t.%I', relname)) AS deleted,
       pg_temp.try(format('TRUNCATE program_t.%I', relname)) AS truncated
FROM pg_class WHERE relnamespace = 'program_t'::regnamespace AND relkind = 'r' ORDER BY relname \gx
SELECT fails('UPDATE program_t.member SET rank = NULL');
SELECT fails('UPDATE program_t.ledger SET amount = 0');
SELECT fails('INSERT INTO program_t.ledger DEFAULT VALUES');
SELECT fails('SELECT guard()');
CREATE TABLE program_unguarded (i int);
CREATE TRIGGER guard BEFORE INSERT ON program_unguarded EXECUTE FUNCTION distributor.guard();
-- on a table outside of programs it just refuses
SELECT split_part(fails('INSERT INTO program_unguarded VALUES (1)'), ':', 1);
DROP TABLE program_unguarded;

-- a program without settings, or without one of its tables
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL session_replication_role = replica;
DELETE FROM program_t.program;
SET LOCAL session_replication_role = origin;
SELECT fails($$SELECT add_member('program_t', 1)$$);
ROLLBACK;
BEGIN;
DROP TABLE program_t.orphan;
SELECT fails($$SELECT add_member('program_t', 1)$$);
ROLLBACK;
SELECT fails($$SELECT add_member('program_nowhere', 1)$$);
SELECT fails($$SELECT add_member('public', 1)$$);
SELECT fails($$SELECT add_member('pg_catalog', 1)$$);
SELECT fails($$SELECT add_member('', 1)$$);
SELECT fails($$SELECT add_member(NULL, 1)$$);
SELECT fails($$SELECT set_plan('program_nowhere', '{"rules": []}')$$);
SELECT fails($$SELECT * FROM explain('program_nowhere', '1')$$);
SELECT fails($$SELECT pause('program_nowhere')$$);

-- code of others on the tables is not run with the rights of whoever orders
CREATE FUNCTION program_spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''spy''; RETURN NULL; END';
BEGIN;
CREATE TRIGGER spy AFTER INSERT ON program_t.member FOR EACH ROW EXECUTE FUNCTION program_spy();
SELECT fails($$SELECT add_member('program_t', 1)$$);
ROLLBACK;
BEGIN;
ALTER TABLE program_t.member_history ADD UNIQUE (member_id, revision, change) DEFERRABLE;
SELECT split_part(fails($$SELECT add_member('program_t', 1)$$), E'\n', 1) AS refused;
ROLLBACK;
BEGIN;
CREATE RULE spy AS ON INSERT TO program_t.member DO ALSO NOTIFY spy;
SELECT fails($$SELECT add_member('program_t', 1)$$);
ROLLBACK;
BEGIN;
CREATE ROLE regress_program_other;
ALTER TABLE program_t.sale OWNER TO regress_program_other;
SELECT fails($$SELECT add_member('program_t', 1)$$);
ROLLBACK;
DROP FUNCTION program_spy();

--
-- create_program: arguments that are refused
--
SELECT fails($$SELECT create_program('program_t', 'CNY')$$);
SELECT fails($$SELECT create_program('distributor', 'CNY')$$);
SELECT fails($$SELECT create_program('pg_mine', 'CNY')$$);
SELECT fails($$SELECT create_program('', 'CNY')$$);
SELECT fails($$SELECT create_program(repeat('x', 64), 'CNY')$$);
SELECT fails($$SELECT create_program(repeat('x', 1000), 'CNY')$$);
SELECT fails($$SELECT create_program(repeat('店', 22), 'CNY')$$);
SELECT fails($$SELECT create_program(NULL, 'CNY')$$);
SELECT fails($$SELECT create_program('program_x', NULL)$$);
SELECT fails($$SELECT create_program('program_x', 'CNY', key_type => NULL)$$);
SELECT fails($$SELECT create_program('program_x', 'CNY', key_type => 'uuid')$$);
SELECT fails($$SELECT create_program('program_x', 'CNY', key_type => '')$$);
SELECT fails($$SELECT create_program('program_x', 'CNY', time_zone => 'Asia/Peking')$$);
SELECT fails($$SELECT create_program('program_x', 'CNY', time_zone => '')$$);
SELECT fails($$SELECT create_program('program_x', 'cny')$$);
SELECT fails($$SELECT create_program('program_x', '')$$);
SELECT fails($$SELECT create_program('program_x', E'CNY\n')$$);
SELECT fails($$SELECT create_program('program_x', 'C''NY')$$);
SELECT fails($$SELECT create_program('program_x', 'ABCDEFGHIJKLMNOPQ')$$);
SELECT fails($$SELECT create_program('program_x')$$);
SELECT count(*) AS left_behind FROM pg_namespace WHERE nspname LIKE 'program\_x%' OR nspname LIKE 'pg\_mine';

--
-- Odd names, each a program with a table, a sale and its reports
--
CREATE TABLE program_names (n int, name text);
INSERT INTO program_names VALUES
	(1, 'Program "P" O''Brien'), (2, E'program\nof two lines'), (3, 'program--''; DROP TABLE program_names; --'),
	(4, '$$program$$'), (5, 'program\n\'), (6, repeat('店', 21)), (7, 'PROGRAM_T'), (8, 'program_%I%s$1'),
	(9, '@program@@table@@literal@'), (10, 'select'), (11, ' '), (12, 'program.t'), (13, repeat('p', 62) || '1'), (14, repeat('p', 62) || '2');
CREATE TABLE program_users (id bigint PRIMARY KEY, sponsor bigint);
CREATE TABLE program_orders (id bigint PRIMARY KEY, buyer bigint, amount numeric);
DO $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT p.name FROM program_names p ORDER BY n LOOP
		PERFORM create_program(name, 'CNY', time_zone => 'UTC');
		PERFORM set_plan(name, '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}');
		PERFORM attach_members(name, 'program_users', 'id', 'sponsor');
		PERFORM attach_orders(name, 'program_orders', 'id', 'buyer', 'amount');
	END LOOP;
END
$$;
-- all of them hear the same tables
INSERT INTO program_users VALUES (1, NULL), (2, 1), (3, 2);
UPDATE program_users SET sponsor = 1 WHERE id = 3;
INSERT INTO program_orders VALUES (1, 3, 100);
CREATE FUNCTION program_earnings(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(member_id::text || '' '' || amount, '', '' ORDER BY level) FROM %I.earnings', name) INTO result;
	RETURN result;
END
$$;
SELECT n, program_earnings(name) AS earnings,
       (SELECT string_agg(path::text, ' ' ORDER BY path) FROM team(name, 1)) AS team,
       (SELECT string_agg(amount::text, ' ' ORDER BY level) FROM explain(name, '1')) AS explained,
       pause(name) IS NOT NULL AS paused, resume(name) AS resumed
FROM program_names ORDER BY n;
-- a program is dropped alone; the others go on, the trigger of the dropped one says so
SELECT detach_members(name, 'program_users') IS NOT NULL AS detached, detach_orders(name, 'program_orders') IS NOT NULL AS detached FROM program_names WHERE n < 12;
SET client_min_messages = warning;
DROP SCHEMA "program.t" CASCADE;
RESET client_min_messages;
SELECT fails($$INSERT INTO program_users VALUES (4, 1)$$);
SELECT fails($$SELECT detach_members('program.t', 'program_users')$$);
DROP TABLE program_users, program_orders;
DO $$
DECLARE
	name text;
BEGIN
	SET LOCAL client_min_messages = warning;
	FOR name IN SELECT p.name FROM program_names p ORDER BY n LOOP
		EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', name);
	END LOOP;
END
$$;
DROP TABLE program_names;
DROP FUNCTION program_earnings(text);

-- text that is not what the server reads in strings by default
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET quote_all_identifiers = on;
SELECT create_program(E'program\\x''', 'CNY');
SELECT set_plan(E'program\\x''', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT add_member(E'program\\x''', 1), add_member(E'program\\x''', 2, 1), record_sale(E'program\\x''', 'A', 2, 10);
SELECT member_id, amount FROM "program\x'".earnings;
RESET quote_all_identifiers;
RESET escape_string_warning;
RESET standard_conforming_strings;
SET client_min_messages = warning;
DROP SCHEMA "program\x'" CASCADE;
RESET client_min_messages;

--
-- Plans
--
-- no plan yet
SELECT add_member('program_t', 1), add_member('program_t', 2, 1);
SELECT fails($$SELECT record_sale('program_t', 'A', 2, 100, occurred_at => '2020-01-01')$$);
-- the first is valid from -infinity on
SELECT set_plan('program_t', '{"rules": [{"name": "one", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT record_sale('program_t', 'old', 2, 100, occurred_at => '1999-12-31');
-- the next ones from now on
SELECT set_plan('program_t', '{"rules": [{"name": "two", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT version, valid_from = '-infinity' AS always, valid_from = created_at AS created, created_by = session_user AS by_me, document FROM program_t.plan ORDER BY version;
-- an order that comes late is paid by the plan of its time
SELECT record_sale('program_t', 'late', 2, 100, occurred_at => '2001-01-01');
SELECT record_sale('program_t', 'now', 2, 100);
-- so is one that occurs at the very beginning of a plan, just before, or between two
SELECT set_plan('program_t', '{"rules": [{"name": "three", "kind": "unilevel", "levels": ["30%"]}]}', '2200-01-01');
SELECT set_plan('program_t', '{"rules": [{"name": "between", "kind": "unilevel", "levels": ["25%"]}]}', '2100-01-01');
SELECT record_sale('program_t', 'edge', 2, 100, occurred_at => '2200-01-01');
SELECT record_sale('program_t', 'before', 2, 100, occurred_at => '2199-12-31 23:59:59.999999');
SELECT record_sale('program_t', 'between', 2, 100, occurred_at => '2150-01-01');
SELECT e.order_key, s.plan_version, e.rule, e.amount FROM program_t.earnings e JOIN program_t.sale s USING (sale_id) ORDER BY sale_id;
-- a plan that begins in the past: not where sales have been posted since
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["1%"]}]}', '2000-01-01')$$)
	~ E'^55000: sales since .* have been posted already\nD: Order "(late|now|edge|before|between)", for one, was posted by version [1-4] of the plan\\.\nH: Let the plan begin now or later\\.$' AS refused;
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["1%"]}]}', 'infinity')$$);
-- the same beginning twice
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["1%"]}]}', '2200-01-01')$$);
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["1%"]}]}', '-infinity')$$);
SELECT fails($$SELECT set_plan('program_t', NULL)$$);
SELECT fails($$SELECT set_plan(NULL, '{"rules": []}')$$);
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "levels": [20]}]}')$$);
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"kind": "unilevel", "levels": ["20%"]}]}')$$);
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["60%", "50%"]}]}')$$);
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["60%"], "levels": ["50%"]}]}')$$);
SELECT fails($$SELECT set_plan('program_t', '{"rules": [{"name": "p", "kind": "unilevel", "leveles": ["60%"]}]}')$$);
SELECT fails($$SELECT set_plan('program_t', 'null')$$);
SELECT fails($$SELECT set_plan('program_t', '{')$$);
SELECT count(*) AS versions FROM program_t.plan;
-- with no sale since, one may begin in the past, before the first
SELECT create_program('program_u', 'POINTS', time_zone => 'UTC', key_type => 'text');
SELECT fails($$SELECT set_plan('program_u', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["1%"]}]}')$$);
SELECT set_plan('program_u', '{"currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "p", "kind": "unilevel", "levels": ["50%"]}]}', '2020-01-01');
SELECT set_plan('program_u', '{"currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "q", "kind": "unilevel", "levels": ["90%"]}]}', '2010-01-01');
SELECT fails($$SELECT record_sale('program_u', 'A', 'x', 1, occurred_at => '2009-01-01')$$);
-- two programs side by side: the same ids and keys in both
SELECT add_member('program_u', '1'), add_member('program_u', '2', '1');
SELECT record_sale('program_u', 'old', '2', 100, occurred_at => '2011-01-01');
SELECT fails($$SELECT record_sale('program_u', 'older', '2', 100, occurred_at => '2009-01-01')$$);
SELECT order_key, member_id, amount, currency FROM program_u.earnings;
SELECT order_key, member_id, amount, currency FROM program_t.earnings WHERE order_key = 'old';
SELECT fails($$SELECT move_member('program_u', 'x', '1')$$);

-- a version that was rolled back comes again with other content
BEGIN;
SELECT set_plan('program_u', '{"currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "first", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT record_sale('program_u', 'B', '2', 100);
SELECT rule, amount FROM program_u.earnings WHERE order_key = 'B';
ROLLBACK;
SELECT set_plan('program_u', '{"currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "again", "kind": "unilevel", "levels": ["11%"]}]}');
SELECT record_sale('program_u', 'B', '2', 100);
SELECT rule, amount FROM program_u.earnings WHERE order_key = 'B';
-- a program that was dropped and made again has plans of its own
SET client_min_messages = warning;
DROP SCHEMA program_u, program_t CASCADE;
RESET client_min_messages;
SELECT create_program('program_u', 'CNY', time_zone => 'UTC');
SELECT set_plan('program_u', '{"rules": [{"name": "new", "kind": "unilevel", "levels": ["7%"]}]}');
SELECT add_member('program_u', 1), add_member('program_u', 2, 1), record_sale('program_u', 'B', 2, 100);
SELECT rule, amount, currency FROM program_u.earnings;
-- rolled back, it leaves nothing
BEGIN;
SELECT create_program('program_v', 'CNY', time_zone => 'UTC');
ROLLBACK;
SELECT count(*) FROM pg_namespace WHERE nspname = 'program_v';

--
-- Sales of the future hinder no plan
--
SELECT create_program('program_f', 'CNY', time_zone => 'UTC');
SELECT add_member('program_f', 1), add_member('program_f', 2, 1);
SELECT set_plan('program_f', '{"rules": [{"name": "one", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT record_sale('program_f', 'future', 2, 100, occurred_at => '2100-01-01') > 0 AS posted;
-- a plan from now on is in force for what its own transaction sells
BEGIN;
SELECT set_plan('program_f', '{"rules": [{"name": "two", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT record_sale('program_f', 'now', 2, 100) > 0 AS posted;
COMMIT;
-- and a plan that begins in the future, before or after that sale, too
SELECT set_plan('program_f', '{"rules": [{"name": "three", "kind": "unilevel", "levels": ["30%"]}]}', '2099-01-01'),
	set_plan('program_f', '{"rules": [{"name": "four", "kind": "unilevel", "levels": ["40%"]}]}', '2101-01-01');
-- what was posted keeps its plan, also when it is told again
SELECT record_sale('program_f', 'future', 2, 100, occurred_at => '2100-01-01') > 0 AS same;
SELECT order_key, rule, amount FROM program_f.earnings ORDER BY entry_id;
SELECT fails($$SELECT set_plan('program_f', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["1%"]}]}', '2020-01-01')$$) ~ '^55000' AS refused;
-- two plans in one transaction
BEGIN;
SELECT set_plan('program_f', '{"rules": [{"name": "five", "kind": "unilevel", "levels": ["50%"]}]}'), set_plan('program_f', '{"rules": [{"name": "six", "kind": "unilevel", "levels": ["60%"]}]}');
COMMIT;
SELECT record_sale('program_f', 'last', 2, 100) > 0 AS posted;
SELECT rule, amount FROM program_f.earnings WHERE order_key = 'last';

--
-- drop_program: the tables of the user stay, free of triggers
--
CREATE TABLE program_users (id bigint PRIMARY KEY, up bigint);
CREATE TABLE program_orders (id bigint, buyer bigint, amount numeric) PARTITION BY RANGE (id);
CREATE TABLE program_orders_1 PARTITION OF program_orders FOR VALUES FROM (0) TO (1000);
CREATE TABLE program_more (id text PRIMARY KEY, buyer bigint, amount numeric);
CREATE TABLE program_gone (id text PRIMARY KEY, buyer bigint, amount numeric);
INSERT INTO program_users VALUES (1, NULL), (2, 1);
SELECT attach_members('program_f', 'program_users', 'id', 'up');
SELECT attach_orders('program_f', t, 'id', 'buyer', 'amount') FROM unnest('{program_orders,program_more,program_gone}'::regclass[]) t;
DROP TABLE program_gone;
INSERT INTO program_orders VALUES (1, 2, 10);
SELECT count(*) > 0 AS triggers FROM pg_trigger WHERE tgname ~ 'program_f';
-- by whom
CREATE ROLE regress_program_owner;
CREATE ROLE regress_program_user;
GRANT USAGE ON SCHEMA program_f TO regress_program_user;
SET ROLE regress_program_user;
SELECT fails($$SELECT drop_program('program_f')$$);
RESET ROLE;
BEGIN;
DO $$
DECLARE
	t record;
BEGIN
	ALTER SCHEMA program_f OWNER TO regress_program_owner;
	FOR t IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'program_f'::regnamespace AND c.relkind IN ('r', 'v') LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO regress_program_owner', t.name);
	END LOOP;
END
$$;
SET LOCAL ROLE regress_program_owner;
-- the triggers are those of the tables' owner
SELECT fails($$SELECT drop_program('program_f')$$);
SELECT count(*) > 0 AS triggers FROM pg_trigger WHERE tgname ~ 'program_f';
-- once they are gone, the program can go
RESET ROLE;
SELECT detach_members('program_f', 'program_users'), detach_orders('program_f', 'program_orders'), detach_orders('program_f', 'program_more');
SET LOCAL ROLE regress_program_owner;
SET LOCAL client_min_messages = warning;
SELECT drop_program('program_f');
ROLLBACK;
DROP OWNED BY regress_program_user, regress_program_owner;
DROP ROLE regress_program_owner, regress_program_user;
-- paused or not, in a transaction that is rolled back
SET client_min_messages = warning;
BEGIN;
SELECT pause('program_f'), drop_program('program_f');
ROLLBACK;
INSERT INTO program_orders VALUES (2, 2, 10);
SELECT count(*) AS sales FROM program_f.sale WHERE order_key IN ('1', '2');
SELECT drop_program('program_f');
RESET client_min_messages;
SELECT count(*) AS schemas FROM pg_namespace WHERE nspname = 'program_f';
SELECT count(*) AS triggers FROM pg_trigger t WHERE t.tgrelid IN ('program_users'::regclass, 'program_orders'::regclass, 'program_orders_1'::regclass, 'program_more'::regclass) AND NOT t.tgisinternal;
INSERT INTO program_users VALUES (3, 1);
INSERT INTO program_orders VALUES (3, 3, 10);
INSERT INTO program_orders_1 VALUES (4, 3, 10);
INSERT INTO program_more VALUES ('5', 3, 10);
UPDATE program_orders SET amount = 11;
DELETE FROM program_users;
TRUNCATE program_orders, program_more;
SELECT fails($$SELECT drop_program('program_f')$$);
SELECT fails($$SELECT drop_program('public')$$);
SELECT fails($$SELECT drop_program('')$$);
SELECT drop_program(NULL) IS NULL AS nothing;
-- the name is free again
SELECT create_program('program_f', 'CNY', time_zone => 'UTC');
SELECT attach_members('program_f', 'program_users', 'id', 'up');
SET client_min_messages = warning;
SELECT drop_program('program_f');
RESET client_min_messages;
DROP TABLE program_users, program_orders, program_more;

--
-- Time zones: the session's, as the server writes it
--
CREATE FUNCTION program_zone(zone text) RETURNS text LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
	result text;
BEGIN
	PERFORM create_program('program_z', 'CNY');
	PERFORM set_plan('program_z', '{"rules": [{"name": "one", "kind": "unilevel", "levels": ["10%"]}]}');
	PERFORM add_member('program_z', 1);
	CREATE TABLE program_z_orders (id int, buyer bigint, amount numeric, at timestamp);
	INSERT INTO program_z_orders VALUES (1, 1, 10, '2020-07-01 00:00');
	PERFORM attach_orders('program_z', 'program_z_orders', 'id', 'buyer', 'amount', occurred_at => 'at');
	SELECT p.time_zone || ': ' || (s.occurred_at AT TIME ZONE 'UTC') INTO result FROM program_z.program p, program_z.sale s;
	PERFORM drop_program('program_z');
	DROP TABLE program_z_orders;
	RETURN result;
END
$$;
SET timezone = '+8';
SELECT program_zone(NULL);
SET timezone = 'PST8PDT';
SELECT program_zone(NULL);
SET timezone = -3.5;
SELECT program_zone(NULL);
SET timezone = 'UTC';
SELECT fails(format($$SELECT create_program('program_z', 'CNY', time_zone => %L)$$, z)) FROM unnest(ARRAY['Mars/Olympus', ' ', 'UTC; DROP', '+25:99:99']) z;
DROP FUNCTION program_zone(text);

SET client_min_messages = warning;
DROP SCHEMA program_u CASCADE;
