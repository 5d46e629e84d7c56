--
-- Balances, checkpoints, statements and closed periods
--
SET search_path = public, distributor;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT create_program('bl', 'CNY', time_zone => 'UTC');
SELECT set_plan('bl', '{"currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "10%"]}]}');
SELECT add_member('bl', 1), add_member('bl', 2, 1), add_member('bl', 3, 2);

-- The same, told otherwise: every row of the ledger, and nothing else.
CREATE VIEW bl_naive AS
	SELECT l.member_id, l.currency, sum(l.amount) AS balance, count(*) AS entries, max(l.posted_at) AS last_posted_at,
		   coalesce(sum(l.amount) FILTER (WHERE NOT coalesce(coalesce(l.available_at, r.available_at) <= statement_timestamp(), false)), 0) AS pending
	  FROM bl.ledger l
	  LEFT JOIN bl.refund_posting p ON l.source = 'refund' AND p.refund_id = l.source_id
	  LEFT JOIN bl.sale_release r ON r.sale_id = CASE l.source WHEN 'sale' THEN l.source_id ELSE p.sale_id END
	 GROUP BY 1, 2;
CREATE VIEW bl_wrong AS
	SELECT coalesce(n.member_id, b.member_id) AS member_id, coalesce(n.currency, b.currency) AS currency, n.balance AS expected, b.balance AS found, n.pending, b.pending AS pending_found
	  FROM bl_naive n FULL JOIN bl.balance b USING (member_id, currency)
	 WHERE (n.balance, n.pending, n.balance - n.pending, n.entries, n.last_posted_at)
		   IS DISTINCT FROM (b.balance, b.pending, b.available, b.entries, b.last_posted_at)
	UNION ALL
	SELECT n.member_id, n.currency, n.balance, f.balance, n.pending, f.pending
	  FROM bl_naive n LEFT JOIN LATERAL balance('bl', n.member_id) f ON f.currency = n.currency
	 WHERE (n.balance, n.pending, n.balance - n.pending) IS DISTINCT FROM (f.balance, f.pending, f.available)
	UNION ALL
	SELECT n.member_id, n.currency, n.balance, f.balance, n.pending, f.pending
	  FROM bl_naive n LEFT JOIN LATERAL balance('bl', n.member_id, statement_timestamp()) f ON f.currency = n.currency
	 WHERE (n.balance, n.pending, n.balance - n.pending) IS DISTINCT FROM (f.balance, f.pending, f.available);
CREATE VIEW bl_folded AS
	SELECT p.folded_through, (SELECT sum(a.available) FROM bl.account a) AS available, (SELECT sum(h.amount) FROM bl.held h) AS held,
		   (SELECT count(*) FROM bl.held h) AS rows
	  FROM bl.program p;

-- nothing yet
SELECT * FROM balance('bl', 3);
SELECT kind, at, amount, balance, pending FROM statement('bl', 3);
TABLE bl.balance;
CALL fold('bl');
TABLE bl_folded;

-- available at once
SELECT record_sale('bl', 'A', 3, 100), record_sale('bl', 'B', 3, 50), record_sale('bl', 'P', 3, 1000, 'POINTS');
SELECT * FROM balance('bl', 2);
SELECT * FROM balance('bl', '2');
SELECT member_id, member_key, currency, balance, entries, pending, available FROM bl.balance ORDER BY 1, 3;
CALL fold('bl', 2);
TABLE bl_folded;
TABLE bl_wrong;
SELECT record_refund('bl', 'A', 'R1', 50);
TABLE bl_wrong;
CALL fold('bl');
TABLE bl_folded;
TABLE bl_wrong;

-- pending until its hold period ends, and until its order is fulfilled
SET session_replication_role = replica;
UPDATE bl.program SET hold_period = '1 hour';
RESET session_replication_role;
SELECT record_sale('bl', 'C', 3, 10), record_sale('bl', 'D', 3, 20, occurred_at => now() - interval '2 hours');
SET session_replication_role = replica;
UPDATE bl.program SET hold_start = 'fulfilled';
RESET session_replication_role;
SELECT record_sale('bl', 'E', 3, 1000), record_sale('bl', 'F', 3, 2000);
SELECT record_refund('bl', 'C', 'R2', 5), record_refund('bl', 'E', 'R3', 500);
SELECT * FROM balance('bl', 2);
TABLE bl_wrong;
CALL fold('bl', 3);
TABLE bl_folded;
TABLE bl_wrong;
SELECT * FROM balance('bl', 2);
-- fulfilled: one is available, the other is not yet
SET session_replication_role = replica;
INSERT INTO bl.sale_release (sale_id, fulfilled_at, available_at, author)
	SELECT s.sale_id, now(), CASE s.order_key WHEN 'E' THEN now() ELSE now() + interval '1 hour' END, 'test' FROM bl.sale s WHERE s.order_key IN ('E', 'F');
RESET session_replication_role;
SELECT * FROM balance('bl', 2);
TABLE bl_wrong;
CALL fold('bl', 1);
TABLE bl_folded;
TABLE bl_wrong;
-- a balance to come
SELECT currency, pending, available, balance FROM balance('bl', 2, now() + interval '1 day');
-- the hour passes
SET session_replication_role = replica;
UPDATE bl.held SET available_at = available_at - interval '2 hours';
ALTER TABLE bl.ledger DISABLE TRIGGER guard_row, DISABLE TRIGGER guard_change;
UPDATE bl.ledger SET available_at = available_at - interval '2 hours' WHERE available_at > now();
ALTER TABLE bl.ledger ENABLE ALWAYS TRIGGER guard_row, ENABLE ALWAYS TRIGGER guard_change;
ALTER TABLE bl.sale_release DISABLE TRIGGER guard_row, DISABLE TRIGGER guard_change;
UPDATE bl.sale_release SET available_at = available_at - interval '2 hours' WHERE available_at > now();
ALTER TABLE bl.sale_release ENABLE ALWAYS TRIGGER guard_row, ENABLE ALWAYS TRIGGER guard_change;
RESET session_replication_role;
\c -
SET search_path = public, distributor;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set VERBOSITY terse
TABLE bl_wrong;
CALL fold('bl', 2);
TABLE bl_folded;
TABLE bl_wrong;

-- ids that nobody used
SELECT setval('bl.ledger_entry_id_seq', 1000000);
SET session_replication_role = replica;
UPDATE bl.program SET hold_start = 'paid', hold_period = '0';
RESET session_replication_role;
SELECT record_sale('bl', 'G', 3, 10);
CALL fold('bl', 10);
TABLE bl_folded;
TABLE bl_wrong;

-- what is paid out, adjusted, and comes back
SELECT clock_timestamp() AS before_payout \gset
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO bl.adjustment (adjustment_id, adjustment_key, member_id, amount, currency, kind, reason, author)
	VALUES (1, 'gift', 2, 7, 'CNY', 'adjustment', 'for the best team', 'test');
INSERT INTO bl.payout (payout_id, payout_key, member_id, amount, fee, tax, currency, author)
	VALUES (1, 'first', 2, 40, 1, 2, 'CNY', 'test'), (2, 'second', 2, 5, 0, 0, 'CNY', 'test');
INSERT INTO bl.ledger (source, source_id, member_id, level, rule, amount, currency, posted_at, available_at)
	VALUES ('adjustment', 1, 2, 0, 'adjustment', 7, 'CNY', now(), now()),
		   ('payout', 1, 2, 0, 'payout', -37, 'CNY', now(), now()), ('payout', 1, 2, 0, 'fee', -1, 'CNY', now(), now()),
		   ('payout', 1, 2, 0, 'tax', -2, 'CNY', now(), now()), ('payout', 2, 2, 0, 'payout', -5, 'CNY', now(), now());
COMMIT;
SELECT clock_timestamp() AS after_payout \gset
SELECT * FROM balance('bl', 2);
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO bl.payout_failure (payout_id, failed_at, reason, author) VALUES (2, now(), 'no such account', 'test');
INSERT INTO bl.ledger (source, source_id, member_id, level, rule, amount, currency, posted_at, available_at, reverses)
	SELECT 'payout_failure', 2, 2, 0, 'payout', 5, 'CNY', now(), now(), l.entry_id FROM bl.ledger l WHERE l.source = 'payout' AND l.source_id = 2;
COMMIT;
SELECT * FROM balance('bl', 2);
SELECT * FROM balance('bl', 2, :'after_payout');
SELECT * FROM balance('bl', 2, :'before_payout');
SELECT * FROM balance('bl', 2, '-infinity');
SELECT * FROM balance('bl', 2, 'infinity');
TABLE bl_wrong;

-- statements
SELECT kind, amount, balance, pending, rule, level, order_key, event_key, reason, occurred_at IS NOT NULL AS occurred FROM statement('bl', 2);
SELECT kind, at = :'before_payout' AS from_then, amount, balance, rule FROM statement('bl', 2, :'before_payout', :'after_payout');
SELECT kind, amount, balance, order_key FROM statement('bl', '2', currency => 'POINTS');
SELECT kind, amount, balance, order_key FROM statement('bl', 2, currency => 'EUR');

-- closing
SELECT close_period('bl', :'before_payout', 'one');
SELECT close_period('bl', :'before_payout', 'one');
SELECT record_sale('bl', 'L', 3, 30, occurred_at => :'before_payout'::timestamptz - interval '1 second');
SELECT clock_timestamp() AS second_end \gset
SELECT record_sale('bl', 'M', 3, 40);
SELECT close_period('bl', :'second_end', 'two', seal => false);
SELECT name, entries, sums, hash IS NOT NULL AS sealed, author FROM bl.closed_period ORDER BY ends_at;
SELECT c.name, (s.entries, s.sums, s.hash) IS NOT DISTINCT FROM (c.entries, c.sums, c.hash) AS intact, s.entries, s.sums
  FROM bl.closed_period c, period_seal('bl', c.name) s ORDER BY c.ends_at;
-- what the server's own COPY and sha256 make of it
SELECT sha256(convert_to(string_agg(concat_ws(E'\t', l.entry_id, l.source, l.source_id, l.member_id, l.level, l.line, l.basis, l.rule, l.amount, l.currency,
		coalesce(l.reverses::text, '\N'), l.posted_at, coalesce(l.available_at::text, '\N')) || E'\n', '' ORDER BY l.entry_id), 'UTF8')) = c.hash AS same
  FROM bl.closed_period c, bl.ledger l WHERE c.name = 'one' AND l.posted_at < c.ends_at GROUP BY c.hash;
SELECT kind, amount, balance, order_key, belongs_to FROM statement('bl', 2, :'before_payout', :'second_end');
SELECT kind, amount, balance, order_key, belongs_to FROM statement('bl', 2, :'second_end');
-- statements follow each other without a gap
SELECT s.member_id, s.balances FROM (
	SELECT m.member_id, array_agg(f.balance ORDER BY p.n, f.kind DESC) AS balances
	  FROM bl.member m, (VALUES (1, NULL::timestamptz, :'before_payout'::timestamptz), (2, :'before_payout', :'second_end'), (3, :'second_end', NULL)) AS p(n, "from", "to"),
		   statement('bl', m.member_id, p."from", p."to") f
	 WHERE f.kind IN ('opening', 'closing') GROUP BY m.member_id) s ORDER BY 1;

-- what is refused
SELECT fails($$SELECT close_period('bl', now() + interval '1 day', 'three')$$);
SELECT fails($$SELECT close_period('bl', 'infinity', 'three')$$);
SELECT fails($$SELECT close_period('bl', '2020-01-01', 'zero')$$);
SELECT fails($$SELECT close_period('bl', now(), 'one')$$);
SELECT fails($$SELECT close_period('bl', now(), '')$$);
SELECT fails($$SELECT close_period('bl', now(), NULL)$$);
SELECT fails($$SELECT close_period(NULL, now(), 'three')$$);
SELECT fails($$SELECT close_period('none', now(), 'three')$$);
SELECT fails(format('SELECT close_period(%L, %L, %L)', 'bl', ends_at, 'other')) FROM bl.closed_period WHERE name = 'two';
SELECT fails($$SELECT period_seal('bl', 'none')$$);
SELECT fails($$SELECT balance('bl', 99)$$);
SELECT fails($$SELECT balance('bl', NULL::bigint)$$);
SELECT fails($$SELECT balance('bl', 'x')$$);
SELECT fails($$SELECT statement('bl', 99)$$);
SELECT fails($$SELECT statement('bl', 2, '2026-02-01', '2026-01-01')$$);
SELECT fails($$CALL fold('bl')$$);
\set VERBOSITY sqlstate
CALL fold('bl', 0);
CALL fold('bl', NULL);
CALL fold('none');
BEGIN;
CALL fold('bl');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT close_period('bl', now() - interval '1 microsecond', 'three');
ROLLBACK;
SET default_transaction_isolation = 'repeatable read';
CALL fold('bl');
RESET default_transaction_isolation;
ALTER SEQUENCE bl.ledger_entry_id_seq CACHE 10;
CALL fold('bl');
ALTER SEQUENCE bl.ledger_entry_id_seq CACHE 1;
-- from within a block that may commit
DO $$ BEGIN CALL distributor.fold('bl'); END $$;
SELECT folded_through = (SELECT max(entry_id) FROM bl.ledger) AS all_folded FROM bl.program;
TABLE bl_wrong;

-- rights
CREATE ROLE bl_reader;
CREATE ROLE bl_keeper;
GRANT USAGE ON SCHEMA bl TO bl_reader, bl_keeper;
SET ROLE bl_reader;
SELECT * FROM balance('bl', 2);
SELECT * FROM statement('bl', 2);
SELECT * FROM period_seal('bl', 'one');
SELECT close_period('bl', now(), 'three');
CALL fold('bl');
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA bl TO bl_reader;
GRANT UPDATE ON bl.account TO bl_keeper;
GRANT INSERT ON bl.closed_period TO bl_keeper;
SET ROLE bl_reader;
SELECT * FROM balance('bl', 2);
SELECT count(*) FROM statement('bl', 2);
SELECT entries FROM period_seal('bl', 'one');
CALL fold('bl');
SET ROLE bl_keeper;
CALL fold('bl');
SELECT close_period('bl', now(), 'three');
RESET ROLE;
SELECT author FROM bl.closed_period WHERE name = 'three';
-- row security of the reader counts
ALTER TABLE bl.ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE bl.account ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON bl.ledger USING (member_id = 1);
CREATE POLICY own ON bl.account USING (member_id = 1);
SET ROLE bl_reader;
SELECT * FROM balance('bl', 2);
SELECT currency, balance FROM balance('bl', 1);
RESET ROLE;
DROP POLICY own ON bl.ledger;
DROP POLICY own ON bl.account;
ALTER TABLE bl.ledger DISABLE ROW LEVEL SECURITY;
ALTER TABLE bl.account DISABLE ROW LEVEL SECURITY;

-- keys of text
SELECT create_program('blk', 'CNY', key_type => 'text');
SELECT set_plan('blk', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT add_member('blk', 'ann'), add_member('blk', 'ben', 'ann');
SELECT record_sale('blk', 'A', 'ben', 100);
SELECT * FROM balance('blk', 'ann');
SELECT kind, amount, balance FROM statement('blk', 'ann');
SELECT member_key, balance, available FROM blk.balance;
SELECT fails($$SELECT balance('blk', 'cid')$$);

-- what a statement of several transactions has posted since it began is there
CREATE TABLE bl_saw (what text, pending numeric, available numeric);
DO $$
BEGIN
	COMMIT;
	PERFORM pg_sleep(0.01);
	PERFORM distributor.adjust('blk', 'ben', 10, 'a', 'a'), distributor.adjust('blk', 'ben', -4, 'b', 'b');
	INSERT INTO bl_saw SELECT 'balance', b.pending, b.available FROM distributor.balance('blk', 'ben') b;
	INSERT INTO bl_saw SELECT 'view', b.pending, b.available FROM blk.balance b WHERE b.member_key = 'ben';
	INSERT INTO bl_saw SELECT 'statement', s.pending, s.balance - s.pending FROM distributor.statement('blk', 'ben') s WHERE s.kind = 'closing';
	PERFORM distributor.request_payout('blk', 'ben', NULL, 'p');
END
$$;
SELECT * FROM bl_saw;
SELECT amount FROM blk.payout;
DROP TABLE bl_saw;

SET client_min_messages = warning;
SELECT drop_program('bl'), drop_program('blk');
DROP VIEW IF EXISTS bl_wrong, bl_naive, bl_folded;
DROP ROLE bl_reader, bl_keeper;
