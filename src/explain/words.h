/*
 * words.h
 *	  English words for facts.  Words never decide facts: everything here is told what is true.
 */
#ifndef RECO_EXPLAIN_WORDS_H
#define RECO_EXPLAIN_WORDS_H

#include "postgres.h"

#include "model/model.h"
#include "model/view.h"

/*
 * reco_words_name names an item: its label in quotation marks, or "item" and
 * its id when it has none.  Labels are data: runs of white space and control characters become
 * one space, and what is longer than 80 characters is cut.
 */
extern char *reco_words_name(const RecoModel *model, const RecoView *view, uint32 item);

/*
 * reco_words_did says what the user did with the item of a piece of evidence
 * ("you bought “Trail shoes”"); NULL when the event has no words.  highly
 * is said of ratings alone: the rating is above the average.
 */
extern char *reco_words_did(const RecoQuery *query, const RecoView *view, int evidence, bool highly);

#endif
