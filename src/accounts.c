// SPDX-License-Identifier: GPL-2.0-or-later
#include "accounts.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/procfs/procfs.h"

void accounts_fill(struct summary *summary, const struct tracker *tracker, struct sources *sources,
		   int64_t start_ns, uint64_t finished)
{
	struct tracker_account account;
	struct tracer *tracer = sources_tracer(sources);
	struct procfs_status own;
	struct packet_stats stats;

	tracker_account(tracker, &account);
	memset(summary, 0, sizeof(*summary));
	summary->duration_ns = clock_monotonic() - start_ns;
	summary->connections = finished + account.open;
	summary->unattributed = account.unattributed;
	summary->too_short = account.too_short;
	memcpy(summary->lost, account.lost, sizeof(summary->lost));
	if (tracer != NULL)
		summary->stops = tracer_stops(tracer);
	summary->lost[LOST_CALL_QUEUE] += (int64_t)sources_calls_refused(sources);
	sources_packet_stats(sources, &stats);
	summary->packets = stats.frames;
	summary->malformed = stats.malformed;
	summary->cpu_ns = clock_process() + stats.cpu_ns;
	summary->peak_bytes = procfs_status(getpid(), &own) == 0 ? own.peak_bytes : CONN_UNKNOWN;
	summary->packet_peak_bytes = stats.peak_bytes;
}
