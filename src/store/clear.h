/*
 * clear.h
 *	  Names of the cache files, and removing those that are not needed.
 */
#ifndef RECO_STORE_CLEAR_H
#define RECO_STORE_CLEAR_H

#include "store/layout.h"

#define RECO_TEMP_SUFFIX ".tmp"

/* reco_clear_path gives the name of a layout's cache file in the database at hand, relative to the data directory. */
extern char *reco_clear_path(const RecoLayout *layout);

/* reco_clear_leads_to says whether a name leads to an open file. */
extern bool reco_clear_leads_to(const char *path, int fd);

/*
 * reco_clear_cache removes files of versions and databases that are gone, and
 * then, oldest use first, as many as it takes for "coming" more bytes to fit into
 * reco.cache_size; never the file "keep".  Trouble with a file is passed over.
 */
extern void reco_clear_cache(Size coming, const char *keep);

#endif
