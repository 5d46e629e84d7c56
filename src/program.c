/*
 * program.c
 *	  Opening a program, rights on it, and writing its tables as their owner.
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "currency.h"
#include "program.h"
#include "program_table.h"

static const char *const table_names[PROGRAM_NTABLES] = {
	"program", "member", "member_history", "member_source", "orphan",
	"plan", "order_source", "order_line_source", "refund_source", "sale", "sale_line",
	"sale_release", "refund", "refund_posting", "refund_line", "adjustment",
	"payout_terms", "payout", "payout_approval", "payout_batch", "payout_batch_item",
	"payout_settlement", "payout_failure", "account", "held", "archived", "closed_period",
	"team_total", "team_delta", "ledger"
};

/* Objects of the tree's lock live in this subobject of the table member. */
#define TREE_LOCK_SUBID 0xD157

/*
 * The innermost program_as_owner body that runs, and what it may write.  The
 * guard trigger lets that through and nothing else: not even another program's
 * tables, as the body may run code of its own program's owner (constraints).
 */
typedef struct Writer
{
	Program    *program;
	uint64		writes;
	struct Writer *outer;
} Writer;

static Writer *writer = NULL;

static void read_settings(Program *program, void *arg);
static void check_no_foreign_code(Program *program, ProgramTable table);
static Oid	guard_function(void);

static void
must_exist(const char *name)
{
	if (!program_exists(name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("program \"%s\" does not exist", name),
				 errhint("Programs are made by distributor.create_program().")));
}

/* check_program(program text) returns void: for functions in PL/pgSQL */
PG_FUNCTION_INFO_V1(program_check_exists);
Datum
program_check_exists(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("program must not be null")));
	must_exist(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* All tables have one owner: with whose rights are they written otherwise? */
static void
find_table(Program *program, KnownProgram *known, ProgramTable table)
{
	Oid			relid;
	Relation	rel;

	/* who was waited for may have put another table in its place */
	do
	{
		relid = get_relname_relid(table_names[table], known->namespace);
		rel = OidIsValid(relid) ? try_table_open(relid, AccessShareLock) : NULL;
	} while (rel == NULL && OidIsValid(relid) && relid != get_relname_relid(table_names[table], known->namespace));

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("program \"%s\" has no table \"%s\"", program->name, table_names[table])));
	if (table == PROGRAM_PROGRAM)
		known->owner = rel->rd_rel->relowner;
	else if (known->owner != rel->rd_rel->relowner)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tables of program \"%s\" belong to different roles", program->name),
				 errdetail("Table \"%s\" has another owner than table \"%s\".",
						   table_names[table], table_names[PROGRAM_PROGRAM]),
				 errhint("Give all tables of the program to one role.")));
	program_check_shape(program, table, rel);
	known->shaped |= PROGRAM_WRITES(table);
	known->tables[table] = relid;
	table_close(rel, NoLock);
}

/* All of it again, after something has been changed. */
static void
find_tables(Program *program, KnownProgram *known)
{
	known->refpath = program->refpath =
		GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("refpath"),
						ObjectIdGetDatum(get_namespace_oid("distributor", false)));
	known->shaped = 0;
	known->valid = true;		/* a change that is told meanwhile takes it back */
	PG_TRY();
	{
		for (int i = 0; i < PROGRAM_NTABLES; i++)
			find_table(program, known, i);
	}
	PG_CATCH();
	{
		known->valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * Lock a table of the program.  The lock tells of changes that we have not
 * heard of yet, and whoever was waited for may have put another table in its
 * place.
 */
static Oid
lock_table(Program *program, ProgramTable table, LOCKMODE mode)
{
	KnownProgram *known = program->known;

	for (;;)
	{
		Oid			relid = program->tables[table];

		LockRelationOid(relid, mode);
		if (known->valid)
			return relid;
		known->shaped &= ~PROGRAM_WRITES(table);
		known->free_of_code &= ~PROGRAM_WRITES(table);
		if (get_relname_relid(table_names[table], known->namespace) == relid)
			return relid;
		UnlockRelationOid(relid, mode);
		find_table(program, known, table);
		program->tables[table] = known->tables[table];
	}
}

/* A table of the program, open until the program is closed. */
Relation
program_table(Program *program, ProgramTable table)
{
	Relation	rel = program->opened[table];

	if (rel != NULL)
		return rel;
	rel = table_open(lock_table(program, table, AccessShareLock), NoLock);
	if (!(program->known->shaped & PROGRAM_WRITES(table)))
	{
		program_check_shape(program, table, rel);
		program->known->shaped |= PROGRAM_WRITES(table);
	}
	program->opened[table] = rel;
	return rel;
}

/* The same for a table that program_as_owner's body changes, with the lock for it. */
Relation
program_table_to_write(Program *program, ProgramTable table)
{
	uint64		bit = PROGRAM_WRITES(table);

	Assert(writer != NULL && writer->program == program && (writer->writes & bit));
	if (!(program->free_of_code & bit))
	{
		(void) lock_table(program, table, RowExclusiveLock);
		if (!(program->known->free_of_code & bit))
			check_no_foreign_code(program, table);
		program->free_of_code |= bit;
	}
	return program_table(program, table);
}

const char *
program_table_name(ProgramTable table)
{
	return table_names[table];
}

/*
 * A query is about to use the table of that name, if it is one: whatever names
 * a table that the body may change is taken to change it.
 */
void
program_table_named(Program *program, const char *name, int len)
{
	for (int i = 0; i < PROGRAM_NTABLES; i++)
	{
		if (strncmp(table_names[i], name, len) != 0 || table_names[i][len] != '\0')
			continue;
		if (writer != NULL && writer->program == program && (writer->writes & PROGRAM_WRITES(i)))
			(void) program_table_to_write(program, i);
		else
			(void) program_table(program, i);
		return;
	}
}

/* For as long as the program is open. */
void
program_pin_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * The same value must have the same text in every session: attributes of an
 * order are compared with what another session stored.
 */
static void
pin_forms(void)
{
	if (DateStyle != USE_ISO_DATES)
		program_pin_setting("datestyle", "ISO");
	if (IntervalStyle != INTSTYLE_POSTGRES)
		program_pin_setting("intervalstyle", "postgres");
	if (extra_float_digits < 1)
		program_pin_setting("extra_float_digits", "1");
	if (bytea_output != BYTEA_OUTPUT_HEX)
		program_pin_setting("bytea_output", "hex");
	if (!Array_nulls)
		program_pin_setting("array_nulls", "on");
}

bool
program_exists(const char *name)
{
	Oid			namespace = get_namespace_oid(name, true);

	return OidIsValid(namespace) &&
		OidIsValid(get_relname_relid("program", namespace)) &&
		OidIsValid(get_relname_relid("ledger", namespace));
}

/*
 * Find the program called name, and read its settings.  What queries need is
 * left to the first of them, see program_pin.
 */
Program *
program_begin(const char *name, bool read_only)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor program",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Program    *program = palloc0(sizeof(Program));
	Oid			namespace = get_namespace_oid(name, true);

	program->context = context;
	program->caller = caller;
	program->name = pstrdup(name);
	program->schema = pstrdup(quote_identifier(name));
	program->read_only = read_only;
	program->known = OidIsValid(namespace) ? known_program(namespace) : NULL;
	if (program->known == NULL || !program->known->valid)
	{
		must_exist(name);
		find_tables(program, program->known);
	}
	program->owner = program->known->owner;
	program->refpath = program->known->refpath;
	memcpy(program->tables, program->known->tables, sizeof(program->tables));
	program->guc_level = NewGUCNestLevel();
	pin_forms();
	program_as_owner(program, 0, read_settings, NULL);
	return program;
}

/*
 * Make the session safe to run queries: search_path pinned, SPI connected.
 * program_close undoes both; so does an error, through the (sub)transaction.
 */
void
program_pin(Program *program)
{
	MemoryContext caller = CurrentMemoryContext;

	if (program->pinned)
		return;
	program->pinned = true;

	/* No name that a user can make may come before the server's own. */
	program_pin_setting("search_path", "pg_catalog, pg_temp");

	/*
	 * program_sql.c forbids the plans that do not go by index, and the server
	 * takes what is forbidden and done all the same for worth compiling: 20 ms
	 * an order.
	 */
	if (jit_enabled)
		program_pin_setting("jit", "off");
	/* whose context SPI_palloc takes from; what is allocated otherwise stays in ours */
	MemoryContextSwitchTo(program->caller);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	MemoryContextSwitchTo(caller);
}

/* The same at once, for whoever runs queries or code of others anyway. */
Program *
program_open(const char *name, bool read_only)
{
	Program    *program = program_begin(name, read_only);

	program_pin(program);
	return program;
}

void
program_close(Program *program)
{
	MemoryContext context = program->context;

	if (program->pinned && SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	AtEOXact_GUC(false, program->guc_level);
	for (int i = 0; i < PROGRAM_NTABLES; i++)
		if (program->opened[i] != NULL)
			table_close(program->opened[i], NoLock);
	MemoryContextSwitchTo(program->caller);
	MemoryContextDelete(context);
}

/*
 * The snapshot that a query would have now, for reading without one: of what
 * this transaction has done so far, and as old as the isolation level wants.
 */
Snapshot
program_snapshot(Program *program)
{
	if (program->read_only)
		return GetActiveSnapshot();
	CommandCounterIncrement();
	return GetTransactionSnapshot();
}

static const TableColumn settings_columns[] = {
	{"currency", TEXTOID}, {"time_zone", TEXTOID}, {"key_type", TEXTOID}, {"paused_at", TIMESTAMPTZOID},
	{"hold_start", TEXTOID}, {"hold_period", INTERVALOID}, {"sale_change", TEXTOID}, {"clawback", TEXTOID},
	{"notices", BOOLOID}
};

#define SETTINGS_QUERY \
	"SELECT p.currency, p.time_zone, p.key_type, p.paused_at, p.hold_start, p.hold_period," \
	"       p.sale_change, p.clawback, p.notices FROM @program p"

static bool
is_word(Datum value, const char *word)
{
	text	   *value_text = DatumGetTextPP(value);

	return VARSIZE_ANY_EXHDR(value_text) == strlen(word) &&
		memcmp(VARDATA_ANY(value_text), word, strlen(word)) == 0;
}

static void
take_settings(Program *program, const Datum *values, const bool *nulls)
{
	enum
	{
		CURRENCY, TIME_ZONE, KEY_TYPE, PAUSED_AT, HOLD_START, HOLD_PERIOD, SALE_CHANGE, CLAWBACK, NOTICES
	};

	program->currency = TextDatumGetCString(values[CURRENCY]);
	program->time_zone = TextDatumGetCString(values[TIME_ZONE]);
	program->text_keys = is_word(values[KEY_TYPE], "text");
	program->paused = !nulls[PAUSED_AT];
	program->terms.hold_from_fulfilled = is_word(values[HOLD_START], "fulfilled");
	program->terms.hold_period = *DatumGetIntervalP(values[HOLD_PERIOD]);
	program->terms.repost = is_word(values[SALE_CHANGE], "repost");
	program->terms.clawback = is_word(values[CLAWBACK], "block") ? CLAWBACK_BLOCK :
		is_word(values[CLAWBACK], "write_off") ? CLAWBACK_WRITE_OFF : CLAWBACK_CARRY;
	program->terms.notices = DatumGetBool(values[NOTICES]);
}

/* By key, without a query; false: a query must look. */
static bool
find_settings(Program *program)
{
	TableLookup lookup;
	Datum		values[lengthof(settings_columns)];
	bool		nulls[lengthof(settings_columns)];
	bool		found;

	if (IsolationUsesXactSnapshot() && !program->read_only)
		return false;
	PushActiveSnapshot(program_snapshot(program));
	found = table_lookup_begin(&lookup, program_table(program, PROGRAM_PROGRAM), (TableColumn) {"singleton", BOOLOID},
							   TABLE_EQUAL, GetActiveSnapshot());
	if (found)
	{
		found = table_lookup(&lookup, BoolGetDatum(true));
		for (int c = 0; found && c < (int) lengthof(settings_columns); c++)
			values[c] = table_value(&lookup, settings_columns[c], &nulls[c]);
		if (found)
			take_settings(program, values, nulls);
		table_lookup_end(&lookup);
	}
	PopActiveSnapshot();
	return found;
}

static void
read_settings(Program *program, void *arg)
{
	Datum		values[lengthof(settings_columns)];
	bool		nulls[lengthof(settings_columns)];

	if (find_settings(program))
		return;
	/* an old snapshot may show a pause that has ended: its orders were lost */
	if (program_query_now(program, SETTINGS_QUERY, 0, NULL, NULL, NULL, 1) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("program \"%s\" has no settings", program->name),
				 errdetail("Its table \"program\" is empty."),
				 errhint("Restore the data of the program, or create it anew.")));
	for (int c = 0; c < (int) lengthof(settings_columns); c++)
		values[c] = program_column(0, c + 1, settings_columns[c].type, &nulls[c]);
	take_settings(program, values, nulls);
}

/*
 * A right on a table of the program is the right to act through it (D13).
 * For functions that users call; triggers need none.
 */
void
program_check_right(Program *program, ProgramTable table, AclMode right)
{
	AclResult	result;
	Oid			relid = program->tables[table];

	result = object_aclcheck(NamespaceRelationId, get_rel_namespace(relid), GetUserId(), ACL_USAGE);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, program->name);
	result = pg_class_aclcheck(relid, GetUserId(), right);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE,
					   psprintf("%s.%s", program->schema, table_names[table]));
}

/*
 * Would a query show the caller all rows and columns of these tables?  Rights
 * on single columns and row security are for queries, as are those who look at
 * what is read (executor/executor.h).
 */
bool
program_may_read_all(Program *program, const ProgramTable *tables, int n)
{
	Oid			caller = GetUserId();

	if (ExecutorCheckPerms_hook != NULL ||
		object_aclcheck(NamespaceRelationId, program->known->namespace, caller, ACL_USAGE) != ACLCHECK_OK)
		return false;
	for (int i = 0; i < n; i++)
	{
		Oid			relid = RelationGetRelid(program_table(program, tables[i]));

		if (pg_class_aclcheck(relid, caller, ACL_SELECT) != ACLCHECK_OK ||
			check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
			return false;
	}
	return true;
}

void
program_check_owner(Program *program)
{
	if (!has_privs_of_role(GetUserId(), program->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_SCHEMA, program->name);
}

/*
 * Run body with the rights of the program's owner, and nothing more: no role
 * change, no temporary objects, no row security of the owner's own making.
 * writes says which tables the body may change.  Code of others that would run
 * with them later, as somebody else, is refused before the first change, see
 * program_table_to_write.
 */
void
program_as_owner(Program *program, uint64 writes, ProgramBody body, void *arg)
{
	Writer		self = {program, writes, writer};
	Oid			save_userid;
	int			save_sec_context;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(program->owner,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	writer = &self;
	PG_TRY();
	{
		body(program, arg);
	}
	PG_FINALLY();
	{
		writer = self.outer;
	}
	PG_END_TRY();
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/* By the catalog: a name would ask for the caller's right on the schema. */
static Oid
guard_function(void)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum("guard"),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(get_namespace_oid("distributor", false)));
}

/*
 * Whatever is deferred runs at the end of the transaction as the session's
 * user, and a foreign trigger or rule could send rows elsewhere.  The lock
 * lasts, so nothing can be added until the transaction ends.
 */
static void
check_relation(Program *program, ProgramTable table, Oid relid, Oid guard)
{
	Relation	rel = table_open(relid, RowExclusiveLock);
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (trigger->tgdeferrable ||
			(trigger->tgfoid != guard && !trigger->tgisinternal))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" of program \"%s\" has a trigger that is not its own",
							table_names[table], program->name),
					 errdetail("Trigger \"%s\" would run code or be deferred with the rights of whoever places an order.",
							   trigger->tgname),
					 errhint("Drop the trigger or the deferrable constraint; follow the ledger by logical replication instead."),
					 errtable(rel)));
	}
	if (rel->rd_rules != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" of program \"%s\" has a rule",
						table_names[table], program->name),
				 errhint("Drop the rule."),
				 errtable(rel)));
	table_close(rel, NoLock);
}

/*
 * Rows of a table may be those of its partitions and children, of which
 * changes of the table itself do not tell.
 */
static void
check_no_foreign_code(Program *program, ProgramTable table)
{
	Oid			relid = program->tables[table];
	Oid			guard = guard_function();
	ListCell   *cell;

	check_relation(program, table, relid, guard);
	if (!has_subclass(relid))
	{
		program->known->free_of_code |= PROGRAM_WRITES(table);
		return;
	}
	foreach(cell, find_all_inheritors(relid, RowExclusiveLock, NULL))
		check_relation(program, table, lfirst_oid(cell), guard);
}

/*
 * The lock of the tree: joins and sales share it, moves have it alone.  What
 * is read afterwards must be read with a newer snapshot.
 *
 * It is an object lock, not an advisory one: those can be taken, and kept, by
 * any role that can guess two numbers.
 */
void
program_lock_tree(Program *program, bool exclusive, int timeout_ms)
{
	if (timeout_ms > 0)
		program_pin_setting("lock_timeout", psprintf("%d", timeout_ms));
	LockDatabaseObject(RelationRelationId, program->tables[PROGRAM_MEMBER],
					   TREE_LOCK_SUBID, exclusive ? ExclusiveLock : ShareLock);
}

/*
 * create_program(program, currency, time_zone, key_type) returns void
 *
 * The tables are made in PL/pgSQL, under a search_path of its own; what the
 * caller's path lacks can only be seen from here.
 */
PG_FUNCTION_INFO_V1(program_create);
Datum
program_create(PG_FUNCTION_ARGS)
{
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[4];
	char		nulls[4];
	Oid			refpath = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
										  CStringGetDatum("refpath"),
										  ObjectIdGetDatum(get_namespace_oid("distributor", false)));

	char	   *currency;

	for (int i = 0; i < (int) lengthof(values); i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("program, currency and key_type must not be null")));
	currency = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!currency_valid_code(currency, strlen(currency)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid currency \"%s\"", currency),
				 errhint("Write codes of ISO 4217 in upper case, for example CNY; a plan may declare others, for example POINTS.")));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_with_args("SELECT distributor.create_program_tables($1, $2, $3, $4)",
							  4, types, values, nulls, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not make the tables of a program");
	SPI_finish();
	if (!TypeIsVisible(refpath))
		ereport(NOTICE,
				(errmsg("the operators of distributor are not in the search_path"),
				 errhint("To write them bare, add its schema: ALTER DATABASE ... SET search_path = \"$user\", public, distributor.")));
	PG_RETURN_VOID();
}

/*
 * Is a dump being loaded into this schema?  While a program is paused, and
 * before its settings are there, its owner may insert.
 */
static bool
is_loading(Oid namespace)
{
	char	   *sql = psprintf("SELECT FROM %s.program p WHERE p.paused_at IS NULL",
							   quote_identifier(get_namespace_name(namespace)));
	bool		loading;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute(sql, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\"", sql);
	loading = (SPI_processed == 0);
	SPI_finish();
	return loading;
}

static bool
may_write(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);

	if (writer != NULL && rel->rd_rel->relispartition)
		relid = llast_oid(get_partition_ancestors(relid));
	for (int i = 0; writer != NULL && i < PROGRAM_NTABLES; i++)
		if ((writer->writes & writer->program->free_of_code & PROGRAM_WRITES(i)) &&
			writer->program->tables[i] == relid)
			return true;
	return false;
}

/*
 * guard(): BEFORE trigger for each statement, on every table of a program, and
 * for each row that is changed in those that only grow.  Triggers for
 * statements are not passed on to partitions, which somebody else may add; so
 * those of a partitioned ledger are guarded by one for each row that is
 * inserted, too.
 */
PG_FUNCTION_INFO_V1(program_guard);
Datum
program_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Relation	rel;
	TriggerEvent event;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by the trigger manager", "guard")));
	rel = trigdata->tg_relation;
	event = trigdata->tg_event;
	/* what is guarded row by row is never changed, by us neither */
	if ((TRIGGER_FIRED_FOR_STATEMENT(event) || TRIGGER_FIRED_BY_INSERT(event)) && may_write(rel))
		return PointerGetDatum(TRIGGER_FIRED_FOR_ROW(event) ? trigdata->tg_trigtuple : NULL);
	if (TRIGGER_FIRED_BY_INSERT(event) &&
		has_privs_of_role(GetUserId(), rel->rd_rel->relowner) &&
		is_loading(RelationGetNamespace(rel)))
		return PointerGetDatum(TRIGGER_FIRED_FOR_ROW(event) ? trigdata->tg_trigtuple : NULL);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" of program \"%s\" cannot be changed directly",
					RelationGetRelationName(rel),
					get_namespace_name(RelationGetNamespace(rel))),
			 TRIGGER_FIRED_BY_INSERT(event)
			 ? errhint("Use the functions of distributor; to load a dump of data alone, pause the program first.")
			 : errhint("Use the functions of distributor; sales, ledger, plans and history only grow."),
			 errtable(rel)));
}
