--
-- plan_diff(): what differs between two plans
--
SET search_path = public, distributor;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '
\pset null '-'

-- nothing
SELECT * FROM plan_diff('{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%", "3%"]}]}',
	'{"rules": [{"levels": ["5%", "3%"], "kind": "unilevel", "name": "r"}]}');
-- ... that means something else: rates and sums of money are compared by their value, words by their text
SELECT * FROM plan_diff('{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%", 0.03, {"fixed": "8.80"}], "when": {"tag": [42, true], "amount": {"from": 5.0}}, "priority": 0}], "guard": {"max_share": "50%"}}',
	'{"rules": [{"name": "r", "kind": "unilevel", "levels": [0.050, "3.0%", {"fixed": 8.8}], "when": {"tag": ["42", "true"], "amount": {"from": 5}}, "priority": 0.0}], "guard": {"max_share": 0.5}}');
SELECT * FROM plan_diff('{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"], "when": {"tag": "5%", "region": "1.0"}, "description": "5%"}]}',
	'{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"], "when": {"tag": "0.05", "region": "1"}, "description": "0.05"}]}');

-- ... also where a rule has the name of a key
SELECT * FROM plan_diff('{"rules": [{"name": "when", "kind": "unilevel", "levels": ["5%"], "group": "1"}]}',
	'{"rules": [{"name": "when", "kind": "unilevel", "levels": [0.05], "group": "01"}]}');

-- keys of the plan, and of a rule
SELECT * FROM plan_diff('{"description": "old", "ranks": ["silver", "gold"], "guard": {"max_share": "50%"}, "rounding": "down", "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%", "3%"], "group": "g", "base": "profit"}]}',
	'{"description": "new", "ranks": ["silver", "gold", "diamond"], "guard": {"max_share": "45%", "excess": "priority"}, "currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%", "4%", "1%"], "self": "1%", "base": {"of": "profit"}}]}');
SELECT * FROM plan_diff('{"ranks": ["a"], "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%", {"by_rank": {"a": "1%"}}], "variants": [{"when": {"tag": "x"}, "levels": [null, "1%"]}, {"when": {"tag": "y"}, "pays": false}]}]}',
	'{"ranks": ["a"], "rules": [{"name": "r", "kind": "unilevel", "levels": [{"fixed": 5}, {"by_rank": {"a": "2%", "*": "1%"}}], "variants": [{"when": {"tag": "x"}, "levels": ["0%", "1%"]}]}]}');

-- rules are matched by name
SELECT * FROM plan_diff('{"rules": [{"name": "a", "kind": "unilevel", "levels": ["1%"]}, {"name": "b", "kind": "unilevel", "levels": ["2%"]}]}',
	'{"rules": [{"name": "c", "kind": "unilevel", "levels": ["1%"]}, {"name": "b", "kind": "unilevel", "levels": ["3%"]}]}');
SELECT * FROM plan_diff('{"rules": [{"name": "a", "kind": "unilevel", "levels": ["1%"]}]}',
	'{"rules": [{"name": "a", "kind": "differential", "rates": {"by_rank": {"*": "1%"}}}]}');
SELECT * FROM plan_diff('{"rules": [{"name": "spring sale 5. \"x\"", "kind": "unilevel", "levels": ["1%"]}]}',
	'{"rules": [{"name": "spring sale 5. \"x\"", "kind": "unilevel", "levels": ["2%"]}]}');

-- moved: the order of running, whatever the document's
CREATE FUNCTION plan_of(names text[], priorities int[] DEFAULT '{}') RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('rules', json_agg(CASE WHEN priorities[i] IS NULL THEN json_build_object('name', n, 'kind', 'unilevel', 'self', '1%')
		ELSE json_build_object('name', n, 'kind', 'unilevel', 'self', '1%', 'priority', priorities[i]) END ORDER BY i)) FROM unnest(names) WITH ORDINALITY AS u(n, i) $$;
SELECT * FROM plan_diff(plan_of('{a,b,c,d,e}'), plan_of('{e,a,b,c,d}'));
SELECT * FROM plan_diff(plan_of('{a,b,c}'), plan_of('{c,b,a}'));
SELECT * FROM plan_diff(plan_of('{a,b,c}'), plan_of('{a,x,b,y,c}'));
SELECT * FROM plan_diff(plan_of('{a,b,c}'), plan_of('{c,a,b}', '{1}'));
SELECT * FROM plan_diff(plan_of('{a,b,c}', '{1}'), plan_of('{b,c,a}', '{NULL,NULL,1}'));
SELECT count(*), min(change), max(change) FROM plan_diff(plan_of(ARRAY(SELECT 'r' || i FROM generate_series(1, 100) i)), plan_of(ARRAY(SELECT 'r' || i FROM generate_series(100, 1, -1) i)));

-- what is no plan, or null
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT refused($$ SELECT plan_diff('{"rules": [{"name": "a", "kind": "unilevel", "levels": ["1%"]}]}', '{"rules": []}') $$);
SELECT refused($$ SELECT plan_diff('{"rules": [{"name": "a", "kind": "unilevel", "levels": [5]}]}', '{"rules": []}') $$);
SELECT refused($$ SELECT plan_diff('{"rules": [{"name": "a", "kind": "unilevel", "levels": ["1%"], "levels": ["1%"]}]}', '{"rules": []}') $$);
SELECT refused($$ SELECT plan_diff(NULL, '{"rules": []}') $$), refused($$ SELECT plan_diff('{"rules": []}', NULL) $$);

DROP FUNCTION plan_of(text[], int[]), refused(text);
