// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"

/*
 * The stream has one descriptor for its whole life, whose file is replaced: /dev/null, while the file does not exist;
 * the file; the new file of the same name. So the stream is available before the file exists.
 */

struct outfile {
	char *path;
	FILE *stream;
	mode_t mode; /* of a new file */
	bool append;
	bool is_stdout;
	bool exists;    /* the descriptor refers to the file */
	bool truncates; /* the file has content to truncate */
	bool committed;
};

int outfile_failed(const struct outfile *file, int error, struct err *err)
{
	if (file->is_stdout)
		return err_set(err, error, "cannot write to standard output: %s", strerror(error));
	return err_set(err, error, "cannot write to \"%s\": %s", file->path, strerror(error));
}

/*
 * O_CREAT also for a file that exists: with it the kernel applies fs.protected_regular and fs.protected_fifos, which
 * protect against files of other users in a world-writable directory (proc_sys_fs(5)).
 */
static int open_path(const struct outfile *file, int flags)
{
	flags |= O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (file->append ? O_APPEND : 0);
	return open(file->path, flags, file->mode);
}

/* Whether a file can be created there. Return: 0 or an errno. */
static int check_directory(const char *path)
{
	char *directory = xstrdup(path);
	char *slash = strrchr(directory, '/');
	int error = 0;

	if (slash != NULL)
		slash[slash == directory ? 1 : 0] = '\0';
	if (faccessat(AT_FDCWD, slash != NULL ? directory : ".", W_OK | X_OK, AT_EACCESS) != 0)
		error = errno;
	/* A name with a slash at its end is not that of a file. */
	if (error == 0 && slash != NULL && path[slash - directory + 1] == '\0')
		error = EISDIR;
	free(directory);
	return error;
}

/* A chroot(2) may have no /dev. */
static int open_nothing(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	return fd >= 0 ? fd : memfd_create("conntrace", MFD_CLOEXEC);
}

/* Return: a descriptor for the stream, or a negative errno. */
static int open_quietly(struct outfile *file)
{
	struct stat status;
	int error = 0, fd;

	if (stat(file->path, &status) == 0) {
		file->exists = true;
		file->truncates = S_ISREG(status.st_mode) && !file->append;
		fd = open_path(file, 0);
	} else {
		/* A symbolic link to a missing file: it is checked when it is created. */
		if (errno != ENOENT)
			error = errno;
		else if (lstat(file->path, &status) != 0)
			error = check_directory(file->path);
		fd = error == 0 ? open_nothing() : -1;
	}
	return fd >= 0 ? fd : error != 0 ? -error : -errno;
}

int outfile_open(struct outfile **opened, const char *path, bool append, struct err *err)
{
	struct outfile *file = xcalloc(1, sizeof(*file));
	int fd, rc;

	*file = (struct outfile){
		.path = xstrdup(path), .mode = 0666, .append = append, .is_stdout = strcmp(path, "-") == 0};
	if (file->is_stdout) {
		file->committed = true;
		file->stream = stdout;
		*opened = file;
		return 0;
	}
	fd = open_quietly(file);
	if (fd >= 0)
		file->stream = fdopen(fd, "w");
	if (file->stream == NULL) {
		rc = outfile_failed(file, fd < 0 ? -fd : errno, err);
		if (fd >= 0)
			close(fd);
		free(file->path);
		free(file);
		return rc;
	}
	*opened = file;
	return 0;
}

void outfile_make_private(struct outfile *file)
{
	file->mode = 0600;
}

FILE *outfile_stream(const struct outfile *file)
{
	return file->stream;
}

const char *outfile_name(const struct outfile *file)
{
	return file->is_stdout ? "standard output" : file->path;
}

/* Let the stream write to @fd, which is closed. Return: 0 or a negative errno. */
static int replace(const struct outfile *file, int fd)
{
	int rc = fd < 0 || dup3(fd, fileno(file->stream), O_CLOEXEC) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

int outfile_commit(struct outfile *file, struct err *err)
{
	int rc = 0;

	if (file->committed)
		return 0;
	if (!file->exists)
		rc = replace(file, open_path(file, file->append ? 0 : O_TRUNC));
	else if (file->truncates && ftruncate(fileno(file->stream), 0) != 0)
		rc = -errno;
	if (rc != 0)
		return outfile_failed(file, -rc, err);
	file->committed = true;
	return 0;
}

bool outfile_is_to_come(const struct outfile *file)
{
	return !file->committed && !file->exists;
}

bool outfile_is_empty(const struct outfile *file)
{
	struct stat status;

	return fstat(fileno(file->stream), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0;
}

int outfile_reopen(struct outfile *file, struct err *err)
{
	int rc;

	if (file->is_stdout || !file->committed)
		return 0;
	if (fflush(file->stream) != 0)
		return outfile_failed(file, errno, err);
	rc = replace(file, open_path(file, 0));
	if (rc == 0)
		return 0;
	return err_set(err, -rc, "cannot open \"%s\" again: %s; output continues in the file that is open", file->path,
		       strerror(-rc));
}

int outfile_close(struct outfile *file, struct err *err)
{
	int rc = 0;

	if (file == NULL)
		return 0;
	/* The buffer must not be written to an uncommitted file. */
	if (!file->committed)
		(void)replace(file, open_nothing());
	errno = 0;
	if ((file->is_stdout ? fflush(stdout) : fclose(file->stream)) != 0)
		rc = outfile_failed(file, errno != 0 ? errno : EIO, err);
	free(file->path);
	free(file);
	return rc;
}
