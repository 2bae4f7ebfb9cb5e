/*
 * tensors.h
 *	  Names and layouts of the tensors that every version has, whatever the
 *	  algorithm: written by learn.c, read by model.c.
 */
#ifndef RECO_MODEL_TENSORS_H
#define RECO_MODEL_TENSORS_H

#define TENSOR_RULE "rule"
#define TENSOR_POPULAR "popular"
#define TENSOR_PLACE "popular_place"
#define TENSOR_PEOPLE "people"
#define TENSOR_NEW "new_item"
#define TENSOR_REVIEWS "reviews"
#define TENSOR_REVIEW_ASPECTS "review_aspects"
#define TENSOR_LINK "link"
#define TENSOR_KEY "item_key"
#define TENSOR_KEY_OFFSET "item_key_offset"
#define TENSOR_KEY_BYTES "item_key_bytes"

/* How attributes are encoded, in versions that were learned with features. */
#define TENSOR_ITEM_ENCODER "item_encoder"
#define TENSOR_USER_ENCODER "user_encoder"

/* Lists of what others choose (boards.h), where there are any. */
#define TENSOR_BOARD "board"
#define TENSOR_BOARD_ITEM "board_item"
#define TENSOR_BOARD_SCORE "board_score"

/* Columns of the tensor "board". */
typedef enum RecoBoardColumn
{
	BOARD_KIND,
	BOARD_COLUMN, /* of the user encoder, or -1 */
	BOARD_DAYS,   /* 0: all time */
	BOARD_LENGTH, /* items */
	BOARD_N
} RecoBoardColumn;

/*
 * An algorithm that ranks by factors may add the copy of kernel/quantise.h, which makes ranking fast and changes
 * nothing else.  All of them or none: versions that were learned before it have none.
 */
#define TENSOR_RANK "rank_" /* what their names begin with */
#define TENSOR_RANK_ORDER "rank_order"
#define TENSOR_RANK_COARSE "rank_coarse"
#define TENSOR_RANK_FINE "rank_fine"
#define TENSOR_RANK_MARK "rank_mark"
#define TENSOR_RANK_BIAS "rank_bias"
#define TENSOR_RANK_BLOCK "rank_block"

/*
 * The encoded attributes of the items by row, and the algorithm's maps from attributes to factors, [columns + 1 x d], the
 * last row for what is expected of whom nothing is known.
 */
#define TENSOR_ATTRIBUTE_OFFSET "item_attribute_offset"
#define TENSOR_ATTRIBUTE_COLUMN "item_attribute_column"
#define TENSOR_ATTRIBUTE_VALUE "item_attribute_value"
#define TENSOR_ITEMS_UNTIL \
	"items_until" /* [1 x 1], where items_time_column is named: RecoEvents.items_until */
#define TENSOR_ITEM_MAP "item_map"
#define TENSOR_USER_MAP "user_map"

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
