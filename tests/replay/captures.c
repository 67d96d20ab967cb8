// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Public captures against the true answers that stand beside them: one table
 * per capture, a row per connection, made by other programs. Every row must
 * agree in what it has an answer for, except for the kinds of rows that the
 * tables themselves call ambiguous. The directory is $CONNTRACE_CAPTURES;
 * without it the test is skipped.
 *
 * Usage: captures [-v] [CAPTURE...]
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../helpers/pipeline.h"

#define COLUMNS_MAX 128
#define TIMEOUT_NS INT64_C(30000000000)

/* One truth table; the cells point into the text. */
struct table {
	char *text;
	char *names[COLUMNS_MAX];
	int columns;
	char ***rows;
	int count;
};

static bool verbose;
static int rows_checked, rows_agreed, rows_left;

static int split(char *line, char **cells)
{
	int count = 0;

	while (count < COLUMNS_MAX) {
		cells[count++] = line;
		line = strchr(line, '\t');
		if (line == NULL)
			break;
		*line++ = '\0';
	}
	return count;
}

static bool table_read(struct table *table, const char *path)
{
	FILE *file = fopen(path, "re");
	size_t room = 0, used;
	char *line, *save = NULL;

	memset(table, 0, sizeof(*table));
	if (file == NULL)
		return false;
	fseek(file, 0, SEEK_END);
	room = (size_t)ftell(file);
	rewind(file);
	table->text = calloc(1, room + 1);
	used = fread(table->text, 1, room, file);
	fclose(file);
	table->text[used] = '\0';
	table->rows = calloc(room + 1, sizeof(*table->rows));
	for (line = strtok_r(table->text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		if (line[0] == '#')
			continue;
		if (table->columns == 0) {
			table->columns = split(line, table->names);
			continue;
		}
		table->rows[table->count] = calloc(COLUMNS_MAX, sizeof(char *));
		split(line, table->rows[table->count++]);
	}
	return true;
}

static void table_free(struct table *table)
{
	for (int i = 0; i < table->count; i++)
		free(table->rows[i]);
	free(table->rows);
	free(table->text);
}

static const char *cell(const struct table *table, int row, const char *name)
{
	for (int i = 0; i < table->columns; i++)
		if (strcmp(table->names[i], name) == 0)
			return table->rows[row][i] ? table->rows[row][i] : "";
	fprintf(stderr, "# no column %s\n", name);
	return "";
}

static int64_t number(const struct table *table, int row, const char *name)
{
	return atoll(cell(table, row, name));
}

/* Seconds as text to nanoseconds, exactly. */
static int64_t nanoseconds(const char *text)
{
	int64_t value = 0;
	int digits = 9;

	if (*text == '\0')
		return CONN_UNKNOWN;
	for (; *text >= '0' && *text <= '9' && value < INT64_C(9000000000) / 10; text++)
		value = value * 10 + (*text - '0');
	if (*text == '.')
		text++;
	for (; digits > 0; digits--)
		value = value * 10 + (*text >= '0' && *text <= '9' ? *text++ - '0' : 0);
	return value;
}

/* What is known of one row, seen from the client. */
struct row {
	const char *capture;
	const struct table *table;
	int number;
	bool agrees;
};

static void differ(struct row *row, const char *what, int64_t ours, int64_t theirs)
{
	row->agrees = false;
	printf("# %s row %d (%s:%s > %s:%s, %s) %s: %lld, truth %lld\n", row->capture, row->number,
	       cell(row->table, row->number, "client_ip"), cell(row->table, row->number, "client_port"),
	       cell(row->table, row->number, "server_ip"), cell(row->table, row->number, "server_port"),
	       cell(row->table, row->number, "result"), what, (long long)ours, (long long)theirs);
}

static void equal(struct row *row, const char *what, int64_t ours, int64_t theirs)
{
	if (ours != theirs)
		differ(row, what, ours, theirs);
}

/* Tables round to a microsecond here and there. */
static void equal_time(struct row *row, const char *what, int64_t ours, const char *column)
{
	int64_t theirs = nanoseconds(cell(row->table, row->number, column));

	/* The answer was recorded before the question: the tables say 0, we do not know. */
	if (theirs == 0 && ours < 0)
		return;
	if (llabs(ours - theirs) > 1000 || (ours < 0) != (theirs < 0))
		differ(row, what, ours, theirs);
}

static void check_result(struct row *row, const struct conn *conn)
{
	static const struct {
		const char *name;
		enum conn_result result;
	} names[] = {
		{"success", RESULT_OK},      {"rejected", RESULT_REFUSED},       {"aborted", RESULT_RESET},
		{"unreach", RESULT_UNREACH}, {"rst-after-synack", RESULT_RESET},
	};
	const char *result = cell(row->table, row->number, "result");
	int64_t silent = nanoseconds(cell(row->table, row->number, "last_syn_to_eof"));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, result) == 0) {
			equal(row, "result", conn->result, names[i].result);
			return;
		}
	/* The tables endure "time exceeded" (RFC 1122, 4.2.3.9), Linux does not. */
	if (strcmp(result, "noanswer") == 0 && conn->icmp_type == 11)
		equal(row, "result", conn->result, RESULT_UNREACH);
	else if (strcmp(result, "noanswer") == 0)
		equal(row, "result", conn->result, silent >= TIMEOUT_NS ? RESULT_TIMEOUT : RESULT_PENDING);
	else if (strcmp(result, "halfopen") == 0 && conn->result != RESULT_TIMEOUT)
		equal(row, "result", conn->result, RESULT_PENDING);
	else if (conn->result != RESULT_OK && strcmp(result, "halfopen") != 0)
		equal(row, "result", conn->result, RESULT_UNKNOWN);
}

static void check_retrans(struct row *row, const char *what, int64_t ours, const char *side)
{
	static const char *const more[] = {"part", "gapfill", "keepalive"};
	char name[32];
	int64_t low, high;

	snprintf(name, sizeof(name), "rexmt_%s", side);
	low = high = number(row->table, row->number, name);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		snprintf(name, sizeof(name), "%s_%s", more[i], side);
		high += number(row->table, row->number, name);
	}
	/* A FIN may have come again with payload or without; the table counts payload only. */
	snprintf(name, sizeof(name), "fin_%s", side);
	high += number(row->table, row->number, name) > 1 ? number(row->table, row->number, name) - 1 : 0;
	/* The table counts padding behind the length of PPPoE as data that came again (captures.differences). */
	if (strcmp(row->capture, "zeek/pppoe-over-qinq.pcap") == 0)
		low--;
	/* One that filled a hole may have filled one that was forgotten. */
	snprintf(name, sizeof(name), "gapfill_%s", side);
	if (ours == CONN_UNKNOWN && number(row->table, row->number, name) > 0)
		return;
	if (ours < low || ours > high)
		differ(row, what, ours, low);
}

/* Payload less what came again is the exact total; with parts that came again the table cannot say it. */
static void check_bytes(struct row *row, const char *what, int64_t ours, const char *side)
{
	static const char *const clean[] = {"part", "keepalive", "gapfill"};
	char name[32];
	int64_t payload;

	for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
		snprintf(name, sizeof(name), "%s_%s", clean[i], side);
		if (number(row->table, row->number, name) > 0)
			return;
	}
	snprintf(name, sizeof(name), "payload_%s", side);
	payload = number(row->table, row->number, name);
	snprintf(name, sizeof(name), "rexmt_bytes_%s", side);
	payload -= number(row->table, row->number, name);
	if (ours == CONN_UNKNOWN) {
		/* Unknown is an answer only where the capture did not see it all. */
		if (strcmp(cell(row->table, row->number, "result"), "success") == 0 &&
		    number(row->table, row->number, "ts_lost") == 0)
			differ(row, what, ours, payload);
		return;
	}
	/* A capture that lost segments holds less payload than there was. */
	if (ours < payload || (ours > payload && number(row->table, row->number, "ts_lost") == 0))
		differ(row, what, ours, payload);
}

/* What counts frames: the tables count each that was captured, ours those that were sent. */
static void check_frames(struct row *row, const struct conn *conn, bool client_is_local)
{
	if (conn->copies > 0) {
		equal(row, "packets and copies", conn->rx_pkts + conn->tx_pkts + conn->copies,
		      number(row->table, row->number, "pkts_c2s") + number(row->table, row->number, "pkts_s2c"));
		return;
	}
	equal(row, "packets of the client", client_is_local ? conn->tx_pkts : conn->rx_pkts,
	      number(row->table, row->number, "pkts_c2s"));
	equal(row, "packets of the server", client_is_local ? conn->rx_pkts : conn->tx_pkts,
	      number(row->table, row->number, "pkts_s2c"));
	equal(row, "frame bytes of the client", client_is_local ? conn->tx_wire : conn->rx_wire,
	      number(row->table, row->number, "frame_bytes_c2s"));
	equal(row, "frame bytes of the server", client_is_local ? conn->rx_wire : conn->tx_wire,
	      number(row->table, row->number, "frame_bytes_s2c"));
	if (number(row->table, row->number, "syn_c2s") > 0)
		equal(row, "resent SYN", conn->syn_rtx, number(row->table, row->number, "syn_c2s") - 1);
	if (number(row->table, row->number, "synack_s2c") > number(row->table, row->number, "synack_badack") &&
	    number(row->table, row->number, "synack_isns") == 1)
		equal(row, "resent SYN/ACK", conn->synack_rtx,
		      number(row->table, row->number, "synack_s2c") - number(row->table, row->number, "synack_badack") -
			      1);
	check_retrans(row, "retransmissions of the client", client_is_local ? conn->tx_retrans : conn->rx_retrans,
		      "c2s");
	check_retrans(row, "retransmissions of the server", client_is_local ? conn->rx_retrans : conn->tx_retrans,
		      "s2c");
}

static void check_row(struct row *row, const struct pipeline_conn *found, int64_t last_ns)
{
	bool client_is_local = wire_dir(&found->wire) != DIR_IN;
	struct conn conn;

	conn_init(&conn);
	wire_settle(&found->wire, last_ns, TIMEOUT_NS, &conn);
	check_frames(row, &conn, client_is_local);
	check_bytes(row, "bytes of the client", client_is_local ? conn.tx_bytes : conn.rx_bytes, "c2s");
	check_bytes(row, "bytes of the server", client_is_local ? conn.rx_bytes : conn.tx_bytes, "s2c");
	if (strcmp(cell(row->table, row->number, "result"), "success") == 0) {
		equal_time(row, "handshake", conn.hs_ns, "hs_total");
		equal_time(row, "SYN to SYN/ACK", conn.hs_net_ns, "hs_syn_synack_first");
		equal_time(row, "SYN/ACK to ACK", conn.hs_ack_ns, "hs_synack_ack");
	}
	equal(row, "zero windows", conn.zerowin,
	      number(row->table, row->number, "zerowin_c2s") + number(row->table, row->number, "zerowin_s2c"));
	check_result(row, &conn);
}

/* Rows the tables themselves do not stand for. */
static const char *ambiguous(const struct table *table, int row)
{
	const char *result = cell(table, row, "result");

	if (strcmp(result, "ack-unverified") == 0)
		return "ACK beyond what was seen";
	if (strcmp(result, "synack-missing") == 0)
		return "SYN/ACK not in the file";
	if (number(table, row, "same_tuple") > 1 && strncmp(cell(table, row, "tt"), "split", 5) == 0)
		return "programs split it differently";
	if (strstr(cell(table, row, "opts"), "tunnel") != NULL)
		return "inside a tunnel";
	if (number(table, row, "fragextra_pkts_c2s") + number(table, row, "fragextra_pkts_s2c") > 0)
		return "in fragments";
	return NULL;
}

/* The connection of a row: same addresses and ports, and the n-th of those. */
static const struct pipeline_conn *find(const struct pipeline *pipeline, const struct table *table, int row)
{
	struct flow flow = {.proto = IPPROTO_TCP};
	const struct pipeline_conn *best = NULL;
	int64_t first_ns = nanoseconds(cell(table, row, "first_time"));

	if (endpoint_parse(&flow.local, cell(table, row, "client_ip")) < 0 ||
	    endpoint_parse(&flow.remote, cell(table, row, "server_ip")) < 0)
		return NULL;
	flow.local.port = (uint16_t)number(table, row, "client_port");
	flow.remote.port = (uint16_t)number(table, row, "server_port");
	for (uint32_t i = 0; i < pipeline->count; i++) {
		const struct pipeline_conn *conn = &pipeline->conns[i];
		bool same = endpoint_equal(&conn->flow.local, &flow.local) &&
			    endpoint_equal(&conn->flow.remote, &flow.remote);

		same |= endpoint_equal(&conn->flow.local, &flow.remote) &&
			endpoint_equal(&conn->flow.remote, &flow.local);
		if (same &&
		    (best == NULL || llabs(conn->wire.first_ns - first_ns) < llabs(best->wire.first_ns - first_ns)))
			best = conn;
	}
	return best;
}

/* Return: 1 when the capture agrees, 0 when not, -1 when it cannot be read here (the reason was printed). */
static int check_capture(const char *directory, const char *name, const char *truth)
{
	struct pipeline pipeline;
	struct table table;
	char path[4096];
	bool agrees = true;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (!table_read(&table, truth))
		return -1;
	if (!pipeline_run(&pipeline, path, 0) || strstr(pipeline.error, "not understood") != NULL) {
		snprintf(path, sizeof(path), "%s", pipeline.error);
		printf("# %s: %s\n", name, path);
		rows_left += table.count;
		pipeline_free(&pipeline);
		table_free(&table);
		return -1;
	}
	for (int i = 0; i < table.count; i++) {
		struct row row = {.capture = name, .table = &table, .number = i, .agrees = true};
		const struct pipeline_conn *conn = find(&pipeline, &table, i);
		const char *why = ambiguous(&table, i);

		if (why != NULL) {
			printf("# %s row %d: not compared, %s\n", name, i, why);
			rows_left++;
			continue;
		}
		rows_checked++;
		if (conn == NULL)
			differ(&row, "connections", 0, 1);
		else
			check_row(&row, conn, pipeline.last_ns);
		if (row.agrees)
			rows_agreed++;
		agrees &= row.agrees;
	}
	if (verbose)
		printf("# %s: %u connections, %d rows; %llu segments, %llu other, %llu fragments, %llu malformed %s\n",
		       name, pipeline.count, table.count, (unsigned long long)pipeline.results[DISSECT_EVENT],
		       (unsigned long long)pipeline.results[DISSECT_OTHER],
		       (unsigned long long)pipeline.results[DISSECT_FRAGMENT],
		       (unsigned long long)pipeline.results[DISSECT_MALFORMED], pipeline.error);
	pipeline_free(&pipeline);
	table_free(&table);
	return agrees;
}

int main(int argc, char **argv)
{
	const char *directory = getenv("CONNTRACE_CAPTURES");
	char pattern[4096];
	int failed = 0, number_of_test = 0;
	glob_t truths;

	if (argc > 1 && strcmp(argv[1], "-v") == 0) {
		verbose = true;
		argc--, argv++;
	}
	if (directory == NULL || access(directory, R_OK) != 0) {
		printf("1..0 # SKIP no captures: set CONNTRACE_CAPTURES\n");
		return 0;
	}
	snprintf(pattern, sizeof(pattern), "%s/truth/*/*.truth.tsv", directory);
	if (glob(pattern, 0, NULL, &truths) != 0) {
		printf("1..0 # SKIP no truth tables in %s\n", directory);
		return 0;
	}
	for (size_t i = 0; i < truths.gl_pathc; i++) {
		const char *truth = truths.gl_pathv[i];
		char name[512];
		int outcome;

		snprintf(name, sizeof(name), "%s", truth + strlen(directory) + strlen("/truth/"));
		name[strlen(name) - strlen(".truth.tsv")] = '\0';
		if (strlen(name) > 9 && strcmp(name + strlen(name) - 9, ".nodefrag") == 0)
			continue;
		if (argc > 1 && strstr(name, argv[1]) == NULL)
			continue;
		outcome = check_capture(directory, name, truth);
		printf("%s %d - %s%s\n", outcome == 0 ? "not ok" : "ok", ++number_of_test, name,
		       outcome < 0 ? " # SKIP cannot be read here" : "");
		failed += outcome == 0;
	}
	globfree(&truths);
	printf("# %d of %d rows agree, %d not compared\n1..%d\n", rows_agreed, rows_checked, rows_left, number_of_test);
	return failed != 0;
}
