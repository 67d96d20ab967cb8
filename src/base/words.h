/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_WORDS_H
#define CONNTRACE_BASE_WORDS_H

#include "base/err.h"

/**
 * struct words - a list of words that is being read
 * @copy: of the list; owned
 * @rest: the part that has not been read, NULL none
 */
struct words {
	char *copy;
	char *rest;
};

/** words_open() - begin to read a list; to be ended by words_close() */
struct words words_open(const char *list);

/** words_next() - the next word, which ends at a comma and may be empty; valid until words_close(). NULL: no more */
char *words_next(struct words *words);

/** words_close() - free the copy */
void words_close(struct words *words);

/**
 * struct words_bit - a word that stands for bits
 * @word: the word; NULL ends a table
 * @bits: its bits
 */
struct words_bit {
	const char *word;
	unsigned int bits;
};

/**
 * words_bits() - the bits of words separated by commas
 * @bits: the bits are added, on failure some of them
 * @table: the known words
 * @allowed: the known words for the message
 * @option: its name for the message
 * @list: the words
 * @err: on failure
 *
 * Return: 0 or -EINVAL.
 */
int words_bits(unsigned int *bits, const struct words_bit *table, const char *allowed, const char *option,
	       const char *list, struct err *err);

/** Above every distance of words_distance(). */
#define WORDS_FAR 64

/**
 * words_distance() - how far a mistyped word is from a known one
 * @word: as typed
 * @known: a word that is known
 *
 * The distance is Levenshtein's, without regard to case. At most one letter in three may be wrong: a word that has
 * little in common with all known ones must lead to no suggestion.
 *
 * Return: the distance, WORDS_FAR when @word is not likely to mean @known.
 */
unsigned int words_distance(const char *word, const char *known);

#endif
