--
-- A ledger by months, and taking old months out of it
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
CREATE ROLE pt_owner;
CREATE ROLE pt_reader;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO pt_owner', current_database()); END $$;
SET ROLE pt_owner;
SELECT create_program('pt', 'CNY', time_zone => 'Asia/Shanghai');
SELECT set_plan('pt', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "10%"]}]}');
SELECT add_member('pt', 1), add_member('pt', 2, 1), add_member('pt', 3, 2);
RESET ROLE;

-- Put what has been posted and closed last into the past.
CREATE FUNCTION pt_was(posted timestamptz, keys text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE pt.sale DISABLE TRIGGER guard_row, DISABLE TRIGGER guard_change;
	ALTER TABLE pt.ledger DISABLE TRIGGER guard_row, DISABLE TRIGGER guard_change;
	SET LOCAL session_replication_role = replica;
	UPDATE pt.sale SET posted_at = posted, occurred_at = posted WHERE order_key = ANY (keys);
	UPDATE pt.ledger l SET posted_at = posted, available_at = l.available_at - (now() - posted) FROM pt.sale s
	 WHERE l.source = 'sale' AND s.sale_id = l.source_id AND s.order_key = ANY (keys);
	SET LOCAL session_replication_role = origin;
	ALTER TABLE pt.ledger ENABLE ALWAYS TRIGGER guard_row, ENABLE ALWAYS TRIGGER guard_change;
	ALTER TABLE pt.sale ENABLE ALWAYS TRIGGER guard_row, ENABLE ALWAYS TRIGGER guard_change;
END
$$;
SELECT record_sale('pt', 'A', 3, 100), record_sale('pt', 'B', 3, 50), record_sale('pt', 'C', 3, 10);
SELECT pt_was('2025-01-31 15:59:59Z', '{A}'), pt_was('2025-01-31 16:00:00Z', '{B}'), pt_was('2025-03-10Z', '{C}');
SELECT record_refund('pt', 'C', 'R', 5);

-- what the owner has put on the ledger, and what reads it
GRANT SELECT ON pt.ledger, pt.balance TO pt_reader WITH GRANT OPTION;
GRANT SELECT (entry_id) ON pt.ledger TO PUBLIC;
GRANT TRIGGER ON pt.ledger TO PUBLIC;
GRANT USAGE ON SCHEMA pt TO pt_reader;
ALTER TABLE pt.ledger ADD COLUMN note text DEFAULT 'none', ADD COLUMN doubled numeric GENERATED ALWAYS AS (amount * 2) STORED;
CREATE INDEX ledger_rule_idx ON pt.ledger (rule);
CREATE POLICY own ON pt.ledger FOR SELECT TO pt_reader USING (member_id = 2);
ALTER TABLE pt.ledger ENABLE ROW LEVEL SECURITY;
SET ROLE pt_owner;
CREATE VIEW pt.total WITH (security_barrier) AS SELECT member_id, sum(amount) AS amount FROM pt.ledger GROUP BY 1;
CREATE VIEW pt.total_of AS SELECT sum(amount) FROM pt.total;
RESET ROLE;
CREATE VIEW pt_state AS
	SELECT c.relkind, c.relrowsecurity, c.reloptions, pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid, 'pg_class') AS comment,
		   (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '!' ELSE '' END || coalesce(' = ' || pg_get_expr(d.adbin, d.adrelid), '') || coalesce(' -- ' || left(col_description(c.oid, a.attnum), 20), ''), E'\n' ORDER BY a.attnum)
			  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
		   (SELECT string_agg(pg_get_indexdef(i.indexrelid), E'\n' ORDER BY i.indexrelid::regclass::text) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes,
		   (SELECT string_agg(k.conname || ' ' || k.contype::text, ', ' ORDER BY k.conname) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n') AS constraints,
		   (SELECT string_agg(coalesce(nullif(x.grantee, 0)::regrole::text, 'PUBLIC') || ' ' || x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY 1) FROM aclexplode(c.relacl) x WHERE x.grantee <> c.relowner) AS grants,
		   (SELECT string_agg(a.attname || a.attacl::text, ', ') FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) AS column_grants,
		   (SELECT string_agg(p.polname || pg_get_expr(p.polqual, p.polrelid), ', ') FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
		   pg_get_serial_sequence('pt.ledger', 'entry_id') AS sequence
	  FROM pg_class c WHERE c.oid = to_regclass('pt.ledger');
SELECT member_id, balance, entries FROM pt.balance ORDER BY 1;

-- what is refused
SET ROLE pt_reader;
SELECT fails($$SELECT partition_ledger('pt')$$);
SELECT fails($$SELECT create_ledger_partitions('pt', now())$$);
SELECT fails($$SELECT archive_ledger('pt', now())$$);
SELECT fails($$SELECT partition_ledger_tables('pt')$$);
RESET ROLE;
SELECT fails($$SELECT create_ledger_partitions('pt', now())$$);
SELECT fails($$SELECT archive_ledger('pt', now())$$);
SELECT fails($$SELECT partition_ledger('none')$$), fails($$SELECT partition_ledger(NULL)$$);
CREATE MATERIALIZED VIEW pt_kept AS SELECT count(*) FROM pt.ledger;
SELECT fails($$SELECT partition_ledger('pt')$$);
DROP MATERIALIZED VIEW pt_kept;
SET client_min_messages = error;
CREATE PUBLICATION pt_pub FOR TABLE pt.ledger;
RESET client_min_messages;
SELECT fails($$SELECT partition_ledger('pt')$$);
DROP PUBLICATION pt_pub;
CREATE VIEW pt_other AS SELECT count(*) FROM pt.ledger;
SELECT fails($$SELECT partition_ledger('pt')$$);
DROP VIEW pt_other;
CREATE FUNCTION pt_read() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM pt.ledger; END;
SELECT fails($$SELECT partition_ledger('pt')$$);
DROP FUNCTION pt_read;

-- divided: the same, but for its key and its partitions
\x
TABLE pt_state;
SELECT partition_ledger('pt');
TABLE pt_state;
\x
CREATE VIEW pt_parts AS
	SELECT c.oid::regclass::text AS part, pg_get_expr(c.relpartbound, c.oid) AS bound, pg_get_userbyid(c.relowner) AS owner,
		   (SELECT string_agg(t.tgname || ' ' || t.tgenabled::text, ', ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid) AS guards
	  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('pt.ledger') ORDER BY 2;
GRANT SELECT ON pt_parts TO PUBLIC;
SELECT part, bound, owner, guards FROM pt_parts WHERE bound < 'FOR VALUES FROM (''2025-05' ORDER BY bound;
SELECT count(*) > 4 AS to_come, count(DISTINCT guards) = 1 AS guarded FROM pt_parts;
SELECT partition_ledger('pt');
SELECT CASE WHEN l.posted_at < '2025-06-01' THEN l.tableoid::regclass::text ELSE 'that of now' END AS part, array_agg(l.amount ORDER BY l.entry_id)
  FROM pt.ledger l GROUP BY 1 ORDER BY 1;
SELECT member_id, balance, entries FROM pt.balance ORDER BY 1;
TABLE pt.total_of;
SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'pt'::regnamespace AND relname IN ('balance', 'earnings', 'total', 'total_of') ORDER BY 1;
SELECT count(*), sum(amount) FROM pt.earnings;
SET ROLE pt_reader;
SELECT member_id, count(*) FROM pt.ledger GROUP BY 1;
RESET ROLE;

-- everything goes on
SELECT record_sale('pt', 'D', 3, 100);
SELECT record_sale('pt', 'D', 3, 100);
SELECT record_refund('pt', 'A', 'RA', 50);
SELECT * FROM balance('pt', 2);
SELECT kind, amount, balance, order_key, at FROM statement('pt', 2, NULL, '2025-06-01');
CALL fold('pt', 2);
SELECT member_id, balance, entries FROM pt.balance ORDER BY 1;
SELECT member_id, available, entries FROM pt.account ORDER BY 1;

-- nobody writes past the guards, by a partition neither
SELECT fails($$INSERT INTO pt.ledger_p2025_03 (source_id, member_id, posted_at, level, source, rule, amount, currency) VALUES (9, 1, '2025-03-02', 1, 'sale', 'x', 1, 'CNY')$$);
SELECT fails($$UPDATE pt.ledger_p2025_03 SET amount = 0$$), fails($$DELETE FROM pt.ledger$$), fails($$TRUNCATE pt.ledger_p2025_03$$);
SET session_replication_role = replica;
SELECT fails($$UPDATE pt.ledger_p2025_03 SET amount = 0$$), fails($$DELETE FROM pt.ledger_p2025_03$$);
RESET session_replication_role;
-- a partition that somebody else makes is guarded by rows, and by statements as soon as it is known
SET ROLE pt_owner;
CREATE TABLE pt.other PARTITION OF pt.ledger FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z');
SELECT fails($$INSERT INTO pt.other (source_id, member_id, posted_at, level, source, rule, amount, currency) VALUES (9, 1, '2020-01-02', 1, 'sale', 'x', 1, 'CNY')$$);
SELECT guards FROM pt_parts WHERE part = 'pt.other';
SELECT create_ledger_partitions('pt', now());
SELECT guards FROM pt_parts WHERE part = 'pt.other';
DROP TABLE pt.other;
-- code of others is found there, too
CREATE FUNCTION pt.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER spy AFTER INSERT ON pt.ledger_default FOR EACH ROW EXECUTE FUNCTION pt.spy();
SELECT fails($$SELECT record_sale('pt', 'S', 3, 100)$$);
DROP TRIGGER spy ON pt.ledger_default;
DROP FUNCTION pt.spy;
RESET ROLE;

-- a month without a partition: the default takes it, until there is one
SELECT record_sale('pt', 'E', 3, 30);
SELECT pt_was('2024-12-24Z', '{E}');
SELECT l.tableoid::regclass, l.amount FROM pt.ledger l JOIN pt.sale s ON s.sale_id = l.source_id AND l.source = 'sale' WHERE s.order_key = 'E';
SELECT create_ledger_partitions('pt', now());
SELECT l.tableoid::regclass, l.amount FROM pt.ledger l JOIN pt.sale s ON s.sale_id = l.source_id AND l.source = 'sale' WHERE s.order_key = 'E';
SELECT count(DISTINCT guards) = 1 AS guarded FROM pt_parts;
SELECT create_ledger_partitions('pt', now()), create_ledger_partitions('pt', '2020-01-01');
SELECT fails($$SELECT create_ledger_partitions('pt', 'infinity')$$), fails($$SELECT create_ledger_partitions('pt', NULL)$$);

-- archiving: what must be done before
SELECT fails($$SELECT archive_ledger('pt', NULL)$$);
SELECT archive_ledger('pt', '2024-12-31 15:59:59Z');
SELECT fails($$SELECT archive_ledger('pt', '2025-01-31 16:00:00Z')$$);
CALL fold('pt');
SELECT fails($$SELECT archive_ledger('pt', '2025-01-31 16:00:00Z')$$);
SELECT close_period('pt', '2025-01-31 16:00:00Z', 'January');
SELECT close_period('pt', '2025-02-28 16:00:00Z', 'February');
SELECT name, entries, sums FROM pt.closed_period ORDER BY ends_at;
CREATE TABLE pt_before AS SELECT member_id, currency, balance, entries, pending, available FROM pt.balance;
CREATE TABLE pt_said AS SELECT m.member_id, s.* FROM pt.member m, statement('pt', m.member_id, '2025-01-31 16:00Z') s;
CREATE TABLE pt_had AS SELECT m.member_id, t.at, b.* FROM pt.member m, (VALUES ('2025-01-31 16:00Z'::timestamptz), ('2025-03-10Z'), (now())) AS t(at), balance('pt', m.member_id, t.at) b;
SELECT * FROM pt_had WHERE at < '2025-04-01' ORDER BY 1, 2;
-- nor what the plan counts by
SELECT set_plan('pt', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "10%"], "caps": {"member_lifetime": 100000}}]}', now() + interval '1 day');
SELECT fails($$SELECT archive_ledger('pt', '2025-02-10')$$);
SELECT set_plan('pt', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "10%"]}]}', now() + interval '2 days');
ALTER TABLE pt.plan DISABLE TRIGGER guard_row, DISABLE TRIGGER guard_change;
DELETE FROM pt.plan WHERE version = 2;
ALTER TABLE pt.plan ENABLE ALWAYS TRIGGER guard_row, ENABLE ALWAYS TRIGGER guard_change;
SELECT archive_ledger('pt', '2025-02-10') AS taken_out;
SELECT archived_before, statements_from FROM pt.program;
SELECT member_id, currency, entry_id, amount FROM pt.archived ORDER BY 1;
SELECT archive_ledger('pt', '2025-02-10');
-- balances and statements from then on are as they were
SELECT * FROM pt_before EXCEPT SELECT member_id, currency, balance, entries, pending, available FROM pt.balance;
SELECT * FROM pt_said EXCEPT SELECT m.member_id, s.* FROM pt.member m, statement('pt', m.member_id, '2025-01-31 16:00Z') s;
SELECT * FROM pt_had EXCEPT SELECT m.member_id, t.at, b.* FROM pt.member m, (SELECT DISTINCT at FROM pt_had) t, balance('pt', m.member_id, t.at) b;
SELECT kind, amount, balance, order_key FROM statement('pt', 2, '2025-01-31 16:00Z');
-- what lies before is not known any more
SELECT fails($$SELECT statement('pt', 2)$$);
SELECT fails($$SELECT statement('pt', 2, '2025-01-31 15:59:59Z')$$);
SELECT fails($$SELECT balance('pt', 2, '2025-01-31 15:59:59Z')$$);
SELECT fails($$SELECT record_refund('pt', 'A', 'RB', 10)$$);
SELECT fails($$SELECT record_refund('pt', 'B', 'RC', 10)$$);
SELECT * FROM period_seal('pt', 'January');
SELECT (c.entries, c.sums, c.hash) = (s.entries, s.sums, s.hash) AS intact FROM pt.closed_period c, period_seal('pt', 'February') s WHERE c.name = 'February';
-- what was taken out is guarded still
SELECT fails($$UPDATE pt.ledger_p2025_01 SET amount = 0$$), fails($$INSERT INTO pt.ledger_p2025_01 (entry_id) VALUES (1)$$);
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'pt.ledger_p2025_01'::regclass ORDER BY 1;
DROP TABLE pt.ledger_p2025_01;
-- the next months
DELETE FROM pt_before;
INSERT INTO pt_before SELECT member_id, currency, balance, entries, pending, available FROM pt.balance;
SELECT archive_ledger('pt', '2025-02-28 16:00Z') AS taken_out;
SELECT member_id, currency, entry_id, amount FROM pt.archived ORDER BY 1;
SELECT kind, amount, balance, order_key FROM statement('pt', 2, '2025-02-28 16:00Z');
SELECT * FROM pt_before EXCEPT SELECT member_id, currency, balance, entries, pending, available FROM pt.balance;
SELECT record_sale('pt', 'Z', 3, 1000);
SELECT currency, pending, available, balance FROM balance('pt', 2);

-- what waits for its order to be fulfilled is released when it has been archived as well
SELECT alter_program('pt', hold_start => 'fulfilled');
SELECT record_sale('pt', 'W', 3, 100), record_sale('pt', 'V', 3, 10);
SELECT pt_was('2025-03-15Z', '{W,V}');
CALL fold('pt');
SELECT close_period('pt', '2025-03-31 16:00Z', 'March');
SELECT archive_ledger('pt', '2025-03-31 16:00Z') AS taken_out;
SELECT pending, available FROM balance('pt', 2);
SELECT record_fulfillment('pt', 'W', '2025-04-01Z'), fails($$SELECT record_fulfillment('pt', 'A')$$);
SELECT pending, available FROM balance('pt', 2);
SELECT pending, available FROM balance('pt', 2, now());
SELECT member_id, pending, available FROM pt.balance ORDER BY 1;
CALL fold('pt');
SELECT pending, available FROM balance('pt', 2);
SELECT order_key FROM pt.sale_release JOIN pt.sale USING (sale_id);
SELECT * FROM audit('pt') WHERE invariant IN ('held', 'checkpoint', 'released');

-- a month before all that has been archived changes nothing of that
SET ROLE pt_owner;
CREATE TABLE pt.ledger_p2024_01 PARTITION OF pt.ledger FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
RESET ROLE;
SELECT archive_ledger('pt', '2024-02-01') AS taken_out;
SELECT archived_before, statements_from FROM pt.program;
SELECT fails($$SELECT record_refund('pt', 'A', 'RB', 10)$$);
-- what is committed late for a month that has been archived gets one of its own
SELECT record_sale('pt', 'late', 3, 100);
SELECT pt_was('2025-03-20Z', '{late}');
SELECT create_ledger_partitions('pt', now()) > 0 AS made;
SELECT l.tableoid::regclass::text ~ '^pt.ledger_p2025_03_late_\d+$' AS own, count(*) FROM pt.ledger l JOIN pt.sale s ON s.sale_id = l.source_id AND l.source = 'sale' WHERE s.order_key = 'late' GROUP BY 1;
CALL fold('pt');
SELECT close_period('pt', '2025-04-30 16:00Z', 'April');
SELECT count(*) > 0 AS taken_out FROM archive_ledger('pt', '2025-03-31 16:00Z');
SELECT archived_before, statements_from FROM pt.program;
SELECT pending, available FROM balance('pt', 2);
SELECT pending, available FROM balance('pt', 2, now());

-- one that is empty, with keys of text and a name that must be quoted
SELECT create_program('Pt "2"', 'CNY', key_type => 'text');
SELECT partition_ledger('Pt "2"');
SELECT set_plan('Pt "2"', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT add_member('Pt "2"', 'ann'), add_member('Pt "2"', 'ben', 'ann');
SELECT record_sale('Pt "2"', 'A', 'ben', 100);
CALL fold('Pt "2"');
SELECT * FROM balance('Pt "2"', 'ann');
SELECT archive_ledger('Pt "2"', now() - interval '2 years');

SET client_min_messages = warning;
DROP VIEW pt_state, pt_parts;
SELECT drop_program('pt'), drop_program('Pt "2"');
DROP TABLE pt_before, pt_said, pt_had;
DROP FUNCTION pt_was;
DROP OWNED BY pt_owner, pt_reader;
DROP ROLE pt_owner, pt_reader;
