--
-- Counters: what a plan asks for beyond the sale itself, stored with the sale
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
-- A new program, in which 1 brought 2, 2 brought 3, 4 and 5 in this order, and 3 brought 6
CREATE FUNCTION ct_program(plan json) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	DROP SCHEMA IF EXISTS ct CASCADE;
	PERFORM create_program('ct', 'CNY', time_zone => 'Asia/Shanghai');
	PERFORM set_plan('ct', plan);
	PERFORM add_member('ct', m.id, m.sponsor, m.joined_at) FROM (VALUES (1, NULL, '2020-01-01Z'::timestamptz),
		(2, 1, '2020-01-02Z'), (5, 2, '2020-01-05Z'), (4, 2, '2020-01-04Z'), (3, 2, '2020-01-04Z'), (6, 3, '2020-01-06Z')) AS m(id, sponsor, joined_at);
END
$$;
CREATE VIEW ct_sales AS SELECT NULL::text AS order_key, NULL::bigint AS member_id, NULL::jsonb AS counters, NULL::text AS paid;
CREATE FUNCTION ct_show() RETURNS SETOF ct_sales LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'SELECT s.order_key, s.member_id, s.counters, string_agg(l.rule || '' '' || l.member_id || ''='' || l.amount, '', '' ORDER BY l.rule, l.level, l.basis)'
		' FROM ct.sale s LEFT JOIN ct.ledger l ON l.source_id = s.sale_id GROUP BY s.sale_id ORDER BY s.sale_id';
END
$$;
-- How many payments differ where every sale is computed again from what was stored with it
CREATE FUNCTION ct_recomputed() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE $q$
	WITH computed AS (
		SELECT s.sale_id, c.rule, c.level, c.member_id, c.amount, c.line, c.basis::bigint
		  FROM ct.sale s JOIN ct.plan p ON p.version = s.plan_version
		 CROSS JOIN LATERAL commissions(p.document, s.path, s.amount, s.currency, s.path_states, s.path_ranks,
			jsonb_build_object('attributes', s.attributes, 'counters', s.counters, 'occurred_at', to_char(s.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))) c
	), posted AS (SELECT source_id, rule, level, member_id, amount, line, basis FROM ct.ledger)
	SELECT (SELECT count(*) FROM (TABLE computed EXCEPT ALL TABLE posted) a) + (SELECT count(*) FROM (TABLE posted EXCEPT ALL TABLE computed) b)$q$ INTO result;
	RETURN result;
END
$$;

--
-- A plan that asks for nothing stores nothing
--
SELECT ct_program('{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT record_sale('ct', 'A', 6, 100);
SELECT * FROM ct_show();

--
-- order_number
--
SELECT ct_program('{"rules": [{"name": "first", "kind": "unilevel", "when": {"first_order": true}, "levels": ["20%"]},
	{"name": "turn", "kind": "rotation", "rate": "10%", "levels": 2}]}');
SELECT record_sale('ct', k, 6, 100) FROM unnest('{A,B,C}'::text[]) k;
SELECT record_sale('ct', 'D', 4, 100);
SELECT record_sale('ct', 'B', 6, 100) = 2 AS same;
SELECT * FROM ct_show();
-- a batch is counted by time, then by key; what is there already, or twice, takes no number
CREATE TABLE ct_orders (id text, buyer bigint, amount numeric, at timestamptz);
INSERT INTO ct_orders VALUES ('E', 6, 100, '2022-01-05Z'), ('F', 6, 100, '2022-01-03Z'), ('G', 5, 100, '2022-01-03Z'),
	('I', 6, 100, '2022-01-04Z'), ('H', 6, 100, '2022-01-04Z'), ('H', 6, 100, '2022-01-04Z');
INSERT INTO ct_orders SELECT 'A', 6, 100, occurred_at FROM ct.sale WHERE order_key = 'A';
SELECT attach_orders('ct', 'ct_orders', 'id', 'buyer', 'amount', 'at');
SELECT * FROM ct_show() OFFSET 4;
-- a sale dated back is numbered late
INSERT INTO ct_orders VALUES ('J', 6, 100, '2021-01-01Z'), ('K', 4, 100, '2021-01-01Z');
-- one bad order of a statement: no number is used up
SELECT fails($$INSERT INTO ct_orders VALUES ('L', 6, 100, '2022-02-01'), ('M', 6, -1, '2022-02-01')$$);
INSERT INTO ct_orders VALUES ('N', 6, 100, '2022-02-01');
-- in one transaction, and in an old snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO ct_orders VALUES ('O', 6, 100, '2022-02-01');
INSERT INTO ct_orders VALUES ('P', 6, 100, '2022-02-01');
COMMIT;
SELECT * FROM ct_show() OFFSET 9;
SELECT ct_recomputed();
SELECT detach_orders('ct', 'ct_orders');

--
-- recruit_numbers: 2 brought 3 and 4 at the same time, then 5
--
SELECT ct_program('{"rules": [{"name": "up", "kind": "pass_up", "passes": 2, "keep": "40%", "retain": "10%", "pass": "30%"}]}');
SELECT record_sale('ct', 'S' || m, m, 100) FROM generate_series(1, 6) m;
SELECT * FROM ct_show();
SELECT ct_recomputed();
-- with a chain the whole upline is looked at
SELECT ct_program('{"rules": [{"name": "up", "kind": "pass_up", "passes": 1, "keep": "40%", "pass": "30%", "chain": true}]}');
SELECT record_sale('ct', 'S' || m, m, 100) FROM generate_series(1, 6) m;
SELECT * FROM ct_show();
SELECT ct_recomputed();

--
-- applied: once for each buyer
--
SELECT ct_program('{"rules": [{"name": "welcome", "kind": "unilevel", "once_per_buyer": true, "when": {"amount": {"from": 50}}, "levels": [{"fixed": 8}]},
	{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
SELECT record_sale('ct', 'A', 6, 10), record_sale('ct', 'B', 6, 60), record_sale('ct', 'C', 6, 70);
TRUNCATE ct_orders;
-- twice in a batch
INSERT INTO ct_orders VALUES ('D', 4, 80, '2022-01-02Z'), ('E', 4, 90, '2022-01-01Z'), ('F', 6, 90, '2022-01-01Z');
SELECT attach_orders('ct', 'ct_orders', 'id', 'buyer', 'amount', 'at');
SELECT * FROM ct_show();
SELECT ct_recomputed();
SELECT rule, level, member_id, amount, reason, explanation FROM explain('ct', 'C');
SELECT detach_orders('ct', 'ct_orders');

--
-- earned: caps in calendar periods of the program's clock, by the time of the sale
--
SELECT ct_program('{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"], "caps": {"member_day": 15, "member_month": 30, "member_lifetime": {"CNY": 100}}}]}');
SELECT record_sale('ct', 'A', 4, 100, occurred_at => '2022-03-01 15:59Z');
-- the same day in Shanghai ends at 16:00Z
SELECT record_sale('ct', 'B', 4, 100, occurred_at => '2022-03-01 15:59:59Z');
SELECT record_sale('ct', 'C', 4, 100, occurred_at => '2022-03-01 16:00Z');
-- two days later the month is used up
SELECT record_sale('ct', 'D', 4, 200, occurred_at => '2022-03-03Z');
-- the month before, posted later
SELECT record_sale('ct', 'E', 4, 100, occurred_at => '2022-02-28 15:59Z');
-- in another currency there is no cap for life, and the sums are its own
SELECT record_sale('ct', 'F', 4, 100, 'USD', occurred_at => '2022-03-01 15:59Z');
SELECT * FROM ct_show();
SELECT ct_recomputed();
SELECT rule, level, member_id, exact, amount, reason, limited_by, explanation FROM explain('ct', 'D');
SELECT rule, level, member_id, exact, amount, reason, limited_by, explanation FROM explain('ct', 'B');
-- a batch: each sale sees what those before it were paid
TRUNCATE ct_orders;
INSERT INTO ct_orders SELECT 'G' || i, 4, 70, '2022-05-01Z'::timestamptz + i * interval '1 minute' FROM generate_series(1, 4) i;
SELECT attach_orders('ct', 'ct_orders', 'id', 'buyer', 'amount', 'at');
SELECT * FROM ct_show() OFFSET 6;
SELECT ct_recomputed();
SELECT detach_orders('ct', 'ct_orders');
-- no member is paid above a cap, whatever the batches
SELECT ct_program('{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "1%"], "caps": {"member_week": 25}},
	{"name": "pool", "kind": "split", "budget": "10%", "levels": ["50%"], "missing": {"member": 5}, "caps": {"member_year": "7.5"}}]}');
TRUNCATE ct_orders;
SELECT attach_orders('ct', 'ct_orders', 'id', 'buyer', 'amount', 'at');
SELECT setseed(0.25);
DO $$
BEGIN
	FOR i IN 1..30 LOOP
		INSERT INTO ct_orders SELECT 'R' || i || '-' || j, 1 + (random() * 5)::int, (random() * 100)::numeric(10,2), '2022-01-01Z'::timestamptz + random() * interval '60 days'
		  FROM generate_series(1, 1 + (random() * 5)::int) j;
	END LOOP;
END
$$;
SELECT rule, max(earned) AS most FROM (
	SELECT l.rule, l.member_id, CASE l.rule WHEN 'sales' THEN date_trunc('week', s.occurred_at, 'Asia/Shanghai') ELSE date_trunc('year', s.occurred_at, 'Asia/Shanghai') END, sum(l.amount) AS earned
	FROM ct.ledger l JOIN ct.sale s ON s.sale_id = l.source_id GROUP BY 1, 2, 3) e
GROUP BY rule ORDER BY rule;
-- the stored sums are those of the ledger before the sale
SELECT count(*) > 50 AS many, count(*) FILTER (WHERE e.value::numeric <> (SELECT sum(l.amount) FROM ct.ledger l JOIN ct.sale b ON b.sale_id = l.source_id
	WHERE l.rule = 'sales' AND l.member_id = e.key::bigint AND b.sale_id < s.sale_id
	  AND date_trunc('week', b.occurred_at, 'Asia/Shanghai') = date_trunc('week', s.occurred_at, 'Asia/Shanghai'))) AS wrong
FROM ct.sale s, jsonb_each_text(s.counters #> '{earned,sales,member_week}') e;
SELECT ct_recomputed();
SELECT detach_orders('ct', 'ct_orders');

--
-- Plans that follow each other: what a rule of that name paid before it had a cap counts
--
SELECT ct_program('{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT set_plan('ct', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"], "caps": {"member_month": 25}}]}', '2022-06-10Z');
TRUNCATE ct_orders;
INSERT INTO ct_orders VALUES ('A', 4, 100, '2022-06-01Z'), ('B', 4, 100, '2022-06-11Z'), ('C', 4, 100, '2022-06-12Z');
SELECT attach_orders('ct', 'ct_orders', 'id', 'buyer', 'amount', 'at');
INSERT INTO ct_orders VALUES ('D', 4, 100, '2022-06-02Z'), ('E', 4, 100, '2022-06-13Z');
SELECT * FROM ct_show();
SELECT detach_orders('ct', 'ct_orders');

--
-- A chain goes on above the highest level that may be paid, and asks for the
-- recruit numbers there
--
SELECT ct_program('{"compliance": {"max_level": 1}, "rules": [
	{"name": "up", "kind": "pass_up", "passes": 2, "retain": "5%", "pass": "10%", "chain": true}]}');
SELECT record_sale('ct', 'A', 6, 100);
SELECT * FROM ct_show();
SELECT level, member_id, amount, reason FROM explain('ct', 'A');
SELECT ct_recomputed();

--
-- A named member that stands high above is not paid what is missing while it
-- is frozen
--
SELECT ct_program('{"rules": [{"name": "pool", "kind": "split", "budget": "40%", "levels": ["100%"], "missing": {"member": 1}}]}');
SELECT set_state('ct', 3, 'frozen');
SELECT record_sale('ct', 'A', 6, 100);
SELECT set_state('ct', 1, 'frozen');
SELECT record_sale('ct', 'B', 6, 100);
SELECT * FROM ct_show();
SELECT level, member_id, amount, reason FROM explain('ct', 'B');
SELECT ct_recomputed();

-- nor is one whom the program does not know, whoever stands there
SELECT ct_program('{"rules": [{"name": "pool", "kind": "split", "budget": "40%", "levels": ["100%"], "missing": {"member": 99}, "caps": {"member_lifetime": 50}}]}');
SELECT fails($$SELECT record_sale('ct', 'A', 6, 100)$$);
SELECT add_member('ct', 99);
SELECT record_sale('ct', 'A', 6, 100), record_sale('ct', 'B', 1, 100), record_sale('ct', 'C', 1, 100);
SELECT * FROM ct_show();

DROP TABLE ct_orders;
DROP VIEW ct_sales CASCADE;
SET client_min_messages = warning;
SELECT drop_program('ct');
RESET client_min_messages;
DROP FUNCTION ct_program, ct_recomputed;
