/*
 * boards.h
 *	  Lists of what others choose: in a segment of users, lately, ever more,
 *	  newly, and rated best.
 *
 * A board is counted at a refresh and holds no count: the items in their order, and only those that
 * at least min_group + 1 distinct users chose within it.  So nobody sees a single person come or go.
 */
#ifndef RECO_MODEL_BOARDS_H
#define RECO_MODEL_BOARDS_H

#include "postgres.h"

#include "model/model.h"

/* The values are stored. */
typedef enum RecoBoardKind
{
	RECO_BOARD_SEGMENT = 1, /* most users of a level of an attribute */
	RECO_BOARD_RECENT,      /* most users in the last days */
	RECO_BOARD_TRENDING,    /* greatest growth from the days before to the last days */
	RECO_BOARD_NEW,         /* came, or first chosen, in the last days, most users */
	RECO_BOARD_RATED        /* greatest smoothed rating; explicit feedback */
} RecoBoardKind;

typedef struct RecoBoard
{
	RecoBoardKind kind;
	int column; /* of the user encoder, of a segment; else -1 */
	int days;   /* of the window; 0: all time */
	int n;
	const int32 *item;  /* [n], best first */
	const float *score; /* [n], of RECO_BOARD_RATED; 0 elsewhere */
} RecoBoard;

typedef struct RecoBoards RecoBoards;

/*
 * reco_boards_count counts the boards of events in canonical order, in the current context; days [n_days], at most
 * RECO_MOST_WINDOWS, are the windows that are counted where times are mapped.
 */
extern RecoBoards *reco_boards_count(const RecoEvents *events, const int *days, int n_days, int min_group);

/* reco_boards_add adds the tensors of boards to what was learned. */
extern void reco_boards_add(RecoLearned *learned, const RecoBoards *boards);

/* reco_boards_read gives the boards of a model in the current context, and their number; none where it has no such tensors. */
extern RecoBoard *reco_boards_read(const RecoModel *model, int *n);

/*
 * reco_boards_segment gives the board, of n, of what a user's segment chooses of all time: that of the first
 * feature, in the order in which they are named, which says something of the user and of which there is one.  NULL: there is none.
 */
extern const RecoBoard *reco_boards_segment(const RecoModel *model, const RecoBoard *board, int n,
											const RecoAttributes *attributes);

/* reco_boards_check raises ERRCODE_DATA_CORRUPTED unless the boards of a model name its items and columns. */
extern void reco_boards_check(const RecoModel *model);

#endif
