/*
 * clear.c
 *	  Keeps the folder of cache files small: whoever builds a file first removes
 *	  those of versions that are gone, and those that have been out of use longest
 *	  when all together would exceed reco.cache_size.
 *
 * Removing a file that somebody uses is harmless (file.c), so no lock is
 * needed, and a wrong guess, such as a version that this snapshot does not see
 * yet, costs one more build.  Only a ".tmp" needs care: it is removed under its
 * lock, as its builder would do it, so that a build under way is left alone.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "reco.h"
#include "store/clear.h"

#define DIGEST_IN_NAME 16 /* bytes */
#define UUID_CHARACTERS 36

typedef struct CacheFile
{
	char *path;
	Size bytes;
	struct timespec used;
} CacheFile;

/* reco_clear_path gives the name of a layout's cache file. */
char *
reco_clear_path(const RecoLayout *layout)
{
	char hex[2 * DIGEST_IN_NAME + 1];

	hex[hex_encode((const char *) layout->digest, DIGEST_IN_NAME, hex)] = '\0';
	return psprintf("%s/%u_%s_%s", reco_store_folder_path, MyDatabaseId,
					DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&layout->version->key))),
					hex);
}

/* uuid_from_text parses the canonical form without raising. */
static bool
uuid_from_text(const char *text, pg_uuid_t *key)
{
	int byte = 0;

	for (int i = 0; i < UUID_CHARACTERS; i++)
	{
		unsigned int value;
		char pair[3] = {text[i], 0, 0};

		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (text[i] != '-')
				return false;
			continue;
		}
		pair[1] = text[++i];
		if (strspn(pair, "0123456789abcdef") != 2 || sscanf(pair, "%x", &value) != 1)
			return false;
		key->data[byte++] = (unsigned char) value;
	}
	return true;
}

/* parse_name splits the name of a cache file, finished or not; false when it is not one. */
static bool
parse_name(const char *name, Oid *database, pg_uuid_t *key, bool *unfinished)
{
	char *end;
	const char *rest;

	if (name[0] < '1' || name[0] > '9')
		return false;
	*database = (Oid) strtoul(name, &end, 10);
	if (*end != '_' || strlen(end) < 1 + UUID_CHARACTERS + 1 + 2 * DIGEST_IN_NAME ||
		!uuid_from_text(end + 1, key))
		return false;
	rest = end + 1 + UUID_CHARACTERS;
	if (*rest != '_' || strspn(rest + 1, "0123456789abcdef") != 2 * DIGEST_IN_NAME)
		return false;
	rest += 1 + 2 * DIGEST_IN_NAME;
	*unfinished = strcmp(rest, RECO_TEMP_SUFFIX) == 0;
	return *rest == '\0' || *unfinished;
}

/* is_gone says whether nothing will ever use a file again. */
static bool
is_gone(Oid database, const pg_uuid_t *key)
{
	if (database == MyDatabaseId)
		return !reco_catalog_version_exists(key);
	return !SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
}

/* reco_clear_leads_to says whether a name leads to an open file. */
bool
reco_clear_leads_to(const char *path, int fd)
{
	struct stat named;
	struct stat opened;

	return lstat(path, &named) == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
		   named.st_ino == opened.st_ino;
}

/* remove_unfinished removes a ".tmp" that nobody is building. */
static void
remove_unfinished(const char *path)
{
	int fd = OpenTransientFile(path, O_RDWR | O_NOFOLLOW | PG_BINARY);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && reco_clear_leads_to(path, fd))
		(void) unlink(path);
	CloseTransientFile(fd);
}

/* remember adds a finished file to the list; nothing when it has vanished. */
static List *
remember(List *files, const char *path)
{
	CacheFile *file;
	struct stat status;

	if (stat(path, &status) != 0)
		return files;
	file = palloc(sizeof(CacheFile));
	file->path = pstrdup(path);
	file->bytes = (Size) status.st_size;
	file->used = status.st_atim;
	return lappend(files, file);
}

/* list_files lists the files of the cache, having removed what is gone. */
static List *
list_files(void)
{
	List *files = NIL;
	List *names = NIL;
	ListCell *cell;
	DIR *dir = AllocateDir(reco_store_folder_path);
	struct dirent *entry;

	/* names first: looking at the tables with a directory open would leave it open on an error in between */
	while ((entry = ReadDirExtended(dir, reco_store_folder_path, DEBUG1)) != NULL)
		names = lappend(names, pstrdup(entry->d_name));
	if (dir != NULL)
		FreeDir(dir);

	foreach (cell, names)
	{
		char *path = psprintf("%s/%s", reco_store_folder_path, (char *) lfirst(cell));
		Oid database;
		pg_uuid_t key;
		bool unfinished;

		if (!parse_name(lfirst(cell), &database, &key, &unfinished))
			continue;
		if (!is_gone(database, &key))
			files = unfinished ? files : remember(files, path);
		else if (unfinished)
			remove_unfinished(path);
		else
			(void) unlink(path);
	}
	return files;
}

/* used_before orders files by their last use. */
static int
used_before(const ListCell *left, const ListCell *right)
{
	const CacheFile *a = lfirst(left);
	const CacheFile *b = lfirst(right);

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	return a->used.tv_nsec < b->used.tv_nsec ? -1 : a->used.tv_nsec > b->used.tv_nsec;
}

/* reco_clear_cache removes files that are gone, and the oldest ones above the limit. */
void
reco_clear_cache(Size coming, const char *keep)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "reco clear", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	List *files = list_files();
	Size total = coming;
	ListCell *cell;

	foreach (cell, files)
		total += ((CacheFile *) lfirst(cell))->bytes;
	list_sort(files, used_before);
	foreach (cell, files)
	{
		CacheFile *file = lfirst(cell);

		if (total <= (Size) reco_cache_size * 1024)
			break;
		if (strcmp(file->path, keep) == 0)
			continue;
		if (unlink(file->path) == 0)
			ereport(DEBUG1,
					(errmsg_internal("removed cache file \"%s\" to keep to reco.cache_size", file->path)));
		total -= file->bytes;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
