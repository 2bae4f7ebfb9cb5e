/*
 * bootstrap.h
 *	  Resamples of users who come one after the other, without keeping them.
 *
 * The bootstrap (Efron 1979) draws n users with replacement and takes a statistic again.  How often each user is drawn is
 * nearly a Poisson number of mean 1; with independent such numbers in its place (the Poisson bootstrap: Hanley and
 * MacGibbon 2006; Chamandy et al. 2012) a user's part of every resample is known when the user is met, and only sums are kept.  The size of a resample
 * then varies, which matters nothing to ratios of sums.
 *
 * The numbers of a user are a function of a hash of the user, so resamples do not depend on the order of users, all measures share
 * them, and the resamples of a group are those of its parts added up.
 */
#ifndef RK_BOOTSTRAP_H
#define RK_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * rk_bootstrap_times writes how often a user of that hash is in each of n resamples, whole numbers from 0 to 12; times is [n], and
 * its first numbers are the same for every n.
 */
extern void rk_bootstrap_times(uint64_t hash, double *times, size_t n);

/* rk_bootstrap_add adds times[r] value[c] to sum[c][r]: times is [n], value [n_columns], sum [n_columns x n]. */
extern void rk_bootstrap_add(const double *value, size_t n_columns, const double *times, size_t n,
							 double *sum);

#endif /* RK_BOOTSTRAP_H */
