-- Commissions for it: one program, one plan, two tables attached
\set QUIET on
CREATE EXTENSION distributor;
\unset QUIET
\pset tuples_only on

SELECT distributor.create_program('shop', currency => 'GBP');

SELECT distributor.set_plan('shop', '{"rules": [
	{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "2%"]}
]}');

SELECT distributor.attach_members('shop', 'users',
	id => 'id', sponsor => 'inviter_id', joined_at => 'joined_at');

SELECT distributor.attach_orders('shop', 'orders',
	key => 'id', member => 'buyer_id', amount => 'amount',
	occurred_at => 'paid_at', status => 'status', paid => '{paid}');
