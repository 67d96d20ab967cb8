// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "source/audit/audit_journal.h"
#include "source/audit/audit_line.h"
#include "system/file_stream.h"

/* A record has up to 9 KiB (MAX_AUDIT_MESSAGE_LENGTH). */
#define BUFFER_SIZE (1u << 18)

/* The first time is searched in this much of each file: prefixes and other lines may come before. */
#define HEAD_SIZE (1u << 16)

struct audit_file {
	const char *path;
	struct file_stream *stream;
	char *buffer; /* NULL: not begun, or over */
	size_t at, end;
	bool has_begun;
	bool is_over;
	bool is_skipping; /* the rest of a line that is too long */
	bool has_time;
	int64_t first_ms;
	struct err failure;
	int error;
};

struct audit_files {
	struct audit_file *files;
	size_t count, current;
	uint64_t too_long;
};

static int open_one(const char *path, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat status;
	int fd;

	if (is_stdin && isatty(STDIN_FILENO))
		return err_set(err, EINVAL,
			       "\"-\": standard input is a terminal; a log of audit comes from a pipe, as in "
			       "ausearch --raw | conntrace --audit-log=-");
	fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
		      : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, errno,
			       ERR_QUOTED " cannot be read: %s; a log of auditd(8), ausearch(8) or a journal "
					  "is expected",
			       path, strerror(errno));
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		close(fd);
		return err_set(err, EISDIR, ERR_QUOTED " is a directory; a log of audit is expected", path);
	}
	return fd;
}

/* Every record would be counted twice. */
static int check_twice(const char *const *paths, size_t count, const int *fds, struct err *err)
{
	struct stat one, other;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (fstat(fds[i], &one) == 0 && fstat(fds[j], &other) == 0 && one.st_ino == other.st_ino &&
			    one.st_dev == other.st_dev && !S_ISCHR(one.st_mode))
				return err_set(err, EINVAL,
					       ERR_QUOTED " is the same file as " ERR_QUOTED "; read it once", paths[i],
					       paths[j]);
	return 0;
}

int audit_files_open(const char *const *paths, size_t count, int *fds, struct err *err)
{
	size_t opened = 0;
	int rc = 0;

	while (opened < count && rc >= 0) {
		rc = open_one(paths[opened], err);
		if (rc >= 0)
			fds[opened++] = rc;
	}
	if (rc >= 0)
		rc = check_twice(paths, count, fds, err);
	while (rc < 0 && opened > 0)
		close(fds[--opened]);
	return rc < 0 ? rc : 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Editors of other systems begin a text with the mark of its byte order (Unicode 23.8). */
static void take_mark(struct audit_file *file)
{
	if (file->end >= 3 && memcmp(file->buffer, "\xef\xbb\xbf", 3) == 0) {
		file->end -= 3;
		memmove(file->buffer, file->buffer + 3, file->end);
	} else if (file->end >= 3 &&
		   (memcmp(file->buffer, "\xff\xfe", 2) == 0 || memcmp(file->buffer, "\xfe\xff", 2) == 0)) {
		file->error = err_set(&file->failure, EINVAL,
				      "it is text in UTF-16; iconv -f UTF-16 -t UTF-8 makes a log of it");
		file->is_over = true;
		file->end = 0;
	}
}

/* Read more behind what is in the buffer. */
static void fill(struct audit_file *file)
{
	long got;

	memmove(file->buffer, file->buffer + file->at, file->end - file->at);
	file->end -= file->at;
	file->at = 0;
	got = file_stream_read(file->stream, file->buffer + file->end, BUFFER_SIZE - file->end, &file->failure);
	file->is_over = got <= 0;
	file->error = got < 0 ? (int)got : 0;
	if (got > 0)
		file->end += (size_t)got;
	if (!file->has_begun)
		take_mark(file);
	file->has_begun = file->end >= 3;
}

static bool take_line(struct audit_file *file, struct span *line)
{
	const char *begin = file->buffer + file->at;
	const char *newline = file->end > file->at ? memchr(begin, '\n', file->end - file->at) : NULL;

	if (newline == NULL && (!file->is_over || file->end == file->at))
		return false;
	line->data = (const uint8_t *)begin;
	line->length = newline != NULL ? (size_t)(newline - begin) : file->end - file->at;
	file->at += line->length + (newline != NULL);
	return true;
}

/* When a file begins. What is read of it stays in its buffer. */
static void find_begin(struct audit_file *file, bool day_first)
{
	struct text entry = {0};
	size_t searched = 0;

	while (!file->has_time && !file->is_over && file->end < HEAD_SIZE) {
		size_t at;

		fill(file);
		at = searched;
		while (!file->has_time && at < file->end) {
			const char *begin = file->buffer + at, *newline = memchr(begin, '\n', file->end - at);
			struct audit_line line;
			struct span text;

			if (newline == NULL && !file->is_over)
				break;
			text = (struct span){(const uint8_t *)begin,
					     newline != NULL ? (size_t)(newline - begin) : file->end - at};
			audit_line_parse(&line, audit_journal_line(text, &entry), day_first);
			file->has_time = line.seconds > 0;
			file->first_ms = line.seconds * 1000 + line.milliseconds;
			at = newline != NULL ? (size_t)(newline + 1 - file->buffer) : file->end;
		}
		searched = at;
	}
	text_free(&entry);
}

/* A file without a time is empty or no log: its place does not matter. */
static int compare(const void *a, const void *b)
{
	const struct audit_file *one = a, *other = b;

	if (one->has_time != other->has_time)
		return one->has_time ? -1 : 1;
	if (one->first_ms != other->first_ms)
		return one->first_ms < other->first_ms ? -1 : 1;
	return strcmp(one->path, other->path);
}

struct audit_files *audit_files_new(const int *fds, const char *const *paths, size_t count, bool day_first)
{
	struct audit_files *files = xcalloc(1, sizeof(*files));

	files->files = xcalloc(count, sizeof(*files->files));
	files->count = count;
	for (size_t i = 0; i < count; i++) {
		files->files[i].path = strcmp(paths[i], "-") == 0 ? "standard input" : paths[i];
		files->files[i].stream = file_stream_new(fds[i], "--audit-log=-");
		files->files[i].buffer = xmalloc(BUFFER_SIZE);
		if (count > 1)
			find_begin(&files->files[i], day_first);
	}
	if (count > 1)
		qsort(files->files, count, sizeof(*files->files), compare);
	return files;
}

static void end_file(struct audit_file *file)
{
	free(file->buffer);
	file->buffer = NULL;
	file_stream_free(file->stream);
	file->stream = NULL;
}

int audit_files_next(struct audit_files *files, struct span *line, void (*wait)(void *context), void *context,
		     struct err *err)
{
	while (files->current < files->count) {
		struct audit_file *file = &files->files[files->current];
		int error;

		if (take_line(file, line)) {
			bool is_rest = file->is_skipping;

			file->is_skipping = false;
			if (!is_rest)
				return 1;
			continue;
		}
		if (file->end - file->at == BUFFER_SIZE) {
			files->too_long += !file->is_skipping;
			file->is_skipping = true;
			file->at = file->end;
		}
		if (!file->is_over) {
			wait(context);
			fill(file);
			continue;
		}
		error = file->error;
		if (error < 0) {
			*err = file->failure;
			err_wrap(err, ERR_QUOTED, file->path);
		}
		end_file(file);
		files->current++;
		if (error < 0)
			return error;
	}
	return 0;
}

uint64_t audit_files_too_long(const struct audit_files *files)
{
	return files->too_long;
}
