/*
 * differences.c
 *	  How the contestants of one evaluation differ, by paired bootstrap.
 *
 * All contestants are measured on the same users and resampled by the same
 * draws, so the difference of two in a resample is that of a resample of users with
 * both their lists: what two users have in common, being easy or hard to please, cancels.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"

/* A measure that is compared. */
typedef struct Measure
{
	const char *name;
	int k;
	RecoStatistic statistic;
} Measure;

/* list_measures gives the measures that are compared, and their number. */
static Measure *
list_measures(const RecoEvaluation *evaluation, int *n)
{
	const RecoEvaluateSettings *settings = &evaluation->settings;
	Measure *measure = palloc(sizeof(Measure) * (settings->n_k * RECO_CELL_ITEM_RECALL + 3));
	size_t ratings = reco_evaluate_tail(evaluation, RECO_TAIL_RATINGS);

	*n = 0;
	for (int k = 0; k < settings->n_k; k++)
		for (int cell = 0; cell < RECO_CELL_ITEM_RECALL; cell++)
		{
			RecoTail users = cell == RECO_CELL_DIVERSITY ? RECO_TAIL_SAMPLED : RECO_TAIL_RANKED;

			measure[(*n)++] = (Measure){
				reco_evaluate_cell_name[cell],
				(int) settings->k[k],
				{reco_evaluate_cell(k, cell), reco_evaluate_tail(evaluation, users), false},
			};
		}
	measure[(*n)++] = (Measure){"auc",
								0,
								{reco_evaluate_tail(evaluation, RECO_TAIL_AUC),
								 reco_evaluate_tail(evaluation, RECO_TAIL_AUC_USERS), false}};
	measure[(*n)++] =
		(Measure){"rmse", 0, {reco_evaluate_tail(evaluation, RECO_TAIL_SQUARES), ratings, true}};
	measure[(*n)++] =
		(Measure){"mae", 0, {reco_evaluate_tail(evaluation, RECO_TAIL_ABSOLUTES), ratings, false}};
	return measure;
}

static bool
has_measure(const RecoResult *result, const Measure *measure)
{
	return result->all.sum[measure->statistic.denominator] > 0 &&
		   !(strcmp(measure->name, "diversity") == 0 && measure->k == 1);
}

/* differ gives how one differs from the other in a measure that both have; value is scratch [2 resamples]. */
static RecoDifferenceRow
differ(const RecoEvaluation *evaluation, const RecoResult *one, const RecoResult *other,
	   const Measure *measure, double *value)
{
	size_t resamples = (size_t) evaluation->settings.resamples;
	RecoDifferenceRow row = {
		.model = one->name, .versus = other->name, .metric = measure->name, .k = measure->k};

	row.value = reco_evaluate_statistic(&measure->statistic, &one->all) -
				reco_evaluate_statistic(&measure->statistic, &other->all);
	reco_evaluate_resampled(&measure->statistic, &one->all, resamples, value);
	reco_evaluate_resampled(&measure->statistic, &other->all, resamples, value + resamples);
	for (size_t r = 0; r < resamples; r++)
		value[r] -= value[resamples + r];
	reco_evaluate_interval(value, resamples, &row.low, &row.high);
	return row;
}

/* reco_evaluate_differences gives the difference of each two contestants, the earlier minus the later, in each measure that both have. */
RecoDifferenceRow *
reco_evaluate_differences(const RecoEvaluation *evaluation, int *n)
{
	int n_measures;
	Measure *measure = list_measures(evaluation, &n_measures);
	size_t pairs = (size_t) evaluation->n_done * Max(evaluation->n_done - 1, 0) / 2;
	RecoDifferenceRow *row = reco_evaluate_alloc(pairs * n_measures, sizeof(RecoDifferenceRow));
	double *value = reco_evaluate_alloc(2 * (size_t) evaluation->settings.resamples, sizeof(double));

	*n = 0;
	for (int one = 0; one < evaluation->n_done; one++)
		for (int other = one + 1; other < evaluation->n_done; other++)
			for (int m = 0; m < n_measures; m++)
				if (has_measure(&evaluation->result[one], &measure[m]) &&
					has_measure(&evaluation->result[other], &measure[m]))
					row[(*n)++] = differ(evaluation, &evaluation->result[one], &evaluation->result[other],
										 &measure[m], value);
	pfree(value);
	return row;
}
