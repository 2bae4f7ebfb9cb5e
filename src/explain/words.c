/*
 * words.c
 *	  English words for events and items.
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

/* What an event means, in words; %s is the item. */
typedef struct EventWords
{
	const char *event; /* lower case, with _ for what is no letter or digit */
	const char *phrase;
} EventWords;

static const EventWords event_words[] = {{"purchase", "you bought %s"},
										 {"purchased", "you bought %s"},
										 {"buy", "you bought %s"},
										 {"bought", "you bought %s"},
										 {"order", "you bought %s"},
										 {"ordered", "you bought %s"},
										 {"sale", "you bought %s"},
										 {"view", "you viewed %s"},
										 {"viewed", "you viewed %s"},
										 {"pageview", "you viewed %s"},
										 {"page_view", "you viewed %s"},
										 {"click", "you viewed %s"},
										 {"visit", "you viewed %s"},
										 {"cart", "you added %s to your cart"},
										 {"add_to_cart", "you added %s to your cart"},
										 {"addtocart", "you added %s to your cart"},
										 {"basket", "you added %s to your cart"},
										 {"add_to_basket", "you added %s to your cart"},
										 {"like", "you liked %s"},
										 {"liked", "you liked %s"},
										 {"favourite", "you liked %s"},
										 {"favorite", "you liked %s"},
										 {"read", "you read %s"},
										 {"play", "you listened to %s"},
										 {"listen", "you listened to %s"},
										 {"watch", "you watched %s"},
										 {"watched", "you watched %s"},
										 {"wishlist", "you saved %s"},
										 {"save", "you saved %s"},
										 {"saved", "you saved %s"},
										 {"bookmark", "you saved %s"},
										 {"to_read", "you saved %s"},
										 {"return", "you returned %s"},
										 {"returned", "you returned %s"},
										 {"refund", "you returned %s"},
										 {"dislike", "you disliked %s"},
										 {"downvote", "you disliked %s"},
										 {"skip", "you skipped %s"},
										 {"hide", "you hid %s"},
										 {"remove_from_cart", "you took %s out of your cart"},
										 {NULL, NULL}};

static bool
has_unicode(void)
{
	return GetDatabaseEncoding() == PG_UTF8;
}

/* append_clean appends data as one line: white space and control characters collapsed, long text cut. */
static void
append_clean(StringInfo line, const char *data, int length)
{
	bool gap = false;
	int start = line->len;
	int written = 0;

	for (int at = 0, size; at < length; at += size)
	{
		unsigned char c = (unsigned char) data[at];

		size = Min(pg_mblen(data + at), length - at);
		if (c <= ' ' || c == 0x7f)
		{
			gap = true;
			continue;
		}
		if (written + 1 > NAME_CHARACTERS - (gap && line->len > start ? 1 : 0))
		{
			appendStringInfoString(line, has_unicode() ? "\xE2\x80\xA6" : "...");
			return;
		}
		if (gap && line->len > start)
		{
			appendStringInfoChar(line, ' ');
			written++;
		}
		gap = false;
		appendBinaryStringInfo(line, data + at, size);
		written++;
	}
}

/* append_id appends the id of an item as text. */
static void
append_id(StringInfo line, const RecoModel *model, uint32 item)
{
	RecoKey key = reco_keys_get(&model->items, item);
	char *id = TextDatumGetCString(reco_key_to_datum(&key, TEXTOID));

	append_clean(line, id, (int) strlen(id));
	pfree(id);
}

char *
reco_words_name(const RecoModel *model, const RecoView *view, uint32 item)
{
	const RecoViewItem *seen = reco_view_find(view, item);
	StringInfoData name;

	initStringInfo(&name);
	if (seen != NULL && seen->label != NULL)
		append_clean(&name, seen->label, (int) strlen(seen->label));
	if (name.len > 0)
		return psprintf(has_unicode() ? "\xE2\x80\x9C%s\xE2\x80\x9D" : "\"%s\"", name.data);
	appendStringInfoString(&name, "item ");
	append_id(&name, model, item);
	return name.data;
}

/* plain_event gives the name of an event in the form of the table. */
static char *
plain_event(const char *event)
{
	char *plain = pstrdup(event);

	for (char *at = plain; *at != '\0'; at++)
		*at = isalnum((unsigned char) *at) && !IS_HIGHBIT_SET(*at)
				  ? (char) pg_ascii_tolower((unsigned char) *at)
			  : IS_HIGHBIT_SET(*at) ? *at
									: '_';
	return plain;
}

/* phrase_of gives the words of an event, or NULL. */
static const char *
phrase_of(const char *event)
{
	char *plain = plain_event(event);
	const char *phrase = NULL;

	for (const EventWords *words = event_words; words->event != NULL && phrase == NULL; words++)
		if (strcmp(words->event, plain) == 0)
			phrase = words->phrase;
	pfree(plain);
	return phrase;
}

static bool
is_rating(const char *event)
{
	return pg_strcasecmp(event, "rating") == 0 || pg_strcasecmp(event, "rate") == 0 ||
		   pg_strcasecmp(event, "rated") == 0;
}

char *
reco_words_did(const RecoQuery *query, const RecoView *view, int evidence, bool highly)
{
	const RecoEvidence *row = &query->evidence[evidence];
	const char *event = row->kind >= 0 ? query->history->kind[row->kind] : NULL;
	const char *phrase;

	if (event == NULL ? query->model->explicit_feedback : is_rating(event))
		phrase = highly ? "you rated %s highly" : "you rated %s";
	else
		phrase = event != NULL ? phrase_of(event) : NULL;
	if (phrase == NULL)
		return NULL;
	return psprintf(phrase, reco_words_name(query->model, view, row->item));
}
