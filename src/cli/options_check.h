/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTIONS_CHECK_H
#define CONNTRACE_CLI_OPTIONS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct options;

/** Limit of the options kept as given; more than options.def has. */
#define OPTIONS_CHECK_GIVEN_MAX 64

/**
 * struct options_check - the rest of the command line after the options
 * @words: the operands, ended by NULL
 * @count: number of @words
 * @dashes: "--" precedes them
 * @given: long names of the options given
 * @given_count: number of @given
 */
struct options_check {
	char *const *words;
	size_t count;
	bool dashes;
	const char *given[OPTIONS_CHECK_GIVEN_MAX];
	size_t given_count;
};

/** options_check_given() - record that an option was given; @name may be NULL (it has a letter only) */
void options_check_given(struct options_check *options_check, const char *name);

/**
 * options_check_settle() - decide what the operands are, and check that the options are compatible
 * @options_check: complete
 * @options: gets command or packet_filter
 * @err: the message of a failure
 *
 * Return: 0 or -EINVAL.
 */
int options_check_settle(const struct options_check *options_check, struct options *options, struct err *err);

#endif
