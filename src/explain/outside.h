/*
 * outside.h
 *	  Reasons written by somebody else: the facts they may use, and whether they kept to them.
 */
#ifndef RECO_EXPLAIN_OUTSIDE_H
#define RECO_EXPLAIN_OUTSIDE_H

#include "postgres.h"

#include "explain/explain.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* A piece of evidence that a text may give as a cause. */
typedef struct RecoFactCause
{
	char *name;
	RecoWording event;
} RecoFactCause;

/* Facts as reco_facts_read finds them in jsonb. */
typedef struct RecoFacts
{
	char *recommender;
	char *lang;
	char *source;
	const char *basis; /* of a score of which nothing can be cited, see reco_reason_basis; else "" */
	int max_length;
	char *item; /* name of the item that is recommended */
	int n_causes;
	RecoFactCause cause[RECO_REASON_CITES];
	double people;    /* 0: no count */
	char *aspect;     /* of reviews; NULL: none */
	double reviewers; /* who rated it highly */
	int n_values;
	char *value[RECO_REASON_CITES]; /* of attributes that the reason cites */
	List *attributes;               /* of char *: their names */
	List *protected;                /* of char * */
	List *words;                    /* of char *: further words that claim nothing, from the caller */
	char *template_text;
} RecoFacts;

/* reco_facts_write gives the facts of one reason as jsonb. */
extern Jsonb *reco_facts_write(const RecoDefinition *definition, const RecoQuery *query, const RecoView *view,
							   const RecoVoice *voice, const char *source, uint32 item,
							   const RecoCause *cause, const RecoReason *reason,
							   JsonbValue (*id)(const RecoModel *, uint32));

/* reco_facts_read reads facts; ERRCODE_INVALID_PARAMETER_VALUE where they have not the shape that reco_facts_write gives them. */
extern RecoFacts *reco_facts_read(Jsonb *facts);

/*
 * reco_accept gives what speaks against showing a text, a list of char *, each
 * beginning with the class of the problem; NIL: nothing.  SPI must be connected: it
 * reads the labels that the caller sees.
 */
extern List *reco_accept(const char *text, const RecoFacts *facts, const RecoDefinition *definition);

#endif
