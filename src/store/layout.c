/*
 * layout.c
 *	  From the rows of a version to the image that serves it (layout.h).
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "reco.h"
#include "store/layout.h"

#define BYTE_ORDER_MARK 0x01020304

/* Far above any model, and small enough that no product or sum below overflows. */
#define MAX_TENSOR_ELEMENTS (INT64CONST(1) << 40)
#define MAX_CHUNKS (1 << 26)

typedef struct ImageHeader
{
	char magic[8];
	uint32 byte_order;
	uint32 format;
	uint64 bytes;
	uint32 n_tensors;
	uint32 entry_bytes;
	uint8 version[16];
	uint8 digest[RECO_DIGEST_BYTES];
	uint8 zero[48];
} ImageHeader;

typedef struct ImageEntry
{
	char name[RECO_TENSOR_NAME_BYTES];
	uint32 type;
	uint32 zero;
	int64 rows;
	int64 columns;
	uint64 offset;
	uint64 bytes;
	uint8 more_zero[24];
} ImageEntry;

StaticAssertDecl(sizeof(ImageHeader) == 128, "the header is 128 bytes, as drawn in layout.h");
StaticAssertDecl(sizeof(ImageEntry) == 128, "an entry is 128 bytes, as drawn in layout.h");

/* recommender_label names a version's recommender in messages: its name, or its key when it is gone. */
static const char *
recommender_label(const RecoVersion *version)
{
	const RecoDefinition *definition = reco_catalog_find_by_key(&version->recommender);

	if (definition != NULL)
		return definition->name;
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&version->recommender)));
}

/*
 * corrupted says what is wrong with a version: it raises ERRCODE_DATA_CORRUPTED, or reports to the layout's sink and
 * returns.  "what" is such as "missing chunk 2 of tensor ...".
 */
static void
corrupted(const RecoLayout *layout, const char *tensor, int chunk, const char *what)
{
	const RecoVersion *version = layout->version;
	const char *label;

	if (layout->report != NULL)
	{
		layout->report(layout->report_state, tensor, chunk, what);
		return;
	}
	if (tensor != NULL)
		what = psprintf("%s chunk %d of tensor \"%s\"", what, chunk, tensor);
	label = recommender_label(version);

	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("%s of recommender \"%s\", version %d", what, label, version->number),
					errhint("Learn a new version with CALL reco.refresh(%s), or go back to an older one with "
							"reco.deploy(%s, version).",
							quote_literal_cstr(label), quote_literal_cstr(label))));
}

/* int_field reads a size in a tensor's entry in the table; -1 when it is not there or makes no sense. */
static int64
int_field(JsonbContainer *object, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, strlen(key), NULL);

	double number;

	if (value == NULL || value->type != jbvNumeric)
		return -1;
	number =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(number >= 0 && number <= (double) MAX_TENSOR_ELEMENTS) || number != rint(number))
		return -1;
	return (int64) number;
}

/* read_entry reads one entry of the tensor table; false when it makes no sense. */
static bool
read_entry(JsonbValue *entry, RecoTensor *tensor)
{
	JsonbValue *name;
	JsonbValue *type;

	if (entry == NULL || entry->type != jbvBinary || !JsonContainerIsObject(entry->val.binary.data))
		return false;
	name = getKeyJsonValueFromContainer(entry->val.binary.data, "name", 4, NULL);
	type = getKeyJsonValueFromContainer(entry->val.binary.data, "type", 4, NULL);
	if (name == NULL || name->type != jbvString || name->val.string.len <= 0 ||
		name->val.string.len >= RECO_TENSOR_NAME_BYTES || type == NULL || type->type != jbvString ||
		!reco_store_type_by_name(type->val.string.val, type->val.string.len, &tensor->type))
		return false;
	tensor->name = pnstrdup(name->val.string.val, name->val.string.len);
	tensor->rows = int_field(entry->val.binary.data, "rows");
	tensor->columns = int_field(entry->val.binary.data, "columns");
	tensor->data = NULL;
	if (tensor->rows < 0 || tensor->columns < 0)
		return false;
	return tensor->columns == 0 || tensor->rows <= MAX_TENSOR_ELEMENTS / tensor->columns;
}

/* read_table reads the tensor table of a version's row; false when it makes no sense. */
static bool
read_table(RecoLayout *layout)
{
	Jsonb *table = layout->version->tensors;

	if (table == NULL || !JsonContainerIsArray(&table->root) ||
		JsonContainerSize(&table->root) > RECO_MAX_TENSORS)
	{
		corrupted(layout, NULL, -1, "unreadable table of tensors");
		return false;
	}
	layout->n = JsonContainerSize(&table->root);
	layout->tensor = palloc0(Max(layout->n, 1) * sizeof(RecoTensor));
	for (int i = 0; i < layout->n; i++)
	{
		if (!read_entry(getIthJsonbValueFromContainer(&table->root, i), &layout->tensor[i]))
		{
			corrupted(layout, NULL, -1, psprintf("unreadable entry %d in the table of tensors", i));
			return false;
		}
	}
	return true;
}

/* chunks_of gives the number of chunks of a tensor. */
static int
chunks_of(const RecoTensor *tensor)
{
	return (int) ((reco_store_tensor_bytes(tensor) + RECO_CHUNK_BYTES - 1) / RECO_CHUNK_BYTES);
}

/* find_tensor gives the index of a tensor by name, looking first at a guess; -1 when there is none. */
static int
find_tensor(const RecoLayout *layout, const char *name, int guess)
{
	if (guess >= 0 && strcmp(layout->tensor[guess].name, name) == 0)
		return guess;
	for (int i = 0; i < layout->n; i++)
		if (strcmp(layout->tensor[i].name, name) == 0)
			return i;
	return -1;
}

/* count_chunks decides which chunks belong to which tensor; false when there would be impossibly many. */
static bool
count_chunks(RecoLayout *layout)
{
	layout->first_chunk = palloc0((layout->n + 1) * sizeof(int));
	for (int i = 0; i < layout->n; i++)
	{
		layout->first_chunk[i + 1] = layout->first_chunk[i] + chunks_of(&layout->tensor[i]);
		if (layout->first_chunk[i + 1] > MAX_CHUNKS)
		{
			corrupted(layout, NULL, -1, "impossible table of tensors");
			return false;
		}
	}
	layout->chunk = palloc0(Max(layout->first_chunk[layout->n], 1) * sizeof(RecoChunkRef *));
	return true;
}

/* read_chunk_list puts the version's list of chunks into the order of the image, each in its place. */
static void
read_chunk_list(RecoLayout *layout)
{
	int n_listed;
	RecoChunkRef *listed = reco_catalog_chunks(layout->version, &n_listed);
	int t = -1;

	for (int i = 0; i < n_listed; i++)
	{
		t = find_tensor(layout, listed[i].tensor, t);
		if (t < 0 || listed[i].chunk < 0 ||
			listed[i].chunk >= layout->first_chunk[t + 1] - layout->first_chunk[t])
			corrupted(layout, listed[i].tensor, listed[i].chunk, "unexpected");
		else
			layout->chunk[layout->first_chunk[t] + listed[i].chunk] = &listed[i];
	}
	for (t = 0; t < layout->n; t++)
		for (int i = layout->first_chunk[t]; i < layout->first_chunk[t + 1]; i++)
			if (layout->chunk[i] == NULL)
				corrupted(layout, layout->tensor[t].name, i - layout->first_chunk[t], "missing");
}

/* place decides offsets and sizes. */
static void
place(RecoLayout *layout)
{
	layout->head_bytes = sizeof(ImageHeader) + layout->n * sizeof(ImageEntry);
	layout->bytes = layout->head_bytes;
	layout->offset = palloc(Max(layout->n, 1) * sizeof(uint64));
	for (int i = 0; i < layout->n; i++)
	{
		layout->offset[i] = layout->bytes;
		layout->bytes = TYPEALIGN64(RECO_IMAGE_ALIGN,
									add_size(layout->bytes, reco_store_tensor_bytes(&layout->tensor[i])));
	}
}

/* draw_head writes header and entries, but for the version and the digest. */
static void
draw_head(RecoLayout *layout)
{
	ImageHeader *header;
	ImageEntry *entry;

	layout->head = palloc0(layout->head_bytes);
	header = (ImageHeader *) layout->head;
	entry = (ImageEntry *) (layout->head + sizeof(ImageHeader));
	memcpy(header->magic, "RECOMAP", 8);
	header->byte_order = BYTE_ORDER_MARK;
	header->format = RECO_FORMAT_VERSION;
	header->bytes = layout->bytes;
	header->n_tensors = layout->n;
	header->entry_bytes = sizeof(ImageEntry);
	for (int i = 0; i < layout->n; i++)
	{
		strlcpy(entry[i].name, layout->tensor[i].name, sizeof(entry[i].name));
		entry[i].type = layout->tensor[i].type;
		entry[i].rows = layout->tensor[i].rows;
		entry[i].columns = layout->tensor[i].columns;
		entry[i].offset = layout->offset[i];
		entry[i].bytes = reco_store_tensor_bytes(&layout->tensor[i]);
	}
}

/* sign_head computes the digest of the content and completes the header. */
static void
sign_head(RecoLayout *layout)
{
	ImageHeader *header = (ImageHeader *) layout->head;
	int n = layout->first_chunk[layout->n];
	uint8 *digests = palloc(Max(n, 1) * RECO_DIGEST_BYTES);

	for (int i = 0; i < n; i++)
	{
		if (layout->chunk[i] == NULL)
			memset(digests + i * RECO_DIGEST_BYTES, 0, RECO_DIGEST_BYTES);
		else
			memcpy(digests + i * RECO_DIGEST_BYTES, layout->chunk[i]->digest, RECO_DIGEST_BYTES);
	}
	reco_store_sha256(layout->head, layout->head_bytes, digests, (Size) n * RECO_DIGEST_BYTES,
					  layout->digest);
	memcpy(header->version, layout->version->key.data, UUID_LEN);
	memcpy(header->digest, layout->digest, RECO_DIGEST_BYTES);
	pfree(digests);
}

RecoLayout *
reco_layout_examine(const RecoVersion *version, RecoProblemSink report, void *state)
{
	RecoLayout *layout = palloc0(sizeof(RecoLayout));

	layout->version = version;
	layout->report = report;
	layout->report_state = state;
	if (!read_table(layout) || !count_chunks(layout))
		return NULL;
	read_chunk_list(layout);
	place(layout);
	draw_head(layout);
	sign_head(layout);
	return layout;
}

/* reco_layout_make lays out the image of a version, in the current memory context. */
RecoLayout *
reco_layout_make(const RecoVersion *version)
{
	return reco_layout_examine(version, NULL, NULL);
}

/* reco_layout_tensors gives the tensors of an image, without their data. */
RecoTensorSet *
reco_layout_tensors(const RecoLayout *layout)
{
	RecoTensorSet *set = palloc0(sizeof(RecoTensorSet));

	set->n = layout->n;
	set->tensor = palloc(Max(layout->n, 1) * sizeof(RecoTensor));
	for (int i = 0; i < layout->n; i++)
	{
		set->tensor[i] = layout->tensor[i];
		set->tensor[i].name = pstrdup(layout->tensor[i].name);
	}
	return set;
}

/* chunk_problem says what is wrong with the data of the i-th chunk; NULL when nothing is. */
static const char *
chunk_problem(const RecoLayout *layout, int t, int i, const bytea *data, Size expected)
{
	uint8 digest[RECO_DIGEST_BYTES];

	if (data == NULL)
		return "missing";
	if (VARSIZE_ANY_EXHDR(data) != expected)
		return "corrupted";
	reco_store_sha256(VARDATA_ANY(data), expected, NULL, 0, digest);
	return memcmp(digest, layout->chunk[i]->digest, RECO_DIGEST_BYTES) == 0 ? NULL : "corrupted";
}

bytea *
reco_layout_read_chunk(const RecoLayout *layout, int t, int i)
{
	const RecoTensor *tensor = &layout->tensor[t];
	int number = i - layout->first_chunk[t];
	Size length = Min(reco_store_tensor_bytes(tensor) - (Size) number * RECO_CHUNK_BYTES, RECO_CHUNK_BYTES);
	const char *problem;
	bytea *data;

	if (layout->chunk[i] == NULL)
		return NULL;
	data = reco_catalog_read_chunk(&layout->version->recommender, layout->chunk[i]->digest);
	problem = chunk_problem(layout, t, i, data, length);
	if (problem == NULL)
	{
		reco_store_swap(VARDATA_ANY(data), length, tensor->type);
		if (!reco_store_all_finite(VARDATA_ANY(data), length, tensor->type))
			problem = "non-finite";
	}
	if (problem == NULL)
		return data;
	corrupted(layout, tensor->name, number, problem);
	return NULL;
}

int
reco_layout_read_tensor(const RecoLayout *layout, int t, RecoImageSink sink, void *state)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "reco chunk", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	uint64 offset = layout->offset[t];
	int error = 0;

	for (int i = layout->first_chunk[t]; i < layout->first_chunk[t + 1] && error == 0; i++)
	{
		bytea *data;

		CHECK_FOR_INTERRUPTS();
		data = reco_layout_read_chunk(layout, t, i);
		if (data != NULL)
			error = sink(state, offset, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
		offset += RECO_CHUNK_BYTES;
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return error;
}

/* reco_layout_read hands every chunk, checked, to the sink. */
int
reco_layout_read(const RecoLayout *layout, RecoImageSink sink, void *state)
{
	int error = 0;

	for (int t = 0; t < layout->n && error == 0; t++)
		error = reco_layout_read_tensor(layout, t, sink, state);
	return error;
}

/* find_entry finds a tensor in the table of a version; false when it is not there or cannot be read. */
static bool
find_entry(const RecoVersion *version, const char *name, RecoTensor *tensor)
{
	Jsonb *table = version->tensors;

	if (table == NULL || !JsonContainerIsArray(&table->root))
		return false;
	for (uint32 i = 0; i < JsonContainerSize(&table->root); i++)
		if (read_entry(getIthJsonbValueFromContainer(&table->root, i), tensor) &&
			strcmp(tensor->name, name) == 0)
			return true;
	return false;
}

/* read_intact reads one chunk to its place in data; false unless it is there and as its digest says. */
static bool
read_intact(const RecoVersion *version, const RecoChunkRef *ref, Size expected, char *place)
{
	bytea *data = reco_catalog_read_chunk(&version->recommender, ref->digest);
	uint8 digest[RECO_DIGEST_BYTES];

	if (data == NULL || VARSIZE_ANY_EXHDR(data) != expected)
		return false;
	reco_store_sha256(VARDATA_ANY(data), expected, NULL, 0, digest);
	if (memcmp(digest, ref->digest, RECO_DIGEST_BYTES) != 0)
		return false;
	memcpy(place, VARDATA_ANY(data), expected);
	pfree(data);
	return true;
}

/*
 * chunks_listed gives the chunks of one tensor, which follow each other in a version's list; NULL unless they are those
 * that so many bytes take, so that a size that was altered allocates nothing.
 */
static const RecoChunkRef *
chunks_listed(const RecoVersion *version, const char *name, Size bytes)
{
	int n_refs;
	const RecoChunkRef *ref = reco_catalog_chunks(version, &n_refs);
	int first = 0;
	int n = 0;

	while (first < n_refs && strcmp(ref[first].tensor, name) != 0)
		first++;
	while (first + n < n_refs && strcmp(ref[first + n].tensor, name) == 0 && ref[first + n].chunk == n)
		n++;
	return (Size) n == (bytes + RECO_CHUNK_BYTES - 1) / RECO_CHUNK_BYTES ? ref + first : NULL;
}

/* reco_store_read_tensor reads one tensor from its chunks; NULL when it is absent or damaged. */
const RecoTensor *
reco_store_read_tensor(const RecoVersion *version, const char *name)
{
	RecoTensor *tensor = palloc0(sizeof(RecoTensor));
	const RecoChunkRef *ref;
	Size bytes;
	Size done = 0;
	char *data;

	if (!find_entry(version, name, tensor))
		return NULL;
	bytes = reco_store_tensor_bytes(tensor);
	ref = chunks_listed(version, name, bytes);
	if (ref == NULL)
		return NULL;
	data = palloc_extended(Max(bytes, 1), MCXT_ALLOC_HUGE);
	for (; done < bytes; done += RECO_CHUNK_BYTES, ref++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!read_intact(version, ref, Min(bytes - done, RECO_CHUNK_BYTES), data + done))
			return NULL;
	}
	reco_store_swap(data, bytes, tensor->type);
	tensor->data = data;
	return tensor;
}
