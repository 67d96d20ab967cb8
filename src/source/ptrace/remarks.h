/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_REMARKS_H
#define CONNTRACE_SOURCE_PTRACE_REMARKS_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/err.h"

/** More are not worth reading. */
#define REMARKS_MAX 16

/**
 * struct remarks - sentences for the user, from the tracing thread to the main one
 * @texts: them; each is said once
 * @count: how many there are; one that is there does not change any more
 * @taken: main's: how many it has had
 */
struct remarks {
	struct err texts[REMARKS_MAX];
	atomic_size_t count;
	size_t taken;
};

/** remarks_add() - say something, unless it has been said or enough has; by one thread only */
void remarks_add(struct remarks *remarks, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** remarks_take() - the next one; by one other thread only; Return: NULL when there is none */
const char *remarks_take(struct remarks *remarks);

#endif
