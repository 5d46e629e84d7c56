--
-- The audit: nothing to say of a program that is well; and of one that is
-- broken in each way that there is, exactly that
--
SET search_path = public, distributor;
SET timezone = 'UTC';
SET client_min_messages = warning;
\set VERBOSITY sqlstate

-- What the audit says of program au after a statement that the guards of these
-- tables would not have let through; all of it is undone.
CREATE FUNCTION au_broken(tables text[], VARIADIC statements text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	target text;
	statement text;
	rows text[];
BEGIN
	BEGIN
		FOREACH target IN ARRAY tables LOOP
			EXECUTE format('ALTER TABLE au.%I DISABLE TRIGGER USER', target);
		END LOOP;
		FOREACH statement IN ARRAY statements LOOP
			EXECUTE statement;
		END LOOP;
		SELECT array_agg(regexp_replace(format('%s | %s | %s | %s', a.invariant, a.object, a.expected, a.found),
										'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(\+00| UTC)?|[0-9a-f]{64}', '*', 'g')
						 ORDER BY a.invariant, a.object, a.expected, a.found)
		  INTO rows FROM audit('au') a WHERE a.invariant <> 'guard';
		RAISE EXCEPTION SQLSTATE 'AU000';
	EXCEPTION WHEN SQLSTATE 'AU000' THEN
		RETURN QUERY SELECT unnest(coalesce(rows, '{nothing}'));
	END;
END
$$;

SELECT create_program('au', 'CNY', time_zone => 'UTC');
SELECT * FROM audit('au');
SELECT set_plan('au', '{"rules": [
	{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "3%"], "caps": {"member_month": 40}},
	{"name": "welcome", "kind": "unilevel", "levels": [{"fixed": 3}], "when": {"order_number": {"to": 1}}},
	{"name": "goods", "kind": "unilevel", "per": "line", "levels": ["7%", "1%"]},
	{"name": "once", "kind": "unilevel", "levels": [{"fixed": 1}], "once_per_buyer": true},
	{"name": "match", "kind": "override", "of": ["sales"], "levels": ["50%"]}]}');
SELECT add_member('au', 1), add_member('au', 2, 1), add_member('au', 3, 2), add_member('au', 4, 3), add_member('au', 5, 1), add_member('au', 6, 5);
SELECT set_state('au', 5, 'frozen'), set_rank('au', 3, 'gold');
SELECT record_sale('au', 'o1', 4, 100, lines => '[{"key": "a", "amount": 60}, {"amount": 30}]');
SELECT record_sale('au', 'o2', 4, 99.99), record_sale('au', 'o3', 3, 50), record_sale('au', 'o4', 6, 80);
SELECT record_refund('au', 'o1', 'part', 33.33), record_refund('au', 'o1', 'of a', 10, 'a'), record_refund('au', 'o1', 'cent', 0.01);
SELECT record_refund('au', 'o2', 'first', 40), record_refund('au', 'o2', 'rest'), record_refund('au', 'later', 'early', 5);
-- a move, another plan, and what is posted after them
SELECT move_member('au', 4, 1);
SELECT set_plan('au', '{"rules": [
	{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "3%"], "caps": {"member_month": 40}},
	{"name": "welcome", "kind": "unilevel", "levels": [{"fixed": 3}], "when": {"order_number": {"to": 1}}},
	{"name": "once", "kind": "unilevel", "levels": [{"fixed": 1}], "once_per_buyer": true}]}');
SELECT record_sale('au', 'o5', 4, 100), record_sale('au', 'o6', 4, 300), record_sale('au', 'o7', 4, 300);
SELECT record_refund('au', 'o5', 'of o5');
SELECT * FROM audit('au');

-- Money that moves otherwise
SELECT adjust('au', 1, 500, 'a gift', 'gift');
SELECT set_payout_terms('au', minimum => 1, fee_fixed => 1, tax => '[{"over": 0, "rate": 0}, {"over": 50, "rate": 0.2}]', approval => 'manual');
SELECT request_payout('au', 1, 100, 'first'), request_payout('au', 1, 200, 'second');
SELECT approve_payout('au', 'first'), approve_payout('au', 'second');
SELECT create_payout_batch('au', batch_key => 'b1', sweep => false);
SELECT settle_payout('au', 'first', 'bank 1'), fail_payout('au', 'second', 'account closed');
SELECT payout_key, amount, fee, tax FROM au.payout ORDER BY payout_id;
SELECT * FROM audit('au');

-- Entries that wait for a release, and checkpoints of a part of it all.
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE au.ledger DISABLE TRIGGER USER;
UPDATE au.ledger SET available_at = NULL WHERE source = 'sale' AND source_id = 6;
INSERT INTO au.sale_release VALUES (6, now(), now(), now(), NULL, 'me');
UPDATE au.ledger SET available_at = now() + interval '10 days' WHERE source = 'sale' AND source_id = 3;
ALTER TABLE au.ledger ENABLE TRIGGER USER;
ALTER TABLE au.ledger ENABLE ALWAYS TRIGGER guard_row;
ALTER TABLE au.ledger ENABLE ALWAYS TRIGGER guard_change;
COMMIT;
CALL fold('au');
SELECT count(*) FROM au.held;
SELECT * FROM audit('au');

-- Tables of the user's.
CREATE TABLE au_orders (id int PRIMARY KEY, member int, amount numeric, status text, currency text, at timestamptz, color text, refunded numeric);
INSERT INTO au_orders SELECT i, 1 + i % 4, 10 + i, 'paid', NULL, '2026-01-01', 'red', 0 FROM generate_series(1, 8) i;
INSERT INTO au_orders VALUES (9, 1, 10, 'paid', NULL, '2025-01-01', 'red', 0), (10, 1, 10, 'placed', NULL, '2026-01-01', 'red', 0);
SELECT attach_orders('au', 'au_orders', 'id', 'member', 'amount', 'at', status => 'status', currency => 'currency',
					 attributes => '{color}', since => '2025-06-01', refunded_amount => 'refunded');
UPDATE au_orders SET status = 'refunded' WHERE id = 2;
UPDATE au_orders SET refunded = 5 WHERE id = 3;
CREATE TABLE au_refunds (no text, order_id int, amount numeric) PARTITION BY LIST (no);
CREATE TABLE au_refunds_1 PARTITION OF au_refunds FOR VALUES IN ('r1', 'r2');
CREATE TABLE au_refunds_2 PARTITION OF au_refunds DEFAULT;
SELECT attach_refunds('au', 'au_refunds', 'no', 'order_id', 'amount');
INSERT INTO au_refunds VALUES ('r1', 4, 2), ('x', 4, 3);
SELECT * FROM audit('au');
SELECT source, count(*) FROM au.ledger GROUP BY source ORDER BY source;

-- The tree
SELECT au_broken('{member}', $$UPDATE au.member SET path = '1.2.4', sponsor_id = 2 WHERE member_id = 4$$);
SELECT au_broken('{member}', $$ALTER TABLE au.member DROP CONSTRAINT member_path_check$$, $$UPDATE au.member SET path = '1.5.3' WHERE member_id = 3$$);
SELECT au_broken('{member}', $$ALTER TABLE au.member DROP CONSTRAINT member_path_check$$, $$UPDATE au.member SET path = '1.2.3.4' WHERE member_id = 3$$);
SELECT au_broken('{member}', $$DELETE FROM au.member WHERE member_id = 2$$);
SELECT au_broken('{member}', $$INSERT INTO au.member VALUES (8, 7, now(), '1.7.8', 'active')$$);
SELECT au_broken('{member}', $$INSERT INTO au.member VALUES (8, 7, now(), '7.8', 'active'), (7, 8, now(), '8.7', 'active')$$);
SELECT au_broken('{member}', $$UPDATE au.member SET state = 'active' WHERE member_id = 5$$, $$UPDATE au.member SET rank = NULL WHERE member_id = 3$$);
SELECT au_broken('{member_history}', $$DELETE FROM au.member_history WHERE member_id = 4 AND revision = 1$$);
SELECT au_broken('{member_history}', $$UPDATE au.member_history SET sponsor_id = 5 WHERE member_id = 2$$);
SELECT au_broken('{member_history}', $$INSERT INTO au.member_history VALUES (9, 1, now(), now(), 1, 'join', 'active', NULL)$$);

-- What sales pay
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET amount = amount + 0.01 WHERE entry_id = 1$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET currency = 'USD' WHERE entry_id = 1$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET member_id = 2 WHERE entry_id = 1$$);
SELECT au_broken('{ledger}', $$DELETE FROM au.ledger WHERE source = 'sale' AND source_id = 3$$);
SELECT au_broken('{ledger}', $$INSERT INTO au.ledger SELECT nextval('au.ledger_entry_id_seq'), source_id, member_id, basis, reverses, posted_at, available_at, line, 7, source, rule, amount, currency FROM au.ledger WHERE entry_id = 1$$);
SELECT au_broken('{ledger}', $$INSERT INTO au.ledger (source, source_id, member_id, level, rule, amount, currency, posted_at) VALUES ('sale', 12345, 1, 0, 'sales', 5, 'CNY', now())$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET posted_at = '2026-01-01' WHERE entry_id = 1$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET available_at = available_at + interval '1 day' WHERE entry_id = 2$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET entry_id = 1 WHERE entry_id = 2$$);
SELECT au_broken('{sale}', $$DELETE FROM au.sale WHERE sale_id = 4$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET amount = 81 WHERE sale_id = 4$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET path_states = NULL WHERE sale_id = 4$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET path_states = '{drunk}' WHERE sale_id = 4$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET path = '1.2.3', member_id = 3 WHERE sale_id = 4$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET path = '5.1.6' WHERE sale_id = 4$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET member_id = 3 WHERE sale_id = 4$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET plan_version = 2 WHERE sale_id = 3$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET plan_version = 9 WHERE sale_id = 3$$);
SELECT au_broken('{plan}', $$UPDATE au.plan SET document = jsonb_set(document, '{rules,0,levels,0}', '"9%"') WHERE version = 2$$);
SELECT au_broken('{sale_line}', $$UPDATE au.sale_line SET amount = 61 WHERE sale_id = 1 AND line = 1$$);
SELECT au_broken('{sale_line}', $$UPDATE au.sale_line SET line = 3 WHERE sale_id = 1 AND line = 2$$);
SELECT au_broken('{sale_line}', $$INSERT INTO au.sale_line (sale_id, line, amount) VALUES (777, 1, 5)$$);
SELECT au_broken('{sale,ledger}', $$INSERT INTO au.sale SELECT 900, member_id, occurred_at, posted_at, plan_version, order_source_id, 3, 4, order_key, amount, currency, path, path_ranks, path_states, attributes, '{"applied": {"once": 1}, "order_number": 2, "earned": {"sales": {"member_month": {}}}}', author FROM au.sale WHERE sale_id = 4$$);
-- what was counted
SELECT au_broken('{sale}', $$UPDATE au.sale SET counters = jsonb_set(counters, '{order_number}', '5') WHERE order_key = 'o5'$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET counters = jsonb_set(counters, '{applied,once}', '0') WHERE order_key = 'o5'$$);
SELECT au_broken('{sale}', $$UPDATE au.sale SET counters = jsonb_set(counters, '{earned,sales,member_month,4}', '"1"') WHERE order_key = 'o7'$$);
SELECT au_broken('{sale,ledger}', $$UPDATE au.sale SET counters = jsonb_set(counters, '{earned,sales,member_month,1}', '"0"') WHERE order_key = 'o6'$$, $$UPDATE au.ledger SET amount = 30 WHERE source = 'sale' AND source_id = (SELECT sale_id FROM au.sale WHERE order_key = 'o6') AND member_id = 1 AND rule = 'sales'$$);
-- releases
SELECT au_broken('{sale_release}', $$INSERT INTO au.sale_release VALUES (4, now(), now(), now(), NULL, 'me')$$);
SELECT au_broken('{sale_release}', $$INSERT INTO au.sale_release VALUES (888, now(), now(), now(), NULL, 'me')$$);
SELECT au_broken('{sale_release}', $$UPDATE au.sale_release SET available_at = '2020-01-01'$$);

-- What refunds take back
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET amount = amount - 0.01 WHERE entry_id = (SELECT min(entry_id) FROM au.ledger WHERE source = 'refund')$$);
SELECT au_broken('{ledger}', $$DELETE FROM au.ledger WHERE entry_id = (SELECT min(entry_id) FROM au.ledger WHERE source = 'refund' AND source_id = 5)$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET amount = -500 WHERE entry_id = (SELECT min(entry_id) FROM au.ledger WHERE source = 'refund' AND source_id = 5)$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET reverses = 1 WHERE entry_id = (SELECT min(entry_id) FROM au.ledger WHERE source = 'refund' AND source_id = 5)$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET member_id = 5 WHERE entry_id = (SELECT min(entry_id) FROM au.ledger WHERE source = 'refund' AND source_id = 5)$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET available_at = available_at + interval '1 day', posted_at = posted_at + interval '1 hour' WHERE entry_id = (SELECT min(entry_id) FROM au.ledger WHERE source = 'refund' AND source_id = 5)$$);
SELECT au_broken('{refund_posting}', $$UPDATE au.refund_posting SET amount = 39 WHERE refund_id = 4$$);
SELECT au_broken('{refund_posting}', $$UPDATE au.refund_posting SET amount = 100 WHERE refund_id = 4$$);
SELECT au_broken('{refund_posting}', $$DELETE FROM au.refund_posting WHERE refund_id = 5$$);
SELECT au_broken('{refund_posting}', $$UPDATE au.refund_posting SET sale_id = 999 WHERE refund_id = 5$$);
SELECT au_broken('{refund_posting}', $$UPDATE au.refund_posting SET sale_id = 3 WHERE refund_id = 7$$);
SELECT au_broken('{refund}', $$DELETE FROM au.refund WHERE refund_id = 4$$);
SELECT au_broken('{refund}', $$UPDATE au.refund SET order_key = 'o3' WHERE refund_id = 6$$);
SELECT au_broken('{refund}', $$UPDATE au.refund SET order_key = 'o3', amount = 51 WHERE refund_id = 6$$);
SELECT au_broken('{refund}', $$UPDATE au.refund SET order_key = 'o1', line_key = '2' WHERE refund_id = 6$$);
SELECT au_broken('{refund}', $$UPDATE au.refund SET order_key = 'o1', line_key = '3' WHERE refund_id = 6$$);
SELECT au_broken('{refund_line}', $$UPDATE au.refund_line SET amount = amount + 1 WHERE refund_id = 1 AND line = 1$$);
SELECT au_broken('{refund_line}', $$DELETE FROM au.refund_line WHERE refund_id = 2$$);
SELECT au_broken('{refund_line}', $$INSERT INTO au.refund_line VALUES (1, 9, 1), (6, 1, 1)$$);

-- Adjustments and payouts
SELECT au_broken('{ledger}', $$DELETE FROM au.ledger WHERE source = 'adjustment'$$);
SELECT au_broken('{adjustment}', $$UPDATE au.adjustment SET amount = 600$$);
SELECT au_broken('{adjustment}', $$UPDATE au.adjustment SET member_id = 77$$);
SELECT au_broken('{adjustment}', $$DELETE FROM au.adjustment$$);
SELECT au_broken('{payout}', $$UPDATE au.payout SET tax = 9 WHERE payout_id = 1$$);
SELECT au_broken('{payout}', $$DELETE FROM au.payout WHERE payout_id = 1$$);
SELECT au_broken('{payout}', $$UPDATE au.payout SET member_id = 78, terms_version = 4 WHERE payout_id = 1$$);
SELECT au_broken('{ledger}', $$DELETE FROM au.ledger WHERE source = 'payout' AND source_id = 1 AND rule = 'fee'$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET amount = 190 WHERE source = 'payout_failure' AND rule = 'payout'$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET reverses = 1 WHERE source = 'payout_failure' AND rule = 'payout'$$);
SELECT au_broken('{payout_failure}', $$DELETE FROM au.payout_failure$$);
SELECT au_broken('{payout_failure}', $$INSERT INTO au.payout_failure VALUES (1, now(), 'again', now(), 'me')$$);
SELECT au_broken('{payout_approval,payout_settlement,payout_failure,payout_batch,payout_batch_item}',
	$$UPDATE au.payout_approval SET payout_id = 51 WHERE payout_id = 1$$, $$UPDATE au.payout_settlement SET payout_id = 52$$,
	$$INSERT INTO au.payout_failure VALUES (53, now(), 'none', now(), 'me')$$, $$INSERT INTO au.payout_batch_item VALUES (54, 1)$$,
	$$DELETE FROM au.payout_batch$$);
SELECT au_broken('{ledger,adjustment}', $$UPDATE au.ledger SET amount = 90 WHERE source = 'adjustment'$$, $$UPDATE au.adjustment SET amount = 90$$);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET available_at = posted_at + interval '2 days' WHERE source = 'adjustment'$$);

-- Checkpoints and closed periods
SELECT close_period('au', '2020-01-01', '2019'), close_period('au', now() - interval '1 ms', 'until now');
SELECT * FROM audit('au');
SELECT au_broken('{account}', $$UPDATE au.account SET available = available + 1 WHERE member_id = 1$$);
SELECT au_broken('{account}', $$UPDATE au.account SET entries = entries + 1 WHERE member_id = 1$$);
SELECT au_broken('{account}', $$INSERT INTO au.account VALUES (1, 'USD', 5)$$);
SELECT au_broken('{account}', $$DELETE FROM au.account WHERE member_id = 3$$);
SELECT au_broken('{program}', $$UPDATE au.program SET folded_through = folded_through - 1$$);
SELECT au_broken('{held,account}', $$DELETE FROM au.held$$,
	$$UPDATE au.account a SET available = (SELECT sum(amount) FROM au.ledger l WHERE l.member_id = a.member_id AND l.entry_id <= (SELECT folded_through FROM au.program))
	  WHERE EXISTS (SELECT FROM au.ledger l WHERE l.member_id = a.member_id)$$);
SELECT au_broken('{held}', $$UPDATE au.held SET available_at = now()$$);
SELECT au_broken('{held}', $$INSERT INTO au.held VALUES (4, 'CNY', 9999, 0, NULL, 1)$$);
SELECT au_broken('{closed_period}', $$UPDATE au.closed_period SET through_entry_id = 9999 WHERE name = '2019'$$);
SELECT au_broken('{closed_period}', $$UPDATE au.closed_period SET closed_at = '2019-01-01' WHERE name = '2019'$$);

SELECT au_broken('{ledger}', $$UPDATE au.ledger SET rule = 'once upon a time' WHERE entry_id = (SELECT max(entry_id) FROM au.ledger WHERE source = 'sale')$$);
SELECT au_broken('{ledger,program,account,held}', $$UPDATE au.program SET folded_through = 0$$, $$DELETE FROM au.account$$, $$DELETE FROM au.held$$,
	$$UPDATE au.ledger SET amount = amount - 1, available_at = '2026-01-01' WHERE source = 'adjustment'$$);

-- Tables of the user's, behind the back of the triggers
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$UPDATE au_orders SET status = 'paid' WHERE id = 10$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$UPDATE au_orders SET status = 'placed' WHERE id = 1$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$DELETE FROM au_orders WHERE id = 1$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$UPDATE au_orders SET status = 'refunded' WHERE id = 1$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$UPDATE au_orders SET refunded = 6 WHERE id = 3$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$UPDATE au_orders SET amount = 1 WHERE id = 4$$,
	$$UPDATE au_orders SET member = 5 WHERE id = 5$$, $$UPDATE au_orders SET at = '2026-02-02' WHERE id = 6$$,
	$$UPDATE au_orders SET currency = 'USD' WHERE id = 7$$, $$UPDATE au_orders SET color = 'blue' WHERE id = 8$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$INSERT INTO au_refunds VALUES ('r2', 4, 2)$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$UPDATE au_refunds SET amount = 1$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$SET LOCAL session_replication_role = replica$$, $$DELETE FROM au_refunds WHERE no = 'x'$$, $$RESET session_replication_role$$);
SELECT au_broken('{}', $$ALTER TABLE au_orders DISABLE TRIGGER distributor_orders_au_update$$);
SELECT au_broken('{}', $$DROP TRIGGER distributor_refunds_au_insert ON au_refunds_1$$);
SELECT au_broken('{}', $$CREATE TABLE au_refunds_3 PARTITION OF au_refunds FOR VALUES IN ('r3')$$);
-- while the program is paused nothing is missed
SELECT pause('au');
UPDATE au_orders SET status = 'paid' WHERE id = 10;
SELECT * FROM audit('au');
SELECT resume('au');
SELECT * FROM audit('au');

-- The guards
BEGIN;
ALTER TABLE au.ledger DISABLE TRIGGER guard_row;
-- a restore with --disable-triggers leaves it so
ALTER TABLE au.sale ENABLE TRIGGER guard_row;
ALTER TABLE au.plan ENABLE REPLICA TRIGGER guard_insert;
DROP TRIGGER guard_change ON au.account;
SELECT * FROM audit('au');
ROLLBACK;

-- since: what was posted later
SELECT clock_timestamp() AS later \gset
SELECT record_sale('au', 'last', 4, 100);
SELECT record_refund('au', 'o3', 'a late one', 5);
SELECT count(*) FROM audit('au', :'later');
BEGIN;
ALTER TABLE au.ledger DISABLE TRIGGER USER;
UPDATE au.ledger SET amount = amount + 1 WHERE source = 'sale' AND source_id = 2 AND rule = 'sales' AND level = 1;
UPDATE au.ledger SET amount = amount + 1 WHERE source = 'sale' AND source_id = 3 AND rule = 'sales' AND level = 1;
UPDATE au.ledger SET amount = amount + 1 WHERE source = 'sale' AND source_id = (SELECT sale_id FROM au.sale WHERE order_key = 'last') AND rule = 'sales' AND level = 1;
SELECT invariant, object FROM audit('au', :'later') WHERE invariant NOT IN ('guard', 'checkpoint', 'held') ORDER BY 1, 2;
SELECT invariant, object FROM audit('au', 'infinity') WHERE invariant NOT IN ('guard', 'checkpoint', 'held');
ROLLBACK;

-- It writes nothing, and needs to see everything.
BEGIN READ ONLY;
SELECT * FROM audit('au');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT * FROM audit('au');
COMMIT;
SELECT * FROM audit(NULL);
SELECT * FROM audit('au', NULL);
SELECT * FROM audit('nowhere');
CREATE ROLE regress_au;
SET ROLE regress_au;
SELECT * FROM audit('au');
RESET ROLE;
GRANT USAGE ON SCHEMA au, distributor TO regress_au;
GRANT SELECT ON ALL TABLES IN SCHEMA au TO regress_au;
SET ROLE regress_au;
SELECT * FROM audit('au');
RESET ROLE;
GRANT SELECT ON au_orders, au_refunds TO regress_au;
SET ROLE regress_au;
SELECT * FROM audit('au');
RESET ROLE;
ALTER TABLE au_orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON au_orders USING (id < 5);
SET ROLE regress_au;
SELECT * FROM audit('au');
RESET ROLE;
ALTER TABLE au_orders DISABLE ROW LEVEL SECURITY;
ALTER TABLE au.sale ENABLE ROW LEVEL SECURITY;
SET ROLE regress_au;
SELECT * FROM audit('au');
SET row_security = off;
SELECT * FROM audit('au');
RESET row_security;
RESET ROLE;
ALTER TABLE au.sale DISABLE ROW LEVEL SECURITY;
SELECT * FROM audit('au');

-- In a rewound cursor, and where the result is not read to its end.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT invariant FROM audit('au');
FETCH ALL c;
MOVE ABSOLUTE 0 c;
FETCH ALL c;
COMMIT;

-- A ledger by months.
SELECT partition_ledger('au');
SELECT * FROM audit('au');
SELECT record_sale('au', 'in a month', 6, 100);
SELECT au_broken('{ledger}', $$UPDATE au.ledger SET amount = amount + 1 WHERE entry_id = (SELECT max(entry_id) FROM au.ledger WHERE source = 'sale')$$);
BEGIN;
ALTER TABLE au.ledger_default DISABLE TRIGGER ALL;
SELECT * FROM audit('au');
ROLLBACK;

DROP TABLE au_orders, au_refunds;
SELECT * FROM audit('au');
SELECT drop_program('au');
DROP OWNED BY regress_au;
DROP ROLE regress_au;
DROP FUNCTION au_broken;
