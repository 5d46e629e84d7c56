-- Reports: what leaders, analysts and compliance officers ask of a program.  Each
-- is one function of the program; its text depends on the schema of the program,
-- so it is PL/pgSQL.

CREATE FUNCTION distributor.team(
		program pg_catalog.text, member pg_catalog.int8, max_level pg_catalog.int4 DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8,
		level pg_catalog.int4, path distributor.refpath, rank pg_catalog.text, state pg_catalog.text,
		joined_at pg_catalog.timestamptz, personal_volume pg_catalog."numeric", team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
	SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	PERFORM distributor.check_program(program);
	IF max_level < 0 THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'max_level must not be negative';
	END IF;
	-- A sale counts for the upline that it had.  While nobody of the team or
	-- above it has moved, those sales are one range of sale.path; otherwise
	-- any sale may belong to the team, and all are read.
	RETURN QUERY EXECUTE replace($query$
WITH base AS MATERIALIZED (
	SELECT m.path, distributor.path_upper(m.path) AS upper_path, distributor.depth(m.path) AS depth
	  FROM @program@.member m WHERE m.member_id = $1
), moved AS MATERIALIZED (
	SELECT EXISTS (SELECT
					 FROM @program@.member_history h
					 JOIN @program@.member m ON m.member_id = h.member_id
					 JOIN base b ON (m.path OPERATOR(distributor.>=) b.path AND m.path OPERATOR(distributor.<) b.upper_path)
							  OR m.path OPERATOR(distributor.@>) b.path
					WHERE h.change IN ('move', 'rejoin')) AS any_moved
), team AS MATERIALIZED (
	SELECT m.member_id, m.member_key, m.sponsor_id, distributor.depth(m.path) - b.depth AS level,
		   m.path, m.rank, m.state, m.joined_at
	  FROM base b
	  JOIN @program@.member m ON m.path OPERATOR(distributor.>=) b.path AND m.path OPERATOR(distributor.<) b.upper_path
	 WHERE $2 IS NULL OR distributor.depth(m.path) - b.depth <= $2
), volume AS (
	SELECT u.id AS member_id,
		   sum(s.amount) FILTER (WHERE s.member_id = u.id) AS personal_volume,
		   sum(s.amount) AS team_volume
	  FROM (SELECT s.member_id, s.path, s.amount, s.currency
			  FROM base b
			  JOIN @program@.sale s ON s.path OPERATOR(distributor.>=) b.path AND s.path OPERATOR(distributor.<) b.upper_path
			 WHERE NOT (SELECT any_moved FROM moved)
			UNION ALL
			SELECT s.member_id, s.path, -r.amount, s.currency
			  FROM base b
			  JOIN @program@.sale s ON s.path OPERATOR(distributor.>=) b.path AND s.path OPERATOR(distributor.<) b.upper_path
			  JOIN @program@.refund_posting r ON r.sale_id = s.sale_id
			 WHERE NOT (SELECT any_moved FROM moved)
			UNION ALL
			SELECT s.member_id, s.path, s.amount, s.currency
			  FROM @program@.sale s
			 WHERE (SELECT any_moved FROM moved)
			UNION ALL
			SELECT s.member_id, s.path, -r.amount, s.currency
			  FROM @program@.sale s
			  JOIN @program@.refund_posting r ON r.sale_id = s.sale_id
			 WHERE (SELECT any_moved FROM moved)) s
	  CROSS JOIN LATERAL unnest(s.path::bigint[]) AS u(id)
	 WHERE s.currency = (SELECT p.currency FROM @program@.program p)
	   AND u.id IN (SELECT t.member_id FROM team t)
	 GROUP BY u.id
)
SELECT t.member_id, coalesce(t.member_key, t.member_id::text), t.sponsor_id, t.level, t.path, t.rank,
	   t.state, t.joined_at, coalesce(v.personal_volume, 0), coalesce(v.team_volume, 0)
  FROM team t
  LEFT JOIN volume v ON v.member_id = t.member_id
 ORDER BY t.path$query$, '@program@', quote_ident(program))
		USING member, max_level;
END
$function$;
COMMENT ON FUNCTION distributor.team(pg_catalog.text, pg_catalog.int8, pg_catalog.int4) IS
	'a member and its team in the order of the tree: level below it, personal volume, and team volume (by the upline that each sale had), both less refunds';

CREATE FUNCTION distributor.team(
		program pg_catalog.text, member pg_catalog.text, max_level pg_catalog.int4 DEFAULT NULL)
	RETURNS TABLE (
		member_id pg_catalog.int8, member_key pg_catalog.text, sponsor_id pg_catalog.int8,
		level pg_catalog.int4, path distributor.refpath, rank pg_catalog.text, state pg_catalog.text,
		joined_at pg_catalog.timestamptz, personal_volume pg_catalog."numeric", team_volume pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
	SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	keyed pg_catalog.bool;
	id pg_catalog.int8;
BEGIN
	PERFORM distributor.check_program(program);
	-- Two statements: in one, a key would be cast to a number even where that
	-- half of the query is never reached.
	EXECUTE format('SELECT p.key_type = ''text'' FROM %I.program p', program) INTO keyed;
	IF keyed THEN
		EXECUTE format('SELECT m.member_id FROM %I.member m WHERE m.member_key = $1', program) INTO id USING member;
	ELSE
		id := member::pg_catalog.int8;
	END IF;
	RETURN QUERY SELECT * FROM distributor.team(program, id, max_level);
END
$function$;
COMMENT ON FUNCTION distributor.team(pg_catalog.text, pg_catalog.text, pg_catalog.int4) IS
	'the same for a member named by its key';
