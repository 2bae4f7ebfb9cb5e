/*
 * als_warm.c
 *	  Matrix factorisation by alternating least squares: the start of an
 *	  incremental refresh.
 *
 * A version holds no user, so going on from it begins by solving all users against
 * its items, exactly as serving does, and then all items against these
 * users: one warm sweep.  An item that the version does not know starts as zero:
 * it adds nothing to any user, and is solved in the same sweep from users who are
 * known by everything else they did.
 *
 * Items that are known do not move all the way to the solution, but a step of
 * it (option warm_step).  The number of sweeps of a full refresh is chosen, and
 * small: beyond it the loss falls, but so does the quality of lists.  A whole sweep
 * more at each refresh would walk on there; a part of one follows the new events and
 * stays near the version that was chosen.
 *
 * The basis the version is stored in does not matter: a
 * sweep begins by rotating the items into the eigenbasis of their Gram matrix.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "model/als_query.h"

char *
reco_als_warm_refusal(const RecoModel *warm, const RecoOptionValue *option)
{
	int factors = (int) option[ALS_FACTORS].number;

	if (warm->embedding->d == (size_t) factors)
		return NULL;
	return psprintf("with %zu factors, and now there are to be %d", warm->embedding->d, factors);
}

double
reco_als_warm_pull(const RecoModel *warm)
{
	const AlsModel *als = warm->state;

	return als->user_map != NULL ? als->parameter[ALS_PARAMETER_PULL] : 0;
}

size_t
reco_als_warm_start(const RecoLearnInput *input, size_t d, float *factor, float *bias, bool *known)
{
	const RecoModel *warm = input->warm;
	const RkItems *from = warm->embedding;
	size_t n_new = 0;
	size_t w = 0;

	for (size_t i = 0; i < input->data->n_items; i++)
	{
		RecoKey key = reco_keys_get(input->items, input->data->item_of[i]);
		int order = 1;

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		/* both sets of keys ascend */
		for (; w < warm->items.n; w++)
		{
			RecoKey candidate = reco_keys_get(&warm->items, w);

			order = reco_key_compare(&candidate, &key);
			if (order >= 0)
				break;
		}
		known[i] = w < warm->items.n && order == 0;
		n_new += !known[i];
		if (known[i])
			memcpy(factor + i * d, reco_items_row(from, (uint32) w), sizeof(float) * d);
		else
			memset(factor + i * d, 0, sizeof(float) * d);
		if (bias != NULL)
			bias[i] = known[i] ? from->bias[w] : 0;
	}
	return n_new;
}

void
reco_als_warm_step(const bool *known, size_t n, size_t d, float step, const float *before, float *solved)
{
	for (size_t i = 0; i < n; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t k = i * d; known[i] && k < (i + 1) * d; k++)
			solved[k] = before[k] + step * (solved[k] - before[k]);
	}
}
