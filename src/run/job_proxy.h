/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_JOB_PROXY_H
#define CONNTRACE_RUN_JOB_PROXY_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/options.h"

/*
 * The run of --top is a child's. The process that the shell knows waits for it,
 * passes signals on, gives the terminal back if the child is killed by SIGKILL,
 * and ends as the child ends.
 *
 * It is also what Ctrl-Z stops. The shell gets its prompt back when the process
 * that it started stops, but a tracer must not stop, because the traced would
 * stand still at their next call. A child that does not trace is stopped, too.
 *
 * When Ctrl-Z comes the child first gives the terminal back, then sends
 * TOP_SCREEN_SIGNAL, which stops this process; it is sent back when somebody
 * continues this process. Where the run ends meanwhile, job_proxy_over() does that.
 */

/**
 * job_proxy_fork() - leave the run to a child, if --top has a screen
 * @options: of the run
 * @wait_status: how the child ended
 *
 * Return: true where the run is to be made, now; false in the process that left it to a child, which has ended by now.
 */
bool job_proxy_fork(const struct options *options, int *wait_status);

/** job_proxy_pid() - the process that left the run to us; 0: there is none, -1: there should be one */
pid_t job_proxy_pid(void);

/** job_proxy_over() - the run is over: the process that left it to us, if one did, is not to stop any more, nor stay so
 */
void job_proxy_over(void);

/** job_proxy_end_like() - end the way another process ended, so that a script sees no difference; Return: exit status
 */
int job_proxy_end_like(int wait_status);

#endif
