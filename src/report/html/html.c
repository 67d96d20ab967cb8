// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/html/html.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/xalloc.h"
#include "report/html/html_state.h"
#include "report/rows/format.h"

/* Rows of connections: columns of conns, then what add_extras() adds. Spans are in microseconds here. */
#define CONN_COLUMNS                                                                                \
	"CONN,BEGAN,END,DIR,LADDR,LPORT,RADDR,RPORT,RESULT,ERRNO,ICMP,CONNECT_MS,HS_MS,QUEUE_MS,"   \
	"FIRST_MS,XFER_MS,SYN_RTX,SYNACK_RTX,RTT_MS,RX_BYTES,TX_BYTES,RETRANS,ZEROWIN,STATE,CLOSE," \
	"WHY,PID,COMM,HOST,SEEN"

#define PEER_COLUMNS                                                                            \
	"PEER,DIR,PORT,COMMS,CONNS,OK,FAIL,REFUSED,RESET,TIMEOUT,UNREACH,ABORT,ERROR,PENDING,"  \
	"UNKNOWN,HS_MS,HS_P95_MS,HS_MAX_MS,QUEUE_MS,QUEUE_P95_MS,QUEUE_MAX_MS,FIRST_MS,"        \
	"FIRST_P95_MS,FIRST_MAX_MS,RTT_MS,RETRANS,SYN_RTX,RX_BYTES,TX_BYTES,RX_LEAST,TX_LEAST," \
	"FIRST,LAST"

#define LINK_COLUMNS "COMM,PEER,DIR,PORT,CONNS,FAIL,RETRANS,RX_LEAST,TX_LEAST"

#define TOTAL_COLUMNS "CONNS,OK,FAIL,PENDING,UNKNOWN,RETRANS,RX_BYTES,TX_BYTES,RX_LEAST,TX_LEAST"

/* As the table of the page has them without its script. */
#define TABLE_COLUMNS "PEER,DIR,PORT,COMMS,CONNS,FAIL,HS_MS,QUEUE_MS,RETRANS,RX_BYTES,TX_BYTES"

static struct peers *table(const char *keys, size_t most)
{
	struct peers_keys parsed;
	struct err ignored;
	struct peers *peers;

	(void)peers_parse_keys(keys, &parsed, &ignored);
	peers = peers_new(&parsed, most);
	peers_keep_rest(peers);
	return peers;
}

struct html *html_new(struct groups *groups)
{
	static const size_t limits[] = {
		[HTML_RANK_CONNS] = HTML_CONNS, [HTML_RANK_LADDERS] = HTML_LADDERS, [HTML_RANK_GRAPHS] = HTML_GRAPHS};
	TABLE_COVERS(limits, HTML_RANK_NUM);
	static const char *const lists[] = {[HTML_ROWS_CONNS] = CONN_COLUMNS,
					    [HTML_ROWS_PEERS] = PEER_COLUMNS,
					    [HTML_ROWS_LINKS] = LINK_COLUMNS,
					    [HTML_ROWS_TOTALS] = TOTAL_COLUMNS,
					    [HTML_ROWS_TABLE] = TABLE_COLUMNS};
	TABLE_COVERS(lists, HTML_ROWS_NUM);
	struct html *html = xcalloc(1, sizeof(*html));

	html->names = names_new();
	names_know_groups(html->names, groups);
	html->flows = html_flows_new();
	html->peers = table(PEERS_KEYS_DEFAULT, HTML_GROUPS);
	html->links = table("comm," PEERS_KEYS_DEFAULT, HTML_PEERS);
	/* The map shows no percentiles. */
	peers_keep_few(html->links);
	html->base_ns = CLOCK_UNKNOWN;
	for (size_t i = 0; i < HTML_RANK_NUM; i++)
		html->ranks[i].limit = limits[i];
	for (size_t i = 0; i < HTML_ROWS_NUM; i++)
		html->columns[i] = html_columns(lists[i], i == HTML_ROWS_CONNS);
	return html;
}

void html_free(struct html *html)
{
	if (html == NULL)
		return;
	for (size_t i = 0; i < HTML_RANK_NUM; i++)
		html_rank_free(&html->ranks[i]);
	for (size_t i = 0; i < HTML_ROWS_NUM; i++)
		free(html->columns[i].column);
	html_flows_free(html->flows);
	peers_free(html->peers);
	peers_free(html->links);
	names_free(html->names);
	text_free(&html->data);
	text_free(&html->table);
	free(html);
}

/* ---- what stands out --------------------------------------------------------------- */

/*
 * Failures come first, then what --suspicious chooses, then long waits. Of many for the same reason, later ones count
 * less, so that the ladders show different ones; among these the longest waits come first.
 */
static int64_t score_of(struct html *html, const struct conn *conn)
{
	const int64_t high = INT64_C(1) << 40;
	int64_t score = 0, wait_ns = (conn->queue_ns > 0 ? conn->queue_ns : 0) + (conn->hs_ns > 0 ? conn->hs_ns : 0);
	unsigned int class = conn_service_port(conn) * 31U + conn->result * 7U + conn->why;
	uint16_t *seen = &html->classes[class % HTML_CLASSES];

	if (conn_has_failed(conn->result))
		score += 8 * high;
	if (conn->why & SUSPICIOUS_SET)
		score += 2 * high;
	if (conn->zerowin > 0)
		score += high;
	if (conn->rx_retrans > 0 || conn->tx_retrans > 0)
		score += high;
	if (wait_ns >= 50 * CLOCK_NS_PER_MS)
		score += high;
	if (score > 0) {
		*seen += *seen < UINT16_MAX;
		score /= *seen <= 4 ? 1 : *seen <= 16 ? 2 : 4;
	}
	return score + (wait_ns / CLOCK_NS_PER_US < high / 8 ? wait_ns / CLOCK_NS_PER_US : high / 8);
}

/* Exchanges, HTTP errors, and where the columns have no exact value START, RX_LEAST and TX_LEAST. */
static void add_extras(const struct html *html, struct text *text, const struct conn *conn)
{
	const struct html_flow *flow = html_flows_find(html->flows, conn->id);
	bool is_known = conn->began_ns >= 0 && conn->rx_bytes >= 0 && conn->tx_bytes >= 0;
	const int64_t least[] = {conn->rx_least, conn->tx_least};

	text_add_char(text, ',');
	html_flow_exchanges(flow, conn->began_ns >= 0 ? conn->began_ns : conn->start_ns, text);
	text_add_char(text, ',');
	text_add_unsigned(text, html_flow_errors(flow));
	for (int i = 0; i < 3 && !is_known; i++) {
		text_add_char(text, ',');
		if (i == 0)
			html_time(html, text, conn->start_ns);
		else if (least[i - 1] >= 0)
			text_add_number(text, least[i - 1]);
		else
			text_add(text, "null");
	}
}

static void add_conn(struct html *html, struct html_rank *ranks, const struct conn *conn, int64_t score)
{
	const struct html_flow *flow = html_flows_find(html->flows, conn->id);
	const struct row row = {.conn = conn};
	struct text text = {0};

	if (html_rank_accepts(&ranks[HTML_RANK_CONNS], score, conn->id)) {
		text_add_char(&text, '[');
		html_row(html, &text, HTML_ROWS_CONNS, &row);
		add_extras(html, &text, conn);
		text_add_char(&text, ']');
		html_rank_add(&ranks[HTML_RANK_CONNS], score, conn->id, &text);
	}
	if (!timeline_is_empty(conn->timeline) && html_rank_accepts(&ranks[HTML_RANK_LADDERS], score, conn->id)) {
		html_ladder(html, &text, conn);
		html_rank_add(&ranks[HTML_RANK_LADDERS], score, conn->id, &text);
	}
	/* Among those that stand out, a graph shows more of the long ones. */
	score = score / 16 + (int64_t)html_flow_points(flow) * (INT64_C(1) << 26);
	if (html_flow_points(flow) >= 8 && html_rank_accepts(&ranks[HTML_RANK_GRAPHS], score, conn->id)) {
		html_flow_graph(flow, conn->id, html->base_ns, &text);
		html_rank_add(&ranks[HTML_RANK_GRAPHS], score, conn->id, &text);
	}
}

static void set_base(struct html *html, int64_t time_ns)
{
	if (html->base_ns < 0 && time_ns >= 0)
		html->base_ns = time_ns / CLOCK_NS_PER_SEC * CLOCK_NS_PER_SEC;
}

void html_entry(struct html *html, const struct conn *conn, const struct timeline_entry *entry)
{
	set_base(html, entry->time_ns);
	html->has_packets |= entry->kind == TIMELINE_SEGMENT;
	html_flows_entry(html->flows, conn, entry);
}

void html_finished(struct html *html, const struct conn *conn)
{
	if (html == NULL)
		return;
	set_base(html, conn->start_ns);
	html->conns++;
	html->refused += !peers_add(html->peers, conn);
	peers_add(html->links, conn);
	add_conn(html, html->ranks, conn, score_of(html, conn));
	html_flows_end(html->flows, conn->id);
}

void html_forget(struct html *html, uint64_t id)
{
	if (html != NULL)
		html_flows_end(html->flows, id);
}

/* ---- the data ------------------------------------------------------------------------ */

static struct peers_group *group_at(struct peers *peers, size_t i)
{
	return i < peers_count(peers) ? peers_group(peers, i) : peers_rest(peers);
}

struct order {
	struct peers_group *group;
	size_t place;
};

/* Failures first, then the most connections. */
static int compare_groups(const void *a, const void *b)
{
	const struct order *one = a, *other = b;
	int64_t fail = peers_failures(other->group) - peers_failures(one->group);

	if (fail != 0)
		return fail > 0 ? 1 : -1;
	if (one->group->conns != other->group->conns)
		return one->group->conns < other->group->conns ? 1 : -1;
	return (one->place > other->place) - (one->place < other->place);
}

static void add_table_row(struct html *html, const struct row *row)
{
	const struct html_columns *columns = &html->columns[HTML_ROWS_TABLE];
	const struct style style = STYLE_MACHINE;

	text_add(&html->table, "<tr>");
	for (size_t i = 0; i < columns->count; i++) {
		struct text plain = {0};
		struct value value;

		column_fetch(columns->column[i], row, html->names, &value);
		format_text(&plain, columns->column[i], &value, &style, CONN_UNKNOWN);
		text_add(&html->table, "<td>");
		html_escape(&html->table, plain.data);
		text_free(&plain);
	}
	text_add_char(&html->table, '\n');
}

/* As JSON, and peers as rows of HTML, too. */
static void add_groups(struct html *html, struct peers *peers, enum html_rows rows)
{
	size_t count = peers_count(peers) + (peers_rest(peers) != NULL);
	struct order *order = xcalloc(count + 1, sizeof(*order));

	for (size_t i = 0; i < count; i++)
		order[i] = (struct order){group_at(peers, i), i};
	qsort(order, count, sizeof(*order), compare_groups);
	for (size_t i = 0; i < count && i < HTML_PEERS; i++) {
		const struct row row = {.group = order[i].group};

		text_add(&html->data, i > 0 ? ",\n[" : "[");
		html_row(html, &html->data, rows, &row);
		text_add_char(&html->data, ']');
		if (rows == HTML_ROWS_PEERS)
			add_table_row(html, &row);
	}
	free(order);
}

/* Sums over all groups, shown or not. */
static void add_totals(struct html *html, struct peers *peers)
{
	const struct html_columns *columns = &html->columns[HTML_ROWS_TOTALS];

	text_add(&html->data, "\"groups\":");
	text_add_unsigned(&html->data, peers_count(peers));
	text_add(&html->data, peers_rest(peers) != NULL ? ",\"groups_more\":true" : ",\"groups_more\":false");
	text_add(&html->data, ",\"total_columns\":");
	html_head(html, &html->data, HTML_ROWS_TOTALS);
	for (size_t j = 0; j < columns->count; j++) {
		int64_t sum = 0;
		bool is_known = true;

		for (size_t i = 0; i < peers_count(peers) + (peers_rest(peers) != NULL); i++) {
			const struct row row = {.group = group_at(peers, i)};
			struct value value;

			column_fetch(columns->column[j], &row, html->names, &value);
			is_known &= value.known;
			sum += value.known ? value.number : 0;
		}
		text_add(&html->data, j > 0 ? "," : ",\"totals\":[");
		if (is_known)
			text_add_number(&html->data, sum);
		else
			text_add(&html->data, "null");
	}
	text_add(&html->data, "],");
}

static void write_data(struct html *html, struct html_rank *ranks, struct peers *peers, struct peers *links)
{
	static const char *const names[] = {
		[HTML_RANK_CONNS] = "conns", [HTML_RANK_LADDERS] = "ladders", [HTML_RANK_GRAPHS] = "graphs"};
	TABLE_COVERS(names, HTML_RANK_NUM);
	struct text *data = &html->data;

	text_cut(data, 0);
	text_cut(&html->table, 0);
	text_add(data, "\"base\":");
	if (html->base_ns >= 0)
		text_add_number(data, html->base_ns / CLOCK_NS_PER_SEC);
	else
		text_add(data, "null");
	text_add_char(data, ',');
	add_totals(html, peers);
	text_add(data, "\"peer_columns\":");
	html_head(html, data, HTML_ROWS_PEERS);
	text_add(data, ",\n\"peers\":[");
	add_groups(html, peers, HTML_ROWS_PEERS);
	text_add(data, "],\n\"link_columns\":");
	html_head(html, data, HTML_ROWS_LINKS);
	text_add(data, ",\n\"links\":[");
	add_groups(html, links, HTML_ROWS_LINKS);
	text_add(data, "],\n\"conn_columns\":");
	html_head(html, data, HTML_ROWS_CONNS);
	for (size_t i = 0; i < HTML_RANK_NUM; i++) {
		text_add(data, ",\n\"");
		text_add(data, names[i]);
		text_add(data, "_dropped\":");
		text_add_unsigned(data, ranks[i].dropped);
		text_add(data, ",\"");
		text_add(data, names[i]);
		text_add(data, "\":[");
		html_rank_write(&ranks[i], data);
		text_add_char(data, ']');
	}
	text_add(data, ",\n\"untracked\":");
	text_add_unsigned(data, html_flows_untracked(html->flows));
	text_add(data, ",\"refused\":");
	text_add_unsigned(data, html->refused);
}

void html_collect(struct html *html, report_next *next_open, void *context)
{
	struct peers *peers = html->peers, *links = html->links;
	struct html_rank ranks[HTML_RANK_NUM];
	uint16_t classes[HTML_CLASSES];

	memcpy(classes, html->classes, sizeof(classes));
	for (size_t i = 0; i < HTML_RANK_NUM; i++)
		ranks[i] = html_rank_copy(&html->ranks[i]);
	for (const struct conn *conn = NULL; (conn = next_open(context, conn)) != NULL;) {
		if (peers == html->peers) {
			peers = peers_copy(html->peers);
			links = peers_copy(html->links);
		}
		set_base(html, conn->start_ns);
		peers_add(peers, conn);
		peers_add(links, conn);
		add_conn(html, ranks, conn, score_of(html, conn));
	}
	write_data(html, ranks, peers, links);
	memcpy(html->classes, classes, sizeof(classes));
	for (size_t i = 0; i < HTML_RANK_NUM; i++)
		html_rank_free(&ranks[i]);
	if (peers != html->peers) {
		peers_free(peers);
		peers_free(links);
	}
}
