// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/tcp_options.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * TCP options (RFC 9293, 3.1) for display. The bytes come from the network: a kind whose value has not the length given
 * by its RFC is shown as a kind and some bytes.
 */

/* Maximum number of bytes of a value that are shown in hexadecimal digits. */
#define HEX_MOST 8

enum tcp_options_step tcp_options_next(struct span *rest, struct tcp_option *option)
{
	uint8_t length;

	do {
		if (!span_take_u8(rest, &option->kind) || option->kind == TCP_OPTION_END)
			return TCP_OPTIONS_END;
	} while (option->kind == TCP_OPTION_NOP);
	/* The length counts the two bytes before the value. */
	if (!span_take_u8(rest, &length) || length < 2 || !span_take(rest, length - 2u, &option->value))
		return TCP_OPTIONS_BAD;
	return TCP_OPTIONS_ONE;
}

struct writer {
	char *text;
	size_t size;
	size_t length;
};

static void put(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *writer, const char *format, ...)
{
	va_list arguments;
	int length;

	if (writer->length >= writer->size)
		return;
	va_start(arguments, format);
	length = vsnprintf(writer->text + writer->length, writer->size - writer->length, format, arguments);
	va_end(arguments);
	writer->length += length > 0 ? (size_t)length : 0;
}

static void put_hex(struct writer *writer, struct span value)
{
	uint8_t byte;

	for (int i = 0; i < HEX_MOST && span_take_u8(&value, &byte); i++)
		put(writer, "%02x", byte);
	if (value.length > 0)
		put(writer, "...");
}

/* @separator: before each range, not before the first of the text */
static void put_ranges(struct writer *writer, struct span value, char separator, uint32_t offset)
{
	uint32_t from, to;

	while (span_take_be32(&value, &from) && span_take_be32(&value, &to)) {
		if (writer->length > 0)
			put(writer, "%c", separator);
		put(writer, "%u-%u", from + offset, to + offset);
	}
}

/* Return: false when the value has a wrong length. */
static bool put_numbers(struct writer *writer, const struct tcp_option *option, bool timestamps, uint32_t ack_offset)
{
	struct span value = option->value;
	uint32_t from, to;
	uint16_t half;
	uint8_t byte;

	switch (option->kind) {
	case TCP_OPTION_MSS:
		if (value.length != 2 || !span_take_be16(&value, &half))
			return false;
		put(writer, "mss %u", half);
		return true;
	case TCP_OPTION_WSCALE:
		if (value.length != 1 || !span_take_u8(&value, &byte))
			return false;
		put(writer, "wscale %u", byte);
		return true;
	case TCP_OPTION_SACK_OK:
		if (value.length != 0)
			return false;
		put(writer, "sackOK");
		return true;
	case TCP_OPTION_SACK:
		if (value.length == 0 || value.length % 8 != 0)
			return false;
		put(writer, "sack");
		put_ranges(writer, value, ' ', ack_offset);
		return true;
	case TCP_OPTION_TIMESTAMP:
		if (value.length != 8 || !span_take_be32(&value, &from) || !span_take_be32(&value, &to))
			return false;
		if (timestamps)
			put(writer, "TS %u %u", from, to);
		return true;
	case TCP_OPTION_USER_TIMEOUT:
		if (value.length != 2 || !span_take_be16(&value, &half))
			return false;
		/* RFC 5482: the highest bit means minutes. */
		put(writer, "user-timeout %u%s", half & 0x7fff, half & 0x8000 ? "min" : "s");
		return true;
	default:
		return false;
	}
}

static void put_name(struct writer *writer, const struct tcp_option *option)
{
	static const struct {
		uint8_t kind;
		const char *name;
	} names[] = {
		{TCP_OPTION_MD5, "md5"},         {TCP_OPTION_AO, "tcp-ao"},        {TCP_OPTION_MPTCP, "mptcp"},
		{TCP_OPTION_FAST_OPEN, "tfo"},   {TCP_OPTION_ACC_ECN0, "acc-ecn"}, {TCP_OPTION_ACC_ECN1, "acc-ecn"},
		{TCP_OPTION_EXPERIMENT1, "exp"}, {TCP_OPTION_EXPERIMENT2, "exp"},
	};
	const char *name = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].kind == option->kind)
			name = names[i].name;
	if (name != NULL)
		put(writer, "%s", name);
	else
		put(writer, "kind %u", option->kind);
	if (option->value.length > 0)
		put(writer, " ");
	put_hex(writer, option->value);
}

const char *tcp_options_text(char *text, size_t size, struct span options, int timestamps, uint32_t ack_offset)
{
	struct writer writer = {.text = text, .size = size};
	enum tcp_options_step step;
	struct tcp_option option;

	text[0] = '\0';
	while ((step = tcp_options_next(&options, &option)) == TCP_OPTIONS_ONE) {
		if (option.kind == TCP_OPTION_TIMESTAMP && option.value.length == 8 && !timestamps)
			continue;
		put(&writer, "%s", writer.length > 0 ? "," : "");
		if (!put_numbers(&writer, &option, timestamps, ack_offset))
			put_name(&writer, &option);
	}
	if (step == TCP_OPTIONS_BAD)
		put(&writer, "%sbad length of kind %u", writer.length > 0 ? "," : "", option.kind);
	return text;
}

const char *tcp_options_sack(char *text, size_t size, struct span options, uint32_t ack_offset)
{
	struct writer writer = {.text = text, .size = size};
	struct tcp_option option;

	text[0] = '\0';
	while (tcp_options_next(&options, &option) == TCP_OPTIONS_ONE)
		if (option.kind == TCP_OPTION_SACK && option.value.length % 8 == 0)
			put_ranges(&writer, option.value, ',', ack_offset);
	return text;
}
