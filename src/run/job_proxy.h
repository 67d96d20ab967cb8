/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_JOB_PROXY_H
#define CONNTRACE_RUN_JOB_PROXY_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/options.h"

/*
 * With --top a child makes the run. The process that the shell started waits
 * for it, passes signals on, restores the terminal if the child is killed by
 * SIGKILL, and ends as the child ends.
 *
 * It is also the process that Ctrl-Z stops. The shell prints its prompt when the
 * process that it started stops, but a tracer must not stop, because traced
 * processes would hang at their next call. A child that does not trace is
 * stopped, too.
 *
 * On Ctrl-Z the child first restores the terminal, then sends
 * TOP_SCREEN_SIGNAL, which stops this process; the signal is sent back when this
 * process is continued. job_proxy_over() does that when the run ends meanwhile.
 * A run that begins in the background sends it, too. If the job has come to the
 * foreground before this process stops, it does not stop: to the shell it is a
 * running job, which it does not continue.
 */
/**
 * job_proxy_fork() - fork the child that makes the run, if --top has a screen
 * @options: of the run
 * @wait_status: how the child ended
 *
 * Return: true in the process that makes the run; false in its parent, after the child has ended.
 */
bool job_proxy_fork(const struct options *options, int *wait_status);

/** job_proxy_pid() - the process that waits for us; 0: there is none, -1: creating the child failed */
pid_t job_proxy_pid(void);

/** job_proxy_over() - the run is over: the waiting process, if there is one, must not stop, and continues if stopped */
void job_proxy_over(void);

/** job_proxy_end_like() - end the way another process ended, for the caller's script; Return: exit status */
int job_proxy_end_like(int wait_status);

#endif
