/*
 * blas.h
 *	  The BLAS and LAPACK symbols that the learning kernels call.
 *
 * Only files of the second library (eigh.c, als.c, holdout.c) include this; it
 * is linked with the serial flavour of OpenBLAS.  These are the Fortran
 * symbols: matrices are column-major, so a row-major [n x d] array is seen as
 * its transpose, d x n with leading dimension d, and the upper triangle of a
 * row-major square is the lower triangle ("L") here.  Hidden lengths of the
 * character arguments are passed, as gfortran expects.
 */
#ifndef RK_BLAS_H
#define RK_BLAS_H

#include <stddef.h>

/* The default integer of Fortran; dimensions must fit. */
typedef int RkBlasInt;

/* C := alpha op(A) op(A)^T + beta C, one triangle of the n x n C. */
extern void ssyrk_(const char *uplo, const char *trans, const RkBlasInt *n, const RkBlasInt *k,
				   const float *alpha, const float *a, const RkBlasInt *lda, const float *beta, float *c,
				   const RkBlasInt *ldc, size_t uplo_len, size_t trans_len);
extern void dsyrk_(const char *uplo, const char *trans, const RkBlasInt *n, const RkBlasInt *k,
				   const double *alpha, const double *a, const RkBlasInt *lda, const double *beta, double *c,
				   const RkBlasInt *ldc, size_t uplo_len, size_t trans_len);

/* C := alpha (op(A) op(B)^T + op(B) op(A)^T) + beta C, one triangle. */
extern void dsyr2k_(const char *uplo, const char *trans, const RkBlasInt *n, const RkBlasInt *k,
					const double *alpha, const double *a, const RkBlasInt *lda, const double *b,
					const RkBlasInt *ldb, const double *beta, double *c, const RkBlasInt *ldc,
					size_t uplo_len, size_t trans_len);

/* C := alpha op(A) op(B) + beta C, C is m x n and the inner dimension k. */
extern void sgemm_(const char *transa, const char *transb, const RkBlasInt *m, const RkBlasInt *n,
				   const RkBlasInt *k, const float *alpha, const float *a, const RkBlasInt *lda,
				   const float *b, const RkBlasInt *ldb, const float *beta, float *c, const RkBlasInt *ldc,
				   size_t transa_len, size_t transb_len);

/* y := alpha op(A) x + beta y, A is m x n. */
extern void sgemv_(const char *trans, const RkBlasInt *m, const RkBlasInt *n, const float *alpha,
				   const float *a, const RkBlasInt *lda, const float *x, const RkBlasInt *incx,
				   const float *beta, float *y, const RkBlasInt *incy, size_t trans_len);
extern void dgemv_(const char *trans, const RkBlasInt *m, const RkBlasInt *n, const double *alpha,
				   const double *a, const RkBlasInt *lda, const double *x, const RkBlasInt *incx,
				   const double *beta, double *y, const RkBlasInt *incy, size_t trans_len);

/* x := op(A)^-1 x, A triangular n x n. */
extern void strsv_(const char *uplo, const char *trans, const char *diag, const RkBlasInt *n, const float *a,
				   const RkBlasInt *lda, float *x, const RkBlasInt *incx, size_t uplo_len, size_t trans_len,
				   size_t diag_len);
extern void dtrsv_(const char *uplo, const char *trans, const char *diag, const RkBlasInt *n, const double *a,
				   const RkBlasInt *lda, double *x, const RkBlasInt *incx, size_t uplo_len, size_t trans_len,
				   size_t diag_len);

/* Cholesky factor in place; info > 0 if there is none. */
extern void spotrf_(const char *uplo, const RkBlasInt *n, float *a, const RkBlasInt *lda, RkBlasInt *info,
					size_t uplo_len);
extern void dpotrf_(const char *uplo, const RkBlasInt *n, double *a, const RkBlasInt *lda, RkBlasInt *info,
					size_t uplo_len);

/* The inverse from a Cholesky factor, in place. */
extern void dpotri_(const char *uplo, const RkBlasInt *n, double *a, const RkBlasInt *lda, RkBlasInt *info,
					size_t uplo_len);

/* Eigenvalues and eigenvectors of a symmetric matrix. */
extern void dsyevd_(const char *jobz, const char *uplo, const RkBlasInt *n, double *a, const RkBlasInt *lda,
					double *w, double *work, const RkBlasInt *lwork, RkBlasInt *iwork,
					const RkBlasInt *liwork, RkBlasInt *info, size_t jobz_len, size_t uplo_len);

/* Reduces nb columns of a symmetric matrix; W is what dsyr2k needs after. */
extern void dlatrd_(const char *uplo, const RkBlasInt *n, const RkBlasInt *nb, double *a,
					const RkBlasInt *lda, double *e, double *tau, double *w, const RkBlasInt *ldw,
					size_t uplo_len);

/* Reduces the whole matrix to tridiagonal form, without blocks. */
extern void dsytd2_(const char *uplo, const RkBlasInt *n, double *a, const RkBlasInt *lda, double *d,
					double *e, double *tau, RkBlasInt *info, size_t uplo_len);

/* Eigenvalues and eigenvectors of a tridiagonal matrix, divide and conquer. */
extern void dstedc_(const char *compz, const RkBlasInt *n, double *d, double *e, double *z,
					const RkBlasInt *ldz, double *work, const RkBlasInt *lwork, RkBlasInt *iwork,
					const RkBlasInt *liwork, RkBlasInt *info, size_t compz_len);

/* The triangular factor T of a block of Householder reflectors. */
extern void dlarft_(const char *direct, const char *storev, const RkBlasInt *n, const RkBlasInt *k,
					const double *v, const RkBlasInt *ldv, const double *tau, double *t, const RkBlasInt *ldt,
					size_t direct_len, size_t storev_len);

/* C := H C for a block H of Householder reflectors. */
extern void dlarfb_(const char *side, const char *trans, const char *direct, const char *storev,
					const RkBlasInt *m, const RkBlasInt *n, const RkBlasInt *k, const double *v,
					const RkBlasInt *ldv, const double *t, const RkBlasInt *ldt, double *c,
					const RkBlasInt *ldc, double *work, const RkBlasInt *ldwork, size_t side_len,
					size_t trans_len, size_t direct_len, size_t storev_len);

#endif /* RK_BLAS_H */
