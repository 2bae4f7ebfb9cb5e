/*
 * store.h
 *	  Named tensors become chunks of table rows, and chunks become a file
 *	  mapped read-only by every backend (DESIGN 5).
 */
#ifndef RECO_STORE_STORE_H
#define RECO_STORE_STORE_H

#include "postgres.h"

#include "catalog/catalog.h"

typedef enum RecoTensorType
{
	RECO_FLOAT4 = 1,
	RECO_FLOAT8,
	RECO_INT4,
	RECO_INT8,
	RECO_BYTE
} RecoTensorType;

/* A tensor: [rows x columns], row-major, little-endian, 64-byte aligned when read back. */
typedef struct RecoTensor
{
	const char *name;
	RecoTensorType type;
	int64 rows;
	int64 columns;
	const void *data;
} RecoTensor;

/* Where the data of an open version are. */
typedef enum RecoStorage
{
	RECO_STORAGE_MAPPED,  /* the file that all backends share */
	RECO_STORAGE_PRIVATE, /* memory of this session */
	RECO_STORAGE_STREAMED /* as before, but large tensors are read from their chunks as they are needed */
} RecoStorage;

typedef struct RecoStream RecoStream;

typedef struct RecoTensorSet
{
	int n;
	RecoTensor *tensor; /* [n]; data is NULL where it is streamed */
	RecoStorage storage;
	RecoStream *stream; /* of RECO_STORAGE_STREAMED */
} RecoTensorSet;

/*
 * reco_store_find gives a tensor by name and checks type and columns (-1: any);
 * NULL when it is absent; a mismatch is ERRCODE_DATA_CORRUPTED.
 */
extern const RecoTensor *reco_store_find(const RecoTensorSet *set, const char *name, RecoTensorType type,
										 int64 columns);

extern Size reco_store_tensor_bytes(const RecoTensor *tensor);

/*
 * reco_store_write puts a version into the tables, in the caller's transaction:
 * chunks of at most 1 MB, then the row (version->tensors is made here; number and key are filled
 * in).  Non-finite float values raise ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE naming the tensor.
 */
extern void reco_store_write(RecoVersion *version, const RecoTensorSet *set);

/* What becomes of a tensor when a version is too large to be held in private memory. */
typedef enum RecoTensorUse
{
	RECO_TENSOR_HELD,     /* it is there all the same */
	RECO_TENSOR_STREAMED, /* reco_store_fetch reads pieces of it */
	RECO_TENSOR_LEFT_OUT  /* it is not in the set: it makes things fast and can be done without */
} RecoTensorUse;

/* What the reader of a version says about it. */
typedef struct RecoOpening
{
	/* check raises ERRCODE_DATA_CORRUPTED unless the tensors of a version fit together. */
	void (*check)(const RecoVersion *version, const RecoTensorSet *set);
	/* use says what becomes of a tensor; NULL: all are held. */
	RecoTensorUse (*use)(const char *tensor);
} RecoOpening;

/*
 * reco_store_open gives the tensors of a version: from the mapped cache file,
 * which it builds when there is none; when that cannot be written, from private memory, up to
 * reco.private_cache_limit; above it streamed, as far as the opening allows, and else
 * ERRCODE_CONFIGURATION_LIMIT_EXCEEDED.  They stay valid until "pin" is reset or
 * deleted, also when the version is dropped meanwhile (streamed ones, for as long as a snapshot sees it).
 * Errors: ERRCODE_DATA_CORRUPTED naming tensor
 * and chunk when a chunk is missing or does not match its digest, with the hint to refresh.
 * The check is run once, when the session opens the version: what it refuses is not opened.
 */
extern const RecoTensorSet *reco_store_open(const RecoVersion *version, const RecoOpening *opening,
											MemoryContext pin);

/*
 * reco_store_fetch copies bytes of a streamed tensor of a set, from an offset on, reading the chunks they lie in.  The
 * last chunk is kept, so that going through a tensor in order reads each once.  Errors as of reco_store_open.
 */
extern void reco_store_fetch(const RecoTensorSet *set, const RecoTensor *tensor, Size offset, Size bytes,
							 void *to);

/*
 * reco_store_warm makes sure that the cache file of a version is there, building it when it is not, and that the kernel reads it
 * ahead.  Gives the bytes of the image, and whether there is such a file.
 */
extern bool reco_store_warm(const RecoVersion *version, Size *bytes);

/* Takes what is wrong with a version: tensor is NULL and chunk -1 where it concerns neither. */
typedef void (*RecoProblemSink)(void *state, const char *tensor, int chunk, const char *problem);

/*
 * reco_store_verify reads every chunk of a version against its digest, and the cache file, if there is one, against
 * the chunks; hands what is wrong to the sink.  A cache file that is wrong is removed, to be built
 * again by whoever needs it.
 */
extern void reco_store_verify(const RecoVersion *version, RecoProblemSink report, void *state);

/*
 * reco_store_read_tensor reads one tensor from its chunks into the current
 * context, past the cache; NULL when it is absent or a chunk of it is missing or damaged.
 */
extern const RecoTensor *reco_store_read_tensor(const RecoVersion *version, const char *name);

/*
 * reco_store_folder gives the path, relative to the data directory, of the
 * folder of reco's files, base/pgsql_tmp/pgsql_tmp_reco, which it makes when it
 * is missing.  It never raises: where the folder cannot be made, making a file in it fails.
 */
extern const char *reco_store_folder(void);

/* The same path, without making it. */
extern const char *const reco_store_folder_path;

/*
 * reco_store_reserve reserves disk space for the first "bytes" of a file, so that
 * stores through a map of it cannot fault.  Returns 0 or an errno (ENOSPC);
 * checks for interrupts.
 */
extern int reco_store_reserve(int fd, Size bytes);

/* reco_store_pwrite writes all of a piece at its place; returns 0 or an errno. */
extern int reco_store_pwrite(int fd, const void *data, Size bytes, off_t offset);

/* reco_store_size_text writes a size for a message, rounded up, in the current context: "3.1 GB". */
extern char *reco_store_size_text(Size bytes);

#endif
