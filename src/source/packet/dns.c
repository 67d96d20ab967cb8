// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/dns.h"

#include <string.h>

/* Records that are read of a message; real answers have fewer. */
#define RECORDS_MAX 64

#define FLAG_RESPONSE 0x8000
#define OPERATION_MASK 0x7800
#define ERROR_MASK 0x000f

#define TYPE_A 1
#define TYPE_CNAME 5
#define TYPE_AAAA 28
#define CLASS_INTERNET 1

#define LABEL_POINTER 0xc0
#define LABEL_MAX 63

/* Pointers that are followed in a name; a compressed name needs one. */
#define POINTERS_MAX 16

/* In lower case (RFC 4343): some resolvers ask in random case. */
static char plain(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	return byte != '\0' && byte != '.' ? (char)byte : '?';
}

/*
 * The name at @rest, which is behind it afterwards. A pointer leads to a place before the part of the name that has it,
 * so this ends. Return: false for a name that is cut, too long or not one.
 */
static bool take_name(const struct span *message, struct span *rest, char name[DNS_NAME])
{
	struct span part = *rest;
	size_t length = 0, begin = message->length - rest->length;
	unsigned int pointers = 0;
	bool is_here = true;
	uint8_t count, low, byte;

	for (;;) {
		if (!span_take_u8(&part, &count))
			return false;
		if (count >= LABEL_POINTER) {
			size_t place;

			if (!span_take_u8(&part, &low))
				return false;
			if (is_here)
				*rest = part;
			is_here = false;
			place = (size_t)(count & ~LABEL_POINTER) << 8 | low;
			if (place >= begin || ++pointers > POINTERS_MAX)
				return false;
			begin = place;
			part = *message;
			span_skip(&part, place);
			continue;
		}
		if (count == 0)
			break;
		if (count > LABEL_MAX || length + count + 1 >= DNS_NAME)
			return false;
		if (length > 0)
			name[length++] = '.';
		for (unsigned int i = 0; i < count; i++) {
			if (!span_take_u8(&part, &byte))
				return false;
			name[length++] = plain(byte);
		}
	}
	if (is_here)
		*rest = part;
	name[length] = '\0';
	return true;
}

/* What is followed from the name that was asked for to its addresses. */
struct search {
	struct span message;
	struct dns_answer answer;
	char current[DNS_NAME]; /* the name, or its alias */
};

/* The data of a record of the current name. Return: false if that cannot be read. */
static bool take_data(struct search *search, uint16_t type, uint32_t ttl, struct span data, dns_function *function,
		      void *context)
{
	struct dns_answer answer = search->answer;
	struct in_addr v4;
	struct in6_addr v6;

	if (ttl < answer.ttl)
		answer.ttl = ttl;
	if (type == TYPE_CNAME) {
		search->answer.ttl = answer.ttl;
		return take_name(&search->message, &data, search->current);
	}
	if (type == TYPE_A && data.length == sizeof(v4) && span_take_bytes(&data, &v4, sizeof(v4)))
		answer.address = endpoint_v4(v4, 0);
	else if (type == TYPE_AAAA && data.length == sizeof(v6) && span_take_bytes(&data, &v6, sizeof(v6)))
		answer.address = endpoint_v6(&v6, 0);
	else
		return true;
	if (endpoint_has_ip(&answer.address))
		function(context, &answer);
	return true;
}

/* The next record. Return: false at the end of what can be read. */
static bool take_record(struct search *search, struct span *rest, dns_function *function, void *context)
{
	uint16_t type, class, length;
	char owner[DNS_NAME];
	struct span data;
	uint32_t ttl;

	if (!take_name(&search->message, rest, owner) || !span_take_be16(rest, &type) ||
	    !span_take_be16(rest, &class) || !span_take_be32(rest, &ttl) || !span_take_be16(rest, &length) ||
	    !span_take(rest, length, &data))
		return false;
	/* RFC 2181, 8: with the highest bit it is 0. */
	if (ttl > INT32_MAX)
		ttl = 0;
	if (class != CLASS_INTERNET || strcmp(owner, search->current) != 0)
		return true;
	/* A name within the data may refer to what is before, and its end is not that of the message. */
	if (type == TYPE_CNAME)
		data = (struct span){data.data, (size_t)(search->message.data + search->message.length - data.data)};
	return take_data(search, type, ttl, data, function, context);
}

void dns_answers(struct span message, dns_function *function, void *context)
{
	struct search search = {.message = message, .answer.ttl = INT32_MAX};
	struct span rest = message;
	uint16_t flags, questions, answers;

	if (!span_skip(&rest, 2) || !span_take_be16(&rest, &flags) || !span_take_be16(&rest, &questions) ||
	    !span_take_be16(&rest, &answers) || !span_skip(&rest, 4))
		return;
	if (!(flags & FLAG_RESPONSE) || flags & (OPERATION_MASK | ERROR_MASK) || questions != 1)
		return;
	if (!take_name(&message, &rest, search.answer.name) || search.answer.name[0] == '\0' || !span_skip(&rest, 4))
		return;
	memcpy(search.current, search.answer.name, sizeof(search.current));
	for (unsigned int i = 0; i < answers && i < RECORDS_MAX; i++)
		if (!take_record(&search, &rest, function, context))
			return;
}
