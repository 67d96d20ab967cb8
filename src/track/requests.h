/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_REQUESTS_H
#define CONNTRACE_TRACK_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/message.h"
#include "track/distribution.h"

/** Default limit of nodes: clients choose the paths. */
#define REQUESTS_NODES_MAX (1U << 18)

/**
 * struct requests_node - requests summed up (the reports http,tree and tls,tree)
 *
 * @parent: the node it is a part of, NULL for that of all requests
 * @host: requested name, raw bytes; "" in the node of requests without one; NULL: all of them
 * @path: request-target as it was sent, raw bytes; NULL: all of them
 * @count: requests
 * @answers: final responses to them that were seen
 * @errors: of these, those with a status of 400 or more
 * @times: nanoseconds from the request to its answer, where it is known
 * @times_unknown: answers of which it is not
 * @other: requests for which the full tree has no node: paths of @host, or hosts (@host is NULL); the latter include
 *         answers to requests that were sent too far ahead of them
 * @rest: the node of these among its parts, NULL as long as there are none
 */
struct requests_node {
	struct requests_node *parent;
	const char *host;
	const char *path;
	uint64_t count;
	uint64_t answers;
	uint64_t errors;
	struct distribution times;
	uint64_t times_unknown;
	bool other;
	struct requests_node *rest;
};

/** struct requests - a tree of nodes: all requests, by host, by host and path */
struct requests;

/** requests_new() - an empty tree for messages of this kind, MESSAGE_HTTP_REQUEST or MESSAGE_TLS_HELLO */
struct requests *requests_new(enum message_kind kind, size_t nodes_max);

/** requests_free() - NULL is fine */
void requests_free(struct requests *requests);

/**
 * requests_add() - count a message; when there are too many nodes it counts in the rest of its parent
 * @requests: the tree
 * @conn_id: number of its connection: responses belong to the requests before them there (RFC 9112, 9.3)
 * @message: of any kind; those of another are left out
 * @time_ns: when
 */
void requests_add(struct requests *requests, uint64_t conn_id, const struct message *message, int64_t time_ns);

/** requests_end() - a connection is over: it awaits no answers any more */
void requests_end(struct requests *requests, uint64_t conn_id);

/** requests_displaced() - requests whose answers count nowhere, because too many connections await answers */
uint64_t requests_displaced(const struct requests *requests);

/** requests_slice() - reset the counts; answers to earlier requests still find their nodes */
void requests_slice(struct requests *requests);

/**
 * requests_list() - the nodes: a host behind the whole, its paths behind it, each by falling count
 * @requests: the tree
 * @count: is set
 *
 * Return: an array of pointers to be freed; they are valid until the next requests_add().
 */
struct requests_node **requests_list(struct requests *requests, size_t *count);

/** requests_rate() - thousandths per second from the first to the last request of all; CONN_UNKNOWN without a span */
int64_t requests_rate(const struct requests *requests, const struct requests_node *node);

/** requests_percent() - of its parent, in thousandths of a percent, rounded; CONN_UNKNOWN when that has none */
int64_t requests_percent(const struct requests_node *node);

#endif
