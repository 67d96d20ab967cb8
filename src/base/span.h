/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_SPAN_H
#define CONNTRACE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * struct span - untrusted bytes, read only through the functions here
 * @data: the next byte
 * @length: how many are left
 *
 * Each span_take_*() moves the span past what it read; when it returns false, the span is unchanged. Untrusted bytes
 * are read in no other way, so no reader can run over the end.
 */
struct span {
	const uint8_t *data;
	size_t length;
};

/** span_skip() - skip @count bytes */
static inline bool span_skip(struct span *span, size_t count)
{
	if (span->length < count)
		return false;
	span->data += count;
	span->length -= count;
	return true;
}

/** span_take() - split the first @count bytes off into @taken */
static inline bool span_take(struct span *span, size_t count, struct span *taken)
{
	const uint8_t *data = span->data;

	if (!span_skip(span, count))
		return false;
	taken->data = data;
	taken->length = count;
	return true;
}

/** span_take_bytes() - copy the first @count bytes to @to */
static inline bool span_take_bytes(struct span *span, void *to, size_t count)
{
	if (span->length < count)
		return false;
	memcpy(to, span->data, count);
	return span_skip(span, count);
}

/** span_take_u8() - one byte */
static inline bool span_take_u8(struct span *span, uint8_t *value)
{
	return span_take_bytes(span, value, 1);
}

/** span_take_be16() - 16 bits in network byte order */
static inline bool span_take_be16(struct span *span, uint16_t *value)
{
	uint8_t b[2];

	if (!span_take_bytes(span, b, sizeof(b)))
		return false;
	*value = (uint16_t)(b[0] << 8 | b[1]);
	return true;
}

/** span_take_be32() - 32 bits in network byte order */
static inline bool span_take_be32(struct span *span, uint32_t *value)
{
	uint8_t b[4];

	if (!span_take_bytes(span, b, sizeof(b)))
		return false;
	*value = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return true;
}

/** span_limit() - drop the bytes after the first @length */
static inline void span_limit(struct span *span, size_t length)
{
	if (span->length > length)
		span->length = length;
}

#endif
