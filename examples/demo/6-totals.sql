-- Nothing lost, nothing invented: the ledger against plain SQL over users and orders
\set QUIET on

-- The same plan computed without the extension, from the shop's own tables.
CREATE TEMP TABLE recomputed AS
WITH RECURSIVE rate(level, rate) AS (
	VALUES (1, 0.10), (2, 0.05), (3, 0.02)
), earned AS (
	SELECT o.id AS order_key, o.amount AS paid, 1 AS level, u.inviter_id AS member_id
	FROM orders o JOIN users u ON u.id = o.buyer_id
	UNION ALL
	SELECT e.order_key, e.paid, e.level + 1, u.inviter_id
	FROM earned e JOIN users u ON u.id = e.member_id
	WHERE e.level < 3
)
SELECT e.order_key, e.member_id, e.level, round(e.paid * r.rate, 2) AS amount
FROM earned e JOIN rate r USING (level)
WHERE e.member_id IS NOT NULL AND round(e.paid * r.rate, 2) <> 0;

-- Every row, not only the sums.
CREATE TEMP TABLE posted AS
SELECT order_key, member_id, level, amount FROM shop.earnings WHERE amount <> 0;

CREATE TEMP TABLE difference AS
(SELECT 'missing' AS problem, r.* FROM (TABLE recomputed EXCEPT ALL TABLE posted) r)
UNION ALL
(SELECT 'invented', p.* FROM (TABLE posted EXCEPT ALL TABLE recomputed) p);

SELECT to_char((SELECT count(*) FROM posted), 'FM999,999,990') AS "ledger rows",
	   to_char((SELECT sum(amount) FROM posted), 'FM999,999,990.00') AS "sum, GBP",
	   to_char((SELECT sum(amount) FROM recomputed), 'FM999,999,990.00') AS "recomputed, GBP",
	   CASE count(*) WHEN 0 THEN 'equal, row by row' ELSE 'DIFFERENT' END
		   AS "independent recomputation"
FROM difference;

SELECT to_char(sum(o.amount), 'FM999,999,990.00') AS "orders, GBP",
	   to_char((SELECT sum(amount) FROM shop.sale), 'FM999,999,990.00') AS "sales, GBP",
	   count(*) AS orders, (SELECT count(*) FROM shop.sale) AS sales
FROM orders o WHERE o.status = 'paid';

DO $$
BEGIN
	IF EXISTS (TABLE pg_temp.difference) THEN
		RAISE EXCEPTION 'the ledger is not what plain SQL computes from the same orders';
	END IF;
END
$$;
