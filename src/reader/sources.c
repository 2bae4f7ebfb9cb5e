/*
 * sources.c
 *	  How the attributes of an encoder are read, kept for the session.
 *
 * That follows from the names and kinds of the attributes and from the columns of the relation.  Every session is told when a relation
 * changes (a relcache invalidation), and forgets what it kept of it.
 *
 * A column that was dropped, or has become of a type that is no longer what was learned, must not stop what is served: it
 * says nothing of anybody from then on, as if it had never been said, and the others count as before.  Whoever is served is told so.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "kernel/rng.h"
#include "reader/encoder.h"

/* Encoders that are kept; the one used longest ago makes room. */
#define SOURCES_KEPT 8

/* Columns of which a session remembers that it was told. */
#define TOLD_KEPT 256

/* What was found for an encoder and a relation. */
typedef struct Kept
{
	MemoryContext context; /* NULL: free */
	bool stale;
	uint64 used;
	RecoSide side;
	Oid relid;
	char *relation; /* as SQL */
	char *key;
	int n;
	RecoAttribute *attribute; /* [n], name, kind and delimiter alone */
	RecoSource *source;       /* [n] */
	char *sql;                /* of one key; NULL: no attribute can be read */
	int n_lost;               /* attributes that cannot be read any more */
} Kept;

static Kept all_kept[SOURCES_KEPT];

/* relation_changed is told that a relation changed, or, without its OID, that any may have. */
static void
relation_changed(Datum argument, Oid relid)
{
	for (int k = 0; k < SOURCES_KEPT; k++)
		if (!OidIsValid(relid) || all_kept[k].relid == relid)
			all_kept[k].stale = true;
}

/* is_same says whether an attribute is read as another one is, its column being the same. */
static bool
is_same(const RecoAttribute *a, const RecoAttribute *b)
{
	return a->kind == b->kind && (a->delimiter == NULL) == (b->delimiter == NULL) &&
		   strcmp(a->name, b->name) == 0;
}

/* is_of says whether something is kept of this encoder. */
static bool
is_of(const Kept *kept, const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side)
{
	const RecoColumn *key;
	const RecoRelation *relation = reco_feature_side(definition, side, &key);

	if (kept->context == NULL || kept->stale || kept->side != side || kept->relid != relation->relid ||
		kept->n != encoder->n_attributes || strcmp(kept->relation, relation->sql_name) != 0 ||
		strcmp(kept->key, key->name) != 0)
		return false;
	for (int a = 0; a < kept->n; a++)
		if (!is_same(&kept->attribute[a], &encoder->attribute[a]))
			return false;
	return true;
}

/* fill finds out how the attributes are read, and keeps it in the current context. */
static void
fill(Kept *kept, const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side)
{
	const RecoColumn *key;
	const RecoRelation *relation = reco_feature_side(definition, side, &key);
	int n = encoder->n_attributes;

	kept->side = side;
	kept->relid = relation->relid;
	kept->stale = false;
	kept->relation = pstrdup(relation->sql_name);
	kept->key = pstrdup(key->name);
	kept->n = n;
	kept->attribute = palloc0(Max(n, 1) * sizeof(RecoAttribute));
	kept->source = palloc(Max(n, 1) * sizeof(RecoSource));
	for (int a = 0; a < n; a++)
	{
		const RecoAttribute *attribute = &encoder->attribute[a];

		kept->attribute[a].name = pstrdup(attribute->name);
		kept->attribute[a].kind = attribute->kind;
		kept->attribute[a].delimiter = attribute->delimiter != NULL ? pstrdup(attribute->delimiter) : NULL;
		kept->source[a] = reco_attribute_source(definition, side, attribute);
		kept->n_lost += kept->source[a].expression == NULL;
	}
	if (kept->n_lost < n || n == 0)
		kept->sql = reco_feature_sql(definition, side, kept->source, n, RECO_FEATURES_OF_ONE);
}

/* make finds out how the attributes are read, in the place of what was used longest ago. */
static Kept *
make(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side)
{
	Kept *kept = &all_kept[0];
	Kept made = {0};
	MemoryContext old;

	/* below the current context until it is whole: an error then frees it */
	made.context = AllocSetContextCreate(CurrentMemoryContext, "reco sources", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(made.context);
	fill(&made, definition, encoder, side);
	MemoryContextSwitchTo(old);
	for (int k = 1; k < SOURCES_KEPT; k++)
		if (all_kept[k].used < kept->used)
			kept = &all_kept[k];
	if (kept->context != NULL)
		MemoryContextDelete(kept->context);
	MemoryContextSetParent(made.context, TopMemoryContext);
	*kept = made;
	return kept;
}

/* find gives what is kept of an encoder, which it makes where nothing is. */
static Kept *
find(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side)
{
	static uint64 asked = 0;
	Kept *kept = NULL;

	if (asked++ == 0)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	for (int k = 0; k < SOURCES_KEPT && kept == NULL; k++)
		if (is_of(&all_kept[k], definition, encoder, side))
			kept = &all_kept[k];
	if (kept == NULL)
		kept = make(definition, encoder, side);
	kept->used = asked;
	return kept;
}

/* was_told says whether the session was told of a column that cannot be read, and notes that it is now. */
static bool
was_told(const RecoDefinition *definition, const Kept *kept, int attribute)
{
	static uint64 told[TOLD_KEPT];
	static uint64 n_told = 0;
	const char *name = kept->attribute[attribute].name;
	uint64 hash = rk_hash64((uint64) kept->side, &definition->key, sizeof(definition->key));

	hash = rk_hash64(rk_hash_mix(hash, kept->source[attribute].type), name, strlen(name));
	for (uint64 t = 0; t < Min(n_told, TOLD_KEPT); t++)
		if (told[t] == hash)
			return true;
	told[n_told++ % TOLD_KEPT] = hash;
	return false;
}

/* tell warns of a column that cannot be read any more. */
static void
tell(const RecoDefinition *definition, const Kept *kept, int attribute)
{
	bool items = kept->side == RECO_SIDE_ITEM;
	const char *name = quote_literal_cstr(definition->name);
	const RecoAttribute *learned = &kept->attribute[attribute];
	Oid type = kept->source[attribute].type;

	ereport(
		WARNING, errcode(OidIsValid(type) ? ERRCODE_DATATYPE_MISMATCH : ERRCODE_UNDEFINED_COLUMN),
		OidIsValid(type) ? errmsg("feature \"%s\" is not read: it is of type %s now and was learned as %s",
								  learned->name, format_type_be(type), reco_feature_kind_name(learned->kind))
						 : errmsg("feature \"%s\" is not read: relation \"%s\" has no such column any more",
								  learned->name, items ? definition->items.name : definition->users.name),
		errdetail("Recommender \"%s\" goes on without it: it says nothing of %s.", definition->name,
				  items ? "new items" : "users"),
		errhint("Name the columns to learn from with SELECT reco.alter_recommender(%s, %s => '{...}'), and "
				"learn a new version with CALL reco.refresh(%s).",
				name, items ? "item_features" : "user_features", name));
}

const RecoSource *
reco_sources_find(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side,
				  const char **sql)
{
	const Kept *kept = find(definition, encoder, side);

	for (int a = 0; a < kept->n && kept->n_lost > 0; a++)
		if (kept->source[a].expression == NULL && !was_told(definition, kept, a))
			tell(definition, kept, a);
	*sql = kept->sql;
	return kept->source;
}

const char **
reco_encoder_lost(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side, int *n)
{
	const Kept *kept = find(definition, encoder, side);
	const char **name = palloc(sizeof(char *) * Max(kept->n_lost, 1));

	*n = 0;
	for (int a = 0; a < kept->n && kept->n_lost > 0; a++)
		if (kept->source[a].expression == NULL)
			name[(*n)++] = encoder->attribute[a].name;
	return name;
}
