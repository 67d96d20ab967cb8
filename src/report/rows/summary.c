// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/summary.h"

#include <errno.h>

#include "base/clock.h"
#include "base/table.h"
#include "report/rows/errno_text.h"
#include "base/text.h"

/* Places of loss: key in JSON, and the text after "lost". */
static const struct {
	const char *key;
	const char *text;
} places[] = {
	[LOST_CAPTURE_KERNEL] = {"capture_kernel", "packets (capture buffer of the kernel)"},
	[LOST_CAPTURE_INTERFACE] = {"capture_interface", "packets (interface)"},
	[LOST_PACKET_QUEUE] = {"packet_queue", "packets (queue of the packet process)"},
	[LOST_NETLINK] = {"netlink", "socket events (netlink)"},
	[LOST_CALL_QUEUE] = {"call_queue", "system calls or socket events (queues of the run)"},
	[LOST_TABLE] = {"table", "connections (more than --max-connections at once)"},
	[LOST_PACKET_PROCESS] = {"packet_process", "packets (the reading of packets ended early)"},
	[LOST_MESSAGES] = {"messages", "requests (before their owner was known)"},
	[LOST_TIMELINE] = {"timeline", "segments and calls of --ladder (no memory left for them)"},
	[LOST_ANSWERS] = {"answers", "requests whose answers are not counted (too many connections await answers)"},
	[LOST_AUDIT] = {"audit", "events of audit, at most"},
	[LOST_LOOKUPS] = {"lookups", "lookups of processes (too many connections or sockets at once)"},
	[LOST_RING] = {"ring", "socket events (the BPF programs were interrupted, or their ring or table was full)"},
};

TABLE_COVERS(places, LOST_WHERE_NUM);

/* Reasons why a frame is in no row: key in JSON, text after the number, and enum summary_lack without its source. */
static const struct {
	const char *key;
	const char *text;
	unsigned int lack;
} reasons[SUMMARY_LEFT_NUM] = {
	[SUMMARY_LEFT_COPY] = {"copy", "copies", SUMMARY_LACKS_SEGMENTS},
	[SUMMARY_LEFT_LATE] = {"late", "late", SUMMARY_LACKS_SEGMENTS},
	[SUMMARY_LEFT_FRAGMENT] = {"fragment", "fragments without a header", SUMMARY_LACKS_FRAMES},
	[SUMMARY_LEFT_MALFORMED] = {"malformed", "cut or malformed", SUMMARY_LACKS_FRAMES},
	[SUMMARY_LEFT_TUNNEL] = {"tunnel", "in a tunnel (--decapsulate)", SUMMARY_LACKS_FRAMES},
	[SUMMARY_LEFT_FILTERED] = {"filtered", "rejected by the filter", SUMMARY_LACKS_FRAMES},
	[SUMMARY_LEFT_UNCLAIMED] = {"unclaimed", "of other processes", SUMMARY_LACKS_SEGMENTS},
	[SUMMARY_LEFT_EARLY] = {"early", "of before the processes were watched", SUMMARY_LACKS_SEGMENTS},
	[SUMMARY_LEFT_HIDDEN] = {"hidden", "of connections not selected", SUMMARY_LACKS_SEGMENTS},
};
TABLE_COVERS(reasons, SUMMARY_LEFT_NUM);

/* Lines of a log that are not used: key in JSON, and text after the number. */
static const struct {
	const char *key;
	const char *text;
} unused_lines[] = {
	[LOG_LEFT_OTHER] = {"other", "of other calls or records"},
	[LOG_LEFT_FOREIGN] = {"foreign", "of another form"},
	[LOG_LEFT_DAMAGED] = {"damaged", "cut or damaged"},
	[LOG_LEFT_NUMBERLESS] = {"numberless", "without the number of their event"},
	[LOG_LEFT_LONG] = {"long", "too long"},
	[LOG_LEFT_APART] = {"apart", "without the other line of their call"},
	[LOG_LEFT_ADDRESSLESS] = {"addressless", "without the address of their call"},
	[LOG_LEFT_KINDLESS] = {"kindless", "of sockets that may not be TCP"},
};
TABLE_COVERS(unused_lines, LOG_LEFT_NUM);

const char *summary_lost_key(enum lost_where where)
{
	return places[where].key;
}

bool report_has_lost(const struct summary *summary)
{
	bool lost = summary->evicted > 0 || summary->uncounted > 0;

	for (unsigned int i = 0; i < LOST_WHERE_NUM; i++)
		lost = lost || summary->lost[i] != 0;
	return lost;
}

static void add_count(struct text *line, const char *before, uint64_t count, const char *after)
{
	text_add(line, before);
	text_add_unsigned(line, count);
	text_add(line, after);
}

/* Append a count that is unknown in a run which lacks @lack, enum summary_lack. */
static void add_json_known(struct text *line, const struct summary *summary, unsigned int lack, const char *before,
			   uint64_t count)
{
	text_add(line, before);
	if (summary->lacks & lack)
		text_add(line, "null");
	else
		text_add_unsigned(line, count);
}

static void add_seconds(struct text *line, int64_t span, const char *unknown)
{
	if (span < 0)
		text_add(line, unknown);
	else
		text_add_decimal(line, span, CLOCK_NS_PER_SEC, 6);
}

static void add_kib(struct text *line, int64_t bytes, const char *unknown)
{
	if (bytes < 0)
		text_add(line, unknown);
	else
		text_add_number(line, bytes / 1024);
}

static void add_json_chosen(struct text *line, const struct summary_chosen *chosen)
{
	if (!chosen->is_asked)
		return;
	add_count(line, ",\"shown\":", chosen->shown, ",\"why\":{");
	for (unsigned int i = 0; i < SUSPICIOUS_NUM; i++) {
		text_add(line, i > 0 ? ",\"" : "\"");
		text_add(line, suspicious_word(i));
		add_count(line, "\":", chosen->why[i], "");
	}
	text_add(line, "}");
}

/* ", 5 shown (3 failed, 2 syn-rtx)"; a connection may have several reasons. */
static void add_chosen(struct text *line, const struct summary_chosen *chosen)
{
	const char *before = " (", *after = "";

	if (!chosen->is_asked)
		return;
	add_count(line, "", chosen->shown, " shown");
	for (unsigned int i = 0; i < SUSPICIOUS_NUM; i++) {
		if (chosen->why[i] == 0)
			continue;
		add_count(line, before, chosen->why[i], " ");
		text_add(line, suspicious_word(i));
		before = ", ";
		after = ")";
	}
	text_add(line, after);
	text_add(line, ", ");
}

/* Results that no default column shows. */
static const struct {
	const char *key;
	const char *text;
	const char *column;
} unshown[] = {
	{"pending", " pending", "PENDING"},
	{"unknown", " with unknown result", "UNKNOWN"},
	{"syn_resent", " with retransmitted SYN", "SYN_RTX"},
};

#define UNSHOWN (sizeof(unshown) / sizeof(unshown[0]))
#define UNSHOWN_SYN (UNSHOWN - 1)

static void count_unshown(const struct summary_outcomes *outcomes, uint64_t counts[UNSHOWN])
{
	counts[0] = outcomes->results[RESULT_PENDING];
	counts[1] = outcomes->results[RESULT_UNKNOWN];
	counts[2] = outcomes->syn_resent;
}

static void add_json_outcomes(struct text *line, const struct summary_outcomes *outcomes)
{
	uint64_t counts[UNSHOWN], failed = 0, all = 0;

	for (unsigned int i = 0; i < RESULT_NUM; i++) {
		failed += conn_has_failed(i) ? outcomes->results[i] : 0;
		all += outcomes->results[i];
	}
	count_unshown(outcomes, counts);
	add_count(line, ",\"ok\":", outcomes->results[RESULT_OK], "");
	add_count(line, ",\"failed\":", failed, "");
	for (size_t i = 0; i < UNSHOWN; i++) {
		text_add(line, ",\"");
		text_add(line, unshown[i].key);
		if (i == UNSHOWN_SYN && all > 0 && outcomes->syn_unknown == all)
			text_add(line, "\":null");
		else
			add_count(line, "\":", counts[i], "");
	}
	add_count(line, ",\"syn_resent_unknown\":", outcomes->syn_unknown, "");
}

/* " (3 pending, 2 with retransmitted SYN; -O +PENDING,SYN_RTX)" */
static void add_outcomes(struct text *line, const struct summary_outcomes *outcomes)
{
	uint64_t counts[UNSHOWN];
	const char *before = " (", *columns = "; -O +", *after = "";

	count_unshown(outcomes, counts);
	for (size_t i = 0; i < UNSHOWN; i++) {
		if (counts[i] == 0)
			continue;
		add_count(line, before, counts[i], i == UNSHOWN_SYN && outcomes->syn_unknown > 0 ? "+" : "");
		text_add(line, unshown[i].text);
		before = ", ";
	}
	for (size_t i = 0; i < UNSHOWN; i++) {
		if (counts[i] == 0)
			continue;
		text_add(line, columns);
		text_add(line, unshown[i].column);
		columns = ",";
		after = ")";
	}
	text_add(line, after);
}

static const char *error_name(int32_t error, char *room, size_t size)
{
	const char *name = errno_text(error, room, size);

	return name != NULL ? name : "-";
}

static void add_json_accepts(struct text *line, const struct summary *summary)
{
	const struct summary_accepts *accepts = &summary->accepts;
	bool has_calls = !(summary->lacks & SUMMARY_LACKS_CALLS);
	char name[32];

	add_json_known(line, summary, SUMMARY_LACKS_CALLS, ",\"accept_failed\":", accepts->failed);
	text_add(line, has_calls ? ",\"accept_failures\":[" : ",\"accept_failures\":null");
	for (unsigned int i = 0; i < accepts->kinds; i++) {
		text_add(line, i > 0 ? ",{\"pid\":" : "{\"pid\":");
		text_add_number(line, accepts->kind[i].pid);
		text_add(line, ",\"errno\":");
		text_add_json(line, error_name(accepts->kind[i].error, name, sizeof(name)));
		add_count(line, ",\"count\":", accepts->kind[i].count, "}");
	}
	text_add(line, has_calls ? "]" : "");
	add_json_known(line, summary, SUMMARY_LACKS_DEATHS, ",\"unaccepted\":", accepts->unaccepted);
	add_json_known(line, summary, SUMMARY_LACKS_QUEUES, ",\"accept_waiting\":", accepts->waiting);
	add_json_known(line, summary, SUMMARY_LACKS_QUEUES, ",\"accept_queues_full\":", accepts->full);
	add_json_known(line, summary, SUMMARY_LACKS_QUEUES, ",\"accept_shared\":", accepts->shared);
	text_add(line, ",\"listen_overflows\":");
	if (accepts->overflows < 0)
		text_add(line, "null");
	else
		text_add_number(line, accepts->overflows);
}

/* "accept(2) failed 2000 times (EMFILE 1990 in 4711, ENOBUFS 10 in 4712), ", and the like. */
static void add_accepts(struct text *line, const struct summary_accepts *accepts)
{
	char name[32];

	if (accepts->failed > 0)
		add_count(line, "accept(2) failed ", accepts->failed, accepts->failed == 1 ? " time (" : " times (");
	for (unsigned int i = 0; i < accepts->kinds; i++) {
		text_add(line, i > 0 ? ", " : "");
		text_add(line, error_name(accepts->kind[i].error, name, sizeof(name)));
		add_count(line, " ", accepts->kind[i].count, " in ");
		text_add_number(line, accepts->kind[i].pid);
	}
	text_add(line, accepts->failed > 0 ? "), " : "");
	if (accepts->unaccepted > 0)
		add_count(line, "", accepts->unaccepted, " never accepted, ");
	if (accepts->waiting > 0)
		add_count(line, "", accepts->waiting, " more wait to be accepted, ");
	if (accepts->shared > 0)
		add_count(line, "", accepts->shared,
			  " waited at listeners that other processes share (SO_REUSEPORT), ");
	if (accepts->full > 0)
		add_count(line, "", accepts->full,
			  accepts->full == 1 ? " accept queue was full, " : " accept queues were full, ");
	if (accepts->overflows > 0)
		add_count(line, "accept queues of the network namespace overflowed ", (uint64_t)accepts->overflows,
			  accepts->overflows == 1 ? " time, " : " times, ");
}

static void add_json_text(struct text *line, const char *before, const char *text)
{
	text_add(line, before);
	if (text[0] != '\0')
		text_add_json(line, text);
	else
		text_add(line, "null");
}

static void add_json_lines(struct text *line, const struct summary *summary)
{
	add_json_known(line, summary, SUMMARY_LACKS_LOG, ",\"log_lines\":", summary->lines.read);
	for (unsigned int i = 0; i < LOG_LEFT_NUM; i++) {
		text_add(line, i > 0 ? ",\"" : ",\"log_unused\":{\"");
		text_add(line, unused_lines[i].key);
		add_json_known(line, summary, SUMMARY_LACKS_LOG, "\":", summary->lines.left[i]);
	}
	text_add(line, "}");
}

static void add_json(struct text *line, const struct summary *summary)
{
	text_add(line, "{\"summary\": {\"duration_s\":");
	add_seconds(line, summary->duration_ns, "null");
	add_count(line, ",\"connections\":", summary->connections, "");
	add_json_outcomes(line, &summary->outcomes);
	add_count(line, ",\"older\":", summary->outcomes.older, "");
	add_count(line, ",\"end_unknown\":", summary->outcomes.end_unknown, "");
	add_count(line, ",\"inexact\":", summary->outcomes.inexact, "");
	add_count(line, ",\"unmatched\":", summary->outcomes.unmatched, "");
	add_count(line, ",\"unchosen\":", summary->outcomes.unchosen, "");
	if (summary->checks) {
		add_count(line, ",\"broken\":", summary->broken, "");
		add_count(line, ",\"unproven\":", summary->unproven, "");
	}
	add_json_accepts(line, summary);
	add_count(line, ",\"unattributed\":", summary->unattributed, "");
	add_count(line, ",\"targets\":", summary->targets, "");
	add_count(line, ",\"unwatched\":", summary->unwatched, "");
	add_count(line, ",\"partial\":", summary->partial, "");
	add_json_text(line, ",\"reason\":", summary->reason);
	add_json_text(line, ",\"advice\":", summary->advice);
	add_json_known(line, summary, SUMMARY_LACKS_OWNERS, ",\"too_short\":", summary->too_short);
	add_json_known(line, summary, SUMMARY_LACKS_OWNERS, ",\"too_short_failed\":", summary->failed);
	add_count(line, ",\"gaps\":", summary->gaps, "");
	add_count(line, ",\"accepted_unseen\":", summary->unreported, "");
	add_count(line, ",\"accepted_unfound\":", summary->unfound, "");
	text_add(line, ",\"lost\":{");
	for (unsigned int i = 0; i < LOST_WHERE_NUM; i++) {
		text_add(line, i > 0 ? ",\"" : "\"");
		text_add(line, places[i].key);
		text_add(line, "\":");
		if (summary->lost[i] < 0)
			text_add(line, "null");
		else
			text_add_number(line, summary->lost[i]);
	}
	text_add(line, "}");
	add_json_chosen(line, &summary->chosen);
	add_count(line, ",\"evicted\":", summary->evicted, "");
	add_count(line, ",\"io_stat_uncounted\":", summary->uncounted, ",\"cpu_s\":");
	add_seconds(line, summary->cpu_ns, "null");
	text_add(line, ",\"peak_kib\":");
	add_kib(line, summary->peak_bytes, "null");
	text_add(line, ",\"packet_peak_kib\":");
	add_kib(line, summary->packet_peak_bytes > 0 ? summary->packet_peak_bytes : CONN_UNKNOWN, "null");
	add_count(line, ",\"stops\":", summary->stops, "");
	add_json_known(line, summary, SUMMARY_LACKS_FRAMES, ",\"packets\":", summary->packets);
	add_json_known(line, summary, SUMMARY_LACKS_FRAMES, ",\"malformed\":", summary->malformed);
	add_json_known(line, summary, SUMMARY_LACKS_FRAMES, ",\"tcp_frames\":", summary->tcp_frames);
	for (unsigned int i = 0; i < SUMMARY_LEFT_NUM; i++) {
		text_add(line, i > 0 ? ",\"" : ",\"left_out\":{\"");
		text_add(line, reasons[i].key);
		add_json_known(line, summary, reasons[i].lack, "\":", summary->left_out[i]);
	}
	add_json_known(line, summary, SUMMARY_LACKS_SEGMENTS, "},\"both_ends\":", summary->both_ends);
	add_json_known(line, summary, SUMMARY_LACKS_FILE, ",\"disordered\":", summary->disordered);
	add_json_known(line, summary, SUMMARY_LACKS_FILE, ",\"timeless\":", summary->timeless);
	add_json_lines(line, summary);
	text_add(line, "}}\n");
}

static void add_losses(struct text *line, const struct summary *summary)
{
	const char *before = "";

	if (!report_has_lost(summary))
		text_add(line, "nothing");
	for (unsigned int i = 0; i < LOST_WHERE_NUM; i++) {
		if (summary->lost[i] == 0)
			continue;
		text_add(line, before);
		if (summary->lost[i] < 0)
			text_add(line, "an unknown number of ");
		else
			add_count(line, "", (uint64_t)summary->lost[i], " ");
		text_add(line, places[i].text);
		before = " + ";
	}
	if (summary->evicted > 0)
		add_count(line, before, summary->evicted, " connections (evicted from memory)");
	if (summary->uncounted > 0)
		add_count(line, summary->evicted > 0 ? " + " : before, summary->uncounted,
			  " frames or connections in no row of io,stat (too many rows, take a longer interval; or the "
			  "row was printed already)");
}

/* Frames that are in no row, and why. */
static void add_left_out(struct text *line, const struct summary *summary)
{
	const char *before = "; TCP frames in no row: ";

	for (unsigned int i = 0; i < SUMMARY_LEFT_NUM; i++) {
		bool is_unknown;

		if (summary->left_out[i] == 0)
			continue;
		add_count(line, before, summary->left_out[i], " ");
		/* Without calls the owner of an end may be unknown. */
		is_unknown = i == SUMMARY_LEFT_UNCLAIMED && (summary->lacks & SUMMARY_LACKS_CALLS);
		text_add(line, is_unknown ? "of other or unknown processes" : reasons[i].text);
		/* A frame with both ends here is a frame of two connections, and the other one may be shown. */
		if ((i == SUMMARY_LEFT_HIDDEN || is_unknown) && summary->both_ends > 0)
			add_count(line, " (up to ",
				  summary->both_ends < summary->left_out[i] ? summary->both_ends : summary->left_out[i],
				  " of them in the row of the other end)");
		before = ", ";
	}
}

/* Lines of a log of calls, and why some are not used. */
static void add_lines(struct text *line, const struct summary *summary)
{
	const char *before = " (not used: ", *after = "";

	if (summary->lines.read == 0)
		return;
	add_count(line, "; ", summary->lines.read, summary->lines.read == 1 ? " line of the log" : " lines of the log");
	for (unsigned int i = 0; i < LOG_LEFT_NUM; i++) {
		if (summary->lines.left[i] == 0)
			continue;
		add_count(line, before, summary->lines.left[i], " ");
		text_add(line, unused_lines[i].text);
		before = ", ";
		after = ")";
	}
	text_add(line, after);
}

/* Append what is unknown about owners and ends. */
static void add_processes(struct text *line, const struct summary *summary)
{
	if (summary->has_processes && summary->unattributed > 0)
		add_count(line, "process unknown of ", summary->unattributed, " of them, ");
	if (summary->outcomes.end_unknown > 0)
		add_count(line, "", summary->outcomes.end_unknown, " with unknown end (closed or reset), ");
	if (summary->outcomes.inexact > 0) {
		add_count(line, "", summary->outcomes.inexact, " with inexact bytes");
		if (summary->connections > 0) {
			text_add(line, " (");
			text_add_decimal(line, (int64_t)(1000 * summary->outcomes.inexact / summary->connections), 10,
					 1);
			text_add(line, " %)");
		}
		text_add(line, summary->inexact_remedy != NULL ? ", exact by " : "");
		text_add(line, summary->inexact_remedy != NULL ? summary->inexact_remedy : "");
		text_add(line, ", ");
	}
	if (summary->unwatched > 0) {
		add_count(line, "", summary->unwatched, " of the ");
		add_count(line, "", summary->targets, " given processes not watched");
		if (summary->unwatched_why != NULL) {
			text_add(line, summary->unwatched > 1 ? " (the first: " : " (");
			text_add(line, summary->unwatched_why);
			text_add_char(line, ')');
		}
		text_add(line, ", ");
	}
	if (summary->partial > 0)
		add_count(line, "", summary->partial, " rows may be incomplete (see the row other), ");
}

static void add_line(struct text *line, const char *text)
{
	if (text[0] == '\0')
		return;
	text_add(line, "conntrace: ");
	text_add(line, text);
	text_add_char(line, '\n');
}

void summary_add_failed(struct text *line, const struct summary *summary)
{
	char ip[ENDPOINT_TEXT];

	if (summary->failed == 0)
		return;
	add_count(line, " (", summary->failed,
		  summary->failed == 1 ? " failed or was reset, with " : " failed or were reset, the last one with ");
	text_add(line, endpoint_ip_text(&summary->failed_with, ip));
	if (summary->failed_with.port != 0)
		add_count(line, " port ", summary->failed_with.port, "");
	text_add_char(line, ')');
}

static void add_text(struct text *line, const struct summary *summary)
{
	add_line(line, summary->reason);
	add_line(line, summary->advice);
	text_add(line, "conntrace: ");
	add_seconds(line, summary->duration_ns, "-");
	add_count(line, " s, ", summary->connections, summary->connections == 1 ? " connection" : " connections");
	add_outcomes(line, &summary->outcomes);
	text_add(line, ", ");
	add_chosen(line, &summary->chosen);
	if (summary->outcomes.older > 0)
		add_count(line, "", summary->outcomes.older, " older than the run (bytes of their whole life), ");
	if (summary->outcomes.unmatched > 0)
		add_count(line, "", summary->outcomes.unmatched, " more excluded by options");
	if (summary->outcomes.unchosen > 0)
		add_count(line, " (", summary->outcomes.unchosen, " of a process that is not known)");
	if (summary->outcomes.unmatched > 0)
		text_add(line, ", ");
	if (summary->broken > 0)
		add_count(line, "", summary->broken, " broke a rule, ");
	if (summary->unproven > 0)
		add_count(line, "", summary->unproven, " may have broken a rule, ");
	add_processes(line, summary);
	if (summary->too_short > 0) {
		add_count(line, "", summary->too_short, " more of this host too short to find their owner");
		summary_add_failed(line, summary);
		text_add(line, ", ");
	}
	if (summary->gaps > 0)
		add_count(line, "of ", summary->gaps,
			  summary->gaps == 1 ? " process connections may be missing (g in the column SEEN), "
					     : " processes connections may be missing (g in the column SEEN), ");
	if (summary->unfound > 0)
		add_count(line, "", summary->unfound, " more accepted that neither samples nor final counters show, ");
	if (summary->unreported > 0)
		add_count(line, "", summary->unreported,
			  " accepted without passing the breakpoint there (g in the column SEEN), ");
	add_accepts(line, &summary->accepts);
	text_add(line, "lost ");
	add_losses(line, summary);
	text_add(line, "; cost ");
	add_seconds(line, summary->cpu_ns, "-");
	text_add(line, " s CPU, ");
	add_kib(line, summary->peak_bytes, "-");
	if (summary->packet_peak_bytes > 0) {
		text_add(line, " + ");
		add_kib(line, summary->packet_peak_bytes, "-");
	}
	add_count(line, " KiB, ", summary->stops, summary->stops == 1 ? " stop, " : " stops, ");
	if (summary->lacks & SUMMARY_LACKS_FRAMES)
		text_add(line, "- packets");
	else
		add_count(line, "", summary->packets, summary->packets == 1 ? " packet" : " packets");
	if (summary->malformed > 0)
		add_count(line, " (", summary->malformed, " of them cut or malformed)");
	add_left_out(line, summary);
	if (summary->disordered > 0)
		add_count(line, " (", summary->disordered, " of them not in order of time)");
	if (summary->timeless > 0)
		add_count(line, " (", summary->timeless, " of them without a time)");
	add_lines(line, summary);
	text_add(line, "\n");
}

int report_summary(FILE *out, enum report_format format, const struct summary *summary)
{
	struct text line = {0};
	int ret = 0;

	if (format == REPORT_JSON)
		add_json(&line, summary);
	else
		add_text(&line, summary);
	errno = 0;
	if (fwrite(line.data, 1, line.length, out) != line.length || fflush(out) != 0)
		ret = errno != 0 ? -errno : -EIO;
	text_free(&line);
	return ret;
}
