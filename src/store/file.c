/*
 * file.c
 *	  The files of the mapped cache.
 *
 * A version that serves is one file, mapped read-only by every backend:
 *
 *	  base/pgsql_tmp/pgsql_tmp_reco/<database>_<version key>_<digest>
 *
 * with the layout of layout.h.  The start of the server removes the folder, and
 * anybody may remove a file or the folder at any time: a mapping outlives its
 * name, and the next one who needs the file builds it from the tables again.
 * Nothing here is ever the only copy, so nothing is synced to disk.
 *
 * Invariants:
 *
 *	- A file under its final name is whole.  It is written under the name with
 *	  ".tmp" and renamed when everything is in it.
 *
 *	- Nothing writes to a file under its final name, and nothing shortens one, so a
 *	  mapping never faults.  Space is reserved first and data go in by
 *	  pwrite: a store through a map on a full disk would be a SIGBUS.
 *
 *	- Who writes to "<name>.tmp" holds flock() on it *and* has seen, after
 *	  getting the lock, that the name still leads to the locked file.  The second
 *	  half matters: a builder that finishes renames the file away, and
 *	  those who waited for its lock then hold a lock on the finished file.
 *	  A builder that dies loses its lock, and the next one goes on with the file.
 *
 *	- The name, and the head inside, carry a digest of the content, so a file of
 *	  another version or of a restored copy with other content is never taken.
 *
 * What an opener checks, once: owner, size, head (by comparing bytes), and the
 * file's modification time, which the builder sets, when all is written, to a
 * moment of the past that follows from the digest.  Any later write, however small and
 * by whomever, moves it, so a file that was altered is seen without reading
 * all of it.  The time of last access is set by hand when a session opens a file, so
 * that clearing knows which file has been out of use longest on file systems
 * that do not keep it.
 *
 * The digest of each chunk is checked by the builder while it writes, by openers not.
 */
#include "postgres.h"

#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "catalog/catalog.h"
#include "store/clear.h"
#include "store/file.h"
#include "store/store.h"

/* What a builder has to undo when it does not get to the end. */
typedef struct Build
{
	int fd;
	const char *path;
	const char *temp;
	bool renamed;
	char *base;
	int error;
} Build;

/* mark_of gives the modification time of a whole file: an even second between 1980 and 2012, from the digest. */
static time_t
mark_of(const RecoLayout *layout)
{
	uint32 number;

	memcpy(&number, layout->digest, sizeof(number));
	return (time_t) 315532800 + 2 * (time_t) (number % 500000000);
}

/* looks_right says whether an open file is a whole image of the layout. */
static bool
looks_right(int fd, const RecoLayout *layout)
{
	struct stat status;
	char *head = palloc(layout->head_bytes);
	bool right = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
				 status.st_size == (off_t) layout->bytes && status.st_mtime == mark_of(layout) &&
				 pread(fd, head, layout->head_bytes, 0) == (ssize_t) layout->head_bytes &&
				 memcmp(head, layout->head, layout->head_bytes) == 0;

	pfree(head);
	return right;
}

/* map_open maps an open file that looks right; NULL with *error otherwise. */
static char *
map_open(int fd, const RecoLayout *layout, int *error)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
	void *base;

	*error = EINVAL;
	if (!looks_right(fd, layout))
		return NULL;
	(void) futimens(fd, times);
	base = mmap(NULL, layout->bytes, PROT_READ, MAP_SHARED, fd, 0);
	*error = base == MAP_FAILED ? errno : 0;
	return base == MAP_FAILED ? NULL : base;
}

/* open_path opens a cache file to read; without waiting, should the name lead to a pipe. */
static int
open_path(const char *path)
{
	return OpenTransientFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
}

int
reco_file_open(const RecoLayout *layout, bool *right)
{
	char *path = reco_clear_path(layout);
	int fd = open_path(path);

	*right = fd >= 0 && looks_right(fd, layout);
	pfree(path);
	return fd;
}

/* map_path maps a cache file by name. */
static char *
map_path(const char *path, const RecoLayout *layout, int *error)
{
	int fd = open_path(path);
	char *base;

	*error = errno;
	if (fd < 0)
		return NULL;
	base = map_open(fd, layout, error);
	CloseTransientFile(fd);
	return base;
}

/* lock waits for the lock on an open file; returns 0 or an errno.  A cancel ends the wait. */
static int
lock(int fd)
{
	while (flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		if (errno != EWOULDBLOCK && errno != EINTR)
			return errno;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return 0;
}

/* open_locked opens and locks the temporary file; returns -1 with *error when that is impossible. */
static int
open_locked(const char *temp, int *error)
{
	for (int folder_tries = 0;;)
	{
		int fd = OpenTransientFilePerm(temp, O_RDWR | O_CREAT | O_NOFOLLOW | PG_BINARY, S_IRUSR | S_IWUSR);

		*error = fd < 0 ? errno : 0;
		if (fd < 0 && *error == ENOENT && folder_tries++ < 3)
		{
			(void) reco_store_folder();
			continue;
		}
		if (fd < 0)
			return -1;
		*error = lock(fd);
		if (*error == 0 && reco_clear_leads_to(temp, fd))
			return fd;
		CloseTransientFile(fd);
		if (*error != 0)
			return -1;
	}
}

/* sink_to_file is the sink that writes chunks to their places in the file. */
static int
sink_to_file(void *state, uint64 offset, const void *data, Size bytes)
{
	return reco_store_pwrite(*(int *) state, data, bytes, (off_t) offset);
}

/* fill writes the whole image into an empty file, and then its mark. */
static int
fill(int fd, const RecoLayout *layout)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = mark_of(layout)}};
	int error = ftruncate(fd, 0) == 0 ? 0 : errno;

	if (error == 0)
		error = reco_store_reserve(fd, layout->bytes);
	if (error == 0)
		error = reco_store_pwrite(fd, layout->head, layout->head_bytes, 0);
	if (error == 0)
		error = reco_layout_read(layout, sink_to_file, &fd);
	if (error == 0 && futimens(fd, times) != 0)
		error = errno;
	return error;
}

/* end_build closes what a build has open and removes its temporary file unless that has got its final name. */
static void
end_build(int code, Datum arg)
{
	Build *build = (Build *) DatumGetPointer(arg);

	if (!build->renamed && reco_clear_leads_to(build->temp, build->fd))
		(void) unlink(build->temp);
	/* not by the close alone: a mapping keeps what was opened, and its lock, alive */
	(void) flock(build->fd, LOCK_UN);
	CloseTransientFile(build->fd);
}

/* build_locked looks again for a file, now that the lock is held, and else makes it. */
static void
build_locked(Build *build, const RecoLayout *layout)
{
	build->base = map_path(build->path, layout, &build->error);
	if (build->base != NULL)
		return;
	reco_clear_cache(layout->bytes, build->path);
	build->error = fill(build->fd, layout);
	if (build->error != 0)
		return;
	/* without a name, when somebody has removed the folder meanwhile, the file still serves this session */
	build->renamed = rename(build->temp, build->path) == 0;
	build->base = map_open(build->fd, layout, &build->error);
}

/*
 * give_back hands freed memory back to the kernel.  A build reads a megabyte at a time, and glibc's malloc would keep
 * what held it for as long as the session lives (mallopt(3), M_TRIM_THRESHOLD).
 */
static void
give_back(void)
{
#ifdef __GLIBC__
	(void) malloc_trim(0);
#endif
}

/* reco_file_map maps the cache file of a layout, building it when there is none that is right. */
char *
reco_file_map(const RecoLayout *layout, int *error)
{
	char *path = reco_clear_path(layout);
	char *temp = psprintf("%s" RECO_TEMP_SUFFIX, path);
	Build build = {.path = path, .temp = temp};

	build.base = map_path(path, layout, error);
	if (build.base == NULL)
	{
		reco_catalog_hold_chunks();
		build.fd = open_locked(temp, error);
		if (build.fd < 0)
			return NULL;
		PG_ENSURE_ERROR_CLEANUP(end_build, PointerGetDatum(&build));
		{
			build_locked(&build, layout);
		}
		PG_END_ENSURE_ERROR_CLEANUP(end_build, PointerGetDatum(&build));
		end_build(0, PointerGetDatum(&build));
		give_back();
		*error = build.error;
	}
	pfree(temp);
	pfree(path);
	return build.base;
}
