-- Reports about who is best: leaderboards, promoters, regions.

CREATE FUNCTION distributor.kept_period(
		program pg_catalog.text, lower pg_catalog.timestamptz, upper pg_catalog.timestamptz,
		OUT period pg_catalog.date, OUT folded pg_catalog.int4,
		OUT floor pg_catalog."numeric", OUT own_floor pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
BEGIN
	-- The first times that there are have no first day of their period.
	IF lower < '4712-01-01 00:00+00 BC' THEN
		RETURN;
	END IF;
	-- Bounds that are given may leave out an hour of the first day, where clocks
	-- are put back at midnight: that is none of these periods.
	EXECUTE distributor.report_sql(program, $query$
SELECT b.period, p.folded_generation,
	   CASE WHEN b.period < p.ranked_before THEN 0 WHEN b.period = p.ranking_before THEN p.ranking_floor END,
	   CASE WHEN b.period < p.ranked_before THEN 0 WHEN b.period = p.ranking_before THEN p.ranking_own_floor END
  FROM @program@.program p
 CROSS JOIN LATERAL (SELECT (date_trunc(p.total_period, $1, p.time_zone) AT TIME ZONE p.time_zone)::date AS period,
							(date_trunc(p.total_period, $1 - interval '1 microsecond', p.time_zone) AT TIME ZONE p.time_zone)::date AS before,
							(date_trunc(p.total_period, $2 - interval '1 microsecond', p.time_zone) AT TIME ZONE p.time_zone)::date AS last,
							(date_trunc(p.total_period, $2, p.time_zone) AT TIME ZONE p.time_zone)::date AS after) b
 WHERE p.total_period IS NOT NULL AND b.before < b.period AND b.last = b.period AND b.after > b.period
   AND NOT EXISTS (SELECT FROM unnest('{team_total,team_delta,sale,refund_posting}'::text[]) AS t(name)
					WHERE row_security_active(format('%I.%I', @name@, t.name))
					   OR (t.name LIKE 'team%' AND NOT has_table_privilege(format('%I.%I', @name@, t.name), 'SELECT')))$query$)
		INTO period, folded, floor, own_floor USING lower, upper;
END
$function$;
COMMENT ON FUNCTION distributor.kept_period(pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the period of the team totals that reaches from lower to before upper, if there is one and the caller may read them, and from which volumes on they are ranked; for the reports of distributor themselves';

CREATE FUNCTION distributor.leaders(
		program pg_catalog.text, own pg_catalog.bool, period pg_catalog.date, folded pg_catalog.int4,
		floor pg_catalog."numeric", max_rows pg_catalog.int8, after_value pg_catalog."numeric",
		after_member pg_catalog.int8)
	RETURNS TABLE (
		place pg_catalog.int8, member_id pg_catalog.int8, member_key pg_catalog.text, value pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	query pg_catalog.text := $query$
WITH changed AS MATERIALIZED (
	SELECT d.member_id, t.@volume@ AS was, coalesce(t.@volume@, 0) + d.volume AS value
	  FROM (SELECT d.member_id, sum(d.volume) AS volume
			  FROM (SELECT u.member_id, d.volume
					  FROM @program@.team_delta d
					 CROSS JOIN LATERAL @members@ AS u(member_id)
					 WHERE d.generation > @folded@ AND d.path IS NOT NULL AND d.period = @period@ AND d.volume <> 0
					UNION ALL
					SELECT d.member_id, d.volume
					  FROM @program@.team_delta d
					 WHERE d.generation > @folded@ AND d.member_id IS NOT NULL AND d.period = @period@ AND d.volume <> 0@alone@) d
			 GROUP BY d.member_id) d
	  LEFT JOIN @program@.team_total t ON t.member_id = d.member_id AND t.period = @period@
), page AS MATERIALIZED (@page@)
SELECT CASE WHEN p.value = $1 THEN 1 + b.higher ELSE b.higher + b.equal + rank() OVER (ORDER BY p.value DESC) END,
	   p.member_id, coalesce(m.member_key, p.member_id::text), p.value
  FROM page p
 CROSS JOIN (@before@) AS b(higher, equal)
  LEFT JOIN @program@.member m ON m.member_id = p.member_id
 ORDER BY p.value DESC, p.member_id$query$;
	-- what changed, and of the others as many as there could be between that
	page CONSTANT pg_catalog.text := $query$
	SELECT p.member_id, p.value
	  FROM (SELECT s.member_id, s.value
			  FROM (@stretch@) s
			 WHERE s.member_id NOT IN (SELECT c.member_id FROM changed c)
			UNION ALL
			SELECT c.member_id, c.value FROM changed c
			 WHERE $1 IS NULL OR c.value < $1 OR (c.value = $1 AND c.member_id > $2)) p
	 WHERE p.value > 0 AND p.value >= @floor@
	 ORDER BY p.value DESC, p.member_id LIMIT $3$query$;
	stretch CONSTANT pg_catalog.text := $query$
	(SELECT t.member_id, t.@value@ AS value
	   FROM @program@.team_total t
	  WHERE t.period = @period@ AND @range@
	  ORDER BY t.@value@ DESC, t.member_id LIMIT least($3, 1000000000000) + (SELECT count(*) FROM changed))$query$;
	-- whoever is not below the floor is in the index
	first_ones CONSTANT pg_catalog.text := $query$
	WITH highest AS MATERIALIZED (@highest@)
	SELECT h.member_id, h.value FROM highest h WHERE (SELECT count(*) FROM highest) >= $3
	UNION ALL
	SELECT a.member_id, a.value FROM (@all@) a WHERE (SELECT count(*) FROM highest) < $3$query$;
	before CONSTANT pg_catalog.text := $query$
	SELECT (SELECT count(*) FROM @program@.team_total t WHERE t.period = @period@ AND t.@value@ > $1) + c.higher,
		   (SELECT count(*) FROM @program@.team_total t WHERE t.period = @period@ AND t.@value@ = $1 AND t.member_id <= $2) + c.equal
	  FROM (SELECT count(*) FILTER (WHERE c.value > $1) - count(*) FILTER (WHERE c.was > $1) AS higher,
				   count(*) FILTER (WHERE c.value = $1 AND c.member_id <= $2) - count(*) FILTER (WHERE c.was = $1 AND c.member_id <= $2) AS equal
			  FROM changed c) c$query$;
	ranked pg_catalog.text;
	unranked pg_catalog.text;
BEGIN
	-- Of a page that goes on: who is level with the last one, and who has less,
	-- are each a range of the index.
	IF after_value IS NULL THEN
		ranked := replace(stretch, '@range@', 't.@value@ >= @floor@ AND t.@value@ IS NOT NULL');
		unranked := replace(stretch, '@range@', 'true');
	ELSE
		ranked := replace(stretch, '@range@', 't.@value@ = $1 AND t.member_id > $2') || ' UNION ALL '
			|| replace(stretch, '@range@', 't.@value@ >= @floor@ AND t.@value@ < $1');
		unranked := replace(stretch, '@range@', '(t.@value@ < $1 OR (t.@value@ = $1 AND t.member_id > $2))');
	END IF;
	ranked := replace(replace(replace(page, '@stretch@', ranked), '@value@', 'ranked_@volume@'), '@floor@', '$4');
	unranked := replace(replace(replace(page, '@stretch@', unranked), '@value@', '@volume@'), '@floor@', '0');
	query := replace(query, '@before@', CASE WHEN after_value IS NULL THEN 'SELECT 0, 0' ELSE before END);
	IF floor IS NULL OR after_value < floor OR (floor > 0 AND coalesce(max_rows > 1000, true)) THEN
		query := replace(replace(query, '@page@', unranked), '@value@', '@volume@');
	ELSE
		query := replace(query, '@page@', CASE WHEN floor = 0 THEN ranked
											   ELSE replace(replace(first_ones, '@highest@', ranked), '@all@', unranked) END);
		query := replace(query, '@value@', 'ranked_@volume@');
	END IF;
	query := replace(query, '@members@', CASE WHEN own THEN '(SELECT distributor.member_id(d.path))'
											  ELSE 'unnest(distributor.member_ids(d.path))' END);
	query := replace(query, '@alone@', CASE WHEN own THEN ' AND d.own' ELSE '' END);
	query := replace(query, '@volume@', CASE WHEN own THEN 'own_volume' ELSE 'volume' END);
	query := replace(query, '@folded@', folded::text);
	query := replace(query, '@period@', quote_literal(period) || '::date');
	RETURN QUERY EXECUTE distributor.report_sql(program, query) USING after_value, after_member, max_rows, floor;
END
$function$;
COMMENT ON FUNCTION distributor.leaders(pg_catalog.text, pg_catalog.bool, pg_catalog.date, pg_catalog.int4, pg_catalog."numeric", pg_catalog.int8, pg_catalog."numeric", pg_catalog.int8) IS
	'a page of the members with most volume, or volume of their own, in a period of the team totals: the highest of those that are folded, and everybody whose total has changed since; for leaderboard()';

CREATE FUNCTION distributor.leaderboard(
		program pg_catalog.text, metric pg_catalog.text, period pg_catalog.text DEFAULT NULL,
		max_rows pg_catalog.int8 DEFAULT 100, scope pg_catalog.int8 DEFAULT NULL,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL, after_value pg_catalog."numeric" DEFAULT NULL,
		after_member pg_catalog.int8 DEFAULT NULL)
	RETURNS TABLE (
		place pg_catalog.int8, member_id pg_catalog.int8, member_key pg_catalog.text, value pg_catalog."numeric")
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000 ROWS 100
	SET search_path = pg_catalog, distributor, pg_temp
AS $function$
DECLARE
	lower pg_catalog.timestamptz;
	upper pg_catalog.timestamptz;
	total pg_catalog.text;
	volumes pg_catalog.text;
	kept record;
BEGIN
	SELECT b.lower, b.upper INTO lower, upper FROM distributor.period_bounds(program, period, "from", "to") b;
	IF as_of IS NOT NULL THEN
		RETURN QUERY SELECT * FROM distributor.leaderboard_as_of(
			program, metric, lower, upper, max_rows, scope, as_of, after_value, after_member);
		RETURN;
	END IF;
	IF metric IN ('personal_volume', 'team_volume') AND scope IS NULL THEN
		kept := distributor.kept_period(program, lower, upper);
		IF kept.period IS NOT NULL THEN
			RETURN QUERY SELECT * FROM distributor.leaders(program, metric = 'personal_volume', kept.period, kept.folded,
				CASE metric WHEN 'personal_volume' THEN kept.own_floor ELSE kept.floor END, max_rows, after_value, after_member);
			RETURN;
		END IF;
	END IF;
	CASE metric
		WHEN 'personal_volume' THEN
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT n.member_id, sum(n.amount - n.refunded) AS value
	  FROM @net $2 $3@ n
	 WHERE n.currency = @currency@
	 GROUP BY n.member_id$query$ ELSE $query$
	SELECT t.member_id, (distributor.rollup_volumes($7, t.member_id))[1] AS value FROM @team@ t$query$ END;
		WHEN 'team_volume' THEN
			-- who has moved has sales at several paths
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT r.member_id, sum(r.team[1]) AS value
	  FROM distributor.team_rollup($7, false, NULL, 0, $2, $3) r
	 GROUP BY r.member_id$query$ ELSE $query$
	SELECT t.member_id, (distributor.rollup_volumes($7, t.member_id))[2] AS value FROM @team@ t$query$ END;
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
	-- looked up for each, that a team taken for larger than it is may not lead to
	-- reading the whole ledger
	SELECT e.member_id, sum(e.amount) AS value
	  FROM (SELECT t.member_id, l.amount,
				   CASE l.source WHEN 'sale' THEN (SELECT s.occurred_at FROM @program@.sale s WHERE s.sale_id = l.source_id)
						ELSE (SELECT s.occurred_at FROM @program@.sale s
							   WHERE s.sale_id = (SELECT p.sale_id FROM @program@.refund_posting p WHERE p.refund_id = l.source_id)) END AS occurred_at
			  FROM @team@ t
			 CROSS JOIN LATERAL (SELECT l.source, l.source_id, l.amount
								   FROM @program@.ledger l
								  WHERE l.member_id = t.member_id AND l.member_id BETWEEN t.member_id AND t.member_id
									AND l.currency = @currency@ AND l.source IN ('sale', 'refund')
								 OFFSET 0) l
			OFFSET 0) e
	 WHERE e.occurred_at >= $2 AND e.occurred_at < $3
	 GROUP BY e.member_id$query$ END;
		WHEN 'recruits' THEN
			total := CASE WHEN scope IS NULL THEN $query$
	SELECT m.sponsor_id AS member_id, count(*)::numeric AS value
	  FROM @program@.member m
	 WHERE m.sponsor_id IS NOT NULL AND m.joined_at >= $2 AND m.joined_at < $3
	 GROUP BY m.sponsor_id$query$ ELSE $query$
	-- whom one of a team sponsors is in the team
	SELECT t.sponsor_id AS member_id, count(*)::numeric AS value
	  FROM @team@ t
	 WHERE t.member_id <> $1 AND t.joined_at >= $2 AND t.joined_at < $3
	 GROUP BY t.sponsor_id$query$ END;
		ELSE
			RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
				MESSAGE = coalesce('invalid metric "' || left(metric, 40) || '"', 'metric must not be null'),
				HINT = 'Use personal_volume, team_volume, commissions or recruits.';
	END CASE;
	IF metric = 'team_volume' AND scope IS NULL THEN
		volumes := distributor.report_sql(program, $query$
SELECT n.path, n.amount - n.refunded
  FROM @net $1 $2@ n
 WHERE n.currency = @currency@$query$);
	ELSIF metric IN ('personal_volume', 'team_volume') THEN
		volumes := distributor.volumes_sql(program, distributor.team_sources(program, scope), lower, upper);
	END IF;
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
		USING scope, lower, upper, after_value, after_member, max_rows, volumes;
END
$function$;
COMMENT ON FUNCTION distributor.leaderboard(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.int8, pg_catalog.int8, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog."numeric", pg_catalog.int8) IS
	'the members with most personal_volume, team_volume, commissions or recruits in a period, of the whole program or of the team of scope; equal values share a place and stand in the order of member_id';

CREATE FUNCTION distributor.leaderboard(
		program pg_catalog.text, metric pg_catalog.text, period pg_catalog.text, max_rows pg_catalog.int8,
		scope pg_catalog.text, "from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		as_of pg_catalog.timestamptz DEFAULT NULL, after_value pg_catalog."numeric" DEFAULT NULL, after_member pg_catalog.int8 DEFAULT NULL)
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
		program, metric, period, max_rows, distributor.find_member(program, scope), "from", "to", as_of, after_value, after_member);
END
$function$;
COMMENT ON FUNCTION distributor.leaderboard(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.int8, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog."numeric", pg_catalog.int8) IS
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
	SELECT distributor.sponsor_id(n.path) AS promoter, n.member_id, n.sale_id,
		   (SELECT coalesce(jsonb_object_agg(a.name, n.attributes -> a.name), '{}') FROM unnest($1) AS a(name)) AS attributes,
		   CASE WHEN n.currency = @currency@ THEN n.amount - n.refunded ELSE 0 END AS volume,
		   row_number() OVER (PARTITION BY n.member_id ORDER BY n.occurred_at, n.sale_id) = 1 AS is_first,
		   n.occurred_at
	  FROM @net $2 $3@ n
	 WHERE n.amount > n.refunded
), buys AS (
	-- the first of the period is the first of all if there is none before it
	SELECT b.promoter, b.member_id, b.attributes, b.volume,
		   CASE WHEN b.is_first AND $2 > '-infinity'
				THEN NOT EXISTS (SELECT FROM (SELECT e.sale_id, e.occurred_at, e.amount
												FROM @program@.sale e
											   WHERE e.member_id = b.member_id AND e.member_id BETWEEN b.member_id AND b.member_id
											  OFFSET 0) e
								  WHERE e.occurred_at < $2
									AND e.amount > (SELECT coalesce(sum(p.amount), 0) FROM @program@.refund_posting p
													 WHERE p.sale_id = e.sale_id AND p.sale_id BETWEEN e.sale_id AND e.sale_id))
				ELSE b.is_first END AS is_first
	  FROM bought b
	 WHERE b.promoter IS NOT NULL
), promoter AS (
	SELECT b.promoter, b.attributes, count(DISTINCT b.member_id) AS buyers,
		   count(*) FILTER (WHERE b.is_first) AS new_buyers, count(*) AS sales, sum(b.volume) AS volume
	  FROM buys b
	 GROUP BY b.promoter, b.attributes
), page AS (
	SELECT p.*
	  FROM promoter p
	 WHERE $4 IS NULL OR p.buyers < $4
		OR (p.buyers = $4 AND (p.promoter > $5 OR (p.promoter = $5 AND p.attributes > $6)))
	 ORDER BY p.buyers DESC, p.promoter, p.attributes LIMIT $7
)
SELECT p.promoter,
	   coalesce((SELECT m.member_key FROM @program@.member m WHERE m.member_id = p.promoter), p.promoter::text),
	   p.attributes, p.buyers, p.new_buyers, p.sales, p.volume
  FROM page p
 ORDER BY p.buyers DESC, p.promoter, p.attributes$query$)
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
  FROM @net $2 $3@ n
 WHERE n.currency = @currency@
 GROUP BY 1
 ORDER BY 1 NULLS LAST$query$)
		USING attribute, lower, upper;
END
$function$;
COMMENT ON FUNCTION distributor.region(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'sales of a period by an attribute of theirs, such as region or channel: amount, refunded, and volume, which is what remains; null: sales without it';
