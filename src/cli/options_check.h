/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTIONS_CHECK_H
#define CONNTRACE_CLI_OPTIONS_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct options;

/** Most options that can be remembered as given; more than options.def has. */
#define OPTIONS_CHECK_GIVEN_MAX 64

/**
 * struct options_check - what was left of the command line after the options
 * @words: the operands, ended by NULL
 * @count: how many
 * @dashes: "--" stood before them
 * @given: long names of the options given
 * @given_count: how many
 */
struct options_check {
	char *const *words;
	size_t count;
	bool dashes;
	const char *given[OPTIONS_CHECK_GIVEN_MAX];
	size_t given_count;
};

/** options_check_given() - remember that an option was given; @name NULL (it has a letter only) is fine */
void options_check_given(struct options_check *options_check, const char *name);

/**
 * options_check_settle() - decide what the operands are, and whether the options fit together
 * @options_check: complete
 * @options: gets command or packet_filter
 * @err: the story
 *
 * Return: 0 or -EINVAL.
 */
int options_check_settle(const struct options_check *options_check, struct options *options, struct err *err);

#endif
