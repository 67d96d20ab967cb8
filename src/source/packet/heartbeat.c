// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/heartbeat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Longer gaps between two checks do not count: this process was not running. */
#define LOOK_NS (2 * CLOCK_NS_PER_SEC)

/* The letter of proc_pid_stat(5), 0 unknown. */
static char state_of(pid_t pid)
{
	char path[64], line[512], state = 0;
	const char *after;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	after = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
	if (after != NULL && after[1] == ' ')
		state = after[2];
	fclose(file);
	return state;
}

bool heartbeat_hangs(struct heartbeat *heartbeat, uint32_t beat, bool may_wait, pid_t pid, int64_t now_ns,
		     struct err *err)
{
	bool looks = heartbeat->looked_ns != 0 && now_ns - heartbeat->looked_ns < LOOK_NS;
	int64_t silent_ns;
	char state;

	heartbeat->looked_ns = now_ns;
	if (!looks || beat != heartbeat->beat) {
		heartbeat->beat = beat;
		heartbeat->since_ns = now_ns;
		return false;
	}
	silent_ns = now_ns - heartbeat->since_ns;
	if (silent_ns < HEARTBEAT_STOPPED_NS)
		return false;
	state = state_of(pid);
	if (state == 'T' || state == 't') {
		err_set(err, EPIPE,
			"the packet process was stopped by a signal or debugger for %" PRId64
			" s; it was ended, and no packets are seen any more",
			silent_ns / CLOCK_NS_PER_SEC);
		return true;
	}
	/* D is waiting for a disk. Z has ended, which its pipe shows soon. */
	if (silent_ns < HEARTBEAT_SILENT_NS || (state != 'R' && state != 'S') || (state == 'S' && may_wait))
		return false;
	err_set(err, EPIPE,
		"the packet process did not respond for %" PRId64 " s; it was ended, and no packets are seen any more",
		silent_ns / CLOCK_NS_PER_SEC);
	return true;
}
