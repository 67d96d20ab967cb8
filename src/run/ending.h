/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_ENDING_H
#define CONNTRACE_RUN_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "run/sources.h"

/*
 * How a run with a launched command ends. The command may outlive what it left
 * behind, or leave something behind: a daemon. Under the system-call filter
 * nothing of it can run without us, so all of it has to end before we do:
 * first the command, then what is left. Each gets SIGTERM and ten seconds, and
 * then SIGKILL, which is announced. Without the filter what is left runs on.
 */

/** enum ending_step - how far it is */
enum ending_step {
	/** nobody has asked for the end */
	ENDING_NONE,
	/** a signal was passed on to the command, which decides when it ends */
	ENDING_PASSED,
	/** the command has been sent SIGTERM */
	ENDING_COMMAND,
	/** all that it left has been sent SIGTERM */
	ENDING_LEFT,
	/** the run is over */
	ENDING_OVER
};

/**
 * struct ending - the end of a run with a launched command
 * @options: of the run
 * @sources: of the run
 * @say: prints a line for the user; @context is its own
 * @context: for @say
 * @step: how far it is
 * @since_ns: when that began (monotonic)
 * @alone_ns: when the command was found to have ended and to have left something behind (monotonic), 0 not yet
 * @is_announced: what SIGKILL will end has been said
 * @is_reported: who runs although the command has ended has been said
 * @searches: how often orphans that are not watched have been looked for: when the command had ended, and when all that
 *	      is watched had; no more once there were some
 */
struct ending {
	const struct options *options;
	struct sources *sources;
	void (*say)(void *context, const char *text);
	void *context;
	enum ending_step step;
	int64_t since_ns;
	int64_t alone_ns;
	bool is_announced;
	bool is_reported;
	unsigned int searches;
};

/**
 * ending_signal() - SIGINT, SIGTERM or SIGHUP has come
 * @ending: the end
 * @number: the signal
 * @is_terminal: the terminal has sent it, to the command too if that is in the foreground
 *
 * Return: is it the second one, which ends the run at once?
 */
bool ending_signal(struct ending *ending, int number, bool is_terminal);

/** ending_ask() - the run is to end now (-d, -c): the command is sent SIGTERM, or what it left */
void ending_ask(struct ending *ending);

/** ending_check() - to be called now and then; Return: is the run over? */
bool ending_check(struct ending *ending);

#endif
