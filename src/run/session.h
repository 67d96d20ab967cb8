/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_SESSION_H
#define CONNTRACE_RUN_SESSION_H

#include <signal.h>

#include "base/err.h"
#include "cli/options.h"

/** struct session - one run: its sources, the merge, the tracker and the reports */
struct session;

/**
 * session_open() - open the output, then every source that the options ask for
 * @session: set on success
 * @options: must outlive it
 * @mask: the signal mask a launched command starts with
 * @exit_status: set on failure: what to exit with
 * @err: the message of a failure
 *
 * Return: 0 or a negative errno.
 */
int session_open(struct session **session, const struct options *options, const sigset_t *mask, int *exit_status,
		 struct err *err);

/** session_run() - run until nothing is left to watch, or a signal or a limit ends the run */
void session_run(struct session *session);

/**
 * session_report() - the outcome of the run, after session_run()
 *
 * Return: 0, or a negative errno of writing with the message in @err.
 */
int session_report(struct session *session, struct err *err);

/** session_rules_status() - the exit status of the run by --expect, after session_run(): 0, 1 not proven, 3 broken */
int session_rules_status(const struct session *session);

/**
 * session_close() - let targets go, close the output and free everything
 * @session: NULL is fine
 * @wait_status: set to the launched command's wait(2) status, untouched when none was launched or it did not end
 * @err: the message when writing failed
 *
 * Return: 0, or a negative errno when the output could not be written in full.
 */
int session_close(struct session *session, int *wait_status, struct err *err);

#endif
