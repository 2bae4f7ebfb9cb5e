/*
 * lock.c
 *	  The lock that excludes refreshes of one recommender from each other, from
 *	  what redefines it, and from drop.
 *
 * It is a heavyweight lock on an object that is no object: class reco.recommender,
 * identified by 48 bits of the key.  An advisory lock would do the same but
 * stay behind in a pooled session after an error.
 *
 * Redefinitions take it in a mode that does not exclude others of their kind,
 * which wait for each other by the recommender's row.
 */
#include "catalog/tables.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lock.h"

/* lock_tag makes the tag of a recommender's lock. */
static void
lock_tag(const RecoDefinition *definition, LOCKTAG *tag)
{
	uint32 object;
	uint16 part;

	memcpy(&object, definition->key.data, sizeof(object));
	memcpy(&part, definition->key.data + sizeof(object), sizeof(part));
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, reco_table_oid("recommender"), object, part);
}

/* acquire takes the lock at once or raises. */
static void
acquire(const RecoDefinition *definition, LOCKMODE mode, bool session)
{
	LOCKTAG tag;

	lock_tag(definition, &tag);
	if (LockAcquire(&tag, mode, session, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR, errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				errmsg("recommender \"%s\" is being refreshed, redefined or dropped by another session",
					   definition->name),
				errhint("Try again when it is done; the view reco.progress shows how far a refresh is."));
}

void
reco_catalog_lock(const RecoDefinition *definition)
{
	acquire(definition, ExclusiveLock, !IsSubTransaction());
}

void
reco_catalog_lock_in_transaction(const RecoDefinition *definition)
{
	acquire(definition, ExclusiveLock, false);
}

void
reco_catalog_lock_redefinition(const RecoDefinition *definition)
{
	acquire(definition, ShareLock, false);
}

void
reco_catalog_unlock(const RecoDefinition *definition)
{
	LOCKTAG tag;

	if (IsSubTransaction())
		return;
	acquire(definition, ExclusiveLock, false);
	lock_tag(definition, &tag);
	LockRelease(&tag, ExclusiveLock, true);
}
