/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_FLOW_H
#define CONNTRACE_MODEL_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "model/endpoint.h"

/**
 * Multipath TCP (RFC 8684) for struct flow: its subflows are TCP connections on the wire, and IPPROTO_MPTCP of
 * socket(2) is no protocol number of IP. This number is reserved there.
 */
#define FLOW_PROTO_MPTCP 255

/**
 * struct flow - identification of a connection
 * @local: the traced side; in a segment event, the sender
 * @remote: the other side; in a segment event, the receiver
 * @netns: inode number of the network namespace, 0 unknown
 * @proto: IPPROTO_TCP, or FLOW_PROTO_MPTCP
 * @zero: always 0, so that a flow can be hashed and compared as bytes
 */
struct flow {
	struct endpoint local;
	struct endpoint remote;
	uint32_t netns;
	uint8_t proto;
	uint8_t zero[3];
};

/** flow_reverse() - the same flow seen from the other end */
static inline struct flow flow_reverse(const struct flow *flow)
{
	struct flow reverse = *flow;

	reverse.local = flow->remote;
	reverse.remote = flow->local;
	return reverse;
}

/**
 * flow_hash() - hash of the ends of a flow, the same from either end
 *
 * The namespace is left out: a source that does not know it must find the flow too.
 */
uint32_t flow_hash(const struct hash_key *key, const struct flow *flow);

/** flow_is_complete() - whether both ports and both addresses are known */
static inline bool flow_is_complete(const struct flow *flow)
{
	return flow->local.port != 0 && flow->remote.port != 0 && endpoint_has_ip(&flow->local) &&
	       endpoint_has_ip(&flow->remote);
}

#endif
