/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_JOB_CONTROL_H
#define CONNTRACE_RUN_JOB_CONTROL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "source/ptrace/tracer.h"

/*
 * Job control. A stop signal of the terminal (Ctrl-Z: SIGTSTP to the whole
 * foreground process group; SIGTTIN, SIGTTOU) must not stop this program: a
 * traced process would hang at its next stop, though it may not have received
 * the signal, or may ignore it. So these signals are read like others. With a
 * launched command this program stops after the command has stopped, so the
 * shell sees the same as without it. Attached to processes it does not stop.
 */

/**
 * struct job_control - state between a stop signal and its effect
 * @asked_ns: when the last stop signal of the terminal came (monotonic), 0 none or handled
 * @number: that signal
 * @reported: the notice that an attached run does not stop was printed
 */
struct job_control {
	int64_t asked_ns;
	int number;
	bool reported;
};

/**
 * job_control_signals() - the signals that a run reads, and blocks
 * @signals: set to SIGINT, SIGTERM, SIGUSR1 and those that job_control_signal() and the end of the run need
 * @options: of the run
 *
 * Those of job control are not among them if no process is stopped by ptrace: then this program may stop like any
 * other. A live screen handles them itself.
 *
 * SIGHUP ignored at the start stays ignored, as nohup(1) requires, and so do the signals of job control: they are not
 * read, and have no effect. SIGINT and SIGTERM are read in any case, as in tcpdump(8): a shell without job control
 * starts background commands with SIGINT ignored, and scripts end them by kill(1).
 */
void job_control_signals(sigset_t *signals, const struct options *options);

/**
 * job_control_signal() - handle a signal
 * @job_control: gets it
 * @number: the signal
 * @is_launched: the traced process is the launched command
 *
 * Return: true when it is a signal of job control
 */
bool job_control_signal(struct job_control *job_control, int number, bool is_launched);

/** job_control_check() - stop, if the command was stopped by the same signal; Return: true after it was continued */
bool job_control_check(struct job_control *job_control, const struct tracer *tracer);

#endif
