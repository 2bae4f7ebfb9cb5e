/*
 * templates.c
 *	  The table of wordings as SQL sees it: what is built in, and the trigger
 *	  that keeps it sound.
 */
#include "postgres.h"

#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "catalog/catalog.h"
#include "explain/templates.h"

PG_FUNCTION_INFO_V1(reco_builtin_reason_templates);
PG_FUNCTION_INFO_V1(reco_check_reason_template);

#define BUILTIN_COLUMNS 5

Datum
reco_builtin_reason_templates(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int w = 0; w < reco_n_builtin_wordings; w++)
	{
		const RecoBuiltinWording *wording = &reco_builtin_wording[w];
		char *pattern = reco_wording_encode(wording);
		bool isnull[BUILTIN_COLUMNS] = {false};
		Datum value[BUILTIN_COLUMNS];

		if (pattern == NULL)
			continue;
		value[0] = CStringGetTextDatum(reco_words_kind_name(wording->kind));
		value[1] = CStringGetTextDatum(wording->lang);
		value[2] = Int32GetDatum(wording->variant);
		value[3] = CStringGetTextDatum(pattern);
		value[4] = Int32GetDatum(wording->min_evidence);
		tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
	}
	return (Datum) 0;
}

/* text_column gives a column of a row as a string, NULL for NULL. */
static char *
text_column(HeapTuple tuple, TupleDesc descriptor, const char *name)
{
	return SPI_getvalue(tuple, descriptor, SPI_fnumber(descriptor, name));
}

/* raise_builtin refuses to change what the extension brought. */
static void
raise_builtin(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("built-in templates cannot be changed"),
			 errdetail(
				 "A row that is not built in hides the built-in one of the same kind, language and variant."),
			 errhint("Use reco.set_reason_template() and reco.reset_reason_template().")));
}

static void
refuse_builtin(HeapTuple tuple, TupleDesc descriptor)
{
	char *builtin = text_column(tuple, descriptor, "builtin");

	if (!creating_extension && builtin != NULL && builtin[0] == 't')
		raise_builtin();
}

/* Most characters of the name of a language, as the table's constraint has it (RFC 5646 asks for 35). */
#define LANGUAGE_LENGTH 35

/* is_language says whether a name is runs of a to z and 0 to 9 with - or _ between them, as the table's constraint has it. */
static bool
is_language(const char *name)
{
	bool run = false;

	if (strlen(name) > LANGUAGE_LENGTH)
		return false;
	for (; *name != '\0'; name++)
		if ((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9'))
			run = true;
		else if (run && (*name == '-' || *name == '_'))
			run = false;
		else
			return false;
	return run;
}

/* needed_column gives a column of a row that must not be NULL. */
static char *
needed_column(HeapTuple tuple, TupleDesc descriptor, const char *name)
{
	char *value = text_column(tuple, descriptor, name);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the %s of a reason template must not be null", name),
				 errhint("Write a template as reco.set_reason_template('bought', 'en', '{you} got {items}'); "
						 "weight 0 turns it off.")));
	return value;
}

/* check_row checks a row that is written; ranges are left to the table's constraints. */
static void
check_row(HeapTuple tuple, TupleDesc descriptor)
{
	char *kind = needed_column(tuple, descriptor, "kind");
	char *lang = needed_column(tuple, descriptor, "lang");
	char *pattern = needed_column(tuple, descriptor, "pattern");

	refuse_builtin(tuple, descriptor);
	(void) needed_column(tuple, descriptor, "variant");
	if (!is_language(lang))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" is no name of a language", lang),
				 errhint("Write it as in en, zh or pt-br.")));
	reco_template_check(kind, pattern);
}

/* Before a row: checks.  After it: tells every session that the table has changed. */
Datum
reco_check_reason_template(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc descriptor;
	HeapTuple written;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "check_reason_template() was not called by the trigger manager");
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		raise_builtin();
	if (TRIGGER_FIRED_AFTER(trigger->tg_event))
	{
		reco_catalog_templates_changed();
		return PointerGetDatum(NULL);
	}
	descriptor = RelationGetDescr(trigger->tg_relation);
	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		refuse_builtin(trigger->tg_trigtuple, descriptor);
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return PointerGetDatum(trigger->tg_trigtuple);
	written = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	check_row(written, descriptor);
	return PointerGetDatum(written);
}
