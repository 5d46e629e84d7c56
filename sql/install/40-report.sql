-- Reports: what leaders, analysts and compliance officers ask of a program.
--
-- Their text depends on the schema of the program, so they are PL/pgSQL; they
-- read with the caller's own rights, in one snapshot each.  Two things are told
-- apart everywhere: people follow the tree, as it is now or was on a day, and a
-- sale counts for the upline that it had when it was posted.  What refunds took
-- back of a sale counts against it, in the period of the sale.

-- What the reports are made of

CREATE FUNCTION distributor.report_sql(
		program pg_catalog.text, query pg_catalog.text, member pg_catalog.int8 DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	-- the team of the member, which is $1, now or as of $2
	team_now CONSTANT pg_catalog.text := $query$
(SELECT m.member_id, m.member_key, m.sponsor_id, m.path, m.rank, m.state, m.joined_at,
		%1$L::distributor.refpath AS base_path
   FROM @program@.member m
  WHERE m.path >= %1$L AND m.path < distributor.path_upper(%1$L))$query$;
	team_then CONSTANT pg_catalog.text := '(SELECT * FROM distributor.team_as_of(@name@, $1, $2))';
	-- each sale with what has been refunded of it
	net CONSTANT pg_catalog.text := $query$
(SELECT s.sale_id, s.member_id, s.occurred_at, s.currency, s.path, s.attributes, s.amount,
		coalesce(r.amount, 0) AS refunded
   FROM @program@.sale s
   LEFT JOIN (SELECT p.sale_id, sum(p.amount) AS amount
				FROM @program@.refund_posting p GROUP BY p.sale_id) r ON r.sale_id = s.sale_id)$query$;
	base distributor.refpath;
BEGIN
	PERFORM distributor.check_program(program);
	IF as_of IS NOT NULL THEN
		query := replace(query, '@team@', team_then);
	ELSIF strpos(query, '@team@') > 0 THEN
		-- Its path as a constant tells the planner how large the team is.
		EXECUTE format('SELECT m.path FROM %I.member m WHERE m.member_id = $1', program) INTO base USING member;
		query := replace(query, '@team@', format(team_now, base));
	END IF;
	query := replace(query, '@net@', net);
	query := replace(query, '@currency@', '(SELECT p.currency FROM @program@.program p)');
	query := replace(query, '@zone@', '(SELECT p.time_zone FROM @program@.program p)');
	-- In one pass: a program may be called @name@ or @program@.
	RETURN array_to_string(ARRAY(SELECT replace(u.part, '@program@', quote_ident(program))
								   FROM unnest(string_to_array(query, '@name@')) WITH ORDINALITY AS u(part, no)
								  ORDER BY u.no), quote_literal(program));
END
$function$;
COMMENT ON FUNCTION distributor.report_sql(pg_catalog.text, pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz) IS
	'the text of a report for a program: for the reports of distributor themselves';

CREATE FUNCTION distributor.find_member(
		program pg_catalog.text, member pg_catalog.text)
	RETURNS pg_catalog.int8
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	keyed pg_catalog.bool;
	id pg_catalog.int8;
BEGIN
	-- Two statements: in one, a key would be cast to a number even where that
	-- half of the query is never reached.
	EXECUTE distributor.report_sql(program, 'SELECT p.key_type = ''text'' FROM @program@.program p') INTO keyed;
	IF NOT keyed THEN
		RETURN member::pg_catalog.int8;
	END IF;
	EXECUTE distributor.report_sql(program, 'SELECT m.member_id FROM @program@.member m WHERE m.member_key = $1')
		INTO id USING member;
	RETURN id;
END
$function$;
COMMENT ON FUNCTION distributor.find_member(pg_catalog.text, pg_catalog.text) IS
	'the number of a member named as the user''s tables name it; null if there is none of that key';

CREATE FUNCTION distributor.period_bounds(
		program pg_catalog.text, period pg_catalog.text, "from" pg_catalog.timestamptz DEFAULT NULL,
		"to" pg_catalog.timestamptz DEFAULT NULL,
		OUT lower pg_catalog.timestamptz, OUT upper pg_catalog.timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	zone pg_catalog.text;
	start pg_catalog."timestamp";
	length pg_catalog."interval";
	part pg_catalog.text[];
BEGIN
	IF period IS NULL THEN
		PERFORM distributor.check_program(program);
		lower := coalesce("from", '-infinity');
		upper := coalesce("to", 'infinity');
		RETURN;
	END IF;
	IF num_nonnulls("from", "to") > 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'both a period and its bounds are given',
			DETAIL = format('The period is "%s"; "from" or "to" is given as well.', period),
			HINT = 'Give either.';
	END IF;
	EXECUTE distributor.report_sql(program, 'SELECT @zone@') INTO zone;
	part := regexp_match(period, '^(this|last) (day|week|month|quarter|year)$');
	IF part IS NOT NULL THEN
		length := CASE part[2] WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || part[2])::pg_catalog."interval" END;
		start := date_trunc(part[2], now() AT TIME ZONE zone)
			- CASE part[1] WHEN 'last' THEN length ELSE interval '0' END;
	ELSIF period ~ '^[0-9]{4}(-Q[1-4]|-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$' AND period !~ '^0000' THEN
		part := regexp_match(period, '^(....)(-Q(.)|-(..)(-(..))?)?$');
		-- a day that the month does not have is refused by make_timestamp
		start := make_timestamp(part[1]::pg_catalog.int4,
								coalesce(3 * part[3]::pg_catalog.int4 - 2, part[4]::pg_catalog.int4, 1),
								coalesce(part[6]::pg_catalog.int4, 1), 0, 0, 0);
		length := CASE WHEN part[6] IS NOT NULL THEN '1 day' WHEN part[4] IS NOT NULL THEN '1 month'
					   WHEN part[3] IS NOT NULL THEN '3 months' ELSE '1 year' END;
	ELSIF period ~ '^[0-9]{4}-W(0[1-9]|[1-4][0-9]|5[0-3])$' AND period !~ '^0000' THEN
		-- the week with the 4th of January is the first
		start := date_trunc('week', make_timestamp(substr(period, 1, 4)::pg_catalog.int4, 1, 4, 0, 0, 0))
			+ (right(period, 2)::pg_catalog.int4 - 1) * interval '1 week';
		length := '1 week';
		IF to_char(start, 'IYYY') <> substr(period, 1, 4) THEN
			start := NULL;
		END IF;
	END IF;
	IF start IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid period "%s"', left(period, 40)),
			HINT = 'Write a calendar period as 2026, 2026-Q4, 2026-11, 2026-W47 or 2026-11-22, or as "this month" or "last month" (day, week, month, quarter, year).';
	END IF;
	lower := start AT TIME ZONE zone;
	upper := (start + length) AT TIME ZONE zone;
END
$function$;
COMMENT ON FUNCTION distributor.period_bounds(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'from when to before when a calendar period (2026, 2026-Q4, 2026-11, 2026-W47, 2026-11-22, this month, last month) lasts in the program''s time zone; of none, "from" and "to" themselves';

CREATE FUNCTION distributor.sale_paths(
		program pg_catalog.text, members pg_catalog.int8[])
	RETURNS SETOF distributor.refpath
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	moved pg_catalog.bool;
BEGIN
	EXECUTE distributor.report_sql(program, $query$
SELECT EXISTS (SELECT
				 FROM @program@.member m
				CROSS JOIN LATERAL unnest(distributor.member_ids(m.path)) AS a(member_id)
				 JOIN @program@.member_history h ON h.member_id = a.member_id
				WHERE m.member_id = ANY ($1) AND h.change IN ('move', 'rejoin'))$query$)
		INTO moved USING members;
	IF NOT moved THEN
		RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH own AS MATERIALIZED (
	SELECT m.path FROM @program@.member m WHERE m.member_id = ANY ($1)
)
SELECT o.path FROM own o
 WHERE NOT EXISTS (SELECT FROM unnest(distributor.ancestors(o.path)) AS a(path)
					WHERE a.path IN (SELECT above.path FROM own above))$query$)
			USING members;
		RETURN;
	END IF;
	-- Down from the roots by every edge that ever was, as far as there are
	-- sales: of paths that never were there are none.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH RECURSIVE above(member_id) AS (
	SELECT DISTINCT u.member_id FROM unnest($1) AS u(member_id)
	UNION
	SELECT h.sponsor_id
	  FROM above a
	  JOIN @program@.member_history h ON h.member_id = a.member_id
	 WHERE h.sponsor_id IS NOT NULL
), edge AS MATERIALIZED (
	SELECT DISTINCT h.member_id, h.sponsor_id
	  FROM above a
	  JOIN @program@.member_history h ON h.member_id = a.member_id
), place(member_id, path) AS (
	SELECT e.member_id, ARRAY[e.member_id]::distributor.refpath
	  FROM edge e WHERE e.sponsor_id IS NULL
	UNION ALL
	SELECT e.member_id, n.path
	  FROM place p
	  JOIN edge e ON e.sponsor_id = p.member_id AND NOT p.path <@ e.member_id
	 CROSS JOIN LATERAL (SELECT distributor.refpath_append(p.path, e.member_id) AS path) n
	 WHERE EXISTS (SELECT FROM @program@.sale s
					WHERE s.path >= n.path AND s.path < distributor.path_upper(n.path))
), own AS MATERIALIZED (
	SELECT p.path FROM place p WHERE p.member_id = ANY ($1)
)
SELECT o.path FROM own o
 WHERE NOT EXISTS (SELECT FROM unnest(distributor.ancestors(o.path)) AS a(path)
					WHERE a.path IN (SELECT above.path FROM own above))$query$)
		USING members;
END
$function$;
COMMENT ON FUNCTION distributor.sale_paths(pg_catalog.text, pg_catalog.int8[]) IS
	'the paths below which lie all sales that count for these members, for the uplines that the sales had; none of them is above another';

CREATE FUNCTION distributor.sales_sql(
		program pg_catalog.text, members pg_catalog.int8[], lower pg_catalog.timestamptz,
		upper pg_catalog.timestamptz, as_of pg_catalog.timestamptz)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	below CONSTANT pg_catalog.text := $query$
	SELECT s.*, @path@ AS base_path FROM @program@.sale s WHERE s.path >= @path@ AND s.path < distributor.path_upper(@path@)$query$;
	paths distributor.refpath[];
	sold pg_catalog.text;
BEGIN
	-- A few paths stand in the text, where the planner sees how much lies below
	-- each; of many it reads the list.
	paths := ARRAY(SELECT p.path FROM distributor.sale_paths(program, members) AS p(path));
	IF cardinality(paths) BETWEEN 1 AND 20 THEN
		SELECT string_agg(replace(below, '@path@', quote_literal(p.path) || '::distributor.refpath'), ' UNION ALL ')
		  INTO sold FROM unnest(paths) AS p(path);
	ELSE
		sold := replace(replace(below, 'FROM', format('FROM unnest(%L::distributor.refpath[]) AS b(path) JOIN', paths)), 'WHERE', 'ON');
		sold := replace(sold, '@path@', 'b.path');
	END IF;
	RETURN format($query$
sold AS MATERIALIZED (
	SELECT s.sale_id, s.member_id, s.path, s.base_path, s.amount
	  FROM (%1$s) s
	 WHERE s.currency = @currency@ AND s.occurred_at >= %2$L AND s.occurred_at < %3$L%5$s
), net AS (
	SELECT s.member_id, s.path, s.base_path, s.amount, 1 AS sales FROM sold s
	UNION ALL
	SELECT s.member_id, s.path, s.base_path, -p.amount, 0
	  FROM sold s
	  JOIN @program@.refund_posting p ON p.sale_id = s.sale_id
%4$s)$query$, sold, lower, upper, CASE WHEN as_of IS NOT NULL THEN format($query$
	  JOIN @program@.refund r ON r.refund_id = p.refund_id AND r.occurred_at <= %L
$query$, as_of) END, ' AND s.occurred_at <= ' || quote_literal(as_of));
END
$function$;
COMMENT ON FUNCTION distributor.sales_sql(pg_catalog.text, pg_catalog.int8[], pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the text of the sales in the program''s currency that count for these members, for the uplines that the sales had, and what was refunded of them; for the reports of distributor themselves';

CREATE FUNCTION distributor.team_volumes(
		program pg_catalog.text, members pg_catalog.int8[], sources pg_catalog.int8[],
		lower pg_catalog.timestamptz DEFAULT '-infinity', upper pg_catalog.timestamptz DEFAULT 'infinity',
		as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, personal_volume pg_catalog."numeric", team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 500
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- Whoever has not moved, and whose sponsor is among the members, has no
	-- sales that are not that sponsor's as well: the others are the sources.
	-- Who has moved has sales at several paths.
	RETURN QUERY
	SELECT r.member_id, sum(r.personal[1]), sum(r.team[1])
	  FROM distributor.team_rollup(distributor.report_sql(program,
				'WITH ' || distributor.sales_sql(program, sources, lower, upper, as_of)
				|| 'SELECT n.path, n.amount FROM net n')) r
	 WHERE members IS NULL OR r.member_id = ANY (members)
	 GROUP BY r.member_id;
END
$function$;
COMMENT ON FUNCTION distributor.team_volumes(pg_catalog.text, pg_catalog.int8[], pg_catalog.int8[], pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'what the sales of these members, and of their teams, add up to, for the uplines that the sales had, less refunds; sources are those of them who have moved or whose sponsor is not among them; who has no sales is left out; null members: everybody whom these sales count for';

CREATE FUNCTION distributor.team_as_of(
		program pg_catalog.text, member pg_catalog.int8, as_of pg_catalog.timestamptz)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8, path distributor.refpath,
		rank pg_catalog.text, state pg_catalog.text, joined_at pg_catalog.timestamptz, base_path distributor.refpath)
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- Who has moved since then stands, with whom it has now below it, where its
	-- sponsor of then stood; everybody else stands below the nearest of those.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH RECURSIVE moved AS MATERIALIZED (
	SELECT m.member_id, m.path, t.sponsor_id
	  FROM (SELECT DISTINCT h.member_id FROM @program@.member_history h
			 WHERE h.change IN ('move', 'rejoin') AND h.valid_from > $2) c
	  JOIN @program@.member m ON m.member_id = c.member_id
	 CROSS JOIN LATERAL (SELECT h.sponsor_id FROM @program@.member_history h
						  WHERE h.member_id = c.member_id AND h.valid_from <= $2
						  ORDER BY h.revision DESC LIMIT 1) t
), hung AS MATERIALIZED (
	SELECT c.member_id, c.path, s.path AS sponsor_path,
		   (SELECT a.member_id FROM unnest(distributor.member_ids(s.path)) WITH ORDINALITY AS a(member_id, depth)
			 WHERE a.member_id IN (SELECT moved.member_id FROM moved)
			 ORDER BY a.depth DESC LIMIT 1) AS below
	  FROM moved c
	  LEFT JOIN @program@.member s ON s.member_id = c.sponsor_id
), stood(member_id, path, path_then) AS (
	SELECT h.member_id, h.path, CASE WHEN h.sponsor_path IS NULL THEN ARRAY[h.member_id]::distributor.refpath
									 ELSE distributor.refpath_append(h.sponsor_path, h.member_id) END
	  FROM hung h WHERE h.below IS NULL
	UNION ALL
	SELECT h.member_id, h.path, distributor.refpath_append(distributor.graft(h.sponsor_path, s.path, s.path_then), h.member_id)
	  FROM stood s
	  JOIN hung h ON h.below = s.member_id
), base AS MATERIALIZED (
	SELECT m.member_id, m.path, coalesce(distributor.graft(m.path, s.path, s.path_then), m.path) AS path_then
	  FROM @program@.member m
	  LEFT JOIN LATERAL (SELECT a.member_id FROM unnest(distributor.member_ids(m.path)) WITH ORDINALITY AS a(member_id, depth)
						  WHERE a.member_id IN (SELECT moved.member_id FROM moved)
						  ORDER BY a.depth DESC LIMIT 1) n ON true
	  LEFT JOIN stood s ON s.member_id = n.member_id
	 WHERE m.member_id = $1
), part AS (
	SELECT b.member_id, b.path, b.path_then FROM base b
	UNION ALL
	SELECT s.member_id, s.path, s.path_then
	  FROM base b
	  JOIN stood s ON s.path_then >= b.path_then AND s.path_then < distributor.path_upper(b.path_then)
	 WHERE s.member_id <> b.member_id
)
SELECT m.member_id, m.member_key, t.sponsor_id, distributor.graft(m.path, p.path, p.path_then),
	   t.rank, t.state, m.joined_at, b.path_then
  FROM base b
 CROSS JOIN part p
  JOIN @program@.member m ON m.path >= p.path AND m.path < distributor.path_upper(p.path)
 CROSS JOIN LATERAL (SELECT h.sponsor_id, h.rank, h.state FROM @program@.member_history h
					  WHERE h.member_id = m.member_id AND h.valid_from <= $2
					  ORDER BY h.revision DESC LIMIT 1) t
 WHERE NOT EXISTS (SELECT FROM unnest((distributor.member_ids(m.path))[distributor.depth(p.path) + 1:]) AS a(member_id)
					WHERE a.member_id IN (SELECT moved.member_id FROM moved))
   AND EXISTS (SELECT FROM @program@.member_history h WHERE h.member_id = $1 AND h.valid_from <= $2)$query$)
		USING member, as_of;
END
$function$;
COMMENT ON FUNCTION distributor.team_as_of(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz) IS
	'a member and its team as they were at a time: places, ranks and states; for the reports of distributor, which take as_of';

-- A team

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
BEGIN
	PERFORM distributor.check_program(program);
	IF max_level < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'max_level must not be negative';
	END IF;
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH page AS MATERIALIZED (
	SELECT t.*, distributor.depth(t.path) - distributor.depth(t.base_path) AS level
	  FROM @team@ t
	 WHERE ($3 IS NULL OR distributor.depth(t.path) - distributor.depth(t.base_path) <= $3)
	   AND ($4 IS NULL OR t.path > $4)
	 ORDER BY t.path LIMIT $5
)
SELECT p.member_id, coalesce(p.member_key, p.member_id::text), p.sponsor_id, p.level, p.path, p.rank,
	   p.state, p.joined_at, coalesce(v.personal_volume, 0), coalesce(v.team_volume, 0)
  FROM page p
  LEFT JOIN distributor.team_volumes(@name@, NULL, ARRAY(
			SELECT l.member_id FROM page l
			 WHERE l.sponsor_id IS NULL OR l.sponsor_id NOT IN (SELECT above.member_id FROM page above)
				OR EXISTS (SELECT FROM @program@.member_history h
							WHERE h.member_id = l.member_id AND h.change IN ('move', 'rejoin'))), as_of => $2) v
	ON v.member_id = p.member_id
 ORDER BY p.path$query$, member, as_of)
		USING member, as_of, max_level, after, max_rows;
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
), $query$ || distributor.sales_sql(program, ARRAY[member], lower, upper, as_of) || $query$, volume AS (
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
	SELECT distributor.upline(t.path, distributor.depth(t.path) - distributor.depth(t.base_path) - 1) AS leg, count(*) AS size,
		   count(*) FILTER (WHERE t.state = 'active') AS active,
		   max(distributor.depth(t.path) - distributor.depth(t.base_path)) AS deepest,
		   count(*) FILTER (WHERE t.joined_at >= $3 AND t.joined_at < $4) AS joined
	  FROM @team@ t
	 WHERE t.path > t.base_path
	 GROUP BY 1
), $query$ || distributor.sales_sql(program, ARRAY[member], lower, upper, as_of) || $query$, volume AS (
	SELECT distributor.upline(n.path, distributor.depth(n.path) - distributor.depth(n.base_path) - 1) AS leg, sum(n.sales) AS sales, sum(n.amount) AS volume
	  FROM net n
	 WHERE n.path > n.base_path
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

-- Who is best

CREATE FUNCTION distributor.leaderboard(
		program pg_catalog.text, metric pg_catalog.text, period pg_catalog.text DEFAULT NULL,
		max_rows pg_catalog.int8 DEFAULT 100, scope pg_catalog.int8 DEFAULT NULL,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		after_value pg_catalog."numeric" DEFAULT NULL, after_member pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		place pg_catalog.int8, member_id pg_catalog.int8, member_key pg_catalog.text, value pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
	total pg_catalog.text;
BEGIN
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	CASE metric
		WHEN 'personal_volume' THEN
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT n.member_id, sum(n.amount - n.refunded) AS value
	  FROM @net@ n
	 WHERE n.currency = @currency@ AND n.occurred_at >= $2 AND n.occurred_at < $3
	 GROUP BY n.member_id$query$ ELSE $query$
	SELECT v.member_id, v.personal_volume AS value
	  FROM distributor.team_volumes(@name@, ARRAY(SELECT t.member_id FROM @team@ t), ARRAY(
			SELECT t.member_id FROM @team@ t
			 WHERE t.member_id = $1 OR EXISTS (SELECT FROM @program@.member_history h
												WHERE h.member_id = t.member_id AND h.change IN ('move', 'rejoin'))), $2, $3) v$query$ END;
		WHEN 'team_volume' THEN
			-- who has moved has sales at several paths
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT r.member_id, sum(r.team[1]) AS value
	  FROM distributor.team_rollup($7, false, NULL, 0, $2, $3) r
	 GROUP BY r.member_id$query$ ELSE $query$
	SELECT v.member_id, v.team_volume AS value
	  FROM distributor.team_volumes(@name@, ARRAY(SELECT t.member_id FROM @team@ t), ARRAY(
			SELECT t.member_id FROM @team@ t
			 WHERE t.member_id = $1 OR EXISTS (SELECT FROM @program@.member_history h
												WHERE h.member_id = t.member_id AND h.change IN ('move', 'rejoin'))), $2, $3) v$query$ END;
		WHEN 'commissions' THEN
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT l.member_id, sum(l.amount) AS value
	  FROM (SELECT 'sale' AS source, s.sale_id AS source_id
			  FROM @program@.sale s
			 WHERE s.currency = @currency@ AND s.occurred_at >= $2 AND s.occurred_at < $3
			UNION ALL
			SELECT 'refund', p.refund_id
			  FROM @program@.sale s
			  JOIN @program@.refund_posting p ON p.sale_id = s.sale_id
			 WHERE s.currency = @currency@ AND s.occurred_at >= $2 AND s.occurred_at < $3) e
	  JOIN @program@.ledger l ON l.source_id = e.source_id AND l.source = e.source
	 GROUP BY l.member_id$query$ ELSE $query$
	-- an aggregate for each, that a team taken for larger than it is may not lead
	-- to reading the whole ledger
	SELECT t.member_id, e.value
	  FROM @team@ t
	 CROSS JOIN LATERAL (
			SELECT sum(l.amount) AS value
			  FROM @program@.ledger l
			  JOIN @program@.sale s ON s.sale_id = CASE l.source WHEN 'sale' THEN l.source_id ELSE
					(SELECT p.sale_id FROM @program@.refund_posting p WHERE p.refund_id = l.source_id) END
			 WHERE l.member_id = t.member_id AND l.currency = @currency@ AND l.source IN ('sale', 'refund')
			   AND s.occurred_at >= $2 AND s.occurred_at < $3) e$query$ END;
		WHEN 'recruits' THEN
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT m.sponsor_id AS member_id, count(*)::numeric AS value
	  FROM @program@.member m
	 WHERE m.sponsor_id IS NOT NULL AND m.joined_at >= $2 AND m.joined_at < $3
	 GROUP BY m.sponsor_id$query$ ELSE $query$
	SELECT t.member_id, f.value
	  FROM @team@ t
	 CROSS JOIN LATERAL (
			SELECT count(*)::numeric AS value
			  FROM @program@.member m
			 WHERE m.sponsor_id = t.member_id AND m.joined_at >= $2 AND m.joined_at < $3) f$query$ END;
		ELSE
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = coalesce('invalid metric "' || left(metric, 40) || '"', 'metric must not be null'),
				HINT = 'Use personal_volume, team_volume, commissions or recruits.';
	END CASE;
	-- The page first, which takes no more than a heap of its size, then its places.
	RETURN QUERY EXECUTE distributor.report_sql(program, 'WITH total AS MATERIALIZED (' || total || $query$
), page AS (
	SELECT t.member_id, t.value
	  FROM total t
	 WHERE t.value > 0 AND ($4 IS NULL OR t.value < $4 OR (t.value = $4 AND t.member_id > $5))
	 ORDER BY t.value DESC, t.member_id LIMIT $6
)
SELECT CASE WHEN p.value = $4 THEN 1 + (SELECT count(*) FROM total t WHERE t.value > $4)
			ELSE (SELECT count(*) FROM total t WHERE t.value > $4 OR (t.value = $4 AND t.member_id <= $5))
				 + rank() OVER (ORDER BY p.value DESC) END,
	   p.member_id, coalesce(m.member_key, p.member_id::text), p.value
  FROM page p
  LEFT JOIN @program@.member m ON m.member_id = p.member_id
 ORDER BY p.value DESC, p.member_id$query$, scope)
		USING scope, lower, upper, after_value, after_member, max_rows, distributor.report_sql(program, $query$
SELECT n.path, n.amount - n.refunded
  FROM @net@ n
 WHERE n.currency = @currency@ AND n.occurred_at >= $1 AND n.occurred_at < $2$query$);
END
$function$;
COMMENT ON FUNCTION distributor.leaderboard(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.int8, pg_catalog.int8, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog."numeric", pg_catalog.int8) IS
	'the members with most personal_volume, team_volume, commissions or recruits in a period, of the whole program or of the team of scope; equal values share a place and stand in the order of member_id';

CREATE FUNCTION distributor.leaderboard(
		program pg_catalog.text, metric pg_catalog.text, period pg_catalog.text, max_rows pg_catalog.int8,
		scope pg_catalog.text, "from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		after_value pg_catalog."numeric" DEFAULT NULL, after_member pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		place pg_catalog.int8, member_id pg_catalog.int8, member_key pg_catalog.text, value pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- Nobody of that key is not everybody.
	IF distributor.find_member(program, scope) IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM distributor.leaderboard(
		program, metric, period, max_rows, distributor.find_member(program, scope), "from", "to", after_value, after_member);
END
$function$;
COMMENT ON FUNCTION distributor.leaderboard(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.int8, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog."numeric", pg_catalog.int8) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.promoters(
		program pg_catalog.text, "by" pg_catalog.text[] DEFAULT '{}', period pg_catalog.text DEFAULT NULL,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		max_rows pg_catalog.int8 DEFAULT 100, after_buyers pg_catalog.int8 DEFAULT NULL,
		after_member pg_catalog.int8 DEFAULT NULL, after_attributes pg_catalog.jsonb DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, attributes pg_catalog.jsonb, buyers pg_catalog.int8,
		new_buyers pg_catalog.int8, sales pg_catalog.int8, volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
BEGIN
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH bought AS (
	SELECT distributor.sponsor_id(n.path) AS promoter, n.member_id,
		   (SELECT coalesce(jsonb_object_agg(a.name, n.attributes -> a.name), '{}') FROM unnest($1) AS a(name)) AS attributes,
		   CASE WHEN n.currency = @currency@ THEN n.amount - n.refunded ELSE 0 END AS volume,
		   NOT EXISTS (SELECT FROM @program@.sale e
						WHERE e.member_id = n.member_id AND (e.occurred_at, e.sale_id) < (n.occurred_at, n.sale_id)
						  AND e.amount > (SELECT coalesce(sum(p.amount), 0) FROM @program@.refund_posting p
										   WHERE p.sale_id = e.sale_id)) AS is_first
	  FROM @net@ n
	 WHERE n.occurred_at >= $2 AND n.occurred_at < $3 AND n.amount > n.refunded
	   AND distributor.sponsor_id(n.path) IS NOT NULL
), promoter AS (
	SELECT b.promoter, b.attributes, count(DISTINCT b.member_id) AS buyers,
		   count(*) FILTER (WHERE b.is_first) AS new_buyers, count(*) AS sales, sum(b.volume) AS volume
	  FROM bought b
	 GROUP BY b.promoter, b.attributes
)
SELECT p.promoter, coalesce(m.member_key, p.promoter::text), p.attributes, p.buyers, p.new_buyers, p.sales, p.volume
  FROM promoter p
  LEFT JOIN @program@.member m ON m.member_id = p.promoter
 WHERE $4 IS NULL OR p.buyers < $4
	OR (p.buyers = $4 AND (p.promoter > $5 OR (p.promoter = $5 AND p.attributes > $6)))
 ORDER BY p.buyers DESC, p.promoter, p.attributes LIMIT $7$query$)
		USING "by", lower, upper, after_buyers, after_member, after_attributes, max_rows;
END
$function$;
COMMENT ON FUNCTION distributor.promoters(pg_catalog.text, pg_catalog.text[], pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.int8, pg_catalog.int8, pg_catalog.jsonb) IS
	'who brings buyers: the sponsor that each sale had, with how many bought, how many for the first time, and for how much, in a period, by attributes of the sales';

CREATE FUNCTION distributor.region(
		program pg_catalog.text, attribute pg_catalog.text DEFAULT 'region', period pg_catalog.text DEFAULT NULL,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		value pg_catalog.text, buyers pg_catalog.int8, sales pg_catalog.int8, amount pg_catalog."numeric",
		refunded pg_catalog."numeric", volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 50
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
BEGIN
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
SELECT (n.attributes ->> $1) COLLATE "C", count(DISTINCT n.member_id) FILTER (WHERE n.amount > n.refunded), count(*),
	   sum(n.amount), sum(n.refunded), sum(n.amount - n.refunded)
  FROM @net@ n
 WHERE n.currency = @currency@ AND n.occurred_at >= $2 AND n.occurred_at < $3
 GROUP BY 1
 ORDER BY 1 NULLS LAST$query$)
		USING attribute, lower, upper;
END
$function$;
COMMENT ON FUNCTION distributor.region(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'sales of a period by an attribute of theirs, such as region or channel: amount, refunded, and volume, which is what remains; null: sales without it';

-- How the program grows and keeps its people

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
  FROM @program@.member m
  LEFT JOIN sold s ON s.member_id = m.member_id
  LEFT JOIN brought b ON b.member_id = m.member_id
 WHERE m.joined_at >= $1 AND m.joined_at < $2
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
	SELECT m.member_id, date_trunc('month', m.joined_at AT TIME ZONE @zone@) AS month
	  FROM @program@.member m WHERE m.joined_at >= $1 AND m.joined_at < $2
), cohort AS (
	SELECT c.month, count(*) AS members FROM member c GROUP BY c.month
), bought AS (
	SELECT c.month, b.month AS bought, count(*) AS buyers
	  FROM member c
	  JOIN (SELECT DISTINCT n.member_id, date_trunc('month', n.occurred_at AT TIME ZONE @zone@) AS month
			  FROM @net@ n WHERE n.amount > n.refunded) b ON b.member_id = c.member_id
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
		after pg_catalog.int8 DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT 1000)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8,
		joined_at pg_catalog.timestamptz, last_sale_at pg_catalog.timestamptz)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 500
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
SELECT t.member_id, coalesce(t.member_key, t.member_id::text), t.sponsor_id, t.joined_at, l.occurred_at
  FROM (SELECT coalesce($2, (now() AT TIME ZONE @zone@ - $3) AT TIME ZONE @zone@) AS since) d
 CROSS JOIN $query$ || CASE WHEN scope IS NULL THEN '@program@.member' ELSE '(SELECT * FROM @team@ o OFFSET 0)' END || $query$ t
 CROSS JOIN LATERAL (SELECT max(s.occurred_at) AS occurred_at
					   FROM @program@.sale s
					  WHERE s.member_id = t.member_id
						AND s.amount > (SELECT coalesce(sum(p.amount), 0) FROM @program@.refund_posting p
										 WHERE p.sale_id = s.sale_id)) l
 WHERE t.state = 'active' AND t.joined_at < d.since AND (l.occurred_at IS NULL OR l.occurred_at < d.since)
   AND ($4 IS NULL OR t.member_id > $4)
 ORDER BY t.member_id LIMIT $5$query$, scope)
		USING scope, since, idle, after, max_rows;
END
$function$;
COMMENT ON FUNCTION distributor.inactive(pg_catalog.text, pg_catalog."interval", pg_catalog.timestamptz, pg_catalog.int8, pg_catalog.int8, pg_catalog.int8) IS
	'active members who have not bought since a time, or for as long as idle says, with their last sale; of the whole program or of the team of scope; who joined later is left out';

CREATE FUNCTION distributor.inactive(
		program pg_catalog.text, idle pg_catalog."interval", since pg_catalog.timestamptz, scope pg_catalog.text,
		after pg_catalog.int8 DEFAULT NULL, max_rows pg_catalog.int8 DEFAULT 1000)
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
		program, idle, since, distributor.find_member(program, scope), after, max_rows);
END
$function$;
COMMENT ON FUNCTION distributor.inactive(pg_catalog.text, pg_catalog."interval", pg_catalog.timestamptz, pg_catalog.text, pg_catalog.int8, pg_catalog.int8) IS
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
  FROM @program@.member m
  LEFT JOIN (SELECT DISTINCT n.member_id FROM @net@ n WHERE n.amount > n.refunded) b ON b.member_id = m.member_id$query$);
END
$function$;
COMMENT ON FUNCTION distributor.compliance(pg_catalog.text, pg_catalog.int4, pg_catalog.int8, pg_catalog.int8, pg_catalog.int8, pg_catalog.int8) IS
	'teams of at least so many levels and people below their head, the largest first, with how many of those people never bought';

-- Teams against each other

CREATE FUNCTION distributor.create_battle(
		program pg_catalog.text, battle pg_catalog.text, starts_at pg_catalog.timestamptz,
		ends_at pg_catalog.timestamptz)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	PERFORM distributor.check_program(program);
	IF num_nulls(battle, starts_at, ends_at) > 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'battle, starts_at and ends_at must not be null';
	END IF;
	IF starts_at >= ends_at OR starts_at = '-infinity' OR ends_at = 'infinity' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('battle "%s" must end after it starts, and both must be finite', left(battle, 80)),
			DETAIL = format('It is to start at %s and to end at %s.', starts_at, ends_at);
	END IF;
	EXECUTE distributor.report_sql(program, 'INSERT INTO @program@.battle (battle, starts_at, ends_at) VALUES ($1, $2, $3)')
		USING battle, starts_at, ends_at;
END
$function$;
COMMENT ON FUNCTION distributor.create_battle(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'announce a contest of teams, from starts_at to before ends_at';

CREATE FUNCTION distributor.add_battle_team(
		program pg_catalog.text, battle pg_catalog.text, team pg_catalog.text, captain pg_catalog.int8)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	found pg_catalog.bool;
BEGIN
	EXECUTE distributor.report_sql(program, 'SELECT true FROM @program@.battle b WHERE b.battle = $1 FOR SHARE') INTO found USING battle;
	IF found IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('battle "%s" does not exist', left(battle, 80)),
			HINT = 'Battles are made by distributor.create_battle().';
	END IF;
	EXECUTE distributor.report_sql(program, 'SELECT EXISTS (SELECT FROM @program@.battle_member m WHERE m.battle = $1)')
		INTO found USING battle;
	IF found THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('battle "%s" has started', left(battle, 80)),
			DETAIL = 'Its teams stay as they were at the start.';
	END IF;
	EXECUTE distributor.report_sql(program, 'SELECT EXISTS (SELECT FROM @program@.member m WHERE m.member_id = $1)')
		INTO found USING captain;
	IF NOT found THEN
		RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
			MESSAGE = format('member %s does not exist in program "%s"', coalesce(captain::pg_catalog.text, 'null'), program);
	END IF;
	EXECUTE distributor.report_sql(program, 'INSERT INTO @program@.battle_team (battle, team, captain_id) VALUES ($1, $2, $3)')
		USING battle, team, captain;
END
$function$;
COMMENT ON FUNCTION distributor.add_battle_team(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.int8) IS
	'register the team of a captain for a battle that has not started';

CREATE FUNCTION distributor.add_battle_team(
		program pg_catalog.text, battle pg_catalog.text, team pg_catalog.text, captain pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	id pg_catalog.int8 := distributor.find_member(program, captain);
BEGIN
	IF id IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
			MESSAGE = format('member %s does not exist in program "%s"', coalesce('"' || left(captain, 80) || '"', 'null'), program);
	END IF;
	PERFORM distributor.add_battle_team(program, battle, team, id);
END
$function$;
COMMENT ON FUNCTION distributor.add_battle_team(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
	'the same for a captain named by its key';

CREATE FUNCTION distributor.start_battle(
		program pg_catalog.text, battle pg_catalog.text)
	RETURNS pg_catalog.int8
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	found pg_catalog.bool;
	starts_at pg_catalog.timestamptz;
	roster pg_catalog.int8;
BEGIN
	EXECUTE distributor.report_sql(program, 'SELECT true FROM @program@.battle b WHERE b.battle = $1 FOR UPDATE') INTO found USING battle;
	IF found IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('battle "%s" does not exist', left(battle, 80)),
			HINT = 'Battles are made by distributor.create_battle().';
	END IF;
	EXECUTE distributor.report_sql(program, 'SELECT EXISTS (SELECT FROM @program@.battle_member m WHERE m.battle = $1)')
		INTO found USING battle;
	IF found THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('battle "%s" has started', left(battle, 80)),
			DETAIL = 'Its teams stay as they were at the start.';
	END IF;
	EXECUTE distributor.report_sql(program, 'SELECT b.starts_at FROM @program@.battle b WHERE b.battle = $1')
		INTO starts_at USING battle;
	IF starts_at > now() THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('battle "%s" has not begun', left(battle, 80)),
			DETAIL = format('It starts at %s.', starts_at);
	END IF;
	-- Where one captain is below another, people are with the nearer one.
	EXECUTE distributor.report_sql(program, $query$
INSERT INTO @program@.battle_member (battle, member_id, team)
SELECT DISTINCT ON (m.member_id) $1, m.member_id, t.team
  FROM @program@.battle_team t
 CROSS JOIN LATERAL distributor.team_as_of(@name@, t.captain_id, $2) m
 WHERE t.battle = $1 AND m.state <> 'left'
 ORDER BY m.member_id, distributor.depth(m.base_path) DESC$query$)
		USING battle, starts_at;
	GET DIAGNOSTICS roster = ROW_COUNT;
	RETURN roster;
END
$function$;
COMMENT ON FUNCTION distributor.start_battle(pg_catalog.text, pg_catalog.text) IS
	'write down who is in the teams of a battle, as they were when it started; returns how many; from then on they stay';

CREATE FUNCTION distributor.team_battle(
		program pg_catalog.text, battle pg_catalog.text)
	RETURNS TABLE (
		day pg_catalog.date, place pg_catalog.int8, team pg_catalog.text, captain_id pg_catalog.int8,
		members pg_catalog.int8, sales pg_catalog.int8, volume pg_catalog."numeric", total pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	found pg_catalog.bool;
BEGIN
	EXECUTE distributor.report_sql(program, 'SELECT true FROM @program@.battle b WHERE b.battle = $1') INTO found USING battle;
	IF found IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('battle "%s" does not exist', left(battle, 80)),
			HINT = 'Battles are made by distributor.create_battle().';
	END IF;
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH battle AS (
	SELECT b.starts_at, b.ends_at, p.time_zone AS zone,
		   date_trunc('day', b.starts_at AT TIME ZONE p.time_zone) AS first_day,
		   date_trunc('day', least(b.ends_at - interval '1 microsecond', now()) AT TIME ZONE p.time_zone) AS last_day
	  FROM @program@.battle b, @program@.program p
	 WHERE b.battle = $1
), team AS (
	SELECT t.team, t.captain_id, count(m.member_id) AS members
	  FROM @program@.battle_team t
	  JOIN @program@.battle_member m ON m.battle = t.battle AND m.team = t.team
	 WHERE t.battle = $1
	 GROUP BY t.team, t.captain_id
), sold AS MATERIALIZED (
	SELECT m.team, (s.occurred_at AT TIME ZONE b.zone)::date AS day, s.sale_id, s.amount
	  FROM battle b
	 CROSS JOIN @program@.battle_member m
	  JOIN @program@.sale s ON s.member_id = m.member_id
	 WHERE m.battle = $1 AND s.occurred_at >= b.starts_at AND s.occurred_at < b.ends_at AND s.currency = @currency@
), daily AS (
	SELECT n.team, n.day, count(*) FILTER (WHERE n.is_sale) AS sales, sum(n.amount) AS volume
	  FROM (SELECT s.team, s.day, s.amount, true AS is_sale FROM sold s
			UNION ALL
			SELECT s.team, s.day, -p.amount, false FROM sold s JOIN @program@.refund_posting p ON p.sale_id = s.sale_id) n
	 GROUP BY n.team, n.day
), standing AS (
	SELECT d.day::date AS day, t.team, t.captain_id, t.members, coalesce(v.sales, 0) AS sales, coalesce(v.volume, 0) AS volume,
		   sum(coalesce(v.volume, 0)) OVER (PARTITION BY t.team ORDER BY d.day) AS total
	  FROM battle b
	 CROSS JOIN LATERAL generate_series(b.first_day, b.last_day, interval '1 day') AS d(day)
	 CROSS JOIN team t
	  LEFT JOIN daily v ON v.team = t.team AND v.day = d.day::date
)
SELECT s.day, rank() OVER (PARTITION BY s.day ORDER BY s.total DESC), s.team, s.captain_id, s.members, s.sales, s.volume, s.total
  FROM standing s
 ORDER BY 1, 2, 3$query$)
		USING battle;
END
$function$;
COMMENT ON FUNCTION distributor.team_battle(pg_catalog.text, pg_catalog.text) IS
	'the standings of a battle, day by day: what each teams people, as they were at the start, sold by themselves, less refunds; equal totals share a place';

-- Pictures in text

CREATE FUNCTION distributor.team_nodes(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4, max_width pg_catalog.int4)
	RETURNS TABLE (
		place pg_catalog.int4[], prefix pg_catalog.text, level pg_catalog.int4, member_id pg_catalog.int8,
		member_key pg_catalog.text, sponsor_id pg_catalog.int8, team_size pg_catalog.int8, folded pg_catalog.int8,
		moved pg_catalog.bool)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	PERFORM distributor.check_program(program);
	IF max_level < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'max_level must not be negative';
	END IF;
	IF max_width < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'max_width must not be negative';
	END IF;
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH RECURSIVE team AS MATERIALIZED (
	SELECT r.member_id, distributor.sponsor_id(r.path) AS sponsor_id, r.depth - distributor.depth(b.path) AS level, r.team_size,
		   row_number() OVER sibling AS no
	  FROM @program@.member b
	 CROSS JOIN distributor.team_rollup($4) r
	 WHERE b.member_id = $1 AND r.depth >= distributor.depth(b.path)
	   AND ($2 IS NULL OR r.depth - distributor.depth(b.path) <= $2 + 1)
	WINDOW sibling AS (PARTITION BY distributor.sponsor_id(r.path) ORDER BY r.team_size DESC, r.member_id)
), child AS MATERIALIZED (
	SELECT t.member_id, t.sponsor_id, t.level, t.team_size, t.no,
		   ($2 IS NULL OR t.level <= $2) AND (t.level = 0 OR $3 IS NULL OR t.no <= $3) AS shown,
		   t.no = count(*) OVER (PARTITION BY t.sponsor_id) AS is_last
	  FROM team t
), hidden AS (
	SELECT c.sponsor_id, count(*) AS members, sum(c.team_size)::bigint AS people
	  FROM child c
	 WHERE NOT c.shown
	 GROUP BY c.sponsor_id
), drawn(place, prefix, indent, level, member_id, sponsor_id, team_size) AS (
	SELECT '{}'::int[], '', '', c.level, c.member_id, c.sponsor_id, c.team_size
	  FROM child c WHERE c.level = 0
	UNION ALL
	SELECT d.place || c.no::int, d.indent || CASE WHEN c.is_last THEN '└── ' ELSE '├── ' END,
		   d.indent || CASE WHEN c.is_last THEN '    ' ELSE '│   ' END,
		   c.level, c.member_id, c.sponsor_id, c.team_size
	  FROM drawn d
	  JOIN child c ON c.sponsor_id = d.member_id AND c.level = d.level + 1
	 WHERE c.shown
)
SELECT n.place, n.prefix, n.level, n.member_id, coalesce(m.member_key, n.member_id::text), n.sponsor_id, n.team_size, n.folded,
	   EXISTS (SELECT FROM @program@.member_history h
				WHERE h.member_id = n.member_id AND h.change IN ('move', 'rejoin'))
  FROM (SELECT d.place, d.prefix, d.level, d.member_id, d.sponsor_id, d.team_size, NULL::bigint AS folded
		  FROM drawn d
		UNION ALL
		SELECT d.place || 2147483647, d.indent || '└── ', d.level + 1, NULL, d.member_id, h.people, h.members
		  FROM drawn d
		  JOIN hidden h ON h.sponsor_id = d.member_id) n
  LEFT JOIN @program@.member m ON m.member_id = n.member_id
 ORDER BY n.place$query$)
		USING member, max_level, max_width, distributor.report_sql(program, 'SELECT t.path FROM @team@ t', member);
END
$function$;
COMMENT ON FUNCTION distributor.team_nodes(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4) IS
	'what team_tree and team_dot draw: the largest branches, and what is folded of the others';

CREATE FUNCTION distributor.team_tree(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8)
	RETURNS TABLE (
		tree pg_catalog.text, member_id pg_catalog.int8, people pg_catalog.int8, personal_volume pg_catalog."numeric",
		team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY
	WITH node AS MATERIALIZED (
		SELECT n.* FROM distributor.team_nodes(program, member, max_level, max_width) n
	)
	SELECT n.prefix || CASE WHEN n.folded IS NULL THEN regexp_replace(n.member_key, '[[:cntrl:]]', ' ', 'g')
							ELSE format('... %s more (%s)', n.folded, CASE n.team_size WHEN 1 THEN '1 person' ELSE n.team_size || ' people' END) END,
		   n.member_id, n.team_size,
		   CASE WHEN n.folded IS NULL THEN coalesce(v.personal_volume, 0) END,
		   CASE WHEN n.folded IS NULL THEN coalesce(v.team_volume, 0) END
	  FROM node n
	  LEFT JOIN distributor.team_volumes(program, ARRAY(SELECT l.member_id FROM node l WHERE l.folded IS NULL),
					ARRAY(SELECT l.member_id FROM node l WHERE l.level = 0 OR l.moved)) v
		ON v.member_id = n.member_id
	 ORDER BY n.place;
END
$function$;
COMMENT ON FUNCTION distributor.team_tree(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4) IS
	'a team as a tree of text, the largest branches first; what is deeper than max_level or more than max_width at one sponsor is folded into one line';

CREATE FUNCTION distributor.team_tree(
		program pg_catalog.text, member pg_catalog.text, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8)
	RETURNS TABLE (
		tree pg_catalog.text, member_id pg_catalog.int8, people pg_catalog.int8, personal_volume pg_catalog."numeric",
		team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY SELECT * FROM distributor.team_tree(
		program, distributor.find_member(program, member), max_level, max_width);
END
$function$;
COMMENT ON FUNCTION distributor.team_tree(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.int4) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.team_dot(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- A key may hold anything: it stands in a label only, quoted.
	RETURN (
		WITH node AS MATERIALIZED (
			SELECT n.*, CASE WHEN n.folded IS NULL THEN 'm' || n.member_id ELSE 'more' || n.sponsor_id END AS name
			  FROM distributor.team_nodes(program, member, max_level, max_width) n
		), line AS (
			SELECT n.place, format('  %s [label="%s"%s];', n.name,
				   CASE WHEN n.folded IS NULL
						THEN replace(replace(regexp_replace(n.member_key, '[[:cntrl:]]', ' ', 'g'), '\', '\\'), '"', '\"')
							 || format('\n%s\n%s', CASE n.team_size WHEN 1 THEN '1 person' ELSE n.team_size || ' people' END, coalesce(v.team_volume, 0))
						ELSE format('%s more\n%s', n.folded, CASE n.team_size WHEN 1 THEN '1 person' ELSE n.team_size || ' people' END) END,
				   CASE WHEN n.folded IS NULL THEN '' ELSE ', style="rounded,dashed"' END)
				   || CASE WHEN n.place = '{}' THEN '' ELSE format(E'\n  m%s -> %s;', n.sponsor_id, n.name) END AS text
			  FROM node n
			  LEFT JOIN distributor.team_volumes(program, ARRAY(SELECT l.member_id FROM node l WHERE l.folded IS NULL),
					ARRAY(SELECT l.member_id FROM node l WHERE l.level = 0 OR l.moved)) v
				ON v.member_id = n.member_id
		)
		SELECT E'digraph team {\n  node [shape=box, style=rounded];\n' || string_agg(l.text, E'\n' ORDER BY l.place) || E'\n}\n'
		  FROM line l);
END
$function$;
COMMENT ON FUNCTION distributor.team_dot(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4) IS
	'a team as a graph for Graphviz: people and team volume in each node, folded as team_tree does; null if there is no such member';

CREATE FUNCTION distributor.team_dot(
		program pg_catalog.text, member pg_catalog.text, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN distributor.team_dot(program, distributor.find_member(program, member), max_level, max_width);
END
$function$;
COMMENT ON FUNCTION distributor.team_dot(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.int4) IS
	'the same for a member named by its key';
