-- Layer 3: balances, checkpoints, statements, closed periods, a ledger by months.

CREATE FUNCTION distributor.balance(
		program pg_catalog.text, member pg_catalog.int8,
		as_of pg_catalog.timestamptz DEFAULT NULL,
		OUT currency pg_catalog.text, OUT pending pg_catalog."numeric", OUT available pg_catalog."numeric",
		OUT balance pg_catalog."numeric", OUT paid_out pg_catalog."numeric")
	RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1 AS 'MODULE_PATHNAME', 'program_balance';
COMMENT ON FUNCTION distributor.balance(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz) IS
	'what a member has, one row for each currency: pending, available, their sum, and what has been paid out; as it is now, or was at a moment';
CREATE FUNCTION distributor.balance(
		program pg_catalog.text, member pg_catalog.text,
		as_of pg_catalog.timestamptz DEFAULT NULL,
		OUT currency pg_catalog.text, OUT pending pg_catalog."numeric", OUT available pg_catalog."numeric",
		OUT balance pg_catalog."numeric", OUT paid_out pg_catalog."numeric")
	RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1 AS 'MODULE_PATHNAME', 'program_balance';
COMMENT ON FUNCTION distributor.balance(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz) IS
	'the same for a member named by its key';

-- Checkpoints

CREATE PROCEDURE distributor.fold(program pg_catalog.text, batch_size pg_catalog.int4 DEFAULT 10000)
	LANGUAGE C AS 'MODULE_PATHNAME', 'program_fold';
COMMENT ON PROCEDURE distributor.fold(pg_catalog.text, pg_catalog.int4) IS
	'sum up what has been posted in checkpoints, and what teams have added to, so that balances and team totals read less; commits after each batch';

-- Statements and closed periods

CREATE FUNCTION distributor.statement(
		program pg_catalog.text, member pg_catalog.int8,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		currency pg_catalog.text DEFAULT NULL,
		OUT kind pg_catalog.text, OUT at pg_catalog.timestamptz, OUT amount pg_catalog."numeric",
		OUT balance pg_catalog."numeric", OUT pending pg_catalog."numeric", OUT rule pg_catalog.text,
		OUT level pg_catalog.int4, OUT order_key pg_catalog.text, OUT event_key pg_catalog.text,
		OUT reason pg_catalog.text, OUT occurred_at pg_catalog.timestamptz,
		OUT belongs_to pg_catalog.text, OUT entry_id pg_catalog.int8)
	RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 100 AS 'MODULE_PATHNAME', 'program_statement';
COMMENT ON FUNCTION distributor.statement(pg_catalog.text, pg_catalog.int8, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.text) IS
	'every movement of a member''s money from "from" to before "to", between what it had then and then';
CREATE FUNCTION distributor.statement(
		program pg_catalog.text, member pg_catalog.text,
		"from" pg_catalog.timestamptz DEFAULT NULL, "to" pg_catalog.timestamptz DEFAULT NULL,
		currency pg_catalog.text DEFAULT NULL,
		OUT kind pg_catalog.text, OUT at pg_catalog.timestamptz, OUT amount pg_catalog."numeric",
		OUT balance pg_catalog."numeric", OUT pending pg_catalog."numeric", OUT rule pg_catalog.text,
		OUT level pg_catalog.int4, OUT order_key pg_catalog.text, OUT event_key pg_catalog.text,
		OUT reason pg_catalog.text, OUT occurred_at pg_catalog.timestamptz,
		OUT belongs_to pg_catalog.text, OUT entry_id pg_catalog.int8)
	RETURNS SETOF record
	LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 100 AS 'MODULE_PATHNAME', 'program_statement';
COMMENT ON FUNCTION distributor.statement(pg_catalog.text, pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz, pg_catalog.text) IS
	'the same for a member named by its key';

CREATE FUNCTION distributor.close_period(
		program pg_catalog.text, ends_at pg_catalog.timestamptz, name pg_catalog.text,
		seal pg_catalog.bool DEFAULT true)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_close_period';
COMMENT ON FUNCTION distributor.close_period(pg_catalog.text, pg_catalog.timestamptz, pg_catalog.text, pg_catalog.bool) IS
	'close what was posted before ends_at: nothing is added to it any more; seal keeps its count, sums and hash';

CREATE FUNCTION distributor.period_seal(
		program pg_catalog.text, name pg_catalog.text,
		OUT entries pg_catalog.int8, OUT sums pg_catalog.jsonb, OUT hash pg_catalog.bytea)
	RETURNS SETOF record
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 1 AS 'MODULE_PATHNAME', 'program_period_seal';
COMMENT ON FUNCTION distributor.period_seal(pg_catalog.text, pg_catalog.text) IS
	'count, sums by currency and hash of a closed period as its entries are now; no row where they have been archived';

-- A ledger by months.  The functions in C run those in PL/pgSQL as the owner of
-- the program; the latter name the program by its schema and check nothing.

CREATE FUNCTION distributor.create_ledger_months(
		program pg_catalog.text, until pg_catalog.timestamptz,
		since pg_catalog.timestamptz DEFAULT pg_catalog.now())
	RETURNS pg_catalog.int4
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
	SET datestyle = 'ISO'
AS $function$
DECLARE
	quoted CONSTANT text := quote_ident(program);
	ledger CONSTANT regclass := format('%I.ledger', program)::regclass;
	zone text;
	catch_all regclass;
	first timestamptz := since;
	names text[] := '{}';
	starts timestamptz[] := '{}';
	ends timestamptz[] := '{}';
	aside text;
	made int4 := 0;
	columns text;
	target text;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_partitioned_table t WHERE t.partrelid = ledger) THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the ledger of program "%s" is not divided by months', program),
			HINT = 'Divide it by distributor.partition_ledger() first.';
	END IF;
	IF until > now() + interval '20 years' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('until is too far away: %s', until),
			HINT = 'Make partitions for 20 years at most.';
	END IF;
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', ledger);
	EXECUTE format('SELECT p.time_zone FROM %s.program p', quoted) INTO zone;
	SELECT t.partdefid::regclass INTO catch_all FROM pg_partitioned_table t
	 WHERE t.partrelid = ledger AND t.partdefid <> 0;
	IF catch_all IS NOT NULL THEN
		EXECUTE format('SELECT least($1, min(l.posted_at)) FROM %s l', catch_all) INTO first USING first;
	END IF;
	-- Months of the program's calendar that no partition has yet.
	SELECT coalesce(array_agg(m.name ORDER BY m.starts), '{}'), coalesce(array_agg(m.starts ORDER BY m.starts), '{}'),
		   coalesce(array_agg(m.ends ORDER BY m.starts), '{}')
	  INTO names, starts, ends
	  FROM (SELECT 'ledger_p' || to_char(g.month, 'YYYY_MM') AS name,
				   g.month AT TIME ZONE zone AS starts, (g.month + interval '1 month') AT TIME ZONE zone AS ends
			  FROM generate_series(date_trunc('month', first AT TIME ZONE zone), until AT TIME ZONE zone,
								   interval '1 month') AS g(month)) m
	 WHERE NOT EXISTS (
		SELECT FROM (SELECT substring(b.bound FROM 'FROM \(''([^'']+)''\)')::timestamptz AS starts,
							substring(b.bound FROM 'TO \(''([^'']+)''\)')::timestamptz AS ends
					   FROM (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound
							   FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
							  WHERE i.inhparent = ledger) b
					  WHERE b.bound <> 'DEFAULT') p
		 WHERE coalesce(p.starts, '-infinity') < m.ends AND coalesce(p.ends, 'infinity') > m.starts);
	made := cardinality(names);
	-- Rows of a month that had no partition are in the default one: they are
	-- entered again, and that one is made anew.
	IF catch_all IS NOT NULL AND made > 0 THEN
		EXECUTE format('SELECT 1 FROM %s l WHERE l.posted_at < $1 LIMIT 1', catch_all) INTO aside USING ends[made];
		IF aside IS NOT NULL THEN
			aside := 'ledger_default_' || to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS');
			EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', ledger, catch_all);
			EXECUTE format('ALTER TABLE %s RENAME TO %I', catch_all, aside);
			aside := format('%s.%I', quoted, aside);
			catch_all := NULL;
		END IF;
	END IF;
	FOR i IN 1 .. made LOOP
		-- An archived month keeps its name, and may get entries that are committed late.
		IF to_regclass(format('%s.%I', quoted, names[i])) IS NOT NULL THEN
			names[i] := names[i] || to_char(clock_timestamp(), '"_late_"YYYYMMDDHH24MISSUS');
		END IF;
		EXECUTE format('CREATE TABLE %s.%I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
					   quoted, names[i], ledger, starts[i], ends[i]);
	END LOOP;
	IF catch_all IS NULL THEN
		EXECUTE format('CREATE TABLE %s.ledger_default PARTITION OF %s DEFAULT', quoted, ledger);
	END IF;
	IF aside IS NOT NULL THEN
		SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
		  FROM pg_attribute a WHERE a.attrelid = ledger AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
		EXECUTE format('ALTER TABLE %s DISABLE TRIGGER guard_insert, DISABLE TRIGGER guard_row_insert', ledger);
		EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM %s', ledger, columns, aside);
		EXECUTE format('ALTER TABLE %s ENABLE TRIGGER guard_insert, ENABLE TRIGGER guard_row_insert', ledger);
		EXECUTE format('DROP TABLE %s', aside);
	END IF;
	-- Those that somebody else has made lack the guards of statements.
	FOR target IN SELECT c.oid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
				   WHERE i.inhparent = ledger
					 AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'guard_change') LOOP
		EXECUTE format('CREATE TRIGGER guard_insert BEFORE INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION distributor.guard()', target);
		EXECUTE format('CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION distributor.guard()', target);
		EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER guard_change', target);
	END LOOP;
	RETURN made;
END
$function$;
COMMENT ON FUNCTION distributor.create_ledger_months(pg_catalog.text, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the part of create_ledger_partitions() that makes the tables; call create_ledger_partitions()';

CREATE FUNCTION distributor.partition_ledger_tables(program pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC'
	SET datestyle = 'ISO'
AS $function$
DECLARE
	quoted CONSTANT text := quote_ident(program);
	old regclass := format('%I.ledger', program)::regclass;
	comment text;
	columns text;
	views text[];
	indexes text[];
	policies text[];
	grants text[];
	security text[];
	first timestamptz;
	statement text;
	what text;
BEGIN
	IF EXISTS (SELECT FROM pg_partitioned_table t WHERE t.partrelid = old) THEN
		PERFORM distributor.create_ledger_months(program, now() + interval '3 months');
		RETURN;
	END IF;
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', old);
	SELECT format('publication "%s" names it', p.pubname) INTO what
	  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = old LIMIT 1;
	IF what IS NULL THEN
		SELECT format('%s reads it', coalesce(pg_describe_object('pg_class'::regclass, c.oid, 0), pg_describe_object(d.classid, d.objid, 0))) INTO what
		  FROM pg_depend d
		  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
		  LEFT JOIN pg_class c ON c.oid = r.ev_class
		 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = old AND d.deptype = 'n'
		   AND (d.classid = 'pg_proc'::regclass OR c.relkind = 'm'
				OR NOT (pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(c.relnamespace, 'CREATE')))
		 LIMIT 1;
	END IF;
	IF what IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the ledger of program "%s" cannot be divided by months', program),
			DETAIL = format('Another table takes its place, and %s.', what),
			HINT = 'Drop that, and make it anew afterwards.';
	END IF;
	-- What belongs to the table and does not come along by itself.
	comment := obj_description(old, 'pg_class');
	SELECT array_agg(pg_get_indexdef(i.indexrelid) ORDER BY i.indexrelid) INTO indexes
	  FROM pg_index i WHERE i.indrelid = old AND NOT i.indisprimary;
	SELECT array_agg(format('CREATE OR REPLACE VIEW %s%s AS %s', v.oid::regclass,
							CASE WHEN v.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(v.reloptions, ', ')) END,
							pg_get_viewdef(v.oid)))
	  INTO views
	  FROM pg_class v
	 WHERE v.relkind = 'v'
	   AND v.oid IN (SELECT r.ev_class FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
					  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = old);
	SELECT array_agg(format('GRANT %s ON %s.ledger TO %s%s', g.privilege_type, quoted,
							CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
							CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END))
	  INTO grants
	  FROM (SELECT x.privilege_type, x.grantee, x.is_grantable
			  FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x
			 WHERE c.oid = old AND x.grantee <> c.relowner
			UNION ALL
			SELECT format('%s (%I)', x.privilege_type, a.attname), x.grantee, x.is_grantable
			  FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) x
			 WHERE a.attrelid = old AND NOT a.attisdropped) g;
	SELECT array_agg(format('CREATE POLICY %I ON %s.ledger AS %s FOR %s TO %s%s%s', p.policyname, quoted, p.permissive, p.cmd,
							(SELECT string_agg(CASE r WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(r) END, ', ') FROM unnest(p.roles) r),
							' USING (' || p.qual || ')', ' WITH CHECK (' || p.with_check || ')'))
	  INTO policies
	  FROM pg_policies p WHERE p.schemaname = program AND p.tablename = 'ledger';
	SELECT array_remove(ARRAY[CASE WHEN c.relrowsecurity THEN 'ENABLE ROW LEVEL SECURITY' END,
							  CASE WHEN c.relforcerowsecurity THEN 'FORCE ROW LEVEL SECURITY' END,
							  CASE c.relreplident WHEN 'f' THEN 'REPLICA IDENTITY FULL' WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' END], NULL)
	  INTO security FROM pg_class c WHERE c.oid = old;
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
	  FROM pg_attribute a WHERE a.attrelid = old AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';

	EXECUTE format('ALTER TABLE %s RENAME TO ledger_undivided', old);
	EXECUTE format('ALTER TABLE %s.ledger_undivided RENAME CONSTRAINT ledger_pkey TO ledger_undivided_pkey', quoted);
	EXECUTE format('CREATE TABLE %s.ledger (LIKE %1$s.ledger_undivided INCLUDING ALL EXCLUDING INDEXES,'
				   ' CONSTRAINT ledger_pkey PRIMARY KEY (source_id, member_id, level, line, basis, rule, source, posted_at))'
				   ' PARTITION BY RANGE (posted_at)', quoted);
	-- Its months, from that of the first entry on: as if all were in the default.
	EXECUTE format('CREATE TABLE %s.ledger_default PARTITION OF %1$s.ledger DEFAULT', quoted);
	EXECUTE format('SELECT min(l.posted_at) FROM %s.ledger_undivided l', quoted) INTO first;
	PERFORM distributor.create_ledger_months(program, now() + interval '3 months', coalesce(first, now()));
	PERFORM set_config('synchronize_seqscans', 'off', true);
	EXECUTE format('INSERT INTO %s.ledger (%s) SELECT %2$s FROM %1$s.ledger_undivided', quoted, columns);
	FOREACH statement IN ARRAY views LOOP
		EXECUTE statement;
	END LOOP;
	EXECUTE format('ALTER SEQUENCE %s.ledger_entry_id_seq OWNED BY %1$s.ledger.entry_id', quoted);
	EXECUTE format('DROP TABLE %s.ledger_undivided', quoted);
	FOREACH statement IN ARRAY coalesce(indexes, '{}') || coalesce(grants, '{}') || coalesce(policies, '{}') LOOP
		EXECUTE statement;
	END LOOP;
	FOREACH statement IN ARRAY security LOOP
		EXECUTE format('ALTER TABLE %s.ledger %s', quoted, statement);
	END LOOP;
	EXECUTE format('COMMENT ON TABLE %s.ledger IS %L', quoted, comment);
	EXECUTE replace($ddl$
CREATE TRIGGER guard_insert BEFORE INSERT ON @ledger@ FOR EACH STATEMENT EXECUTE FUNCTION distributor.guard();
CREATE TRIGGER guard_change BEFORE UPDATE OR DELETE OR TRUNCATE ON @ledger@ FOR EACH STATEMENT EXECUTE FUNCTION distributor.guard();
CREATE TRIGGER guard_row BEFORE UPDATE OR DELETE ON @ledger@ FOR EACH ROW EXECUTE FUNCTION distributor.guard();
CREATE TRIGGER guard_row_insert BEFORE INSERT ON @ledger@ FOR EACH ROW EXECUTE FUNCTION distributor.guard();
ALTER TABLE @ledger@ ENABLE ALWAYS TRIGGER guard_row;
ALTER TABLE @ledger@ ENABLE ALWAYS TRIGGER guard_change;
$ddl$, '@ledger@', quoted || '.ledger');
END
$function$;
COMMENT ON FUNCTION distributor.partition_ledger_tables(pg_catalog.text) IS
	'the part of partition_ledger() that makes the tables; call partition_ledger()';

CREATE FUNCTION distributor.detach_ledger_partition(program pg_catalog.text, partition pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
	EXECUTE format('ALTER TABLE %I.ledger DETACH PARTITION %s', program, partition);
	-- The guards of rows came from the ledger, and went with it.
	EXECUTE format('CREATE TRIGGER guard_row BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION distributor.guard()', partition);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER guard_row', partition);
END
$function$;
COMMENT ON FUNCTION distributor.detach_ledger_partition(pg_catalog.text, pg_catalog.regclass) IS
	'the part of archive_ledger() that takes a partition out; call archive_ledger()';

CREATE FUNCTION distributor.partition_ledger(program pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_partition_ledger';
COMMENT ON FUNCTION distributor.partition_ledger(pg_catalog.text) IS
	'divide the ledger by months of posted_at, its rows included, with partitions for three months to come';

CREATE FUNCTION distributor.create_ledger_partitions(program pg_catalog.text, until pg_catalog.timestamptz)
	RETURNS pg_catalog.int4
	LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'program_create_ledger_partitions';
COMMENT ON FUNCTION distributor.create_ledger_partitions(pg_catalog.text, pg_catalog.timestamptz) IS
	'make the partitions of the ledger that are missing up to the month of until; returns how many';

CREATE FUNCTION distributor.archive_ledger(program pg_catalog.text, before pg_catalog.timestamptz)
	RETURNS SETOF pg_catalog.regclass
	LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'program_archive_ledger';
COMMENT ON FUNCTION distributor.archive_ledger(pg_catalog.text, pg_catalog.timestamptz) IS
	'take the months before a moment, closed and folded, out of the ledger; balances stay as they are; returns the tables';
