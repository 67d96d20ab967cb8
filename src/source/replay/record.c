// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "model/event_text.h"

struct record_file {
	char *path;
	FILE *file;
	int error; /* the first failure, a negative errno */
};

static int failed(const struct record_file *record, struct err *err)
{
	return err_set(err, record->error, "events cannot be recorded in \"%s\": %s", record->path,
		       strerror(-record->error));
}

/* stdio remembers that writing failed, but not why: errno is kept at once. */
static void put_line(struct record_file *record, const char *line)
{
	errno = 0;
	if (fputs(line, record->file) == EOF || putc('\n', record->file) == EOF)
		record->error = errno != 0 ? -errno : -EIO;
}

int record_open(struct record_file **record, const char *path, struct err *err)
{
	struct record_file *made = xcalloc(1, sizeof(*made));
	int fd, ret;

	made->path = xstrdup(strcmp(path, "-") == 0 ? "standard output" : path);
	if (strcmp(path, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	else
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd >= 0)
		made->file = fdopen(fd, "w");
	if (made->file == NULL) {
		made->error = -errno;
		if (fd >= 0)
			close(fd);
		ret = failed(made, err);
		free(made->path);
		free(made);
		return ret;
	}
	put_line(made, EVENT_TEXT_HEADER);
	*record = made;
	return 0;
}

int record_event(struct record_file *record, const struct event *event, struct err *err)
{
	char line[EVENT_TEXT_SIZE];
	int ret = event_to_text(event, line, sizeof(line));

	if (ret < 0)
		return err_set(err, ret, "an event of type %u has a value that cannot be recorded", event->type);
	if (record->error == 0)
		put_line(record, line);
	return record->error != 0 ? failed(record, err) : 0;
}

int record_close(struct record_file *record, struct err *err)
{
	int ret = 0;

	if (record == NULL)
		return 0;
	errno = 0;
	if (fclose(record->file) != 0 && record->error == 0)
		record->error = errno != 0 ? -errno : -EIO;
	if (record->error != 0)
		ret = failed(record, err);
	free(record->path);
	free(record);
	return ret;
}
