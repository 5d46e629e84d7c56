--
-- Keys that are none of the column's, and plans that outlive a small table
--
SET search_path = public, distributor;
SET client_min_messages = warning;

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

-- a member by call whose number the column cannot hold has left, too
CREATE TABLE ak_small (id int PRIMARY KEY, up int);
INSERT INTO ak_small VALUES (1, NULL);
SELECT create_program('attach_keys', 'CNY');
SELECT add_member('attach_keys', 5000000000);
SELECT attach_members('attach_keys', 'ak_small', 'id', 'up');
SELECT pause('attach_keys');
SELECT resume('attach_keys');
SELECT member_id, state FROM attach_keys.member ORDER BY member_id;

-- by another key, orders would be posted twice
CREATE TABLE ak_orders (name text PRIMARY KEY, n int, buyer int, amount numeric);
SELECT set_plan('attach_keys', '{"rules": [{"name": "s", "kind": "unilevel", "self": "10%"}]}');
SELECT attach_orders('attach_keys', 'ak_orders', 'n', 'buyer', 'amount');
SELECT attach_orders('attach_keys', 'ak_orders', 'name', 'buyer', 'amount');
INSERT INTO ak_orders VALUES ('A', 7, 1, 10);
SELECT fails($$SELECT attach_orders('attach_keys', 'ak_orders', 'n', 'buyer', 'amount')$$);
SELECT detach_orders('attach_keys', 'ak_orders');
SELECT fails($$SELECT attach_orders('attach_keys', 'ak_orders', 'n', 'buyer', 'amount')$$);
SELECT attach_orders('attach_keys', 'ak_orders', 'name', 'buyer', 'amount');
ALTER TABLE ak_orders RENAME name TO code;
SELECT attach_orders('attach_keys', 'ak_orders', 'code', 'buyer', 'amount');
SELECT pause('attach_keys');
SELECT resume('attach_keys');
SELECT post_sales('attach_keys');
SELECT order_key, member_id, amount FROM attach_keys.earnings ORDER BY order_key;
SELECT drop_program('attach_keys');
DROP TABLE ak_orders, ak_small;

-- the same of uuid
CREATE TABLE ak_uuid (id uuid PRIMARY KEY, up text);
INSERT INTO ak_uuid VALUES ('00000000-0000-0000-0000-00000000000a', NULL);
SELECT create_program('attach_keys', 'CNY', key_type => 'text');
SELECT add_member('attach_keys', 'house'::text);
SELECT attach_members('attach_keys', 'ak_uuid', 'id', 'up');
SELECT pause('attach_keys');
SELECT resume('attach_keys');
SELECT member_key, state FROM attach_keys.member ORDER BY member_id;
-- a sponsor that is no key of the column is unknown; so is one that is written otherwise
SELECT fails($$UPDATE ak_uuid SET up = 'nobody'$$);
SELECT fails($$UPDATE ak_uuid SET up = '00000000-0000-0000-0000-00000000000A'$$);
SELECT drop_program('attach_keys');
DROP TABLE ak_uuid;

-- 1 and 1.00 are equal, and two keys
CREATE TABLE ak_numeric (id numeric PRIMARY KEY, up numeric);
INSERT INTO ak_numeric VALUES (1, NULL), (2, NULL);
SELECT create_program('attach_keys', 'CNY', key_type => 'text');
SELECT attach_members('attach_keys', 'ak_numeric', 'id', 'up');
SELECT fails($$UPDATE ak_numeric SET up = 1.00$$);
INSERT INTO ak_numeric VALUES (3, NULL), (2, 3) ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT member_key, path FROM attach_keys.team ORDER BY member_id;
SELECT drop_program('attach_keys');
DROP TABLE ak_numeric;

-- what was planned for a table of three rows still reads it by its index
CREATE TABLE ak_users (id bigint PRIMARY KEY, up bigint);
CREATE TABLE ak_orders (id bigint PRIMARY KEY, buyer bigint, amount numeric);
INSERT INTO ak_users VALUES (1, NULL), (2, 1), (3, 2);
INSERT INTO ak_orders VALUES (1, 3, 100);
SELECT create_program('attach_keys', 'CNY');
SELECT set_plan('attach_keys', '{"rules": [{"name": "s", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT attach_members('attach_keys', 'ak_users', 'id', 'up');
SELECT attach_orders('attach_keys', 'ak_orders', 'id', 'buyer', 'amount');
ANALYZE attach_keys.member, attach_keys.sale, attach_keys.member_history;
BEGIN;
CREATE TEMP TABLE ak_before ON COMMIT DROP AS
SELECT relid, seq_scan, idx_scan FROM pg_stat_xact_user_tables
 WHERE schemaname = 'attach_keys' AND relname IN ('member', 'member_history', 'sale');
INSERT INTO ak_users VALUES (4, 3), (5, 3);
UPDATE ak_users SET up = 2 WHERE id = 5;
INSERT INTO ak_orders VALUES (2, 4, 100);
UPDATE ak_orders SET amount = 100.00;
SELECT record_sale('attach_keys', '2', 4, 100) > 0 AS same;
SELECT t.relname, t.seq_scan - b.seq_scan AS scans, t.idx_scan > b.idx_scan AS by_index
  FROM pg_stat_xact_user_tables t JOIN ak_before b USING (relid) ORDER BY t.relname;
COMMIT;
SELECT drop_program('attach_keys');
DROP TABLE ak_orders, ak_users;
