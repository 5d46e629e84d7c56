--
-- Orders that are fulfilled: from when what they pay is available
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT create_program('ff', 'CNY', time_zone => 'UTC');
SELECT set_plan('ff', '{"rules": [{"name": "sales", "kind": "unilevel", "self": "10%", "levels": ["5%"]}]}');
SELECT add_member('ff', 1), add_member('ff', 2, 1);
SELECT alter_program('ff', hold_start => 'fulfilled', hold_period => '7 days');

-- each order: what of it is available when; now is the time of the transaction
CREATE VIEW ff_orders AS
	SELECT e.order_key, e.sale_id, sum(e.amount) AS amount, e.refund_key, e.state,
		   CASE e.available_at WHEN now() THEN 'now' ELSE e.available_at::text END AS available_at
	  FROM ff.earnings e GROUP BY e.order_key, e.sale_id, e.refund_key, e.state, e.available_at;
CREATE VIEW ff_releases AS
	SELECT s.order_key, CASE r.fulfilled_at WHEN r.recorded_at THEN 'when told' ELSE r.fulfilled_at::text END AS fulfilled_at,
		   CASE r.available_at WHEN r.recorded_at THEN 'at once'
							   WHEN r.recorded_at + '7 days'::interval THEN '7 days later'
							   ELSE r.available_at::text END AS available_at,
		   r.order_source_id, r.author IS NOT NULL AS by_call
	  FROM ff.sale_release r JOIN ff.sale s USING (sale_id);

--
-- By call
--
SELECT record_sale('ff', 'A', 2, 100, occurred_at => '2020-01-01');
SELECT record_sale('ff', 'B', 2, 100, occurred_at => '2020-01-01');
SELECT * FROM ff_orders ORDER BY 1, 4;
SELECT record_fulfillment('ff', 'A', '2020-02-01');
SELECT record_fulfillment('ff', 'B', '2099-02-01');
SELECT * FROM ff_releases ORDER BY 1;
SELECT order_key, amount, state FROM ff_orders ORDER BY 1;
-- without a time it is now; and the same again is the same
SELECT record_sale('ff', 'C', 2, 100);
SELECT record_fulfillment('ff', 'C');
SELECT record_fulfillment('ff', 'C');
SELECT record_fulfillment('ff', 'A'), record_fulfillment('ff', 'A', '2020-02-01');
SELECT * FROM ff_releases ORDER BY 1;
-- what is refunded counts as what it is taken from
SELECT record_refund('ff', 'B', 'B-1', 50);
SELECT record_sale('ff', 'D', 2, 100);
SELECT record_refund('ff', 'D', 'D-1', 50);
SELECT order_key, amount, refund_key, state, available_at FROM ff_orders WHERE order_key IN ('B', 'D') ORDER BY 1, 3 NULLS FIRST;
SELECT record_fulfillment('ff', 'D', '2020-01-01');
SELECT record_refund('ff', 'D', 'D-2', 10);
SELECT member_id, amount, refund_key, state, available_at = posted_at AS "when posted", available_at > posted_at AS later
  FROM ff.earnings WHERE order_key = 'D' ORDER BY entry_id;
-- what was refunded as a whole can be fulfilled as well
SELECT record_sale('ff', 'E', 2, 100);
SELECT record_refund('ff', 'E', 'E-1');
SELECT record_fulfillment('ff', 'E', '2020-01-01');
SELECT order_key, sum(amount) AS amount, state FROM ff_orders WHERE order_key = 'E' GROUP BY 1, 3;

--
-- What cannot be
--
SELECT s AS arguments, fails('SELECT record_fulfillment(' || s || ')') FROM unnest(ARRAY[
	$$NULL, 'A'$$, $$'ff', NULL$$, $$'nowhere', 'A'$$, $$'ff', ''$$, $$'ff', 'a'$$, $$'ff', 'X'$$, $$'ff', repeat('k', 1025)$$,
	$$'ff', 'A', '2020-02-02'$$, $$'ff', 'B', 'infinity'$$, $$'ff', 'B', '-infinity'$$,
	$$'ff', 'D', '294276-12-31'$$]) AS s;
SELECT record_sale('ff', 'late', 2, 100);
SELECT fails($$SELECT record_fulfillment('ff', 'late', '294276-12-31')$$);
-- nobody but who has the right, and nobody past the door
CREATE ROLE ff_clerk;
GRANT USAGE ON SCHEMA ff TO ff_clerk;
GRANT INSERT ON ff.sale, ff.refund TO ff_clerk;
SET ROLE ff_clerk;
SELECT fails($$SELECT record_fulfillment('ff', 'late')$$);
RESET ROLE;
GRANT INSERT ON ff.sale_release TO ff_clerk;
SET ROLE ff_clerk;
SELECT record_fulfillment('ff', 'late', '2020-01-01');
SELECT fails($$INSERT INTO ff.sale_release (sale_id, fulfilled_at, available_at, author) VALUES (1, now(), now(), 'me')$$);
RESET ROLE;
SELECT fails($$DELETE FROM ff.sale_release$$);
SELECT fails($$UPDATE ff.sale_release SET available_at = now()$$);
SELECT r.author FROM ff.sale_release r JOIN ff.sale s USING (sale_id) WHERE s.order_key = 'late';

--
-- What needs no release gets none
--
SELECT alter_program('ff', hold_start => 'paid');
SELECT record_sale('ff', 'paid', 2, 100, occurred_at => '2020-01-01');
SELECT record_fulfillment('ff', 'paid');
-- what waited for its fulfillment still does
SELECT record_sale('ff', 'none', 2, 0);
SELECT alter_program('ff', hold_start => 'fulfilled');
SELECT record_sale('ff', 'waits', 2, 100, occurred_at => '2020-01-01');
SELECT alter_program('ff', hold_start => 'paid', hold_period => '7 days');
SELECT record_fulfillment('ff', 'waits', '2020-01-01'), record_fulfillment('ff', 'none');
SELECT order_key FROM ff_releases WHERE order_key IN ('paid', 'none', 'waits');
SELECT order_key, amount, state FROM ff_orders WHERE order_key IN ('paid', 'none', 'waits') ORDER BY 1;
SELECT alter_program('ff', hold_start => 'fulfilled', hold_period => '7 days');

--
-- From a table: by status, by column, by both
--
CREATE TABLE ff_shop (id int PRIMARY KEY, buyer bigint, amount numeric, status text, done timestamptz, note text);
INSERT INTO ff_shop (id, buyer, amount, status, done)
VALUES (1, 2, 100, 'paid', NULL), (2, 2, 100, 'received', NULL), (3, 2, 100, 'paid', '2020-03-01'),
	(4, 2, 100, 'open', '2020-03-01'), (5, 2, 100, 'received', '2020-03-01'), (6, 2, 100, 'open', NULL);
SELECT s AS arguments, fails($$SELECT attach_orders('ff', 'ff_shop', 'id', 'buyer', 'amount', $$ || s || ')') FROM unnest(ARRAY[
	$$fulfilled => '{received}'$$, $$status => 'status', fulfilled => NULL$$, $$status => 'status', fulfilled => '{received,NULL}'$$,
	$$status => 'status', fulfilled => '{received,refunded}'$$, $$fulfilled_at => 'nothing'$$, $$fulfilled_at => 'note'$$]) AS s;
-- the right to it
ALTER TABLE ff_shop OWNER TO ff_clerk;
REVOKE INSERT ON ff.sale_release FROM ff_clerk;
SET ROLE ff_clerk;
SELECT fails($$SELECT attach_orders('ff', 'ff_shop', 'id', 'buyer', 'amount', status => 'status', fulfilled => '{received}')$$);
SELECT fails($$SELECT attach_orders('ff', 'ff_shop', 'id', 'buyer', 'amount', status => 'status', fulfilled_at => 'done')$$);
RESET ROLE;
ALTER TABLE ff_shop OWNER TO CURRENT_USER;
-- fulfilled is paid as well
SELECT attach_orders('ff', 'ff_shop', 'id', 'buyer', 'amount', status => 'status', fulfilled => '{received,closed}', fulfilled_at => 'done');
SELECT fulfilled, fulfilled_at_column, paid FROM ff.order_source;
SELECT * FROM ff_releases WHERE order_source_id IS NOT NULL ORDER BY 1;
-- by statement: paid later than fulfilled, fulfilled later than paid, both at once
UPDATE ff_shop SET status = 'paid' WHERE id = 4;
UPDATE ff_shop SET status = 'received' WHERE id = 1;
INSERT INTO ff_shop VALUES (7, 2, 100, 'received', '2020-04-01'), (8, 2, 100, 'received', NULL),
	(9, 2, 100, 'paid', '2020-04-01'), (10, 2, 100, 'paid', NULL);
UPDATE ff_shop SET done = '2020-05-01' WHERE id = 10;
UPDATE ff_shop SET status = 'received', done = '2020-05-01' WHERE id = 6;
SELECT * FROM ff_releases WHERE order_source_id IS NOT NULL ORDER BY order_key::int;
SELECT order_key, amount, state FROM ff_orders WHERE order_key ~ '^[0-9]' ORDER BY order_key::int;
-- the first time counts, and what comes later changes nothing
UPDATE ff_shop SET done = '2020-06-01';
UPDATE ff_shop SET done = NULL, status = 'paid';
UPDATE ff_shop SET status = 'closed';
SELECT * FROM ff_releases WHERE order_source_id IS NOT NULL ORDER BY order_key::int;
SELECT fails($$SELECT record_fulfillment('ff', '10', '2020-06-01')$$);
SELECT record_fulfillment('ff', '10', '2020-05-01');
-- a time that is none
INSERT INTO ff_shop VALUES (11, 2, 100, 'paid');
SELECT fails($$UPDATE ff_shop SET done = 'infinity' WHERE id = 11$$);
-- orders that nobody saw
ALTER TABLE ff_shop DISABLE TRIGGER USER;
UPDATE ff_shop SET done = '2020-07-01' WHERE id = 11;
INSERT INTO ff_shop VALUES (12, 2, 100, 'received', '2020-07-01'), (13, 2, 100, 'open', NULL);
ALTER TABLE ff_shop ENABLE TRIGGER USER;
SELECT post_sales('ff');
SELECT * FROM ff_releases WHERE order_key IN ('11', '12', '13') ORDER BY 1;
SELECT pause('ff');
UPDATE ff_shop SET status = 'received', done = '2020-08-01' WHERE id = 13;
INSERT INTO ff_shop VALUES (14, 2, 100, 'paid');
SELECT resume('ff');
SELECT * FROM ff_releases WHERE order_key IN ('13', '14') ORDER BY 1;
-- refunded and fulfilled in one statement: refunded
UPDATE ff_shop SET status = 'refunded', done = '2020-08-01' WHERE id = 14;
SELECT sum(amount), count(*) FROM ff.earnings WHERE order_key = '14';
SELECT count(*) FROM ff_releases WHERE order_key = '14';
-- words and columns go when they are not named again
SELECT attach_orders('ff', 'ff_shop', 'id', 'buyer', 'amount', status => 'status', paid => '{paid,received,closed}');
SELECT fulfilled, fulfilled_at_column FROM ff.order_source;
INSERT INTO ff_shop VALUES (15, 2, 100, 'received', '2020-08-01');
SELECT count(*) FROM ff_releases WHERE order_key = '15';
-- dates are those of the program, and a boolean has two words
SELECT detach_orders('ff', 'ff_shop');
CREATE TABLE ff_days (id text PRIMARY KEY, buyer bigint, amount numeric, received bool, day date);
SELECT fails($$SELECT attach_orders('ff', 'ff_days', 'id', 'buyer', 'amount', status => 'received', paid => '{false}', fulfilled => '{yes}')$$);
SELECT attach_orders('ff', 'ff_days', 'id', 'buyer', 'amount', status => 'received', paid => '{false}', fulfilled => '{true}', refunded => '{}', fulfilled_at => 'day');
INSERT INTO ff_days VALUES ('d1', 2, 100, false, NULL), ('d2', 2, 100, true, NULL), ('d3', 2, 100, false, '2020-01-05'), ('d4', 2, 100, NULL, '2020-01-05');
SELECT * FROM ff_releases WHERE order_key LIKE 'd%' ORDER BY 1;
SELECT detach_orders('ff', 'ff_days');
DROP TABLE ff_days;

-- a release for all that waits and is fulfilled, and for nothing else
SELECT s.order_key FROM ff.sale s JOIN ff.sale_release r USING (sale_id)
 WHERE NOT EXISTS (SELECT FROM ff.ledger l WHERE l.source = 'sale' AND l.source_id = s.sale_id AND l.available_at IS NULL);

SET client_min_messages = warning;
SELECT drop_program('ff');
DROP OWNED BY ff_clerk;
DROP ROLE ff_clerk;
DROP TABLE ff_shop;
