/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_TLS_H
#define CONNTRACE_SOURCE_PACKET_TLS_H

#include <stdbool.h>

#include "base/span.h"
#include "model/message.h"

/** enum tls_result - kind of the first bytes of a direction */
enum tls_result {
	/** no ClientHello */
	TLS_OTHER,
	/** it may be one, as far as received */
	TLS_MORE,
	/** a ClientHello */
	TLS_HELLO,
};

/** tls_begins() - whether a ClientHello may begin with these bytes */
bool tls_begins(struct span data);

/**
 * tls_hello() - find the server name of a ClientHello (RFC 8446, 4.1.2; RFC 6066, 3)
 * @data: the direction from its first byte, as far as received; the ClientHello may be spread over several
 *	    records
 * @message: filled on TLS_HELLO; its host is the server name, "" when it names none
 */
enum tls_result tls_hello(struct span data, struct message *message);

#endif
