--
-- Published worked examples by level: unilevel and split.  Each says where it
-- was read; the last argument is what that source states, never our output.
--
SET search_path = public, distributor;
\getenv abs_srcdir PG_ABS_SRCDIR
\set harness :abs_srcdir '/include/examples.sql'
\set ECHO none
\i :harness
\set ECHO all

--
-- SEED-01: HiShop, three-level sales commission (销售佣金, 三级一体), price 100.
-- Stated: the seller 20, his upline 5, the next 3; if only the seller is paid
-- the merchant keeps 80.  The source calls the seller "level 1": here he is
-- level 0, "self".  It states 5 and 3 as money; 5 % and 3 % are our reading of
-- "price 100".
--
INSERT INTO plans VALUES ('SEED-01', '{"rules": [{"name": "sales", "kind": "unilevel", "self": "20%", "levels": ["5%", "3%"]}]}');
CALL sale('SEED-01', 'upline2 > upline1 > seller', 100, '{"seller": 20, "upline1": 5, "upline2": 3}');
CALL sale('SEED-01', 'seller', 100, '{"seller": 20}');
SELECT 100 - paid AS merchant_keeps FROM results WHERE example = 'SEED-01' AND sale = 2;

--
-- SEED-02: HiShop, promotion commission (推广佣金), price 100, rate 8 %, at most
-- two levels.  Stated: the promoter 8.  The sale is the buyer's; whoever
-- referred him is level 1.
--
INSERT INTO plans VALUES ('SEED-02', '{"rules": [{"name": "promotion", "kind": "unilevel", "levels": ["8%"]}]}');
CALL sale('SEED-02', 'other > promoter > buyer', 100, '{"promoter": 8}');

--
-- UNI-01: Tapfiliate, https://support.tapfiliate.com/en/articles/1706768,
-- 10/2/1 %, chain from below Jim, Angela, Betty, Johnny.  The seller takes the
-- first rate; rates count from the seller, not from the top.
--
INSERT INTO plans VALUES ('UNI-01', '{"rules": [{"name": "mlm", "kind": "unilevel", "self": "10%", "levels": ["2%", "1%"]}]}');
CALL sale('UNI-01', 'Johnny > Betty > Angela', 100, '{"Angela": 10, "Betty": 2, "Johnny": 1}');
CALL sale('UNI-01', 'Johnny > Betty > Angela > Jim', 100, '{"Jim": 10, "Angela": 2, "Betty": 1, "Johnny": 0}');

--
-- UNI-03: Ultimate Affiliate Pro, MLM on the affiliate's reward (its page on
-- MLM, read in a copy; the address was not recorded): order 1000, Max 30 %,
-- his uplines 20, 10 and 5 % of his 300, not of the order.  Two ways to say it.
--
INSERT INTO plans VALUES
	('UNI-03 override', '{"rules": [
		{"name": "reward", "kind": "unilevel", "self": "30%"},
		{"name": "mlm", "kind": "override", "of": ["reward"], "levels": ["20%", "10%", "5%"]}]}'),
	('UNI-03 base', '{"rules": [
		{"name": "reward", "kind": "unilevel", "self": "30%"},
		{"name": "mlm", "kind": "unilevel", "base": {"rule": "reward", "level": 0}, "levels": ["20%", "10%", "5%"]}]}');
CALL sale('UNI-03 override', 'John > Geo > Bob > Max', 1000, '{"Max": 300, "Bob": 60, "Geo": 30, "John": 15}');
CALL sale('UNI-03 base', 'John > Geo > Bob > Max', 1000, '{"Max": 300, "Bob": 60, "Geo": 30, "John": 15}');

--
-- UNI-04: besnow.org on distribution (the address was not recorded): of an
-- order of 100 40 % are distributed, 50/30/20.  Stated: C 20, B 12, A 8, and
-- that the slice of an upline who is missing stays with the merchant; the
-- figures of the second sale apply that.
--
INSERT INTO plans VALUES ('UNI-04', '{"rules": [{"name": "pool", "kind": "split", "budget": "40%", "levels": ["50%", "30%", "20%"]}]}');
CALL sale('UNI-04', 'A > B > C > buyer', 100, '{"C": 20, "B": 12, "A": 8}');
CALL sale('UNI-04', 'B > C > buyer', 100, '{"C": 20, "B": 12}');

--
-- UNI-05: 人人商城 V5 manual, https://www.kancloud.cn (renrenshopv5, page 1888301).
-- A rate by level and by the recipient's own rank, E buys and is not counted.
-- Stated: D, of the default rank, 4 %; C, junior, 3 %; B, mid, 2 %; A nothing.
--
INSERT INTO plans VALUES ('UNI-05', '{"ranks": ["junior", "mid"], "rules": [{"name": "levels", "kind": "unilevel", "levels": [
	{"by_rank": {"*": "4%"}}, {"by_rank": {"junior": "3%"}}, {"by_rank": {"mid": "2%"}}]}]}');
CALL sale('UNI-05', 'A > B/mid > C/junior > D > E', 100, '{"D": 4, "C": 3, "B": 2, "A": 0}');

--
-- UNI-07: Purium, https://askthecat.mypurium.com/support/solutions/articles/6000031672-unilevel-bonus,
-- levels 1-6 5 %, levels 7-8 3 %, of 100 BV (the source states the rates; the
-- figures per 100 restate them).  All members active and qualified here.
--
INSERT INTO plans VALUES ('UNI-07', '{"currencies": {"BV": {"scale": 2}}, "rules": [{"name": "unilevel", "kind": "unilevel",
	"levels": ["5%", "5%", "5%", "5%", "5%", "5%", "3%", "3%"]}]}');
CALL sale('UNI-07', 'U10 > U9 > U8 > U7 > U6 > U5 > U4 > U3 > U2 > U1 > buyer', 100,
	'{"U1": 5, "U2": 5, "U3": 5, "U4": 5, "U5": 5, "U6": 5, "U7": 3, "U8": 3, "U9": 0, "U10": 0}', 'BV');

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
