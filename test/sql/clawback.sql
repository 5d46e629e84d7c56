--
-- What a refund does that takes more than a member has left
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
-- as alter_program() would
CREATE FUNCTION cb_set(program text, settings text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %I.program DISABLE TRIGGER guard_change', program);
	EXECUTE format('UPDATE %I.program SET %s', program, settings);
	EXECUTE format('ALTER TABLE %I.program ENABLE TRIGGER guard_change', program);
END
$$;
-- as record_fulfillment() would
CREATE FUNCTION cb_release(program text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %I.sale_release DISABLE TRIGGER guard_insert', program);
	EXECUTE format('INSERT INTO %1$I.sale_release (sale_id, fulfilled_at, available_at, author)'
				   ' SELECT sale_id, now(), now(), current_user FROM %1$I.sale WHERE order_key = %2$L', program, key);
	EXECUTE format('ALTER TABLE %I.sale_release ENABLE TRIGGER guard_insert', program);
END
$$;
SELECT create_program('cb', 'CNY', time_zone => 'UTC');
SELECT set_plan('cb', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%"]}]}');
SELECT add_member('cb', 1), add_member('cb', 2, 1), add_member('cb', 3, 2);

--
-- carry: the debt stays, and what is earned later pays it back
--
SELECT record_sale('cb', 'A', 3, 100), request_payout('cb', 2, NULL, 'A');
SELECT record_refund('cb', 'A', 'A');
SELECT member_id, balance FROM cb.balance ORDER BY 1;
SELECT record_sale('cb', 'B', 3, 60), fails($$SELECT request_payout('cb', 2, NULL, 'B')$$);
SELECT record_sale('cb', 'C', 3, 60), request_payout('cb', 2, NULL, 'C') > 0 AS paid;
SELECT payout_key, amount FROM cb.payout ORDER BY payout_id;

--
-- block
--
SELECT cb_set('cb', $$clawback = 'block', write_off_after = NULL$$);
SELECT fails($$SELECT record_refund('cb', 'B', 'B')$$);
SELECT count(*) FROM cb.refund WHERE refund_key = 'B';
-- in part: what the member has left
SELECT adjust('cb', 2, 5, 'goodwill', 'five');
SELECT fails($$SELECT record_refund('cb', 'B', 'B', 30)$$);
SELECT record_refund('cb', 'B', 'B', 25);
-- one who has nothing to lose by it hinders nobody: pending money
SELECT cb_set('cb', $$hold_period = '1 day'$$);
SELECT record_sale('cb', 'D', 3, 100), adjust('cb', 2, -3, 'chargeback', 'three');
SELECT record_refund('cb', 'D', 'D');
SELECT cb_set('cb', $$hold_start = 'fulfilled'$$);
SELECT record_sale('cb', 'E', 3, 100), record_refund('cb', 'E', 'E 1', 50);
SELECT cb_release('cb', 'E');
SELECT fails($$SELECT request_payout('cb', 2, 7.01, 'E')$$);
SELECT request_payout('cb', 2, 7, 'E') > 0 AS paid, fails($$SELECT record_refund('cb', 'E', 'E 2', 50)$$);
SELECT cb_set('cb', $$hold_start = 'paid', hold_period = '0'$$);
-- a refund that came before its order keeps no order out
SELECT adjust('cb', 2, -4, 'chargeback', 'four');
SELECT record_refund('cb', 'F', 'F', 40);
SELECT record_sale('cb', 'F', 3, 100);
SELECT e.member_id, sum(e.amount) FROM cb.earnings e WHERE order_key = 'F' GROUP BY 1 ORDER BY 1;
-- a member in debt: the next refund is refused, a refund of others' money is not
SELECT fails($$SELECT record_refund('cb', 'F', 'F 2')$$);
-- by a table of orders, of refunds, and by catching up
CREATE TABLE cb_orders (id text PRIMARY KEY, member bigint, amount numeric, status text, refunded numeric);
SELECT attach_orders('cb', 'cb_orders', 'id', 'member', 'amount', status => 'status', refunded_amount => 'refunded');
CREATE TABLE cb_refunds (id text PRIMARY KEY, order_id text, amount numeric);
SELECT attach_refunds('cb', 'cb_refunds', 'id', 'order_id', 'amount');
INSERT INTO cb_orders VALUES ('T', 3, 1000, 'paid', 0);
SELECT request_payout('cb', 2, NULL, 'T') > 0 AS paid;
SELECT s AS statement, fails(s) FROM unnest(ARRAY[
	$$UPDATE cb_orders SET status = 'refunded'$$, $$UPDATE cb_orders SET refunded = 1$$, $$INSERT INTO cb_refunds VALUES ('t', 'T', 1)$$]) AS s;
ALTER TABLE cb_orders DISABLE TRIGGER USER;
UPDATE cb_orders SET refunded = 10;
ALTER TABLE cb_orders ENABLE TRIGGER USER;
SELECT fails($$SELECT post_sales('cb')$$);
SELECT adjust('cb', 2, 2, 'goodwill', 'two'), post_sales('cb');
SELECT member_id, balance FROM cb.balance ORDER BY 1;

-- an order that changes and had been fulfilled: what it pays anew is there at once, and counts
SELECT create_program('cr', 'CNY', time_zone => 'UTC');
SELECT set_plan('cr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT add_member('cr', 1), add_member('cr', 2, 1);
SELECT alter_program('cr', hold_start => 'fulfilled', clawback => 'block', sale_change => 'repost');
CREATE TABLE cr_orders (id text PRIMARY KEY, member bigint, amount numeric, status text);
SELECT attach_orders('cr', 'cr_orders', 'id', 'member', 'amount', status => 'status', fulfilled => '{received}');
INSERT INTO cr_orders VALUES ('F', 2, 100, 'received');
SELECT request_payout('cr', 1, NULL, 'all') > 0 AS paid;
UPDATE cr_orders SET amount = 110;
SELECT pending, available, paid_out FROM balance('cr', 1);
SELECT fails('UPDATE cr_orders SET amount = 90');
SELECT * FROM audit('cr');

--
-- write off
--
SELECT fails($$SELECT write_off('cb')$$);
SELECT create_program('wo', 'CNY', time_zone => 'UTC');
SELECT cb_set('wo', $$clawback = 'write_off', write_off_after = '30 days'$$);
SELECT add_member('wo', m) FROM generate_series(1, 6) AS m;
-- so many days ago
CREATE FUNCTION wo_ago(member bigint, amount numeric, days int, currency text DEFAULT 'CNY') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	id bigint := adjust('wo', member, amount, 'test', format('%s %s %s %s', member, amount, days, currency), currency);
BEGIN
	ALTER TABLE wo.ledger DISABLE TRIGGER USER;
	UPDATE wo.ledger SET posted_at = now() - make_interval(days => days), available_at = now() - make_interval(days => days)
	 WHERE source = 'adjustment' AND source_id = id;
	ALTER TABLE wo.ledger ENABLE TRIGGER USER;
	ALTER TABLE wo.ledger ENABLE ALWAYS TRIGGER guard_row;
	ALTER TABLE wo.ledger ENABLE ALWAYS TRIGGER guard_change;
END
$$;
SELECT wo_ago(1, 10, 50), wo_ago(1, -30, 40), wo_ago(1, 5, 20);			-- below zero for 40 days
SELECT wo_ago(2, -30, 40), wo_ago(2, 30, 20), wo_ago(2, -7, 10);			-- back at zero, and below for 10
SELECT wo_ago(3, -30, 29);
SELECT wo_ago(4, -30, 31), wo_ago(4, 40, 0);
SELECT wo_ago(5, -30, 31, 'USD'), wo_ago(5, 3, 31), wo_ago(5, -2, 10), wo_ago(5, -1, 31, 'JPY'), wo_ago(5, -1, 15, 'JPY');
SELECT wo_ago(6, -30, 40), wo_ago(6, 31, 35), wo_ago(6, -31, 33);			-- above, and below for 33
SELECT write_off('wo'), write_off('wo') AS again;
SELECT member_id, amount, currency, kind, reason ~ '^debt since 20' AS reasoned, adjustment_key ~ format('^write_off %s %s \d+$', member_id, currency) AS named
  FROM wo.adjustment WHERE kind = 'write_off' ORDER BY member_id, currency;
SELECT source, rule, level, amount FROM wo.ledger WHERE rule = 'write_off' ORDER BY member_id, currency;
SELECT member_id, currency, balance FROM wo.balance ORDER BY 1, 2;
-- a new debt is another one, and the calendar counts
SELECT wo_ago(1, -1, 10), cb_set('wo', $$write_off_after = '1 week'$$);
SELECT write_off('wo');
SELECT member_id, amount, currency FROM wo.adjustment WHERE kind = 'write_off' ORDER BY adjustment_id DESC LIMIT 3;
SELECT member_id, currency, balance FROM wo.balance ORDER BY 1, 2;
SELECT fails($$SELECT write_off('nobody')$$), fails($$SELECT write_off(NULL)$$);

DROP TABLE cb_orders, cb_refunds, cr_orders;
DROP FUNCTION cb_set, cb_release, wo_ago;
SET client_min_messages = warning;
SELECT drop_program('cb'), drop_program('cr'), drop_program('wo');
