/*
 * sources.c
 *	  How the attributes of an encoder are read, kept for the session.
 *
 * That follows from the names and kinds of the attributes and from the columns of the relation.  Every session is told when a relation
 * changes (a relcache invalidation), and forgets what it kept of it.
 */
#include "postgres.h"

#include "utils/inval.h"
#include "utils/memutils.h"

#include "reader/encoder.h"

/* Encoders that are kept; the one used longest ago makes room. */
#define SOURCES_KEPT 8

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
	char *sql;                /* of one key */
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
	}
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

const RecoSource *
reco_sources_find(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side,
				  const char **sql)
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
	*sql = kept->sql;
	return kept->source;
}
