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
#include "report/expect/expect_rules.h"
#include "report/ladder/ladder.h"
#include "report/ladder/ladder_mermaid.h"
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
	OPTIONS_VIA_BPF,
	OPTIONS_VIA_PERF,
	OPTIONS_VIA_AUDIT,
	OPTIONS_VIA_NUM
};

/** enum options_color - when tables are coloured (--color) */
enum options_color {
	OPTIONS_COLOR_AUTO,
	OPTIONS_COLOR_ALWAYS,
	OPTIONS_COLOR_NEVER,
	OPTIONS_COLOR_NUM
};

/** enum options_debug - topics of --debug; bits */
enum options_debug {
	/** sources opened, their parameters, and those given up */
	OPTIONS_DEBUG_SOURCES = 0x1,
	/** every event after the merge */
	OPTIONS_DEBUG_EVENTS = 0x2,
};

/**
 * struct options_rotate - when another file of packets begins; all 0: never
 * @bytes: size of a file, 0: any
 * @span_ns: time of the packets in a file, 0: any
 * @kept: number of files
 */
struct options_rotate {
	int64_t bytes;
	int64_t span_ns;
	int kept;
};

/**
 * struct options - the command line, checked
 *
 * Strings point into argv and are NULL when the option was not given, unless
 * a field says otherwise. Numbers are 0 when the option was not given and has
 * no default. Filled by options_parse(), freed by options_free().
 *
 * @pids: processes to attach to, each once, in the order given
 * @pid_count: number of @pids
 * @user: name of the user to run COMMAND as, known to passwd(5); owned
 * @all: watch every process of the host, by BPF or samples; without root those of the user
 * @follow: follow children; default true
 * @no_filter: launch without the system-call filter
 * @no_io_uring: io_uring is refused to the command
 * @watch_close: the system-call filter stops for close(2) and similar calls too
 * @via: where socket events come from
 * @sample_ms: longest time between two samples of OPTIONS_VIA_DIAG, in milliseconds
 * @command: COMMAND and its arguments, ended by NULL as for execvp(3); NULL when there is none
 * @interfaces: interfaces to capture on, each once
 * @interface_count: number of @interfaces
 * @read: first savefile to read, "-" is standard input
 * @reads: all of them
 * @read_count: number of @reads
 * @packet_filter: pcap-filter(7) expression from --filter or the operands, NULL none; owned
 * @promisc: promiscuous mode
 * @decapsulate: enum dissect_tunnel, tunnels to decode
 * @snaplen: bytes captured of each packet
 * @buffer_kib: capture buffer of each interface, in KiB
 * @drop_to: user that reads packets when conntrace runs as root, known to passwd(5); NULL the default; owned
 * @filter: selects the connections shown
 * @groups: those of --group, RX and TX always; owned
 * @only: enum suspicious_reason bits of --only
 * @suspicious: show the suspicious ones
 * @limits: limits of suspicious values, and the reasons to check
 * @expect: rules of --expect, NULL none; owned
 * @learn: print rules that the connections keep
 * @duration_ns: stop after this time, 0 never
 * @count: stop after this many finished connections, 0 never
 * @packets: stop after this many packets, 0 never
 * @interval_ns: time between reports, 0 only at the end
 * @align: intervals begin when the clock shows a multiple of them
 * @timeout_ns: an attempt without an answer has failed after this time
 * @reports: the requested reports, that of --events first, then in the order given, those without a spec once; their
 *	     specs are owned
 * @io_filters: packet filters of all of them; owned
 * @report_count: number of @reports
 * @by: keys of the peers report, NULL the default ones
 * @sort: columns to sort by
 * @max_connections: limit of connections kept in memory
 * @limit: limit of rows of each report, 0 none
 * @events: a line for each connection as it finishes
 * @handshakes: or when the result of its handshake is known
 * @messages: or when an application sends a message on it; never both
 * @message_names: the fields of it that are shown
 * @payload: an output needs the payload
 * @names: an output needs the names in answers of DNS
 * @measures: an output needs what the kernel measures of where a connection waits, or reasons of suspicion
 * @details: an output needs more of a process than its name, executable and user
 * @closers: an output shows which side closed a connection first
 * @top: a live screen
 * @screen: there is a terminal for it; not an option, but found by top_run_find_screen()
 * @keep_ns: time that closed ones stay on it
 * @speed: speed of playing a file, in billionths of its own speed; 0 by default
 * @ladder: enum ladder_which bits: time lines to be drawn
 * @ladder_chars: with REPORT_MERMAID: characters of a diagram at most
 * @redact: bits of enum redact_kind: what outputs hide
 * @context: plain segments shown around each highlighted one
 * @output: file to write to, NULL or "-" is standard output
 * @append: to its end; SIGHUP reopens it
 * @columns: columns to print
 * @format: format of rows
 * @schema: enum report_schema
 * @null: text of unknown values in csv and tsv
 * @time: form of points in time
 * @time_given: --time was given
 * @color: when tables are coloured
 * @no_header: print no column titles
 * @human: bytes as 1.5K
 * @resolve: names instead of addresses
 * @quiet: print no summary unless something was lost
 * @control: Unix socket to answer on
 * @metrics: file to keep metrics in
 * @metrics_peers: rows of peers there, and of processes
 * @metrics_by: enum metrics_by
 * @html: file of the page
 * @html_title: its title
 * @write: file to write packets to
 * @rotate: when it becomes the next one of several
 * @record: file to write events to
 * @strace_log: file to read calls from
 * @audit_logs: logs of audit to read calls from
 * @audit_log_count: number of @audit_logs
 * @replay: file to read events from
 * @help: --help was given; with it and the next three the run has no source
 * @version: --version was given
 * @list_columns: --list-columns was given
 * @check: --check was given
 * @debug: enum options_debug bits
 * @batch: events of a savefile handled at a time, 0 for the fastest (--debug=batch:N)
 * @batch_seed: not 0: random from 1 to @batch (--debug=batch:N:SEED)
 */
struct options {
	pid_t *pids;
	size_t pid_count;
	char *user;
	bool all;
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
	struct conn_filter_nets local;
	struct groups *groups;
	uint16_t only;
	bool suspicious;
	struct suspicious_limits limits;
	struct expect_rules *expect;
	bool learn;
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
	bool names;
	bool measures;
	bool details;
	bool closers;
	bool top;
	bool screen;
	int64_t keep_ns;
	int64_t speed;
	unsigned int ladder;
	int64_t ladder_chars;
	unsigned int redact;
	int64_t context;
	const char *output;
	bool append;
	const char *columns;
	enum report_format format;
	enum report_schema schema;
	const char *null;
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
	unsigned int metrics_by;
	const char *html;
	const char *html_title;
	const char *write;
	struct options_rotate rotate;
	const char *record;
	const char *strace_log;
	const char **audit_logs;
	size_t audit_log_count;
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
 * options_parse() - parse the command line into @options
 * @options: to be freed with options_free() on success only
 * @argc: as given to main
 * @argv: as given to main; must outlive @options
 * @err: on failure, the message with the hint at --help in a second line
 *
 * The operands are, after -p, PIDs, and options may follow them; with only -i
 * or -r, one packet filter; otherwise COMMAND. "--" before the operands always
 * marks COMMAND.
 *
 * Return: 0 or -EINVAL, which is exit status 2.
 */
int options_parse(struct options *options, int argc, char *const argv[], struct err *err);

/**
 * options_usage() - turn the message about an argument of the command line into a usage error
 * @err: gets the hint at --help in a second line
 *
 * Return: -EINVAL.
 */
int options_usage(struct err *err);

/** options_free() - free what @options owns */
void options_free(struct options *options);

/** options_help() - the usage text of --help */
void options_help(FILE *to);

/** options_wants_color() - true when output is coloured: by --color, else by @is_terminal, NO_COLOR and TERM */
bool options_wants_color(const struct options *options, bool is_terminal);

/** options_file() - the name of the file that the run reads, the packets' first; NULL: none */
static inline const char *options_file(const struct options *options)
{
	const char *log = options->audit_log_count > 0 ? options->audit_logs[0] : options->strace_log;

	return options->read != NULL ? options->read : options->replay != NULL ? options->replay : log;
}

/** options_has_log() - true when system calls are read from a log, which then names the processes of interest */
static inline bool options_has_log(const struct options *options)
{
	return options->strace_log != NULL || options->audit_log_count > 0;
}

/** options_is_file() - true when all input is read from files, which then give the time */
static inline bool options_is_file(const struct options *options)
{
	return options_file(options) != NULL;
}

/** options_has_packets() - true when packets are read; the content of a recording is unknown before it is read */
static inline bool options_has_packets(const struct options *options)
{
	return options->interface_count > 0 || options->read != NULL;
}

/** options_has_target() - whether processes are watched: given ones, a launched one, or all */
static inline bool options_has_target(const struct options *options)
{
	return options->command != NULL || options->pid_count > 0 || options->all;
}

/** options_traces() - whether watched processes are traced by ptrace(2), which stops them */
static inline bool options_traces(const struct options *options)
{
	return options->via == OPTIONS_VIA_AUTO || options->via == OPTIONS_VIA_PTRACE;
}

/** options_samples() - whether the sockets of watched processes are sampled: --via=diag, and --via=perf beside it */
static inline bool options_samples(const struct options *options)
{
	return options->via == OPTIONS_VIA_DIAG || options->via == OPTIONS_VIA_PERF;
}

/** options_has_default() - whether the report of peers is printed because nothing else was asked for */
static inline bool options_has_default(const struct options *options)
{
	return options->report_count == 0 && !options->events && options->ladder == 0 && options->expect == NULL &&
	       !options->learn;
}

/** options_has_slices() - true when each report of -I covers only its interval; for a file it covers all so far */
static inline bool options_has_slices(const struct options *options)
{
	return options->interval_ns > 0 && !options->top && !options_is_file(options);
}

#endif
