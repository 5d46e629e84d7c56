-- Reports about how a program grows and keeps its people.

CREATE FUNCTION distributor.growth(
		program pg_catalog.text, period pg_catalog.text DEFAULT NULL, "from" pg_catalog.timestamptz DEFAULT NULL,
		"to" pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		cohort pg_catalog.date, joined pg_catalog.int8, recruited pg_catalog.int8, activated pg_catalog.int8,
		activation pg_catalog."numeric", time_to_sale pg_catalog."interval", recruiters pg_catalog.int8,
		recruits pg_catalog.int8, viral_coefficient pg_catalog."numeric", time_to_recruit pg_catalog."interval")
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 24
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
BEGIN
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH sold AS (
	SELECT n.member_id, min(n.occurred_at) AS occurred_at FROM @net@ n WHERE n.amount > n.refunded GROUP BY n.member_id
), brought AS (
	SELECT m.sponsor_id AS member_id, count(*) AS recruits, min(m.joined_at) AS joined_at
	  FROM @program@.member m WHERE m.sponsor_id IS NOT NULL GROUP BY m.sponsor_id
)
SELECT date_trunc('month', m.joined_at AT TIME ZONE @zone@)::date, count(*), count(m.sponsor_id),
	   count(s.member_id), round(count(s.member_id)::numeric / count(*), 4),
	   percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(s.occurred_at - m.joined_at, interval '0'))
			FILTER (WHERE s.member_id IS NOT NULL),
	   count(b.member_id), coalesce(sum(b.recruits), 0)::bigint, round(coalesce(sum(b.recruits), 0) / count(*), 4),
	   percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(b.joined_at - m.joined_at, interval '0'))
			FILTER (WHERE b.member_id IS NOT NULL)
  FROM (SELECT n.*, true AS is_asked_for FROM @program@.member n WHERE n.joined_at >= $1 AND n.joined_at < $2) m
  FULL JOIN sold s ON s.member_id = m.member_id
  FULL JOIN brought b ON b.member_id = m.member_id
 WHERE coalesce(m.is_asked_for, false)
 GROUP BY 1
 ORDER BY 1$query$)
		USING lower, upper;
END
$function$;
COMMENT ON FUNCTION distributor.growth(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'by the month of joining: who joined, how many of them bought and how soon (median), how many others they brought, per head, and how soon';

CREATE FUNCTION distributor.retention(
		program pg_catalog.text, period pg_catalog.text DEFAULT NULL, "from" pg_catalog.timestamptz DEFAULT NULL,
		"to" pg_catalog.timestamptz DEFAULT NULL, months pg_catalog.int4 DEFAULT 12)
	RETURNS TABLE (
		cohort pg_catalog.date, month pg_catalog.int4, members pg_catalog.int8, buyers pg_catalog.int8,
		share pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
BEGIN
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	IF months < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'months must not be negative';
	END IF;
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH member AS MATERIALIZED (
	SELECT m.member_id, date_trunc('month', m.joined_at AT TIME ZONE @zone@) AS month, true AS is_asked_for
	  FROM @program@.member m WHERE m.joined_at >= $1 AND m.joined_at < $2
), cohort AS (
	SELECT c.month, count(*) AS members FROM member c GROUP BY c.month
), bought AS (
	SELECT c.month, b.month AS bought, count(*) AS buyers
	  FROM member c
	  FULL JOIN (SELECT DISTINCT n.member_id, date_trunc('month', n.occurred_at AT TIME ZONE @zone@) AS month, true AS has_bought
				   FROM @net@ n WHERE n.amount > n.refunded) b ON b.member_id = c.member_id
	 WHERE coalesce(c.is_asked_for, false) AND coalesce(b.has_bought, false)
	 GROUP BY c.month, b.month
)
SELECT c.month::date, k.month, c.members, coalesce(b.buyers, 0), round(coalesce(b.buyers, 0)::numeric / c.members, 4)
  FROM cohort c
 CROSS JOIN generate_series(0, $3) AS k(month)
  LEFT JOIN bought b ON b.month = c.month AND b.bought = c.month + k.month * interval '1 month'
 WHERE c.month + k.month * interval '1 month' <= now() AT TIME ZONE @zone@
 ORDER BY c.month, k.month$query$)
		USING lower, upper, months;
END
$function$;
COMMENT ON FUNCTION distributor.retention(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int4) IS
	'by the month of joining: how many bought in that month and in each that followed, up to now';

CREATE FUNCTION distributor.inactive(
		program pg_catalog.text, idle pg_catalog."interval" DEFAULT '90 days',
		since pg_catalog.timestamptz DEFAULT NULL, scope pg_catalog.int8 DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL, after pg_catalog.int8 DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT 1000)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8,
		joined_at pg_catalog.timestamptz, last_sale_at pg_catalog.timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 500
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	remains CONSTANT pg_catalog.text := 's.amount > (SELECT coalesce(sum(p.amount), 0) FROM @program@.refund_posting p WHERE p.sale_id = s.sale_id AND p.sale_id BETWEEN s.sale_id AND s.sale_id)';
BEGIN
	IF as_of IS NOT NULL THEN
		RETURN QUERY SELECT * FROM distributor.inactive_as_of(program, idle, since, scope, as_of, after, max_rows);
		RETURN;
	END IF;
	-- Of everybody the sales of each are looked up until the page is full.  Those
	-- of a team lie together, by their paths; they are joined in full, which is
	-- never made row by row, however small a team is taken for.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH since AS MATERIALIZED (
	SELECT coalesce($2, (now() AT TIME ZONE @zone@ - $3) AT TIME ZONE @zone@) AS since
)
SELECT t.member_id, coalesce(t.member_key, t.member_id::text), t.sponsor_id, t.joined_at, l.occurred_at
  FROM (SELECT o.*, true AS is_asked_for
		  FROM $query$ || CASE WHEN scope IS NULL THEN '@program@.member' ELSE '@team@' END || $query$ o
		 WHERE o.state = 'active' AND o.joined_at < (SELECT d.since FROM since d) AND ($4 IS NULL OR o.member_id > $4)) t$query$
		|| CASE WHEN scope IS NULL THEN '
 CROSS JOIN LATERAL (SELECT max(s.occurred_at) AS occurred_at
					   FROM (SELECT s.sale_id, s.occurred_at, s.amount
							   FROM @program@.sale s
							  WHERE s.member_id = t.member_id AND s.member_id BETWEEN t.member_id AND t.member_id
							 OFFSET 0) s
					  WHERE ' || remains || ') l'
		ELSE '
  FULL JOIN (SELECT s.member_id, max(s.occurred_at) AS occurred_at
			   FROM ' || distributor.sold_sql(program, distributor.team_sources(program, scope)) || ' s
			  WHERE ' || remains || '
			  GROUP BY s.member_id) l ON l.member_id = t.member_id' END || $query$
 WHERE coalesce(t.is_asked_for, false) AND coalesce(l.occurred_at < (SELECT d.since FROM since d), true)
 ORDER BY t.member_id LIMIT $5$query$, scope)
		USING scope, since, idle, after, max_rows;
END
$function$;
COMMENT ON FUNCTION distributor.inactive(pg_catalog.text, pg_catalog."interval", pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.int8) IS
	'active members who have not bought since a time, or for as long as idle says, with their last sale; of the whole program or of the team of scope; who joined later is left out';

CREATE FUNCTION distributor.inactive(
		program pg_catalog.text, idle pg_catalog."interval", since pg_catalog.timestamptz, scope pg_catalog.text,
		as_of pg_catalog.timestamptz DEFAULT NULL, after pg_catalog.int8 DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT 1000)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8,
		joined_at pg_catalog.timestamptz, last_sale_at pg_catalog.timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 500
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- Nobody of that key is not everybody.
	IF distributor.find_member(program, scope) IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM distributor.inactive(
		program, idle, since, distributor.find_member(program, scope), as_of, after, max_rows);
END
$function$;
COMMENT ON FUNCTION distributor.inactive(pg_catalog.text, pg_catalog."interval", pg_catalog.timestamptz, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.int8) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.compliance(
		program pg_catalog.text, min_levels pg_catalog.int4 DEFAULT 3, min_people pg_catalog.int8 DEFAULT 30,
		max_rows pg_catalog.int8 DEFAULT 100, after_people pg_catalog.int8 DEFAULT NULL,
		after_member pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8, levels pg_catalog.int4,
		people pg_catalog.int8, frontline pg_catalog.int8, without_sales pg_catalog.int8,
		share_without_sales pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
SELECT m.member_id, coalesce(m.member_key, m.member_id::text), m.sponsor_id, r.levels, r.people,
	   (SELECT count(*) FROM @program@.member f WHERE f.sponsor_id = m.member_id AND f.state <> 'left'),
	   r.without_sales, round(r.without_sales::numeric / nullif(r.people, 0), 4)
  FROM (SELECT r.member_id, r.deepest AS levels, (r.team[1] - r.personal[1])::bigint AS people,
			   (r.team[2] - r.personal[2])::bigint AS without_sales
		  FROM distributor.team_rollup($6) r) r
  JOIN @program@.member m ON m.member_id = r.member_id
 WHERE r.levels >= $1 AND r.people >= $2
   AND ($3 IS NULL OR r.people < $3 OR (r.people = $3 AND r.member_id > $4))
 ORDER BY r.people DESC, r.member_id LIMIT $5$query$)
		USING coalesce(min_levels, 0), coalesce(min_people, 0), after_people, after_member, max_rows,
			distributor.report_sql(program, $query$
SELECT m.path, (m.state <> 'left')::int, (m.state <> 'left' AND b.member_id IS NULL)::int
  FROM (SELECT n.*, true AS is_asked_for FROM @program@.member n) m
  FULL JOIN (SELECT DISTINCT n.member_id FROM @net@ n WHERE n.amount > n.refunded) b ON b.member_id = m.member_id
 WHERE coalesce(m.is_asked_for, false)$query$);
END
$function$;
COMMENT ON FUNCTION distributor.compliance(pg_catalog.text, pg_catalog.int4, pg_catalog.int8, pg_catalog.int8, pg_catalog.int8, pg_catalog.int8) IS
	'teams of at least so many levels and people below their head, the largest first, with how many of those people never bought';
