/*
 * layout.h
 *	  How the tensors of a version lie in the file of the mapped cache (or in
 *	  a private copy of it), and where their chunks go.
 *
 * The image, in the byte order of the machine that wrote it:
 *
 *	      0 +----------------------------------------------------+
 *	        | char   magic[8]      "RECOMAP" and a zero           |
 *	      8 | uint32 byte_order    0x01020304                    |
 *	     12 | uint32 format        RECO_FORMAT_VERSION           |
 *	     16 | uint64 bytes         of the whole image            |
 *	     24 | uint32 n_tensors                                   |
 *	     28 | uint32 entry_bytes   128                           |
 *	     32 | uint8  version[16]   key of the version            |
 *	     48 | uint8  digest[32]    of the content, see below     |
 *	     80 | zeros                                              |
 *	    128 +----------------------------------------------------+
 *	        | n_tensors entries of 128 bytes:                    |
 *	        |   char   name[64]    zero-terminated and -filled   |
 *	        |   uint32 type        RecoTensorType                |
 *	        |   uint32 zero                                      |
 *	        |   int64  rows, columns                             |
 *	        |   uint64 offset      from the start, multiple of 64|
 *	        |   uint64 bytes       rows * columns * element size |
 *	        |   zeros                                            |
 *	        +----------------------------------------------------+
 *	        | data of tensor 0, zeros up to a multiple of 64     |
 *	        | data of tensor 1, ...                              |
 *	        +----------------------------------------------------+
 *
 * Header and entries together are the head.  It is a function of the version's
 * row and its list of chunks, so whoever opens a file computes the head it
 * must have and compares bytes: names, types, bounds, format and byte order are
 * all checked by one memcmp, and no number in a file is ever believed.
 *
 * The digest of the content is SHA-256 over the head (with version and digest
 * zero) and the digests of all chunks in the order of the image.
 */
#ifndef RECO_STORE_LAYOUT_H
#define RECO_STORE_LAYOUT_H

#include "store/store.h"

#define RECO_CHUNK_BYTES 1048576 /* of a tensor's data, the last chunk excepted */
#define RECO_TENSOR_NAME_BYTES 64
#define RECO_DIGEST_BYTES 32
#define RECO_MAX_TENSORS 1024
#define RECO_IMAGE_ALIGN 64

typedef struct RecoLayout
{
	const RecoVersion *version;
	RecoProblemSink report; /* NULL: what is wrong is an error */
	void *report_state;
	int n;                      /* tensors */
	RecoTensor *tensor;         /* [n], data NULL */
	uint64 *offset;             /* [n] of the data in the image */
	int *first_chunk;           /* [n + 1] chunks of tensor t are first_chunk[t] ... first_chunk[t + 1] - 1 */
	const RecoChunkRef **chunk; /* [first_chunk[n]] in the order of the image; NULL: missing, and reported */
	Size bytes;                 /* of the image */
	Size head_bytes;
	char *head; /* [head_bytes] */
	uint8 digest[RECO_DIGEST_BYTES];
} RecoLayout;

/*
 * reco_layout_make reads a version's tensor table and list of chunks and lays
 * out the image, in the current memory context.  A table or a list that makes no
 * sense, and a chunk missing from the list, are ERRCODE_DATA_CORRUPTED.
 */
extern RecoLayout *reco_layout_make(const RecoVersion *version);

/*
 * reco_layout_examine does the same and hands what is wrong to a sink, as reading by the layout then does.  NULL when the
 * table of tensors cannot be read; digest and head mean nothing when a chunk is missing from the list.
 */
extern RecoLayout *reco_layout_examine(const RecoVersion *version, RecoProblemSink report, void *state);

/* reco_layout_tensors gives, in the current memory context, the tensors of an image, data NULL. */
extern RecoTensorSet *reco_layout_tensors(const RecoLayout *layout);

/*
 * A sink takes the data of one chunk for its place in the image.  It returns
 * 0, or an errno, which ends the reading.
 */
typedef int (*RecoImageSink)(void *state, uint64 offset, const void *data, Size bytes);

/*
 * reco_layout_read reads every chunk, checks it against its digest, and hands it
 * to the sink.  Returns what the sink returned; checks for interrupts between chunks.
 * A chunk that is missing or altered, or holds NaN or infinity, is ERRCODE_DATA_CORRUPTED.
 */
extern int reco_layout_read(const RecoLayout *layout, RecoImageSink sink, void *state);

/* reco_layout_read_tensor does so for the chunks of tensor t alone. */
extern int reco_layout_read_tensor(const RecoLayout *layout, int t, RecoImageSink sink, void *state);

/*
 * reco_layout_read_chunk gives, in the current context, the checked data of the i-th chunk of the image, which is of
 * tensor t, in the machine's byte order; NULL when something is wrong with it and was reported.
 */
extern bytea *reco_layout_read_chunk(const RecoLayout *layout, int t, int i);

/*
 * reco_stream_make makes the stream of a version's tensors in the current context; reco_stream_bytes is what it takes at
 * most.  See reco_store_fetch.
 */
extern RecoStream *reco_stream_make(const RecoVersion *version);
extern Size reco_stream_bytes(void);

/* What tensors, chunks and digests need on both ways. */
extern Size reco_store_element_bytes(RecoTensorType type);
extern const char *reco_store_type_name(RecoTensorType type);
extern bool reco_store_type_by_name(const char *name, Size length, RecoTensorType *type);
extern void reco_store_sha256(const void *first, Size first_bytes, const void *second, Size second_bytes,
							  uint8 digest[RECO_DIGEST_BYTES]);

/* reco_store_all_finite says whether no element is NaN or infinite; true for types without such. */
extern bool reco_store_all_finite(const void *data, Size bytes, RecoTensorType type);

/* reco_store_swap turns elements from or to little-endian in place; nothing to do on most machines. */
extern void reco_store_swap(void *data, Size bytes, RecoTensorType type);

#endif
