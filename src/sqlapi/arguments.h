/*
 * arguments.h
 *	  Arguments that several entry points have in common, read and checked.
 *
 * Positions count from 0.  Errors are ERRCODE_INVALID_PARAMETER_VALUE with a
 * hint unless said otherwise.
 */
#ifndef RECO_SQLAPI_ARGUMENTS_H
#define RECO_SQLAPI_ARGUMENTS_H

#include "postgres.h"

#include "explain/templates.h"
#include "fmgr.h"
#include "model/model.h"
#include "model/promotion.h"
#include "utils/array.h"

/* reco_argument_text gives a text argument as a string, or NULL for NULL. */
extern char *reco_argument_text(FunctionCallInfo fcinfo, int position);

/* reco_argument_array gives an array argument, or NULL for NULL. */
extern ArrayType *reco_argument_array(FunctionCallInfo fcinfo, int position);

/* reco_argument_boolean gives a boolean argument; NULL means the default. */
extern bool reco_argument_boolean(FunctionCallInfo fcinfo, int position, bool initial);

/* reco_argument_k gives the length of a list: NULL means 10, and it must be from 1 to 10000. */
extern int reco_argument_k(FunctionCallInfo fcinfo, int position);

/* reco_argument_lang gives the wordings of the language of reasons, valid as long as the current context; NULL means reco.lang. */
extern const RecoWords *reco_argument_lang(FunctionCallInfo fcinfo, int position);

/* reco_argument_options parses a jsonb argument against a table of options. */
extern RecoOptionValue *reco_argument_options(FunctionCallInfo fcinfo, int position, const RecoOption *option,
											  int n_options);

/* What is promoted, in the options of lists and of explain(). */
#define RECO_PROMOTED_OPTION                                                                       \
	{                                                                                              \
		.name = "promoted", .type = RECO_OPTION_TEXTS, .is_auto = true,                            \
		.help = "The ids of items that are promoted: their scores are raised, and reasons say so." \
	}
#define RECO_PROMOTION_OPTION                                                                        \
	{                                                                                                \
		.name = "promotion", .type = RECO_OPTION_NUMBER, .initial = 1, .minimum = 0, .maximum = 1e9, \
		.open_minimum = true, .help = "What is added to the score of promoted items."                \
	}

/* reco_argument_promoted reads the ids of the first of these options; NULL: none. */
extern RecoKey *reco_argument_promoted(const RecoOptionValue *promoted, Oid column_type, size_t *n);

/*
 * reco_argument_promotion makes a promotion of the values of these options.  Ids that are not known are left out, those
 * that cannot be read are ERRCODE_INVALID_PARAMETER_VALUE or the error of the key's input function.
 */
extern RecoPromotion reco_argument_promotion(const RecoOptionValue *promoted,
											 const RecoOptionValue *promotion, Oid column_type,
											 const RecoModel *model);

/* reco_argument_item_type checks that an argument that only gives a type is NULL. */
extern void reco_argument_item_type(FunctionCallInfo fcinfo, int position);

/*
 * reco_argument_key reads an id as a key of a column of column_type, in the
 * current context; false when it is NULL.  Errors are those of reco_key_parse.
 */
extern bool reco_argument_key(FunctionCallInfo fcinfo, int position, Oid column_type, const char *what,
							  RecoKey *key);

/*
 * reco_argument_items reads an array of ids as items of a model: sorted,
 * distinct, without NULLs and ids that the model does not know.  NULL for NULL.  With "add" the
 * model takes in those that came after the version (reco_model_add).
 */
extern uint32 *reco_argument_items(ArrayType *array, Oid column_type, const RecoModel *model, bool add,
								   size_t *n);

#endif
