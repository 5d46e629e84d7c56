-- One team, drawn
\set QUIET on

-- A team of a size that fits a screen: of those the one with most leaders.
SELECT m.member_id AS leader
FROM shop.member m
JOIN shop.member d ON d.path OPERATOR(distributor.<@) m.path
GROUP BY m.member_id
HAVING count(*) BETWEEN 15 AND 24
ORDER BY count(DISTINCT d.sponsor_id) DESC, m.member_id
LIMIT 1 \gset

SELECT tree, people, personal_volume AS "own sales", team_volume AS "team sales"
FROM distributor.team_tree('shop', :leader, max_level => 20);

-- The largest of all, its smaller branches folded.
SELECT tree, people, team_volume AS "team sales"
FROM distributor.team_tree('shop', 13047, max_level => 2, max_width => 3);
