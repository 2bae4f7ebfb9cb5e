/*
 * learn.c
 *	  The learning of one version, whatever the algorithm: fold, learn, and add
 *	  what every version has (tensors.h).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "model/model.h"
#include "model/tensors.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Common tensors of a version, at most: those that are added here, three of people and reviews, the link, and three of boards. */
#define COMMON_TENSORS 19

void
reco_learn_check(RkStatus status)
{
	switch (status)
	{
		case RK_OK:
			return;
		case RK_CANCELLED:
			CHECK_FOR_INTERRUPTS();
			elog(ERROR, "a kernel was cancelled without an interrupt");
		case RK_NOT_POSITIVE_DEFINITE:
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("a least-squares system is not positive definite"),
							errdetail("Its weights are too large beside lambda, even in double precision."),
							errhint("Set a larger \"lambda\" in options, or smaller event weights.")));
		case RK_NON_FINITE:
			ereport(
				ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("learning gave values that are not finite"),
				 errhint(
					 "Look for extreme values in the value column, or set a larger \"lambda\" in options.")));
		default:
			elog(ERROR, "kernel failed with status %d", (int) status);
	}
}

static void *
allocate_in_area(void *state, Size bytes)
{
	return reco_area_alloc(state, bytes);
}

/* An item and how many users chose it, for sorting. */
typedef struct Popularity
{
	uint32 item;
	uint32 users;
	bool seen; /* has a row */
} Popularity;

static int
compare_popularity(const void *a, const void *b)
{
	const Popularity *x = a;
	const Popularity *y = b;

	if (x->users != y->users)
		return x->users > y->users ? -1 : 1;
	if (x->seen != y->seen)
		return x->seen ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

int32 *
reco_learn_popular(const RecoDataset *data)
{
	Popularity *count = palloc_extended(sizeof(Popularity) * data->n_items, MCXT_ALLOC_HUGE);
	int32 *order = palloc_extended(sizeof(int32) * data->n_items, MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < data->n_items; i++)
		count[i] = (Popularity){(uint32) i, 0, false};
	for (size_t k = 0; k < rk_csr_nnz(&data->by_user); k++)
	{
		count[data->by_user.index[k]].seen = true;
		if (data->by_user.target[k] > 0)
			count[data->by_user.index[k]].users++;
	}
	qsort(count, data->n_items, sizeof(Popularity), compare_popularity);
	for (size_t i = 0; i < data->n_items; i++)
		order[i] = (int32) count[i].item;
	pfree(count);
	return order;
}

static void
add_tensor(RecoTensorSet *set, const char *name, RecoTensorType type, size_t rows, size_t columns,
		   const void *data)
{
	set->tensor[set->n++] = (RecoTensor){name, type, (int64) rows, (int64) columns, data};
}

/* add_integer_keys adds the keys of the learned items where they are integers. */
static void
add_integer_keys(RecoTensorSet *set, const RecoKeys *keys, const RecoDataset *data)
{
	int64 *integer = palloc_extended(sizeof(int64) * data->n_items, MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < data->n_items; i++)
		integer[i] = keys->integer[data->item_of[i]];
	add_tensor(set, TENSOR_KEY, RECO_INT8, data->n_items, 1, integer);
}

/* add_byte_keys adds the keys of the learned items where they are uuid or text. */
static void
add_byte_keys(RecoTensorSet *set, const RecoKeys *keys, const RecoDataset *data)
{
	uint64 *offset = palloc_extended(sizeof(uint64) * (data->n_items + 1), MCXT_ALLOC_HUGE);
	char *bytes;

	offset[0] = 0;
	for (size_t i = 0; i < data->n_items; i++)
		offset[i + 1] = offset[i] + reco_keys_get(keys, data->item_of[i]).length;
	bytes = palloc_extended(offset[data->n_items] + 1, MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < data->n_items; i++)
	{
		RecoKey key = reco_keys_get(keys, data->item_of[i]);

		memcpy(bytes + offset[i], key.bytes, key.length);
	}
	add_tensor(set, TENSOR_KEY_OFFSET, RECO_INT8, data->n_items + 1, 1, offset);
	add_tensor(set, TENSOR_KEY_BYTES, RECO_BYTE, offset[data->n_items], 1, bytes);
}

/* add_rule adds how rows were folded. */
static void
add_rule(RecoTensorSet *set, const RecoLearned *learned, RecoKeyKind kind)
{
	double *rule = palloc(sizeof(double) * RULE_N);

	rule[RULE_EXPLICIT] = learned->fold.explicit_feedback;
	rule[RULE_DISLIKE] = learned->fold.dislike;
	rule[RULE_HALF_LIFE] = learned->fold.half_life;
	rule[RULE_AS_OF] = learned->has_as_of ? (double) learned->as_of : 0;
	rule[RULE_KEY_KIND] = kind;
	add_tensor(set, TENSOR_RULE, RECO_FLOAT8, 1, RULE_N, rule);
}

/* add_new_items lists the items without a row, which are the last of the popular ones. */
static void
add_new_items(RecoTensorSet *set, const RecoDataset *data, const int32 *popular)
{
	if (data->n_seen < data->n_items)
		add_tensor(set, TENSOR_NEW, RECO_INT4, data->n_items - data->n_seen, 1, popular + data->n_seen);
}

/* add_encoder adds how the attributes of a side are encoded, where features are named. */
static void
add_encoder(RecoTensorSet *set, const char *name, const RecoFeatures *features)
{
	const char *bytes;
	size_t n;

	if (features == NULL)
		return;
	bytes = reco_encoder_write(features->encoder, &n);
	add_tensor(set, name, RECO_BYTE, n, 1, bytes);
}

/* add_attributes adds the encoded attributes of the items, and until when items were read. */
static void
add_attributes(RecoTensorSet *set, const RkCsr *items, const int64 *until)
{
	if (items->n_cols == 0)
		return;
	if (until != NULL)
		add_tensor(set, TENSOR_ITEMS_UNTIL, RECO_INT8, 1, 1, until);
	add_tensor(set, TENSOR_ATTRIBUTE_OFFSET, RECO_INT8, items->n_rows + 1, 1, items->offset);
	add_tensor(set, TENSOR_ATTRIBUTE_COLUMN, RECO_INT4, rk_csr_nnz(items), 1, items->index);
	add_tensor(set, TENSOR_ATTRIBUTE_VALUE, RECO_FLOAT4, rk_csr_nnz(items), 1, items->weight);
}

uint32 *
reco_learn_places(const int32 *popular, size_t n)
{
	uint32 *place = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (size_t p = 0; p < n; p++)
		place[popular[p]] = (uint32) p;
	return place;
}

/* collect_tensors puts the common tensors before the algorithm's own. */
static void
collect_tensors(RecoLearned *learned, const RecoEvents *events, const RecoLearnInput *input,
				const RecoLearnOutput *output)
{
	RecoTensorSet *set = &learned->tensors;
	int32 *popular = reco_learn_popular(learned->data);

	set->n = 0;
	set->tensor = palloc(sizeof(RecoTensor) * (COMMON_TENSORS + output->n_tensors));
	add_rule(set, learned, events->items.kind);
	add_tensor(set, TENSOR_POPULAR, RECO_INT4, learned->n_items, 1, popular);
	add_new_items(set, learned->data, popular);
	if (events->items.kind == RECO_KEY_INTEGER)
		add_integer_keys(set, &events->items, learned->data);
	else
		add_byte_keys(set, &events->items, learned->data);
	add_encoder(set, TENSOR_ITEM_ENCODER, events->item_features);
	add_encoder(set, TENSOR_USER_ENCODER, events->user_features);
	add_attributes(set, &input->attributes[RECO_SIDE_ITEM],
				   events->dates_items ? &events->items_until : NULL);
	for (int t = 0; t < output->n_tensors; t++)
		set->tensor[set->n++] = output->tensor[t];
	add_tensor(set, TENSOR_PLACE, RECO_INT4, learned->n_items, 1,
			   reco_learn_places(popular, learned->n_items));
}

/* require_rows raises when folding left nothing: every event weighs zero. */
static void
require_rows(const RecoDefinition *definition, const RecoDataset *data)
{
	if (data->n_users == 0)
		ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
						errmsg("no interaction of \"%s\" has a weight", definition->name),
						errdetail("The values, or the weights of the events, are all zero or below 1.2e-38."),
						errhint("Look at value_column and event_weights of the definition.")));
}

Jsonb *
reco_learn_asked(const RecoDefinition *definition, Jsonb *call_options)
{
	Jsonb *nothing = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	Jsonb *own = reco_model_options(definition);

	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(own != NULL ? own : nothing),
											  JsonbPGetDatum(call_options != NULL ? call_options : nothing)));
}

Jsonb *
reco_learn_asked_of(Jsonb *metrics)
{
	JsonbValue *asked = getKeyJsonValueFromContainer(&metrics->root, RECO_METRIC_ASKED,
													 (int) strlen(RECO_METRIC_ASKED), NULL);

	return asked != NULL ? JsonbValueToJsonb(asked) : NULL;
}

/* parse_options gives the options of a definition, overridden by those of a call. */
static RecoOptionValue *
parse_options(const RecoDefinition *definition, const RecoAlgorithm *algorithm, Jsonb *call_options)
{
	Jsonb *objects[] = {reco_model_options(definition), call_options};

	return reco_model_parse_options(algorithm, objects, lengthof(objects));
}

/* half_life gives the half-life of events in microseconds, that of an option before that of the definition. */
static double
half_life(const RecoDefinition *definition, const RecoAlgorithm *algorithm, const RecoOptionValue *option)
{
	for (int o = 0; o < algorithm->n_options; o++)
		if (strcmp(algorithm->option[o].name, RECO_OPTION_HALF_LIFE) == 0)
			return option[o].number * (double) USECS_PER_DAY;
	return definition->half_life;
}

void
reco_learn_link(RecoLearned *learned, const double *link, size_t n)
{
	add_tensor(&learned->tensors, TENSOR_LINK, RECO_FLOAT8, n, 2, link);
}

RecoFoldRule
reco_learn_fold_rule(const RecoDefinition *definition, Jsonb *call_options)
{
	const RecoAlgorithm *algorithm = reco_algorithm_find(definition->algorithm);
	const RecoOptionValue *option = parse_options(definition, algorithm, call_options);
	int dislike = reco_option_find(algorithm->option, algorithm->n_options, "dislike");

	return (RecoFoldRule){.explicit_feedback = definition->explicit_feedback,
						  .half_life = half_life(definition, algorithm, option),
						  .dislike = option[dislike].number};
}

/* attribute_bytes is what the attributes of one side take of the area. */
static Size
attribute_bytes(const RecoAlgorithm *algorithm, const RecoFeatures *features, const RecoOptionValue *option)
{
	Size bytes;

	if (features == NULL)
		return 0;
	bytes = mul_size(rk_csr_nnz(&features->matrix), sizeof(uint32) + sizeof(float));
	bytes = add_size(bytes, mul_size(features->matrix.n_rows + 2, sizeof(uint64)));
	return add_size(bytes,
					algorithm->attribute_bytes(features->matrix.n_rows, features->matrix.n_cols, option));
}

/* gather_attributes puts the attributes of the n rows of a side of the dataset into the area. */
static RkCsr
gather_attributes(RecoArea *area, const RecoFeatures *features, const uint32 *row_of, size_t n)
{
	const RkCsr *from = &features->matrix;
	uint64 *offset = reco_area_alloc(area, mul_size(n + 1, sizeof(uint64)));
	uint32 *index;
	float *weight;

	offset[0] = 0;
	for (size_t r = 0; r < n; r++)
		offset[r + 1] = offset[r] + rk_csr_count(from, row_of[r]);
	index = reco_area_alloc(area, mul_size(offset[n] + 1, sizeof(uint32)));
	weight = reco_area_alloc(area, mul_size(offset[n] + 1, sizeof(float)));
	for (size_t r = 0; r < n; r++)
	{
		size_t count = offset[r + 1] - offset[r];

		if (r % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(index + offset[r], from->index + from->offset[row_of[r]], sizeof(uint32) * count);
		memcpy(weight + offset[r], from->weight + from->offset[row_of[r]], sizeof(float) * count);
	}
	return (RkCsr){n, from->n_cols, offset, index, weight, NULL};
}

/* set_attributes hands over what is known of both sides. */
static void
set_attributes(const RecoEvents *events, RecoLearnInput *input)
{
	const RecoDataset *data = input->data;

	if (events->item_features != NULL)
		input->attributes[RECO_SIDE_ITEM] =
			gather_attributes(input->area, events->item_features, data->item_of, data->n_items);
	if (events->user_features != NULL)
		input->attributes[RECO_SIDE_USER] =
			gather_attributes(input->area, events->user_features, data->user_of, data->n_users);
}

/* fold_events reserves the area and folds the events into the dataset in it. */
static RecoLearned *
fold_events(const RecoLearnRequest *request, const RecoEvents *events, const RecoAlgorithm *algorithm,
			RecoLearnInput *input)
{
	const RecoDefinition *definition = request->definition;
	const uint8 *keep = request->keep;
	RecoLearned *learned = palloc0(sizeof(RecoLearned));
	RecoAllocator allocator = {allocate_in_area, NULL};
	size_t pairs = reco_dataset_pairs(events, keep);
	Size bytes;

	learned->fold = reco_learn_fold_rule(definition, request->call_options);
	bytes = algorithm->learn_bytes(events->users.n, events->items.n, pairs, definition->explicit_feedback,
								   input->option);
	bytes = add_size(bytes, attribute_bytes(algorithm, events->item_features, input->option));
	bytes = add_size(bytes, attribute_bytes(algorithm, events->user_features, input->option));
	input->area = reco_area_create(add_size(bytes, reco_dataset_bytes(events, pairs)),
								   reco_model_has_option(algorithm->name, "factors")
									   ? "learn fewer factors"
									   : "let the recommender read a view of fewer rows");
	allocator.state = input->area;
	learned->data = input->data = reco_dataset_build(events, keep, &learned->fold, &allocator);
	require_rows(definition, input->data);
	set_attributes(events, input);
	learned->has_as_of = input->data->has_as_of;
	learned->as_of = learned->fold.as_of = input->data->as_of;
	learned->n_users = input->data->n_users;
	learned->n_items = input->data->n_items;
	learned->n_rows = rk_csr_nnz(&input->data->by_user);
	return learned;
}

/* uses_attributes says whether an algorithm learns from the features that the definition names. */
static bool
uses_attributes(const RecoAlgorithm *algorithm, const RecoOptionValue *option)
{
	return algorithm->attribute_bytes != NULL &&
		   option[reco_option_find(algorithm->option, algorithm->n_options, "attributes")].number != 0;
}

bool
reco_learn_uses_attributes(const RecoDefinition *definition, Jsonb *call_options)
{
	const RecoAlgorithm *algorithm = reco_algorithm_find(definition->algorithm);

	return uses_attributes(algorithm, parse_options(definition, algorithm, call_options));
}

RecoLearned *
reco_learn(const RecoLearnRequest *request)
{
	RecoEvents *events = request->events;
	const RecoDefinition *definition = request->definition;
	const RecoAlgorithm *algorithm = reco_algorithm_find(definition->algorithm);
	RecoLearnInput input = {.users = &events->users,
							.items = &events->items,
							.explicit_feedback = definition->explicit_feedback,
							.option = parse_options(definition, algorithm, request->call_options),
							.workers = reco_pool_workers(),
							.warm = request->warm,
							.warm_version = request->warm_version};
	RecoLearnOutput output = {0};
	RecoEvents used = *events;
	RecoLearned *learned;

	if (!uses_attributes(algorithm, input.option))
	{
		used.item_features = used.user_features = NULL;
		used.catalogue = NULL;
	}
	learned = fold_events(request, &used, algorithm, &input);
	if (request->forget)
		reco_events_forget(events);
	algorithm->learn(&input, &output);
	learned->options = output.options;
	learned->metrics = output.metrics;
	collect_tensors(learned, events, &input, &output);
	return learned;
}

/* raise_cold says that an incremental refresh cannot go on from a version. */
static void
raise_cold(const RecoDefinition *definition, int version, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of \"%s\" was learned %s", version, definition->name, what),
			 errdetail("An incremental refresh goes on from the deployed version."),
			 errhint("Run a full refresh: CALL reco.refresh(%s).", quote_literal_cstr(definition->name))));
}

const RecoModel *
reco_learn_warm(const RecoDefinition *definition, Jsonb *call_options, MemoryContext pin, int *version)
{
	const RecoAlgorithm *algorithm = reco_algorithm_find(definition->algorithm);
	const RecoModel *model = reco_model_open(definition, pin);
	char *reason;

	*version = reco_catalog_deployed(definition)->number;
	if (model->algorithm != algorithm)
		raise_cold(definition, *version, psprintf("by the algorithm \"%s\"", model->algorithm->name));
	if (model->explicit_feedback != definition->explicit_feedback)
		raise_cold(definition, *version,
				   model->explicit_feedback ? "from explicit feedback" : "from implicit feedback");
	reason = algorithm->warm_refusal == NULL
				 ? "by an algorithm that always learns in full"
				 : algorithm->warm_refusal(model, parse_options(definition, algorithm, call_options));
	if (reason != NULL)
		raise_cold(definition, *version, reason);
	return model;
}
