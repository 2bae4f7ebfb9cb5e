/*
 * model.c
 *	  Algorithms by name, and stored tensors as models ready to serve.
 *
 * Beside the algorithm's own tensors every version has
 *
 *		rule				float8 [1 x RULE_N]: how its rows were folded
 *		popular				int4 [n_items]: item indexes, most users first
 *		popular_place		int4 [n_items]: the place of each item in it
 *		people				int4 [n_items]: buckets of users who chose an item (people.c)
 *		new_item			int4 [...]: the items that nobody had chosen, ascending; where there are any
 *		item_key			int8 [n_items]: keys, where they are integers; else
 *		item_key_offset		int8 [n_items + 1], and
 *		item_key_bytes		byte [...]
 *		items_until			int8: where items_time_column is named, until when items were read
 *		item_encoder		byte [...]: how the attributes of items are encoded (reader/encoder_bytes.c), where features
 *		user_encoder		are named; the same of users
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "model/added.h"
#include "model/model.h"
#include "model/tensors.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "reco.h"

static const RecoAlgorithm *const algorithms[] = {&reco_als,     &reco_blend,   &reco_ease,
												  &reco_graph,   &reco_itemknn, &reco_rp3beta,
												  &reco_userknn, &reco_popular, &reco_recent};

/* known_algorithms lists their names, for a hint. */
static char *
known_algorithms(void)
{
	StringInfoData text;

	initStringInfo(&text);
	for (size_t a = 0; a < lengthof(algorithms); a++)
		appendStringInfo(&text, "%s%s", a > 0 ? ", " : "", algorithms[a]->name);
	return text.data;
}

const RecoAlgorithm *
reco_algorithm_find(const char *name)
{
	const char *known[lengthof(algorithms)];
	const char *nearest;

	for (size_t a = 0; a < lengthof(algorithms); a++)
	{
		known[a] = algorithms[a]->name;
		if (strcmp(name, known[a]) == 0)
			return algorithms[a];
	}
	nearest = reco_nearest_name(name, known, lengthof(algorithms));
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("unknown algorithm \"%s\"", name),
					nearest ? errhint("Perhaps you meant \"%s\".", nearest)
							: errhint("Known algorithms are: %s.", known_algorithms())));
}

const char *const *
reco_algorithm_names(int *n)
{
	static const char *name[lengthof(algorithms)];

	for (size_t a = 0; a < lengthof(algorithms); a++)
		name[a] = algorithms[a]->name;
	*n = lengthof(algorithms);
	return name;
}

void
reco_model_check_options(const char *algorithm, Jsonb *options)
{
	const RecoAlgorithm *found = reco_algorithm_find(algorithm);
	RecoOptionValue *value = reco_model_parse_options(found, &options, 1);

	if (found->check_options != NULL)
		found->check_options(value);
}

/* Options that every algorithm has. */
static const RecoOption common_option[] = {
	{"calibrate", RECO_OPTION_BOOLEAN, false, 0, NULL, 0, 1, false,
	 "Learn what scores mean as probabilities, from rows that are held out; takes one more learning."},
	{"windows", RECO_OPTION_INTEGERS, false, 0, "1,7,30,90", 1, 36500, false,
	 "Days before the latest event for which popular_items counts what is chosen, ever more, and newly."},
};

/* Places of these after the algorithm's own. */
enum
{
	COMMON_CALIBRATE,
	COMMON_WINDOWS
};

bool
reco_model_has_option(const char *algorithm, const char *name)
{
	const RecoAlgorithm *found = reco_algorithm_find(algorithm);

	for (int o = 0; o < found->n_options; o++)
		if (strcmp(found->option[o].name, name) == 0)
			return true;
	for (int o = 0; o < (int) lengthof(common_option); o++)
		if (strcmp(common_option[o].name, name) == 0)
			return true;
	return false;
}

RecoOptionValue *
reco_model_parse_options(const RecoAlgorithm *algorithm, Jsonb *const *object, int n_objects)
{
	int n = algorithm->n_options;
	RecoOption *table = palloc(sizeof(RecoOption) * (n + lengthof(common_option)));

	memcpy(table, algorithm->option, sizeof(RecoOption) * n);
	memcpy(table + n, common_option, sizeof(common_option));
	return reco_options_parse(table, n + (int) lengthof(common_option), object, n_objects);
}

bool
reco_model_calibrates(const RecoDefinition *definition, Jsonb *call_options)
{
	const RecoAlgorithm *algorithm = reco_algorithm_find(definition->algorithm);
	Jsonb *objects[] = {reco_model_options(definition), call_options};

	return reco_model_parse_options(algorithm, objects,
									lengthof(objects))[algorithm->n_options + COMMON_CALIBRATE]
			   .number != 0;
}

static int
compare_days(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

int *
reco_model_windows(const RecoDefinition *definition, Jsonb *call_options, int *n)
{
	const RecoAlgorithm *algorithm = reco_algorithm_find(definition->algorithm);
	Jsonb *objects[] = {reco_model_options(definition), call_options};
	const RecoOptionValue *value = &reco_model_parse_options(
		algorithm, objects, lengthof(objects))[algorithm->n_options + COMMON_WINDOWS];
	int *days = value->integer;

	qsort(days, value->n, sizeof(int), compare_days);
	*n = 0;
	for (int w = 0; w < value->n; w++)
		if (*n == 0 || days[*n - 1] != days[w])
			days[(*n)++] = days[w];
	if (*n > RECO_MOST_WINDOWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("option \"windows\" names %d windows", *n),
				 errhint("At most %d are counted.", RECO_MOST_WINDOWS)));
	return days;
}

double
reco_model_probability(const RecoModel *model, double score)
{
	size_t low = 0;
	size_t high = model->n_link;

	/* the first knot above the score */
	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (model->link[2 * middle] <= score)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return model->link[1];
	if (low == model->n_link)
		return model->link[2 * low - 1];
	return model->link[2 * low - 1] + (score - model->link[2 * low - 2]) /
										  (model->link[2 * low] - model->link[2 * low - 2]) *
										  (model->link[2 * low + 1] - model->link[2 * low - 1]);
}

Jsonb *
reco_model_options(const RecoDefinition *definition)
{
	if (definition->options == NULL || !JB_ROOT_IS_OBJECT(definition->options))
		return definition->options;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(definition->options),
											  CStringGetTextDatum("features")));
}

void
reco_model_check_feedback(const char *algorithm, bool explicit_feedback)
{
	if (explicit_feedback && reco_algorithm_find(algorithm)->implicit_only)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("algorithm \"%s\" does not learn from ratings", algorithm),
						errhint("Use feedback => 'implicit', or the algorithm \"als\".")));
}

pg_noreturn static void raise_damaged(const char *tensor);

/* raise_damaged reports a version whose common tensors do not fit together. */
static void
raise_damaged(const char *tensor)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("tensor \"%s\" of the model is missing or has the wrong shape", tensor),
					errhint("Learn a new version with CALL reco.refresh().")));
}

const void *
reco_model_tensor(const RecoTensorSet *tensors, const char *name, RecoTensorType type, int64 rows,
				  int64 columns)
{
	const RecoTensor *tensor = reco_store_find(tensors, name, type, columns);

	if (tensor == NULL || tensor->rows != rows)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("model has no tensor \"%s\" of %lld rows", name, (long long) rows),
						errhint("Learn a new version with CALL reco.refresh().")));
	return tensor->data;
}

void
reco_model_refuse(const char *tensor)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("tensor \"%s\" of the model has impossible values", tensor),
					errhint("Learn a new version with CALL reco.refresh().")));
}

/* bind_places finds the places of items among the popular ones; older versions have none. */
static void
bind_places(RecoModel *model, int64 n)
{
	const RecoTensor *place = reco_store_find(model->tensors, TENSOR_PLACE, RECO_INT4, 1);

	if (place != NULL && place->rows != n)
		raise_damaged(TENSOR_PLACE);
	model->place = place != NULL ? place->data : NULL;
}

/* bind_people finds the buckets of people; evaluations and older versions have none. */
static void
bind_people(RecoModel *model, int64 n)
{
	const RecoTensor *people = reco_store_find(model->tensors, TENSOR_PEOPLE, RECO_INT4, 1);

	if (people != NULL && people->rows != n)
		raise_damaged(TENSOR_PEOPLE);
	model->people = people != NULL ? people->data : NULL;
}

/* bind_unseen finds the items that nobody had chosen. */
static void
bind_unseen(RecoModel *model, int64 n)
{
	const RecoTensor *unseen = reco_store_find(model->tensors, TENSOR_NEW, RECO_INT4, 1);

	if (unseen == NULL)
		return;
	if (unseen->rows > n)
		raise_damaged(TENSOR_NEW);
	model->unseen = unseen->data;
	model->n_unseen = (size_t) unseen->rows;
}

/* bind_reviews finds the buckets of reviews and the names of their aspects; versions may have none. */
static void
bind_reviews(RecoModel *model, int64 n)
{
	const RecoTensor *reviews = reco_store_find(model->tensors, TENSOR_REVIEWS, RECO_INT4, -1);
	const RecoTensor *names = reco_store_find(model->tensors, TENSOR_REVIEW_ASPECTS, RECO_BYTE, 1);
	const char *name;
	const char *end;

	if (reviews == NULL && names == NULL)
		return;
	if (reviews == NULL || names == NULL || reviews->rows != n || names->rows < 1)
		raise_damaged(TENSOR_REVIEWS);
	name = names->data;
	end = name + names->rows;
	if (end[-1] != '\0')
		raise_damaged(TENSOR_REVIEW_ASPECTS);
	model->aspect = palloc(sizeof(char *) * reviews->columns);
	for (; name < end && model->n_aspects < reviews->columns; name += strlen(name) + 1)
		model->aspect[model->n_aspects++] = name;
	if (name != end || model->n_aspects != reviews->columns)
		raise_damaged(TENSOR_REVIEW_ASPECTS);
	model->reviewed = reviews->data;
}

/* bind_link finds what scores mean as probabilities; most versions do not say. */
static void
bind_link(RecoModel *model)
{
	const RecoTensor *link = reco_store_find(model->tensors, TENSOR_LINK, RECO_FLOAT8, 2);

	if (link == NULL)
		return;
	if (link->rows == 0)
		raise_damaged(TENSOR_LINK);
	model->n_link = (size_t) link->rows;
	model->link = link->data;
}

/* bind_keys finds the keys of the items; offsets are checked, because lookups trust them. */
static void
bind_keys(RecoModel *model, RecoKeyKind kind, int64 n)
{
	const RecoTensorSet *tensors = model->tensors;
	const RecoTensor *tensor;

	model->items.kind = kind;
	model->items.n = (size_t) n;
	if (kind == RECO_KEY_INTEGER)
	{
		tensor = reco_store_find(tensors, TENSOR_KEY, RECO_INT8, 1);
		if (tensor == NULL || tensor->rows != n)
			raise_damaged(TENSOR_KEY);
		model->items.integer = tensor->data;
		return;
	}
	tensor = reco_store_find(tensors, TENSOR_KEY_OFFSET, RECO_INT8, 1);
	if (tensor == NULL || tensor->rows != n + 1)
		raise_damaged(TENSOR_KEY_OFFSET);
	model->items.offset = tensor->data;
	tensor = reco_store_find(tensors, TENSOR_KEY_BYTES, RECO_BYTE, 1);
	if (tensor == NULL || model->items.offset[n] != (uint64) tensor->rows)
		raise_damaged(TENSOR_KEY_BYTES);
	model->items.bytes = tensor->data;
}

/* bind_encoder gives the encoder of a side; NULL where the version has none. */
static const RecoEncoder *
bind_encoder(const RecoModel *model, const char *name)
{
	const RecoTensor *tensor = reco_store_find(model->tensors, name, RECO_BYTE, 1);

	return tensor != NULL ? reco_encoder_read(tensor->data, (size_t) tensor->rows) : NULL;
}

/* bind_attributes finds the encoded attributes of the items, where they were learned from, and checks their shapes. */
static void
bind_attributes(RecoModel *model)
{
	const RecoTensorSet *tensors = model->tensors;
	const RecoTensor *offset = reco_store_find(tensors, TENSOR_ATTRIBUTE_OFFSET, RECO_INT8, 1);
	const RecoTensor *column = reco_store_find(tensors, TENSOR_ATTRIBUTE_COLUMN, RECO_INT4, 1);
	const RecoTensor *value = reco_store_find(tensors, TENSOR_ATTRIBUTE_VALUE, RECO_FLOAT4, 1);
	const RecoTensor *until = reco_store_find(tensors, TENSOR_ITEMS_UNTIL, RECO_INT8, 1);
	size_t n = model->items.n;

	if (offset == NULL)
		return;
	if (column == NULL || value == NULL || model->item_encoder == NULL || offset->rows != (int64) n + 1 ||
		column->rows != value->rows || ((const int64 *) offset->data)[n] != column->rows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the attributes of the items in the model are missing or have the wrong shape"),
				 errhint("Learn a new version with CALL reco.refresh().")));
	model->attributes = (RkCsr){.n_rows = n,
								.n_cols = reco_encoder_n_columns(model->item_encoder),
								.offset = offset->data,
								.index = column->data,
								.weight = value->data};
	if (until != NULL && until->rows == 1)
		model->since = (RecoSince){.by_time = true, .time = *(const int64 *) until->data};
	else if (n > 0 && reco_reader_keys_grow(model->items.kind))
		model->since.key = reco_keys_get(&model->items, n - 1);
	model->finds_new = model->since.by_time || (n > 0 && reco_reader_keys_grow(model->items.kind));
}

RecoModel *
reco_model_bind(const char *algorithm, const RecoTensorSet *tensors)
{
	RecoModel *model = palloc0(sizeof(RecoModel));
	const RecoTensor *rule = reco_store_find(tensors, TENSOR_RULE, RECO_FLOAT8, RULE_N);
	const RecoTensor *popular = reco_store_find(tensors, TENSOR_POPULAR, RECO_INT4, 1);
	const double *value;

	if (rule == NULL || rule->rows != 1)
		raise_damaged(TENSOR_RULE);
	if (popular == NULL)
		raise_damaged(TENSOR_POPULAR);
	value = rule->data;
	model->algorithm = reco_algorithm_find(algorithm);
	model->tensors = tensors;
	model->explicit_feedback = value[RULE_EXPLICIT] != 0;
	model->fold.explicit_feedback = model->explicit_feedback;
	model->fold.dislike = value[RULE_DISLIKE];
	model->fold.half_life = value[RULE_HALF_LIFE];
	model->fold.as_of = (TimestampTz) value[RULE_AS_OF];
	model->popular = popular->data;
	bind_places(model, popular->rows);
	bind_people(model, popular->rows);
	bind_unseen(model, popular->rows);
	bind_reviews(model, popular->rows);
	bind_link(model);
	bind_keys(model, (RecoKeyKind) value[RULE_KEY_KIND], popular->rows);
	model->item_encoder = bind_encoder(model, TENSOR_ITEM_ENCODER);
	model->user_encoder = bind_encoder(model, TENSOR_USER_ENCODER);
	bind_attributes(model);
	model->algorithm->bind(model);
	return model;
}

static int
compare_items(const void *a, const void *b)
{
	int32 x = *(const int32 *) a;
	int32 y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

bool
reco_model_is_unseen(const RecoModel *model, uint32 item)
{
	int32 key = (int32) item;

	if (item >= model->items.n)
		return true;
	return model->n_unseen > 0 &&
		   bsearch(&key, model->unseen, model->n_unseen, sizeof(int32), compare_items) != NULL;
}

const RecoModel *
reco_model_open(const RecoDefinition *definition, MemoryContext pin)
{
	const RecoVersion *version = reco_catalog_deployed(definition);
	RecoOpening opening = {.check = reco_model_check, .use = reco_algorithm_find(version->algorithm)->use};
	const RecoTensorSet *tensors = reco_store_open(version, &opening, pin);
	MemoryContext previous = MemoryContextSwitchTo(pin);
	RecoModel *model = reco_model_bind(version->algorithm, tensors);
	RecoAccess access = RECO_ACCESS_DENIED;

	if (model->item_encoder != NULL)
		access = reco_encoder_access(definition, model->item_encoder, RECO_SIDE_ITEM);
	model->reads_items = access == RECO_ACCESS_GRANTED;
	if (access != RECO_ACCESS_DENIED && model->algorithm->place != NULL && model->attributes.n_cols > 0 &&
		reco_max_new_items > 0)
		model->added = reco_added_make(definition, &version->key);
	MemoryContextSwitchTo(previous);
	return model;
}
