// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

#include <netinet/in.h>

/* The values of a connection for reports, as far as its evidence goes. */

bool tracker_tells_destroy(const struct tracker *tracker, const struct flow *flow)
{
	return tracker->config.has_destroy && flow->proto == IPPROTO_TCP &&
	       (tracker->config.has_all_destroy || flow->netns == tracker->config.netns || flow->netns == 0 ||
		tracker->config.netns == 0);
}

/* False for a file, which has no namespace. In a container destroy events may be missing all the same. */
static bool is_live(const struct tracker *tracker)
{
	return tracker->config.has_destroy || tracker->config.netns != 0;
}

/* A live run with packets alone: a connection without a handshake is older than the run. */
static void settle_older(const struct record *record, struct conn *conn)
{
	conn->seen |= SEEN_EXISTING;
	conn->began_ns = CONN_UNKNOWN;
	/* Both ends of a connection answer each other; without a connection the answer is a RST. */
	if (conn->result == RESULT_UNKNOWN && (record->evidence->established || wire_both_spoke(record->wire))) {
		conn->result = RESULT_OK;
		conn->error = 0;
	}
}

void tracker_settle(struct tracker *tracker, struct record *record, struct conn *conn)
{
	const struct record_rules rules = {
		.timeout_ns = tracker->config.timeout_ns,
		.now_ns = tracker->now_ns,
		.syn_retries = tracker->config.syn_retries,
	};

	record_settle(record, &rules, conn);
	if (tracker->config.whole && is_live(tracker) && record->wire != NULL && wire_began_before(record->wire))
		settle_older(record, conn);
	if (!tracker_tells_destroy(tracker, &conn->flow))
		record_settle_unheard(record, conn);
	/* Its begin was not seen: the counters or the listener give the opener. */
	if (conn->dir == DIR_UNKNOWN && (record->owned || tracker->config.whole))
		conn->dir = record->conn.dir = tracker_dir_by_listener(tracker, &conn->flow);
}

void tracker_judge(const struct tracker *tracker, const struct record *record, struct conn *conn)
{
	conn->why = suspicious_judge(record, conn, &tracker->config.suspicious, tracker->now_ns);
}
