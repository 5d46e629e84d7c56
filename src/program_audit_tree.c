/*
 * program_audit_tree.c
 *	  audit(): the tree, and what history says of it.
 *
 * A path is that of the sponsor and the member's own id.  So it ends in
 * itself, every sponsor exists, and nobody stands above himself: a path is as
 * long as the way up, and no path is endless.
 *
 * The tree bears no dates that "since" could look at: it is always looked at
 * as a whole.
 */
#include "compat.h"

#include "program_audit.h"

static const char member_paths[] =
"SELECT 'member_path'::text, format('member %s', m.member_id),"
"       CASE WHEN m.sponsor_id IS NULL THEN format('path %s', m.member_id)"
"            WHEN p.member_id IS NULL THEN format('member %s, its sponsor', m.sponsor_id)"
"            ELSE format('path %s.%s', p.path, m.member_id) END,"
"       CASE WHEN m.sponsor_id IS NOT NULL AND p.member_id IS NULL THEN 'none'"
"            ELSE format('path %s', m.path) END"
"  FROM @member m"
"  LEFT JOIN @member p ON p.member_id = m.sponsor_id"
" WHERE distributor.member_id(m.path) <> m.member_id"
"    OR CASE WHEN m.sponsor_id IS NULL THEN distributor.depth(m.path) <> 1"
"            ELSE (distributor.parent(m.path) OPERATOR(distributor.=) p.path) IS NOT TRUE END";

static const char member_histories[] =
"SELECT 'member_history'::text, format('member %s', coalesce(h.member_id, m.member_id)),"
"       CASE WHEN m.member_id IS NULL THEN 'a member'"
"            WHEN h.member_id IS NULL OR h.revision <> h.place THEN format('revision %s', coalesce(h.place, 1))"
"            ELSE format('sponsor %s, state %s, rank %s, as its history says',"
"                        coalesce(h.sponsor_id::text, 'none'), h.state, coalesce(h.rank, 'none')) END,"
"       CASE WHEN m.member_id IS NULL THEN 'none'"
"            WHEN h.member_id IS NULL THEN 'none'"
"            WHEN h.revision <> h.place THEN format('revision %s', h.revision)"
"            ELSE format('sponsor %s, state %s, rank %s',"
"                        coalesce(m.sponsor_id::text, 'none'), m.state, coalesce(m.rank, 'none')) END"
"  FROM (SELECT h.*, row_number() OVER w AS place, lead(h.revision) OVER w IS NULL AS is_last"
"          FROM @member_history h WINDOW w AS (PARTITION BY h.member_id ORDER BY h.revision)) h"
"  FULL JOIN @member m ON m.member_id = h.member_id"
" WHERE m.member_id IS NULL OR h.member_id IS NULL OR h.revision <> h.place"
"    OR (h.is_last AND (m.sponsor_id IS DISTINCT FROM h.sponsor_id OR m.state <> h.state COLLATE \"C\""
"                       OR m.rank IS DISTINCT FROM h.rank COLLATE \"C\"))";

void
audit_tree(Audit *audit)
{
	audit_query(audit, member_paths);
	audit_query(audit, member_histories);
}
