/*
 * blas.c
 *	  Loads the second library when something is about to be learned.
 */
#include "postgres.h"

#include "fmgr.h"

#include "model/blas.h"

const RecoBlas *
reco_blas(void)
{
	static const RecoBlas *blas = NULL;

	if (blas == NULL)
	{
		typedef const RecoBlas *(*Api)(void);
		Api api = (Api) load_external_function("$libdir/reco_blas", "reco_blas_api", true, NULL);
		const RecoBlas *loaded = api();

		if (loaded->set_one_thread())
			ereport(WARNING, (errmsg("a multi-threaded BLAS was already loaded in this process"),
							  errdetail("reco has set it to one thread."),
							  errhint("Another extension loaded it; a session of its own avoids this.")));
		blas = loaded;
	}
	return blas;
}
