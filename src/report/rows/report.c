// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/pool.h"
#include "base/table.h"
#include "base/xalloc.h"
#include "report/rows/histogram.h"
#include "report/io_stat/io_stat.h"
#include "report/rows/printer.h"
#include "report/rows/sort.h"
#include "track/peers.h"

/* Connections the report conns keeps at most, about 300 bytes each. */
#define CONNS_MAX (1U << 22)

/* With a limit, only what can still be printed is kept; sorting for that is done now and then. */
#define CONNS_SPARE 4096U

struct report {
	enum report_kind kind;
	uint64_t limit;
	bool start_unknown; /* for REPORT_TIME_RELATIVE */
	bool joins;         /* its columns are its own, and those that matter join them */
	bool live;          /* REPORT_IO: time goes on without packets */
	struct printer printer;
	struct selection sort;
	struct names *names;
	struct groups *groups;
	struct io_stat *io;
	struct histogram_spec histogram;
	struct requests *requests; /* of the trees */
	const struct message_names *message_names;
	struct peers_keys keys;
	struct peers *peers; /* REPORT_PEERS, REPORT_GROUPS and REPORT_HISTOGRAM: the finished ones */
	struct pool *pool;   /* REPORT_CONNS: of copies, each with a reference to its processes */
	const struct conn **finished;
	size_t finished_count;
	size_t finished_room;
	uint64_t refused;
};

static const char *const kind_names[] = {
	[REPORT_PEERS] = "peers",         [REPORT_CONNS] = "conns",       [REPORT_GROUPS] = "groups",
	[REPORT_HTTP_TREE] = "http,tree", [REPORT_TLS_TREE] = "tls,tree", [REPORT_HISTOGRAM] = "histogram",
	[REPORT_IO] = "io,stat",          [REPORT_EVENTS] = "events",     [REPORT_MESSAGES] = "messages"};

TABLE_COVERS(kind_names, REPORT_KIND_NUM);

static const char *const format_names[] = {[REPORT_TABLE] = "table", [REPORT_RAW] = "raw", [REPORT_JSON] = "json",
					   [REPORT_CSV] = "csv",     [REPORT_TSV] = "tsv", [REPORT_PLOT] = "plot"};

TABLE_COVERS(format_names, REPORT_FORMAT_NUM);

static const char *const time_names[] = {[REPORT_TIME_CLOCK] = "clock",
					 [REPORT_TIME_EPOCH] = "epoch",
					 [REPORT_TIME_ISO] = "iso",
					 [REPORT_TIME_RELATIVE] = "relative",
					 [REPORT_TIME_DELTA] = "delta"};

TABLE_COVERS(time_names, REPORT_TIME_NUM);

static int refuse_word(const char *option, const char *word, const char *allowed, struct err *err)
{
	char quoted[64];

	escape_text(quoted, sizeof(quoted), word);
	return err_set(err, EINVAL, "%s does not know \"%s\"; allowed are %s", option, quoted, allowed);
}

static int find_word(const char *const *words, unsigned int count, const char *word)
{
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

const char *report_name(enum report_kind kind)
{
	return kind_names[kind];
}

int report_parse_kind(const char *text, enum report_kind *kind, struct err *err)
{
	/* REPORT_EVENTS and REPORT_MESSAGES have an option of their own. */
	int found = find_word(kind_names, REPORT_HISTOGRAM, text);

	/* The names that tshark has for them. */
	if (strcmp(text, "conv,tcp") == 0)
		found = REPORT_CONNS;
	else if (strcmp(text, "http_req,tree") == 0)
		found = REPORT_HTTP_TREE;
	else if (strcmp(text, "io,stat") == 0 || strncmp(text, "io,stat,", strlen("io,stat,")) == 0)
		found = REPORT_IO;
	else if (strcmp(text, "histogram") == 0 || strncmp(text, "histogram,", strlen("histogram,")) == 0)
		found = REPORT_HISTOGRAM;
	if (found < 0)
		return refuse_word("--report", text,
				   "peers, conns (also called conv,tcp), groups, http,tree, tls,tree, io,stat,SEC and "
				   "histogram,COLUMN",
				   err);
	*kind = (enum report_kind)found;
	return 0;
}

int report_parse_format(const char *text, enum report_format *format, struct err *err)
{
	int found = find_word(format_names, REPORT_FORMAT_NUM, text);

	if (found < 0)
		return refuse_word("--format", text, "table, raw, json, csv, tsv and, for io,stat, plot", err);
	*format = (enum report_format)found;
	return 0;
}

int report_parse_time(const char *text, enum report_time *time, struct err *err)
{
	int found = find_word(time_names, REPORT_TIME_NUM, text);

	if (found < 0)
		return refuse_word("--time", text, "clock, epoch, iso, relative and delta", err);
	*time = (enum report_time)found;
	return 0;
}

static void begin_printer(struct report *report, const struct report_options *options, FILE *out)
{
	struct printer *printer = &report->printer;
	bool text = options->format == REPORT_TABLE || options->format == REPORT_RAW;

	printer->out = out;
	printer->format = options->format;
	printer->style = STYLE_MACHINE;
	printer->style.terminal = options->format == REPORT_TABLE && options->width > 0;
	if (text) {
		printer->style.human = options->human;
		printer->style.resolve = options->resolve;
		printer->style.time = options->time;
		printer->style.start_ns = options->start_ns;
	}
	printer->style.names = report->names;
	if (options->report_count > 1 || options->besides)
		printer->report = report->kind == REPORT_HISTOGRAM ? histogram_name(&report->histogram)
								   : kind_names[report->kind];
	printer->header = options->header;
	printer->color = options->color && options->format == REPORT_TABLE;
	printer->width = options->width;
	/* Whatever is printed before this report ends in its own last row. */
	printer->separate = options->besides || options->follows ||
			    (options->report_count > 1 && options->reports[0] != report->kind);
	printer->fits = printer->style.terminal && options->columns == NULL;
	if (printer->fits && (report->kind == REPORT_EVENTS || report->kind == REPORT_MESSAGES))
		printer_fit_rows(printer);
	printer_init(printer);
	report->start_unknown = options->start_ns < 0;
}

static void begin_peers(struct report *report)
{
	if (report->kind == REPORT_PEERS || report->kind == REPORT_GROUPS || report->kind == REPORT_HISTOGRAM)
		report->peers = peers_new(&report->keys, PEERS_GROUPS_MAX);
	if (report->peers != NULL)
		peers_keep_rest(report->peers);
	if (report->kind == REPORT_GROUPS)
		peers_reserve_groups(report->peers);
}

int report_new(struct report **report, enum report_kind kind, const struct report_options *options, FILE *out,
	       struct err *err)
{
	struct peers_keys keys = {.count = 0};
	struct report *made = xcalloc(1, sizeof(*made));
	int ret;

	made->kind = kind;
	made->limit = options->limit;
	made->message_names = options->message_names;
	made->joins = options->columns == NULL && options->format == REPORT_TABLE && options->width > 0 &&
		      (kind == REPORT_PEERS || kind == REPORT_CONNS);
	if (kind == REPORT_IO) {
		made->names = names_new();
		made->live = options->start_ns >= 0;
		made->io = io_stat_new(options->io, options->io_filters, options, out);
		*report = made;
		return 0;
	}
	ret = 0;
	if (kind == REPORT_HISTOGRAM)
		made->histogram = *options->histogram;
	if (kind != REPORT_HISTOGRAM)
		ret = peers_parse_keys(options->by != NULL ? options->by : PEERS_KEYS_DEFAULT, &keys, err);
	else if (made->histogram.by[0] != '\0')
		ret = peers_parse_keys(made->histogram.by, &keys, err);
	if (ret == 0)
		ret = select_columns(kind, &keys, options, &made->printer.columns, err);
	if (ret == 0)
		ret = select_sort(kind, &keys, options, &made->sort, err);
	if (ret < 0) {
		report_free(made);
		return ret;
	}
	made->pool = pool_new(sizeof(struct conn));
	made->names = names_new();
	made->groups = options->groups;
	names_know_groups(made->names, made->groups);
	if (kind == REPORT_GROUPS)
		keys = PEERS_KEYS_GROUPS;
	keys.groups = made->groups;
	made->keys = keys;
	begin_peers(made);
	if (report_is_tree(kind))
		made->requests = requests_new(kind == REPORT_HTTP_TREE ? MESSAGE_HTTP_REQUEST : MESSAGE_TLS_HELLO,
					      REQUESTS_NODES_MAX);
	begin_printer(made, options, out);
	*report = made;
	return 0;
}

static void release_conn(struct report *report, const struct conn *conn)
{
	process_unref(conn->process);
	process_unref(conn->last_process);
	free(conn->host);
	pool_give(report->pool, (void *)(uintptr_t)conn);
}

void report_free(struct report *report)
{
	if (report == NULL)
		return;
	for (size_t i = 0; i < report->finished_count; i++)
		release_conn(report, report->finished[i]);
	free(report->finished);
	pool_free(report->pool);
	peers_free(report->peers);
	requests_free(report->requests);
	io_stat_free(report->io);
	names_free(report->names);
	printer_clear(&report->printer);
	select_free(&report->sort);
	free(report);
}

/* Of the finished ones keep those that a limited report would print; no later one can bring another back. */
static void keep_first(struct report *report)
{
	struct row *rows = xcalloc(report->finished_count, sizeof(*rows));

	for (size_t i = 0; i < report->finished_count; i++)
		rows[i].conn = report->finished[i];
	sort_rows(rows, report->finished_count, &report->sort, report->names);
	for (size_t i = 0; i < report->finished_count; i++) {
		if (i < report->limit)
			report->finished[i] = rows[i].conn;
		else
			release_conn(report, rows[i].conn);
	}
	report->finished_count = report->limit;
	free(rows);
}

static struct conn *append_conn(struct report *report, const struct conn *conn)
{
	struct conn *copy = pool_take(report->pool);

	if (report->finished_count == report->finished_room) {
		report->finished_room = report->finished_room > 0 ? report->finished_room * 2 : 64;
		report->finished = xreallocarray(report->finished, report->finished_room, sizeof(*report->finished));
	}
	*copy = *conn;
	report->finished[report->finished_count++] = copy;
	return copy;
}

/* What it points to stays until release_conn(). */
static void hold_conn(struct conn *conn)
{
	process_ref(conn->process);
	process_ref(conn->last_process);
	if (conn->host != NULL)
		conn->host = xstrdup(conn->host);
}

static void keep_conn(struct report *report, const struct conn *conn)
{
	if (report->limit > 0 && report->finished_count >= CONNS_SPARE && report->finished_count / 4 >= report->limit)
		keep_first(report);
	if (report->finished_count == CONNS_MAX) {
		report->refused++;
		return;
	}
	hold_conn(append_conn(report, conn));
}

/* The earliest row begins the time, when nobody knows when the run began. */
static void settle_start(struct report *report, const struct row *rows, size_t count)
{
	int64_t *start = &report->printer.style.start_ns;

	for (size_t i = 0; report->start_unknown && i < count && rows[i].node == NULL; i++) {
		int64_t first = rows[i].conn != NULL ? rows[i].conn->start_ns : rows[i].group->first_ns;

		if (first >= 0 && (*start < 0 || first < *start))
			*start = first;
	}
	report->start_unknown = *start < 0;
}

static void print_event(struct report *report, const struct conn *conn)
{
	struct row row = {.conn = conn};

	settle_start(report, &row, 1);
	printer_row(&report->printer, &row);
}

/* In the report groups a connection that is in none has no row. */
static bool is_counted(const struct report *report, const struct conn *conn)
{
	return report->kind == REPORT_PEERS || report->kind == REPORT_HISTOGRAM ||
	       (report->groups != NULL && groups_match(report->groups, conn) != 0);
}

void report_finished(struct report *report, const struct conn *conn)
{
	switch (report->kind) {
	case REPORT_PEERS:
	case REPORT_GROUPS:
	case REPORT_HISTOGRAM:
		if (is_counted(report, conn))
			report->refused += !peers_add(report->peers, conn);
		break;
	case REPORT_CONNS:
		keep_conn(report, conn);
		break;
	case REPORT_EVENTS:
		print_event(report, conn);
		break;
	case REPORT_IO:
		io_stat_conn(report->io, conn);
		break;
	case REPORT_HTTP_TREE:
	case REPORT_TLS_TREE:
	case REPORT_MESSAGES:
	case REPORT_KIND_NUM:
		break;
	}
}

static void print_message(struct report *report, const struct conn *conn, const struct message *message,
			  int64_t time_ns)
{
	struct message_seen seen = {.message = message, .time_ns = time_ns, .names = report->message_names};
	struct row row = {.conn = conn, .seen = &seen};

	message_values(message, report->message_names, &seen.values);
	settle_start(report, &row, 1);
	printer_row(&report->printer, &row);
}

void report_message(struct report *report, const struct conn *conn, const struct message *message, int64_t time_ns)
{
	if (report->requests != NULL)
		requests_add(report->requests, conn->id, message, time_ns);
	if (report->kind == REPORT_MESSAGES)
		print_message(report, conn, message, time_ns);
}

void report_frame(struct report *report, const struct event *event)
{
	if (report->io != NULL)
		io_stat_frame(report->io, event);
}

void report_begin(struct report *report, bool has_packets)
{
	if (report->io != NULL)
		io_stat_begin(report->io, has_packets);
}

int64_t report_border_ns(const struct report *report, int64_t now_ns)
{
	return report->io != NULL ? io_stat_border_ns(report->io, now_ns) : INT64_MAX;
}

void report_counters(struct report *report, const struct conn *conn, int64_t time_ns)
{
	if (report->io != NULL)
		io_stat_counters(report->io, conn, time_ns);
}

void report_segment(struct report *report, const struct segment *segment, bool alone)
{
	if (report->io != NULL)
		io_stat_segment(report->io, segment, alone);
}

uint64_t report_late(const struct report *report)
{
	return report->io != NULL ? io_stat_refused(report->io) : 0;
}

/* Rows that grow in number. */
struct rows {
	struct row *row;
	size_t count;
	size_t room;
};

static void add_row(struct rows *rows, struct row row)
{
	if (rows->count == rows->room) {
		rows->room = rows->room > 0 ? rows->room * 2 : 64;
		rows->row = xreallocarray(rows->row, rows->room, sizeof(*rows->row));
	}
	rows->row[rows->count++] = row;
}

static void print_rows(struct report *report, struct rows *rows)
{
	size_t sorted = sort_rows(rows->row, rows->count, &report->sort, report->names);

	/* A limit is for those that have a name. */
	if (report->limit > 0 && sorted > report->limit) {
		memmove(rows->row + report->limit, rows->row + sorted, (rows->count - sorted) * sizeof(*rows->row));
		rows->count -= sorted - report->limit;
	}
	settle_start(report, rows->row, rows->count);
	if (report->joins)
		printer_join(&report->printer, rows->row, rows->count);
	printer_rows(&report->printer, rows->row, rows->count);
	free(rows->row);
}

static void print_conns(struct report *report, report_next *next_open, void *context, bool final)
{
	struct rows rows = {0};
	size_t finished_count = report->finished_count;

	/* The open ones stand behind the finished ones for the while; the last time each is lent for a moment only. */
	for (const struct conn *conn = NULL; next_open != NULL && (conn = next_open(context, conn)) != NULL;) {
		struct conn *copy = append_conn(report, conn);

		if (final)
			hold_conn(copy);
	}
	for (size_t i = 0; i < report->finished_count; i++)
		add_row(&rows, (struct row){.conn = report->finished[i]});
	print_rows(report, &rows);
	while (!final && report->finished_count > finished_count)
		pool_give(report->pool, (void *)(uintptr_t)report->finished[--report->finished_count]);
}

/* The groups, and behind them the one of all that there was no room for. */
static struct peers_group *group_of(struct peers *peers, size_t i)
{
	return i < peers_count(peers) ? peers_group(peers, i) : peers_rest(peers);
}

/* Group after group; the rows of one stay in the order of the quantity. */
static void print_histograms(struct report *report, struct peers *peers)
{
	size_t groups = peers_count(peers) + (peers_rest(peers) != NULL);
	size_t *counts = xcalloc(groups + 1, sizeof(*counts));
	struct histogram_bin **bins = xcalloc(groups + 1, sizeof(*bins));
	struct rows rows = {0};

	for (size_t i = 0; i < groups; i++) {
		bins[i] = histogram_bins(group_of(peers, i), report->histogram.spread, &counts[i]);
		for (size_t j = 0; j < counts[i]; j++)
			add_row(&rows, (struct row){.group = group_of(peers, i), .bin = &bins[i][j]});
	}
	print_rows(report, &rows);
	for (size_t i = 0; i < groups; i++)
		free(bins[i]);
	free(bins);
	free(counts);
}

static void print_peers(struct report *report, report_next *next_open, void *context)
{
	struct peers *peers = report->peers;
	struct rows rows = {0};

	for (const struct conn *conn = NULL; next_open != NULL && (conn = next_open(context, conn)) != NULL;) {
		if (!is_counted(report, conn))
			continue;
		if (peers == report->peers)
			peers = peers_copy(report->peers);
		peers_add(peers, conn);
	}
	if (report->kind == REPORT_HISTOGRAM)
		print_histograms(report, peers);
	for (size_t i = 0; report->kind != REPORT_HISTOGRAM && i <= peers_count(peers); i++)
		if (group_of(peers, i) != NULL)
			add_row(&rows, (struct row){.group = group_of(peers, i)});
	if (report->kind != REPORT_HISTOGRAM)
		print_rows(report, &rows);
	if (peers != report->peers)
		peers_free(peers);
}

static void print_tree(struct report *report)
{
	struct rows rows = {0};
	size_t count;
	const struct requests_node **list = requests_list(report->requests, &count);

	for (size_t i = 0; i < count; i++)
		add_row(&rows, (struct row){.node = list[i], .requests = report->requests});
	print_rows(report, &rows);
	free(list);
}

int report_print(struct report *report, report_next *next_open, void *context, bool final, struct err *err)
{
	switch (report->kind) {
	case REPORT_PEERS:
	case REPORT_GROUPS:
	case REPORT_HISTOGRAM:
		print_peers(report, next_open, context);
		break;
	case REPORT_CONNS:
		print_conns(report, next_open, context, final);
		break;
	case REPORT_HTTP_TREE:
	case REPORT_TLS_TREE:
		print_tree(report);
		break;
	case REPORT_IO:
		for (const struct conn *conn = NULL; next_open != NULL && (conn = next_open(context, conn)) != NULL;)
			if (conn->open || final)
				io_stat_conn(report->io, conn);
		/* Of a file nobody knows how far time is but by its frames. */
		io_stat_print(report->io, report->live ? clock_now() : CLOCK_UNKNOWN, final);
		break;
	case REPORT_EVENTS:
		printer_header(&report->printer);
		for (const struct conn *conn = NULL;
		     final && next_open != NULL && (conn = next_open(context, conn)) != NULL;)
			print_event(report, conn);
		break;
	case REPORT_MESSAGES:
		printer_header(&report->printer);
		break;
	case REPORT_KIND_NUM:
		break;
	}
	return report_error(report, err);
}

void report_titles(struct report *report, bool are_out)
{
	report->printer.header_done = are_out;
	if (report->io != NULL)
		io_stat_titles(report->io, are_out);
}

void report_slice(struct report *report, int64_t start_ns)
{
	for (size_t i = 0; i < report->finished_count; i++)
		release_conn(report, report->finished[i]);
	report->finished_count = 0;
	peers_free(report->peers);
	report->peers = NULL;
	begin_peers(report);
	if (report->requests != NULL)
		requests_slice(report->requests);
	names_set_slice(report->names, start_ns);
}

int report_error(const struct report *report, struct err *err)
{
	int error = report->io != NULL ? io_stat_error(report->io) : report->printer.error;

	if (error == 0)
		return 0;
	return err_set(err, error, "the report %s could not be written: %s", kind_names[report->kind],
		       strerror(-error));
}

const char *report_left_out(const struct report *report)
{
	return report->printer.left_out.length > 0 ? report->printer.left_out.data : NULL;
}

uint64_t report_partial(const struct report *report)
{
	return report->peers != NULL ? peers_partial(report->peers) : 0;
}

uint64_t report_refused(const struct report *report)
{
	return report->refused;
}
