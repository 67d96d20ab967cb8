/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PARENTS_H
#define CONNTRACE_RUN_PARENTS_H

#include "base/err.h"
#include "cli/options.h"

/*
 * A server's workers are often given by their PIDs, and their master is not. A
 * reload (nginx -s reload) makes other workers, which are the master's children
 * and nobody's who is watched.
 */

/** struct parents - the processes that are not watched, but made those that are */
struct parents;

/** parents_open() - look who made the processes of @options, and which children they have; NULL when there is none */
struct parents *parents_open(const struct options *options);

/**
 * parents_announce() - the next one whose children to come will not be watched
 *
 * Return: a sentence, valid until the next call; NULL behind the last.
 */
const char *parents_announce(struct parents *parents);

/** parents_report() - the next one that has made children since parents_open(), and which; returns as above */
const char *parents_report(struct parents *parents);

/** parents_close() - NULL is fine */
void parents_close(struct parents *parents);

#endif
