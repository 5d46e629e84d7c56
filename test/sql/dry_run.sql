--
-- dry_run(): what a plan would have paid on real sales
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

SELECT create_program('dr', 'CNY', time_zone => 'UTC', key_type => 'text');
SELECT set_plan('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"]}]}');
SELECT add_member('dr', 'ann'), add_member('dr', 'bob', 'ann', rank => 'gold'), add_member('dr', 'cat', 'bob'), add_member('dr', 'dan', 'cat');
SELECT record_sale('dr', 'A', 'dan', 100, occurred_at => '2022-01-01'), record_sale('dr', 'B', 'dan', 50, occurred_at => '2022-01-02', attributes => '{"region": "north"}'),
	record_sale('dr', 'C', 'cat', 10, 'USD', occurred_at => '2022-01-03'), record_sale('dr', 'D', 'ann', 10, occurred_at => '2022-01-04');
-- the plan itself, another one, and none at all
SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"]}]}');
SELECT * FROM dry_run('dr', '{"rules": [{"name": "more", "kind": "unilevel", "levels": ["0%", "1%", "2%"]}, {"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT * FROM dry_run('dr', '{"rules": [{"name": "new", "kind": "unilevel", "when": {"region": "north"}, "levels": ["20%"]}]}');
-- in a time: from the first, before the last
SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', '2022-01-02', '2022-01-03');
SELECT count(*) FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', '2022-01-05');
SELECT count(*) FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', '2022-01-05', '2022-01-05');

--
-- What cannot be
--
SELECT fails(c) FROM unnest(ARRAY[
	$$SELECT * FROM dry_run('none', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}')$$,
	$$SELECT * FROM dry_run(NULL, '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}')$$,
	$$SELECT * FROM dry_run('dr', NULL)$$,
	$$SELECT * FROM dry_run('dr', '{"rules": []}')$$,
	$$SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": [20]}]}')$$,
	$$SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', NULL)$$,
	$$SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', "to" => NULL)$$,
	$$SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', '2022-01-02', '2022-01-01')$$]) AS c;

--
-- Ranks and states that the plan of the time did not look at, as they were then
--
SELECT set_rank('dr', 'cat', 'silver'), set_rank('dr', 'bob', NULL), set_state('dr', 'ann', 'frozen');
SELECT record_sale('dr', 'E', 'dan', 100, occurred_at => '2022-01-05');
SELECT path_ranks, path_states FROM dr.sale ORDER BY sale_id;
-- bob was gold up to D, cat silver since E, ann was not frozen before E (at level 3, which nobody looked at)
SELECT * FROM dry_run('dr', '{"ranks": ["silver", "gold"], "rules": [
	{"name": "team", "kind": "unilevel", "levels": [{"by_rank": {"silver": "1%", "gold": "2%"}}, {"by_rank": {"silver": "1%", "gold": "2%"}}]},
	{"name": "third", "kind": "unilevel", "levels": ["0%", "0%", "3%"]}]}');
-- changes after the sale change nothing
SELECT set_rank('dr', 'cat', NULL), set_state('dr', 'ann', 'active'), set_state('dr', 'bob', 'left');
SELECT * FROM dry_run('dr', '{"ranks": ["silver", "gold"], "rules": [
	{"name": "team", "kind": "unilevel", "levels": [{"by_rank": {"silver": "1%", "gold": "2%"}}, {"by_rank": {"silver": "1%", "gold": "2%"}}]},
	{"name": "third", "kind": "unilevel", "levels": ["0%", "0%", "3%"]}]}');

--
-- Counters
--
-- not stored: counted here, from the first sale of all on
SELECT * FROM dry_run('dr', '{"rules": [{"name": "second", "kind": "unilevel", "when": {"order_number": {"from": 2, "to": 2}}, "levels": ["20%"]}]}');
SELECT * FROM dry_run('dr', '{"rules": [{"name": "second", "kind": "unilevel", "when": {"order_number": {"from": 2, "to": 2}}, "levels": ["20%"]}]}', '2022-01-02');
SELECT * FROM dry_run('dr', '{"rules": [{"name": "once", "kind": "unilevel", "once_per_buyer": true, "levels": ["20%"]}]}');
-- from later on, what was paid before is not known
SELECT * FROM dry_run('dr', '{"rules": [{"name": "once", "kind": "unilevel", "once_per_buyer": true, "levels": ["20%"]}]}', '2022-01-02');
SELECT * FROM dry_run('dr', '{"rules": [{"name": "up", "kind": "pass_up", "passes": 1, "keep": "40%", "pass": "30%"}]}');
SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"], "caps": {"member_month": 12, "member_day": 9}}]}');

--
-- With lines
--
SELECT record_sale('dr', 'F', 'dan', 100, occurred_at => '2022-01-06', lines => '[{"product": "tea", "amount": 30}, {"product": "cup", "amount": 70, "cost": 20}]');
SELECT * FROM dry_run('dr', '{"rules": [{"name": "tea", "kind": "unilevel", "per": "line", "when": {"product": "tea"}, "levels": ["10%"]}, {"name": "margin", "kind": "unilevel", "per": "line", "base": "profit", "levels": ["10%"]}]}', '2022-01-06');

--
-- The plan that posted the sales pays what they were paid, whatever it asks for and from whenever on
--
SELECT set_plan('dr', '{"ranks": ["silver", "gold"], "rules": [
	{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "1%"], "caps": {"member_month": 20, "member_lifetime": 70}},
	{"name": "once", "kind": "unilevel", "once_per_buyer": true, "levels": [{"by_rank": {"gold": {"fixed": 3}, "*": {"fixed": 2}}}]},
	{"name": "first", "kind": "unilevel", "when": {"first_order": true}, "self": "1%"},
	{"name": "up", "kind": "pass_up", "passes": 1, "keep": "1%", "pass": "2%", "chain": true},
	{"name": "team", "kind": "differential", "rates": {"by_rank": {"silver": "3%", "gold": "5%"}}}]}', '2022-02-01');
SELECT set_state('dr', 'bob', 'active'), set_rank('dr', 'bob', 'gold');
SELECT setseed(0.5);
DO $$
BEGIN
	FOR i IN 1..40 LOOP
		PERFORM add_member('dr', 'm' || i, (ARRAY['ann', 'bob', 'cat', 'dan', 'm' || i / 2])[CASE WHEN i > 4 THEN 5 ELSE i END], rank => (ARRAY['silver', 'gold'])[1 + i % 5]);
	END LOOP;
	FOR i IN 1..150 LOOP
		PERFORM record_sale('dr', 'R' || i, 'm' || 1 + (random() * 39)::int, (random() * 100)::numeric(10,2), (ARRAY['CNY', 'JPY'])[1 + i % 2], '2022-02-01'::timestamptz + random() * interval '80 days');
		IF i % 10 = 0 THEN
			PERFORM set_rank('dr', 'm' || 1 + (random() * 39)::int, (ARRAY['silver', 'gold'])[(random() * 2)::int]);
			PERFORM set_state('dr', 'm' || 1 + (random() * 39)::int, (ARRAY['active', 'frozen'])[1 + (random() * 1)::int]);
		END IF;
	END LOOP;
END
$$;
SELECT document::json AS plan FROM dr.plan WHERE version = 2 \gset
SELECT count(*) > 100 AS many, sum(sales) > 400 AS sales, count(*) FILTER (WHERE difference <> 0) AS different, sum(would_pay) = (SELECT sum(l.amount) FROM dr.ledger l JOIN dr.sale s ON s.sale_id = l.source_id WHERE s.occurred_at >= '2022-02-01') AS total
FROM dry_run('dr', :'plan', '2022-02-01');
SELECT count(*) > 50 AS many, count(*) FILTER (WHERE difference <> 0) AS different FROM dry_run('dr', :'plan', '2022-03-05', '2022-03-20');
-- the same plan in other words is another one: its counters are computed anew, and come out the same from the beginning on
SELECT set_config('dr.other', jsonb_set(:'plan', '{description}', '"the same"')::text, false) IS NOT NULL AS set;
SELECT count(*) FILTER (WHERE rule IN ('first', 'up', 'team') AND difference <> 0) AS different FROM dry_run('dr', current_setting('dr.other')::json, '2022-02-01');

--
-- It writes nothing and needs no more than reading
--
SELECT (SELECT count(*) FROM dr.sale) AS sales, (SELECT count(*) FROM dr.plan) AS plans;
BEGIN READ ONLY;
SELECT count(*) FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', "to" => '2022-02-01');
ROLLBACK;
CREATE ROLE regress_dr_reader;
GRANT USAGE ON SCHEMA dr TO regress_dr_reader;
SET ROLE regress_dr_reader;
SELECT fails($$SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}')$$);
RESET ROLE;
GRANT SELECT ON dr.sale, dr.sale_line, dr.ledger, dr.plan, dr.member TO regress_dr_reader;
SET ROLE regress_dr_reader;
SELECT count(*) FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', "to" => '2022-02-01');
SELECT fails($$SELECT * FROM dry_run('dr', '{"ranks": ["gold"], "rules": [{"name": "sales", "kind": "unilevel", "levels": [{"by_rank": {"gold": "1%"}}]}]}')$$);
RESET ROLE;
GRANT SELECT ON dr.member_history TO regress_dr_reader;
SET ROLE regress_dr_reader;
SELECT count(*) FROM dry_run('dr', '{"ranks": ["gold"], "rules": [{"name": "sales", "kind": "unilevel", "levels": [{"by_rank": {"gold": "1%"}}]}]}', "to" => '2022-02-01');
RESET ROLE;
-- a currency that the plan does not know
SELECT set_plan('dr', '{"currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}', '2022-06-01');
SELECT record_sale('dr', 'P', 'dan', 100, 'POINTS', '2022-06-02');
SELECT fails($$SELECT * FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}')$$);
SELECT count(*) FROM dry_run('dr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}', "to" => '2022-06-02');
SET client_min_messages = warning;
SELECT drop_program('dr');
RESET client_min_messages;
DROP ROLE regress_dr_reader;
