/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTION_FILES_H
#define CONNTRACE_CLI_OPTION_FILES_H

#include <stddef.h>

#include "base/err.h"

/**
 * option_files_add() - one more file of an option that may be repeated
 * @files: the names, to be freed by the caller; they are not copied
 * @count: how many
 * @option: for the message
 * @word: the argument
 * @err: the message
 *
 * Return: 0, or -EINVAL for an empty name.
 */
int option_files_add(const char ***files, size_t *count, const char *option, const char *word, struct err *err);

#endif
