/*
 * json.h
 *	  Writes jsonb: members of an object in any order, elements of an array in the order given.
 *
 * A name is that of a member; of an element of an array it is NULL.
 */
#ifndef RECO_MODEL_JSON_H
#define RECO_MODEL_JSON_H

#include "postgres.h"

#include "utils/jsonb.h"

/* An object being written. */
typedef struct RecoJson
{
	JsonbParseState *state;
} RecoJson;

extern void reco_json_begin(RecoJson *json);

/* reco_json_number adds a number in its shortest form that reads back the same; NaN and infinity become null. */
extern void reco_json_number(RecoJson *json, const char *name, double value);
extern void reco_json_integer(RecoJson *json, const char *name, int64 value);
extern void reco_json_boolean(RecoJson *json, const char *name, bool value);

/* reco_json_string adds a string, which must live until the end. */
extern void reco_json_string(RecoJson *json, const char *name, const char *value);
extern void reco_json_numbers(RecoJson *json, const char *name, const double *value, int n);
extern void reco_json_integers(RecoJson *json, const char *name, const int *value, int n);

/* reco_json_object adds an object that was written before, reco_json_value any value; both must live until the end. */
extern void reco_json_object(RecoJson *json, const char *name, Jsonb *value);
extern void reco_json_value(RecoJson *json, const char *name, const JsonbValue *value);

/* What is added between the two is in an object, or in an array, that is added itself. */
extern void reco_json_begin_object(RecoJson *json, const char *name);
extern void reco_json_end_object(RecoJson *json);
extern void reco_json_begin_array(RecoJson *json, const char *name);
extern void reco_json_end_array(RecoJson *json);

extern Jsonb *reco_json_end(RecoJson *json);

/* reco_json_rounded gives a jsonb object as text for people: numbers that are no integers with four digits. */
extern char *reco_json_rounded(Jsonb *object);

#endif
