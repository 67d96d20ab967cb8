/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_REPORTS_H
#define CONNTRACE_SOURCE_PTRACE_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "source/ptrace/standby.h"

/*
 * wait4(2) reports the first stopped thread it finds, always searching from the same end. Busy threads would keep those
 * behind them waiting forever. From time to time all waiting reports are therefore taken before one is acted on: none
 * of those threads can stop again before the last one has had its turn.
 */

/* More than wait in practice; a thread may wait for the next round. */
#define REPORTS_MAX 4096

/**
 * struct reports - results of wait4(2) for several threads
 * @list: thread and status of each; a thread of 0 is none
 * @count: number of entries
 * @in_turn: reports acted on since the last round
 */
struct reports {
	struct {
		pid_t tid;
		int status;
	} list[REPORTS_MAX];
	size_t count;
	unsigned int in_turn;
};

/**
 * reports_due() - one more was acted on as it came; Return: true when it is time for a round
 *
 * After 64 of them, and at once while rounds are large.
 */
bool reports_due(struct reports *reports);

/** reports_take() - all that wait now, or as many as there is room for, by standby_wait() */
void reports_take(struct reports *reports, struct standby *standby);

#endif
