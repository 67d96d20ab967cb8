// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/reports.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#define IN_TURN_MAX 64
#define LARGE_ROUND 8

bool reports_due(struct reports *reports)
{
	if (++reports->in_turn < IN_TURN_MAX && reports->count <= LARGE_ROUND)
		return false;
	reports->in_turn = 0;
	return true;
}

void reports_take(struct reports *reports, struct standby *standby)
{
	int status;
	pid_t tid;

	reports->count = 0;
	while (reports->count < REPORTS_MAX && (tid = standby_wait(standby, &status, WNOHANG)) > 0) {
		/* exec by another thread took over this thread's number: earlier reports of that number are void. */
		for (size_t i = 0; status >> 16 == PTRACE_EVENT_EXEC && i < reports->count; i++) {
			if (reports->list[i].tid == tid)
				reports->list[i].tid = 0;
		}
		reports->list[reports->count].tid = tid;
		reports->list[reports->count].status = status;
		atomic_signal_fence(memory_order_seq_cst);
		reports->count++;
		standby_done(standby);
	}
}
