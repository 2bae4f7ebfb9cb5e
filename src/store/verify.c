/*
 * verify.c
 *	  Reads all of a version again: the chunks against their digests, the cache
 *	  file against the chunks.
 */
#include "postgres.h"

#include <unistd.h>

#include "storage/fd.h"

#include "store/clear.h"
#include "store/file.h"

/* A verification under way. */
typedef struct Verify
{
	const RecoLayout *layout;
	int fd;      /* of the cache file, -1: none */
	bool wrong;  /* the file is not what was built */
	char *piece; /* [RECO_CHUNK_BYTES] of the file */
} Verify;

/* tensor_at gives the tensor whose data lie at an offset of the image. */
static int
tensor_at(const RecoLayout *layout, uint64 offset)
{
	int t = 0;

	while (t + 1 < layout->n && layout->offset[t + 1] <= offset)
		t++;
	return t;
}

/* compare_chunk is the sink that compares a chunk, which is right, with its place in the file. */
static int
compare_chunk(void *state, uint64 offset, const void *data, Size bytes)
{
	Verify *verify = state;
	const RecoLayout *layout = verify->layout;

	if (verify->fd >= 0 && (pread(verify->fd, verify->piece, bytes, (off_t) offset) != (ssize_t) bytes ||
							memcmp(verify->piece, data, bytes) != 0))
	{
		int t = tensor_at(layout, offset);

		layout->report(layout->report_state, layout->tensor[t].name,
					   (int) ((offset - layout->offset[t]) / RECO_CHUNK_BYTES),
					   "altered in the cache file, which was removed");
		verify->wrong = true;
	}
	return 0;
}

void
reco_store_verify(const RecoVersion *version, RecoProblemSink report, void *state)
{
	RecoLayout *layout = reco_layout_examine(version, report, state);
	Verify verify = {.layout = layout, .piece = palloc(RECO_CHUNK_BYTES)};
	bool right;

	if (layout == NULL)
		return;
	verify.fd = reco_file_open(layout, &right);
	if (verify.fd >= 0 && !right)
		report(state, NULL, -1, "the cache file is not the one that was built; it was removed");
	(void) reco_layout_read(layout, compare_chunk, &verify);
	if (verify.fd >= 0)
		CloseTransientFile(verify.fd);
	if (verify.fd >= 0 && (!right || verify.wrong))
		(void) unlink(reco_clear_path(layout));
	pfree(verify.piece);
}
