// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/perf_choice.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/words.h"
#include "source/perf/breakpoints.h"
#include "track/suspicious.h"

/* What accept(2) alone shows of a connection that arrives. */
static const char *const of_accepts[] = {"TID", "FD"};

/* What breakpoints and samples show of some connections, or of none, and calls that are stopped of each. */
static const char *const of_stops[] = {
	"TID",          "FD",         "LADDR",     "LPORT",     "CLIENT",    "RX_BYTES",  "TX_BYTES",   "RX_LEAST",
	"TX_LEAST",     "HS_MS",      "HS_P95_MS", "HS_MAX_MS", "HS_NET_MS", "HS_ACK_MS", "QUEUE_MS",   "QUEUE_P95_MS",
	"QUEUE_MAX_MS", "CONNECT_MS", "RTT_MS",    "MINRTT_MS", "RTTVAR_MS", "RETRANS",   "TX_RETRANS", "SYN_RTX",
	"END",          "DUR_S",      "STATE",     "CLOSE",     "MSS",       "CWND",      "RATE_BPS",   "BUSY_MS",
	"RWND_MS",      "SNDBUF_MS",  "NOTSENT",   "UNREAD",    "CC",        "NETNS",     "COOKIE",     "CID",
};

/* Reasons that need no more than a result. */
#define OF_RESULTS ((uint16_t)(SUSPICIOUS_FAILED | SUSPICIOUS_OPEN))

/* The first of the @count columns @names in a list of --columns, --sort or --by ("+tx_bytes,tid:desc"); NULL none. */
static const char *find_column(const char *list, const char *const *names, size_t count)
{
	struct words words = words_open(list != NULL ? list : "");
	const char *found = NULL;
	const char *word;

	while (found == NULL && (word = words_next(&words)) != NULL) {
		size_t length;

		word += *word == '+';
		length = strcspn(word, ":");
		for (size_t i = 0; i < count && found == NULL; i++)
			if (length == strlen(names[i]) && strncasecmp(word, names[i], length) == 0)
				found = names[i];
	}
	words_close(&words);
	return found;
}

static const char *asked(const struct options *options, const char *const *names, size_t count)
{
	const char *const lists[] = {options->columns, options->sort, options->by};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && found == NULL; i++)
		found = find_column(lists[i], names, count);
	return found;
}

bool perf_choice_asks_calls(const struct options *options)
{
	return asked(options, of_accepts, sizeof(of_accepts) / sizeof(of_accepts[0])) != NULL;
}

/* Options about stopped calls, or about segments or bytes of each connection. */
static bool needs_stops(const struct options *options)
{
	bool needs = options->no_filter || options->watch_close || options->no_io_uring || options->ladder != 0 ||
		     options->expect != NULL || options->suspicious || (options->only & ~OF_RESULTS) != 0 ||
		     options->interface_count > 0;

	for (size_t i = 0; i < options->report_count; i++)
		needs |= options->reports[i].ops->counters != NULL;
	return needs;
}

bool perf_choice_suits(const struct options *options, struct err *why)
{
	const char *column = asked(options, of_stops, sizeof(of_stops) / sizeof(of_stops[0]));

	why->text[0] = '\0';
	if (breakpoints_check(why) != 0)
		err_wrap(why, "cannot work here");
	else if (column != NULL)
		(void)err_set(why, ENOTSUP, "does not know %s of each connection", column);
	else if (needs_stops(options))
		(void)err_set(why, ENOTSUP, "knows too little for these options");
	else if (breakpoints_suit(options->pids, options->pid_count, options->follow, why) == 0)
		return true;
	else
		err_wrap(why, "does not show all");
	return false;
}
