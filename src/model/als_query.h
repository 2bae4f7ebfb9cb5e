/*
 * als_query.h
 *	  Private to serving ALS: the model and the user, as its files share them.
 *
 * als.c solves for users; als_attributes.c says what attributes have to do with a score, als_removals.c and
 * als_removal_of_two.c what rows have.
 */
#ifndef RECO_MODEL_ALS_QUERY_H
#define RECO_MODEL_ALS_QUERY_H

#include "kernel/quantise.h"
#include "kernel/solve.h"
#include "model/als.h"

/* Items whose influences are kept at hand, at most. */
#define MOST_EXPECTED 64

/* What bind finds in the tensors. */
typedef struct AlsModel
{
	RkItems items;
	RkIndex index; /* of items, when the version has one */
	const double *eigenvalue;
	const double *parameter;
	const float *user_map; /* V, [columns of the user encoder + 1 x d]; NULL: nothing is known of users */
	const float *item_map; /* W, of items */
} AlsModel;

typedef struct AlsFewer AlsFewer;

/* Rows whose effect on an item are asked for first. */
#define FIRST_EFFECTS 3

/* Rows in the order of upper bounds of their effects on an item. */
typedef struct AlsChoice
{
	double *most; /* [n] bounds, -infinite where a row was taken; NULL: not made, or taken */
	size_t n_first;
	size_t first[FIRST_EFFECTS]; /* [n_first] taken already, the last one the greatest */
	double first_most[FIRST_EFFECTS];
} AlsChoice;

/* The user's own attributes as they are worded, which is the same for every item. */
typedef struct AlsOwn
{
	int n;
	RecoAttributeShare *share; /* [n], of contributions of 0 */
	int *place;                /* [addends of the user's own], the share that each is part of, or -1 */
	double most; /* a share is at most this times sqrt(y_i^T D^-1 y_i), D being the diagonal of the user */
} AlsOwn;

/* What represent leaves for explanations. */
typedef struct AlsQuery
{
	size_t n;       /* kept rows */
	size_t columns; /* d, or d + 1 with a bias */
	int *evidence;  /* [n], position in query->evidence of each row */
	float *factor;  /* [n x columns], gathered */
	double *weight; /* [n] */
	double *target; /* [n], residuals for explicit feedback */
	double *vector; /* [columns] */
	double lambda;
	double *prior;       /* V g, [columns]; NULL: 0 */
	double *diagonal;    /* [columns] */
	RkFold *fold;        /* NULL when n = 0 */
	AlsFewer *fewer;     /* NULL until the first removal effect */
	AlsFewer *two_fewer; /* NULL until the first effect of two rows; without remainder */
	size_t n_expected;   /* items whose influences by the system of fewer are at hand */
	uint32 expected_item[MOST_EXPECTED];
	AlsChoice expected_choice[MOST_EXPECTED];
	double *expected;      /* [n_expected x n] */
	double *temporary;     /* NULL until a kernel needs it */
	AlsOwn *own;           /* NULL until asked for */
	MemoryContext context; /* where the query lives */
} AlsQuery;

/* reco_als_lambda gives lambda_u of a user with n kept rows. */
extern double reco_als_lambda(const AlsModel *als, size_t n);

/* reco_als_diagonal makes D = alpha0 Lambda + lambda_u, [columns]; the column of ones has lambda_u alone. */
extern double *reco_als_diagonal(const AlsModel *als, size_t columns, double lambda);

/*
 * reco_als_factor factors the system of the gathered rows with a diagonal, from the user's own where that is there; raises
 * ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE where it has no solution.
 */
extern RkFold *reco_als_factor(const AlsQuery *user, const double *diagonal);

/*
 * reco_als_without_rows gives x0 = lambda_u D^-1 V g, or NULL where nothing is known.  In directions without any weight, which there
 * are for a user without rows at alpha0 = 0, it is V g, to which it tends.
 */
extern double *reco_als_without_rows(const AlsQuery *user, double lambda, const double *diagonal);

/* reco_als_temporary gives the scratch vector of the functions of solve.h, made when all rows are gathered; it is the user's. */
extern double *reco_als_temporary(AlsQuery *user);

/* reco_als_item_vector widens the factor of an item, with the 1 of the bias. */
extern double *reco_als_item_vector(const AlsModel *als, uint32 item, size_t columns);

/* For the table of the algorithm, see model.h: als_removals.c, and the last two als_removal_of_two.c. */
extern void reco_als_removals(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect);
extern void reco_als_expect(const RecoQuery *query, const uint32 *item, size_t n);
extern int reco_als_best_removals(const RecoQuery *query, uint32 item, int k, int *evidence, double *effect);
extern bool reco_als_removal_of_two(const RecoQuery *query, uint32 item, int first, int second,
									double *effect);
extern bool reco_als_lowers_together(const RecoQuery *query, uint32 item, int first, int second,
									 double least);

/* als_attributes.c */

/* reco_als_bind_attributes finds the maps and checks their shapes. */
extern void reco_als_bind_attributes(RecoModel *model, AlsModel *als);

/* reco_als_prior gives V g of the user, with a 0 for the bias, or NULL where the version knows nothing of users. */
extern double *reco_als_prior(const RecoQuery *query);

/* reco_als_own_addends writes what V g adds to a score, one addend a column and one of kind prior, and gives their number. */
extern int reco_als_own_addends(const RecoQuery *query, uint32 item, RecoAddend *addend);

/* For the table of the algorithm, see model.h. */
extern RecoAttributeShare *reco_als_attributes(const RecoQuery *query, uint32 item, double least, int *n);
extern RecoAddend *reco_als_by_item(const RecoQuery *query, uint32 item, int *n);
extern void reco_als_place(const RecoModel *model, const RecoAttributes *attributes, float *row);

#endif
