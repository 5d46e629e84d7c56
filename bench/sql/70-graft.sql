-- Moving a whole team by one UPDATE.
-- One that grafts every path, against one that writes the same paths ready-made.

CREATE SCHEMA moved;
SET search_path = moved, public, distributor;
CREATE TABLE team AS
	SELECT s.id, s.mark, graft(s.path, base.path, '999999999.888888888') AS there, s.path
	FROM joined.by_btree s, (SELECT path FROM joined.sample WHERE kind = 'large') base
	WHERE s.path <@ base.path LIMIT 50000;

CREATE PROCEDURE bench.moves(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	base distributor.refpath := (SELECT path FROM joined.sample WHERE kind = 'large');
	c record;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR c IN SELECT * FROM (VALUES
			('bare', 'there'), ('graft', format('distributor.graft(path, %L, %L)', base, '999999999.888888888'))) AS v(contender, value)
		LOOP
			CREATE TABLE moved.again AS TABLE moved.team;
			CREATE INDEX ON moved.again (path);
			CREATE INDEX ON moved.again USING gist (path);
			CALL bench.clock('move', 'joined', 'team', c.contender, round,
							 'UPDATE moved.again SET path = ' || c.value,
							 'SELECT count(*), bit_xor(distributor.refpath_hash_extended(path, mark)) FROM moved.again');
			DROP TABLE moved.again;
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
RESET search_path;
CALL bench.moves(:rounds);
