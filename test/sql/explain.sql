--
-- A sentence for every reason and every kind of payment
--
SET search_path = public, distributor;
\set VERBOSITY terse

-- what was said so far, to see in the end that nothing was left out
CREATE TABLE ex_seen (reason text, limited_by text);
CREATE FUNCTION ex_explain(rules text, path refpath, amount numeric, states text[] DEFAULT NULL, ranks text[] DEFAULT NULL, sale jsonb DEFAULT NULL, currency text DEFAULT 'CNY', more text DEFAULT '')
RETURNS TABLE (said text) LANGUAGE plpgsql AS $$
DECLARE
	line record;
BEGIN
	FOR line IN SELECT * FROM explain_commissions(('{"ranks": ["silver", "gold"], ' || more || '"rules": [' || rules || ']}')::jsonb, path, amount, currency, states, ranks, sale) LOOP
		INSERT INTO ex_seen VALUES (line.reason, line.limited_by);
		said := line.reason || coalesce(' (' || line.limited_by || ')', '') || ': ' || line.explanation;
		RETURN NEXT;
	END LOOP;
END
$$;

-- unilevel, states, rates
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "self": "1%", "levels": ["10%", "0%", "5%", "5%", "0.001%", "5%"]}', '1.2.3.4.5.6', 100, '{active,frozen,active,left}');
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "levels": ["10%"]}', '1.2', 0.10, currency => NULL);
-- fixed amounts
SELECT * FROM ex_explain('{"name": "gift", "kind": "unilevel", "levels": [{"fixed": 8.80}, {"fixed": {"USD": 3}}, {"fixed": 1}]}', '1.2.3', 100);
SELECT * FROM ex_explain('{"name": "gift", "kind": "unilevel", "per_unit": true, "levels": [{"fixed": 8.80}, "1%"]}', '1.2.3', 100, '{active,frozen}', sale => '{"attributes": {"quantity": 3}}');
-- qualification
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "min_rank": "silver", "depth_by_rank": {"silver": 1}, "levels": ["10%", "5%", {"by_rank": {"silver": "1%"}}]}', '1.2.3.4', 100, ranks => '{NULL,NULL,silver,gold}');
-- compression
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "min_rank": "silver", "compression": {"mode": "dynamic"}, "levels": ["10%"]}', '1.2.3.4.5', 100, '{active,frozen,left}', ranks => '{NULL,gold,gold,NULL,gold}');
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "compression": {"mode": "standard", "skipped_level": "rolls_up"}, "levels": ["10%", "5%"]}', '1.2.3.4', 100, '{active,frozen}');
-- highest level
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"]}', '1.2.3', 100, more => '"compliance": {"max_level": 1}, ');
-- differential and peer
SELECT * FROM ex_explain('{"name": "team", "kind": "differential", "rates": {"by_rank": {"silver": "10%", "gold": "15%"}}},
	{"name": "peer", "kind": "peer", "levels": ["10%"], "of": "first_peer", "income": ["team"]}', '1.2.3.4.5.6', 100, ranks => '{NULL,silver,silver,gold,gold,gold}');
SELECT * FROM ex_explain('{"name": "peer", "kind": "peer", "levels": ["10%"]}', '1.2.3.4', 100, ranks => '{NULL,gold,silver,gold}');
-- no double dip
SELECT * FROM ex_explain('{"name": "a", "kind": "unilevel", "levels": ["10%"], "group": "g"}, {"name": "b", "kind": "unilevel", "levels": ["5%", "5%"], "group": "g"}', '1.2.3', 100);
-- split
SELECT * FROM ex_explain('{"name": "pool", "kind": "split", "budget": "40%", "levels": ["50%", "30%", "20%"], "missing": {"member": 9}}', '1.2.3', 100, '{active,frozen}');
SELECT * FROM ex_explain('{"name": "pool", "kind": "split", "budget": "40%", "levels": ["50%", "50%"], "missing": "rolls_up"}', '1.2.3', 100, '{active,frozen}');
-- override, pass_up, rotation
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "levels": ["20%", "10%"]}, {"name": "match", "kind": "override", "of": ["sales"], "levels": ["10%"]}', '1.2.3.4', 100);
SELECT * FROM ex_explain('{"name": "up", "kind": "pass_up", "passes": 1, "keep": "40%", "retain": "5%", "pass": "30%"}', '1.2.3', 100, sale => '{"counters": {"recruit_numbers": [1, 1]}}');
SELECT * FROM ex_explain('{"name": "turn", "kind": "rotation", "rate": "10%", "levels": 2, "after": "stop"}', '1.2.3', 100, sale => '{"counters": {"order_number": 3}}');
-- conditions, variants, base, once
SELECT * FROM ex_explain('{"name": "north", "kind": "unilevel", "when": {"region": "north"}, "levels": ["10%"]},
	{"name": "goods", "kind": "unilevel", "per": "line", "levels": ["10%"], "variants": [{"when": {"product": "voucher"}, "pays": false}]},
	{"name": "margin", "kind": "unilevel", "per": "line", "base": "profit", "levels": ["10%"]},
	{"name": "once", "kind": "unilevel", "once_per_buyer": true, "levels": ["10%"]}', '1.2', 100,
	sale => '{"counters": {"applied": {"once": 1}}, "lines": [{"product": "tea", "amount": 60, "cost": 20}, {"product": "voucher", "amount": 30}, {"amount": 10, "cost": 10}]}');
-- minimum, caps, residue, guard
SELECT * FROM ex_explain('{"name": "small", "kind": "unilevel", "min_payable": 1, "levels": ["0.5%"]}', '1.2', 100);
SELECT * FROM ex_explain('{"name": "sales", "kind": "unilevel", "levels": ["10%", "10%"], "caps": {"sale": 15}},
	{"name": "month", "kind": "unilevel", "levels": ["10%", "10%"], "caps": {"member_month": 15}}', '1.2.3', 100, sale => '{"counters": {"earned": {"month": {"member_month": {"2": 10, "1": 15}}}}}');
SELECT * FROM ex_explain('{"name": "third", "kind": "unilevel", "levels": ["25%", "25%", "25%", "25%"], "residue": "last"}', '1.2.3.4.5', 301.50);
SELECT * FROM ex_explain('{"name": "gift", "kind": "unilevel", "levels": [{"fixed": 8}, {"fixed": 4}]}', '1.2.3', 60, more => '"guard": {"max_share": "10%"}, ');
SELECT * FROM ex_explain('{"name": "gift", "kind": "unilevel", "levels": [{"fixed": 8}, {"fixed": 4}]}', '1.2.3', 60, more => '"guard": {"max_share": "10%", "excess": "priority"}, ');

-- every reason of doc/plan.md has been seen
SELECT string_agg(DISTINCT reason, ' ' ORDER BY reason) AS reasons, count(DISTINCT reason) FROM ex_seen;
SELECT string_agg(DISTINCT limited_by, ' ' ORDER BY limited_by) AS limits FROM ex_seen;
DROP TABLE ex_seen;
DROP FUNCTION ex_explain;
