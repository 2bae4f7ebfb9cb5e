/*
 * data_rules.h
 *	  What may be wrong with the data of a recommender, as queries over the
 *	  caller's own relations.
 */
#ifndef RECO_READER_DATA_RULES_H
#define RECO_READER_DATA_RULES_H

#include "postgres.h"

#include "reader/reader.h"

/* Where the rules draw their lines. */
typedef struct RecoDataLimits
{
	double outlier_z; /* robust standard deviations of the logarithm */
	int per_minute;   /* different times of the events of one account, more than a person has */
	int per_day;
} RecoDataLimits;

typedef struct RecoDataRule
{
	const char *name;
	const char *relation; /* qualified name */
	bool dropped;         /* whether refresh skips the rows */
	const char *why;
	char *query; /* gives the rows; names every relation with its schema */
} RecoDataRule;

/* reco_data_rules lists the rules that apply to a definition, of RecoDataRule *, in the current context. */
extern List *reco_data_rules(const RecoDefinition *definition, const RecoDataLimits *limits);

/* reco_data_rule_count runs the query of a rule as the caller, read-only, and counts its rows; SPI must be connected. */
extern int64 reco_data_rule_count(const RecoDataRule *rule);

/* Users, items and rows that are left when those with fewer than k rows are taken out until none is. */
typedef struct RecoCore
{
	size_t users;
	size_t items;
	size_t pairs; /* of a user and an item */
} RecoCore;

/* reco_data_core gives the k-core of events in canonical order; of k = 0 everything. */
extern RecoCore reco_data_core(const RecoEvents *events, int k);

#endif
