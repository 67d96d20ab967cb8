/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_ENDPOINT_H
#define CONNTRACE_MODEL_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sockaddr;

/**
 * struct endpoint - an address and a port
 * @ip: IPv4 is kept v4-mapped (RFC 4291, 2.5.5.2): with one comparison and one hash for both families; all zero is
 *      "unknown" or "any"
 * @port: in host byte order; 0 is unknown
 * @zero: always 0, so that an endpoint can be hashed and compared as bytes
 */
struct endpoint {
	struct in6_addr ip;
	uint16_t port;
	uint16_t zero;
};

/** Room for the longest address as text, with its NUL. */
#define ENDPOINT_TEXT INET6_ADDRSTRLEN

/** endpoint_v4() - from an IPv4 address in network byte order and a port in host byte order */
struct endpoint endpoint_v4(struct in_addr ip, uint16_t port);

/** endpoint_v6() - from an IPv6 address (a v4-mapped one stays that, and so is IPv4) and a port in host byte order */
struct endpoint endpoint_v6(const struct in6_addr *ip, uint16_t port);

/**
 * endpoint_from_sockaddr() - from a socket address of the kernel or a program
 * @endpoint: set on success only
 * @address: AF_INET or AF_INET6, of any alignment
 * @length: bytes valid there
 *
 * Return: 0, -EAFNOSUPPORT for another family, -EINVAL when it is too short.
 */
int endpoint_from_sockaddr(struct endpoint *endpoint, const void *address, size_t length);

/**
 * endpoint_parse() - an address without port from text ("192.0.2.1", "2001:db8::1", "[::1]")
 *
 * Return: 0 or -EINVAL; @endpoint is set on success only, its port is 0.
 */
int endpoint_parse(struct endpoint *endpoint, const char *text);

/** endpoint_is_v4() - whether the address is IPv4 (v4-mapped) */
static inline bool endpoint_is_v4(const struct endpoint *endpoint)
{
	return IN6_IS_ADDR_V4MAPPED(&endpoint->ip);
}

/** endpoint_has_ip() - whether the address is known; 0.0.0.0 and :: are not */
bool endpoint_has_ip(const struct endpoint *endpoint);

/** endpoint_is_loopback() - 127.0.0.0/8 or ::1 */
bool endpoint_is_loopback(const struct endpoint *endpoint);

/** endpoint_ip_equal() - same address, with any ports */
static inline bool endpoint_ip_equal(const struct endpoint *a, const struct endpoint *b)
{
	return memcmp(&a->ip, &b->ip, sizeof(a->ip)) == 0;
}

/** endpoint_equal() - same address and port */
static inline bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && endpoint_ip_equal(a, b);
}

/** endpoint_compare() - order for sorting: IPv4 before IPv6, then address, then port */
int endpoint_compare(const struct endpoint *a, const struct endpoint *b);

/** endpoint_shown() - the endpoint, or with --redact=addr a pseudonym with the same port; loopback and "any" stay */
struct endpoint endpoint_shown(const struct endpoint *endpoint);

/** endpoint_ip_text() - the address of endpoint_shown() as text; Return: @text, ENDPOINT_TEXT bytes */
const char *endpoint_ip_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT]);

/** endpoint_ip_exact() - the address as text, IPv4 in its own form: for programs, and to repeat the user's words */
const char *endpoint_ip_exact(const struct endpoint *endpoint, char text[ENDPOINT_TEXT]);

/** endpoint_mask() - keep the first @bits of the address (of 32 for IPv4, 128 for IPv6), clear the rest */
void endpoint_mask(struct endpoint *endpoint, unsigned int bits);

#endif
