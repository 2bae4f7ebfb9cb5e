/*
 * store.c
 *	  The last stage of a refresh: from learned tensors to a deployed version.
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "reco.h"
#include "train/train.h"

int
reco_train_store(const RecoDefinition *definition, const RecoLearned *learned, bool deploy)
{
	RecoVersion version = {
		.recommender = definition->key,
		.format = RECO_FORMAT_VERSION,
		.algorithm = definition->algorithm,
		/* not a domain, which may be dropped while the version is kept */
		.user_type = getBaseType(definition->user.type),
		.item_type = getBaseType(definition->item.type),
		.has_as_of = learned->has_as_of,
		.as_of = learned->as_of,
		.n_users = (int64) learned->n_users,
		.n_items = (int64) learned->n_items,
		.n_interactions = (int64) learned->n_rows,
		.options = learned->options,
		.metrics = learned->metrics,
	};

	reco_store_write(&version, &learned->tensors);
	if (deploy)
		reco_catalog_deploy(definition, version.number);
	/* the one that serves, and the one that is kept aside */
	reco_catalog_prune(definition, deploy ? reco_keep_versions : Max(reco_keep_versions, 2));
	return version.number;
}
