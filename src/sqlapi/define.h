/*
 * define.h
 *	  Checking a definition before it is stored.  Private to the files define*.c.
 */
#ifndef RECO_SQLAPI_DEFINE_H
#define RECO_SQLAPI_DEFINE_H

#include "postgres.h"

#include "catalog/catalog.h"

/*
 * reco_define_check raises for anything that is wrong with a row that is to be
 * stored: relations, columns, types, the caller's rights, values that
 * need each other, and options.  Gives the definition, bound.
 */
extern RecoDefinition *reco_define_check(const RecoRow *row);

/* reco_define_check_relation refuses what cannot be mapped: other kinds of relation, and temporary ones. */
extern void reco_define_check_relation(const RecoRelation *relation, const char *argument);

/* reco_define_check_same_kind checks that the key of a side relation is of the kind of the interactions' column. */
extern void reco_define_check_same_kind(const RecoDefinition *definition, const RecoColumn *column,
										const RecoRelation *side, const RecoColumn *key);

/* reco_define_lock_owned gives the stored row of a recommender that the caller owns, locked and as it was last committed. */
extern RecoRow *reco_define_lock_owned(const char *name);

/*
 * reco_define_advise says in NOTICEs what will be slow or late, about the
 * arguments that changed ([RECO_FIELDS]).
 */
extern void reco_define_advise(const RecoDefinition *definition, const bool *changed);

#endif
