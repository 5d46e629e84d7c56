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
