/*
 * tensor.c
 *	  Tensors as such: types, sizes, finding one by name, digests, byte order.
 */
#include "postgres.h"

#include <math.h>

#include "common/cryptohash.h"
#include "port/pg_bswap.h"
#include "storage/shmem.h"

#include "store/layout.h"

static const struct
{
	const char *name;
	Size bytes;
} type_info[] = {
	[RECO_FLOAT4] = {"float4", 4}, [RECO_FLOAT8] = {"float8", 8}, [RECO_INT4] = {"int4", 4},
	[RECO_INT8] = {"int8", 8},     [RECO_BYTE] = {"byte", 1},
};

/* reco_store_element_bytes gives the size of one element. */
Size
reco_store_element_bytes(RecoTensorType type)
{
	return type_info[type].bytes;
}

/* reco_store_type_name gives the name of a type in the tensor table of a version. */
const char *
reco_store_type_name(RecoTensorType type)
{
	return type_info[type].name;
}

/* reco_store_type_by_name finds a type by that name; false when there is none. */
bool
reco_store_type_by_name(const char *name, Size length, RecoTensorType *type)
{
	for (int i = RECO_FLOAT4; i <= RECO_BYTE; i++)
	{
		if (strlen(type_info[i].name) == length && memcmp(type_info[i].name, name, length) == 0)
		{
			*type = (RecoTensorType) i;
			return true;
		}
	}
	return false;
}

/* reco_store_tensor_bytes gives the size of a tensor's data; raises when it overflows. */
Size
reco_store_tensor_bytes(const RecoTensor *tensor)
{
	return mul_size(mul_size((Size) tensor->rows, (Size) tensor->columns),
					reco_store_element_bytes(tensor->type));
}

/* reco_store_find gives a tensor by name, or NULL; raises ERRCODE_DATA_CORRUPTED when its type or columns differ. */
const RecoTensor *
reco_store_find(const RecoTensorSet *set, const char *name, RecoTensorType type, int64 columns)
{
	for (int i = 0; i < set->n; i++)
	{
		const RecoTensor *tensor = &set->tensor[i];

		if (strcmp(tensor->name, name) != 0)
			continue;
		if (tensor->type != type || (columns >= 0 && tensor->columns != columns))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED), errmsg("tensor \"%s\" has an unexpected shape", name),
					 errdetail("It has type %s and " INT64_FORMAT " columns; type %s and " INT64_FORMAT
							   " columns were expected.",
							   reco_store_type_name(tensor->type), tensor->columns,
							   reco_store_type_name(type), columns < 0 ? tensor->columns : columns),
					 errhint("Learn a new version with CALL reco.refresh().")));
		return tensor;
	}
	return NULL;
}

/* reco_store_sha256 digests two pieces, one after the other; the second may be empty. */
void
reco_store_sha256(const void *first, Size first_bytes, const void *second, Size second_bytes,
				  uint8 digest[RECO_DIGEST_BYTES])
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);

	if (hash == NULL || pg_cryptohash_init(hash) < 0 || pg_cryptohash_update(hash, first, first_bytes) < 0 ||
		(second_bytes > 0 && pg_cryptohash_update(hash, second, second_bytes) < 0) ||
		pg_cryptohash_final(hash, digest, RECO_DIGEST_BYTES) < 0)
	{
		pg_cryptohash_free(hash);
		elog(ERROR, "could not compute a SHA-256 digest");
	}
	pg_cryptohash_free(hash);
}

/* reco_store_swap turns elements from or to little-endian in place. */
void
reco_store_swap(void *data, Size bytes, RecoTensorType type)
{
#ifdef WORDS_BIGENDIAN
	if (reco_store_element_bytes(type) == 4)
	{
		for (uint32 *word = data; bytes >= 4; word++, bytes -= 4)
			*word = pg_bswap32(*word);
	}
	else if (reco_store_element_bytes(type) == 8)
	{
		for (uint64 *word = data; bytes >= 8; word++, bytes -= 8)
			*word = pg_bswap64(*word);
	}
#endif
}

/* reco_store_all_finite says whether no element is NaN or infinite; data need not be aligned. */
bool
reco_store_all_finite(const void *data, Size bytes, RecoTensorType type)
{
	const char *at = data;
	float single;
	double value;

	for (Size i = 0; type == RECO_FLOAT4 && i + sizeof(single) <= bytes; i += sizeof(single))
	{
		memcpy(&single, at + i, sizeof(single));
		if (!isfinite(single))
			return false;
	}
	for (Size i = 0; type == RECO_FLOAT8 && i + sizeof(value) <= bytes; i += sizeof(value))
	{
		memcpy(&value, at + i, sizeof(value));
		if (!isfinite(value))
			return false;
	}
	return true;
}
