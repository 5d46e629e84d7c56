--
-- Members and sales by call: add_member, move_member, set_rank, set_state,
-- record_sale, by number and by key
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
CREATE FUNCTION pc_tree(program text DEFAULT 'pc') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(m.path::text || coalesce(''='' || m.member_key, '''') || coalesce('' '' || m.rank, '''')'
				   ' || CASE m.state WHEN ''active'' THEN '''' ELSE '' '' || m.state END, '', '' ORDER BY m.path) FROM %I.member m', program) INTO result;
	RETURN result;
END
$$;
SELECT create_program('pc', 'CNY', time_zone => 'UTC');
SELECT create_program('pk', 'CNY', time_zone => 'UTC', key_type => 'text');
SELECT set_plan(p, '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"]}]}') FROM unnest('{pc,pk}'::text[]) p;

--
-- add_member
--
SELECT add_member('pc', 1), add_member('pc', 42, sponsor => 1, joined_at => '2020-01-01', rank => 'gold'), add_member('pc', 0, 42);
-- by text, in a program of numbers
SELECT add_member('pc', '7', '42'), add_member('pc', ' 8 ', '7'), add_member('pc', 9::smallint, 8::int);
SELECT add_member('pc', 9223372036854775807, 0);
-- the same again adds nothing
SELECT add_member('pc', 1), add_member('pc', 42, sponsor => 1), add_member('pc', '7', '42');
SELECT pc_tree(), (SELECT count(*) FROM pc.member_history) AS history;
SELECT member_id, sponsor_id, joined_at, rank FROM pc.member WHERE member_id = 42;
SELECT member_id, change, valid_from, revision FROM pc.member_history WHERE member_id = 42;
-- with keys
SELECT add_member('pk', 'anna'), add_member('pk', 'bert', 'anna'), add_member('pk', 'Bert', sponsor => 'anna', rank => 'silver'), add_member('pk', '42', 'bert'), add_member('pk', E'o''neill\n"x"\\', '42');
SELECT add_member('pk', 'bert', 'anna') = add_member('pk', 'bert', 'anna') AS same;
SELECT member_key, (SELECT member_key FROM pk.member s WHERE s.member_id = m.sponsor_id) AS sponsor, depth(path), rank FROM pk.member m ORDER BY path;
-- refused
SELECT fails($$SELECT add_member('pc', 42, 0)$$);
SELECT fails($$SELECT add_member('pc', 1, 42)$$);
SELECT fails($$SELECT add_member('pc', 5, 5)$$);
SELECT fails($$SELECT add_member('pc', 5, 6)$$);
SELECT fails($$SELECT add_member('pc', -1)$$);
SELECT fails($$SELECT add_member('pc', 5, -1)$$);
SELECT fails($$SELECT add_member('pc', 'five')$$);
SELECT fails($$SELECT add_member('pc', '5', 'x')$$);
SELECT fails($$SELECT add_member('pc', '')$$);
SELECT fails($$SELECT add_member('pc', '9223372036854775808')$$);
SELECT fails($$SELECT add_member('pc', NULL::bigint)$$);
SELECT fails($$SELECT add_member('pc', NULL::text)$$);
SELECT fails($$SELECT add_member('pc', 5, joined_at => 'infinity')$$);
SELECT fails($$SELECT add_member('pk', 5)$$);
SELECT fails($$SELECT add_member('pk', '')$$);
SELECT fails($$SELECT add_member('pk', 'c', '')$$);
SELECT fails($$SELECT add_member('pk', 'c', 'c')$$);
SELECT fails($$SELECT add_member('pk', 'c', 'nobody')$$);
SELECT fails($$SELECT add_member('pk', 'bert')$$);
SELECT count(*) FROM pk.member;

--
-- move_member
--
SELECT move_member('pc', 7, 1) AS team, move_member('pc', 7, 1) AS again, move_member('pc', 9, NULL) AS root, move_member('pc', '9', '8') AS back;
SELECT pc_tree();
SELECT move_member('pk', '42', 'anna') AS team, move_member('pk', 'Bert', '42') AS one, move_member('pk', 'Bert', NULL) AS root;
SELECT member_key, depth(path) FROM pk.member ORDER BY member_key COLLATE "C";
-- by number, in a program of keys
SELECT move_member('pk', (SELECT member_id FROM pk.member WHERE member_key = 'Bert'), (SELECT member_id FROM pk.member WHERE member_key = 'anna'));
SELECT fails($$SELECT move_member('pc', 1, 9)$$);
SELECT fails($$SELECT move_member('pc', 1, 1)$$);
SELECT fails($$SELECT move_member('pc', 1, 5)$$);
SELECT fails($$SELECT move_member('pc', 5, 1)$$);
SELECT fails($$SELECT move_member('pc', NULL::bigint, 1)$$);
SELECT fails($$SELECT move_member('pc', 1, 1, '-1 s')$$);
SELECT fails($$SELECT move_member('pc', 1, 1, '1 day')$$);
SELECT fails($$SELECT move_member('pk', 'anna', '42')$$);
SELECT fails($$SELECT move_member('pk', 'nobody', '42')$$);
SELECT move_member('pc', 7, 1, NULL), move_member('pc', 7, 1, '0'), move_member('pc', 7, 1, '1 hour');
SHOW lock_timeout;

--
-- set_rank, set_state
--
SELECT set_rank('pc', 7, 'silver'), set_rank('pc', '8', 'gold'), set_rank('pc', 42, NULL), set_rank('pc', 42, NULL);
SELECT set_state('pc', 7, 'frozen'), set_state('pc', '8', 'left'), set_state('pc', 8, 'left');
SELECT set_rank('pk', 'anna', 'boss'), set_state('pk', '42', 'frozen');
SELECT pc_tree('pc');
SELECT pc_tree('pk');
SELECT member_id, revision, change, state, rank FROM pc.member_history WHERE member_id IN (7, 8, 42) ORDER BY 1, 2;
SELECT fails($$SELECT set_rank('pc', 5, 'x')$$);
SELECT fails($$SELECT set_rank('pc', NULL::text, 'x')$$);
SELECT fails($$SELECT set_state('pc', 5, 'left')$$);
SELECT fails($$SELECT set_state('pc', 7, 'gone')$$);
SELECT fails($$SELECT set_state('pc', 7, '')$$);
SELECT fails($$SELECT set_state('pc', 7, NULL)$$);
SELECT fails($$SELECT set_state('pc', 7, 'left', NULL)$$);
SELECT fails($$SELECT set_state('pc', 7, 'left', 'upline')$$);
SELECT fails($$SELECT set_state('pc', 7, 'frozen', 'sponsor')$$);
-- one that left comes back, below the same sponsor or another
SELECT set_state('pc', 8, 'active');
SELECT set_state('pc', 8, 'left'), add_member('pc', 8, 7);
SELECT set_state('pc', 8, 'left'), add_member('pc', 8, 1, rank => 'bronze');
SELECT pc_tree();
SELECT revision, change, sponsor_id, state, rank FROM pc.member_history WHERE member_id = 8 ORDER BY 1;
-- a downline is handed over: to the sponsor, or to nobody
SELECT add_member('pc', 100, 8), add_member('pc', 101, 8), add_member('pc', 102, 101);
SELECT set_state('pc', 8, 'left', downline => 'sponsor');
SELECT set_state('pc', 8, 'left', downline => 'sponsor');
SELECT pc_tree();
SELECT set_state('pc', 1, 'left', downline => 'sponsor');
SELECT pc_tree();
SELECT set_state('pk', 'anna', 'left', 'sponsor');
SELECT pc_tree('pk');

--
-- record_sale
--
SELECT add_member('pc', 1), add_member('pc', 200, 1), add_member('pc', 201, 200);
SELECT record_sale('pc', 'A-1', 201, 99.90, occurred_at => '2020-01-01', attributes => '{"channel": "web"}');
SELECT sale_id, order_key, member_id, amount, currency, occurred_at, path, attributes, order_source_id, author = session_user AS by_me FROM pc.sale;
-- the same again, in any form, is the same sale
SELECT record_sale('pc', 'A-1', 201, 99.90, occurred_at => '2020-01-01', attributes => '{"channel": "web"}') = 1 AS same;
SELECT record_sale('pc', 'A-1', '201', 99.9, 'CNY', attributes => '{"channel":   "web"}') = 1 AS same;
SELECT fails($$SELECT record_sale('pc', 'A-1', 200, 99.90, attributes => '{"channel": "web"}')$$);
SELECT fails($$SELECT record_sale('pc', 'A-1', 201, 99.91, attributes => '{"channel": "web"}')$$);
SELECT fails($$SELECT record_sale('pc', 'A-1', 201, 99.90, 'USD', attributes => '{"channel": "web"}')$$);
SELECT fails($$SELECT record_sale('pc', 'A-1', 201, 99.90, occurred_at => '2020-01-02', attributes => '{"channel": "web"}')$$);
SELECT fails($$SELECT record_sale('pc', 'A-1', 201, 99.90)$$);
SELECT fails($$SELECT record_sale('pc', 'A-1', 201, 99.90, attributes => '{"channel": "shop"}')$$);
-- a key is what it is: letters of either case, blanks
SELECT record_sale('pc', 'a-1', 201, 10), record_sale('pc', ' A-1', 201, 10), record_sale('pc', '店-1', 201, 10);
SELECT order_key, string_agg(member_id::text || ':' || amount, ' ' ORDER BY level) AS paid FROM pc.earnings GROUP BY 1 ORDER BY order_key COLLATE "C";
-- without time: now, in the program's currency
SELECT record_sale('pc', 'now', 201, 10) > 0 AS posted;
SELECT occurred_at = posted_at AS now, currency, attributes FROM pc.sale WHERE order_key = 'now';
SELECT add_member('pk', 'carl', 'bert');
SELECT record_sale('pk', 'K-1', 'carl', 100, 'JPY') > 0 AS posted, record_sale('pk', 'K-2', (SELECT member_id FROM pk.member WHERE member_key = 'carl'), 100) > 0 AS posted;
SELECT order_key, member_key, level, amount, currency FROM pk.earnings ORDER BY 1, 3;
SELECT fails($$SELECT record_sale('pc', NULL, 201, 10)$$);
SELECT fails($$SELECT record_sale('pc', '', 201, 10)$$);
SELECT fails($$SELECT record_sale('pc', repeat('k', 1025), 201, 10)$$);
SELECT fails($$SELECT record_sale('pc', 'B', NULL::bigint, 10)$$);
SELECT fails($$SELECT record_sale('pc', 'B', 201, NULL)$$);
SELECT fails($$SELECT record_sale('pc', 'B', 201, 'NaN')$$);
SELECT fails($$SELECT record_sale('pc', 'B', 201, 'Infinity')$$);
SELECT fails($$SELECT record_sale('pc', 'B', 201, -1)$$);
SELECT fails($$SELECT record_sale('pc', 'B', 201, 10, 'cny')$$);
SELECT fails($$SELECT record_sale('pc', 'B', 201, 10, '')$$);
SELECT fails($$SELECT record_sale('pc', 'B', 201, 10, occurred_at => 'infinity')$$);
SELECT fails($$SELECT record_sale('pc', 'B', 5, 10)$$);
SELECT fails($$SELECT record_sale('pc', 'B', 'x', 10)$$);
SELECT fails($$SELECT record_sale('pc', 'B', -5, 10)$$);
SELECT fails($$SELECT record_sale('pk', 'B', 'nobody', 10)$$);
SELECT fails($$SELECT record_sale('pk', 'B', '', 10)$$);
SELECT fails($$SELECT record_sale('pk', 'B', 4242, 10)$$);
SELECT fails($$SELECT record_sale(NULL, 'B', 201, 10)$$);
-- scale: what is stored is what was given; what is paid is rounded once
SELECT record_sale('pc', 'tiny', 201, 1e-20) > 0 AS posted, record_sale('pc', 'huge', 201, 1e30) > 0 AS posted, record_sale('pc', 'zero', 201, 0.000) > 0 AS posted;
SELECT order_key, amount FROM pc.sale WHERE order_key IN ('tiny', 'huge', 'zero') ORDER BY 1;
SELECT order_key, level, amount FROM pc.earnings WHERE order_key IN ('tiny', 'huge', 'zero') ORDER BY 1, 2;
-- many in one statement, and while the program is paused: a call is a call
SELECT count(record_sale('pc', 'S-' || i, 201, i)) AS calls FROM generate_series(1, 200) i, generate_series(1, 2);
SELECT pause('pc');
SELECT record_sale('pc', 'paused', 201, 10) > 0 AS posted, add_member('pc', 300, 201);
SELECT resume('pc');
SELECT count(*), sum(amount) FROM pc.ledger WHERE source_id IN (SELECT sale_id FROM pc.sale WHERE order_key LIKE 'S-%');
SELECT sum((i * 0.10)::numeric(20,2)) + sum(round(i * 0.05, 2)) AS expected FROM generate_series(1, 200) i;

--
-- The same member again, with another rank: nothing changes
--
SELECT add_member('pc', 1000, rank => 'silver');
SELECT fails($$SELECT add_member('pc', 1000, rank => 'gold')$$);
SELECT add_member('pc', 1000, rank => 'silver'), add_member('pc', 1000);
SELECT set_rank('pc', 1000, NULL);
SELECT fails($$SELECT add_member('pc', 1000, rank => 'silver')$$);
SELECT add_member('pc', 1000);
SELECT revision, change, rank FROM pc.member_history WHERE member_id = 1000 ORDER BY revision;
-- one that comes back comes with the rank that is said, or with the one it had
SELECT set_rank('pc', 1000, 'silver'), set_state('pc', 1000, 'left');
SELECT add_member('pc', 1000);
SELECT state, rank FROM pc.member WHERE member_id = 1000;
SELECT set_state('pc', 1000, 'left');
SELECT add_member('pc', 1000, rank => 'gold');
SELECT state, rank FROM pc.member WHERE member_id = 1000;

SET client_min_messages = warning;
DROP SCHEMA pc, pk CASCADE;
RESET client_min_messages;
DROP FUNCTION pc_tree(text);
