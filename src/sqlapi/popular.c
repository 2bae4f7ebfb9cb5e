/*
 * popular.c
 *	  popular_items(): what others choose, of all time, lately, ever more, newly,
 *	  rated best, and by segment.
 *
 * All of it was counted at the refresh (model/boards.h); a call chooses a board
 * and looks its items up in the caller's view.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "model/boards.h"
#include "model/json.h"
#include "sqlapi/arguments.h"
#include "sqlapi/lists.h"

#define LIST_COLUMNS 6

/* Days of a window that is not named. */
#define DEFAULT_WINDOW 7

PG_FUNCTION_INFO_V1(reco_popular_items);
PG_FUNCTION_INFO_V1(reco_popular_items_typed);

static const RecoListPositions popular_positions = {.item_type = -1,
													.k = 0,
													.recommender = 1,
													.filter = 2,
													.filter_args = 3,
													.candidates = -1,
													.exclude = -1,
													.exclude_seen = -1,
													.lang = 4,
													.options = 5,
													.kind = RECO_LIST_OF_POPULAR};

static const RecoListPositions popular_typed_positions = {.item_type = 0,
														  .k = 1,
														  .recommender = 2,
														  .filter = 3,
														  .filter_args = 4,
														  .candidates = -1,
														  .exclude = -1,
														  .exclude_seen = -1,
														  .lang = 5,
														  .options = 6,
														  .kind = RECO_LIST_OF_POPULAR};

/* What the options of a call ask for. */
typedef struct Wish
{
	const char *by;      /* attribute of users, NULL: of all users */
	const char *segment; /* a level of it, NULL: every one */
	RecoBoardKind kind;  /* 0: popular of all time, which is no board */
	int days;
} Wish;

/* window_days reads a window: whole days. */
static int
window_days(const char *window)
{
	static const char *const hint = "Windows are whole days, as in \"7 days\".";
	Interval *interval = DatumGetIntervalP(reco_option_input(interval_in, window, hint));
	int64 days =
		(int64) interval->day + (int64) DAYS_PER_MONTH * interval->month + interval->time / USECS_PER_DAY;

	if (interval->time % USECS_PER_DAY != 0 || days < 1 || days > PG_INT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("window cannot be \"%s\"", window),
						errhint("%s", hint)));
	return (int) days;
}

/* require_window raises for a window that was not counted. */
static void
require_window(const RecoListCall *list, const RecoBoard *board, int n, int days)
{
	char *name = quote_literal_cstr(list->call.definition->name);
	StringInfoData windows;

	initStringInfo(&windows);
	for (int b = 0; b < n; b++)
	{
		if (board[b].kind != RECO_BOARD_RECENT)
			continue;
		if (board[b].days == days)
			return;
		appendStringInfo(&windows, "%s%d", windows.len > 0 ? ", " : "", board[b].days);
	}
	if (windows.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("nothing was counted by time for recommender \"%s\"", list->call.definition->name),
				 errhint("Name the time_column of its interactions, and CALL reco.refresh(%s).", name)));
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("no window of %d days was counted", days),
		 errdetail(
			 "What others do is counted at a refresh, so that nobody can single a person out by asking twice. The windows of recommender \"%s\" are, in days: %s.",
			 list->call.definition->name, windows.data),
		 errhint("Its owner can name others: CALL reco.refresh(%s, options => '{\"windows\": [%s, %d]}').",
				 name, windows.data, days)));
}

/* order_kind gives the board of a name. */
static RecoBoardKind
order_kind(const char *order, bool windowed)
{
	static const char *const name[] = {"popular", "trending", "new", "rating"};
	static const RecoBoardKind kind[] = {0, RECO_BOARD_TRENDING, RECO_BOARD_NEW, RECO_BOARD_RATED};
	const char *nearest;

	for (size_t i = 0; i < lengthof(name); i++)
		if (strcmp(order, name[i]) == 0)
			return i == 0 && windowed ? RECO_BOARD_RECENT : kind[i];
	nearest = reco_nearest_name(order, name, lengthof(name));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown order \"%s\"", order),
					nearest ? errhint("Perhaps you meant \"%s\".", nearest)
							: errhint("The orders are popular, trending, new and rating.")));
}

/* read_wish reads the options. */
static Wish
read_wish(const RecoOptionValue *value)
{
	const char *window = value[RECO_LIST_WINDOW].string;
	Wish wish = {.by = value[RECO_LIST_BY].string, .segment = value[RECO_LIST_SEGMENT].string};
	const char *order = value[RECO_LIST_ORDER].string;

	wish.kind = order_kind(order != NULL ? order : "popular", window != NULL);
	if ((wish.by != NULL && order != NULL && strcmp(order, "popular") != 0) ||
		(wish.by == NULL && wish.segment != NULL) || (wish.kind == RECO_BOARD_RATED && window != NULL))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("these options of popular_items do not go together"),
						errhint("Give \"by\" (and \"segment\", and \"window\"), or \"order\" and \"window\", "
								"and no window with \"rating\".")));
	if (window != NULL)
		wish.days = window_days(window);
	else if (wish.kind == RECO_BOARD_TRENDING || wish.kind == RECO_BOARD_NEW)
		wish.days = DEFAULT_WINDOW;
	if (wish.by != NULL)
		wish.kind = RECO_BOARD_SEGMENT;
	return wish;
}

/* fits says whether a board is wished for. */
static bool
fits(const RecoModel *model, const RecoBoard *board, const Wish *wish)
{
	RecoEncoderColumn column;

	if (board->kind != wish->kind || board->days != wish->days)
		return false;
	if (board->kind != RECO_BOARD_SEGMENT)
		return true;
	column = reco_encoder_column(model->user_encoder, (size_t) board->column);
	return strcmp(column.name, wish->by) == 0 &&
		   (wish->segment == NULL || strcmp(column.level, wish->segment) == 0);
}

/* raise_no_attribute raises for an attribute of users that is not encoded. */
static void
raise_no_attribute(const RecoListCall *list, const Wish *wish)
{
	const RecoEncoder *encoder = list->call.model->user_encoder;

	for (size_t c = 0; encoder != NULL && c < reco_encoder_n_columns(encoder); c++)
	{
		RecoEncoderColumn column = reco_encoder_column(encoder, c);

		if (strcmp(column.name, wish->by) == 0)
			return;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("\"%s\" is no feature of users of recommender \"%s\"", wish->by,
						   list->call.definition->name),
					errhint("Name it in user_features and CALL reco.refresh(%s).",
							quote_literal_cstr(list->call.definition->name))));
}

/* require_visible raises unless the caller may read the column whose levels a board tells of. */
static void
require_visible(const RecoListCall *list, const RecoBoard *board)
{
	const RecoDefinition *definition = list->call.definition;
	const RecoEncoder *encoder = list->call.model->user_encoder;
	const char *name = reco_encoder_column(encoder, (size_t) board->column).name;

	if (!reco_encoder_may_show(definition, encoder, RECO_SIDE_USER,
							   reco_encoder_attribute_of(encoder, (size_t) board->column)))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for segments by \"%s\"", name),
						errdetail("They are levels of that column of relation %s, which you may not SELECT.",
								  definition->users.recorded_name)));
}

/* source_name gives the word of the column source. */
static const char *
source_name(RecoBoardKind kind)
{
	switch (kind)
	{
		case RECO_BOARD_SEGMENT:
			return "segment";
		case RECO_BOARD_RECENT:
			return "recent";
		case RECO_BOARD_TRENDING:
			return "trending";
		case RECO_BOARD_NEW:
			return "new";
		case RECO_BOARD_RATED:
			return "rated";
	}
	return NULL;
}

/* details_of gives what distinguishes a board from others. */
static Jsonb *
details_of(const RecoBoard *board, const RecoEncoderColumn *column)
{
	RecoJson json;

	reco_json_begin(&json);
	if (board->kind == RECO_BOARD_SEGMENT)
	{
		reco_json_string(&json, "by", column->name);
		reco_json_string(&json, "segment", column->level);
	}
	if (board->days > 0)
		reco_json_integer(&json, "days", board->days);
	return reco_json_end(&json);
}

/* wording_of gives the wording that fits all items of a board; some segments have no words. */
static RecoWording
wording_of(const RecoBoard *board, const RecoEncoderColumn *column)
{
	if (board->kind == RECO_BOARD_NEW)
		return RECO_WORDING_NEW;
	return board->kind == RECO_BOARD_SEGMENT && reco_reason_says_segment(column) ? RECO_WORDING_POPULAR_AMONG
																				 : RECO_WORDING_POPULAR;
}

/* rating_of gives the smoothed rating of an item of a board, to one decimal: a single rating must not show in it. */
static double
rating_of(const RecoBoard *board, uint32 item)
{
	for (int i = 0; i < board->n; i++)
		if (board->item[i] == (int32) item)
			return rint((double) board->score[i] * 10) / 10;
	return 0;
}

/* rating_reasons says how each item of a list is rated. */
static RecoReason *
rating_reasons(const RecoListCall *list, const RecoBoard *board)
{
	RecoReason *reason = palloc(sizeof(RecoReason) * Max(list->n, 1));

	for (size_t i = 0; i < list->n; i++)
		reason[i] =
			*reco_reason_board(list->call.model, &list->voice, RECO_WORDING_RATING,
							   psprintf("%.1f", rating_of(board, list->hit[i].item)), &list->hit[i], 1);
	return reason;
}

/* return_board writes the best items of a board. */
static void
return_board(RecoListCall *list, FunctionCallInfo fcinfo, const RecoBoard *board)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool rated = board->kind == RECO_BOARD_RATED;
	RecoEncoderColumn column = {0};
	RecoReason *reason = NULL;
	Jsonb *details;

	if (board->kind == RECO_BOARD_SEGMENT)
		column = reco_encoder_column(list->call.model->user_encoder, (size_t) board->column);
	details = details_of(board, &column);
	list->ask.order = board->item;
	list->ask.n_order = (size_t) board->n;
	list->ask.skip = reco_skip_make(list->call.model);
	reco_list_run(list);
	if (list->with_reason && rated)
		reason = rating_reasons(list, board);
	else if (list->with_reason)
		reason = reco_reason_board(list->call.model, &list->voice, wording_of(board, &column), column.level,
								   list->hit, list->n);
	for (size_t i = 0; i < list->n; i++)
	{
		RecoKey key = reco_model_key(list->call.model, list->hit[i].item);
		bool isnull[LIST_COLUMNS] = {false, false, !rated, false, reason == NULL, false};
		Datum value[LIST_COLUMNS] = {0};

		value[0] = Int32GetDatum((int32) i + 1);
		value[1] = reco_key_to_datum(&key, list->item_type);
		value[2] = Float8GetDatum(rated ? rating_of(board, list->hit[i].item) : 0);
		value[3] = CStringGetTextDatum(source_name(board->kind));
		if (reason != NULL)
			value[4] = CStringGetTextDatum(reason[i].text);
		value[5] = JsonbPGetDatum(details);
		tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
	}
}

static Datum
popular_items(FunctionCallInfo fcinfo, const RecoListPositions *position)
{
	RecoListCall list;
	RecoBoard *board;
	Wish wish;
	int n;
	int found = 0;

	reco_list_begin(&list, fcinfo, position);
	reco_key_require_answer(list.item_type, list.call.definition->item.type,
							"Call popular_items(NULL::%s, ...).");
	list.ask.source = RECO_SOURCE_POPULAR;
	wish = read_wish(list.option);
	if (wish.kind == 0)
	{
		reco_list_run(&list);
		reco_list_return(&list, fcinfo,
						 list.with_reason
							 ? reco_reason_popular(list.call.model, &list.voice, NULL, list.hit, list.n)
							 : NULL);
		return (Datum) 0;
	}
	board = reco_boards_read(list.call.model, &n);
	if (wish.days > 0)
		require_window(&list, board, n, wish.days);
	for (int b = 0; b < n; b++)
		if (fits(list.call.model, &board[b], &wish))
		{
			if (wish.kind == RECO_BOARD_SEGMENT)
				require_visible(&list, &board[b]);
			return_board(&list, fcinfo, &board[b]);
			found++;
		}
	if (found == 0 && wish.kind == RECO_BOARD_SEGMENT)
		raise_no_attribute(&list, &wish);
	reco_call_end(&list.call);
	return (Datum) 0;
}

Datum
reco_popular_items(PG_FUNCTION_ARGS)
{
	return popular_items(fcinfo, &popular_positions);
}

Datum
reco_popular_items_typed(PG_FUNCTION_ARGS)
{
	return popular_items(fcinfo, &popular_typed_positions);
}
