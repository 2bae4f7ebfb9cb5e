/*
 * area.c
 *	  Memory for one refresh, shared with its workers: a file in reco's folder,
 *	  mapped shared.
 *
 * Why a file, not /dev/shm or a DSM segment: a full /dev/shm raises SIGBUS
 * or is 64 MB in a container, and a DSM segment dies with the transaction, while a refresh
 * commits between its stages.  All of the file is reserved before it is mapped, so
 * that a full disk is an error message here and not a SIGBUS later.
 *
 * Why the same address everywhere: kernels keep plain pointers in it.  The
 * leader asks for addresses far from anything a server maps; a worker that
 * finds the address taken leaves, and the others do its work.
 *
 * The file has a name only as long as workers may want to open it, which is as
 * long as the area lives.  The name goes with the memory context the area was made
 * in, or at the exit of the process; what a crash leaves is removed by the
 * start of the server, and what else may be left ("area_<pid>_<n>" of a process that is not
 * there) by the next one who makes an area.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "parallel/area.h"
#include "reco.h"
#include "store/store.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0 /* the address is then a wish, and the answer is compared */
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#define HEAD_BYTES TYPEALIGN(RECO_AREA_ALIGN, sizeof(RecoControl))

/* Room for the rounding of a thousand pieces, so that a caller may add up sizes without thinking of it. */
#define ROUNDING_BYTES (1024 * RECO_AREA_ALIGN)

static dlist_head live_areas = DLIST_STATIC_INIT(live_areas);
static int areas_made = 0;

/* destroy gives everything back; the reset callback of the context an area was made in. */
static void
destroy(void *arg)
{
	RecoArea *area = arg;

	if (area->pool != NULL)
		reco_pool_abandon(area->pool);
	dlist_delete(&area->node);
	(void) unlink(area->path);
	(void) munmap(area->base, area->bytes);
}

/* at_exit removes the files of a process that ends without having reset its contexts, and sends the workers home. */
static void
at_exit(int code, Datum arg)
{
	dlist_iter at;

	dlist_foreach (at, &live_areas)
	{
		RecoArea *area = dlist_container(RecoArea, node, at.cur);

		pg_atomic_write_u32(&reco_area_control(area)->stop, 1);
		(void) unlink(area->path);
	}
}

/* is_live says whether a file belongs to an area of this process. */
static bool
is_live(const char *path)
{
	dlist_iter at;

	dlist_foreach (at, &live_areas)
	{
		if (strcmp(dlist_container(RecoArea, node, at.cur)->path, path) == 0)
			return true;
	}
	return false;
}

/* remove_stale removes the areas of processes that are gone. */
static void
remove_stale(const char *folder)
{
	DIR *dir = AllocateDir(folder);
	struct dirent *entry;

	while ((entry = ReadDirExtended(dir, folder, DEBUG1)) != NULL)
	{
		char path[MAXPGPATH];
		int pid;
		int number;

		if (sscanf(entry->d_name, "area_%d_%d", &pid, &number) != 2)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (pid == MyProcPid ? !is_live(path) : BackendPidGetProc(pid) == NULL)
			(void) unlink(path);
	}
	if (dir != NULL)
		FreeDir(dir);
}

/* check_limits raises, or says, that a lot of memory is asked for. */
static void
check_limits(Size bytes, const char *advice)
{
	if (bytes > (Size) reco_learn_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("learning needs %s of memory, reco.learn_memory is %s", reco_store_size_text(bytes),
						reco_store_size_text((Size) reco_learn_memory * 1024)),
				 errhint("Raise reco.learn_memory, or %s.", advice)));
	/* the one limit that is not the caller's to raise */
	if (temp_file_limit >= 0 && bytes > (Size) temp_file_limit * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("learning needs a temporary file of %s, temp_file_limit is %s",
						reco_store_size_text(bytes), reco_store_size_text((Size) temp_file_limit * 1024)),
				 errhint("Ask a superuser to raise temp_file_limit, or %s.", advice)));
	if (bytes > (Size) maintenance_work_mem * 1024)
		ereport(NOTICE, (errmsg("learning uses %s of memory, more than maintenance_work_mem (%s)",
								reco_store_size_text(bytes),
								reco_store_size_text((Size) maintenance_work_mem * 1024)),
						 errdetail("It is limited by reco.learn_memory (%s).",
								   reco_store_size_text((Size) reco_learn_memory * 1024))));
}

/* refuse raises an I/O error of making an area, having removed its file. */
static void
refuse(const RecoArea *area, int error)
{
	(void) unlink(area->path);
	errno = error;
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		ereport(ERROR,
				(errcode(ERRCODE_DISK_FULL),
				 errmsg("could not reserve %s of learning memory: %m", reco_store_size_text(area->bytes)),
				 errdetail("It is a file in \"%s\".", reco_store_folder_path),
				 errhint("Free space on the disk of the data directory, or %s.", area->advice)));
	ereport(ERROR, (errcode_for_file_access(),
					errmsg("could not make the learning memory in \"%s\": %m", reco_store_folder_path),
					errhint("Check the owner and the permissions of that folder.")));
}

/* make_file makes and reserves the file; gives its descriptor, which ends with the transaction. */
static int
make_file(const RecoArea *area)
{
	volatile int fd =
		OpenTransientFilePerm(area->path, O_RDWR | O_CREAT | O_EXCL | PG_BINARY, S_IRUSR | S_IWUSR);
	volatile int error = fd < 0 ? errno : 0;

	if (fd < 0)
		refuse(area, error);
	PG_TRY();
	{
		error = reco_store_reserve(fd, area->bytes);
	}
	PG_CATCH();
	{
		(void) unlink(area->path);
		CloseTransientFile(fd);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (error != 0)
		refuse(area, error);
	return fd;
}

/* map_shared maps a file at an address that workers probably have free too. */
static char *
map_shared(int fd, Size bytes)
{
	void *base = MAP_FAILED;

#if SIZEOF_VOID_P == 8
	/* 32 TB and up, and 64 GB and up for processors whose addresses have 39 bits */
	for (int i = 0; i < 16 && base == MAP_FAILED; i++)
	{
		uint64 wish = i < 8 ? (UINT64CONST(32) + i) << 40 : (UINT64CONST(64) + 16 * (i - 8)) << 30;

		base = mmap((void *) (uintptr_t) wish, bytes, PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	}
#endif
	if (base == MAP_FAILED)
		base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return base == MAP_FAILED ? NULL : base;
}

/* reco_area_map_at maps an area in a worker. */
char *
reco_area_map_at(const char *path, char *address, Size bytes)
{
	struct stat status;
	int fd = open(path, O_RDWR | PG_BINARY);
	void *base = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && status.st_size == (off_t) bytes)
		base = mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	(void) close(fd);
	if (base != MAP_FAILED && base != (void *) address)
	{
		(void) munmap(base, bytes);
		base = MAP_FAILED;
	}
	return base == MAP_FAILED ? NULL : base;
}

/* reco_area_create reserves and maps memory for a refresh; it ends with the current memory context. */
RecoArea *
reco_area_create(Size bytes, const char *advice)
{
	static bool exit_registered = false;
	const char *folder = reco_store_folder();
	RecoArea *area;
	int fd;

	check_limits(bytes, advice);
	if (!exit_registered)
		on_proc_exit(at_exit, (Datum) 0);
	exit_registered = true;
	remove_stale(folder);

	area = palloc0(sizeof(RecoArea));
	area->advice = advice;
	area->bytes = add_size(bytes, HEAD_BYTES + ROUNDING_BYTES);
	area->used = HEAD_BYTES;
	snprintf(area->path, sizeof(area->path), "%s/area_%d_%d", folder, MyProcPid, ++areas_made);
	fd = make_file(area);
	area->base = map_shared(fd, area->bytes);
	if (area->base == NULL)
		refuse(area, errno);
	CloseTransientFile(fd);
	dlist_push_head(&live_areas, &area->node);
	area->callback.func = destroy;
	area->callback.arg = area;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &area->callback);
	return area;
}

/* reco_area_alloc gives the next piece of an area, not zeroed if it was used before. */
void *
reco_area_alloc(void *area, Size bytes)
{
	RecoArea *from = area;
	char *piece = from->base + from->used;
	Size length = TYPEALIGN(RECO_AREA_ALIGN, bytes);

	if (length < bytes || length > from->bytes - from->used)
		elog(ERROR, "%s of learning memory were asked for, %s of %s are left", reco_store_size_text(bytes),
			 reco_store_size_text(from->bytes - from->used), reco_store_size_text(from->bytes));
	from->used += length;
	return piece;
}

/* reco_area_mark notes how far an area is used. */
Size
reco_area_mark(const RecoArea *area)
{
	return area->used;
}

/* reco_area_release gives back everything allocated since a mark. */
void
reco_area_release(RecoArea *area, Size mark)
{
	Assert(mark >= HEAD_BYTES && mark <= area->used);
	area->used = mark;
}
