// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/log_join.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

/* More than this between a call and its SYN, either way, is a difference of clocks: see tracker_halves.c. */
#define ENTRY_NS (20 * CLOCK_NS_PER_MS)

void log_join_explain(struct text *text, const struct tracker *tracker)
{
	struct tracker_join_stats stats;
	char line[300];

	tracker_join_stats(tracker, &stats);
	if (stats.calls == 0)
		return;
	snprintf(line, sizeof(line), "packets of %" PRIu64 " of %" PRIu64 " connections of the audit log were found",
		 stats.joined, stats.calls);
	text_add(text, line);
	if (stats.clocks == 0) {
		text_add(text, "; the packets and the log have no peer in common");
	} else {
		int64_t span_ns = stats.ahead_ns < 0 ? -stats.ahead_ns : stats.ahead_ns;

		snprintf(line, sizeof(line),
			 "; SYN segments come %" PRId64 ".%03" PRId64 " ms %s the calls (median of %" PRIu64 " %s)",
			 span_ns / CLOCK_NS_PER_MS, span_ns % CLOCK_NS_PER_MS / CLOCK_NS_PER_US,
			 stats.ahead_ns < 0 ? "before" : "after", stats.clocks, stats.clocks == 1 ? "peer" : "peers");
		text_add(text, line);
		if (stats.ahead_ns < -CLOCK_NS_PER_MS || stats.ahead_ns > ENTRY_NS)
			text_add(text, ", so the clocks of log and packets differ, or they are of different times");
	}
	if (stats.ambiguous > 0) {
		snprintf(line, sizeof(line),
			 "; %" PRIu64 " SYN segments may be of several processes and are left apart", stats.ambiguous);
		text_add(text, line);
	}
}
