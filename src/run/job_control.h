/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_JOB_CONTROL_H
#define CONNTRACE_RUN_JOB_CONTROL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "source/ptrace/tracer.h"

/*
 * Job control. What the terminal stops (Ctrl-Z: SIGTSTP to the whole foreground
 * process group; SIGTTIN, SIGTTOU) must not stop this program by itself: whoever
 * it traces would stand still at the next stop, though it may have been told
 * nothing, or ignore that signal. So they are read like other signals. With a
 * launched command this program stops when the command has, and so the shell
 * learns of it as it would without; attached it does not stop at all.
 */

/**
 * struct job_control - between a stop signal and what comes of it
 * @asked_ns: when the last stop signal of the terminal came (monotonic), 0 none or answered
 * @number: that signal
 * @reported: that an attached run does not stop has been said
 */
struct job_control {
	int64_t asked_ns;
	int number;
	bool reported;
};

/**
 * job_control_signals() - the signals that a run reads, and blocks
 * @signals: set to SIGINT, SIGTERM, SIGUSR1 and what else job_control_signal() and the end of the run want
 * @options: of the run
 *
 * Those of job control are not among them if nobody is stopped by ptrace: then this program may stop like any other. A
 * live screen has its own way with them.
 *
 * SIGHUP that is ignored at the start stays ignored, as nohup(1) wants it, and so do the signals of job control: they
 * are not read, and ignored as they are they do nothing. SIGINT and SIGTERM are read in any case, as tcpdump(8) does:
 * a shell without job control starts background commands with SIGINT ignored, and scripts end them by kill(1).
 */
void job_control_signals(sigset_t *signals, const struct options *options);

/**
 * job_control_signal() - a signal has been read
 * @job_control: notes it
 * @number: the signal
 * @is_launched: the traced is a command of ours
 *
 * Return: was it one of job control's?
 */
bool job_control_signal(struct job_control *job_control, int number, bool is_launched);

/** job_control_check() - stop, if the command has been stopped with us; returns when continued */
void job_control_check(struct job_control *job_control, const struct tracer *tracer);

#endif
