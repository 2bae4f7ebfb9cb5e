/*
 * reco.h
 *	  Settings of the extension, defined in reco.c and read in every room but
 *	  the kernel.
 */
#ifndef RECO_H
#define RECO_H

#include "postgres.h"

#define RECO_FORMAT_VERSION 1 /* of stored model versions; see src/README.md */

/* reco.default_recommender: serves calls that name none; "" when unset. */
extern char *reco_default_recommender;

/* reco.lang: language of reasons when a call gives none. */
extern char *reco_lang;

/* reco.learn_memory (kB): limit of the shared mapping one refresh may use. */
extern int reco_learn_memory;

/* reco.private_cache_limit (kB): model bytes one backend may copy when the mapped cache cannot be written. */
extern int reco_private_cache_limit;

/* reco.cache_size (kB): limit of all files of the mapped cache together. */
extern int reco_cache_size;

/* reco.workers: processes beside the calling one while learning; -1 = one less than the processors. */
extern int reco_workers;

/* reco.keep_versions: versions of a recommender kept after a refresh, the deployed one included. */
extern int reco_keep_versions;

/* reco.min_group: counts of other people are shown as buckets of this size and its tenfolds, from one more on. */
extern int reco_min_group;

/* reco.max_new_items: items that came after the version, at most so many of which one call looks for; 0: none. */
extern int reco_max_new_items;

/* reco.filter_order: how serving finds items that pass a filter; for tests, the lists are the same. */
typedef enum RecoFilterOrder
{
	RECO_FILTER_ORDER_AUTO,
	RECO_FILTER_ORDER_RANK,  /* rank first, then ask which of the best items pass */
	RECO_FILTER_ORDER_FILTER /* find all items that pass as soon as the first round does not suffice */
} RecoFilterOrder;

extern int reco_filter_order;

#endif
