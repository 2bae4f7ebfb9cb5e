/*
 * gate.h
 *	  Whether a refresh would make lists worse: CALL reco.refresh(gate => true).
 *
 * The deployed version has learned from the rows that a split of today's interactions would hold out, so
 * measuring it on them would flatter it.  Two ways are fair:
 *
 *	new events	where times are mapped and at least RECO_GATE_USERS users came to something new after the
 *				deployed version's as_of: a tenth of these pairs is held out.  The deployed version is measured as it is,
 *				the candidate is learned from the rows that are left.  Neither has seen the pairs, both
 *				are served with the same histories.  It notices bad data as well as bad settings.
 *	settings	otherwise: a tenth of all pairs is held out, and both the candidate and the settings of the
 *				deployed version (its algorithm and its options, as they were asked for) are learned from the rest.  The same settings
 *				learn the same, so that they are never refused.  So too where the deployed version asks for attributes of users that are
 *				not mapped any more as it knew them.
 *
 * The candidate passes unless it is worse by more than chance explains: unless the 95 % paired bootstrap
 * interval of the difference of NDCG@20 (explicit feedback: of RMSE) lies on the wrong side of 0, or fewer than RECO_GATE_USERS users
 * could be tested.
 */
#ifndef RECO_EVALUATE_GATE_H
#define RECO_EVALUATE_GATE_H

#include "postgres.h"

#include "evaluate/calibrate.h"
#include "model/model.h"

/* Fewer test users than this say nothing. */
#define RECO_GATE_USERS 50

typedef struct RecoGateRequest
{
	RecoDefinition *definition;
	Jsonb *call_options; /* of the refresh; NULL: none */
	RecoEvents *events;  /* left as they are */
	RecoFeatures *users; /* of the events, as reco_evaluate_gate_read encodes them for the deployed version */
	const RecoModel *deployed; /* the deployed version, open */
	int version;               /* its number */
	char *algorithm;           /* its */
	Jsonb *options;            /* as they were resolved */
	Jsonb *asked;              /* as they were asked for; NULL: the version does not say */
	bool has_as_of;
	TimestampTz as_of;
	bool calibrate;   /* fit what scores mean, where the rows held out are a sample of all */
	bool incremental; /* the candidate goes on from the deployed version */
} RecoGateRequest;

typedef struct RecoGate
{
	bool passes;   /* also when too few users could be tested */
	bool is_known; /* enough could */
	char *finding; /* in words: "ndcg@20 0.1234 against 0.1200 of version 3, ..." */
	Jsonb *json;   /* for the metrics of the version */
	bool calibrates;
	RecoCalibration calibration; /* of the candidate, if so */
} RecoGate;

/*
 * reco_evaluate_gate_read encodes the users of the events as the deployed version knows them, which the encoder of the refresh
 * need not: to be called in the snapshot of the events.
 */
extern void reco_evaluate_gate_read(RecoGateRequest *request);

/*
 * reco_evaluate_gate learns and measures; touches no database.  Results are in the current
 * context.  ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE when the deployed version is of other feedback, and for an
 * incremental refresh without new events.
 */
extern RecoGate reco_evaluate_gate(const RecoGateRequest *request);

#endif
