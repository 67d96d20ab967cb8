// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fixed work in one process, for callgrind to count its instructions: the
 * confined packet process of the program does not run under valgrind(1). What
 * prepares the work is outside measured().
 *
 *   work KIND FILE     decode tracker peers json table, over a savefile
 *   work --build       what the number of instructions depends on
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "report/reports.h"
#include "report/rows/report_options.h"
#include "source/packet/savefile_reader.h"
#include "source/source.h"
#include "track/tracker.h"

/* Connections that are kept for late packets, as in a file. */
#define LINGER_LIMIT 65536
#define TIMEOUT_NS (30 * CLOCK_NS_PER_SEC)
#define LINGER_NS (60 * CLOCK_NS_PER_SEC)

static const struct hash_key key = {1, 2};

struct work {
	const char *path;
	struct event *events;
	size_t event_count, event_room;
	struct conn *conns;
	size_t conn_count, conn_room;
	const struct report_ops *report;
	enum report_format format;
};

void measured(void (*kind)(struct work *), struct work *work);

__attribute__((noinline)) void measured(void (*kind)(struct work *), struct work *work)
{
	kind(work);
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "work: %s: %s\n", what, why);
	exit(1);
}

static void keep_event(void *context, const struct dissect_record *record)
{
	struct work *work = context;
	struct event *event;

	work->events = array_reserve(work->events, work->event_count, &work->event_room, sizeof(*work->events));
	event = &work->events[work->event_count];
	if (dissect_frame(record->link_type, record, event) != DISSECT_EVENT)
		die(work->path, "a frame is no segment");
	event->flow_hash = flow_hash(&key, &event->flow);
	work->event_count++;
}

static void decode(struct work *work)
{
	const struct savefile_user user = {.frame = keep_event, .context = work};
	int fd = open(work->path, O_RDONLY | O_CLOEXEC), got;
	struct savefile_reader *reader;
	struct err err = {""};

	if (fd < 0)
		die(work->path, "cannot be opened");
	reader = savefile_reader_new(fd, work->path, &user);
	while ((got = savefile_reader_read(reader, 1000, &err)) >= 0)
		;
	if (got != SOURCE_END)
		die(work->path, err.text);
	savefile_reader_free(reader);
	close(fd);
}

static void keep_conn(void *context, const struct conn *conn)
{
	struct work *work = context;

	work->conns = array_reserve(work->conns, work->conn_count, &work->conn_room, sizeof(*work->conns));
	work->conns[work->conn_count++] = *conn;
}

static void track(struct work *work)
{
	const struct tracker_config config = {.limit = 1000000,
					      .timeout_ns = TIMEOUT_NS,
					      .linger_ns = LINGER_NS,
					      .linger_limit = LINGER_LIMIT,
					      .by_events = true,
					      .whole = true,
					      .syn_retries = -1,
					      .flow_key = key};
	const struct tracker_notify notify = {.context = work, .finished = keep_conn};
	struct tracker *tracker = tracker_new(&config, &notify);

	tracker_feed(tracker, work->events, work->event_count);
	tracker_finish(tracker, tracker_now(tracker));
	tracker_free(tracker);
}

static void report(struct work *work)
{
	struct report_options options = REPORT_OPTIONS_DEFAULT;
	FILE *out = fopen("/dev/null", "we");
	struct err err = {""};
	struct report *report;

	if (out == NULL)
		die("/dev/null", "cannot be opened");
	options.reports[0].ops = work->report;
	options.format = work->format;
	if (report_new(&report, &options, 0, out, &err) < 0)
		die("report", err.text);
	for (size_t i = 0; i < work->conn_count; i++)
		report_finished(report, &work->conns[i]);
	if (report_print(report, NULL, NULL, true, &err) < 0)
		die("report", err.text);
	report_free(report);
	fclose(out);
}

/* The code that runs depends on compiler, library and architecture. */
static int say_build(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
	puts("not optimized");
#elif !defined(__GLIBC__)
	puts("without glibc");
#elif defined(__clang__)
	printf("clang %d.%d, glibc %d.%d\n", __clang_major__, __clang_minor__, __GLIBC__, __GLIBC_MINOR__);
#else
	printf("gcc %d.%d, glibc %d.%d\n", __GNUC__, __GNUC_MINOR__, __GLIBC__, __GLIBC_MINOR__);
#endif
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(struct work *);
		const struct report_ops *report;
		enum report_format format;
	} kinds[] = {
		{"decode", decode, NULL, 0},
		{"tracker", track, NULL, 0},
		{"peers", report, &report_peers, REPORT_JSON},
		{"json", report, &report_conns, REPORT_JSON},
		{"table", report, &report_conns, REPORT_TABLE},
	};
	struct work work = {.path = argv[argc - 1]};

	if (argc == 2 && strcmp(argv[1], "--build") == 0)
		return say_build();
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name) != 0)
			continue;
		work.report = kinds[i].report;
		work.format = kinds[i].format;
		if (kinds[i].work != decode)
			decode(&work);
		if (kinds[i].work == report)
			track(&work);
		measured(kinds[i].work, &work);
		printf("%zu events, %zu connections\n", work.event_count, work.conn_count);
		free(work.events);
		free(work.conns);
		return 0;
	}
	fprintf(stderr, "usage: work decode|tracker|peers|json|table FILE, or work --build\n");
	return 2;
}
