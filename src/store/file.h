/*
 * file.h
 *	  The files of the mapped cache: opening, building, clearing.
 */
#ifndef RECO_STORE_FILE_H
#define RECO_STORE_FILE_H

#include "store/layout.h"

/*
 * reco_file_map maps the cache file of a layout read-only and gives its
 * address, building the file first when there is none that is right.
 * Returns NULL with an errno in *error when the file cannot be used; raises what
 * reading chunks raises, and a pending cancel.
 */
extern char *reco_file_map(const RecoLayout *layout, int *error);

/*
 * reco_file_open opens the cache file of a layout as a transient file, and says whether it looks right to an opener; -1
 * when there is none.
 */
extern int reco_file_open(const RecoLayout *layout, bool *right);

#endif
