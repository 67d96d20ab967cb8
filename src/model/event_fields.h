/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_MODEL_EVENT_FIELDS_H
#define CONNTRACE_MODEL_EVENT_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"

/** enum event_field_form - form of a field as text */
enum event_field_form {
	FORM_SIGNED,
	FORM_UNSIGNED,
	/** int64_t nanoseconds, as seconds with nine decimals; -1 is unknown */
	FORM_TIME,
	/** one of the words */
	FORM_WORD,
	/** a set of bits, each with a word */
	FORM_BITS,
	FORM_ENDPOINT,
	/** text of any bytes; its length is in another member */
	FORM_TEXT,
	/** bytes as hexadecimal digits, without trailing zeros */
	FORM_HEX,
	/** one letter: enum event_origin */
	FORM_LETTER,
};

/**
 * struct event_field - position and form of a field of struct event; key NULL ends a table
 * @key: its name as text
 * @form: enum event_field_form
 * @offset: in struct event
 * @size: in bytes
 * @length_at: of FORM_TEXT: where its length is in struct event, one byte
 * @words: of FORM_WORD in the order of the enumeration, of FORM_BITS from the lowest bit up; NULL at the end
 */
struct event_field {
	const char *key;
	enum event_field_form form;
	uint16_t offset;
	uint16_t size;
	uint16_t length_at;
	const char *const *words;
};

/** How many fields event_fields_head() has. */
#define EVENT_FIELDS_HEAD 3

/** event_fields_head() - fields at the beginning of every line */
const struct event_field *event_fields_head(void);

/** event_fields_flow() - fields of events of every type */
const struct event_field *event_fields_flow(void);

/** event_fields_body() - fields of one valid type */
const struct event_field *event_fields_body(enum event_type type);

/** event_fields_load() - the integer of a field of any size; signed ones in two's complement */
uint64_t event_fields_load(const struct event *event, const struct event_field *field);

/** event_fields_store() - set it; Return: false when the value is out of the field's limits */
bool event_fields_store(struct event *event, const struct event_field *field, uint64_t value);

#endif
