/*
 * ranking.h
 *	  The tensors by which items are ranked fast (tensors.h): written after
 *	  learning and found again by any algorithm that ranks by vectors.
 */
#ifndef RECO_MODEL_RANKING_H
#define RECO_MODEL_RANKING_H

#include "kernel/quantise.h"
#include "model/model.h"

/* RECO_RANKING_TENSORS is how many tensors reco_ranking_write adds, at most. */
#define RECO_RANKING_TENSORS 6

/* reco_ranking_bytes bounds what reco_ranking_write takes of the area beside a constant. */
extern Size reco_ranking_bytes(size_t n_items, Size d);

/* reco_ranking_write adds the copy of the items that makes ranking fast; output->tensor has room. */
extern void reco_ranking_write(RecoArea *area, const RkItems *items, RecoLearnOutput *output);

/*
 * The same in pieces: reco_ranking_room allocates the copy of items in the area; once it is made
 * (rk_index_build or its pieces), reco_ranking_add adds its tensors.
 */
extern RkIndexRoom reco_ranking_room(RecoArea *area, const RkItems *items);
extern void reco_ranking_add(const RkItems *items, const RkIndexRoom *room, RecoLearnOutput *output);

/* reco_ranking_bind gives items the copy that a version has; versions may have none. */
extern void reco_ranking_bind(const RecoTensorSet *tensors, RkItems *items, RkIndex *index);

/*
 * reco_ranking_verify derives norms and the copy from the factors of a stored version again, for each of its members, and
 * hands to the sink which of them are something else: digests cannot tell what a superuser wrote with its digest. Such a version
 * gives wrong lists and does no other harm, so nobody looks when it is opened.  What is damaged otherwise is left to
 * reco_store_verify.  Takes memory for the factors and twice the copy.
 */
extern void reco_ranking_verify(const RecoVersion *version, RecoProblemSink report, void *state);

/* reco_ranking_check says whether the copy that bind found can be used. */
extern bool reco_ranking_check(const RkItems *items);

#endif
