--
-- The plan document: what is accepted, and what every mistake is answered with
--
SET search_path = public, distributor;

-- the SQLSTATE and all three parts of an error; 'ok' if there was none
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM
		|| CASE WHEN detail <> '' THEN E'\n  detail: ' || detail ELSE '' END
		|| CASE WHEN hint <> '' THEN E'\n  hint: ' || hint ELSE '' END;
END $$;

CREATE FUNCTION plan_error(plan text) RETURNS text LANGUAGE sql AS
$$ SELECT refused(format('SELECT * FROM distributor.commissions(%L::jsonb, %L, 100)', plan, '1.2.3')) $$;

-- one rate, as it stands in the document, in an otherwise good plan
CREATE FUNCTION rate_error(rate text) RETURNS text LANGUAGE sql AS
$$ SELECT plan_error('{"rules": [{"name": "r", "kind": "unilevel", "levels": ["1%", ' || rate || ']}]}') $$;

\pset format unaligned
\pset tuples_only on
\pset fieldsep ' -> '
\pset recordsep '\n'

-- good plans
SELECT plan_error(p) FROM unnest(ARRAY[
	'{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}]}',
	'{"rules": [{"name": "r", "kind": "unilevel", "self": "5%"}]}',
	'{"rules": [{"name": "r", "kind": "unilevel", "self": "5%", "levels": []}]}',
	'{"description": "two rules", "rules": [{"name": "a", "kind": "unilevel", "levels": ["5%"]}, {"name": "b", "kind": "unilevel", "levels": ["5%"]}]}',
	'{"currencies": {}, "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}]}',
	'{"currencies": {"POINTS": {"scale": 0}, "USD": {"scale": 4}}, "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}]}',
	-- a name of 63 bytes, and one of 21 characters in 63 bytes
	'{"rules": [{"name": "' || repeat('n', 63) || '", "kind": "unilevel", "levels": ["5%"]}]}',
	'{"rules": [{"name": "' || repeat(U&'\4E2D', 21) || '", "kind": "unilevel", "levels": ["5%"]}]}',
	-- all of the sale, in one level and in many
	'{"rules": [{"name": "r", "kind": "unilevel", "self": "100%"}]}',
	'{"rules": [{"name": "r", "kind": "unilevel", "self": "99%", "levels": ["0.5%", 0.005]}]}'
]) p;

-- rates: what they mean
SELECT r, (SELECT rate FROM commissions(('{"rules": [{"name": "r", "kind": "unilevel", "self": ' || r || '}]}')::jsonb, '1', 1e12))
FROM unnest(ARRAY['"5%"', '"2.5%"', '"100%"', '"100.000%"', '"007%"', '"5.0%"', '"0.00000001%"', '"12.12345678%"', '"12.123456780000000000000%"',
	'0.05', '0.5', '0.050000000000000', '5e-2', '0.0123456789', '0.9999999999', '0.99999999990000']) r;

-- rates: what is refused
SELECT r, rate_error(r)
FROM unnest(ARRAY['1', '20', '1.0', '1.5', '100', '100.5', '101', '1e131071', '-0.05', '-5', '-1e-400', '1e-400', '0.00000000001', '0.01234567891',
	'null', 'true', '{}', '[]', '["5%"]', '{"rate": "5%"}',
	'"5"', '"0.05"', '"5 %"', '" 5%"', '"5% "', '"%"', '""', '"abc"', '"NaN"', '"NaN%"', '"Infinity%"', '"-5%"', '"+5%"', '"5.%"', '".5%"',
	'"5,5%"', '"5%%"', '"5e0%"', '"0x5%"', '"1_0%"', '"5\u00a0%"', '"\uff15%"', '"\u0665%"', '"5\uff05"', '"5\t%"',
	'"150%"', '"100.00000001%"', '"1000%"', '"0.000000001%"', '"5.123456789%"']) r;
SELECT rate_error('"' || repeat('9', 200000) || '%"');
SELECT rate_error('"' || repeat('9', 200000) || '"');
SELECT rate_error('"0.' || repeat('1', 200000) || '%"');
SELECT rate_error('"' || repeat('0', 200000) || '5%"');
SELECT rate_error('"' || repeat(U&'\4E2D', 100) || '"');

-- zero is a rate
SELECT rate_error('"0%"'), rate_error('0'), rate_error('0.0'), rate_error('-0');

-- the sum of all rates, over all rules
SELECT plan_error('{"rules": [{"name": "r", "kind": "unilevel", "self": "60%", "levels": ["40.00000001%"]}]}');
SELECT plan_error('{"rules": [{"name": "a", "kind": "unilevel", "levels": ["50%"]}, {"name": "b", "kind": "unilevel", "self": "50%", "levels": ["50%"]}]}');

-- names and kinds
SELECT p, plan_error('{"rules": [' || p || ']}') FROM unnest(ARRAY[
	'{"kind": "unilevel", "levels": ["5%"]}',
	'{"name": null, "kind": "unilevel", "levels": ["5%"]}',
	'{"name": 1, "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "", "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "' || repeat('n', 64) || '", "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "' || repeat(U&'\4E2D', 22) || '", "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "r", "levels": ["5%"]}',
	'{"levels": ["5%"]}',
	'{"name": "r", "knd": "unilevel", "levels": ["5%"]}',
	'{"name": "r", "kind": "binary", "levels": ["5%"]}',
	'{"name": "r", "kind": "Unilevel", "levels": ["5%"]}',
	'{"name": "r", "kind": null, "levels": ["5%"]}',
	'{"name": "r", "kind": ["unilevel"], "levels": ["5%"]}',
	'{"name": "r", "kind": "unilevel"}',
	'{"name": "r", "kind": "unilevel", "levels": []}',
	'{"name": "r", "kind": "unilevel", "levels": "5%"}',
	'{"name": "r", "kind": "unilevel", "levels": {"1": "5%"}}',
	'{"name": "r", "kind": "unilevel", "levels": null}',
	'{"name": "r", "kind": "unilevel", "self": null}',
	'{"name": "r", "kind": "unilevel", "self": ["5%"]}',
	'{"name": "r", "kind": "unilevel", "levles": ["5%"]}',
	'{"name": "r", "kind": "unilevel", "Levels": ["5%"]}',
	'{"name": "r", "kind": "unilevel", "levels": ["5%"], "color": "red"}',
	'{"name": "r", "kind": "unilevel", "levels": ["5%"], "": 1}',
	'{"name": "r", "kind": "unilevel", "levels": ["5%"], "a \"b\"\n": 1}',
	'{"name": "r", "kind": "unilevel", "levels": ["5%"]}, {"name": "r", "kind": "unilevel", "levels": ["5%"]}',
	'{"name": "r", "kind": "unilevel", "levels": ["5%"]}, 5',
	'null', '[]', '"unilevel"', '{}']) p;

-- the document itself
SELECT p, plan_error(p) FROM unnest(ARRAY['{}', '[]', 'null', '5', '"rules"', 'true',
	'{"rules": []}', '{"rules": {}}', '{"rules": null}', '{"rules": "none"}',
	'{"rulez": []}', '{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}], "version": 1}']) p;
SELECT d, plan_error('{"description": ' || d || ', "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}]}')
FROM unnest(ARRAY['5', 'null', '["spring"]', '""', '"spring"']) d;

-- currencies of the plan's own
SELECT c, plan_error('{"currencies": ' || c || ', "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}]}')
FROM unnest(ARRAY['null', '[]', '{"points": {"scale": 0}}', '{"": {"scale": 0}}', '{"1A": {"scale": 0}}', '{"A-B": {"scale": 0}}',
	'{"ABCDEFGHIJKLMNOP": {"scale": 0}}', '{"ABCDEFGHIJKLMNOPQ": {"scale": 0}}',
	'{"POINTS": 0}', '{"POINTS": {}}', '{"POINTS": {"sclae": 0}}', '{"POINTS": {"scale": "0"}}', '{"POINTS": {"scale": null}}',
	'{"POINTS": {"scale": -1}}', '{"POINTS": {"scale": 11}}', '{"POINTS": {"scale": 10}}', '{"POINTS": {"scale": 1.5}}', '{"POINTS": {"scale": 2.0}}',
	'{"POINTS": {"scale": 1e100}}', '{"POINTS": {"scale": 0, "round": "up"}}']) c;

-- limits
SELECT plan_error(format('{"rules": [{"name": "r", "kind": "unilevel", "levels": %s}]}', to_json(array_fill('0.1%'::text, ARRAY[1000]))));
SELECT plan_error(format('{"rules": [{"name": "r", "kind": "unilevel", "levels": %s}]}', to_json(array_fill('0%'::text, ARRAY[1001]))));
SELECT plan_error(format('{"rules": %s}', json_agg(json_build_object('name', i, 'kind', 'unilevel', 'self', '0%'))))
FROM generate_series(1, 1001) i;
SELECT plan_error(format('{"rules": %s}', json_agg(json_build_object('name', i::text, 'kind', 'unilevel', 'self', '0.1%'))))
FROM generate_series(1, 1000) i;
SELECT plan_error(format('{"currencies": %s, "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%%"]}]}', json_object_agg('C' || i, json_build_object('scale', 1)))) FROM generate_series(1, 1001) i;
SELECT plan_error(format('{"currencies": %s, "rules": [{"name": "r", "kind": "unilevel", "levels": ["5%%"]}]}', json_object_agg('C' || i, json_build_object('scale', 1)))) FROM generate_series(1, 1000) i;
SELECT plan_error('{"description": "' || repeat('x', 9 * 1024 * 1024) || '", "rules": []}');

--
-- The text of a document: json, so that a duplicate key is seen
--
CREATE FUNCTION plan_document(json) RETURNS jsonb AS '$libdir/distributor', 'distributor_plan_document' LANGUAGE C STRICT;
CREATE FUNCTION document_error(plan text) RETURNS text LANGUAGE sql AS
$$ SELECT refused(format('SELECT plan_document(%L)', plan)) $$;

SELECT plan_document('{"rules": [{"b": 1, "a": [1, {"c": "\u00e9"}]}, {"b": 2}], "b": {}}');
SELECT d, document_error(d) FROM unnest(ARRAY[
	'{"rules": [], "rules": []}',
	'{"a": 1, "b": {"a": 1, "b": [{}, {"x": 1}, {"x": 1, "y": 2, "x": 1}]}}',
	'{"a": 1, "\u0061": 2}',
	'[[0, 1, {"k": [], "k": {}}]]',
	'{"": 1, "": 2}',
	'{"a b": {"c": 1, "d": 2, "c": 3}}',
	'[{"a": 1}, {"a": 1}]',
	'{"a": {"a": {"a": 1}}, "b": {"a": 1}}']) d;

-- what is no json never gets here as json, but as text behind a cast of one's own
CREATE FUNCTION text_document(text) RETURNS jsonb AS '$libdir/distributor', 'distributor_plan_document' LANGUAGE C STRICT;
-- (details differ between servers)
SELECT d, left(refused(format('SELECT text_document(%L)', d)), 5) FROM unnest(ARRAY['', ' ', '{', '{"a"}', '{"a": 1,}', '[1', 'NaN', '{"a": "\u0000"}', '{"a": "\ud800"}', '{} {}']) d;
SELECT refused(format('SELECT text_document(%L)', '{"a": 1e200000}'));

-- too large by one byte, and not
SELECT document_error('"' || repeat('x', 1024 * 1024 - 2) || '"');
SELECT document_error('"' || repeat('x', 1024 * 1024 - 1) || '"');
-- of a toasted value, the size is known before it is fetched
CREATE TABLE big (document json);
INSERT INTO big VALUES (('"' || repeat('x', 20 * 1024 * 1024) || '"')::json);
SELECT refused('SELECT plan_document(document) FROM big');
DROP TABLE big;

-- nested too deep: as text, for a cast to json would stop it already
SELECT left(refused(format('SELECT text_document(%L)', repeat('[', 100000) || repeat(']', 100000))), 5);
SELECT left(refused(format('SELECT text_document(%L)', repeat('{"a":', 100000) || '1' || repeat('}', 100000))), 5);
-- a duplicate deep down: its path is as long as it has to be
SELECT length(document_error(repeat('[', 1000) || '{"a":1,"a":2}' || repeat(']', 1000)));

-- many keys in one object take no quadratic time
SELECT document_error('{' || string_agg('"k' || i || '":0', ',') || '}') FROM generate_series(1, 70000) i;
SELECT document_error('{' || string_agg('"k' || i || '":0', ',') || ',"k35000":1}') FROM generate_series(1, 70000) i;

-- document and plan together
SELECT member_id, amount FROM commissions(plan_document('{"rules": [{"name": "r", "kind": "unilevel", "levels": ["5%"]}]}'), '1.2', 100);

DROP FUNCTION text_document(text), document_error(text), plan_document(json), rate_error(text), plan_error(text), refused(text);
