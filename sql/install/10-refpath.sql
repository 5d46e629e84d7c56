-- refpath: the member ids from the root down to a member.

CREATE TYPE distributor.refpath;

CREATE FUNCTION distributor.refpath_in(cstring) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_in';
COMMENT ON FUNCTION distributor.refpath_in(cstring) IS 'text input of refpath';

CREATE FUNCTION distributor.refpath_out(distributor.refpath) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_out';
COMMENT ON FUNCTION distributor.refpath_out(distributor.refpath) IS 'text output of refpath';

CREATE FUNCTION distributor.refpath_recv(internal) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_recv';
COMMENT ON FUNCTION distributor.refpath_recv(internal) IS 'binary input of refpath';

CREATE FUNCTION distributor.refpath_send(distributor.refpath) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_send';
COMMENT ON FUNCTION distributor.refpath_send(distributor.refpath) IS 'binary output of refpath';

CREATE TYPE distributor.refpath (
	INPUT = distributor.refpath_in,
	OUTPUT = distributor.refpath_out,
	RECEIVE = distributor.refpath_recv,
	SEND = distributor.refpath_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE distributor.refpath IS
	'referral path: member ids from the root down to a member, such as 1.5.42';

-- Casts.  To and from text, the server's own casts by I/O serve: assignment to
-- text, explicit from it.

CREATE FUNCTION distributor.refpath(bigint[]) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_from_array';
COMMENT ON FUNCTION distributor.refpath(bigint[]) IS 'the path of these member ids, root first';

CREATE FUNCTION distributor.member_ids(distributor.refpath) RETURNS bigint[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_to_array';
COMMENT ON FUNCTION distributor.member_ids(distributor.refpath) IS 'the member ids of a path, root first';

CREATE CAST (bigint[] AS distributor.refpath)
	WITH FUNCTION distributor.refpath(bigint[]) AS ASSIGNMENT;
COMMENT ON CAST (bigint[] AS distributor.refpath) IS 'the path of these member ids, root first';

CREATE CAST (distributor.refpath AS bigint[])
	WITH FUNCTION distributor.member_ids(distributor.refpath) AS ASSIGNMENT;
COMMENT ON CAST (distributor.refpath AS bigint[]) IS 'the member ids of a path, root first';

-- Members of a path.  Levels count from the member itself: 0 is the member,
-- 1 its sponsor, n the n-th upline.

CREATE FUNCTION distributor.depth(path distributor.refpath) RETURNS integer
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_depth';
COMMENT ON FUNCTION distributor.depth(path distributor.refpath) IS
	'how many members the path has; 0 for the empty path';

CREATE FUNCTION distributor.member_id(path distributor.refpath) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_member_id';
COMMENT ON FUNCTION distributor.member_id(path distributor.refpath) IS
	'the member whose path this is: its last id; null for the empty path';

CREATE FUNCTION distributor.sponsor_id(path distributor.refpath) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_sponsor_id';
COMMENT ON FUNCTION distributor.sponsor_id(path distributor.refpath) IS
	'the sponsor: the last id but one; null where there is none';

CREATE FUNCTION distributor.root_id(path distributor.refpath) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_root_id';
COMMENT ON FUNCTION distributor.root_id(path distributor.refpath) IS
	'the root of the member: the first id; null for the empty path';

CREATE FUNCTION distributor.upline(path distributor.refpath, level integer) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_upline';
COMMENT ON FUNCTION distributor.upline(path distributor.refpath, level integer) IS
	'the upline at a level: 0 the member itself, 1 its sponsor; null beyond the root';

CREATE FUNCTION distributor.level_of(path distributor.refpath, member_id bigint) RETURNS integer
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_level_of';
COMMENT ON FUNCTION distributor.level_of(path distributor.refpath, member_id bigint) IS
	'the level at which a member stands in the path: 0 if it is the last; null if absent';

CREATE FUNCTION distributor.refpath_uplines_support(internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_uplines_support';
COMMENT ON FUNCTION distributor.refpath_uplines_support(internal) IS 'planner support for uplines';

CREATE FUNCTION distributor.uplines(path distributor.refpath, max_levels integer DEFAULT NULL)
	RETURNS TABLE (level integer, member_id bigint)
	LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 10
	SUPPORT distributor.refpath_uplines_support AS 'MODULE_PATHNAME', 'refpath_uplines';
COMMENT ON FUNCTION distributor.uplines(distributor.refpath, integer) IS
	'the uplines from the sponsor (level 1) to the root, or max_levels of them; none for a null path';

-- Parts of paths, and paths from parts.

CREATE FUNCTION distributor.parent(path distributor.refpath) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_parent';
COMMENT ON FUNCTION distributor.parent(path distributor.refpath) IS
	'the path of the sponsor; empty for a root, null for the empty path';

CREATE FUNCTION distributor.subpath(path distributor.refpath, "offset" integer, len integer) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_subpath';
COMMENT ON FUNCTION distributor.subpath(path distributor.refpath, "offset" integer, len integer) IS
	'len members from offset on; a negative offset counts from the end, a negative len leaves that many off the end';

CREATE FUNCTION distributor.subpath(path distributor.refpath, "offset" integer) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_subpath_to_end';
COMMENT ON FUNCTION distributor.subpath(path distributor.refpath, "offset" integer) IS
	'the members from offset on; a negative offset counts from the end';

CREATE FUNCTION distributor.lca(distributor.refpath, distributor.refpath) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_lca';
COMMENT ON FUNCTION distributor.lca(distributor.refpath, distributor.refpath) IS
	'lowest common ancestor: the longest path above or equal to both; of a path and one below it, unlike in ltree, the upper path itself';

CREATE FUNCTION distributor.lca(distributor.refpath[]) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_lca_array';
COMMENT ON FUNCTION distributor.lca(distributor.refpath[]) IS
	'lowest common ancestor of all paths that are not null; null if there are none';

-- The strict function skips nulls and takes the first path as it is; states of
-- workers and shards are combined by itself.
CREATE AGGREGATE distributor.lca(distributor.refpath) (
	SFUNC = distributor.lca,
	STYPE = distributor.refpath,
	COMBINEFUNC = distributor.lca,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE distributor.lca(distributor.refpath) IS
	'lowest common ancestor of all paths that are not null; null if there are none';

CREATE FUNCTION distributor.graft(path distributor.refpath, old_base distributor.refpath, new_base distributor.refpath) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_graft';
COMMENT ON FUNCTION distributor.graft(path distributor.refpath, old_base distributor.refpath, new_base distributor.refpath) IS
	'the path with old_base, which must be its beginning, replaced by new_base';

CREATE FUNCTION distributor.path_upper(path distributor.refpath) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_path_upper';
COMMENT ON FUNCTION distributor.path_upper(path distributor.refpath) IS
	'exclusive upper bound of a team: p >= X AND p < path_upper(X) is p <@ X; for comparisons only';

CREATE FUNCTION distributor.ancestors(path distributor.refpath) RETURNS distributor.refpath[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_ancestors';
COMMENT ON FUNCTION distributor.ancestors(path distributor.refpath) IS
	'every path above this one, from the empty path down: p >> path is p = ANY (ancestors(path))';

CREATE FUNCTION distributor.ancestors_or_self(path distributor.refpath) RETURNS distributor.refpath[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_fn_ancestors_or_self';
COMMENT ON FUNCTION distributor.ancestors_or_self(path distributor.refpath) IS
	'every path above this one, from the empty path down, and itself: p @> path is p = ANY (ancestors_or_self(path))';

-- Operators.  Each has a function form, so that no query depends on search_path.

CREATE FUNCTION distributor.refpath_eq(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_eq';
COMMENT ON FUNCTION distributor.refpath_eq(distributor.refpath, distributor.refpath) IS 'equal';

CREATE FUNCTION distributor.refpath_ne(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_ne';
COMMENT ON FUNCTION distributor.refpath_ne(distributor.refpath, distributor.refpath) IS 'not equal';

CREATE FUNCTION distributor.refpath_lt(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_lt';
COMMENT ON FUNCTION distributor.refpath_lt(distributor.refpath, distributor.refpath) IS 'less than, in pre-order';

CREATE FUNCTION distributor.refpath_le(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_le';
COMMENT ON FUNCTION distributor.refpath_le(distributor.refpath, distributor.refpath) IS 'less than or equal, in pre-order';

CREATE FUNCTION distributor.refpath_ge(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_ge';
COMMENT ON FUNCTION distributor.refpath_ge(distributor.refpath, distributor.refpath) IS 'greater than or equal, in pre-order';

CREATE FUNCTION distributor.refpath_gt(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_gt';
COMMENT ON FUNCTION distributor.refpath_gt(distributor.refpath, distributor.refpath) IS 'greater than, in pre-order';

CREATE FUNCTION distributor.refpath_support(internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_support';
COMMENT ON FUNCTION distributor.refpath_support(internal) IS
	'planner support for containment: conditions for B-tree indexes, and selectivity of the function forms';

CREATE FUNCTION distributor.refpath_contains(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT distributor.refpath_support AS 'MODULE_PATHNAME', 'refpath_op_contains';
COMMENT ON FUNCTION distributor.refpath_contains(distributor.refpath, distributor.refpath) IS 'is the first path above the second, or equal to it';

CREATE FUNCTION distributor.refpath_contained(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT distributor.refpath_support AS 'MODULE_PATHNAME', 'refpath_op_contained';
COMMENT ON FUNCTION distributor.refpath_contained(distributor.refpath, distributor.refpath) IS 'is the first path below the second, or equal to it';

CREATE FUNCTION distributor.refpath_above(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT distributor.refpath_support AS 'MODULE_PATHNAME', 'refpath_op_above';
COMMENT ON FUNCTION distributor.refpath_above(distributor.refpath, distributor.refpath) IS 'is the first path above the second';

CREATE FUNCTION distributor.refpath_below(distributor.refpath, distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT distributor.refpath_support AS 'MODULE_PATHNAME', 'refpath_op_below';
COMMENT ON FUNCTION distributor.refpath_below(distributor.refpath, distributor.refpath) IS 'is the first path below the second';

CREATE FUNCTION distributor.refpath_through(path distributor.refpath, member_id bigint) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT distributor.refpath_support AS 'MODULE_PATHNAME', 'refpath_op_through';
COMMENT ON FUNCTION distributor.refpath_through(path distributor.refpath, member_id bigint) IS
	'does the path run through this member; a B-tree serves it by the member''s path: path <@ (SELECT path FROM member WHERE ...)';

CREATE FUNCTION distributor.member_on_path(member_id bigint, path distributor.refpath) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT distributor.refpath_support AS 'MODULE_PATHNAME', 'refpath_op_on_path';
COMMENT ON FUNCTION distributor.member_on_path(member_id bigint, path distributor.refpath) IS 'does the path run through this member';

CREATE FUNCTION distributor.distance(distributor.refpath, distributor.refpath) RETURNS integer
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_distance';
COMMENT ON FUNCTION distributor.distance(distributor.refpath, distributor.refpath) IS
	'edges between two members; those of different trees meet in the empty path';

CREATE FUNCTION distributor.refpath_append(distributor.refpath, distributor.refpath) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_append';
COMMENT ON FUNCTION distributor.refpath_append(distributor.refpath, distributor.refpath) IS
	'the members of the first path, then those of the second';

CREATE FUNCTION distributor.refpath_append(path distributor.refpath, member_id bigint) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_append_id';
COMMENT ON FUNCTION distributor.refpath_append(path distributor.refpath, member_id bigint) IS 'the path of a member directly below the path';

CREATE FUNCTION distributor.refpath_prepend(member_id bigint, path distributor.refpath) RETURNS distributor.refpath
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_op_prepend_id';
COMMENT ON FUNCTION distributor.refpath_prepend(member_id bigint, path distributor.refpath) IS 'the path with a member put above its root';

-- Estimators.

CREATE FUNCTION distributor.refpath_ltsel(internal, oid, internal, integer) RETURNS double precision
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_ltsel';
COMMENT ON FUNCTION distributor.refpath_ltsel(internal, oid, internal, integer) IS
	'restriction selectivity of < for refpath, which ends the range of a team';

CREATE FUNCTION distributor.refpath_containsel(internal, oid, internal, integer) RETURNS double precision
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_containsel';
COMMENT ON FUNCTION distributor.refpath_containsel(internal, oid, internal, integer) IS
	'restriction selectivity of @>, <@, >> and << for refpath';

CREATE FUNCTION distributor.refpath_containjoinsel(internal, oid, internal, smallint, internal) RETURNS double precision
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_containjoinsel';
COMMENT ON FUNCTION distributor.refpath_containjoinsel(internal, oid, internal, smallint, internal) IS
	'join selectivity of @>, <@, >> and << for refpath';

CREATE OPERATOR distributor.= (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_eq,
	COMMUTATOR = OPERATOR(distributor.=),
	NEGATOR = OPERATOR(distributor.<>),
	RESTRICT = pg_catalog.eqsel,
	JOIN = pg_catalog.eqjoinsel,
	HASHES,
	MERGES
);
COMMENT ON OPERATOR distributor.= (distributor.refpath, distributor.refpath) IS 'equal';

CREATE OPERATOR distributor.<> (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_ne,
	COMMUTATOR = OPERATOR(distributor.<>),
	NEGATOR = OPERATOR(distributor.=),
	RESTRICT = pg_catalog.neqsel,
	JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR distributor.<> (distributor.refpath, distributor.refpath) IS 'not equal';

CREATE OPERATOR distributor.< (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_lt,
	COMMUTATOR = OPERATOR(distributor.>),
	NEGATOR = OPERATOR(distributor.>=),
	RESTRICT = distributor.refpath_ltsel,
	JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR distributor.< (distributor.refpath, distributor.refpath) IS 'less than, in pre-order';

CREATE OPERATOR distributor.<= (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_le,
	COMMUTATOR = OPERATOR(distributor.>=),
	NEGATOR = OPERATOR(distributor.>),
	RESTRICT = pg_catalog.scalarlesel,
	JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR distributor.<= (distributor.refpath, distributor.refpath) IS 'less than or equal, in pre-order';

CREATE OPERATOR distributor.>= (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_ge,
	COMMUTATOR = OPERATOR(distributor.<=),
	NEGATOR = OPERATOR(distributor.<),
	RESTRICT = pg_catalog.scalargesel,
	JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR distributor.>= (distributor.refpath, distributor.refpath) IS 'greater than or equal, in pre-order';

CREATE OPERATOR distributor.> (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_gt,
	COMMUTATOR = OPERATOR(distributor.<),
	NEGATOR = OPERATOR(distributor.<=),
	RESTRICT = pg_catalog.scalargtsel,
	JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR distributor.> (distributor.refpath, distributor.refpath) IS 'greater than, in pre-order';

CREATE OPERATOR distributor.@> (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_contains,
	COMMUTATOR = OPERATOR(distributor.<@),
	RESTRICT = distributor.refpath_containsel,
	JOIN = distributor.refpath_containjoinsel
);
COMMENT ON OPERATOR distributor.@> (distributor.refpath, distributor.refpath) IS 'is the first path above the second, or equal to it';

CREATE OPERATOR distributor.<@ (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_contained,
	COMMUTATOR = OPERATOR(distributor.@>),
	RESTRICT = distributor.refpath_containsel,
	JOIN = distributor.refpath_containjoinsel
);
COMMENT ON OPERATOR distributor.<@ (distributor.refpath, distributor.refpath) IS 'is the first path below the second, or equal to it';

CREATE OPERATOR distributor.>> (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_above,
	COMMUTATOR = OPERATOR(distributor.<<),
	RESTRICT = distributor.refpath_containsel,
	JOIN = distributor.refpath_containjoinsel
);
COMMENT ON OPERATOR distributor.>> (distributor.refpath, distributor.refpath) IS 'is the first path above the second';

CREATE OPERATOR distributor.<< (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_below,
	COMMUTATOR = OPERATOR(distributor.>>),
	RESTRICT = distributor.refpath_containsel,
	JOIN = distributor.refpath_containjoinsel
);
COMMENT ON OPERATOR distributor.<< (distributor.refpath, distributor.refpath) IS 'is the first path below the second';

CREATE OPERATOR distributor.<@ (
	LEFTARG = distributor.refpath,
	RIGHTARG = bigint,
	FUNCTION = distributor.refpath_through,
	COMMUTATOR = OPERATOR(distributor.@>),
	RESTRICT = distributor.refpath_containsel,
	JOIN = distributor.refpath_containjoinsel
);
COMMENT ON OPERATOR distributor.<@ (distributor.refpath, bigint) IS 'does the path run through this member';

CREATE OPERATOR distributor.@> (
	LEFTARG = bigint,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.member_on_path,
	COMMUTATOR = OPERATOR(distributor.<@),
	RESTRICT = distributor.refpath_containsel,
	JOIN = distributor.refpath_containjoinsel
);
COMMENT ON OPERATOR distributor.@> (bigint, distributor.refpath) IS 'does the path run through this member';

CREATE OPERATOR distributor.<-> (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.distance,
	COMMUTATOR = OPERATOR(distributor.<->)
);
COMMENT ON OPERATOR distributor.<-> (distributor.refpath, distributor.refpath) IS 'edges between two members';

CREATE OPERATOR distributor.|| (
	LEFTARG = distributor.refpath,
	RIGHTARG = distributor.refpath,
	FUNCTION = distributor.refpath_append
);
COMMENT ON OPERATOR distributor.|| (distributor.refpath, distributor.refpath) IS 'the members of the first path, then those of the second';

-- No || takes a bigint: it would capture 'order-' || id, where the
-- literal has no type yet, from every query that has this schema in its path.

-- Operator classes: B-tree and hash.

CREATE FUNCTION distributor.refpath_cmp(distributor.refpath, distributor.refpath) RETURNS integer
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_cmp';
COMMENT ON FUNCTION distributor.refpath_cmp(distributor.refpath, distributor.refpath) IS
	'btree comparison: less than, equal to, greater than 0';

CREATE FUNCTION distributor.refpath_sortsupport(internal) RETURNS void
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_sortsupport';
COMMENT ON FUNCTION distributor.refpath_sortsupport(internal) IS 'btree sort support';

CREATE FUNCTION distributor.refpath_hash(distributor.refpath) RETURNS integer
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_hash';
COMMENT ON FUNCTION distributor.refpath_hash(distributor.refpath) IS 'hash';

CREATE FUNCTION distributor.refpath_hash_extended(distributor.refpath, bigint) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_hash_extended';
COMMENT ON FUNCTION distributor.refpath_hash_extended(distributor.refpath, bigint) IS 'hash with a seed';

CREATE OPERATOR CLASS distributor.refpath_ops
	DEFAULT FOR TYPE distributor.refpath USING btree AS
	OPERATOR 1 distributor.<,
	OPERATOR 2 distributor.<=,
	OPERATOR 3 distributor.=,
	OPERATOR 4 distributor.>=,
	OPERATOR 5 distributor.>,
	FUNCTION 1 distributor.refpath_cmp(distributor.refpath, distributor.refpath),
	FUNCTION 2 distributor.refpath_sortsupport(internal),
	FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS distributor.refpath_ops USING btree IS
	'pre-order: a member, then its team';
COMMENT ON OPERATOR FAMILY distributor.refpath_ops USING btree IS 'pre-order of referral paths';

CREATE OPERATOR CLASS distributor.refpath_hash_ops
	DEFAULT FOR TYPE distributor.refpath USING hash AS
	OPERATOR 1 distributor.=,
	FUNCTION 1 distributor.refpath_hash(distributor.refpath),
	FUNCTION 2 distributor.refpath_hash_extended(distributor.refpath, bigint);
COMMENT ON OPERATOR CLASS distributor.refpath_hash_ops USING hash IS 'equality of paths';
COMMENT ON OPERATOR FAMILY distributor.refpath_hash_ops USING hash IS 'equality of referral paths';

-- Operator class: GiST.

CREATE TYPE distributor.refpath_gist_key;

CREATE FUNCTION distributor.refpath_gist_key_in(cstring) RETURNS distributor.refpath_gist_key
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_key_in';
COMMENT ON FUNCTION distributor.refpath_gist_key_in(cstring) IS 'text input, refused: only indexes hold GiST keys';

CREATE FUNCTION distributor.refpath_gist_key_out(distributor.refpath_gist_key) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_key_out';
COMMENT ON FUNCTION distributor.refpath_gist_key_out(distributor.refpath_gist_key) IS 'text output: a path, or a range of paths';

CREATE TYPE distributor.refpath_gist_key (
	INPUT = distributor.refpath_gist_key_in,
	OUTPUT = distributor.refpath_gist_key_out,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE distributor.refpath_gist_key IS 'what a GiST index stores for refpath: a range of paths';

CREATE FUNCTION distributor.refpath_gist_compress(internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_compress';
COMMENT ON FUNCTION distributor.refpath_gist_compress(internal) IS 'GiST: key of a path';

CREATE FUNCTION distributor.refpath_gist_fetch(internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_fetch';
COMMENT ON FUNCTION distributor.refpath_gist_fetch(internal) IS 'GiST: path of a key';

CREATE FUNCTION distributor.refpath_gist_consistent(internal, distributor.refpath, smallint, oid, internal) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_consistent';
COMMENT ON FUNCTION distributor.refpath_gist_consistent(internal, distributor.refpath, smallint, oid, internal) IS 'GiST: may the entry hold a match';

CREATE FUNCTION distributor.refpath_gist_distance(internal, distributor.refpath, smallint, oid, internal) RETURNS double precision
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_distance';
COMMENT ON FUNCTION distributor.refpath_gist_distance(internal, distributor.refpath, smallint, oid, internal) IS 'GiST: how near may the entry come';

CREATE FUNCTION distributor.refpath_gist_union(internal, internal) RETURNS distributor.refpath_gist_key
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_union';
COMMENT ON FUNCTION distributor.refpath_gist_union(internal, internal) IS 'GiST: range over keys';

CREATE FUNCTION distributor.refpath_gist_same(distributor.refpath_gist_key, distributor.refpath_gist_key, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_same';
COMMENT ON FUNCTION distributor.refpath_gist_same(distributor.refpath_gist_key, distributor.refpath_gist_key, internal) IS 'GiST: are two keys equal';

CREATE FUNCTION distributor.refpath_gist_penalty(internal, internal, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_penalty';
COMMENT ON FUNCTION distributor.refpath_gist_penalty(internal, internal, internal) IS 'GiST: cost of widening a range';

CREATE FUNCTION distributor.refpath_gist_picksplit(internal, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_picksplit';
COMMENT ON FUNCTION distributor.refpath_gist_picksplit(internal, internal) IS 'GiST: split of a page';

CREATE FUNCTION distributor.refpath_gist_sortsupport(internal) RETURNS void
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'refpath_gist_sortsupport';
COMMENT ON FUNCTION distributor.refpath_gist_sortsupport(internal) IS 'GiST: order of a sorted build';

CREATE OPERATOR CLASS distributor.refpath_gist_ops
	DEFAULT FOR TYPE distributor.refpath USING gist AS
	OPERATOR 1 distributor.<,
	OPERATOR 2 distributor.<=,
	OPERATOR 3 distributor.=,
	OPERATOR 4 distributor.>=,
	OPERATOR 5 distributor.>,
	OPERATOR 7 distributor.@>,
	OPERATOR 8 distributor.<@,
	OPERATOR 15 distributor.<-> FOR ORDER BY pg_catalog.integer_ops,
	OPERATOR 16 distributor.<@ (distributor.refpath, bigint),
	OPERATOR 24 distributor.<<,
	OPERATOR 26 distributor.>>,
	FUNCTION 1 distributor.refpath_gist_consistent(internal, distributor.refpath, smallint, oid, internal),
	FUNCTION 2 distributor.refpath_gist_union(internal, internal),
	FUNCTION 3 distributor.refpath_gist_compress(internal),
	FUNCTION 5 distributor.refpath_gist_penalty(internal, internal, internal),
	FUNCTION 6 distributor.refpath_gist_picksplit(internal, internal),
	FUNCTION 7 distributor.refpath_gist_same(distributor.refpath_gist_key, distributor.refpath_gist_key, internal),
	FUNCTION 8 distributor.refpath_gist_distance(internal, distributor.refpath, smallint, oid, internal),
	FUNCTION 9 distributor.refpath_gist_fetch(internal),
	FUNCTION 11 distributor.refpath_gist_sortsupport(internal),
	STORAGE distributor.refpath_gist_key;
COMMENT ON OPERATOR CLASS distributor.refpath_gist_ops USING gist IS
	'ranges in pre-order: containment, comparison, nearest members, index-only scans';
COMMENT ON OPERATOR FAMILY distributor.refpath_gist_ops USING gist IS 'containment and order of referral paths';
