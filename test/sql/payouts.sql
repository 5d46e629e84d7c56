--
-- Payouts: what they take and cost, what becomes of them, batches
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
CREATE FUNCTION po_set(program text, settings text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %I.program DISABLE TRIGGER guard_change', program);
	EXECUTE format('UPDATE %I.program SET %s', program, settings);
	EXECUTE format('ALTER TABLE %I.program ENABLE TRIGGER guard_change', program);
END
$$;
-- as record_fulfillment() would
CREATE FUNCTION po_release(program text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %I.sale_release DISABLE TRIGGER guard_insert', program);
	EXECUTE format('INSERT INTO %1$I.sale_release (sale_id, fulfilled_at, available_at, author)'
				   ' SELECT sale_id, now(), now(), current_user FROM %1$I.sale WHERE order_key = %2$L', program, key);
	EXECUTE format('ALTER TABLE %I.sale_release ENABLE TRIGGER guard_insert', program);
END
$$;
SELECT create_program('po', 'CNY', time_zone => 'Asia/Shanghai');
SELECT set_plan('po', '{"currencies": {"POINTS": {"scale": 0}, "GOLD": {"scale": 3}}, "rules": [
	{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%"]}]}');
SELECT add_member('po', 1), add_member('po', 2, 1), add_member('po', 3, 2), add_member('po', 4, 3);

-- whatever is wrong with the payouts of the program
CREATE VIEW po_wrong AS
	SELECT 'payout and its entries' AS what, p.payout_key AS which FROM po.payout p
	 WHERE (SELECT -sum(l.amount) FROM po.ledger l WHERE l.source = 'payout' AND l.source_id = p.payout_id) IS DISTINCT FROM p.amount
		OR (SELECT coalesce(-sum(l.amount), 0) FROM po.ledger l WHERE l.source = 'payout' AND l.source_id = p.payout_id AND l.rule = 'fee') <> p.fee
		OR (SELECT coalesce(-sum(l.amount), 0) FROM po.ledger l WHERE l.source = 'payout' AND l.source_id = p.payout_id AND l.rule = 'tax') <> p.tax
	UNION ALL
	SELECT 'failure and its entries', p.payout_key FROM po.payout p
	 WHERE EXISTS (SELECT FROM po.payout_failure f WHERE f.payout_id = p.payout_id)
		   IS DISTINCT FROM coalesce((SELECT sum(l.amount) FROM po.ledger l WHERE l.source = 'payout_failure' AND l.source_id = p.payout_id), 0) = p.amount
	UNION ALL
	SELECT 'entry given back', t.entry_id::text FROM po.ledger t LEFT JOIN po.ledger l ON l.entry_id = t.reverses
	 WHERE t.source = 'payout_failure' AND (l.member_id, l.rule, l.currency, -l.amount, l.source_id)
		   IS DISTINCT FROM (t.member_id, t.rule, t.currency, t.amount, t.source_id)
	UNION ALL
	SELECT 'below zero', format('%s %s', member_id, currency) FROM po.balance WHERE balance < 0;

--
-- By hand: the key is the door
--
SELECT adjust('po', 1, 100, 'welcome', 'a-1');
SELECT adjust('po', '1', 100.0, 'welcome', 'a-1') AS same, adjust('po', 1, 100, 'welcome', 'A-1') AS other_case;
SELECT adjust('po', 1, -100, 'one too many', 'a-2', currency => 'CNY');
SELECT adjust('po', 3, 7, 'game', 'a-3', 'POINTS'), adjust('po', 3, 1.125, 'gold', 'a-4', 'GOLD'), adjust('po', 3, 500, 'yen', 'a-5', 'JPY');
SELECT adjustment_key, member_id, amount, currency, kind, reason, author = current_user AS mine FROM po.adjustment ORDER BY adjustment_id;
SELECT source, rule, level, member_id, amount, currency, available_at = posted_at AS at_once, reverses FROM po.ledger ORDER BY entry_id;
SELECT s AS statement, fails('SELECT adjust(''po'', ' || s || ')') FROM unnest(ARRAY[
	$$1, 99, 'welcome', 'a-1'$$, $$2, 100, 'welcome', 'a-1'$$, $$1, 100, 'other', 'a-1'$$, $$1, 100, 'welcome', 'a-1', 'JPY'$$,
	$$1, 0, 'x', 'k'$$, $$1, 'NaN', 'x', 'k'$$, $$1, 'Infinity', 'x', 'k'$$, $$1, '-Infinity', 'x', 'k'$$, $$1, 1e15, 'x', 'k'$$, $$1, -1e131071, 'x', 'k'$$,
	$$1, 0.001, 'x', 'k'$$, $$1, 1e-400, 'x', 'k'$$, $$1, 0.5, 'x', 'k', 'JPY'$$, $$1, 1, 'x', 'k', 'ZZZ'$$, $$1, 1, 'x', 'k', 'cny'$$, $$1, 1, 'x', 'k', ''$$,
	$$9, 1, 'x', 'k'$$, $$'q', 1, 'x', 'k'$$, $$-1, 1, 'x', 'k'$$, $$NULL::bigint, 1, 'x', 'k'$$, $$1, NULL, 'x', 'k'$$, $$1, 1, NULL, 'k'$$, $$1, 1, '', 'k'$$,
	$$1, 1, 'x', NULL$$, $$1, 1, 'x', ''$$, $$1, 1, 'x', repeat('k', 1048576)$$]) AS s;
-- the same key works after an error
SELECT adjust('po', 1, 1, 'x', 'k') > 0 AS works, adjust('po', 1, -1, 'x', 'k-') > 0 AS back;

--
-- Requests without terms
--
SELECT request_payout('po', 1, 40, 'p-1');
SELECT request_payout('po', '1', 40.00, 'p-1') = 1 AS same, request_payout('po', 1, NULL, 'p-1') = 1 AS all_as_well;
SELECT request_payout('po', 1, 10, 'P-1') AS other_case;
SELECT request_payout('po', 1, NULL, 'p-2');
SELECT request_payout('po', 3, NULL, 'p-3', 'POINTS'), request_payout('po', 3, 0.125, 'p-4', 'GOLD');
SELECT payout_key, member_id, member_key, amount, fee, tax, net, currency, state, requested_at = approved_at AS at_once FROM po.payout_state ORDER BY payout_id;
SELECT s AS statement, fails('SELECT request_payout(''po'', ' || s || ')') FROM unnest(ARRAY[
	$$1, 41, 'p-1'$$, $$3, 40, 'p-1'$$, $$1, 40, 'p-1', 'JPY'$$,
	$$1, NULL, 'k'$$, $$1, 0.01, 'k'$$, $$3, 501, 'k', 'JPY'$$, $$3, 1, 'k'$$, $$3, 1.0001, 'k', 'GOLD'$$, $$3, 0.5, 'k', 'JPY'$$,
	$$3, 0, 'k', 'JPY'$$, $$3, -1, 'k', 'JPY'$$, $$3, 'NaN', 'k', 'JPY'$$, $$3, 'Infinity', 'k', 'JPY'$$, $$3, 1e20, 'k', 'JPY'$$, $$3, 1, 'k', 'ZZZ'$$, $$9, 1, 'k'$$,
	$$NULL::bigint, 1, 'k'$$, $$3, 1, NULL$$, $$3, 1, '', 'JPY'$$, $$3, 1, repeat('k', 1048576), 'JPY'$$]) AS s;
SELECT fails($$SELECT request_payout('nobody', 1, 1, 'k')$$), fails($$SELECT request_payout(NULL, 1, 1, 'k')$$);
SELECT request_payout('po', 3, 1, 'k', 'JPY') > 0 AS works;
-- who is frozen or has left may have what it has
SELECT set_state('po', 3, 'frozen'), request_payout('po', 3, 1, 'frozen', 'JPY') > 0 AS frozen;
SELECT set_state('po', 3, 'left'), request_payout('po', 3, 1, 'left', 'JPY') > 0 AS "left", adjust('po', 3, 1, 'late', 'left', 'JPY') > 0 AS adjusted;
SELECT set_state('po', 3, 'active');
TABLE po_wrong;

--
-- What becomes of them
--
SELECT settle_payout('po', 'p-1', 'bank 7', '2026-03-01 10:00+08'), settle_payout('po', 'p-1', 'bank 7'), settle_payout('po', 'p-1', 'bank 7', '2026-03-01 02:00Z');
SELECT fail_payout('po', 'p-2', 'no such account'), fail_payout('po', 'p-2', 'no such account');
SELECT approve_payout('po', 'p-1'), approve_payout('po', 'p-3');
SELECT s AS statement, fails('SELECT ' || s) FROM unnest(ARRAY[
	$$settle_payout('po', 'p-1', 'bank 8')$$, $$settle_payout('po', 'p-1')$$, $$settle_payout('po', 'p-1', 'bank 7', '2026-03-02')$$,
	$$settle_payout('po', 'p-2', 'bank 9')$$, $$approve_payout('po', 'p-2')$$, $$fail_payout('po', 'p-2', 'other')$$,
	$$settle_payout('po', 'none')$$, $$approve_payout('po', 'none')$$, $$fail_payout('po', 'none', 'x')$$, $$fail_payout('po', 'p-3', NULL)$$,
	$$fail_payout('po', 'p-3', '')$$, $$fail_payout('po', NULL, 'x')$$, $$fail_payout('po', '', 'x')$$, $$settle_payout('po', 'p-3', 'x', 'infinity')$$, $$settle_payout('po', 'P-3')$$]) AS s;
-- one that was settled may come back
SELECT fail_payout('po', 'p-1', 'came back');
SELECT payout_key, state, settled_at, reference, failed_at IS NOT NULL AS failed, failure FROM po.payout_state WHERE settled_at IS NOT NULL OR failed_at IS NOT NULL ORDER BY payout_id;
SELECT l.source, p.payout_key, l.rule, l.amount, l.reverses IS NOT NULL AS reverses FROM po.ledger l JOIN po.payout p ON p.payout_id = l.source_id
 WHERE l.source ~ 'payout' AND p.payout_key IN ('p-1', 'p-2') ORDER BY l.entry_id;
-- the money can be paid out again, by another key
SELECT request_payout('po', 1, NULL, 'p-1') = 1 AS same, request_payout('po', 1, NULL, 'p-5') > 0 AS again;
SELECT amount FROM po.payout WHERE payout_key = 'p-5';
TABLE po_wrong;

--
-- Terms
--
SELECT set_payout_terms('po', minimum => 10, fee_fixed => 1, fee_rate => 0.006, free_count => 1, free_amount => 150,
	tax => '[{"over": 0, "rate": 0}, {"over": 200, "rate": "10%"}, {"over": 400, "rate": 0.2}]');
SELECT set_payout_terms('po', 'CNY', 10.00, 1.0, 0.0060, 1, 150, '[{"rate": "0%", "over": 0.0}, {"over": 200, "rate": 0.1}, {"over": 400, "rate": "20%"}]') AS same,
	   set_payout_terms('po', 'POINTS', approval => 'manual') AS other_currency;
SELECT set_payout_terms('po', 'JPY'), set_payout_terms('po', 'JPY', 5), set_payout_terms('po', 'JPY');
SELECT currency, version, minimum, fee_fixed, fee_rate, free_count, free_amount, tax, period, approval, author = current_user AS mine FROM po.payout_terms ORDER BY 1, 2;
SELECT s AS statement, fails('SELECT set_payout_terms(''po'', ' || s || ')') FROM unnest(ARRAY[
	$$'ZZZ'$$, $$minimum => -1$$, $$minimum => 'NaN'$$, $$minimum => 0.001$$, $$minimum => NULL$$, $$fee_fixed => -1$$, $$fee_fixed => 'Infinity'$$, $$fee_rate => 1$$,
	$$fee_rate => -0.1$$, $$fee_rate => 'NaN'$$, $$fee_rate => 0.00000000001$$, $$free_count => -1$$, $$free_amount => -1$$, $$free_amount => 1e400$$, $$period => 'week'$$,
	$$period => NULL$$, $$approval => 'never'$$, $$tax => NULL$$, $$tax => '{}'$$, $$tax => '1'$$, $$tax => '[1]'$$, $$tax => '[{"over": 1, "rate": 0}]'$$, $$tax => '[{"over": 0}]'$$, $$tax => '[{"rate": 0}]'$$,
	$$tax => '[{"over": 0, "rate": 0}, {"over": 0, "rate": 0}]'$$, $$tax => '[{"over": 0, "rate": 0}, {"over": 5, "rate": 0}, {"over": 4, "rate": 0}]'$$,
	$$tax => '[{"over": 0, "rate": 1}]'$$, $$tax => '[{"over": 0, "rate": "100%"}]'$$, $$tax => '[{"over": 0, "rate": "10"}]'$$, $$tax => '[{"over": 0, "rate": -0.1}]'$$,
	$$tax => '[{"over": 0, "rate": null}]'$$, $$tax => '[{"over": "0", "rate": 0}]'$$, $$tax => '[{"over": -1, "rate": 0}]'$$, $$tax => '[{"over": 0, "rate": 0}, {"over": 1e15, "rate": 0}]'$$,
	$$tax => '[{"over": 0, "rate": 0, "upto": 3}]'$$, $$fee_rate => 0.5, tax => '[{"over": 0, "rate": "51%"}]'$$,
	$$tax => (SELECT jsonb_agg(jsonb_build_object('over', i, 'rate', 0)) FROM generate_series(0, 100) AS i)$$]) AS s;

-- fee: none for the first payout, then 1 and 0.6 % of what is above 150 in the month
-- tax: 10 % of what is above 200 in the month, 20 % of what is above 400
SELECT adjust('po', 2, 1000, 'start', 'two');
SELECT request_payout('po', 2, 100, 't-1'), request_payout('po', 2, 80, 't-2'), request_payout('po', 2, 33.35, 't-3'), request_payout('po', 2, 300.05, 't-4');
SELECT payout_key, amount, fee, tax, net FROM po.payout_state WHERE payout_key ~ 't-' ORDER BY 1;
SELECT l.rule, l.amount FROM po.ledger l JOIN po.payout p ON p.payout_id = l.source_id AND l.source = 'payout' WHERE p.payout_key = 't-4' ORDER BY l.entry_id;
-- what failed does not count: t-5 costs what t-4 has cost, but that t-2 is gone
SELECT fail_payout('po', 't-4', 'x'), fail_payout('po', 't-2', 'x');
SELECT request_payout('po', 2, 300.05, 't-5');
SELECT payout_key, amount, fee, tax, net, terms_version FROM po.payout_state JOIN po.payout USING (payout_key, amount, fee, tax) WHERE payout_key = 't-5';
SELECT fails($$SELECT request_payout('po', 2, 9.99, 't-6')$$), fails($$SELECT request_payout('po', 2, NULL, 't-1')$$);
-- a month is one of the program's clock; here the first payout is put before its beginning, and then to it
CREATE FUNCTION po_shift(key text, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE po.payout DISABLE TRIGGER USER;
	UPDATE po.payout SET requested_at = at WHERE payout_key = key;
	ALTER TABLE po.payout ENABLE TRIGGER USER;
	ALTER TABLE po.payout ENABLE ALWAYS TRIGGER guard_row;
	ALTER TABLE po.payout ENABLE ALWAYS TRIGGER guard_change;
END
$$;
SELECT adjust('po', 4, 1000, 'start', 'four');
SELECT request_payout('po', 4, 250, 'm-1');
SELECT po_shift('m-1', date_trunc('month', now(), 'Asia/Shanghai') - interval '1 microsecond');
SELECT request_payout('po', 4, 250, 'm-2');
SELECT po_shift('m-1', date_trunc('month', now(), 'Asia/Shanghai'));
SELECT request_payout('po', 4, 250, 'm-3');
SELECT payout_key, amount, fee, tax, net FROM po.payout_state WHERE payout_key ~ 'm-' ORDER BY 1;
-- never more than the amount
SELECT set_payout_terms('po', 'JPY', fee_fixed => 30, tax => '[{"over": 0, "rate": "50%"}]');
SELECT adjust('po', 4, 100, 'yen', 'four yen', 'JPY');
SELECT request_payout('po', 4, 20, 'y-1', 'JPY'), request_payout('po', 4, 35, 'y-2', 'JPY'), request_payout('po', 4, 45, 'y-3', 'JPY');
SELECT payout_key, amount, fee, tax, net FROM po.payout_state WHERE payout_key ~ 'y-' ORDER BY 1;
-- by hand
SELECT request_payout('po', 3, NULL, 'none', 'GOLD') > 0 AS gold;
SELECT adjust('po', 3, 9, 'game', 'game 2', 'POINTS'), request_payout('po', 3, 5, 'h-1', 'POINTS'), request_payout('po', 3, 4, 'h-2', 'POINTS');
SELECT fails($$SELECT settle_payout('po', 'h-1', 'x')$$);
SELECT approve_payout('po', 'h-1'), settle_payout('po', 'h-1', 'x'), fail_payout('po', 'h-2', 'rejected');
SELECT payout_key, state, approved_at IS NOT NULL AS approved FROM po.payout_state WHERE payout_key ~ 'h-' ORDER BY 1;
TABLE po_wrong;

--
-- What is pending is not there yet
--
SELECT po_set('po', $$hold_period = '7 days'$$);
SELECT record_sale('po', 'S-1', 4, 100);
SELECT fails($$SELECT request_payout('po', 3, NULL, 'pending')$$);
SELECT record_sale('po', 'S-2', 4, 100, occurred_at => now() - interval '8 days');
SELECT request_payout('po', 3, NULL, 'eight days') > 0 AS then;
SELECT amount FROM po.payout WHERE payout_key = 'eight days';
SELECT po_set('po', $$hold_start = 'fulfilled'$$);
SELECT record_sale('po', 'S-3', 4, 200);
SELECT fails($$SELECT request_payout('po', 3, NULL, 'unreleased')$$);
SELECT po_release('po', 'S-3');
SELECT record_refund('po', 'S-3', 'S-3 half', 100);
SELECT request_payout('po', 3, NULL, 'released') > 0 AS then;
SELECT amount FROM po.payout WHERE payout_key = 'released';
TABLE po_wrong;

--
-- Batches
--
SELECT create_program('pb', 'EUR', time_zone => 'UTC', key_type => 'text');
SELECT add_member('pb', 'ann'), add_member('pb', 'bob', 'ann'), add_member('pb', 'cid', 'ann'), add_member('pb', 'dot', 'ann'), add_member('pb', 'eve', 'ann');
SELECT set_payout_terms('pb', minimum => 10, fee_fixed => 2);
SELECT adjust('pb', k, a, 'start', k) FROM (VALUES ('ann', 100), ('bob', 9.99), ('cid', 10), ('dot', -5)) AS v(k, a);
SELECT adjust('pb', 'ann', 50, 'dollars', 'usd', 'USD');
SELECT request_payout('pb', 'ann', 30, 'r-1'), request_payout('pb', 'ann', 10, 'r-2'), settle_payout('pb', 'r-2');
SELECT create_payout_batch('pb', batch_key => 'b-1');
SELECT create_payout_batch('pb', batch_key => 'b-1') = 1 AS same, create_payout_batch('pb', NULL, 'EUR', 'b-1', true) = 1 AS same;
SELECT payout_key, member_key, amount, net, state, batch_key FROM pb.payout_state ORDER BY payout_id;
SELECT batch_key, currency, sweep, author = current_user AS mine FROM pb.payout_batch;
SELECT s AS statement, fails('SELECT create_payout_batch(''pb'', ' || s || ')') FROM unnest(ARRAY[
	$$batch_key => 'b-1', as_of => '2026-01-01'$$, $$batch_key => 'b-1', currency => 'USD'$$, $$batch_key => 'b-1', sweep => false$$,
	$$as_of => 'infinity'$$, $$as_of => now() + interval '1 day'$$, $$currency => 'ZZZ'$$, $$batch_key => ''$$, $$batch_key => repeat('k', 1048576)$$, $$sweep => NULL$$]) AS s;
-- one key is made of currency and time, in whatever time zone the session is
BEGIN;
SELECT create_payout_batch('pb', '2026-01-01 00:00+01', 'USD');
SET LOCAL timezone = 'Asia/Tokyo';
SELECT create_payout_batch('pb', '2026-01-01 08:00', 'USD') AS same;
SELECT batch_key FROM pb.payout_batch WHERE currency = 'USD';
SELECT count(*) FROM pb.payout_batch_item WHERE payout_batch_id > 1;
ROLLBACK;
-- other currencies are other batches
SELECT create_payout_batch('pb', currency => 'USD', batch_key => 'b-2') > 0 AS dollars;
SELECT payout_key, member_key, amount, fee, currency, batch_key FROM pb.payout_state WHERE currency = 'USD';
-- what became available after as_of is left for the next one; what was taken since is gone
SELECT adjust('pb', 'bob', 20, 'more', 'bob 2'), adjust('pb', 'cid', 100, 'more', 'cid 2'), adjust('pb', 'eve', 40, 'more', 'eve 2');
CREATE TABLE pb_moment AS SELECT clock_timestamp() AS at;
SELECT adjust('pb', 'bob', 1000, 'later', 'bob 3'), adjust('pb', 'cid', -60, 'later', 'cid 3'), adjust('pb', 'ann', 500, 'later', 'ann 3'), adjust('pb', 'eve', -35, 'later', 'eve 3');
SELECT create_payout_batch('pb', as_of => (SELECT at FROM pb_moment), batch_key => 'b-3') > 0 AS then;
SELECT payout_key, member_key, amount FROM pb.payout_state WHERE batch_key = 'b-3' ORDER BY payout_id;
-- without a sweep: what was requested and approved
SELECT set_payout_terms('pb', approval => 'manual');
SELECT request_payout('pb', 'ann', 11, 'r-3'), request_payout('pb', 'ann', 12, 'r-4'), request_payout('pb', 'ann', 13, 'r-5'), approve_payout('pb', 'r-3'), approve_payout('pb', 'r-5'), fail_payout('pb', 'r-5', 'x');
SELECT create_payout_batch('pb', batch_key => 'b-4', sweep => false) > 0 AS batch;
-- and where approval is by hand, a sweep only requests
SELECT create_payout_batch('pb', batch_key => 'b-5') > 0 AS batch;
SELECT payout_key, member_key, amount, state, batch_key FROM pb.payout_state WHERE payout_key ~ '^(r-[345]|b-[45])' ORDER BY payout_id;
-- what fails in a batch may be batched again only as another payout
SELECT fail_payout('pb', 'b-3 2', 'closed');
SELECT state, batch_key FROM pb.payout_state WHERE payout_key = 'b-3 2';
-- nobody loses all to a fee that nobody asked for
SELECT set_payout_terms('pb', fee_fixed => 7);
SELECT adjust('pb', 'eve', 2, 'more', 'eve 4');
SELECT create_payout_batch('pb', batch_key => 'b-6') > 0 AS batch;
SELECT payout_key, amount, net FROM pb.payout_state WHERE batch_key = 'b-6';
SELECT currency, balance FROM pb.balance WHERE member_key = 'eve';
-- a key that somebody has used
SELECT adjust('pb', 'cid', 100, 'more', 'cid 4'), request_payout('pb', 'cid', 9, 'b-7 3') > 0 AS used;
SELECT fails($$SELECT create_payout_batch('pb', batch_key => 'b-7')$$);
SELECT create_payout_batch('pb', batch_key => 'b-8') > 0 AS works;

--
-- The same where checkpoints have been taken
--
SELECT adjust('pb', 'dot', 100, 'more', 'dot 2'), adjust('pb', 'bob', -20, 'less', 'bob 4');
CALL fold('pb');
SELECT adjust('pb', 'dot', 10, 'more', 'dot 3'), adjust('pb', 'bob', 50, 'more', 'bob 5');
SELECT request_payout('pb', 'dot', 40, 'folded') > 0 AS folded, fails($$SELECT request_payout('pb', 'dot', 65.01, 'more')$$);
SELECT create_payout_batch('pb', batch_key => 'b-9') > 0 AS batch;
SELECT payout_key, member_key, amount FROM pb.payout_state WHERE payout_key = 'folded' OR batch_key = 'b-9' ORDER BY payout_id;
SELECT member_key, currency, balance FROM pb.balance ORDER BY 1, 2;

--
-- Rights
--
CREATE ROLE po_clerk;
SET ROLE po_clerk;
SELECT s AS statement, fails('SELECT ' || s) FROM unnest(ARRAY[
	$$adjust('po', 1, 1, 'x', 'clerk')$$, $$write_off('po')$$, $$set_payout_terms('po')$$, $$request_payout('po', 1, 1, 'clerk')$$, $$approve_payout('po', 'p-1')$$,
	$$settle_payout('po', 'p-1')$$, $$fail_payout('po', 'p-1', 'x')$$, $$create_payout_batch('po')$$]) AS s;
RESET ROLE;
GRANT USAGE ON SCHEMA po TO po_clerk;
GRANT INSERT ON po.payout_batch TO po_clerk;
SET ROLE po_clerk;
SELECT s AS statement, fails('SELECT ' || s) FROM unnest(ARRAY[
	$$adjust('po', 1, 1, 'x', 'clerk')$$, $$write_off('po')$$, $$set_payout_terms('po')$$, $$request_payout('po', 1, 1, 'clerk')$$, $$approve_payout('po', 'p-1')$$,
	$$settle_payout('po', 'p-1')$$, $$fail_payout('po', 'p-1', 'x')$$, $$create_payout_batch('po')$$, $$create_payout_batch('po', sweep => false, batch_key => 'clerk')$$]) AS s;
RESET ROLE;
GRANT INSERT ON po.adjustment, po.payout TO po_clerk;
SET ROLE po_clerk;
SELECT adjust('po', 1, 10, 'x', 'clerk') > 0 AS adjusted, request_payout('po', 1, 10, 'clerk') > 0 AS requested;
SELECT fails('TABLE po.ledger'), fails('TABLE po.payout_state'), fails('INSERT INTO po.payout DEFAULT VALUES');
RESET ROLE;
SELECT author FROM po.adjustment WHERE adjustment_key = 'clerk' UNION ALL SELECT author FROM po.payout WHERE payout_key = 'clerk';
TABLE po_wrong;

DROP VIEW po_wrong;
DROP FUNCTION po_set, po_release, po_shift;
DROP TABLE pb_moment;
SET client_min_messages = warning;
SELECT drop_program('po'), drop_program('pb');
DROP ROLE po_clerk;
