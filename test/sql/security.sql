-- Who may do what, whose code runs as whom, and what an error leaves behind.
SET search_path = public, distributor;
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never

CREATE ROLE regress_distributor_owner;		-- of the program
CREATE ROLE regress_distributor_shop;		-- of the table of orders
CREATE ROLE regress_distributor_writer;		-- may insert orders, nothing else
CREATE ROLE regress_distributor_nobody;
SELECT current_database() AS db \gset
GRANT CREATE ON DATABASE :"db" TO regress_distributor_owner, regress_distributor_nobody;
CREATE SCHEMA security_own AUTHORIZATION regress_distributor_owner;
CREATE SCHEMA security_shop AUTHORIZATION regress_distributor_shop;
CREATE SCHEMA security_nobody AUTHORIZATION regress_distributor_nobody;
GRANT USAGE ON SCHEMA security_shop TO regress_distributor_writer, regress_distributor_owner, regress_distributor_nobody;

-- What a statement does as some role: "ok" and its first value, or the error.
CREATE FUNCTION security_try(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	EXECUTE statement INTO result;
	RESET ROLE;
	RETURN concat_ws(' ', 'ok', result);
EXCEPTION WHEN OTHERS THEN
	RESET ROLE;
	RETURN sqlstate || ' ' || sqlerrm;
END $$;

SET ROLE regress_distributor_owner;
SELECT create_program('security', 'CNY');
SELECT set_plan('security', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT add_member('security', 1), add_member('security', 2, sponsor => 1);
GRANT USAGE ON SCHEMA security TO regress_distributor_shop;
GRANT INSERT ON security.sale TO regress_distributor_shop;
SET ROLE regress_distributor_shop;
CREATE TYPE security_shop.status AS ENUM ('new', 'paid');
CREATE TABLE security_shop.orders (id text PRIMARY KEY, buyer int, amount numeric, status security_shop.status, note text);
-- a status that takes orders back needs the right to refund
SELECT attach_orders('security', 'security_shop.orders', 'id', 'buyer', 'amount', status => 'status', attributes => '{note,status}');
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_distributor_owner;
GRANT INSERT ON security.refund TO regress_distributor_shop;
SET ROLE regress_distributor_shop;
SELECT attach_orders('security', 'security_shop.orders', 'id', 'buyer', 'amount', status => 'status', attributes => '{note,status}');
GRANT INSERT ON security_shop.orders TO regress_distributor_writer;
RESET ROLE;

-- A writer of orders posts, and can do nothing else with the program.
SET ROLE regress_distributor_writer;
INSERT INTO security_shop.orders VALUES ('w1', 2, 100, 'paid');
RESET ROLE;
INSERT INTO security_shop.orders VALUES ('w2', 2, 100, 'paid');
SELECT order_key, member_id, amount FROM security.earnings ORDER BY order_key;
SELECT s.statement, security_try('regress_distributor_writer', s.statement)
  FROM (VALUES ('SELECT count(*) FROM security.ledger'), ('SELECT count(*) FROM security.earnings'),
			   ('INSERT INTO security.ledger DEFAULT VALUES'), ('UPDATE security.ledger SET amount = 0'),
			   ('ALTER TABLE security.ledger ADD x int'),
			   ($$SELECT record_sale('security', 'x', 2, 1)$$), ($$SELECT record_refund('security', 'w1', 'r')$$),
			   ('INSERT INTO security.refund DEFAULT VALUES'), ('INSERT INTO security.refund_posting DEFAULT VALUES'),
			   ($$SELECT post_sales('security')$$),
			   ($$SELECT add_member('security', 9)$$), ($$SELECT move_member('security', 2, NULL)$$),
			   ($$SELECT set_rank('security', 2, 'gold')$$), ($$SELECT set_state('security', 2, 'left')$$),
			   ($$SELECT set_plan('security', '{"rules": [{"name": "s", "kind": "unilevel", "self": "1%"}]}')$$), ($$SELECT pause('security')$$),
			   ($$SELECT resume('security')$$), ($$SELECT rule FROM explain('security', 'w1')$$),
			   ($$SELECT member_id FROM team('security', 1)$$),
			   ($$SELECT detach_orders('security', 'security_shop.orders')$$)) AS s(statement);

-- Nobody's table: not attached, whoever makes the trigger, also when one of that name was.
SET ROLE regress_distributor_nobody;
CREATE TABLE security_nobody.orders (id text, buyer int, amount numeric, status text, note text);
CREATE TRIGGER t AFTER INSERT ON security_nobody.orders REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION orders_changed('security');
INSERT INTO security_nobody.orders VALUES ('n1', 2, 1, 'paid');
\echo :LAST_ERROR_SQLSTATE
DROP TRIGGER t ON security_nobody.orders;
CREATE TRIGGER t AFTER INSERT ON security_nobody.orders REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION members_changed('security');
INSERT INTO security_nobody.orders VALUES ('n1', 2, 1, 'paid');
\echo :LAST_ERROR_SQLSTATE
SELECT attach_orders('security', 'security_nobody.orders', 'id', 'buyer', 'amount');
\echo :LAST_ERROR_SQLSTATE
SELECT attach_orders('security', 'security_shop.orders', 'id', 'buyer', 'amount');
\echo :LAST_ERROR_SQLSTATE
-- A table that one program knows, a trigger that names another.
DROP TRIGGER t ON security_nobody.orders;
SELECT create_program('security_other', 'CNY');
SELECT set_plan('security_other', '{"rules": [{"name": "sales", "kind": "unilevel", "self": "1%"}]}');
SELECT add_member('security_other', 2);
SELECT attach_orders('security_other', 'security_nobody.orders', 'id', 'buyer', 'amount');
CREATE TRIGGER t AFTER INSERT ON security_nobody.orders REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION orders_changed('security');
INSERT INTO security_nobody.orders VALUES ('n1', 2, 1, 'paid');
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM security_other.sale;
RESET ROLE;
BEGIN;
SET LOCAL ROLE regress_distributor_shop;
DROP TABLE security_shop.orders;
CREATE TABLE security_shop.orders (id text PRIMARY KEY, buyer int, amount numeric, status security_shop.status, note text);
CREATE TRIGGER t AFTER INSERT ON security_shop.orders REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION orders_changed('security');
INSERT INTO security_shop.orders VALUES ('w3', 2, 1, 'paid');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- To take the tree from a table is to move its members, too.
GRANT USAGE ON SCHEMA security TO regress_distributor_nobody;
GRANT INSERT ON security.member TO regress_distributor_nobody;
SET ROLE regress_distributor_nobody;
CREATE TABLE security_nobody.users (id bigint PRIMARY KEY, sponsor bigint);
SELECT attach_members('security', 'security_nobody.users', 'id', 'sponsor');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
REVOKE ALL ON security.member FROM regress_distributor_nobody;

-- The guard: no table of a program is changed past the functions.
SELECT t.name, security_try('regress_distributor_owner', format(s.statement, t.name)) AS by_owner,
	   security_try(current_user, format(s.statement, t.name)) = security_try('regress_distributor_owner', format(s.statement, t.name)) AS same_by_superuser
  FROM unnest(ARRAY['program', 'member', 'member_history', 'member_source', 'orphan', 'plan', 'order_source', 'sale', 'ledger']) AS t(name),
	   unnest(ARRAY['INSERT INTO security.%I DEFAULT VALUES', 'DELETE FROM security.%I WHERE false', 'TRUNCATE security.%I']) AS s(statement);
UPDATE security.ledger SET amount = 0 WHERE false;
\echo :LAST_ERROR_SQLSTATE
MERGE INTO security.ledger USING (VALUES (1)) v ON false WHEN MATCHED THEN DELETE;
\echo :LAST_ERROR_SQLSTATE
COPY security.ledger (amount) FROM stdin;
\.
\echo :LAST_ERROR_SQLSTATE
SET session_replication_role = replica;
UPDATE security.ledger SET amount = 0;
\echo :LAST_ERROR_SQLSTATE
RESET session_replication_role;

-- What only grows is guarded row by row: through a table that it inherits from,
-- and where statement triggers do not fire.
BEGIN;
SELECT count(*) > 0 AS any_rows FROM security.ledger;
CREATE FUNCTION security_parent(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	target text;
	result text := name;
	statement text;
BEGIN
	SELECT a.attname INTO target FROM pg_attribute a WHERE a.attrelid = ('security.' || name)::regclass AND a.attnum = 1;
	EXECUTE format('CREATE TABLE security.parent (LIKE security.%I INCLUDING CONSTRAINTS)', name);
	EXECUTE format('ALTER TABLE security.%I INHERIT security.parent', name);
	FOREACH statement IN ARRAY ARRAY[format('UPDATE security.parent SET %1$I = %1$I', target), 'DELETE FROM security.parent',
									 'TRUNCATE security.parent'] LOOP
		BEGIN
			EXECUTE statement;
			result := concat_ws(E'\n', result, 'no error');
		EXCEPTION WHEN OTHERS THEN
			result := concat_ws(E'\n', result, sqlstate || ' ' || sqlerrm);
		END;
	END LOOP;
	EXECUTE format('ALTER TABLE security.%I NO INHERIT security.parent', name);
	DROP TABLE security.parent;
	RETURN result;
END $$;
SELECT security_parent(t) FROM unnest('{ledger,sale,plan,member_history}'::text[]) t;
-- posting goes on below such a parent
CREATE TABLE security.parent (LIKE security.ledger);
ALTER TABLE security.ledger INHERIT security.parent;
INSERT INTO security_shop.orders VALUES ('i1', 2, 10, 'paid');
SELECT order_key, amount FROM security.earnings WHERE order_key = 'i1';
ROLLBACK;
SET session_replication_role = replica;
SELECT t, security_try(current_user, format('DELETE FROM security.%I', t)) AS deleted, security_try(current_user, format('TRUNCATE security.%I CASCADE', t)) AS truncated
  FROM unnest('{ledger,sale,plan,member_history}'::text[]) t;
SELECT security_try(current_user, 'UPDATE security.sale SET amount = 0') AS sale,
	   security_try(current_user, 'UPDATE security.plan SET document = document') AS plan,
	   security_try(current_user, 'UPDATE security.member_history SET state = state') AS history;
RESET session_replication_role;

-- Who catches up reads the orders, and locks those that it is going to post.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO security_shop.orders VALUES ('p1', 2, 10, 'paid');
SET LOCAL session_replication_role = origin;
GRANT USAGE ON SCHEMA security TO regress_distributor_writer;
GRANT INSERT ON security.sale TO regress_distributor_writer;
SELECT security_try('regress_distributor_writer', $$SELECT post_sales('security')$$) AS without_select;
GRANT SELECT ON security_shop.orders TO regress_distributor_writer;
SELECT security_try('regress_distributor_writer', $$SELECT post_sales('security')$$) AS without_update;
GRANT UPDATE (note) ON security_shop.orders TO regress_distributor_writer;
SELECT security_try('regress_distributor_writer', $$SELECT post_sales('security')$$) AS with_update_of_a_column;
REVOKE UPDATE (note) ON security_shop.orders FROM regress_distributor_writer;
SELECT security_try('regress_distributor_writer', $$SELECT post_sales('security')$$) AS nothing_to_post;
ROLLBACK;

-- Code of one program's owner, which runs while its program is written, opens
-- no other program; and a plan that it changes meanwhile stays as it was read.
SET ROLE regress_distributor_nobody;
SELECT record_sale('security_other', 'o1', 2, 100);
CREATE FUNCTION security_nobody.forge() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO security.sale (sale_id, member_id, occurred_at, plan_version, order_key, amount, currency, path, author)
	VALUES (-1, 2, now(), 1, 'forged', 1, 'CNY', '1.2', 'nobody');
	RETURN true;
END $$;
ALTER TABLE security_other.sale ADD CONSTRAINT forge CHECK (security_nobody.forge()) NOT VALID;
RESET ROLE;
GRANT INSERT ON security.sale TO regress_distributor_nobody;
SELECT security_try('regress_distributor_nobody', $$SELECT record_sale('security_other', 'o2', 2, 100)$$);
SELECT order_key FROM security.sale ORDER BY order_key;
REVOKE ALL ON security.sale FROM regress_distributor_nobody;
SET ROLE regress_distributor_nobody;
ALTER TABLE security_other.plan DISABLE TRIGGER USER;
CREATE OR REPLACE FUNCTION security_nobody.forge() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	UPDATE security_other.plan SET document = '{"rules": [{"name": "other", "kind": "unilevel", "levels": ["1%", "2%"], "self": "50%"}]}';
	PERFORM distributor.explain('security_other', 'o1');
	RETURN true;
END $$;
SELECT record_sale('security_other', 'o3', 2, 100);
SELECT rule, amount FROM security_other.earnings WHERE order_key = 'o3';
ALTER TABLE security_other.sale DROP CONSTRAINT forge;
-- Nor may it alter the tables that are being worked on.
CREATE OR REPLACE FUNCTION security_nobody.forge() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE security_other.plan ALTER document DROP NOT NULL;
	RETURN true;
END $$;
ALTER TABLE security_other.sale ADD CONSTRAINT forge CHECK (security_nobody.forge()) NOT VALID;
SELECT record_sale('security_other', 'o4', 2, 100);
\echo :LAST_ERROR_SQLSTATE
ALTER TABLE security_other.sale DROP CONSTRAINT forge;

-- An owner may alter the tables, but not make the server read what is not there.
CREATE FUNCTION security_nobody.altered(change text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE change;
	PERFORM distributor.record_sale('security_other', 'o9', 2, 1);
	RAISE EXCEPTION 'not refused';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ' ' || sqlerrm;
END $$;
SELECT security_nobody.altered(c)
  FROM unnest(ARRAY['ALTER TABLE security_other.program ALTER currency DROP NOT NULL',
					'ALTER TABLE security_other.program ALTER time_zone TYPE int USING 1',
					'ALTER TABLE security_other.sale ALTER attributes TYPE text',
					'ALTER TABLE security_other.order_source ALTER paid TYPE int USING 5',
					'ALTER TABLE security_other.order_source DROP since',
					'ALTER TABLE security_other.sale RENAME author TO writer',
					'CREATE TABLE security_nobody.child () INHERITS (security_other.member)',
					'ALTER TABLE security_other.orphan RENAME TO o; CREATE VIEW security_other.orphan AS SELECT * FROM security_other.o',
					'CREATE RULE r AS ON INSERT TO security_other.ledger DO ALSO NOTHING',
					'CREATE FUNCTION security_other.f() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN RETURN new; END$f$;'
					'CREATE TRIGGER t AFTER INSERT ON security_other.ledger FOR EACH ROW EXECUTE FUNCTION security_other.f()',
					'ALTER TABLE security_other.ledger ADD CONSTRAINT d UNIQUE (entry_id) DEFERRABLE',
					'ALTER TABLE security_other.ledger RENAME TO l;'
					'CREATE TABLE security_other.ledger (LIKE security_other.l INCLUDING ALL) PARTITION BY LIST (member_id);'
					'CREATE TABLE security_other.ledger_1 PARTITION OF security_other.ledger DEFAULT;'
					'CREATE FUNCTION security_other.f() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN RETURN new; END$f$;'
					'CREATE TRIGGER t AFTER INSERT ON security_other.ledger_1 FOR EACH ROW EXECUTE FUNCTION security_other.f()']) AS c;
ALTER TABLE security_other.member ADD note text;
SELECT record_sale('security_other', 'o9', 2, 1) IS NOT NULL AS more_columns_are_fine;
RESET ROLE;

-- The owner of a table of orders runs no code as whoever reads it.
SET ROLE regress_distributor_shop;
CREATE FUNCTION security_shop.cast_text(security_shop.status) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'code of the table''s owner runs as %', current_user;
	RETURN 'paid';
END $$;
CREATE CAST (security_shop.status AS text) WITH FUNCTION security_shop.cast_text(security_shop.status);
CREATE FUNCTION security_shop.cast_json(security_shop.status) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING 'code of the table''s owner runs as %', current_user;
	RETURN '"paid"';
END $$;
CREATE CAST (security_shop.status AS json) WITH FUNCTION security_shop.cast_json(security_shop.status);
INSERT INTO security_shop.orders VALUES ('c1', 2, 10, 'paid'), ('c2', 2, 10, 'new');
ALTER TABLE security_shop.orders DISABLE TRIGGER USER;
INSERT INTO security_shop.orders VALUES ('c3', 2, 10, 'paid');
ALTER TABLE security_shop.orders ENABLE TRIGGER USER;
RESET ROLE;
SELECT post_sales('security');
SELECT pause('security'), resume('security');
SELECT order_key, attributes FROM security.sale ORDER BY order_key;
SET ROLE regress_distributor_shop;
CREATE TYPE security_shop.pair AS (a text);
CREATE TABLE security_shop.more (id text PRIMARY KEY, buyer int, amount numeric, one security_shop.pair, many security_shop.status[]);
SELECT attach_orders('security', 'security_shop.more', 'id', 'buyer', 'amount', attributes => '{one}');
\echo :LAST_ERROR_SQLSTATE
SELECT attach_orders('security', 'security_shop.more', 'id', 'buyer', 'amount', attributes => '{many}');
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;

-- The program's owner can turn a table out; the table's owner then drops the triggers.
SET ROLE regress_distributor_owner;
SELECT detach_orders('security', 'security_shop.orders');
SET ROLE regress_distributor_shop;
INSERT INTO security_shop.orders VALUES ('d1', 2, 10, 'paid');
\echo :LAST_ERROR_SQLSTATE
SELECT detach_orders('security', 'security_shop.orders');
INSERT INTO security_shop.orders VALUES ('d1', 2, 10, 'new');
SELECT detach_orders('security', 'security_shop.orders');
\echo :LAST_ERROR_SQLSTATE
SELECT attach_orders('security', 'security_shop.orders', 'id', 'buyer', 'amount', status => 'status', attributes => '{note,status}');
INSERT INTO security_shop.orders VALUES ('d2', 2, 10, 'paid');
RESET ROLE;

-- What an error leaves: nothing, be it caught or not.
SET lock_timeout = '7s';
SELECT move_member('security', 1, 2);
\echo :LAST_ERROR_SQLSTATE
INSERT INTO security_shop.orders VALUES ('e1', 99, 10, 'paid');
\echo :LAST_ERROR_SQLSTATE
DO $$
BEGIN
	BEGIN
		INSERT INTO security_shop.orders VALUES ('e1', 99, 10, 'paid');
	EXCEPTION WHEN foreign_key_violation THEN
		RAISE WARNING '% % %', current_user = session_user, current_setting('search_path'), current_setting('lock_timeout');
	END;
	BEGIN
		DELETE FROM security.ledger;
	EXCEPTION WHEN object_not_in_prerequisite_state THEN
		RAISE WARNING 'the guard still stands';
	END;
END $$;
SELECT current_user = session_user AS same_user, current_setting('search_path') AS search_path, current_setting('lock_timeout') AS lock_timeout;
DELETE FROM security.ledger;
\echo :LAST_ERROR_SQLSTATE
RESET lock_timeout;

-- Settings of the writer change nothing of what is stored.
BEGIN;
CREATE TABLE security_forms (id int PRIMARY KEY, buyer int, amount numeric, f float8, i interval, b bytea, t timestamptz);
SELECT attach_orders('security', 'security_forms', 'id', 'buyer', 'amount', attributes => '{f,i,b,t}');
SET LOCAL extra_float_digits = -15;
SET LOCAL intervalstyle = 'iso_8601';
SET LOCAL datestyle = 'SQL, DMY';
SET LOCAL bytea_output = 'escape';
SET LOCAL timezone = 'Asia/Tokyo';
INSERT INTO security_forms VALUES (1, 2, 1, 0.1::float8 + 0.2, '1 day 02:00', '\xff00', '2026-01-01 00:00+00');
SELECT attributes FROM security.sale WHERE order_key = '1';
ROLLBACK;

-- Nothing that a session can make comes before the server's own.
CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT '1999-01-01'::timestamptz$$;
CREATE FUNCTION security_own.wrong(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR security_own.= (LEFTARG = text, RIGHTARG = text, FUNCTION = security_own.wrong);
CREATE TEMP TABLE ledger (LIKE security.ledger);
CREATE TEMP TABLE new_rows (id text, buyer int, amount numeric, status text, note text);
SET search_path = security_own, pg_temp, public, distributor, pg_catalog;
INSERT INTO security_shop.orders VALUES ('h1', 2, 10, 'paid');
SELECT record_sale('security', 'h2', 2, 10) IS NOT NULL AS recorded;
SET search_path = public, distributor;
SELECT order_key, amount, posted_at > '2000-01-01' AS in_time FROM security.earnings WHERE order_key ~ '^h' ORDER BY order_key;
DROP TABLE pg_temp.ledger, pg_temp.new_rows;

-- Names that look like something else, whatever strings mean to the session.
BEGIN;
CREATE FUNCTION security_name(name text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	result numeric;
BEGIN
	PERFORM create_program(name, 'CNY');
	PERFORM set_plan(name, '{"rules": [{"name": "sales", "kind": "unilevel", "self": "50%"}]}'), add_member(name, 1);
	EXECUTE format('CREATE TABLE %I.%I (%I int PRIMARY KEY, %I bigint, amount numeric)', 'security_own', name, name, name || '2');
	PERFORM attach_orders(name, format('%I.%I', 'security_own', name)::regclass, name, name || '2', 'amount', attributes => ARRAY[name]);
	EXECUTE format('INSERT INTO %I.%I VALUES (1, 1, 8)', 'security_own', name);
	PERFORM pause(name), resume(name);
	EXECUTE format('SELECT sum(balance) FROM %I.balance', name) INTO result;
	RETURN result;
END $$;
CREATE TEMP TABLE security_names AS
	SELECT n FROM unnest(ARRAY['a''b', 'a"b', 'a\b', 'a\''b', 'a@program@b', 'a@member', '$$', '$ddl$', 'a--b', E'a\nb', '%s %1$I', 'Select', '二']) AS n;
SELECT n, security_name(n) FROM security_names;
SET LOCAL standard_conforming_strings = off;
SET LOCAL escape_string_warning = off;
SELECT n, security_name(n || '_') FROM security_names WHERE n ~ '[\\\\'']' OR n = '$$';
ROLLBACK;

-- A role that may not even look into the extension's schema still posts.
BEGIN;
REVOKE USAGE ON SCHEMA distributor FROM PUBLIC;
GRANT USAGE ON SCHEMA distributor TO regress_distributor_owner;
SET LOCAL ROLE regress_distributor_writer;
INSERT INTO security_shop.orders VALUES ('u1', 2, 10, 'paid');
ROLLBACK;

-- The same text means other types once the extension has been made again.
BEGIN;
DROP EXTENSION distributor CASCADE;
DROP SCHEMA security CASCADE;
CREATE EXTENSION distributor;
SELECT create_program('security', 'CNY'), set_plan('security', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT add_member('security', 1), add_member('security', 2, sponsor => 1), record_sale('security', 'r1', 2, 10);
SELECT move_member('security', 2, NULL), explanation FROM explain('security', 'r1');
ROLLBACK;

DROP OPERATOR security_own.= (text, text);
DROP SCHEMA security, security_other, security_own, security_shop, security_nobody CASCADE;
DROP FUNCTION security_try;
REVOKE CREATE ON DATABASE :"db" FROM regress_distributor_owner, regress_distributor_nobody;
DROP ROLE regress_distributor_owner, regress_distributor_shop, regress_distributor_writer, regress_distributor_nobody;
