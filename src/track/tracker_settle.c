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

/*
 * The counters of an older connection do not show the opener while a byte is under way. Those of its other end, on this
 * host as well, may.
 */
static void learn_opener_by_other_end(const struct tracker *tracker, struct record *record)
{
	const struct record *other;
	struct flow reverse;
	enum conn_dir dir;

	if (record->evidence->kernel_state == 0 || record_dir(record) != DIR_UNKNOWN ||
	    !flow_is_complete(&record->conn.flow))
		return;
	reverse = flow_reverse(&record->conn.flow);
	other = record_table_find_flow(tracker->table, &reverse);
	if (other == NULL || other == record)
		return;
	dir = record_dir(other);
	if (dir != DIR_UNKNOWN)
		tcp_payload_opener(record_bytes(record), dir == DIR_IN ? DIR_OUT : DIR_IN);
}

void tracker_settle(struct tracker *tracker, struct record *record, struct conn *conn)
{
	const struct record_rules rules = {
		.timeout_ns = tracker->config.timeout_ns,
		.now_ns = tracker->now_ns,
		.syn_retries = tracker->config.syn_retries,
		.has_lost_finals = tracker->stats.lost[LOST_NETLINK] != 0,
	};

	learn_opener_by_other_end(tracker, record);
	record_settle(record, &rules, conn);
	if (tracker->config.whole && is_live(tracker) && record->wire != NULL && wire_began_before(record->wire))
		settle_older(record, conn);
	if (!tracker_tells_destroy(tracker, &conn->flow))
		record_settle_unreported(record, conn);
	conn->name = (char *)(uintptr_t)dns_names_find(tracker->dns_names, &conn->flow.remote, conn->start_ns);
	/* Its begin was not seen: the counters or the listener give the opener. */
	if (conn->dir == DIR_UNKNOWN && (record->owned || tracker->config.whole))
		conn->dir = record->dir = tracker_dir_by_listener(tracker, &conn->flow);
}

void tracker_judge(const struct tracker *tracker, const struct record *record, struct conn *conn)
{
	conn->why = suspicious_judge(record, conn, &tracker->config.suspicious, tracker->now_ns);
}
