/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PARENTS_H
#define CONNTRACE_RUN_PARENTS_H

#include "base/err.h"
#include "cli/options.h"

/*
 * A server's workers are often given by their PIDs, and their master is not. A
 * reload (nginx -s reload) starts other workers, which are children of the
 * master and of no watched process.
 */

/** struct parents - the unwatched parents of watched processes */
struct parents;

/** parents_open() - find the parents of the processes in @options, and their children; NULL when there is none */
struct parents *parents_open(const struct options *options);

/**
 * parents_announce() - the next one whose future children will not be watched
 *
 * Return: a sentence, valid until the next call; NULL after the last.
 */
const char *parents_announce(struct parents *parents);

/** parents_report() - the next one that started children since parents_open(), with their names; returns as above */
const char *parents_report(struct parents *parents);

/** parents_close() - NULL is allowed */
void parents_close(struct parents *parents);

#endif
