/*
 * json.h
 *	  Small jsonb objects, written in the order given.
 */
#ifndef RECO_MODEL_JSON_H
#define RECO_MODEL_JSON_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* An object being written. */
typedef struct RecoJson
{
	StringInfoData text;
	bool nested; /* written members so far */
} RecoJson;

extern void reco_json_begin(RecoJson *json);

/* reco_json_number adds a number in its shortest form that reads back the same; NaN and infinity become null. */
extern void reco_json_number(RecoJson *json, const char *name, double value);
extern void reco_json_integer(RecoJson *json, const char *name, int64 value);
extern void reco_json_boolean(RecoJson *json, const char *name, bool value);
extern void reco_json_string(RecoJson *json, const char *name, const char *value);
extern void reco_json_numbers(RecoJson *json, const char *name, const double *value, int n);
extern void reco_json_integers(RecoJson *json, const char *name, const int *value, int n);

/* reco_json_object adds an object that was written before. */
extern void reco_json_object(RecoJson *json, const char *name, Jsonb *value);

extern Jsonb *reco_json_end(RecoJson *json);

/* reco_json_rounded gives a jsonb object as text for people: numbers that are no integers with four digits. */
extern char *reco_json_rounded(Jsonb *object);

#endif
