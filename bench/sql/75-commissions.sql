-- Commissions: the engine beside plain SQL and a PL/pgSQL loop.
-- Three levels for 300 thousand sales from a narrow table, all columns of the
-- result used; a differential over 20 ranked uplines for 20 thousand sales, its
-- rows counted, as a set-returning function makes all columns anyway.

SET search_path = joined, public, distributor;
CREATE TABLE bench.sale_by_path AS
	SELECT row_number() OVER () AS id, path, 50.05 + abs(hashint8(id) % 5000) / 100.0 AS amount
	FROM by_btree WHERE depth(path) > 3 LIMIT (SELECT count(*) * 0.3 FROM by_btree);
CREATE TABLE bench.sale_by_array AS
	SELECT id, (SELECT array_agg(u.member_id ORDER BY u.level) FROM uplines(path, 3) u) AS uplines, amount
	FROM bench.sale_by_path;
CREATE TABLE bench.ranked_sale AS
	SELECT id, (SELECT array_agg(hashint8extended(id * 100 + e, 1) & 16777215 | e << 24 ORDER BY e)
				FROM generate_series(1::bigint, 21) e) AS ids,
		(SELECT array_agg((ARRAY['bronze', 'bronze', 'bronze', 'bronze', 'silver', 'silver', 'silver', 'gold', 'gold', 'platinum'])
				[1 + (hashint8(id * 100 + e) & 1048575) % 10] ORDER BY e) FROM generate_series(1::bigint, 21) e) AS ranks,
		10 + id % 1000 / 10.0 AS amount
	FROM generate_series(1, (SELECT count(*) / 50 FROM by_btree)) id;
ALTER TABLE bench.ranked_sale ADD path refpath;
UPDATE bench.ranked_sale SET path = ids::refpath;
VACUUM (FREEZE, ANALYZE) bench.sale_by_path, bench.sale_by_array, bench.ranked_sale;

-- as it is usually written: from the member upwards, what each rank gets less
-- what has been paid
CREATE FUNCTION bench.differential(ids bigint[], ranks text[], sale_amount numeric,
	OUT rule text, OUT level integer, OUT member_id bigint, OUT base numeric, OUT rate numeric, OUT amount numeric)
RETURNS SETOF record LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	names CONSTANT text[] := '{bronze,silver,gold,platinum,diamond}';
	rates CONSTANT numeric[] := '{0.05,0.08,0.10,0.12,0.15}';
	own numeric;
	taken numeric := 0;
BEGIN
	rule := 'team';
	base := sale_amount;
	FOR i IN 2 .. cardinality(ids) LOOP
		own := rates[array_position(names, ranks[i])];
		CONTINUE WHEN own IS NULL OR own <= taken;
		level := i - 1;
		member_id := ids[cardinality(ids) + 1 - i];
		rate := own - taken;
		amount := round(base * rate, 2);
		taken := own;
		IF amount > 0 THEN
			RETURN NEXT;
		END IF;
		EXIT WHEN taken = 0.15;
	END LOOP;
END $$;

CREATE PROCEDURE bench.commissions(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c record;
	all_columns text := 'count(c.rule), sum(c.level), sum(c.member_id), sum(c.base), sum(c.rate), sum(c.amount), sum(c.line), sum(c.basis)';
	checked text := 'SELECT count(*), sum(hashtextextended(format(''%%s %%s %%s %%s %%s %%s'', s.id, c.level, c.member_id,
		trim_scale(c.base), trim_scale(c.rate), c.amount), 0))::numeric %% 1000000007 FROM %s';
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR c IN SELECT * FROM (VALUES
			('three levels', 'this', all_columns, $q$ bench.sale_by_path s, commissions(
				'{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}', s.path, s.amount) c $q$),
			('three levels', 'plain SQL', all_columns, $q$ bench.sale_by_array s, LATERAL (
				SELECT 'sales'::text AS rule, u.level::integer, u.id AS member_id, s.amount AS base, u.rate, round(s.amount * u.rate, 2) AS amount,
					0 AS line, 0 AS basis
				FROM unnest(s.uplines, '{0.20,0.05,0.03}'::numeric[]) WITH ORDINALITY AS u(id, rate, level)) c $q$),
			('differential', 'this', 'count(*)', $q$ bench.ranked_sale s, commissions(
				'{"ranks": ["bronze", "silver", "gold", "platinum", "diamond"], "rules": [{"name": "team", "kind": "differential", "rates":
				 {"by_rank": {"bronze": "5%", "silver": "8%", "gold": "10%", "platinum": "12%", "diamond": "15%"}}}]}',
				 s.path, s.amount, ranks => s.ranks) c $q$),
			('differential', 'PL/pgSQL', 'count(*)', $q$ bench.ranked_sale s, bench.differential(s.ids, s.ranks, s.amount) c $q$)
			) AS v(subject, contender, used, source)
		LOOP
			CALL bench.clock('commissions', 'joined', c.subject, c.contender, round,
							 format('SELECT %s FROM %s', c.used, c.source), format(checked, c.source));
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
CALL bench.commissions(:rounds);
RESET search_path;
