/*
 * neighbours.c
 *	  Models of neighbours: serving.
 *
 * The query of a user is one sparse term: a row of S for each kept row whose
 * value r_j is not 0, weighed by it.  score(i) = sum_j r_j S[j, i], items
 * ascending, so each row owns its addend, which is also what taking it away takes
 * off the score.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "model/neighbours.h"

/* What bind finds in the tensors. */
typedef struct NeighbourModel
{
	RkCsr similar;
	RecoValues values;
	double mean;
} NeighbourModel;

/* What represent leaves for explanations. */
typedef struct NeighbourQuery
{
	int *evidence; /* [n_rows of the term], position in query->evidence of each row */
} NeighbourQuery;

double
reco_neighbours_value(RecoValues values, double mean, double pull)
{
	if (pull == 0)
		return 0;
	switch (values)
	{
		case RECO_VALUES_LINEAR:
			return pull / mean;
		case RECO_VALUES_LOG:
			return copysign(log1p(fabs(pull) / mean) / M_LN2, pull);
		case RECO_VALUES_BINARY:
			return copysign(1, pull);
	}
	return 0;
}

void
reco_neighbours_bind(RecoModel *model)
{
	NeighbourModel *neighbours = palloc0(sizeof(NeighbourModel));
	const RecoTensorSet *tensors = model->tensors;
	RkCsr *similar = &neighbours->similar;
	int64 n = (int64) model->items.n;
	const double *parameter =
		reco_model_tensor(tensors, "neighbour_parameters", RECO_FLOAT8, 1, NEIGHBOUR_N_PARAMETERS);

	similar->n_rows = similar->n_cols = model->items.n;
	similar->offset = reco_model_tensor(tensors, "similar_offset", RECO_INT8, n + 1, 1);
	similar->index = reco_model_tensor(tensors, "similar_index", RECO_INT4, (int64) similar->offset[n], 1);
	similar->weight =
		reco_model_tensor(tensors, "similar_weight", RECO_FLOAT4, (int64) similar->offset[n], 1);
	/* before it is converted: a number out of range has no value as an enum */
	if (!(parameter[NEIGHBOUR_VALUES] >= RECO_VALUES_LINEAR &&
		  parameter[NEIGHBOUR_VALUES] <= RECO_VALUES_BINARY))
		reco_model_refuse("neighbour_parameters");
	neighbours->values = (RecoValues) parameter[NEIGHBOUR_VALUES];
	neighbours->mean = parameter[NEIGHBOUR_MEAN];
	model->similar = &neighbours->similar;
	model->state = neighbours;
}

/*
 * That weights are finite is checked where chunks are read.  With a mean pull that float32 holds, so that pulls divided by it
 * times any weight stay far below what float64 holds, no score can be infinite.
 */
void
reco_neighbours_check(const RecoModel *model)
{
	const NeighbourModel *neighbours = model->state;
	const RecoTensor *parameter =
		reco_store_find(model->tensors, "neighbour_parameters", RECO_FLOAT8, NEIGHBOUR_N_PARAMETERS);
	double values = ((const double *) parameter->data)[NEIGHBOUR_VALUES];
	RkCsr pattern = neighbours->similar;
	RkStatus status;

	if (!(values == RECO_VALUES_LINEAR || values == RECO_VALUES_LOG || values == RECO_VALUES_BINARY) ||
		!(neighbours->mean >= FLT_MIN && neighbours->mean <= FLT_MAX))
		reco_model_refuse("neighbour_parameters");
	pattern.weight = NULL;
	status = rk_csr_validate(&pattern, (size_t) pattern.offset[pattern.n_rows], &reco_pool_poll);
	CHECK_FOR_INTERRUPTS();
	if (status != RK_OK)
		reco_model_refuse("similar_index");
}

/* value_of gives what a row of the user weighs in a score. */
static double
value_of(const NeighbourModel *neighbours, const RecoEvidence *row)
{
	return row->kept ? reco_neighbours_value(neighbours->values, neighbours->mean, row->pull) : 0;
}

void
reco_neighbours_represent(const RecoModel *model, RecoQuery *query)
{
	const NeighbourModel *neighbours = model->state;
	NeighbourQuery *user = palloc(sizeof(NeighbourQuery));
	size_t capacity = Max(query->n_evidence, 1);
	uint32 *row = palloc_extended(sizeof(uint32) * capacity, MCXT_ALLOC_HUGE);
	double *weight = palloc_extended(sizeof(double) * capacity, MCXT_ALLOC_HUGE);
	RecoTerm *term = palloc0(sizeof(RecoTerm));

	user->evidence = palloc_extended(sizeof(int) * capacity, MCXT_ALLOC_HUGE);
	for (int e = 0; e < query->n_evidence; e++)
	{
		double value = value_of(neighbours, &query->evidence[e]);

		if (value == 0)
			continue;
		row[term->n_rows] = query->evidence[e].item;
		weight[term->n_rows] = value;
		user->evidence[term->n_rows++] = e;
	}
	term->kind = RECO_TERM_SPARSE;
	term->matrix = &neighbours->similar;
	term->row = row;
	term->row_weight = weight;
	query->n_terms = 1;
	query->term = term;
	query->state = user;
}

int
reco_neighbours_contributions(const RecoQuery *query, uint32 item, RecoAddend *addend)
{
	const RecoTerm *term = query->term;
	const NeighbourQuery *user = query->state;

	for (int r = 0; r < term->n_rows; r++)
	{
		addend[r].kind = term->row_weight[r] < 0 ? RECO_ADDEND_DISLIKE : RECO_ADDEND_HISTORY;
		addend[r].evidence = user->evidence[r];
		addend[r].contribution = term->row_weight[r] * rk_csr_entry(term->matrix, term->row[r], item);
	}
	return term->n_rows;
}

/*
 * An effect is the addend, unless taking the row away brings back rows that were dropped
 * beside it (2^-40): then the user is represented again.
 */
void
reco_neighbours_removals(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect)
{
	const RkCsr *similar = query->term->matrix;

	for (int p = 0; p < n; p++)
	{
		int e = piece != NULL ? piece[p] : p;
		double value = value_of(query->model->state, &query->evidence[e]);

		effect[p] = value != 0 ? value * rk_csr_entry(similar, query->evidence[e].item, item) : 0;
		if (reco_query_revives(query, e))
			effect[p] = reco_query_removal(query, item, e);
	}
}
