/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_HEARTBEAT_H
#define CONNTRACE_SOURCE_PACKET_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/** A packet process that is stopped, by SIGSTOP or a debugger, is given up after this time. */
#define HEARTBEAT_STOPPED_NS (5 * INT64_C(1000000000))

/** One that runs or sleeps without a heartbeat may be short of processor time: it gets longer. */
#define HEARTBEAT_SILENT_NS (30 * INT64_C(1000000000))

/**
 * struct heartbeat - when the packet process last showed that it works
 * @beat: its counter then
 * @since_ns: monotonic, when the counter was first seen at that value
 * @looked_ns: monotonic, when it was last read
 */
struct heartbeat {
	uint32_t beat;
	int64_t since_ns;
	int64_t looked_ns;
};

/**
 * heartbeat_hangs() - whether the packet process is to be given up
 * @heartbeat: zero at first
 * @beat: its counter now
 * @may_wait: it waits for a stream, which may pause for any time
 * @pid: its process ID; not reaped yet
 * @now_ns: monotonic
 * @err: the message when it is
 *
 * Time in which this process was stopped or busy itself, and did not check, does not count. Waiting for a disk or a
 * file server does not count either.
 */
bool heartbeat_hangs(struct heartbeat *heartbeat, uint32_t beat, bool may_wait, pid_t pid, int64_t now_ns,
		     struct err *err);

#endif
