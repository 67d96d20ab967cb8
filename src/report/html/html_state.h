/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_HTML_HTML_STATE_H
#define CONNTRACE_REPORT_HTML_HTML_STATE_H

#include "report/html/html.h"
#include "report/html/html_flows.h"
#include "report/html/html_rank.h"
#include "report/rows/column.h"
#include "track/peers.h"

/* Shared by the files html*.c and internal to them. */

/** Most connections, ladders and graphs in a page, and rows of peers. */
#define HTML_CONNS 2000
#define HTML_LADDERS 40
#define HTML_GRAPHS 8
#define HTML_PEERS 200
/* Peers among which these are found; those of later ones are one row. */
#define HTML_GROUPS 8192
/** Most entries of a ladder. */
#define HTML_ENTRIES 160

/** Classes of connections that stand out for the same reason. */
#define HTML_CLASSES 4096

/** Script and style, by lines; NULL ends them (html_assets.c, generated). */
extern const char *const html_js[];
extern const char *const html_css[];

/** enum html_rank_kind - what is ranked */
enum html_rank_kind {
	HTML_RANK_CONNS,
	HTML_RANK_LADDERS,
	HTML_RANK_GRAPHS,
	HTML_RANK_NUM
};

/** enum html_rows - kinds of rows */
enum html_rows {
	HTML_ROWS_CONNS,
	HTML_ROWS_PEERS,
	/** a program and a peer, for the map */
	HTML_ROWS_LINKS,
	/** sums over all peers */
	HTML_ROWS_TOTALS,
	/** peers in the part of the page that needs no script */
	HTML_ROWS_TABLE,
	HTML_ROWS_NUM
};

/** struct html_columns - @count columns */
struct html_columns {
	const struct column **column;
	size_t count;
};

/**
 * struct html - see html.h
 * @names: of users
 * @columns: by enum html_rows
 * @flows: of open connections
 * @ranks: by enum html_rank_kind
 * @peers: by peer, direction and port, as the report peers
 * @links: likewise by program, with few groups, for the map
 * @classes: how many connections stood out for the same reason
 * @base_ns: all times are since then; CLOCK_UNKNOWN before the first connection
 * @conns: connections
 * @has_packets: segments were seen
 * @refused: of these, ones that the table of peers has no room for
 * @data: JSON of the last html_collect(), without the end
 * @table: the rows of peers as HTML
 */
struct html {
	struct names *names;
	struct html_columns columns[HTML_ROWS_NUM];
	struct html_flows *flows;
	struct html_rank ranks[HTML_RANK_NUM];
	struct peers *peers;
	struct peers *links;
	uint16_t classes[HTML_CLASSES];
	int64_t base_ns;
	uint64_t conns;
	bool has_packets;
	uint64_t refused;
	struct text data;
	struct text table;
};

/** html_columns() - the columns of a list of names, all of connections or all of groups; the array is the caller's */
struct html_columns html_columns(const char *list, bool is_conn);

/** html_row() - append the values of a row as JSON, comma separated */
void html_row(const struct html *html, struct text *text, enum html_rows rows, const struct row *row);

/** html_head() - append the names of the columns as a JSON array */
void html_head(const struct html *html, struct text *text, enum html_rows rows);

/** html_time() - append a time in microseconds since @html->base_ns, null when unknown */
void html_time(const struct html *html, struct text *text, int64_t time_ns);

/** html_ladder() - append the time line of a connection as a JSON object */
void html_ladder(const struct html *html, struct text *text, const struct conn *conn);

/** html_escape() - append untrusted text as HTML */
void html_escape(struct text *text, const char *foreign);

#endif
