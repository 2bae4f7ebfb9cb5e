/*
 * reco.c
 *	  Module magic and settings; nothing else.
 */
#include "reco.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

char *reco_default_recommender = NULL;
char *reco_lang = NULL;
int reco_learn_memory = 2 * 1024 * 1024;
int reco_private_cache_limit = 256 * 1024;
int reco_cache_size = 4 * 1024 * 1024;
int reco_workers = -1;
int reco_keep_versions = 3;
int reco_min_group = 10;
int reco_max_new_items = 1000;
int reco_filter_order = RECO_FILTER_ORDER_AUTO;

static const struct config_enum_entry filter_orders[] = {{"auto", RECO_FILTER_ORDER_AUTO, false},
														 {"rank_first", RECO_FILTER_ORDER_RANK, false},
														 {"filter_first", RECO_FILTER_ORDER_FILTER, false},
														 {NULL, 0, false}};

void _PG_init(void);

/* define_memory defines the settings that are sizes, in kB. */
static void
define_memory(void)
{
	DefineCustomIntVariable(
		"reco.learn_memory", "Limits the memory that one refresh shares with its workers.",
		"It is a mapped file below base/pgsql_tmp; a refresh that needs more is refused before it starts.",
		&reco_learn_memory, 2 * 1024 * 1024, 1024, INT_MAX, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"reco.private_cache_limit",
		"Limits the bytes of models that one session copies when the mapped cache cannot be written.",
		"A larger model is then read from its table at each call, which is slow; only its keys and norms are copied.",
		&reco_private_cache_limit, 256 * 1024, 0, INT_MAX, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("reco.cache_size", "Limits the files of the mapped model cache together.", NULL,
							&reco_cache_size, 4 * 1024 * 1024, 0, INT_MAX, PGC_SUSET, GUC_UNIT_KB, NULL, NULL,
							NULL);
}

/*
 * _PG_init defines the settings of the extension when a session first loads
 * the library.  Values set before that are kept as PostgreSQL keeps them.
 */
void
_PG_init(void)
{
	DefineCustomStringVariable("reco.default_recommender", "Names the recommender of calls that name none.",
							   NULL, &reco_default_recommender, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"reco.max_new_items",
		"Sets how many items that came after the last refresh one call looks for at most.",
		"They are scored by their attributes; 0 turns that off.", &reco_max_new_items, 1000, 0, 100000,
		PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("reco.filter_order", "Sets whether lists rank items first or filter them first.",
							 "auto weighs the costs. The lists are the same; for tests.", &reco_filter_order,
							 RECO_FILTER_ORDER_AUTO, filter_orders, PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL,
							 NULL, NULL);
	DefineCustomIntVariable("reco.keep_versions", "Sets how many versions of a recommender a refresh keeps.",
							"The deployed version is one of them.", &reco_keep_versions, 3, 1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("reco.lang", "Sets the language of reasons when a call gives none.", NULL,
							   &reco_lang, "en", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("reco.workers", "Sets how many processes learn beside the calling one.",
							"-1 takes one less than the processors of the machine.", &reco_workers, -1, -1,
							1024, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"reco.min_group",
		"Sets how many people hide one: counts of others are shown in buckets from this size on.",
		"A refresh counts an item's users only when they are at least one more than this, as a bucket: this times a power of ten.",
		&reco_min_group, 10, 1, 1000000, PGC_SUSET, 0, NULL, NULL, NULL);
	define_memory();
	MarkGUCPrefixReserved("reco");
}
