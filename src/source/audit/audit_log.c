// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/xalloc.h"
#include "config.h"
#include "model/event.h"
#include "model/event_text.h"
#include "model/log_lines.h"
#include "source/audit/audit_child.h"
#include "source/audit/audit_files.h"
#include "source/source.h"

/* The side of the main process. What comes through the pipe is checked, because the other process reads hostile bytes.
 */

#define INPUT_SIZE (32 * EVENT_TEXT_SIZE)
/* As many kinds of sentences as it has, and one for each file. */
#define NOTICES_MAX 64

struct audit_log {
	pid_t pid;
	int pipe_fd;
	int kill_fd; /* see confine_leash() */
	bool ended;
	bool said_end;
	bool failed;      /* with a message */
	bool has_pending; /* the queue had no room for it */
	struct event pending;
	char **notices;
	size_t notice_count, notice_at;
	struct log_lines lines;
	bool has_lines;    /* the process counts them at its end */
	size_t begin, end; /* of the unused bytes of the input */
	char input[INPUT_SIZE];
};

/* ---- starting ------------------------------------------------------------------------- */

static int start(struct audit_log *log, struct audit_child_config *child, struct err *err)
{
	int output[2], leash[2];

	if (pipe2(output, O_CLOEXEC) < 0)
		return err_set(err, errno, "audit log process: pipe: %s", strerror(errno));
	log->pipe_fd = output[0];
	if (pipe2(leash, O_CLOEXEC) < 0) {
		int error = errno;

		close(output[1]);
		return err_set(err, error, "audit log process: pipe: %s", strerror(error));
	}
	log->kill_fd = leash[1];
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	child->kill_fd = leash[0];
	child->confine.write_fd = output[1];
	child->confine.parent = getpid();
	log->pid = fork();
	if (log->pid == 0)
		audit_child_run(child);
	if (log->pid < 0)
		err_set(err, errno, "audit log process: fork: %s", strerror(errno));
	else
		confine_leash(leash[0], log->pid);
	close(output[1]);
	close(leash[0]);
	return log->pid < 0 ? -EAGAIN : 0;
}

static void close_log(void *source)
{
	struct audit_log *log = source;

	if (log == NULL)
		return;
	if (log->kill_fd >= 0)
		close(log->kill_fd);
	if (log->pid > 0) {
		kill(log->pid, SIGKILL);
		while (waitpid(log->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (log->pipe_fd >= 0)
		close(log->pipe_fd);
	for (size_t i = 0; i < log->notice_count; i++)
		free(log->notices[i]);
	free(log->notices);
	free(log);
}

bool audit_log_is_built(void)
{
	return true;
}

int audit_log_open(struct audit_log **log, const struct audit_log_config *config, struct err *err)
{
	int *fds = xcalloc(config->count, sizeof(*fds)), rc;
	struct audit_child_config child = {
		.fds = fds, .paths = config->paths, .count = config->count, .confine.name = "audit log process"};
	struct audit_log *made;

	rc = confine_find_user(config->drop_to, &child.confine, err);
	if (rc == 0)
		rc = audit_files_open(config->paths, config->count, fds, err);
	if (rc != 0) {
		free(fds);
		return rc;
	}
	made = xcalloc(1, sizeof(*made));
	made->pipe_fd = made->kill_fd = -1;
	rc = start(made, &child, err);
	for (size_t i = 0; i < config->count; i++)
		close(fds[i]);
	free(fds);
	if (rc == 0)
		*log = made;
	else
		close_log(made);
	return rc;
}

/* ---- reading -------------------------------------------------------------------------- */

static int refuse(struct audit_log *log, struct err *err)
{
	log->ended = true;
	return err_set(err, EPROTO, "the process that reads the audit log sent an invalid event; reading ends here");
}

/* Only what such a log can contain. */
static bool is_plausible(const struct event *event)
{
	if (event->origin != ORIGIN_AUDIT || event->time_ns < 0)
		return false;
	switch (event->type) {
	case EVENT_CALL:
		return (event->call.cookie & EVENT_COOKIE_MADE_UP) || event->call.cookie == 0;
	case EVENT_PROCESS:
		return event->process.pid > 0;
	case EVENT_INFO:
		return event->info.reason == INFO_EXISTING && event->info.cookie == 0;
	default:
		return false;
	}
}

static void keep_notice(struct audit_log *log, const char *text)
{
	struct err err;

	if (log->notice_count == NOTICES_MAX)
		return;
	/* It may have any bytes. */
	err_set(&err, 0, "%s", text);
	log->notices = array_extend(log->notices, log->notice_count, sizeof(*log->notices));
	log->notices[log->notice_count++] = xstrdup(err.text);
}

static bool take_lines(struct log_lines *lines, const char *numbers)
{
	uint64_t *to = &lines->read;
	char *end;

	for (size_t i = 0; i <= LOG_LEFT_NUM; i++) {
		if (numbers[0] != ' ' || numbers[1] < '0' || numbers[1] > '9')
			return false;
		*to = strtoull(numbers, &end, 10);
		to = &lines->left[i];
		numbers = end;
	}
	return numbers[0] == '\0';
}

/* Return: 1 with an event in @log->pending, 0 for another line, or a negative errno. */
static int take_line(struct audit_log *log, const char *line, struct err *err)
{
	if (strncmp(line, AUDIT_CHILD_NOTICE, strlen(AUDIT_CHILD_NOTICE)) == 0) {
		keep_notice(log, line + strlen(AUDIT_CHILD_NOTICE));
		return 0;
	}
	if (strncmp(line, AUDIT_CHILD_FAILURE, strlen(AUDIT_CHILD_FAILURE)) == 0)
		return err_set(err, EINVAL, "%s", line + strlen(AUDIT_CHILD_FAILURE));
	if (strncmp(line, AUDIT_CHILD_LINES, strlen(AUDIT_CHILD_LINES)) == 0) {
		log->has_lines = take_lines(&log->lines, line + strlen(AUDIT_CHILD_LINES));
		return log->has_lines ? 0 : refuse(log, err);
	}
	if (strcmp(line, AUDIT_CHILD_END) == 0) {
		log->said_end = true;
		return 0;
	}
	if (event_from_text(line, &log->pending, err) < 0 || !is_plausible(&log->pending))
		return refuse(log, err);
	log->has_pending = true;
	return 1;
}

/* It has closed the pipe. */
static int finish(struct audit_log *log, struct err *err)
{
	int status = 0;

	log->ended = true;
	if (log->said_end && log->begin == log->end)
		return SOURCE_END;
	while (waitpid(log->pid, &status, 0) < 0 && errno == EINTR)
		;
	log->pid = 0;
	if (log->failed)
		return SOURCE_END;
	if (WIFSIGNALED(status))
		return err_set(err, EPIPE, "the process that reads the audit log was killed by signal %d%s",
			       WTERMSIG(status),
			       WTERMSIG(status) == SIGSYS ? " (a system call that its filter forbids)" : "");
	return err_set(err, EPIPE, "the process that reads the audit log ended early");
}

/* Return: more than 0 when something was read, 0 when nothing is there now, or as finish(). */
static int fill(struct audit_log *log, struct err *err)
{
	ssize_t got;

	memmove(log->input, log->input + log->begin, log->end - log->begin);
	log->end -= log->begin;
	log->begin = 0;
	if (log->end == INPUT_SIZE)
		return refuse(log, err);
	got = read(log->pipe_fd, log->input + log->end, INPUT_SIZE - log->end);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : err_set(err, errno, "audit log: %s", strerror(errno));
	log->end += (size_t)got;
	return got > 0 ? 1 : finish(log, err);
}

/* Received events are taken first, so that little of a long log is in memory. */
static int read_events(void *source, struct queue *events, struct err *err)
{
	struct audit_log *log = source;
	int count = 0, got;

	if (log->ended)
		return SOURCE_END;
	if (queue_peek(events) != NULL)
		return 0;
	got = fill(log, err);
	if (got <= 0 && !log->has_pending)
		return got;
	for (;;) {
		char *line = log->input + log->begin, *newline;

		if (log->has_pending && !queue_push(events, &log->pending))
			return count;
		count += log->has_pending;
		log->has_pending = false;
		newline = memchr(line, '\n', log->end - log->begin);
		if (newline == NULL)
			return count;
		*newline = '\0';
		log->begin = (size_t)(newline + 1 - log->input);
		got = strlen(line) == (size_t)(newline - line) ? take_line(log, line, err) : refuse(log, err);
		log->failed |= got < 0;
		if (got < 0)
			return got;
	}
}

static int readable_fd(const void *source)
{
	const struct audit_log *log = source;

	return log->ended ? -1 : log->pipe_fd;
}

static const char *notice(void *source)
{
	struct audit_log *log = source;

	return log->notice_at < log->notice_count ? log->notices[log->notice_at++] : NULL;
}

static const struct log_lines *lines_read(const void *source)
{
	const struct audit_log *log = source;

	return log->has_lines ? &log->lines : NULL;
}

const struct source_ops audit_log_source = {
	.name = "audit-log",
	.role = SOURCE_INPUT,
	.on_failure = SOURCE_GOES_ON,
	.fd = readable_fd,
	.read = read_events,
	.notice = notice,
	.lines = lines_read,
	.close = close_log,
};
