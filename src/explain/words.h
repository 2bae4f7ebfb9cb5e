/*
 * words.h
 *	  Words for facts, in the language of some wordings.  Words never decide facts: everything here is told what is true.
 */
#ifndef RECO_EXPLAIN_WORDS_H
#define RECO_EXPLAIN_WORDS_H

#include "postgres.h"

#include "explain/templates.h"
#include "model/model.h"
#include "model/view.h"

/*
 * reco_words_label gives the label of an item as it is shown, NULL when it has none.  Labels are data: runs of white
 * space and control characters become one space, and what is longer than 80 characters is cut.
 */
extern char *reco_words_label(const RecoModel *model, const RecoView *view, uint32 item);

/* reco_words_line gives data as a line shows it: on one line, cut, with marks of quotation as they are within others. */
extern char *reco_words_line(const char *data);

/* reco_words_name names an item: its label in quotation marks, or its id as in "item 42" when it has none; an id of several words is marked like a label. */
extern char *reco_words_name(const RecoWords *words, const RecoModel *model, const RecoView *view,
							 uint32 item);

/*
 * reco_words_event says how a piece of evidence is worded: by the name of its main
 * event, or as a rating, highly when it is above the average; RECO_WORDING_OTHER_EVENT
 * when the event is not one that has words.
 */
extern RecoWording reco_words_event(const RecoQuery *query, int evidence, double average);

/*
 * reco_words_clause says what the user did with some items ("you bought “Trail
 * shoes”"), without "you" in a second clause; hash chooses the wording, NULL the first.
 */
extern char *reco_words_clause(const RecoWords *words, RecoWording event, const char *items, int n_items,
							   bool with_you, const uint64 *hash);

/* reco_words_feature_named names an attribute without saying what it is: its description, your age. */
extern char *reco_words_feature_named(const RecoWords *words, const RecoAttributeShare *attribute);

/* reco_words_feature_kind gives the wording of an attribute. */
extern RecoWording reco_words_feature_kind(const RecoAttributeShare *attribute);

/* reco_words_value gives the value of an attribute as it is shown by itself: a band of numbers in words, "10 to 20", else the value. */
extern const char *reco_words_value(const RecoWords *words, const RecoAttributeShare *attribute);

/*
 * reco_words_feature says what the item or its user is: it is by “Norvik”, without "it" in a second clause.
 * Names and values are data like labels.
 */
extern char *reco_words_feature(const RecoWords *words, const RecoAttributeShare *attribute, bool with_it,
								const uint64 *hash);

/* reco_words_reviewed says how many people rated an aspect highly, and NULL when no wording is content with so few. */
extern char *reco_words_reviewed(const RecoWords *words, const char *aspect, int people, const uint64 *hash);

/* reco_words_column gives the name of a column as it is said in a language, of an attribute or an aspect: often a word of that language, else with spaces for underscores. */
extern char *reco_words_column(const char *lang, const char *name);

/* reco_words_join joins two names or clauses by one of the kinds RECO_WORDING_JOIN_. */
extern char *reco_words_join(const RecoWords *words, RecoWording kind, const char *a, const char *b);

#endif
