/*
 * train.h
 *	  What a refresh does after it has read: learn, store, deploy.
 *
 * The stages are apart because the procedure that calls them commits in
 * between (sqlapi/refresh.c).
 */
#ifndef RECO_TRAIN_TRAIN_H
#define RECO_TRAIN_TRAIN_H

#include "postgres.h"

#include "model/model.h"

/*
 * reco_train_store writes what was learned as a new version, deploys it unless it is to be kept aside, and
 * removes versions beyond reco.keep_versions, in the caller's transaction.
 * Gives the number of the version.  ERRCODE_UNDEFINED_OBJECT when the
 * recommender was dropped meanwhile.
 */
extern int reco_train_store(const RecoDefinition *definition, const RecoLearned *learned, bool deploy);

#endif
