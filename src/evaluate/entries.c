/*
 * entries.c
 *	  What an evaluation measures, one entry each.
 *
 *	evaluate		the recommender, and baselines
 *	compare			the recommender, the models of the call, and baselines
 *	learning_curve	the recommender from each share of the training users, and baselines
 *
 * An element of models is a string, the name of an algorithm or else of a
 * recommender, or an object:
 *
 *		{"algorithm": "als", "options": {...}}	options over the algorithm's defaults
 *		{"recommender": "other", "options": {...}}	its algorithm, options over its own
 *		{"options": {...}}						options over those of the recommender compared
 *
 * each with a "name" if wanted.  All learn from the same rows: of another
 * recommender only algorithm and options are taken.
 */
#include "postgres.h"

#include "compat.h"
#include "evaluate/internal.h"
#include "utils/builtins.h"

/* Positions in model_option. */
enum
{
	MODEL_NAME,
	MODEL_ALGORITHM,
	MODEL_RECOMMENDER,
	MODEL_OPTIONS,
	N_MODEL_OPTIONS
};

static const RecoOption model_option[N_MODEL_OPTIONS] = {
	[MODEL_NAME] = {"name", RECO_OPTION_STRING, true, 0, NULL, 0, 0, false,
					"What the report calls the model."},
	[MODEL_ALGORITHM] = {"algorithm", RECO_OPTION_STRING, true, 0, NULL, 0, 0, false,
						 "An algorithm, with its default options."},
	[MODEL_RECOMMENDER] = {"recommender", RECO_OPTION_STRING, true, 0, NULL, 0, 0, false,
						   "Another recommender, whose algorithm and options are measured."},
	[MODEL_OPTIONS] = {"options", RECO_OPTION_OBJECT, true, 0, NULL, 0, 0, false,
					   "Options of learning over those."},
};

/* What an evaluation adds to the models, and calls so. */
static const char *const baseline_name[] = {"popularity", "random", "item mean", "global mean"};

#define MOST_BASELINES lengthof(baseline_name)

/* unique_name gives the name, with a number where an earlier entry has it. */
static char *
unique_name(const RecoEvaluation *evaluation, const char *name)
{
	char *unique = pstrdup(name);
	int number = 1;

	for (int e = 0; e < evaluation->n_entries; e++)
		if (strcmp(evaluation->entry[e].name, unique) == 0)
		{
			unique = psprintf("%s, %d", name, ++number);
			e = -1;
		}
	return unique;
}

static void
add(RecoEvaluation *evaluation, const char *name, RecoEntry entry)
{
	entry.name = unique_name(evaluation, name);
	evaluation->entry[evaluation->n_entries++] = entry;
}

/* with gives the definition compared with another algorithm and options. */
static RecoDefinition *
with(const RecoEvaluation *evaluation, const char *algorithm, Jsonb *options)
{
	RecoDefinition *definition = palloc(sizeof(RecoDefinition));

	*definition = *evaluation->definition;
	definition->algorithm = pstrdup(algorithm);
	definition->options = options;
	return definition;
}

static bool
is_algorithm(const char *name)
{
	int n;
	const char *const *known = reco_algorithm_names(&n);

	for (int a = 0; a < n; a++)
		if (strcmp(name, known[a]) == 0)
			return true;
	return false;
}

/* other_recommender finds a recommender that the caller may use. */
static const RecoDefinition *
other_recommender(const char *name)
{
	const RecoDefinition *other = reco_catalog_find(name);

	if (!reco_catalog_may_use(&other->key))
		reco_catalog_require_reader(other);
	return other;
}

/* add_model adds a learned model; algorithm and recommender may both be NULL, for the one compared. */
static void
add_model(RecoEvaluation *evaluation, const char *name, const char *algorithm, const char *recommender,
		  Jsonb *options)
{
	const RecoDefinition *other =
		recommender != NULL ? other_recommender(recommender) : evaluation->definition;
	RecoEntry entry = {.ranker = RECO_RANKER_MODEL, .options = options, .share = 100};

	if (algorithm != NULL)
	{
		(void) reco_algorithm_find(algorithm);
		entry.definition = with(evaluation, algorithm, NULL);
	}
	else
		entry.definition = with(evaluation, other->algorithm, reco_evaluate_copy_json(other->options));
	reco_model_check_feedback(entry.definition->algorithm, evaluation->definition->explicit_feedback);
	if (options != NULL)
		reco_model_check_options(entry.definition->algorithm, options);
	if (name == NULL && algorithm == NULL && (options == NULL || recommender != NULL))
		name = psprintf("%s (%s)", other->algorithm, other->name);
	if (name == NULL)
		name = entry.definition->algorithm;
	if (options != NULL && name == entry.definition->algorithm)
		name = psprintf("%s %s", name, JsonbToCString(NULL, &options->root, VARSIZE(options)));
	add(evaluation, name, entry);
}

/* check_name refuses to call a model nothing, or what the report calls a baseline. */
static void
check_name(const char *name)
{
	if (name != NULL && name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the name of a model cannot be empty"),
				 errhint("Choose another name, or leave it out.")));
	for (size_t b = 0; name != NULL && b < MOST_BASELINES; b++)
		if (strcmp(name, baseline_name[b]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a model cannot be named \"%s\"", name),
					 errdetail("That is what the report calls a baseline."),
					 errhint("Choose another name, or leave it out.")));
}

static void
add_object(RecoEvaluation *evaluation, Jsonb *object)
{
	RecoOptionValue *value = reco_options_parse(model_option, N_MODEL_OPTIONS, &object, 1);

	if (value[MODEL_ALGORITHM].is_set && value[MODEL_RECOMMENDER].is_set)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a model cannot have both \"algorithm\" and \"recommender\""),
				 errhint("Give the algorithm with its options, or the recommender to take them from.")));
	check_name(value[MODEL_NAME].string);
	add_model(evaluation, value[MODEL_NAME].string, value[MODEL_ALGORITHM].string,
			  value[MODEL_RECOMMENDER].string, value[MODEL_OPTIONS].object);
}

pg_noreturn static void raise_models(void);

static void
raise_models(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("models must be a JSON array of models"),
			 errdetail("A model is the name of an algorithm or of a recommender, or an object."),
			 errhint("For example '[\"als\", {\"algorithm\": \"als\", \"options\": {\"factors\": 128}}]'.")));
}

/* add_models adds what the call names. */
static void
add_models(RecoEvaluation *evaluation, Jsonb *models)
{
	JsonbIterator *iterator = JsonbIteratorInit(&models->root);
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *name;

		if (token != WJB_ELEM)
			continue;
		if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
		{
			add_object(evaluation, JsonbValueToJsonb(&value));
			continue;
		}
		if (value.type != jbvString)
			raise_models();
		name = pnstrdup(value.val.string.val, value.val.string.len);
		if (is_algorithm(name))
			add_model(evaluation, NULL, name, NULL, NULL);
		else
			add_model(evaluation, NULL, NULL, name, NULL);
	}
}

/*
 * is_worth_trying says whether an algorithm can learn from these interactions (the right feedback, and times where it
 * has a half-life of its own), and is not the baseline of popularity under another name.
 */
static bool
is_worth_trying(const RecoDefinition *definition, const RecoAlgorithm *algorithm)
{
	if (algorithm->implicit_only && definition->explicit_feedback)
		return false;
	for (int o = 0; o < algorithm->n_options; o++)
		if (strcmp(algorithm->option[o].name, RECO_OPTION_HALF_LIFE) == 0 && definition->time.name == NULL)
			return false;
	return strcmp(algorithm->name, "popular") != 0;
}

/* add_every_algorithm adds each algorithm that is worth trying but that of the recommender, with its defaults. */
static void
add_every_algorithm(RecoEvaluation *evaluation)
{
	int n;
	const char *const *name = reco_algorithm_names(&n);

	for (int a = 0; a < n; a++)
		if (strcmp(name[a], evaluation->definition->algorithm) != 0 &&
			is_worth_trying(evaluation->definition, reco_algorithm_find(name[a])))
			add_model(evaluation, NULL, name[a], NULL, NULL);
}

static void
add_baselines(RecoEvaluation *evaluation)
{
	add(evaluation, "popularity", (RecoEntry){.ranker = RECO_RANKER_POPULARITY});
	if (evaluation->settings.command == RECO_COMMAND_COMPARE)
		add(evaluation, "random", (RecoEntry){.ranker = RECO_RANKER_RANDOM});
	if (!evaluation->definition->explicit_feedback)
		return;
	add(evaluation, "item mean", (RecoEntry){.ranker = RECO_RANKER_ITEM_MEAN});
	add(evaluation, "global mean", (RecoEntry){.ranker = RECO_RANKER_GLOBAL_MEAN});
}

/* add_shares adds the recommender from each share of the training users. */
static void
add_shares(RecoEvaluation *evaluation)
{
	const RecoEvaluateSettings *settings = &evaluation->settings;

	for (int s = 0; s < settings->n_shares; s++)
		add(evaluation, psprintf("%s, %zu %%", evaluation->definition->algorithm, settings->share[s]),
			(RecoEntry){.ranker = RECO_RANKER_MODEL,
						.definition = evaluation->definition,
						.options = settings->model_options,
						.share = (int) settings->share[s]});
}

static int
count_models(Jsonb *models)
{
	int n;

	if (models == NULL)
	{
		(void) reco_algorithm_names(&n);
		return n;
	}
	if (!JB_ROOT_IS_ARRAY(models) || JB_ROOT_IS_SCALAR(models))
		raise_models();
	return (int) JB_ROOT_COUNT(models);
}

/*
 * reco_evaluate_enter fills the entries.  Errors: ERRCODE_INVALID_PARAMETER_VALUE for
 * models that are no array of models, ERRCODE_UNDEFINED_OBJECT for an unknown
 * algorithm or recommender, those of options.
 */
void
reco_evaluate_enter(RecoEvaluation *evaluation, Jsonb *models)
{
	const RecoEvaluateSettings *settings = &evaluation->settings;
	RecoDefinition *definition = evaluation->definition;
	int most = 1 + MOST_BASELINES + settings->n_shares + count_models(models);

	evaluation->entry = palloc0(sizeof(RecoEntry) * most);
	evaluation->result = palloc0(sizeof(RecoResult) * most);
	switch (settings->command)
	{
		case RECO_COMMAND_EVALUATE:
			add(evaluation, definition->algorithm,
				(RecoEntry){.ranker = RECO_RANKER_MODEL,
							.definition = definition,
							.options = settings->model_options,
							.share = 100});
			break;
		case RECO_COMMAND_COMPARE:
			add_model(evaluation, NULL, NULL, NULL, NULL);
			if (models != NULL)
				add_models(evaluation, models);
			else
				add_every_algorithm(evaluation);
			break;
		case RECO_COMMAND_CURVE:
			add_shares(evaluation);
			break;
		case RECO_COMMAND_TUNE:
			return;
	}
	add_baselines(evaluation);
}
