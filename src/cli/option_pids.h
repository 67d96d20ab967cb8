/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTION_PIDS_H
#define CONNTRACE_CLI_OPTION_PIDS_H

#include "base/err.h"

struct options;

/** option_pids_add() - add one PID to struct options.pids, unless it is there; Return: 0 or -EINVAL with @err set */
int option_pids_add(struct options *options, const char *word, struct err *err);

/** option_pids_parse() - the argument of --pid: PIDs separated by commas or blanks; returns as option_pids_add() */
int option_pids_parse(struct options *options, const char *word, struct err *err);

#endif
