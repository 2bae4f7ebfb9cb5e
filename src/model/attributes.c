/*
 * attributes.c
 *	  What is known of users when they are served, and what it is called.
 *
 * Reading is as the caller.  A caller who may not read a feature is not refused: what may not be read is not read, and
 * has no share in a score (DESIGN 4).
 */
#include "postgres.h"

#include "model/model.h"
#include "utils/lsyscache.h"

RecoAttributes
reco_attributes_row(const RecoFeatures *features, size_t r)
{
	size_t first = (size_t) features->matrix.offset[r];

	return (RecoAttributes){features->found[r], rk_csr_count(&features->matrix, r),
							features->matrix.index + first, features->matrix.weight + first};
}

RecoAttributes *
reco_attributes_of(const RecoDefinition *definition, const RecoModel *model, const RecoKey *user, int n)
{
	return model->asks_users ? reco_attributes_read(definition, model, user, n)
							 : palloc0(sizeof(RecoAttributes) * Max(n, 1));
}

RecoAttributes *
reco_attributes_read(const RecoDefinition *definition, const RecoModel *model, const RecoKey *user, int n)
{
	RecoAttributes *attributes = palloc0(sizeof(RecoAttributes) * Max(n, 1));
	RecoFeatures *features;

	if (model->user_encoder == NULL || n == 0 ||
		reco_encoder_access(definition, model->user_encoder, RECO_SIDE_USER) == RECO_ACCESS_DENIED)
		return attributes;
	features = reco_encoder_rows(definition, model->user_encoder, RECO_SIDE_USER, user, n);
	for (int u = 0; u < n; u++)
		attributes[u] = reco_attributes_row(features, u);
	return attributes;
}

/* worded gives how an attribute is worded, by the name of its column. */
static RecoAttributeKind
worded(const RecoEncoderColumn *column)
{
	static const char *const brand[] = {"brand", "maker", "manufacturer", "author", "authors", "artist"};
	static const char *const category[] = {"category", "categories", "genre", "genres", "tags", "department"};

	if (strcmp(column->name, "price") == 0)
		return RECO_ATTRIBUTE_PRICE;
	for (size_t i = 0; i < lengthof(brand); i++)
		if (strcmp(column->name, brand[i]) == 0)
			return RECO_ATTRIBUTE_BRAND;
	for (size_t i = 0; i < lengthof(category); i++)
		if (strcmp(column->name, category[i]) == 0)
			return RECO_ATTRIBUTE_CATEGORY;
	return RECO_ATTRIBUTE_OTHER;
}

/* share_of words one addend of kind attribute. */
static RecoAttributeShare
share_of(const RecoEncoder *encoder, const RecoAddend *addend, bool own)
{
	RecoEncoderColumn column = reco_encoder_column(encoder, (size_t) addend->column);
	RecoAttributeShare share = {.kind = worded(&column),
								.own = own,
								.role = column.role,
								.name = column.name,
								.contribution = addend->contribution,
								.removal = addend->contribution};

	if (column.role == RECO_ROLE_LEVEL)
	{
		share.value = column.level;
		share.from = column.from;
		share.to = column.to;
	}
	return share;
}

RecoAttributeShare *
reco_attribute_shares(const RecoEncoder *encoder, const RecoAddend *addend, int n_addends, bool own, int *n,
					  int *place)
{
	RecoAttributeShare *share = palloc(sizeof(RecoAttributeShare) * Max(n_addends, 1));
	int last = -1;

	*n = 0;
	for (int a = 0; a < n_addends; a++)
	{
		RecoAttributeShare one;
		int attribute;

		if (place != NULL)
			place[a] = -1;
		if (addend[a].kind != RECO_ADDEND_ATTRIBUTE)
			continue;
		one = share_of(encoder, &addend[a], own);
		attribute = reco_encoder_attribute_of(encoder, (size_t) addend[a].column);
		/* levels stand for themselves; the numbers of a vector, a text or a value belong together */
		if (one.role == RECO_ROLE_VALUE && attribute == last && share[*n - 1].role == RECO_ROLE_VALUE)
		{
			share[*n - 1].contribution += one.contribution;
			share[*n - 1].removal += one.removal;
		}
		else
			share[(*n)++] = one;
		if (place != NULL)
			place[a] = *n - 1;
		last = attribute;
	}
	return share;
}
