/*
 * many.h
 *	  What recommend_all() and recommend_into() have in common.
 */
#ifndef RECO_SQLAPI_MANY_H
#define RECO_SQLAPI_MANY_H

#include "postgres.h"

#include "model/options.h"
#include "serve/many.h"

/* The options of both; recommend_into has REPLACE too. */
typedef enum RecoManyOption
{
	RECO_MANY_EXCLUDE_SEEN,
	RECO_MANY_FILTER,
	RECO_MANY_FILTER_ARGS,
	RECO_MANY_NEW_ITEMS,
	RECO_MANY_PROMOTED,
	RECO_MANY_PROMOTION,
	RECO_MANY_REPLACE,
	RECO_MANY_OPTIONS
} RecoManyOption;

extern const RecoOption reco_many_option[RECO_MANY_OPTIONS];

/* reco_many_options puts parsed options into a question; SPI must be connected. */
extern void reco_many_options(RecoManyAsk *ask, const RecoOptionValue *option);

#endif
