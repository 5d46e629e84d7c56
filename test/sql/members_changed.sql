--
-- What happens to an attached table of members: every statement keeps the tree
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
CREATE FUNCTION mc_tree(program text DEFAULT 'mc') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(m.path::text || coalesce('' '' || m.rank, '''')'
				   ' || CASE m.state WHEN ''active'' THEN '''' ELSE '' '' || m.state END, '', '' ORDER BY m.path) FROM %I.member m', program) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION mc_history(program text DEFAULT 'mc') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(h.member_id::text || '':'' || h.revision || '' '' || h.change || '' '' || coalesce(h.sponsor_id::text, ''-'')'
				   ' || '' '' || h.state, '', '' ORDER BY h.member_id, h.revision)'
				   ' FROM %I.member_history h WHERE h.revision > 1', program) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION mc_drop(program text) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	EXECUTE format('DROP SCHEMA %I CASCADE', program);
END
$$;

SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint);
SELECT attach_members('mc', 'mc_users', 'id', 'up');

--
-- Joining
--
INSERT INTO mc_users VALUES (3, 2), (2, 1), (1, NULL), (4, 2);
COPY mc_users FROM stdin;
6	5
5	1
\.
SELECT mc_tree();
INSERT INTO mc_users SELECT 7, 6 WHERE false;
INSERT INTO mc_users VALUES (2, 1), (7, 6) ON CONFLICT DO NOTHING;
INSERT INTO mc_users VALUES (2, 5) ON CONFLICT DO NOTHING;
WITH n AS (INSERT INTO mc_users VALUES (8, 7) RETURNING id) INSERT INTO mc_users SELECT 9, id FROM n;
SELECT mc_tree();

--
-- Moving
--
-- the same sponsor: nothing happens
UPDATE mc_users SET up = up;
SELECT mc_history();
-- with its team, to the top, and below another root
UPDATE mc_users SET up = 4 WHERE id = 5;
UPDATE mc_users SET up = NULL WHERE id = 2;
UPDATE mc_users SET up = 1 WHERE id = 2;
SELECT mc_tree(), mc_history();
-- a swap: B was below A, A goes below B
UPDATE mc_users SET up = CASE id WHEN 5 THEN 2 ELSE 5 END WHERE id IN (4, 5);
SELECT mc_tree();
-- a whole chain is turned round: 1.2.5.6.7.8.9 becomes 9.8.7.6.5.2.1
UPDATE mc_users u SET up = n.up FROM (VALUES (9, NULL), (8, 9), (7, 8), (6, 7), (5, 6), (2, 5), (1, 2)) AS n(id, up) WHERE u.id = n.id;
SELECT mc_tree();
-- and back, two of them by an upsert
INSERT INTO mc_users VALUES (1, NULL), (2, 1), (3, 2), (4, 2), (5, 1), (6, 5), (7, 6), (8, 7), (9, 8) ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT mc_tree();
-- cycles: one, two, three members, and below one that moves too
SELECT fails('UPDATE mc_users SET up = id WHERE id = 4');
SELECT fails('UPDATE mc_users SET up = 9 WHERE id = 5');
SELECT fails('UPDATE mc_users SET up = CASE id WHEN 3 THEN 4 ELSE 3 END WHERE id IN (3, 4)');
SELECT fails('UPDATE mc_users SET up = CASE id WHEN 3 THEN 6 WHEN 5 THEN 4 ELSE 3 END WHERE id IN (3, 4, 5)');
SELECT fails('UPDATE mc_users SET up = 4242 WHERE id = 4');
SELECT mc_tree();
-- MERGE: joins, moves and leaves in one statement
MERGE INTO mc_users u USING (VALUES (9, 5), (10, 9), (11, 10), (3, -1)) AS n(id, up) ON u.id = n.id
WHEN MATCHED AND n.up = -1 THEN DELETE
WHEN MATCHED THEN UPDATE SET up = n.up
WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.up);
SELECT mc_tree();
-- insert and move in one transaction, rolled back in part
BEGIN;
INSERT INTO mc_users VALUES (12, 11);
SAVEPOINT s;
UPDATE mc_users SET up = 1 WHERE id = 12;
SELECT mc_tree();
ROLLBACK TO s;
UPDATE mc_users SET up = 2 WHERE id = 12;
COMMIT;
SELECT mc_tree();

--
-- Leaving and coming back
--
DELETE FROM mc_users WHERE id IN (12, 10);
SELECT mc_tree();
-- the one with the same sponsor, the other below another
INSERT INTO mc_users VALUES (10, 9), (12, 4);
SELECT mc_tree();
SELECT member_id, revision, change, sponsor_id, state FROM mc.member_history WHERE member_id IN (10, 12) ORDER BY 1, 2;
-- in one transaction
BEGIN;
DELETE FROM mc_users WHERE id = 12;
INSERT INTO mc_users VALUES (12, 1);
COMMIT;
SELECT mc_tree();
-- one that left and comes back below one that joins with it
DELETE FROM mc_users WHERE id = 12;
INSERT INTO mc_users VALUES (12, 13), (13, 1);
SELECT mc_tree();
-- one that left moves and is found by others while it is away
DELETE FROM mc_users WHERE id = 13;
INSERT INTO mc_users VALUES (14, 13);
SELECT mc_tree();
-- all at once
DELETE FROM mc_users;
SELECT count(*), count(*) FILTER (WHERE state = 'left') AS gone FROM mc.member;

-- refused: another id, no rows at all
INSERT INTO mc_users VALUES (1, NULL), (2, 1);
SELECT fails('UPDATE mc_users SET id = 100 WHERE id = 2');
SELECT fails('UPDATE mc_users SET id = 100, up = NULL WHERE id = 2');
SELECT fails('TRUNCATE mc_users');
SELECT fails('UPDATE mc.member SET path = ''2'' WHERE member_id = 2');
SELECT mc_tree() LIKE '1, 1.2, 1.2.3 left%' AS unharmed;

-- an error that is caught leaves the session as it was
SET search_path = distributor, public;
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		BEGIN
			INSERT INTO mc_users VALUES (200, 4242);
		EXCEPTION WHEN foreign_key_violation THEN
			RAISE NOTICE 'caught: %, search_path %, user %', SQLERRM, current_setting('search_path'), current_user = session_user;
		END;
	END LOOP;
END
$$;
SHOW search_path;
SET search_path = public, distributor;
-- direct writes are still refused, and the tree is still kept
SELECT fails('DELETE FROM mc.member') ~ '^55000' AS refused;
INSERT INTO mc_users VALUES (200, 1);
SELECT path FROM mc.member WHERE member_id = 200;

-- isolation: joins, but no moves, in an old snapshot
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO mc_users VALUES (201, 200);
SELECT fails('UPDATE mc_users SET up = 1 WHERE id = 201');
SELECT fails($$SELECT attach_members('mc', 'mc_users', 'id', 'up')$$);
SELECT fails($$SELECT resume('mc')$$);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO mc_users VALUES (202, 201);
SELECT fails('UPDATE mc_users SET up = 1 WHERE id = 201');
COMMIT;
SELECT path FROM mc.member WHERE member_id = 202;
SELECT detach_members('mc', 'mc_users');
DROP TABLE mc_users;
SELECT mc_drop('mc');

--
-- Foreign keys of the user: children follow what the key does
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint REFERENCES mc_users ON DELETE SET NULL);
SELECT attach_members('mc', 'mc_users', 'id', 'up');
INSERT INTO mc_users VALUES (1, NULL), (2, 1), (3, 2), (4, 3);
DELETE FROM mc_users WHERE id = 2;
SELECT mc_tree();
ALTER TABLE mc_users DROP CONSTRAINT mc_users_up_fkey, ADD FOREIGN KEY (up) REFERENCES mc_users ON DELETE CASCADE;
DELETE FROM mc_users WHERE id = 3;
SELECT mc_tree();

--
-- The table changes: between two statements of one session
--
ALTER TABLE mc_users ADD COLUMN note text DEFAULT 'x';
INSERT INTO mc_users VALUES (5, 1);
UPDATE mc_users SET note = 'y';
ALTER TABLE mc_users DROP COLUMN note;
INSERT INTO mc_users VALUES (6, 5);
UPDATE mc_users SET up = 1 WHERE id = 6;
ALTER TABLE mc_users ALTER id TYPE int, ALTER up TYPE smallint;
INSERT INTO mc_users VALUES (7, 6);
UPDATE mc_users SET up = 1 WHERE id = 7;
DELETE FROM mc_users WHERE id = 6;
SELECT mc_tree();
-- renamed, retyped to something else, dropped
ALTER TABLE mc_users RENAME up TO sponsor;
SELECT fails('INSERT INTO mc_users VALUES (8, 7)');
ALTER TABLE mc_users RENAME sponsor TO up;
INSERT INTO mc_users VALUES (8, 7);
ALTER TABLE mc_users DROP CONSTRAINT mc_users_up_fkey;
ALTER TABLE mc_users ALTER up TYPE text;
SELECT fails('INSERT INTO mc_users VALUES (9, 7)');
ALTER TABLE mc_users ALTER up TYPE bigint USING up::bigint;
-- a table of another name is the same table
ALTER TABLE mc_users RENAME TO mc_people;
INSERT INTO mc_people VALUES (9, 8);
ALTER TABLE mc_people RENAME TO mc_users;
ALTER TABLE mc_users DROP COLUMN up;
SELECT fails('INSERT INTO mc_users VALUES (10)');
SELECT fails('DELETE FROM mc_users WHERE id = 9');
-- columns may be named anew, and others come to bear the old names
ALTER TABLE mc_users ADD COLUMN up bigint, ADD COLUMN boss bigint;
SELECT pause('mc');
UPDATE mc_users u SET up = m.sponsor_id FROM mc.member m WHERE m.member_id = u.id;
SELECT resume('mc');
ALTER TABLE mc_users RENAME up TO was;
ALTER TABLE mc_users RENAME boss TO up;
ALTER TABLE mc_users RENAME was TO boss;
SELECT attach_members('mc', 'mc_users', 'id', 'boss');
INSERT INTO mc_users (id, boss) VALUES (11, 9);
SELECT mc_tree();
-- dropped and made again, it is another table
DROP TABLE mc_users;
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint);
CREATE TRIGGER distributor_members_mc_insert AFTER INSERT ON mc_users REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION members_changed('mc');
SELECT fails('INSERT INTO mc_users VALUES (1000, NULL)');
SELECT attach_members('mc', 'mc_users', 'id', 'up');
INSERT INTO mc_users VALUES (1000, NULL);
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'mc_users'::regclass;
SELECT detach_members('mc', 'mc_users');
DROP TABLE mc_users;
SELECT mc_drop('mc');

--
-- Two tables of the same columns and two programs in one session; and one
-- table in two programs
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC'), create_program('mc2', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint);
CREATE TABLE mc_users2 (up bigint, gone text, id bigint PRIMARY KEY);
ALTER TABLE mc_users2 DROP COLUMN gone;
SELECT attach_members('mc', 'mc_users', 'id', 'up'), attach_members('mc2', 'mc_users2', 'id', 'up');
INSERT INTO mc_users (id, up) VALUES (1, NULL), (2, 1);
INSERT INTO mc_users2 (id, up) VALUES (2, NULL), (1, 2);
UPDATE mc_users SET up = CASE WHEN id = 1 THEN 2 END;
UPDATE mc_users2 SET up = CASE WHEN id = 2 THEN 1 END;
SELECT mc_tree('mc') AS mc, mc_tree('mc2') AS mc2;
DELETE FROM mc_users WHERE id = 2;
DELETE FROM mc_users2 WHERE id = 1;
INSERT INTO mc_users (id, up) VALUES (3, 1);
INSERT INTO mc_users2 (id, up) VALUES (3, 2);
SELECT mc_tree('mc') AS mc, mc_tree('mc2') AS mc2;
SELECT detach_members('mc2', 'mc_users2');
DROP TABLE mc_users2;
SELECT mc_drop('mc2');
SELECT create_program('mc2', 'CNY', time_zone => 'UTC');
-- the new program never knew the sponsor that is gone
SELECT fails($$SELECT attach_members('mc2', 'mc_users', 'id', 'up')$$);
UPDATE mc_users SET up = NULL WHERE id = 1;
SELECT attach_members('mc2', 'mc_users', 'id', 'up');
INSERT INTO mc_users VALUES (4, 3);
UPDATE mc_users SET up = 1 WHERE id = 4;
SELECT mc_tree('mc') AS mc, mc_tree('mc2') AS mc2;
SELECT detach_members('mc', 'mc_users');
INSERT INTO mc_users VALUES (5, 4);
SELECT mc_tree('mc') AS mc, mc_tree('mc2') AS mc2;
-- detached, the functions work
SELECT add_member('mc', 5, 4), move_member('mc', 4, 3);
SELECT mc_tree('mc') AS mc;
DROP TABLE mc_users;
SELECT mc_drop('mc'), mc_drop('mc2');

--
-- Partitions
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint, up bigint, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE mc_north PARTITION OF mc_users FOR VALUES IN ('north') PARTITION BY HASH (id);
CREATE TABLE mc_north_0 PARTITION OF mc_north FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE mc_north_1 PARTITION OF mc_north FOR VALUES WITH (MODULUS 2, REMAINDER 1);
-- a partition with its columns in another order
CREATE TABLE mc_south (region text NOT NULL, dropped int, up bigint, id bigint NOT NULL);
ALTER TABLE mc_south DROP COLUMN dropped;
ALTER TABLE mc_users ATTACH PARTITION mc_south FOR VALUES IN ('south');
INSERT INTO mc_users VALUES (1, NULL, 'north'), (2, 1, 'south');
SELECT attach_members('mc', 'mc_users', 'id', 'up', rank => 'region');
INSERT INTO mc_users VALUES (4, 3, 'north'), (3, 2, 'south');
INSERT INTO mc_south (id, up, region) VALUES (5, 4, 'south');
INSERT INTO mc_north VALUES (6, 5, 'north'), (7, 6, 'north'), (8, 7, 'north');
COPY mc_south (id, up, region) FROM stdin;
9	8	south
\.
SELECT mc_tree();
UPDATE mc_users SET up = 1 WHERE id IN (4, 9);
UPDATE mc_south SET up = 1 WHERE id = 3;
-- rows that change their partition, and their sponsor with it
UPDATE mc_users SET region = 'south' WHERE id = 4;
UPDATE mc_users SET region = 'north', up = 3 WHERE id = 9;
UPDATE mc_north SET up = 4 WHERE id = 7;
SELECT mc_tree(), mc_history();
DELETE FROM mc_north WHERE id = 8;
DELETE FROM mc_users WHERE id = 7;
SELECT mc_tree();
SELECT fails('TRUNCATE mc_south');
SELECT fails('TRUNCATE mc_users');
-- one that comes later is attached with the table, again
CREATE TABLE mc_east PARTITION OF mc_users FOR VALUES IN ('east');
INSERT INTO mc_users VALUES (10, 1, 'east');
INSERT INTO mc_east VALUES (11, 10, 'east');
SELECT count(*) AS before FROM mc.member WHERE member_id IN (10, 11);
SELECT attach_members('mc', 'mc_users', 'id', 'up', rank => 'region');
INSERT INTO mc_east VALUES (12, 11, 'east');
SELECT path, rank FROM mc.member WHERE member_id >= 10 ORDER BY path;
SELECT tgrelid::regclass AS "table", count(*) AS triggers FROM pg_trigger WHERE tgfoid = 'members_changed'::regproc GROUP BY 1 ORDER BY 1::text;
SELECT detach_members('mc', 'mc_users');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgfoid = 'members_changed'::regproc;
DROP TABLE mc_users;
SELECT mc_drop('mc');

--
-- 50,000 members in one statement, in random order, against a recursive query
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint);
SELECT attach_members('mc', 'mc_users', 'id', 'up');
INSERT INTO mc_users SELECT i, CASE WHEN i % 1000 > 1 THEN i - 1 - (hashint8(i) & 31) % (i % 1000 - 1) END FROM (SELECT i FROM generate_series(1, 50000) i ORDER BY hashint8(i)) s;
WITH RECURSIVE tree AS (
	SELECT id, ARRAY[id] AS ids FROM mc_users WHERE up IS NULL
	UNION ALL
	SELECT u.id, t.ids || u.id FROM mc_users u JOIN tree t ON u.up = t.id)
SELECT count(*) AS members, count(*) FILTER (WHERE m.path::bigint[] IS DISTINCT FROM t.ids) AS wrong
FROM tree t FULL JOIN mc.member m ON m.member_id = t.id;
SELECT count(*) AS history, count(*) FILTER (WHERE revision = 1 AND change = 'join') AS joins FROM mc.member_history;
SELECT detach_members('mc', 'mc_users');
DROP TABLE mc_users;
SELECT mc_drop('mc');

--
-- A random forest with random statements, each checked against a recursive query
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint, rank text);
SELECT attach_members('mc', 'mc_users', 'id', 'up', rank => 'rank');
-- what is wrong with the tree: nothing, if all is well
CREATE FUNCTION mc_wrong() RETURNS TABLE (member_id bigint, wrong text) LANGUAGE sql AS $$
	WITH RECURSIVE tree AS (
		SELECT u.id, ARRAY[u.id] AS ids FROM mc_users u WHERE u.up IS NULL
		UNION ALL
		SELECT u.id, t.ids || u.id FROM mc_users u JOIN tree t ON u.up = t.id)
	SELECT t.id, 'path' FROM tree t LEFT JOIN mc.member m ON m.member_id = t.id
	 WHERE m.path::bigint[] IS DISTINCT FROM t.ids OR m.state IS DISTINCT FROM 'active'
	UNION ALL
	SELECT u.id, 'cycle' FROM mc_users u WHERE u.id NOT IN (SELECT t.id FROM tree t)
	UNION ALL
	SELECT m.member_id, 'not left' FROM mc.member m WHERE m.state <> 'left' AND m.member_id NOT IN (SELECT u.id FROM mc_users u)
	UNION ALL
	SELECT m.member_id, 'history' FROM mc.member m
	  LEFT JOIN LATERAL (SELECT * FROM mc.member_history h WHERE h.member_id = m.member_id ORDER BY h.revision DESC LIMIT 1) h ON true
	 WHERE ROW(h.sponsor_id, h.state, h.rank) IS DISTINCT FROM ROW(m.sponsor_id, m.state, m.rank)
	UNION ALL
	SELECT m.member_id, 'rank' FROM mc.member m JOIN mc_users u ON u.id = m.member_id WHERE u.rank IS DISTINCT FROM m.rank
	UNION ALL
	SELECT h.member_id, 'gap in history' FROM mc.member_history h
	 WHERE h.revision > 1 AND NOT EXISTS (SELECT FROM mc.member_history p WHERE p.member_id = h.member_id AND p.revision = h.revision - 1 AND p.valid_from <= h.valid_from)
$$;
CREATE FUNCTION mc_random(seed float8, statements int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	done int := 0; refused int := 0; bad bigint; kind int; members int := 60;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..statements LOOP
		kind := floor(random() * 10);
		BEGIN
			IF kind < 5 THEN
				-- some members get any sponsor, or none
				UPDATE mc_users u SET up = CASE WHEN random() < 0.1 THEN NULL ELSE (SELECT v.id FROM mc_users v WHERE v.id <> u.id ORDER BY random() LIMIT 1) END
				 WHERE u.id IN (SELECT v.id FROM mc_users v ORDER BY random() LIMIT 1 + floor(random() * random() * 8));
			ELSIF kind = 5 THEN
				-- two change places
				UPDATE mc_users u SET up = CASE u.id WHEN a.id THEN CASE WHEN b.up = a.id THEN b.id ELSE b.up END ELSE CASE WHEN a.up = b.id THEN a.id ELSE a.up END END
				  FROM (SELECT v.* FROM mc_users v ORDER BY random() LIMIT 1) a, (SELECT v.* FROM mc_users v ORDER BY random() LIMIT 1) b
				 WHERE u.id IN (a.id, b.id);
			ELSIF kind = 6 THEN
				UPDATE mc_users SET rank = CASE WHEN random() < 0.5 THEN 'r' || floor(random() * 3) END WHERE random() < 0.2;
			ELSIF kind = 7 THEN
				-- leaves go, sometimes more
				DELETE FROM mc_users u WHERE NOT EXISTS (SELECT FROM mc_users c WHERE c.up = u.id) AND random() < 0.2;
			ELSE
				-- join or come back
				INSERT INTO mc_users SELECT n.id, (SELECT v.id FROM mc_users v WHERE n.id > 0 ORDER BY random() LIMIT 1)
				  FROM generate_series(1, members) n(id) WHERE random() < 0.2 ON CONFLICT DO NOTHING;
			END IF;
			done := done + 1;
		EXCEPTION WHEN check_violation THEN
			refused := refused + 1;
		END;
		SELECT count(*) INTO bad FROM mc_wrong();
		IF bad > 0 THEN
			RETURN format('seed %s: %s members are wrong after statement %s of kind %s', seed, bad, i, kind);
		END IF;
	END LOOP;
	RETURN CASE WHEN done > statements / 3 AND refused > statements / 20 THEN format('seed %s: all is well', seed)
		ELSE format('seed %s: only %s done, %s refused', seed, done, refused) END;
END
$$;
INSERT INTO mc_users SELECT i, nullif(i / 2, 0) FROM generate_series(1, 60) i;
SELECT mc_random(s / 10.0, 150) FROM generate_series(1, 4) s;
DROP TABLE mc_users;
SELECT mc_drop('mc');

--
-- An upsert tells of its updates before its inserts: members that it moves
-- may name sponsors that it adds
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint, rank text);
SELECT attach_members('mc', 'mc_users', 'id', 'up', rank => 'rank');
INSERT INTO mc_users VALUES (1, NULL), (2, 1), (3, 1), (4, 3);
-- below one that is new
INSERT INTO mc_users VALUES (2, 10, NULL), (10, 1, 'gold') ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT mc_tree(), mc_history();
-- a chain of new sponsors, children first, and the end of it below an old member that moves too
INSERT INTO mc_users VALUES (3, 22, NULL), (22, 21, 'a'), (21, 20, 'b'), (20, 2, 'c'), (2, 1, NULL) ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT mc_tree(), mc_history();
-- new members that nobody names come with it, once
INSERT INTO mc_users VALUES (30, 31), (31, 1), (4, 32), (32, 30) ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT mc_tree();
SELECT count(*) FILTER (WHERE change = 'join') AS joins, count(DISTINCT member_id) AS members FROM mc.member_history;
-- MERGE does the same
MERGE INTO mc_users u USING (VALUES (4, 40), (40, 41), (41, 1)) AS n(id, up) ON u.id = n.id
WHEN MATCHED THEN UPDATE SET up = n.up
WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.up);
SELECT mc_tree();
-- below one that has left and comes back with it
DELETE FROM mc_users WHERE id = 10;
INSERT INTO mc_users VALUES (4, 10), (10, 1) ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT mc_tree();
-- cycles through a new sponsor, and sponsors that are nowhere
SELECT fails('INSERT INTO mc_users VALUES (1, 50), (50, 2) ON CONFLICT (id) DO UPDATE SET up = excluded.up');
SELECT fails('INSERT INTO mc_users VALUES (4, 51), (51, 52), (52, 51) ON CONFLICT (id) DO UPDATE SET up = excluded.up');
SELECT fails('INSERT INTO mc_users VALUES (4, 53), (53, 99) ON CONFLICT (id) DO UPDATE SET up = excluded.up');
SELECT fails('INSERT INTO mc_users VALUES (4, 99), (54, 1) ON CONFLICT (id) DO UPDATE SET up = excluded.up');
SELECT mc_tree();
-- orphans => root: only what is nowhere makes a root
SELECT attach_members('mc', 'mc_users', 'id', 'up', rank => 'rank', orphans => 'root');
INSERT INTO mc_users VALUES (4, 61), (61, 60), (60, 99) ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT mc_tree();
SELECT member_id, sponsor_key, problem FROM mc.orphan ORDER BY 1;
INSERT INTO mc_users VALUES (99, 1), (60, 99) ON CONFLICT (id) DO UPDATE SET up = excluded.up;
-- 60 named 99 before, so nothing has changed there: the next catching up moves it
SELECT path FROM mc.member WHERE member_id IN (4, 60) ORDER BY path;
SELECT attach_members('mc', 'mc_users', 'id', 'up', rank => 'rank', orphans => 'root');
SELECT path FROM mc.member WHERE member_id IN (4, 60) ORDER BY path;
-- a sponsor that nobody knows is looked for with the rights of the writer
CREATE ROLE regress_mc_clerk;
GRANT INSERT, UPDATE ON mc_users TO regress_mc_clerk;
SET ROLE regress_mc_clerk;
UPDATE mc_users SET up = 1;
SELECT fails('UPDATE mc_users SET up = 1000');
INSERT INTO mc_users VALUES (71, 70), (70, 1);
RESET ROLE;
SELECT count(*) FILTER (WHERE sponsor_id = 1) AS below_1, count(*) AS members FROM mc.member;
DROP TABLE mc_users;
DROP ROLE regress_mc_clerk;
SELECT mc_drop('mc');
-- the same by key
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id text PRIMARY KEY, up text);
SELECT attach_members('mc', 'mc_users', 'id', 'up');
INSERT INTO mc_users VALUES ('a', NULL), ('b', 'a'), ('c', 'b');
INSERT INTO mc_users VALUES ('c', 'f'), ('f', 'e'), ('e', 'd'), ('d', 'a'), ('g', 'c') ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT m.member_key, s.member_key AS sponsor, depth(m.path), m.path = refpath_append(s.path, m.member_id) AS below FROM mc.member m LEFT JOIN mc.member s ON s.member_id = m.sponsor_id ORDER BY 1;
SELECT fails($$INSERT INTO mc_users VALUES ('c', 'x'), ('x', 'y') ON CONFLICT (id) DO UPDATE SET up = excluded.up$$);
SELECT count(*) FILTER (WHERE change = 'join') AS joins, count(*) FILTER (WHERE change = 'move') AS moves FROM mc.member_history;
DROP TABLE mc_users;
SELECT mc_drop('mc');
-- many at once: every old member goes below a new one of its own
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint);
INSERT INTO mc_users SELECT i, NULL FROM generate_series(1, 20000) i;
SELECT attach_members('mc', 'mc_users', 'id', 'up');
INSERT INTO mc_users SELECT i, 20000 + i FROM generate_series(1, 20000) i UNION ALL SELECT 20000 + i, NULL FROM generate_series(1, 20000) i
ON CONFLICT (id) DO UPDATE SET up = excluded.up;
SELECT count(*) AS members, count(*) FILTER (WHERE depth(path) = 2 AND sponsor_id = member_id + 20000) AS moved FROM mc.member;
DROP TABLE mc_users;
SELECT mc_drop('mc');

--
-- Leaving and coming back while a program is paused
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint, state text);
SELECT attach_members('mc', 'mc_users', 'id', 'up');
INSERT INTO mc_users VALUES (1, NULL), (2, 1), (3, 2), (4, 1);
DELETE FROM mc_users WHERE id IN (2, 4);
SELECT pause('mc');
INSERT INTO mc_users VALUES (2, 1), (4, 3);
SELECT resume('mc');
SELECT mc_tree(), mc_history();
-- where a column says the state, it decides
SELECT attach_members('mc', 'mc_users', 'id', 'up', state => 'state');
UPDATE mc_users SET state = 'left' WHERE id = 2;
DELETE FROM mc_users WHERE id IN (3, 4);
SELECT pause('mc');
INSERT INTO mc_users VALUES (3, 2, NULL), (4, 3, 'frozen');
SELECT resume('mc');
SELECT mc_tree();
SELECT member_id, change, state FROM mc.member_history WHERE member_id > 1 AND revision > 1 ORDER BY member_id, revision;
DROP TABLE mc_users;
SELECT mc_drop('mc');

--
-- Tables that inherit: one that comes later fires no trigger, but is read
--
SELECT create_program('mc', 'CNY', time_zone => 'UTC');
CREATE TABLE mc_users (id bigint PRIMARY KEY, up bigint);
SELECT attach_members('mc', 'mc_users', 'id', 'up');
INSERT INTO mc_users VALUES (1, NULL);
CREATE TABLE mc_child () INHERITS (mc_users);
INSERT INTO mc_child VALUES (2, 1), (3, 2);
SELECT mc_tree();
SELECT pause('mc'), resume('mc');
SELECT mc_tree();
-- a statement that names the parent tells of the child's rows, too
UPDATE mc_users SET up = 1 WHERE id = 3;
DELETE FROM mc_users WHERE id = 2;
SELECT mc_tree();
SELECT fails($$SELECT attach_members('mc', 'mc_users', 'id', 'up')$$);
SELECT detach_members('mc', 'mc_users');
DROP TABLE mc_child, mc_users;
SELECT mc_drop('mc');

DROP FUNCTION mc_random(float8, int), mc_wrong(), mc_tree(text), mc_history(text), mc_drop(text);
