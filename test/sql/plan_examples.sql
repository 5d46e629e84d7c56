--
-- The examples of doc/plan.md: each plan of that page, and what the sentence
-- behind it says that it pays, in the order of the rows: "rule member amount".
-- test/t/003_readme.pl checks that every plan of the page is here.
--
SET search_path = public, distributor;

CREATE TABLE page (place text PRIMARY KEY, plan jsonb NOT NULL);
CREATE TABLE sentence (i int GENERATED ALWAYS AS IDENTITY, place text REFERENCES page, change jsonb, path refpath, amount numeric, pays text,
	currency text, states text[], ranks text[], facts jsonb);

INSERT INTO page VALUES ('top', '{
  "description": "spring 2026",
  "ranks": ["silver", "gold", "diamond"],
  "guard": {"max_share": "45%"},
  "rules": [
    {"name": "sales", "kind": "unilevel", "self": "10%", "levels": ["5%", "3%"]},
    {"name": "team", "kind": "differential",
     "rates": {"by_rank": {"silver": "4%", "gold": "7%", "diamond": "9%"}}},
    {"name": "peer", "kind": "peer", "levels": ["10%"], "of": "first_peer", "income": ["team"]}
  ]
}');

-- no sentence: nobody is of rank, the rule "sales" alone pays
INSERT INTO sentence (place, path, amount, pays) VALUES ('top', '1.2', 100, 'sales 2 10.00, sales 1 5.00');

-- no sentence: the facts are read, and any plan pays with them
INSERT INTO page VALUES ('facts', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%"]}]}');
INSERT INTO sentence (place, path, amount, pays, facts) VALUES ('facts', '1.2', 100, 'sales 1 5.00', '{
  "attributes": {"region": "north", "channel": "app", "shipping": 5.00, "tags": ["new"]},
  "lines": [
    {"key": "1", "product": "tea",  "quantity": 2, "amount": 60, "cost": 20, "attributes": {"category": "food"}},
    {"key": "2", "product": "cup",  "quantity": 1, "amount": 35}
  ],
  "occurred_at": "2026-11-11T10:00:00+08:00",
  "counters": {
    "order_number": 3,
    "recruit_numbers": [1, 4, 2],
    "applied": {"welcome": 0},
    "earned": {"sales": {"member_month": {"3": "120.50"}}}
  }
}');

INSERT INTO page VALUES ('rules', '{"rules": [
  {"name": "sales",   "kind": "unilevel", "levels": ["10%"]},
  {"name": "loyalty", "kind": "unilevel", "self": "1%", "levels": ["2%"]}
]}');
INSERT INTO sentence (place, path, amount, pays) VALUES ('rules', '1.2', 100, 'sales 1 10.00, loyalty 2 1.00, loyalty 1 2.00');

INSERT INTO page VALUES ('currencies', '{"currencies": {"POINTS": {"scale": 0, "rounding": "down"}, "USD": {"scale": 4}},
 "rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%"]}]}');
INSERT INTO sentence (place, path, amount, pays, currency) VALUES
	('currencies', '1.2', 12.35, '', 'POINTS'), ('currencies', '1.2', 12.35, 'sales 1 0.6175', 'USD'), ('currencies', '1.2', 12.35, 'sales 1 0.62', 'EUR');

-- the sentence has no plan: 1 % of 0.50 is 0.005
INSERT INTO page VALUES ('rounding', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
INSERT INTO sentence (place, change, path, amount, pays) VALUES
	('rounding', NULL, '1.2', 0.5, 'sales 1 0.01'), ('rounding', '{"rounding": "half_up"}', '1.2', 0.5, 'sales 1 0.01'),
	('rounding', '{"rounding": "half_even"}', '1.2', 0.5, ''), ('rounding', '{"rounding": "half_even"}', '1.2', 1.5, 'sales 1 0.02'),
	('rounding', '{"rounding": "down"}', '1.2', 1.9, 'sales 1 0.01'), ('rounding', '{"rounding": "ceiling"}', '1.2', 1.1, 'sales 1 0.02');

INSERT INTO page VALUES ('guard', '{"guard": {"max_share": "10%"}, "currencies": {"CNY": {}},
 "rules": [{"name": "gift", "kind": "unilevel", "levels": [{"fixed": 8}, {"fixed": 4}]}]}');
INSERT INTO sentence (place, change, path, amount, pays, currency) VALUES
	('guard', NULL, '1.2.3', 60, 'gift 2 4.00, gift 1 2.00', 'CNY'),
	('guard', '{"guard": {"max_share": "10%", "excess": "priority"}}', '1.2.3', 60, 'gift 2 6.00', 'CNY');

INSERT INTO page VALUES ('rates', '{"ranks": ["junior", "mid"],
 "rules": [{"name": "sales", "kind": "unilevel", "levels": [
   {"by_rank": {"*": "4%"}}, {"by_rank": {"junior": "3%", "mid": "6%"}}, {"by_rank": {"mid": "2%"}}]}]}');
INSERT INTO sentence (place, path, amount, pays, ranks) VALUES ('rates', '1.2.3.4.5', 100, 'sales 4 4.00, sales 3 3.00, sales 2 2.00', '{NULL,NULL,junior,mid}');

INSERT INTO page VALUES ('group', '{"rules": [
  {"name": "enroller", "kind": "unilevel", "levels": ["30%"], "group": "override"},
  {"name": "matrix",   "kind": "unilevel", "levels": ["25%", "20%"], "group": "override"}]}');
INSERT INTO sentence (place, path, amount, pays) VALUES ('group', '1.2.3', 100, 'enroller 2 30.00, matrix 1 20.00');

INSERT INTO page VALUES ('variants', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%", "3%"], "variants": [
  {"when": {"category": "food"}, "levels": ["8%"]},
  {"when": {"category": "food", "region": "north"}, "levels": ["12%", "0%"]},
  {"when": {"product": "voucher"}, "pays": false}]}]}');
INSERT INTO sentence (place, path, amount, pays, facts) VALUES
	('variants', '1.2.3', 100, 'sales 2 5.00, sales 1 3.00', NULL),
	('variants', '1.2.3', 100, 'sales 2 8.00, sales 1 3.00', '{"attributes": {"category": "food"}}'),
	('variants', '1.2.3', 100, 'sales 2 12.00', '{"attributes": {"category": "food", "region": "north"}}'),
	('variants', '1.2.3', 100, '', '{"attributes": {"product": "voucher"}}');

INSERT INTO page VALUES ('base', '{"rules": [
  {"name": "net", "kind": "unilevel", "levels": ["10%"], "base": {"of": "amount", "less": ["tax", "shipping"]}},
  {"name": "reward", "kind": "unilevel", "levels": ["0%", "20%"], "base": {"rule": "net"}}]}');
INSERT INTO sentence (place, path, amount, pays, facts) VALUES ('base', '1.2.3', 100, 'net 2 8.00, reward 1 1.60', '{"attributes": {"tax": 15, "shipping": 5}}');

-- no plan in the page: a price of 100 at 10 % with an uplift of 10 %
INSERT INTO page VALUES ('uplift_by_rank', '{"ranks": ["gold"], "rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"], "uplift_by_rank": {"gold": "10%"}}]}');
INSERT INTO sentence (place, path, amount, pays, ranks) VALUES ('uplift_by_rank', '1.2', 100, 'sales 1 11.00', '{NULL,gold}');

INSERT INTO page VALUES ('compression', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "3%"], "compression": {"mode": "standard"}}]}');
INSERT INTO sentence (place, change, path, amount, pays, states) VALUES
	('compression', NULL, '1.2.3.4.5', 100, 'sales 3 10.00, sales 2 5.00, sales 1 3.00', '{NULL,frozen}'),
	('compression', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "3%"], "compression": {"mode": "standard", "skipped_level": "rolls_up"}}]}',
		'1.2.3.4.5', 100, 'sales 3 10.00, sales 3 5.00, sales 2 3.00', '{NULL,frozen}'),
	('compression', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "3%"], "compression": {"mode": "none"}}]}',
		'1.2.3.4.5', 100, 'sales 3 5.00, sales 2 3.00', '{NULL,frozen}');

INSERT INTO page VALUES ('residue', '{"rules": [{"name": "quarter", "kind": "unilevel", "levels": ["25%", "25%", "25%", "25%"], "residue": "last"}]}');
INSERT INTO sentence (place, path, amount, pays) VALUES ('residue', '1.2.3.4.5', 301.50, 'quarter 4 75.38, quarter 3 75.38, quarter 2 75.38, quarter 1 75.36');

INSERT INTO page VALUES ('levels', '{"rules": [
{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}
]}');
INSERT INTO sentence (place, path, amount, pays) VALUES
	('levels', '1.2.3.4', 100, 'sales 3 20.00, sales 2 5.00, sales 1 3.00'), ('levels', '1.2.3', 100, 'sales 2 20.00, sales 1 5.00');

INSERT INTO page VALUES ('self', '{"rules": [
{"name": "sales", "kind": "unilevel", "self": "20%", "levels": ["5%", "3%"]}
]}');
INSERT INTO sentence (place, path, amount, pays) VALUES ('self', '1.2.3', 100, 'sales 3 20.00, sales 2 5.00, sales 1 3.00');

INSERT INTO page VALUES ('differential', '{"ranks": ["bronze", "silver", "gold"],
 "rules": [{"name": "team", "kind": "differential", "rates": {"by_rank": {"bronze": "10%", "silver": "15%", "gold": "20%"}}}]}');
INSERT INTO sentence (place, change, path, amount, pays, ranks) VALUES
	('differential', NULL, '1.2.3.4.5.6', 100, 'team 5 10.00, team 4 10.00', '{NULL,bronze,gold,silver,gold,NULL}'),
	('differential', '{"rules": [{"name": "team", "kind": "differential", "slices": {"by_rank": {"bronze": {"fixed": 1}, "silver": {"fixed": 2}, "gold": {"fixed": 3}}}}]}',
		'1.2.3.4.5.6', 100, 'team 5 1.00, team 4 5.00', '{NULL,bronze,gold,silver,gold,NULL}');

INSERT INTO page VALUES ('deduct', '{"ranks": ["agent", "division"],
 "rules": [
  {"name": "sales", "kind": "unilevel", "self": "10%", "levels": ["5%"]},
  {"name": "division", "kind": "differential", "self": "paid", "deduct": ["sales"],
   "rates": {"by_rank": {"agent": "40%", "division": "60%"}}}]}');
INSERT INTO sentence (place, path, amount, pays, ranks) VALUES ('deduct', '1.2.3.4', 100, 'sales 4 10.00, sales 3 5.00, division 2 25.00, division 1 20.00', '{NULL,NULL,agent,division}');

INSERT INTO page VALUES ('peer', '{"ranks": ["silver", "gold"],
 "rules": [
  {"name": "team", "kind": "differential", "rates": {"by_rank": {"silver": "10%", "gold": "15%"}}},
  {"name": "peer", "kind": "peer", "levels": ["10%", "5%"], "of": "first_peer", "income": ["team"]}]}');
INSERT INTO sentence (place, path, amount, pays, ranks) VALUES ('peer', '1.2.3.4.5', 100, 'team 4 10.00, team 3 5.00, peer 2 0.50, peer 1 0.25', '{NULL,silver,gold,gold,gold}');

INSERT INTO page VALUES ('split', '{"rules": [{"name": "pool", "kind": "split", "budget": "40%", "levels": ["50%", "30%", "20%"], "missing": {"member": 9}}]}');
INSERT INTO sentence (place, path, amount, pays) VALUES ('split', '1.2.3', 100, 'pool 2 20.00, pool 1 12.00, pool 9 8.00');

INSERT INTO page VALUES ('override', '{"ranks": ["b", "a"],
 "rules": [
  {"name": "sales", "kind": "unilevel", "levels": ["21%"]},
  {"name": "match", "kind": "override", "of": ["sales"], "on_itself": true,
   "levels": [{"by_rank": {"b": "20%", "a": "15%"}}]}]}');
INSERT INTO sentence (place, path, amount, pays, ranks) VALUES ('override', '1.2.3.4', 100, 'sales 3 21.00, match 2 4.20, match 1 0.63', '{NULL,NULL,b,a}');

INSERT INTO page VALUES ('pass_up', '{"rules": [{"name": "two_up", "kind": "pass_up", "passes": 2, "keep": "40%", "retain": "10%", "pass": "30%"}]}');
INSERT INTO sentence (place, path, amount, pays, facts) VALUES
	('pass_up', '1.200.301', 100, 'two_up 200 10.00, two_up 1 30.00', '{"counters": {"recruit_numbers": [1]}}'),
	('pass_up', '1.200.302', 100, 'two_up 200 10.00, two_up 1 30.00', '{"counters": {"recruit_numbers": [2]}}'),
	('pass_up', '1.200.303', 100, 'two_up 200 40.00', '{"counters": {"recruit_numbers": [3]}}');

INSERT INTO page VALUES ('rotation', '{"rules": [{"name": "turn", "kind": "rotation", "rate": "10%", "levels": 3}]}');
INSERT INTO sentence (place, path, amount, pays, facts)
	SELECT 'rotation', '1.2.3.4', 100, format('turn %s 10.00', member), format('{"counters": {"order_number": %s}}', n)::jsonb FROM unnest(ARRAY[3, 2, 1, 3]) WITH ORDINALITY u (member, n);

INSERT INTO page VALUES ('priority', '{"rules": [
  {"name": "bonus", "kind": "unilevel", "levels": ["50%"], "base": {"rule": "sales"}, "priority": 1},
  {"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('priority', '1.2', 100, 'sales 1 10.00, bonus 1 5.00', NULL, NULL, NULL, NULL);

INSERT INTO page VALUES ('per', '{"rules": [{"name": "tea", "kind": "unilevel", "per": "line", "when": {"product": "tea"}, "levels": ["10%"]}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('per', '1.2', 95, 'tea 1 6.00', NULL, NULL, NULL, '{"lines": [{"product": "tea", "amount": 60}, {"product": "cup", "amount": 35}]}');

INSERT INTO page VALUES ('when', '{"rules": [{"name": "november", "kind": "unilevel", "levels": ["10%"], "when": {
  "channel": ["app", "shop"], "region": {"not": "abroad"}, "attributes": {"coupon": {"to": 20}},
  "order_amount": {"from": 50}, "time": {"from": "2026-11-01T00:00:00+08:00", "below": "2026-12-01T00:00:00+08:00"}}}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('when', '1.2', 60, 'november 1 6.00', NULL, NULL, NULL, '{"occurred_at": "2026-11-11T00:00:00Z", "attributes": {"channel": "app", "coupon": 5}}'),
	('when', '1.2', 40, '', NULL, NULL, NULL, '{"occurred_at": "2026-11-11T00:00:00Z", "attributes": {"channel": "app", "coupon": 5}}'),
	('when', '1.2', 60, '', NULL, NULL, NULL, '{"occurred_at": "2026-11-11T00:00:00Z", "attributes": {"channel": "app"}}'),
	('when', '1.2', 60, '', NULL, NULL, NULL, '{"occurred_at": "2026-11-11T00:00:00Z", "attributes": {"channel": "web", "coupon": 5}}');

INSERT INTO page VALUES ('per_unit', '{"rules": [{"name": "bottle", "kind": "unilevel", "levels": [{"fixed": 1.50}], "per_unit": true}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('per_unit', '1.2', 100, 'bottle 1 6.00', NULL, NULL, NULL, '{"attributes": {"quantity": 4}}');

INSERT INTO page VALUES ('rank_of', '{"ranks": ["silver", "gold"],
 "rules": [{"name": "sales", "kind": "unilevel", "rank_of": "lower",
            "levels": [{"by_rank": {"silver": "5%", "gold": "8%"}}]}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('rank_of', '1.2', 100, 'sales 1 5.00', NULL, NULL, '{silver,gold}', NULL),
	('rank_of', '1.2', 100, 'sales 1 8.00', NULL, NULL, '{gold,gold}', NULL);

INSERT INTO page VALUES ('min_rank', '{"ranks": ["silver", "gold"],
 "rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%", "3%"], "min_rank": "silver"}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('min_rank', '1.2.3', 100, 'sales 1 3.00', NULL, NULL, '{NULL,NULL,gold}', NULL);

INSERT INTO page VALUES ('depth_by_rank', '{"ranks": ["silver", "gold"],
 "rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%", "3%", "2%"],
            "depth_by_rank": {"gold": 3, "silver": 2, "*": 1}}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('depth_by_rank', '1.2.3.4', 100, 'sales 3 5.00, sales 1 2.00', NULL, NULL, '{NULL,NULL,NULL,gold}', NULL);

INSERT INTO page VALUES ('once_per_buyer', '{"rules": [{"name": "welcome", "kind": "unilevel", "levels": [{"fixed": 10}], "once_per_buyer": true,
            "when": {"order_amount": {"from": 50}}}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('once_per_buyer', '1.2', 40, '', NULL, NULL, NULL, NULL),
	('once_per_buyer', '1.2', 80, 'welcome 1 10.00', NULL, NULL, NULL, '{"counters": {"applied": {"welcome": 0}}}'),
	('once_per_buyer', '1.2', 90, '', NULL, NULL, NULL, '{"counters": {"applied": {"welcome": 1}}}');

INSERT INTO page VALUES ('min_payable', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%", "1%"], "min_payable": {"USD": 0.10, "EUR": 0.08}}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('min_payable', '1.2.3', 8, 'sales 2 0.40', 'USD', NULL, NULL, NULL),
	('min_payable', '1.2.3', 8, 'sales 2 0.40, sales 1 0.08', 'EUR', NULL, NULL, NULL);

INSERT INTO page VALUES ('caps', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"], "caps": {"member_month": 100, "sale": 45}}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('caps', '1.2.3', 400, 'sales 2 40.00, sales 1 5.00', NULL, NULL, NULL, NULL),
	('caps', '1.2.3', 400, 'sales 2 2.00, sales 1 20.00', NULL, NULL, NULL, '{"counters": {"earned": {"sales": {"member_month": {"2": 98}}}}}');

INSERT INTO page VALUES ('max_level', '{"ranks": ["silver", "gold"],
 "rules": [{"name": "team", "kind": "differential", "max_level": 2, "rates": {"by_rank": {"silver": "4%", "gold": "7%"}}}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('max_level', '1.2.3.4', 100, 'team 2 4.00', NULL, NULL, '{NULL,NULL,silver,gold}', NULL);

INSERT INTO page VALUES ('compliance', '{"compliance": {"market": "CN", "max_level": 2},
 "rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%", "3%", "2%"]}]}');
INSERT INTO sentence (place, path, amount, pays, currency, states, ranks, facts) VALUES
	('compliance', '1.2.3.4', 100, 'sales 3 5.00, sales 2 3.00', NULL, NULL, NULL, NULL);

CREATE VIEW examples AS
	SELECT i, s.place, s.amount, s.currency, s.pays AS says, coalesce(p.pays, '') AS pays, s.pays = coalesce(p.pays, '') AS agrees
	FROM sentence s JOIN page USING (place) LEFT JOIN LATERAL (
		SELECT string_agg(format('%s %s %s', c.rule, c.member_id, c.amount), ', ' ORDER BY c.n) AS pays
		FROM commissions(page.plan || coalesce(s.change, '{}'), s.path, s.amount, s.currency, s.states, s.ranks, s.facts)
			WITH ORDINALITY c (rule, level, member_id, base, rate, amount, line, basis, n)) p ON true;
SELECT place, amount, currency, says, pays, agrees FROM examples ORDER BY i;
SELECT count(*) AS sentences, count(*) FILTER (WHERE NOT agrees) AS differ FROM examples;

--
-- The errors that the page shows
--
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT * FROM commissions('{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["5%", 20]}]}', '1.2.3', 100);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM commissions('{"rules": [{"name": "sales", "kind": "unilevel", "levles": ["5%"]}]}', '1.2.3', 100);
\echo :LAST_ERROR_SQLSTATE

DROP VIEW examples;
DROP TABLE sentence, page;
