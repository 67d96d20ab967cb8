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
 * A name service may take seconds for a name, so separate threads query it;
 * until it answers the name is missing.
 */
struct top_names;

/** Limit of names queried in a run. */
#define TOP_NAMES_MOST 8192

/** enum top_names_kind - kind of a named object */
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

/** top_names_new() - an empty set; the threads are started with the first query */
struct top_names *top_names_new(void);

/** top_names_host() - the host's name, as the resolver gives it, valid until the end; NULL: none, or none yet */
const char *top_names_host(struct top_names *names, const struct endpoint *endpoint);

/**
 * top_names_await() - query a name, and wait for the answer
 * @names: the names
 * @question: the query
 * @most_ns: longest wait; 0 queries without waiting
 * @known: set to whether it was answered; false when the table is full
 *
 * Return: the name, valid until the end; NULL when there is none, or none yet.
 */
const char *top_names_await(struct top_names *names, const struct top_names_question *question, int64_t most_ns,
			    bool *known);

/** top_names_error() - the errno why no thread asks for names, 0 there is one or was none needed */
int top_names_error(struct top_names *names);

/** top_names_free() - NULL is allowed; does not wait for a resolver that is still busy */
void top_names_free(struct top_names *names);

#endif
