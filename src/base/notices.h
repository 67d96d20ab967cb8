/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_NOTICES_H
#define CONNTRACE_BASE_NOTICES_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/err.h"

/** More are not worth reading. */
#define NOTICES_MAX 16

/**
 * struct notices - sentences of a source for the user, from one thread to another, or to itself
 * @texts: the sentences; each is printed once
 * @count: their number; an entry does not change any more once it counts
 * @taken: how many the reader has taken
 */
struct notices {
	struct err texts[NOTICES_MAX];
	atomic_size_t count;
	size_t taken;
};

/** notices_add() - add a sentence, unless it was added before or the limit is reached; by one thread only */
void notices_add(struct notices *notices, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** notices_take() - the next one; by one thread only; Return: NULL when there is none */
const char *notices_take(struct notices *notices);

#endif
