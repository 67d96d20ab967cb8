/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTION_DEBUG_H
#define CONNTRACE_CLI_OPTION_DEBUG_H

#include "base/err.h"
#include "cli/options.h"

/**
 * option_debug_parse() - the value of --debug
 * @options: gets the topics, and the batch
 * @option: its name, for messages
 * @list: words separated by commas
 * @err: names the unknown word
 *
 * Return: 0, or -EINVAL.
 */
int option_debug_parse(struct options *options, const char *option, const char *list, struct err *err);

#endif
