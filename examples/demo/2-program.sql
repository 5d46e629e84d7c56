-- Commissions for it: one program, one plan, two tables attached
\set QUIET on
\set ECHO queries

CREATE EXTENSION distributor;
SET search_path = public, distributor;

SELECT distributor.create_program('shop', currency => 'GBP');

SELECT distributor.set_plan('shop', '{"rules": [
	{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "2%"]}
]}') AS plan_version;

SELECT distributor.attach_members('shop', 'users',
	id => 'id', sponsor => 'inviter_id', joined_at => 'joined_at') AS members;

SELECT distributor.attach_orders('shop', 'orders',
	key => 'id', member => 'buyer_id', amount => 'amount',
	occurred_at => 'paid_at', status => 'status', paid => '{paid}',
	attributes => '{country}') AS orders_posted;
