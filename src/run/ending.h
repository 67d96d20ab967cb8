/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_ENDING_H
#define CONNTRACE_RUN_ENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "run/sources.h"

/*
 * The end of a run with a launched command. The command may outlive its
 * children, or leave one behind: a daemon. Under the system-call filter none of
 * them can run without us, so all must end before we do: first the command,
 * then the processes it left. Each gets SIGTERM, and after ten seconds SIGKILL,
 * which is announced. Without the filter the processes it left run on.
 */

/** enum ending_step - progress of the end */
enum ending_step {
	/** no end was requested */
	ENDING_NONE,
	/** a signal was passed on to the command, which decides when it ends */
	ENDING_PASSED,
	/** SIGTERM was sent to the command */
	ENDING_COMMAND,
	/** SIGTERM was sent to all processes that it left */
	ENDING_LEFT,
	/** the run is over */
	ENDING_OVER
};

/**
 * struct ending - the end of a run with a launched command
 * @options: of the run
 * @sources: of the run
 * @say: prints a line for the user; gets @context
 * @context: for @say
 * @step: progress
 * @since_ns: when that step began (monotonic)
 * @alone_ns: when the command was found to have ended and to have left something behind (monotonic), 0 not yet
 * @is_announced: the notice about SIGKILL was printed
 * @is_reported: the notice about processes that run although the command has ended was printed
 * @searches: number of searches for orphans that are not watched: after the end of the command, and of all watched
 *processes; none after some were found
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
 * ending_signal() - handle SIGINT, SIGTERM or SIGHUP
 * @ending: the end
 * @number: the signal
 * @is_terminal: the terminal sent it, also to the command if that is in the foreground
 *
 * Return: true for the second one, which ends the run at once
 */
bool ending_signal(struct ending *ending, int number, bool is_terminal);

/** ending_ask() - end the run now (-d, -c): send SIGTERM to the command, or to the processes that it left */
void ending_ask(struct ending *ending);

/** ending_check() - call it regularly; Return: true when the run is over */
bool ending_check(struct ending *ending);

#endif
