/*
 * receiver.c
 *	  A DestReceiver that hands each row to a function.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "reader/receiver.h"

/* reco_receiver_receive passes a row on and asks for the next. */
static bool
reco_receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	RecoReceiver *receiver = (RecoReceiver *) self;

	receiver->receive(slot, receiver->state);
	return true;
}

/* reco_receiver_startup checks that keys are of the types that were looked up. */
static void
reco_receiver_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	const RecoReceiver *receiver = (const RecoReceiver *) self;

	for (int i = 0; i < receiver->n_keys; i++)
	{
		Form_pg_attribute column = TupleDescAttr(typeinfo, i);

		if (column->atttypid != receiver->key_type[i])
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("column \"%s\" was changed to type %s while it was being read",
								   NameStr(column->attname), format_type_be(column->atttypid)),
							errdetail("It was of type %s.", format_type_be(receiver->key_type[i])),
							errhint("Call again.")));
	}
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
	receiver->n_keys = 0;
}

void
reco_receiver_expect_key(RecoReceiver *receiver, Oid type)
{
	Assert(receiver->n_keys < RECO_RECEIVER_KEYS);
	receiver->key_type[receiver->n_keys++] = type;
}
