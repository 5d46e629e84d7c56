--
-- The audit of what is well and looks as if it were not
--
SET search_path = public, distributor;
SET timezone = 'UTC';
SET client_min_messages = warning;

SELECT create_program('aw', 'JPY');
SELECT set_plan('aw', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["8%"]}]}');
SELECT add_member('aw', 1), add_member('aw', 2, 1);

-- A refund too small to take anything of anybody leaves less of the lines to the next.
SELECT record_sale('aw', 'lines', 2, 46, lines => '[{"key": "a", "amount": 26}, {"key": "b", "amount": 20}]');
SELECT record_refund('aw', 'lines', 'small', 3), record_refund('aw', 'lines', 'large', 18, 'a'),
	   record_refund('aw', 'lines', 'small again', 3), record_refund('aw', 'lines', 'rest');
SELECT r.refund_key, l.line, l.amount, (SELECT sum(e.amount) FROM aw.ledger e WHERE e.source = 'refund' AND e.source_id = r.refund_id)
  FROM aw.refund r JOIN aw.refund_line l USING (refund_id) ORDER BY 1, 2;
SELECT * FROM audit('aw');

-- What is held when its release is known goes by that, and waits for it before.
SELECT alter_program('aw', hold_start => 'fulfilled', hold_period => '10 years');
SELECT record_sale('aw', 'held', 2, 100), record_sale('aw', 'unreleased', 2, 200);
SELECT record_fulfillment('aw', 'held'), record_refund('aw', 'held', 'of held', 50), record_refund('aw', 'unreleased', 'of unreleased', 50);
CALL fold('aw');
SELECT amount, available_at > now() AS later, sale_id FROM aw.held ORDER BY entry_id;
SELECT * FROM audit('aw');
SELECT record_fulfillment('aw', 'unreleased');
SELECT * FROM audit('aw');
CALL fold('aw');
SELECT amount, available_at > now() AS later, sale_id FROM aw.held ORDER BY entry_id;
SELECT * FROM audit('aw');

-- It must not be in a checkpoint, whether its release is known or not.
SELECT record_sale('aw', 'never', 2, 300);
CALL fold('aw');
BEGIN;
ALTER TABLE aw.held DISABLE TRIGGER USER;
ALTER TABLE aw.account DISABLE TRIGGER USER;
UPDATE aw.account SET available = available + (SELECT sum(amount) FROM aw.held);
DELETE FROM aw.held;
SELECT invariant, object, regexp_replace(expected, '\d{4}-.*', '*') AS expected, found FROM audit('aw') WHERE invariant <> 'guard' ORDER BY 2;
ROLLBACK;
SELECT drop_program('aw');
