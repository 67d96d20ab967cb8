/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_TOP_TOP_H
#define CONNTRACE_REPORT_TOP_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/conn.h"

/*
 * The live screen in four parts: top_model.c keeps connections and computes
 * rates, with top_closed.c for those that have left the list, top_order.c filters, folds and sorts them, top_layout.c
 * makes lines of them, top_screen.c shows these on a terminal. Only the last one has side effects; top_keys.c turns
 * keys into changes of struct top_state.
 */

/** Samples of a connection's sparkline, and the time that each covers. */
#define TOP_PAST 30
#define TOP_PAST_NS (2 * INT64_C(1000000000))
/** Time that the average rates cover by which rows are sorted. */
#define TOP_STEADY_NS (10 * INT64_C(1000000000))
/** Samples of the total traffic: a minute in seconds. */
#define TOP_MINUTE 60

/** enum top_column - columns shown and sorted by; top_columns.c describes each */
enum top_column {
	TOP_PEER,
	TOP_LOCAL,
	TOP_PROGRAM,
	TOP_UNIT,
	TOP_PROCESS,
	TOP_PORT,
	TOP_CONNS,
	TOP_CLOSED,
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

/** enum top_units - units of rates and amounts */
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

/** enum top_fold - what a row represents */
enum top_fold {
	TOP_FOLD_NONE,
	TOP_FOLD_PEERS,
	TOP_FOLD_PROCESSES,
	TOP_FOLD_PROGRAMS,
	TOP_FOLD_UNITS,
	TOP_FOLD_NUM
};

/**
 * struct top_row - a connection, or several folded into one
 *
 * @conn: as it was at the last tick; holds a reference to its process. Folded: the common values of all members, sums
 * of the counters, the largest of the round trips and waits
 * @rx_rate: payload received, bytes per second, CONN_UNKNOWN unknown
 * @tx_rate: payload sent
 * @active_ns: time of its last activity
 * @ended_ns: when its end was seen, CONN_UNKNOWN while it is open
 * @steady: payload received and sent, bytes per second, average of the last TOP_STEADY_NS; below 0 unknown
 * @past: bytes moved in each of the last periods of TOP_PAST_NS, the newest last
 * @piece: number of the newest of these periods since the start, -1 none
 * @of: process of the first member, NULL unknown; of a folded row only
 * @members: connections folded into it, 1 for a single connection
 * @living: of them open; the others are closed
 * @failed: of them failed
 * @pending: of them without a result yet
 * @undecided: of them with unknown result
 * @lacks: a bit for each enum top_column whose value is that of some members only
 * @folded: counts, and unknown values, are those of its members
 * @hidden: it ended too long ago to be listed; sums have it
 * @other: it is of all connections that did not fit
 */
struct top_row {
	struct conn conn;
	int64_t rx_rate;
	int64_t tx_rate;
	int64_t active_ns;
	int64_t ended_ns;
	float steady[2];
	float past[TOP_PAST];
	int64_t piece;
	struct process *of;
	uint32_t members;
	uint32_t living;
	uint32_t failed;
	uint32_t pending;
	uint32_t undecided;
	uint32_t lacks;
	bool folded;
	bool hidden;
	bool other;
};

/**
 * struct top_totals - all connections together, whether they are listed or not
 *
 * @now_ns: time of the last tick: of the clock, or of the played file
 * @start_ns: when the run, or the file, began
 * @rx_rate: payload received, bytes per second
 * @tx_rate: payload sent
 * @lacks: bit 0: @rx_rate, and bit 1: @tx_rate, is that of some connections only
 * @past: bytes received and sent in each second of the last minute, the newest last
 * @open: open ones
 * @seen: all connections so far
 * @failed: failed ones
 * @unlisted: open ones beyond the limit of the list
 * @other: these together, and closed ones beyond the limit of what is remembered; without members when there are none
 */
struct top_totals {
	int64_t now_ns;
	int64_t start_ns;
	int64_t rx_rate;
	int64_t tx_rate;
	uint8_t lacks;
	float past[2][TOP_MINUTE];
	uint64_t open;
	uint64_t seen;
	uint64_t failed;
	uint64_t unlisted;
	struct top_row other;
};

/** enum top_page - the page shown */
enum top_page {
	TOP_PAGE_LIST,
	TOP_PAGE_DETAILS,
	TOP_PAGE_HELP,
};

/** enum top_prompt - the input in the last line */
enum top_prompt {
	TOP_PROMPT_NONE,
	TOP_PROMPT_FILTER,
	TOP_PROMPT_KEEP,
};

/** Size of the input. */
#define TOP_TYPED 128

/**
 * struct top_state - the user's choices
 *
 * @page: the page shown
 * @prompt: the input that is open
 * @units: units of rates
 * @fold: what a row represents
 * @sort: column to sort by
 * @descending: the largest first
 * @steady: rates are compared by their average over TOP_STEADY_NS
 * @paused: the screen does not change
 * @resolve: names instead of addresses
 * @utf8: the terminal shows more than ASCII
 * @is_file: a file is played
 * @has_ended: no more events come
 * @chosen: a row was selected by the arrows and stays selected
 * @chosen_id: conn.id of that row
 * @at: index of the selected row in the list
 * @first: index of the first row shown
 * @scroll: lines scrolled on the page of help, or of one connection
 * @scroll_most: the limit of @scroll, from the last drawing
 * @keep_ns: how long closed connections stay
 * @speed: of a file, in billionths of its own
 * @percent: how far a file is read, CONN_UNKNOWN unknown
 * @title: name of the watched command, processes or file
 * @filter: words that a row must contain, or must not with a leading '!'
 * @typed: the input so far
 * @message: for the last line, "" none
 */
struct top_state {
	enum top_page page;
	enum top_prompt prompt;
	enum top_units units;
	enum top_fold fold;
	enum top_column sort;
	bool descending;
	bool steady;
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

/** top_state_init() - set the defaults */
void top_state_init(struct top_state *state);

/**
 * typedef top_name - the name of a host, for TOP_PEER and TOP_LOCAL
 *
 * Return: NULL when it has none, or none is known yet.
 */
typedef const char *top_name(void *context, const struct endpoint *endpoint);

/** enum top_life - whether a process runs */
enum top_life {
	TOP_LIFE_UNKNOWN,
	TOP_LIFE_RUNS,
	TOP_LIFE_ENDED,
};

/**
 * typedef top_life - whether the process that had a connection at @then_ns still runs
 *
 * Another process with its PID is not taken for it.
 */
typedef enum top_life top_life(const struct process *process, int64_t then_ns);

#endif
