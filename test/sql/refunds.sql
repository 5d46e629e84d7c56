--
-- Refunds by call: what they take back and what they refuse
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT create_program('rf', 'CNY', time_zone => 'UTC');
SELECT set_plan('rf', '{"rules": [
	{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "3.33%"]},
	{"name": "goods", "kind": "unilevel", "per": "line", "levels": ["7%", "1%"]},
	{"name": "match", "kind": "override", "of": ["sales"], "levels": ["50%"]}]}');
SELECT add_member('rf', 1), add_member('rf', 2, 1), add_member('rf', 3, 2), add_member('rf', 4, 3);

-- what each entry of an order holds: rule/line:level:member=amount, refunds behind it
CREATE VIEW rf_entries AS
	SELECT s.order_key, l.rule, l.line, l.level, l.member_id, l.basis, l.amount,
		   array_agg(t.amount ORDER BY t.entry_id) FILTER (WHERE t.entry_id IS NOT NULL) AS taken,
		   l.amount + coalesce(sum(t.amount), 0) AS remains
	  FROM rf.sale s
	  JOIN rf.ledger l ON l.source = 'sale' AND l.source_id = s.sale_id
	  LEFT JOIN rf.ledger t ON t.source = 'refund' AND t.reverses = l.entry_id
	 GROUP BY s.order_key, l.rule, l.line, l.level, l.member_id, l.basis, l.amount, l.entry_id;
-- whatever is wrong with the refunds of the program
CREATE VIEW rf_wrong AS
	SELECT 'below zero' AS what, order_key AS which FROM rf_entries WHERE remains < 0
	UNION ALL
	SELECT 'left of a refunded order', e.order_key FROM rf_entries e JOIN rf.sale s USING (order_key)
	 WHERE (SELECT sum(p.amount) FROM rf.refund_posting p WHERE p.sale_id = s.sale_id) = s.amount AND e.remains <> 0
	UNION ALL
	SELECT 'more than the order', s.order_key FROM rf.sale s
	 WHERE (SELECT sum(p.amount) FROM rf.refund_posting p WHERE p.sale_id = s.sale_id) > s.amount
	UNION ALL
	SELECT 'more than the line', s.order_key FROM rf.sale s JOIN rf.sale_line l USING (sale_id)
	 WHERE (SELECT sum(t.amount) FROM rf.refund_posting p JOIN rf.refund_line t USING (refund_id)
			 WHERE p.sale_id = l.sale_id AND t.line = l.line) > l.amount
	UNION ALL
	SELECT 'other place than its entry', t.entry_id::text FROM rf.ledger t LEFT JOIN rf.ledger l ON l.entry_id = t.reverses AND l.source = 'sale'
	 WHERE t.source = 'refund' AND (l.member_id, l.level, l.line, l.basis, l.rule, l.currency)
		   IS DISTINCT FROM (t.member_id, t.level, t.line, t.basis, t.rule, t.currency)
	UNION ALL
	SELECT 'other sale than its entry', t.entry_id::text
	  FROM rf.ledger t JOIN rf.ledger l ON l.entry_id = t.reverses LEFT JOIN rf.refund_posting p ON p.refund_id = t.source_id
	 WHERE p.sale_id IS DISTINCT FROM l.source_id
	UNION ALL
	SELECT 'waits for an order that is there', r.refund_key FROM rf.refund r JOIN rf.sale s USING (order_key)
	 WHERE NOT EXISTS (SELECT FROM rf.refund_posting p WHERE p.refund_id = r.refund_id);

--
-- All of an order
--
SELECT record_sale('rf', 'A', 4, 100);
SELECT record_refund('rf', 'A', 'A-1');
SELECT rule, line, level, member_id, amount, taken, remains FROM rf_entries WHERE order_key = 'A' ORDER BY rule, level;
SELECT member_id, balance, entries FROM rf.balance ORDER BY member_id;
SELECT refund_key, order_key, line_key, amount, author IS NOT NULL AS by_call FROM rf.refund;
-- the same again, in whatever form, is the same; more is too much
SELECT record_refund('rf', 'A', 'A-1') = 1 AS same;
SELECT fails($$SELECT record_refund('rf', 'A', 'A-2')$$);
SELECT fails($$SELECT record_refund('rf', 'A', 'A-2', 0.01)$$);

--
-- Parts of an order: rounded once, divided by what remains
--
SELECT record_sale('rf', 'B', 4, 99.99);
SELECT record_refund('rf', 'B', 'B-1', 33.33);
SELECT record_refund('rf', 'B', 'B-2', 33.33, occurred_at => '2026-01-02');
SELECT record_refund('rf', 'B', 'B-1', 33.330);
SELECT record_refund('rf', 'B', 'B-2', 33.33);
SELECT rule, level, member_id, amount, taken, remains FROM rf_entries WHERE order_key = 'B' ORDER BY rule, level;
SELECT fails($$SELECT record_refund('rf', 'B', 'B-3', 33.34)$$);
SELECT record_refund('rf', 'B', 'B-3', 33.33);
SELECT rule, level, member_id, amount, taken, remains FROM rf_entries WHERE order_key = 'B' ORDER BY rule, level;
-- as the reports show it
SELECT order_key, refund_key, member_id, rule, level, amount, reverses IS NOT NULL AS reverses,
	   occurred_at = '2026-01-02' AS then FROM rf.earnings WHERE order_key = 'B' ORDER BY entry_id;
SELECT rule, level, member_id, amount FROM explain('rf', 'B') WHERE amount IS NOT NULL;

--
-- The same key with other content
--
SELECT s AS statement, fails(s) FROM unnest(ARRAY[
	$$SELECT record_refund('rf', 'B', 'B-1', 33)$$,
	$$SELECT record_refund('rf', 'B', 'B-1')$$,
	$$SELECT record_refund('rf', 'A', 'B-1', 33.33)$$,
	$$SELECT record_refund('rf', 'B', 'B-1', 33.33, '1')$$,
	$$SELECT record_refund('rf', 'B', 'B-2', 33.33, occurred_at => '2026-01-03')$$]) AS s;
-- keys that differ in case are two
SELECT fails($$SELECT record_refund('rf', 'B', 'b-1')$$);

--
-- Bad inputs
--
SELECT record_sale('rf', 'C', 4, 100);
SELECT s AS statement, fails('SELECT record_refund(' || s || ')') FROM unnest(ARRAY[
	$$NULL, 'C', 'x'$$, $$'rf', NULL, 'x'$$, $$'rf', 'C', NULL$$, $$'rf', '', 'x'$$, $$'rf', 'C', ''$$,
	$$'rf', 'C', repeat('k', 1048576)$$, $$'rf', repeat('k', 1048576), 'x'$$, $$'rf', 'C', 'x', 1, ''$$,
	$$'rf', 'C', 'x', 1, repeat('k', 1048576)$$,
	$$'rf', 'C', 'x', 0$$, $$'rf', 'C', 'x', -1$$, $$'rf', 'C', 'x', 'NaN'$$, $$'rf', 'C', 'x', 'Infinity'$$,
	$$'rf', 'C', 'x', '-Infinity'$$, $$'rf', 'C', 'x', 100.01$$, $$'rf', 'C', 'x', 1e20$$, $$'rf', 'C', 'x', 1e-1001$$,
	$$'rf', 'C', 'x', 1, 'no line'$$, $$'rf', 'C', 'x', occurred_at => 'infinity'$$, $$'nowhere', 'C', 'x'$$]) AS s;
SELECT count(*) FROM rf.refund WHERE order_key = 'C';
-- the smallest amounts take nothing until they are a unit
SELECT record_refund('rf', 'C', 'C-1', 0.001), record_refund('rf', 'C', 'C-2', 1e-6), record_refund('rf', 'C', 'C-3', 99.9);
SELECT record_refund('rf', 'C', 'C-4');
SELECT rule, level, member_id, amount, taken, remains FROM rf_entries WHERE order_key = 'C' ORDER BY rule, level;

--
-- An order over nothing is refunded once, as a plan may pay fixed amounts for it
--
SELECT record_sale('rf', 'Z', 4, 0);
SELECT record_refund('rf', 'Z', 'Z-1');
SELECT fails($$SELECT record_refund('rf', 'Z', 'Z-2')$$);

--
-- Lines
--
SELECT record_sale('rf', 'L', 4, 105, lines => '[{"key": "a", "amount": 60}, {"key": "b", "amount": 33.34}, {"amount": 6.66}]');
SELECT record_refund('rf', 'L', 'L-1', 20, 'a');
SELECT rule, line, level, member_id, amount, taken FROM rf_entries WHERE order_key = 'L' ORDER BY rule, line, level;
-- of the whole order: of every line in proportion, and of the shipping
SELECT record_refund('rf', 'L', 'L-2', 42.50);
SELECT r.refund_key, l.line, l.amount FROM rf.refund r LEFT JOIN rf.refund_line l USING (refund_id) WHERE r.order_key = 'L' ORDER BY 1, 2;
SELECT fails($$SELECT record_refund('rf', 'L', 'L-3', 20.01, 'a')$$);
SELECT record_refund('rf', 'L', 'L-3', line_key => 'a');
SELECT fails($$SELECT record_refund('rf', 'L', 'L-4', line_key => 'a')$$);
SELECT record_refund('rf', 'L', 'L-5', line_key => '3');
SELECT record_refund('rf', 'L', 'L-6', line_key => 'b');
SELECT rule, line, level, member_id, amount, taken, remains FROM rf_entries WHERE order_key = 'L' ORDER BY rule, line, level;
-- what remains is the shipping
SELECT record_refund('rf', 'L', 'L-7');
SELECT p.amount FROM rf.refund r JOIN rf.refund_posting p USING (refund_id) WHERE r.refund_key = 'L-7';
SELECT rule, line, sum(remains) FROM rf_entries WHERE order_key = 'L' GROUP BY 1, 2 ORDER BY 1, 2;
-- lines that add up to more than was paid: whoever comes last takes what is left
SELECT record_sale('rf', 'D', 4, 90, lines => '[{"key": "a", "amount": 60}, {"key": "b", "amount": 50}]');
SELECT record_refund('rf', 'D', 'D-1', line_key => 'b'), record_refund('rf', 'D', 'D-2', line_key => 'a');
SELECT r.refund_key, p.amount FROM rf.refund r JOIN rf.refund_posting p USING (refund_id) WHERE r.order_key = 'D' ORDER BY 1;
TABLE rf_wrong;

--
-- Before the order: the refund waits
--
SELECT record_refund('rf', 'E', 'E-1', 40);
SELECT record_refund('rf', 'E', 'E-2', 10, 'a');
SELECT record_refund('rf', 'E', 'E-1', 40);
SELECT refund_key, amount FROM rf.refund r WHERE NOT EXISTS (SELECT FROM rf.refund_posting p WHERE p.refund_id = r.refund_id);
SELECT record_sale('rf', 'E', 4, 100, lines => '[{"key": "a", "amount": 100}]');
SELECT rule, line, level, member_id, amount, taken FROM rf_entries WHERE order_key = 'E' ORDER BY rule, line, level;
-- the order again takes nothing again
SELECT record_sale('rf', 'E', 4, 100, lines => '[{"key": "a", "amount": 100}]');
SELECT count(*), sum(p.amount) FROM rf.refund_posting p JOIN rf.sale s USING (sale_id) WHERE s.order_key = 'E';
-- one that does not fit its order does not keep it out: it stays where it is
SELECT record_refund('rf', 'F', 'F-1', 100.01), record_refund('rf', 'F', 'F-2', 1, 'x'), record_refund('rf', 'F', 'F-3', 25);
SELECT record_sale('rf', 'F', 4, 100);
SELECT r.refund_key, p.amount AS posted FROM rf.refund r LEFT JOIN rf.refund_posting p USING (refund_id) WHERE r.order_key = 'F' ORDER BY 1;
TABLE rf_wrong;
SELECT fails($$SELECT record_refund('rf', 'F', 'F-1', 100.01)$$);
SELECT record_refund('rf', 'F', 'F-4');
-- in one transaction, and what is rolled back is not there
BEGIN;
SAVEPOINT a;
SELECT record_refund('rf', 'G', 'G-1') IS NOT NULL AS parked;
SELECT record_sale('rf', 'G', 4, 100) IS NOT NULL AS posted;
SELECT sum(amount) FROM rf.earnings WHERE order_key = 'G';
ROLLBACK TO a;
SELECT record_sale('rf', 'G', 4, 100) IS NOT NULL AS posted;
SELECT record_refund('rf', 'G', 'G-1', 50) IS NOT NULL AS refunded;
COMMIT;
SELECT sum(amount) FROM rf.earnings WHERE order_key = 'G';

--
-- Moves, ranks, states and plans that have changed since play no part
--
SELECT record_sale('rf', 'H', 4, 100);
SELECT add_member('rf', 5, 1), move_member('rf', 3, 5), set_state('rf', 2, 'left'), set_state('rf', 1, 'frozen');
SELECT set_plan('rf', '{"rules": [{"name": "other", "kind": "unilevel", "levels": ["50%"]}]}', clock_timestamp() + '1 ms');
SELECT record_refund('rf', 'H', 'H-1', 50), record_refund('rf', 'H', 'H-2');
SELECT rule, level, member_id, amount, taken, remains FROM rf_entries WHERE order_key = 'H' ORDER BY rule, level;

--
-- Other currencies, with other decimals
--
SELECT record_sale('rf', 'J', 4, 1000, 'JPY', occurred_at => '2020-01-01');
SELECT record_refund('rf', 'J', 'J-1', 333);
SELECT rule, level, amount, taken FROM rf_entries WHERE order_key = 'J' ORDER BY rule, level;
SELECT member_id, currency, balance FROM rf.balance WHERE currency = 'JPY' ORDER BY member_id;

--
-- Volumes count what was not refunded
--
SELECT (SELECT sum(amount) FROM rf.sale WHERE member_id = 4 AND currency = 'CNY')
	 - (SELECT sum(p.amount) FROM rf.refund_posting p JOIN rf.sale s USING (sale_id) WHERE s.member_id = 4 AND s.currency = 'CNY') AS net;
SELECT personal_volume FROM rf.team WHERE member_id = 4;
SELECT member_id, personal_volume, team_volume FROM team('rf', 1);

--
-- A dry run compares what the plan would have paid with what was paid, both
-- before refunds
--
SELECT rule, sum(would_pay) AS would_pay, sum(paid) AS paid, sum(difference) AS difference
  FROM dry_run('rf', (SELECT document::json FROM rf.plan WHERE version = 1)) GROUP BY rule ORDER BY rule;

--
-- What was recorded stays
--
SELECT fails(s) FROM unnest(ARRAY['UPDATE rf.refund SET amount = 1', 'DELETE FROM rf.refund_posting', 'DELETE FROM rf.refund_line',
	'INSERT INTO rf.refund_posting VALUES (1, 1, 1)']) AS s;
TABLE rf_wrong;

--
-- Whatever comes in whatever order: nothing is ever taken twice, and nothing
-- is left at the end
--
\set seed 0.20261122
\echo seed :seed
SELECT set_config('rf.seed', :'seed', false);
SET client_min_messages = error;
CREATE FUNCTION rf_model(steps int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	orders int := 0;
	refunds int := 0;
	refused int := 0;
	again int := 0;
	what float8;
	key text;
	row record;
	amount numeric;
BEGIN
	PERFORM setseed(current_setting('rf.seed')::float8);
	FOR step IN 1..steps LOOP
		what := random();
		key := 'M' || floor(random() * steps / 4);
		amount := CASE WHEN random() < 0.2 THEN NULL ELSE round((random() * 60)::numeric, floor(random() * 3)::int) + 0.01 END;
		IF what < 0.3 THEN
			-- an order, or one again, which is refused unless it is the same
			BEGIN
				PERFORM record_sale('rf', key, 1 + floor(random() * 6)::int, round((random() * 100)::numeric, 2),
					CASE WHEN random() < 0.1 THEN 'JPY' END,
					occurred_at => CASE WHEN random() < 0.7 THEN '2020-01-01'::timestamptz END,
					lines => CASE WHEN random() < 0.5 THEN json_build_array(
						json_build_object('key', 'a', 'amount', round((random() * 40)::numeric, 2)),
						json_build_object('key', 'b', 'amount', round((random() * 40)::numeric, 2)),
						json_build_object('amount', round((random() * 40)::numeric, 2)))::jsonb END);
				orders := orders + 1;
			EXCEPTION WHEN unique_violation THEN
				again := again + 1;
			END;
		ELSIF what < 0.85 THEN
			BEGIN
				PERFORM record_refund('rf', key, 'R' || step, amount,
					CASE WHEN random() < 0.3 THEN (ARRAY['a', 'b', '3'])[1 + floor(random() * 3)::int] END);
				refunds := refunds + 1;
			EXCEPTION WHEN check_violation OR foreign_key_violation THEN
				refused := refused + 1;
			END;
		ELSIF what < 0.9 THEN
			-- a refund again
			SELECT r.* INTO row FROM rf.refund r JOIN rf.refund_posting p USING (refund_id)
			 WHERE r.refund_key ~ '^R' ORDER BY random() LIMIT 1;
			IF row.refund_id IS NOT NULL AND record_refund('rf', row.order_key, row.refund_key, row.amount, row.line_key) <> row.refund_id THEN
				RAISE EXCEPTION 'refund % came twice', row.refund_key;
			END IF;
		ELSIF what < 0.97 THEN
			BEGIN
				PERFORM move_member('rf', 1 + floor(random() * 6)::int, 1 + floor(random() * 6)::int);
			EXCEPTION WHEN check_violation THEN
				NULL;
			END;
		ELSE
			PERFORM set_plan('rf', json_build_object('rules', json_build_array(
				json_build_object('name', 'sales', 'kind', 'unilevel', 'levels', json_build_array('9%', floor(random() * 9) || '%', '1.11%')),
				json_build_object('name', 'match', 'kind', 'override', 'of', json_build_array('sales'), 'levels', json_build_array('33.3%')))),
				clock_timestamp() + '1 us');
		END IF;
		IF EXISTS (SELECT FROM rf_wrong w WHERE w.what <> 'waits for an order that is there') THEN
			RAISE EXCEPTION 'seed %, step %: %', current_setting('rf.seed'), step, (SELECT w FROM rf_wrong w LIMIT 1);
		END IF;
	END LOOP;
	-- what is left is refunded, in the end
	PERFORM record_refund('rf', s.order_key, 'end ' || s.order_key)
	   FROM rf.sale s WHERE s.amount > coalesce((SELECT sum(p.amount) FROM rf.refund_posting p WHERE p.sale_id = s.sale_id), 0)
	     OR NOT EXISTS (SELECT FROM rf.refund_posting p WHERE p.sale_id = s.sale_id);
	RETURN format('orders %s, refunds %s, some refused %s, orders told again %s', orders > 0, refunds > 0, refused > 0, again > 0);
END
$$;
SELECT add_member('rf', 6, 4);
SELECT rf_model(600);
SELECT what, count(*) FROM rf_wrong WHERE what <> 'waits for an order that is there' GROUP BY what;
SELECT s.order_key, l.member_id, sum(l.amount) FROM rf.earnings l JOIN rf.sale s USING (sale_id)
 GROUP BY s.order_key, l.member_id HAVING sum(l.amount) <> 0;
SELECT count(*) > 80 AS orders, (SELECT count(*) > 200 FROM rf.refund) AS refunds,
	   (SELECT count(*) FROM rf.balance WHERE balance <> 0) AS owed FROM rf.sale;

DROP VIEW rf_wrong, rf_entries;
DROP FUNCTION rf_model;
DROP SCHEMA rf CASCADE;
