--
-- Forgetting a person: erase_member
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY sqlstate
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

CREATE FUNCTION erase_finds(relid regclass, part text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	found boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE t::text LIKE $1)', relid) INTO found USING '%' || part || '%';
	RETURN found;
END
$$;

-- keys of the user's: by call
SELECT create_program('er', 'CNY', key_type => 'text');
SELECT set_plan('er', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%"]}]}');
SELECT add_member('er', 'ann@example.com'), add_member('er', 'bob@example.com', 'ann@example.com'),
       add_member('er', 'cid@example.com', 'bob@example.com');
SELECT record_sale('er', '1', 'cid@example.com', 100);
SELECT relname FROM pg_class WHERE relnamespace = 'er'::regnamespace AND relkind = 'r' AND erase_finds(oid, 'bob@');
SELECT erase_member('er', 'bob@example.com');
SELECT member_id, sponsor_id, path, state, member_key FROM er.member ORDER BY member_id;
SELECT member_id, revision, change, state FROM er.member_history WHERE member_id = 2 ORDER BY revision;
SELECT order_key, member_id, member_key, rule, level, amount FROM er.earnings ORDER BY level;
-- nothing of the program holds the key any more
SELECT relname FROM pg_class WHERE relnamespace = 'er'::regnamespace AND relkind = 'r' AND erase_finds(oid, 'bob@');
-- by number it can be said again, by key there is nobody; the key is free for somebody else
SELECT erase_member('er', 2);
SELECT fails($$SELECT erase_member('er', 'bob@example.com')$$);
SELECT add_member('er', 'bob@example.com', 'ann@example.com');
-- what the sale paid is posted once, and can be refunded
SELECT record_refund('er', '1', 'r1');
SELECT member_id, sum(amount) FROM er.ledger GROUP BY member_id ORDER BY member_id;

SELECT fails($$SELECT erase_member('er', NULL::text)$$);
SELECT fails($$SELECT erase_member(NULL, 2)$$);
SELECT fails($$SELECT erase_member('er', 99)$$);
CREATE ROLE regress_erase;
GRANT USAGE ON SCHEMA er TO regress_erase;
SET ROLE regress_erase;
SELECT fails($$SELECT erase_member('er', 1)$$);
RESET ROLE;
SET client_min_messages = warning;
SELECT drop_program('er');
RESET client_min_messages;
DROP ROLE regress_erase;

-- a table keeps them: whoever is in it cannot be forgotten
CREATE TABLE er_users (email text PRIMARY KEY, up text);
CREATE TABLE er_orders (id int PRIMARY KEY, email text, amount numeric);
INSERT INTO er_users VALUES ('ann', NULL), ('bob', 'ann'), ('cid', 'bob'), ('dee', 'zoe'), ('eve', 'yan');
SELECT create_program('er', 'CNY');
SELECT attach_members('er', 'er_users', id => 'email', sponsor => 'up', orphans => 'root');
SELECT set_plan('er', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%"]}]}');
SELECT attach_orders('er', 'er_orders', key => 'id', member => 'email', amount => 'amount');
INSERT INTO er_orders VALUES (1, 'cid', 100), (2, 'bob', 10);
SELECT fails($$SELECT erase_member('er', 'bob')$$);
DELETE FROM er_users WHERE email IN ('bob', 'dee');
SELECT erase_member('er', 'bob'), erase_member('er', 'dee');
SELECT member_id, sponsor_id, state, member_key FROM er.member ORDER BY member_id;
SELECT member_id, sponsor_key, problem FROM er.orphan ORDER BY member_id;
-- the orders that the shop still has are the ones that were posted
SELECT post_sales('er');
SELECT pause('er');
SELECT resume('er');
UPDATE er_orders SET amount = amount WHERE id = 2;
SELECT fails($$UPDATE er_orders SET email = 'cid' WHERE id = 2$$);
SELECT fails($$INSERT INTO er_orders VALUES (3, 'bob', 10)$$);
SELECT count(*) AS sales FROM er.sale;
SET client_min_messages = warning;
SELECT drop_program('er');
RESET client_min_messages;
DROP TABLE er_users, er_orders;
DROP FUNCTION erase_finds;
