--
-- Plans: what a review found, and large orders under plans that look at all
-- that came before
--
SET search_path = public, distributor;

-- an order of n lines of 10 each
CREATE FUNCTION rp_lines(n int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('occurred_at', '2026-11-11T10:00:00Z', 'lines', jsonb_agg(jsonb_build_object('amount', 10)))
	FROM generate_series(1, n)
$$;
-- the path from 1 to n
CREATE FUNCTION rp_path(n int) RETURNS refpath LANGUAGE sql AS $$
	SELECT string_agg(i::text, '.' ORDER BY i)::refpath FROM generate_series(1, n) i
$$;

--
-- Who is not qualified deducts nothing, with a slice of zero too: 3 is gold
-- beyond its depth, so that 2, who is silver, gets its slice
--
SELECT level, member_id, exact, amount, reason FROM explain_commissions('{"ranks": ["silver", "gold", "diamond"], "rules": [
	{"name": "team", "kind": "differential", "depth_by_rank": {"gold": 1},
	 "slices": {"by_rank": {"silver": {"fixed": 1}, "gold": {"fixed": 0}, "diamond": {"fixed": 2}}}}]}',
	'1.2.3.4.5', 100, ranks => '{NULL,NULL,gold,silver,diamond}');
SELECT level, member_id, amount FROM commissions('{"ranks": ["silver", "gold", "diamond"], "rules": [
	{"name": "team", "kind": "differential", "depth_by_rank": {"gold": 1},
	 "slices": {"by_rank": {"silver": {"fixed": 1}, "gold": {"fixed": 0}, "diamond": {"fixed": 2}}}}]}',
	'1.2.3.4.5', 100, ranks => '{NULL,NULL,gold,silver,diamond}');

--
-- What is passed up to nobody is uplifted by nobody's rank
--
SELECT level, member_id, base, rate, exact, reason FROM explain_commissions('{"ranks": ["gold"], "rules": [
	{"name": "up", "kind": "pass_up", "passes": 3, "pass": "2%", "chain": true, "max_level": 2, "uplift_by_rank": {"gold": "10%"}}]}',
	'1.2.3.4', 100, ranks => '{gold,gold,gold,gold}', sale => '{"counters": {"recruit_numbers": [1, 1, 1]}}');

--
-- Caps, overrides, groups and sums of an order of ten thousand lines: each
-- took time and memory by the square of the lines, gigabytes in all
--
SELECT rule, count(*), sum(amount), max(amount) FROM commissions('{"rules": [
	{"name": "capped", "kind": "unilevel", "per": "line", "levels": ["1%", "1%", "1%", "1%", "1%"],
	 "caps": {"sale": 4000, "member_sale": 900, "member_month": 800}}]}',
	rp_path(20), 100000, sale => rp_lines(10000)) GROUP BY rule;
SELECT rule, level, count(*), sum(amount) FROM commissions('{"rules": [
	{"name": "sales", "kind": "unilevel", "per": "line", "levels": ["10%", "10%", "10%"]},
	{"name": "match", "kind": "override", "per": "line", "of": ["sales"], "levels": ["10%"]},
	{"name": "based", "kind": "unilevel", "per": "line", "base": {"rule": "sales"}, "levels": ["0%", "0%", "0%", "10%"]}]}',
	rp_path(20), 100000, sale => rp_lines(10000)) GROUP BY rule, level ORDER BY rule, level;
SELECT rule, level, count(*), sum(amount) FROM commissions('{"rules": [
	{"name": "first", "kind": "unilevel", "per": "line", "group": "g", "levels": ["10%", "0%", "10%"]},
	{"name": "named", "kind": "split", "per": "line", "group": "g", "budget": "10%", "levels": ["50%", "50%"], "missing": {"member": 16}},
	{"name": "again", "kind": "split", "per": "line", "group": "g", "budget": "10%", "levels": ["100%"], "missing": {"member": 16}},
	{"name": "last", "kind": "unilevel", "per": "line", "group": "g", "levels": ["10%", "10%", "10%", "10%"]}]}',
	rp_path(20), 100000, sale => rp_lines(10000)) GROUP BY rule, level ORDER BY rule, level;
SELECT count(*), sum(amount) FROM commissions((
	SELECT jsonb_build_object('rules', jsonb_build_array(jsonb_build_object('name', 'by quantity', 'kind', 'unilevel', 'levels', jsonb_build_array('1%'),
		'variants', jsonb_agg(jsonb_build_object('when', jsonb_build_object('quantity', jsonb_build_object('from', i)), 'levels', jsonb_build_array('2%'))))))
	FROM generate_series(9500, 10499) i), '1.2', 100000, sale => rp_lines(10000));
-- a thousand rules of one group, on a path of a thousand
SELECT count(*), count(DISTINCT rule), sum(amount) FROM commissions((
	SELECT jsonb_build_object('rules', jsonb_agg(jsonb_build_object('name', 'r' || i, 'kind', 'unilevel', 'group', 'g',
		'levels', jsonb_build_array('0%', '0.01%', '0.01%', '0.01%'), 'compression', '{"mode": "standard"}'::jsonb)))
	FROM generate_series(1, 1000) i), rp_path(1000), 10000);
-- a word among a hundred thousand
SELECT reason FROM explain_commissions('{"rules": [{"name": "tagged", "kind": "unilevel", "when": {"tag": "new"}, "levels": ["1%"]}]}',
	'1.2', 100, sale => (SELECT jsonb_build_object('attributes', jsonb_build_object('tag', jsonb_agg(i))) FROM generate_series(1, 100000) i));

--
-- A rule that is switched off by a cap of zero is no part of the worst case
--
SELECT rule, amount FROM commissions('{"rules": [
	{"name": "now", "kind": "unilevel", "levels": ["60%"]},
	{"name": "later", "kind": "unilevel", "levels": ["60%"], "caps": {"member_month": 0}}]}',
	'1.2', 100, sale => '{"occurred_at": "2026-11-11T10:00:00Z"}');
-- in one currency only, it is
\set VERBOSITY sqlstate
SELECT rule, amount FROM commissions('{"rules": [
	{"name": "now", "kind": "unilevel", "levels": ["60%"]},
	{"name": "later", "kind": "unilevel", "levels": ["60%"], "caps": {"sale": {"USD": 0}}}]}', '1.2', 100, 'EUR');

DROP FUNCTION rp_lines(int), rp_path(int);
