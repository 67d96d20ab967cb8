/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_TOP_NAMES_H
#define CONNTRACE_REPORT_ROWS_TOP_NAMES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/endpoint.h"

/**
 * struct top_names - names of hosts, users or services for a screen that does not wait
 *
 * A name service may take seconds for a name, so threads of its own ask it;
 * until it answers there is no name.
 */
struct top_names;

/** Most names that are asked for in a run. */
#define TOP_NAMES_MOST 8192

/** enum top_names_kind - what has a name */
enum top_names_kind {
	TOP_NAMES_HOST,
	TOP_NAMES_USER,
	TOP_NAMES_SERVICE,
	TOP_NAMES_KIND_NUM
};

/**
 * struct top_names_question - compared as bytes
 * @kind: enum top_names_kind
 * @number: user ID, or TCP port; of a host 0
 * @ip: of a host, else all zero
 */
struct top_names_question {
	uint32_t kind;
	uint32_t number;
	struct in6_addr ip;
};

/** top_names_new() - nothing known yet; the threads are started with the first question */
struct top_names *top_names_new(void);

/** top_names_host() - the host's name, as the resolver has it; NULL: none, or none yet. Valid until the end */
const char *top_names_host(struct top_names *names, const struct endpoint *endpoint);

/**
 * top_names_await() - ask for a name, and wait for the answer
 * @names: the names
 * @question: of whom
 * @most_ns: for so long at most; 0 asks and waits for nothing
 * @known: set to whether it was answered; what there is no room for is not
 *
 * Return: the name, valid until the end; NULL when there is none, or none yet.
 */
const char *top_names_await(struct top_names *names, const struct top_names_question *question, int64_t most_ns,
			    bool *known);

/** top_names_free() - NULL is fine; does not wait for a resolver that is still busy */
void top_names_free(struct top_names *names);

#endif
