/*
 * contestant.c
 *	  An entry ready to make lists: learned, and its items matched with those of the training part.
 *
 * Items are matched by key, so that a contestant may know fewer items than the
 * training part (learned from a share of it, or long ago) or more.
 */
#include "postgres.h"

#include "evaluate/internal.h"

/* match gives for each key of one set its position in another, or -1. */
static int32 *
match(const RecoKeys *keys, const RecoKeys *in)
{
	int32 *position = reco_evaluate_alloc(keys->n, sizeof(int32));

	for (size_t i = 0; i < keys->n; i++)
	{
		RecoKey key = reco_keys_get(keys, i);

		position[i] = (int32) reco_keys_find(in, &key);
	}
	return position;
}

/* invert gives for each of n values the index at which it stands in list [n_list], or -1. */
static int32 *
invert(size_t n, const int32 *list, size_t n_list)
{
	int32 *index = reco_evaluate_alloc(n, sizeof(int32));

	memset(index, 0xFF, sizeof(int32) * n);
	for (size_t i = 0; i < n_list; i++)
		if (list[i] >= 0)
			index[list[i]] = (int32) i;
	return index;
}

/* match_model matches the items of a learned model. */
static void
match_model(const RecoEvaluation *evaluation, RecoContestant *contestant)
{
	const RecoKeys *items = &contestant->model->items;

	contestant->n_items = items->n;
	contestant->training_of = match(items, &evaluation->events->items);
	contestant->tie = reco_evaluate_alloc(items->n, sizeof(uint32));
	for (size_t i = 0; i < items->n; i++)
	{
		RecoKey key = reco_keys_get(items, i);

		if (contestant->training_of[i] >= 0)
			contestant->training_of[i] = evaluation->item_of_item[contestant->training_of[i]];
		contestant->tie[i] = (uint32) (reco_key_hash(evaluation->settings.seed, &key) >> 32);
	}
	contestant->of_training = invert(evaluation->data->n_items, contestant->training_of, items->n);
	contestant->of_source = match(&evaluation->source->items, items);
}

/* match_baseline matches the items of a baseline, which are those of the training part. */
static void
match_baseline(const RecoEvaluation *evaluation, RecoContestant *contestant)
{
	size_t n = evaluation->data->n_items;

	contestant->n_items = n;
	contestant->training_of = reco_evaluate_alloc(n, sizeof(int32));
	for (size_t i = 0; i < n; i++)
		contestant->training_of[i] = (int32) i;
	contestant->of_training = contestant->training_of;
	contestant->of_source = match(&evaluation->source->items, &evaluation->events->items);
	for (size_t i = 0; i < evaluation->source->items.n; i++)
		if (contestant->of_source[i] >= 0)
			contestant->of_source[i] = evaluation->item_of_item[contestant->of_source[i]];
	contestant->tie = evaluation->tie;
}

/* learn fills the model of a contestant, and what the evaluation keeps of it: options in "outer". */
static void
learn(RecoEvaluation *evaluation, RecoContestant *contestant, MemoryContext outer)
{
	const RecoEntry *entry = contestant->entry;
	const uint8 *keep =
		entry->share < 100 ? reco_evaluate_keep_share(evaluation, entry->share) : evaluation->keep;
	RecoLearnRequest request = {.definition = entry->definition,
								.call_options = entry->options,
								.events = evaluation->events,
								.keep = keep,
								.warm = entry->warm,
								.warm_version = entry->warm_version};
	RecoLearned *learned = reco_learn(&request);
	MemoryContext each = MemoryContextSwitchTo(outer);

	evaluation->learned_options = reco_evaluate_copy_json(learned->options);
	evaluation->learned_rows = (int64) learned->n_rows;
	MemoryContextSwitchTo(each);
	contestant->model = reco_model_bind(entry->definition->algorithm, &learned->tensors);
}

RecoContestant *
reco_evaluate_contest(RecoEvaluation *evaluation, const RecoEntry *entry, MemoryContext outer)
{
	RecoContestant *contestant = palloc0(sizeof(RecoContestant));

	contestant->entry = entry;
	evaluation->learned_options = NULL;
	evaluation->learned_rows = 0;
	if (entry->ranker == RECO_RANKER_MODEL)
	{
		if (entry->model != NULL)
			contestant->model = entry->model;
		else
			learn(evaluation, contestant, outer);
		match_model(evaluation, contestant);
	}
	else
		match_baseline(evaluation, contestant);
	return contestant;
}

/* fold_pair folds those of the events first ... last - 1 that are in the training part; false when none is. */
static bool
fold_pair(const RecoEvaluation *evaluation, const RecoFoldRule *rule, size_t first, size_t last,
		  RecoFoldSum *sum)
{
	const RecoEvents *events = evaluation->events;
	bool any = false;

	*sum = (RecoFoldSum){0, 0};
	for (size_t e = first; e < last; e++)
	{
		RecoFoldEvent event = {events->amount[e], events->rating ? events->rating[e] : 0,
							   events->time ? events->time[e] : rule->as_of};

		if (!reco_evaluate_bit(evaluation->keep, e))
			continue;
		any = true;
		reco_fold_add(rule, &event, sum);
	}
	return any;
}

/*
 * The events are folded by the model's own rule, whose clock need not be that of the training part, and in
 * double, as serving does: the lists are those of recommend().  Attributes are those of the model's own encoder.
 */
RecoQuery *
reco_evaluate_query(const RecoEvaluation *evaluation, const RecoContestant *contestant,
					const RecoTestUser *user)
{
	const RecoModel *model = contestant->model;
	const RecoEvents *events = evaluation->events;
	size_t first = user->event_user < 0 ? 0 : evaluation->user_start[user->event_user];
	size_t end = user->event_user < 0 ? 0 : evaluation->user_start[user->event_user + 1];
	RecoEvidence *evidence = palloc0(sizeof(RecoEvidence) * Max(end - first, 1));
	RecoAttributes attributes = {0};
	int n = 0;

	for (size_t last; first < end; first = last)
	{
		int32 training = evaluation->item_of_item[events->item[first]];
		int32 item = training < 0 ? -1 : contestant->of_training[training];
		RecoFoldSum sum;

		last = reco_evaluate_pair_end(events, first);
		if (item >= 0 && fold_pair(evaluation, &model->fold, first, last, &sum))
			evidence[n++] =
				(RecoEvidence){.item = (uint32) item, .weight = sum.weight, .pull = sum.pull, .kind = -1};
	}
	if (model->asks_users)
		attributes = reco_attributes_row(contestant->entry->model != NULL ? contestant->entry->users
																		  : evaluation->user_features,
										 user->source);
	return reco_query_from_evidence(model, evidence, n, &attributes);
}
