--
-- Reports where the planner knows nothing, or what was so before a bulk load:
-- all sales by one member, all refunds of one sale.  They go through everything
-- a few times, and not through one thing for each of another.  Counted, not
-- timed.
--
SET search_path = public, distributor;
SET client_min_messages = warning;
SELECT create_program('rp', 'CNY');
SELECT set_plan('rp', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}');
CREATE TABLE rp_orders (id int PRIMARY KEY, buyer bigint, amount numeric, at timestamptz, status text);
CREATE TABLE rp_refunds (id int PRIMARY KEY, order_id int, amount numeric);
SELECT attach_orders('rp', 'rp_orders', key => 'id', member => 'buyer', amount => 'amount', occurred_at => 'at', status => 'status');
SELECT attach_refunds('rp', 'rp_refunds', 'id', 'order_id', 'amount');
SELECT count(add_member('rp', i, nullif(i / 2, 0), now() - interval '300 days')) FROM generate_series(1, 12) i;
INSERT INTO rp_orders SELECT 100000 + i, 11, 100, now() - interval '150 days', 'paid' FROM generate_series(1, 6) i;
INSERT INTO rp_refunds SELECT 100000 + i, 100001, 1 FROM generate_series(1, 3) i;
DO $$
DECLARE
	t regclass;
BEGIN
	FOR t IN SELECT c.oid FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'rp'::regnamespace LOOP
		EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', t);
		EXECUTE format('ANALYZE %s', t);
	END LOOP;
END
$$;
-- and now many
SELECT count(add_member('rp', i, CASE WHEN i <= 20 THEN 1 ELSE i / 4 END, now() - interval '200 days')) FROM generate_series(13, 3000) i;
INSERT INTO rp_orders SELECT i, 1 + i % 3000, 100, now() - (i % 100) * interval '1 day', 'paid' FROM generate_series(1, 3300) i;
INSERT INTO rp_refunds SELECT i, i, 10 FROM generate_series(1, 3000) i;
-- of which half are replaced
SELECT alter_program('rp', sale_change => 'repost');
INSERT INTO rp_orders SELECT 200000 + i, 1 + i, 50, now() - (i % 100) * interval '1 day', 'paid' FROM generate_series(1, 2999) i;
UPDATE rp_orders SET amount = 60 WHERE id > 200000;
SELECT create_battle('rp', 'battle', now() - interval '50 days', now() + interval '1 day');
SELECT add_battle_team('rp', 'battle', 'one', 2), add_battle_team('rp', 'battle', 'two', 3);
SELECT start_battle('rp', 'battle');
-- how many rows of the program are fetched for a report?
CREATE FUNCTION rp_fetched(report text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint;
	after bigint;
BEGIN
	SELECT sum(idx_tup_fetch + seq_tup_read) INTO before FROM pg_stat_xact_user_tables WHERE schemaname = 'rp';
	EXECUTE 'SELECT count(*) FROM ' || report;
	SELECT sum(idx_tup_fetch + seq_tup_read) INTO after FROM pg_stat_xact_user_tables WHERE schemaname = 'rp';
	RETURN after - before;
END
$$;
CREATE TABLE rp_reports (report text);
INSERT INTO rp_reports
SELECT format('%s(''rp''%s%s)', r.name, r.arguments, t.at)
  FROM (VALUES ('promoters', '', false), ('promoters', $$, "from" => now() - interval '30 days'$$, false),
			   ('region', '', false), ('growth', '', false), ('retention', '', false), ('compliance', '', false),
			   ('team_battle', $$, 'battle'$$, false), ('inactive', ', max_rows => NULL', true),
			   ('inactive', ', max_rows => NULL, scope => 1', true), ('team', ', 1', true), ('team_by_level', ', 1', true), ('legs', ', 1', true),
			   ('leaderboard', $$, 'personal_volume'$$, true), ('leaderboard', $$, 'team_volume'$$, true),
			   ('leaderboard', $$, 'commissions'$$, true), ('leaderboard', $$, 'recruits'$$, true),
			   ('leaderboard', $$, 'personal_volume', scope => 1$$, true), ('leaderboard', $$, 'team_volume', scope => 1$$, true),
			   ('leaderboard', $$, 'commissions', scope => 1$$, true), ('leaderboard', $$, 'recruits', scope => 1$$, true),
			   ('team_tree', ', 1', true)) AS r(name, arguments, of_then)
 CROSS JOIN (VALUES (false, ''), (true, $$, as_of => now() - interval '10 days'$$)) AS t(of_then, at)
 WHERE r.of_then OR NOT t.of_then;
SELECT report, rp_fetched(report) FROM rp_reports WHERE rp_fetched(report) > 150000;
-- what a join goes through again and again is not fetched again, so its plan is looked at
CREATE FUNCTION rp_row_by_row(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Join Filter: .* = ' THEN
			RETURN NEXT btrim(line);
		END IF;
	END LOOP;
END
$$;
SELECT rp_row_by_row(report_sql('rp', 'SELECT * FROM @net@ n'));
SELECT rp_row_by_row(replace(replace(report_sql('rp', 'SELECT * FROM @net $1 $2@ n WHERE n.currency = @currency@'),
									 '$1', $$now() - interval '1 day'$$), '$2', $$'infinity'$$));
SELECT rp_row_by_row(report_sql('rp', 'SELECT * FROM ' || sales_as_of_sql('-infinity', 'infinity', 'infinity') || ' n'));
SELECT rp_row_by_row(report_sql('rp', 'SELECT * FROM ' || sales_sql('rp', '{1}', '-infinity', 'infinity', t) || ' n')) FROM unnest(ARRAY[NULL, now() - interval '10 days']) t;
-- and the same without statistics at all
DELETE FROM pg_statistic s USING pg_class c WHERE c.oid = s.starelid AND c.relnamespace = 'rp'::regnamespace;
SELECT report, rp_fetched(report) FROM rp_reports WHERE rp_fetched(report) > 150000;
-- who was new, as a plain query would tell
SELECT sum(new_buyers) AS new_buyers, sum(sales) AS sales FROM promoters('rp', "from" => now() - interval '30 days', max_rows => NULL);
SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT FROM rp.sale e
										   WHERE e.member_id = s.member_id AND (e.occurred_at, e.sale_id) < (s.occurred_at, s.sale_id)
											 AND NOT EXISTS (SELECT FROM rp.sale v WHERE v.replaces = e.sale_id))) AS new_buyers,
	   count(*) AS sales
  FROM rp.sale s
 WHERE NOT EXISTS (SELECT FROM rp.sale v WHERE v.replaces = s.sale_id) AND s.occurred_at >= now() - interval '30 days' AND sponsor_id(s.path) IS NOT NULL;
SELECT * FROM audit('rp');
SELECT drop_program('rp');
DROP TABLE rp_orders, rp_refunds, rp_reports;
DROP FUNCTION rp_fetched, rp_row_by_row;
