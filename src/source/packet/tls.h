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
	/** a ClientHello, or the ServerHello that was looked for */
	TLS_HELLO,
};

/** tls_begins() - whether a ClientHello may begin with these bytes */
bool tls_begins(struct span data);

/** tls_answers() - whether a ServerHello may begin with these bytes */
bool tls_answers(struct span data);

/**
 * tls_server_hello() - find version and protocol of a ServerHello (RFC 8446, 4.1.3; RFC 7301, 3.1)
 * @data: as tls_hello()'s
 * @message: filled on TLS_HELLO; its status is the version, its target the protocol that the server chose, "" when it
 *	     shows none: TLS 1.3 encrypts it
 */
enum tls_result tls_server_hello(struct span data, struct message *message);

/**
 * tls_hello() - find the server name of a ClientHello (RFC 8446, 4.1.2; RFC 6066, 3)
 * @data: the direction from its first byte, as far as received; the ClientHello may be spread over several
 *	    records
 * @message: filled on TLS_HELLO; its host is the server name, "" when it names none
 */
enum tls_result tls_hello(struct span data, struct message *message);

#endif
