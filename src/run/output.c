// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/idmap.h"
#include "base/outfile.h"
#include "base/xalloc.h"
#include "report/expect/expect.h"
#include "report/rows/column.h"
#include "report/rows/names.h"
#include "report/rows/summary.h"
#include "report/top/top_columns.h"
#include "run/linger.h"
#include "run/output_state.h"
#include "track/interval_delta.h"

#define OUTPUT_BUFFER (1 << 16)
/* Interval between searches for handshakes, and the share of the time they may take with many connections. */
#define HANDSHAKES_NS (50 * CLOCK_NS_PER_MS)
#define HANDSHAKES_SHARE 20
/* Longest wait for the owner of a connection. */
#define OWNER_NS (150 * CLOCK_NS_PER_MS)

/* A handshake with a result. */
struct decided {
	int64_t since_ns; /* monotonic: when the result was found */
	bool reported;
};

static unsigned int terminal_width(FILE *file)
{
	struct winsize size;

	if (!isatty(fileno(file)))
		return 0;
	return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void fill_report_options(struct output *output, int64_t start_ns)
{
	const struct options *options = output->options;
	struct report_options *to = &output->report_options;

	memcpy(to->reports, options->reports, sizeof(to->reports));
	to->report_count = options->report_count;
	to->besides = options->ladder != 0;
	to->io_filters = &options->io_filters;
	to->message_names = &options->message_names;
	to->fields = &output->fields;
	to->by = options->by;
	to->sort = options->sort;
	to->sorts_elsewhere = options->top ? top_column_is_named : NULL;
	to->columns = options->columns;
	to->groups = options->groups;
	to->limit = (uint64_t)options->limit;
	to->start_ns = start_ns;
	to->linger_ns = linger_ns(options);
	to->width = terminal_width(output->file);
	to->format = options->format;
	to->time = options->time;
	to->null = options->null;
	to->schema = options->schema;
	to->why = options->only != 0 || options->suspicious;
	to->last_printer = &output->last_printer;
	to->align = options->align;
	to->slices = options_has_slices(options);
	to->header = !options->no_header;
	to->human = options->human;
	to->resolve = options->resolve;
	to->color = options_wants_color(options, to->width > 0);
}

static struct ladder *open_ladder(const struct output *output)
{
	const struct report_options *from = &output->report_options;
	const struct options *options = output->options;
	const struct ladder_options ladder = {
		.which = options->ladder,
		.named = from->report_count > 0,
		.out = output->file,
		.pen =
			{
				.width = from->width > 0 ? from->width : LADDER_WIDTH,
				.time = options->time_given || options->ladder & LADDER_LIVE ? from->time
											     : REPORT_TIME_DELTA,
				.start_ns = from->start_ns,
				.color = from->color,
			},
		.format = from->format,
		.header = from->header,
		.chars = (size_t)options->ladder_chars,
	};

	return options->ladder != 0 ? ladder_new(&ladder) : NULL;
}

/* Beside reports in a format without objects, the lines are for standard error. */
static struct expect *open_expect(const struct output *output)
{
	const struct options *options = output->options;
	bool is_json = options->format == REPORT_JSON, is_alone = options->report_count == 0 && options->ladder == 0;
	const struct expect_options expect = {
		.rules = options->expect,
		.learns = options->learn,
		.json = is_json,
		.out = is_json || is_alone ? output->file : stderr,
	};

	return options->expect != NULL || options->learn ? expect_new(&expect) : NULL;
}

static const struct report_ops *ops_of(const struct output *output, size_t report)
{
	return output->report_options.reports[report].ops;
}

static void begin_slice(struct output *output, int64_t start_ns)
{
	for (size_t i = 0; i < output->count; i++)
		if (ops_of(output, i)->is_sliced)
			report_slice(output->reports[i], start_ns);
}

int output_open(struct output **opened, const struct options *options, int64_t start_ns, struct err *err)
{
	struct output *output = xcalloc(1, sizeof(*output));
	int rc = 0;

	output->options = options;
	output->chosen.is_asked = options->only != 0 || options->suspicious;
	rc = outfile_open(&output->outfile, options->output != NULL ? options->output : "-", options->append, err);
	if (rc != 0) {
		free(output);
		return rc == -EINVAL ? -EIO : rc;
	}
	output->file = outfile_stream(output->outfile);
	/* Rows that must appear at once are flushed; a long report is written in large pieces. */
	setvbuf(output->file, NULL, _IOFBF, OUTPUT_BUFFER);
	column_fields_init(&output->fields, &options->message_names);
	fill_report_options(output, start_ns);
	output->ladder = open_ladder(output);
	if (options->html != NULL)
		output->html = html_new(options->groups);
	output->expect = open_expect(output);
	if (options->handshakes)
		output->decided = idmap_new(sizeof(struct decided));
	for (size_t i = 0; i < output->report_options.report_count && rc == 0; i++) {
		output->counts_frames |= ops_of(output, i)->counts_frames;
		rc = report_new(&output->reports[i], &output->report_options, i, output->file, err);
		output->count += rc == 0;
	}
	if (rc != 0) {
		struct err ignored;

		(void)output_close(output, &ignored);
		return rc;
	}
	if (output->report_options.slices) {
		output->delta = interval_delta_new();
		begin_slice(output, start_ns);
	}
	*opened = output;
	return 0;
}

/* Rows for programs have one line of titles in a file, even if several runs append to it. */
static void set_titles(struct output *output)
{
	const struct report_options *options = &output->report_options;
	bool is_empty = outfile_is_empty(output->outfile), is_alone = output->count + (output->ladder != NULL) == 1;
	bool are_out = options->format != REPORT_TABLE && is_alone && !is_empty;

	/* The first one of several tables is separated from what is in the file, and begins an empty one. */
	output->last_printer = is_alone || is_empty ? NULL : output;
	for (size_t i = 0; i < output->count; i++)
		report_titles(output->reports[i], are_out);
	if (output->ladder != NULL)
		ladder_titles(output->ladder, are_out);
}

int output_commit(struct output *output, struct err *err)
{
	int rc = outfile_commit(output->outfile, err);

	if (rc == 0 && output->options->append)
		set_titles(output);
	return rc;
}

bool output_is_to_come(const struct output *output)
{
	return outfile_is_to_come(output->outfile);
}

int output_reopen(struct output *output, struct err *err)
{
	int rc = outfile_reopen(output->outfile, err);

	if (rc == 0)
		set_titles(output);
	return rc;
}

bool output_selects(const struct options *options, const struct conn *conn)
{
	return (options->only == 0 && !options->suspicious) || conn->why != 0;
}

/* The handshake of a connection older than the run is unknown. */
static bool is_decided(const struct conn *conn)
{
	return conn->result != RESULT_PENDING && conn->result != RESULT_UNKNOWN && !(conn->seen & SEEN_EXISTING);
}

bool output_has_all(const struct output *output)
{
	return output->decided != NULL && output->options->count > 0 &&
	       output->handshakes_reported >= output->options->count;
}

int output_fd(const struct output *output)
{
	return output->file != NULL ? fileno(output->file) : -1;
}

/* An event of a connection is its end, or its handshake unless that is reported already. */
static bool is_event(const struct output *output, const struct conn *conn)
{
	const struct decided *decided = output->decided != NULL ? idmap_find(output->decided, conn->id) : NULL;

	if (output_has_all(output))
		return false;
	return output->decided == NULL || (!(conn->seen & SEEN_EXISTING) && (decided == NULL || !decided->reported));
}

/* The owner of a connection may be found shortly after it is established. */
static bool is_ripe(const struct output *output, const struct conn *conn, int64_t now_ns)
{
	struct decided *decided = idmap_put(output->decided, conn->id);

	if (decided->since_ns == 0)
		decided->since_ns = now_ns;
	decided->reported = conn->process != NULL || now_ns - decided->since_ns >= OWNER_NS;
	return decided->reported;
}

void output_handshakes(struct output *output, output_next_open *next_open, void *context)
{
	int64_t began_ns = clock_monotonic(), cost_ns;
	const struct conn *conn = NULL;

	if (output->decided == NULL || options_is_file(output->options) || began_ns < output->handshakes_ns)
		return;
	while ((conn = next_open(context, conn)) != NULL) {
		if (!is_decided(conn) || !is_event(output, conn) ||
		    !conn_filter_match(&output->options->filter, conn) || !output_selects(output->options, conn))
			continue;
		if (is_ripe(output, conn, began_ns)) {
			report_finished(output->reports[0], conn);
			output->handshakes_reported++;
		}
	}
	cost_ns = (clock_monotonic() - began_ns) * HANDSHAKES_SHARE;
	output->handshakes_ns = began_ns + (cost_ns > HANDSHAKES_NS ? cost_ns : HANDSHAKES_NS);
}

/* Known at least in part, or counted by a kernel that has cleared it since (SO_LINGER). */
static bool is_inexact(const struct conn *conn, int64_t bytes, int64_t least)
{
	return bytes < 0 && (least >= 0 || (conn->result == RESULT_OK && !conn->open && conn->seen & SEEN_KERNEL));
}

static void count_conn(struct output *output, const struct conn *conn)
{
	output->outcomes.results[conn->result]++;
	output->outcomes.unattributed += conn->process == NULL;
	output->outcomes.older += conn->seen & SEEN_EXISTING && conn->seen & SEEN_KERNEL;
	output->outcomes.end_unknown += conn->result == RESULT_OK && !conn->open && conn->state == STATE_UNKNOWN;
	output->outcomes.inexact +=
		is_inexact(conn, conn->rx_bytes, conn->rx_least) || is_inexact(conn, conn->tx_bytes, conn->tx_least);
	output->outcomes.syn_resent += conn->syn_rtx > 0 || conn->synack_rtx > 0;
	output->outcomes.syn_unknown += conn->syn_rtx < 0 && conn->synack_rtx < 0;
	local_side_count(&output->local_side, conn);
	if (!output->chosen.is_asked)
		return;
	output->chosen.shown += conn->why != 0;
	output->chosen.hidden += conn->why == 0;
	for (unsigned int i = 0; i < SUSPICIOUS_NUM; i++)
		output->chosen.why[i] += conn->why >> i & 1;
}

/* Return: true when the options exclude it. */
static bool is_unmatched(struct output *output, const struct conn *conn)
{
	const struct conn_filter *filter = &output->options->filter;

	if (conn_filter_match(filter, conn))
		return false;
	output->outcomes.unmatched++;
	output->outcomes.unchosen += process_choice_match(&filter->processes, conn->process) == CHOICE_UNKNOWN;
	return true;
}

static void count_hidden(struct output *output, const struct conn *conn)
{
	if (conn_filter_match(&output->options->filter, conn) && output_selects(output->options, conn))
		return;
	output->hidden_frames +=
		(uint64_t)((conn->rx_pkts > 0 ? conn->rx_pkts : 0) + (conn->tx_pkts > 0 ? conn->tx_pkts : 0));
}

bool output_finished(struct output *output, const struct conn *conn)
{
	struct conn part;
	const struct conn *rest;

	count_hidden(output, conn);
	if (is_unmatched(output, conn)) {
		html_forget(output->html, conn->id);
		return false;
	}
	count_conn(output, conn);
	expect_conn(output->expect, conn);
	if (output->ladder != NULL && output_selects(output->options, conn))
		ladder_conn(output->ladder, conn);
	if (output_selects(output->options, conn))
		html_finished(output->html, conn);
	else
		html_forget(output->html, conn->id);
	rest = interval_delta_part(output->delta, conn, &part);
	for (size_t i = 0; i < output->count; i++) {
		const struct conn *reported = ops_of(output, i)->is_sliced ? rest : conn;

		if (ops_of(output, i)->has_events && !is_event(output, conn))
			continue;
		if (reported == NULL || !(output_selects(output->options, conn) || ops_of(output, i)->has_all))
			continue;
		report_finished(output->reports[i], reported);
		output->handshakes_reported += ops_of(output, i)->has_events;
	}
	if (output->decided != NULL)
		idmap_remove(output->decided, conn->id);
	return output_selects(output->options, conn);
}

bool output_wants_messages(const struct output *output)
{
	for (size_t i = 0; i < output->count; i++)
		if (ops_of(output, i)->wants_messages)
			return true;
	return false;
}

bool output_message(struct output *output, const struct conn *conn, const struct message *message, int64_t time_ns)
{
	if (!conn_filter_match(&output->options->filter, conn))
		return false;
	for (size_t i = 0; i < output->count; i++)
		report_message(output->reports[i], conn, message, time_ns);
	return true;
}

/*
 * The open connections that the filter, and the choice if @chosen, select. In a
 * run with slices only their changes. At the end of a slice, connections that
 * have ended but may get late packets are included only if the reports show them.
 */
struct wanted_open {
	const struct output *output;
	output_next_open *next_open;
	void *context;
	bool chosen;
	bool sliced;
	bool slice_ends;
	bool events;
	const struct conn *conn;
	struct conn part;
};

static bool wants_open(const struct wanted_open *wanted, const struct conn *conn)
{
	const struct options *options = wanted->output->options;

	return conn_filter_match(&options->filter, conn) && (!wanted->chosen || output_selects(options, conn)) &&
	       (!wanted->slice_ends || conn->open || interval_delta_can_end(conn)) &&
	       (!wanted->events || is_event(wanted->output, conn));
}

static const struct conn *next_wanted(void *context, const struct conn *previous)
{
	struct wanted_open *wanted = context;
	const struct conn *reported;

	if (previous == NULL)
		wanted->conn = NULL;
	do {
		wanted->conn = wanted->next_open(wanted->context, wanted->conn);
		if (wanted->conn == NULL)
			return NULL;
		reported = wanted->sliced ? interval_delta_part(wanted->output->delta, wanted->conn, &wanted->part)
					  : wanted->conn;
	} while (reported == NULL || !wants_open(wanted, wanted->conn));
	return reported;
}

/* Printed connections are not printed again. */
static void end_slice(struct output *output, struct wanted_open *wanted)
{
	const struct conn *conn = NULL;

	wanted->chosen = wanted->events = false;
	while ((conn = wanted->next_open(wanted->context, conn)) != NULL) {
		if (wants_open(wanted, conn))
			interval_delta_keep(output->delta, conn);
		else
			interval_delta_pass(output->delta, conn);
	}
	interval_delta_next(output->delta);
	begin_slice(output, clock_now());
}

int output_print(struct output *output, const struct output_walk *walk, enum output_when when, struct err *err)
{
	struct wanted_open wanted = {output, walk->next, walk->context, .slice_ends = when == OUTPUT_SLICE};
	bool final = when == OUTPUT_FINAL;
	const struct conn *conn = NULL;
	int rc = 0;

	while (final && (conn = next_wanted(&wanted, conn)) != NULL) {
		count_conn(output, conn);
		expect_conn(output->expect, conn);
	}
	while (final && (conn = walk->next(walk->context, conn)) != NULL) {
		count_hidden(output, conn);
		(void)is_unmatched(output, conn);
	}
	wanted.chosen = true;
	while (final && output->ladder != NULL && (conn = next_wanted(&wanted, conn)) != NULL)
		ladder_conn(output->ladder, conn);
	if (output->html != NULL && when != OUTPUT_SLICE)
		html_collect(output->html, next_wanted, &wanted);
	for (size_t i = 0; i < output->count && rc == 0; i++) {
		wanted.chosen = !ops_of(output, i)->has_all;
		wanted.events = ops_of(output, i)->has_events;
		if (final && i == output->count - 1)
			wanted.next_open = walk->last;
		wanted.sliced = output->delta != NULL && ops_of(output, i)->is_sliced;
		rc = report_print(output->reports[i], next_wanted, &wanted, final, err);
	}
	if (final)
		expect_finish(output->expect);
	if (rc != 0)
		outfile_failed(output->outfile, -rc, err);
	if (when == OUTPUT_SLICE)
		end_slice(output, &wanted);
	return rc;
}

const char *output_nothing(const struct output *output)
{
	const char *why = ladder_nothing(output->ladder);

	for (size_t i = 0; i < output->count && why == NULL; i++)
		why = report_nothing(output->reports[i]);
	return why;
}

void output_count_lost(const struct output *output, struct summary *summary)
{
	for (size_t i = 0; i < output->count; i++) {
		summary->evicted += report_refused(output->reports[i]);
		summary->partial += report_partial(output->reports[i]);
		summary->uncounted += report_late(output->reports[i]);
		summary->lost[LOST_ANSWERS] += (int64_t)report_unanswered(output->reports[i]);
	}
	summary->lost[LOST_TIMELINE] += (int64_t)ladder_unkept(output->ladder);
}

void output_count(struct output *output, struct summary *summary)
{
	output_count_lost(output, summary);
	summary->outcomes = output->outcomes;
	summary->chosen = output->chosen;
	summary->broken = expect_broken(output->expect);
	summary->unproven = expect_unproven(output->expect);
	summary->checks = output->options->expect != NULL;
	local_side_advice(&output->local_side, output->options, summary->advice, sizeof(summary->advice));
	summary->left_out[SUMMARY_LEFT_HIDDEN] = output->hidden_frames;
	summary->unattributed = output->outcomes.unattributed;
	summary->connections = 0;
	for (unsigned int i = 0; i < RESULT_NUM; i++)
		summary->connections += output->outcomes.results[i];
}

int output_summary(struct output *output, const struct summary *summary, struct err *err)
{
	bool is_json = output->report_options.format == REPORT_JSON;
	FILE *to = is_json ? output->file : stderr;
	int rc;

	names_tell();
	if (output->options->quiet && !report_has_lost(summary))
		return 0;
	for (size_t i = 0; i < output->count; i++)
		if (report_left_out(output->reports[i]) != NULL)
			fprintf(stderr, "conntrace: %s: columns %s do not fit here; -O selects them, a file has all\n",
				ops_of(output, i)->name, report_left_out(output->reports[i]));
	rc = report_summary(to, output->report_options.format, summary);
	/* With standard error closed no accounts are wanted. */
	if (rc == -EBADF && !is_json)
		return 0;
	return rc == 0 ? 0 : err_set(err, rc, "cannot write: %s", strerror(-rc));
}

int output_error(const struct output *output, struct err *err)
{
	int rc = output->ladder != NULL ? ladder_error(output->ladder, err) : 0;

	if (rc == 0)
		rc = expect_error(output->expect);
	for (size_t i = 0; i < output->count && rc == 0; i++)
		rc = report_error(output->reports[i], err);
	if (rc != 0)
		outfile_failed(output->outfile, -rc, err);
	return rc;
}

int output_close(struct output *output, struct err *err)
{
	int rc = output_error(output, err), close_rc;
	struct err close_err = {""};

	for (size_t i = 0; i < output->count; i++)
		report_free(output->reports[i]);
	interval_delta_free(output->delta);
	idmap_free(output->decided);
	ladder_free(output->ladder);
	html_free(output->html);
	expect_free(output->expect);
	close_rc = outfile_close(output->outfile, &close_err);
	if (rc == 0 && close_rc != 0) {
		rc = close_rc;
		*err = close_err;
	}
	free(output);
	return rc;
}
