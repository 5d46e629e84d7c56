/*
 * program_shape.c
 *	  What the code relies on in the tables of a program.
 *
 * The tables belong to whoever created the program, who may alter them; but
 * columns are read as values of the types below, and a pointer taken from an
 * integer, or from a null, would end the server.  So each opening compares,
 * and holds the tables open until the program is closed.
 * More columns than these are the owner's business.
 */
#include "compat.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "program.h"

typedef struct Column
{
	const char *name;
	Oid			type;			/* InvalidOid: refpath */
	bool		not_null;
} Column;

#define REFPATH InvalidOid

static const Column program_columns[] = {
	{"version", TEXTOID, true}, {"currency", TEXTOID, true}, {"time_zone", TEXTOID, true},
	{"key_type", TEXTOID, true}, {"paused_at", TIMESTAMPTZOID, false}, {"hold_start", TEXTOID, true},
	{"hold_period", INTERVALOID, true}, {"sale_change", TEXTOID, true}, {"clawback", TEXTOID, true},
	{"write_off_after", INTERVALOID, false}, {"notices", BOOLOID, true}, {"folded_through", INT8OID, true},
	{"total_period", TEXTOID, false}, {"delta_generation", INT4OID, true},
	{"folded_generation", INT4OID, true}, {"ranking_before", DATEOID, false},
	{"ranking_floor", NUMERICOID, false}, {"ranking_own_floor", NUMERICOID, false}, {"ranked_before", DATEOID, false}, {"archived_before", TIMESTAMPTZOID, false},
	{"statements_from", TIMESTAMPTZOID, false}, {NULL}
};
static const Column member_columns[] = {
	{"member_id", INT8OID, true}, {"sponsor_id", INT8OID, false}, {"joined_at", TIMESTAMPTZOID, true},
	{"path", REFPATH, true}, {"state", TEXTOID, true}, {"rank", TEXTOID, false},
	{"member_key", TEXTOID, false}, {NULL}
};
static const Column member_history_columns[] = {
	{"member_id", INT8OID, true}, {"sponsor_id", INT8OID, false}, {"valid_from", TIMESTAMPTZOID, true},
	{"revision", INT4OID, true}, {"change", TEXTOID, true}, {"state", TEXTOID, true},
	{"rank", TEXTOID, false}, {NULL}
};
static const Column member_source_columns[] = {
	{"relid", REGCLASSOID, true}, {"id_column", TEXTOID, true}, {"sponsor_column", TEXTOID, true},
	{"joined_at_column", TEXTOID, false}, {"rank_column", TEXTOID, false},
	{"state_column", TEXTOID, false}, {"state_map", JSONBOID, false}, {"orphans", TEXTOID, true}, {NULL}
};
static const Column orphan_columns[] = {
	{"member_id", INT8OID, true}, {"sponsor_key", TEXTOID, false}, {"problem", TEXTOID, true}, {NULL}
};
static const Column plan_columns[] = {
	{"version", INT4OID, true}, {"valid_from", TIMESTAMPTZOID, true}, {"document", JSONBOID, true}, {NULL}
};
static const Column order_source_columns[] = {
	{"order_source_id", INT4OID, true}, {"relid", REGCLASSOID, true}, {"key_column", TEXTOID, true},
	{"member_column", TEXTOID, true}, {"amount_column", TEXTOID, true},
	{"occurred_at_column", TEXTOID, false}, {"status_column", TEXTOID, false},
	{"paid", TEXTARRAYOID, true}, {"refunded", TEXTARRAYOID, true},
	{"refunded_amount_column", TEXTOID, false}, {"currency_column", TEXTOID, false},
	{"attribute_columns", TEXTARRAYOID, true}, {"fulfilled", TEXTARRAYOID, true},
	{"fulfilled_at_column", TEXTOID, false}, {"since", TIMESTAMPTZOID, true}, {NULL}
};
static const Column order_line_source_columns[] = {
	{"relid", REGCLASSOID, true}, {"order_source_id", INT4OID, true}, {"order_key_column", TEXTOID, true},
	{"line_key_column", TEXTOID, true}, {"product_column", TEXTOID, false},
	{"quantity_column", TEXTOID, false}, {"amount_column", TEXTOID, true}, {"cost_column", TEXTOID, false},
	{"attribute_columns", TEXTARRAYOID, true}, {"after_sale_id", INT8OID, true}, {NULL}
};
static const Column refund_source_columns[] = {
	{"refund_source_id", INT4OID, true}, {"relid", REGCLASSOID, true}, {"key_column", TEXTOID, true},
	{"order_key_column", TEXTOID, true}, {"amount_column", TEXTOID, false},
	{"line_key_column", TEXTOID, false}, {"occurred_at_column", TEXTOID, false}, {NULL}
};
static const Column sale_columns[] = {
	{"sale_id", INT8OID, true}, {"member_id", INT8OID, true}, {"occurred_at", TIMESTAMPTZOID, true},
	{"plan_version", INT4OID, true}, {"order_source_id", INT4OID, false}, {"revision", INT4OID, true},
	{"replaces", INT8OID, false}, {"order_key", TEXTOID, true},
	{"amount", NUMERICOID, true}, {"currency", TEXTOID, true}, {"path", REFPATH, true},
	{"path_ranks", TEXTARRAYOID, false}, {"path_states", TEXTARRAYOID, false},
	{"attributes", JSONBOID, false}, {"counters", JSONBOID, false}, {"author", TEXTOID, false}, {NULL}
};
static const Column sale_line_columns[] = {
	{"sale_id", INT8OID, true}, {"line", INT4OID, true}, {"line_key", TEXTOID, false},
	{"product", TEXTOID, false}, {"quantity", NUMERICOID, false}, {"amount", NUMERICOID, true},
	{"cost", NUMERICOID, false}, {"attributes", JSONBOID, false}, {NULL}
};
static const Column sale_release_columns[] = {
	{"sale_id", INT8OID, true}, {"fulfilled_at", TIMESTAMPTZOID, true}, {"available_at", TIMESTAMPTZOID, true},
	{"recorded_at", TIMESTAMPTZOID, true}, {"order_source_id", INT4OID, false}, {"author", TEXTOID, false}, {NULL}
};
static const Column refund_columns[] = {
	{"refund_id", INT8OID, true}, {"occurred_at", TIMESTAMPTZOID, true}, {"order_source_id", INT4OID, false},
	{"refund_source_id", INT4OID, false}, {"refund_key", TEXTOID, true}, {"order_key", TEXTOID, true},
	{"line_key", TEXTOID, false}, {"amount", NUMERICOID, false}, {"author", TEXTOID, false}, {NULL}
};
static const Column refund_posting_columns[] = {
	{"refund_id", INT8OID, true}, {"sale_id", INT8OID, true}, {"amount", NUMERICOID, true}, {NULL}
};
static const Column refund_line_columns[] = {
	{"refund_id", INT8OID, true}, {"line", INT4OID, true}, {"amount", NUMERICOID, true}, {NULL}
};
static const Column adjustment_columns[] = {
	{"adjustment_id", INT8OID, true}, {"adjustment_key", TEXTOID, true}, {"member_id", INT8OID, true},
	{"amount", NUMERICOID, true}, {"currency", TEXTOID, true}, {"kind", TEXTOID, true}, {"reason", TEXTOID, true},
	{"recorded_at", TIMESTAMPTZOID, true}, {"author", TEXTOID, true}, {NULL}
};
static const Column payout_terms_columns[] = {
	{"currency", TEXTOID, true}, {"version", INT4OID, true}, {"minimum", NUMERICOID, true},
	{"fee_fixed", NUMERICOID, true}, {"fee_rate", NUMERICOID, true}, {"free_count", INT4OID, true},
	{"free_amount", NUMERICOID, true}, {"tax", JSONBOID, true}, {"period", TEXTOID, true},
	{"approval", TEXTOID, true}, {NULL}
};
static const Column payout_columns[] = {
	{"payout_id", INT8OID, true}, {"payout_key", TEXTOID, true}, {"member_id", INT8OID, true},
	{"amount", NUMERICOID, true}, {"fee", NUMERICOID, true}, {"tax", NUMERICOID, true},
	{"currency", TEXTOID, true}, {"terms_version", INT4OID, false}, {"requested_at", TIMESTAMPTZOID, true},
	{"author", TEXTOID, true}, {NULL}
};
static const Column payout_approval_columns[] = {
	{"payout_id", INT8OID, true}, {"approved_at", TIMESTAMPTZOID, true}, {"author", TEXTOID, true}, {NULL}
};
static const Column payout_batch_columns[] = {
	{"payout_batch_id", INT8OID, true}, {"batch_key", TEXTOID, true}, {"as_of", TIMESTAMPTZOID, true},
	{"currency", TEXTOID, true}, {"sweep", BOOLOID, true}, {"author", TEXTOID, true}, {NULL}
};
static const Column payout_batch_item_columns[] = {
	{"payout_id", INT8OID, true}, {"payout_batch_id", INT8OID, true}, {NULL}
};
static const Column payout_settlement_columns[] = {
	{"payout_id", INT8OID, true}, {"settled_at", TIMESTAMPTZOID, true}, {"reference", TEXTOID, false},
	{"author", TEXTOID, true}, {NULL}
};
static const Column payout_failure_columns[] = {
	{"payout_id", INT8OID, true}, {"failed_at", TIMESTAMPTZOID, true}, {"reason", TEXTOID, true},
	{"author", TEXTOID, true}, {NULL}
};
static const Column account_columns[] = {
	{"member_id", INT8OID, true}, {"currency", TEXTOID, true}, {"available", NUMERICOID, true},
	{"entries", INT8OID, true}, {"last_posted_at", TIMESTAMPTZOID, false}, {NULL}
};
static const Column held_columns[] = {
	{"member_id", INT8OID, true}, {"currency", TEXTOID, true}, {"entry_id", INT8OID, true},
	{"amount", NUMERICOID, true}, {"available_at", TIMESTAMPTZOID, false}, {"sale_id", INT8OID, false}, {NULL}
};
static const Column archived_columns[] = {
	{"member_id", INT8OID, true}, {"currency", TEXTOID, true}, {"entry_id", INT8OID, true},
	{"amount", NUMERICOID, true}, {"available_at", TIMESTAMPTZOID, false}, {"sale_id", INT8OID, false}, {NULL}
};
static const Column closed_period_columns[] = {
	{"ends_at", TIMESTAMPTZOID, true}, {"name", TEXTOID, true}, {"through_entry_id", INT8OID, true},
	{"closed_at", TIMESTAMPTZOID, true}, {"author", TEXTOID, true}, {"entries", INT8OID, false},
	{"sums", JSONBOID, false}, {"hash", BYTEAOID, false}, {NULL}
};
static const Column team_total_columns[] = {
	{"member_id", INT8OID, true}, {"period", DATEOID, true}, {"people", INT8OID, true},
	{"sales", INT8OID, true}, {"volume", NUMERICOID, true}, {"own_volume", NUMERICOID, true},
	{"ranked_volume", NUMERICOID, false}, {"ranked_own_volume", NUMERICOID, false}, {NULL}
};
static const Column team_delta_columns[] = {
	{"generation", INT4OID, true}, {"path", REFPATH, false}, {"member_id", INT8OID, false}, {"period", DATEOID, true},
	{"people", INT8OID, true}, {"sales", INT8OID, true}, {"volume", NUMERICOID, true}, {"own", BOOLOID, false}, {NULL}
};
static const Column ledger_columns[] = {
	{"entry_id", INT8OID, true}, {"source_id", INT8OID, true}, {"member_id", INT8OID, true},
	{"basis", INT8OID, true}, {"reverses", INT8OID, false}, {"posted_at", TIMESTAMPTZOID, true},
	{"available_at", TIMESTAMPTZOID, false}, {"line", INT4OID, true}, {"level", INT4OID, true},
	{"source", TEXTOID, true}, {"rule", TEXTOID, true}, {"amount", NUMERICOID, true},
	{"currency", TEXTOID, true}, {NULL}
};

static const Column *const columns[PROGRAM_NTABLES] = {
	program_columns, member_columns, member_history_columns, member_source_columns, orphan_columns,
	plan_columns, order_source_columns, order_line_source_columns, refund_source_columns, sale_columns,
	sale_line_columns, sale_release_columns, refund_columns, refund_posting_columns, refund_line_columns,
	adjustment_columns, payout_terms_columns, payout_columns, payout_approval_columns, payout_batch_columns,
	payout_batch_item_columns, payout_settlement_columns, payout_failure_columns, account_columns,
	held_columns, archived_columns, closed_period_columns, team_total_columns, team_delta_columns,
	ledger_columns
};

/* Columns mostly stand in the order above: the search goes on from the last. */
static Form_pg_attribute
find_column(TupleDesc desc, const char *name, int *from)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att;

		*from = (*from + 1) % desc->natts;
		att = TupleDescAttr(desc, *from);
		if (!att->attisdropped && strcmp(NameStr(att->attname), name) == 0)
			return att;
	}
	return NULL;
}

void
program_check_shape(Program *program, ProgramTable table, Relation rel)
{
	int			from = -1;

	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" of program \"%s\" is not a table",
						RelationGetRelationName(rel), program->name)));
	/* A child may hold nulls where its parent may not. */
	if (rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relhassubclass &&
		find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" of program \"%s\" has been inherited from",
						RelationGetRelationName(rel), program->name),
				 errhint("Drop the table that inherits, or let it inherit no more."),
				 errtable(rel)));
	for (const Column *column = columns[table]; column->name != NULL; column++)
	{
		Form_pg_attribute att = find_column(RelationGetDescr(rel), column->name, &from);
		Oid			type = OidIsValid(column->type) ? column->type : program->refpath;

		if (att == NULL || att->atttypid != type || (column->not_null && !att->attnotnull))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" of program \"%s\" has been altered",
							RelationGetRelationName(rel), program->name),
					 errdetail("Column \"%s\" must be of type %s%s.", column->name,
							   format_type_be(type), column->not_null ? " and not null" : ""),
					 errhint("Take the change back."),
					 errtable(rel)));
	}
}
