-- The ten largest teams
\set QUIET on

SELECT rank() OVER (ORDER BY s.volume DESC) AS "#", t.*, s.orders, s.volume, e.earned AS "earned by the team"
FROM (SELECT distributor.root_id(path) AS leader, count(*) AS members,
			 max(distributor.depth(path)) - 1 AS levels
	  FROM shop.member GROUP BY 1) t
JOIN (SELECT distributor.root_id(path) AS leader, count(*) AS orders, sum(amount) AS volume
	  FROM shop.sale GROUP BY 1) s USING (leader)
LEFT JOIN (SELECT distributor.root_id(m.path) AS leader, sum(e.amount) AS earned
		   FROM shop.earnings e JOIN shop.member m USING (member_id) GROUP BY 1) e USING (leader)
ORDER BY s.volume DESC, t.leader
LIMIT 10;
