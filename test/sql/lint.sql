-- The rules that every object of the extension keeps, read from the catalogs.
-- Rules named after distributed engines and foreign servers are facts measured
-- there (doc/architecture.md); none of them needs such an engine to be checked.
SET search_path = public, distributor;

CREATE VIEW member_object AS
  SELECT d.classid, d.objid, d.objsubid,
         pg_describe_object(d.classid, d.objid, d.objsubid) AS object
  FROM pg_depend d
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
  WHERE e.extname = 'distributor' AND d.deptype = 'e';

CREATE VIEW member_function AS
  SELECT p.*, m.object, l.lanname
  FROM member_object m
  JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
  JOIN pg_language l ON l.oid = p.prolang;

-- Types that the extension defines itself, not their arrays.  One that only an
-- index stores is in no column and is never sent.
CREATE VIEW member_type AS
  SELECT t.*, m.object,
         EXISTS (SELECT FROM pg_opclass o WHERE o.opckeytype = t.oid) AS is_index_key
  FROM member_object m
  JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
  WHERE t.typisdefined AND t.typsubscript <> 'pg_catalog.array_subscript_handler'::regproc;

CREATE VIEW member_aggregate AS
  SELECT a.*, f.proname, f.pronargs, f.object
  FROM member_function f JOIN pg_aggregate a ON a.aggfnoid = f.oid;

CREATE VIEW member_operator AS
  SELECT o.*, m.object
  FROM member_object m
  JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND o.oid = m.objid;

CREATE VIEW violation AS

-- Place, ownership, documentation

  SELECT 'schema: all objects are in schema distributor' AS rule, object
  FROM member_object m, pg_identify_object(m.classid, m.objid, m.objsubid) i
  WHERE i.schema <> 'distributor'
UNION ALL
  SELECT 'data: the extension owns code, no relation', object
  FROM member_object m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
  WHERE c.relkind <> 'c'
UNION ALL
  -- An operator family made by its one class is described by that class.
  SELECT 'comment: every object says what it is for', object
  FROM member_object
  WHERE objsubid = 0
    AND classid NOT IN ('pg_opfamily'::regclass, 'pg_class'::regclass)
    AND NOT EXISTS (SELECT FROM pg_type t
                    WHERE classid = 'pg_type'::regclass AND t.oid = objid
                      AND t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc)
    AND coalesce(obj_description(objid, classid::regclass::name), '') = ''

-- Functions

UNION ALL
  SELECT 'function: none is SECURITY DEFINER', object
  FROM member_function WHERE prosecdef
UNION ALL
  -- A body in SQL-standard form is bound to its objects when it is defined.
  SELECT 'function: one in SQL or PL/pgSQL pins its search_path, pg_temp last', object
  FROM member_function
  WHERE lanname IN ('sql', 'plpgsql') AND prosqlbody IS NULL
    AND NOT EXISTS (SELECT FROM unnest(proconfig) c
                    WHERE c IN ('search_path=pg_catalog, pg_temp',
                                'search_path=pg_catalog, distributor, pg_temp'))
UNION ALL
  SELECT 'function: no set-returning function in SQL (inlined over shards it loses rows)', object
  FROM member_function WHERE lanname = 'sql' AND proretset AND proconfig IS NULL
UNION ALL
  SELECT 'function: no argument of a table''s row type (another type on each shard)', object
  FROM member_function f
  WHERE EXISTS (SELECT FROM unnest(f.proargtypes) a
                JOIN pg_type t ON t.oid = a
                JOIN pg_class c ON c.oid = t.typrelid
                WHERE c.relkind IN ('r', 'p', 'v', 'f', 'm'))
UNION ALL
  SELECT 'function: a composite result has OUT columns, never bare record', object
  FROM member_function
  WHERE prorettype = 'record'::regtype AND proargmodes IS NULL
UNION ALL
  SELECT 'function: one that is immutable is parallel safe', object
  FROM member_function WHERE provolatile = 'i' AND proparallel <> 's'
UNION ALL
  SELECT 'function: a set-returning one says how many rows to expect', object
  FROM member_function WHERE proretset AND prorows = 1000 AND prosupport = 0
UNION ALL
  SELECT 'function: C code is in the extension''s own library', object
  FROM member_function WHERE lanname = 'c' AND probin <> '$libdir/distributor'

-- Types

UNION ALL
  SELECT 'type: a base type has send and receive (COPY BINARY, logical replication)', object
  FROM member_type WHERE typtype = 'b' AND NOT is_index_key AND (typsend = 0 OR typreceive = 0)
UNION ALL
  SELECT 'type: text input and output are immutable (a constant prunes shards)', t.object
  FROM member_type t JOIN pg_proc f ON f.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend)
  WHERE t.typtype = 'b' AND f.provolatile <> 'i'
UNION ALL
  SELECT 'type: a base type has default btree and hash classes (to distribute by it)', t.object
  FROM member_type t CROSS JOIN (VALUES ('btree'), ('hash')) w(amname)
  WHERE t.typtype = 'b' AND NOT t.is_index_key
    AND NOT EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                    WHERE m.amname = w.amname AND o.opcdefault AND o.opcintype = t.oid)
UNION ALL
  SELECT 'cast: none is implicit', object
  FROM member_object m JOIN pg_cast c ON m.classid = 'pg_cast'::regclass AND c.oid = m.objid
  WHERE c.castcontext = 'i'

-- Aggregates

UNION ALL
  SELECT 'aggregate: it combines, over a state that can be written as text', object
  FROM member_aggregate a
  WHERE a.aggkind <> 'n' OR a.aggcombinefn = 0 OR a.pronargs = 0
     OR (SELECT typtype FROM pg_type WHERE oid = a.aggtranstype) = 'p'
UNION ALL
  SELECT 'aggregate: no name of a built-in one (rewritten by name)', object
  FROM member_aggregate a
  WHERE EXISTS (SELECT FROM pg_proc b
                WHERE b.prokind = 'a' AND b.pronamespace = 'pg_catalog'::regnamespace
                  AND b.proname = a.proname)

-- Operators and operator classes

UNION ALL
  SELECT 'operator: a condition has a commutator, and is its commutator''s', o.object
  FROM member_operator o LEFT JOIN pg_operator c ON c.oid = o.oprcom
  WHERE o.oprkind = 'b' AND o.oprresult = 'boolean'::regtype AND c.oprcom IS DISTINCT FROM o.oid
UNION ALL
  SELECT 'operator: a negator negates back', o.object
  FROM member_operator o JOIN pg_operator n ON n.oid = o.oprnegate
  WHERE n.oprnegate <> o.oid
UNION ALL
  SELECT 'operator: a condition has estimators of its selectivity', object
  FROM member_operator
  WHERE oprresult = 'boolean'::regtype AND (oprrest = 0 OR oprjoin = 0)
UNION ALL
  SELECT 'operator class: valid for its access method', object
  FROM member_object m
  WHERE CASE m.classid WHEN 'pg_opclass'::regclass THEN NOT amvalidate(m.objid) END;

-- Nothing breaks a rule.
SELECT * FROM violation ORDER BY rule COLLATE "C", object COLLATE "C";

-- Trigger functions, and whether every role may put them on a table of its
-- own.  One on this list must refuse a table that is not registered.
SELECT f.oid::regprocedure AS trigger_function,
       has_function_privilege('public', f.oid, 'EXECUTE') AS public
FROM member_function f WHERE f.prorettype = 'trigger'::regtype
ORDER BY f.oid::regprocedure::text COLLATE "C";

-- The rules do find what breaks them.  (From 17 on a table that is added to an
-- extension brings its row type with it.)
BEGIN;
CREATE TABLE public.planted (id int);
CREATE FUNCTION public.planted(int) RETURNS SETOF int LANGUAGE sql SECURITY DEFINER IMMUTABLE
  RETURN $1;
CREATE FUNCTION distributor.planted_set() RETURNS SETOF record LANGUAGE sql
  AS 'SELECT 1, 2';
CREATE AGGREGATE distributor.count(text) (sfunc = pg_catalog.textcat, stype = text);
ALTER EXTENSION distributor ADD TABLE public.planted;
ALTER EXTENSION distributor ADD FUNCTION public.planted(int);
ALTER EXTENSION distributor ADD FUNCTION distributor.planted_set();
ALTER EXTENSION distributor ADD AGGREGATE distributor.count(text);
SELECT * FROM violation WHERE object NOT LIKE 'type planted%'
ORDER BY rule COLLATE "C", object COLLATE "C";
ROLLBACK;
DROP VIEW violation, member_operator, member_aggregate, member_type, member_function, member_object;
