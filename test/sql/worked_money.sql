--
-- Published worked examples of rounding, of caps and of the guard.  Each says
-- where it was read; what is stated is what that source states, never our output.
--
SET search_path = public, distributor;
\getenv abs_srcdir PG_ABS_SRCDIR
\set harness :abs_srcdir '/include/examples.sql'
\set ECHO none
\i :harness
\set ECHO all

--
-- RND-01: Dub, dubinc/dub, apps/web/tests/commissions/calculate-sale-earnings.test.ts
-- at 1de955f782a72e1eff7b201ae54a909d5ceb5722: percent of cents, half up,
-- decimal arithmetic.  500 at 2.9 % is 14.5 and pays 15; binary floating point
-- gave 14.
--
CREATE TABLE cents (amount numeric, percent text, payout numeric);
INSERT INTO cents VALUES (1000, '20', 200), (1000, '50', 500), (1900, '10', 190), (7, '20', 1), (2, '20', 0), (0, '20', 0),
	(1000, '0', 0), (3, '20', 1), (15, '10', 2), (1, '50', 1), (500, '2.9', 15);
INSERT INTO plans SELECT format('RND-01 %s%% of %s', percent, amount),
	format('{"currencies": {"CENT": {"scale": 0}}, "rules": [{"name": "sale", "kind": "unilevel", "self": "%s%%"}]}', percent)::jsonb FROM cents;
DO $$
DECLARE c cents;
BEGIN
	FOR c IN SELECT * FROM cents LOOP
		CALL sale(format('RND-01 %s%% of %s', c.percent, c.amount), 'partner', c.amount, jsonb_build_object('partner', c.payout), 'CENT');
	END LOOP;
END $$;
DROP TABLE cents;

--
-- RND-03: Dokan, https://github.com/getdokan/dokan/pull/3324: of 6.45, 30 % to
-- the admin.  Stated: admin 1.94, vendor 4.51; rounding both sides had given
-- 1.93 + 4.51.  One side is rounded, the rest stays with the house; or both are
-- paid, and the residue is somebody's.
--
INSERT INTO plans VALUES
	('RND-03', '{"rules": [{"name": "admin", "kind": "unilevel", "self": "30%"}]}'),
	('RND-03 both', '{"rules": [{"name": "shares", "kind": "unilevel", "self": "30%", "levels": ["70%"], "residue": "last"}]}');
CALL sale('RND-03', 'admin', 6.45, '{"admin": 1.94}');
SELECT 6.45 - paid AS vendor FROM results WHERE example = 'RND-03';
CALL sale('RND-03 both', 'vendor > admin', 6.45, '{"admin": 1.94, "vendor": 4.51}');

--
-- RND-04: Oracle, https://docs.oracle.com/cd/G31366_01/trans/G32946-01/rounding-partner.html:
-- 301.50 over four partners of 25 %: 75.38 each, the rounding partner 75.36.
--
INSERT INTO plans VALUES
	('RND-04 unilevel', '{"rules": [{"name": "partners", "kind": "unilevel", "levels": ["25%", "25%", "25%", "25%"], "residue": "last"}]}'),
	('RND-04 split', '{"rules": [{"name": "partners", "kind": "split", "budget": "100%", "levels": ["25%", "25%", "25%", "25%"], "residue": "last"}]}'),
	('RND-04 the first', '{"rules": [{"name": "partners", "kind": "unilevel", "levels": ["25%", "25%", "25%", "25%"], "residue": "first"}]}');
CALL sale('RND-04 unilevel', 'rounding > p3 > p2 > p1 > venture', 301.5, '{"p1": 75.38, "p2": 75.38, "p3": 75.38, "rounding": 75.36}');
CALL sale('RND-04 split', 'rounding > p3 > p2 > p1 > venture', 301.5, '{"p1": 75.38, "p2": 75.38, "p3": 75.38, "rounding": 75.36}');
CALL sale('RND-04 the first', 'p3 > p2 > p1 > rounding > venture', 301.5, '{"p1": 75.38, "p2": 75.38, "p3": 75.38, "rounding": 75.36}');

--
-- CAP-01: https://github.com/SHIBARISECOIN/dedra-mlm-system at a5ea43ed,
-- src/__tests__/settlement.test.ts: at most three times the principal of 1000 in
-- a lifetime.  2990 paid and 15 due: 10, and 5 over; 3000 paid: 0, and 15 over;
-- 100 paid: 15.  The sale that makes 15 due is ours.
--
INSERT INTO plans VALUES ('CAP-01', '{"rules": [{"name": "bonus", "kind": "unilevel", "levels": ["1.5%"], "caps": {"member_lifetime": 3000}}]}');
CALL sale('CAP-01', 'member > buyer', 1000, '{"member": 10}', NULL, '{"counters": {"earned": {"bonus": {"member_lifetime": {"1": 2990}}}}}');
CALL sale('CAP-01', 'member > buyer', 1000, '{"member": 0}', NULL, '{"counters": {"earned": {"bonus": {"member_lifetime": {"1": 3000}}}}}');
CALL sale('CAP-01', 'member > buyer', 1000, '{"member": 15}', NULL, '{"counters": {"earned": {"bonus": {"member_lifetime": {"1": 100}}}}}');
SELECT earned, amount AS allowed, exact - amount AS overflow, reason, limited_by FROM unnest(ARRAY[2990, 3000, 100]) earned,
	told('CAP-01', 'member > buyer', 1000, NULL, jsonb_build_object('counters', jsonb_build_object('earned', jsonb_build_object('bonus', jsonb_build_object('member_lifetime', jsonb_build_object('1', earned))))));

--
-- CAP-03: https://github.com/reybitgo/s2_gawis2 at b3eed005, MLM_SYSTEM_TEST.md:
-- a package of 1000; the five levels together at most 40 % of the price, 550 is
-- rejected.  The source's amounts are written as percentages here: what is
-- certain to be too much is refused with the plan.
--
CREATE FUNCTION levels(VARIADIC amounts numeric[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('guard', '{"max_share": "40%"}'::jsonb, 'rules', jsonb_build_array(jsonb_build_object(
		'name', 'levels', 'kind', 'unilevel', 'levels', (SELECT jsonb_agg(trim_scale(a / 10) || '%' ORDER BY i) FROM unnest(amounts) WITH ORDINALITY u (a, i)))))
$$;
CREATE FUNCTION refused(plan jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM commissions(plan, '1', 0);
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE asked (name text, accepted bool, plan jsonb);
INSERT INTO asked VALUES
	('CAP-03 1', true, levels(200, 50, 50, 50, 50)), ('CAP-03 2', true, levels(250, 30, 50, 50, 20)),
	('CAP-03 3', false, levels(300, 100, 50, 50, 50)), ('CAP-03 4', true, levels(80, 80, 80, 80, 80)),
	('CAP-03 5', true, levels(300, 25, 25, 25, 25)), ('CAP-03 6', true, levels(100, 10, 10, 10, 10)),
	('CAP-03 level five off', true, levels(200, 50, 50, 50));
SELECT name, accepted AS stated, refused(plan) IS NULL AS accepted, refused(plan) FROM asked ORDER BY name;
INSERT INTO plans SELECT name, plan FROM asked WHERE accepted;
CALL sale('CAP-03 1', 'l5 > l4 > l3 > l2 > l1 > buyer', 1000, '{"l1": 200, "l2": 50, "l3": 50, "l4": 50, "l5": 50}');
CALL sale('CAP-03 2', 'l5 > l4 > l3 > l2 > l1 > buyer', 1000, '{"l1": 250, "l2": 30, "l3": 50, "l4": 50, "l5": 20}');
CALL sale('CAP-03 4', 'l5 > l4 > l3 > l2 > l1 > buyer', 1000, '{"l1": 80, "l2": 80, "l3": 80, "l4": 80, "l5": 80}');
CALL sale('CAP-03 5', 'l5 > l4 > l3 > l2 > l1 > buyer', 1000, '{"l1": 300, "l2": 25, "l3": 25, "l4": 25, "l5": 25}');
CALL sale('CAP-03 6', 'l5 > l4 > l3 > l2 > l1 > buyer', 1000, '{"l1": 100, "l2": 10, "l3": 10, "l4": 10, "l5": 10}');
CALL sale('CAP-03 level five off', 'l5 > l4 > l3 > l2 > l1 > buyer', 1000, '{"l1": 200, "l2": 50, "l3": 50, "l4": 50, "l5": 0}');
SELECT example, sum(paid) AS total, sum(paid) = CASE example WHEN 'CAP-03 6' THEN 140 WHEN 'CAP-03 level five off' THEN 350 ELSE 400 END AS agrees
FROM results WHERE example ~ '^CAP-03' GROUP BY 1 ORDER BY 1;
-- written as amounts, the third plan may be right for a dearer package: it is
-- accepted, and the guard holds for each sale (our figures: 400 in all, by share)
INSERT INTO plans VALUES ('CAP-03 3 fixed', '{"guard": {"max_share": "40%"}, "rules": [{"name": "levels", "kind": "unilevel",
	"levels": [{"fixed": 300}, {"fixed": 100}, {"fixed": 50}, {"fixed": 50}, {"fixed": 50}]}]}');
CALL sale('CAP-03 3 fixed', 'l5 > l4 > l3 > l2 > l1 > buyer', 1000, '{"l1": 218.18, "l2": 72.73, "l3": 36.37, "l4": 36.36, "l5": 36.36}');
CALL sale('CAP-03 3 fixed', 'l5 > l4 > l3 > l2 > l1 > buyer', 1375, '{"l1": 300, "l2": 100, "l3": 50, "l4": 50, "l5": 50}');

DROP FUNCTION levels(numeric[]);
DROP FUNCTION refused(jsonb);
DROP TABLE asked;

--
-- All of them: nothing differs.
--
SELECT example, sale, member, stated, paid, verdict FROM verdicts ORDER BY example, sale, stated DESC, member;
SELECT count(DISTINCT example) AS examples, count(DISTINCT (example, sale)) AS sales, count(*) FILTER (WHERE verdict <> 'agrees') AS differ FROM verdicts;

DROP VIEW verdicts;
DROP TABLE plans, results;
DROP PROCEDURE sale(text, text, numeric, jsonb, text, jsonb);
DROP FUNCTION told(text, text, numeric, text, jsonb);
DROP FUNCTION numbered(text[]);
DROP FUNCTION people(text);
