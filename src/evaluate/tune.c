/*
 * tune.c
 *	  The search of reco.tune(): which trials, in which order, and what they measure.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"
#include "evaluate/tune.h"
#include "kernel/rng.h"
#include "model/json.h"
#include "parallel/progress.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A rung keeps one setting in so many, and learns from so many times the users. */
#define KEEP_ONE_IN 3

#define MOST_RUNGS 3

/* The least rung learns from so many users at least: fewer say little about what all would bring. */
#define LEAST_USERS 1000

/* A setting that is being tried. */
typedef struct Setting
{
	int place;    /* 0: the present one */
	double value; /* on the rung at hand */
} Setting;

struct RecoSearch
{
	RecoEvaluation *evaluation;
	const RecoAlgorithm *algorithm;
	double budget;
	instr_time begin;
	char digest[17]; /* of all that decides the trials */
	RecoStatistic statistic;
	bool is_error; /* less is better */

	int n_rungs;
	int share[MOST_RUNGS]; /* per cent; the last is 100 */

	/* where the search is */
	bool started; /* the present setting was tried */
	int next_place;
	int rung;
	int n_alive;
	int n_tried; /* on this rung */
	Setting alive[9];

	Jsonb *resolved;       /* options of the present setting, as learned */
	const RecoModel *kept; /* learned last, where the algorithm can make others of it; NULL: none */
	MemoryContext keeps;   /* its */
	Jsonb *kept_resolved;  /* its options */
	RecoTrial trial;       /* at hand */
	RecoTrial present;     /* the present setting's */
	RecoTrial best;        /* learned from all */
	int n_trials;          /* learned by this call */
	int n_recalled;
};

/* mix_bytes mixes an array into a hash. */
static uint64
mix_bytes(uint64 hash, const void *bytes, size_t n, size_t size)
{
	return bytes == NULL ? rk_hash_mix(hash, 0) : rk_hash64(hash, bytes, n * size);
}

static uint64
mix_keys(uint64 hash, const RecoKeys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
	{
		RecoKey key = reco_keys_get(keys, i);

		hash = rk_hash_mix(hash, reco_key_hash(hash, &key));
	}
	return hash;
}

static uint64
mix_json(uint64 hash, Jsonb *json)
{
	return json == NULL ? rk_hash_mix(hash, 1) : rk_hash64(hash, json, VARSIZE(json));
}

/* To be raised when the same settings measure something else than before. */
#define MEASURE 3

/* mix_features mixes attributes as they were encoded. */
static uint64
mix_features(uint64 hash, const RecoFeatures *features)
{
	size_t entries;

	if (features == NULL)
		return rk_hash_mix(hash, 2);
	entries = rk_csr_nnz(&features->matrix);
	hash = mix_bytes(hash, features->matrix.offset, features->matrix.n_rows + 1, sizeof(uint64));
	hash = mix_bytes(hash, features->matrix.index, entries, sizeof(uint32));
	hash = mix_bytes(hash, features->matrix.weight, entries, sizeof(float));
	return mix_bytes(hash, features->found, features->matrix.n_rows, sizeof(bool));
}

/* mix_names mixes a list of columns. */
static uint64
mix_names(uint64 hash, const List *names)
{
	const ListCell *cell;

	foreach (cell, names)
		hash = rk_hash64(hash, lfirst(cell), strlen(lfirst(cell)) + 1);
	return rk_hash_mix(hash, (uint64) list_length(names));
}

/* make_digest hashes the events, attributes included, the definition and the settings. */
static void
make_digest(RecoSearch *search)
{
	const RecoEvaluation *evaluation = search->evaluation;
	const RecoEvents *events = evaluation->events;
	const RecoEvaluateSettings *settings = &evaluation->settings;
	uint64 hash = mix_keys(mix_keys(1, &events->users), &events->items);
	Jsonb *options = reco_evaluate_options_json(evaluation);

	hash = mix_bytes(hash, events->user, events->n, sizeof(*events->user));
	hash = mix_bytes(hash, events->item, events->n, sizeof(*events->item));
	hash = mix_bytes(hash, events->amount, events->n, sizeof(*events->amount));
	hash = mix_bytes(hash, events->rating, events->n, sizeof(*events->rating));
	hash = mix_bytes(hash, events->time, events->n, sizeof(*events->time));
	hash = rk_hash64(hash, &evaluation->definition->half_life, sizeof(double));
	hash = mix_json(mix_json(hash, evaluation->definition->options), options);
	hash = mix_json(hash, settings->ranges);
	hash = rk_hash64(hash, settings->metric, strlen(settings->metric));
	hash = rk_hash64(hash, settings->split_name, strlen(settings->split_name));
	hash =
		rk_hash_mix(rk_hash_mix(hash, settings->has_from), settings->has_from ? (uint64) settings->from : 0);
	hash = rk_hash64(hash, search->algorithm->name, strlen(search->algorithm->name));
	hash = mix_names(mix_names(hash, evaluation->definition->item_features),
					 evaluation->definition->user_features);
	hash = mix_features(mix_features(hash, events->item_features), events->user_features);
	hash = mix_bytes(hash, events->catalogue, events->catalogue == NULL ? 0 : events->items.n, sizeof(bool));
	hash = rk_hash_mix(hash, MEASURE);
	snprintf(search->digest, sizeof(search->digest), "%016llx", (unsigned long long) hash);
}

/* set_measure finds the statistic of the metric that is searched by. */
static void
set_measure(RecoSearch *search)
{
	const RecoEvaluation *evaluation = search->evaluation;
	const char *metric = evaluation->settings.metric;

	search->is_error = strcmp(metric, "rmse") == 0 || strcmp(metric, "mae") == 0;
	if (search->is_error)
	{
		search->statistic.root = strcmp(metric, "rmse") == 0;
		search->statistic.column =
			reco_evaluate_tail(evaluation, search->statistic.root ? RECO_TAIL_SQUARES : RECO_TAIL_ABSOLUTES);
		search->statistic.denominator = reco_evaluate_tail(evaluation, RECO_TAIL_RATINGS);
		return;
	}
	search->statistic.denominator = reco_evaluate_tail(evaluation, RECO_TAIL_RANKED);
	for (int cell = 0; cell < RECO_CELL_NOVELTY; cell++)
		if (strcmp(metric, reco_evaluate_cell_name[cell]) == 0)
			search->statistic.column = reco_evaluate_cell(0, cell);
}

RecoSearch *
reco_tune_read(const RecoTuneRequest *request)
{
	RecoSearch *search = palloc0(sizeof(RecoSearch));
	RecoEvaluateRequest evaluate = {.command = RECO_COMMAND_TUNE,
									.recommender = request->recommender,
									.split = request->split,
									.options = request->options};

	INSTR_TIME_SET_CURRENT(search->begin);
	search->budget = request->budget;
	search->evaluation = reco_evaluate_read(&evaluate);
	search->algorithm = reco_algorithm_find(search->evaluation->definition->algorithm);
	make_digest(search);
	set_measure(search);
	return search;
}

/* prepare splits, and decides the rungs. */
static void
prepare(RecoSearch *search)
{
	RecoEvaluation *evaluation = search->evaluation;
	int shares[MOST_RUNGS] = {11, 33, 100};

	reco_evaluate_prepare(evaluation);
	for (size_t u = 0; u < evaluation->n_users; u++)
		evaluation->user[u].sampled = false;
	/* where one model makes the others, a part of the users saves nothing */
	for (int r = search->algorithm->again != NULL ? MOST_RUNGS - 1 : 0; r < MOST_RUNGS; r++)
		if (shares[r] == 100 || evaluation->data->n_users * shares[r] / 100 >= LEAST_USERS)
			search->share[search->n_rungs++] = shares[r];
}

static double
elapsed(const RecoSearch *search)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, search->begin);
	return INSTR_TIME_GET_DOUBLE(now);
}

/* begin_bracket draws new settings; false when there may be no more. */
static bool
begin_bracket(RecoSearch *search)
{
	int most = search->evaluation->settings.max_trials;
	int n = 1;

	for (int r = 1; r < search->n_rungs; r++)
		n *= KEEP_ONE_IN;
	if (most > 0)
		n = Min(n, most - search->next_place);
	search->rung = 0;
	search->n_tried = 0;
	search->n_alive = Max(n, 0);
	for (int i = 0; i < search->n_alive; i++)
		search->alive[i] = (Setting){.place = search->next_place++};
	return search->n_alive > 0;
}

/* is_better says whether a value is better than another one; NaN, a metric that nobody has, is worse than any. */
static bool
is_better(const RecoSearch *search, double value, double than)
{
	if (isnan(value) || isnan(than))
		return isnan(than) && !isnan(value);
	return search->is_error ? value < than : value > than;
}

/* climb keeps the best settings of a rung, in the order of trying; ties go to the earlier. */
static void
climb(RecoSearch *search)
{
	int keep = (search->n_alive + KEEP_ONE_IN - 1) / KEEP_ONE_IN;
	int n = 0;

	for (int i = 0; i < search->n_alive; i++)
	{
		int above = 0;

		for (int j = 0; j < search->n_alive; j++)
			above += is_better(search, search->alive[j].value, search->alive[i].value) ||
					 (j < i && !is_better(search, search->alive[i].value, search->alive[j].value));
		search->alive[i].place = above < keep ? search->alive[i].place : -1;
	}
	for (int i = 0; i < search->n_alive; i++)
		if (search->alive[i].place >= 0)
			search->alive[n++] = search->alive[i];
	search->n_alive = n;
	search->n_tried = 0;
	search->rung++;
}

bool
reco_tune_choose(RecoSearch *search)
{
	if (search->n_rungs == 0)
		prepare(search);
	if (!search->started)
	{
		search->trial = (RecoTrial){.place = 0, .share = 100};
		return true;
	}
	while (search->n_tried == search->n_alive)
	{
		if (search->n_alive > 0 && search->rung + 1 < search->n_rungs)
			climb(search);
		else if (!begin_bracket(search))
			return false;
	}
	search->trial =
		(RecoTrial){.place = search->alive[search->n_tried].place, .share = search->share[search->rung]};
	return true;
}

/* range_of gives the range of an option: the call's, or the algorithm's. */
static RecoTuning
range_of(const RecoSearch *search, const RecoTuning *tuning)
{
	RecoTuning range = *tuning;

	reco_evaluate_range(search->evaluation->settings.ranges, &range);
	return range;
}

/* present_number gives a number among the resolved options of the present setting; NaN when it is none. */
static double
present_number(const RecoSearch *search, const char *name)
{
	JsonbValue key = {.type = jbvString, .val.string = {(int) strlen(name), (char *) name}};
	JsonbValue *value = findJsonbValueFromContainer(&search->resolved->root, JB_FOBJECT, &key);

	if (value == NULL || value->type != jbvNumeric)
		return NAN;
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* rounded rounds to four digits, so that settings can be read and written again. */
static double
rounded(double value)
{
	return strtod(psprintf("%.4g", value), NULL);
}

/* draw_choice adds one of "a|b|c". */
static void
draw_choice(RecoJson *json, const RecoTuning *range, double uniform, RecoOptionType type)
{
	char *text = pstrdup(range->choice);
	int n = 1;
	char *piece;

	for (char *c = text; *c != '\0'; c++)
		n += *c == '|';
	piece = strtok(text, "|");
	for (int skip = Min((int) (uniform * n), n - 1); skip > 0; skip--)
		piece = strtok(NULL, "|");
	if (type == RECO_OPTION_STRING || type == RECO_OPTION_CHOICE)
		reco_json_string(json, range->option, piece);
	else if (type == RECO_OPTION_BOOLEAN)
		reco_json_boolean(json, range->option, strcmp(piece, "true") == 0);
	else
		reco_json_number(json, range->option, strtod(piece, NULL));
}

/* draw_number adds a number of the range, within what the option takes. */
static void
draw_number(RecoJson *json, const RecoTuning *range, double uniform, const RecoOption *option, double present)
{
	double value = range->scale == RECO_TUNE_LINEAR ? range->low + uniform * (range->high - range->low)
													: range->low * pow(range->high / range->low, uniform);

	if (range->scale == RECO_TUNE_TIMES)
		value *= present;
	value = option->type == RECO_OPTION_INTEGER ? rint(value) : rounded(value);
	value = Max(option->minimum, Min(option->maximum, value));
	if (option->type == RECO_OPTION_INTEGER)
		reco_json_integer(json, range->option, (int64) value);
	else
		reco_json_number(json, range->option, value);
}

/* draw_each adds an object with a number for each member of the present setting. */
static void
draw_each(const RecoSearch *search, RecoJson *json, const RecoTuning *range, RkRng *rng)
{
	JsonbValue *members =
		getKeyJsonValueFromContainer(&search->resolved->root, "members", (int) strlen("members"), NULL);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (members == NULL || members->type != jbvBinary)
		elog(ERROR, "the options of a model to tune have no members");
	reco_json_begin_object(json, range->option);
	iterator = JsonbIteratorInit(members->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY)
			reco_json_number(json, pnstrdup(value.val.string.val, value.val.string.len),
							 rounded(range->low * pow(range->high / range->low, rk_rng_uniform(rng))));
	reco_json_end_object(json);
}

/* draw gives the options of a setting: nothing for the present one. */
static Jsonb *
draw(const RecoSearch *search, int place)
{
	const RecoAlgorithm *algorithm = search->algorithm;
	RecoJson json;
	RkRng rng;

	if (place == 0)
		return NULL;
	rk_rng_seed(&rng, rk_hash_mix(search->evaluation->settings.seed, (uint64) place));
	reco_json_begin(&json);
	for (int t = 0; t < algorithm->n_tuning; t++)
	{
		RecoTuning range = range_of(search, &algorithm->tuning[t]);
		const RecoOption *option =
			&algorithm->option[reco_option_find(algorithm->option, algorithm->n_options, range.option)];
		double uniform = rk_rng_uniform(&rng);
		double present = present_number(search, range.option);

		if (range.scale == RECO_TUNE_EACH)
			draw_each(search, &json, &range, &rng);
		else if (range.scale == RECO_TUNE_CHOICE)
			draw_choice(&json, &range, uniform, option->type);
		else if (range.scale != RECO_TUNE_TIMES || present > 0)
			draw_number(&json, &range, uniform, option, present);
	}
	return reco_json_end(&json);
}

/* settle takes note of the trial at hand, whose values are there. */
static void
settle(RecoSearch *search)
{
	RecoTrial *trial = &search->trial;

	if (!search->started)
	{
		search->started = true;
		search->next_place = 1;
		search->present = search->best = *trial;
		search->resolved = trial->resolved;
		return;
	}
	search->alive[search->n_tried++].value = trial->value;
	if (trial->share == 100 && is_better(search, trial->value, search->best.value))
		search->best = *trial;
}

bool
reco_tune_recall(RecoSearch *search)
{
	if (!reco_catalog_find_trial(search->evaluation->definition, search->digest, &search->trial))
		return false;
	search->n_recalled++;
	settle(search);
	return true;
}

/* sum_up fills the value of the trial at hand, its interval and its values over the resamples; in "outer". */
static void
sum_up(RecoSearch *search, const RecoTally *tally, MemoryContext outer)
{
	RecoTrial *trial = &search->trial;
	int n = search->evaluation->settings.resamples;
	double *sorted = reco_evaluate_alloc(n, sizeof(double));
	RecoSums all = reco_evaluate_sums(tally, RECO_GROUP_ALL);

	trial->n_resampled = n;
	trial->resampled = MemoryContextAllocZero(outer, sizeof(double) * Max(n, 1));
	trial->value = reco_evaluate_statistic(&search->statistic, &all);
	reco_evaluate_resampled(&search->statistic, &all, (size_t) n, trial->resampled);
	memcpy(sorted, trial->resampled, sizeof(double) * n);
	reco_evaluate_interval(sorted, (size_t) n, &trial->low, &trial->high);
	pfree(sorted);
	reco_evaluate_free_sums(&all);
}

/* compare_trial fills how the trial at hand differs from the present setting, both learned from all. */
static void
compare_trial(RecoSearch *search)
{
	RecoTrial *trial = &search->trial;
	double *difference;

	trial->gain = trial->gain_low = trial->gain_high = NAN;
	if (trial->place == 0 || trial->share < 100)
		return;
	difference = palloc(sizeof(double) * Max(trial->n_resampled, 1));
	trial->gain = trial->value - search->present.value;
	for (int r = 0; r < trial->n_resampled; r++)
		difference[r] = trial->resampled[r] - search->present.resampled[r];
	reco_evaluate_interval(difference, (size_t) trial->n_resampled, &trial->gain_low, &trial->gain_high);
	pfree(difference);
}

/* again gives the model of a setting, made of the one that is kept; NULL: it must be learned. */
static const RecoModel *
again(const RecoSearch *search, Jsonb *drawn)
{
	const RecoAlgorithm *algorithm = search->algorithm;
	Jsonb *objects[] = {reco_model_options(search->evaluation->definition), drawn};

	if (search->kept == NULL)
		return NULL;
	return algorithm->again(search->kept, reco_model_parse_options(algorithm, objects, lengthof(objects)));
}

/* keep keeps a learned model and all that is in its context, in place of the one before, where others can be made of it. */
static void
keep(RecoSearch *search, const RecoContestant *contestant, MemoryContext each)
{
	if (search->algorithm->again == NULL)
	{
		MemoryContextDelete(each);
		return;
	}
	if (search->keeps != NULL)
		MemoryContextDelete(search->keeps);
	search->keeps = each;
	search->kept = contestant->model;
	search->kept_resolved = search->trial.resolved;
}

bool
reco_tune_try(RecoSearch *search)
{
	MemoryContext outer = CurrentMemoryContext;
	RecoEvaluation *evaluation = search->evaluation;
	RecoTrial *trial = &search->trial;
	RecoEntry entry = {.name = evaluation->definition->algorithm,
					   .ranker = RECO_RANKER_MODEL,
					   .definition = evaluation->definition,
					   .share = trial->share};
	double begin = elapsed(search);
	RecoContestant *contestant;
	MemoryContext each;

	if (search->started && begin >= search->budget)
		return false;
	trial->drawn = entry.options = draw(search, trial->place);
	each = AllocSetContextCreate(outer, "reco tune: one trial", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(each);
	entry.model = again(search, trial->drawn);
	contestant = reco_evaluate_contest(evaluation, &entry, outer);
	trial->seconds = elapsed(search) - begin;
	MemoryContextSwitchTo(outer);
	trial->resolved =
		entry.model == NULL
			? evaluation->learned_options
			: DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(search->kept_resolved),
												 JsonbPGetDatum(trial->drawn)));
	MemoryContextSwitchTo(each);
	reco_evaluate_measure(evaluation, contestant);
	sum_up(search, contestant->tally, outer);
	MemoryContextSwitchTo(outer);
	if (entry.model == NULL)
		keep(search, contestant, each);
	else
		MemoryContextDelete(each);
	compare_trial(search);
	search->n_trials++;
	return true;
}

void
reco_tune_store(RecoSearch *search)
{
	const RecoEvaluateSettings *settings = &search->evaluation->settings;

	search->trial.metric = settings->metric;
	search->trial.k = search->is_error ? 0 : (int) settings->k[0];
	search->trial.id =
		reco_catalog_insert_trial(search->evaluation->definition, search->digest, &search->trial);
	settle(search);
}

int64
reco_tune_announce(RecoSearch *search)
{
	const RecoTrial *best = &search->best;
	const RecoTrial *present = &search->present;
	const char *name = search->evaluation->definition->name;
	const char *metric = search->is_error ? search->evaluation->settings.metric
										  : psprintf("%s@%zu", search->evaluation->settings.metric,
													 search->evaluation->settings.k[0]);

	reco_progress_end();
	if (best->id == present->id)
	{
		ereport(NOTICE,
				(errmsg("tuning of \"%s\": %d trials, %d recalled; none is better than the present options",
						name, search->n_trials, search->n_recalled),
				 errdetail("Their %s is %.4f.", metric, present->value),
				 errhint("Trials are in reco.trials; call again to go on.")));
		return 0;
	}
	ereport(
		NOTICE,
		(errmsg("tuning of \"%s\": %d trials, %d recalled; trial %lld is best", name, search->n_trials,
				search->n_recalled, (long long) best->id),
		 errdetail("Its %s is %.4f, that of the present options %.4f; the difference %.4f has the interval "
				   "%.4f to %.4f, on the rows that chose it, which flatters it.",
				   metric, best->value, present->value, best->gain, best->gain_low, best->gain_high),
		 errhint(
			 "SELECT reco.apply_trial(%lld) makes its options those of the recommender; call again to go on.",
			 (long long) best->id)));
	return best->id;
}
