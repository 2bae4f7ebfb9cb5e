/*
 * quality.h
 *	  How good explanations are, measured on users and the items they are shown.
 *
 * The explanation of a pair here is its "pieces" pieces of evidence with the
 * greatest removal effects.
 */
#ifndef RECO_EXPLAIN_QUALITY_H
#define RECO_EXPLAIN_QUALITY_H

#include "postgres.h"

#include "model/model.h"

/* How to measure. */
typedef struct RecoQualityAsk
{
	int k;      /* length of the list that an item is in or out of */
	int items;  /* of each list, the first so many are explained */
	int pieces; /* in an explanation */
	int draws;  /* random explanations that each is compared with */
	uint64 seed;
} RecoQualityAsk;

/* What the metrics are made of. */
typedef struct RecoQuality RecoQuality;

extern RecoQuality *reco_quality_make(const RecoQualityAsk *ask);

/* reco_quality_add measures the explanations of one user's list; user is a hash of the user. */
extern void reco_quality_add(RecoQuality *quality, const RecoQuery *query, uint64 user);

/* One metric; value is NaN where there is nothing to measure. */
typedef struct RecoQualityMetric
{
	const char *name;
	double value;
	int64 n; /* of what it is the mean or the greatest */
	const char *meaning;
} RecoQualityMetric;

/* reco_quality_metrics gives all metrics and their number. */
extern RecoQualityMetric *reco_quality_metrics(const RecoQuality *quality, int *n);

#endif
