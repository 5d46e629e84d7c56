-- Auditing a program.
-- As many members as the tree has, an order for each in an attached table:
-- what audit() takes beside one join of sales and ledger.

SET search_path = public, distributor;
SELECT create_program('audited', 'CNY', time_zone => 'UTC');
SELECT set_plan('audited', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "2%"]}]}');
CREATE SCHEMA audited_tables;
CREATE TABLE audited_tables.member AS SELECT id, sponsor_id FROM joined.member;
ALTER TABLE audited_tables.member ADD PRIMARY KEY (id);
SELECT attach_members('audited', 'audited_tables.member', 'id', 'sponsor_id');
CREATE TABLE audited_tables.orders AS
	SELECT row_number() OVER () AS id, id AS member, 10 + id % 500 + 0.99 AS amount, now() AS at FROM audited_tables.member;
ALTER TABLE audited_tables.orders ADD PRIMARY KEY (id);
SELECT attach_orders('audited', 'audited_tables.orders', 'id', 'member', 'amount', 'at');
VACUUM ANALYZE;

CREATE PROCEDURE bench.audits(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c record;
	started double precision;
	answer bigint;
BEGIN
	FOR round IN 0 .. least(rounds, 3) LOOP
		FOR c IN SELECT * FROM (VALUES
			('join', 'SELECT 0 * count(*) + 0 * sum(l.amount)::bigint FROM audited.sale s JOIN audited.ledger l ON l.source = ''sale'' AND l.source_id = s.sale_id'),
			('audit', 'SELECT count(*) FROM distributor.audit(''audited'')')) AS v(contender, query)
		LOOP
			started := bench.now_us();
			EXECUTE c.query INTO answer;
			INSERT INTO bench.result VALUES ('audit', 'joined', 'program', c.contender, round, bench.now_us() - started, answer, 0);
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
RESET search_path;
CALL bench.audits(:rounds);
