/*
 * progress.c
 *	  What a long command is doing, for other sessions to see.
 *
 * A refresh commits between its stages and holds no snapshot, so it cannot
 * show its progress in a table without writing rows all the time.  It writes one
 * small file instead, "progress_<database>_<pid>" in reco's folder: always the whole
 * record, in place, with a checksum.  A reader that meets a half-written record
 * sees it by the checksum and reads again.
 *
 * All of it is best effort: no trouble with a file is ever an error of the
 * command that reports.  The file goes with the memory context the reporting began
 * in, at the exit of the process, or, after a crash, by the next reader who finds that the
 * process is not there.
 */
#include "postgres.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "parallel/progress.h"
#include "store/store.h"

#define RECORD_MAGIC 0x52435052 /* changes with RecoProgress */
#define WRITE_EVERY_MS 100
#define READ_TRIES 5

typedef struct Record
{
	uint32 magic;
	uint32 bytes; /* of the record */
	RecoProgress progress;
	pg_crc32c checksum; /* of all before */
} Record;

/* The command that reports now; one a process. */
static Record current;
static char current_path[MAXPGPATH];
static bool active = false;
static uint32 generation =
	0; /* of the reporting: a reset callback of an earlier one must not end a later one */
static TimestampTz written_at;

/* checksum_of gives the checksum a record must have. */
static pg_crc32c
checksum_of(const Record *record)
{
	pg_crc32c checksum;

	INIT_CRC32C(checksum);
	COMP_CRC32C(checksum, record, offsetof(Record, checksum));
	FIN_CRC32C(checksum);
	return checksum;
}

/* write_record puts the current record into its file; what goes wrong is nobody's business. */
static void
write_record(void)
{
	int fd = open(current_path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | PG_BINARY, S_IRUSR | S_IWUSR);

	written_at = GetCurrentTimestamp();
	if (fd < 0)
		return;
	current.checksum = checksum_of(&current);
	(void) reco_store_pwrite(fd, &current, sizeof(current), 0);
	(void) close(fd);
}

/* reco_progress_end ends the reporting. */
void
reco_progress_end(void)
{
	if (active)
		(void) unlink(current_path);
	active = false;
}

/* end_generation is the reset callback of the context that a reporting began in. */
static void
end_generation(void *arg)
{
	if (*(uint32 *) arg == generation)
		reco_progress_end();
}

/* at_exit ends the reporting of a process that leaves without having reset its contexts. */
static void
at_exit(int code, Datum arg)
{
	reco_progress_end();
}

/* register_end sees to it that the reporting ends with the current memory context, or the process. */
static void
register_end(void)
{
	static bool exit_registered = false;
	MemoryContextCallback *callback = palloc(sizeof(MemoryContextCallback));
	uint32 *of = palloc(sizeof(uint32));

	if (!exit_registered)
		on_proc_exit(at_exit, (Datum) 0);
	exit_registered = true;
	*of = generation;
	callback->func = end_generation;
	callback->arg = of;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

/* reco_progress_begin starts reporting; one that goes on in this process ends. */
void
reco_progress_begin(const pg_uuid_t *recommender, const char *command)
{
	RecoProgress *progress = &current.progress;

	reco_progress_end();
	generation++;
	register_end();

	memset(&current, 0, sizeof(current));
	current.magic = RECORD_MAGIC;
	current.bytes = sizeof(current);
	progress->recommender = *recommender;
	progress->database = MyDatabaseId;
	progress->pid = MyProcPid;
	strlcpy(progress->command, command, sizeof(progress->command));
	strlcpy(progress->phase, "starting", sizeof(progress->phase));
	progress->loss = NAN;
	progress->started_at = progress->phase_started_at = GetCurrentTimestamp();
	snprintf(current_path, sizeof(current_path), "%s/progress_%u_%d", reco_store_folder(), MyDatabaseId,
			 MyProcPid);
	(void) unlink(current_path);
	active = true;
	write_record();
}

/* reco_progress_phase enters a phase. */
void
reco_progress_phase(const char *phase, int64 total)
{
	if (!active)
		return;
	strlcpy(current.progress.phase, phase, sizeof(current.progress.phase));
	current.progress.done = 0;
	current.progress.total = total;
	current.progress.phase_started_at = GetCurrentTimestamp();
	write_record();
}

/* reco_progress_step reports what is done; writes now and then, and at the end of a phase. */
void
reco_progress_step(int64 done, double loss)
{
	bool last = done == current.progress.total && done != current.progress.done;

	if (!active)
		return;
	current.progress.done = done;
	current.progress.loss = loss;
	if (last || TimestampDifferenceExceeds(written_at, GetCurrentTimestamp(), WRITE_EVERY_MS))
		write_record();
}

/* read_record reads a whole record; false when there is none. */
static bool
read_record(const char *path, Record *record)
{
	bool good = false;

	for (int i = 0; i < READ_TRIES && !good; i++)
	{
		int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);

		if (fd < 0)
			return false;
		if (i > 0)
			pg_usleep(1000L);
		good = pread(fd, record, sizeof(*record), 0) == sizeof(*record) && record->magic == RECORD_MAGIC &&
			   record->bytes == sizeof(*record) && record->checksum == checksum_of(record);
		(void) close(fd);
	}
	record->progress.command[sizeof(record->progress.command) - 1] = '\0';
	record->progress.phase[sizeof(record->progress.phase) - 1] = '\0';
	return good;
}

/* reco_progress_list reads what runs now in this database. */
RecoProgress *
reco_progress_list(int *n)
{
	DIR *dir = AllocateDir(reco_store_folder_path);
	struct dirent *entry;
	int room = 8;
	RecoProgress *list = palloc(room * sizeof(RecoProgress));

	*n = 0;
	while ((entry = ReadDirExtended(dir, reco_store_folder_path, DEBUG1)) != NULL)
	{
		char path[MAXPGPATH];
		Oid database;
		int pid;
		Record record;

		if (sscanf(entry->d_name, "progress_%u_%d", &database, &pid) != 2)
			continue;
		snprintf(path, sizeof(path), "%s/%s", reco_store_folder_path, entry->d_name);
		if (BackendPidGetProc(pid) == NULL)
			(void) unlink(path);
		else if (database == MyDatabaseId && read_record(path, &record) && record.progress.pid == pid)
		{
			if (*n == room)
				list = repalloc(list, (room *= 2) * sizeof(RecoProgress));
			list[(*n)++] = record.progress;
		}
	}
	if (dir != NULL)
		FreeDir(dir);
	return list;
}

/* reco_progress_seconds_left estimates the rest of the phase from its pace so far; NaN when it cannot. */
double
reco_progress_seconds_left(const RecoProgress *progress)
{
	double passed = (double) (GetCurrentTimestamp() - progress->phase_started_at) / USECS_PER_SEC;

	if (progress->total <= 0 || progress->done <= 0 || progress->done > progress->total || passed < 0)
		return NAN;
	return passed / (double) progress->done * (double) (progress->total - progress->done);
}
