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

/* corrupted raises ERRCODE_DATA_CORRUPTED for a version; "what" is the primary message's beginning. */
static void
corrupted(const RecoVersion *version, const char *what)
{
	const char *label = recommender_label(version);

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

/* read_table reads the tensor table of a version's row. */
static void
read_table(RecoLayout *layout)
{
	Jsonb *table = layout->version->tensors;

	if (table == NULL || !JsonContainerIsArray(&table->root) ||
		JsonContainerSize(&table->root) > RECO_MAX_TENSORS)
		corrupted(layout->version, "unreadable table of tensors");
	layout->n = JsonContainerSize(&table->root);
	layout->tensor = palloc0(Max(layout->n, 1) * sizeof(RecoTensor));
	for (int i = 0; i < layout->n; i++)
	{
		if (!read_entry(getIthJsonbValueFromContainer(&table->root, i), &layout->tensor[i]))
			corrupted(layout->version, psprintf("unreadable entry %d in the table of tensors", i));
	}
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

/* read_chunk_list puts the version's list of chunks into the order of the image, each in its place. */
static void
read_chunk_list(RecoLayout *layout)
{
	const RecoVersion *version = layout->version;
	int n_listed;
	RecoChunkRef *listed = reco_catalog_chunks(version, &n_listed);
	int t = -1;

	layout->first_chunk = palloc0((layout->n + 1) * sizeof(int));
	for (int i = 0; i < layout->n; i++)
	{
		layout->first_chunk[i + 1] = layout->first_chunk[i] + chunks_of(&layout->tensor[i]);
		if (layout->first_chunk[i + 1] > MAX_CHUNKS)
			corrupted(version, "impossible table of tensors");
	}
	layout->chunk = palloc0(Max(layout->first_chunk[layout->n], 1) * sizeof(RecoChunkRef *));

	for (int i = 0; i < n_listed; i++)
	{
		t = find_tensor(layout, listed[i].tensor, t);
		if (t < 0 || listed[i].chunk < 0 ||
			listed[i].chunk >= layout->first_chunk[t + 1] - layout->first_chunk[t])
			corrupted(version,
					  psprintf("unexpected chunk %d of tensor \"%s\"", listed[i].chunk, listed[i].tensor));
		layout->chunk[layout->first_chunk[t] + listed[i].chunk] = &listed[i];
	}
	for (t = 0; t < layout->n; t++)
		for (int i = layout->first_chunk[t]; i < layout->first_chunk[t + 1]; i++)
			if (layout->chunk[i] == NULL)
				corrupted(version, psprintf("missing chunk %d of tensor \"%s\"", i - layout->first_chunk[t],
											layout->tensor[t].name));
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
		strcpy(entry[i].name, layout->tensor[i].name);
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
		memcpy(digests + i * RECO_DIGEST_BYTES, layout->chunk[i]->digest, RECO_DIGEST_BYTES);
	reco_store_sha256(layout->head, layout->head_bytes, digests, (Size) n * RECO_DIGEST_BYTES,
					  layout->digest);
	memcpy(header->version, layout->version->key.data, UUID_LEN);
	memcpy(header->digest, layout->digest, RECO_DIGEST_BYTES);
	pfree(digests);
}

/* reco_layout_make lays out the image of a version, in the current memory context. */
RecoLayout *
reco_layout_make(const RecoVersion *version)
{
	RecoLayout *layout = palloc0(sizeof(RecoLayout));

	layout->version = version;
	read_table(layout);
	read_chunk_list(layout);
	place(layout);
	draw_head(layout);
	sign_head(layout);
	return layout;
}

/* reco_layout_tensors gives the tensors of an image in memory. */
RecoTensorSet *
reco_layout_tensors(const RecoLayout *layout, const char *base)
{
	RecoTensorSet *set = palloc(sizeof(RecoTensorSet));

	set->n = layout->n;
	set->tensor = palloc(Max(layout->n, 1) * sizeof(RecoTensor));
	for (int i = 0; i < layout->n; i++)
	{
		set->tensor[i] = layout->tensor[i];
		set->tensor[i].name = pstrdup(layout->tensor[i].name);
		set->tensor[i].data = base == NULL ? NULL : base + layout->offset[i];
	}
	return set;
}

/* check_chunk raises unless the data are there, of the right length, and match their digest. */
static void
check_chunk(const RecoLayout *layout, int t, int i, const bytea *data, Size expected)
{
	int number = i - layout->first_chunk[t];
	const char *name = layout->tensor[t].name;
	uint8 digest[RECO_DIGEST_BYTES];

	if (data == NULL)
		corrupted(layout->version, psprintf("missing chunk %d of tensor \"%s\"", number, name));
	if (VARSIZE_ANY_EXHDR(data) == expected)
	{
		reco_store_sha256(VARDATA_ANY(data), expected, NULL, 0, digest);
		if (memcmp(digest, layout->chunk[i]->digest, RECO_DIGEST_BYTES) == 0)
			return;
	}
	corrupted(layout->version, psprintf("corrupted chunk %d of tensor \"%s\"", number, name));
}

/* check_finite raises when a chunk has a digest that is right and values that no version is written with. */
static void
check_finite(const RecoLayout *layout, int t, int i, const void *data, Size length)
{
	const RecoTensor *tensor = &layout->tensor[t];

	if (!reco_store_all_finite(data, length, tensor->type))
		corrupted(layout->version, psprintf("values that are not finite in chunk %d of tensor \"%s\"",
											i - layout->first_chunk[t], tensor->name));
}

/* reco_layout_read hands every chunk, checked, to the sink. */
int
reco_layout_read(const RecoLayout *layout, RecoImageSink sink, void *state)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "reco chunk", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	int error = 0;

	for (int t = 0; t < layout->n && error == 0; t++)
	{
		const RecoTensor *tensor = &layout->tensor[t];
		Size left = reco_store_tensor_bytes(tensor);
		uint64 offset = layout->offset[t];

		for (int i = layout->first_chunk[t]; i < layout->first_chunk[t + 1] && error == 0; i++)
		{
			Size length = Min(left, RECO_CHUNK_BYTES);
			bytea *data;

			CHECK_FOR_INTERRUPTS();
			data = reco_catalog_read_chunk(&layout->version->recommender, layout->chunk[i]->digest);
			check_chunk(layout, t, i, data, length);
			reco_store_swap(VARDATA_ANY(data), length, tensor->type);
			check_finite(layout, t, i, VARDATA_ANY(data), length);
			error = sink(state, offset, VARDATA_ANY(data), length);
			offset += length;
			left -= length;
			MemoryContextReset(scratch);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
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

/* reco_store_read_tensor reads one tensor from its chunks; NULL when it is absent or damaged. */
const RecoTensor *
reco_store_read_tensor(const RecoVersion *version, const char *name)
{
	RecoTensor *tensor = palloc0(sizeof(RecoTensor));
	int n_refs;
	RecoChunkRef *ref;
	Size bytes;
	Size done = 0;
	char *data;

	if (!find_entry(version, name, tensor))
		return NULL;
	bytes = reco_store_tensor_bytes(tensor);
	data = palloc_extended(Max(bytes, 1), MCXT_ALLOC_HUGE);
	ref = reco_catalog_chunks(version, &n_refs);
	for (int i = 0; i < n_refs && done < bytes; i++)
	{
		Size length = Min(bytes - done, RECO_CHUNK_BYTES);

		CHECK_FOR_INTERRUPTS();
		if (strcmp(ref[i].tensor, name) != 0)
			continue;
		if ((Size) ref[i].chunk * RECO_CHUNK_BYTES != done ||
			!read_intact(version, &ref[i], length, data + done))
			return NULL;
		done += length;
	}
	if (done < bytes)
		return NULL;
	reco_store_swap(data, bytes, tensor->type);
	tensor->data = data;
	return tensor;
}
