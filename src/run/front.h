/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_FRONT_H
#define CONNTRACE_RUN_FRONT_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/options.h"

/*
 * Ctrl-Z in --top. The shell gets its prompt back when the process it started
 * stops; but whoever traces must not stop, because the traced would stand still
 * at their next call. So where both meet the run is a child's: the process that
 * the shell knows only stops, passes signals on, and ends as the child ends.
 *
 * When Ctrl-Z comes the child first gives the terminal back, then sends
 * TOP_SCREEN_SIGNAL, which stops this process; it is sent back when somebody
 * continues this process. Where the run ends meanwhile, front_over() does that.
 */

/**
 * front_fork() - leave the run to a child, if --top has a screen and traces somebody
 * @options: of the run
 * @wait_status: how the child ended
 *
 * Return: true where the run is to be made, now; false in the process that left it to a child, which has ended by now.
 */
bool front_fork(const struct options *options, int *wait_status);

/** front_pid() - the process that left the run to us; 0: there is none, -1: there should be one */
pid_t front_pid(void);

/** front_over() - the run is over: the process that left it to us, if one did, is not to stop any more, nor stay so */
void front_over(void);

/** front_end_like() - end the way another process ended, so that a script sees no difference; Return: exit status */
int front_end_like(int wait_status);

#endif
