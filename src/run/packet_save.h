/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PACKET_SAVE_H
#define CONNTRACE_RUN_PACKET_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/options.h"
#include "model/conn.h"
#include "run/sources.h"
#include "track/tracker.h"

/** struct packet_save - the file of -w, and which packets are written to it */
struct packet_save;

/** packet_save_open() - check whether the file can be written; Return: 0 or a negative errno */
int packet_save_open(struct packet_save **save, const struct options *options, struct err *err);

/** packet_save_begin() - the run begins; both must live until packet_save_end() */
void packet_save_begin(struct packet_save *save, struct sources *sources, struct tracker *tracker);

/** packet_save_is_to_come() - whether the file has to be created; false for NULL */
bool packet_save_is_to_come(const struct packet_save *save);

/** packet_save_commit() - create or empty the file; Return: 0 or a negative errno */
int packet_save_commit(struct packet_save *save, struct err *err);

/** packet_save_finished() - a connection has ended and is reported; @wanted: its packets are to be written */
void packet_save_finished(struct packet_save *save, const struct conn *conn, bool wanted);

/**
 * packet_save_step() - write the packets of which it is known whether they are wanted
 * @save: NULL is fine
 * @fed_ns: events up to this time have been fed to the tracker
 * @err: the reason of a failure, which is returned once
 *
 * Return: 0 or a negative errno.
 */
int packet_save_step(struct packet_save *save, int64_t fed_ns, struct err *err);

/**
 * packet_save_end() - no more events come: decide about all packets, and close the file
 * @save: NULL is fine
 * @report: appended: what was written, and what is missing
 * @err: the reason of a failure that packet_save_step() has not returned
 *
 * Return: 0 or a negative errno.
 */
int packet_save_end(struct packet_save *save, struct text *report, struct err *err);

/** packet_save_has_lost() - after packet_save_end(): packets that are wanted are not in the file */
bool packet_save_has_lost(const struct packet_save *save);

/** packet_save_free() - NULL is fine; without packet_save_end() the file stays without a message */
void packet_save_free(struct packet_save *save);

#endif
