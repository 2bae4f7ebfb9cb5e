/*
 * stream.c
 *	  Tensors that are in no memory: pieces of them are read from the chunks.
 *
 * This is how a model is served whose cache file cannot be written and which is
 * too large to be copied.  Every piece is checked against its digest each
 * time it is read.  The chunks are read in the snapshot of the
 * moment: whoever sees the version sees its chunks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "store/layout.h"

struct RecoStream
{
	RecoVersion version; /* what the layout points to */
	RecoLayout *layout;
	MemoryContext memory; /* of the chunk that is kept */
	int kept;             /* its number in the image; -1: none */
	bytea *chunk;
};

RecoStream *
reco_stream_make(const RecoVersion *version)
{
	RecoStream *stream = palloc0(sizeof(RecoStream));

	stream->version = *version;
	stream->layout = reco_layout_make(&stream->version);
	stream->memory = AllocSetContextCreate(CurrentMemoryContext, "reco streamed chunk", ALLOCSET_SMALL_SIZES);
	stream->kept = -1;
	return stream;
}

Size
reco_stream_bytes(void)
{
	return 2 * RECO_CHUNK_BYTES;
}

/* chunk_of gives the data of the i-th chunk of the image, which is of tensor t. */
static const char *
chunk_of(RecoStream *stream, int t, int i)
{
	MemoryContext caller;

	if (stream->kept == i)
		return VARDATA_ANY(stream->chunk);
	CHECK_FOR_INTERRUPTS();
	stream->kept = -1;
	MemoryContextReset(stream->memory);
	caller = MemoryContextSwitchTo(stream->memory);
	stream->chunk = reco_layout_read_chunk(stream->layout, t, i);
	MemoryContextSwitchTo(caller);
	stream->kept = i;
	return VARDATA_ANY(stream->chunk);
}

/* tensor_of gives the place of a tensor of the set in the layout, which has the same names. */
static int
tensor_of(const RecoLayout *layout, const RecoTensor *tensor)
{
	for (int t = 0; t < layout->n; t++)
		if (strcmp(layout->tensor[t].name, tensor->name) == 0)
			return t;
	elog(ERROR, "tensor \"%s\" is in no layout", tensor->name);
}

void
reco_store_fetch(const RecoTensorSet *set, const RecoTensor *tensor, Size offset, Size bytes, void *to)
{
	RecoStream *stream = set->stream;
	int t = tensor_of(stream->layout, tensor);
	char *place = to;

	Assert(offset + bytes <= reco_store_tensor_bytes(tensor));
	while (bytes > 0)
	{
		Size within = offset % RECO_CHUNK_BYTES;
		Size length = Min(bytes, RECO_CHUNK_BYTES - within);
		int i = stream->layout->first_chunk[t] + (int) (offset / RECO_CHUNK_BYTES);

		memcpy(place, chunk_of(stream, t, i) + within, length);
		place += length;
		offset += length;
		bytes -= length;
	}
}
