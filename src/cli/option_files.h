/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTION_FILES_H
#define CONNTRACE_CLI_OPTION_FILES_H

#include <stddef.h>

#include "base/err.h"

struct options_rotate;

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

/**
 * option_files_rotate() - LIMIT[,N] of --rotate
 * @rotate: set on success only
 * @word: a size with K, M or G, or a time with s, m, h or d; then the number of files
 * @err: the message
 *
 * Return: 0 or -EINVAL.
 */
int option_files_rotate(struct options_rotate *rotate, const char *word, struct err *err);

#endif
