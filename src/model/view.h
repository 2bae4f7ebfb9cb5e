/*
 * view.h
 *	  The caller's view of items (DESIGN 5): which of the model's items are
 *	  there for the caller, which pass the filter, and how they are labelled.
 *
 * An item that was deleted since the refresh, or that row-level security
 * hides, is not in the view: it may not be returned and may not be named.
 * Without an items relation there is nothing to look up: every item is there,
 * passes, and has no label.
 */
#ifndef RECO_MODEL_VIEW_H
#define RECO_MODEL_VIEW_H

#include "postgres.h"

#include "model/model.h"

/* One item that the caller sees. */
typedef struct RecoViewItem
{
	uint32 item;
	char status; /* the hash table's */
	bool passes; /* the filter is true (or there is none) */
	char *label; /* NULL when not mapped or NULL */
} RecoViewItem;

typedef struct RecoView RecoView;

/* reco_view_make makes an empty view in the current context; filter may be NULL. */
extern RecoView *reco_view_make(const RecoDefinition *definition, const RecoModel *model,
								const RecoFilter *filter);

/* reco_view_everything makes a view in which every item is there and passes, for when that was settled otherwise. */
extern RecoView *reco_view_everything(const RecoModel *model);

/* reco_view_looks says whether there is anything to look up: false when every item is there and passes. */
extern bool reco_view_looks(const RecoView *view);

/* reco_view_filters says whether there is a filter, which may refuse many items. */
extern bool reco_view_filters(const RecoView *view);

/*
 * reco_view_probe looks up items [n] and also [n_also] as the caller, in one
 * probe.  Of the first it remembers those that are there and pass; of the
 * second all that are there.  Duplicates are fine.  SPI must be connected.
 */
extern void reco_view_probe(RecoView *view, const uint32 *item, size_t n, const uint32 *also, size_t n_also);

/* reco_view_look_up does so for those of n items that the view does not remember yet. */
extern void reco_view_look_up(RecoView *view, const uint32 *item, size_t n);

/* reco_view_find gives an item that a probe remembered, or NULL. */
extern const RecoViewItem *reco_view_find(const RecoView *view, uint32 item);

/*
 * reco_view_all finds by one query all items that are there and pass: those of
 * the model are set in a bitmap [items.n bits] of zeros, in the current context.  Gives
 * NULL where there is nothing to look up.  SPI must be connected.
 */
extern uint8 *reco_view_all(const RecoView *view);

/* reco_view_all_microseconds estimates how long that would take. */
extern double reco_view_all_microseconds(const RecoView *view);

#endif
