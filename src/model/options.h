/*
 * options.h
 *	  The long tail of settings: jsonb objects checked against a table of
 *	  names, types, defaults and ranges.
 */
#ifndef RECO_MODEL_OPTIONS_H
#define RECO_MODEL_OPTIONS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

typedef enum RecoOptionType
{
	RECO_OPTION_INTEGER,
	RECO_OPTION_NUMBER,
	RECO_OPTION_BOOLEAN,
	RECO_OPTION_STRING,
	RECO_OPTION_CHOICE,   /* one of the names in initial_string */
	RECO_OPTION_INTEGERS, /* array of integers, each in the range; a single one may stand for itself */
	RECO_OPTION_TEXTS,    /* array of strings, numbers, booleans and nulls, as text; always automatic */
	RECO_OPTION_OBJECT    /* a JSON object, whose members its reader checks; always automatic */
} RecoOptionType;

/* One option.  is_auto: the default is chosen from the data (NULL in jsonb means the same). */
typedef struct RecoOption
{
	const char *name;
	RecoOptionType type;
	bool is_auto;
	double initial; /* default, unless is_auto; booleans 0 or 1 */
	const char *
		initial_string; /* default of strings; of integers "5,10,20"; of choices all, the default first: "a|b|c" */
	double minimum;
	double maximum;
	bool open_minimum; /* the minimum itself is refused */
	const char *help;
} RecoOption;

/* The parsed value of one option. */
typedef struct RecoOptionValue
{
	bool is_set;   /* false: take the automatic default */
	double number; /* integers, numbers, booleans; the position of a choice */
	char *string;  /* strings, choices */
	int n;         /* of arrays */
	int *integer;  /* [n] of integers */
	char **text;   /* [n] of texts, NULL for null */
	Jsonb *object;
} RecoOptionValue;

/* How values of an option are drawn when settings are searched for (CALL reco.tune()). */
typedef enum RecoTuningScale
{
	RECO_TUNE_LINEAR, /* between low and high, all equally likely */
	RECO_TUNE_LOG,    /* between low and high, all orders of magnitude equally likely */
	RECO_TUNE_TIMES,  /* the same, as a multiple of what the defaults resolve to */
	RECO_TUNE_CHOICE, /* one of "a|b|c" */
	RECO_TUNE_EACH    /* of an object: for each name in the option "members" as RECO_TUNE_LOG */
} RecoTuningScale;

/* The range over which an algorithm wants one of its options searched. */
typedef struct RecoTuning
{
	const char *option;
	RecoTuningScale scale;
	double low;
	double high;
	const char *choice; /* RECO_TUNE_CHOICE only */
} RecoTuning;

/*
 * reco_options_parse checks a jsonb object (NULL: empty) against the table and
 * gives a value an option, defaults filled in, in the current context.
 * Later objects override earlier ones; pass both definition and call options.
 * Errors: ERRCODE_INVALID_PARAMETER_VALUE; an unknown name names the nearest
 * known one in the hint, a value out of range gives the range and the option's help.
 */
extern RecoOptionValue *reco_options_parse(const RecoOption *option, int n_options, Jsonb *const *object,
										   int n_objects);

/* reco_option_find gives the position of a name in the table (which must have it). */
extern int reco_option_find(const RecoOption *option, int n_options, const char *name);

/* reco_nearest_name gives the candidate nearest to a misspelt name, or NULL when none is near. */
extern const char *reco_nearest_name(const char *name, const char *const *candidate, int n);

/*
 * reco_option_input gives what an input function with a type modifier (timestamptz_in, interval_in) reads in
 * the text of an option; the hint is added to its error.
 */
extern Datum reco_option_input(PGFunction input, const char *text, const char *hint);

#endif
