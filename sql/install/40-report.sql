-- What the reports (41 to 45) are made of.
--
-- Their text depends on the schema of the program, so they are PL/pgSQL; they
-- read with the caller's own rights, in one snapshot each.  Two things are told
-- apart everywhere: people follow the tree, as it is now or was on a day, and a
-- sale counts for the upline that it had when it was posted.  What refunds took
-- back of a sale counts against it, in the period of the sale.
--
-- A report may be asked for when the planner knows nothing of what there is, or
-- what was so before a bulk load.  No guess of it may lead to going through one
-- thing for each of another.  So where all of two things are needed they are
-- joined in full, which is never made row by row, and the rows wanted are
-- chosen by coalesce(), which keeps the join a full one.  Where rows are looked
-- up for each, in a subquery of its own that nothing is merged with, the column
-- is said to be in a range of one value as well: of a range whose bounds it does
-- not know the planner takes that few rows are in it, whatever it has heard.

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
	-- each sale, the last of an order that has changed, with what has been refunded
	-- of it; @net $1 $2@: those from $1 to before $2
	net CONSTANT pg_catalog.text := $query$
(SELECT s.sale_id, s.member_id, s.occurred_at, s.currency, s.path, s.attributes, s.amount,
		coalesce(r.amount, 0) AS refunded
   FROM (SELECT n.*, true AS is_asked_for
		   FROM @program@.sale n
		  WHERE @within@) s
   FULL JOIN (SELECT v.replaces FROM @program@.sale v WHERE v.replaces IS NOT NULL) v ON v.replaces = s.sale_id
   FULL JOIN (SELECT p.sale_id, sum(p.amount) AS amount
				FROM @program@.refund_posting p GROUP BY p.sale_id) r ON r.sale_id = s.sale_id
  WHERE coalesce(s.is_asked_for, false) AND v.replaces IS NULL OFFSET 0)$query$;
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
	query := replace(query, '@net@', replace(net, '@within@', 'true'));
	query := regexp_replace(query, '@net (\$\d) (\$\d)@',
							replace(net, '@within@', 'n.occurred_at >= \1 AND n.occurred_at < \2'), 'g');
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
		start := make_timestamp(part[1]::pg_catalog.int4,
								coalesce(3 * part[3]::pg_catalog.int4 - 2, part[4]::pg_catalog.int4, 1), 1, 0, 0, 0)
			+ coalesce(part[6]::pg_catalog.int4 - 1, 0) * interval '1 day';
		length := CASE WHEN part[6] IS NOT NULL THEN '1 day' WHEN part[4] IS NOT NULL THEN '1 month'
					   WHEN part[3] IS NOT NULL THEN '3 months' ELSE '1 year' END;
		-- a day that the month does not have
		IF to_char(start, 'YYYY-MM-DD') <> period AND part[6] IS NOT NULL THEN
			start := NULL;
		END IF;
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
	lower := distributor.local_instant(start, zone);
	upper := distributor.local_instant(start + length, zone);
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
	paths distributor.refpath[];
	moved pg_catalog.bool;
	path distributor.refpath;
	top distributor.refpath;
BEGIN
	EXECUTE distributor.report_sql(program, $query$
SELECT array_agg(m.path),
	   bool_or(EXISTS (SELECT FROM @program@.member_history h
						WHERE h.member_id = ANY (distributor.member_ids(m.path)) AND h.change IN ('move', 'rejoin')))
  FROM @program@.member m
 WHERE m.member_id = ANY ($1)$query$)
		INTO paths, moved USING members;
	IF moved THEN
		-- Down from the roots by every edge that ever was, as far as there are
		-- sales: of paths that never were there are none.
		EXECUTE distributor.report_sql(program, $query$
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
)
SELECT array_agg(p.path) FROM place p WHERE p.member_id = ANY ($1)$query$)
			INTO paths USING members;
	END IF;
	-- in the order of the tree everything below a path follows it
	FOR path IN SELECT u.path FROM unnest(paths) AS u(path) ORDER BY u.path LOOP
		IF top IS NULL OR NOT path <@ top THEN
			RETURN NEXT path;
			top := path;
		END IF;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION distributor.sale_paths(pg_catalog.text, pg_catalog.int8[]) IS
	'the paths below which lie all sales that count for these members, for the uplines that the sales had; none of them is above another';

CREATE FUNCTION distributor.team_sources(
		program pg_catalog.text, member pg_catalog.int8)
	RETURNS pg_catalog.int8[]
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	sources pg_catalog.int8[];
BEGIN
	-- Whoever has not moved, and whose sponsor is of the team, has no sales that
	-- are not that sponsor's as well.
	EXECUTE distributor.report_sql(program, $query$
SELECT $1 || ARRAY(SELECT distributor.member_id(t.path) FROM @team@ t
					WHERE distributor.member_id(t.path) <> $1
					  AND distributor.member_id(t.path) IN (SELECT h.member_id FROM @program@.member_history h
															 WHERE h.change IN ('move', 'rejoin')))$query$, member)
		INTO sources USING member;
	RETURN sources;
END
$function$;
COMMENT ON FUNCTION distributor.team_sources(pg_catalog.text, pg_catalog.int8) IS
	'of a team those whose sales are not all within another''s: the member, and whoever of its team has moved; for sale_paths() and volumes_sql()';

CREATE FUNCTION distributor.sold_sql(
		program pg_catalog.text, members pg_catalog.int8[])
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	below CONSTANT pg_catalog.text := $query$
	SELECT s.*, @path@ AS base_path FROM @program@.sale s WHERE s.path >= @path@ AND s.path < distributor.path_upper(@path@)$query$;
	paths CONSTANT distributor.refpath[] := ARRAY(SELECT p.path FROM distributor.sale_paths(program, members) AS p(path));
BEGIN
	-- A few paths stand in the text, where the planner sees how much lies below
	-- each; of many it reads the list.
	IF cardinality(paths) BETWEEN 1 AND 20 THEN
		RETURN (SELECT '(' || string_agg(replace(below, '@path@', quote_literal(p.path) || '::distributor.refpath'), ' UNION ALL ') || ')'
				  FROM unnest(paths) AS p(path));
	END IF;
	RETURN '(' || replace(replace(replace(below, 'FROM', format('FROM unnest(%L::distributor.refpath[]) AS b(path) JOIN', paths)),
								  'WHERE', 'ON'), '@path@', 'b.path') || ')';
END
$function$;
COMMENT ON FUNCTION distributor.sold_sql(pg_catalog.text, pg_catalog.int8[]) IS
	'the text of a subquery: the sales that count for these members, for the uplines that the sales had; for the reports of distributor themselves';

CREATE FUNCTION distributor.sales_sql(
		program pg_catalog.text, members pg_catalog.int8[], lower pg_catalog.timestamptz,
		upper pg_catalog.timestamptz, as_of pg_catalog.timestamptz)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	-- of a sale, as far as it is known
	refunded CONSTANT pg_catalog.text := '@p@.sale_id = @s@.sale_id AND @p@.sale_id BETWEEN @s@.sale_id AND @s@.sale_id'
		|| CASE WHEN as_of IS NOT NULL THEN
		format(' AND (SELECT r.occurred_at FROM @program@.refund r WHERE r.refund_id = @p@.refund_id) <= %L', as_of) ELSE '' END;
BEGIN
	-- A row for each sale, with the first of its refunds, and one for each
	-- further refund.  That is a join, by index or by hash as the planner sees
	-- fit, and leaves sales that come in the order of their paths in it.  A sale
	-- that was replaced has been taken back as a whole, and counts no more.
	RETURN format($query$(
	SELECT s.member_id, s.path, s.base_path,
		   CASE WHEN p.refund_id IS NULL THEN s.amount WHEN %5$s THEN -p.amount ELSE s.amount - p.amount END AS amount,
		   CASE WHEN p.refund_id IS NULL THEN 1 WHEN %5$s THEN 0
				WHEN (SELECT v.sale_id FROM @program@.sale v WHERE v.replaces = s.sale_id AND v.replaces IS NOT NULL) IS NULL THEN 1
				ELSE 0 END AS sales
	  FROM %1$s s
	  LEFT JOIN @program@.refund_posting p ON %4$s
	 WHERE s.currency = @currency@ AND s.occurred_at >= %2$L AND s.occurred_at < %3$L%6$s
)$query$, distributor.sold_sql(program, members), lower, upper, replace(replace(refunded, '@p@', 'p'), '@s@', 's'),
		'EXISTS (SELECT FROM @program@.refund_posting o WHERE ' || replace(replace(refunded, '@p@', 'o'), '@s@', 'p') || ' AND o.refund_id < p.refund_id)',
		' AND s.occurred_at <= ' || quote_literal(as_of));
END
$function$;
COMMENT ON FUNCTION distributor.sales_sql(pg_catalog.text, pg_catalog.int8[], pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the text of a subquery: the sales in the program''s currency that count for these members, for the uplines that the sales had, and what was refunded of them; for the reports of distributor themselves';

CREATE FUNCTION distributor.volumes_sql(
		program pg_catalog.text, sources pg_catalog.int8[],
		lower pg_catalog.timestamptz DEFAULT '-infinity', upper pg_catalog.timestamptz DEFAULT 'infinity',
		as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN distributor.report_sql(program,
		'SELECT n.path, n.amount FROM ' || distributor.sales_sql(program, sources, lower, upper, as_of) || ' n');
END
$function$;
COMMENT ON FUNCTION distributor.volumes_sql(pg_catalog.text, pg_catalog.int8[], pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the query of the sales that count for these members and their teams, for rollup_volumes(); sources are those of the members who have moved or whose sponsor is not among them; for the reports of distributor themselves';

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
	  FROM distributor.team_rollup(distributor.volumes_sql(program, sources, lower, upper, as_of)) r
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
DECLARE
	moved pg_catalog.bool;
BEGIN
	EXECUTE distributor.report_sql(program, $query$
SELECT EXISTS (SELECT FROM @program@.member_history h WHERE h.change IN ('move', 'rejoin') AND h.valid_from > $1)$query$)
		INTO moved USING as_of;
	IF NOT moved THEN
		RETURN QUERY EXECUTE distributor.report_sql(program, $query$
SELECT m.member_id, m.member_key, t.sponsor_id, m.path, t.rank, t.state, m.joined_at, m.base_path
  FROM @team@ m
 CROSS JOIN LATERAL (SELECT h.sponsor_id, h.rank, h.state FROM @program@.member_history h
					  WHERE h.member_id = m.member_id AND h.valid_from <= $2
					  ORDER BY h.revision DESC LIMIT 1) t
 WHERE EXISTS (SELECT FROM @program@.member_history h WHERE h.member_id = $1 AND h.valid_from <= $2)$query$, member)
			USING member, as_of;
		RETURN;
	END IF;
	-- Who has moved since then stands, with whom it has now below it, where its
	-- sponsor of then stood; everybody else stands below the nearest of those.
	RETURN QUERY EXECUTE distributor.report_sql(program, $query$
WITH RECURSIVE moved AS MATERIALIZED (
	SELECT m.member_id, m.path, t.sponsor_id
	  FROM (SELECT DISTINCT h.member_id FROM @program@.member_history h
			 WHERE h.change IN ('move', 'rejoin') AND h.valid_from > $2) c
	  JOIN @program@.member m ON m.member_id = c.member_id
	 CROSS JOIN LATERAL (SELECT h.sponsor_id FROM @program@.member_history h
						  WHERE h.member_id = c.member_id AND (h.valid_from <= $2 OR h.revision = 1)
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
