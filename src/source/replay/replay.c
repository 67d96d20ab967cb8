// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "model/event_fields.h"
#include "model/event_text.h"
#include "source/source.h"

/* A buffer holds whole lines and the beginning of the next; it always has room for the longest line. */
#define BUFFER_SIZE (32 * EVENT_TEXT_SIZE)

struct replay {
	char *path;
	int fd;
	bool is_regular;
	bool at_end; /* read(2) has reached the end */
	bool failed;
	bool header_seen;
	bool has_pending; /* the queue had no room for it */
	struct event pending;
	unsigned long line_number;
	size_t begin; /* of the unused bytes */
	size_t end;
	char buffer[BUFFER_SIZE];
};

/* A descriptor and its type, or a negative errno. */
static int open_file(const char *path, struct stat *status)
{
	int fd, error = 0;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, status) < 0)
		error = errno;
	else if (S_ISDIR(status->st_mode))
		error = EISDIR;
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}

int replay_open(struct replay **replay, const struct replay_config *config, struct err *err)
{
	struct stat status;
	int fd = open_file(config->path, &status);
	struct replay *made;

	if (fd < 0)
		return err_set(err, fd, "\"%s\" cannot be read: %s; a file that --record wrote is expected",
			       config->path, strerror(-fd));
	made = xcalloc(1, sizeof(*made));
	made->path = xstrdup(strcmp(config->path, "-") == 0 ? "standard input" : config->path);
	made->fd = fd;
	made->is_regular = S_ISREG(status.st_mode);
	*replay = made;
	return 0;
}

int replay_fd(const struct replay *replay)
{
	return replay->is_regular ? -1 : replay->fd;
}

int64_t replay_offset(const struct replay *replay, int64_t *size)
{
	struct stat status;

	if (!replay->is_regular || fstat(replay->fd, &status) != 0)
		return -1;
	*size = status.st_size;
	return (int64_t)lseek(replay->fd, 0, SEEK_CUR);
}

void replay_close(struct replay *replay)
{
	if (replay == NULL)
		return;
	close(replay->fd);
	free(replay->path);
	free(replay);
}

/*
 * Never blocks: standard input may be shared with other programs. It is therefore polled first, and not made
 * non-blocking for all of them.
 */
static int fill(struct replay *replay, struct err *err)
{
	struct pollfd pollfd = {.fd = replay->fd, .events = POLLIN};
	ssize_t count;

	if (replay->begin > 0) {
		memmove(replay->buffer, replay->buffer + replay->begin, replay->end - replay->begin);
		replay->end -= replay->begin;
		replay->begin = 0;
	}
	if (replay->at_end || replay->end == sizeof(replay->buffer))
		return 0;
	if (!replay->is_regular && poll(&pollfd, 1, 0) <= 0)
		return 0;
	count = read(replay->fd, replay->buffer + replay->end, sizeof(replay->buffer) - replay->end);
	if (count < 0) {
		int error = errno;

		if (error == EINTR || error == EAGAIN)
			return 0;
		replay->failed = true;
		return err_set(err, error, "%s cannot be read: %s", replay->path, strerror(error));
	}
	replay->end += (size_t)count;
	replay->at_end = count == 0;
	return 0;
}

static int fail_line(struct replay *replay, struct err *err)
{
	replay->failed = true;
	err_wrap(err, "%s:%lu", replay->path, replay->line_number);
	return -EINVAL;
}

/* The next whole line without its end, NULL when there is none in the buffer. */
static char *next_line(struct replay *replay)
{
	char *line = replay->buffer + replay->begin;
	char *newline = memchr(line, '\n', replay->end - replay->begin);

	if (newline == NULL)
		return NULL;
	*newline = '\0';
	replay->begin = (size_t)(newline + 1 - replay->buffer);
	replay->line_number++;
	return line;
}

/* Larger than any byte counter; sums of a few smaller ones fit in 64 bits. */
#define COUNTER_MOST (INT64_C(1) << 60)

static int check_counters(const struct event *event, struct err *err)
{
	for (const struct event_field *field = event_fields_body(event->type); field->key != NULL; field++) {
		int64_t value = field->form == FORM_SIGNED ? (int64_t)event_fields_load(event, field) : 0;

		if (value > COUNTER_MOST || value < -COUNTER_MOST)
			return err_set(err, EINVAL, "\"%s=%" PRId64 "\" is more than any counter tells", field->key,
				       value);
	}
	return 0;
}

static int read_header(struct replay *replay, const char *line, struct err *err)
{
	const size_t name = strlen(EVENT_TEXT_NAME);

	if (strcmp(line, EVENT_TEXT_HEADER) == 0) {
		replay->header_seen = true;
		return 0;
	}
	if (strncmp(line, EVENT_TEXT_NAME, name) == 0 && line[name] != '\0' &&
	    line[name + strspn(line + name, "0123456789")] == '\0')
		err_set(err, EINVAL,
			"the file has format %s of recordings; this version reads format " EVENT_TEXT_FORMAT,
			line + name);
	else
		err_set(err, EINVAL,
			"the file does not begin with \"" EVENT_TEXT_HEADER "\", as what --record writes does");
	return fail_line(replay, err);
}

/* Return: 1 with the event in @replay->pending, 0 when the line is none, or a negative errno. */
static int read_line(struct replay *replay, const char *line, struct err *err)
{
	size_t length = strlen(line);

	if (line + length + 1 != replay->buffer + replay->begin) {
		err_set(err, EINVAL, "the line has a NUL byte, so it is no text");
		return fail_line(replay, err);
	}
	if (!replay->header_seen)
		return read_header(replay, line, err);
	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (event_from_text(line, &replay->pending, err) < 0 || check_counters(&replay->pending, err) < 0)
		return fail_line(replay, err);
	replay->has_pending = true;
	return 1;
}

/* Handles the rest of a file that has ended without another whole line. */
static int finish(struct replay *replay, struct err *err)
{
	replay->failed = true;
	if (replay->end > replay->begin) {
		replay->line_number++;
		err_set(err, EINVAL, "the file was cut off inside this line, which is left out");
		return fail_line(replay, err);
	}
	if (!replay->header_seen) {
		replay->line_number++;
		err_set(err, EINVAL, "the file is empty; only what --record wrote can be replayed");
		return fail_line(replay, err);
	}
	return SOURCE_END;
}

int replay_read(struct replay *replay, struct queue *events, struct err *err)
{
	int ret, count = 0;

	if (replay->failed)
		return SOURCE_END;
	ret = replay->has_pending ? 1 : fill(replay, err);
	while (ret >= 0) {
		char *line;

		if (replay->has_pending) {
			if (!queue_push(events, &replay->pending))
				return count;
			replay->has_pending = false;
			count++;
		}
		line = next_line(replay);
		if (line == NULL)
			break;
		ret = read_line(replay, line, err);
	}
	/* The events of the lines before a wrong one are in the queue already. */
	if (ret < 0)
		return ret;
	if (count == 0 && replay->at_end)
		return finish(replay, err);
	if (count == 0 && replay->end == sizeof(replay->buffer) && replay->begin == 0) {
		replay->line_number++;
		err_set(err, EINVAL, "the line is too long for an event");
		return fail_line(replay, err);
	}
	return count;
}
