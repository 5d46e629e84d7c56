--
-- Worked examples from the documentation and tests of other systems, of the
-- kind unilevel: each says where it was read and what that source pays.
--
SET search_path = public, distributor;

-- what is paid, beside what the source states; members are named by a letter
CREATE TABLE stated (example text, sale int, member text, payout numeric);
CREATE TABLE paid (example text, sale int, member text, payout numeric);
CREATE FUNCTION pay(example text, sale int, plan jsonb, chain text[], amount numeric, currency text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO paid
	SELECT pay.example, pay.sale, chain[c.member_id], sum(c.amount)
	FROM commissions(plan, (SELECT array_agg(i) FROM generate_series(1, cardinality(chain)) i)::bigint[]::refpath, pay.amount, pay.currency) c
	GROUP BY 3
$$;

--
-- SEED-01: HiShop, three-level sales commission (销售佣金, 三级一体), price 100.
-- Stated: the seller 20, his upline 5, the next 3; if only the seller is paid
-- the merchant keeps 80.  The source calls the seller "level 1": here he is
-- level 0, "self".  It states 5 and 3 as money; 5 % and 3 % are our reading of
-- "price 100".
--
SELECT pay('SEED-01', 1, '{"rules": [{"name": "sales", "kind": "unilevel", "self": "20%", "levels": ["5%", "3%"]}]}', '{upline2,upline1,seller}', 100);
INSERT INTO stated VALUES ('SEED-01', 1, 'seller', 20), ('SEED-01', 1, 'upline1', 5), ('SEED-01', 1, 'upline2', 3);
SELECT pay('SEED-01', 2, '{"rules": [{"name": "sales", "kind": "unilevel", "self": "20%", "levels": ["5%", "3%"]}]}', '{seller}', 100);
INSERT INTO stated VALUES ('SEED-01', 2, 'seller', 20);
SELECT 100 - sum(payout) AS merchant_keeps FROM paid WHERE example = 'SEED-01' AND sale = 2;

--
-- SEED-02: HiShop, promotion commission (推广佣金), price 100, rate 8 %, at most
-- two levels.  Stated: the promoter 8.  The sale is the buyer's; whoever
-- referred him is level 1.
--
SELECT pay('SEED-02', 1, '{"rules": [{"name": "promotion", "kind": "unilevel", "levels": ["8%"]}]}', '{other,promoter,buyer}', 100);
INSERT INTO stated VALUES ('SEED-02', 1, 'promoter', 8);

--
-- UNI-01: Tapfiliate, https://support.tapfiliate.com/en/articles/1706768,
-- 10/2/1 %, chain from below Jim, Angela, Betty, Johnny.  The seller takes the
-- first rate; rates count from the seller, not from the top.
-- Stated: Angela sells 100: Angela 10, Betty 2, Johnny 1; Jim sells 100: Jim
-- 10, Angela 2, Betty 1, Johnny nothing.
--
SELECT pay('UNI-01', 1, '{"rules": [{"name": "mlm", "kind": "unilevel", "self": "10%", "levels": ["2%", "1%"]}]}', '{Johnny,Betty,Angela}', 100);
SELECT pay('UNI-01', 2, '{"rules": [{"name": "mlm", "kind": "unilevel", "self": "10%", "levels": ["2%", "1%"]}]}', '{Johnny,Betty,Angela,Jim}', 100);
INSERT INTO stated VALUES
	('UNI-01', 1, 'Angela', 10), ('UNI-01', 1, 'Betty', 2), ('UNI-01', 1, 'Johnny', 1),
	('UNI-01', 2, 'Jim', 10), ('UNI-01', 2, 'Angela', 2), ('UNI-01', 2, 'Betty', 1);

--
-- UNI-05: 人人商城 V5 manual, https://www.kancloud.cn (renrenshopv5, page 1888301).
-- A rate by level and by the recipient's rank; the buyer E is not counted.
-- Stated: D 4 %, C 3 %, B 2 %, A nothing.  Only this chain is checked here, in
-- which each level has one rank; the table of ranks needs another rule.
--
SELECT pay('UNI-05', 1, '{"rules": [{"name": "levels", "kind": "unilevel", "levels": ["4%", "3%", "2%"]}]}', '{A,B,C,D,E}', 100);
INSERT INTO stated VALUES ('UNI-05', 1, 'D', 4), ('UNI-05', 1, 'C', 3), ('UNI-05', 1, 'B', 2);

--
-- UNI-07: Purium, https://askthecat.mypurium.com/support/solutions/articles/6000031672-unilevel-bonus,
-- levels 1-6 5 %, levels 7-8 3 %, of 100 BV (the source states the rates; the
-- figures per 100 restate them).  All members active and qualified here.
--
SELECT pay('UNI-07', 1, '{"currencies": {"BV": {"scale": 2}}, "rules": [{"name": "unilevel", "kind": "unilevel",
	"levels": ["5%", "5%", "5%", "5%", "5%", "5%", "3%", "3%"]}]}', '{U10,U9,U8,U7,U6,U5,U4,U3,U2,U1,buyer}', 100, 'BV');
INSERT INTO stated SELECT 'UNI-07', 1, 'U' || i, CASE WHEN i <= 6 THEN 5 ELSE 3 END FROM generate_series(1, 8) i;

--
-- RND-01: Dub, dubinc/dub, apps/web/tests/commissions/calculate-sale-earnings.test.ts
-- at 1de955f782a72e1eff7b201ae54a909d5ceb5722: percent of cents, half up,
-- decimal arithmetic.  500 at 2.9 % is 14.5 and pays 15; binary floating point
-- gave 14.
--
CREATE TABLE cents (sale int, amount numeric, percent text, payout numeric);
INSERT INTO cents VALUES (1, 1000, '20', 200), (2, 1000, '50', 500), (3, 1900, '10', 190), (4, 7, '20', 1), (5, 2, '20', 0), (6, 0, '20', 0),
	(7, 1000, '0', 0), (8, 3, '20', 1), (9, 15, '10', 2), (10, 1, '50', 1), (11, 500, '2.9', 15);
SELECT count(*) FROM (SELECT pay('RND-01', sale, format('{"currencies": {"CENT": {"scale": 0}}, "rules": [{"name": "sale", "kind": "unilevel", "self": "%s%%"}]}', percent)::jsonb,
	'{partner}', amount, 'CENT') FROM cents) p;
INSERT INTO stated SELECT 'RND-01', sale, 'partner', payout FROM cents WHERE payout > 0;

--
-- RND-03: Dokan, https://github.com/getdokan/dokan/pull/3324: of 6.45, 30 % to
-- the admin.  Stated: admin 1.94, vendor 4.51; rounding both sides had given
-- 1.93 + 4.51.  One side is rounded, the rest stays with the house.
--
SELECT pay('RND-03', 1, '{"rules": [{"name": "admin", "kind": "unilevel", "self": "30%"}]}', '{admin}', 6.45);
INSERT INTO stated VALUES ('RND-03', 1, 'admin', 1.94);
SELECT 6.45 - payout AS vendor FROM paid WHERE example = 'RND-03';

SELECT example, sale, member, s.payout AS stated, p.payout AS paid, coalesce(s.payout = p.payout, false) AS agree
FROM stated s FULL JOIN paid p USING (example, sale, member)
ORDER BY 1, 2, 4 DESC, 3;

DROP TABLE stated, paid, cents;
DROP FUNCTION pay(text, int, jsonb, text[], numeric, text);
