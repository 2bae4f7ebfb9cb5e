/*
 * tensors.h
 *	  Names and layouts of the tensors that every version has, whatever the
 *	  algorithm: written by learn.c, read by model.c.
 */
#ifndef RECO_MODEL_TENSORS_H
#define RECO_MODEL_TENSORS_H

#define TENSOR_RULE "rule"
#define TENSOR_POPULAR "popular"
#define TENSOR_PEOPLE "people"
#define TENSOR_KEY "item_key"
#define TENSOR_KEY_OFFSET "item_key_offset"
#define TENSOR_KEY_BYTES "item_key_bytes"

/* Columns of the tensor "rule". */
typedef enum RecoRuleColumn
{
	RULE_EXPLICIT, /* 0 or 1 */
	RULE_DISLIKE,
	RULE_HALF_LIFE, /* microseconds; 0: no decay */
	RULE_AS_OF,     /* microseconds since 2000-01-01, exact below 2^53; 0 without a time column */
	RULE_KEY_KIND,  /* RecoKeyKind of the items */
	RULE_N
} RecoRuleColumn;

#endif
