/*
 * split.c
 *	  Which events are learned from, and which are kept back to test on.
 *
 * Every split is a function of the keys, the times and the seed: never of the
 * physical order of rows, nor (but for what counts as one of the last items) of
 * the values.  It is made before anything is derived from the events, so that
 * clock, popularity and masks know the training part alone.  Encoders of attributes are fitted before, on all users and
 * items that have events: they know which levels there are, and nothing of who chose what.
 *
 *	random	a pair (user, item) is kept back, with all its events, when
 *			hash(seed, user key, item key) falls below the fraction
 *	time	every event from a moment on is kept back
 *	last	the last n items that a user came to (repeats: came back to) are kept
 *			back, with everything the user did from the first of them on; items
 *			of the same moment are ordered by hash(seed, item key); each user
 *			keeps at least one item
 *	table	the pairs of the caller's relation leave the interactions, all their
 *			events; with repeats, and times on both sides, only the events from
 *			the pair's first time in the relation on
 */
#include "postgres.h"

#include "evaluate/internal.h"
#include "kernel/rng.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

/* Makes the choice of users to learn from another one than that of users to test. */
#define SHARE_SALT 0x73686172

/* When a user came to an item: a total order of the items of one user. */
typedef struct Arrival
{
	TimestampTz time;
	uint64 hash;
	uint32 item;
} Arrival;

size_t
reco_evaluate_pair_end(const RecoEvents *events, size_t first)
{
	size_t last = first + 1;

	while (last < events->n && events->user[last] == events->user[first] &&
		   events->item[last] == events->item[first])
		last++;
	return last;
}

/* first_of_item gives the first of the events from first ... last - 1, of one user, whose item is at least "item". */
static size_t
first_of_item(const RecoEvents *events, size_t first, size_t last, int64 item)
{
	while (first < last)
	{
		size_t middle = first + (last - first) / 2;

		if ((int64) events->item[middle] < item)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

bool
reco_evaluate_find_pair(const RecoEvaluation *evaluation, int64 user, int64 item, size_t *first, size_t *last)
{
	const RecoEvents *events = evaluation->events;
	size_t end = evaluation->user_start[user + 1];

	*first = first_of_item(events, evaluation->user_start[user], end, item);
	if (*first == end || (int64) events->item[*first] != item)
		return false;
	*last = reco_evaluate_pair_end(events, *first);
	return true;
}

static void
drop_events(RecoEvaluation *evaluation, size_t first, size_t last)
{
	for (size_t e = first; e < last; e++)
		reco_evaluate_clear_bit(evaluation->keep, e);
}

/* key_hashes hashes every key of a set with the seed. */
static uint64 *
key_hashes(const RecoKeys *keys, uint64 seed)
{
	uint64 *hash = reco_evaluate_alloc(keys->n, sizeof(uint64));

	for (size_t i = 0; i < keys->n; i++)
	{
		RecoKey key = reco_keys_get(keys, i);

		hash[i] = reco_key_hash(seed, &key);
	}
	return hash;
}

/* split_random keeps back the pairs whose hash, as a number in [0, 1), is below the fraction. */
static void
split_random(RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;
	uint64 seed = evaluation->settings.seed;
	uint64 *of_user = key_hashes(&events->users, seed);
	uint64 *of_item = key_hashes(&events->items, seed);

	for (size_t first = 0, last; first < events->n; first = last)
	{
		uint64 hash = rk_hash_mix(of_user[events->user[first]], of_item[events->item[first]]);

		last = reco_evaluate_pair_end(events, first);
		if (evaluation->settings.has_after && events->time[first] <= evaluation->settings.after)
			continue;
		if ((double) (hash >> 11) * 0x1p-53 < evaluation->settings.fraction)
			drop_events(evaluation, first, last);
	}
	pfree(of_user);
	pfree(of_item);
}

#define ST_SORT sort_times
#define ST_ELEMENT_TYPE TimestampTz
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* time_of_fraction gives the time of the first of the latest events that make up the fraction. */
static TimestampTz
time_of_fraction(const RecoEvents *events, double fraction)
{
	TimestampTz *time = reco_evaluate_alloc(events->n, sizeof(TimestampTz));
	size_t n_test = Max((size_t) (fraction * (double) events->n), 1);
	TimestampTz cut;

	memcpy(time, events->time, sizeof(TimestampTz) * events->n);
	sort_times(time, events->n);
	cut = time[events->n - n_test];
	pfree(time);
	return cut;
}

static void
split_time(RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;

	evaluation->has_cut = true;
	evaluation->cut = evaluation->settings.has_from ? evaluation->settings.from
													: time_of_fraction(events, evaluation->settings.fraction);
	for (size_t e = 0; e < events->n; e++)
		if (events->time[e] >= evaluation->cut)
			reco_evaluate_clear_bit(evaluation->keep, e);
}

static int
compare_arrival(const void *a, const void *b)
{
	const Arrival *x = a;
	const Arrival *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* is_liked says whether any event of a pair speaks for the item. */
static bool
is_liked(const RecoEvents *events, size_t first, size_t last)
{
	for (size_t e = first; e < last; e++)
		if (events->amount[e] > 0)
			return true;
	return false;
}

/* split_last_of_user keeps back the last items of the user whose events are first ... last - 1. */
static void
split_last_of_user(RecoEvaluation *evaluation, size_t first, size_t last, const uint64 *hash,
				   Arrival *arrival)
{
	const RecoEvents *events = evaluation->events;
	size_t n = 0;
	Arrival cut;

	for (size_t start = first, end; start < last; start = end)
	{
		end = reco_evaluate_pair_end(events, start);
		if (is_liked(events, start, end))
			arrival[n++] = (Arrival){events->time[evaluation->settings.repeats ? end - 1 : start],
									 hash[events->item[start]], events->item[start]};
	}
	if (n < 2)
		return;
	qsort(arrival, n, sizeof(Arrival), compare_arrival);
	cut = arrival[n - Min(evaluation->settings.last_n, n - 1)];
	for (size_t e = first; e < last; e++)
	{
		Arrival event = {events->time[e], hash[events->item[e]], events->item[e]};

		if (compare_arrival(&event, &cut) >= 0)
			reco_evaluate_clear_bit(evaluation->keep, e);
	}
}

static void
split_last(RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;
	uint64 *hash = key_hashes(&events->items, evaluation->settings.seed);
	Arrival *arrival = reco_evaluate_alloc(events->items.n, sizeof(Arrival));

	for (size_t user = 0; user < events->users.n; user++)
	{
		split_last_of_user(evaluation, evaluation->user_start[user], evaluation->user_start[user + 1], hash,
						   arrival);
		CHECK_FOR_INTERRUPTS();
	}
	pfree(hash);
	pfree(arrival);
}

/*
 * remove_pair takes a pair of the caller's relation, whose first and earliest
 * event there is test_first, out of the interactions.
 */
static void
remove_pair(RecoEvaluation *evaluation, size_t test_first, int64 user, int64 item)
{
	const RecoEvents *events = evaluation->events;
	const RecoEvents *test = evaluation->source;
	bool later_only = evaluation->settings.repeats && events->time != NULL && test->time != NULL;
	size_t first;
	size_t last;

	if (!reco_evaluate_find_pair(evaluation, user, item, &first, &last))
		return;
	for (size_t e = first; e < last; e++)
		if (!later_only || events->time[e] >= test->time[test_first])
			reco_evaluate_clear_bit(evaluation->keep, e);
}

static void
split_table(RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;
	const RecoEvents *test = evaluation->source;

	for (size_t first = 0, last; first < test->n; first = last)
	{
		RecoKey user_key = reco_keys_get(&test->users, test->user[first]);
		RecoKey item_key = reco_keys_get(&test->items, test->item[first]);
		int64 user = reco_keys_find(&events->users, &user_key);
		int64 item = reco_keys_find(&events->items, &item_key);

		last = reco_evaluate_pair_end(test, first);
		if (user >= 0 && item >= 0)
			remove_pair(evaluation, first, user, item);
		CHECK_FOR_INTERRUPTS();
	}
}

uint8 *
reco_evaluate_keep_share(const RecoEvaluation *evaluation, int share)
{
	const RecoEvents *events = evaluation->events;
	size_t bytes = (events->n + 7) / 8;
	uint8 *keep = reco_evaluate_alloc(bytes, 1);

	memcpy(keep, evaluation->keep, bytes);
	for (size_t user = 0; share < 100 && user < events->users.n; user++)
	{
		RecoKey key = reco_keys_get(&events->users, user);
		uint64 hash = rk_hash_mix(reco_key_hash(evaluation->settings.seed, &key), SHARE_SALT);

		if ((double) (hash >> 11) * 0x1p-53 * 100 < share)
			continue;
		for (size_t e = evaluation->user_start[user]; e < evaluation->user_start[user + 1]; e++)
			reco_evaluate_clear_bit(keep, e);
		CHECK_FOR_INTERRUPTS();
	}
	return keep;
}

/* find_users fills user_start. */
static void
find_users(RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;
	size_t *start = reco_evaluate_alloc(events->users.n + 1, sizeof(size_t));

	for (size_t e = 0; e < events->n; e++)
		start[events->user[e] + 1]++;
	for (size_t user = 0; user < events->users.n; user++)
		start[user + 1] += start[user];
	evaluation->user_start = start;
}

/* count_kept counts events that are left and pairs that lost some. */
static void
count_kept(RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;

	for (size_t first = 0, last; first < events->n; first = last)
	{
		int64 kept = 0;

		last = reco_evaluate_pair_end(events, first);
		for (size_t e = first; e < last; e++)
			kept += reco_evaluate_bit(evaluation->keep, e);
		evaluation->counts.training_events += kept;
		if (kept < (int64) (last - first))
			evaluation->counts.removed_pairs++;
	}
}

static void
raise_nothing_left(const RecoEvaluation *evaluation)
{
	ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("the split leaves no interactions to learn from"),
					errdetail("All %zu usable events fall into the test part.", evaluation->events->n),
					evaluation->settings.split == RECO_SPLIT_TABLE
						? errhint("The test relation must not hold every pair of the interactions.")
					: evaluation->has_cut
						? errhint("Events are tested from %s on: choose another split, or a moment "
								  "with option \"from\".",
								  timestamptz_to_str(evaluation->cut))
						: errhint("Choose a smaller fraction, or another split.")));
}

/* reco_evaluate_split fills user_start, keep and, for a time split, the cut. */
void
reco_evaluate_split(RecoEvaluation *evaluation)
{
	size_t bytes = (evaluation->events->n + 7) / 8;

	find_users(evaluation);
	evaluation->keep = reco_evaluate_alloc(bytes, 1);
	memset(evaluation->keep, 0xFF, bytes);
	switch (evaluation->settings.split)
	{
		case RECO_SPLIT_RANDOM:
			split_random(evaluation);
			break;
		case RECO_SPLIT_LAST:
			split_last(evaluation);
			break;
		case RECO_SPLIT_TIME:
			split_time(evaluation);
			break;
		case RECO_SPLIT_TABLE:
			split_table(evaluation);
			break;
	}
	count_kept(evaluation);
	if (evaluation->counts.training_events == 0)
		raise_nothing_left(evaluation);
}
