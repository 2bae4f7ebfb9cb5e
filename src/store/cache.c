/*
 * cache.c
 *	  The versions a session has open.
 *
 * Each is an image (layout.h) in memory: the mapped file that all backends
 * share (file.c) or, where that cannot be written, a private copy; or, where the
 * copy would be too large, private copies of the small tensors and a stream of the others (stream.c).  An open version
 * is pinned by memory contexts: reco_store_open notes the context that wants it,
 * and the reset of that context unpins it.  Without a pin it stays open for
 * the next call, until another version is opened: then those that are gone from the
 * tables are closed, and the longest unused above a limit.  So a session that serves for a
 * year of nightly refreshes keeps a few mappings, not hundreds.
 *
 * A version's content never changes under its key, so a session looks at the
 * tables only when it opens one.  A version dropped while pinned goes on serving.
 */
#include "postgres.h"

#include <sys/mman.h>

#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "reco.h"
#include "store/file.h"
#include "store/layout.h"

#define MAX_UNPINNED 32

typedef struct OpenVersion
{
	dlist_node node;       /* in open_versions, last used first */
	MemoryContext context; /* of this struct, the tensor table, and a private copy */
	pg_uuid_t key;
	RecoTensorSet *set;
	char *map;  /* NULL: private memory */
	Size bytes; /* mapped or private */
	dlist_head pins;
} OpenVersion;

/* A context that wants a version; lives in that context. */
typedef struct Pin
{
	dlist_node node;
	MemoryContext pinned_by;
	MemoryContextCallback callback;
} Pin;

static dlist_head open_versions = DLIST_STATIC_INIT(open_versions);

/* close_version gives back the memory of a version nobody has pinned. */
static void
close_version(OpenVersion *open)
{
	dlist_delete(&open->node);
	if (open->map != NULL)
		(void) munmap(open->map, open->bytes);
	MemoryContextDelete(open->context);
}

/* private_bytes adds up the private copies of the session. */
static Size
private_bytes(void)
{
	Size bytes = 0;
	dlist_iter at;

	dlist_foreach (at, &open_versions)
	{
		OpenVersion *open = dlist_container(OpenVersion, node, at.cur);

		if (open->map == NULL)
			bytes += open->bytes;
	}
	return bytes;
}

/* close_gone closes versions without a pin that are no longer in the tables, and the longest unused of many. */
static void
close_gone(void)
{
	int kept = 0;
	dlist_mutable_iter at;

	dlist_foreach_modify (at, &open_versions)
	{
		OpenVersion *open = dlist_container(OpenVersion, node, at.cur);

		if (!dlist_is_empty(&open->pins))
			continue;
		if (kept >= MAX_UNPINNED || !reco_catalog_version_exists(&open->key))
			close_version(open);
		else
			kept++;
	}
}

/* make_room closes private copies without a pin, longest unused first, until "bytes" fit; false when they cannot. */
static bool
make_room(Size bytes)
{
	Size limit = (Size) reco_private_cache_limit * 1024;

	while (bytes <= limit && private_bytes() > limit - bytes)
	{
		OpenVersion *oldest = NULL;
		dlist_iter at;

		dlist_foreach (at, &open_versions)
		{
			OpenVersion *open = dlist_container(OpenVersion, node, at.cur);

			if (open->map == NULL && dlist_is_empty(&open->pins))
				oldest = open;
		}
		if (oldest == NULL)
			return false;
		close_version(oldest);
	}
	return bytes <= limit;
}

/* report_fallback tells the server's log, once a session, why private memory is used. */
static void
report_fallback(int error, RecoStorage storage)
{
	static bool reported = false;

	errno = error;
	ereport(
		reported ? DEBUG1 : LOG,
		(errmsg("could not use a cache file in \"%s\": %m", reco_store_folder_path),
		 storage == RECO_STORAGE_STREAMED
			 ? errdetail("The model is larger than reco.private_cache_limit allows to copy: "
						 "this session reads it from its table at each call, which is slow.")
			 : errdetail("This session copies models into private memory, up to reco.private_cache_limit.")));
	reported = true;
}

/* refuse_private raises because a model is too large for private memory, even what has to be held of it. */
static void
refuse_private(const RecoLayout *layout, int error)
{
	errno = error;
	ereport(
		ERROR,
		(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
		 errmsg("model of %s cannot be copied into private memory, reco.private_cache_limit is %s",
				reco_store_size_text(layout->bytes),
				reco_store_size_text((Size) reco_private_cache_limit * 1024)),
		 errdetail("A private copy would be needed because the cache file in \"%s\" cannot be used: %m.",
				   reco_store_folder_path),
		 errhint("Make that folder writable and give its disk room, or raise reco.private_cache_limit.")));
}

/* A piece of the image in private memory. */
typedef struct Piece
{
	char *data;
	uint64 offset; /* in the image */
} Piece;

/* sink_to_memory is the sink that puts chunks into a piece of the image. */
static int
sink_to_memory(void *state, uint64 offset, const void *data, Size bytes)
{
	Piece *piece = state;

	memcpy(piece->data + (offset - piece->offset), data, bytes);
	return 0;
}

/* private_memory gives aligned memory in the version's context. */
static char *
private_memory(OpenVersion *open, Size bytes)
{
	return (char *) TYPEALIGN(RECO_IMAGE_ALIGN,
							  MemoryContextAllocHuge(open->context, bytes + RECO_IMAGE_ALIGN));
}

/* copy_privately makes a private image. */
static void
copy_privately(OpenVersion *open, const RecoLayout *layout)
{
	Piece image = {private_memory(open, layout->bytes), 0};

	(void) reco_layout_read(layout, sink_to_memory, &image);
	open->bytes = layout->bytes;
	open->set->storage = RECO_STORAGE_PRIVATE;
	for (int t = 0; t < layout->n; t++)
		open->set->tensor[t].data = image.data + layout->offset[t];
}

/* use_of says what becomes of a tensor that is not held for its size alone. */
static RecoTensorUse
use_of(const RecoOpening *opening, const RecoTensor *tensor)
{
	return opening->use != NULL ? opening->use(tensor->name) : RECO_TENSOR_HELD;
}

/* streamed_bytes gives the private memory that a version takes when it is streamed. */
static Size
streamed_bytes(const RecoLayout *layout, const RecoOpening *opening)
{
	Size bytes = reco_stream_bytes();

	for (int t = 0; t < layout->n; t++)
		if (use_of(opening, &layout->tensor[t]) == RECO_TENSOR_HELD)
			bytes = add_size(bytes, add_size(reco_store_tensor_bytes(&layout->tensor[t]), RECO_IMAGE_ALIGN));
	return bytes;
}

/* stream_privately copies what has to be held, leaves out what can be done without, and streams the rest. */
static void
stream_privately(OpenVersion *open, const RecoLayout *layout, const RecoOpening *opening)
{
	RecoTensorSet *set = open->set;
	MemoryContext caller;

	set->n = 0;
	for (int t = 0; t < layout->n; t++)
	{
		RecoTensorUse use = use_of(opening, &layout->tensor[t]);
		RecoTensor tensor = set->tensor[t];

		if (use == RECO_TENSOR_LEFT_OUT)
			continue;
		if (use == RECO_TENSOR_HELD)
		{
			Piece piece = {private_memory(open, reco_store_tensor_bytes(&tensor)), layout->offset[t]};

			(void) reco_layout_read_tensor(layout, t, sink_to_memory, &piece);
			tensor.data = piece.data;
		}
		set->tensor[set->n++] = tensor;
	}
	caller = MemoryContextSwitchTo(open->context);
	set->stream = reco_stream_make(layout->version);
	MemoryContextSwitchTo(caller);
	set->storage = RECO_STORAGE_STREAMED;
	open->bytes = streamed_bytes(layout, opening);
}

/* load_privately does without a file; error says why there is none. */
static void
load_privately(OpenVersion *open, const RecoLayout *layout, const RecoOpening *opening, int error)
{
	if (make_room(layout->bytes))
		copy_privately(open, layout);
	else if (make_room(streamed_bytes(layout, opening)))
		stream_privately(open, layout, opening);
	else
		refuse_private(layout, error);
	report_fallback(error, open->set->storage);
}

/* check_content runs the check of a version that is being opened; when it raises, the mapping goes. */
static void
check_content(OpenVersion *open, const RecoVersion *version, const RecoOpening *opening)
{
	PG_TRY();
	{
		opening->check(version, open->set);
	}
	PG_CATCH();
	{
		if (open->map != NULL)
			(void) munmap(open->map, open->bytes);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/*
 * load makes the OpenVersion of a layout.  Its context hangs below the
 * current one until nothing can fail any more, and after the mapping only the
 * check can fail, so an error leaves nothing behind.
 */
static OpenVersion *
load(const RecoLayout *layout, const RecoOpening *opening)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco version", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	OpenVersion *open = palloc0(sizeof(OpenVersion));
	int error;

	open->context = context;
	open->key = layout->version->key;
	open->bytes = layout->bytes;
	open->set = reco_layout_tensors(layout);
	dlist_init(&open->pins);
	MemoryContextSwitchTo(caller);

	open->map = reco_file_map(layout, &error);
	if (open->map == NULL)
		load_privately(open, layout, opening, error);
	for (int t = 0; open->map != NULL && t < layout->n; t++)
		open->set->tensor[t].data = open->map + layout->offset[t];
	check_content(open, layout->version, opening);
	MemoryContextSetParent(context, TopMemoryContext);
	dlist_push_head(&open_versions, &open->node);
	return open;
}

/* find_open gives a version that is open already, and makes it the last used; NULL when it is not. */
static OpenVersion *
find_open(const pg_uuid_t *key)
{
	dlist_iter at;

	dlist_foreach (at, &open_versions)
	{
		OpenVersion *open = dlist_container(OpenVersion, node, at.cur);

		if (memcmp(&open->key, key, UUID_LEN) == 0)
		{
			dlist_move_head(&open_versions, &open->node);
			return open;
		}
	}
	return NULL;
}

/* unpin is called when a context that had pinned a version is reset or deleted. */
static void
unpin(void *arg)
{
	Pin *pin = arg;

	dlist_delete(&pin->node);
}

/* pin_version notes that a context wants a version; once is enough for a context. */
static void
pin_version(OpenVersion *open, MemoryContext context)
{
	dlist_iter at;
	Pin *pin;

	dlist_foreach (at, &open->pins)
	{
		if (dlist_container(Pin, node, at.cur)->pinned_by == context)
			return;
	}
	pin = MemoryContextAlloc(context, sizeof(Pin));
	pin->pinned_by = context;
	pin->callback.func = unpin;
	pin->callback.arg = pin;
	MemoryContextRegisterResetCallback(context, &pin->callback);
	dlist_push_head(&open->pins, &pin->node);
}

/* reco_store_open gives the tensors of a version, valid until "pin" is reset or deleted. */
const RecoTensorSet *
reco_store_open(const RecoVersion *version, const RecoOpening *opening, MemoryContext pin)
{
	OpenVersion *open = find_open(&version->key);

	if (open == NULL)
	{
		MemoryContext scratch =
			AllocSetContextCreate(CurrentMemoryContext, "reco open", ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(scratch);

		close_gone();
		open = load(reco_layout_make(version), opening);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(scratch);
	}
	pin_version(open, pin);
	return open->set;
}

bool
reco_store_warm(const RecoVersion *version, Size *bytes)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "reco warm", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	const RecoLayout *layout = reco_layout_make(version);
	int error;
	char *map = reco_file_map(layout, &error);

	*bytes = layout->bytes;
	if (map != NULL)
	{
		(void) madvise(map, layout->bytes, MADV_WILLNEED);
		(void) munmap(map, layout->bytes);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
	return map != NULL;
}
