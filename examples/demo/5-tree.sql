-- One team, drawn
\set QUIET on
\pset format unaligned
\pset tuples_only on

-- A team of a size that fits a screen: of those the one with most leaders.
SELECT m.member_id AS leader
FROM shop.member m
JOIN shop.member d ON d.path OPERATOR(distributor.<@) m.path
GROUP BY m.member_id
HAVING count(*) BETWEEN 15 AND 24
ORDER BY count(DISTINCT d.sponsor_id) DESC, m.member_id
LIMIT 1 \gset

WITH RECURSIVE team AS (
	SELECT t.*, lead(member_id) OVER (PARTITION BY sponsor_id ORDER BY path) IS NULL AS is_last
	FROM distributor.team('shop', :leader) t
), drawn AS (
	SELECT member_id, path, member_id::text AS line, '' AS indent, personal_volume, team_volume
	FROM team WHERE level = 0
	UNION ALL
	SELECT t.member_id, t.path,
		   d.indent || CASE WHEN t.is_last THEN '└── ' ELSE '├── ' END || t.member_id,
		   d.indent || CASE WHEN t.is_last THEN '    ' ELSE '│   ' END,
		   t.personal_volume, t.team_volume
	FROM drawn d JOIN team t ON t.sponsor_id = d.member_id
)
SELECT format('%s%s%s', rpad('member', 44), lpad('own sales', 12), lpad('team sales', 12))
UNION ALL
(SELECT format('%s%s%s', rpad(line, 44),
			   lpad(to_char(personal_volume, 'FM999,990.00'), 12),
			   lpad(to_char(team_volume, 'FM999,990.00'), 12))
 FROM drawn ORDER BY path);
