/*
 * words.c
 *	  Words for events and items.
 *
 * Labels are data whatever they contain: they fill a slot and are never parsed.
 */
#include "postgres.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "catalog/pg_type.h"
#include "explain/words.h"

/* Labels and ids are cut after so many characters. */
#define NAME_CHARACTERS 80

/* What an event is called, and how it is worded. */
typedef struct EventWords
{
	const char *event; /* lower case, with _ for what is no letter or digit; in UTF-8 */
	RecoWording wording;
} EventWords;

static const EventWords event_words[] = {
	{"purchase", RECO_WORDING_BOUGHT},    {"purchased", RECO_WORDING_BOUGHT},
	{"buy", RECO_WORDING_BOUGHT},         {"bought", RECO_WORDING_BOUGHT},
	{"order", RECO_WORDING_BOUGHT},       {"ordered", RECO_WORDING_BOUGHT},
	{"sale", RECO_WORDING_BOUGHT},        {"view", RECO_WORDING_VIEWED},
	{"viewed", RECO_WORDING_VIEWED},      {"pageview", RECO_WORDING_VIEWED},
	{"page_view", RECO_WORDING_VIEWED},   {"click", RECO_WORDING_VIEWED},
	{"visit", RECO_WORDING_VIEWED},       {"cart", RECO_WORDING_CART},
	{"add_to_cart", RECO_WORDING_CART},   {"addtocart", RECO_WORDING_CART},
	{"basket", RECO_WORDING_CART},        {"add_to_basket", RECO_WORDING_CART},
	{"like", RECO_WORDING_LIKED},         {"liked", RECO_WORDING_LIKED},
	{"favourite", RECO_WORDING_LIKED},    {"favorite", RECO_WORDING_LIKED},
	{"read", RECO_WORDING_READ},          {"play", RECO_WORDING_LISTENED},
	{"listen", RECO_WORDING_LISTENED},    {"watch", RECO_WORDING_WATCHED},
	{"watched", RECO_WORDING_WATCHED},    {"wishlist", RECO_WORDING_SAVED},
	{"save", RECO_WORDING_SAVED},         {"saved", RECO_WORDING_SAVED},
	{"bookmark", RECO_WORDING_SAVED},     {"to_read", RECO_WORDING_SAVED},
	{"return", RECO_WORDING_RETURNED},    {"returned", RECO_WORDING_RETURNED},
	{"refund", RECO_WORDING_RETURNED},    {"dislike", RECO_WORDING_DISLIKED},
	{"downvote", RECO_WORDING_DISLIKED},  {"skip", RECO_WORDING_SKIPPED},
	{"hide", RECO_WORDING_HID},           {"remove_from_cart", RECO_WORDING_UNCART},
	{"transaction", RECO_WORDING_BOUGHT}, {"checkout", RECO_WORDING_BOUGHT},
	{"购买", RECO_WORDING_BOUGHT},        {"下单", RECO_WORDING_BOUGHT},
	{"成交", RECO_WORDING_BOUGHT},        {"浏览", RECO_WORDING_VIEWED},
	{"查看", RECO_WORDING_VIEWED},        {"点击", RECO_WORDING_VIEWED},
	{"加购", RECO_WORDING_CART},          {"加入购物车", RECO_WORDING_CART},
	{"点赞", RECO_WORDING_LIKED},         {"喜欢", RECO_WORDING_LIKED},
	{"阅读", RECO_WORDING_READ},          {"收听", RECO_WORDING_LISTENED},
	{"观看", RECO_WORDING_WATCHED},       {"收藏", RECO_WORDING_SAVED},
	{"退货", RECO_WORDING_RETURNED},      {"退款", RECO_WORDING_RETURNED},
	{"不喜欢", RECO_WORDING_DISLIKED},    {"跳过", RECO_WORDING_SKIPPED},
};

static bool
has_unicode(void)
{
	return GetDatabaseEncoding() == PG_UTF8;
}

/*
 * is_gap says whether a character is white space or controls how others are
 * shown: C0 and C1 controls, line and paragraph separators, marks of direction.
 */
static bool
is_gap(const char *at, int size)
{
	unsigned char c = (unsigned char) *at;
	pg_wchar code;

	if (c <= ' ' || c == 0x7f)
		return true;
	if (!has_unicode() || size < 2)
		return false;
	code = utf8_to_unicode((const unsigned char *) at);
	return (code >= 0x80 && code <= 0xa0) || code == 0x61c || (code >= 0x200e && code <= 0x200f) ||
		   (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x3000;
}

/*
 * clean gives data as one line, in memory that fits it: white space and control characters collapsed, long text
 * cut.
 */
static char *
clean(const char *data)
{
	static const char *const ellipsis[] = {"...", "\xE2\x80\xA6"};
	int length = (int) strlen(data);
	char *line = palloc(length + sizeof("..."));
	char *to = line;
	bool gap = false;
	int written = 0;

	for (int at = 0, size; at < length; at += size)
	{
		size = IS_HIGHBIT_SET(data[at]) ? Min(pg_mblen(data + at), length - at) : 1;
		if (is_gap(data + at, size))
		{
			gap = to > line;
			continue;
		}
		if (written + 1 + gap > NAME_CHARACTERS)
		{
			to = stpcpy(to, ellipsis[has_unicode()]);
			break;
		}
		if (gap)
			*to++ = ' ';
		written += 1 + gap;
		gap = false;
		memcpy(to, data + at, size);
		to += size;
	}
	*to = '\0';
	return line;
}

/* Marks of quotation and what they are within others. */
#define INNER_MARKS 6
#define MARK_BYTES 8

typedef struct InnerMark
{
	char mark[MARK_BYTES];  /* empty: the encoding has none */
	char inner[MARK_BYTES]; /* no longer than the mark */
} InnerMark;

/* inner_marks gives the marks in the encoding of the database, which a session does not change. */
static const InnerMark *
inner_marks(void)
{
	static const char *const utf8[INNER_MARKS][2] = {
		{"\xE2\x80\x9C", "\xE2\x80\x98"}, {"\xE2\x80\x9D", "\xE2\x80\x99"}, {"\xE3\x80\x8A", "\xE3\x80\x88"},
		{"\xE3\x80\x8B", "\xE3\x80\x89"}, {"\xE3\x80\x8C", "\xE3\x80\x8E"}, {"\xE3\x80\x8D", "\xE3\x80\x8F"}};
	static InnerMark made[INNER_MARKS];
	static bool is_made = false;

	for (int m = 0; m < INNER_MARKS && !is_made; m++)
	{
		char *mark = reco_wording_convert(utf8[m][0]);
		char *inside = reco_wording_convert(utf8[m][1]);

		if (mark == NULL || strlen(mark) >= MARK_BYTES)
			continue;
		strlcpy(made[m].mark, mark, MARK_BYTES);
		strlcpy(made[m].inner, inside != NULL && strlen(inside) <= strlen(mark) ? inside : "'", MARK_BYTES);
	}
	is_made = true;
	return made;
}

/* take_inner copies what a character is within marks of quotation, and gives the end of the copy. */
static char *
take_inner(char *to, const char *character, int size)
{
	const InnerMark *mark = inner_marks();

	for (int m = 0; m < INNER_MARKS; m++)
		if ((int) strlen(mark[m].mark) == size && memcmp(mark[m].mark, character, size) == 0)
		{
			size = (int) strlen(mark[m].inner);
			character = mark[m].inner;
			break;
		}
	memmove(to, character, size);
	return to + size;
}

/* inner gives marks of quotation within a line as they stand within others, in place: a name of data cannot end its own. */
static char *
inner(char *line)
{
	char *to = line;
	int size;

	for (const char *at = line; *at != '\0'; at += size)
	{
		size = IS_HIGHBIT_SET(*at) ? pg_mblen(at) : 1;
		if (size > 1 || IS_HIGHBIT_SET(*at))
			to = take_inner(to, at, size);
		else
			*to++ = *at == '"' && !has_unicode() ? '\'' : *at;
	}
	*to = '\0';
	return line;
}

/* say gives a wording with one slot filled. */
static char *
say(const RecoWords *words, RecoWording kind, RecoSlot slot, const char *value)
{
	RecoFilling filling = {.evidence = 1};

	filling.slot[slot] = value;
	return reco_words_say(words, kind, &filling);
}

char *
reco_words_line(const char *data)
{
	return inner(clean(data));
}

char *
reco_words_label(const RecoModel *model, const RecoView *view, uint32 item)
{
	const RecoViewItem *seen = reco_view_find(view, item);
	char *label = seen != NULL && seen->label != NULL ? inner(clean(seen->label)) : NULL;

	return label != NULL && label[0] != '\0' ? label : NULL;
}

char *
reco_words_name(const RecoWords *words, const RecoModel *model, const RecoView *view, uint32 item)
{
	char *label = reco_words_label(model, view, item);
	char *id;
	RecoKey key;

	if (label != NULL)
		return say(words, RECO_WORDING_LABEL, RECO_SLOT_TEXT, label);
	key = reco_model_key(model, item);
	id = clean(TextDatumGetCString(reco_key_to_datum(&key, TEXTOID)));
	if (strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:/") == strlen(id))
		return say(words, RECO_WORDING_ID, RECO_SLOT_TEXT, id);
	/* words of a sentence, for all that can be told: marked as what they are */
	return say(words, RECO_WORDING_LABEL, RECO_SLOT_TEXT, inner(id));
}

/* plain_event gives the name of an event in the form of the table, which is in UTF-8; nobody knows what bytes of SQL_ASCII mean. */
static char *
plain_event(const char *event)
{
	char *plain = pstrdup(GetDatabaseEncoding() == PG_SQL_ASCII
							  ? event
							  : pg_server_to_any(event, (int) strlen(event), PG_UTF8));

	for (char *at = plain; *at != '\0'; at++)
		*at = isalnum((unsigned char) *at) && !IS_HIGHBIT_SET(*at)
				  ? (char) pg_ascii_tolower((unsigned char) *at)
			  : IS_HIGHBIT_SET(*at) ? *at
									: '_';
	return plain;
}

static bool
is_rating(const char *event)
{
	return pg_strcasecmp(event, "rating") == 0 || pg_strcasecmp(event, "rate") == 0 ||
		   pg_strcasecmp(event, "rated") == 0;
}

RecoWording
reco_words_event(const RecoQuery *query, int evidence, double average)
{
	const RecoEvidence *row = &query->evidence[evidence];
	const char *event = row->kind >= 0 ? query->history->kind[row->kind] : NULL;
	RecoWording wording = RECO_WORDING_OTHER_EVENT;
	char *plain;

	if (event == NULL ? query->model->explicit_feedback : is_rating(event))
		return query->model->explicit_feedback && row->weight > 0 && row->pull / row->weight > average
				   ? RECO_WORDING_RATED_HIGHLY
				   : RECO_WORDING_RATED;
	if (event == NULL)
		return wording;
	plain = plain_event(event);
	for (size_t e = 0; e < lengthof(event_words); e++)
		if (strcmp(event_words[e].event, plain) == 0)
			wording = event_words[e].wording;
	pfree(plain);
	return wording;
}

char *
reco_words_clause(const RecoWords *words, RecoWording event, const char *items, int n_items, bool with_you,
				  const uint64 *hash)
{
	RecoFilling filling = {.evidence = n_items, .pick = hash != NULL, .hash = hash != NULL ? *hash : 0};

	filling.slot[RECO_SLOT_ITEMS] = items;
	if (with_you)
		filling.slot[RECO_SLOT_YOU] = say(words, RECO_WORDING_YOU, RECO_SLOT_TEXT, NULL);
	return reco_words_say(words, event, &filling);
}

RecoWording
reco_words_feature_kind(const RecoAttributeShare *attribute)
{
	if (attribute->own)
		return RECO_WORDING_OWN_FEATURE;
	if (attribute->value == NULL)
		return RECO_WORDING_FEATURE_WHOLE;
	switch (attribute->kind)
	{
		case RECO_ATTRIBUTE_CATEGORY:
			return RECO_WORDING_CATEGORY;
		case RECO_ATTRIBUTE_BRAND:
			return RECO_WORDING_BRAND;
		case RECO_ATTRIBUTE_PRICE:
			return RECO_WORDING_PRICE;
		case RECO_ATTRIBUTE_OTHER:
			break;
	}
	return RECO_WORDING_FEATURE;
}

char *
reco_words_column(const char *lang, const char *name)
{
	char *said = pstrdup(name);
	char *known;

	for (char *at = said; *at != '\0'; at++)
		if (*at == '_')
			*at = ' ';
	known = reco_wording_column(lang, said);
	return known != NULL ? known : inner(clean(said));
}

char *
reco_words_feature_named(const RecoWords *words, const RecoAttributeShare *attribute)
{
	RecoWording wording = attribute->own ? RECO_WORDING_YOUR_NAME : RECO_WORDING_ITS_NAME;

	if (attribute->role == RECO_ROLE_MISSING)
		wording = attribute->own ? RECO_WORDING_YOUR_MISSING : RECO_WORDING_ITS_MISSING;
	else if (attribute->role == RECO_ROLE_OTHER)
		wording = attribute->own ? RECO_WORDING_YOUR_OTHER : RECO_WORDING_ITS_OTHER;
	return say(words, wording, RECO_SLOT_NAME,
			   reco_words_column(reco_words_language(words), attribute->name));
}

/* band_of says a band of numbers, "10 to 20"; NULL where the attribute is none. */
static char *
band_of(const RecoWords *words, const RecoAttributeShare *attribute)
{
	RecoFilling filling = {.evidence = 1};

	if (attribute->from == NULL && attribute->to == NULL)
		return NULL;
	filling.slot[RECO_SLOT_A] = attribute->from;
	filling.slot[RECO_SLOT_B] = attribute->to;
	return reco_words_say(words,
						  attribute->from == NULL ? RECO_WORDING_BAND_BELOW
						  : attribute->to == NULL ? RECO_WORDING_BAND_ABOVE
												  : RECO_WORDING_BAND_WITHIN,
						  &filling);
}

const char *
reco_words_value(const RecoWords *words, const RecoAttributeShare *attribute)
{
	const char *band = band_of(words, attribute);

	return band != NULL ? band : attribute->value;
}

/* value_of says what an attribute is: a band of numbers, or a label in quotation marks. */
static char *
value_of(const RecoWords *words, const RecoAttributeShare *attribute)
{
	char *band = band_of(words, attribute);

	return band != NULL ? band
						: say(words, RECO_WORDING_VALUE, RECO_SLOT_TEXT, inner(clean(attribute->value)));
}

char *
reco_words_feature(const RecoWords *words, const RecoAttributeShare *attribute, bool with_it,
				   const uint64 *hash)
{
	RecoFilling filling = {.evidence = 1, .pick = hash != NULL, .hash = hash != NULL ? *hash : 0};

	filling.slot[RECO_SLOT_NAME] = reco_words_column(reco_words_language(words), attribute->name);
	if (attribute->value != NULL)
		filling.slot[RECO_SLOT_VALUE] = value_of(words, attribute);
	if (with_it)
		filling.slot[RECO_SLOT_IT] = say(words, RECO_WORDING_IT, RECO_SLOT_TEXT, NULL);
	return reco_words_say(words, reco_words_feature_kind(attribute), &filling);
}

char *
reco_words_reviewed(const RecoWords *words, const char *aspect, int people, const uint64 *hash)
{
	RecoFilling filling = {.evidence = people, .count = people, .pick = true, .hash = *hash};

	if (!reco_words_can_say(words, RECO_WORDING_REVIEWED, people))
		return NULL;
	filling.slot[RECO_SLOT_NAME] = reco_words_column(reco_words_language(words), aspect);
	return reco_words_say(words, RECO_WORDING_REVIEWED, &filling);
}

char *
reco_words_join(const RecoWords *words, RecoWording kind, const char *a, const char *b)
{
	RecoFilling filling = {.evidence = 2};

	filling.slot[RECO_SLOT_A] = a;
	filling.slot[RECO_SLOT_B] = b;
	return reco_words_say(words, kind, &filling);
}
