// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/signal_hold.h"

#include <signal.h>
#include <sys/ptrace.h>

#include "system/procfs.h"

#define BIT(number) (UINT64_C(1) << ((number)-1))
/* Ignored unless the program wants them (signal(7)). */
#define IGNORED_BY_DEFAULT (BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) | BIT(SIGWINCH))

/* The kernel's set of signals has 64 bits everywhere. */
static bool set_mask(const struct tracee *tracee, uint64_t mask)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	return ptrace(PTRACE_SETSIGMASK, tracee->tid, (void *)sizeof(mask), &mask) == 0;
}

void signal_hold_begin(struct tracee *tracee)
{
	struct procfs_status status;

	if (procfs_status(tracee->tid, &status) != 0)
		return;
	tracee->mask = status.blocked;
	tracee->signals_held =
		set_mask(tracee, status.blocked | status.ignored | (IGNORED_BY_DEFAULT & ~status.caught));
}

void signal_hold_end(struct tracee *tracee)
{
	if (tracee->signals_held)
		(void)set_mask(tracee, tracee->mask);
	tracee->signals_held = false;
}

bool signal_hold_lasts(const struct tracee_table *table)
{
	const struct tracee *tracee = tracee_next(table, NULL);

	while (tracee != NULL && !tracee->signals_held)
		tracee = tracee_next(table, tracee);
	return tracee != NULL;
}
