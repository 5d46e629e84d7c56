--
-- Published worked examples of choosing a rate: which of several, tiers,
-- uplift, base.  Each says where it was read; the last argument but currency
-- and facts is what that source states, never our output.
--
SET search_path = public, distributor;
\getenv abs_srcdir PG_ABS_SRCDIR
\set harness :abs_srcdir '/include/examples.sql'
\set ECHO none
\i :harness
\set ECHO all

--
-- DIV-02: CRMEB, https://doc.crmeb.com/pro/crmebprov3/12636: price 100, rate
-- 10 %, uplift of the distributor's level 10 %: 10 without, 11 with it (the
-- uplift multiplies the commission, it is not added to the rate).
--
INSERT INTO plans VALUES ('DIV-02', '{"ranks": ["vip"], "rules": [{"name": "brokerage", "kind": "unilevel", "levels": ["10%"], "uplift_by_rank": {"vip": "10%"}}]}');
CALL sale('DIV-02', 'distributor > buyer', 100, '{"distributor": 10}');
CALL sale('DIV-02', 'distributor/vip > buyer', 100, '{"distributor": 11}');

--
-- RATE-01: yudao, https://github.com/YunaiV/ruoyi-vue-pro at e4e460d5,
-- BrokerageRecordServiceImplTest.java: base 1000 fen.  A fixed amount wins over
-- the percentage (88), none leaves the percentage (100), zero is a value (0),
-- and with neither base nor rates it is 0.
--
INSERT INTO plans VALUES ('RATE-01', '{"currencies": {"FEN": {"scale": 0, "rounding": "down"}}, "rules": [{"name": "brokerage", "kind": "unilevel", "base": {"of": "price"}, "levels": ["10%"], "variants": [
	{"when": {"product": "fixed"}, "levels": [{"fixed": 88}]},
	{"when": {"product": "null"}, "levels": [null]},
	{"when": {"product": "zero"}, "levels": [{"fixed": 0}]}]}]}');
CALL sale('RATE-01', 'user > buyer', 1000, '{"user": 88}', 'FEN', '{"attributes": {"price": 1000, "product": "fixed"}}');
CALL sale('RATE-01', 'user > buyer', 1000, '{"user": 100}', 'FEN', '{"attributes": {"price": 1000, "product": "null"}}');
CALL sale('RATE-01', 'user > buyer', 1000, '{"user": 0}', 'FEN', '{"attributes": {"price": 1000, "product": "zero"}}');
CALL sale('RATE-01', 'user > buyer', 1000, '{"user": 0}', 'FEN', '{"attributes": {"price": null, "product": "null"}}');

--
-- RATE-03: Mercur, https://github.com/mercurjs/mercur at d2c8a5ab,
-- integration-tests/http/commission-rates/admin/commission-calculation.spec.ts:
-- an item of 100; default 5 %; seller and type together 20 %, and 5 if only the
-- seller matches; of 8 % by one dimension and 12 % by two, 12.  Its docs: what
-- still ties goes to the oldest rule (that case has our numbers).
--
INSERT INTO plans VALUES
	('RATE-03 and', '{"rules": [{"name": "commission", "kind": "unilevel", "self": "5%", "variants": [
		{"when": {"attributes": {"seller": "s1", "type": "t1"}}, "self": "20%"}]}]}'),
	('RATE-03 tie', '{"rules": [{"name": "commission", "kind": "unilevel", "self": "5%", "variants": [
		{"when": {"attributes": {"seller": "s1"}}, "self": "8%"},
		{"when": {"attributes": {"seller": "s1", "type": "t1"}}, "self": "12%"},
		{"when": {"attributes": {"type": "t1"}}, "self": "9%"},
		{"when": {"attributes": {"seller": ["s1", "s2"]}}, "self": "10%"}]}]}');
CALL sale('RATE-03 and', 'operator', 100, '{"operator": 20}', NULL, '{"attributes": {"seller": "s1", "type": "t1"}}');
CALL sale('RATE-03 and', 'operator', 100, '{"operator": 5}', NULL, '{"attributes": {"seller": "s1", "type": "t2"}}');
CALL sale('RATE-03 tie', 'operator', 100, '{"operator": 12}', NULL, '{"attributes": {"seller": "s1", "type": "t1"}}');
CALL sale('RATE-03 tie', 'operator', 100, '{"operator": 8}', NULL, '{"attributes": {"seller": "s1", "type": "t2"}}');
CALL sale('RATE-03 tie', 'operator', 100, '{"operator": 9}', NULL, '{"attributes": {"seller": "s2", "type": "t1"}}');

--
-- RATE-05: Mercur, the same file: a fixed commission per currency, usd 500, eur
-- 450, no conversion.  The amounts of the orders are ours, and so is the third
-- currency, which has no amount.
--
INSERT INTO plans VALUES ('RATE-05', '{"rules": [{"name": "commission", "kind": "unilevel", "self": {"fixed": {"USD": 500, "EUR": 450}}}]}');
CALL sale('RATE-05', 'operator', 10000, '{"operator": 500}', 'USD');
CALL sale('RATE-05', 'operator', 10000, '{"operator": 450}', 'EUR');
CALL sale('RATE-05', 'operator', 10000, '{"operator": 0}', 'GBP');

--
-- TIER-02: Oracle, https://docs.oracle.com/en/cloud/saas/sales/facmi/options-for-splitting-attainment-numbers-across-rate-tiers.html:
-- 1 % to 10000, 2 % to 50000, 3 % to 100000, then 4 %.  Flat: 5000 at 1 %, 15000
-- at 2 %, 60000 at 3 %, each on the whole amount.  Split: each part at its own
-- rate.  The money is the stated formula evaluated by us.
--
INSERT INTO plans VALUES
	('TIER-02 flat', '{"rules": [{"name": "commission", "kind": "unilevel", "self": "1%", "variants": [
		{"when": {"amount": {"from": 10000, "below": 50000}}, "self": "2%"},
		{"when": {"amount": {"from": 50000, "below": 100000}}, "self": "3%"},
		{"when": {"amount": {"from": 100000}}, "self": "4%"}]}]}'),
	('TIER-02 split', '{"rules": [
		{"name": "tier 1", "kind": "unilevel", "self": "1%", "base": {"max": 10000}},
		{"name": "tier 2", "kind": "unilevel", "self": "2%", "base": {"above": 10000, "max": 50000}},
		{"name": "tier 3", "kind": "unilevel", "self": "3%", "base": {"above": 50000, "max": 100000}},
		{"name": "tier 4", "kind": "unilevel", "self": "4%", "base": {"above": 100000}}]}');
CALL sale('TIER-02 flat', 'seller', 5000, '{"seller": 50}');
CALL sale('TIER-02 flat', 'seller', 15000, '{"seller": 300}');
CALL sale('TIER-02 flat', 'seller', 60000, '{"seller": 1800}');
CALL sale('TIER-02 split', 'seller', 5000, '{"seller": 50}');
CALL sale('TIER-02 split', 'seller', 15000, '{"seller": 200}');
CALL sale('TIER-02 split', 'seller', 60000, '{"seller": 1200}');

--
-- TIER-03: Oracle, https://docs.oracle.com/ (facmi, equal tier values): exactly
-- 50000 belongs to the higher tier, 3 %.  The other reading is one word away.
--
CALL sale('TIER-02 flat', 'seller', 50000, '{"seller": 1500}');
INSERT INTO plans VALUES ('TIER-03 lower', '{"rules": [{"name": "commission", "kind": "unilevel", "self": "1%", "variants": [
		{"when": {"amount": {"over": 10000, "to": 50000}}, "self": "2%"},
		{"when": {"amount": {"over": 50000, "to": 100000}}, "self": "3%"}]}]}');
CALL sale('TIER-03 lower', 'seller', 50000, '{"seller": 1000}');

--
-- TIER-05: https://pastebin.com/F832AA6M: by the size of the single sale before
-- tax and shipping, below 50 10 %, 50 to 100 15 %, from 100 20 %; 25 pays 2.50,
-- 75 pays 11.25, 200 pays 40.  Here the paid amount is larger, by our tax and
-- shipping: the size is an attribute.
--
INSERT INTO plans VALUES ('TIER-05', '{"rules": [{"name": "commission", "kind": "unilevel", "self": "10%", "base": {"of": "goods"}, "variants": [
	{"when": {"attributes": {"goods": {"from": 50, "below": 100}}}, "self": "15%"},
	{"when": {"attributes": {"goods": {"from": 100}}}, "self": "20%"}]}]}');
CALL sale('TIER-05', 'affiliate', 35, '{"affiliate": 2.5}', NULL, '{"attributes": {"goods": 25, "tax": 5, "shipping": 5}}');
CALL sale('TIER-05', 'affiliate', 105, '{"affiliate": 11.25}', NULL, '{"attributes": {"goods": 75, "tax": 25, "shipping": 5}}');
CALL sale('TIER-05', 'affiliate', 240, '{"affiliate": 40}', NULL, '{"attributes": {"goods": 200, "tax": 40}}');
-- the base may also be found by subtraction
INSERT INTO plans VALUES ('TIER-05 less', '{"rules": [{"name": "commission", "kind": "unilevel", "self": "15%", "base": {"less": ["tax", "shipping"]}}]}');
CALL sale('TIER-05 less', 'affiliate', 105, '{"affiliate": 11.25}', NULL, '{"attributes": {"tax": 25, "shipping": 5}}');

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
