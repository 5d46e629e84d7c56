-- Reports of a program: a team of about a thousand, and leaderboards of everybody.
-- As many members as the tree has and as many sales, in two months; the rows are
-- put in as a dump is.

CREATE FUNCTION bench.program(members bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM distributor.create_program('shop', 'CNY', time_zone => 'UTC');
	PERFORM distributor.pause('shop');
	PERFORM setseed(0.5);
	INSERT INTO shop.plan (version, valid_from, document, created_by)
	VALUES (1, '-infinity', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}', 'bench');
	INSERT INTO shop.member (member_id, sponsor_id, joined_at, path)
	SELECT b.id, distributor.sponsor_id(b.path), '2026-01-01'::timestamptz + b.id * interval '2 seconds', b.path FROM joined.by_btree b ORDER BY b.id;
	INSERT INTO shop.member_history (member_id, sponsor_id, valid_from, revision, change, state)
	SELECT m.member_id, m.sponsor_id, m.joined_at, 1, 'join', 'active' FROM shop.member m ORDER BY m.member_id;
	INSERT INTO shop.sale (sale_id, member_id, occurred_at, plan_version, order_key, amount, currency, path, author)
	SELECT s.n, m.member_id, '2026-09-01'::timestamptz + s.n * (interval '61 days' / (members + 1)), 1, s.n, s.amount, 'CNY', m.path, 'bench'
	FROM (SELECT n, 1 + floor(random() * members)::bigint AS member_id, round((random() * 1000)::numeric, 2) AS amount
		  FROM generate_series(1, members) n) s
	JOIN shop.member m ON m.member_id = s.member_id ORDER BY s.n;
	INSERT INTO shop.ledger (source_id, member_id, posted_at, level, source, rule, amount, currency)
	SELECT s.sale_id, distributor.sponsor_id(s.path), s.occurred_at, 1, 'sale', 'sales', round(s.amount / 100, 2), 'CNY'
	FROM shop.sale s WHERE distributor.depth(s.path) > 1 ORDER BY s.sale_id;
	-- one sale in fifty is refunded, a half or all of it
	INSERT INTO shop.refund (refund_id, occurred_at, refund_key, order_key, amount, author)
	SELECT s.sale_id, s.occurred_at, 'R' || s.sale_id, s.order_key, s.amount / (1 + s.sale_id % 2), 'bench' FROM shop.sale s WHERE s.sale_id % 50 = 7 AND s.amount > 0;
	INSERT INTO shop.refund_posting (refund_id, sale_id, amount)
	SELECT r.refund_id, r.refund_id, r.amount FROM shop.refund r;
	PERFORM distributor.resume('shop');
END $$;
SELECT bench.program(count(*)) FROM joined.by_btree;
VACUUM ANALYZE shop.program, shop.member, shop.member_history, shop.sale, shop.refund, shop.refund_posting, shop.ledger;

-- members with a team of a thousand, as near as there are
CREATE TABLE bench.leader AS
	SELECT r.member_id, r.team_size FROM distributor.team_rollup('SELECT path FROM shop.member') r
	WHERE r.team_size BETWEEN 900 AND 1100 ORDER BY abs(r.team_size - 1000), r.member_id LIMIT 10;

-- A question about each leader in turn, planned anew as a call is; quick ones are
-- asked again until a quarter of a second has passed.  The answer is how many
-- rows came.
CREATE PROCEDURE bench.report(subject text, contender text, round integer, query text, leaders boolean)
LANGUAGE plpgsql AS $$
DECLARE
	leader bigint;
	found bigint;
	answer bigint;
	asked integer := 0;
	started double precision := bench.now_us();
BEGIN
	IF leaders AND NOT EXISTS (SELECT FROM bench.leader) THEN
		RETURN;
	END IF;
	LOOP
		answer := 0;
		FOR leader IN SELECT member_id FROM bench.leader UNION ALL SELECT NULL WHERE NOT leaders LIMIT CASE WHEN NOT leaders THEN 1 END LOOP
			EXECUTE 'SELECT count(*) FROM (' || query || ') q' INTO found USING leader;
			answer := answer + found;
			asked := asked + 1;
		END LOOP;
		EXIT WHEN bench.now_us() - started > 250000;
	END LOOP;
	INSERT INTO bench.result VALUES ('report', 'joined', subject, contender, round, (bench.now_us() - started) / asked, answer, 0);
END $$;

CREATE TABLE bench.question (place integer, subject text, contender text, leaders boolean, query text);
INSERT INTO bench.question VALUES
(1, 'team', 'this', true, $q$SELECT * FROM distributor.team('shop', $1)$q$),
(2, 'team', 'recursive CTE', true, $q$
	WITH RECURSIVE down AS (
		SELECT member_id, 0 AS level FROM shop.member WHERE member_id = $1
	UNION ALL
		SELECT m.member_id, d.level + 1 FROM down d JOIN shop.member m ON m.sponsor_id = d.member_id),
	own AS MATERIALIZED (
		SELECT d.member_id, d.level, m.sponsor_id, m.rank, m.state, m.joined_at,
			(SELECT coalesce(sum(s.amount), 0) - coalesce(sum((SELECT sum(p.amount) FROM shop.refund_posting p WHERE p.sale_id = s.sale_id)), 0)
			 FROM shop.sale s WHERE s.member_id = d.member_id) AS volume
		FROM down d JOIN shop.member m USING (member_id)),
	up AS (
		SELECT member_id AS leader, sponsor_id, level, volume FROM own
	UNION ALL
		SELECT o.member_id, o.sponsor_id, o.level, u.volume FROM up u JOIN own o ON o.member_id = u.sponsor_id WHERE u.level > 0)
	SELECT o.*, t.volume AS team_volume FROM own o JOIN (SELECT leader, sum(volume) AS volume FROM up GROUP BY leader) t ON t.leader = o.member_id$q$),
(3, 'team as of a day', 'this', true, $q$SELECT * FROM distributor.team('shop', $1, as_of => '2026-10-01')$q$),
(4, 'team_by_level', 'this', true, $q$SELECT * FROM distributor.team_by_level('shop', $1)$q$),
(5, 'team_by_level, a month', 'this', true, $q$SELECT * FROM distributor.team_by_level('shop', $1, period => '2026-10')$q$),
(6, 'legs', 'this', true, $q$SELECT * FROM distributor.legs('shop', $1)$q$),
(7, 'leaderboard within it, personal_volume', 'this', true, $q$SELECT * FROM distributor.leaderboard('shop', 'personal_volume', '2026-10', 10, $1)$q$),
(8, 'leaderboard within it, team_volume', 'this', true, $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', '2026-10', 10, $1)$q$),
(9, 'leaderboard within it, commissions', 'this', true, $q$SELECT * FROM distributor.leaderboard('shop', 'commissions', '2026-10', 10, $1)$q$),
(10, 'leaderboard within it, recruits', 'this', true, $q$SELECT * FROM distributor.leaderboard('shop', 'recruits', '2026-01', 10, $1)$q$),
(11, 'inactive within it', 'this', true, $q$SELECT * FROM distributor.inactive('shop', since => '2026-10-15', scope => $1)$q$),
(12, 'team_tree', 'this', true, $q$SELECT * FROM distributor.team_tree('shop', $1)$q$),
(20, 'leaderboard, personal_volume of a month', 'this', false, $q$SELECT * FROM distributor.leaderboard('shop', 'personal_volume', '2026-10', 100)$q$),
(21, 'leaderboard, personal_volume of a month', 'bare GROUP BY, top 100', false, $q$
	SELECT member_id, sum(amount) FROM shop.sale WHERE occurred_at >= '2026-10-01Z' AND occurred_at < '2026-11-01Z' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100$q$),
(22, 'leaderboard, team_volume of a month', 'this', false, $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', '2026-10', 100)$q$),
(23, 'leaderboard, team_volume of a month', 'unnest, GROUP BY, top 100', false, $q$
	SELECT u.id, sum(amount) FROM shop.sale, unnest(distributor.member_ids(path)) AS u(id) WHERE occurred_at >= '2026-10-01Z' AND occurred_at < '2026-11-01Z' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100$q$),
(24, 'leaderboard, commissions of a month', 'this', false, $q$SELECT * FROM distributor.leaderboard('shop', 'commissions', '2026-10', 100)$q$),
(25, 'leaderboard, recruits', 'this', false, $q$SELECT * FROM distributor.leaderboard('shop', 'recruits', max_rows => 100)$q$),
(26, 'leaderboard, team_volume', 'this', false, $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', max_rows => 100)$q$),
(30, 'region, a day', 'this', false, $q$SELECT * FROM distributor.region('shop', 'region', '2026-10-05')$q$),
(31, 'promoters, a day', 'this', false, $q$SELECT * FROM distributor.promoters('shop', '{}', '2026-10-05')$q$),
(32, 'growth', 'this', false, $q$SELECT * FROM distributor.growth('shop')$q$),
(33, 'retention', 'this', false, $q$SELECT * FROM distributor.retention('shop')$q$),
(34, 'inactive, a page of 1000', 'this', false, $q$SELECT * FROM distributor.inactive('shop', since => '2026-10-15')$q$),
(35, 'compliance', 'this', false, $q$SELECT * FROM distributor.compliance('shop')$q$);
-- the past
INSERT INTO bench.question VALUES
(13, 'team_total as of a day', 'this', true, $q$SELECT * FROM distributor.team_total('shop', $1, as_of => '2026-10-01')$q$),
(14, 'team_tree as of a day', 'this', true, $q$SELECT * FROM distributor.team_tree('shop', $1, as_of => '2026-10-01')$q$),
(15, 'leaderboard within it as of a day, team_volume', 'this', true, $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', '2026-09', 10, $1, as_of => '2026-10-01')$q$),
(27, 'leaderboard as of a day, team_volume of a month', 'this', false, $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', '2026-09', 100, as_of => '2026-10-01')$q$),
(28, 'leaderboard as of a day, recruits', 'this', false, $q$SELECT * FROM distributor.leaderboard('shop', 'recruits', max_rows => 100, as_of => '2026-10-01')$q$);

CREATE PROCEDURE bench.reports(of_rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	FOR round IN 0 .. of_rounds LOOP
		FOR c IN SELECT * FROM bench.question ORDER BY place LOOP
			CALL bench.report(c.subject, c.contender, round, c.query, c.leaders);
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
CALL bench.reports(least(:rounds, 3));
