/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_COMMAND_H
#define CONNTRACE_RUN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "source/ptrace/tracer.h"

/** struct command - a command launched without tracing it */
struct command;

/**
 * command_open() - make the child that will become the command; it waits for command_go()
 * @command: set on success
 * @config: command, user and mask count; is needed until then
 * @err: the story of a failure
 *
 * Return: 0 or a negative errno.
 */
int command_open(struct command **command, const struct tracer_config *config, struct err *err);

/**
 * command_go() - let it run
 * @command: the command
 * @exit_status: set on failure, as tracer_open()'s
 * @err: the story of a failure
 *
 * Return: 0 when it runs, or a negative errno.
 */
int command_go(struct command *command, int *exit_status, struct err *err);

/** command_pid() - its process */
pid_t command_pid(const struct command *command);

/** command_start() - orphans_start() of it */
uint64_t command_start(const struct command *command);

/** command_source - in the loop of a run it has no events, only an end */
extern const struct source_ops command_source;

/** command_fd() - readable when it has ended; -1 none (Linux before 5.3) */
int command_fd(const struct command *command);

/** command_status() - its wait status; Return: false while it runs */
bool command_status(struct command *command, int *status);

/** command_lives() - has it not ended yet? For any thread */
bool command_lives(const struct command *command);

/** command_close() - it runs on if it has not ended; NULL is fine */
void command_close(struct command *command);

#endif
