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

typedef struct RecoReceiver
{
	DestReceiver base;
	RecoReceive receive;
	void *state;
} RecoReceiver;

/* reco_receiver_init makes a receiver in the caller's memory. */
extern void reco_receiver_init(RecoReceiver *receiver, RecoReceive receive, void *state);

#endif
