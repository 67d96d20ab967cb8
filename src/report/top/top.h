/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_H
#define CONNTRACE_REPORT_TOP_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conn.h"

/*
 * The live screen in four parts: top_model.c remembers connections and works
 * out rates, top_order.c filters, folds and sorts them, top_layout.c makes
 * lines of them, top_screen.c shows these on a terminal. Only the last one does
 * anything but compute; top_keys.c turns keys into what the others are told.
 */

/** Pieces of a connection's recent past that are drawn as its sparkline, and how long one is. */
#define TOP_PAST 30
#define TOP_PAST_NS (2 * INT64_C(1000000000))
/** Pieces of the whole traffic's recent past: a minute in seconds. */
#define TOP_MINUTE 60

/** enum top_column - what is shown of a row, and what rows are sorted by; top_columns.c describes each */
enum top_column {
	TOP_PEER,
	TOP_LOCAL,
	TOP_PROCESS,
	TOP_PORT,
	TOP_CONNS,
	TOP_FAIL,
	TOP_PENDING,
	TOP_UNDECIDED,
	TOP_DIR,
	TOP_STATE,
	TOP_IDLE,
	TOP_RX_RATE,
	TOP_TX_RATE,
	TOP_RX,
	TOP_TX,
	TOP_RTT,
	TOP_RESENT,
	TOP_HS,
	TOP_QUEUE,
	TOP_RATE,
	TOP_BYTES,
	TOP_SPARK,
	TOP_COLUMN_NUM
};

/** enum top_units - how rates and amounts are written */
enum top_units {
	/** powers of 1000 */
	TOP_UNITS_BYTES,
	/** powers of 1024 */
	TOP_UNITS_BYTES_IEC,
	/** rates in bits, amounts in bytes */
	TOP_UNITS_BITS,
	TOP_UNITS_BITS_IEC,
	TOP_UNITS_NUM
};

/** enum top_fold - what makes a row */
enum top_fold {
	TOP_FOLD_NONE,
	TOP_FOLD_PEERS,
	TOP_FOLD_PROCESSES,
	TOP_FOLD_NUM
};

/**
 * struct top_row - a connection, or several folded into one
 *
 * @conn: as it was at the last tick; holds a reference to its process. Folded: what all members share, the sums
 *        of what adds up, the largest of the round trips and waits
 * @rx_rate: payload received, bytes per second, CONN_UNKNOWN unknown
 * @tx_rate: payload sent
 * @active_ns: when anything last happened on it
 * @ended_ns: when it was seen to have ended, CONN_UNKNOWN while it lives
 * @past: bytes moved in each of the last pieces of TOP_PAST_NS, the newest last
 * @members: connections folded into it, 1 if it is one itself
 * @living: of them alive
 * @failed: of them never came about
 * @pending: of them not decided yet
 * @undecided: of them nothing tells whether they came about
 * @lacks: a bit for each enum top_column whose value is that of some members only
 * @hidden: it ended too long ago to be listed
 * @other: it is of all connections that there was no room for
 */
struct top_row {
	struct conn conn;
	int64_t rx_rate;
	int64_t tx_rate;
	int64_t active_ns;
	int64_t ended_ns;
	float past[TOP_PAST];
	uint32_t members;
	uint32_t living;
	uint32_t failed;
	uint32_t pending;
	uint32_t undecided;
	uint32_t lacks;
	bool hidden;
	bool other;
};

/**
 * struct top_totals - all connections together, whether they are listed or not
 *
 * @now_ns: time of the last tick: of the clock, or of the file that is played
 * @start_ns: when the run, or the file, began
 * @rx_rate: payload received, bytes per second
 * @tx_rate: payload sent
 * @past: bytes received and sent in each second of the last minute, the newest last
 * @open: alive
 * @seen: ever seen
 * @failed: of them never came about
 * @unlisted: alive, and beyond the number that is listed
 * @other: these together, no members when there are none
 */
struct top_totals {
	int64_t now_ns;
	int64_t start_ns;
	int64_t rx_rate;
	int64_t tx_rate;
	float past[2][TOP_MINUTE];
	uint64_t open;
	uint64_t seen;
	uint64_t failed;
	uint64_t unlisted;
	struct top_row other;
};

/** enum top_page - what the screen shows */
enum top_page {
	TOP_PAGE_LIST,
	TOP_PAGE_DETAILS,
	TOP_PAGE_HELP,
};

/** enum top_prompt - what is being typed in the last line */
enum top_prompt {
	TOP_PROMPT_NONE,
	TOP_PROMPT_FILTER,
	TOP_PROMPT_KEEP,
};

/** Room for what can be typed. */
#define TOP_TYPED 64

/**
 * struct top_state - what the user has chosen
 *
 * @page: what is shown
 * @prompt: what is being typed
 * @units: how rates are written
 * @fold: what makes a row
 * @sort: by which column
 * @descending: the largest first
 * @paused: the screen stands still
 * @resolve: names instead of addresses
 * @utf8: the terminal shows more than ASCII
 * @is_file: a file is played
 * @has_ended: nothing more comes
 * @chosen: a row has been chosen by the arrows, and is held on to
 * @chosen_id: conn.id of that row
 * @at: place of the chosen row in the list
 * @first: place of the first row that is shown
 * @scroll: lines of the page of help, or of one connection, that have gone by
 * @scroll_most: how many there can be, by the screen as it was drawn last
 * @keep_ns: how long closed connections stay
 * @speed: of a file, in billionths of its own
 * @percent: how far a file is read, CONN_UNKNOWN unknown
 * @title: what is watched
 * @filter: words that a row must contain, or not with a leading '!'
 * @typed: what was typed so far
 * @message: for the last line, "" none
 */
struct top_state {
	enum top_page page;
	enum top_prompt prompt;
	enum top_units units;
	enum top_fold fold;
	enum top_column sort;
	bool descending;
	bool paused;
	bool resolve;
	bool utf8;
	bool is_file;
	bool has_ended;
	bool chosen;
	uint64_t chosen_id;
	size_t at;
	size_t first;
	unsigned int scroll;
	unsigned int scroll_most;
	int64_t keep_ns;
	int64_t speed;
	int64_t percent;
	char title[64];
	char filter[TOP_TYPED];
	char typed[TOP_TYPED];
	char message[160];
};

/** The file's own speed, in struct top_state's billionths. */
#define TOP_SPEED_ONE INT64_C(1000000000)

/** top_state_init() - what holds before any key was pressed */
void top_state_init(struct top_state *state);

/**
 * typedef top_name - the name of a host, for TOP_PEER and TOP_LOCAL
 *
 * Return: NULL when there is none, or none yet.
 */
typedef const char *top_name(void *context, const struct endpoint *endpoint);

#endif
