/*
 * templates.c
 *	  Patterns, parsed once a session, and filled.
 *
 * A session keeps all languages in one library of words.  It is read anew when
 * the table of templates has changed (catalog/template.c); calls that still speak from the
 * old one keep it by a pin, the last of which frees it.
 *
 * A row that somebody edited hides the built-in row of the same kind, language
 * and variant.  What a language lacks is said in English, and where nothing
 * is left, or no wording is content with the evidence there is, the first built-in one serves: whatever an
 * owner does to the table, every fact can be said.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/catalog.h"
#include "explain/templates.h"
#include "kernel/rng.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "model/options.h"
#include "reco.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define BIT(slot) (1 << RECO_SLOT_##slot)
#define LITERAL (-1)

/* A kind: its name, the slots it knows and those that it cannot do without. */
typedef struct KindInfo
{
	const char *name;
	int known;
	int needed;
} KindInfo;

#define EVENT_SLOTS (BIT(YOU) | BIT(ITEMS)), BIT(ITEMS)
#define FEATURE_SLOTS (BIT(IT) | BIT(NAME) | BIT(VALUE)), BIT(VALUE)

static const KindInfo kind_info[RECO_WORDINGS] = {
	[RECO_WORDING_HISTORY] = {"history", BIT(CLAUSES), BIT(CLAUSES)},
	[RECO_WORDING_SIMILAR] = {"similar", BIT(ITEMS), BIT(ITEMS)},
	[RECO_WORDING_POPULAR] = {"popular", 0, 0},
	[RECO_WORDING_POPULAR_COUNT] = {"popular_count", BIT(COUNT), BIT(COUNT)},
	[RECO_WORDING_POPULAR_AMONG] = {"popular_among", BIT(VALUE), BIT(VALUE)},
	[RECO_WORDING_RATING] = {"rating", BIT(VALUE), BIT(VALUE)},
	[RECO_WORDING_NEW] = {"new", 0, 0},
	[RECO_WORDING_PROMOTED] = {"promoted", 0, 0},
	[RECO_WORDING_FALLBACK] = {"fallback", 0, 0},
	[RECO_WORDING_PROFILE] = {"profile", 0, 0},
	[RECO_WORDING_GENERAL] = {"general", 0, 0},
	[RECO_WORDING_BOUGHT] = {"bought", EVENT_SLOTS},
	[RECO_WORDING_VIEWED] = {"viewed", EVENT_SLOTS},
	[RECO_WORDING_CART] = {"cart", EVENT_SLOTS},
	[RECO_WORDING_RATED] = {"rated", EVENT_SLOTS},
	[RECO_WORDING_RATED_HIGHLY] = {"rated_highly", EVENT_SLOTS},
	[RECO_WORDING_LIKED] = {"liked", EVENT_SLOTS},
	[RECO_WORDING_READ] = {"read", EVENT_SLOTS},
	[RECO_WORDING_LISTENED] = {"listened", EVENT_SLOTS},
	[RECO_WORDING_WATCHED] = {"watched", EVENT_SLOTS},
	[RECO_WORDING_SAVED] = {"saved", EVENT_SLOTS},
	[RECO_WORDING_OTHER_EVENT] = {"other_event", EVENT_SLOTS},
	[RECO_WORDING_RETURNED] = {"returned", EVENT_SLOTS},
	[RECO_WORDING_DISLIKED] = {"disliked", EVENT_SLOTS},
	[RECO_WORDING_SKIPPED] = {"skipped", EVENT_SLOTS},
	[RECO_WORDING_HID] = {"hid", EVENT_SLOTS},
	[RECO_WORDING_UNCART] = {"removed_from_cart", EVENT_SLOTS},
	[RECO_WORDING_CATEGORY] = {"category", FEATURE_SLOTS},
	[RECO_WORDING_BRAND] = {"brand", FEATURE_SLOTS},
	[RECO_WORDING_PRICE] = {"price", FEATURE_SLOTS},
	[RECO_WORDING_FEATURE] = {"feature", FEATURE_SLOTS},
	[RECO_WORDING_FEATURE_WHOLE] = {"feature_whole", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_OWN_FEATURE] = {"own_feature", BIT(NAME) | BIT(VALUE), BIT(NAME) | BIT(VALUE)},
	[RECO_WORDING_REVIEWED] = {"reviewed", BIT(NAME) | BIT(COUNT), BIT(NAME) | BIT(COUNT)},
	[RECO_WORDING_EVIDENCE] = {"evidence", BIT(ITEMS), BIT(ITEMS)},
	[RECO_WORDING_DISLIKE] = {"dislike", BIT(ITEMS), BIT(ITEMS)},
	[RECO_WORDING_AVERAGE] = {"average", 0, 0},
	[RECO_WORDING_ITEM] = {"item", 0, 0},
	[RECO_WORDING_RATER] = {"rater", 0, 0},
	[RECO_WORDING_PRIOR] = {"prior", 0, 0},
	[RECO_WORDING_ATTRIBUTE] = {"attribute", 0, 0},
	[RECO_WORDING_REST] = {"rest", BIT(COUNT), 0},
	[RECO_WORDING_NO_HISTORY] = {"no_history", 0, 0},
	[RECO_WORDING_REMAINDER] = {"remainder", 0, 0},
	[RECO_WORDING_ANY_ITEM] = {"any_item", 0, 0},
	[RECO_WORDING_RESIDUAL] = {"residual", 0, 0},
	[RECO_WORDING_HIDDEN] = {"hidden", 0, 0},
	[RECO_WORDING_MEMBER] = {"member", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_ITS_NAME] = {"its_name", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_YOUR_NAME] = {"your_name", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_ITS_MISSING] = {"its_missing", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_YOUR_MISSING] = {"your_missing", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_ITS_OTHER] = {"its_other", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_YOUR_OTHER] = {"your_other", BIT(NAME), BIT(NAME)},
	[RECO_WORDING_YOU] = {"you", 0, 0},
	[RECO_WORDING_IT] = {"it", 0, 0},
	[RECO_WORDING_VALUE] = {"value", BIT(TEXT), BIT(TEXT)},
	[RECO_WORDING_BAND_BELOW] = {"band_below", BIT(B), BIT(B)},
	[RECO_WORDING_BAND_WITHIN] = {"band_within", BIT(A) | BIT(B), BIT(A) | BIT(B)},
	[RECO_WORDING_BAND_ABOVE] = {"band_above", BIT(A), BIT(A)},
	[RECO_WORDING_LABEL] = {"label", BIT(TEXT), BIT(TEXT)},
	[RECO_WORDING_ID] = {"id", BIT(TEXT), BIT(TEXT)},
	[RECO_WORDING_JOIN_ITEMS] = {"join_items", BIT(A) | BIT(B), BIT(A) | BIT(B)},
	[RECO_WORDING_JOIN_CLAUSES] = {"join_clauses", BIT(A) | BIT(B), BIT(A) | BIT(B)},
	[RECO_WORDING_JOIN_FEATURES] = {"join_features", BIT(A) | BIT(B), BIT(A) | BIT(B)},
	[RECO_WORDING_JOIN_REVIEW] = {"join_review", BIT(A) | BIT(B), BIT(A) | BIT(B)},
	[RECO_WORDING_PICTURE] = {"picture", BIT(ITEMS), BIT(ITEMS)},
	[RECO_WORDING_PICTURE_SCORE] = {"picture_score", 0, 0},
	[RECO_WORDING_PICTURE_SUM] = {"picture_sum", BIT(VALUE), BIT(VALUE)},
};

static const char *const slot_name[RECO_SLOTS] = {"you",  "it",   "items", "clauses", "count",
												  "text", "name", "value", "a",       "b"};

/* A piece of a pattern: literal text, or a slot; of {count|one|many} the two forms. */
typedef struct Segment
{
	int slot; /* RecoSlot or LITERAL */
	char *text;
	char *one;
	char *many;
} Segment;

typedef struct Pattern
{
	int min_evidence;
	double weight;
	int n;
	Segment *segment; /* [n] */
} Pattern;

typedef struct Patterns
{
	int n;
	Pattern *pattern; /* [n] */
} Patterns;

struct RecoWords
{
	char *lang;
	Patterns kind[RECO_WORDINGS];
	const RecoWords *english; /* what the language lacks; NULL in English */
};

/* All languages, as of one state of the table. */
typedef struct Library
{
	MemoryContext memory;
	uint64 generation;
	int pins;
	bool stale; /* freed with the last pin */
	int n;
	RecoWords **language; /* [n] */
	Pattern first[RECO_WORDINGS];
} Library;

static Library *library = NULL;

const char *
reco_words_kind_name(RecoWording kind)
{
	return kind_info[kind].name;
}

const char *
reco_words_language(const RecoWords *words)
{
	return words->lang;
}

/* ---- parsing ---- */

/* find_kind gives the kind of a name, or -1. */
static int
find_kind(const char *name)
{
	for (int k = 0; k < RECO_WORDINGS; k++)
		if (strcmp(kind_info[k].name, name) == 0)
			return k;
	return -1;
}

/* find_slot gives the slot of a name that a kind knows, or -1. */
static int
find_slot(int kind, const char *name)
{
	for (int s = 0; s < RECO_SLOTS; s++)
		if (strcmp(slot_name[s], name) == 0 && (kind_info[kind].known & (1 << s)) != 0)
			return s;
	return -1;
}

/* list_slots writes the slots in a set, {a}, {b}. */
static char *
list_slots(int set)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int s = 0; s < RECO_SLOTS; s++)
		if ((set & (1 << s)) != 0)
			appendStringInfo(&text, "%s{%s}", text.len > 0 ? ", " : "", slot_name[s]);
	return text.data;
}

/* What is wrong with a pattern. */
typedef struct Fault
{
	const char *what; /* NULL: nothing */
	char *slot;
} Fault;

/* take_literal appends text up to the next slot and gives where it stops; a brace alone is a fault. */
static const char *
take_literal(const char *at, Segment *segment, Fault *fault)
{
	StringInfoData text;

	initStringInfo(&text);
	for (; *at != '\0'; at++)
	{
		if (*at == '{' && at[1] != '{')
			break;
		if ((*at == '{' || *at == '}') && at[1] == *at)
			at++;
		else if (*at == '}')
		{
			fault->what = "brace";
			break;
		}
		appendStringInfoChar(&text, *at);
	}
	*segment = (Segment){.slot = LITERAL, .text = text.data};
	return at;
}

/* take_slot reads {slot} or {slot|one|many} and gives where it stops. */
static const char *
take_slot(int kind, const char *at, Segment *segment, Fault *fault)
{
	const char *end = strchr(at, '}');
	char *inside;
	char *bar;

	if (end == NULL)
	{
		fault->what = "brace";
		return at;
	}
	inside = pnstrdup(at + 1, end - at - 1);
	*segment = (Segment){0};
	bar = strchr(inside, '|');
	if (bar != NULL)
	{
		*bar = '\0';
		segment->one = bar + 1;
		segment->many = strchr(bar + 1, '|');
		if (segment->many == NULL)
			fault->what = "forms";
		else
			*segment->many++ = '\0';
		if (segment->many != NULL && strchr(segment->many, '|') != NULL)
			fault->what = "forms";
	}
	segment->slot = find_slot(kind, inside);
	if (segment->slot < 0 || (bar != NULL && segment->slot != RECO_SLOT_COUNT))
		fault->what = segment->slot < 0 ? "slot" : "forms";
	fault->slot = inside;
	return end + 1;
}

/* parse makes the segments of a pattern in the current context; *fault says what is wrong with it. */
static Pattern
parse(int kind, const char *text, Fault *fault)
{
	Pattern pattern = {.segment = palloc(sizeof(Segment) * (strlen(text) + 1))};
	int used = 0;

	*fault = (Fault){0};
	while (*text != '\0' && fault->what == NULL)
	{
		Segment *segment = &pattern.segment[pattern.n++];

		CHECK_FOR_INTERRUPTS();
		if (*text == '{' && text[1] != '{')
			text = take_slot(kind, text, segment, fault);
		else
			text = take_literal(text, segment, fault);
		if (segment->slot >= 0)
			used |= 1 << segment->slot;
	}
	if (fault->what == NULL && (kind_info[kind].needed & ~used) != 0)
	{
		fault->what = "needed";
		fault->slot = list_slots(kind_info[kind].needed & ~used);
	}
	return pattern;
}

/* raise_unknown_kind refuses a template of a kind that there is not. */
static void
raise_unknown_kind(const char *kind)
{
	const char *name[RECO_WORDINGS];
	const char *nearest;
	StringInfoData known;

	initStringInfo(&known);
	for (int k = 0; k < RECO_WORDINGS; k++)
	{
		name[k] = kind_info[k].name;
		appendStringInfo(&known, "%s%s", k > 0 ? ", " : "", name[k]);
	}
	nearest = reco_nearest_name(kind, name, RECO_WORDINGS);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of reason \"%s\"", kind),
					nearest ? errhint("Perhaps you meant \"%s\".", nearest)
							: errhint("The known kinds are: %s.", known.data)));
}

/* raise_fault refuses a pattern. */
static void
raise_fault(int kind, const char *pattern, const Fault *fault)
{
	const char *name = kind_info[kind].name;
	char *known = list_slots(kind_info[kind].known);

	if (strcmp(fault->what, "slot") == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown slot {%s} in a template of kind \"%s\"", fault->slot, name),
						errdetail("The pattern is: %s", pattern),
						known[0] != '\0' ? errhint("The slots of this kind are: %s.", known)
										 : errhint("This kind has no slots; write {{ and }} for braces.")));
	if (strcmp(fault->what, "needed") == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a template of kind \"%s\" needs %s", name, fault->slot),
						errdetail("The pattern is: %s", pattern)));
	if (strcmp(fault->what, "forms") == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("malformed slot in a template of kind \"%s\"", name),
						errdetail("The pattern is: %s", pattern),
						errhint("Forms belong to a count and are two, as in {count|1 thing|# things}.")));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unbalanced brace in a template of kind \"%s\"", name),
					errdetail("The pattern is: %s", pattern),
					errhint("Slots are written as {items}; {{ and }} are braces.")));
}

void
reco_template_check(const char *kind, const char *pattern)
{
	int k = find_kind(kind);
	Fault fault;

	if (k < 0)
		raise_unknown_kind(kind);
	(void) parse(k, pattern, &fault);
	if (fault.what != NULL)
		raise_fault(k, pattern, &fault);
}

/* ---- the library of a session ---- */

static RecoWords *
find_language(const Library *from, const char *lang)
{
	for (int l = 0; l < from->n; l++)
		if (pg_strcasecmp(from->language[l]->lang, lang) == 0)
			return from->language[l];
	return NULL;
}

/* add_language gives a language of the library, made if need be. */
static RecoWords *
add_language(Library *into, const char *lang, int most)
{
	RecoWords *words = find_language(into, lang);

	if (words != NULL)
		return words;
	if (into->language == NULL)
		into->language = palloc0(sizeof(RecoWords *) * most);
	words = palloc0(sizeof(RecoWords));
	words->lang = pstrdup(lang);
	into->language[into->n++] = words;
	return words;
}

/* add_row puts a template into the library; one that cannot be parsed, which the trigger prevents, is left out. */
static void
add_row(Library *into, const RecoTemplateRow *row, int n_rows)
{
	int kind = find_kind(row->kind);
	Fault fault;
	Pattern pattern;
	Patterns *patterns;

	if (kind < 0 || !(row->weight > 0))
		return;
	pattern = parse(kind, row->pattern, &fault);
	if (fault.what != NULL)
		return;
	pattern.min_evidence = row->min_evidence;
	pattern.weight = row->weight;
	patterns = &add_language(into, row->lang, n_rows)->kind[kind];
	if (patterns->pattern == NULL)
		patterns->pattern = palloc(sizeof(Pattern));
	else
		patterns->pattern = repalloc(patterns->pattern, sizeof(Pattern) * (patterns->n + 1));
	patterns->pattern[patterns->n++] = pattern;
}

/* is_hidden says whether a built-in row has an edit; rows are ordered so that the edit is before it. */
static bool
is_hidden(const RecoTemplateRow *row, int r)
{
	return r > 0 && row[r].builtin && !row[r - 1].builtin && row[r - 1].variant == row[r].variant &&
		   strcmp(row[r - 1].kind, row[r].kind) == 0 && strcmp(row[r - 1].lang, row[r].lang) == 0;
}

/* add_first parses the first English wording of every kind, for when all else fails. */
static void
add_first(Library *into)
{
	Fault fault;

	for (int w = reco_n_builtin_wordings - 1; w >= 0; w--)
		if (strcmp(reco_builtin_wording[w].lang, "en") == 0)
			into->first[reco_builtin_wording[w].kind] =
				parse(reco_builtin_wording[w].kind, reco_wording_encode(&reco_builtin_wording[w]), &fault);
}

static Library *
read_library(void)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "reco words", ALLOCSET_SMALL_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(memory);
	Library *made = palloc0(sizeof(Library));
	int n;
	RecoTemplateRow *row;

	made->memory = memory;
	made->generation = reco_catalog_templates_watch();
	row = reco_catalog_templates(&n);
	for (int r = 0; r < n; r++)
		if (!is_hidden(row, r))
			add_row(made, &row[r], n + 1);
	(void) add_language(made, "en", n + 1);
	for (int l = 0; l < made->n; l++)
		if (strcmp(made->language[l]->lang, "en") != 0)
			made->language[l]->english = find_language(made, "en");
	add_first(made);
	MemoryContextSwitchTo(outer);
	MemoryContextSetParent(memory, TopMemoryContext);
	return made;
}

static void
unpin(void *argument)
{
	Library *pinned = argument;

	if (--pinned->pins == 0 && pinned->stale)
		MemoryContextDelete(pinned->memory);
}

/* current_library gives the library as the table is now, pinned. */
static Library *
current_library(MemoryContext pin)
{
	MemoryContextCallback *callback = MemoryContextAlloc(pin, sizeof(MemoryContextCallback));

	if (library == NULL || !reco_catalog_templates_current(library->generation))
	{
		Library *made = read_library();

		if (library != NULL && library->pins == 0)
			MemoryContextDelete(library->memory);
		else if (library != NULL)
			library->stale = true;
		library = made;
	}
	library->pins++;
	*callback = (MemoryContextCallback){.func = unpin, .arg = library};
	MemoryContextRegisterResetCallback(pin, callback);
	return library;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp((*(RecoWords *const *) a)->lang, (*(RecoWords *const *) b)->lang);
}

/* raise_unknown_language names the languages that there are. */
static void
raise_unknown_language(const Library *in, const char *lang, bool of_setting)
{
	StringInfoData known;

	initStringInfo(&known);
	qsort(in->language, in->n, sizeof(RecoWords *), compare_names);
	for (int l = 0; l < in->n; l++)
		appendStringInfo(&known, "%s%s", l > 0 ? ", " : "", in->language[l]->lang);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("reasons are not known in language \"%s\"", lang),
					of_setting ? errdetail("It is the value of the setting reco.lang.") : 0,
					errhint("The known languages are: %s.", known.data)));
}

const RecoWords *
reco_words_open(const char *lang, MemoryContext pin)
{
	Library *in = current_library(pin);
	const RecoWords *words;
	bool of_setting = lang == NULL;
	char *plain;

	if (of_setting)
		lang = reco_lang;
	if (lang == NULL || lang[0] == '\0')
		lang = "en";
	words = find_language(in, lang);
	if (words == NULL)
	{
		plain = pnstrdup(lang, strcspn(lang, "-_"));
		words = find_language(in, plain);
		pfree(plain);
	}
	if (words == NULL)
		raise_unknown_language(in, lang, of_setting);
	return words;
}

/* ---- saying ---- */

/* choose gives the wording by hash among those content with the evidence; NULL when there is none. */
static const Pattern *
choose(const Patterns *patterns, RecoWording kind, const RecoFilling *filling)
{
	double total = 0;
	double point;
	const Pattern *last = NULL;

	for (int p = 0; p < patterns->n; p++)
		if (patterns->pattern[p].min_evidence <= filling->evidence)
			total += patterns->pattern[p].weight;
	point = filling->pick
				? total * ((double) (rk_hash_mix(filling->hash, (uint64) kind) >> 11) / 9007199254740992.0)
				: 0;
	for (int p = 0; p < patterns->n; p++)
	{
		if (patterns->pattern[p].min_evidence > filling->evidence)
			continue;
		last = &patterns->pattern[p];
		if (point < last->weight)
			return last;
		point -= last->weight;
	}
	return last;
}

/* counted says a number, in the form for it where the segment has forms, with # for the number. */
static const char *
counted(const Segment *segment, int64 count)
{
	StringInfoData text;

	if (segment->many == NULL)
		return psprintf(INT64_FORMAT, count);
	initStringInfo(&text);
	for (const char *form = count == 1 ? segment->one : segment->many; *form != '\0'; form++)
		if (*form == '#')
			appendStringInfo(&text, INT64_FORMAT, count);
		else
			appendStringInfoChar(&text, *form);
	return text.data;
}

/* piece_of gives what a segment becomes. */
static const char *
piece_of(const Segment *segment, const RecoFilling *filling)
{
	if (segment->slot == LITERAL)
		return segment->text;
	if (segment->slot == RECO_SLOT_COUNT)
		return counted(segment, filling->count);
	return filling->slot[segment->slot] != NULL ? filling->slot[segment->slot] : "";
}

/* fill gives a pattern filled, in memory that fits it; the space after an empty slot at the beginning goes with it. */
static char *
fill(const Pattern *pattern, const RecoFilling *filling)
{
	const char **piece = palloc(sizeof(char *) * Max(pattern->n, 1));
	size_t length = 0;
	char *text;
	char *at;

	for (int s = 0; s < pattern->n; s++)
	{
		piece[s] = piece_of(&pattern->segment[s], filling);
		if (s == 1 && length == 0 && pattern->segment[s].slot == LITERAL && piece[s][0] == ' ')
			piece[s]++;
		length += strlen(piece[s]);
	}
	text = at = palloc(length + 1);
	for (int s = 0; s < pattern->n; s++)
	{
		size_t own = strlen(piece[s]);

		memcpy(at, piece[s], own);
		at += own;
	}
	*at = '\0';
	pfree(piece);
	return text;
}

char *
reco_words_say(const RecoWords *words, RecoWording kind, const RecoFilling *filling)
{
	const Pattern *pattern = choose(&words->kind[kind], kind, filling);

	if (pattern == NULL && words->english != NULL)
		pattern = choose(&words->english->kind[kind], kind, filling);
	if (pattern == NULL)
		pattern = &library->first[kind];
	return fill(pattern, filling);
}

bool
reco_words_can_say(const RecoWords *words, RecoWording kind, int evidence)
{
	RecoFilling filling = {.evidence = evidence};

	return choose(&words->kind[kind], kind, &filling) != NULL ||
		   (words->english != NULL && choose(&words->english->kind[kind], kind, &filling) != NULL);
}
