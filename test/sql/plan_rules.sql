--
-- The plan document: every key of the plan and of each kind of rule, what is
-- accepted and what every mistake is answered with
--
SET search_path = public, distributor;

CREATE FUNCTION plan_compile(jsonb) RETURNS void AS '$libdir/distributor', 'distributor_plan_compile' LANGUAGE C STRICT;

-- the SQLSTATE and all three parts of an error; 'ok' if there was none
CREATE FUNCTION plan_error(plan text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM plan_compile(plan::jsonb);
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM
		|| CASE WHEN detail <> '' THEN E'\n  detail: ' || detail ELSE '' END
		|| CASE WHEN hint <> '' THEN E'\n  hint: ' || hint ELSE '' END;
END $$;

-- a rule in a plan with ranks, a currency of its own, and a rule before it
CREATE FUNCTION rule_error(rule text) RETURNS text LANGUAGE sql AS
$$ SELECT plan_error('{"ranks": ["silver", "gold"], "currencies": {"POINTS": {"scale": 0}}, "rules": ['
	'{"name": "sales", "kind": "unilevel", "levels": ["1%"]}, ' || rule || ']}') $$;

-- one more key of a unilevel rule
CREATE FUNCTION key_error(key text) RETURNS text LANGUAGE sql AS
$$ SELECT rule_error('{"name": "r", "kind": "unilevel", "levels": ["5%"], ' || key || '}') $$;

-- one more key of the plan
CREATE FUNCTION top_error(key text) RETURNS text LANGUAGE sql AS
$$ SELECT plan_error('{' || key || ', "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}]}') $$;

\pset format unaligned
\pset tuples_only on
\pset fieldsep ' -> '

--
-- Keys of the plan
--
SELECT k, top_error(k) FROM unnest(ARRAY[
	'"ranks": []', '"ranks": ["a"]', '"ranks": ["silver", "gold", "diamond"]',
	'"ranks": null', '"ranks": "gold"', '"ranks": {"gold": 1}', '"ranks": [1]', '"ranks": [null]', '"ranks": [""]',
	'"ranks": ["*"]', '"ranks": ["a", "b", "a"]', '"ranks": ["' || repeat('n', 63) || '"]', '"ranks": ["' || repeat('n', 64) || '"]',
	'"rounding": "half_up"', '"rounding": "half_even"', '"rounding": "down"', '"rounding": "ceiling"',
	'"rounding": "up"', '"rounding": null', '"rounding": 2',
	'"currencies": {"USD": {}}', '"currencies": {"USD": {"scale": 4, "rounding": "down"}}', '"currencies": {"POINTS": {"rounding": "down"}}',
	'"currencies": {"POINTS": {"scale": 0, "rounding": "off"}}', '"currencies": {"USD": {"roundng": "down"}}', '"currencies": {"USD": null}',
	'"guard": {}', '"guard": {"max_share": "45%"}', '"guard": {"max_share": "5%", "excess": "priority"}', '"guard": {"max_share": "1000%", "excess": "proportional"}',
	'"guard": {"max_share": 0.05}', '"guard": {"max_share": "1000.1%"}', '"guard": {"max_share": "10000%"}', '"guard": {"max_share": 2}', '"guard": {"max_share": null}', '"guard": {"max_share": "45"}',
	'"guard": {"excess": "last"}', '"guard": {"excess": true}', '"guard": {"maxshare": "45%"}', '"guard": "45%"', '"guard": null',
	'"guard": {"max_share": "4.99%"}', '"guard": {"max_share": 0}',
	'"compliance": {}', '"compliance": {"market": "CN", "max_level": 2, "max_share": "45%", "recruiting": "warn"}', '"compliance": {"market": "none", "recruiting": "allow"}',
	'"compliance": {"market": "cn"}', '"compliance": {"market": null}', '"compliance": {"max_level": 0}', '"compliance": {"max_level": 1000}', '"compliance": {"max_level": 1001}', '"compliance": {"max_level": 1.5}', '"compliance": {"max_level": "2"}',
	'"compliance": {"max_share": "1001%"}', '"compliance": {"max_share": 5}', '"compliance": {"recruiting": "deny"}', '"compliance": {"level": 2}', '"compliance": []',
	'"description": 1', '"descripton": ""']) k;

-- limits
SELECT top_error('"ranks": ' || (SELECT json_agg('r' || i) FROM generate_series(1, 100) i));
SELECT top_error('"ranks": ' || (SELECT json_agg('r' || i) FROM generate_series(1, 101) i));

--
-- Rates
--
SELECT r, key_error('"self": ' || r) FROM unnest(ARRAY[
	'{"fixed": 8.80}', '{"fixed": "8.80"}', '{"fixed": 0}', '{"fixed": {"USD": 5, "EUR": "4.5", "POINTS": 100}}', '{"fixed": 999999999999999.9999999999}', '{"fixed": "00012.500000000000"}',
	'{"fixed": 1e15}', '{"fixed": -1}', '{"fixed": 0.00000000001}', '{"fixed": "1000000000000000"}', '{"fixed": "0.00000000001"}', '{"fixed": 1e131071}', '{"fixed": 1e-400}',
	'{"fixed": "5 USD"}', '{"fixed": "-5"}', '{"fixed": "5%"}', '{"fixed": ""}', '{"fixed": "."}', '{"fixed": null}', '{"fixed": true}', '{"fixed": []}', '{"fixed": {}}',
	'{"fixed": {"USD": null}}', '{"fixed": {"usd": 5}}', '{"fixed": {"XYZ": 5}}', '{"fixed": {"points": 5}}', '{"fixed": {"USD": {"fixed": 5}}}', '{"fixd": 5}', '{"fixed": 5, "per_unit": true}',
	'{"by_rank": {"gold": "8%", "silver": {"fixed": 3}, "*": "2%"}}', '{"by_rank": {"*": 0.05}}', '{"by_rank": {"gold": "0%"}}', '{"by_rank": {"gold": {"fixed": {"USD": 1}}}}',
	'{"by_rank": {}}', '{"by_rank": null}', '{"by_rank": ["8%"]}', '{"by_rank": {"platinum": "8%"}}', '{"by_rank": {"Gold": "8%"}}', '{"by_rank": {"gold": null}}', '{"by_rank": {"gold": 8}}',
	'{"by_rank": {"gold": {"by_rank": {"gold": "8%"}}}}', '{"by_rank": {"gold": {"fixed": -1}}}', '{"by_rank": {"*": "101%"}}', '{"by_rank": {"gold": "8%"}, "fixed": 3}', '{"by_rank": {"": "8%"}}',
	'{"byrank": {"gold": "8%"}}']) r;

--
-- Keys of every rule
--
SELECT k, key_error(k) FROM unnest(ARRAY[
	'"description": "words"', '"description": 5',
	'"priority": 0', '"priority": -1000', '"priority": 1000', '"priority": 1001', '"priority": -1001', '"priority": 0.5', '"priority": "1"', '"priority": null',
	'"group": "g"', '"group": ""', '"group": null', '"group": ["g"]', '"group": "' || repeat('n', 64) || '"',
	'"per": "order"', '"per": "line"', '"per": "item"', '"per": null',
	'"once_per_buyer": true', '"once_per_buyer": "true"', '"once_per_buyer": null',
	'"min_rank": "gold"', '"min_rank": "glod"', '"min_rank": "*"', '"min_rank": 1', '"min_rank": null',
	'"residue": "house"', '"residue": "first"', '"residue": "last"', '"residue": "largest_remainder"', '"residue": "largest"', '"residue": null',
	'"min_payable": 1', '"min_payable": "1.00"', '"min_payable": {"USD": 1}', '"min_payable": -1', '"min_payable": {}', '"min_payable": "1%"', '"min_payable": null', '"min_payable": {"fixed": 1}',
	'"caps": {}', '"caps": {"sale": 1, "member_sale": 2, "member_day": {"USD": 3}, "member_week": "4", "member_month": 5, "member_year": 6, "member_lifetime": 7}',
	'"caps": {"month": 1}', '"caps": {"member_month": null}', '"caps": {"sale": "10%"}', '"caps": 100', '"caps": null',
	'"per_unit": true', '"per_unit": 1', '"per_unit": null',
	'"rank_of": "recipient"', '"rank_of": "buyer"', '"rank_of": "lower"', '"rank_of": "higher"', '"rank_of": null',
	'"depth_by_rank": {"gold": 8, "silver": 4, "*": 1}', '"depth_by_rank": {"gold": 0}', '"depth_by_rank": {"gold": 1000}', '"depth_by_rank": {"gold": 1001}', '"depth_by_rank": {"gold": -1}', '"depth_by_rank": {"gold": "8"}', '"depth_by_rank": {"gold": null}', '"depth_by_rank": {"plat": 1}', '"depth_by_rank": {}', '"depth_by_rank": 3',
	'"uplift_by_rank": {"gold": "10%", "*": 0.05}', '"uplift_by_rank": {"gold": "1000%"}', '"uplift_by_rank": {"gold": "1000.1%"}', '"uplift_by_rank": {"gold": 1.5}', '"uplift_by_rank": {"gold": {"fixed": 1}}', '"uplift_by_rank": {"gold": null}', '"uplift_by_rank": {}', '"uplift_by_rank": "10%"',
	'"compression": {}', '"compression": {"mode": "none"}', '"compression": {"mode": "standard", "skipped_level": "reused", "sponsor_exempt": true}', '"compression": {"mode": "dynamic", "skipped_level": "rolls_up"}',
	'"compression": "standard"', '"compression": null', '"compression": {"mode": "dynamik"}', '"compression": {"mode": null}', '"compression": {"skipped_level": "lost"}', '"compression": {"sponsor_exempt": 1}', '"compression": {"mod": "standard"}',
	'"max_level": 3', '"slices": {}', '"keep": "5%"', '"of": ["sales"]', '"deduct": []', '"at_root": "house"',
	'"base": "amount"', '"base": "profit"', '"base": "list_price"', '"base": ""', '"base": null', '"base": 5', '"base": ["amount"]', '"base": {}',
	'"base": {"of": "profit", "less": ["tax", "shipping"], "plus": ["tip"], "min": 10, "max": 100, "above": 5.5}', '"base": {"of": null}', '"base": {"of": 5}', '"base": {"off": "amount"}',
	'"base": {"less": "tax"}', '"base": {"less": [5]}', '"base": {"less": [""]}', '"base": {"less": []}', '"base": {"plus": null}', '"base": {"min": "10"}', '"base": {"max": -1}', '"base": {"above": 1e15}', '"base": {"min": 0.00000000001}', '"base": {"min": null}',
	'"base": {"rule": "sales"}', '"base": {"rule": "sales", "level": 0}', '"base": {"rule": "sales", "level": 1000}', '"base": {"rule": "sales", "level": 1001}', '"base": {"rule": "sales", "level": -1}', '"base": {"level": 1}', '"base": {"rule": "sales", "of": "profit"}', '"base": {"rule": "sale"}', '"base": {"rule": "r"}', '"base": {"rule": null}', '"base": {"rule": ["sales"]}']) k;

SELECT key_error('"base": {"less": ' || (SELECT json_agg('t' || i) FROM generate_series(1, 20) i) || '}');
SELECT key_error('"base": {"plus": ' || (SELECT json_agg('t' || i) FROM generate_series(1, 21) i) || '}');

--
-- Conditions
--
SELECT w, key_error('"when": ' || w) FROM unnest(ARRAY[
	'{}', 'null', '[]', '"food"',
	'{"product": "tea", "category": ["food", 42, true], "tag": {"not": "new"}, "region": {"not": ["north", "south"]}, "channel": 5}',
	'{"product": null}', '{"product": []}', '{"product": {}}', '{"product": {"not": null}}', '{"product": {"not": []}}', '{"product": {"not": {"not": "a"}}}', '{"product": {"from": 1}}', '{"product": [["a"]]}', '{"product": ["a", null]}', '{"prodct": "a"}', '{"color": "red"}',
	'{"attributes": {}}', '{"attributes": {"color": "red", "weight": {"from": 1, "below": 2}, "x": {"not": ["a"]}, "y": [1, 2]}}', '{"attributes": []}', '{"attributes": {"color": null}}', '{"attributes": {"color": {}}}', '{"attributes": {"color": {"form": 1}}}', '{"attributes": {"color": {"from": 1, "not": "a"}}}', '{"attributes": {"color": {"from": "1"}}}', '{"attributes": {"color": []}}',
	'{"currency": "USD"}', '{"currency": ["USD", "POINTS"]}', '{"currency": {"not": "EUR"}}', '{"currency": "usd"}', '{"currency": "XYZ"}', '{"currency": 5}',
	'{"buyer_rank": "gold"}', '{"buyer_rank": ["gold", "silver"]}', '{"buyer_rank": {"not": "gold"}}', '{"buyer_rank": {"at_least": "silver"}}', '{"buyer_rank": "platinum"}', '{"buyer_rank": {"at_least": "sliver"}}', '{"buyer_rank": {"at_least": ["gold"]}}', '{"buyer_rank": {"at_most": "gold"}}', '{"buyer_rank": {}}', '{"buyer_rank": {"at_least": "gold", "not": "gold"}}', '{"buyer_rank": {"not": "bronze"}}',
	'{"amount": {"from": 50, "below": 100}}', '{"amount": {"over": 50, "to": 1e3}}', '{"amount": {}}', '{"amount": 50}', '{"amount": {"from": "50"}}', '{"amount": {"from": null}}', '{"amount": {"at_least": 50}}', '{"amount": [1, 2]}', '{"amount": {"from": -5, "to": 1e400}}',
	'{"order_amount": {"from": 1}}', '{"order_amount": "1"}', '{"quantity": {"over": 1.5}}', '{"quantity": true}', '{"order_number": {"to": 3}}', '{"order_number": 1}',
	'{"first_order": true}', '{"first_order": false}', '{"first_order": 1}', '{"first_order": null}',
	'{"time": {"from": "2026-11-11T00:00:00+08:00", "below": "2026-11-12T00:00:00+08:00"}}', '{"time": {"over": "2026-11-11 00:00Z", "to": "9999-12-31T23:59:59.999999-12"}}',
	'{"time": {}}', '{"time": "2026-11-11T00:00:00Z"}', '{"time": {"from": 5}}', '{"time": {"from": null}}', '{"time": {"since": "2026-11-11T00:00:00Z"}}']) w;

-- moments: date, time and offset, and nothing else
SELECT t, key_error('"when": {"time": {"from": ' || to_json(t) || '}}') FROM unnest(ARRAY[
	'2026-11-11T10:00:00+08:00', '2026-11-11 10:00:00+08:00', '2026-11-11T10:00Z', '2026-11-11T10:00:00.5Z', '2026-11-11T10:00:00.123456Z', '2026-11-11T10:00:00-03:30', '2026-11-11T10:00:00+08',
	'0001-01-01T00:00:00+15:59', '9999-12-31T23:59:59.999999-15:59', '2024-02-29T00:00:00Z', '2000-02-29T00:00:00Z',
	'', 'now', 'tomorrow', 'infinity', '2026-11-11', '2026-11-11T10:00:00', '2026-11-11T10Z', '2026-11-11T10:00:00z', '2026-11-11t10:00:00Z', '2026-11-11T10:00:00 Z', ' 2026-11-11T10:00:00Z', '2026-11-11T10:00:00Z ', '2026-11-11  10:00:00Z',
	'2026-11-11T10:00:00.1234567Z', '2026-11-11T10:00:00.Z', '2026-11-11T10:00:60Z', '2026-11-11T24:00:00Z', '2026-11-11T10:60:00Z', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z', '2026-11-31T00:00:00Z', '2026-11-00T00:00:00Z',
	'2023-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '0000-01-01T00:00:00Z', '-001-01-01T00:00:00Z', '10000-01-01T00:00:00Z', '2026-1-1T00:00:00Z', '26-11-11T00:00:00Z', '2026-11-11T10:00:00+16:00', '2026-11-11T10:00:00+08:60', '2026-11-11T10:00:00+0800', '2026-11-11T10:00:00+8', '2026-11-11T10:00:00+08:', '2026-11-11T10:00:00UTC', '2026/11/11T10:00:00Z', '20261111T100000Z', U&'2026-11-11T10:00:0\FF10Z']) t;

-- limits
SELECT key_error('"when": {"product": ' || (SELECT json_agg(i) FROM generate_series(1, 1000) i) || '}');
SELECT key_error('"when": {"product": {"not": ' || (SELECT json_agg(i) FROM generate_series(1, 1001) i) || '}}');
SELECT key_error('"when": {"attributes": ' || (SELECT json_object_agg('a' || i, i) FROM generate_series(1, 1000) i) || '}');
SELECT key_error('"when": {"attributes": ' || (SELECT json_object_agg('a' || i, i) FROM generate_series(1, 1001) i) || '}');

--
-- Variants
--
SELECT v, key_error('"variants": ' || v) FROM unnest(ARRAY[
	'[]', 'null', '{}', '[{"when": {"tag": "a"}, "levels": ["8%", null, {"by_rank": {"gold": null, "*": "3%"}}], "self": null}]', '[{"when": {"tag": "a"}, "levels": null}]', '[{"when": {"tag": "a"}, "pays": false}, {"when": {"tag": "b"}, "pays": true, "self": "1%"}]',
	'[5]', '[{}]', '[{"levels": ["8%"]}]', '[{"when": {"tag": "a"}}]', '[{"when": {"tag": "a"}, "pays": true}]', '[{"when": {}, "levels": ["8%"]}]', '[{"when": {"attributes": {}}, "levels": ["8%"]}]', '[{"when": {"tag": "a"}, "pays": false, "levels": ["8%"]}]', '[{"when": {"tag": "a"}, "pays": "no"}]', '[{"when": null, "levels": ["8%"]}]', '[{"when": {"tga": "a"}, "levels": ["8%"]}]',
	'[{"when": {"tag": "a"}, "levels": ["8%", 8]}]', '[{"when": {"tag": "a"}, "levels": ["8%", {"fixed": null}]}]', '[{"when": {"tag": "a"}, "levels": ["8%"], "base": "profit"}]', '[{"when": {"tag": "a"}, "rates": {"by_rank": {"gold": "1%"}}}]', '[{"when": {"tag": "a"}, "levles": ["8%"]}]', '[{"when": {"tag": "a"}, "name": "x", "levels": ["8%"]}]']) v;
SELECT key_error('"variants": ' || (SELECT json_agg(json_build_object('when', json_build_object('tag', i), 'pays', false)) FROM generate_series(1, 1000) i));
SELECT key_error('"variants": ' || (SELECT json_agg(json_build_object('when', json_build_object('tag', i), 'pays', false)) FROM generate_series(1, 1001) i));
-- null is a rate only in a variant
SELECT key_error('"variants": [{"when": {"tag": "a"}, "levels": [null]}], "self": null');

--
-- The kinds
--
SELECT r, rule_error('{"name": "r", "kind": "differential", ' || r || '}') FROM unnest(ARRAY[
	'"rates": {"by_rank": {"silver": "4%", "gold": "7%"}}', '"rates": {"by_rank": {"*": "4%"}}', '"slices": {"by_rank": {"silver": {"fixed": 1}, "gold": {"fixed": 2}}}, "gap_filling": false', '"rates": {"by_rank": {"gold": "7%"}}, "self": "paid", "deduct": ["sales"], "max_level": 5, "base": "profit", "per_unit": true, "depth_by_rank": {"gold": 3}, "compression": {"mode": "standard", "sponsor_exempt": true}',
	'"self": "counted"', '"rates": "5%"', '"rates": {"fixed": 5}', '"rates": null', '"slices": ["1%"]', '"rates": {"by_rank": {"gold": "7%"}}, "slices": {"by_rank": {"gold": "7%"}}', '"rates": {"by_rank": {"gold": "7%"}}, "gap_filling": false', '"rates": {"by_rank": {"gold": "7%"}}, "gap_filling": true', '"slices": {"by_rank": {"gold": "7%"}}, "gap_filling": 1', '"slices": {"by_rank": {"gold": "7%"}}, "deduct": ["sales"]',
	'"rates": {"by_rank": {"gold": "7%"}}, "self": "5%"', '"rates": {"by_rank": {"gold": "7%"}}, "self": "none"', '"rates": {"by_rank": {"gold": "7%"}}, "deduct": []', '"rates": {"by_rank": {"gold": "7%"}}, "deduct": "sales"', '"rates": {"by_rank": {"gold": "7%"}}, "deduct": ["sales", "sales"]', '"rates": {"by_rank": {"gold": "7%"}}, "deduct": ["r"]', '"rates": {"by_rank": {"gold": "7%"}}, "deduct": ["slaes"]', '"rates": {"by_rank": {"gold": "7%"}}, "deduct": [null]',
	'"rates": {"by_rank": {"gold": "7%"}}, "max_level": 0', '"rates": {"by_rank": {"gold": "7%"}}, "max_level": 1000', '"rates": {"by_rank": {"gold": "7%"}}, "max_level": 1001', '"rates": {"by_rank": {"gold": "7%"}}, "rank_of": "buyer"', '"rates": {"by_rank": {"gold": "7%"}}, "uplift_by_rank": {"gold": "7%"}', '"rates": {"by_rank": {"gold": "7%"}}, "levels": ["5%"]', '"rates": {"by_rank": {"gold": "7%"}}, "compression": {"mode": "standard", "skipped_level": "reused"}',
	'"rates": {"by_rank": {"gold": "7%"}}, "variants": [{"when": {"tag": "a"}, "rates": {"by_rank": {"silver": "5%"}}}, {"when": {"tag": "b"}, "rates": null}]', '"rates": {"by_rank": {"gold": "7%"}}, "variants": [{"when": {"tag": "a"}, "slices": {"by_rank": {"silver": "5%"}}}]', '"slices": {"by_rank": {"gold": "7%"}}, "variants": [{"when": {"tag": "a"}, "rates": {"by_rank": {"silver": "5%"}}}]', '"rates": {"by_rank": {"gold": "7%"}}, "variants": [{"when": {"tag": "a"}, "rates": "5%"}]']) r;

SELECT r, rule_error('{"name": "r", "kind": "peer", ' || r || '}') FROM unnest(ARRAY[
	'"levels": ["10%"]', '"levels": ["10%", {"by_rank": {"gold": "5%"}}, {"fixed": 1}], "of": "first_peer", "income": ["sales"], "self": "counted", "max_level": 9', '"levels": ["10%"], "of": "previous_peer", "income": ["sales"]', '"levels": ["10%"], "of": "order"',
	'"of": "order"', '"levels": []', '"levels": "10%"', '"levels": ["10%"], "of": "first_peer"', '"levels": ["10%"], "income": ["sales"]', '"levels": ["10%"], "of": "order", "income": ["sales"]', '"levels": ["10%"], "of": "peer"', '"levels": ["10%"], "of": ["sales"]', '"levels": ["10%"], "of": "first_peer", "income": []', '"levels": ["10%"], "of": "first_peer", "income": ["sale"]', '"levels": ["10%"], "self": "paid"', '"levels": ["10%"], "self": "5%"',
	'"levels": ["10%"], "rank_of": "buyer"', '"levels": ["10%"], "uplift_by_rank": {"gold": "1%"}', '"levels": ["10%"], "compression": {"skipped_level": "reused"}', '"levels": ["10%"], "variants": [{"when": {"tag": "a"}, "levels": ["20%"]}]']) r;
SELECT plan_error('{"rules": [{"name": "peer", "kind": "peer", "levels": ["10%"]}]}');

SELECT r, rule_error('{"name": "r", "kind": "split", ' || r || '}') FROM unnest(ARRAY[
	'"budget": "40%", "levels": ["50%", "30%", "20%"]', '"budget": {"fixed": 10}, "self": "50%", "levels": [{"by_rank": {"silver": "50%", "gold": "40%"}}], "missing": "rolls_up"', '"budget": "40%", "levels": ["50%"], "missing": "last"', '"budget": "40%", "levels": ["50%"], "missing": {"member": 42}', '"budget": "40%", "levels": ["50%"], "missing": {"member": 9223372036854775807}, "rank_of": "lower", "per_unit": true', '"budget": "40%", "self": "100%", "missing": "house"',
	'"levels": ["50%"]', '"budget": "40%"', '"budget": "40%", "levels": []', '"budget": null, "levels": ["50%"]', '"budget": {"by_rank": {"gold": "40%"}}, "levels": ["50%"]', '"budget": "140%", "levels": ["50%"]', '"budget": "40%", "levels": [{"fixed": 5}]', '"budget": "40%", "levels": ["5%", {"by_rank": {"gold": {"fixed": 5}}}]', '"budget": "40%", "levels": ["5%"], "self": {"fixed": 5}',
	'"budget": "40%", "levels": ["50%", "30%", "20.00000001%"]', '"budget": "40%", "self": "60%", "levels": [{"by_rank": {"silver": "40%", "gold": "41%"}}]', '"budget": "40%", "self": "60%", "levels": [{"by_rank": {"silver": "40%", "*": "41%"}}]', '"budget": "40%", "levels": ["50%", "50%"], "variants": [{"when": {"tag": "a"}, "levels": ["51%"]}]', '"budget": "40%", "levels": ["50%", "50%"], "variants": [{"when": {"tag": "a"}, "levels": ["51%", "49%"]}, {"when": {"tag": "b"}, "budget": "10%"}]', '"budget": "40%", "levels": ["50%"], "variants": [{"when": {"tag": "a"}, "levels": [{"fixed": 1}]}]',
	'"budget": "40%", "levels": ["50%"], "missing": "nobody"', '"budget": "40%", "levels": ["50%"], "missing": null', '"budget": "40%", "levels": ["50%"], "missing": 42', '"budget": "40%", "levels": ["50%"], "missing": {}', '"budget": "40%", "levels": ["50%"], "missing": {"member": -1}', '"budget": "40%", "levels": ["50%"], "missing": {"member": 9223372036854775808}', '"budget": "40%", "levels": ["50%"], "missing": {"member": 1.5}', '"budget": "40%", "levels": ["50%"], "missing": {"member": "42"}', '"budget": "40%", "levels": ["50%"], "missing": {"member": 1e30}', '"budget": "40%", "levels": ["50%"], "missing": {"member": 42.0}', '"budget": "40%", "levels": ["50%"], "uplift_by_rank": {"gold": "1%"}', '"budget": "40%", "levels": ["50%"], "max_level": 3']) r;

SELECT r, rule_error('{"name": "r", "kind": "override", ' || r || '}') FROM unnest(ARRAY[
	'"of": ["sales"], "levels": ["10%"]', '"of": ["sales"], "levels": [{"by_rank": {"gold": "10%"}}, {"fixed": 1}], "on_itself": true, "depth_by_rank": {"gold": 3}, "compression": {"mode": "dynamic"}, "rank_of": "lower", "uplift_by_rank": {"gold": "5%"}',
	'"levels": ["10%"]', '"of": ["sales"]', '"of": ["sales"], "levels": []', '"of": [], "levels": ["10%"]', '"of": "sales", "levels": ["10%"]', '"of": ["sales", "team"], "levels": ["10%"]', '"of": ["r"], "levels": ["10%"]', '"of": ["sales"], "levels": ["10%"], "on_itself": "yes"', '"of": ["sales"], "levels": ["10%"], "base": "profit"', '"of": ["sales"], "levels": ["10%"], "per_unit": true', '"of": ["sales"], "levels": ["10%"], "max_level": 3', '"of": ["sales"], "levels": ["10%"], "self": "5%"', '"of": ["sales"], "levels": ["10%"], "compression": {"mode": "standard", "skipped_level": "reused"}', '"of": ["sales"], "levels": ["10%"], "variants": [{"when": {"tag": "a"}, "levels": ["20%"]}]']) r;

SELECT r, rule_error('{"name": "r", "kind": "pass_up", ' || r || '}') FROM unnest(ARRAY[
	'"passes": 2, "keep": "40%", "retain": "10%", "pass": "30%"', '"passes": 0, "keep": {"fixed": 5}', '"passes": 1000, "pass": {"by_rank": {"gold": "5%"}}, "chain": true, "at_root": "house"', '"passes": 1, "pass": "5%", "chain": true, "at_root": "root", "counter": "recruits", "max_level": 4, "rank_of": "buyer", "uplift_by_rank": {"gold": "5%"}, "base": "profit", "per_unit": false', '"passes": 1, "retain": "5%", "counter": "orders"',
	'"keep": "40%"', '"passes": 2', '"passes": -1, "keep": "40%"', '"passes": 1001, "keep": "40%"', '"passes": 1.5, "keep": "40%"', '"passes": "2", "keep": "40%"', '"passes": 2, "keep": null', '"passes": 2, "keep": ["40%"]', '"passes": 2, "keep": "40%", "counter": "sales"', '"passes": 2, "keep": "40%", "chain": "true"', '"passes": 2, "keep": "40%", "chain": true, "counter": "orders"', '"passes": 2, "keep": "40%", "at_root": "house"', '"passes": 2, "keep": "40%", "at_root": "nobody"', '"passes": 2, "keep": "40%", "depth_by_rank": {"gold": 1}', '"passes": 2, "keep": "40%", "compression": {"mode": "none"}', '"passes": 2, "keep": "40%", "levels": ["5%"]', '"passes": 2, "keep": "40%", "variants": [{"when": {"tag": "a"}, "pass": "5%", "keep": null}]', '"passes": 2, "keep": "40%", "variants": [{"when": {"tag": "a"}, "passes": 1}]']) r;

SELECT r, rule_error('{"name": "r", "kind": "rotation", ' || r || '}') FROM unnest(ARRAY[
	'"rate": "10%", "levels": 3', '"rate": {"by_rank": {"gold": "10%"}}, "levels": 1000, "after": "stop", "compression": {"mode": "standard", "skipped_level": "rolls_up"}, "depth_by_rank": {"gold": 1}', '"rate": {"fixed": 1}, "levels": 1, "after": "repeat", "per_unit": true',
	'"levels": 3', '"rate": "10%"', '"rate": null, "levels": 3', '"rate": "10%", "levels": 0', '"rate": "10%", "levels": 1001', '"rate": "10%", "levels": ["10%"]', '"rate": "10%", "levels": 3, "after": "end"', '"rate": "10%", "levels": 3, "max_level": 3', '"rate": "10%", "levels": 3, "variants": [{"when": {"tag": "a"}, "rate": "5%"}]', '"rate": "10%", "levels": 3, "variants": [{"when": {"tag": "a"}, "levels": 2}]']) r;

-- a rule that does not say what it is
SELECT r, rule_error(r) FROM unnest(ARRAY['{"name": "r", "slices": 5, "self": "paid"}', '{"name": "r", "budgt": "5%"}', '{"name": "r", "kind": "diferential"}']) r;

--
-- References
--
SELECT p, plan_error('{"rules": [' || p || ']}') FROM unnest(ARRAY[
	-- the order of running decides, not that of the document
	'{"name": "match", "kind": "override", "of": ["sales"], "levels": ["5%"], "priority": 1}, {"name": "sales", "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "match", "kind": "override", "of": ["sales"], "levels": ["5%"]}, {"name": "sales", "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "sales", "kind": "unilevel", "levels": ["5%"]}, {"name": "match", "kind": "override", "of": ["sales"], "levels": ["5%"], "priority": -1}',
	-- of the same items
	'{"name": "sales", "kind": "unilevel", "levels": ["5%"], "per": "line"}, {"name": "match", "kind": "override", "of": ["sales"], "levels": ["5%"]}',
	'{"name": "sales", "kind": "unilevel", "levels": ["5%"]}, {"name": "match", "kind": "unilevel", "base": {"rule": "sales"}, "levels": ["5%"], "per": "line"}',
	'{"name": "sales", "kind": "unilevel", "levels": ["5%"], "per": "line"}, {"name": "match", "kind": "override", "of": ["sales"], "levels": ["5%"], "per": "line"}',
	-- the place is that of the document
	'{"name": "c", "kind": "unilevel", "levels": ["5%"], "priority": 3}, {"name": "a", "kind": "unilevel", "levels": ["5%"], "priority": 1}, {"name": "b", "kind": "override", "of": ["a", "c"], "levels": ["5%"], "priority": 2}',
	'{"name": "c", "kind": "unilevel", "levels": ["5%"], "priority": 3}, {"name": "a", "kind": "unilevel", "levels": [5], "priority": 1}',
	'{"name": "c", "kind": "unilevel", "levels": ["5%"], "priority": 3}, {"name": "a", "kind": "unilevel", "levels": ["5%"]}, {"name": "c", "kind": "unilevel", "levels": ["5%"]}, {"name": "a", "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "a", "kind": "unilevel", "levels": ["5%"]}, {"name": "quite_another", "kind": "override", "of": ["xyz"], "levels": ["5%"]}']) p;
-- many rules, each referring to all before it
SELECT plan_error(format('{"rules": %s}', json_agg(CASE WHEN i = 1 THEN json_build_object('name', 'r1', 'kind', 'unilevel', 'levels', json_build_array('1%'))
	ELSE json_build_object('name', 'r' || i, 'kind', 'override', 'levels', json_build_array('1%'), 'of', (SELECT json_agg('r' || j) FROM generate_series(1, i - 1) j)) END)))
FROM generate_series(1, 300) i;

--
-- The guard: what some sale is certainly paid
--
SELECT p, plan_error('{"ranks": ["silver", "gold"], ' || p || '}') FROM unnest(ARRAY[
	'"guard": {"max_share": "10%"}, "rules": [{"name": "a", "kind": "unilevel", "self": "4%", "levels": ["3%", "3%"]}]',
	'"guard": {"max_share": "9.9%"}, "rules": [{"name": "a", "kind": "unilevel", "self": "4%", "levels": ["3%", "3%"]}]',
	'"guard": {"max_share": "300%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["100%", "100%", "100%"]}]',
	'"guard": {"max_share": "299%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["100%", "100%", "100%"]}]',
	-- by rank: the highest of each level
	'"guard": {"max_share": "17%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"by_rank": {"silver": "10%", "gold": "5%"}}, {"by_rank": {"silver": "6%", "gold": "7%"}}]}]',
	'"guard": {"max_share": "16%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"by_rank": {"silver": "10%", "gold": "5%"}}, {"by_rank": {"silver": "6%", "gold": "7%"}}]}]',
	-- ... of the buyer's rank, one for all levels
	'"guard": {"max_share": "16%"}, "rules": [{"name": "a", "kind": "unilevel", "rank_of": "buyer", "levels": [{"by_rank": {"silver": "10%", "gold": "5%"}}, {"by_rank": {"silver": "6%", "gold": "7%"}}]}]',
	'"guard": {"max_share": "15%"}, "rules": [{"name": "a", "kind": "unilevel", "rank_of": "buyer", "levels": [{"by_rank": {"silver": "10%", "gold": "5%"}}, {"by_rank": {"silver": "6%", "gold": "7%"}}]}]',
	-- ... two rules: nobody is silver and gold at once
	'"guard": {"max_share": "10%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"by_rank": {"silver": "10%"}}]}, {"name": "b", "kind": "unilevel", "levels": [{"by_rank": {"gold": "10%"}}]}]',
	'"guard": {"max_share": "19%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"by_rank": {"*": "10%"}}]}, {"name": "b", "kind": "unilevel", "levels": [{"by_rank": {"gold": "10%"}}]}]',
	-- uplift, depth and lowest rank
	'"guard": {"max_share": "11%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "uplift_by_rank": {"gold": "10%"}}]',
	'"guard": {"max_share": "10.9%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "uplift_by_rank": {"gold": "10%"}}]',
	'"guard": {"max_share": "10%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%", "10%"], "depth_by_rank": {"*": 1}}]',
	'"guard": {"max_share": "15%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"by_rank": {"silver": "50%", "gold": "15%"}}], "min_rank": "gold"}]',
	'"guard": {"max_share": "10%"}, "compliance": {"max_level": 1}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%", "10%"]}]',
	-- fixed amounts have no share
	'"guard": {"max_share": "1%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": [{"fixed": 100}]}]',
	-- conditions: of the rules that have them, the one that pays most
	'"guard": {"max_share": "15%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"]}, {"name": "b", "kind": "unilevel", "levels": ["10%"], "when": {"tag": "a"}}, {"name": "c", "kind": "unilevel", "levels": ["8%"], "when": {"tag": "b"}}]',
	'"guard": {"max_share": "14%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"]}, {"name": "b", "kind": "unilevel", "levels": ["10%"], "when": {"tag": "a"}}, {"name": "c", "kind": "unilevel", "levels": ["8%"], "when": {"tag": "b"}}]',
	-- variants: what one says over the rule's own
	'"guard": {"max_share": "25%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%", "5%"], "variants": [{"when": {"tag": "a"}, "levels": ["20%"]}, {"when": {"tag": "b"}, "levels": [null, "20%"]}]}]',
	'"guard": {"max_share": "24%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%", "5%"], "variants": [{"when": {"tag": "a"}, "levels": ["20%"]}, {"when": {"tag": "b"}, "levels": [null, "20%"]}]}]',
	-- ... one that another always goes with is left to the guard at run time
	'"guard": {"max_share": "24%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%", "5%"], "variants": [{"when": {"tag": "a"}, "levels": [null, "1%"]}, {"when": {"tag": "a", "region": "n"}, "levels": ["20%"]}]}]',
	-- ... of two rules, not both
	'"guard": {"max_share": "100%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["60%"], "variants": [{"when": {"tag": "a"}, "levels": ["40%"]}]}, {"name": "b", "kind": "unilevel", "levels": ["30%"], "variants": [{"when": {"tag": "a"}, "levels": ["60%"]}]}]',
	'"guard": {"max_share": "99%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["60%"], "variants": [{"when": {"tag": "a"}, "levels": ["40%"]}]}, {"name": "b", "kind": "unilevel", "levels": ["30%"], "variants": [{"when": {"tag": "a"}, "levels": ["60%"]}]}]',
	-- a group pays a member once
	'"guard": {"max_share": "30%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["30%"], "group": "g"}, {"name": "b", "kind": "unilevel", "levels": ["25%", "20%"], "group": "g"}]',
	'"guard": {"max_share": "29%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["30%"], "group": "g"}, {"name": "b", "kind": "unilevel", "levels": ["25%", "20%"], "group": "g"}]',
	'"guard": {"max_share": "30%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "group": "g", "when": {"tag": "a"}}, {"name": "b", "kind": "unilevel", "levels": ["30%"], "group": "g"}]',
	'"guard": {"max_share": "29%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "group": "g", "when": {"tag": "a"}}, {"name": "b", "kind": "unilevel", "levels": ["30%"], "group": "g"}]',
	-- the base: only of an amount that is not above the sale's
	'"guard": {"max_share": "9%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "base": {"less": ["tax"]}}]',
	'"guard": {"max_share": "9%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "base": {"max": 100}}]',
	'"guard": {"max_share": "9%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "base": {"above": 100}}]',
	'"guard": {"max_share": "9%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"], "base": "list_price"}, {"name": "b", "kind": "unilevel", "levels": ["10%"], "base": {"min": 10}}, {"name": "c", "kind": "unilevel", "levels": ["10%"], "base": {"plus": ["tip"]}}, {"name": "d", "kind": "unilevel", "levels": ["10%"], "base": "profit"}]',
	-- tiers: no sale is paid both in full
	'"guard": {"max_share": "60%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["60%"], "base": {"max": 10000}}, {"name": "b", "kind": "unilevel", "levels": ["60%"], "base": {"above": 10000}}]',
	-- split, differential, pass_up, rotation
	'"guard": {"max_share": "40%"}, "rules": [{"name": "a", "kind": "split", "budget": "40%", "levels": ["60%", "40%"]}]',
	'"guard": {"max_share": "39%"}, "rules": [{"name": "a", "kind": "split", "budget": "40%", "levels": ["60%", "40%"]}]',
	'"guard": {"max_share": "40%"}, "rules": [{"name": "a", "kind": "split", "budget": "40%", "levels": ["60%", "40%"], "variants": [{"when": {"tag": "a"}, "budget": "50%"}]}]',
	'"guard": {"max_share": "9%"}, "rules": [{"name": "a", "kind": "differential", "rates": {"by_rank": {"silver": "5%", "gold": "9%"}}}]',
	'"guard": {"max_share": "8%"}, "rules": [{"name": "a", "kind": "differential", "rates": {"by_rank": {"silver": "5%", "gold": "9%"}}}]',
	'"guard": {"max_share": "13%"}, "rules": [{"name": "a", "kind": "differential", "slices": {"by_rank": {"silver": "5%", "gold": "9%"}}}]',
	'"guard": {"max_share": "9%"}, "rules": [{"name": "a", "kind": "differential", "slices": {"by_rank": {"silver": "5%", "gold": "9%"}}, "gap_filling": false}]',
	'"guard": {"max_share": "60%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["15%"]}, {"name": "b", "kind": "differential", "deduct": ["a"], "rates": {"by_rank": {"gold": "60%"}}}]',
	'"guard": {"max_share": "59%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["15%"]}, {"name": "b", "kind": "differential", "deduct": ["a"], "rates": {"by_rank": {"gold": "60%"}}}]',
	'"guard": {"max_share": "39%"}, "rules": [{"name": "a", "kind": "pass_up", "passes": 1, "keep": "30%", "retain": "10%", "pass": "30%"}]',
	'"guard": {"max_share": "40%"}, "rules": [{"name": "a", "kind": "pass_up", "passes": 1, "keep": "30%", "retain": "10%", "pass": "30%"}]',
	'"guard": {"max_share": "30%"}, "rules": [{"name": "a", "kind": "pass_up", "passes": 0, "keep": "30%", "retain": "10%", "pass": "30%"}]',
	'"guard": {"max_share": "10%"}, "rules": [{"name": "a", "kind": "rotation", "rate": "10%", "levels": 5}]',
	'"guard": {"max_share": "9%"}, "rules": [{"name": "a", "kind": "rotation", "rate": "10%", "levels": 5}]',
	'"guard": {"max_share": "20%"}, "rules": [{"name": "a", "kind": "peer", "levels": ["10%", {"by_rank": {"gold": "10%"}}]}]',
	'"guard": {"max_share": "19%"}, "rules": [{"name": "a", "kind": "peer", "levels": ["10%", {"by_rank": {"gold": "10%"}}]}]',
	'"guard": {"max_share": "10%"}, "rules": [{"name": "a", "kind": "unilevel", "levels": ["10%"]}, {"name": "b", "kind": "override", "of": ["a"], "levels": ["50%"]}]']) p;

--
-- What a short text can blow up to is limited: rates by rank have one for each
--
SELECT plan_error(format('{"ranks": %s, "rules": %s}', (SELECT json_agg('r' || i) FROM generate_series(1, 99) i),
	(SELECT json_agg(json_build_object('name', 'n' || r, 'kind', 'unilevel', 'levels',
		(SELECT json_agg('{"by_rank": {"r1": 0}}'::json) FROM generate_series(1, 100)))) FROM generate_series(1, n) r)))
FROM unnest(ARRAY[99, 100]) n;

DROP FUNCTION top_error(text), key_error(text), rule_error(text), plan_error(text), plan_compile(jsonb);
