/*
 * cache.c
 *	  The versions a session has open.
 *
 * Each is an image (layout.h) in memory: the mapped file that all backends
 * share (file.c) or, where that cannot be written, a private copy.  An open version
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
	char *map; /* NULL: a private copy */
	Size bytes;
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

/* report_fallback tells the server's log, once a session, why a private copy is made. */
static void
report_fallback(int error)
{
	static bool reported = false;

	errno = error;
	ereport(reported ? DEBUG1 : LOG,
			(errmsg("could not use a cache file in \"%s\": %m", reco_store_folder_path),
			 errdetail("This session copies models into private memory, up to reco.private_cache_limit.")));
	reported = true;
}

/* refuse_private raises because a model is too large for a private copy. */
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

/* sink_to_memory is the sink that puts chunks into a private image. */
static int
sink_to_memory(void *state, uint64 offset, const void *data, Size bytes)
{
	memcpy((char *) state + offset, data, bytes);
	return 0;
}

/* copy_privately makes a private image in the version's context; error says why there is no file. */
static char *
copy_privately(OpenVersion *open, const RecoLayout *layout, int error)
{
	char *base;

	if (!make_room(layout->bytes))
		refuse_private(layout, error);
	report_fallback(error);
	base = MemoryContextAllocHuge(open->context, layout->bytes + RECO_IMAGE_ALIGN);
	base = (char *) TYPEALIGN(RECO_IMAGE_ALIGN, base);
	memcpy(base, layout->head, layout->head_bytes);
	(void) reco_layout_read(layout, sink_to_memory, base);
	return base;
}

/* check_content runs the check of a version that is being opened; when it raises, the mapping goes. */
static void
check_content(OpenVersion *open, const RecoVersion *version, RecoTensorCheck check)
{
	PG_TRY();
	{
		check(version, open->set);
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
load(const RecoLayout *layout, RecoTensorCheck check)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco version", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	OpenVersion *open = palloc0(sizeof(OpenVersion));
	char *base;
	int error;

	open->context = context;
	open->key = layout->version->key;
	open->bytes = layout->bytes;
	open->set = reco_layout_tensors(layout, NULL);
	dlist_init(&open->pins);
	MemoryContextSwitchTo(caller);

	base = open->map = reco_file_map(layout, &error);
	if (base == NULL)
		base = copy_privately(open, layout, error);
	for (int i = 0; i < layout->n; i++)
		open->set->tensor[i].data = base + layout->offset[i];
	check_content(open, layout->version, check);
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
reco_store_open(const RecoVersion *version, RecoTensorCheck check, MemoryContext pin)
{
	OpenVersion *open = find_open(&version->key);

	if (open == NULL)
	{
		MemoryContext scratch =
			AllocSetContextCreate(CurrentMemoryContext, "reco open", ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(scratch);

		close_gone();
		open = load(reco_layout_make(version), check);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(scratch);
	}
	pin_version(open, pin);
	return open->set;
}
