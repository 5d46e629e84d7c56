-- Who leads: a month's leaderboard, the strongest leader's team, and where the buyers are
\set QUIET on
\set ECHO queries

SELECT place, member_id, value AS "team sales, GBP"
FROM distributor.leaderboard('shop', 'team_volume', period => '2011-11', max_rows => 5);

SELECT place, member_id, value AS "commissions, GBP"
FROM distributor.leaderboard('shop', 'commissions', period => '2011-11', max_rows => 5);

SELECT level, members, joined, sales, volume
FROM distributor.team_by_level('shop', 13047, max_level => 5, period => '2011-11');

SELECT member_id, size, deepest, sales, volume
FROM distributor.legs('shop', 13047, max_rows => 5);

SELECT value AS country, buyers, sales, volume
FROM distributor.region('shop', 'country', '2011-11') ORDER BY volume DESC LIMIT 4;
\set ECHO none
