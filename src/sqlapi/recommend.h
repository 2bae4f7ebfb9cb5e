/*
 * recommend.h
 *	  The list of a query, whoever made it.
 */
#ifndef RECO_SQLAPI_RECOMMEND_H
#define RECO_SQLAPI_RECOMMEND_H

#include "postgres.h"

#include "sqlapi/lists.h"

/*
 * reco_recommend_list chooses the rung of a query of a user (NULL: of nobody), makes its list with reasons, returns it and
 * ends the call.
 */
extern void reco_recommend_list(RecoListCall *list, FunctionCallInfo fcinfo, const RecoKey *user,
								RecoQuery *query);

/* reco_recommend_segment gives what the segment of a user (NULL: of nobody) chooses, or NULL; for users without a rung of their own. */
extern const RecoBoard *reco_recommend_segment(const RecoCall *call, const RecoKey *user);

#endif
