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
	summary->tcp_frames = stats.tcp;
	summary->left_out[SUMMARY_LEFT_COPY] = account.left_out[LEFT_OUT_COPY];
	summary->left_out[SUMMARY_LEFT_LATE] = account.left_out[LEFT_OUT_LATE];
	summary->left_out[SUMMARY_LEFT_UNCLAIMED] = account.left_out[LEFT_OUT_UNCLAIMED];
	summary->left_out[SUMMARY_LEFT_FRAGMENT] = stats.left[PACKET_LEFT_FRAGMENT];
	summary->left_out[SUMMARY_LEFT_MALFORMED] = stats.left[PACKET_LEFT_MALFORMED];
	summary->left_out[SUMMARY_LEFT_TUNNEL] = stats.left[PACKET_LEFT_TUNNEL];
	summary->left_out[SUMMARY_LEFT_FILTERED] = stats.left[PACKET_LEFT_FILTERED];
	summary->both_ends = account.both_ends;
	summary->disordered = stats.disordered;
	summary->cpu_ns = clock_process() + stats.cpu_ns;
	summary->peak_bytes = procfs_status(getpid(), &own) == 0 ? own.peak_bytes : CONN_UNKNOWN;
	summary->packet_peak_bytes = stats.peak_bytes;
}
