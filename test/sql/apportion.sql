-- Dividing an amount over what remains of rows.
SET search_path = public, distributor;

SELECT apportion(1, '{1,1,1}', 0) AS third;
SELECT apportion(10, '{6,6,2}', 0), apportion(14, '{6,6,2}', 0) AS everything, apportion(0, '{6,6,2}', 0) AS nothing;
SELECT apportion(5, '{3,0,3}', 0) AS "a row of zero gets nothing";
SELECT apportion(0.01, '{0.05,0.10,0.10}') AS "a tie goes to the first";
SELECT apportion(0, '{}'), apportion(0, '{0,0}');
SELECT apportion(0.007, '{1.000,2.000,4.000}', 3);
SELECT apportion(123456789012345678901234567890.12,
				 '{123456789012345678901234567890.12,123456789012345678901234567890.12}');

-- Bad inputs
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT s, fails('SELECT apportion(' || s || ')')
  FROM unnest(ARRAY[$$'NaN', '{1}'$$, $$'Infinity', '{1}'$$, $$-1, '{1}'$$, $$1, '{NaN}'$$, $$1, '{2,-1}'$$,
					$$1, '{2,NULL}'$$, $$1, '{{1,2},{3,4}}'$$, $$0.001, '{1}'$$, $$0.01, '{1.001}'$$,
					$$2, '{1,0.5}'$$, $$100, '{}'$$, $$1, '{1}', -1$$, $$1, '{1}', 100$$]) AS s;
SELECT apportion(NULL, '{1}') IS NULL AND apportion(1, NULL) IS NULL AND apportion(1, '{1}', NULL) IS NULL AS strict;

\set seed 0.20261122
\echo seed :seed
SELECT set_config('apportion.seed', :'seed', false);

-- Sequences of partial refunds: every part within its row, every sum exact,
-- and nothing left at the end, in whatever steps it was reached.
DO $$
DECLARE
	seed constant float8 := current_setting('apportion.seed')::float8;
	digits int;
	unit numeric;
	original numeric[];
	remaining numeric[];
	parts numeric[];
	left_over numeric;
	step numeric;
	steps int := 0;
BEGIN
	PERFORM setseed(seed);
	FOR round IN 1..400 LOOP
		digits := floor(random() * 4);
		unit := power(10::numeric, -digits);
		SELECT array_agg(round((CASE WHEN random() < 0.2 THEN 0 ELSE floor(power(random(), 3) * 500) END)::numeric * unit, digits))
		  INTO original FROM generate_series(1, 1 + floor(random() * 8)::int);
		remaining := original;
		LOOP
			SELECT sum(r) INTO left_over FROM unnest(remaining) AS r;
			EXIT WHEN left_over = 0;
			step := least(left_over, unit * (1 + floor(power(random(), 2) * 400))::numeric);
			parts := apportion(step, remaining, digits);
			IF (SELECT sum(p) FROM unnest(parts) AS p) <> step
				OR EXISTS (SELECT FROM unnest(parts, remaining) AS x(p, r)
							WHERE p < 0 OR p > r OR abs(p - step * r / left_over) >= unit) THEN
				RAISE EXCEPTION 'seed %: % of % gave %', seed, step, remaining, parts;
			END IF;
			SELECT array_agg(r - p ORDER BY place) INTO remaining
			  FROM unnest(parts, remaining) WITH ORDINALITY AS x(p, r, place);
			steps := steps + 1;
		END LOOP;
		IF EXISTS (SELECT FROM unnest(remaining) AS r WHERE r <> 0) THEN
			RAISE EXCEPTION 'seed %: % is left of %', seed, remaining, original;
		END IF;
	END LOOP;
	IF steps < 400 THEN
		RAISE EXCEPTION 'seed %: only % steps', seed, steps;
	END IF;
END $$;

-- In whatever order the same partial refunds come, they add up to the same.
DO $$
DECLARE
	seed constant float8 := current_setting('apportion.seed')::float8;
	steps numeric[];
	remaining numeric[];
	first_total numeric;
	total numeric;
	step numeric;
BEGIN
	PERFORM setseed(seed);
	FOR round IN 1..100 LOOP
		steps := ARRAY[(1 + floor(random() * 30))::numeric, (1 + floor(random() * 30))::numeric, (1 + floor(random() * 30))::numeric];
		first_total := NULL;
		FOR turn IN 1..3 LOOP
			remaining := '{10,20,30,40}';
			FOREACH step IN ARRAY (SELECT array_agg(s ORDER BY random()) FROM unnest(steps) AS s) LOOP
				SELECT array_agg(r - p ORDER BY place) INTO remaining
				  FROM unnest(apportion(step, remaining, 0), remaining) WITH ORDINALITY AS x(p, r, place);
			END LOOP;
			SELECT sum(r) INTO total FROM unnest(remaining) AS r;
			first_total := coalesce(first_total, total);
			IF total <> first_total OR EXISTS (SELECT FROM unnest(remaining) AS r WHERE r < 0) THEN
				RAISE EXCEPTION 'seed %: % left %', seed, steps, remaining;
			END IF;
		END LOOP;
	END LOOP;
END $$;
