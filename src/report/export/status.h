/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPORT_STATUS_H
#define CONNTRACE_REPORT_EXPORT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "track/groups.h"
#include "track/peers.h"

/* The output of conntrace-stat(1): the figures of the groups, in total or since the previous request. */

/** enum status_item - what is counted of a group */
enum status_item {
	/** established; of these: older than the run, after a retransmitted SYN, after a retransmitted SYN/ACK */
	STATUS_OK,
	STATUS_OLDER,
	STATUS_DUP_SYN,
	STATUS_DUP_SYNACK,
	STATUS_TIMEOUT,
	STATUS_REFUSED,
	STATUS_RESET,
	STATUS_UNREACH,
	STATUS_ABORT,
	STATUS_ERROR,
	/** without a result yet, or unknown, at present; these are gauges */
	STATUS_PENDING,
	STATUS_UNKNOWN,
	STATUS_ITEM_NUM
};

/**
 * struct status - the figures of the groups
 *
 * Made by status_take(); a value without pointers of its own.
 *
 * @from_ns: start of counting, since the epoch
 * @to_ns: end of counting
 * @is_change: since the answer to a request before, and not since the start of the run; false until status_since()
 * @packets: captured or read so far, -1 when no packets are read
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
 * @status: the caller sets all other fields
 * @table: by PEERS_KEYS_GROUPS, with a row for each group (peers_reserve_groups())
 */
void status_take(struct status *status, struct peers *table);

/** status_since() - subtract the counters of @before, the older one, from @now; gauges stay */
void status_since(struct status *now, const struct status *before);

/** status_text() - for people: tcpeek's summary with its words, and the cases tcpeek does not distinguish */
void status_text(struct text *text, const struct status *status);

/**
 * status_json() - in the shape of tcpeek's answer, with more keys
 * @is_change: counted since the previous request: packets are left out then
 */
void status_json(struct text *text, const struct status *status, bool is_change);

/**
 * status_gmetric() - a line "NAME VALUE" for each value that gmetric(1) is to send
 *
 * Names and values are tcpeekstat's: tcpeek_GROUP_failure_timeout, _failure_reject (includes unreachable),
 * _success_dupsyn and _success_dupsynack. gmetad makes files of such names: each character of GROUP except letters,
 * digits, "_", "-" and "." is written as "_". An unknown value has no line.
 */
void status_gmetric(struct text *text, const struct status *status);

#endif
