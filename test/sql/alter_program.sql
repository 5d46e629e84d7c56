--
-- alter_program(): what money does after it was earned
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT create_program('ap', 'CNY', time_zone => 'Asia/Shanghai');
CREATE VIEW ap_settings AS
	SELECT hold_start, hold_period, clawback, write_off_after, sale_change, notices FROM ap.program;

-- as a program is made
TABLE ap_settings;
-- one, some and all of them; what is null stays
SELECT alter_program('ap', hold_period => '14 days');
TABLE ap_settings;
SELECT alter_program('ap', hold_start => 'fulfilled', sale_change => 'repost', notices => true);
TABLE ap_settings;
SELECT alter_program('ap');
SELECT alter_program('ap', NULL, NULL, NULL, NULL, NULL, NULL);
TABLE ap_settings;
-- the time after which debts are written off comes and goes with that policy
SELECT alter_program('ap', clawback => 'write_off', write_off_after => '90 days');
SELECT alter_program('ap', write_off_after => '3 months');
SELECT alter_program('ap', clawback => 'write_off');
TABLE ap_settings;
SELECT alter_program('ap', clawback => 'block');
TABLE ap_settings;
SELECT alter_program('ap', 'paid', '0', 'carry', NULL, 'refuse', false);
TABLE ap_settings;
SELECT alter_program('ap', hold_period => '100 years');
SELECT alter_program('ap', hold_period => '0');

-- what cannot be
SELECT s AS arguments, fails('SELECT alter_program(' || s || ')') FROM unnest(ARRAY[
	$$NULL$$, $$'nowhere'$$,
	$$'ap', hold_start => 'shipped'$$, $$'ap', hold_start => ''$$, $$'ap', hold_start => 'Paid'$$,
	$$'ap', hold_period => '-1 day'$$, $$'ap', hold_period => '1 month -1 day'$$, $$'ap', hold_period => '100 years 1 microsecond'$$,
	$$'ap', hold_period => '1000000 years'$$,
	$$'ap', clawback => 'keep'$$, $$'ap', clawback => 'write_off'$$, $$'ap', write_off_after => '1 day'$$,
	$$'ap', clawback => 'block', write_off_after => '1 day'$$, $$'ap', clawback => 'write_off', write_off_after => '-1 day'$$,
	$$'ap', clawback => 'write_off', write_off_after => '101 years'$$,
	$$'ap', sale_change => 'allow'$$]) AS s;
TABLE ap_settings;

-- only by who owns the program
CREATE ROLE ap_other;
GRANT USAGE ON SCHEMA ap TO ap_other;
GRANT ALL ON ALL TABLES IN SCHEMA ap TO ap_other;
SET ROLE ap_other;
SELECT fails($$SELECT alter_program('ap', hold_period => '1 day')$$);
SELECT fails($$UPDATE ap.program SET hold_period = '1 day'$$);
RESET ROLE;
DROP OWNED BY ap_other;
DROP ROLE ap_other;

-- a hold period goes by the program's calendar, whatever the session's: the
-- clocks of New York went forward on the 8th of March 2099
SELECT create_program('ap_ny', 'USD', time_zone => 'America/New_York');
SELECT set_plan('ap_ny', '{"rules": [{"name": "sales", "kind": "unilevel", "self": "10%"}]}');
SELECT add_member('ap_ny', 1);
SELECT alter_program('ap_ny', hold_period => '1 day');
SELECT record_sale('ap_ny', 'day', 1, 100, occurred_at => '2099-03-07 12:00 America/New_York');
SELECT alter_program('ap_ny', hold_period => '24 hours');
SELECT record_sale('ap_ny', 'hours', 1, 100, occurred_at => '2099-03-07 12:00 America/New_York');
SELECT alter_program('ap_ny', hold_period => '1 month');
SELECT record_sale('ap_ny', 'month', 1, 100, occurred_at => '2099-01-31 12:00 America/New_York');
SELECT record_sale('ap_ny', 'past', 1, 100, occurred_at => '2020-01-31 12:00 America/New_York');
SET timezone = 'America/New_York';
SELECT order_key, CASE WHEN available_at = posted_at THEN 'at once' ELSE available_at::text END AS available, state
  FROM ap_ny.earnings ORDER BY entry_id;
SELECT fails($$SELECT record_sale('ap_ny', 'end', 1, 100, occurred_at => '294276-12-31')$$);

SET client_min_messages = warning;
SELECT drop_program('ap');
SELECT drop_program('ap_ny');
