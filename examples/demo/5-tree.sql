-- One team, drawn
\set QUIET on
\pset format unaligned
\pset tuples_only on

-- A team of a size that fits a screen: the one with most levels of those.
SELECT m.member_id AS leader
FROM shop.member m
JOIN shop.member d ON d.path OPERATOR(distributor.<@) m.path
GROUP BY m.member_id
HAVING count(*) BETWEEN 15 AND 24
ORDER BY max(distributor.depth(d.path)) - min(distributor.depth(d.path)) DESC, m.member_id
LIMIT 1 \gset

WITH RECURSIVE team AS (
	SELECT m.member_id, m.sponsor_id,
		   coalesce((SELECT sum(amount) FROM shop.earnings e WHERE e.member_id = m.member_id), 0) AS earned,
		   lead(m.member_id) OVER (PARTITION BY m.sponsor_id ORDER BY m.path) IS NULL AS is_last
	FROM shop.member m, shop.member leader
	WHERE leader.member_id = :leader AND m.path OPERATOR(distributor.<@) leader.path
), drawn AS (
	SELECT member_id, ARRAY[member_id] AS place, '' AS line, '' AS indent, earned
	FROM team WHERE member_id = :leader
	UNION ALL
	SELECT t.member_id, d.place || t.member_id,
		   d.indent || CASE WHEN t.is_last THEN '└── ' ELSE '├── ' END,
		   d.indent || CASE WHEN t.is_last THEN '    ' ELSE '│   ' END,
		   t.earned
	FROM drawn d JOIN team t ON t.sponsor_id = d.member_id
)
SELECT rpad(line || member_id, 40) || lpad(to_char(earned, 'FM999,990.00'), 10)
FROM drawn ORDER BY place;
