--
-- Published worked examples by rank: differential (级差), peer (平级奖), the
-- stair step with breakaway.  Each says where it was read; the last argument is
-- what that source states, never our output.
--
SET search_path = public, distributor;
\getenv abs_srcdir PG_ABS_SRCDIR
\set harness :abs_srcdir '/include/examples.sql'
\set ECHO none
\i :harness
\set ECHO all

--
-- DIV-01: CRMEB, commissions of divisions, agents and staff (事业部/代理商/员工),
-- http://13ww.net/?list_27/1873.html: division 60, agent 40, staff 20, level
-- one 10, level two 5 %, buying for oneself counts: the buyer takes level one,
-- his direct upline level two; the agent and the division take their rate less
-- everything paid below.  Cases 1 to 7.
--
INSERT INTO plans VALUES ('DIV-01 page', '{"ranks": ["staff", "agent", "division"], "rules": [
	{"name": "brokerage", "kind": "unilevel", "self": "10%", "levels": ["5%"]},
	{"name": "division", "kind": "differential", "self": "paid", "deduct": ["brokerage"],
		"rates": {"by_rank": {"staff": "20%", "agent": "40%", "division": "60%"}}}]}');
CALL sale('DIV-01 page', 'A/division', 100, '{"A": 60}');
CALL sale('DIV-01 page', 'A/division > B', 100, '{"B": 10, "A": 50}');
CALL sale('DIV-01 page', 'A/division > B > C', 100, '{"C": 10, "B": 5, "A": 45}');
CALL sale('DIV-01 page', 'A/division > B > C > D > E > F', 100, '{"F": 10, "E": 5, "D": 0, "C": 0, "B": 0, "A": 45}');
CALL sale('DIV-01 page', 'A/division > B/agent', 100, '{"B": 40, "A": 20}');
CALL sale('DIV-01 page', 'A/division > B/agent > C', 100, '{"C": 10, "B": 30, "A": 20}');
CALL sale('DIV-01 page', 'A/division > B/agent > C > D', 100, '{"D": 10, "C": 5, "B": 25, "A": 20}');

--
-- The program itself (crmeb/app/services/agent/DivisionServices.php,
-- getDivisionPercent, commit 7775951) differs where the buyer is himself of
-- rank: he is paid level one alone (case 1: the division 10; case 5: the agent
-- 10, the division the other 50).  One parameter is between the two.
--
INSERT INTO plans VALUES ('DIV-01 program', '{"ranks": ["staff", "agent", "division"], "rules": [
	{"name": "brokerage", "kind": "unilevel", "self": "10%", "levels": ["5%"]},
	{"name": "division", "kind": "differential", "self": "ignored", "deduct": ["brokerage"],
		"rates": {"by_rank": {"staff": "20%", "agent": "40%", "division": "60%"}}}]}');
CALL sale('DIV-01 program', 'A/division', 100, '{"A": 10}');
CALL sale('DIV-01 program', 'A/division > B/agent', 100, '{"B": 10, "A": 50}');

--
-- DIFF-01: https://github.com/ssayed-lmnto/Nodelink-Bonus-Simulation,
-- test_validation.py at 1e87dc8c, test 4: a purchase of 100; from below D 10,
-- C 15, B 19, A 21 %.  Each gets the difference.
--
INSERT INTO plans VALUES ('DIFF-01', '{"ranks": ["p10", "p15", "p19", "p21"], "rules": [{"name": "powerup", "kind": "differential",
	"rates": {"by_rank": {"p10": "10%", "p15": "15%", "p19": "19%", "p21": "21%"}}}]}');
CALL sale('DIFF-01', 'A/p21 > B/p19 > C/p15 > D/p10 > buyer', 100, '{"D": 10, "C": 5, "B": 4, "A": 2}');

--
-- DIFF-03: rank commissions of introducing brokers,
-- https://reference-guide.gitbook.io/crm-back-office-user-guide-full/17.-settings/back-office-portal-commission-settings/rule-settings/commission-calculations:
-- slices per lot of 1, 2, 3, 4, 5 from bronze to platinum; nine ancestors of a
-- trader of one lot.  An ancestor collects the slices of every rank above the
-- highest that was passed; the second of a rank, and lower ones, get nothing.
-- The amount of the order is ours: the slices do not depend on it.
--
INSERT INTO plans VALUES ('DIFF-03', '{"ranks": ["bronze", "silver", "gold", "diamond", "platinum"], "rules": [{"name": "lots", "kind": "differential", "per_unit": true,
	"slices": {"by_rank": {"bronze": {"fixed": 1}, "silver": {"fixed": 2}, "gold": {"fixed": 3}, "diamond": {"fixed": 4}, "platinum": {"fixed": 5}}}}]}');
CALL sale('DIFF-03', 'Eva9/platinum > Eva8/platinum > Eva7/diamond > Eva6/gold > Eva5/silver > Eva4/diamond > Eva3/gold > Eva2/gold > Eva1/bronze > trader', 1000,
	'{"Eva1": 1, "Eva2": 5, "Eva3": 0, "Eva4": 4, "Eva5": 0, "Eva6": 0, "Eva7": 0, "Eva8": 5, "Eva9": 0}', NULL, '{"attributes": {"quantity": 1}}');
-- the same, three lots and a half
CALL sale('DIFF-03', 'Eva9/platinum > Eva8/platinum > Eva7/diamond > Eva6/gold > Eva5/silver > Eva4/diamond > Eva3/gold > Eva2/gold > Eva1/bronze > trader', 1000,
	'{"Eva1": 3.5, "Eva2": 17.5, "Eva4": 14, "Eva8": 17.5}', NULL, '{"attributes": {"quantity": 3.5}}');
-- where gaps are not filled, the silver slice stays with the house (our figures)
INSERT INTO plans SELECT 'DIFF-03 no gap filling', jsonb_set(plan, '{rules,0,gap_filling}', 'false') FROM plans WHERE name = 'DIFF-03';
CALL sale('DIFF-03 no gap filling', 'Eva9/platinum > Eva8/platinum > Eva7/diamond > Eva6/gold > Eva5/silver > Eva4/diamond > Eva3/gold > Eva2/gold > Eva1/bronze > trader', 1000,
	'{"Eva1": 1, "Eva2": 3, "Eva4": 4, "Eva8": 5}', NULL, '{"attributes": {"quantity": 1}}');

--
-- DIFF-06: ChainUp help center (page 360923; the host was not recorded): a
-- rebate base of 10, C 70 %, B 80 %, 6 already taken below C.  Stated: C =
-- 10 * 70 % - 6 = 1, B = 10 * 80 % - 6 - 1 = 1.  That the 6 are D's 60 % is ours.
--
INSERT INTO plans VALUES ('DIFF-06', '{"ranks": ["r60", "r70", "r80"], "rules": [{"name": "rebate", "kind": "differential",
	"rates": {"by_rank": {"r60": "60%", "r70": "70%", "r80": "80%"}}}]}');
CALL sale('DIFF-06', 'B/r80 > C/r70 > D/r60 > trader', 10, '{"D": 6, "C": 1, "B": 1}');

--
-- DIFF-08: be-infinity, differential unilevel,
-- https://docs.be-infinity.com/compensation-plan/business-logic/bonus/unilevel-bonus/ub-example-3:
-- my base is 12 %.  User5 has a volume of 1200 and the highest qualified between
-- us is User4 with 4 %: stated 96.  User6 has 4800 and nobody qualified between
-- us: stated 576.  Unqualified people are compressed out: that one stands
-- between User6 and me, with 8 %, is ours.
--
INSERT INTO plans VALUES ('DIFF-08', '{"ranks": ["p4", "p8", "p12"], "rules": [{"name": "unilevel", "kind": "differential", "compression": {"mode": "standard"},
	"rates": {"by_rank": {"p4": "4%", "p8": "8%", "p12": "12%"}}}]}');
CALL sale('DIFF-08', 'I/p12 > User4/p4 > User5', 1200, '{"I": 96, "...": true}');
CALL sale('DIFF-08', 'I/p12 > unqualified/p8! > User6', 4800, '{"I": 576}');
-- without compression who is not qualified takes his part with him (our figure)
INSERT INTO plans SELECT 'DIFF-08 not compressed', plan #- '{rules,0,compression}' FROM plans WHERE name = 'DIFF-08';
CALL sale('DIFF-08 not compressed', 'I/p12 > unqualified/p8! > User6', 4800, '{"I": 192}');

--
-- BRK-01: differential, breakaway and leadership by generation,
-- http://banner-store.blogspot.com/2007/09/examples-of-bonus-calculation.html.
-- The source sums over a month; each term of its sums is a sale here, booked to
-- whose volume it is.  Ranks are taken as given.
-- Case 1, all new, A at 20 %: (300 B + 300 C + 100 D) * 20 % = 140.
-- Case 2, A at 28 %, B and C at 24 %: 50 A * 28 % = 14 and (1500 B + 4000 C) *
-- (28 % - 24 %) = 220.
-- Case 3, A at 40 %, C and E at 36 %, B and B1 at 40 % and so broken away, D
-- new: (200 A + 300 D) * 40 % = 200; (40000 C + 40000 E) * (40 % - 36 %) = 3200;
-- first generation (100000 B - 50000 B1) * 1 % = 500, second 50000 B1 * 1 % =
-- 500.  Stated is what A earns.
--
INSERT INTO plans VALUES ('BRK-01', '{"ranks": ["p20", "p24", "p28", "p36", "p40"], "rules": [
	{"name": "bonus", "kind": "differential", "self": "paid",
		"rates": {"by_rank": {"p20": "20%", "p24": "24%", "p28": "28%", "p36": "36%", "p40": "40%"}}},
	{"name": "leadership", "kind": "peer", "self": "counted", "levels": [{"by_rank": {"p40": "1%"}}, {"by_rank": {"p40": "1%"}}]}]}');
CALL sale('BRK-01', 'A/p20 > B', 300, '{"A": 60}');
CALL sale('BRK-01', 'A/p20 > C', 300, '{"A": 60}');
CALL sale('BRK-01', 'A/p20 > D', 100, '{"A": 20}');
SELECT sum(paid) AS a, sum(paid) = 140 AS agrees FROM results WHERE example = 'BRK-01' AND member = 'A';
CALL sale('BRK-01', 'A/p28', 50, '{"A": 14}');
CALL sale('BRK-01', 'A/p28 > B/p24', 1500, '{"A": 60, "...": true}');
CALL sale('BRK-01', 'A/p28 > C/p24', 4000, '{"A": 160, "...": true}');
SELECT sum(paid) AS a, sum(paid) = 234 AS agrees FROM results WHERE example = 'BRK-01' AND member = 'A' AND sale > 3;
CALL sale('BRK-01', 'A/p40', 200, '{"A": 80}');
CALL sale('BRK-01', 'A/p40 > D', 300, '{"A": 120}');
CALL sale('BRK-01', 'A/p40 > C/p36', 40000, '{"A": 1600, "...": true}');
CALL sale('BRK-01', 'A/p40 > E/p36', 40000, '{"A": 1600, "...": true}');
CALL sale('BRK-01', 'A/p40 > B/p40', 50000, '{"A": 500, "...": true}');
CALL sale('BRK-01', 'A/p40 > B/p40 > B1/p40', 50000, '{"A": 500, "...": true}');
SELECT sum(paid) AS a, sum(paid) = 4400 AS agrees FROM results WHERE example = 'BRK-01' AND member = 'A' AND sale > 6;

--
-- PEER-01: 平级奖, a plug-in's manual, http://wannengfenxiao.com/jiangjinzhishi/693.html.
-- The source has no numbers, only switches: how many of a rank receive (平1,
-- 平2); percent of the order or of the lower peer's income; what counts as
-- income (直推, 间推, 复购, 见单, 级差); whether buying again counts.  All numbers
-- are ours, per switch, on one chain: 0 buys 100 again, 1 is silver, 2 to 5 gold.
-- Differential 10 and 15 %: 10 to 1, 5 to 2; referral 4 and 2 %: 4 to 1, 2 to 2.
--
CREATE FUNCTION peer(options jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('ranks', '["silver", "gold"]'::jsonb, 'rules', jsonb_build_array(
		'{"name": "referral", "kind": "unilevel", "levels": ["4%", "2%"]}'::jsonb,
		'{"name": "team", "kind": "differential", "rates": {"by_rank": {"silver": "10%", "gold": "15%"}}}'::jsonb,
		'{"name": "peer", "kind": "peer"}'::jsonb || options))
$$;
INSERT INTO plans VALUES
	('PEER-01 one, of the order', peer('{"levels": ["1%"]}')),
	('PEER-01 two, of the order', peer('{"levels": ["1%", "0.5%"]}')),
	('PEER-01 one, of income 级差', peer('{"levels": ["10%"], "of": "first_peer", "income": ["team"]}')),
	('PEER-01 one, of income 直推+级差', peer('{"levels": ["10%"], "of": "first_peer", "income": ["referral", "team"]}')),
	('PEER-01 two, of the first''s', peer('{"levels": ["10%", "10%"], "of": "first_peer", "income": ["team"]}')),
	('PEER-01 two, of the previous''s', peer('{"levels": ["10%", "10%"], "of": "previous_peer", "income": ["team"]}')),
	('PEER-01 per rank', peer('{"levels": [{"by_rank": {"gold": "1%"}}]}')),
	('PEER-01 first orders only', peer('{"levels": ["1%"], "when": {"first_order": true}}')),
	('PEER-01 per piece', peer('{"levels": [{"by_rank": {"gold": {"fixed": 3}}}, {"by_rank": {"gold": {"fixed": 2}}}], "per_unit": true}')),
	('PEER-01 the buyer counts', peer('{"levels": [{"by_rank": {"silver": "1%", "gold": "2%"}}], "self": "counted"}'));
CALL sale('PEER-01 one, of the order', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 1}');
CALL sale('PEER-01 two, of the order', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 1, "4": 0.5}');
CALL sale('PEER-01 one, of income 级差', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 0.5}');
CALL sale('PEER-01 one, of income 直推+级差', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 0.7}');
CALL sale('PEER-01 two, of the first''s', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 0.5, "4": 0.5}');
-- 3 is a peer who has earned nothing by the differential, so 4 gets nothing of it
CALL sale('PEER-01 two, of the previous''s', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 0.5, "4": 0}');
-- of the peer bonus of the peer before: a rule for each
INSERT INTO plans VALUES ('PEER-01 two, of 平1''s bonus', '{"ranks": ["silver", "gold"], "rules": [
	{"name": "team", "kind": "differential", "rates": {"by_rank": {"silver": "10%", "gold": "15%"}}},
	{"name": "peer 1", "kind": "peer", "levels": ["10%"], "of": "first_peer", "income": ["team"]},
	{"name": "peer 2", "kind": "peer", "levels": ["0%", "10%"], "of": "previous_peer", "income": ["peer 1"]}]}');
CALL sale('PEER-01 two, of 平1''s bonus', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 10, "2": 5, "3": 0.5, "4": 0.05}');
-- a second silver below the gold ones has no rate as a peer
CALL sale('PEER-01 per rank', '4/gold > 3/gold > 2/silver > 1/silver > 0', 100, '{"1": 14, "2": 2, "3": 5, "4": 1}');
CALL sale('PEER-01 first orders only', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 1}', NULL, '{"counters": {"order_number": 1}}');
CALL sale('PEER-01 first orders only', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7}', NULL, '{"counters": {"order_number": 2}}');
CALL sale('PEER-01 per piece', '5/gold > 4/gold > 3/gold > 2/gold > 1/silver > 0', 100, '{"1": 14, "2": 7, "3": 9, "4": 6}', NULL, '{"attributes": {"quantity": 3}}');
-- the buyer is silver himself: 1 is his peer, 2 the first gold one
CALL sale('PEER-01 the buyer counts', '3/gold > 2/gold > 1/silver > 0/silver', 100, '{"1": 15, "2": 7, "3": 2}');

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
DROP FUNCTION peer(jsonb);
DROP FUNCTION people(text);
