--
-- Numeric examples of other systems, found in the open: affiliate software,
-- direct selling, real estate, insurance, energy.  Each says where it was read;
-- the last argument but currency and facts is what that source states, never
-- our output.
--
SET search_path = public, distributor;
\getenv abs_srcdir PG_ABS_SRCDIR
\set harness :abs_srcdir '/include/examples.sql'
\set ECHO none
\i :harness
\set ECHO all

--
-- Affiliates Enterprise (WooCommerce), https://docs.itthinx.com/document/affiliates-enterprise/tiers/:
-- 30 % for the referrer, 20 and 5 % above; order 100: A 30, B 20, C 5.
--
INSERT INTO plans VALUES ('Affiliates Enterprise', '{"rules": [{"name": "referral", "kind": "unilevel", "self": "30%", "levels": ["20%", "5%"]}]}');
CALL sale('Affiliates Enterprise', 'C > B > A', 100, '{"A": 30, "B": 20, "C": 5}');

--
-- ClickFunnels, https://support.myclickfunnels.com/docs/affiliate-center-understanding-tier-1-and-tier-2-commission-plan:
-- tier one 20 %, tier two 5 % of a product of 100: A's own sale 20, B's sale 20 to
-- B and 5 to A, who recruited B.
--
INSERT INTO plans VALUES ('ClickFunnels', '{"rules": [{"name": "affiliate", "kind": "unilevel", "self": "20%", "levels": ["5%"]}]}');
CALL sale('ClickFunnels', 'A', 100, '{"A": 20}');
CALL sale('ClickFunnels', 'A > B', 100, '{"B": 20, "A": 5}');

--
-- Meatzy, https://github.com/sonawaneamit/meatzy-website, COMMISSION_STRUCTURE_FIXED.md:
-- David buys for 189: 13, 2, 1 and 1 % upwards: 24.57, 3.78, 1.89, 1.89, in all 32.13.
--
INSERT INTO plans VALUES ('Meatzy', '{"rules": [{"name": "network", "kind": "unilevel", "levels": ["13%", "2%", "1%", "1%"]}]}');
CALL sale('Meatzy', 'YOU > Sarah > Marcus > Jennifer > David', 189, '{"Jennifer": 24.57, "Marcus": 3.78, "Sarah": 1.89, "YOU": 1.89}');

--
-- PartnerConnector, https://github.com/time-consulting/partnerconnector-antigraivty at
-- 9a8c05f7, .analysis/COMMISSION-IMPLEMENTATION-SUMMARY.md: a commission of 1000:
-- 60 % to who made the deal, 20 and 10 % above; the company keeps 10 %, 20 % with
-- one upline, 40 % with none.
--
INSERT INTO plans VALUES ('PartnerConnector', '{"rules": [{"name": "deal", "kind": "unilevel", "self": "60%", "levels": ["20%", "10%"]}]}');
CALL sale('PartnerConnector', 'john > jane > mike', 1000, '{"mike": 600, "jane": 200, "john": 100}');
CALL sale('PartnerConnector', 'jane > mike', 1000, '{"mike": 600, "jane": 200}');
CALL sale('PartnerConnector', 'mike', 1000, '{"mike": 600}');
SELECT sale, 1000 - sum(paid) AS company FROM results WHERE example = 'PartnerConnector' GROUP BY 1 ORDER BY 1;

--
-- multicrypto, https://github.com/daflones/multicrypto, SISTEMA_COMISSOES_7_NIVEIS.md:
-- 1000 BRL over seven levels: 100, 40, 20 and four times 10, in all 200.
--
INSERT INTO plans VALUES ('multicrypto', '{"rules": [{"name": "niveis", "kind": "unilevel", "levels": ["10%", "4%", "2%", "1%", "1%", "1%", "1%"]}]}');
CALL sale('multicrypto', '8 > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 1000, '{"1": 100, "2": 40, "3": 20, "4": 10, "5": 10, "6": 10, "7": 10, "8": 0}', 'BRL');

--
-- Tracverse, https://github.com/obedson/tracverse at 41acd54d, server/test-flexible-commissions.js:
-- a table of rates by membership tier and level, of different depth: of 1000
-- bronze 50, 30, 20, 10; silver 60, 40, 30, 20, 10; gold 70, 50, 40, 30, 20, 10.
-- Whose tier it is, the source does not say: the recipient's, or, by one
-- parameter, the buyer's.
--
INSERT INTO plans VALUES ('Tracverse', '{"ranks": ["bronze", "silver", "gold"], "rules": [{"name": "levels", "kind": "unilevel", "levels": [
	{"by_rank": {"bronze": "5%", "silver": "6%", "gold": "7%"}}, {"by_rank": {"bronze": "3%", "silver": "4%", "gold": "5%"}},
	{"by_rank": {"bronze": "2%", "silver": "3%", "gold": "4%"}}, {"by_rank": {"bronze": "1%", "silver": "2%", "gold": "3%"}},
	{"by_rank": {"silver": "1%", "gold": "2%"}}, {"by_rank": {"gold": "1%"}}]}]}');
INSERT INTO plans SELECT 'Tracverse buyer', jsonb_set(plan, '{rules,0,rank_of}', '"buyer"') FROM plans WHERE name = 'Tracverse';
CALL sale('Tracverse', '6/bronze > 5/bronze > 4/bronze > 3/bronze > 2/bronze > 1/bronze > buyer', 1000, '{"1": 50, "2": 30, "3": 20, "4": 10, "5": 0, "6": 0}');
CALL sale('Tracverse', '6/silver > 5/silver > 4/silver > 3/silver > 2/silver > 1/silver > buyer', 1000, '{"1": 60, "2": 40, "3": 30, "4": 20, "5": 10, "6": 0}');
CALL sale('Tracverse', '6/gold > 5/gold > 4/gold > 3/gold > 2/gold > 1/gold > buyer', 1000, '{"1": 70, "2": 50, "3": 40, "4": 30, "5": 20, "6": 10}');
CALL sale('Tracverse buyer', '6 > 5 > 4 > 3 > 2 > 1 > buyer/silver', 1000, '{"1": 60, "2": 40, "3": 30, "4": 20, "5": 10, "6": 0}');

--
-- iselldata, https://github.com/aglago/iselldata-dev, PACKAGE_SPECIFIC_COMMISSION_STRUCTURE.md:
-- a rate by package and by the seller's tier (bronze, silver, gold, platinum;
-- basic nothing).  Stated in cedi, the price and the rate give half a pesewa
-- often: 3 % of 5.50 is 0.17, 3 % of 14.50 is 0.44.
--
INSERT INTO plans VALUES ('iselldata', '{"ranks": ["basic", "bronze", "silver", "gold", "platinum"], "rules": [{"name": "package", "kind": "unilevel", "self": "0%", "variants": [
	{"when": {"product": "1GB"}, "self": {"by_rank": {"bronze": "3%", "silver": "4%", "gold": "5%", "platinum": "6%"}}},
	{"when": {"product": "2GB"}, "self": {"by_rank": {"bronze": "2.5%", "silver": "3.5%", "gold": "4.5%", "platinum": "5.5%"}}},
	{"when": {"product": "3GB"}, "self": {"by_rank": {"bronze": "2%", "silver": "3%", "gold": "4%", "platinum": "5%"}}},
	{"when": {"product": "4GB"}, "self": {"by_rank": {"bronze": "1.5%", "silver": "2%", "gold": "2.5%", "platinum": "3%"}}},
	{"when": {"product": "5GB"}, "self": {"by_rank": {"bronze": "1%", "silver": "1.5%", "gold": "2%", "platinum": "2.5%"}}},
	{"when": {"product": "6GB"}, "self": {"by_rank": {"bronze": "1.5%", "silver": "2%", "gold": "2.5%", "platinum": "3%"}}}]}]}');
DO $$
DECLARE
	package record;
BEGIN
	FOR package IN SELECT p.*, tier, payout FROM (VALUES
		('1GB', 5.50, '{0,0.17,0.22,0.28,0.33}'::numeric[]), ('2GB', 10.50, '{0,0.26,0.37,0.47,0.58}'), ('3GB', 14.50, '{0,0.29,0.44,0.58,0.73}'),
		('4GB', 19.50, '{0,0.29,0.39,0.49,0.59}'), ('5GB', 23.50, '{0,0.24,0.35,0.47,0.59}'), ('6GB', 28.00, '{0,0.42,0.56,0.70,0.84}')) p (name, price, payouts),
		unnest('{basic,bronze,silver,gold,platinum}'::text[], payouts) u (tier, payout) LOOP
		CALL sale('iselldata', 'seller/' || package.tier, package.price, jsonb_build_object('seller', package.payout), 'GHS',
			jsonb_build_object('attributes', jsonb_build_object('product', package.name)));
	END LOOP;
END $$;

--
-- eXp Realty, https://albuquerquerealestatebuzz.com/exp-realty-abq/exp-realty-revenue-share:
-- a sale of 200000 at 3 %, 6000 gross commission; the agent keeps 80 %, 4800, the
-- company receives 1200; the sponsor earns 3.5 % of the 6000, 210, out of the
-- company's part.  Second level 4 %, third 2.5 %.
--
INSERT INTO plans VALUES ('eXp', '{"rules": [
	{"name": "split", "kind": "unilevel", "self": "80%"},
	{"name": "revenue share", "kind": "unilevel", "levels": ["3.5%", "4%", "2.5%"]}]}');
CALL sale('eXp', 'you > agent', 6000, '{"agent": 4800, "you": 210}');

--
-- Insurance, contract levels, https://insuredandmore.com/what-is-the-override-rate-of-insurance:
-- your contract is 100 %, your agent's 90 %: of a premium of 1000 you earn 100.
-- The agent's 900 follow from his contract.
--
INSERT INTO plans VALUES ('contract levels', '{"ranks": ["c90", "c100"], "rules": [{"name": "contract", "kind": "differential", "self": "paid", "rates": {"by_rank": {"c90": "90%", "c100": "100%"}}}]}');
CALL sale('contract levels', 'you/c100 > agent/c90', 1000, '{"you": 100, "agent": 900}');

--
-- Insurance, annual premium, http://www.finalexpensesuperstar.com/blog/how-to-figure-out-your-commissions:
-- 50 a month, 600 a year, at a level of 95 %: 570, of which 75 % are advanced,
-- 427.50.  The sale is the first premium of 50: the guard is set for that.
-- https://www.kairos-financial.com/faq-1: of an annual premium of 1200 a contract of
-- 100 % pays 1200, one of 70 % 840.
--
INSERT INTO plans VALUES
	('advance', '{"guard": {"max_share": "1000%"}, "rules": [{"name": "advance", "kind": "unilevel", "self": "71.25%", "base": {"of": "annual_premium"}}]}'),
	('annual', '{"ranks": ["c70", "c100"], "rules": [{"name": "contract", "kind": "unilevel", "self": {"by_rank": {"c70": "70%", "c100": "100%"}}}]}');
CALL sale('advance', 'agent', 50, '{"agent": 427.5}', 'USD', '{"attributes": {"annual_premium": 600}}');
CALL sale('annual', 'agent/c100', 1200, '{"agent": 1200}', 'USD');
CALL sale('annual', 'agent/c70', 1200, '{"agent": 840}', 'USD');

--
-- Stair step, http://networkmarketingwhy.com/2010/05/stair-step-breakaway-compensation-plan/:
-- 5 % a rank; you, rank 3, make 15 % on your own sales, 10 % on those of a rank 1,
-- 5 % when she is rank 2, nothing when she is rank 3.  Per 100.
-- https://togethertothetop.com/the-stairstep-breakaway-and-the-missing-zeros/ has
-- the same of 5 and 8 %: 8, 3, 0.
--
INSERT INTO plans VALUES
	('stair step 5/10/15', '{"ranks": ["1", "2", "3"], "rules": [{"name": "stair", "kind": "differential", "self": "paid", "rates": {"by_rank": {"1": "5%", "2": "10%", "3": "15%"}}}]}'),
	('stair step 5/8', '{"ranks": ["assistant", "supervisor"], "rules": [{"name": "stair", "kind": "differential", "self": "paid", "rates": {"by_rank": {"assistant": "5%", "supervisor": "8%"}}}]}');
CALL sale('stair step 5/10/15', 'you/3', 100, '{"you": 15}');
CALL sale('stair step 5/10/15', 'you/3 > Jane/1', 100, '{"you": 10, "...": true}');
CALL sale('stair step 5/10/15', 'you/3 > Jane/2', 100, '{"you": 5, "...": true}');
CALL sale('stair step 5/10/15', 'you/3 > Jane/3', 100, '{"you": 0, "...": true}');
CALL sale('stair step 5/8', 'you/supervisor > Alice', 100, '{"you": 8}');
CALL sale('stair step 5/8', 'you/supervisor > Alice/assistant', 100, '{"you": 3, "Alice": 5}');
CALL sale('stair step 5/8', 'you/supervisor > Alice/supervisor', 100, '{"you": 0, "Alice": 8}');

--
-- 差额奖励, http://help.duofriend.com/ (微商城分销玩法, team leader's difference): the
-- leader A is at 8 %, his members B to E at 2, 4, 6 and 8 %.  Stated: B 5000 * 2 %
-- = 100, C 30000 * 4 % = 1200, D 250000 * 6 % = 15000, E 600000 * 8 % = 48000, and
-- A 300000 * 8 % + 5000 * (8-2) % + 30000 * (8-4) % + 250000 * (8-6) % + 600000 *
-- (8-8) %.  The source prints 36400 for that sum, which is 30500: its terms
-- are taken.
--
INSERT INTO plans VALUES ('差额奖励', '{"ranks": ["2", "4", "6", "8"], "rules": [{"name": "差额", "kind": "differential", "self": "paid", "rates": {"by_rank": {"2": "2%", "4": "4%", "6": "6%", "8": "8%"}}}]}');
CALL sale('差额奖励', 'A/8', 300000, '{"A": 24000}', 'CNY');
CALL sale('差额奖励', 'A/8 > B/2', 5000, '{"B": 100, "A": 300}', 'CNY');
CALL sale('差额奖励', 'A/8 > C/4', 30000, '{"C": 1200, "A": 1200}', 'CNY');
CALL sale('差额奖励', 'A/8 > D/6', 250000, '{"D": 15000, "A": 5000}', 'CNY');
CALL sale('差额奖励', 'A/8 > E/8', 600000, '{"E": 48000, "A": 0}', 'CNY');
SELECT sum(paid) AS a FROM results WHERE example = '差额奖励' AND member = 'A';

--
-- 代理商销售奖 by profit, http://www.waterserve.net/news/1552.html: price 100, cost 70,
-- 10 %: (100-70)*, which is 3.
--
INSERT INTO plans VALUES ('profit', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"], "base": "profit"}]}');
CALL sale('profit', 'agent > buyer', 100, '{"agent": 3}', NULL, '{"lines": [{"amount": 100, "cost": 70}]}');

--
-- Graduated tiers, https://gist.github.com/richardlawrence/1138036: 10 % up to
-- 5000, 12 % above: 6000 pays 620, 4000 400, 5000 500.  And
-- https://huggingface.co/salestool/TieredCommissionCalculator: 5 % to 10000, 7 % to
-- 25000, 10 % above: 30000 pays 2050.
--
INSERT INTO plans VALUES
	('graduated 10/12', '{"rules": [{"name": "low", "kind": "unilevel", "self": "10%", "base": {"max": 5000}}, {"name": "high", "kind": "unilevel", "self": "12%", "base": {"above": 5000}}]}'),
	('graduated 5/7/10', '{"rules": [{"name": "low", "kind": "unilevel", "self": "5%", "base": {"max": 10000}},
		{"name": "mid", "kind": "unilevel", "self": "7%", "base": {"above": 10000, "max": 25000}}, {"name": "high", "kind": "unilevel", "self": "10%", "base": {"above": 25000}}]}');
CALL sale('graduated 10/12', 'seller', 6000, '{"seller": 620}');
CALL sale('graduated 10/12', 'seller', 4000, '{"seller": 400}');
CALL sale('graduated 10/12', 'seller', 5000, '{"seller": 500}');
CALL sale('graduated 5/7/10', 'seller', 30000, '{"seller": 2050}');

--
-- Energy.  TruPowur, https://trupowur.directory/supplier-commercial/: 500000 kWh at
-- 5 mils make 2500; an agent's split of 50 % is 1250, a broker's of 85 % 2125.
-- BOX, https://www.brokeronlinexchange.com/blog/letstalkcommissions/: 80000 kWh a
-- year, 36 months, 0.005 a kWh, a split of 70 %: 840.  Residential
-- (https://trupowur.directory/supplier-residential): the supplier pays 50: agent 30 %
-- 15, broker 50 % 25, agency 70 % 35.
--
INSERT INTO plans VALUES
	('energy margin', '{"ranks": ["agent", "broker"], "rules": [{"name": "margin", "kind": "unilevel", "base": {"of": "margin"}, "self": {"by_rank": {"agent": "50%", "broker": "85%"}}}]}'),
	('energy per kWh', '{"rules": [{"name": "kWh", "kind": "unilevel", "per_unit": true, "self": {"fixed": 0.0035}}]}'),
	('energy residential', '{"ranks": ["agent", "broker", "agency"], "rules": [{"name": "deal", "kind": "unilevel", "self": {"by_rank": {"agent": "30%", "broker": "50%", "agency": "70%"}}}]}');
CALL sale('energy margin', 'seller/agent', 60000, '{"seller": 1250}', NULL, '{"attributes": {"margin": 2500}}');
CALL sale('energy margin', 'seller/broker', 60000, '{"seller": 2125}', NULL, '{"attributes": {"margin": 2500}}');
CALL sale('energy per kWh', 'seller', 30000, '{"seller": 840}', NULL, '{"lines": [{"amount": 30000, "quantity": 240000}]}');
CALL sale('energy residential', 'seller/agent', 50, '{"seller": 15}');
CALL sale('energy residential', 'seller/broker', 50, '{"seller": 25}');
CALL sale('energy residential', 'seller/agency', 50, '{"seller": 35}');

--
-- Generations.  http://mlmconsultancy.co.in/Listing/Pages/BusinessDetails.aspx (on
-- uni-level plans): a generation ends with the next of the same or a higher rank;
-- 10, 6, 4 and 2 % by generation.  The chains and the amount of 100 are ours: in
-- the second a generation of a gold member ends with gold ones, that of a silver
-- one with silver and gold ones, which takes a rule for each rank.
--
INSERT INTO plans VALUES
	('generations', '{"ranks": ["leader"], "rules": [{"name": "generation", "kind": "unilevel", "min_rank": "leader", "levels": ["10%", "6%", "4%", "2%"], "compression": {"mode": "dynamic"}}]}'),
	('generations by rank', '{"ranks": ["silver", "gold"], "rules": [
		{"name": "silver", "kind": "unilevel", "min_rank": "silver", "compression": {"mode": "dynamic"}, "levels": [{"by_rank": {"silver": "10%", "gold": "0%"}},
			{"by_rank": {"silver": "6%", "gold": "0%"}}, {"by_rank": {"silver": "4%", "gold": "0%"}}, {"by_rank": {"silver": "2%", "gold": "0%"}}]},
		{"name": "gold", "kind": "unilevel", "min_rank": "gold", "compression": {"mode": "dynamic"}, "levels": ["10%", "6%", "4%", "2%"]}]}');
CALL sale('generations', 'E/leader > D/leader > p > C/leader > B/leader > q > r > A/leader > s > buyer', 100, '{"A": 10, "B": 6, "C": 4, "D": 2, "E": 0, "p": 0, "q": 0, "r": 0, "s": 0}');
CALL sale('generations by rank', 'D/gold > C/silver > p > B/gold > q > A/silver > buyer', 100, '{"A": 10, "B": 10, "C": 4, "D": 6, "p": 0, "q": 0}');

--
-- Infinity bonus, https://support.mypurium.com/support/solutions/articles/6000031734-infinity-bonus:
-- from level 9 on, without end, 2 % to a Green Diamond, until another Green Diamond
-- is far enough below to earn it (down to that one's level 9); a Blue Diamond, from
-- level 10 on, 2 % more, so 4 % where no Green Diamond comes first, else 2 %.  Each is
-- a share that rolls up to the nearest who qualifies.  Per 100; the chains are ours.
--
INSERT INTO plans VALUES ('infinity', '{"ranks": ["green", "blue"], "rules": [
	{"name": "green", "kind": "split", "budget": "2%", "min_rank": "green", "missing": "rolls_up", "levels": ["0%", "0%", "0%", "0%", "0%", "0%", "0%", "0%", "100%"]},
	{"name": "blue", "kind": "split", "budget": "2%", "min_rank": "blue", "missing": "rolls_up", "levels": ["0%", "0%", "0%", "0%", "0%", "0%", "0%", "0%", "0%", "100%"]}]}');
CALL sale('infinity', 'Green/green > 8 > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 100, '{"Green": 2}');
CALL sale('infinity', 'Green/green > 11 > 10 > 9 > 8 > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 100, '{"Green": 2}');
CALL sale('infinity', 'Blue/blue > 10 > 9 > 8 > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 100, '{"Blue": 4}');
CALL sale('infinity', 'Blue/blue > Green/green > 8 > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 100, '{"Green": 2, "Blue": 2}');
CALL sale('infinity', 'Far/green > 10 > Near/green > 8 > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 100, '{"Near": 2, "Far": 0}');
CALL sale('infinity', 'Far/green > 11 > 10 > 9 > Near/green > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 100, '{"Near": 0, "Far": 2}');
CALL sale('infinity', 'Green/green > 7 > 6 > 5 > 4 > 3 > 2 > 1 > buyer', 100, '{"Green": 0}');

--
-- 美式奖金制度, http://fa2.cn/w/20010.html: leadership points of the volume of each
-- leader's own group, 15000; silver 5 and 2 %, gold 6, 2 and 1 % by generation.  A
-- (silver) has A1, who has A2: A 15000 * 5 % + 15000 * 2 % = 1050, A1 750.  B (gold)
-- has B1, B4, B5, B1 has B2, B2 has B3: B 3150, B1 1050, B2 750.  (What the points
-- are worth is a pool of the month, and waits.)
--
INSERT INTO plans VALUES ('leadership points', '{"ranks": ["silver", "gold"], "currencies": {"POINTS": {"scale": 0}}, "rules": [{"name": "leadership", "kind": "unilevel", "levels": [
	{"by_rank": {"silver": "5%", "gold": "6%"}}, {"by_rank": {"silver": "2%", "gold": "2%"}}, {"by_rank": {"silver": "0%", "gold": "1%"}}]}]}');
CALL sale('leadership points', 'A/silver > A1/silver', 15000, '{"A": 750}', 'POINTS');
CALL sale('leadership points', 'A/silver > A1/silver > A2', 15000, '{"A": 300, "A1": 750}', 'POINTS');
CALL sale('leadership points', 'B/gold > B1/silver', 15000, '{"B": 900}', 'POINTS');
CALL sale('leadership points', 'B/gold > B4', 15000, '{"B": 900}', 'POINTS');
CALL sale('leadership points', 'B/gold > B5', 15000, '{"B": 900}', 'POINTS');
CALL sale('leadership points', 'B/gold > B1/silver > B2/silver', 15000, '{"B": 300, "B1": 750}', 'POINTS');
CALL sale('leadership points', 'B/gold > B1/silver > B2/silver > B3', 15000, '{"B": 150, "B1": 300, "B2": 750}', 'POINTS');
SELECT member, sum(paid) AS points, sum(paid) = CASE member WHEN 'A' THEN 1050 WHEN 'A1' THEN 750 WHEN 'B' THEN 3150 WHEN 'B1' THEN 1050 WHEN 'B2' THEN 750 END AS agrees
FROM results WHERE example = 'leadership points' GROUP BY 1 ORDER BY 1;

--
-- Coded bonus, https://kirpi4ik.dp.ua/what-is-a-coded-compensation-plan.html: 100 for
-- each product pack; a 100 % match on those coded to you.  Anthony, your fourth,
-- enrolls five: 500 to him and 500 to you.  The price of a pack is ours.
--
INSERT INTO plans VALUES ('coded', '{"rules": [
	{"name": "fast track", "kind": "unilevel", "levels": [{"fixed": 100}]},
	{"name": "coded", "kind": "override", "of": ["fast track"], "levels": ["100%"]}]}');
DO $$
BEGIN
	FOR i IN 1..5 LOOP
		CALL sale('coded', 'you > Anthony > recruit ' || i, 500, '{"Anthony": 100, "you": 100}');
	END LOOP;
END $$;
SELECT member, sum(paid) FROM results WHERE example = 'coded' GROUP BY 1 ORDER BY 1;

--
-- 平级返佣和差级返佣, https://juejin.cn/post/7046213558874406942: the levels have 6: 25,
-- 5: 20, 4: 15, 3: 10; an upline of another level gets the difference, one of the
-- same level 15, the next of the same 5.  Ten members, of levels 6, 5, 4, 4, 4, 3,
-- 3, 3, 3 and, who buys, 3.  What each gets is its rule applied by us.
--
INSERT INTO plans VALUES ('平级+差级', '{"ranks": ["3", "4", "5", "6"], "rules": [
	{"name": "差级", "kind": "differential", "self": "counted", "rates": {"by_rank": {"3": {"fixed": 10}, "4": {"fixed": 15}, "5": {"fixed": 20}, "6": {"fixed": 25}}}},
	{"name": "平级", "kind": "peer", "self": "counted", "levels": [{"fixed": 15}, {"fixed": 5}]}]}');
CALL sale('平级+差级', '1/6 > 2/5 > 3/4 > 4/4 > 5/4 > 6/3 > 7/3 > 8/3 > 9/3 > 10/3', 1000,
	'{"9": 15, "8": 5, "7": 0, "6": 0, "5": 5, "4": 15, "3": 5, "2": 5, "1": 5}', 'CNY');

--
-- 返佣说明, https://www.showdoc.com.cn/Lufitte/9799338423098359: the general agent has
-- 5 %, and gives his downline 80 % of it, who gives hers 80 % of that.  Of 88 the
-- trader herself gets 2.816 (3.2 %), her upline 0.704 (0.8 %), the general agent
-- 0.88 (1 %).  Shares are agreed one by one: here each has a rank of his own.
--
INSERT INTO plans VALUES ('shares of shares', '{"ranks": ["3.2", "4", "5"], "currencies": {"USDT": {"scale": 3}}, "rules": [{"name": "rebate", "kind": "differential", "self": "paid",
	"rates": {"by_rank": {"3.2": "3.2%", "4": "4%", "5": "5%"}}}]}');
CALL sale('shares of shares', 'general/5 > agent/4 > trader/3.2', 88, '{"trader": 2.816, "agent": 0.704, "general": 0.88}', 'USDT');

--
-- Keller Williams, https://bethanymitchellhomes.squarespace.com/the-profit-share: an
-- agent of the first level pays 9000 of the 90000 that an office takes in; of the
-- 40000 left 45 % are shared, so 1800 for this agent, and 50 % of it, 900, are
-- yours.  Seven levels, 50, 10, 5, 5, 7.5, 10 and 12.5 %.  (What is left of a month
-- is a fact of that month: an attribute here.)
--
INSERT INTO plans VALUES ('profit share', '{"rules": [{"name": "share", "kind": "unilevel", "base": {"of": "shared"}, "levels": ["50%", "10%", "5%", "5%", "7.5%", "10%", "12.5%"]}]}');
CALL sale('profit share', 'you > agent', 9000, '{"you": 900}', NULL, '{"attributes": {"shared": 1800}}');

--
-- Pass-up with compression, https://github.com/successunforgettable/Source-impact-mlm at
-- a9b25e3d, docs/PROOF-COMPRESSION-ENHANCED.md: of 1000, 10 % to the sponsor, qualified
-- or not; 30 % to the nearest who is qualified.  1 alone is: 20, below 19, below 18,
-- pays 300 to 1 and 100 to 19; 19 pays 300 to 1 and 100 to 18.
--
INSERT INTO plans VALUES ('pass-up compressed', '{"ranks": ["qualified"], "rules": [
	{"name": "introducer", "kind": "unilevel", "levels": ["10%"]},
	{"name": "pass-up", "kind": "unilevel", "levels": ["30%"], "min_rank": "qualified", "compression": {"mode": "dynamic"}}]}');
CALL sale('pass-up compressed', '1/qualified > 18 > 19 > 20', 1000, '{"1": 300, "18": 0, "19": 100}', 'INR');
CALL sale('pass-up compressed', '1/qualified > 18 > 19', 1000, '{"1": 300, "18": 100}', 'INR');

--
-- 代理提成, http://static.kancloud.cn/nian8880/dhccdlfc/856201: three levels, each by the
-- recipient's own rank.  c buys for 680: b (高级) level one 10 %, a (至尊) level two
-- 11 %.  d, below c, for 980: b level two 10 %, a level three 11 % (what c gets is cut
-- off in the source).  Who buys 至尊 for 980 directly below 至尊: 13 %.
--
INSERT INTO plans VALUES ('代理提成', '{"ranks": ["高级", "钻石", "至尊"], "rules": [{"name": "提成", "kind": "unilevel", "levels": [
	{"by_rank": {"高级": "10%", "至尊": "13%"}}, {"by_rank": {"高级": "10%", "至尊": "11%"}}, {"by_rank": {"至尊": "11%"}}]}]}');
CALL sale('代理提成', 'a/至尊 > b/高级 > c', 680, '{"a": 74.80, "b": 68.00}', 'CNY');
CALL sale('代理提成', 'a/至尊 > b/高级 > c/钻石 > d', 980, '{"a": 107.80, "b": 98.00, "...": true}', 'CNY');
CALL sale('代理提成', 'a/至尊 > b', 980, '{"a": 127.40}', 'CNY');

--
-- 獎金倍數, http://gefl.cn/consumer_ID123.html: a promoter's rank multiplies the basic rate:
-- 15 % of level three times 500 % is 75 %.  Per 100.
--
INSERT INTO plans VALUES ('獎金倍數', '{"ranks": ["至尊"], "rules": [{"name": "奖金", "kind": "unilevel", "levels": ["0%", "0%", "15%"], "uplift_by_rank": {"至尊": "400%"}}]}');
CALL sale('獎金倍數', 'a/至尊 > b > c > buyer', 100, '{"a": 75}', 'CNY');
CALL sale('獎金倍數', 'a > b > c > buyer', 100, '{"a": 15}', 'CNY');

--
-- 幸运奖, https://soft.imahui.com/code/117139.html: 10 for each of levels 1 to 20, a silver
-- member to level 12, a gold one to 16.  The chain and the amount are ours.
--
INSERT INTO plans VALUES ('幸运奖', '{"ranks": ["银", "金", "钻石"], "rules": [{"name": "幸运", "kind": "unilevel", "depth_by_rank": {"银": 12, "金": 16, "钻石": 20, "*": 0}, "levels": [
	{"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10},
	{"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}, {"fixed": 10}]}]}');
CALL sale('幸运奖', '17/金 > 16/金 > 15/钻石 > 14 > 13/银 > 12/银 > 11 > 10 > 9 > 8 > 7 > 6 > 5 > 4 > 3 > 2 > 1/银 > buyer', 1000, '{"1": 10, "12": 10, "13": 0, "15": 10, "16": 10, "17": 0}', 'CNY');

--
-- List price and guard, https://github.com/hqh-dot-wj/O2O-Mall-project,
-- apps/backend/docs/archive/COMMISSION_CALCULATION_EXAMPLES.md (read in an excerpt):
-- list price 100, coupon 20, points 10, paid 70; 10 and 5 % of the list price: 10
-- and 5; at most 50 % of what was paid, 35: passed.
--
INSERT INTO plans VALUES ('list price', '{"guard": {"max_share": "50%"}, "rules": [{"name": "promotion", "kind": "unilevel", "base": {"of": "list_price"}, "levels": ["10%", "5%"]}]}');
CALL sale('list price', 'L2 > L1 > buyer', 70, '{"L1": 10, "L2": 5}', 'CNY', '{"attributes": {"list_price": 100, "coupon": 20, "points": 10}}');

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
