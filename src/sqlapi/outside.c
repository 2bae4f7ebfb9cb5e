/*
 * outside.c
 *	  reason_prompt() and reason_accept(): reasons worded by somebody else.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "explain/outside.h"
#include "serve/serve.h"
#include "sqlapi/arguments.h"
#include "sqlapi/pair.h"
#include "sqlapi/recommend.h"

PG_FUNCTION_INFO_V1(reco_reason_prompt);
PG_FUNCTION_INFO_V1(reco_reason_accept);

#define ACCEPT_COLUMNS 3

enum
{
	PROMPT_PROMOTED,
	PROMPT_PROMOTION
};

static const RecoOption prompt_option[] = {
	[PROMPT_PROMOTED] = RECO_PROMOTED_OPTION, [PROMPT_PROMOTION] = RECO_PROMOTION_OPTION};

/* is_on says whether an item is on a board. */
static bool
is_on(const RecoBoard *board, uint32 item)
{
	for (int i = 0; i < board->n; i++)
		if ((uint32) board->item[i] == item)
			return true;
	return false;
}

/* say_without_score says of an item what recommend() says where it has no score to go by: what its user's segment chooses, or all. */
static RecoReason
say_without_score(const RecoPair *pair, const RecoKey *user, const RecoVoice *voice,
				  const RecoPromotion *promotion, RecoSource *source)
{
	RkHit hit = {pair->item, 0};
	const RecoBoard *board = reco_recommend_segment(&pair->call, user);
	size_t n_promoted = reco_promotion_of(promotion, pair->item) > 0;

	*source = board != NULL ? RECO_SOURCE_SEGMENT : RECO_SOURCE_POPULAR;
	if (board == NULL)
		return reco_reason_popular(pair->call.model, voice, promotion, &hit, 1)[0];
	return reco_reason_segment(pair->call.model, voice, promotion, (size_t) board->column, &hit, n_promoted,
							   n_promoted == 0 && is_on(board, pair->item), 1)[0];
}

/* prompt_of makes the facts of a pair; the template is what recommend() says, but for what is new. */
static Jsonb *
prompt_of(RecoPair *pair, const RecoKey *user, const RecoVoice *voice, const RecoPromotion *promotion)
{
	RecoSource source = reco_serve_source(pair->query);
	RkHit hit = {pair->item, 0};
	RecoCause none = {.basis = RECO_WORDING_POPULAR};
	RecoCause *cause = &none;
	RecoReason reason;

	none.promoted = reco_promotion_of(promotion, pair->item) > 0;
	if (source != RECO_SOURCE_POPULAR)
	{
		cause = reco_reason_causes(reco_reason_make(pair->query, pair->view, voice, promotion), &hit, 1);
		reason = reco_reason_word(pair->query, pair->view, voice, pair->item, cause);
	}
	else
	{
		if (reco_model_is_unseen(pair->call.model, pair->item))
			none.basis = RECO_WORDING_GENERAL;
		reason = say_without_score(pair, user, voice, promotion, &source);
	}
	return reco_facts_write(pair->call.definition, pair->query, pair->view, voice,
							reco_serve_source_name(source), pair->item, cause, &reason, reco_call_id);
}

/* A NULL user or item has no facts: NULL. */
Datum
reco_reason_prompt(PG_FUNCTION_ARGS)
{
	RecoPair pair;
	RecoVoice voice = {.words = reco_argument_lang(fcinfo, 3)};
	RecoOptionValue *option = reco_argument_options(fcinfo, 4, prompt_option, lengthof(prompt_option));
	RecoPromotion promotion;
	RecoKey user;
	Jsonb *facts;

	if (!reco_pair_begin(&pair, fcinfo, 2))
		PG_RETURN_NULL();
	(void) reco_argument_key(fcinfo, 0, pair.call.definition->user.type, "user", &user);
	voice.seed = reco_key_hash(0, &user);
	promotion = reco_argument_promotion(&option[PROMPT_PROMOTED], &option[PROMPT_PROMOTION],
										pair.call.definition->item.type, pair.call.model);
	facts = prompt_of(&pair, &user, &voice, &promotion);
	MemoryContextSwitchTo(pair.call.outer);
	facts = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(facts));
	MemoryContextSwitchTo(pair.call.memory);
	reco_pair_end(&pair);
	PG_RETURN_JSONB_P(facts);
}

/* problems_array gives the problems as text[]. */
static Datum
problems_array(const List *problems)
{
	Datum *element = palloc(sizeof(Datum) * (list_length(problems) + 1));
	int n = 0;
	ListCell *cell;

	foreach (cell, problems)
		element[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(element, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A text that is NULL is empty; facts that are NULL are none. */
Datum
reco_reason_accept(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *written = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool isnull[ACCEPT_COLUMNS] = {false};
	Datum value[ACCEPT_COLUMNS];
	const RecoDefinition *definition;
	RecoFacts *facts;
	List *problems;
	MemoryContext context = CurrentMemoryContext;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("facts cannot be NULL"),
						errhint("Take them from reco.reason_prompt().")));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	facts = reco_facts_read(PG_GETARG_JSONB_P(1));
	definition = reco_catalog_find(facts->recommender);
	reco_catalog_require_reader(definition);
	SPI_connect();
	MemoryContextSwitchTo(context);
	problems = reco_accept(written, facts, definition);
	SPI_finish();
	MemoryContextSwitchTo(context);
	value[0] = BoolGetDatum(problems == NIL);
	value[1] = problems_array(problems);
	value[2] = CStringGetTextDatum(facts->template_text);
	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
	return (Datum) 0;
}
