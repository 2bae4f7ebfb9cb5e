/*
 * rights.c
 *	  Who may do what with a recommender (DESIGN 7).
 *
 * To define and to learn takes the privileges of its owner; to be served
 * takes SELECT on every interactions column it maps.
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"

bool
reco_catalog_may_select_all(Oid relid)
{
	Oid role = GetUserId();

	return reco_compat_schema_aclcheck(get_rel_namespace(relid), role, ACL_USAGE) == ACLCHECK_OK &&
		   pg_class_aclcheck(relid, role, ACL_SELECT) == ACLCHECK_OK;
}

bool
reco_catalog_may_select(Oid relid, AttrNumber attnum)
{
	Oid role = GetUserId();

	if (reco_compat_schema_aclcheck(get_rel_namespace(relid), role, ACL_USAGE) != ACLCHECK_OK)
		return false;
	return pg_class_aclcheck(relid, role, ACL_SELECT) == ACLCHECK_OK ||
		   pg_attribute_aclcheck(relid, attnum, role, ACL_SELECT) == ACLCHECK_OK;
}

/* N_READ is the number of columns of the interactions that may be mapped. */
#define N_READ 5

/* read_columns gives the interactions columns of a definition. */
static void
read_columns(const RecoDefinition *definition, const RecoColumn *column[N_READ])
{
	column[0] = &definition->user;
	column[1] = &definition->item;
	column[2] = &definition->event;
	column[3] = &definition->value;
	column[4] = &definition->time;
}

bool
reco_catalog_may_read(const RecoDefinition *definition)
{
	const RecoColumn *column[N_READ];
	Oid relid = definition->interactions.relid;

	if (!reco_catalog_present(&definition->interactions))
		return false;
	read_columns(definition, column);
	for (int i = 0; i < N_READ; i++)
	{
		AttrNumber attnum;

		if (!column[i]->name)
			continue;
		attnum = get_attnum(relid, column[i]->name);
		if (attnum <= 0 || !reco_catalog_may_select(relid, attnum))
			return false;
	}
	return true;
}

void
reco_catalog_require_owner(const RecoDefinition *definition)
{
	const char *owner;

	if (has_privs_of_role(GetUserId(), definition->owner))
		return;
	owner = GetUserNameFromId(definition->owner, true);
	ereport(
		ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		errmsg("must be owner of recommender \"%s\"", definition->name),
		errdetail("Its owner is %s.", owner ? owner : "a role that does not exist"),
		owner
			? errhint(
				  "Members of that role may do it too, and it can give the recommender to another with SELECT reco.alter_recommender(%s, owner => '...').",
				  quote_literal_cstr(definition->name))
			: errhint(
				  "A superuser gives it to another with SELECT reco.alter_recommender(%s, owner => '...').",
				  quote_literal_cstr(definition->name)));
}

/* require_items raises unless the caller may look items up: they are looked up as the caller in every list. */
static void
require_items(const RecoDefinition *definition)
{
	const RecoColumn *column[] = {&definition->item_key, &definition->item_label};
	Oid relid = definition->items.relid;

	for (size_t i = 0; OidIsValid(relid) && i < lengthof(column); i++)
		if (column[i]->name && !reco_catalog_may_select(relid, column[i]->attnum))
			ereport(
				ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for recommender \"%s\"", definition->name),
				errdetail(
					"It looks items up as the caller, and you may not SELECT column \"%s\" of relation %s.",
					column[i]->name, definition->items.recorded_name),
				errhint("Ask for GRANT SELECT ON %s, and USAGE on its schema.",
						definition->items.recorded_name));
}

void
reco_catalog_require_reader(const RecoDefinition *definition)
{
	const RecoColumn *column[N_READ];
	Oid relid = definition->interactions.relid;

	read_columns(definition, column);
	for (int i = 0; i < N_READ; i++)
		if (column[i]->name && !reco_catalog_may_select(relid, column[i]->attnum))
			ereport(
				ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for recommender \"%s\"", definition->name),
				errdetail(
					"It serves whoever may SELECT every column of the interactions that it reads, and you may not SELECT column \"%s\" of relation %s.",
					column[i]->name, definition->interactions.recorded_name),
				errhint("Ask for GRANT SELECT ON %s, and USAGE on its schema.",
						definition->interactions.recorded_name));
	require_items(definition);
}
