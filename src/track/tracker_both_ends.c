// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/tracker_state.h"

/*
 * A connection with both ends on this host, both of interest, is two records
 * with the same packets. Reports of segments and messages count each once: for
 * the accepting end, as where only packets are seen. In a run with a target
 * the opening end is claimed first. What its packets say is put off while the
 * accepting one may follow.
 */

bool tracker_goes_first(const struct tracker *tracker, const struct record *record, const struct record *other)
{
	bool listens;

	if (record->goes_first != other->goes_first)
		return record->goes_first;
	if (record->wire != NULL && wire_dir(record->wire) != DIR_UNKNOWN)
		return wire_dir(record->wire) == DIR_IN;
	if (record->dir != DIR_UNKNOWN || other->dir != DIR_UNKNOWN)
		return record->dir == DIR_IN || other->dir == DIR_OUT;
	listens = tracker_listens(tracker, &record->conn.flow);
	if (listens != tracker_listens(tracker, &other->conn.flow))
		return listens;
	return record->conn.id > other->conn.id;
}

bool tracker_put_off(const struct tracker *tracker, struct record *record)
{
	/* Packets of a file do not say which way they went. */
	bool may_be_inside = record->is_inside || (!tracker->config.has_destroy && tracker->config.netns == 0);
	const struct record *other;
	struct flow reverse;

	if (record->goes_first || !record->owned || tracker->config.whole || !may_be_inside)
		return false;
	reverse = flow_reverse(&record->conn.flow);
	if (!tracker_listens(tracker, &reverse))
		return false;
	other = record_table_find_flow(tracker->table, &reverse);
	if (other != NULL && (other == record || other->owned))
		return false;
	record->is_put_off = true;
	return true;
}

bool tracker_learns_late(const struct tracker *tracker, const struct flow *flow)
{
	return tracker->owners_come || tracker_accepts_unseen(tracker, flow);
}
