// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/event_text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "model/event_fields.h"

static bool is_origin(uint8_t letter)
{
	return letter == ORIGIN_CALLS || letter == ORIGIN_KERNEL || letter == ORIGIN_WIRE || letter == ORIGIN_AUDIT ||
	       letter == ORIGIN_BPF || letter == ORIGIN_PERF;
}

/* Text of a limited size; when it does not fit, length is size or more. */
struct line {
	char *text;
	size_t size;
	size_t length;
};

/* Not by printf(3): a log makes an event of each of some hundred bytes. */
static void put_bytes(struct line *line, const char *bytes, size_t count)
{
	if (line->length + count < line->size)
		memcpy(line->text + line->length, bytes, count);
	line->length += count;
}

static void put(struct line *line, const char *text)
{
	put_bytes(line, text, strlen(text));
}

/* With zeros in front up to @digits. */
static void put_number(struct line *line, uint64_t value, unsigned int digits)
{
	char text[32];
	size_t at = sizeof(text);

	while (value > 0 || digits > 0 || at == sizeof(text)) {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
		digits -= digits > 0;
	}
	put_bytes(line, text + at, sizeof(text) - at);
}

static void put_hex_byte(struct line *line, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	put_bytes(line, (const char[]){digits[byte >> 4], digits[byte & 15]}, 2);
}

static void put_time(struct line *line, int64_t time_ns)
{
	uint64_t size = time_ns < 0 ? -(uint64_t)time_ns : (uint64_t)time_ns;

	if (time_ns < 0)
		put(line, "-");
	if (time_ns == CLOCK_UNKNOWN)
		return;
	put_number(line, size / CLOCK_NS_PER_SEC, 1);
	put(line, ".");
	put_number(line, size % CLOCK_NS_PER_SEC, 9);
}

static void put_bits(struct line *line, const struct event_field *field, uint64_t value)
{
	const char *before = "";

	for (unsigned int bit = 0; field->words[bit] != NULL; bit++) {
		if (!(value & UINT64_C(1) << bit))
			continue;
		put(line, before);
		put(line, field->words[bit]);
		before = "+";
		value &= ~(UINT64_C(1) << bit);
	}
	/* Bits without a name, as a peer may send them. */
	if (value != 0) {
		put(line, before);
		put_number(line, value, 1);
	}
}

static void put_endpoint(struct line *line, const struct event *event, const struct event_field *field)
{
	struct endpoint endpoint;
	char ip[ENDPOINT_TEXT];

	memcpy(&endpoint, (const char *)event + field->offset, sizeof(endpoint));
	endpoint_ip_exact(&endpoint, ip);
	put(line, endpoint_is_v4(&endpoint) ? "" : "[");
	put(line, ip);
	put(line, endpoint_is_v4(&endpoint) ? ":" : "]:");
	put_number(line, endpoint.port, 1);
}

static unsigned int text_length(const struct event *event, const struct event_field *field)
{
	return *((const uint8_t *)event + field->length_at);
}

static void put_text(struct line *line, const struct event *event, const struct event_field *field)
{
	const char *text = (const char *)event + field->offset;

	for (unsigned int i = 0; i < text_length(event, field); i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte > 0x20 && byte < 0x7f && byte != '\\') {
			put_bytes(line, text + i, 1);
		} else {
			put(line, "\\x");
			put_hex_byte(line, byte);
		}
	}
}

static void put_hex(struct line *line, const struct event *event, const struct event_field *field)
{
	const unsigned char *bytes = (const unsigned char *)event + field->offset;
	unsigned int length = field->size;

	while (length > 0 && bytes[length - 1] == 0)
		length--;
	for (unsigned int i = 0; i < length; i++)
		put_hex_byte(line, bytes[i]);
}

static bool put_word(struct line *line, const struct event_field *field, uint64_t value)
{
	for (uint64_t i = 0; field->words[i] != NULL; i++) {
		if (i == value) {
			put(line, field->words[i]);
			return true;
		}
	}
	return false;
}

/* Return: false when the value is invalid for the field. */
static bool put_field(struct line *line, const struct event *event, const struct event_field *field)
{
	bool is_number = field->form != FORM_ENDPOINT && field->form != FORM_TEXT && field->form != FORM_HEX;
	uint64_t value = is_number ? event_fields_load(event, field) : 0;

	put(line, line->length > 0 ? " " : "");
	put(line, field->key);
	put(line, "=");
	switch (field->form) {
	case FORM_SIGNED:
		put(line, (int64_t)value < 0 ? "-" : "");
		put_number(line, (int64_t)value < 0 ? -value : value, 1);
		return true;
	case FORM_UNSIGNED:
		put_number(line, value, 1);
		return true;
	case FORM_TIME:
		put_time(line, (int64_t)value);
		return true;
	case FORM_WORD:
		return put_word(line, field, value);
	case FORM_BITS:
		put_bits(line, field, value);
		return true;
	case FORM_ENDPOINT:
		put_endpoint(line, event, field);
		return true;
	case FORM_TEXT:
		if (text_length(event, field) > field->size)
			return false;
		put_text(line, event, field);
		return true;
	case FORM_HEX:
		put_hex(line, event, field);
		return true;
	case FORM_LETTER:
		put_bytes(line, (const char[]){(char)value}, 1);
		return is_origin((uint8_t)value);
	}
	return false;
}

/* Whether the field has the value of a new event. */
static bool is_fresh(const struct event *event, const struct event_field *field, const struct event *fresh)
{
	if (field->form == FORM_TEXT)
		return text_length(event, field) == 0;
	return memcmp((const char *)event + field->offset, (const char *)fresh + field->offset, field->size) == 0;
}

int event_to_text(const struct event *event, char *text, size_t size)
{
	char made[EVENT_TEXT_SIZE];
	struct line line = {.text = made, .size = sizeof(made)};
	const struct event_field *parts[2] = {event_fields_flow(), NULL};
	const struct event fresh = event_new(EVENT_NONE, 0, 0);
	bool valid = true;

	if (event->type >= EVENT_TYPE_NUM)
		return -EINVAL;
	parts[1] = event_fields_body(event->type);
	for (const struct event_field *field = event_fields_head(); field->key != NULL; field++)
		valid = valid && put_field(&line, event, field);
	for (unsigned int i = 0; i < 2; i++)
		for (const struct event_field *field = parts[i]; field->key != NULL; field++)
			if (!is_fresh(event, field, &fresh))
				valid = valid && put_field(&line, event, field);
	if (!valid)
		return -EINVAL;
	if (line.length >= size || line.length >= sizeof(made))
		return -ENOSPC;
	memcpy(text, made, line.length);
	text[line.length] = '\0';
	return (int)line.length;
}

/* Digits and nothing else. */
static bool get_digits(const char *text, uint64_t *value)
{
	uint64_t sum = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(sum, 10U, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum))
			return false;
	*value = sum;
	return true;
}

static bool get_signed(const char *text, uint64_t *value)
{
	bool negative = *text == '-';
	uint64_t size;

	if (!get_digits(text + negative, &size) || size > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? -size : size;
	return true;
}

static bool get_time(const char *text, uint64_t *value)
{
	bool negative = *text == '-';
	char digits[24];
	uint64_t size;
	size_t length = strlen(text + negative);

	if (strcmp(text, "-") == 0) {
		*value = (uint64_t)CLOCK_UNKNOWN;
		return true;
	}
	/* At least "0.000000000"; without its point it is the number of nanoseconds. */
	if (length < 11 || length >= sizeof(digits) || text[negative + length - 10] != '.')
		return false;
	memcpy(digits, text + negative, length - 10);
	memcpy(digits + length - 10, text + negative + length - 9, 10);
	if (!get_digits(digits, &size) || size > (uint64_t)INT64_MAX + negative)
		return false;
	*value = negative ? -size : size;
	return true;
}

static bool get_word(const struct event_field *field, const char *text, uint64_t *value)
{
	for (uint64_t i = 0; field->words[i] != NULL; i++) {
		if (field->words[i][0] == text[0] && strcmp(field->words[i], text) == 0) {
			*value = i;
			return true;
		}
	}
	return false;
}

static bool get_bits(const struct event_field *field, char *text, uint64_t *value)
{
	const char *word;

	*value = 0;
	while ((word = strsep(&text, "+")) != NULL) {
		uint64_t number;

		if (get_word(field, word, &number))
			*value |= UINT64_C(1) << number;
		else if (get_digits(word, &number))
			*value |= number;
		else
			return false;
	}
	return true;
}

static bool get_endpoint(char *text, struct event *event, const struct event_field *field)
{
	char *colon = strrchr(text, ':');
	struct endpoint endpoint;
	uint64_t port;

	if (colon == NULL || !get_digits(colon + 1, &port) || port > UINT16_MAX)
		return false;
	*colon = '\0';
	if (endpoint_parse(&endpoint, text) < 0)
		return false;
	endpoint.port = (uint16_t)port;
	memcpy((char *)event + field->offset, &endpoint, sizeof(endpoint));
	return true;
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool get_text(const char *text, struct event *event, const struct event_field *field)
{
	char *to = (char *)event + field->offset;
	uint8_t *length = (uint8_t *)event + field->length_at;

	while (*text != '\0') {
		char byte = *text++;

		if (byte == '\\') {
			if (text[0] != 'x' || hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
				return false;
			byte = (char)(hex_digit(text[1]) << 4 | hex_digit(text[2]));
			text += 3;
		}
		if (*length == field->size)
			return false;
		to[(*length)++] = byte;
	}
	return true;
}

static bool get_hex(const char *text, struct event *event, const struct event_field *field)
{
	unsigned char *bytes = (unsigned char *)event + field->offset;
	unsigned int length = 0;

	for (; text[0] != '\0'; text += 2) {
		if (length == field->size || hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
			return false;
		bytes[length++] = (unsigned char)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
	}
	/* Written without trailing zeros, so that there is one way to write it. */
	return length > 0 && bytes[length - 1] != 0;
}

/* @text may be cut to pieces. */
static bool get_field(struct event *event, const struct event_field *field, char *text)
{
	uint64_t value = 0;
	bool valid = false;

	switch (field->form) {
	case FORM_SIGNED:
		valid = get_signed(text, &value);
		break;
	case FORM_UNSIGNED:
		valid = get_digits(text, &value);
		break;
	case FORM_TIME:
		valid = get_time(text, &value);
		break;
	case FORM_WORD:
		valid = get_word(field, text, &value);
		break;
	case FORM_BITS:
		valid = get_bits(field, text, &value);
		break;
	case FORM_LETTER:
		value = (uint8_t)text[0];
		valid = is_origin((uint8_t)value) && text[1] == '\0';
		break;
	case FORM_ENDPOINT:
		return get_endpoint(text, event, field);
	case FORM_TEXT:
		return get_text(text, event, field);
	case FORM_HEX:
		return get_hex(text, event, field);
	}
	return valid && event_fields_store(event, field, value);
}

/* The field of this key: a head field at its place, or any field of the flow or the body. */
static const struct event_field *find_field(const struct event *event, unsigned int position, const char *key,
					    unsigned int *bit)
{
	const struct event_field *parts[2] = {event_fields_flow(), event_fields_body(event->type)};
	const struct event_field *head = event_fields_head();

	*bit = 0;
	if (position < EVENT_FIELDS_HEAD)
		return strcmp(head[position].key, key) == 0 ? &head[position] : NULL;
	for (unsigned int i = 0; i < 2; i++)
		for (const struct event_field *field = parts[i]; field->key != NULL; field++, ++*bit)
			if (field->key[0] == key[0] && strcmp(field->key, key) == 0)
				return field;
	return NULL;
}

static int refuse(struct err *err, const char *word, const char *what)
{

	return err_set(err, EINVAL, ERR_QUOTED " %s", word, what);
}

static int get_pair(struct event *event, unsigned int position, uint64_t *seen, char *word, struct err *err)
{
	const struct event_field *field;
	char *text = strchr(word, '=');
	char whole[EVENT_TEXT_SIZE];
	unsigned int bit;

	memcpy(whole, word, strlen(word) + 1);
	if (text == NULL)
		return refuse(err, whole, "is no key=value");
	*text++ = '\0';
	field = find_field(event, position, word, &bit);
	if (field == NULL && position < EVENT_FIELDS_HEAD)
		return refuse(err, whole, "stands where time, type or origin must be, in this order");
	if (field == NULL)
		return refuse(err, whole, "is a key that this version does not know for such an event");
	if (position >= EVENT_FIELDS_HEAD && (*seen & UINT64_C(1) << bit))
		return refuse(err, whole, "is there twice");
	if (position >= EVENT_FIELDS_HEAD)
		*seen |= UINT64_C(1) << bit;
	if (!get_field(event, field, text))
		return refuse(err, whole, "is not a value that the key can have");
	return 0;
}

int event_from_text(const char *line, struct event *event, struct err *err)
{
	struct event made = event_new(EVENT_NONE, 0, 0);
	char copy[EVENT_TEXT_SIZE], *rest = copy, *word;
	size_t length = strnlen(line, sizeof(copy));
	unsigned int position = 0;
	uint64_t seen = 0;

	if (length == sizeof(copy))
		return err_set(err, EINVAL, "a line of more than %zu bytes is no event", sizeof(copy) - 1);
	memcpy(copy, line, length + 1);
	while ((word = strsep(&rest, " ")) != NULL) {
		int ret = get_pair(&made, position++, &seen, word, err);

		if (ret < 0)
			return ret;
	}
	if (position < EVENT_FIELDS_HEAD)
		return err_set(err, EINVAL, "the line ends before time, type and origin were there");
	*event = made;
	return 0;
}
