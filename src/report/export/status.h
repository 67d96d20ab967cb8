/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_STATUS_H
#define CONNTRACE_REPORT_EXPORT_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "track/groups.h"
#include "track/peers.h"

/* What conntrace-stat(1) shows: how the groups stand, and how far they came since somebody asked before. */

/** enum status_item - what is counted of a group */
enum status_item {
	/** came about; after a resent SYN; after a resent SYN/ACK */
	STATUS_OK,
	STATUS_DUP_SYN,
	STATUS_DUP_SYNACK,
	STATUS_TIMEOUT,
	STATUS_REFUSED,
	STATUS_RESET,
	STATUS_UNREACH,
	STATUS_ABORT,
	STATUS_ERROR,
	/** undecided, or not known, now; these are no counters */
	STATUS_PENDING,
	STATUS_UNKNOWN,
	STATUS_ITEM_NUM
};

/**
 * struct status - how the groups stand
 *
 * Made by status_take(); a value without pointers of its own.
 *
 * @from_ns: since when it is counted, since the epoch
 * @to_ns: up to when
 * @is_change: since the answer to a request before, and not since the start of the run; false until status_since()
 * @packets: captured or read so far, -1 when there are none to be had
 * @dropped: packets lost in the kernel's buffer, -1 unknown
 * @interface_dropped: packets lost by interfaces, -1 unknown
 * @groups: names; borrowed
 * @items: by number of the group and enum status_item
 */
struct status {
	int64_t from_ns;
	int64_t to_ns;
	bool is_change;
	int64_t packets;
	int64_t dropped;
	int64_t interface_dropped;
	const struct groups *groups;
	struct peers_sum items[GROUPS_MAX][STATUS_ITEM_NUM];
};

/**
 * status_take() - fill the items
 * @status: all else is the caller's
 * @table: by PEERS_KEYS_GROUPS, with a row for each group (peers_reserve_groups())
 */
void status_take(struct status *status, struct peers *table);

/** status_since() - what was counted in @now and not yet in @before, which is older; what is no counter stays */
void status_since(struct status *now, const struct status *before);

/** status_text() - for people: tcpeek's summary with its words, and what it did not tell apart */
void status_text(struct text *text, const struct status *status);

/**
 * status_json() - in the shape of tcpeek's answer, with more keys
 * @is_change: what was counted since somebody asked before: nothing is told of packets then
 */
void status_json(struct text *text, const struct status *status, bool is_change);

/**
 * status_gmetric() - a line "NAME VALUE" for each value that gmetric(1) is to send
 *
 * Names and values are tcpeekstat's: tcpeek_GROUP_failure_timeout, _failure_reject (unreachable ones are in it),
 * _success_dupsyn and _success_dupsynack. gmetad makes files of such names: all in GROUP but letters, digits, "_", "-"
 * and "." is written as "_". What is unknown has no line.
 */
void status_gmetric(struct text *text, const struct status *status);

#endif
