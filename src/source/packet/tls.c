// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/tls.h"

#define CONTENT_HANDSHAKE 22
#define VERSION_MAJOR 3
#define HANDSHAKE_CLIENT_HELLO 1
#define HANDSHAKE_SERVER_HELLO 2
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_PROTOCOL 16
#define EXTENSION_VERSIONS 43
#define NAME_HOST 0

/**
 * struct hello - a reader of handshake bytes across records
 * @records: records not opened yet
 * @fragment: the rest of the open one
 * @taken: handshake bytes read
 * @result: why reading failed: TLS_MORE at the end of the received bytes, TLS_OTHER for invalid ones
 */
struct hello {
	struct span records;
	struct span fragment;
	uint32_t taken;
	enum tls_result result;
};

static bool may_be(struct span data, uint8_t handshake)
{
	return data.length >= 1 && data.data[0] == CONTENT_HANDSHAKE &&
	       (data.length < 2 || data.data[1] == VERSION_MAJOR) && (data.length < 6 || data.data[5] == handshake);
}

bool tls_begins(struct span data)
{
	return may_be(data, HANDSHAKE_CLIENT_HELLO);
}

bool tls_answers(struct span data)
{
	return may_be(data, HANDSHAKE_SERVER_HELLO);
}

/* RFC 8446, 5.1; a record may be incomplete. */
static bool open_record(struct hello *hello)
{
	uint8_t type, major, minor;
	uint16_t length;

	if (!span_take_u8(&hello->records, &type) || !span_take_u8(&hello->records, &major) ||
	    !span_take_u8(&hello->records, &minor) || !span_take_be16(&hello->records, &length))
		return false;
	if (type != CONTENT_HANDSHAKE || major != VERSION_MAJOR || length == 0) {
		hello->result = TLS_OTHER;
		return false;
	}
	hello->fragment = hello->records;
	span_limit(&hello->fragment, length);
	return span_skip(&hello->records, hello->fragment.length);
}

static bool take_u8(struct hello *hello, uint8_t *value)
{
	while (hello->fragment.length == 0)
		if (!open_record(hello))
			return false;
	hello->taken++;
	return span_take_u8(&hello->fragment, value);
}

static bool take_number(struct hello *hello, int bytes, uint32_t *value)
{
	*value = 0;
	while (bytes-- > 0) {
		uint8_t byte;

		if (!take_u8(hello, &byte))
			return false;
		*value = *value << 8 | byte;
	}
	return true;
}

static bool skip(struct hello *hello, uint32_t count)
{
	uint8_t byte;

	while (count-- > 0)
		if (!take_u8(hello, &byte))
			return false;
	return true;
}

/* A vector preceded by its length in @bytes bytes. */
static bool skip_vector(struct hello *hello, int bytes)
{
	uint32_t length;

	return take_number(hello, bytes, &length) && skip(hello, length);
}

static bool cannot_be(struct hello *hello)
{
	hello->result = TLS_OTHER;
	return false;
}

/* @name: has room for @length bytes */
static bool take_name(struct hello *hello, uint32_t length, char *name)
{
	for (uint32_t i = 0; i < length; i++) {
		uint8_t byte;

		if (!take_u8(hello, &byte))
			return false;
		name[i] = byte != 0 ? (char)byte : '?';
	}
	return true;
}

/* RFC 6066, 3: a list of names, of which only host names exist. */
static bool server_name(struct hello *hello, uint32_t length, struct message *message)
{
	uint32_t list, type, name;

	if (length < 5)
		return cannot_be(hello);
	if (!take_number(hello, 2, &list) || !take_number(hello, 1, &type) || !take_number(hello, 2, &name))
		return false;
	if (type != NAME_HOST || name == 0 || name > MESSAGE_HOST_MAX || name > length - 5)
		return cannot_be(hello);
	return take_name(hello, name, message->host);
}

/* Return: true with the name, if it has one, in @message; else hello->result gives the reason. */
static bool client_hello(struct hello *hello, struct message *message)
{
	uint32_t type, length, end, extensions;

	if (!take_number(hello, 1, &type))
		return false;
	if (type != HANDSHAKE_CLIENT_HELLO)
		return cannot_be(hello);
	/* length, legacy_version, random; then session id, cipher suites, compression methods */
	if (!take_number(hello, 3, &end) || !skip(hello, 2 + 32) || !skip_vector(hello, 1) || !skip_vector(hello, 2) ||
	    !skip_vector(hello, 1))
		return false;
	/* Before TLS 1.3 it may end here (RFC 5246, 7.4.1.2). */
	if (hello->taken == 4 + end)
		return true;
	if (!take_number(hello, 2, &extensions))
		return false;
	while (extensions >= 4) {
		if (!take_number(hello, 2, &type) || !take_number(hello, 2, &length))
			return false;
		extensions -= 4;
		if (length > extensions)
			return cannot_be(hello);
		if (type == EXTENSION_SERVER_NAME)
			return server_name(hello, length, message);
		if (!skip(hello, length))
			return false;
		extensions -= length;
	}
	return true;
}

enum tls_result tls_hello(struct span data, struct message *message)
{
	struct hello hello = {.records = data, .result = TLS_MORE};
	struct message found = {.kind = MESSAGE_TLS_HELLO};

	if (!client_hello(&hello, &found))
		return hello.result;
	*message = found;
	return TLS_HELLO;
}

/* RFC 7301, 3.1: a list of one name. */
static bool chosen_protocol(struct hello *hello, uint32_t length, struct message *message)
{
	uint32_t list, name;

	if (length < 4)
		return cannot_be(hello);
	if (!take_number(hello, 2, &list) || !take_number(hello, 1, &name))
		return false;
	if (name == 0 || name != length - 3 || list != name + 1)
		return cannot_be(hello);
	return take_name(hello, name, message->target);
}

/* Return: as client_hello(). Only the whole of it shows the version. */
static bool server_hello(struct hello *hello, struct message *message)
{
	uint32_t type, length, end, version, extensions;

	if (!take_number(hello, 1, &type))
		return false;
	if (type != HANDSHAKE_SERVER_HELLO)
		return cannot_be(hello);
	/* random, session id, cipher suite, compression method */
	if (!take_number(hello, 3, &end) || !take_number(hello, 2, &version) || !skip(hello, 32) ||
	    !skip_vector(hello, 1) || !skip(hello, 2 + 1))
		return false;
	message->status = (uint16_t)version;
	if (hello->taken == 4 + end)
		return true;
	if (!take_number(hello, 2, &extensions))
		return false;
	while (extensions >= 4) {
		if (!take_number(hello, 2, &type) || !take_number(hello, 2, &length))
			return false;
		extensions -= 4;
		if (length > extensions)
			return cannot_be(hello);
		extensions -= length;
		if (type == EXTENSION_VERSIONS && length == 2) {
			if (!take_number(hello, 2, &version))
				return false;
			message->status = (uint16_t)version;
		} else if (type == EXTENSION_PROTOCOL) {
			if (!chosen_protocol(hello, length, message))
				return false;
		} else if (!skip(hello, length)) {
			return false;
		}
	}
	return true;
}

enum tls_result tls_server_hello(struct span data, struct message *message)
{
	struct hello hello = {.records = data, .result = TLS_MORE};
	struct message found = {.kind = MESSAGE_TLS_ANSWER};

	if (!server_hello(&hello, &found))
		return hello.result;
	*message = found;
	return TLS_HELLO;
}
