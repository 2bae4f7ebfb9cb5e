/*
 * data_rules.c
 *	  What may be wrong with the data of a recommender.
 *
 * Each rule is a query that gives the rows, so that whoever wonders can run it.  The first ones are those
 * that refresh skips rows by (rows.c), in its order; a row is counted under the first that it breaks, and
 * all others look only at rows that break none of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "reader/data_rules.h"
#include "reader/filter.h"
#include "reader/rows.h"

/*
 * The least robust standard deviation of the logarithm of a value, so that in a shop where most buy one piece ten are no
 * outlier: 4.5 of them are a factor of 9.5.
 */
#define LEAST_SPREAD 0.5

/* Rules while they are listed. */
typedef struct Rules
{
	const RecoDefinition *definition;
	const RecoDataLimits *limits;
	List *list;
	const char *events; /* the relation, as t */
	char *valid;        /* condition of a row that broke no rule so far */
} Rules;

/* column gives "t.name" of a mapped column, NULL of one that is not. */
static char *
column(const RecoColumn *column)
{
	return column->name != NULL ? psprintf("t.%s", quote_identifier(column->name)) : NULL;
}

/* add lists a rule. */
static void
add(Rules *rules, const char *name, const RecoRelation *relation, bool dropped, const char *why, char *query)
{
	RecoDataRule *rule = palloc(sizeof(RecoDataRule));

	*rule = (RecoDataRule){
		.name = name, .relation = relation->sql_name, .dropped = dropped, .why = why, .query = query};
	rules->list = lappend(rules->list, rule);
}

/* skipping lists a rule that refresh skips rows by, and takes them out of what is valid. */
static void
skipping(Rules *rules, const char *name, const char *condition, const char *why)
{
	const RecoDefinition *definition = rules->definition;

	add(rules, name, &definition->interactions, true, why,
		psprintf("SELECT t.* FROM %s t WHERE %s AND (%s)", definition->interactions.sql_name, rules->valid,
				 condition));
	rules->valid = psprintf("%s AND NOT (%s)", rules->valid, condition);
}

/* is_null_any gives the condition that one of several columns, NULL where not mapped, is NULL; NULL when none is mapped. */
static char *
is_null_any(char *const *columns, int n)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < n; i++)
		if (columns[i] != NULL)
			appendStringInfo(&sql, "%s%s IS NULL", sql.len > 0 ? " OR " : "", columns[i]);
	return sql.len > 0 ? sql.data : NULL;
}

/* is_later gives the condition that a time is more than a day ahead. */
static char *
is_later(const RecoColumn *time)
{
	if (getBaseType(time->type) == TIMESTAMPTZOID)
		return psprintf("%s > pg_catalog.transaction_timestamp() + interval '1 day'", column(time));
	return psprintf("%s > pg_catalog.timezone('UTC', pg_catalog.transaction_timestamp()) + interval '1 day'",
					column(time));
}

/* event_names gives the array of the events that have a weight. */
static char *
event_names(const RecoDefinition *definition)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "ARRAY[");
	for (int i = 0; i < definition->n_event_weights; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_literal_cstr(definition->event_weight[i].event));
	appendStringInfoString(&sql, "]::pg_catalog.text[]");
	return sql.data;
}

/* skipped lists what refresh skips rows for. */
static void
skipped(Rules *rules)
{
	const RecoDefinition *d = rules->definition;
	char *keys[] = {column(&d->user), column(&d->item)};
	char *values[] = {column(&d->value), column(&d->event), column(&d->time)};

	skipping(rules, "null_key", is_null_any(keys, lengthof(keys)), "the user or the item is NULL");
	if (is_null_any(values, lengthof(values)) != NULL)
		skipping(rules, "null_value", is_null_any(values, lengthof(values)),
				 "the value, the event or the time is NULL");
	if (values[0] != NULL)
		skipping(rules, "not_finite", psprintf("%s NOT BETWEEN -1e30 AND 1e30", values[0]),
				 "the value is NaN, infinite or beyond 1e30");
	if (values[2] != NULL)
	{
		skipping(rules, "endless_time", psprintf("NOT pg_catalog.isfinite(%s)", values[2]),
				 "the time is infinite");
		skipping(rules, "future", is_later(&d->time), "the time is more than a day ahead");
	}
	if (d->has_event_weights)
		skipping(rules, "unknown_event",
				 psprintf("%s::pg_catalog.text <> ALL (%s)", values[1], event_names(d)),
				 "the event has no weight in event_weights");
}

/* duplicates lists rows that are there again. */
static void
duplicates(Rules *rules)
{
	const RecoDefinition *d = rules->definition;
	char *columns[] = {column(&d->user), column(&d->item), column(&d->event), column(&d->value),
					   column(&d->time)};
	StringInfoData by;

	/* without times a row that is there twice may be two events */
	if (d->time.name == NULL && !d->explicit_feedback)
		return;
	initStringInfo(&by);
	for (size_t i = 0; i < lengthof(columns); i++)
		if (columns[i] != NULL)
			appendStringInfo(&by, "%s%s", by.len > 0 ? ", " : "", columns[i]);
	add(rules, "duplicate", &d->interactions, false,
		"the same user, item, event, value and time again: each copy counts",
		psprintf(
			"SELECT * FROM (SELECT t.*, pg_catalog.row_number() OVER (PARTITION BY %s) AS reco_copy FROM "
			"%s t WHERE %s) c WHERE reco_copy > 1",
			by.data, d->interactions.sql_name, rules->valid));
}

/* orphans lists events whose user or item has no row in its relation. */
static void
orphans(Rules *rules, const char *name, const RecoRelation *side, const RecoColumn *key, const RecoColumn *id,
		const char *why)
{
	if (side->sql_name == NULL)
		return;
	add(rules, name, &rules->definition->interactions, false, why,
		psprintf("SELECT t.* FROM %s t WHERE %s AND NOT EXISTS (SELECT FROM %s x WHERE x.%s = %s)",
				 rules->definition->interactions.sql_name, rules->valid, side->sql_name,
				 quote_identifier(key->name), column(id)));
}

/* outliers lists values far from the others of the same event, by the median and the median distance to it of their logarithms. */
static void
outliers(Rules *rules)
{
	const RecoDefinition *d = rules->definition;
	char *value = column(&d->value);
	char *event = d->event.name != NULL ? psprintf("%s::pg_catalog.text", column(&d->event)) : pstrdup("''");

	if (value == NULL)
		return;
	add(rules, "outlier", &d->interactions, false,
		"the value is far from the others of its event: a wrong unit, or a test",
		psprintf(
			"WITH seen AS MATERIALIZED (SELECT t.*, %1$s AS reco_event, pg_catalog.ln(pg_catalog.abs(%2$s::float8)) "
			"AS reco_size FROM %3$s t WHERE %4$s AND %2$s <> 0), "
			"middle AS MATERIALIZED (SELECT reco_event, pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY "
			"reco_size) AS reco_middle FROM seen GROUP BY reco_event), "
			"spread AS MATERIALIZED (SELECT reco_event, reco_middle, greatest(%5$g, 1.4826 * "
			"pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY pg_catalog.abs(reco_size - "
			"reco_middle))) AS reco_spread FROM seen JOIN middle USING (reco_event) GROUP BY reco_event, "
			"reco_middle) "
			"SELECT * FROM seen JOIN spread USING (reco_event) WHERE pg_catalog.abs(reco_size - "
			"reco_middle) > %6$g * reco_spread",
			event, value, d->interactions.sql_name, rules->valid, LEAST_SPREAD, rules->limits->outlier_z));
}

/* early lists times far before the others. */
static void
early(Rules *rules)
{
	const RecoDefinition *d = rules->definition;

	if (d->time.name == NULL)
		return;
	add(rules, "early", &d->interactions, false,
		"the time is far before the others: a clock that was not set",
		psprintf(
			"WITH seen AS MATERIALIZED (SELECT t.*, pg_catalog.date_part('epoch', %1$s) AS reco_second FROM %2$s t "
			"WHERE %3$s), "
			"middle AS MATERIALIZED (SELECT pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY reco_second) AS "
			"reco_middle FROM seen), "
			"spread AS MATERIALIZED (SELECT greatest(86400, 1.4826 * pg_catalog.percentile_cont(0.5) WITHIN GROUP "
			"(ORDER BY pg_catalog.abs(reco_second - reco_middle))) AS reco_spread FROM seen, middle) "
			"SELECT seen.* FROM seen, middle, spread WHERE reco_middle - reco_second > %4$g * reco_spread",
			column(&d->time), d->interactions.sql_name, rules->valid, rules->limits->outlier_z));
}

/*
 * rates lists the events of accounts that act at more different times of a minute, or of a day, than a person does.
 * Events of one time are one act: a basket of a hundred lines is no robot.  Of dates there is one a day, so their events count.
 */
static void
rates(Rules *rules)
{
	const RecoDefinition *d = rules->definition;
	char *user = column(&d->user);
	char *time = column(&d->time);
	char *minute = pstrdup("");
	char *acts = pstrdup("count(*)");

	if (time == NULL)
		return;
	if (getBaseType(d->time.type) != DATEOID)
	{
		acts = psprintf("count(DISTINCT %s)", time);
		minute =
			psprintf(" UNION SELECT %1$s FROM %2$s t WHERE %3$s GROUP BY %1$s, "
					 "pg_catalog.date_trunc('minute', %4$s) HAVING %5$s > %6$d",
					 user, d->interactions.sql_name, rules->valid, time, acts, rules->limits->per_minute);
	}
	add(rules, "inhuman_rate", &d->interactions, false,
		"the account acts more often in a minute or a day than a person: a robot or a test",
		psprintf("SELECT t.* FROM %2$s t WHERE %3$s AND %1$s IN (SELECT %1$s FROM %2$s t WHERE %3$s GROUP BY "
				 "%1$s, pg_catalog.date_trunc('day', %4$s) HAVING %7$s > %5$d%6$s)",
				 user, d->interactions.sql_name, rules->valid, time, rules->limits->per_day, minute, acts));
}

/* keys lists rows of a side relation whose key is NULL or not theirs alone. */
static void
keys(Rules *rules, const char *null_name, const char *shared_name, const RecoRelation *side,
	 const RecoColumn *key)
{
	const char *name;

	if (side->sql_name == NULL)
		return;
	name = quote_identifier(key->name);
	add(rules, null_name, side, false, "the key is NULL: the row is never met",
		psprintf("SELECT x.* FROM %s x WHERE x.%s IS NULL", side->sql_name, name));
	add(rules, shared_name, side, false, "several rows have the key: one of them is taken",
		psprintf(
			"SELECT * FROM (SELECT x.*, count(*) OVER (PARTITION BY x.%s) AS reco_rows FROM %s x WHERE x.%s IS "
			"NOT NULL) c WHERE reco_rows > 1",
			name, side->sql_name, name));
}

/* unseen lists items without an event. */
static void
unseen(Rules *rules)
{
	const RecoDefinition *d = rules->definition;

	if (d->items.sql_name == NULL)
		return;
	add(rules, "never_seen", &d->items, false,
		"no event is about the item: all that is known are its attributes",
		psprintf("SELECT x.* FROM %s x WHERE NOT EXISTS (SELECT FROM %s t WHERE %s = x.%s AND %s)",
				 d->items.sql_name, d->interactions.sql_name, column(&d->item),
				 quote_identifier(d->item_key.name), rules->valid));
}

List *
reco_data_rules(const RecoDefinition *definition, const RecoDataLimits *limits)
{
	Rules rules = {.definition = definition, .limits = limits, .valid = pstrdup("true")};

	skipped(&rules);
	duplicates(&rules);
	orphans(&rules, "no_user", &definition->users, &definition->user_key, &definition->user,
			"no row of users has the id: nothing is known of the user but the events");
	orphans(&rules, "no_item", &definition->items, &definition->item_key, &definition->item,
			"no row of items has the id: it is learned from and never recommended");
	outliers(&rules);
	early(&rules);
	rates(&rules);
	unseen(&rules);
	keys(&rules, "null_user_key", "shared_user_key", &definition->users, &definition->user_key);
	keys(&rules, "null_item_key", "shared_item_key", &definition->items, &definition->item_key);
	return rules.list;
}

int64
reco_data_rule_count(const RecoDataRule *rule)
{
	char *sql = psprintf("SELECT count(*) FROM (%s) r", rule->query);
	RecoReading reading = reco_items_begin_read(NULL);
	int64 n;
	bool isnull;

	/* relations that were never analysed look small, and joins in loops would not end */
	(void) set_config_option("enable_nestloop", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	if (SPI_execute(sql, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "counting rows failed: %s", SPI_result_code_string(SPI_result));
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	reco_items_end_read(reading);
	pfree(sql);
	return n;
}

/* Pairs of user and item between two checks for interrupts. */
#define CHECK_EVERY 1000000

/* take_out takes pairs out until none is of a user or an item with fewer than k; user and item are [n], counts are of them. */
static size_t
take_out(uint32 *user, uint32 *item, size_t n, uint32 *of_user, uint32 *of_item, int k)
{
	size_t before;

	do
	{
		size_t kept = 0;

		before = n;
		for (size_t p = 0; p < n; p++)
		{
			if (p % CHECK_EVERY == 0)
				CHECK_FOR_INTERRUPTS();
			if (of_user[user[p]] >= (uint32) k && of_item[item[p]] >= (uint32) k)
			{
				user[kept] = user[p];
				item[kept++] = item[p];
				continue;
			}
			of_user[user[p]]--;
			of_item[item[p]]--;
		}
		n = kept;
	} while (n < before);
	return n;
}

RecoCore
reco_data_core(const RecoEvents *events, int k)
{
	uint32 *user = palloc_extended(Max(events->n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *item = palloc_extended(Max(events->n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *of_user =
		palloc_extended(Max(events->users.n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32 *of_item =
		palloc_extended(Max(events->items.n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	RecoCore core = {0};

	for (size_t e = 0; e < events->n; e++)
	{
		if (e > 0 && events->user[e] == events->user[e - 1] && events->item[e] == events->item[e - 1])
			continue;
		user[core.pairs] = events->user[e];
		item[core.pairs++] = events->item[e];
		of_user[events->user[e]]++;
		of_item[events->item[e]]++;
	}
	core.pairs = take_out(user, item, core.pairs, of_user, of_item, k);
	for (size_t u = 0; u < events->users.n; u++)
		core.users += of_user[u] > 0;
	for (size_t i = 0; i < events->items.n; i++)
		core.items += of_item[i] > 0;
	pfree(user);
	pfree(item);
	pfree(of_user);
	pfree(of_item);
	return core;
}
