/*
 * added.h
 *	  Private to the model: items that a call has taken in.
 */
#ifndef RECO_MODEL_ADDED_H
#define RECO_MODEL_ADDED_H

#include "model/model.h"

/* reco_added_make makes what reco_model_add fills for a model of that version, in the current context. */
extern RecoAdded *reco_added_make(const RecoDefinition *definition, const pg_uuid_t *version);

#endif
