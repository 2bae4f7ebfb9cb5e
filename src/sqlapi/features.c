/*
 * features.c
 *	  features() and encode(): how attributes are encoded, to look at and to
 *	  compare with plain SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "sqlapi/arguments.h"
#include "sqlapi/call.h"

#define FEATURES_COLUMNS 5
#define ENCODE_COLUMNS 5

PG_FUNCTION_INFO_V1(reco_sql_features);
PG_FUNCTION_INFO_V1(reco_sql_encode);

/* side_argument reads which side is meant; "item" where it is NULL. */
static RecoSide
side_argument(FunctionCallInfo fcinfo, int position)
{
	const char *side = reco_argument_text(fcinfo, position);

	if (side == NULL || strcmp(side, "item") == 0)
		return RECO_SIDE_ITEM;
	if (strcmp(side, "user") == 0)
		return RECO_SIDE_USER;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown side \"%s\"", side),
					errhint("It is \"item\" or \"user\".")));
}

/* require_encoder gives the encoder of a side of the deployed version. */
static const RecoEncoder *
require_encoder(const RecoCall *call, RecoSide side)
{
	const RecoEncoder *encoder =
		side == RECO_SIDE_ITEM ? call->model->item_encoder : call->model->user_encoder;
	const char *argument = side == RECO_SIDE_ITEM ? "item_features" : "user_features";
	const char *name = quote_literal_cstr(call->definition->name);

	if (encoder != NULL)
		return encoder;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the deployed version of \"%s\" was learned without %s", call->definition->name,
						   argument),
					reco_features_named(call->definition, side)
						? errhint("They were named since: learn a version with CALL reco.refresh(%s).", name)
						: errhint("Name columns with reco.alter_recommender(%s, %s => '{...}') and refresh.",
								  name, argument)));
}

/* require_key_relation raises where a side relation is not mapped any more. */
static void
require_key_relation(const RecoDefinition *definition, RecoSide side)
{
	const RecoColumn *key = side == RECO_SIDE_ITEM ? &definition->item_key : &definition->user_key;

	if (key->name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("recommender \"%s\" maps no relation of %s", definition->name,
						side == RECO_SIDE_ITEM ? "items" : "users"),
				 errhint("Map one with reco.alter_recommender(%s, %s => ...).",
						 quote_literal_cstr(definition->name), side == RECO_SIDE_ITEM ? "items" : "users")));
}

/* put_column writes what a column stands for into a row from value[0] on: attribute, kind, role, level. */
static void
put_column(const RecoEncoder *encoder, size_t column, Datum *value, bool *isnull)
{
	RecoEncoderColumn meaning = reco_encoder_column(encoder, column);

	value[0] = CStringGetTextDatum(meaning.name);
	value[1] = CStringGetTextDatum(reco_feature_kind_name(meaning.kind));
	value[2] = CStringGetTextDatum(reco_column_role_name(meaning.role));
	isnull[3] = meaning.level == NULL;
	if (meaning.level != NULL)
		value[3] = CStringGetTextDatum(meaning.level);
}

/* The columns of the encoder are drawn from all rows: they are for whoever may learn. */
Datum
reco_sql_features(PG_FUNCTION_ARGS)
{
	RecoSide side = side_argument(fcinfo, 1);
	const RecoEncoder *encoder;
	ReturnSetInfo *result;
	RecoCall call;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	reco_call_begin(&call, fcinfo, 0);
	reco_catalog_require_owner(call.definition);
	encoder = require_encoder(&call, side);
	for (size_t c = 0; c < reco_encoder_n_columns(encoder); c++)
	{
		Datum value[FEATURES_COLUMNS] = {Int32GetDatum((int32) c + 1)};
		bool isnull[FEATURES_COLUMNS] = {false};

		put_column(encoder, c, value + 1, isnull + 1);
		tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
	}
	reco_call_end(&call);
	return (Datum) 0;
}

Datum
reco_sql_encode(PG_FUNCTION_ARGS)
{
	RecoSide side = side_argument(fcinfo, 1);
	const RecoEncoder *encoder;
	const RecoFeatures *features;
	ReturnSetInfo *result;
	RecoCall call;
	RecoKey key;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	reco_call_begin(&call, fcinfo, 0);
	encoder = require_encoder(&call, side);
	require_key_relation(call.definition, side);
	if (reco_argument_key(fcinfo, 2,
						  side == RECO_SIDE_ITEM ? call.definition->item.type : call.definition->user.type,
						  side == RECO_SIDE_ITEM ? "item" : "user", &key))
	{
		features = reco_encoder_rows(call.definition, encoder, side, &key, 1);
		for (size_t e = 0; e < rk_csr_nnz(&features->matrix); e++)
		{
			Datum value[ENCODE_COLUMNS] = {0};
			bool isnull[ENCODE_COLUMNS] = {false};

			put_column(encoder, features->matrix.index[e], value, isnull);
			value[4] = Float4GetDatum(features->matrix.weight[e]);
			tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
		}
	}
	reco_call_end(&call);
	return (Datum) 0;
}
