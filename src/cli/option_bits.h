/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTION_BITS_H
#define CONNTRACE_CLI_OPTION_BITS_H

#include "base/err.h"

/**
 * struct option_bit - a word of an option that takes a list of words
 * @word: as the user types it; NULL ends a table
 * @bits: what it stands for
 */
struct option_bit {
	const char *word;
	unsigned int bits;
};

/**
 * option_bits() - words separated by commas
 * @bits: theirs are added, on failure some of them
 * @words: what is known
 * @allowed: the same for the message
 * @option: its name for the message
 * @list: what was typed
 * @err: on failure
 */
int option_bits(unsigned int *bits, const struct option_bit *words, const char *allowed, const char *option,
		const char *list, struct err *err);

#endif
