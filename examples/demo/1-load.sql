-- A shop's own tables: members with their inviter, orders of real customers
\set QUIET on

CREATE TABLE users (
	id			bigint PRIMARY KEY,
	inviter_id	bigint REFERENCES users,
	joined_at	timestamptz
);

CREATE TABLE orders (
	id			text PRIMARY KEY,
	buyer_id	bigint NOT NULL REFERENCES users,
	amount		numeric(12,2) NOT NULL,
	status		text NOT NULL,
	country		text,
	paid_at		timestamptz
);

CREATE TEMP TABLE order_line (
	invoice		text,
	stock_code	text,
	quantity	int,
	invoiced_at	timestamptz,
	unit_price	numeric,
	customer_id	bigint,
	country		text
);

\copy users FROM PROGRAM 'gzip -dc test/data/members.csv.gz' (FORMAT csv, HEADER)
\copy order_line FROM PROGRAM 'gzip -dc test/data/order_lines.csv.gz' (FORMAT csv, HEADER)

-- An order is an invoice.  An invoice whose number begins with C is a
-- cancellation: left out until the shop's refunds are recorded too.
INSERT INTO orders
SELECT invoice, min(customer_id), round(sum(quantity * unit_price), 2), 'paid',
	   min(country), min(invoiced_at)
FROM order_line
WHERE invoice NOT LIKE 'C%'
GROUP BY invoice
HAVING count(DISTINCT customer_id) = 1;

ANALYZE users, orders;

SELECT (SELECT count(*) FROM users) AS members,
	   (SELECT count(*) FROM users WHERE inviter_id IS NULL) AS "without inviter",
	   count(*) AS orders,
	   to_char(sum(amount), 'FM999,999,990.00') AS "paid, GBP",
	   count(*) FILTER (WHERE amount = 0) AS "orders of 0.00",
	   (SELECT count(DISTINCT invoice) FROM order_line WHERE invoice LIKE 'C%') AS "cancellations left out",
	   (SELECT count(DISTINCT invoice) FROM order_line WHERE invoice NOT LIKE 'C%') - count(*)
		   AS "of several customers, left out"
FROM orders \gx
