/*
 * server.c
 *	  libFuzzer inside a backend: the decoders and parsers that need PostgreSQL, called with whatever coverage leads to.
 *
 * scripts/fuzz.sh links this file and libFuzzer to the objects of reco.so, and calls
 *
 *	  SELECT fuzz.run(target, recommender, program and arguments of libFuzzer)
 *
 * which does not return: libFuzzer ends the process.  An error of PostgreSQL is an outcome like any other, unless its SQLSTATE is
 * of class XX and not XX001; that, a crash and undefined behaviour end the run.  Targets:
 *
 *	  encoder	the bytes of a stored encoder
 *	  tensors	a deployed version with values, shapes and types of tensors changed, then checked, bound, and asked for scores
 *	  cache		a cache file with bytes changed under the mark of a whole one, then opened
 *	  options	JSON text as options of each algorithm and of features
 *	  filter	text as a filter, as a role without rights of its own
 */
#include "postgres.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "model/model.h"
#include "reader/encoder.h"
#include "store/clear.h"
#include "store/file.h"
#include "store/layout.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(reco_fuzz_run);

extern Datum reco_fuzz_run(PG_FUNCTION_ARGS);
extern int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t bytes));

/* The greatest number of elements that a changed shape is given memory for. */
#define MOST_ELEMENTS 65536

typedef void (*Target)(const uint8 *data, size_t bytes);

static const RecoDefinition *definition;
static const RecoModel *model;
static RecoHistory *history;
static const RecoLayout *layout;
static Target target;

/* text_of gives the bytes as a text without zeros and in a valid encoding; NULL where they are none. */
static char *
text_of(const uint8 *data, size_t bytes)
{
	char *text = pnstrdup((const char *) data, bytes);

	return strlen(text) == bytes && pg_verifymbstr(text, (int) bytes, true) ? text : NULL;
}

static void
try_encoder(const uint8 *data, size_t bytes)
{
	/* as in a mapped file: aligned, and nothing behind it */
	char *copy = aligned_alloc(64, TYPEALIGN(64, Max(bytes, 1)));
	RecoEncoder *encoder;

	memcpy(copy, data, bytes);
	PG_TRY();
	{
		encoder = reco_encoder_read(copy, bytes);
		reco_encoder_check(encoder);
		for (size_t c = 0; c < Min(reco_encoder_n_columns(encoder), 1000); c++)
		{
			(void) reco_encoder_column(encoder, c);
			(void) reco_encoder_keeps(encoder, c);
		}
	}
	PG_FINALLY();
	{
		free(copy);
	}
	PG_END_TRY();
}

/* One change of a tensor, as the fuzzer writes it. */
typedef struct Change
{
	uint8 tensor;
	uint8 what;
	uint16 where;
	uint8 value[8];
} Change;

/* change_tensor applies a change to a tensor whose data are malloc'ed. */
static void
change_tensor(RecoTensor *tensor, const Change *change)
{
	Size width = reco_store_element_bytes(tensor->type);
	uint64 n = (uint64) tensor->rows * (uint64) tensor->columns;
	char *data = unconstify(char *, (const char *) tensor->data);
	int64 value;

	memcpy(&value, change->value, sizeof(value));
	switch (change->what % 6)
	{
		case 0: /* an element */
			if (n > 0)
				memcpy(data + change->where % n * width, change->value, width);
			return;
		case 1: /* the last */
			if (n > 0)
				memcpy(data + (n - 1) * width, change->value, width);
			return;
		case 2: /* all */
			for (uint64 i = 0; i < n; i++)
				memcpy(data + i * width, change->value, width);
			return;
		case 3: /* the shape */
			if (value < 0 || value > MOST_ELEMENTS || value * (change->where % 64) > MOST_ELEMENTS)
				return;
			data = calloc(Max(value * (change->where % 64), 1), width);
			memcpy(data, tensor->data, Min(n, (uint64) value * (change->where % 64)) * width);
			tensor->rows = value;
			tensor->columns = change->where % 64;
			break;
		case 4: /* the type, of the same width */
			tensor->type = tensor->type == RECO_FLOAT4   ? RECO_INT4
						   : tensor->type == RECO_INT4   ? RECO_FLOAT4
						   : tensor->type == RECO_FLOAT8 ? RECO_INT8
						   : tensor->type == RECO_INT8   ? RECO_FLOAT8
														 : tensor->type;
			return;
		default: /* a row less */
			if (tensor->rows == 0)
				return;
			tensor->rows--;
			n = (uint64) tensor->rows * (uint64) tensor->columns;
			data = malloc(Max(n * width, 1));
			memcpy(data, tensor->data, n * width);
	}
	free(unconstify(void *, tensor->data));
	tensor->data = data;
}

/* ask makes lists, scores and reasons of a model. */
static void
ask(const RecoModel *changed)
{
	RecoQuery *query = reco_query_make(changed, history, NULL);
	RkHit hit[10];
	RecoAddend *addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(query));
	size_t found = reco_query_is_scored(query) ? reco_rank(query, lengthof(hit), NULL, NULL, hit) : 0;

	for (size_t i = 0; i < found; i++)
		(void) reco_query_contributions(query, hit[i].item, addend);
}

static void
try_tensors(const uint8 *data, size_t bytes)
{
	const RecoVersion *version = reco_catalog_deployed(definition);
	RecoTensorSet set = {.n = model->tensors->n, .tensor = palloc(sizeof(RecoTensor) * model->tensors->n)};
	bool finite = true;

	for (int t = 0; t < set.n; t++)
	{
		Size size = reco_store_tensor_bytes(&model->tensors->tensor[t]);
		char *copy = malloc(Max(size, 1));

		memcpy(copy, model->tensors->tensor[t].data, size);
		set.tensor[t] = model->tensors->tensor[t];
		set.tensor[t].data = copy;
	}
	for (; bytes >= sizeof(Change); bytes -= sizeof(Change), data += sizeof(Change))
	{
		Change change;

		memcpy(&change, data, sizeof(change));
		change_tensor(&set.tensor[change.tensor % set.n], &change);
	}
	/* what reading the chunks refuses */
	for (int t = 0; t < set.n; t++)
		finite = finite && reco_store_all_finite(set.tensor[t].data, reco_store_tensor_bytes(&set.tensor[t]), set.tensor[t].type);
	PG_TRY();
	{
		if (finite)
		{
			reco_model_check(version, &set);
			ask(reco_model_bind(version->algorithm, &set));
		}
	}
	PG_FINALLY();
	{
		for (int t = 0; t < set.n; t++)
			free(unconstify(void *, set.tensor[t].data));
	}
	PG_END_TRY();
}

static void
try_cache(const uint8 *data, size_t bytes)
{
	char *path = reco_clear_path(layout);
	struct stat status;
	int error;
	char *map;
	int fd = open(path, O_RDWR);

	if (fd >= 0 && fstat(fd, &status) == 0)
	{
		struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, status.st_mtim};

		/* records of a place of three bytes and a byte; a place behind the end makes the file longer, 0xffffff cuts it */
		for (; bytes >= 4; bytes -= 4, data += 4)
		{
			off_t place = data[0] | data[1] << 8 | data[2] << 16;

			if (place == 0xffffff)
				(void) !ftruncate(fd, data[3] * 256);
			else
				(void) !pwrite(fd, data + 3, 1, place % (off_t) (layout->head_bytes + 4096));
		}
		(void) futimens(fd, times);
	}
	if (fd >= 0)
		close(fd);
	map = reco_file_map(layout, &error);
	if (map == NULL)
		return;
	if (memcmp(map, layout->head, layout->head_bytes) != 0)
		elog(ERROR, "a file with another head was mapped");
	munmap(map, layout->bytes);
	unlink(path);
}

/* read_features reads the options of every feature, as a refresh does. */
static void
read_features(const RecoDefinition *changed)
{
	const ListCell *cell;

	reco_feature_options_check(changed);
	foreach (cell, list_concat_copy(changed->item_features, changed->user_features))
		(void) reco_feature_options(changed, lfirst(cell), 0);
}

/* try_options takes a digit, the algorithm, or another character, for features, and then the text of a JSON object. */
static void
try_options(const uint8 *data, size_t bytes)
{
	static const char *const algorithm[] = {"als",  "itemknn", "userknn", "rp3beta", "ease",
											"graph", "popular", "recent",  "blend"};
	RecoDefinition changed = *definition;
	char *text = bytes > 0 ? text_of(data + 1, bytes - 1) : NULL;
	int windows;

	if (text == NULL)
		return;
	changed.options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	if (!JB_ROOT_IS_OBJECT(changed.options))
		return;
	if (data[0] < '0' || data[0] >= '0' + lengthof(algorithm))
	{
		read_features(&changed);
		return;
	}
	changed.algorithm = pstrdup(algorithm[data[0] - '0']);
	reco_model_check_options(changed.algorithm, reco_model_options(&changed));
	(void) reco_model_calibrates(&changed, NULL);
	(void) reco_model_windows(&changed, NULL, &windows);
}

static void
try_filter(const uint8 *data, size_t bytes)
{
	char *text = text_of(data, bytes);
	Oid type[] = {TEXTOID};
	Datum value[1];

	if (text == NULL || strstr(text, "pg_") != NULL)
		return;
	value[0] = CStringGetTextDatum(text);
	SPI_connect();
	SPI_execute_with_args("SELECT * FROM reco.recommend(7::bigint, 3, 'integer', filter => $1, filter_args => '{1,abc}')", 1, type, value,
						  NULL, true, 0);
	SPI_finish();
}

/* outcome looks at an error: of class XX only XX001 is one to be expected. */
static void
outcome(const ErrorData *error)
{
	int class = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if (class == ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR) && error->sqlerrcode != ERRCODE_DATA_CORRUPTED)
	{
		write_stderr("error of class XX: %s\n", error->message);
		abort();
	}
}

static int
one_input(const uint8_t *data, size_t bytes)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext each = AllocSetContextCreate(caller, "fuzz", ALLOCSET_DEFAULT_SIZES);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(each);
	PG_TRY();
	{
		target(data, bytes);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(each);
		outcome(CopyErrorData());
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	MemoryContextDelete(each);
	return 0;
}

/* prepare opens what a target needs. */
static void
prepare(const char *name)
{
	static const struct
	{
		const char *name;
		Target target;
	} targets[] = {{"encoder", try_encoder}, {"tensors", try_tensors}, {"cache", try_cache}, {"options", try_options}, {"filter", try_filter}};
	RecoKey user = {.kind = RECO_KEY_INTEGER, .integer = 7};

	for (size_t t = 0; t < lengthof(targets); t++)
		if (strcmp(targets[t].name, name) == 0)
			target = targets[t].target;
	if (target == NULL)
		elog(ERROR, "no target \"%s\"", name);
	SPI_connect();
	history = reco_reader_history(definition, &user);
	model = reco_model_open(definition, CurrentMemoryContext);
	layout = reco_layout_make(reco_catalog_deployed(definition));
}

Datum
reco_fuzz_run(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ArrayType *arguments = PG_GETARG_ARRAYTYPE_P(2);
	Datum *element;
	char **argv;
	int n;

	definition = reco_catalog_find(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	prepare(name);
	deconstruct_array(arguments, TEXTOID, -1, false, TYPALIGN_INT, &element, NULL, &n);
	argv = palloc0(sizeof(char *) * (n + 1));
	for (int i = 0; i < n; i++)
		argv[i] = TextDatumGetCString(element[i]);
	(void) LLVMFuzzerRunDriver(&n, &argv, one_input);
	PG_RETURN_VOID();
}
