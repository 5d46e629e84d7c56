-- Teams against each other: battles, their frozen rosters and standings.

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
	starts_at pg_catalog.timestamptz;
	ends_at pg_catalog.timestamptz;
BEGIN
	EXECUTE distributor.report_sql(program, 'SELECT b.starts_at, b.ends_at FROM @program@.battle b WHERE b.battle = $1')
		INTO starts_at, ends_at USING battle;
	IF starts_at IS NULL THEN
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
	SELECT m.team, (s.occurred_at AT TIME ZONE @zone@)::date AS day,
		   s.amount - coalesce((SELECT sum(p.amount) FROM @program@.refund_posting p
								 WHERE p.sale_id = s.sale_id AND p.sale_id BETWEEN s.sale_id AND s.sale_id), 0) AS amount
	  FROM @program@.battle_member m
	 CROSS JOIN LATERAL (SELECT s.sale_id, s.occurred_at, s.currency, s.amount
						   FROM @program@.sale s
						  WHERE s.member_id = m.member_id AND s.member_id BETWEEN m.member_id AND m.member_id
						 OFFSET 0) s
	 WHERE m.battle = $1 AND s.occurred_at >= $2 AND s.occurred_at < $3 AND s.currency = @currency@
	   AND (SELECT v.sale_id FROM @program@.sale v WHERE v.replaces = s.sale_id AND v.replaces IS NOT NULL) IS NULL
), daily AS (
	SELECT s.team, s.day, count(*) AS sales, sum(s.amount) AS volume
	  FROM sold s
	 GROUP BY s.team, s.day
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
		USING battle, starts_at, ends_at;
END
$function$;
COMMENT ON FUNCTION distributor.team_battle(pg_catalog.text, pg_catalog.text) IS
	'the standings of a battle, day by day: what each teams people, as they were at the start, sold by themselves, less refunds; equal totals share a place';
