/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_DNS_H
#define CONNTRACE_SOURCE_PACKET_DNS_H

#include <stdint.h>

#include "base/span.h"
#include "model/endpoint.h"

/** The port of DNS, over UDP and TCP. */
#define DNS_PORT 53

/** Room for a name as text: 253 characters and the NUL (RFC 1035, 2.3.4). */
#define DNS_NAME 254

/**
 * struct dns_answer - an address that a response gives for the name that was asked for
 * @address: the address, without a port
 * @ttl: seconds for which it may be used: the least of those on the way to it
 * @name: the name that was asked for, in lower case; a dot or NUL within a label is "?", other bytes are unchanged
 */
struct dns_answer {
	struct endpoint address;
	uint32_t ttl;
	char name[DNS_NAME];
};

/** typedef dns_function - gets an answer, which is valid during the call */
typedef void dns_function(void *context, const struct dns_answer *answer);

/**
 * dns_answers() - the addresses in a message of DNS (RFC 1035)
 * @message: from its header on, perhaps cut
 * @function: called with @context for each A and AAAA record that belongs to the name that was asked for, also through
 *	      aliases (CNAME) that come before it
 * @context: passed on
 *
 * Messages that are no response to one question, or report an error, have none. Pure, any bytes are valid input, and a
 * limited number of records is read.
 */
void dns_answers(struct span message, dns_function *function, void *context);

#endif
