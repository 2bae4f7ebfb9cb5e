/*
 * compat.h
 *	  Every difference between PostgreSQL 15, 16, 17 and 18 that this code meets.
 */
#ifndef RECO_COMPAT_H
#define RECO_COMPAT_H

#include "postgres.h"

#include "catalog/pg_namespace.h"
#include "datatype/timestamp.h"
#include "utils/acl.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Before PostgreSQL 18 the mark of a function that does not return stood behind its declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* reco_compat_schema_aclcheck is the check of a right on a schema. */
static inline AclResult
reco_compat_schema_aclcheck(Oid schema, Oid role, AclMode mode)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, schema, role, mode);
#else
	return pg_namespace_aclcheck(schema, role, mode);
#endif
}

/*
 * reco_compat_check_can_give raises unless "role" may make "owner" the owner
 * of something, as ALTER ... OWNER TO does.
 */
static inline void
reco_compat_check_can_give(Oid role, Oid owner)
{
#if PG_VERSION_NUM >= 160000
	check_can_set_role(role, owner);
#else
	check_is_member_of_role(role, owner);
#endif
}

/*
 * reco_compat_is_explicit_member says whether "member" is "role" or was
 * granted it; being a superuser does not count.  Since PostgreSQL 16 a role
 * that creates another is granted it WITH ADMIN alone, which is no trust in
 * it, so there the privileges must be inherited as well.
 */
static inline bool
reco_compat_is_explicit_member(Oid member, Oid role)
{
	if (!is_member_of_role_nosuper(member, role))
		return false;
#if PG_VERSION_NUM >= 160000
	return has_privs_of_role(member, role);
#else
	return true;
#endif
}

/* reco_compat_interval_is_finite says whether an interval is one; infinite ones exist since PostgreSQL 17. */
static inline bool
reco_compat_interval_is_finite(const Interval *interval)
{
#ifdef INTERVAL_NOT_FINITE
	return !INTERVAL_NOT_FINITE(interval);
#else
	return true;
#endif
}

#endif
