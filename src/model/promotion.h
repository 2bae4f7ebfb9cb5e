/*
 * promotion.h
 *	  Items that a call promotes: something is added to their scores, and is said to be.
 */
#ifndef RECO_MODEL_PROMOTION_H
#define RECO_MODEL_PROMOTION_H

#include "postgres.h"

#include "model/model.h"

typedef struct RecoPromotion
{
	double much;        /* what is added to a score, > 0 */
	size_t n;           /* 0: nothing is promoted */
	const uint32 *item; /* [n], ascending */
} RecoPromotion;

/* reco_promotion_make promotes those of n keys that the model knows, or takes in. */
static inline RecoPromotion
reco_promotion_make(const RecoModel *model, const RecoKey *key, size_t n, double much)
{
	RecoPromotion promotion = {.much = much};

	if (n > 0)
		promotion.item = reco_model_items(model, key, n, true, &promotion.n);
	return promotion;
}

/* reco_promotion_of gives what is added to the score of an item: 0 where it is not promoted. */
static inline double
reco_promotion_of(const RecoPromotion *promotion, uint32 item)
{
	size_t low = 0;
	size_t high = promotion->n;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (promotion->item[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return low < promotion->n && promotion->item[low] == item ? promotion->much : 0;
}

#endif
