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

void reports_take(struct reports *reports)
{
	size_t count = 0;
	int status;
	pid_t tid;

	while (count < REPORTS_MAX && (tid = wait4(-1, &status, __WALL | WNOHANG, NULL)) > 0) {
		/* exec by another thread took over this thread's number: what that reported before is void. */
		for (size_t i = 0; status >> 16 == PTRACE_EVENT_EXEC && i < count; i++) {
			if (reports->list[i].tid == tid)
				reports->list[i].tid = 0;
		}
		reports->list[count].tid = tid;
		reports->list[count++].status = status;
	}
	reports->count = count;
}
