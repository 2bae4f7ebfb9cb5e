/*
 * fold.c
 *	  All events of a user on one item become one row.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/int.h"

#include "reader/fold.h"

double
reco_fold_decay(const RecoFoldRule *rule, TimestampTz time)
{
	int64 age;

	if (!(rule->half_life > 0) || time >= rule->as_of)
		return 1.0;
	/* the whole range of timestamps is a little wider than an int64 */
	if (pg_sub_s64_overflow(rule->as_of, time, &age))
		age = PG_INT64_MAX;
	return exp2(-(double) age / rule->half_life);
}

void
reco_fold_add(const RecoFoldRule *rule, const RecoFoldEvent *event, RecoFoldSum *sum)
{
	double decay = reco_fold_decay(rule, event->time);
	double weight = fabs(event->amount) * decay;

	sum->weight += weight;
	if (rule->explicit_feedback)
		sum->pull += weight * event->rating;
	else if (event->amount > 0)
		sum->pull += weight;
	else
		sum->pull -= rule->dislike * weight;
}

bool
reco_fold_keeps(double weight, double largest)
{
	return weight >= FLT_MIN && weight >= ldexp(largest, -40);
}
