/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_ANSWERS_H
#define CONNTRACE_TRACK_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

/* Finds the request that an HTTP response answers: they come in the order of the requests (RFC 9112, 9.3). */

/**
 * struct answers_request - a request that awaits its answer
 * @time_ns: when it was sent, CLOCK_UNKNOWN unknown
 * @context: of the caller; NULL also for one of those that were sent too far ahead
 */
struct answers_request {
	int64_t time_ns;
	void *context;
};

/** struct answers - the requests of many connections; a fixed number, of which the newest stay */
struct answers;

/** answers_new() - no requests yet */
struct answers *answers_new(void);

/** answers_free() - NULL is fine */
void answers_free(struct answers *answers);

/** answers_await() - a request was sent on connection number @conn_id */
void answers_await(struct answers *answers, uint64_t conn_id, struct answers_request request);

/**
 * answers_find() - a response came
 * @status: its status; an interim one (RFC 9110, 15.2) answers nothing, except the one that ends HTTP
 * @request: set on true: the request; without context and time if that was sent too far ahead
 */
bool answers_find(struct answers *answers, uint64_t conn_id, unsigned int status, struct answers_request *request);

/** answers_end() - a connection is over: it awaits no answers any more */
void answers_end(struct answers *answers, uint64_t conn_id);

/** answers_displaced() - requests that were dropped because too many connections await answers */
uint64_t answers_displaced(const struct answers *answers);

#endif
