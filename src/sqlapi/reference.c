/*
 * reference.c
 *	  Input and output of reco.relation_reference and reco.role_reference, the
 *	  types by which a definition names relations and its owner.
 *
 * Both are OIDs, as regclass and regrole are, and read and write names as
 * those do, with two differences that make a definition survive a dump.  They
 * write a qualified name whatever the search_path is, and where there is
 * nothing of the name they read no reference instead of raising: COPY of the
 * definitions would fail as a whole, for one table that was left out of the
 * dump or one role that the other cluster does not have.  No reference is
 * written "-".  A definition with one in it says so when it is called
 * (catalog/bind.c), and alter_recommender() mends it.
 *
 * The name is resolved when the row is read in, once: a relation that comes to
 * be there later does not become part of a definition by its name alone.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "catalog/catalog.h"

PG_FUNCTION_INFO_V1(reco_relation_reference_in);
PG_FUNCTION_INFO_V1(reco_relation_reference_out);
PG_FUNCTION_INFO_V1(reco_role_reference_in);
PG_FUNCTION_INFO_V1(reco_role_reference_out);

#define NO_REFERENCE "-"

/* split gives the n identifiers of a name, of char *; raises when it has not that many. */
static List *
split(const char *name, int n, const char *type)
{
	List *parts;

	if (!SplitIdentifierString(pstrdup(name), '.', &parts) || list_length(parts) != n)
		ereport(ERROR, errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				errmsg("invalid input syntax for type %s: \"%s\"", type, name));
	return parts;
}

Datum
reco_relation_reference_in(PG_FUNCTION_ARGS)
{
	const char *name = PG_GETARG_CSTRING(0);
	List *parts;

	if (strcmp(name, NO_REFERENCE) == 0)
		PG_RETURN_OID(InvalidOid);
	parts = split(name, 2, "reco.relation_reference");
	PG_RETURN_OID(reco_catalog_relation_named(linitial(parts), lsecond(parts)));
}

Datum
reco_relation_reference_out(PG_FUNCTION_ARGS)
{
	char *name = reco_catalog_relation_name(PG_GETARG_OID(0));

	PG_RETURN_CSTRING(name ? name : pstrdup(NO_REFERENCE));
}

Datum
reco_role_reference_in(PG_FUNCTION_ARGS)
{
	const char *name = PG_GETARG_CSTRING(0);

	if (strcmp(name, NO_REFERENCE) == 0)
		PG_RETURN_OID(InvalidOid);
	PG_RETURN_OID(get_role_oid(linitial(split(name, 1, "reco.role_reference")), true));
}

Datum
reco_role_reference_out(PG_FUNCTION_ARGS)
{
	char *name = GetUserNameFromId(PG_GETARG_OID(0), true);

	PG_RETURN_CSTRING(name ? pstrdup(quote_identifier(name)) : pstrdup(NO_REFERENCE));
}
