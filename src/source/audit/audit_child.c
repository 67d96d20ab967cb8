// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_child.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/xalloc.h"
#include "model/event_text.h"
#include "source/audit/audit_calls.h"
#include "source/audit/audit_feed.h"
#include "source/audit/audit_files.h"

/* The pipe takes this much at a time; the reader needs not be woken for each event. */
#define OUTPUT_SIZE (1u << 16)

struct audit_child {
	int fd;
	size_t used;
	char output[OUTPUT_SIZE];
};

static void flush(void *context)
{
	struct audit_child *child = context;
	size_t done = 0;

	while (done < child->used) {
		ssize_t got = write(child->fd, child->output + done, child->used - done);

		if (got < 0 && errno != EINTR)
			_exit(1); /* the reader is gone */
		done += got > 0 ? (size_t)got : 0;
	}
	child->used = 0;
}

static void write_line(struct audit_child *child, const char *line, size_t length)
{
	if (child->used + length + 1 > OUTPUT_SIZE)
		flush(child);
	memcpy(child->output + child->used, line, length);
	child->used += length;
	child->output[child->used++] = '\n';
}

static void write_event(void *context, const struct event *event)
{
	char text[EVENT_TEXT_SIZE];
	int length = event_to_text(event, text, sizeof(text));

	if (length > 0)
		write_line(context, text, (size_t)length);
}

static void say(struct audit_child *child, const char *kind, const struct err *err)
{
	char *line = xasprintf("%s%s", kind, err->text);

	write_line(child, line, strlen(line));
	free(line);
}

static void give_up(struct audit_child *child, const struct err *err)
{
	say(child, AUDIT_CHILD_FAILURE, err);
	flush(child);
	_exit(1);
}

/* ---- what is said at the end ---------------------------------------------------------- */

static void say_count(struct audit_child *child, uint64_t count, const char *format)
{
	struct err err;

	if (count == 0)
		return;
	err_set(&err, 0, "%" PRIu64 " %s", count, format);
	say(child, AUDIT_CHILD_NOTICE, &err);
}

static void say_all(struct audit_child *child, const struct audit_feed_stats *feed,
		    const struct audit_calls_stats *calls, uint64_t too_long)
{
	struct err err;

	say_count(child, calls->unsure,
		  "connect(2) calls of the audit log are counted as TCP, though it does not say whether their sockets "
		  "are: let audit log socket(2) too");
	say_count(child, calls->addressless,
		  "calls of the audit log are left out: their events have no address (SOCKADDR record)");
	say_count(child, calls->forgotten,
		  "connections of the audit log have no known end, because too many descriptors were open");
	say_count(child, feed->lines.left[LOG_LEFT_DAMAGED],
		  "records of the audit log are left out: they were cut or are damaged");
	say_count(child, feed->lines.left[LOG_LEFT_NUMBERLESS],
		  "records are left out: without the number of their event they cannot be joined; journalctl prints it "
		  "with -o json, ausearch always");
	say_count(child, too_long, "lines of the audit log are left out: they are longer than any record");
	say_count(child, feed->lost > 0 ? (uint64_t)feed->lost : 0,
		  "records or more were lost before they were written, the audit log says (audit_lost)");
	if (feed->records == 0 && feed->lines.left[LOG_LEFT_FOREIGN] > 0) {
		err_set(&err, EINVAL,
			"the audit log has no record of audit in %" PRIu64
			" lines; a log of auditd(8), ausearch(8) or a "
			"journal is expected",
			feed->lines.read);
		say(child, AUDIT_CHILD_FAILURE, &err);
	}
}

/* The number of each line that is not used, by reason. */
static void say_lines(struct audit_child *child, const struct audit_feed_stats *feed,
		      const struct audit_calls_stats *calls, uint64_t too_long)
{
	struct log_lines lines = feed->lines;
	struct text text = {0};

	lines.read += too_long;
	lines.left[LOG_LEFT_LONG] += too_long;
	lines.left[LOG_LEFT_ADDRESSLESS] += calls->addressless;
	text_add(&text, AUDIT_CHILD_LINES " ");
	text_add_unsigned(&text, lines.read);
	for (size_t i = 0; i < LOG_LEFT_NUM; i++) {
		text_add_char(&text, ' ');
		text_add_unsigned(&text, lines.left[i]);
	}
	write_line(child, text.data, text.length);
	text_free(&text);
}

/* ---- the process ---------------------------------------------------------------------- */

/* Is the day before the month in this user's dates? ausearch -i writes dates of its user's locale. */
static bool is_day_first(void)
{
	locale_t locale = newlocale(LC_TIME_MASK, "", (locale_t)0);
	const char *format = locale != (locale_t)0 ? nl_langinfo_l(D_FMT, locale) : "";
	const char *day = strstr(format, "%d"), *month = strstr(format, "%m");
	bool is_first = day != NULL && month != NULL && day < month;

	if (locale != (locale_t)0)
		freelocale(locale);
	return is_first;
}

/* Once the process is confined, no file can be opened: with TZ set, mktime(3) does not check whether it has changed. */
static void load_timezone(void)
{
	time_t now = 0;
	struct tm date;

	setenv("TZ", ":/etc/localtime", 0);
	tzset();
	if (localtime_r(&now, &date) != NULL)
		(void)mktime(&date);
}

/* The main process handles the terminal's signals; this one ends with its pipe. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

static void enter(const struct audit_child_config *config, struct audit_child *child)
{
	int *keep = xcalloc(config->count + 2, sizeof(*keep));
	struct err err = {""};

	ignore_signals();
	prctl(PR_SET_NAME, "conntrace-audit", 0, 0, 0);
	memcpy(keep, config->fds, config->count * sizeof(*keep));
	keep[config->count] = config->kill_fd;
	keep[config->count + 1] = child->fd;
	confine_descriptors(keep, (int)config->count + 2);
	free(keep);
	load_timezone();
	if (confine(&config->confine, &err) < 0)
		give_up(child, &err);
}

void audit_child_run(const struct audit_child_config *config)
{
	static struct audit_child child;
	struct err err = {""};
	bool day_first = is_day_first();
	struct audit_calls *calls = audit_calls_new(write_event, &child);
	struct audit_feed *feed = audit_feed_new(audit_calls_feed, calls, day_first, &err);
	struct audit_calls_stats stats;
	struct audit_files *files;
	struct span line;
	int got;

	child.fd = config->confine.write_fd;
	if (feed == NULL)
		give_up(&child, &err);
	enter(config, &child);
	files = audit_files_new(config->fds, config->paths, config->count, day_first);
	while ((got = audit_files_next(files, &line, flush, &child, &err)) != 0) {
		if (got > 0)
			audit_feed_line(feed, line);
		else
			say(&child, AUDIT_CHILD_FAILURE, &err);
	}
	audit_feed_end(feed);
	stats = audit_calls_stats(calls);
	say_all(&child, audit_feed_stats(feed), &stats, audit_files_too_long(files));
	say_lines(&child, audit_feed_stats(feed), &stats, audit_files_too_long(files));
	write_line(&child, AUDIT_CHILD_END, strlen(AUDIT_CHILD_END));
	flush(&child);
	_exit(0);
}
