-- As of a day: members, totals and reports as they were.
--
-- What is known at a time is the same everywhere: history that is valid from
-- then or before, and sales and refunds that occurred by then, whenever they
-- were posted.  A sale that its order has replaced since is told as it is now.

CREATE FUNCTION distributor.member_as_of(
		program pg_catalog.text, member pg_catalog.int8, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8, depth pg_catalog.int4,
		path distributor.refpath, rank pg_catalog.text, state pg_catalog.text, joined_at pg_catalog.timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	IF as_of IS NULL THEN
		RETURN QUERY EXECUTE distributor.report_sql(program, $query$
SELECT m.member_id, coalesce(m.member_key, m.member_id::text), m.sponsor_id, distributor.depth(m.path), m.path,
	   m.rank, m.state, m.joined_at
  FROM @program@.member m
 WHERE m.member_id = $1$query$)
			USING member;
		RETURN;
	END IF;
	-- Up by the edges of then.  Whoever is above somebody who joined earlier
	-- stands where it was going to join.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH RECURSIVE upline(sponsor_id, ids) AS (
	SELECT $1, '{}'::bigint[]
	UNION ALL
	SELECT h.sponsor_id, u.sponsor_id || u.ids
	  FROM upline u
	 CROSS JOIN LATERAL (SELECT h.sponsor_id FROM @program@.member_history h
						  WHERE h.member_id = u.sponsor_id AND (h.valid_from <= $2 OR h.revision = 1)
						  ORDER BY h.revision DESC LIMIT 1) h
	 WHERE u.sponsor_id <> ALL (u.ids)
)
SELECT m.member_id, coalesce(m.member_key, m.member_id::text), t.sponsor_id, cardinality(u.ids),
	   u.ids::distributor.refpath, t.rank, t.state, m.joined_at
  FROM @program@.member m
 CROSS JOIN LATERAL (SELECT h.sponsor_id, h.rank, h.state FROM @program@.member_history h
					  WHERE h.member_id = m.member_id AND h.valid_from <= $2
					  ORDER BY h.revision DESC LIMIT 1) t
 CROSS JOIN LATERAL (SELECT l.ids FROM upline l ORDER BY cardinality(l.ids) DESC LIMIT 1) u
 WHERE m.member_id = $1$query$)
		USING member, as_of;
END
$function$;
COMMENT ON FUNCTION distributor.member_as_of(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz) IS
	'a member as it is, or was at a time: sponsor, path, rank and state; no row before it joined';

CREATE FUNCTION distributor.member_as_of(
		program pg_catalog.text, member pg_catalog.text, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8, depth pg_catalog.int4,
		path distributor.refpath, rank pg_catalog.text, state pg_catalog.text, joined_at pg_catalog.timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY SELECT * FROM distributor.member_as_of(program, distributor.find_member(program, member), as_of);
END
$function$;
COMMENT ON FUNCTION distributor.member_as_of(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.member_timeline(
		program pg_catalog.text, member pg_catalog.int8)
	RETURNS TABLE (
		valid_from pg_catalog.timestamptz, valid_until pg_catalog.timestamptz, sponsor_id pg_catalog.int8,
		depth pg_catalog.int4, path distributor.refpath, rank pg_catalog.text, state pg_catalog.text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- Times are cut where whoever stood above at that time moved; what does not
	-- differ from what was before it is joined again.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH RECURSIVE cut(lower, upper, rank, state, top, sponsor_id, ids) AS (
	SELECT h.valid_from, coalesce(n.valid_from, 'infinity'), h.rank, h.state, h.sponsor_id, h.sponsor_id, ARRAY[h.member_id]
	  FROM @program@.member_history h
	  LEFT JOIN @program@.member_history n ON n.member_id = h.member_id AND n.revision = h.revision + 1
	 WHERE h.member_id = $1 AND h.valid_from < coalesce(n.valid_from, 'infinity')
	UNION ALL
	SELECT greatest(c.lower, e.lower), least(c.upper, e.upper), c.rank, c.state, e.sponsor_id, c.sponsor_id, c.top || c.ids
	  FROM cut c
	 CROSS JOIN LATERAL (
			SELECT h.sponsor_id, CASE h.revision WHEN 1 THEN '-infinity' ELSE h.valid_from END AS lower,
				   coalesce(n.valid_from, 'infinity') AS upper
			  FROM @program@.member_history h
			  LEFT JOIN @program@.member_history n ON n.member_id = h.member_id AND n.revision = h.revision + 1
			 WHERE h.member_id = c.top) e
	 WHERE c.top <> ALL (c.ids) AND greatest(c.lower, e.lower) < least(c.upper, e.upper)
), place AS (
	SELECT c.*, (c.sponsor_id, c.ids, c.rank, c.state) IS NOT DISTINCT FROM
				lag((c.sponsor_id, c.ids, c.rank, c.state)) OVER (ORDER BY c.lower) AS same
	  FROM cut c
	 WHERE c.top IS NULL OR c.top = ANY (c.ids)
), stretch AS (
	SELECT p.*, count(*) FILTER (WHERE NOT p.same) OVER (ORDER BY p.lower) AS no
	  FROM place p
)
SELECT min(s.lower), nullif(max(s.upper), 'infinity'), s.sponsor_id, cardinality(s.ids), s.ids::distributor.refpath,
	   s.rank, s.state
  FROM stretch s
 GROUP BY s.no, s.sponsor_id, s.ids, s.rank, s.state
 ORDER BY 1$query$)
		USING member;
END
$function$;
COMMENT ON FUNCTION distributor.member_timeline(pg_catalog.text, pg_catalog.int8) IS
	'where a member has stood since it joined, and its ranks and states, each from when until when';

CREATE FUNCTION distributor.member_timeline(
		program pg_catalog.text, member pg_catalog.text)
	RETURNS TABLE (
		valid_from pg_catalog.timestamptz, valid_until pg_catalog.timestamptz, sponsor_id pg_catalog.int8,
		depth pg_catalog.int4, path distributor.refpath, rank pg_catalog.text, state pg_catalog.text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY SELECT * FROM distributor.member_timeline(program, distributor.find_member(program, member));
END
$function$;
COMMENT ON FUNCTION distributor.member_timeline(pg_catalog.text, pg_catalog.text) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.moved_since_sql(as_of pg_catalog.timestamptz)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN format($query$
(SELECT m.member_id, m.joined_at, m.path, t.sponsor_id
   FROM (SELECT DISTINCT h.member_id FROM @program@.member_history h
		  WHERE h.change IN ('move', 'rejoin') AND h.valid_from > %1$L) h
   JOIN @program@.member m ON m.member_id = h.member_id
  CROSS JOIN LATERAL (SELECT l.sponsor_id FROM @program@.member_history l
					   WHERE l.member_id = m.member_id AND (l.valid_from <= %1$L OR l.revision = 1)
					   ORDER BY l.revision DESC LIMIT 1) t)$query$, as_of);
END
$function$;
COMMENT ON FUNCTION distributor.moved_since_sql(pg_catalog.timestamptz) IS
	'the text of who has moved since a time, its path now, and its sponsor of then (of one who had not joined, its first); for the reports of distributor themselves';

CREATE FUNCTION distributor.team_total_as_of(
		program pg_catalog.text, member pg_catalog.int8, period pg_catalog.date, as_of pg_catalog.timestamptz,
		OUT people pg_catalog.int8, OUT sales pg_catalog.int8, OUT volume pg_catalog."numeric")
	RETURNS record
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz := '-infinity';
	upper pg_catalog.timestamptz := 'infinity';
	unit pg_catalog.text;
	is_there pg_catalog.bool;
	moved CONSTANT pg_catalog.text := distributor.moved_since_sql(as_of);
BEGIN
	IF period IS NOT NULL THEN
		EXECUTE distributor.report_sql(program, $query$
SELECT p.total_period, distributor.local_instant(b.start, p.time_zone),
	   distributor.local_instant(b.start + CASE p.total_period WHEN 'quarter' THEN '3 months' ELSE '1 ' || p.total_period END::interval, p.time_zone)
  FROM @program@.program p
 CROSS JOIN LATERAL (SELECT date_trunc(p.total_period, $1::timestamp) AS start) b$query$)
			INTO unit, lower, upper USING period;
		IF unit IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
				MESSAGE = format('program "%s" keeps no team totals', program),
				DETAIL = 'Which calendar periods there are, months or weeks, is chosen with the totals.',
				HINT = 'Ask for all time, or let it keep totals with distributor.keep_team_totals().';
		END IF;
	END IF;
	people := 0;
	sales := 0;
	volume := 0;
	EXECUTE distributor.report_sql(program, 'SELECT EXISTS (SELECT FROM @program@.member m WHERE m.member_id = $1 AND m.joined_at <= $2)')
		INTO is_there USING member, as_of;
	IF NOT is_there THEN
		RETURN;
	END IF;
	-- The member and those who have moved since are heads of pieces: each has
	-- whom it has now below it, without the pieces further below.  The team then
	-- is the pieces whose heads were in it.  So a head counts with all below it
	-- if it was in the team, and against if the head next above it was: most do
	-- both, and are not looked at.
	EXECUTE distributor.report_sql(program, $query$
WITH RECURSIVE moved AS MATERIALIZED (
	SELECT c.member_id, c.path, c.sponsor_id FROM $query$ || moved || $query$ c WHERE c.member_id <> $1
	UNION ALL
	SELECT m.member_id, m.path, NULL FROM @program@.member m WHERE m.member_id = $1
), hung AS MATERIALIZED (
	SELECT c.member_id, c.path,
		   (SELECT a.member_id FROM unnest(distributor.member_ids(distributor.parent(c.path))) WITH ORDINALITY AS a(member_id, depth)
			 WHERE a.member_id IN (SELECT moved.member_id FROM moved)
			 ORDER BY a.depth DESC LIMIT 1) AS below,
		   (SELECT a.member_id FROM unnest(distributor.member_ids(s.path)) WITH ORDINALITY AS a(member_id, depth)
			 WHERE a.member_id IN (SELECT moved.member_id FROM moved)
			 ORDER BY a.depth DESC LIMIT 1) AS below_then
	  FROM moved c
	  LEFT JOIN @program@.member s ON s.member_id = c.sponsor_id
), head(member_id) AS (
	SELECT $1
	UNION
	SELECT h.member_id FROM head d JOIN hung h ON h.below_then = d.member_id
), piece AS (
	SELECT h.member_id, h.path, (h.member_id IN (SELECT d.member_id FROM head d))::int
				   - coalesce(h.below IN (SELECT d.member_id FROM head d), false)::int AS sign
	  FROM hung h
)
-- the range of the member itself stands in the text, see report_sql
SELECT coalesce(sum(p.sign * CASE WHEN p.member_id = $1
						 THEN (SELECT count(*) FROM @team@ t
								WHERE t.joined_at <= $2 AND t.joined_at >= $3 AND t.joined_at < $4)
						 ELSE (SELECT count(*) FROM @program@.member m
								WHERE m.path >= p.path AND m.path < distributor.path_upper(p.path)
								  AND m.joined_at <= $2 AND m.joined_at >= $3 AND m.joined_at < $4) END), 0)
  FROM piece p
 WHERE p.sign <> 0$query$, member)
		INTO people USING member, as_of, lower, upper;
	EXECUTE distributor.report_sql(program, 'SELECT coalesce(sum(n.sales), 0), coalesce(sum(n.amount), 0) FROM '
			|| distributor.sales_sql(program, ARRAY[member], lower, upper, as_of) || ' n')
		INTO sales, volume;
END
$function$;
COMMENT ON FUNCTION distributor.team_total_as_of(pg_catalog.text, pg_catalog.int8, pg_catalog.date, pg_catalog.timestamptz) IS
	'a team total as it was at a time, computed anew; call team_total()';

CREATE FUNCTION distributor.local_instant("local" pg_catalog."timestamp", zone pg_catalog.text)
	RETURNS pg_catalog.timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN isfinite("local")
				AND (("local" AT TIME ZONE zone) - interval '1 hour') AT TIME ZONE zone = "local"
				THEN ("local" AT TIME ZONE zone) - interval '1 hour'
				ELSE "local" AT TIME ZONE zone END;
COMMENT ON FUNCTION distributor.local_instant(pg_catalog."timestamp", pg_catalog.text) IS
	'when it is this time in a time zone; of a time that the end of summer brings twice, the first';

CREATE FUNCTION distributor.sales_as_of_sql(
		lower pg_catalog.timestamptz, upper pg_catalog.timestamptz, as_of pg_catalog.timestamptz)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN format($query$
(SELECT s.sale_id, s.member_id, s.path, s.amount - coalesce(r.amount, 0) AS amount
   FROM (SELECT n.*, true AS is_asked_for
		   FROM @program@.sale n
		  WHERE n.currency = @currency@ AND n.occurred_at >= %1$L AND n.occurred_at < %2$L AND n.occurred_at <= %3$L) s
   FULL JOIN (SELECT v.replaces FROM @program@.sale v WHERE v.replaces IS NOT NULL) v ON v.replaces = s.sale_id
   FULL JOIN (SELECT p.sale_id, sum(p.amount) AS amount
				FROM @program@.refund_posting p
				JOIN @program@.refund r ON r.refund_id = p.refund_id AND r.occurred_at <= %3$L
			   GROUP BY p.sale_id) r ON r.sale_id = s.sale_id
  WHERE coalesce(s.is_asked_for, false) AND v.replaces IS NULL OFFSET 0)$query$,
		lower, upper, as_of);
END
$function$;
COMMENT ON FUNCTION distributor.sales_as_of_sql(pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the text of all sales of a period in the program''s currency, less refunds, as known at a time; for the reports of distributor themselves';

CREATE FUNCTION distributor.leaderboard_as_of(
		program pg_catalog.text, metric pg_catalog.text, lower pg_catalog.timestamptz, upper pg_catalog.timestamptz,
		max_rows pg_catalog.int8, scope pg_catalog.int8, as_of pg_catalog.timestamptz,
		after_value pg_catalog."numeric", after_member pg_catalog.int8)
	RETURNS TABLE (
		place pg_catalog.int8, member_id pg_catalog.int8, member_key pg_catalog.text, value pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	sold CONSTANT pg_catalog.text := distributor.sales_as_of_sql(lower, upper, as_of);
	moved CONSTANT pg_catalog.text := distributor.moved_since_sql(as_of);
	volumes CONSTANT pg_catalog.text := $query$
	SELECT v.member_id, v.@figure@ AS value
	  FROM distributor.team_volumes(@name@, ARRAY(SELECT t.member_id FROM team t), ARRAY(
			SELECT t.member_id FROM team t
			 WHERE t.member_id = $1 OR EXISTS (SELECT FROM @program@.member_history h
												WHERE h.member_id = t.member_id AND h.change IN ('move', 'rejoin'))), $3, $4, $2) v$query$;
	total pg_catalog.text;
BEGIN
	CASE metric
		WHEN 'personal_volume' THEN
			total := CASE WHEN scope IS NULL
				THEN 'SELECT s.member_id, sum(s.amount) AS value FROM ' || sold || ' s GROUP BY s.member_id'
				ELSE replace(volumes, '@figure@', 'personal_volume') END;
		WHEN 'team_volume' THEN
			-- who has moved has sales at several paths
			total := CASE WHEN scope IS NULL
				THEN 'SELECT r.member_id, sum(r.team[1]) AS value FROM distributor.team_rollup($8) r GROUP BY r.member_id'
				ELSE replace(volumes, '@figure@', 'team_volume') END;
		WHEN 'commissions' THEN
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT l.member_id, sum(l.amount) AS value
	  FROM (SELECT 'sale' AS source, s.sale_id AS source_id FROM $query$ || sold || $query$ s
			UNION ALL
			SELECT 'refund', p.refund_id
			  FROM $query$ || sold || $query$ s
			  JOIN @program@.refund_posting p ON p.sale_id = s.sale_id
			  JOIN @program@.refund r ON r.refund_id = p.refund_id AND r.occurred_at <= $2) e
	  JOIN @program@.ledger l ON l.source_id = e.source_id AND l.source = e.source
	 GROUP BY l.member_id$query$ ELSE $query$
	-- looked up for each: see leaderboard
	SELECT e.member_id, sum(e.amount) AS value
	  FROM (SELECT d.member_id, d.amount,
				   (SELECT s.occurred_at FROM @program@.sale s
					 WHERE s.sale_id = d.sale_id
					   AND (SELECT v.sale_id FROM @program@.sale v WHERE v.replaces = s.sale_id AND v.replaces IS NOT NULL) IS NULL) AS occurred_at
			  FROM (SELECT t.member_id, l.amount,
						   CASE l.source WHEN 'sale' THEN l.source_id
								ELSE (SELECT p.sale_id FROM @program@.refund_posting p WHERE p.refund_id = l.source_id) END AS sale_id,
						   CASE l.source WHEN 'refund' THEN (SELECT r.occurred_at FROM @program@.refund r WHERE r.refund_id = l.source_id) END AS refunded_at
					  FROM team t
					 CROSS JOIN LATERAL (SELECT l.source, l.source_id, l.amount
										   FROM @program@.ledger l
										  WHERE l.member_id = t.member_id AND l.member_id BETWEEN t.member_id AND t.member_id
											AND l.currency = @currency@ AND l.source IN ('sale', 'refund')
										 OFFSET 0) l
					OFFSET 0) d
			 WHERE coalesce(d.refunded_at <= $2, true)
			OFFSET 0) e
	 WHERE e.occurred_at >= $3 AND e.occurred_at < $4 AND e.occurred_at <= $2
	 GROUP BY e.member_id$query$ END;
		WHEN 'recruits' THEN
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT r.sponsor_id AS member_id, count(*)::numeric AS value
	  FROM (SELECT m.sponsor_id, m.joined_at FROM @program@.member m
			 WHERE m.member_id NOT IN (SELECT c.member_id FROM $query$ || moved || $query$ c)
			UNION ALL
			SELECT c.sponsor_id, c.joined_at FROM $query$ || moved || $query$ c) r
	 WHERE r.joined_at >= $3 AND r.joined_at < $4 AND r.joined_at <= $2 AND r.sponsor_id IS NOT NULL
	 GROUP BY r.sponsor_id$query$ ELSE $query$
	SELECT t.sponsor_id AS member_id, count(*)::numeric AS value
	  FROM team t
	 WHERE t.member_id <> $1 AND t.joined_at >= $3 AND t.joined_at < $4
	 GROUP BY t.sponsor_id$query$ END;
		ELSE
			-- leaderboard tells what would be right
			RETURN QUERY SELECT * FROM distributor.leaderboard(program, metric, max_rows => 0);
			RETURN;
	END CASE;
	RETURN QUERY EXECUTE distributor.report_sql(program, 'WITH ' || CASE WHEN scope IS NOT NULL THEN 'team AS MATERIALIZED (SELECT * FROM @team@ o), ' ELSE '' END
		|| 'value AS (' || total || $query$
), total AS MATERIALIZED (
	SELECT v.member_id, m.member_key, v.value
	  FROM value v
	  JOIN @program@.member m ON m.member_id = v.member_id
	 WHERE v.value > 0 AND m.joined_at <= $2
), page AS (
	SELECT t.member_id, t.member_key, t.value
	  FROM total t
	 WHERE $5 IS NULL OR t.value < $5 OR (t.value = $5 AND t.member_id > $6)
	 ORDER BY t.value DESC, t.member_id LIMIT $7
)
SELECT CASE WHEN p.value = $5 THEN 1 + (SELECT count(*) FROM total t WHERE t.value > $5)
			ELSE (SELECT count(*) FROM total t WHERE t.value > $5 OR (t.value = $5 AND t.member_id <= $6))
				 + rank() OVER (ORDER BY p.value DESC) END,
	   p.member_id, coalesce(p.member_key, p.member_id::text), p.value
  FROM page p
 ORDER BY p.value DESC, p.member_id$query$, scope, as_of)
		USING scope, as_of, lower, upper, after_value, after_member, max_rows,
			distributor.report_sql(program, 'SELECT s.path, s.amount FROM ' || sold || ' s');
END
$function$;
COMMENT ON FUNCTION distributor.leaderboard_as_of(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.int8, pg_catalog.timestamptz, pg_catalog."numeric", pg_catalog.int8) IS
	'a leaderboard as it was at a time; call leaderboard()';

CREATE FUNCTION distributor.inactive_as_of(
		program pg_catalog.text, idle pg_catalog."interval", since pg_catalog.timestamptz, scope pg_catalog.int8,
		as_of pg_catalog.timestamptz, after pg_catalog.int8, max_rows pg_catalog.int8)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8,
		joined_at pg_catalog.timestamptz, last_sale_at pg_catalog.timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 500
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
SELECT t.member_id, coalesce(t.member_key, t.member_id::text), t.sponsor_id, t.joined_at, l.occurred_at
  FROM (SELECT coalesce($3, ($2::timestamptz AT TIME ZONE @zone@ - $4) AT TIME ZONE @zone@) AS since) d
 CROSS JOIN $query$ || CASE WHEN scope IS NULL THEN $query$(
	SELECT m.member_id, m.member_key, m.joined_at, h.sponsor_id, h.state
	  FROM @program@.member m
	 CROSS JOIN LATERAL (SELECT h.sponsor_id, h.state FROM @program@.member_history h
						  WHERE h.member_id = m.member_id AND h.valid_from <= $2
						  ORDER BY h.revision DESC LIMIT 1) h)$query$
		ELSE '(SELECT * FROM @team@ o OFFSET 0)' END || $query$ t
 CROSS JOIN LATERAL (SELECT max(s.occurred_at) AS occurred_at
					   FROM (SELECT s.sale_id, s.occurred_at, s.amount
							   FROM @program@.sale s
							  WHERE s.member_id = t.member_id AND s.member_id BETWEEN t.member_id AND t.member_id
							 OFFSET 0) s
					  WHERE s.occurred_at <= $2
						AND s.amount > (SELECT coalesce(sum(p.amount), 0)
										  FROM @program@.refund_posting p
										 WHERE p.sale_id = s.sale_id AND p.sale_id BETWEEN s.sale_id AND s.sale_id
										   AND (SELECT r.occurred_at FROM @program@.refund r WHERE r.refund_id = p.refund_id) <= $2)
						AND (SELECT v.sale_id FROM @program@.sale v WHERE v.replaces = s.sale_id AND v.replaces IS NOT NULL) IS NULL) l
 WHERE t.state = 'active' AND t.joined_at < d.since AND (l.occurred_at IS NULL OR l.occurred_at < d.since)
   AND ($5 IS NULL OR t.member_id > $5)
 ORDER BY t.member_id LIMIT $6$query$, scope, as_of)
		USING scope, as_of, since, idle, after, max_rows;
END
$function$;
COMMENT ON FUNCTION distributor.inactive_as_of(pg_catalog.text, pg_catalog."interval", pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.int8) IS
	'who was inactive at a time; call inactive()';
