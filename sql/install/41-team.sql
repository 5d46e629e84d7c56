-- Reports about one team: its people, levels and legs.

CREATE FUNCTION distributor.team(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4 DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL, after distributor.refpath DEFAULT NULL,
		max_rows pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8, level pg_catalog.int4,
		path distributor.refpath, rank pg_catalog.text, state pg_catalog.text, joined_at pg_catalog.timestamptz,
		personal_volume pg_catalog."numeric", team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	page CONSTANT pg_catalog.text := $query$
	SELECT t.*, distributor.depth(t.path) - distributor.depth(t.base_path) AS level
	  FROM @team@ t
	 WHERE ($3 IS NULL OR distributor.depth(t.path) - distributor.depth(t.base_path) <= $3)
	   AND ($4 IS NULL OR t.path > $4)
	 ORDER BY t.path LIMIT $5$query$;
	-- those whose sales are not all within another's
	sources pg_catalog.text := $query$
		ARRAY(SELECT l.member_id FROM page l
			   WHERE l.sponsor_id IS NULL OR l.sponsor_id NOT IN (SELECT above.member_id FROM page above)
				  OR EXISTS (SELECT FROM @program@.member_history h
							  WHERE h.member_id = l.member_id AND h.change IN ('move', 'rejoin')))$query$;
	source pg_catalog.int8[];
BEGIN
	PERFORM distributor.check_program(program);
	IF max_level < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'max_level must not be negative';
	END IF;
	-- Of a whole team it is known whose before the team is read.
	IF as_of IS NULL AND after IS NULL AND max_rows IS NULL THEN
		source := distributor.team_sources(program, member);
		sources := '$6';
	END IF;
	RETURN QUERY EXECUTE distributor.report_sql(program, 'WITH page AS (' || page || $query$
), shown AS (
	SELECT p.*, distributor.rollup_volumes((SELECT distributor.volumes_sql(@name@, $query$ || sources || $query$, as_of => $2)),
										   p.member_id) AS volumes
	  FROM page p
	 ORDER BY p.path OFFSET 0
)
SELECT s.member_id, coalesce(s.member_key, s.member_id::text), s.sponsor_id, s.level, s.path, s.rank,
	   s.state, s.joined_at, s.volumes[1], s.volumes[2]
  FROM shown s
 ORDER BY s.path$query$, member, as_of)
		USING member, as_of, max_level, after, max_rows, source;
END
$function$;
COMMENT ON FUNCTION distributor.team(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.timestamptz, distributor.refpath, pg_catalog.int8) IS
	'a member and its team in the order of the tree: level below it, personal volume, and team volume (by the upline that each sale had), both less refunds';

CREATE FUNCTION distributor.team(
		program pg_catalog.text, member pg_catalog.text, max_level pg_catalog.int4 DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL, after distributor.refpath DEFAULT NULL,
		max_rows pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8, level pg_catalog.int4,
		path distributor.refpath, rank pg_catalog.text, state pg_catalog.text, joined_at pg_catalog.timestamptz,
		personal_volume pg_catalog."numeric", team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY SELECT * FROM distributor.team(
		program, distributor.find_member(program, member), max_level, as_of, after, max_rows);
END
$function$;
COMMENT ON FUNCTION distributor.team(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.timestamptz, distributor.refpath, pg_catalog.int8) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.team_by_level(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4 DEFAULT NULL,
		period pg_catalog.text DEFAULT NULL, "from" pg_catalog.timestamptz DEFAULT NULL,
		"to" pg_catalog.timestamptz DEFAULT NULL, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		level pg_catalog.int4, members pg_catalog.int8, active pg_catalog.int8, joined pg_catalog.int8,
		sales pg_catalog.int8, volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
BEGIN
	PERFORM distributor.check_program(program);
	IF max_level < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'max_level must not be negative';
	END IF;
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	-- A sale is as far below the member as it was when it was posted.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH people AS (
	SELECT distributor.depth(t.path) - distributor.depth(t.base_path) AS level, count(*) AS members,
		   count(*) FILTER (WHERE t.state = 'active') AS active,
		   count(*) FILTER (WHERE t.joined_at >= $4 AND t.joined_at < $5) AS joined
	  FROM @team@ t
	 GROUP BY 1
), net AS $query$ || distributor.sales_sql(program, ARRAY[member], lower, upper, as_of) || $query$, volume AS (
	SELECT distributor.depth(n.path) - distributor.depth(n.base_path) AS level, sum(n.sales) AS sales, sum(n.amount) AS volume
	  FROM net n
	 GROUP BY 1
)
SELECT level, coalesce(p.members, 0), coalesce(p.active, 0), coalesce(p.joined, 0), coalesce(s.sales, 0), coalesce(s.volume, 0)
  FROM people p
  FULL JOIN volume s USING (level)
 WHERE ($3 IS NULL OR level <= $3)
   AND EXISTS (SELECT FROM @program@.member_history h WHERE h.member_id = $1 AND ($2 IS NULL OR h.valid_from <= $2))
 ORDER BY level$query$, member, as_of)
		USING member, as_of, max_level, lower, upper;
END
$function$;
COMMENT ON FUNCTION distributor.team_by_level(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'a member''s team by level: people by the tree, sales and volume by the level that each sale had, in a period, less refunds';

CREATE FUNCTION distributor.team_by_level(
		program pg_catalog.text, member pg_catalog.text, max_level pg_catalog.int4 DEFAULT NULL,
		period pg_catalog.text DEFAULT NULL, "from" pg_catalog.timestamptz DEFAULT NULL,
		"to" pg_catalog.timestamptz DEFAULT NULL, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		level pg_catalog.int4, members pg_catalog.int8, active pg_catalog.int8, joined pg_catalog.int8,
		sales pg_catalog.int8, volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY SELECT * FROM distributor.team_by_level(
		program, distributor.find_member(program, member), max_level, period, "from", "to", as_of);
END
$function$;
COMMENT ON FUNCTION distributor.team_by_level(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.legs(
		program pg_catalog.text, member pg_catalog.int8, period pg_catalog.text DEFAULT NULL,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL, after_volume pg_catalog."numeric" DEFAULT NULL,
		after_member pg_catalog.int8 DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, state pg_catalog.text, size pg_catalog.int8,
		active pg_catalog.int8, deepest pg_catalog.int4, joined pg_catalog.int8, sales pg_catalog.int8,
		volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
BEGIN
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	-- A leg's volume here is what it sold below this member; what it sold
	-- elsewhere belongs to the uplines of there.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH people AS (
	SELECT distributor.upline(t.path, t.level - 1) AS leg, count(*) AS size,
		   count(*) FILTER (WHERE t.state = 'active') AS active, max(t.level) AS deepest,
		   count(*) FILTER (WHERE t.joined_at >= $3 AND t.joined_at < $4) AS joined
	  FROM (SELECT m.path, m.state, m.joined_at, distributor.depth(m.path) - distributor.depth(m.base_path) AS level
			  FROM @team@ m OFFSET 0) t
	 WHERE t.level > 0
	 GROUP BY 1
), net AS $query$ || distributor.sales_sql(program, ARRAY[member], lower, upper, as_of) || $query$, volume AS (
	SELECT distributor.upline(s.path, s.level - 1) AS leg, sum(s.sales) AS sales, sum(s.amount) AS volume
	  FROM (SELECT n.path, n.sales, n.amount, distributor.depth(n.path) - distributor.depth(n.base_path) AS level
			  FROM net n OFFSET 0) s
	 WHERE s.level > 0
	 GROUP BY 1
), leg AS (
	SELECT leg AS member_id, coalesce(p.size, 0) AS size, coalesce(p.active, 0) AS active, p.deepest,
		   coalesce(p.joined, 0) AS joined, coalesce(s.sales, 0) AS sales, coalesce(s.volume, 0) AS volume
	  FROM people p
	  FULL JOIN volume s USING (leg)
	 WHERE EXISTS (SELECT FROM @program@.member_history h WHERE h.member_id = $1 AND ($2 IS NULL OR h.valid_from <= $2))
)
SELECT l.member_id, coalesce(m.member_key, l.member_id::text),
	   CASE WHEN $2 IS NULL THEN m.state
			ELSE (SELECT h.state FROM @program@.member_history h
				   WHERE h.member_id = l.member_id AND h.valid_from <= $2 ORDER BY h.revision DESC LIMIT 1) END,
	   l.size, l.active, l.deepest, l.joined, l.sales, l.volume
  FROM leg l
  LEFT JOIN @program@.member m ON m.member_id = l.member_id
 WHERE $5 IS NULL OR l.volume < $5 OR (l.volume = $5 AND l.member_id > $6)
 ORDER BY l.volume DESC, l.member_id LIMIT $7$query$, member, as_of)
		USING member, as_of, lower, upper, after_volume, after_member, max_rows;
END
$function$;
COMMENT ON FUNCTION distributor.legs(pg_catalog.text, pg_catalog.int8, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog."numeric", pg_catalog.int8, pg_catalog.int8) IS
	'the legs of a member, the strongest first: people by the tree, sales and volume by the upline that each sale had, in a period, less refunds; one that has moved away keeps what it sold here';

CREATE FUNCTION distributor.legs(
		program pg_catalog.text, member pg_catalog.text, period pg_catalog.text DEFAULT NULL,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL, after_volume pg_catalog."numeric" DEFAULT NULL,
		after_member pg_catalog.int8 DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, state pg_catalog.text, size pg_catalog.int8,
		active pg_catalog.int8, deepest pg_catalog.int4, joined pg_catalog.int8, sales pg_catalog.int8,
		volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY SELECT * FROM distributor.legs(
		program, distributor.find_member(program, member), period, "from", "to", as_of, after_volume, after_member, max_rows);
END
$function$;
COMMENT ON FUNCTION distributor.legs(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog."numeric", pg_catalog.int8, pg_catalog.int8) IS
	'the same for a member named by its key';
