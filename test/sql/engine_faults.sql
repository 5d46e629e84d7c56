--
-- What fuzzing and random plans have found in the engine, each with the sale that showed it
--
SET search_path = public, distributor;

-- a frozen member whose rank has no rate: it deducts nothing
SELECT rule, level, member_id, amount, reason FROM explain_commissions(
	'{"ranks": ["gold"], "rules": [{"name": "team", "kind": "differential", "rates": {"by_rank": {"gold": "20%"}}}]}',
	'1.2.3', 100, states => '{active,frozen,active}', ranks => '{NULL,NULL,gold}');
