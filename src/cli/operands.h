/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPERANDS_H
#define CONNTRACE_CLI_OPERANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct options;

/** Most options that can be remembered as given; more than options.def has. */
#define OPERANDS_GIVEN_MAX 64

/**
 * struct operands - what was left of the command line after the options
 * @words: the operands, ended by NULL
 * @count: how many
 * @dashes: "--" stood before them
 * @given: long names of the options given
 * @given_count: how many
 */
struct operands {
	char *const *words;
	size_t count;
	bool dashes;
	const char *given[OPERANDS_GIVEN_MAX];
	size_t given_count;
};

/** operands_given() - remember that an option was given; @name NULL (it has a letter only) is fine */
void operands_given(struct operands *operands, const char *name);

/**
 * operands_settle() - decide what the operands are, and whether the options fit together
 * @operands: complete
 * @options: gets command or packet_filter
 * @err: the story
 *
 * Return: 0 or -EINVAL.
 */
int operands_settle(const struct operands *operands, struct options *options, struct err *err);

#endif
