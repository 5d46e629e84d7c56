-- One order: who earns from it, and why
\set QUIET on

-- The largest order of a buyer with more upline than the plan pays.
SELECT o.id AS order_id
FROM orders o JOIN shop.member m ON m.member_id = o.buyer_id
WHERE distributor.depth(m.path) BETWEEN 5 AND 8
ORDER BY o.amount DESC, o.id
LIMIT 1 \gset

SELECT o.id AS "order", o.buyer_id AS buyer, o.amount, o.paid_at::date AS paid, m.path AS "buyer's path"
FROM orders o JOIN shop.member m ON m.member_id = o.buyer_id
WHERE o.id = :'order_id';

SELECT member_id, rule, level, amount, currency
FROM shop.earnings WHERE order_key = :'order_id' ORDER BY level;

SELECT level, member_id, base, rate, amount, explanation
FROM distributor.explain('shop', :'order_id');
