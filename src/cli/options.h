/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTIONS_H
#define CONNTRACE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "track/conn_filter.h"
#include "report/ladder/ladder.h"
#include "report/io_stat/io_spec.h"
#include "report/reports.h"
#include "model/message.h"
#include "track/groups.h"
#include "track/suspicious.h"

/** enum options_via - where socket events come from (--via) */
enum options_via {
	OPTIONS_VIA_AUTO,
	OPTIONS_VIA_PTRACE,
	OPTIONS_VIA_DIAG,
	OPTIONS_VIA_NUM
};

/** enum options_color - when tables are coloured (--color) */
enum options_color {
	OPTIONS_COLOR_AUTO,
	OPTIONS_COLOR_ALWAYS,
	OPTIONS_COLOR_NEVER,
	OPTIONS_COLOR_NUM
};

/** enum options_debug - what --debug tells about; bits */
enum options_debug {
	/** which sources were opened, with what, and what was given up */
	OPTIONS_DEBUG_SOURCES = 0x1,
	/** every event after the merge */
	OPTIONS_DEBUG_EVENTS = 0x2,
};

/**
 * struct options - the command line, checked
 *
 * Strings point into argv and are NULL when the option was not given, unless
 * a field says otherwise. Numbers are 0 when the option was not given and has
 * no default. Filled by options_parse(), freed by options_free().
 *
 * @pids: processes to attach to, each once, in the order given
 * @pid_count: how many
 * @user: name of the user to run COMMAND as, known to passwd(5); owned
 * @follow: follow children; default true
 * @no_filter: launch without the system-call filter
 * @no_io_uring: the command finds no io_uring
 * @watch_close: the system-call filter stops for close(2) and its like too
 * @via: where socket events come from
 * @sample_ms: longest time between two looks of OPTIONS_VIA_DIAG, in milliseconds
 * @command: COMMAND and its arguments, ended by NULL as execvp(3) wants it; NULL when there is none
 * @interfaces: interfaces to capture on, each once
 * @interface_count: how many
 * @read: first savefile to read, "-" is standard input
 * @reads: all of them
 * @read_count: how many
 * @packet_filter: pcap-filter(7) expression from --filter or the operands, NULL none; owned
 * @promisc: promiscuous mode
 * @decapsulate: enum dissect_tunnel, wrappings to take off packets
 * @snaplen: bytes captured of each packet
 * @buffer_kib: capture buffer of each interface, in KiB
 * @drop_to: user that looks at packets when conntrace runs as root, known to passwd(5); NULL the default; owned
 * @filter: which connections are shown
 * @groups: those of --group, RX and TX always; owned
 * @only: enum suspicious_reason bits of --only
 * @suspicious: show the suspicious ones
 * @limits: from when on something is suspicious; reasons are those to look for
 * @duration_ns: stop after so long, 0 never
 * @count: stop after so many finished connections, 0 never
 * @packets: stop after so many packets, 0 never
 * @interval_ns: report so often, 0 only at the end
 * @align: intervals begin when the clock shows a multiple of them
 * @timeout_ns: an attempt without an answer has failed after so long
 * @reports: the reports asked for, that of --events first, then in the order given, those without a spec once; their
 *	     specs are owned
 * @io_filters: packet filters of all of them; owned
 * @report_count: how many
 * @by: keys of the peers report, NULL the default ones
 * @sort: columns to sort by
 * @max_connections: kept in memory at once
 * @limit: rows printed of each report, 0 all
 * @events: a line for each connection as it finishes
 * @handshakes: or when it is decided whether it comes about
 * @messages: or when an application says something on it; never both
 * @message_names: which fields of it are shown
 * @payload: something is shown that only the payload tells
 * @top: a screen that shows them as they are
 * @screen: there is a terminal for it; not an option, but found by top_run_find_screen()
 * @keep_ns: how long closed ones stay on it
 * @speed: how fast a file is played, in billionths of its own speed; 0 when nobody said
 * @ladder: enum ladder_which bits: time lines to be drawn
 * @context: plain segments around each one that stands out in them
 * @output: file to write to, NULL or "-" is standard output
 * @append: to its end; SIGHUP opens it again
 * @columns: columns to print
 * @format: how rows are written
 * @time: how moments are written
 * @time_given: that was asked for
 * @color: when tables are coloured
 * @no_header: print no column titles
 * @human: bytes as 1.5K
 * @resolve: names instead of addresses
 * @quiet: no accounts unless something was lost
 * @control: Unix socket to answer on
 * @metrics: file to keep metrics in
 * @metrics_peers: rows of peers there
 * @record: file to write events to
 * @strace_log: file to read calls from
 * @replay: file to read events from
 * @help: --help was asked for; then, and with the next three, nothing need be watched
 * @version: --version was asked for
 * @list_columns: --list-columns was asked for
 * @check: --check was asked for
 * @debug: enum options_debug bits
 * @batch: events of a savefile that are dealt with at a time, 0 for as many as are fast (--debug=batch:N)
 * @batch_seed: not 0: from 1 to @batch, by chance (--debug=batch:N:SEED)
 */
struct options {
	pid_t *pids;
	size_t pid_count;
	char *user;
	bool follow;
	bool no_filter;
	bool watch_close;
	bool no_io_uring;
	enum options_via via;
	int64_t sample_ms;
	char *const *command;
	const char **interfaces;
	size_t interface_count;
	const char *read;
	const char **reads;
	size_t read_count;
	char *packet_filter;
	bool promisc;
	int64_t snaplen;
	int64_t buffer_kib;
	char *drop_to;
	struct conn_filter filter;
	struct groups *groups;
	uint16_t only;
	bool suspicious;
	struct suspicious_limits limits;
	int64_t duration_ns;
	int64_t count;
	int64_t packets;
	int64_t interval_ns;
	bool align;
	int64_t timeout_ns;
	struct report_choice reports[REPORT_ALL];
	struct io_filters io_filters;
	size_t report_count;
	const char *by;
	const char *sort;
	int64_t max_connections;
	int64_t limit;
	bool events;
	bool handshakes;
	bool messages;
	struct message_names message_names;
	bool payload;
	bool top;
	bool screen;
	int64_t keep_ns;
	int64_t speed;
	unsigned int ladder;
	int64_t context;
	const char *output;
	bool append;
	const char *columns;
	enum report_format format;
	enum report_time time;
	bool time_given;
	enum options_color color;
	bool no_header;
	bool human;
	bool resolve;
	bool quiet;
	const char *control;
	const char *metrics;
	int64_t metrics_peers;
	const char *record;
	const char *strace_log;
	const char *replay;
	bool help;
	bool version;
	bool list_columns;
	bool check;
	unsigned int debug;
	uint32_t batch;
	uint32_t batch_seed;
	unsigned int decapsulate;
};

/**
 * options_parse() - the command line into @options
 * @options: to be freed with options_free() on success only
 * @argc: as given to main
 * @argv: as given to main; must outlive @options
 * @err: on failure, the story with the hint at --help in a second line
 *
 * What the operands are: after -p, PIDs, and options may follow them; with
 * only -i or -r, one packet filter; otherwise COMMAND. "--" before the
 * operands always says COMMAND.
 *
 * Return: 0 or -EINVAL, which is exit status 2.
 */
int options_parse(struct options *options, int argc, char *const argv[], struct err *err);

/**
 * options_usage() - make a story told elsewhere about a word of the command line a usage error
 * @err: gets the hint at --help in a second line
 *
 * Return: -EINVAL.
 */
int options_usage(struct err *err);

/** options_free() - free what @options owns */
void options_free(struct options *options);

/** options_help() - the usage text of --help */
void options_help(FILE *to);

/** options_wants_color() - is what goes to @is_terminal coloured? By --color, else NO_COLOR and TERM decide */
bool options_wants_color(const struct options *options, bool is_terminal);

/** options_file() - the name of the file that everything is read from, the packets' first; NULL: none is */
static inline const char *options_file(const struct options *options)
{
	return options->read != NULL ? options->read : options->replay != NULL ? options->replay : options->strace_log;
}

/** options_is_file() - is everything read from files, so that time is what these say? */
static inline bool options_is_file(const struct options *options)
{
	return options_file(options) != NULL;
}

/** options_has_packets() - will packets come? What a recording holds nobody knows before it is read */
static inline bool options_has_packets(const struct options *options)
{
	return options->interface_count > 0 || options->read != NULL;
}

/** options_has_slices() - is each report of -I about its interval alone? Of a file it is how far one has come */
static inline bool options_has_slices(const struct options *options)
{
	return options->interval_ns > 0 && !options->top && !options_is_file(options);
}

#endif
