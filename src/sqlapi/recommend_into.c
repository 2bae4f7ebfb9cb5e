#include "postgres.h"
#include "fmgr.h"
PG_FUNCTION_INFO_V1(reco_recommend_into);
Datum reco_recommend_into(PG_FUNCTION_ARGS) { PG_RETURN_VOID(); }
