-- results.md, from what was measured.  No figure of contenders that disagree.
--
--	:machine	what it ran on

\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off

CREATE VIEW bench.disagreement AS
	SELECT topic, loaded, subject, string_agg(DISTINCT format('%s found %s rows (%s)', contender, answer, digest), '; ') AS detail
	FROM bench.result GROUP BY topic, loaded, subject HAVING count(DISTINCT (answer, digest)) > 1;

CREATE VIEW bench.median AS
	SELECT topic, loaded, subject, contender, min(place) AS place, max(answer) AS answer, count(*) AS rounds,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS us
	FROM bench.result r LEFT JOIN bench.contender c USING (topic, loaded, subject, contender)
	WHERE round > 0 AND NOT EXISTS (SELECT FROM bench.disagreement d WHERE (d.topic, d.loaded, d.subject) = (r.topic, r.loaded, r.subject))
	GROUP BY topic, loaded, subject, contender;

-- three significant digits
CREATE FUNCTION bench.digits(x double precision) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN x >= 100 THEN round(x)::text WHEN x >= 10 THEN round(x::numeric, 1)::text ELSE round(x::numeric, 2)::text END $$;

-- the rows of a Markdown table: contenders down, subjects across
CREATE FUNCTION bench.grid(of_topic text, of_loaded text, subjects text[], unit double precision) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT format('| %s |%s', contender,
		string_agg(coalesce(' ' || bench.digits(m.us / unit), ' -') || ' |', '' ORDER BY i))
	FROM (SELECT contender, min(place) AS place FROM bench.median WHERE topic = of_topic AND loaded = of_loaded GROUP BY 1) c
		CROSS JOIN unnest(subjects) WITH ORDINALITY AS s(subject, i)
		LEFT JOIN bench.median m USING (contender, subject)
	WHERE m.topic IS NULL OR (m.topic = of_topic AND m.loaded = of_loaded)
	GROUP BY contender, c.place ORDER BY c.place, contender $$;

\qecho '# Benchmarks'
\qecho
SELECT format('%s members, mean depth %s, deepest %s, largest tree %s members. %s. %s.',
	count(*), round(avg(distributor.depth(path)), 1), max(distributor.depth(path)),
	(SELECT max(n) FROM (SELECT count(*) AS n FROM joined.by_btree GROUP BY distributor.root_id(path)) s), version, :'machine')
FROM joined.by_btree, substring(version() FROM '^PostgreSQL [0-9.]+') AS version GROUP BY version;
\qecho
SELECT format('Written by `make bench`. Medians of %s runs, contenders in turn within each; all answers agree. Everything is in memory. Times are %s.',
	(SELECT min(rounds) FROM bench.median WHERE topic = 'team'),
	CASE WHEN pg_stat_file('/proc/self/schedstat', true) IS NULL THEN 'by the clock' ELSE 'of the processor' END);
\qecho
\qecho '## Ratios'
\qecho
\qecho '| what | ratio | goal |'
\qecho '|---|---|---|'
WITH wanted(i, what, topic, loaded, subject, slow, fast, goal) AS (VALUES
	(10, 'team of any member: ltree''s GiST / GiST', 'team', 'joined', 'any', 'ltree, GiST', 'this, GiST', '>= 18'),
	(11, 'team of an early member', 'team', 'joined', 'early', 'ltree, GiST', 'this, GiST', '>= 18'),
	(12, 'team of a deep member', 'team', 'joined', 'deep', 'ltree, GiST', 'this, GiST', '>= 18'),
	(13, 'the same, any, rows in random order', 'team', 'shuffled', 'any', 'ltree, GiST', 'this, GiST', '>= 3'),
	(20, 'team of any member: ltree''s GiST / B-tree', 'team', 'joined', 'any', 'ltree, GiST', 'this, B-tree', '>= 26'),
	(21, 'team of any member: recursive CTE / B-tree', 'team', 'joined', 'any', 'recursive CTE', 'this, B-tree', '>= 8'),
	(22, 'team of any member: closure table / B-tree', 'team', 'joined', 'any', 'closure table', 'this, B-tree', ''),
	(30, 'team of any member: GiST / B-tree on bytes', 'team', 'joined', 'any', 'this, GiST', 'bytes, B-tree', '<= 1.7'),
	(31, 'team of an early member', 'team', 'joined', 'early', 'this, GiST', 'bytes, B-tree', '<= 1.7'),
	(32, 'team of a deep member', 'team', 'joined', 'deep', 'this, GiST', 'bytes, B-tree', '<= 1.7'),
	(33, 'team of any member: B-tree / B-tree on bytes', 'team', 'joined', 'any', 'this, B-tree', 'bytes, B-tree', '<= 1.15'),
	(34, 'team of an early member', 'team', 'joined', 'early', 'this, B-tree', 'bytes, B-tree', '<= 1.15'),
	(35, 'team of a deep member', 'team', 'joined', 'deep', 'this, B-tree', 'bytes, B-tree', '<= 1.15'),
	(40, 'uplines of any member: ltree''s GiST / GiST', 'uplines', 'joined', 'any', 'ltree, GiST', 'this, GiST', '>= 32'),
	(41, 'uplines of a deep member', 'uplines', 'joined', 'deep', 'ltree, GiST', 'this, GiST', '>= 32'),
	(42, 'the same, any, rows in random order', 'uplines', 'shuffled', 'any', 'ltree, GiST', 'this, GiST', '>= 3'),
	(43, 'uplines of any member: B-tree / primary key', 'uplines', 'joined', 'any', 'this, B-tree', 'this, primary key', '<= 1.3'),
	(44, 'uplines of any member: recursive CTE / B-tree', 'uplines', 'joined', 'any', 'recursive CTE', 'this, B-tree', '> 1'),
	(50, 'counting a large team: B-tree / B-tree on bytes', 'count', 'joined', 'large', 'this, B-tree', 'bytes, B-tree', '<= 1.2'),
	(51, 'counting a large team: ltree''s GiST / B-tree', 'count', 'joined', 'large', 'ltree, GiST', 'this, B-tree', ''),
	(60, 'building GiST: ltree / this', 'build', 'joined', 'GiST', 'ltree', 'this', '>= 6'),
	(61, 'building B-tree: this / bytes', 'build', 'joined', 'B-tree', 'this', 'bytes', ''),
	(62, 'random insertions into GiST: this / ltree', 'insert', 'shuffled', 'random', 'this, GiST', 'ltree, GiST', '<= 0.85'),
	(63, 'moving a team: graft / bare UPDATE', 'move', 'joined', 'team', 'graft', 'bare', '<= 1.1'),
	(80, 'commissions on three levels: plain SQL / commissions()', 'commissions', 'joined', 'three levels', 'plain SQL', 'this', '>= 1'),
	(81, 'differential over 20 uplines: PL/pgSQL / commissions()', 'commissions', 'joined', 'differential', 'PL/pgSQL', 'this', '>= 10')),
ratio AS (
	SELECT i, what, s.us / nullif(f.us, 0) AS ratio, goal FROM wanted w
		JOIN bench.median s ON (s.topic, s.loaded, s.subject, s.contender) = (w.topic, w.loaded, w.subject, w.slow)
		JOIN bench.median f ON (f.topic, f.loaded, f.subject, f.contender) = (w.topic, w.loaded, w.subject, w.fast)
UNION ALL
	SELECT i, what, g.us / nullif(b.us, 0), '<= 1.5'
	FROM (VALUES (64, 'team, in GiST: grown by random insertion / built at once', 'grown team'), (65, 'uplines, likewise', 'grown uplines')) AS w(i, what, topic)
		JOIN bench.median g ON (g.topic, g.loaded, g.contender) = (w.topic, 'grown', 'this, GiST')
		JOIN bench.median b ON (b.topic, b.loaded, b.contender) = (w.topic, 'built', 'this, GiST')
UNION ALL
	SELECT i, w.what, a.bytes::double precision / b.bytes, goal
	FROM (VALUES (70, 'size of GiST: ltree / this', 'joined', 'ltree', 'joined', 'this', '>= 3'),
		(71, 'size of GiST: grown by random insertion / built at once', 'grown', 'this', 'built', 'this', '<= 1.6')) AS w(i, what, la, ca, lb, cb, goal)
		JOIN bench.size a ON (a.what, a.loaded, a.contender) = ('GiST', w.la, w.ca)
		JOIN bench.size b ON (b.what, b.loaded, b.contender) = ('GiST', w.lb, w.cb))
SELECT format('| %s | %s | %s |', what, coalesce(bench.digits(ratio), '-'), goal) FROM ratio ORDER BY i;

\qecho
\qecho '## Team of a member, microseconds a query, rows fetched'
\qecho
SELECT 'Rows a team: ' || string_agg(format('%s %s', kind, round((SELECT max(answer) FROM bench.median WHERE topic = 'team' AND subject = kind) / n, 1)), ', ' ORDER BY kind)
	|| format('; %s on average of all members.', (SELECT round(avg(distributor.depth(path)), 1) FROM joined.by_btree))
FROM (SELECT kind, count(*)::numeric AS n FROM bench.sample GROUP BY 1) s;
\qecho
\qecho '| rows in the order of joining | any | early | deep |'
\qecho '|---|---|---|---|'
SELECT bench.grid('team', 'joined', '{any,early,deep}', 1);
\qecho
\qecho '| rows in random order | any | early | deep |'
\qecho '|---|---|---|---|'
SELECT bench.grid('team', 'shuffled', '{any,early,deep}', 1);
\qecho
\qecho '## Uplines of a member, microseconds a query, rows fetched'
\qecho
\qecho '| rows in the order of joining | any | early | deep |'
\qecho '|---|---|---|---|'
SELECT bench.grid('uplines', 'joined', '{any,early,deep}', 1);
\qecho
\qecho '| rows in random order | any | early | deep |'
\qecho '|---|---|---|---|'
SELECT bench.grid('uplines', 'shuffled', '{any,early,deep}', 1);
\qecho
SELECT format('## Counting a team of %s, milliseconds', max(answer)) FROM bench.median WHERE topic = 'count';
\qecho
\qecho '| | |'
\qecho '|---|---|'
SELECT bench.grid('count', 'joined', '{large}', 1000);
\qecho
SELECT format('## Fetching the %s, milliseconds', max(answer)) FROM bench.median WHERE topic = 'fetch';
\qecho
\qecho '| | |'
\qecho '|---|---|'
SELECT bench.grid('fetch', 'joined', '{large}', 1000);
\qecho
\qecho '## Building an index, seconds'
\qecho
\qecho '| rows in the order of joining | GiST | B-tree |'
\qecho '|---|---|---|'
SELECT bench.grid('build', 'joined', '{GiST,B-tree}', 1e6);
\qecho
\qecho '## Sizes, MB; a path in bytes'
\qecho
\qecho '| | path | table | GiST | B-tree |'
\qecho '|---|---|---|---|---|'
SELECT format('| %s | %s | %s | %s | %s |', contender, coalesce(max(bytes) FILTER (WHERE what = 'path')::text, '-'),
	coalesce(round(max(bytes) FILTER (WHERE what = 'table') / 1048576.0)::text, '-'),
	coalesce(round(max(bytes) FILTER (WHERE what = 'GiST') / 1048576.0)::text, '-'),
	coalesce(round(max(bytes) FILTER (WHERE what = 'B-tree') / 1048576.0)::text, '-'))
FROM bench.size WHERE loaded = 'joined' GROUP BY contender ORDER BY contender = 'this' DESC, contender;
\qecho
SELECT format('## Inserting %s paths in random order, seconds', max(answer)) FROM bench.median WHERE topic = 'insert';
\qecho
\qecho '| | |'
\qecho '|---|---|'
SELECT bench.grid('insert', 'shuffled', '{random}', 1e6);
\qecho
\qecho '## Commissions of many sales, seconds'
\qecho
\qecho '| | three levels | differential |'
\qecho '|---|---|---|'
SELECT bench.grid('commissions', 'joined', '{three levels,differential}', 1e6);
\qecho
\qecho '## Posting orders'
\qecho
SELECT format('A plan of three levels; %s entries of the ledger for a statement of %s orders, %s for single ones. Microseconds for an order, seconds for the statement; the orders themselves are in all of them.',
	(SELECT max(answer) FROM bench.median WHERE topic = 'posting' AND subject = 'many'), (SELECT count(*) FROM posting.new_order),
	(SELECT max(answer) FROM bench.median WHERE topic = 'posting' AND subject = 'one'));
\qecho
\qecho '| | one | many |'
\qecho '|---|---|---|'
SELECT format('| %s | %s | %s |', what, bench.digits(max(us) FILTER (WHERE subject LIKE '%one')), bench.digits(max(us) FILTER (WHERE subject LIKE '%many') / 1e6))
FROM bench.median JOIN (VALUES (1, 'bare', 'no trigger'), (2, 'by_row', 'row trigger, recursive CTE; ledger alone'), (3, 'by_set', 'statement trigger, joins; ledger alone'),
	(4, 'this', 'this, with sales and their keys')) AS v(i, contender, what) USING (contender)
WHERE topic = 'posting' GROUP BY i, what ORDER BY i;
\qecho
\qecho '| what | ratio | goal |'
\qecho '|---|---|---|'
WITH us AS (SELECT subject, contender, us FROM bench.median WHERE topic = 'posting')
SELECT format('| %s | %s | %s |', what, bench.digits(ratio), goal) FROM (
	SELECT 1, 'what a single order takes beyond its insertion: this / row trigger', (t.us - b.us) / (r.us - b.us), '<= 0.6'
	FROM us t, us r, us b WHERE (t.subject, t.contender, r.subject, r.contender, b.subject) = ('one', 'this', 'one', 'by_row', 'bare one')
	UNION ALL
	SELECT 2, 'many orders: this / statement trigger', t.us / s.us, '<= 1'
	FROM us t, us s WHERE (t.subject, t.contender, s.subject, s.contender) = ('many', 'this', 'many', 'by_set')
	UNION ALL
	SELECT 3, 'orders a second of 8 connections under one root: this / as many rows inserted bare', t.tps / b.tps, '>= 0.8'
	FROM (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY orders_per_second) FROM bench.throughput WHERE round > 0 AND contender = 'this') t(tps),
		(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY orders_per_second) FROM bench.throughput WHERE round > 0 AND contender = 'bare') b(tps)
	UNION ALL
	SELECT 4, 'memory of a session after a million orders / after the first statement',
		(SELECT bytes FROM bench.memory ORDER BY orders DESC LIMIT 1)::double precision / (SELECT bytes FROM bench.memory ORDER BY orders LIMIT 1), '<= 1.1'
	) AS v(i, what, ratio, goal) ORDER BY i;
\qecho
SELECT format('Of the 8 connections, %s were seen waiting for a lock in %s looks.', sum(lock_waits), sum(looks)) FROM bench.throughput WHERE contender = 'this';
\qecho
\qecho '## What the planner chooses'
\qecho
\qecho 'On a table with both indexes, and what an index scan takes where there is only the one, microseconds.'
\qecho
\qecho '| | chosen | B-tree alone | GiST alone |'
\qecho '|---|---|---|---|'
SELECT format('| %s | %s | %s | %s |', question,
	CASE WHEN plan LIKE '%by_both_btree%' THEN 'B-tree' WHEN plan LIKE '%by_both_gist%' THEN 'GiST' ELSE 'neither' END,
	CASE WHEN wanted = 'gist' THEN '-' ELSE bench.digits(btree_us) END, bench.digits(gist_us))
FROM bench.choice ORDER BY place;
\qecho
\qecho '```text'
SELECT '-- ' || question || E'\n' || plan FROM bench.choice ORDER BY place;
\qecho '```'
\qecho
SELECT format('## Rolling up the whole tree: %s members, as many sales', max(answer)) FROM bench.median WHERE topic = 'rollup';
\qecho
\qecho '| what | seconds | ratio | goal |'
\qecho '|---|---|---|---|'
WITH wanted(i, what, subject, contender, other, goal) AS (VALUES
	(1, 'team size and volume of every member, digest of it', 'size and volume', 'this', NULL, ''),
	(2, 'the same by unnest and GROUP BY: times as long', 'size and volume', 'unnest, GROUP BY', 'this', ''),
	(3, 'the same by recursive CTE, from each member down: times as long', 'size and volume', 'recursive CTE, down', 'this', '>= 10'),
	(3, 'the same by recursive CTE, from each member up, its sales added up before: times as long', 'size and volume', 'recursive CTE, up', 'this', ''),
	(4, 'its rows: join and sort alone', 'sorted', 'sort and join', NULL, ''),
	(5, 'the rollup / join and sort', 'sorted', 'rollup', 'sort and join', '<= 1.2'),
	(6, 'with legs and five levels / join and sort', 'sorted', 'legs and levels', 'sort and join', '<= 1.5'),
	(7, 'the same rows by an index in order', 'in order', 'index scan', NULL, ''),
	(8, 'the rollup / that index scan', 'in order', 'rollup', 'index scan', '<= 3'),
	(9, 'these rows kept by the server, as those of any function in FROM are / that index scan', 'in order', 'kept', 'index scan', ''),
	(10, 'paths alone by an index in order', 'people in order', 'index scan', NULL, ''),
	(11, 'the rollup of people / that index scan', 'people in order', 'rollup', 'index scan', '<= 3'),
	(12, 'these paths kept by the server / that index scan', 'people in order', 'kept', 'index scan', ''))
SELECT format('| %s | %s | %s | %s |', what, bench.digits(m.us / 1e6), coalesce(bench.digits(m.us / nullif(o.us, 0)), '-'), goal)
FROM wanted w JOIN bench.median m ON (m.topic, m.subject, m.contender) = ('rollup', w.subject, w.contender)
	LEFT JOIN bench.median o ON (o.topic, o.subject, o.contender) = ('rollup', w.subject, w.other) ORDER BY i;
\qecho
\qecho 'Memory of the rollup: the peak of its session less that of one that asks for the same rows in the same order.'
\qecho
\qecho '| what | MB | goal |'
\qecho '|---|---|---|'
SELECT format('| %s | %s | <= 64 |', what, bench.digits(greatest(r.bytes - b.bytes, 0) / 1048576.0))
FROM bench.size r JOIN bench.size b USING (loaded, what)
WHERE loaded = 'rollup' AND r.contender = 'rollup' AND b.contender = 'rows' ORDER BY what DESC;
\qecho
\qecho '## Auditing a program: an order of each member, from an attached table'
\qecho
\qecho '| what | seconds | ratio | goal |'
\qecho '|---|---|---|---|'
SELECT format('| %s | %s | %s | %s |', what, bench.digits(m.us / 1e6), coalesce(bench.digits(m.us / nullif(o.us, 0)), '-'), goal)
FROM (VALUES (1, 'sales joined with their rows in the ledger, counted and added up', 'join', NULL, ''),
	(2, 'the whole audit / that join', 'audit', 'join', '<= 10')) AS w(i, what, contender, other, goal)
	JOIN bench.median m ON (m.topic, m.contender) = ('audit', w.contender)
	LEFT JOIN bench.median o ON (o.topic, o.contender) = ('audit', w.other) ORDER BY i;
\qecho
SELECT format('## Live totals: a team of %s', max(answer)) FROM bench.median WHERE topic = 'total';
\qecho
\qecho '| what | microseconds | ratio | goal |'
\qecho '|---|---|---|---|'
WITH wanted(i, what, topic, subject, contender, other, goal) AS (VALUES
	(1, 'its total, folded', 'total', 'the largest team', 'this, folded', NULL, '<= 50 us'),
	(2, 'with a thousand changes that are not folded', 'total', 'the largest team', 'this, 1000 changes', NULL, '<= 250 us'),
	(3, 'with those of as many orders as a tenth of all members', 'total', 'the largest team', 'this, many changes', NULL, ''),
	(4, 'folded, while a transaction is open that began before as many orders as a tenth of all members', 'total', 'the largest team', 'this, folded beside an old snapshot', 'this, folded', ''),
	(5, 'its people counted by ltree: times as long as folded', 'total', 'the largest team', 'ltree, GiST', 'this, folded', '>= 1000'),
	(6, 'by recursive CTE: times as long', 'total', 'the largest team', 'recursive CTE', 'this, folded', ''),
	(7, 'an order that is posted, one by one, without totals', 'totals', 'one', 'unkept', NULL, ''),
	(8, 'its changes, inserted plainly, of a tenth of all members', 'totals', 'many', 'plain INSERT', NULL, ''),
	(9, 'folding them / inserting them', 'totals', 'many', 'fold', 'plain INSERT', '<= 8'))
SELECT format('| %s | %s | %s | %s |', what, bench.digits(m.us), coalesce(bench.digits(m.us / nullif(o.us, 0)), '-'), goal)
FROM wanted w JOIN bench.median m ON (m.topic, m.subject, m.contender) = (w.topic, w.subject, w.contender)
	LEFT JOIN bench.median o ON (o.topic, o.subject, o.contender) = (w.topic, w.subject, w.other) ORDER BY i;
SELECT format('| what keeping totals adds to it / what posting adds to a bare INSERT | %s | %s | <= 0.33 |', bench.digits(k.us - u.us), bench.digits((k.us - u.us) / nullif(u.us - b.us, 0)))
FROM bench.median k, bench.median u, bench.median b
WHERE (k.topic, k.subject, k.contender) = ('totals', 'one', 'kept') AND (u.topic, u.subject, u.contender) = ('totals', 'one', 'unkept')
	AND (b.topic, b.subject, b.contender) = ('totals', 'one', 'bare');
\qecho
\qecho '## Leaderboards by team totals: the first hundred by team volume'
\qecho
\qecho '| what | milliseconds | ratio | goal |'
\qecho '|---|---|---|---|'
WITH wanted(i, what, subject, contender, other, goal) AS (VALUES
	(1, 'of a month that is over', 'a month that is over', 'this', NULL, '<= 5 ms'),
	(2, 'the same by its sales: times as long', 'a month that is over', 'by the sales', 'this', ''),
	(3, 'of a month that is over, by own volume', 'a month that is over, own volume', 'this', NULL, '<= 5 ms'),
	(4, 'a bare scan of as many rows as the month at hand has', 'the month at hand', 'bare scan', NULL, ''),
	(5, 'of the month at hand / that scan', 'the month at hand', 'this', 'bare scan', '<= 1.5'),
	(6, 'beside a thousand sales that are not folded', 'the month at hand, a thousand sales not folded', 'this', NULL, ''),
	(7, 'the page behind place 100,000', 'the month at hand, the page behind place 100,000', 'this', NULL, ''))
SELECT format('| %s | %s | %s | %s |', what, bench.digits(m.us / 1000), coalesce(bench.digits(m.us / nullif(o.us, 0)), '-'), goal)
FROM wanted w JOIN bench.median m ON (m.topic, m.subject, m.contender) = ('board', w.subject, w.contender)
	LEFT JOIN bench.median o ON (o.topic, o.subject, o.contender) = ('board', w.subject, w.other) ORDER BY i;
\qecho
SELECT format('## Reports of a program: %s members, as many sales, one in fifty refunded',
	(SELECT count(*) FROM shop.member));
\qecho
SELECT format('%s teams of %s to %s people in turn; months of about half of the sales. Milliseconds a call, planning and all.', count(*), min(team_size), max(team_size)) FROM bench.leader;
\qecho
\qecho '| report | asked by | ms | rows | goal |'
\qecho '|---|---|---|---|---|'
SELECT format('| %s | %s | %s | %s | %s |', q.subject, q.contender, bench.digits(m.us / 1000), round(m.answer::numeric / CASE WHEN q.leaders THEN (SELECT count(*) FROM bench.leader) ELSE 1 END),
	CASE WHEN q.leaders AND q.contender = 'this' THEN '<= 5' ELSE '' END)
FROM bench.question q JOIN bench.median m ON (m.topic, m.subject, m.contender) = ('report', q.subject, q.contender) ORDER BY q.place;
