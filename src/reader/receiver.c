/*
 * receiver.c
 *	  A DestReceiver that hands each row to a function.
 */
#include "postgres.h"

#include "reader/receiver.h"

/* reco_receiver_receive passes a row on and asks for the next. */
static bool
reco_receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RecoReceiver *receiver = (RecoReceiver *) self;

	receiver->receive(slot, receiver->state);
	return true;
}

/* reco_receiver_startup has nothing to prepare. */
static void
reco_receiver_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

/* reco_receiver_shutdown has nothing to end or free. */
static void
reco_receiver_shutdown(DestReceiver *self)
{
}

void
reco_receiver_init(RecoReceiver *receiver, RecoReceive receive, void *state)
{
	receiver->base.receiveSlot = reco_receiver_receive;
	receiver->base.rStartup = reco_receiver_startup;
	receiver->base.rShutdown = reco_receiver_shutdown;
	receiver->base.rDestroy = reco_receiver_shutdown;
	/* any destination but DestNone and DestSPI, which SPI treats in ways of its own */
	receiver->base.mydest = DestTuplestore;
	receiver->receive = receive;
	receiver->state = state;
}
