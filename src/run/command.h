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
 * command_open() - fork the child that becomes the command; it waits for command_go()
 * @command: set on success
 * @config: command, user and mask count; must stay valid until then
 * @err: the message of a failure
 *
 * Return: 0 or a negative errno.
 */
int command_open(struct command **command, const struct tracer_config *config, struct err *err);

/**
 * command_go() - execute the command
 * @command: the command
 * @exit_status: set on failure, as tracer_open()'s
 * @err: the message of a failure
 *
 * Return: 0 when it runs, or a negative errno.
 */
int command_go(struct command *command, int *exit_status, struct err *err);

/** command_pid() - its process ID */
pid_t command_pid(const struct command *command);

/** command_start() - its orphans_start() */
uint64_t command_start(const struct command *command);

/** command_source - a source of the run's loop without events, only with an end */
extern const struct source_ops command_source;

/** command_status() - its wait status; Return: false while it runs */
bool command_status(struct command *command, int *status);

/** command_lives() - true while it runs; for any thread */
bool command_lives(const struct command *command);

#endif
