/*
 * folder.c
 *	  The folder of reco's files, and writing to files there without surprises.
 */
#include "postgres.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "store/store.h"

/* The start of the server removes what begins with pgsql_tmp in here. */
const char *const reco_store_folder_path = "base/pgsql_tmp/pgsql_tmp_reco";

/* reco_store_folder gives the folder and makes it when it is missing; a failure shows when a file is made in it. */
const char *
reco_store_folder(void)
{
	if (mkdir(reco_store_folder_path, S_IRWXU) != 0 && errno == ENOENT)
	{
		(void) MakePGDirectory("base/pgsql_tmp");
		(void) mkdir(reco_store_folder_path, S_IRWXU);
	}
	return reco_store_folder_path;
}

/* reco_store_pwrite writes all of a piece at its place; returns 0 or an errno. */
int
reco_store_pwrite(int fd, const void *data, Size bytes, off_t offset)
{
	const char *next = data;

	while (bytes > 0)
	{
		ssize_t written = pwrite(fd, next, bytes, offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? errno : ENOSPC;
		next += written;
		offset += written;
		bytes -= (Size) written;
	}
	return 0;
}

/* write_zeros reserves a piece of a file where the file system cannot do it otherwise. */
static int
write_zeros(int fd, off_t offset, Size bytes)
{
	static const char zeros[65536];
	int error = 0;

	for (Size done = 0; done < bytes && error == 0; done += sizeof(zeros))
		error = reco_store_pwrite(fd, zeros, Min(sizeof(zeros), bytes - done), offset + (off_t) done);
	return error;
}

/* reco_store_reserve reserves space for an empty file, piece by piece; returns 0 or an errno; interruptible. */
int
reco_store_reserve(int fd, Size bytes)
{
	const Size piece = 64 * 1024 * 1024;
	int error = 0;

	for (Size done = 0; done < bytes && error == 0;)
	{
		Size length = Min(piece, bytes - done);

		CHECK_FOR_INTERRUPTS();
		error = posix_fallocate(fd, (off_t) done, (off_t) length);
		if (error == EINTR)
		{
			error = 0;
			continue;
		}
		if (error == EINVAL || error == EOPNOTSUPP)
			error = write_zeros(fd, (off_t) done, length);
		done += length;
	}
	return error;
}

/* reco_store_size_text writes a size as a person would, rounded up: "3.1 GB". */
char *
reco_store_size_text(Size bytes)
{
	static const char *const unit[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
	double value = (double) bytes;
	int i = 0;

	for (; value >= 1024 && i < 5; i++)
		value /= 1024;
	value = ceil(value * 10) / 10;
	return psprintf("%.*f %s", value == floor(value) ? 0 : 1, value, unit[i]);
}
