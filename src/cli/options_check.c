// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options_check.h"

#include <ctype.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "cli/option_report.h"
#include "cli/options.h"
#include "cli/options_needs.h"
#include "report/export/metrics.h"

/* Bytes of a packet for the head of a message, or for its first part when it is split. */
#define SNAPLEN_PAYLOAD 4096

/* Bytes of a packet for a file: all of it, also if the card or the loopback device put segments together (64 KiB). */
#define SNAPLEN_WRITE 65600
#define BUFFER_WRITE_KIB 65536

/* Shortest interval between two samples of the kernel's counters, and of -I. */
#define SAMPLE_LEAST_NS (100 * CLOCK_NS_PER_MS)

/* An option without an effect is refused, because the user expects one. */
static const struct need {
	const char *name;
	enum {
		NEED_COMMAND,
		NEED_FILTER,
		NEED_PROCESS,
		NEED_INTERFACE,
		NEED_PACKETS,
		NEED_PEERS,
		NEED_FILE,
		NEED_TOP,
		NEED_INTERVAL,
		NEED_DIAG,
		NEED_LADDER,
		NEED_METRICS,
		NEED_OUTPUT,
		NEED_SEPARATED,
		NEED_UNCLAIMED,
		NEED_CONNS,
		NEED_CHOICE,
		NEED_WRITE
	} what;
} needs[] = {
	{"user", NEED_COMMAND},
	{"no-filter", NEED_COMMAND},
	{"no-follow", NEED_PROCESS},
	{"via", NEED_PROCESS},
	{"promisc", NEED_INTERFACE},
	{"snaplen", NEED_INTERFACE},
	{"buffer-size", NEED_INTERFACE},
	{"filter", NEED_PACKETS},
	{"drop-to", NEED_PACKETS},
	{"by", NEED_PEERS},
	{"watch-close", NEED_COMMAND},
	{"decapsulate", NEED_PACKETS},
	{"keep", NEED_TOP},
	{"speed", NEED_FILE},
	{"look-ms", NEED_DIAG},
	{"no-io-uring", NEED_FILTER},
	{"align", NEED_INTERVAL},
	{"context", NEED_LADDER},
	{"packets", NEED_PACKETS},
	{"metrics-peers", NEED_METRICS},
	{"metrics-by", NEED_METRICS},
	{"append", NEED_OUTPUT},
	{"null", NEED_SEPARATED},
	{"local", NEED_UNCLAIMED},
	{"schema", NEED_CONNS},
	{"only", NEED_CHOICE},
	{"suspicious", NEED_CHOICE},
	{"write", NEED_PACKETS},
	{"rotate", NEED_WRITE},
};

void options_check_given(struct options_check *options_check, const char *name)
{
	if (name == NULL)
		return;
	for (size_t i = 0; i < options_check->given_count; i++)
		if (strcmp(options_check->given[i], name) == 0)
			return;
	if (options_check->given_count < OPTIONS_CHECK_GIVEN_MAX)
		options_check->given[options_check->given_count++] = name;
}

static bool was_given(const struct options_check *options_check, const char *name)
{
	for (size_t i = 0; i < options_check->given_count; i++)
		if (strcmp(options_check->given[i], name) == 0)
			return true;
	return false;
}

static bool has_intervals(const struct options *options)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (options->reports[i].ops->interval_ns != NULL)
			return true;
	return options->interval_ns > 0;
}

static bool wants_peers(const struct options *options)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (options->reports[i].ops->uses_by)
			return true;
	return options_has_default(options);
}

/* The local side of a traced process's connection is that of the process. */
static bool has_unclaimed(const struct options *options)
{
	return (options_has_packets(options) || options->replay != NULL) && options->command == NULL &&
	       options->pid_count == 0 && options->strace_log == NULL;
}

static bool shows_conns(const struct options *options)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (options->reports[i].ops->has_conns)
			return true;
	return options->events;
}

/* Whether connections can be chosen by what became of them: segments and messages are counted before that is known. */
static bool has_choice(const struct options *options)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (!options->reports[i].ops->has_all)
			return true;
	return (options->events && !options->messages) || options->ladder & ~LADDER_LIVE || options->top ||
	       options->count > 0 || options->write != NULL || options_has_default(options);
}

static int check_pairs(const struct options_check *options_check, const struct options *options, struct err *err)
{
	if (options->html_title != NULL && options->html == NULL)
		return err_set(err, EINVAL, "--html-title needs the page it applies to: --html=FILE");
	if (options->format == REPORT_MERMAID && (!(options->ladder & ~LADDER_LIVE) || options->ladder & LADDER_LIVE ||
						  options->report_count > 0 || options->events || options->top))
		return err_set(err, EINVAL, "--format=mermaid is for --ladder only");
	if (was_given(options_check, "ladder-chars") && options->format != REPORT_MERMAID)
		return err_set(err, EINVAL,
			       "--ladder-chars needs the diagrams it applies to: --ladder --format=mermaid");
	if (options->redact == 0 || options->write == NULL)
		return 0;
	return err_set(err, EINVAL, "--redact cannot go with --write, whose packets have everything");
}

static const char *stopless_way(const struct options *options)
{
	if (options->via == OPTIONS_VIA_PERF)
		return "perf";
	if (options->via == OPTIONS_VIA_AUDIT)
		return "audit";
	return options->via == OPTIONS_VIA_DIAG ? "diag" : "bpf";
}

static int check_needs(const struct options_check *options_check, const struct options *options, struct err *err)
{
	bool packets = options->interface_count > 0 || options->read != NULL;
	const char *lacking = NULL;

	if (options->schema != REPORT_SCHEMA_NONE && options->columns != NULL)
		return err_set(err, EINVAL, "--schema has columns of its own, and cannot go with --columns");
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (!was_given(options_check, needs[i].name))
			continue;
		if ((needs[i].what == NEED_COMMAND || needs[i].what == NEED_FILTER) && options->command == NULL)
			lacking = "a COMMAND to launch";
		else if (needs[i].what == NEED_PROCESS && !options_has_target(options))
			lacking = "processes to trace: -p PID or a COMMAND";
		else if (needs[i].what == NEED_INTERFACE && options->interface_count == 0)
			lacking = "an interface to capture on: -i IFACE";
		else if (needs[i].what == NEED_PACKETS && !packets)
			lacking = "packets: -i IFACE or -r FILE";
		else if (needs[i].what == NEED_PEERS && !wants_peers(options))
			lacking = "the report it applies to: -z peers";
		else if (needs[i].what == NEED_FILE && options->read == NULL && options->replay == NULL)
			lacking = "a file: -r FILE or --replay=FILE";
		else if (needs[i].what == NEED_TOP && !options->top)
			lacking = "the screen it applies to: --top";
		else if (needs[i].what == NEED_INTERVAL && !has_intervals(options))
			lacking = "intervals: -I SEC or -z io,stat,SEC";
		else if (needs[i].what == NEED_LADDER && !(options->ladder & ~LADDER_LIVE) && !options->top)
			lacking = "a ladder: --ladder or --top";
		else if (needs[i].what == NEED_METRICS && options->metrics == NULL)
			lacking = "--metrics=FILE";
		else if (needs[i].what == NEED_OUTPUT && options->output == NULL)
			lacking = "the file to append to: -o FILE";
		else if (needs[i].what == NEED_SEPARATED && options->format != REPORT_CSV &&
			 options->format != REPORT_TSV)
			lacking = "--format=csv or --format=tsv";
		else if (needs[i].what == NEED_UNCLAIMED && !has_unclaimed(options))
			lacking = "packets alone: -i IFACE, -r FILE or --replay=FILE";
		else if (needs[i].what == NEED_CONNS && (options->format != REPORT_JSON || !shows_conns(options)))
			lacking = "--format=json and connections: -z conns or --events";
		else if (needs[i].what == NEED_CHOICE && !has_choice(options))
			lacking = "a report of connections by their end: -z conns, -z peers, --events or --ladder";
		else if (needs[i].what == NEED_WRITE && options->write == NULL)
			lacking = "the file it applies to: -w FILE";
		else if (needs[i].what == NEED_DIAG && !options_samples(options))
			lacking = "--via=diag or --via=perf";
		else if (needs[i].what == NEED_FILTER && (options->no_filter || !options->follow))
			lacking = "the system-call filter, which --no-filter and --no-follow switch off";
		if (lacking != NULL)
			return err_set(err, EINVAL, "--%s does nothing without %s", needs[i].name, lacking);
	}
	if (!options_traces(options) && (options->no_filter || options->watch_close || options->no_io_uring))
		return err_set(err, EINVAL, "--%s does nothing with --via=%s, which stops no system call",
			       options->no_filter     ? "no-filter"
			       : options->watch_close ? "watch-close"
						      : "no-io-uring",
			       stopless_way(options));
	if (options->via == OPTIONS_VIA_DIAG && options->ladder & LADDER_LIVE && !packets)
		return err_set(err, EINVAL,
			       "--live does nothing with --via=diag, which traces no calls, unless packets "
			       "are captured too: -i IFACE");
	return 0;
}

static int check_rotate(const struct options *options, struct err *err)
{
	if (options->rotate.kept > 0 && strcmp(options->write, "-") == 0)
		return err_set(err, EINVAL, "--rotate needs the name of a file: standard output has no next one");
	return 0;
}

/* Without packets requests are unknown, which differs from none. */
static int check_messages(const struct options *options, struct err *err)
{
	if (options->messages && options->interface_count == 0 && options->read == NULL && options->replay == NULL)
		return err_set(err, EINVAL, "--events=messages does nothing without packets: -i IFACE or -r FILE");
	for (size_t i = 0; i < options->report_count; i++)
		if (options->reports[i].ops->wants_messages && options->interface_count == 0 && options->read == NULL &&
		    options->replay == NULL)
			return err_set(err, EINVAL, "-z %s does nothing without packets: -i IFACE or -r FILE",
				       options->reports[i].ops->name);
	return 0;
}

/*
 * A packet filter that is valid for no usual link type is a usage error, and is
 * reported before anything is launched. A filter valid for one of them is
 * compiled again by the capture, which has the actual link type.
 */
static int check_packet_filter(const char *filter, struct err *err)
{
	static const int link_types[] = {DLT_EN10MB, DLT_LINUX_SLL, DLT_RAW, DLT_IEEE802_11_RADIO, DLT_PPP};
	int error = 0;

	for (size_t i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++) {
		pcap_t *dead = pcap_open_dead(link_types[i], 65535);
		struct bpf_program program;

		if (dead == NULL)
			return 0;
		if (pcap_compile(dead, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0) {
			pcap_freecode(&program);
			pcap_close(dead);
			return 0;
		}
		if (i == 0)
			error = err_set(err, EINVAL, "packet filter " ERR_QUOTED ": %s; see pcap-filter(7)", filter,
					pcap_geterr(dead));
		pcap_close(dead);
	}
	return error;
}

static bool is_too_often(const struct report_choice *report)
{
	int64_t interval_ns = report->ops->interval_ns != NULL ? report->ops->interval_ns(report->spec) : 0;

	return interval_ns > 0 && interval_ns < SAMPLE_LEAST_NS;
}

/* The frames of a recording contain the results of the filters of its own run. */
static int check_io(const struct options *options, struct err *err)
{
	bool packets = options->interface_count > 0 || options->read != NULL;

	if (options->io_filters.count > 0 && !packets)
		return err_set(
			err, EINVAL,
			options->replay != NULL
				? "-z io,stat: \"%s\" is a packet filter, and a recording contains no packets"
				: "-z io,stat: \"%s\" is a packet filter, which does nothing without packets: -i IFACE "
				  "or -r FILE",
			options->io_filters.expressions[0]);
	for (size_t i = 0; i < options->report_count && !packets && !options_is_file(options); i++)
		if (is_too_often(&options->reports[i]))
			return err_set(err, EINVAL,
				       "-z %s: without packets the kernel's counters are read after each "
				       "interval, which is 0 or at least 0.1 seconds then",
				       options->reports[i].ops->name);
	for (size_t i = 0; i < options->io_filters.count; i++)
		if (check_packet_filter(options->io_filters.expressions[i], err) != 0)
			return err_wrap(err, "-z io,stat"), -EINVAL;
	for (size_t i = 0; i < options->report_count && options->format == REPORT_PLOT; i++)
		if (!options->reports[i].ops->plots)
			return err_set(err, EINVAL, "--format=plot is for -z io,stat, not for %s",
				       options->reports[i].ops->name);
	if (options->format == REPORT_PLOT && (options->report_count == 0 || options->events || options->ladder != 0))
		return err_set(err, EINVAL, "--format=plot is for -z io,stat,SEC only");
	return 0;
}

/* Files contain past events: live sources cannot be joined to them. */
static int check_sources(const struct options *options, struct err *err)
{
	const char *log = options->strace_log != NULL ? "--strace-log" : "--audit-log";
	const char *offline = options->replay != NULL ? "--replay" : options->read != NULL ? "--read" : log;
	const char *live = NULL;

	if (options->pid_count > 0)
		live = "--pid";
	else if (options->command != NULL)
		live = "a COMMAND";
	else if (options->interface_count > 0)
		live = "--interface";
	else if (options->all)
		live = "--all";
	if (options->replay != NULL && options_has_log(options))
		return err_set(err, EINVAL, "--replay cannot go with %s: a recording has its own calls", log);
	if (options->strace_log != NULL && options->audit_log_count > 0)
		return err_set(err, EINVAL,
			       "--strace-log cannot go with --audit-log: both would count the same connections");
	if (options_is_file(options)) {
		if (live != NULL)
			return err_set(err, EINVAL, "%s cannot go with %s: a file contains events from before this run",
				       offline, live);
		return 0;
	}
	if (options->all && (options->pid_count > 0 || options->command != NULL))
		return err_set(err, EINVAL, "--all cannot go with %s, which names what to watch", live);
	if (options->all && options->via == OPTIONS_VIA_PTRACE)
		return err_set(err, EINVAL, "--all cannot go with --via=ptrace, which would stop every process");
	if (options->all && options->via == OPTIONS_VIA_PERF)
		return err_set(err, EINVAL, "--via=perf watches the processes that -p names, and their children");
	if (options->via == OPTIONS_VIA_PERF && options->command != NULL)
		return err_set(err, EINVAL,
			       "--via=perf watches running processes (-p): the program that is launched would have "
			       "begun before its breakpoints are set; --via=ptrace misses nothing");
	if (live == NULL)
		return err_set(err, EINVAL,
			       "nothing to watch; give -p PID, a COMMAND, --all, --comm=NAME, -i IFACE, -r FILE, "
			       "--strace-log=FILE, --audit-log=FILE or --replay=FILE");
	return 0;
}

static int join_packet_filter(const struct options_check *options_check, struct options *options, struct err *err)
{
	size_t size = 1;
	char *end;

	if (options->packet_filter != NULL)
		return err_set(err, EINVAL, ERR_QUOTED " is a second packet filter beside --filter; give one of them",
			       options_check->words[0]);
	for (size_t i = 0; i < options_check->count; i++) {
		const char *word = options_check->words[i];

		/* Such a word is not part of a packet filter; an option after the operands would be lost in it. */
		if (word[0] == '-' && (word[1] == '-' || isalpha((unsigned char)word[1])))
			return err_set(err, EINVAL,
				       ERR_QUOTED " follows the packet filter " ERR_QUOTED "; options come before it%s",
				       word, options_check->words[0],
				       options->interface_count > 0 ? ", a COMMAND after --" : "");
		size += strlen(word) + 1;
	}
	end = options->packet_filter = xmalloc(size);
	for (size_t i = 0; i < options_check->count; i++) {
		if (i > 0)
			*end++ = ' ';
		end = stpcpy(end, options_check->words[i]);
	}
	return 0;
}

/*
 * "--" marks COMMAND. Without it a word is a command only if it cannot be
 * anything else: after -p a mistyped PID must not be executed, and after -i or
 * -r a packet filter follows, as with tcpdump.
 */
static int settle_words(const struct options_check *options_check, struct options *options, struct err *err)
{
	bool packets = options->interface_count > 0 || options->read != NULL;

	if (options_check->count == 0) {
		if (options_check->dashes)
			return err_set(err, EINVAL, "\"--\" has no COMMAND after it");
		return 0;
	}
	if (!options_check->dashes && options->pid_count > 0)
		return err_set(err, EINVAL,
			       ERR_QUOTED
			       " is not a PID; after -p write \"-- COMMAND\" to launch one too, --filter for packets",
			       options_check->words[0]);
	if (!options_check->dashes && packets)
		return join_packet_filter(options_check, options, err);
	if (!options_check->dashes && options->replay != NULL)
		return err_set(err, EINVAL, ERR_QUOTED " is one word too many for --replay", options_check->words[0]);
	if (options_check->words[0][0] == '\0')
		return err_set(err, EINVAL, "the COMMAND is empty");
	options->command = options_check->words;
	return 0;
}

/* Users of strace may not expect a filter after -i. */
static int suggest_command(const struct options_check *options_check, const struct options *options, int error,
			   struct err *err)
{
	struct err filter = *err;

	if (error == 0 || options_check->count == 0 || options_check->dashes || options->interface_count == 0)
		return error;
	return err_set(err, EINVAL, "%s; to launch a COMMAND write -- before it", filter.text);
}

/* Return: true for the name of a file that is not a word of a packet filter. */
static bool names_file(const char *word)
{
	static const char *const endings[] = {".pcap", ".pcapng", ".cap", ".snoop", ".gz", ".zst", ".lz4"};
	size_t length = strlen(word);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (length > strlen(endings[i]) && strcmp(word + length - strlen(endings[i]), endings[i]) == 0)
			return true;
	return strchr(word, '/') != NULL || access(word, F_OK) == 0;
}

/* A shell expands "-r *.pcap" to many names, and only the first one follows -r. */
static int suggest_reads(const struct options_check *options_check, const struct options *options, int error,
			 struct err *err)
{
	if (error == 0 || options_check->count == 0 || options_check->dashes || options->read == NULL)
		return error;
	for (size_t i = 0; i < options_check->count; i++)
		if (names_file(options_check->words[i]))
			return err_set(err, EINVAL,
				       ERR_QUOTED " is not a packet filter; each savefile needs its own -r: "
						  "-r %.100s -r %.100s%s",
				       options_check->words[i], options->read, options_check->words[i],
				       i + 1 < options_check->count ? " ..." : "");
	return error;
}

/*
 * A choice of processes is of the whole host, beside packets too. The screen, BPF and audit are for the whole host
 * where there are no packets.
 */
static void settle_all(struct options *options)
{
	if (options->command != NULL || options->pid_count > 0 || options_is_file(options))
		return;
	if (!process_choice_is_empty(&options->filter.processes) ||
	    (options->interface_count == 0 && (options->via == OPTIONS_VIA_BPF || options->via == OPTIONS_VIA_AUDIT ||
					       (options->top && options->via == OPTIONS_VIA_AUTO))))
		options->all = true;
}

int options_check_settle(const struct options_check *options_check, struct options *options, struct err *err)
{
	int error = settle_words(options_check, options, err);

	settle_all(options);
	if (error == 0)
		error = check_sources(options, err);
	if (error == 0)
		error = check_needs(options_check, options, err);
	if (error == 0)
		error = check_pairs(options_check, options, err);
	if (error == 0)
		error = check_rotate(options, err);
	if (error == 0)
		error = option_report_check(options, err);
	if (error == 0)
		error = check_messages(options, err);
	if (error == 0)
		error = check_io(options, err);
	options_needs(options);
	if (!was_given(options_check, "snaplen"))
		options->snaplen = options->write != NULL           ? SNAPLEN_WRITE
				   : options_needs_payload(options) ? SNAPLEN_PAYLOAD
								    : options->snaplen;
	/* A slot of the kernel's buffer is as long as a frame may be. */
	if (options->write != NULL && !was_given(options_check, "buffer-size"))
		options->buffer_kib = BUFFER_WRITE_KIB;
	if (error == 0 && options->packet_filter != NULL)
		error = suggest_command(options_check, options, check_packet_filter(options->packet_filter, err), err);
	error = suggest_reads(options_check, options, error, err);
	return error;
}
