--
-- check_plan(): all mistakes of a plan at once, and what is doubtful in a good one
--
SET search_path = public, distributor;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '

-- nothing to say
SELECT * FROM check_plan('{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%", "3%"]}]}');

-- each key of each object, each rule, each variant is looked at
SELECT * FROM check_plan('{
	"descripton": "x",
	"rounding": "up",
	"currencies": {"points": {}, "POINTS": {"scale": 11, "rounding": "off"}, "USD": {"scale": 3}},
	"ranks": ["silver", "gold"],
	"guard": {"max_share": 2, "excess": "last"},
	"compliance": {"market": "XX", "max_level": 0},
	"rules": [
		{"name": "a", "kind": "unilevel", "levels": ["5%", 20], "self": "5", "residue": "all", "group": ""},
		{"name": "b", "kind": "unilevel", "levles": ["5%"], "min_rank": "glod", "caps": {"sale": -1, "month": 5}},
		5,
		{"kind": "unilevel", "levels": ["5%"]},
		{"name": "c", "kind": "binary"},
		{"name": "d", "budgt": "5%"},
		{"name": "e", "kind": "override", "of": ["a", "z"], "levels": ["5%"], "base": "profit"},
		{"name": "f", "kind": "unilevel", "when": {"color": "red", "amount": {"from": "5", "to": null}}, "variants": [{"when": {"tag": []}, "levels": [true]}, {}, {"when": {"tag": "a"}, "levels": ["1%"]}, {"when": {"tag": "a"}}]},
		{"name": "a", "kind": "unilevel", "levels": ["1%"]}
	]}');

-- a key with blanks and dots, one that looks like the end of a path
SELECT * FROM check_plan('{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"], "when": {"attributes": {"a: b. \"c\"]": {"from": "x"}}}, "x: found 5.": 1}]}');

-- a list of names that is wrong is one mistake, and not one for each use of a name
SELECT * FROM check_plan('{"ranks": ["silver", "gold", "gold"], "rules": [{"name": "r", "kind": "unilevel", "levels": [{"by_rank": {"platinum": "5%", "*": "x"}}], "min_rank": "silver"}]}');
SELECT * FROM check_plan('{"currencies": [], "rules": [{"name": "r", "kind": "unilevel", "levels": [{"fixed": {"POINTS": 5}}]}]}');
-- a rule that is wrong can still be referred to
SELECT * FROM check_plan('{"rules": [{"name": "a", "kind": "unilevel", "levels": ["x%"]}, {"name": "b", "kind": "override", "of": ["a"], "levels": ["5%"]}]}');
-- what no key can check by itself is looked at where the keys are right
SELECT * FROM check_plan('{"rules": [{"name": "a", "kind": "unilevel"}, {"name": "b", "kind": "split", "budget": "5%", "levels": ["60%", "60%"]}, {"name": "c", "kind": "split", "budget": 5, "levels": ["60%", "60%"]}]}');
-- the guard
SELECT * FROM check_plan('{"rules": [{"name": "a", "kind": "unilevel", "levels": ["60%", "60%"]}]}');

-- what is no plan at all
SELECT p, c.* FROM unnest(ARRAY['{}', '[]', 'null', '5', '""', '{"rules": []}', '{"rules": 5}', '{"rules": [[]]}', '{"rules": [], "rules": []}', '{"rules": [{"a": {"b b": [1, {"c": 1, "c": 2}]}}]}', '{"a": "\u0000"}', '{"a": 1e200000}']) WITH ORDINALITY AS p(p, i), check_plan(p::json) c ORDER BY i;
SELECT * FROM check_plan(NULL);
SELECT * FROM check_plan(('"' || repeat('x', 1024 * 1024) || '"')::json);
-- text that is no json, behind a cast of one's own
CREATE FUNCTION check_text(plan text, OUT severity text, OUT path text, OUT message text) RETURNS SETOF record
	AS '$libdir/distributor', 'distributor_check_plan' LANGUAGE C;
SELECT severity, path FROM check_text('{"rules": [');
SELECT severity, path FROM check_text(repeat('[', 100000));
-- with that many mistakes one begins with the first
SELECT count(*), min(path), max(path) FROM check_plan(('{"rules": [' || repeat('5,', 999) || '5]}')::json);
SELECT count(*) FROM check_plan((SELECT json_object_agg('k' || i, i) FROM generate_series(1, 5000) i));
-- the error state is clean afterwards, also where one is raised in between
BEGIN;
SELECT count(*) FROM check_plan('{"rules": [5]}');
SAVEPOINT s;
SELECT 1 / (SELECT count(*) - 1 FROM check_plan('{"rules": [5]}'));
ROLLBACK TO s;
SELECT count(*) FROM check_plan('{"rules": [5, {}]}');
COMMIT;
-- in every place of a query
SELECT (check_plan('{"rules": [5, 6]}')).path;
SELECT count(*) FROM generate_series(1, 3) i, LATERAL (SELECT * FROM check_plan(('{"rules": [' || repeat('5,', i) || '5]}')::json) LIMIT 1) c;

--
-- Warnings
--
CREATE FUNCTION warnings(plan text) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(string_agg(E'\n  ' || concat_ws(' | ', severity, path, message), ''), 'none') FROM check_plan(plan::json) $$;

SELECT p, warnings('{"ranks": ["silver", "gold"], ' || p || '}') FROM unnest(ARRAY[
	-- the guard at run time
	'"rules": [{"name": "a", "kind": "unilevel", "levels": ["60%"]}, {"name": "b", "kind": "unilevel", "levels": ["30%"], "when": {"tag": "a"}}, {"name": "c", "kind": "unilevel", "levels": ["30%"], "when": {"tag": "b"}}]',
	'"guard": {"max_share": "20%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"fixed": 5}]}, {"name": "b", "kind": "unilevel", "levels": ["5%"], "base": "list_price"}, {"name": "c", "kind": "unilevel", "levels": ["5%"], "per": "line"}, {"name": "d", "kind": "unilevel", "levels": ["5%"]}]',
	'"guard": {"max_share": "15%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"]}, {"name": "b", "kind": "override", "of": ["a"], "levels": ["50%", "10%"]}]',
	'"guard": {"max_share": "15%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"]}, {"name": "b", "kind": "override", "of": ["a"], "levels": ["30%"], "on_itself": true}]',
	'"guard": {"max_share": "15%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"]}, {"name": "b", "kind": "override", "of": ["a"], "levels": ["51%"], "on_itself": true}]',
	'"guard": {"max_share": "15%"}, "rules": [{"name": "a", "kind": "differential", "rates": {"by_rank": {"silver": "5%", "gold": "10%"}}}, {"name": "b", "kind": "peer", "levels": ["30%", "20%"], "of": "first_peer", "income": ["a"]}]',
	'"guard": {"max_share": "15%"}, "rules": [{"name": "b", "kind": "peer", "levels": ["5%", {"by_rank": {"gold": "5%"}}]}]',
	'"guard": {"max_share": "14%"}, "rules": [{"name": "b", "kind": "peer", "levels": ["5%", {"by_rank": {"gold": "5%"}}]}]',
	'"guard": {"max_share": "11%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"]}, {"name": "b", "kind": "unilevel", "levels": ["10%", "20%"], "base": {"rule": "a"}}]',
	-- the market
	'"compliance": {"market": "CN"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%", "5%"]}, {"name": "b", "kind": "unilevel", "levels": ["10%", "5%", "1%"]}, {"name": "c", "kind": "differential", "rates": {"by_rank": {"gold": "5%"}}}]',
	'"compliance": {"market": "CN", "max_level": 3, "max_share": "30%", "recruiting": "allow"}, "rules": [{"name": "b", "kind": "unilevel", "levels": ["10%", "5%", "1%"], "when": {"first_order": true}}]',
	'"compliance": {"max_level": 2}, "rules": [{"name": "b", "kind": "unilevel", "levels": ["10%", "5%", "1%", "1%"]}, {"name": "c", "kind": "rotation", "rate": "1%", "levels": 5}, {"name": "d", "kind": "differential", "rates": {"by_rank": {"gold": "5%"}}}]',
	'"compliance": {"market": "US"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["60%"]}]',
	'"compliance": {"market": "EU"}, "guard": {"max_share": "40%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"fixed": 60}]}]',
	'"compliance": {"market": "EU"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"fixed": 60}]}]',
	'"compliance": {"max_share": "5%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%", 0.0001]}]',
	-- recruiting
	'"compliance": {"recruiting": "warn"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"], "once_per_buyer": true}, {"name": "b", "kind": "unilevel", "levels": ["5%"], "when": {"first_order": true}}, {"name": "c", "kind": "unilevel", "levels": ["5%"], "when": {"order_number": {"below": 2}}}, {"name": "d", "kind": "unilevel", "levels": ["5%"], "when": {"first_order": false}}, {"name": "e", "kind": "pass_up", "passes": 1, "keep": "5%"}, {"name": "f", "kind": "pass_up", "passes": 1, "keep": "5%", "counter": "orders"}, {"name": "g", "kind": "unilevel", "levels": ["5%"], "when": {"order_number": {"to": 2}}}]',
	-- what never happens
	'"rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"], "when": {"amount": {"from": 10, "below": 10}}}, {"name": "b", "kind": "unilevel", "levels": ["5%"], "when": {"amount": {"from": 10, "to": 10}}}, {"name": "c", "kind": "unilevel", "levels": ["5%"], "variants": [{"when": {"time": {"from": "2026-11-12T00:00:00Z", "below": "2026-11-11T00:00:00Z"}}, "pays": false}]}]',
	'"rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"], "base": {"above": 100, "max": 100}}, {"name": "b", "kind": "unilevel", "levels": ["5%"], "base": {"above": 100, "max": 101}}]',
	'"rules": [{"name": "a", "kind": "unilevel", "levels": ["5%", "5%"], "variants": [{"when": {"tag": "a"}, "levels": ["1%"]}, {"when": {"tag": "b"}, "levels": ["2%"]}, {"when": {"tag": ["a"]}, "levels": ["3%"]}, {"when": {"tag": "a"}, "levels": [null, "3%"]}, {"when": {"tag": "b", "region": "n"}, "pays": false}, {"when": {"region": "n", "tag": "b"}, "levels": ["1%"]}, {"when": {"tag": "a"}, "pays": false}, {"when": {"tag": "a"}, "levels": [null, null, {"by_rank": {"gold": "1%"}}]}]}]']) p;

DROP FUNCTION warnings(text), check_text(text);
