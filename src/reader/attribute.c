/*
 * attribute.c
 *	  A column's type and options decide how it is encoded and how it is read.
 *
 * Every expression names its functions and types with their schema; a cast to real[] is found by the types alone,
 * so that pgvector's type works wherever it is installed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "reader/encoder.h"

/* side_relation gives the relation that holds the attributes of a side. */
static const RecoRelation *
side_relation(const RecoDefinition *definition, RecoSide side)
{
	return side == RECO_SIDE_ITEM ? &definition->items : &definition->users;
}

/* feature_column looks a column up as it is now. */
static RecoColumn
feature_column(const RecoDefinition *definition, RecoSide side, const char *name)
{
	RecoColumn column = {.name = pstrdup(name)};

	reco_catalog_bind_column(definition, side_relation(definition, side), &column,
							 side == RECO_SIDE_ITEM ? "item_features" : "user_features");
	return column;
}

/* refuse raises for a column that cannot be encoded as asked. */
static void
refuse(const RecoDefinition *definition, RecoSide side, const RecoColumn *column, const char *as,
	   const char *hint)
{
	ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("feature \"%s\" of type %s cannot be encoded%s", column->name,
				   format_type_be(column->type), as),
			errdetail("It is a column of relation \"%s\".", side_relation(definition, side)->name),
			errhint("%s", hint));
}

/* is_text says whether values of a type are text or names of something. */
static bool
is_text(Oid type)
{
	char category;
	bool preferred;

	if (type == UUIDOID || type == CHAROID || type_is_enum(type))
		return true;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING;
}

/* is_whole says whether a type is an integer. */
static bool
is_whole(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* becomes_real_array says whether there is a cast to real[], as pgvector's types have one. */
static bool
becomes_real_array(Oid type)
{
	Oid function;
	CoercionPathType path = find_coercion_pathway(FLOAT4ARRAYOID, type, COERCION_EXPLICIT, &function);

	return path == COERCION_PATH_FUNC || path == COERCION_PATH_RELABELTYPE;
}

/* array_source sets an array up: of real numbers a vector, of anything that has names a set; false for other elements. */
static bool
array_source(Oid element, RecoAttribute *attribute, RecoRawForm *form, const char **cast)
{
	element = getBaseType(element);
	if (element == FLOAT4OID || element == FLOAT8OID || element == NUMERICOID)
	{
		attribute->kind = RECO_FEATURE_VECTOR;
		*form = element == FLOAT4OID   ? RECO_RAW_REALS
				: element == FLOAT8OID ? RECO_RAW_DOUBLES
									   : RECO_RAW_NUMERICS;
		*cast = element == FLOAT4OID   ? "::pg_catalog.float4[]"
				: element == FLOAT8OID ? "::pg_catalog.float8[]"
									   : "::pg_catalog.numeric[]";
		return true;
	}
	attribute->kind = RECO_FEATURE_SET;
	*form = RECO_RAW_ELEMENTS;
	*cast = "::pg_catalog.text[]";
	return is_text(element) || is_whole(element) || element == BOOLOID;
}

/* number_source sets numbers and times up; false for other types. */
static bool
number_source(Oid type, RecoAttribute *attribute, RecoRawForm *form, const char **cast)
{
	attribute->kind = RECO_FEATURE_NUMBER;
	*cast = "";
	if (is_whole(type) || type == FLOAT4OID || type == FLOAT8OID)
	{
		*form = RECO_RAW_FLOAT;
		*cast = "::pg_catalog.float8";
		return true;
	}
	if (type == NUMERICOID)
	{
		*form = RECO_RAW_NUMERIC;
		*cast = "::pg_catalog.numeric";
		return true;
	}
	if (type == INTERVALOID)
	{
		*form = RECO_RAW_INTERVAL;
		*cast = "::pg_catalog.interval";
		return true;
	}
	attribute->kind = RECO_FEATURE_TIME;
	*form = type == DATEOID ? RECO_RAW_DATE : RECO_RAW_TIMESTAMP;
	*cast = type == DATEOID        ? "::pg_catalog.date"
			: type == TIMESTAMPOID ? "::pg_catalog.timestamp"
								   : "::pg_catalog.timestamptz";
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/* plan_by_type decides kind, form and cast from the type alone; false for a type that cannot be encoded. */
static bool
plan_by_type(Oid type, bool as_category, RecoAttribute *attribute, RecoRawForm *form, const char **cast)
{
	Oid element = get_element_type(type);

	if (OidIsValid(element))
		return array_source(element, attribute, form, cast);
	*form = RECO_RAW_BYTES;
	*cast = "::pg_catalog.text";
	attribute->kind = type == BOOLOID ? RECO_FEATURE_BOOLEAN : RECO_FEATURE_CATEGORY;
	if (type == BOOLOID || is_text(type))
		return true;
	if (number_source(type, attribute, form, cast))
	{
		if (as_category)
		{
			attribute->kind = RECO_FEATURE_CATEGORY;
			*form = RECO_RAW_BYTES;
			*cast = "::pg_catalog.text";
		}
		return true;
	}
	attribute->kind = RECO_FEATURE_VECTOR;
	*form = RECO_RAW_REALS;
	*cast = "::pg_catalog.float4[]";
	return becomes_real_array(type);
}

/* refine makes of a text or a number what the options ask for. */
static void
refine(const RecoDefinition *definition, RecoSide side, const RecoColumn *column,
	   const RecoFeatureOptions *options, RecoAttribute *attribute)
{
	bool text = attribute->kind == RECO_FEATURE_CATEGORY && is_text(getBaseType(column->type));

	if (options->text + (options->delimiter != NULL) + (options->bands > 0) + options->category > 1)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the options of feature \"%s\" contradict each other", column->name),
				errhint("Give one of \"text\", \"delimiter\", \"bands\" and \"category\"."));
	if ((options->text || options->delimiter != NULL) && !text)
		refuse(definition, side, column, options->text ? " as text" : " as delimited text",
			   "The options \"text\" and \"delimiter\" are for columns of text.");
	if (options->bands > 0 && attribute->kind != RECO_FEATURE_NUMBER)
		refuse(definition, side, column, " in bands", "The option \"bands\" is for columns of numbers.");
	if (options->bands > 0)
		attribute->kind = RECO_FEATURE_BANDS;
	if (options->text)
		attribute->kind = RECO_FEATURE_TEXT;
	if (options->delimiter != NULL)
	{
		attribute->kind = RECO_FEATURE_SET;
		attribute->delimiter = pstrdup(options->delimiter);
	}
}

void
reco_attribute_plan(const RecoDefinition *definition, RecoSide side, const char *name,
					const RecoFeatureOptions *options, RecoAttribute *attribute, RecoSource *source)
{
	RecoColumn column = feature_column(definition, side, name);
	const char *cast;

	memset(attribute, 0, sizeof(*attribute));
	attribute->name = pstrdup(name);
	if (!plan_by_type(getBaseType(column.type), options->category, attribute, &source->form, &cast))
		refuse(definition, side, &column, "",
			   "Features are booleans, numbers, dates, timestamps, intervals, text, enums, arrays of these, "
			   "real[] and vectors: convert the column in a view, and map the view.");
	refine(definition, side, &column, options, attribute);
	source->type = column.type;
	source->expression = psprintf("%s%s", quote_identifier(name), cast);
}

/* fits says whether a column that is read in a form can still be the attribute that was learned. */
static bool
fits(const RecoAttribute *learned, const RecoAttribute *now, RecoRawForm form)
{
	switch (learned->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
		case RECO_FEATURE_VECTOR:
			return now->kind == learned->kind;
		case RECO_FEATURE_BANDS:
			return now->kind == RECO_FEATURE_NUMBER;
		case RECO_FEATURE_CATEGORY:
		case RECO_FEATURE_TEXT:
			return form == RECO_RAW_BYTES;
		case RECO_FEATURE_SET:
			return form == (learned->delimiter != NULL ? RECO_RAW_BYTES : RECO_RAW_ELEMENTS);
	}
	return false;
}

bool
reco_encoder_fits(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side)
{
	for (int a = 0; a < encoder->n_attributes; a++)
		if (reco_attribute_source(definition, side, &encoder->attribute[a]).expression == NULL)
			return false;
	return true;
}

RecoAccess
reco_encoder_access(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side)
{
	Oid relation = side_relation(definition, side)->relid;
	AttrNumber key = side == RECO_SIDE_ITEM ? definition->item_key.attnum : definition->user_key.attnum;
	RecoAccess access = RECO_ACCESS_GRANTED;
	bool all;

	if (!OidIsValid(relation))
		return RECO_ACCESS_DENIED;
	all = reco_catalog_may_select_all(relation);
	if (!all && !reco_catalog_may_select(relation, key))
		return RECO_ACCESS_DENIED;
	for (int a = 0; a < encoder->n_attributes; a++)
	{
		AttrNumber attnum = get_attnum(relation, encoder->attribute[a].name);

		if (attnum == InvalidAttrNumber)
			access = RECO_ACCESS_GONE;
		else if (!all && !reco_catalog_may_select(relation, attnum))
			return RECO_ACCESS_DENIED;
	}
	return access;
}

bool
reco_encoder_may_show(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side,
					  int attribute)
{
	Oid relation = side_relation(definition, side)->relid;
	AttrNumber attnum =
		OidIsValid(relation) ? get_attnum(relation, encoder->attribute[attribute].name) : InvalidAttrNumber;

	return attnum != InvalidAttrNumber && reco_catalog_may_select(relation, attnum);
}

RecoSource
reco_attribute_source(const RecoDefinition *definition, RecoSide side, const RecoAttribute *attribute)
{
	Oid relation = side_relation(definition, side)->relid;
	AttrNumber attnum = get_attnum(relation, attribute->name);
	RecoAttribute now = {0};
	RecoSource source = {0};
	const char *cast;

	if (attnum <= InvalidAttrNumber)
		return source;
	source.type = get_atttype(relation, attnum);
	if (plan_by_type(getBaseType(source.type), attribute->kind == RECO_FEATURE_CATEGORY, &now, &source.form,
					 &cast) &&
		fits(attribute, &now, source.form))
		source.expression = psprintf("%s%s", quote_identifier(attribute->name), cast);
	return source;
}

/* is_number_or_time says whether a type is one of those of number_source. */
static bool
is_number_or_time(Oid type)
{
	RecoAttribute attribute;
	RecoRawForm form;
	const char *cast;

	return number_source(type, &attribute, &form, &cast);
}

bool
reco_source_asks_settings(const RecoSource *source)
{
	Oid base = getBaseType(source->type);

	return source->form == RECO_RAW_BYTES && base != NUMERICOID && !is_whole(base) && is_number_or_time(base);
}

bool
reco_attribute_is_fixed(Oid type, RecoRawForm form)
{
	Oid base = getBaseType(type);

	if (form != RECO_RAW_BYTES && form != RECO_RAW_ELEMENTS)
		return true;
	if (form == RECO_RAW_ELEMENTS)
		base = getBaseType(get_element_type(base));
	/* names of a type may be changed */
	return base == BOOLOID || base == TEXTOID || base == VARCHAROID || base == BPCHAROID || base == UUIDOID ||
		   is_number_or_time(base);
}
