// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/run_stats.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/capture_filter.h"
#include "run/parents.h"
#include "run/tracking.h"
#include "base/text.h"
#include "system/diag.h"
#include "system/procfs.h"

/* The listeners of watched processes, and the number of connections that wait there. */
struct queues {
	const struct tracker *tracker;
	struct summary_accepts *accepts;
};

static void add_queue(void *context, const struct event *event)
{
	struct queues *queues = context;

	if (event->info.state != TCP_LISTEN || event->info.rqueue <= 0 ||
	    !tracker_owns_listener(queues->tracker, event))
		return;
	queues->accepts->waiting += (uint64_t)event->info.rqueue;
}

/* Return: true when they could be queried. */
static bool ask_queues(struct summary_accepts *accepts, const struct tracker *tracker, struct sources *sources)
{
	struct queues queues = {tracker, accepts};
	struct err ignored;

	return sources_diag(sources) != NULL &&
	       diag_dump(sources_diag(sources), 1U << TCP_LISTEN, add_queue, &queues, &ignored) >= 0;
}

static void fill_accepts(struct summary_accepts *accepts, const struct tracker_stats *run)
{
	_Static_assert(SUMMARY_ACCEPTS >= TRACKER_ACCEPT_KINDS, "there is room for all kinds");
	accepts->failed = run->accept_failed;
	accepts->kinds = run->accept_kinds;
	for (unsigned int i = 0; i < run->accept_kinds; i++) {
		accepts->kind[i].pid = run->accepts[i].pid;
		accepts->kind[i].error = run->accepts[i].error;
		accepts->kind[i].count = run->accepts[i].count;
	}
	accepts->unaccepted = run->unaccepted;
	accepts->full = run->full_queues;
	accepts->shared = run->shared_waiting;
}

/* The sources that this run lacks, enum summary_lack bits. */
static unsigned int lacks(const struct sources *sources, const struct options *options, const struct event_run *run)
{
	bool is_replay = options->replay != NULL, is_file = options_is_file(options);
	bool has_packets = sources_has_packets(sources);
	bool has_target = options_has_target(options);
	bool has_calls =
		(is_replay && !run->whole) || options_has_log(options) || (has_target && !options_samples(options));
	unsigned int lacks = 0;

	lacks |= has_packets ? 0 : SUMMARY_LACKS_FRAMES;
	lacks |= has_packets || run->has_packets ? 0 : SUMMARY_LACKS_SEGMENTS;
	lacks |= options->read != NULL ? 0 : SUMMARY_LACKS_FILE;
	lacks |= has_calls ? 0 : SUMMARY_LACKS_CALLS;
	lacks |= has_calls && (is_replay || !is_file) ? 0 : SUMMARY_LACKS_DEATHS;
	lacks |= has_target ? 0 : SUMMARY_LACKS_QUEUES;
	lacks |= sources_lines(sources) != NULL ? 0 : SUMMARY_LACKS_LOG;
	lacks |= is_replay || !is_file ? 0 : SUMMARY_LACKS_OWNERS;
	return lacks;
}

void run_stats_fill(struct summary *summary, const struct tracker *tracker, struct sources *sources,
		    const struct options *options, int64_t start_ns, uint64_t finished)
{
	struct tracker_stats run;
	struct tracer *tracer = sources_tracer(sources);
	struct procfs_status own;
	struct packet_stats stats;

	tracker_stats(tracker, &run);
	memset(summary, 0, sizeof(*summary));
	summary->lacks = lacks(sources, options, &run.run);
	summary->duration_ns = clock_monotonic() - start_ns;
	summary->connections = finished + run.open;
	summary->unattributed = run.unattributed;
	summary->too_short = run.too_short;
	summary->failed = run.failed;
	summary->gaps = run.gaps;
	summary->unreported = run.unreported;
	summary->unfound = run.unfound;
	summary->failed_with = run.failed_with;
	memcpy(summary->lost, run.lost, sizeof(summary->lost));
	fill_accepts(&summary->accepts, &run);
	summary->accepts.overflows = sources_overflows(sources);
	if (!ask_queues(&summary->accepts, tracker, sources))
		summary->lacks |= SUMMARY_LACKS_QUEUES;
	if (tracer != NULL)
		summary->stops = tracer_stops(tracer);
	summary->lost[LOST_CALL_QUEUE] += (int64_t)sources_events_refused(sources);
	if (sources_lines(sources) != NULL)
		summary->lines = *sources_lines(sources);
	sources_packet_stats(sources, &stats);
	summary->packets = stats.frames;
	summary->malformed = stats.malformed;
	summary->tcp_frames = stats.tcp;
	summary->left_out[SUMMARY_LEFT_COPY] = run.left_out[LEFT_OUT_COPY];
	summary->left_out[SUMMARY_LEFT_LATE] = run.left_out[LEFT_OUT_LATE];
	summary->left_out[SUMMARY_LEFT_UNCLAIMED] = run.left_out[LEFT_OUT_UNCLAIMED];
	summary->left_out[SUMMARY_LEFT_EARLY] = run.left_out[LEFT_OUT_EARLY];
	summary->left_out[SUMMARY_LEFT_FRAGMENT] = stats.left[PACKET_LEFT_FRAGMENT];
	summary->left_out[SUMMARY_LEFT_MALFORMED] = stats.left[PACKET_LEFT_MALFORMED];
	summary->left_out[SUMMARY_LEFT_TUNNEL] = stats.left[PACKET_LEFT_TUNNEL];
	summary->left_out[SUMMARY_LEFT_FILTERED] = stats.left[PACKET_LEFT_FILTERED];
	summary->both_ends = run.both_ends;
	summary->disordered = stats.disordered;
	summary->timeless = stats.timeless;
	summary->cpu_ns = clock_process() + stats.cpu_ns;
	summary->peak_bytes = procfs_status(getpid(), &own) == 0 ? own.peak_bytes : CONN_UNKNOWN;
	summary->packet_peak_bytes = stats.peak_bytes;
}

/* "3.1 s" */
static void add_seconds(struct text *text, int64_t span_ns)
{
	text_add_decimal(text, span_ns, CLOCK_NS_PER_SEC, 1);
	text_add(text, " s");
}

static void add_number(struct text *text, const char *before, uint64_t number, const char *after)
{
	text_add(text, before);
	text_add_unsigned(text, number);
	text_add(text, after);
}

/* Explain a run that ended early because all its processes ended. */
static void explain_end(struct text *text, const struct summary *summary, const struct options *options,
			struct sources *sources)
{
	if (options->pid_count == 0 || !sources_have_ended(sources) || options->duration_ns <= 0 ||
	    summary->duration_ns >= options->duration_ns)
		return;
	text_add(text, "all watched processes ended after ");
	add_seconds(text, summary->duration_ns);
	text_add(text, " of ");
	add_seconds(text, options->duration_ns);
}

/* Attempts of this host without a captured packet. */
struct attempts {
	const struct options *options;
	struct event first;
	uint64_t count;
};

static void add_attempt(void *context, const struct event *event)
{
	struct attempts *attempts = context;
	struct conn conn;

	conn_init(&conn);
	conn.flow = event->flow;
	conn.dir = DIR_OUT;
	if (!conn_filter_match(&attempts->options->filter, &conn))
		return;
	if (attempts->count++ == 0)
		attempts->first = *event;
}

/* Packets that the local packet filter drops are not captured, while the kernel waits for an answer. */
static void explain_attempts(struct text *text, const struct options *options, struct sources *sources)
{
	struct attempts attempts = {.options = options};
	struct err ignored;
	char ip[ENDPOINT_TEXT];

	if (sources_diag(sources) != NULL)
		(void)diag_dump(sources_diag(sources), 1U << TCP_SYN_SENT, add_attempt, &attempts, &ignored);
	if (attempts.count == 0)
		return;
	endpoint_ip_text(&attempts.first.flow.remote, ip);
	add_number(text, "; this host waits for the answer to ", attempts.count,
		   attempts.count == 1 ? " SYN (to " : " SYNs (one to ");
	text_add(text, ip);
	add_number(text, " port ", attempts.first.flow.remote.port, ") ");
	if (options->packet_filter != NULL)
		text_add(text, "that the capture filter leaves out or that never left this host");
	else
		text_add(text, tracking_captures_all(options)
				       ? "that never left this host"
				       : "that never left this host or went through another interface");
}

/* Also one that is made of the options. */
static bool has_capture_filter(const struct options *options)
{
	char *text = options_is_file(options) ? NULL : capture_filter_text(&options->filter, 0, false, false);
	bool made = text != NULL;

	free(text);
	return made || (options->packet_filter != NULL && options->packet_filter[0] != '\0');
}

/* Explain that there was no connection. */
static void explain_nothing(struct text *text, const struct summary *summary, const struct options *options,
			    struct sources *sources)
{
	bool has_target = options_has_target(options);
	struct err why;

	if (has_target) {
		const char *who = options->command != NULL ? "the command" : "the watched processes";

		text_add(text, text->length > 0 ? "; " : "");
		if (sources_explain(sources, &why)) {
			text_add(text, "no TCP connection is known to be one of ");
			text_add(text, who);
			text_add(text, "; ");
			text_add(text, why.text);
		} else if (summary->too_short > 0) {
			add_number(text, "the process of ", summary->too_short,
				   summary->too_short == 1 ? " connection of this host is unknown"
							   : " connections of this host is unknown");
			summary_add_failed(text, summary);
		} else if (summary->lost[LOST_NETLINK] != 0) {
			text_add(text, "no TCP connection is known to be one of ");
			text_add(text, who);
			text_add(text, "; what was lost may be");
		} else if (summary->left_out[SUMMARY_LEFT_EARLY] > 0) {
			text_add(text, who);
			add_number(
				text,
				" neither made nor accepted a TCP connection since they are watched; the process of ",
				summary->left_out[SUMMARY_LEFT_EARLY], " frames of before is unknown");
		} else {
			text_add(text, who);
			text_add(text, " neither made nor accepted a TCP connection; UDP is not followed");
		}
	}
	if (options->replay != NULL || options_has_log(options)) {
		text_add(text, text->length > 0 ? "; " : "");
		text_add(text, options->replay != NULL ? "the recording" : "the log");
		text_add(text, " contains no TCP connection");
	}
	if (!sources_has_packets(sources))
		return;
	text_add(text, text->length > 0 ? "; " : "");
	if (summary->packets > 0)
		add_number(text, "no TCP connection of interest in ", summary->packets,
			   summary->packets == 1 ? " packet" : " packets");
	else if (has_capture_filter(options))
		text_add(text, "no packet passed the capture filter");
	else
		text_add(text, options_is_file(options) ? "the file has no packets" : "no packet came");
	if (!options_is_file(options))
		explain_attempts(text, options, sources);
}

static void explain_empty(struct text *text, const struct summary *summary, const struct output *output,
			  const struct options *options, struct sources *sources)
{
	if (summary->chosen.is_asked && summary->connections > 0 && summary->chosen.shown == 0) {
		text_add(text, text->length > 0 ? "; " : "");
		add_number(text, "none of ", summary->connections,
			   summary->connections == 1 ? " connection is shown by " : " connections is shown by ");
		text_add(text, options->suspicious ? "--suspicious" : "--only");
		return;
	}
	if (summary->connections > 0) {
		const char *why = output_nothing(output);

		text_add(text, text->length > 0 && why != NULL ? "; " : "");
		text_add(text, why != NULL ? why : "");
		return;
	}
	if (summary->outcomes.unmatched > 0) {
		text_add(text, text->length > 0 ? "; " : "");
		add_number(text, "no connection matched the options; ", summary->outcomes.unmatched, " did not");
	} else {
		explain_nothing(text, summary, options, sources);
	}
}

/*
 * A launched command can be stopped at close(2); an attached process is, unless its sockets are only sampled. A way
 * that this user cannot use is no remedy.
 */
static const char *exact_by(const struct options *options)
{
	bool is_sampled = options_samples(options);

	if (options_is_file(options))
		return NULL;
	if (options->command != NULL && !options->watch_close && !options->no_filter && options->follow)
		return is_sampled ? "--watch-close without --via=diag" : "--watch-close";
	for (size_t i = 0; i < options->pid_count; i++)
		if (!procfs_may_attach(options->pids[i]))
			return NULL;
	return is_sampled && options->pid_count > 0 ? "--via=ptrace" : NULL;
}

void run_stats_explain(struct summary *summary, struct output *output, const struct options *options,
		       struct sources *sources)
{
	struct text text = {0};
	const char *report;

	output_count(output, summary);
	summary->has_processes = !options_is_file(options) || options_has_log(options) || options->replay != NULL;
	summary->targets = options->pid_count;
	summary->inexact_remedy = exact_by(options);
	summary->unwatched_why = sources_refused(sources, 0);
	while (sources_refused(sources, summary->unwatched) != NULL)
		summary->unwatched++;
	explain_end(&text, summary, options, sources);
	explain_empty(&text, summary, output, options, sources);
	if (text.length > 0)
		snprintf(summary->reason, sizeof(summary->reason), "%s", text.data);
	text_free(&text);
	while ((report = parents_report(sources_parents(sources))) != NULL)
		fprintf(stderr, "conntrace: %s\n", report);
}
