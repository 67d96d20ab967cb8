// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/export/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/redact.h"
#include "base/table.h"
#include "base/xalloc.h"

/* Rows of METRICS_OTHER: one for each direction. */
#define OTHER_MAX DIR_NUM

/* The upper ends of buckets: the classic ones of Prometheus, and below them those of a local network. */
static const struct {
	int64_t ns;
	const char *text;
} bounds[] = {
	{100000, "0.0001"},  {500000, "0.0005"},  {1000000, "0.001"}, {5000000, "0.005"},  {10000000, "0.01"},
	{25000000, "0.025"}, {50000000, "0.05"},  {100000000, "0.1"}, {250000000, "0.25"}, {500000000, "0.5"},
	{1000000000, "1"},   {2500000000, "2.5"}, {5000000000, "5"},  {10000000000, "10"},
};

#define BOUNDS_NUM (sizeof(bounds) / sizeof(bounds[0]))

/* The highest values reported of a row. */
struct reported {
	uint64_t buckets[PEERS_SPREAD_NUM][BOUNDS_NUM];
	uint64_t results[RESULT_NUM];
	int64_t known[PEERS_TOTAL_NUM];
	uint64_t known_count[PEERS_SPREAD_NUM];
};

/* Connections by some keys: the finished ones, and the values reported. */
struct table {
	const char *prefix;
	struct peers *finished;
	struct reported *reported;
	size_t reported_count;
	bool has_buckets;
	bool is_rest; /* METRICS_OTHER */
};

struct metrics {
	const struct groups *groups;
	struct table by_group;
	struct table by_peer;
	struct table others;
	struct table by_process;
	struct table other_processes;
	unsigned int by;
};

static void open_table(struct table *table, const char *prefix, const struct peers_keys *keys, size_t rows)
{
	table->prefix = prefix;
	table->finished = peers_new(keys, rows);
	peers_keep_few(table->finished);
}

static void open_processes(struct metrics *metrics, size_t rows)
{
	const struct peers_keys by_dir = {.key = {PEERS_KEY_DIR}, .count = 1};
	struct peers_keys keys = by_dir;

	if (metrics->by & METRICS_BY_PROGRAM)
		keys.key[keys.count++] = PEERS_KEY_COMM;
	if (metrics->by & METRICS_BY_UNIT)
		keys.key[keys.count++] = PEERS_KEY_UNIT;
	open_table(&metrics->by_process, "conntrace_process_", &keys, rows);
	open_table(&metrics->other_processes, "conntrace_process_", &by_dir, OTHER_MAX);
	metrics->by_process.has_buckets = metrics->other_processes.has_buckets = true;
	metrics->other_processes.is_rest = true;
}

struct metrics *metrics_new(const struct groups *groups, size_t peers_max, unsigned int by)
{
	const struct peers_keys by_peer = {.key = {PEERS_KEY_PEER, PEERS_KEY_DIR, PEERS_KEY_PORT}, .count = 3};
	const struct peers_keys by_dir = {.key = {PEERS_KEY_DIR}, .count = 1};
	struct peers_keys by_group = PEERS_KEYS_GROUPS;
	struct metrics *metrics = xcalloc(1, sizeof(*metrics));

	by_group.groups = metrics->groups = groups;
	open_table(&metrics->by_group, "conntrace_group_", &by_group, groups_count(groups));
	open_table(&metrics->by_peer, "conntrace_peer_", &by_peer, peers_max);
	open_table(&metrics->others, "conntrace_peer_", &by_dir, OTHER_MAX);
	peers_reserve_groups(metrics->by_group.finished);
	metrics->by_group.has_buckets = metrics->others.is_rest = true;
	metrics->by = by;
	if (by != 0)
		open_processes(metrics, peers_max);
	return metrics;
}

static void close_table(struct table *table)
{
	peers_free(table->finished);
	free(table->reported);
}

void metrics_free(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	close_table(&metrics->by_group);
	close_table(&metrics->by_peer);
	close_table(&metrics->others);
	close_table(&metrics->by_process);
	close_table(&metrics->other_processes);
	free(metrics);
}

void metrics_finished(struct metrics *metrics, const struct conn *conn)
{
	/* The table has rows for groups only: a connection in none is left out. */
	peers_add(metrics->by_group.finished, conn);
	if (!peers_add(metrics->by_peer.finished, conn))
		peers_add(metrics->others.finished, conn);
	if (metrics->by != 0 && !peers_add(metrics->by_process.finished, conn))
		peers_add(metrics->other_processes.finished, conn);
}

void metrics_status(struct metrics *metrics, report_next *next_open, void *context, struct status *status)
{
	struct peers *now = peers_copy(metrics->by_group.finished);

	for (const struct conn *conn = NULL; (conn = next_open(context, conn)) != NULL;)
		peers_add(now, conn);
	status->groups = metrics->groups;
	status_take(status, now);
	peers_free(now);
}

/* ---- text ------------------------------------------------------------------- */

/* A label's value: UTF-8, in which \, " and newline are escaped; other bytes become \xNN. */
static void add_label_value(struct text *text, const char *value)
{
	size_t size = 6 * strlen(value) + 1;
	char *escaped = xmalloc(size);

	escape_json(escaped, size, value);
	text_add_char(text, '"');
	for (const char *at = escaped; *at != '\0'; at++) {
		if (strncmp(at, "\\u00", 4) == 0) {
			text_add(text, "\\\\x");
			at += 3;
		} else if (strncmp(at, "\\u", 2) == 0) {
			text_add(text, "\\\\");
		} else if (*at == '\\') {
			text_add_char(text, *at++);
			text_add_char(text, *at);
		} else {
			text_add_char(text, *at);
		}
	}
	text_add_char(text, '"');
	free(escaped);
}

enum family_type {
	COUNTER,
	GAUGE,
	SUMMARY,
	HISTOGRAM,
	FAMILY_TYPE_NUM
};

/* One family of samples while it is written. */
struct writer {
	struct text *text;
	enum metrics_format format;
	struct text name; /* of the family, without "_total" */
	enum family_type type;
};

static void begin_family(struct writer *writer, const char *prefix, const char *name, enum family_type type,
			 const char *help)
{
	static const char *const types[] = {
		[COUNTER] = "counter", [GAUGE] = "gauge", [SUMMARY] = "summary", [HISTOGRAM] = "histogram"};
	TABLE_COVERS(types, FAMILY_TYPE_NUM);
	/* In OpenMetrics "_total" belongs to the sample, in the older format to the name. */
	const char *total = type == COUNTER && writer->format == METRICS_PROMETHEUS ? "_total" : "";
	struct text *text = writer->text;

	text_cut(&writer->name, 0);
	text_add(&writer->name, prefix);
	text_add(&writer->name, name);
	writer->type = type;
	text_add(text, "# HELP ");
	text_add(text, writer->name.data);
	text_add(text, total);
	text_add_char(text, ' ');
	text_add(text, help);
	text_add(text, "\n# TYPE ");
	text_add(text, writer->name.data);
	text_add(text, total);
	text_add_char(text, ' ');
	text_add(text, types[type]);
	text_add_char(text, '\n');
}

/* "name{labels,extra" without the closing brace; @labels ends without a comma, @extra_key is NULL for none. */
static void begin_sample(struct writer *writer, const char *suffix, const char *labels, const char *extra_key,
			 const char *extra_value)
{
	struct text *text = writer->text;

	text_add(text, writer->name.data);
	text_add(text, writer->type == COUNTER ? "_total" : suffix);
	if (labels[0] == '\0' && extra_key == NULL)
		return;
	text_add_char(text, '{');
	text_add(text, labels);
	if (extra_key != NULL) {
		if (labels[0] != '\0')
			text_add_char(text, ',');
		text_add(text, extra_key);
		text_add_char(text, '=');
		add_label_value(text, extra_value);
	}
	text_add_char(text, '}');
}

static void add_count(struct writer *writer, const char *suffix, const char *labels, uint64_t value)
{
	begin_sample(writer, suffix, labels, NULL, NULL);
	text_add_char(writer->text, ' ');
	text_add_unsigned(writer->text, value);
	text_add_char(writer->text, '\n');
}

static void add_extra(struct writer *writer, const char *suffix, const char *labels, const char *key, const char *word,
		      uint64_t value)
{
	begin_sample(writer, suffix, labels, key, word);
	text_add_char(writer->text, ' ');
	text_add_unsigned(writer->text, value);
	text_add_char(writer->text, '\n');
}

static void add_labelled(struct writer *writer, const char *labels, const char *key, const char *word, uint64_t value)
{
	add_extra(writer, "", labels, key, word, value);
}

static void add_seconds(struct writer *writer, const char *suffix, const char *labels, int64_t value_ns)
{
	begin_sample(writer, suffix, labels, NULL, NULL);
	text_add_char(writer->text, ' ');
	text_add_decimal(writer->text, value_ns, CLOCK_NS_PER_SEC, 9);
	text_add_char(writer->text, '\n');
}

/* ---- rows -------------------------------------------------------------------- */

/* A row to be written: finished connections, all so far, and the values reported before. */
struct metric_row {
	char *labels;
	const struct peers_group *finished;
	const struct peers_group *now;
	struct reported *reported;
};

static void raise_to(uint64_t *reported, uint64_t value)
{
	if (value > *reported)
		*reported = value;
}

/* Where a value counts first. */
struct buckets {
	uint64_t counts[BOUNDS_NUM];
};

static void count_value(void *context, int64_t value, uint64_t count)
{
	struct buckets *buckets = context;

	for (size_t i = 0; i < BOUNDS_NUM; i++)
		if (value <= bounds[i].ns)
			buckets->counts[i] += count;
}

/* Of many values the distribution knows the step only, so that one near a bound may be counted beside it. */
static void raise_buckets(struct metric_row *row)
{
	for (unsigned int spread = 0; spread < PEERS_SPREAD_NUM; spread++) {
		struct buckets buckets = {{0}};

		distribution_each(&row->now->spreads[spread], count_value, &buckets);
		for (size_t i = 0; i < BOUNDS_NUM; i++)
			raise_to(&row->reported->buckets[spread][i], buckets.counts[i]);
	}
}

static void raise_reported(struct metric_row *row)
{
	struct reported *reported = row->reported;

	for (unsigned int i = 0; i < RESULT_NUM; i++)
		raise_to(&reported->results[i], row->now->results[i]);
	/* An open connection may still become known. */
	reported->results[RESULT_UNKNOWN] = row->finished->results[RESULT_UNKNOWN];
	for (unsigned int i = 0; i < PEERS_TOTAL_NUM; i++)
		if (row->now->totals[i].known > reported->known[i])
			reported->known[i] = row->now->totals[i].known;
	for (unsigned int i = 0; i < PEERS_SPREAD_NUM; i++)
		raise_to(&reported->known_count[i], row->now->spreads[i].count);
}

static void add_label(struct text *text, const char *before, const char *key, const char *value)
{
	text_add(text, before);
	text_add(text, key);
	text_add_char(text, '=');
	add_label_value(text, value);
}

/* A process without a unit has an empty label, which is as if it had none. */
static char *process_labels(const struct metrics *metrics, const struct table *table,
			    const struct peers_identity *identity)
{
	const char *dir = conn_dir_text(identity->dir), *unit = peers_further(identity)->text[PEERS_TEXT_UNIT];
	const char *program = identity->comm[0] != '\0' ? redact_text(REDACT_COMM, identity->comm) : "unknown";
	struct text text = {0};

	add_label(&text, "", "direction", dir != NULL ? dir : "unknown");
	if (metrics->by & METRICS_BY_PROGRAM)
		add_label(&text, ",", "program", table->is_rest ? METRICS_OTHER : program);
	if (metrics->by & METRICS_BY_UNIT)
		add_label(&text, ",", "unit",
			  table->is_rest ? METRICS_OTHER
			  : unit != NULL ? redact_text(REDACT_COMM, unit)
					 : "");
	return text.data;
}

static char *labels_of(const struct metrics *metrics, const struct table *table, const struct peers_identity *identity)
{
	const char *dir = conn_dir_text(identity->dir);
	char ip[ENDPOINT_TEXT], port[8];
	struct text text = {0};

	if (table == &metrics->by_group) {
		add_label(&text, "", "group", groups_name(metrics->groups, identity->group - 1U));
		return text.data;
	}
	if (table == &metrics->by_process || table == &metrics->other_processes)
		return process_labels(metrics, table, identity);
	snprintf(port, sizeof(port), "%u", identity->port);
	if (table->is_rest)
		add_label(&text, "", "peer", METRICS_OTHER);
	else
		add_label(&text, "", "peer",
			  endpoint_has_ip(&identity->peer) ? endpoint_ip_text(&identity->peer, ip) : "unknown");
	add_label(&text, ",", "direction", dir != NULL ? dir : "unknown");
	if (table->is_rest)
		add_label(&text, ",", "port", METRICS_OTHER);
	else
		add_label(&text, ",", "port", identity->port != 0 ? port : "unknown");
	return text.data;
}

/* Append the rows of a table. */
static size_t add_rows(const struct metrics *metrics, struct table *table, struct peers *now, struct metric_row **rows,
		       size_t count)
{
	size_t more = peers_count(table->finished);

	*rows = xreallocarray(*rows, count + more + 1, sizeof(**rows));
	table->reported = xreallocarray(table->reported, more + 1, sizeof(*table->reported));
	memset(table->reported + table->reported_count, 0, (more - table->reported_count) * sizeof(*table->reported));
	table->reported_count = more;
	for (size_t i = 0; i < more; i++) {
		struct metric_row *row = &(*rows)[count + i];

		row->finished = peers_group(table->finished, i);
		row->now = peers_group(now, i);
		row->reported = &table->reported[i];
		row->labels = labels_of(metrics, table, &row->finished->identity);
		raise_reported(row);
		if (table->has_buckets)
			raise_buckets(row);
	}
	return count + more;
}

static void write_results(struct writer *writer, const char *prefix, const struct metric_row *rows, size_t count)
{
	begin_family(writer, prefix, "connections", COUNTER, "Attempts by result.");
	for (size_t i = 0; i < count; i++)
		for (unsigned int result = 0; result < RESULT_NUM; result++)
			/* A counter that appears with its first event has no increase that an alert could see. */
			if (result != RESULT_PENDING)
				add_labelled(writer, rows[i].labels, "result", conn_result_text(result),
					     rows[i].reported->results[result]);
	begin_family(writer, prefix, "pending_connections", GAUGE, "Attempts without a result yet.");
	for (size_t i = 0; i < count; i++)
		add_count(writer, "", rows[i].labels, rows[i].now->results[RESULT_PENDING]);
	begin_family(writer, prefix, "open_connections", GAUGE, "Open connections.");
	for (size_t i = 0; i < count; i++)
		add_count(writer, "", rows[i].labels, rows[i].now->open);
}

static const struct {
	enum peers_total total;
	const char *name;
	const char *help;
	enum peers_total exact; /* its unknown members are those of which the sum is a part only */
} sums[] = {
	{PEERS_OLDER, "older_connections", "Established connections that are older than the run.", PEERS_OLDER},
	{PEERS_DUP_SYN, "syn_resent_connections", "Connections that were established after a retransmitted SYN.",
	 PEERS_DUP_SYN},
	{PEERS_DUP_SYNACK, "synack_resent_connections",
	 "Connections that were established after a retransmitted SYN/ACK.", PEERS_DUP_SYNACK},
	{PEERS_RX_LEAST, "received_bytes",
	 "Payload received, each byte once, as far as known; of older connections the total.", PEERS_RX_BYTES},
	{PEERS_TX_LEAST, "sent_bytes", "Payload sent, each byte once, as far as known; of older connections the total.",
	 PEERS_TX_BYTES},
	{PEERS_RETRANS, "resent_segments", "Retransmitted segments, of connections where it is known.", PEERS_RETRANS},
};

static const struct {
	enum peers_total total;
	const char *name;
	const char *help;
	enum peers_spread spread;
} times[] = {
	{PEERS_HS_TIME, "handshake_seconds", "First SYN to the ACK that finished the handshake.", PEERS_HS},
	{PEERS_QUEUE_TIME, "accept_queue_seconds", "Handshake finished until accept(2) returned.", PEERS_QUEUE},
	{PEERS_CONNECT_TIME, "connect_seconds", "connect(2) called until the outcome was known.", PEERS_CONNECT},
	{PEERS_FIRST_TIME, "answer_seconds", "End of the first request to the first byte of its answer.", PEERS_FIRST},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* OpenMetrics requires a decimal point. */
static void add_bucket(struct writer *writer, const char *labels, const char *bound, uint64_t value)
{
	bool is_whole = writer->format == METRICS_OPENMETRICS && strchr(bound, '.') == NULL;
	char text[16];

	snprintf(text, sizeof(text), "%s%s", bound, is_whole ? ".0" : "");
	add_extra(writer, "_bucket", labels, "le", text, value);
}

static void write_times(struct writer *writer, const struct table *table, const struct metric_row *rows, size_t count)
{
	for (size_t k = 0; k < COUNT_OF(times); k++) {
		begin_family(writer, table->prefix, times[k].name, table->has_buckets ? HISTOGRAM : SUMMARY,
			     times[k].help);
		for (size_t i = 0; i < count; i++) {
			const struct reported *reported = rows[i].reported;
			uint64_t known = reported->known_count[times[k].spread];

			for (size_t bound = 0; table->has_buckets && bound < BOUNDS_NUM; bound++)
				add_bucket(writer, rows[i].labels, bounds[bound].text,
					   reported->buckets[times[k].spread][bound]);
			if (table->has_buckets)
				add_extra(writer, "_bucket", rows[i].labels, "le", "+Inf", known);
			add_seconds(writer, "_sum", rows[i].labels, reported->known[times[k].total]);
			add_count(writer, "_count", rows[i].labels, known);
		}
	}
}

static void write_sums(struct writer *writer, const char *prefix, const struct metric_row *rows, size_t count)
{
	for (size_t k = 0; k < COUNT_OF(sums); k++) {
		begin_family(writer, prefix, sums[k].name, COUNTER, sums[k].help);
		for (size_t i = 0; i < count; i++)
			add_count(writer, "", rows[i].labels, (uint64_t)rows[i].reported->known[sums[k].total]);
	}
}

static void write_unseen(struct writer *writer, const char *prefix, const struct metric_row *rows, size_t count)
{
	begin_family(writer, prefix, "unseen_connections", COUNTER,
		     "Finished connections for which that figure is unknown.");
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < COUNT_OF(times); k++)
			add_labelled(writer, rows[i].labels, "figure", times[k].name,
				     rows[i].finished->spreads_unknown[times[k].spread]);
		for (size_t k = 0; k < COUNT_OF(sums); k++)
			add_labelled(writer, rows[i].labels, "figure", sums[k].name,
				     rows[i].finished->totals[sums[k].exact].unknown);
	}
}

static void write_rows(struct writer *writer, const struct table *table, struct metric_row *rows, size_t count)
{
	if (count > 0) {
		write_results(writer, table->prefix, rows, count);
		write_sums(writer, table->prefix, rows, count);
		write_times(writer, table, rows, count);
		write_unseen(writer, table->prefix, rows, count);
	}
	for (size_t i = 0; i < count; i++)
		free(rows[i].labels);
	free(rows);
}

/* ---- the run ----------------------------------------------------------------- */

static void write_run(struct writer *writer, const struct metrics_run *run)
{
	const struct summary *summary = &run->summary;
	int64_t table = summary->lost[LOST_TABLE] > 0 ? summary->lost[LOST_TABLE] : 0;

	begin_family(writer, "conntrace_", "build_info", GAUGE, "The running version.");
	add_labelled(writer, "", "version", run->version, 1);
	begin_family(writer, "conntrace_", "start_time_seconds", GAUGE, "When the run began, since the epoch.");
	add_seconds(writer, "", "", run->start_ns);
	if (!(summary->lacks & SUMMARY_LACKS_FRAMES)) {
		begin_family(writer, "conntrace_", "packets", COUNTER, "Packets captured or read.");
		add_count(writer, "", "", summary->packets);
	}
	begin_family(writer, "conntrace_", "stops", COUNTER, "Stops of a traced program.");
	add_count(writer, "", "", summary->stops);
	begin_family(writer, "conntrace_", "evicted_connections", COUNTER,
		     "Connections that left the table, or are in no report, for want of room.");
	add_count(writer, "", "", summary->evicted + (uint64_t)table);
	if (summary->cpu_ns >= 0) {
		begin_family(writer, "conntrace_", "cpu_seconds", COUNTER, "CPU time of conntrace itself.");
		add_seconds(writer, "", "", summary->cpu_ns);
	}
	if (summary->peak_bytes >= 0) {
		begin_family(writer, "conntrace_", "peak_resident_bytes", GAUGE,
			     "Highest resident memory of each process of conntrace.");
		add_labelled(writer, "", "process", "main", (uint64_t)summary->peak_bytes);
		if (summary->packet_peak_bytes > 0)
			add_labelled(writer, "", "process", "packets", (uint64_t)summary->packet_peak_bytes);
	}
	begin_family(writer, "conntrace_", "lost", COUNTER, "What was lost, by place; no sample when it is unknown.");
	for (unsigned int i = 0; i < LOST_WHERE_NUM; i++)
		if (summary->lost[i] >= 0)
			add_labelled(writer, "", "where", summary_lost_key(i), (uint64_t)summary->lost[i]);
}

/* A peer gets its row with its first connection, and keeps it; so does a process. */
static void reserve_rows(struct table *table, struct table *rest, report_next *next_open, void *context)
{
	for (const struct conn *conn = NULL; (conn = next_open(context, conn)) != NULL;)
		if (!peers_reserve(table->finished, conn))
			peers_reserve(rest->finished, conn);
}

/* The rows of a table, and of what has no room in it; @rest is NULL for none. */
static void write_table(struct writer *writer, const struct metrics *metrics, struct table *table, struct table *rest,
			report_next *next_open, void *context)
{
	struct peers *now, *now_rest = NULL;
	struct metric_row *rows = NULL;
	size_t count;

	if (rest != NULL)
		reserve_rows(table, rest, next_open, context);
	now = peers_copy(table->finished);
	if (rest != NULL)
		now_rest = peers_copy(rest->finished);
	for (const struct conn *conn = NULL; (conn = next_open(context, conn)) != NULL;)
		if (!peers_add(now, conn) && now_rest != NULL)
			peers_add(now_rest, conn);
	count = add_rows(metrics, table, now, &rows, 0);
	if (rest != NULL)
		count = add_rows(metrics, rest, now_rest, &rows, count);
	write_rows(writer, table, rows, count);
	peers_free(now);
	peers_free(now_rest);
}

void metrics_write(struct metrics *metrics, report_next *next_open, void *context, const struct metrics_run *run,
		   enum metrics_format format, struct text *text)
{
	struct writer writer = {.text = text, .format = format};

	write_run(&writer, run);
	write_table(&writer, metrics, &metrics->by_group, NULL, next_open, context);
	if (metrics->by != 0)
		write_table(&writer, metrics, &metrics->by_process, &metrics->other_processes, next_open, context);
	if (format == METRICS_PROMETHEUS)
		write_table(&writer, metrics, &metrics->by_peer, &metrics->others, next_open, context);
	else
		text_add(text, "# EOF\n");
	text_free(&writer.name);
}
