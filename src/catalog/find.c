/*
 * find.c
 *	  Finding a recommender: by name, by key, or the one an unnamed call means.
 *
 * Cache.  A session keeps the parsed form of each definition it has used. A
 * call reads the row through an index, in its own snapshot, and compares where
 * and by whom it was written with the row that was parsed; when they agree
 * nothing is parsed.  Relations and columns are resolved anew each call, by
 * the system caches, because they change without the row.  A parsed form that
 * is replaced lives on until the transaction ends: an outer call may be
 * using it.
 *
 * Unnamed calls.  Whoever may define recommenders may also define one over a
 * view of their own, and running it runs the functions in that view as the
 * caller.  So what an unnamed call runs must be vouched for by the
 * caller's own side: the caller, or a role the caller is an explicit member
 * of ("trusted" below).  Being a superuser makes nobody a member.  First come
 * the recommenders whose owner is trusted; only where there is none, those
 * whose relations (interactions, and items, users and reviews when mapped) all have
 * trusted owners: it is the owner of the interactions table who is the caller
 * then, never just the owner of the recommender.  The second step does
 * not compete with the first, so that a recommender which somebody
 * else puts over the caller's tables cannot make the caller's own ambiguous.
 * Either way it counts only if the caller may use it, and only if it is the
 * only one.  "Its owner also owns its interactions" would be no condition at
 * all: it holds for every planted one.
 *
 * What learns takes the first step alone.  A superuser may learn for everybody,
 * and what is learned belongs to the owner of the recommender: one that
 * somebody put over the superuser's tables would be handed what row-level
 * security hides from its owner.
 *
 * The setting.  Within a function that is SECURITY DEFINER the caller is the
 * function's owner, and reco.default_recommender is of whoever called it: there
 * the setting, too, counts only for what is vouched for.
 */
#include "catalog/tables.h"

#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "compat.h"
#include "reco.h"

#define MAX_ENTRIES 256 /* then the cache starts anew */

typedef struct DefinitionEntry
{
	pg_uuid_t key;
	MemoryContext context; /* of the definition; NULL: none yet */
	RecoRowIdentity identity;
	RecoDefinition *definition;
} DefinitionEntry;

static HTAB *entries = NULL;

/* retire lets a parsed form live on until the transaction ends. */
static void
retire(MemoryContext context)
{
	if (context)
		MemoryContextSetParent(context, TopTransactionContext);
}

/* forget_all retires every entry. */
static void
forget_all(void)
{
	HASH_SEQ_STATUS status;
	DefinitionEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
		retire(entry->context);
	hash_destroy(entries);
	entries = NULL;
}

/* entry_of gives the cache entry of a key, made when there is none. */
static DefinitionEntry *
entry_of(const pg_uuid_t *key)
{
	DefinitionEntry *entry;
	bool found;

	if (entries && hash_get_num_entries(entries) >= MAX_ENTRIES)
		forget_all();
	if (!entries)
	{
		HASHCTL control = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(DefinitionEntry)};

		entries = hash_create("reco definitions", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(entries, key, HASH_ENTER, &found);
	if (!found)
		entry->context = NULL;
	return entry;
}

/* parse parses a tuple in the current context. */
static RecoDefinition *
parse(HeapTuple tuple, TupleDesc descriptor, const RecoRowIdentity *identity)
{
	RecoRow row;
	RecoDefinition *definition;

	reco_row_deform(tuple, descriptor, &row);
	definition = reco_catalog_parse(&row);
	definition->row_xmin = identity->xmin;
	definition->row_tid = identity->tid;
	return definition;
}

/* parse_into parses a tuple into a new context, which replaces the entry's. */
static void
parse_into(DefinitionEntry *entry, HeapTuple tuple, TupleDesc descriptor, const RecoRowIdentity *identity)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "reco definition", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoDefinition *definition = parse(tuple, descriptor, identity);

	MemoryContextSwitchTo(old);

	retire(entry->context);
	MemoryContextSetParent(context, CacheMemoryContext);
	entry->context = context;
	entry->definition = definition;
	entry->identity = *identity;
}

/* definition_of gives the parsed form of a tuple, from the cache where the row is the same; not bound. */
static RecoDefinition *
definition_of(HeapTuple tuple, TupleDesc descriptor)
{
	bool isnull;
	Datum key = heap_getattr(tuple, RECO_FIELD_KEY + 1, descriptor, &isnull);
	DefinitionEntry *entry = entry_of(DatumGetUUIDP(key));
	RecoRowIdentity identity;

	reco_row_identify(tuple, &identity);
	if (!entry->context || !reco_row_same(&identity, &entry->identity))
		parse_into(entry, tuple, descriptor, &identity);
	return entry->definition;
}

/*
 * glance_at gives the parsed form of a tuple that is one of many looked at: from the cache where it is there, else in the current
 * context, so that recommenders of others do not fill the cache; not bound.
 */
static RecoDefinition *
glance_at(HeapTuple tuple, TupleDesc descriptor)
{
	bool isnull;
	Datum key = heap_getattr(tuple, RECO_FIELD_KEY + 1, descriptor, &isnull);
	DefinitionEntry *entry = entries ? hash_search(entries, DatumGetUUIDP(key), HASH_FIND, NULL) : NULL;
	RecoRowIdentity identity;

	reco_row_identify(tuple, &identity);
	if (entry && entry->context && reco_row_same(&identity, &entry->identity))
		return entry->definition;
	return parse(tuple, descriptor, &identity);
}

/* scan_one gives what "look" makes of the one row that a scan finds, or NULL; not bound. */
static RecoDefinition *
scan_one(const char *index, ScanKey key, RecoDefinition *(*look)(HeapTuple, TupleDesc))
{
	RecoScan scan;
	HeapTuple tuple;
	RecoDefinition *definition = NULL;

	reco_scan_begin(&scan, "recommender", index, false, 1, key);
	tuple = reco_scan_next(&scan);
	if (tuple)
		definition = look(tuple, RelationGetDescr(scan.table));
	reco_scan_end(&scan);
	return definition;
}

static RecoDefinition *
find_by_name(const char *name)
{
	ScanKeyData key;

	reco_scan_key_text(&key, RECO_FIELD_NAME + 1, name);
	return scan_one("recommender_name_key", &key, definition_of);
}

const RecoDefinition *
reco_catalog_find_by_key(const pg_uuid_t *key)
{
	ScanKeyData scan_key;
	RecoDefinition *definition;

	reco_scan_key_uuid(&scan_key, RECO_FIELD_KEY + 1, key);
	definition = scan_one("recommender_pkey", &scan_key, definition_of);
	if (definition)
		reco_catalog_bind(definition);
	return definition;
}

/* is_usable says whether the caller may use a recommender. */
static bool
is_usable(const RecoDefinition *definition)
{
	return has_privs_of_role(GetUserId(), definition->owner) || reco_catalog_may_read(definition);
}

bool
reco_catalog_may_use(const pg_uuid_t *key)
{
	ScanKeyData scan_key;
	RecoDefinition *definition;

	reco_scan_key_uuid(&scan_key, RECO_FIELD_KEY + 1, key);
	definition = scan_one("recommender_pkey", &scan_key, glance_at);
	return definition && is_usable(definition);
}

/* usable_definitions lists the definitions that the caller may use, of those that "counts" lets count (NULL: all), not bound. */
static List *
usable_definitions(bool (*counts)(const RecoRow *))
{
	RecoScan scan;
	HeapTuple tuple;
	List *definitions = NIL;

	reco_scan_begin(&scan, "recommender", NULL, false, 0, NULL);
	while ((tuple = reco_scan_next(&scan)) != NULL)
	{
		RecoDefinition *definition;
		RecoRow row;

		reco_row_deform(tuple, RelationGetDescr(scan.table), &row);
		if (counts && !counts(&row))
			continue;
		definition = glance_at(tuple, RelationGetDescr(scan.table));
		if (is_usable(definition))
			definitions = lappend(definitions, definition);
	}
	reco_scan_end(&scan);
	return definitions;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* names_of gives the names of definitions, sorted. */
static List *
names_of(const List *definitions)
{
	List *names = NIL;
	ListCell *cell;

	foreach (cell, definitions)
		names = lappend(names, ((RecoDefinition *) lfirst(cell))->name);
	list_sort(names, compare_names);
	return names;
}

List *
reco_catalog_usable_names(void)
{
	return names_of(usable_definitions(NULL));
}

/* join_names writes names with commas between, at most ten of them. */
static char *
join_names(const List *names)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, names)
	{
		int i = foreach_current_index(cell);

		if (i == 10)
		{
			appendStringInfo(&text, " and %d more", list_length(names) - 10);
			break;
		}
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "", (char *) lfirst(cell));
	}
	return text.data;
}

const char *
reco_catalog_nearest(const char *name, List *candidates)
{
	const char *best = NULL;
	int length = strlen(name);
	/* one more than the greatest distance; a single letter is near to nothing */
	int limit = length <= 1 ? 1 : length <= 3 ? 2 : Max(3, length / 3 + 1);
	ListCell *cell;

	if (length > 255)
		return NULL;
	foreach (cell, candidates)
	{
		const char *candidate = lfirst(cell);
		int distance;

		if (strlen(candidate) > 255)
			continue;
		distance = varstr_levenshtein_less_equal(name, strlen(name), candidate, strlen(candidate), 1, 1, 1,
												 limit - 1, true);
		if (distance < limit)
		{
			limit = distance;
			best = candidate;
		}
	}
	return best;
}

/* unknown_name raises the error for a name that no recommender has. */
static void
unknown_name(const char *name, bool from_setting)
{
	List *names = reco_catalog_usable_names();
	const char *nearest = reco_catalog_nearest(name, names);

	ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("recommender \"%s\" does not exist", name),
			from_setting ? errdetail("The setting reco.default_recommender names it.") : 0,
			nearest ? errhint("Perhaps you meant \"%s\".", nearest)
			: names ? errhint("You may use: %s.", join_names(names))
					: errhint("Define one with reco.create_recommender()."));
}

/* trusted says whether a role is the caller or one that the caller is an explicit member of. */
static bool
trusted(Oid role)
{
	return OidIsValid(role) && reco_compat_is_explicit_member(GetUserId(), role);
}

/* trusted_relation says whether a relation is there and its owner is trusted. */
static bool
trusted_relation(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		return false;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return trusted(owner);
}

/* has_trusted_owner is the first step by which an unnamed call finds what it means. */
static bool
has_trusted_owner(const RecoRow *row)
{
	return trusted(DatumGetObjectId(row->value[RECO_FIELD_OWNER]));
}

/* has_trusted_relations is the second: whether every relation that is mapped has a trusted owner. */
static bool
has_trusted_relations(const RecoRow *row)
{
	static const RecoField relation[][2] = {{RECO_FIELD_INTERACTIONS, RECO_FIELD_INTERACTIONS_NAME},
											{RECO_FIELD_ITEMS, RECO_FIELD_ITEMS_NAME},
											{RECO_FIELD_USERS, RECO_FIELD_USERS_NAME},
											{RECO_FIELD_REVIEWS, RECO_FIELD_REVIEWS_NAME}};

	for (size_t i = 0; i < lengthof(relation); i++)
		if (!row->isnull[relation[i][1]] &&
			(row->isnull[relation[i][0]] || !trusted_relation(DatumGetObjectId(row->value[relation[i][0]]))))
			return false;
	return true;
}

/* none_meant raises the error for an unnamed call when no recommender is the caller's. */
static void
none_meant(bool to_learn)
{
	List *names = reco_catalog_usable_names();

	ereport(
		ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("no recommender was named"),
		to_learn
			? errdetail(
				  "A call without a name that learns or measures uses the only recommender of yours or of a role that you were granted.")
			: errdetail(
				  "A call without a name uses the only recommender of yours or of a role that you were granted, else the only one over tables of yours alone."),
		names
			? errhint("Name one with recommender => '...', or set reco.default_recommender; you may use: %s.",
					  join_names(names))
			: errhint("Define one with reco.create_recommender()."));
}

/* several_meant raises the error for an unnamed call when several recommenders are the caller's. */
static void
several_meant(const List *definitions)
{
	List *names = names_of(definitions);

	ereport(ERROR, errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			errmsg("no recommender was named, and several could be meant: %s", join_names(names)),
			errhint("Name one with recommender => '%s', or set reco.default_recommender.",
					(char *) linitial(names)));
}

/* find_unnamed gives the recommender that a call without a name means, when no setting says. */
static RecoDefinition *
find_unnamed(bool to_learn)
{
	List *chosen = usable_definitions(has_trusted_owner);

	if (chosen == NIL && !to_learn)
		chosen = usable_definitions(has_trusted_relations);
	if (chosen == NIL)
		none_meant(to_learn);
	if (list_length(chosen) > 1)
		several_meant(chosen);
	return find_by_name(((RecoDefinition *) linitial(chosen))->name);
}

/* require_vouched raises where the setting may be somebody else's than the caller's, unless the caller's side vouches for what it names. */
static void
require_vouched(const RecoDefinition *definition)
{
	if (GetUserId() == GetOuterUserId() || trusted(definition->owner) ||
		has_trusted_relations(reco_catalog_read_row(definition->name, false)))
		return;
	ereport(
		ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		errmsg("the setting reco.default_recommender does not count for role \"%s\" here",
			   GetUserNameFromId(GetUserId(), false)),
		errdetail(
			"Whoever called the function may have made it, and neither recommender \"%s\" nor all of its relations belong to that role.",
			definition->name),
		errhint("Name the recommender in the call."));
}

/* find gives the recommender of a name, of the setting, or the one that an unnamed call means. */
static const RecoDefinition *
find(const char *name, bool to_learn)
{
	bool from_setting = !name && reco_default_recommender && reco_default_recommender[0] != '\0';
	RecoDefinition *definition;

	if (from_setting)
		name = reco_default_recommender;
	definition = name ? find_by_name(name) : find_unnamed(to_learn);
	if (!definition)
		unknown_name(name, from_setting);
	if (from_setting)
		require_vouched(definition);
	reco_catalog_bind(definition);
	return definition;
}

const RecoDefinition *
reco_catalog_find(const char *name)
{
	return find(name, false);
}

const RecoDefinition *
reco_catalog_find_owned(const char *name)
{
	const RecoDefinition *definition = find(name, true);

	reco_catalog_require_owner(definition);
	return definition;
}

RecoRow *
reco_catalog_read_row(const char *name, bool missing_ok)
{
	RecoRow *row = NULL;
	RecoScan scan;
	ScanKeyData key;
	HeapTuple tuple;

	reco_scan_key_text(&key, RECO_FIELD_NAME + 1, name);
	reco_scan_begin(&scan, "recommender", "recommender_name_key", false, 1, &key);
	tuple = reco_scan_next(&scan);
	if (tuple)
	{
		row = palloc(sizeof(RecoRow));
		reco_row_deform(toast_flatten_tuple(tuple, RelationGetDescr(scan.table)),
						RelationGetDescr(scan.table), row);
	}
	reco_scan_end(&scan);
	if (!row && !missing_ok)
		unknown_name(name, false);
	return row;
}
