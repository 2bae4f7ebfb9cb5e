/*
 * reason_text.c
 *	  The words of one-line reasons: what reason.c has chosen, and what is said of items of other lists.
 *
 * Two pieces are one clause where they share the verb or the subject.  A piece of history is said before an attribute.
 */
#include "postgres.h"

#include "explain/explain.h"
#include "explain/lexicon.h"
#include "explain/words.h"
#include "kernel/rng.h"

/* line_hash gives what chooses the wordings of one line. */
static uint64
line_hash(const RecoModel *model, const RecoVoice *voice, uint32 item)
{
	RecoKey key = reco_model_key(model, item);

	return rk_hash_mix(voice->seed, reco_key_hash(0, &key));
}

/* history_clauses words up to two pieces of evidence: merged when they share the verb, named once when they share the name. */
static char *
history_clauses(const RecoQuery *query, const RecoView *view, const RecoWords *words, const RecoCause *cause,
				const uint64 *hash)
{
	char *name[RECO_REASON_CITES] = {NULL, NULL};
	char *clause[RECO_REASON_CITES];
	bool subject;

	for (int c = 0; c < cause->n; c++)
		name[c] = reco_words_name(words, query->model, view, query->evidence[cause->evidence[c]].item);
	if (cause->n == 1)
		return reco_words_clause(words, cause->event[0], name[0], 1, true, hash);
	if (cause->event[0] == cause->event[1])
	{
		if (strcmp(name[0], name[1]) != 0)
			name[0] = reco_words_join(words, RECO_WORDING_JOIN_ITEMS, name[0], name[1]);
		return reco_words_clause(words, cause->event[0], name[0], cause->n, true, hash);
	}
	clause[0] = reco_words_clause(words, cause->event[0], name[0], 1, true, hash);
	/* the second clause needs a subject of its own where the first does not speak of "you" */
	subject = strcmp(clause[0], reco_words_clause(words, cause->event[0], name[0], 1, false, hash)) == 0;
	clause[1] = reco_words_clause(words, cause->event[1], name[1], 1, subject, hash);
	return reco_words_join(words, RECO_WORDING_JOIN_CLAUSES, clause[0], clause[1]);
}

/* clauses_of words all that a reason gives as a cause, in the order of its effect. */
static char *
clauses_of(const RecoQuery *query, const RecoView *view, const RecoWords *words, const RecoCause *cause,
		   const uint64 *hash)
{
	char *history = cause->n > 0 ? history_clauses(query, view, words, cause, hash) : NULL;
	char *feature;

	if (cause->n_attributes == 0)
		return history;
	feature = reco_words_feature(words, &cause->attribute[0], true, hash);
	if (cause->n_attributes > 1)
	{
		/* of one subject: it is said once */
		bool merged = !cause->attribute[0].own && !cause->attribute[1].own;

		return reco_words_join(words, RECO_WORDING_JOIN_FEATURES, feature,
							   reco_words_feature(words, &cause->attribute[1], !merged, hash));
	}
	return history != NULL ? reco_words_join(words, RECO_WORDING_JOIN_FEATURES, history, feature) : feature;
}

/* add_review adds what most people said of an item in reviews, of the first aspect among equals. */
static void
add_review(const RecoModel *model, const RecoVoice *voice, uint32 item, uint64 hash, RecoReason *reason)
{
	int32 most = 0;
	int best = 0;
	char *said;

	for (int a = 0; a < model->n_aspects; a++)
		if (reco_model_reviewers(model, item, a) > most)
		{
			most = reco_model_reviewers(model, item, a);
			best = a;
		}
	if (most <= 0)
		return;
	said = reco_words_reviewed(voice->words, model->aspect[best], most, &hash);
	if (said == NULL)
		return;
	reason->text = reco_words_join(voice->words, RECO_WORDING_JOIN_REVIEW, reason->text, said);
	reason->aspect = model->aspect[best];
	reason->reviewers = most;
}

/* say_popular says that an item is popular, and with how many people where that may be said. */
static RecoReason
say_popular(const RecoModel *model, const RecoVoice *voice, uint32 item)
{
	int people = reco_model_people(model, item);
	bool counted = people > 0 && reco_words_can_say(voice->words, RECO_WORDING_POPULAR_COUNT, people);
	RecoFilling filling = {
		.count = people, .evidence = people, .pick = true, .hash = line_hash(model, voice, item)};

	return (RecoReason){.text = reco_words_say(voice->words,
											   counted ? RECO_WORDING_POPULAR_COUNT : RECO_WORDING_POPULAR,
											   &filling),
						.people = counted ? people : 0};
}

RecoReason
reco_reason_word(const RecoQuery *query, const RecoView *view, const RecoVoice *voice, uint32 item,
				 const RecoCause *cause)
{
	RecoReason reason = {.n_cited = cause->n, .n_attributes = cause->n_attributes};
	uint64 hash = line_hash(query->model, voice, item);
	int n = cause->n + cause->n_attributes;
	RecoFilling filling = {.evidence = n, .pick = true, .hash = hash};

	if (n == 0 && cause->basis == RECO_WORDING_POPULAR)
		reason = say_popular(query->model, voice, item);
	else
		reason.text = NULL;
	for (int c = 0; c < cause->n; c++)
		reason.cited[c] = query->evidence[cause->evidence[c]].item;
	memcpy(reason.attribute, cause->attribute, sizeof(reason.attribute));
	if (n > 0)
		filling.slot[RECO_SLOT_CLAUSES] = clauses_of(query, view, voice->words, cause, &hash);
	if (reason.text == NULL)
		reason.text = reco_words_say(voice->words, n > 0 ? RECO_WORDING_HISTORY : cause->basis, &filling);
	if (cause->n > 0 && query->model->n_aspects > 0)
		add_review(query->model, voice, item, hash, &reason);
	if (cause->promoted && cause->basis != RECO_WORDING_PROMOTED)
		reason.text =
			reco_words_join(voice->words, RECO_WORDING_JOIN_REVIEW,
							reco_words_say(voice->words, RECO_WORDING_PROMOTED, &filling), reason.text);
	return reason;
}

void
reco_reason_write_attributes(RecoJson *json, const RecoWords *words, const RecoReason *reason, bool as_shown)
{
	if (reason->n_attributes == 0)
		return;
	reco_json_begin_array(json, "attributes");
	for (int a = 0; a < reason->n_attributes; a++)
	{
		const RecoAttributeShare *attribute = &reason->attribute[a];
		const char *value = attribute->value != NULL ? reco_words_value(words, attribute) : NULL;

		reco_json_begin_object(json, NULL);
		reco_json_string(json, "of", attribute->own ? "user" : "item");
		reco_json_string(json, "name", attribute->name);
		if (value != NULL)
			reco_json_string(json, "value", as_shown ? reco_words_line(value) : value);
		reco_json_end_object(json);
	}
	reco_json_end_array(json);
}

RecoReason *
reco_reason_similar(const RecoModel *model, const RecoView *view, const RecoVoice *voice, uint32 item,
					const RkHit *hit, size_t n)
{
	RecoReason *reason = palloc0(sizeof(RecoReason) * Max(n, 1));
	RecoFilling filling = {.evidence = 1, .pick = true};

	filling.slot[RECO_SLOT_ITEMS] = reco_words_name(voice->words, model, view, item);
	for (size_t i = 0; i < n; i++)
	{
		filling.hash = line_hash(model, voice, hit[i].item);
		reason[i].text = reco_words_say(voice->words, RECO_WORDING_SIMILAR, &filling);
		reason[i].n_cited = 1;
		reason[i].cited[0] = item;
	}
	return reason;
}

void
reco_reason_add_new(const RecoModel *model, const RecoVoice *voice, uint32 item, RecoReason *reason)
{
	RecoFilling filling = {.pick = true, .hash = line_hash(model, voice, item)};

	if (!reco_model_is_unseen(model, item))
		return;
	reason->is_new = true;
	reason->text = reco_words_join(voice->words, RECO_WORDING_JOIN_REVIEW, reason->text,
								   reco_words_say(voice->words, RECO_WORDING_NEW, &filling));
}

/* popular_or_promoted words a line of a list by popularity. */
static RecoReason
popular_or_promoted(const RecoModel *model, const RecoVoice *voice, const RecoPromotion *promotion,
					uint32 item)
{
	RecoFilling filling = {.pick = true, .hash = line_hash(model, voice, item)};

	if (promotion != NULL && reco_promotion_of(promotion, item) > 0)
		return (RecoReason){.text = reco_words_say(voice->words, RECO_WORDING_PROMOTED, &filling)};
	/* in no list by popularity, but somebody may ask for its reason */
	if (reco_model_is_unseen(model, item))
		return (RecoReason){.text = reco_words_say(voice->words, RECO_WORDING_GENERAL, &filling)};
	return say_popular(model, voice, item);
}

RecoReason *
reco_reason_popular(const RecoModel *model, const RecoVoice *voice, const RecoPromotion *promotion,
					const RkHit *hit, size_t n)
{
	RecoReason *reason = palloc(sizeof(RecoReason) * Max(n, 1));

	for (size_t i = 0; i < n; i++)
		reason[i] = popular_or_promoted(model, voice, promotion, hit[i].item);
	return reason;
}

RecoReason *
reco_reason_board(const RecoModel *model, const RecoVoice *voice, RecoWording wording, const char *value,
				  const RkHit *hit, size_t n)
{
	RecoReason *reason = palloc0(sizeof(RecoReason) * Max(n, 1));
	char *said = value != NULL ? reco_words_line(value) : NULL;

	for (size_t i = 0; i < n; i++)
	{
		RecoFilling filling = {.pick = true, .hash = line_hash(model, voice, hit[i].item)};

		filling.slot[RECO_SLOT_VALUE] = said;
		reason[i].text = reco_words_say(voice->words, wording, &filling);
	}
	return reason;
}

bool
reco_reason_says_segment(const RecoEncoderColumn *column)
{
	return column->kind != RECO_FEATURE_BOOLEAN && column->from == NULL && column->to == NULL;
}

bool
reco_reason_names_segment(const RecoModel *model, size_t column)
{
	RecoEncoderColumn meaning = reco_encoder_column(model->user_encoder, column);

	return !reco_lexicon_protects(meaning.name) && reco_reason_says_segment(&meaning);
}

RecoReason *
reco_reason_segment(const RecoModel *model, const RecoVoice *voice, const RecoPromotion *promotion,
					size_t column, const RkHit *hit, size_t n_promoted, size_t n_own, size_t n)
{
	RecoEncoderColumn meaning = reco_encoder_column(model->user_encoder, column);
	RecoReason *reason = reco_reason_popular(model, voice, promotion, hit, n);
	RecoReason *own;

	if (!reco_reason_names_segment(model, column))
		return reason;
	own = reco_reason_board(model, voice, RECO_WORDING_POPULAR_AMONG, meaning.level, hit + n_promoted, n_own);
	for (size_t i = 0; i < n_own; i++)
	{
		own[i].n_attributes = 1;
		own[i].attribute[0] = (RecoAttributeShare){.own = true, .name = meaning.name, .value = meaning.level};
		reason[n_promoted + i] = own[i];
	}
	return reason;
}
