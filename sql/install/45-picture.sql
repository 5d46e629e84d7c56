-- Pictures of a team in text.

CREATE FUNCTION distributor.team_nodes(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4, max_width pg_catalog.int4,
		as_of pg_catalog.timestamptz)
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
	-- people of then: not whoever is only where a member that had joined stood
	SELECT r.member_id, distributor.sponsor_id(r.path) AS sponsor_id, r.depth - distributor.depth(b.path) AS level,
		   r.team[1]::bigint AS team_size,
		   row_number() OVER sibling AS no
	  FROM $query$ || CASE WHEN as_of IS NULL THEN '@program@.member' ELSE 'distributor.member_as_of(@name@, $1, $5)' END || $query$ b
	 CROSS JOIN distributor.team_rollup($4, false, NULL, 0, $1, $5) r
	 WHERE b.member_id = $1 AND r.depth >= distributor.depth(b.path)
	   AND ($2 IS NULL OR r.depth - distributor.depth(b.path) <= $2 + 1)
	WINDOW sibling AS (PARTITION BY distributor.sponsor_id(r.path) ORDER BY r.team[1] DESC, r.member_id)
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
		USING member, max_level, max_width, distributor.report_sql(program, 'SELECT t.path, 1 FROM @team@ t', member, as_of), as_of;
END
$function$;
COMMENT ON FUNCTION distributor.team_nodes(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4, pg_catalog.timestamptz) IS
	'what team_tree and team_dot draw: the largest branches, and what is folded of the others';

CREATE FUNCTION distributor.team_tree(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		tree pg_catalog.text, member_id pg_catalog.int8, people pg_catalog.int8, personal_volume pg_catalog."numeric",
		team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY
	WITH node AS MATERIALIZED (
		SELECT n.* FROM distributor.team_nodes(program, member, max_level, max_width, as_of) n
	), drawn AS (
		SELECT n.*, distributor.rollup_volumes((SELECT distributor.volumes_sql(program, ARRAY(SELECT l.member_id FROM node l WHERE l.level = 0 OR l.moved), as_of => as_of)),
											   n.member_id) AS volumes
		  FROM node n
		 ORDER BY n.place OFFSET 0
	)
	SELECT d.prefix || CASE WHEN d.folded IS NULL THEN regexp_replace(d.member_key, '[[:cntrl:]]', ' ', 'g')
							ELSE format('... %s more (%s)', d.folded, CASE d.team_size WHEN 1 THEN '1 person' ELSE d.team_size || ' people' END) END,
		   d.member_id, d.team_size, d.volumes[1], d.volumes[2]
	  FROM drawn d
	 ORDER BY d.place;
END
$function$;
COMMENT ON FUNCTION distributor.team_tree(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4, pg_catalog.timestamptz) IS
	'a team, as it is or was at a time, as a tree of text, the largest branches first; what is deeper than max_level or more than max_width at one sponsor is folded into one line';

CREATE FUNCTION distributor.team_tree(
		program pg_catalog.text, member pg_catalog.text, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (
		tree pg_catalog.text, member_id pg_catalog.int8, people pg_catalog.int8, personal_volume pg_catalog."numeric",
		team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN QUERY SELECT * FROM distributor.team_tree(
		program, distributor.find_member(program, member), max_level, max_width, as_of);
END
$function$;
COMMENT ON FUNCTION distributor.team_tree(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.int4, pg_catalog.timestamptz) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.team_dot(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- A key may hold anything: it stands in a label only, quoted.
	RETURN (
		WITH node AS MATERIALIZED (
			SELECT n.*, CASE WHEN n.folded IS NULL THEN 'm' || n.member_id ELSE 'more' || n.sponsor_id END AS name
			  FROM distributor.team_nodes(program, member, max_level, max_width, as_of) n
		), line AS (
			SELECT n.place, format('  %s [label="%s"%s];', n.name,
				   CASE WHEN n.folded IS NULL
						THEN replace(replace(replace(regexp_replace(n.member_key, '[[:cntrl:]]', ' ', 'g'), '\', '\\'), '"', '\"'), '&', '&amp;')
							 || format('\n%s\n%s', CASE n.team_size WHEN 1 THEN '1 person' ELSE n.team_size || ' people' END, coalesce(v.team_volume, 0))
						ELSE format('%s more\n%s', n.folded, CASE n.team_size WHEN 1 THEN '1 person' ELSE n.team_size || ' people' END) END,
				   CASE WHEN n.folded IS NULL THEN '' ELSE ', style="rounded,dashed"' END)
				   || CASE WHEN n.place = '{}' THEN '' ELSE format(E'\n  m%s -> %s;', n.sponsor_id, n.name) END AS text
			  FROM node n
			  LEFT JOIN distributor.team_volumes(program, ARRAY(SELECT l.member_id FROM node l WHERE l.folded IS NULL),
					ARRAY(SELECT l.member_id FROM node l WHERE l.level = 0 OR l.moved), as_of => as_of) v
				ON v.member_id = n.member_id
		)
		SELECT E'digraph team {\n  node [shape=box, style=rounded];\n' || string_agg(l.text, E'\n' ORDER BY l.place) || E'\n}\n'
		  FROM line l);
END
$function$;
COMMENT ON FUNCTION distributor.team_dot(pg_catalog.text, pg_catalog.int8, pg_catalog.int4, pg_catalog.int4, pg_catalog.timestamptz) IS
	'a team, as it is or was at a time, as a graph for Graphviz: people and team volume in each node, folded as team_tree does; null if there is no such member';

CREATE FUNCTION distributor.team_dot(
		program pg_catalog.text, member pg_catalog.text, max_level pg_catalog.int4 DEFAULT 4,
		max_width pg_catalog.int4 DEFAULT 8, as_of pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.text
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	RETURN distributor.team_dot(program, distributor.find_member(program, member), max_level, max_width, as_of);
END
$function$;
COMMENT ON FUNCTION distributor.team_dot(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.int4, pg_catalog.timestamptz) IS
	'the same for a member named by its key';
