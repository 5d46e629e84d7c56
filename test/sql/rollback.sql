--
-- Work that is rolled back leaves nothing: no rows, no locks, no settings, no
-- other user, no right to write.
--
SET search_path = public, distributor;

CREATE TABLE rollback_users (id bigint PRIMARY KEY, inviter_id bigint);
CREATE TABLE rollback_orders (id bigint PRIMARY KEY, buyer_id bigint NOT NULL, amount numeric NOT NULL);
INSERT INTO rollback_users VALUES (1, NULL), (2, 1), (3, 1), (4, 2);
SELECT create_program('rollback', currency => 'CNY');
SELECT attach_members('rollback', 'rollback_users', id => 'id', sponsor => 'inviter_id');
SELECT set_plan('rollback', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT attach_orders('rollback', 'rollback_orders', key => 'id', member => 'buyer_id', amount => 'amount');

CREATE ROLE regress_rollback_clerk;
GRANT SELECT, INSERT, UPDATE ON rollback_users, rollback_orders TO regress_rollback_clerk;

-- Everything that could be left behind; the tree's lock is on "member" itself.
CREATE VIEW rollback_left AS
SELECT (SELECT count(*) FROM rollback.member) AS members,
	   (SELECT count(*) FROM rollback.member_history) AS history,
	   (SELECT count(*) FROM rollback.orphan) AS orphans,
	   (SELECT count(*) FROM rollback.sale) AS sales,
	   (SELECT count(*) FROM rollback.ledger) AS entries,
	   (SELECT count(*) FROM rollback.plan) AS plans;
CREATE VIEW rollback_held AS
SELECT CASE l.locktype WHEN 'object' THEN 'tree' ELSE c.relname::text END AS object, l.mode
  FROM pg_locks l
  JOIN pg_class c ON c.oid = coalesce(l.relation, l.objid) AND c.relnamespace = 'rollback'::regnamespace
 WHERE l.pid = pg_backend_pid() AND l.locktype IN ('relation', 'object') AND l.mode <> 'AccessShareLock'
   AND (l.locktype = 'relation' OR l.classid = 'pg_class'::regclass)
   AND c.relkind = 'r';
CREATE VIEW rollback_session AS
SELECT current_user = session_user AS same_user, current_setting('search_path') AS search_path,
	   current_setting('lock_timeout') AS lock_timeout,
	   (SELECT count(*) FROM pg_backend_memory_contexts
		 WHERE name IN ('distributor sales', 'distributor orders')) AS contexts;

-- The SQLSTATE and message of a statement; what it did is rolled back.
CREATE FUNCTION rollback_try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;

TABLE rollback_left;

-- To a savepoint, after work that succeeded: a join, a move, an order.
BEGIN;
SAVEPOINT a;
INSERT INTO rollback_users VALUES (9, 4);
INSERT INTO rollback_orders VALUES (100, 9, 100);
SELECT record_sale('rollback', 'A', 4, 100) IS NOT NULL AS recorded;
TABLE rollback_left;
TABLE rollback_held ORDER BY 1, 2;
ROLLBACK TO a;
TABLE rollback_left;
TABLE rollback_held;
UPDATE rollback_users SET inviter_id = 3 WHERE id = 2;
TABLE rollback_held ORDER BY 1, 2;
SELECT member_id, path FROM rollback.member ORDER BY path;
TABLE rollback_session;
ROLLBACK TO a;
TABLE rollback_held;
TABLE rollback_session;
-- what follows is not disturbed, and the same keys are free
INSERT INTO rollback_users VALUES (9, 3);
INSERT INTO rollback_orders VALUES (100, 9, 50);
SELECT member_id, path FROM rollback.member ORDER BY path;
SELECT order_key, member_id, amount FROM rollback.earnings;
ROLLBACK;
TABLE rollback_left;

-- After an error, with the rights of the owner, somewhere in between.
BEGIN;
SAVEPOINT a;
\set VERBOSITY sqlstate
INSERT INTO rollback_users VALUES (9, 4), (10, 99);
ROLLBACK TO a;
INSERT INTO rollback_orders VALUES (100, 4, 100), (101, 99, 100);
ROLLBACK TO a;
UPDATE rollback_users SET inviter_id = 4 WHERE id = 2;
ROLLBACK TO a;
SELECT record_sale('rollback', 'A', 4, 'NaN');
ROLLBACK TO a;
\set VERBOSITY default
TABLE rollback_left;
TABLE rollback_held;
TABLE rollback_session;
-- the guard is awake
SELECT rollback_try('DELETE FROM rollback.ledger');
SELECT rollback_try('INSERT INTO rollback.orphan (member_id, problem) VALUES (1, ''cycle'')');
COMMIT;

-- The same for a role without any right on the program, in exception blocks.
BEGIN;
SET LOCAL ROLE regress_rollback_clerk;
SELECT rollback_try('INSERT INTO rollback_users VALUES (9, 4), (10, 99)');
SELECT current_user, current_setting('search_path') AS search_path;
SELECT rollback_try('INSERT INTO rollback_orders VALUES (100, 4, 100), (101, 99, 100)');
SELECT current_user, current_setting('search_path') AS search_path;
SELECT rollback_try('UPDATE rollback_users SET inviter_id = 4 WHERE id = 2');
SELECT current_user, current_setting('search_path') AS search_path, current_setting('lock_timeout') AS lock_timeout;
SELECT rollback_try('SELECT FROM rollback.ledger');
RESET ROLE;
TABLE rollback_left;
TABLE rollback_held;
COMMIT;

-- A move's lock_timeout is gone with the move.
SELECT detach_members('rollback', 'rollback_users');
BEGIN;
SET LOCAL lock_timeout = '7s';
SELECT move_member('rollback', 2, 3, lock_timeout => '3 s');
TABLE rollback_session;
SELECT rollback_try('SELECT move_member(''rollback'', 3, 2, lock_timeout => ''3 s'')');
TABLE rollback_session;
ROLLBACK;

-- A version of the plan that was rolled back comes again with other content.
BEGIN;
SAVEPOINT a;
SELECT set_plan('rollback', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT record_sale('rollback', 'A', 4, 100, occurred_at => clock_timestamp()) IS NOT NULL AS recorded;
SELECT s.plan_version, e.amount FROM rollback.earnings e JOIN rollback.sale s USING (sale_id);
ROLLBACK TO a;
SELECT set_plan('rollback', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["15%"]}]}');
SELECT record_sale('rollback', 'A', 4, 100, occurred_at => clock_timestamp()) IS NOT NULL AS recorded;
SELECT s.plan_version, e.amount FROM rollback.earnings e JOIN rollback.sale s USING (sale_id);
ROLLBACK;
SELECT record_sale('rollback', 'A', 4, 100) IS NOT NULL AS recorded;
SELECT s.plan_version, e.amount FROM rollback.earnings e JOIN rollback.sale s USING (sale_id);

SELECT detach_orders('rollback', 'rollback_orders');
DROP VIEW rollback_left, rollback_held, rollback_session;
DROP FUNCTION rollback_try;
DROP TABLE rollback_users, rollback_orders;
DROP ROLE regress_rollback_clerk;
SET client_min_messages = warning;
DROP SCHEMA rollback CASCADE;
