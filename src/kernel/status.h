/*
 * status.h
 *	  What every kernel returns, and how a long one is interrupted.
 *
 * The kernel is plain C11.  It knows nothing of PostgreSQL, never allocates,
 * prints, exits or jumps, and keeps no global state.  Three conventions hold
 * in every file of this folder:
 *
 *	- Matrices are row-major; "Y is [n x d]" means that element (i, k) is
 *	  Y[i * d + k].
 *	- Scratch belongs to the caller.  Where a function takes "void *scratch",
 *	  a function rk_<noun>_scratch_bytes() gives its size, and the pointer must
 *	  be aligned to RK_SCRATCH_ALIGN bytes.  What it holds before a call does
 *	  not matter; two calls that run at the same time need two of them.
 *	- A result is a function of the inputs alone: not of the scratch, of the
 *	  worker or of the way a range was split.
 */
#ifndef RK_STATUS_H
#define RK_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* Alignment in bytes of every scratch pointer. */
#define RK_SCRATCH_ALIGN 64

typedef enum RkStatus
{
	RK_OK = 0,
	RK_CANCELLED,             /* the poll callback returned true */
	RK_NOT_POSITIVE_DEFINITE, /* a system has no Cholesky factor, even in
								 * double precision: lambda is too small */
	RK_NO_CONVERGENCE,        /* the eigensolver gave up */
	RK_NON_FINITE,            /* NaN or infinity in an input or a result */
	RK_INVALID                /* an input breaks its documented shape */
} RkStatus;

/*
 * RkPoll asks the caller whether to stop.  Everything that may run longer
 * takes one and asks it at least every 20 ms or so (eigh.h states its one
 * exception); when the answer is true it returns RK_CANCELLED at once, and its
 * outputs are then undefined.  NULL means "never stop".
 */
typedef struct RkPoll
{
	bool (*cancelled)(void *arg);
	void *arg;
} RkPoll;

/* rk_poll_cancelled asks the poll, which may be NULL. */
static inline bool
rk_poll_cancelled(const RkPoll *poll)
{
	return poll != NULL && poll->cancelled != NULL && poll->cancelled(poll->arg);
}

#endif /* RK_STATUS_H */
