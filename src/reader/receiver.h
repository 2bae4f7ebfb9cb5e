/*
 * receiver.h
 *	  A DestReceiver that hands each row to a function.
 */
#ifndef RECO_READER_RECEIVER_H
#define RECO_READER_RECEIVER_H

#include "postgres.h"

#include "tcop/dest.h"

/* Takes one row; may raise. */
typedef void (*RecoReceive)(TupleTableSlot *slot, void *state);

/* Columns of a row that are keys, at most. */
#define RECO_RECEIVER_KEYS 2

typedef struct RecoReceiver
{
	DestReceiver base;
	RecoReceive receive;
	void *state;
	int n_keys;
	Oid key_type[RECO_RECEIVER_KEYS]; /* declared types of the first columns */
} RecoReceiver;

/* reco_receiver_init makes a receiver in the caller's memory. */
extern void reco_receiver_init(RecoReceiver *receiver, RecoReceive receive, void *state);

/*
 * reco_receiver_expect_key says of which declared type the next column must
 * be, from the first on: keys are read without a cast, so their bytes are
 * trusted to be of the type that was looked up.  Another session may change it
 * between the lookup and the execution; then that raises ERRCODE_DATATYPE_MISMATCH.
 */
extern void reco_receiver_expect_key(RecoReceiver *receiver, Oid type);

#endif
