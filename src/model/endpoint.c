// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/redact.h"

#define V4_PREFIX_BITS 96

struct endpoint endpoint_v4(struct in_addr ip, uint16_t port)
{
	struct endpoint endpoint = {.port = port};

	endpoint.ip.s6_addr[10] = endpoint.ip.s6_addr[11] = 0xff;
	memcpy(endpoint.ip.s6_addr + 12, &ip, sizeof(ip));
	return endpoint;
}

struct endpoint endpoint_v6(const struct in6_addr *ip, uint16_t port)
{
	struct endpoint endpoint = {.port = port};

	memcpy(&endpoint.ip, ip, sizeof(endpoint.ip));
	return endpoint;
}

int endpoint_from_sockaddr(struct endpoint *endpoint, const void *address, size_t length)
{
	sa_family_t family;

	if (length < sizeof(family))
		return -EINVAL;
	memcpy(&family, address, sizeof(family));
	if (family == AF_INET) {
		struct sockaddr_in in;

		if (length < sizeof(in))
			return -EINVAL;
		memcpy(&in, address, sizeof(in));
		*endpoint = endpoint_v4(in.sin_addr, ntohs(in.sin_port));
		return 0;
	}
	if (family == AF_INET6) {
		struct sockaddr_in6 in6 = {0};

		/* The kernel accepts an address without the scope id (SIN6_LEN_RFC2133, 24 bytes). */
		if (length < offsetof(struct sockaddr_in6, sin6_scope_id))
			return -EINVAL;
		memcpy(&in6, address, length < sizeof(in6) ? length : sizeof(in6));
		*endpoint = endpoint_v6(&in6.sin6_addr, ntohs(in6.sin6_port));
		return 0;
	}
	return -EAFNOSUPPORT;
}

int endpoint_parse(struct endpoint *endpoint, const char *text)
{
	char inner[ENDPOINT_TEXT];
	size_t length = strlen(text);
	struct in_addr v4;
	struct in6_addr v6;

	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(inner))
		return -EINVAL;
	memcpy(inner, text, length);
	inner[length] = '\0';
	if (inet_pton(AF_INET, inner, &v4) == 1)
		*endpoint = endpoint_v4(v4, 0);
	else if (inet_pton(AF_INET6, inner, &v6) == 1)
		*endpoint = endpoint_v6(&v6, 0);
	else
		return -EINVAL;
	return 0;
}

bool endpoint_has_ip(const struct endpoint *endpoint)
{
	struct in6_addr any = endpoint->ip;

	if (endpoint_is_v4(endpoint))
		any.s6_addr[10] = any.s6_addr[11] = 0;
	return !IN6_IS_ADDR_UNSPECIFIED(&any);
}

bool endpoint_is_loopback(const struct endpoint *endpoint)
{
	return IN6_IS_ADDR_LOOPBACK(&endpoint->ip) || (endpoint_is_v4(endpoint) && endpoint->ip.s6_addr[12] == 127);
}

int endpoint_compare(const struct endpoint *a, const struct endpoint *b)
{
	int order = (int)endpoint_is_v4(b) - (int)endpoint_is_v4(a);

	if (order == 0)
		order = memcmp(&a->ip, &b->ip, sizeof(a->ip));
	return order != 0 ? order : (int)a->port - (int)b->port;
}

/* As inet_ntop(3), but ten times as fast: a long report has two addresses in each row. */
static const char *v4_text(const uint8_t *bytes, char *text)
{
	char *end = text;

	for (int i = 0; i < 4; i++) {
		if (bytes[i] >= 100)
			*end++ = (char)('0' + bytes[i] / 100);
		if (bytes[i] >= 10)
			*end++ = (char)('0' + bytes[i] / 10 % 10);
		*end++ = (char)('0' + bytes[i] % 10);
		*end++ = i < 3 ? '.' : '\0';
	}
	return text;
}

/* Class E (RFC 1112, 4) and the addresses for documentation (RFC 3849): no host has one of them. */
#define PSEUDONYM_V4 0xf0000000U
#define PSEUDONYM_V6 0x20010db8U

struct endpoint endpoint_shown(const struct endpoint *endpoint)
{
	static const struct in6_addr any;
	const uint8_t *ip = endpoint->ip.s6_addr;
	struct endpoint shown = *endpoint;
	bool is_v4 = endpoint_is_v4(endpoint);
	uint64_t number;

	if (!redact_hides(REDACT_ADDR) || endpoint_is_loopback(endpoint) ||
	    memcmp(ip + (is_v4 ? 12 : 0), &any, is_v4 ? 4 : sizeof(any)) == 0)
		return shown;
	number = redact_number(REDACT_ADDR, ip + (is_v4 ? 12 : 0), is_v4 ? 4 : sizeof(any));
	if (is_v4)
		return endpoint_v4((struct in_addr){htonl(PSEUDONYM_V4 + (uint32_t)number)}, endpoint->port);
	memset(&shown.ip, 0, sizeof(shown.ip));
	for (unsigned int i = 0; i < 4; i++)
		shown.ip.s6_addr[i] = (uint8_t)(PSEUDONYM_V6 >> (24 - 8 * i));
	for (unsigned int i = 0; i < 8; i++)
		shown.ip.s6_addr[15 - i] = (uint8_t)(number >> (8 * i));
	return shown;
}

const char *endpoint_ip_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT])
{
	const struct endpoint shown = endpoint_shown(endpoint);

	return endpoint_ip_exact(&shown, text);
}

const char *endpoint_ip_exact(const struct endpoint *endpoint, char text[ENDPOINT_TEXT])
{
	if (endpoint_is_v4(endpoint))
		return v4_text(endpoint->ip.s6_addr + 12, text);
	return inet_ntop(AF_INET6, &endpoint->ip, text, ENDPOINT_TEXT);
}

void endpoint_mask(struct endpoint *endpoint, unsigned int bits)
{
	if (endpoint_is_v4(endpoint))
		bits += V4_PREFIX_BITS;
	for (unsigned int i = 0; i < sizeof(endpoint->ip); i++) {
		unsigned int keep = bits > i * 8 ? bits - i * 8 : 0;

		if (keep < 8)
			endpoint->ip.s6_addr[i] &= (uint8_t)(0xff00U >> keep);
	}
}
