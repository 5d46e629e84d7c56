-- Leaderboards by team totals: of a month that is over, of the month at hand, and a bare scan of the same rows.
-- Of the program of the reports, which keeps totals from here on; as many sales
-- as members come in this month, beside those of the two months of old.

CREATE SCHEMA board;
SELECT distributor.pause('shop');
INSERT INTO shop.sale (sale_id, member_id, occurred_at, plan_version, order_key, amount, currency, path, author)
SELECT m.members + m.member_id, b.member_id, greatest(date_trunc('month', now(), 'UTC'), now() - m.member_id * interval '1 microsecond'), 1,
	'M' || m.member_id, 1 + abs(hashint8extended(m.member_id, 7) % 100000) / 100.0, 'CNY', b.path, 'bench'
FROM (SELECT n AS member_id, 1 + abs(hashint8extended(n, 5) % count(*) OVER ()) AS buyer, count(*) OVER () AS members
	  FROM (SELECT member_id AS n FROM shop.member) m) m
JOIN shop.member b ON b.member_id = m.buyer ORDER BY 1;
SELECT setval(pg_get_serial_sequence('shop.sale', 'sale_id'), (SELECT max(sale_id) FROM shop.sale)) WHERE pg_get_serial_sequence('shop.sale', 'sale_id') IS NOT NULL;
SELECT distributor.resume('shop');
SELECT distributor.keep_team_totals('shop');
VACUUM ANALYZE shop.program, shop.sale, shop.team_total, shop.team_delta;

-- the same rows, and nothing else
CREATE TABLE board.over AS SELECT member_id, volume FROM shop.team_total WHERE period = '2026-10-01' AND volume > 0;
CREATE TABLE board.open AS SELECT member_id, volume FROM shop.team_total WHERE period = date_trunc('month', now() AT TIME ZONE 'UTC')::date AND volume > 0;
VACUUM ANALYZE board.over, board.open;

-- Quick ones are asked again until a quarter of a second has passed.
CREATE PROCEDURE board.ask(subject text, contender text, round integer, query text)
LANGUAGE plpgsql AS $$
DECLARE
	answer bigint;
	digest bigint;
	asked integer := 0;
	started double precision := bench.now_us();
BEGIN
	LOOP
		EXECUTE 'SELECT count(*), bit_xor(hashint8extended(q.member_id, q.place)) FROM (' || query || ') q' INTO answer, digest;
		asked := asked + 1;
		EXIT WHEN bench.now_us() - started > 250000;
	END LOOP;
	INSERT INTO bench.result VALUES ('board', 'joined', subject, contender, round, (bench.now_us() - started) / asked, answer, coalesce(digest, 0));
END $$;

CREATE TABLE board.question (place integer, subject text, contender text, query text);
INSERT INTO board.question VALUES
(1, 'a month that is over', 'this', $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', '2026-10')$q$),
(2, 'a month that is over', 'by the sales', $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', "from" => '2026-10-01Z', "to" => '2026-10-31 23:59:59.999999Z')$q$),
(3, 'a month that is over', 'bare scan', $q$SELECT rank() OVER (ORDER BY volume DESC) AS place, member_id FROM (SELECT * FROM board.over ORDER BY volume DESC, member_id LIMIT 100) b$q$),
(4, 'a month that is over, own volume', 'this', $q$SELECT * FROM distributor.leaderboard('shop', 'personal_volume', '2026-10')$q$),
(5, 'a month that is over, own volume', 'by the sales', $q$SELECT * FROM distributor.leaderboard('shop', 'personal_volume', "from" => '2026-10-01Z', "to" => '2026-10-31 23:59:59.999999Z')$q$),
(6, 'the month at hand', 'this', $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', 'this month')$q$),
(7, 'the month at hand', 'bare scan', $q$SELECT rank() OVER (ORDER BY volume DESC) AS place, member_id FROM (SELECT * FROM board.open ORDER BY volume DESC, member_id LIMIT 100) b$q$),
(8, 'the month at hand, the page behind place 100,000', 'this', $q$
	SELECT l.* FROM (SELECT volume, member_id FROM board.open ORDER BY volume DESC, member_id OFFSET least(99999, (SELECT count(*) / 2 FROM board.open)) LIMIT 1) b,
		LATERAL distributor.leaderboard('shop', 'team_volume', 'this month', after_value => b.volume, after_member => b.member_id) l$q$);

CREATE PROCEDURE board.race(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	q record;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR q IN SELECT * FROM board.question ORDER BY place LOOP
			CALL board.ask(q.subject, q.contender, round, q.query);
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
CALL board.race(least(:rounds, 3));

-- beside changes that are not folded
DO $$ BEGIN
	PERFORM distributor.record_sale('shop', 'N' || n, 1 + n * 17 % (SELECT count(*) FROM shop.member), 10.00) FROM generate_series(1, 1000) n;
END $$;
INSERT INTO board.question VALUES
(9, 'the month at hand, a thousand sales not folded', 'this', $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', 'this month')$q$),
(10, 'the month at hand, a thousand sales not folded', 'by the sales', $q$SELECT * FROM distributor.leaderboard('shop', 'team_volume', "from" => date_trunc('month', now(), 'UTC'))$q$);
DELETE FROM board.question WHERE place < 9;
CALL board.race(least(:rounds, 3));
DROP SCHEMA board CASCADE;
