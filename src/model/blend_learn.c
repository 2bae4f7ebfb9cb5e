/*
 * blend_learn.c
 *	  Several models as one: learning.
 *
 * Weights cannot be found on rows that members have seen.  So some rows are held out (those of als_held_out.c), all
 * members learn from the others, and the held-out rows say what each is worth (blend_weights.c).  Then all
 * members learn once more, from all rows, and are stored with these weights.  Where the option "weights" gives them,
 * members learn once, and only the spread of their scores is measured.
 */
#include "postgres.h"

#include "kernel/rng.h"
#include "model/als.h"
#include "model/blend.h"
#include "model/json.h"
#include "storage/shmem.h"
#include "utils/builtins.h"

/* What the seed of the sample differs by from that of members, which hold rows out themselves. */
#define OWN_SEED UINT64CONST(0x5bd1e995)

/* Members where none are named. */
#define DEFAULT_MEMBERS "{\"als\": {\"factors\": 256}, \"ease\": {}, \"graph\": {}}"

const RecoOption reco_blend_option[BLEND_N_OPTIONS] = {
	[BLEND_MEMBERS] =
		{"members", RECO_OPTION_OBJECT, true, 0, NULL, 0, 0, false,
		 "The models that are blended, and options of each, as in {\"als\": {\"factors\": 128}, \"ease\": {}}."},
	[BLEND_WEIGHTS] =
		{"weights", RECO_OPTION_OBJECT, true, 0, NULL, 0, 0, false,
		 "What each member counts, in units of the spread of its scores, as in {\"als\": 1, \"ease\": 0.5}; found on held-out rows where left open."},
	[BLEND_DISLIKE] =
		{"dislike", RECO_OPTION_NUMBER, false, 0, NULL, 0, 1e6, false,
		 "How far an event of negative weight pulls the target below zero (tau), for all members; 0 only pulls it towards zero."},
	[BLEND_SEED] = {"seed", RECO_OPTION_INTEGER, false, 42, NULL, 0, 2147483647, false,
					"Seed of the rows that are held out to choose the weights."},
};

/* One member, as options name it. */
typedef struct Member
{
	const RecoAlgorithm *algorithm;
	RecoOptionValue *option;
} Member;

pg_noreturn static void raise_members(const char *what);

static void
raise_members(const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("option \"members\" %s", what),
					errhint("%s", reco_blend_option[BLEND_MEMBERS].help)));
}

/* member_of checks one entry of the object. */
static Member
member_of(const char *name, JsonbValue *value)
{
	Member member = {.algorithm = reco_algorithm_find(name)};
	Jsonb *options;

	if (!reco_blend_allows(member.algorithm))
		raise_members(psprintf("cannot name \"%s\"", name));
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		raise_members(psprintf("must give the options of \"%s\" as an object", name));
	options = JsonbValueToJsonb(value);
	member.option = reco_options_parse(member.algorithm->option, member.algorithm->n_options, &options, 1);
	return member;
}

/* members_of reads the members, in the order of algorithms; gives their number. */
static int
members_of(const RecoOptionValue *option, Member *member)
{
	Jsonb *object = option[BLEND_MEMBERS].is_set
						? option[BLEND_MEMBERS].object
						: DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(DEFAULT_MEMBERS)));
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int n_algorithms;
	const char *const *known = reco_algorithm_names(&n_algorithms);
	int n = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		(void) member_of(name, &value);
	}
	for (int a = 0; a < n_algorithms; a++)
	{
		JsonbValue *found =
			getKeyJsonValueFromContainer(&object->root, known[a], (int) strlen(known[a]), NULL);

		if (found != NULL && n < BLEND_MOST_MEMBERS)
			member[n++] = member_of(known[a], found);
	}
	if (n == 0)
		raise_members("names nobody");
	return n;
}

pg_noreturn static void raise_weights(const char *what);

static void
raise_weights(const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("option \"weights\" %s", what),
					errhint("%s", reco_blend_option[BLEND_WEIGHTS].help)));
}

/* shares_of reads what each of n members is to count; false where that is left open. */
static bool
shares_of(const RecoOptionValue *option, const Member *member, int n, double *share)
{
	RecoOption of_member[BLEND_MOST_MEMBERS] = {0};
	RecoOptionValue *value;
	double sum = 0;

	if (!option[BLEND_WEIGHTS].is_set)
		return false;
	for (int m = 0; m < n; m++)
		of_member[m] = (RecoOption){.name = member[m].algorithm->name,
									.type = RECO_OPTION_NUMBER,
									.is_auto = true,
									.maximum = 1e6,
									.help = reco_blend_option[BLEND_WEIGHTS].help};
	value = reco_options_parse(of_member, n, &option[BLEND_WEIGHTS].object, 1);
	for (int m = 0; m < n; m++)
	{
		if (!value[m].is_set)
			raise_weights(psprintf("does not name member \"%s\"", of_member[m].name));
		share[m] = value[m].number;
		sum += share[m];
	}
	if (sum == 0)
		raise_weights("leaves no member any weight");
	return true;
}

void
reco_blend_check_options(const RecoOptionValue *option)
{
	Member member[BLEND_MOST_MEMBERS];
	double share[BLEND_MOST_MEMBERS];
	int n = members_of(option, member);

	/* options of a call may name members without weights and the other way round; they are checked together when learning */
	if (option[BLEND_MEMBERS].is_set)
		(void) shares_of(option, member, n, share);
}

Size
reco_blend_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
					   const RecoOptionValue *option)
{
	Member member[BLEND_MOST_MEMBERS];
	int n = members_of(option, member);
	Size held_out = mul_size(reco_als_held_out_most(n_rows), sizeof(uint32) + 2 * sizeof(float));
	Size bytes = add_size(held_out, add_size(n_rows / 8, mul_size(n_users + 1, sizeof(uint64))));

	for (int m = 0; m < n; m++)
		bytes = add_size(bytes, member[m].algorithm->learn_bytes(n_users, n_items, n_rows, explicit_feedback,
																 member[m].option));
	return add_size(bytes, 1024 * 1024);
}

/* bare_model is what members share while they are measured: items without keys, their order by the rows that are there now, and no folding, for rows are folded. */
static RecoModel *
bare_model(const RecoLearnInput *input)
{
	RecoModel *model = palloc0(sizeof(RecoModel));

	model->items.n = input->data->n_items;
	model->popular = reco_learn_popular(input->data);
	model->place = reco_learn_places(model->popular, model->items.n);
	return model;
}

/* learn_members has the members learn from the rows that are there now, [blend->n] outputs. */
static void
learn_members(const RecoLearnInput *input, const Member *member, RecoBlend *blend, RecoLearnOutput *output)
{
	RecoLearnInput own = *input;
	const RecoModel *whole = bare_model(input);

	memset(output, 0, sizeof(*output) * blend->n);
	for (int m = 0; m < blend->n; m++)
	{
		RecoTensorSet *tensors = palloc0(sizeof(RecoTensorSet));

		own.option = member[m].option;
		member[m].algorithm->learn(&own, &output[m]);
		tensors->n = output[m].n_tensors;
		tensors->tensor = output[m].tensor;
		blend->member[m] = reco_blend_member(whole, member[m].algorithm, tensors);
	}
}

/* item_hashes hashes the keys of the items, [n_items]. */
static uint64 *
item_hashes(const RecoLearnInput *input, uint64 seed)
{
	const RecoDataset *data = input->data;
	uint64 *hash = palloc_extended(sizeof(uint64) * data->n_items, MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < data->n_items; i++)
	{
		RecoKey key = reco_keys_get(input->items, data->item_of[i]);

		hash[i] = reco_key_hash(seed, &key);
	}
	return hash;
}

/* weigh chooses the weights out of fold; what it takes of the area it gives back. */
static void
weigh(const RecoLearnInput *input, const Member *member, uint64 seed, RecoBlend *blend, RecoJson *metrics)
{
	Size mark = reco_area_mark(input->area);
	RecoLearnOutput output[BLEND_MOST_MEMBERS];
	AlsHeldOut held_out;

	reco_als_hold_out(input, seed, item_hashes(input, seed), &held_out);
	learn_members(input, member, blend, output);
	reco_blend_weigh(blend, &held_out.train, &held_out.test, seed, metrics);
	reco_als_put_back(&held_out);
	reco_area_release(input->area, mark);
}

/* add_member adds a member's tensors under its name; scale is NULL where weights were found. */
static void
add_member(RecoLearnOutput *output, const char *name, const RecoLearnOutput *own, const double *weight,
		   const double *scale)
{
	output->tensor = repalloc(output->tensor, sizeof(RecoTensor) * (output->n_tensors + own->n_tensors + 2));
	for (int t = 0; t < own->n_tensors; t++)
	{
		RecoTensor *tensor = &output->tensor[output->n_tensors++];

		*tensor = own->tensor[t];
		tensor->name = psprintf("%s.%s", name, own->tensor[t].name);
	}
	output->tensor[output->n_tensors++] =
		(RecoTensor){psprintf("%s.%s", name, BLEND_WEIGHT), RECO_FLOAT8, 1, 1, weight};
	if (scale != NULL)
		output->tensor[output->n_tensors++] =
			(RecoTensor){psprintf("%s.%s", name, BLEND_SCALE), RECO_FLOAT8, 1, 1, scale};
}

void
reco_blend_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	Member member[BLEND_MOST_MEMBERS];
	RecoLearnOutput own[BLEND_MOST_MEMBERS];
	double share[BLEND_MOST_MEMBERS] = {1};
	RecoBlend *blend = palloc0(sizeof(RecoBlend));
	double *scale = palloc0(sizeof(double) * BLEND_MOST_MEMBERS);
	uint64 seed = rk_hash_mix((uint64) input->option[BLEND_SEED].number, OWN_SEED);
	bool is_given;
	RecoJson options;
	RecoJson of_members;
	RecoJson metrics;

	blend->n = members_of(input->option, member);
	is_given = shares_of(input->option, member, blend->n, share);
	blend->weight[0] = 1;
	reco_json_begin(&metrics);
	if (!is_given && blend->n > 1)
		weigh(input, member, seed, blend, &metrics);
	learn_members(input, member, blend, own);
	if (is_given)
		reco_blend_scale(blend, &input->data->by_user, seed, share, scale);
	output->tensor = palloc(sizeof(RecoTensor));
	reco_json_begin(&of_members);
	for (int m = 0; m < blend->n; m++)
	{
		add_member(output, member[m].algorithm->name, &own[m], &blend->weight[m],
				   is_given ? &scale[m] : NULL);
		reco_json_object(&of_members, member[m].algorithm->name, own[m].options);
	}
	reco_json_begin(&options);
	reco_json_object(&options, "members", reco_json_end(&of_members));
	if (is_given)
		reco_json_object(&options, "weights", input->option[BLEND_WEIGHTS].object);
	reco_json_number(&options, "dislike", input->option[BLEND_DISLIKE].number);
	reco_json_integer(&options, "seed", (int64) input->option[BLEND_SEED].number);
	output->options = reco_json_end(&options);
	output->metrics = reco_json_end(&metrics);
}

/* Members are as they were learned, their weights as they are given now. */
const RecoModel *
reco_blend_again(const RecoModel *learned, const RecoOptionValue *option)
{
	const RecoBlend *blend = learned->state;
	Member member[BLEND_MOST_MEMBERS];
	double share[BLEND_MOST_MEMBERS];
	int n = members_of(option, member);
	RecoModel *model;
	RecoBlend *own;

	if (n != blend->n || !shares_of(option, member, n, share))
		return NULL;
	for (int m = 0; m < n; m++)
		if (blend->scale[m] == NULL || blend->member[m]->algorithm != member[m].algorithm)
			return NULL;
	model = palloc(sizeof(RecoModel));
	*model = *learned;
	model->state = own = palloc(sizeof(RecoBlend));
	*own = *blend;
	for (int m = 0; m < n; m++)
		own->weight[m] = share[m] * *blend->scale[m];
	return model;
}
