// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/strace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"

/* As much as of a log of audit (audit_files.c). */
#define BUFFER_SIZE (1u << 18)

struct strace_file {
	char *path;
	int fd;
	off_t first; /* where it was opened; -1 no regular file */
	bool waits;  /* more has not come yet */
	bool at_end; /* read(2) has reached the end */
	bool is_skipping;
	size_t begin, end;
	char buffer[BUFFER_SIZE];
};

int strace_file_open(struct strace_file **file, const char *path, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
			  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct strace_file *made;
	struct stat status;

	if (fd < 0)
		return err_set(err, errno, ERR_QUOTED " cannot be read: %s; a log of strace -f -ttt -T is expected",
			       path, strerror(errno));
	made = xcalloc(1, sizeof(*made));
	made->path = xstrdup(is_stdin ? "standard input" : path);
	made->fd = fd;
	made->first = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
	*file = made;
	return 0;
}

const char *strace_file_name(const struct strace_file *file)
{
	return file->path;
}

int strace_file_fd(const struct strace_file *file)
{
	return file->waits ? file->fd : -1;
}

bool strace_file_first(struct strace_file *file)
{
	if (file->first < 0 || lseek(file->fd, file->first, SEEK_SET) < 0)
		return false;
	file->begin = file->end = 0;
	file->at_end = file->is_skipping = false;
	return true;
}

/*
 * Standard input may be shared with other programs. It is therefore polled, and not made non-blocking for all of them.
 * Return: 1, 0 when there is nothing now, or a negative errno.
 */
static int fill(struct strace_file *file, struct err *err)
{
	struct pollfd pollfd = {.fd = file->fd, .events = POLLIN};
	ssize_t got;

	memmove(file->buffer, file->buffer + file->begin, file->end - file->begin);
	file->end -= file->begin;
	file->begin = 0;
	file->waits = file->first < 0 && poll(&pollfd, 1, 0) <= 0;
	if (file->waits)
		return 0;
	got = read(file->fd, file->buffer + file->end, BUFFER_SIZE - file->end);
	file->waits = got < 0 && (errno == EINTR || errno == EAGAIN);
	if (got < 0)
		return file->waits ? 0 : err_set(err, errno, "%s cannot be read: %s", file->path, strerror(errno));
	file->end += (size_t)got;
	file->at_end = got == 0;
	return 1;
}

int strace_file_next(struct strace_file *file, struct span *line, struct err *err)
{
	bool is_rest = file->is_skipping;
	const char *newline;

	file->waits = false;
	for (;;) {
		int rc;

		*line = (struct span){(const uint8_t *)file->buffer + file->begin, file->end - file->begin};
		newline = memchr(line->data, '\n', line->length);
		if (newline != NULL || line->length == BUFFER_SIZE || file->at_end)
			break;
		rc = fill(file, err);
		if (rc <= 0)
			return rc;
	}
	if (newline != NULL)
		line->length = (size_t)(newline - (const char *)line->data);
	file->begin += line->length + (newline != NULL);
	file->is_skipping = newline == NULL && !file->at_end;
	if (is_rest)
		return STRACE_FILE_NONE;
	if (file->is_skipping)
		return STRACE_FILE_LONG;
	if (newline != NULL)
		return STRACE_FILE_LINE;
	return line->length > 0 ? STRACE_FILE_CUT : STRACE_FILE_END;
}

void strace_file_close(struct strace_file *file)
{
	close(file->fd);
	free(file->path);
	free(file);
}
