--
-- Queries that a session planned while a program held a few rows are the right
-- ones when it holds many: each row is found by index, none is looked for among
-- all others.  Counted, not timed.
--
SET search_path = public, distributor;
SET client_min_messages = warning;
SELECT create_program('sp', 'CNY');
SELECT set_plan('sp', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}');
SELECT count(add_member('sp', i, nullif(i / 2, 0))) FROM generate_series(1, 40) i;
CREATE TABLE sp_orders (id int PRIMARY KEY, buyer bigint, amount numeric, status text);
CREATE TABLE sp_refunds (id int PRIMARY KEY, order_id int, amount numeric);
SELECT attach_orders('sp', 'sp_orders', key => 'id', member => 'buyer', amount => 'amount', status => 'status');
SELECT attach_refunds('sp', 'sp_refunds', 'id', 'order_id', 'amount');
SELECT alter_program('sp', sale_change => 'repost');
-- a few of everything, told to the planner, and a few once more
CREATE FUNCTION sp_few(base int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO sp_orders SELECT base + i, 20 + i, 100, 'paid' FROM generate_series(1, 4) i;
	INSERT INTO sp_refunds VALUES (base + 1, base + 1, 10);
	UPDATE sp_orders SET status = 'refunded' WHERE id = base + 2;
	UPDATE sp_orders SET amount = 90 WHERE id = base + 3;
	SELECT distributor.record_refund('sp', (base + 4)::text, base || 'x', 1);
$$;
SELECT sp_few(0);
VACUUM ANALYZE sp.sale; VACUUM ANALYZE sp.ledger; VACUUM ANALYZE sp.refund; VACUUM ANALYZE sp.refund_posting; VACUUM ANALYZE sp.account; VACUUM ANALYZE sp.member;
SELECT sp_few(10);
-- and now many: how many rows of the program were fetched for each?
CREATE FUNCTION sp_fetched(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint;
	after bigint;
BEGIN
	SELECT sum(idx_tup_fetch + seq_tup_read) INTO before FROM pg_stat_xact_user_tables WHERE schemaname = 'sp';
	EXECUTE statement;
	SELECT sum(idx_tup_fetch + seq_tup_read) INTO after FROM pg_stat_xact_user_tables WHERE schemaname = 'sp';
	RETURN after - before;
END
$$;
SELECT sp_fetched($$INSERT INTO sp_orders SELECT i, 1 + i % 40, 100, 'paid' FROM generate_series(1001, 1600) i$$) < 600 * 5 AS orders;
SELECT sp_fetched($$INSERT INTO sp_refunds SELECT i, i, 10 FROM generate_series(1001, 1600) i$$) < 600 * 12 AS refunds;
SELECT sp_fetched($$UPDATE sp_orders SET status = 'refunded' WHERE id BETWEEN 1001 AND 1600$$) < 600 * 40 AS refunded;
SELECT sp_fetched($$INSERT INTO sp_orders SELECT i, 1 + i % 40, 100, 'paid' FROM generate_series(2001, 2600) i$$) < 600 * 10 AS more_orders;
SELECT sp_fetched($$UPDATE sp_orders SET amount = 50 WHERE id BETWEEN 2001 AND 2600$$) < 600 * 90 AS changed;
SELECT sp_fetched($$SELECT distributor.post_sales('sp')$$) < 1800 * 25 AS caught_up;
SELECT * FROM audit('sp');
SELECT drop_program('sp');
DROP TABLE sp_orders, sp_refunds;
DROP FUNCTION sp_few, sp_fetched;
