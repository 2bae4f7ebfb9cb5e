/*
 * settings.c
 *	  Checks the arguments and options of the commands that measure.
 */
#include "postgres.h"

#include "evaluate/internal.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Positions in evaluate_option. */
enum
{
	OPTION_K,
	OPTION_FRACTION,
	OPTION_LAST_N,
	OPTION_FROM,
	OPTION_SEED,
	OPTION_RESAMPLES,
	OPTION_USERS,
	OPTION_SAMPLE_USERS,
	OPTION_MODEL,
	OPTION_SHARES,
	OPTION_METRIC,
	OPTION_TRIALS,
	OPTION_RANGES,
	N_OPTIONS
};

#define DEFAULT_FRACTION 0.2

static const RecoOption evaluate_option[N_OPTIONS] = {
	[OPTION_K] = {"k", RECO_OPTION_INTEGERS, false, 0, "5,10,20", 1, 1000, false,
				  "Lengths of the lists that are measured."},
	[OPTION_FRACTION] =
		{"fraction", RECO_OPTION_NUMBER, true, 0, NULL, 0, 0.99, true,
		 "Share of the pairs (split random) or of the events (split time) to test on; default 0.2."},
	[OPTION_LAST_N] = {"last_n", RECO_OPTION_INTEGER, true, 0, NULL, 1, 1000, false,
					   "How many items of each user to test on (split last); default 1."},
	[OPTION_FROM] = {"from", RECO_OPTION_STRING, true, 0, NULL, 0, 0, false,
					 "First moment of the test part (split time), instead of a fraction."},
	[OPTION_SEED] =
		{"seed", RECO_OPTION_INTEGER, false, 42, NULL, 0, 2147483647, false,
		 "Seed of the split, of the order among equal scores, of the sample of users and of the bootstrap."},
	[OPTION_RESAMPLES] = {"resamples", RECO_OPTION_INTEGER, false, 1000, NULL, 0, 10000, false,
						  "Bootstrap samples of the intervals; 0 gives no intervals."},
	[OPTION_USERS] = {"users", RECO_OPTION_INTEGER, false, 0, NULL, 0, 2147483647, false,
					  "Test at most so many users, chosen by a hash; 0 tests all."},
	[OPTION_SAMPLE_USERS] =
		{"sample_users", RECO_OPTION_INTEGER, false, 1000, NULL, 0, 2147483647, false,
		 "Measure AUC and diversity, which cost most, on at most so many of the test users, chosen by a hash; 0: on all."},
	[OPTION_MODEL] = {"model", RECO_OPTION_OBJECT, true, 0, NULL, 0, 0, false,
					  "Options of learning for this call, for example {\"factors\": 32}."},
	[OPTION_SHARES] = {"shares", RECO_OPTION_INTEGERS, false, 0, "10,20,30,40,50,60,70,80,90,100", 1, 100,
					   false, "Per cent of the training users to learn from, one version each."},
	[OPTION_METRIC] =
		{"metric", RECO_OPTION_STRING, true, 0, NULL, 0, 0, false,
		 "What settings are chosen by: ndcg (the default), recall, precision, f1, map, mrr or hit_rate; rmse (the default) or mae too for explicit feedback."},
	[OPTION_TRIALS] = {"trials", RECO_OPTION_INTEGER, false, 0, NULL, 0, 1000000, false,
					   "Settings to try, the present one included; 0: as many as the budget allows."},
	[OPTION_RANGES] =
		{"ranges", RECO_OPTION_OBJECT, true, 0, NULL, 0, 0, false,
		 "What to search instead of what the algorithm declares, for example {\"factors\": [16, 64]}."},
};

/* The commands that take an option; 0: all of them. */
static const int takers[N_OPTIONS] = {
	[OPTION_MODEL] = 1 << RECO_COMMAND_EVALUATE | 1 << RECO_COMMAND_CURVE,
	[OPTION_SHARES] = 1 << RECO_COMMAND_CURVE,
	[OPTION_SAMPLE_USERS] = 1 << RECO_COMMAND_EVALUATE | 1 << RECO_COMMAND_COMPARE | 1 << RECO_COMMAND_CURVE,
	[OPTION_METRIC] = 1 << RECO_COMMAND_TUNE,
	[OPTION_TRIALS] = 1 << RECO_COMMAND_TUNE,
	[OPTION_RANGES] = 1 << RECO_COMMAND_TUNE,
};

static const char *const split_names[] = {"random", "last", "time"};

static RecoSplit
parse_split(const char *name)
{
	const char *nearest;

	for (size_t s = 0; s < lengthof(split_names); s++)
		if (strcmp(name, split_names[s]) == 0)
			return (RecoSplit) s;
	nearest = reco_nearest_name(name, split_names, lengthof(split_names));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown split \"%s\"", name),
					nearest ? errhint("Perhaps you meant \"%s\".", nearest)
							: errhint("The splits are random, last and time; or pass a relation as test.")));
}

static int
compare_size(const void *a, const void *b)
{
	size_t x = *(const size_t *) a;
	size_t y = *(const size_t *) b;

	return x < y ? -1 : x > y;
}

/* take_increasing gives the integers of an option in increasing order, each once, and their number. */
static int
take_increasing(const RecoOptionValue *value, size_t **out)
{
	size_t *number = palloc(sizeof(size_t) * value->n);
	int n = 0;

	for (int i = 0; i < value->n; i++)
		number[i] = (size_t) value->integer[i];
	qsort(number, value->n, sizeof(size_t), compare_size);
	for (int i = 0; i < value->n; i++)
		if (n == 0 || number[i] != number[n - 1])
			number[n++] = number[i];
	*out = number;
	return n;
}

/* forbid raises for an option that the split does not look at. */
static void
forbid(const RecoOptionValue *value, int option, const char *split)
{
	if (value[option].is_set)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("option \"%s\" has no meaning with %s", evaluate_option[option].name, split),
						errhint("%s", evaluate_option[option].help)));
}

static void
take_split_options(const RecoOptionValue *value, RecoEvaluateSettings *settings)
{
	const char *split = settings->split == RECO_SPLIT_TABLE ? "a test relation"
															: psprintf("split \"%s\"", settings->split_name);

	if (settings->split != RECO_SPLIT_RANDOM && settings->split != RECO_SPLIT_TIME)
		forbid(value, OPTION_FRACTION, split);
	if (settings->split != RECO_SPLIT_LAST)
		forbid(value, OPTION_LAST_N, split);
	if (settings->split != RECO_SPLIT_TIME)
		forbid(value, OPTION_FROM, split);
	if (value[OPTION_FROM].is_set && value[OPTION_FRACTION].is_set)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"fraction\" and \"from\" exclude each other"),
				 errhint("Give the share of the events to test on, or the moment from which to test.")));
	settings->fraction = value[OPTION_FRACTION].is_set ? value[OPTION_FRACTION].number : DEFAULT_FRACTION;
	settings->last_n = value[OPTION_LAST_N].is_set ? (size_t) value[OPTION_LAST_N].number : 1;
	settings->has_from = value[OPTION_FROM].is_set;
	if (settings->has_from)
		settings->from = DatumGetTimestampTz(
			reco_option_input(timestamptz_in, value[OPTION_FROM].string,
							  "Option \"from\" is a moment, as in \"2024-06-01 00:00+00\"."));
}

/*
 * parse_options gives a value an option of the whole table; those that the command does not take are
 * unknown to it, and stay unset.
 */
static RecoOptionValue *
parse_options(RecoEvaluateCommand command, Jsonb *options)
{
	RecoOption taken[N_OPTIONS];
	int position[N_OPTIONS];
	RecoOptionValue *all = palloc0(sizeof(RecoOptionValue) * N_OPTIONS);
	RecoOptionValue *value;
	int n = 0;

	for (int o = 0; o < N_OPTIONS; o++)
	{
		if (takers[o] != 0 && (takers[o] >> command & 1) == 0)
			continue;
		position[n] = o;
		taken[n++] = evaluate_option[o];
	}
	value = reco_options_parse(taken, n, &options, 1);
	for (int o = 0; o < n; o++)
		all[position[o]] = value[o];
	return all;
}

/* check_split raises unless the split and the definition go together. */
static void
check_split(const RecoEvaluateRequest *request, const RecoDefinition *definition,
			RecoEvaluateSettings *settings)
{
	settings->split = parse_split(request->split);
	settings->split_name = split_names[settings->split];
	if (OidIsValid(request->test))
	{
		if (settings->split != RECO_SPLIT_RANDOM)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("split \"%s\" and a test relation exclude each other", settings->split_name),
					 errhint("Leave out one of split and test.")));
		if (request->test == definition->interactions.relid)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the test relation is the interactions relation of recommender \"%s\"",
							definition->name),
					 errdetail("Its pairs are taken out of the interactions, so nothing would be left to "
							   "learn from."),
					 errhint("Leave out test to have a part of the interactions chosen by a split.")));
		settings->split = RECO_SPLIT_TABLE;
		settings->split_name = "test";
	}
	if ((settings->split == RECO_SPLIT_LAST || settings->split == RECO_SPLIT_TIME) &&
		definition->time.name == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("split \"%s\" needs a time column", settings->split_name),
						errdetail("Recommender \"%s\" maps none.", definition->name),
						errhint("Name one with reco.alter_recommender(%s, time_column => ...), or use split "
								"\"random\".",
								quote_literal_cstr(definition->name))));
}

/* take_metric fills what settings are chosen by. */
static void
take_metric(const char *metric, bool explicit_feedback, RecoEvaluateSettings *settings)
{
	bool known =
		explicit_feedback && metric != NULL && (strcmp(metric, "rmse") == 0 || strcmp(metric, "mae") == 0);

	settings->metric = metric != NULL ? metric : explicit_feedback ? "rmse" : "ndcg";
	for (int cell = 0; cell < RECO_CELL_NOVELTY; cell++)
		known = known || (metric != NULL && strcmp(metric, reco_evaluate_cell_name[cell]) == 0);
	if (metric != NULL && !known)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("option \"metric\" cannot be \"%s\"", metric),
						errhint("%s", evaluate_option[OPTION_METRIC].help)));
}

/* take_search fills the settings of a search. */
static void
take_search(const RecoOptionValue *value, const RecoDefinition *definition, RecoEvaluateSettings *settings)
{
	const RecoAlgorithm *algorithm = reco_algorithm_find(definition->algorithm);

	if (algorithm->n_tuning == 0)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("algorithm \"%s\" declares nothing to search", algorithm->name),
						errhint("Compare settings of your own with reco.compare().")));
	take_metric(value[OPTION_METRIC].string, definition->explicit_feedback, settings);
	settings->max_trials = (int) value[OPTION_TRIALS].number;
	settings->ranges = value[OPTION_RANGES].object;
	reco_evaluate_check_ranges(algorithm, settings->ranges);
	settings->k += settings->n_k - 1;
	settings->n_k = 1;
}

/*
 * reco_evaluate_check checks a request against a definition and fills the
 * settings.  Errors: ERRCODE_INVALID_PARAMETER_VALUE for an unknown or useless
 * option, an unknown split, and a split without the time column it needs.
 */
void
reco_evaluate_check(const RecoEvaluateRequest *request, const RecoDefinition *definition,
					RecoEvaluateSettings *settings)
{
	RecoOptionValue *value;

	memset(settings, 0, sizeof(*settings));
	settings->command = request->command;
	check_split(request, definition, settings);
	value = parse_options(request->command, request->options);
	settings->model_options = value[OPTION_MODEL].object;
	if (settings->model_options != NULL)
		reco_model_check_options(definition->algorithm, settings->model_options);
	settings->n_k = take_increasing(&value[OPTION_K], &settings->k);
	take_split_options(value, settings);
	if (value[OPTION_SHARES].is_set)
		settings->n_shares = take_increasing(&value[OPTION_SHARES], &settings->share);
	settings->repeats = request->repeats;
	settings->seed = (uint64) value[OPTION_SEED].number;
	settings->resamples = (int) value[OPTION_RESAMPLES].number;
	settings->max_users = (size_t) value[OPTION_USERS].number;
	if (request->command == RECO_COMMAND_TUNE)
		take_search(value, definition, settings);
	settings->sample_users = (size_t) value[OPTION_SAMPLE_USERS].number;
}
