// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/savefile.h"

#include <endian.h>
#include <errno.h>
#include <pcap/dlt.h>
#include <string.h>

#include "base/clock.h"

/*
 * libpcap's own reader wants one link type and one resolution in all of a
 * file, while a capture of several interfaces has many; that is the reason for
 * this one. It reads from memory, whatever filled it (savefile_stream.h).
 */

#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS 0xa1b23c4du
/* With eight more bytes in each record; written by patched libpcaps of old. */
#define PCAP_MODIFIED 0xa1b2cd34u
#define PCAP_FILE_HEAD 24
#define PCAP_RECORD_HEAD 16
#define PCAP_RECORD_HEAD_MODIFIED 24
/* What else stands in that number: whether frames end with a check sum. */
#define PCAP_LINK_TYPE 0x03ffffffu

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 2 /* obsolete */
#define BLOCK_SIMPLE_PACKET 3
#define BLOCK_ENHANCED_PACKET 6
#define BLOCK_MIN 12
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define SECTION_VERSION 1

#define OPTION_RESOLUTION 9
#define OPTION_OFFSET 14

#define RESOLUTION_BINARY 0x80
#define RESOLUTION_DEFAULT 6

/* Seconds from here on are no date but damage: they fit nanoseconds in 63 bits. */
#define SECONDS_MAX INT64_C(9000000000)

static bool take16(const struct savefile *savefile, struct span *span, uint16_t *value)
{
	if (!span_take_be16(span, value))
		return false;
	if (savefile->little)
		*value = __builtin_bswap16(*value);
	return true;
}

static bool take32(const struct savefile *savefile, struct span *span, uint32_t *value)
{
	if (!span_take_be32(span, value))
		return false;
	if (savefile->little)
		*value = __builtin_bswap32(*value);
	return true;
}

static bool take64(const struct savefile *savefile, struct span *span, uint64_t *value)
{
	uint32_t first, second;

	if (!take32(savefile, span, &first) || !take32(savefile, span, &second))
		return false;
	*value = savefile->little ? (uint64_t)second << 32 | first : (uint64_t)first << 32 | second;
	return true;
}

static int damaged(struct err *err, const char *what)
{
	return err_set(err, EINVAL, "damaged: %s", what);
}

static int more(struct savefile *savefile, size_t need)
{
	savefile->need = need;
	return SAVEFILE_MORE;
}

/* The numbers in files are DLT_*, except for those that systems numbered differently (pcap-linktype(7)). */
static int link_type(uint32_t number)
{
	switch (number) {
	case 100:
		return DLT_ATM_RFC1483;
	case 101:
		return DLT_RAW;
	case 108:
		return DLT_LOOP;
	case 109:
		return DLT_ENC;
	default:
		return (int)number;
	}
}

/* A frame of an interface, at a time in nanoseconds or CLOCK_UNKNOWN. */
static int frame(const struct savefile *savefile, uint32_t interface, int64_t time_ns, struct dissect_record *record)
{
	record->time_ns = time_ns;
	record->interface = (uint16_t)interface;
	record->link_type = savefile->interfaces[interface].link_type;
	return SAVEFILE_FRAME;
}

/* ---- pcap --------------------------------------------------------------------- */

static int pcap_head(struct savefile *savefile, struct span *data, struct err *err)
{
	struct savefile_interface *only = &savefile->interfaces[0];
	uint32_t magic, number;
	uint16_t major;

	if (data->length < PCAP_FILE_HEAD)
		return more(savefile, PCAP_FILE_HEAD);
	take32(savefile, data, &magic);
	take16(savefile, data, &major);
	span_skip(data, 10);
	take32(savefile, data, &only->snaplen);
	take32(savefile, data, &number);
	if (major != 2)
		return err_set(err, EINVAL, "version %u of the pcap format is not known, only 2", major);
	savefile->format = SAVEFILE_PCAP;
	savefile->record_head = magic == PCAP_MODIFIED ? PCAP_RECORD_HEAD_MODIFIED : PCAP_RECORD_HEAD;
	savefile->interface_count = 1;
	only->resolution = magic == PCAP_NANOSECONDS ? 9 : 6;
	only->link_type = link_type(number & PCAP_LINK_TYPE);
	return 0;
}

static int pcap_next_frame(struct savefile *savefile, struct span *data, struct dissect_record *record,
			   struct err *err)
{
	struct span rest = *data, bytes;
	/* Seconds, fraction, captured length, length; at once, because this runs for every packet. */
	uint32_t words[4];

	if (rest.length < savefile->record_head)
		return more(savefile, savefile->record_head);
	span_take_bytes(&rest, words, sizeof(words));
	span_skip(&rest, savefile->record_head - (size_t)PCAP_RECORD_HEAD);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = savefile->little ? le32toh(words[i]) : be32toh(words[i]);
	record->caplen = words[2];
	record->length = words[3];
	if (record->caplen > SAVEFILE_RECORD_MAX)
		return damaged(err, "a packet of more than 16 MiB");
	if (!span_take(&rest, record->caplen, &bytes))
		return more(savefile, savefile->record_head + (size_t)record->caplen);
	*data = rest;
	record->data = bytes.data;
	return frame(savefile, 0,
		     (int64_t)words[0] * CLOCK_NS_PER_SEC +
			     (int64_t)words[1] * (savefile->interfaces[0].resolution == 9 ? 1 : 1000),
		     record);
}

/* ---- pcapng ------------------------------------------------------------------- */

static int64_t block_time(const struct savefile_interface *interface, uint32_t high, uint32_t low)
{
	uint64_t units = (uint64_t)high << 32 | low, seconds, fraction;
	unsigned int shift = interface->resolution & ~RESOLUTION_BINARY;
	uint64_t per_second = 1;

	if (interface->resolution & RESOLUTION_BINARY) {
		seconds = shift < 64 ? units >> shift : 0;
		fraction = shift < 64 ? units - (seconds << shift) : units;
		/* 34 bits of a fraction times a billion fit, and say more than nanoseconds. */
		for (; shift > 34; shift--)
			fraction >>= 1;
		fraction = fraction * CLOCK_NS_PER_SEC >> shift;
	} else {
		for (unsigned int i = 0; i < shift && i < 19; i++)
			per_second *= 10;
		seconds = shift < 20 ? units / per_second : 0;
		fraction = shift < 20 ? units % per_second : 0;
		for (; per_second < CLOCK_NS_PER_SEC; per_second *= 10)
			fraction *= 10;
		fraction /= per_second / CLOCK_NS_PER_SEC;
	}
	if (seconds >= (uint64_t)SECONDS_MAX || interface->offset_s < -SECONDS_MAX ||
	    interface->offset_s > SECONDS_MAX)
		return CLOCK_UNKNOWN;
	seconds += (uint64_t)interface->offset_s;
	return seconds < (uint64_t)SECONDS_MAX ? (int64_t)(seconds * CLOCK_NS_PER_SEC + fraction) : CLOCK_UNKNOWN;
}

static int block_interface(struct savefile *savefile, struct span body, struct err *err)
{
	struct savefile_interface *interface = &savefile->interfaces[savefile->interface_count];
	uint16_t number, code, length;
	struct span value;
	uint64_t offset;

	if (savefile->interface_count == SAVEFILE_INTERFACES)
		return damaged(err, "more than 1024 interfaces");
	*interface = (struct savefile_interface){.resolution = RESOLUTION_DEFAULT};
	if (!take16(savefile, &body, &number) || !span_skip(&body, 2) ||
	    !take32(savefile, &body, &interface->snaplen))
		return damaged(err, "an interface block that is too short");
	interface->link_type = link_type(number);
	while (take16(savefile, &body, &code) && take16(savefile, &body, &length) && code != 0 &&
	       span_take(&body, length, &value)) {
		if (code == OPTION_RESOLUTION)
			span_take_u8(&value, &interface->resolution);
		else if (code == OPTION_OFFSET && take64(savefile, &value, &offset))
			interface->offset_s = (int64_t)offset;
		span_skip(&body, (4u - length % 4u) % 4u);
	}
	savefile->interface_count++;
	return 0;
}

static int block_packet(struct savefile *savefile, uint32_t type, struct span body, struct dissect_record *record,
			struct err *err)
{
	uint32_t interface = 0, high, low;
	struct span bytes;
	uint16_t number;
	bool whole;

	if (type == BLOCK_PACKET) {
		whole = take16(savefile, &body, &number) && span_skip(&body, 2);
		interface = whole ? number : 0;
	} else {
		whole = take32(savefile, &body, &interface);
	}
	if (!whole || !take32(savefile, &body, &high) || !take32(savefile, &body, &low) ||
	    !take32(savefile, &body, &record->caplen) || !take32(savefile, &body, &record->length) ||
	    !span_take(&body, record->caplen, &bytes))
		return damaged(err, "a packet larger than its block");
	if (interface >= savefile->interface_count)
		return damaged(err, "a packet of an interface that was not described");
	record->data = bytes.data;
	return frame(savefile, interface, block_time(&savefile->interfaces[interface], high, low), record);
}

static int block_simple_packet(struct savefile *savefile, struct span body, struct dissect_record *record,
			       struct err *err)
{
	uint32_t snaplen;

	if (savefile->interface_count == 0 || !take32(savefile, &body, &record->length))
		return damaged(err, "a packet of an interface that was not described");
	snaplen = savefile->interfaces[0].snaplen;
	/* What fills the block up to a multiple of four bytes is not of the frame. */
	span_limit(&body, record->length);
	span_limit(&body, snaplen != 0 ? snaplen : UINT32_MAX);
	record->data = body.data;
	record->caplen = (uint32_t)body.length;
	return frame(savefile, 0, CLOCK_UNKNOWN, record);
}

static int block_section(struct savefile *savefile, struct span body, struct err *err)
{
	uint16_t major;

	if (!span_skip(&body, 4) || !take16(savefile, &body, &major))
		return damaged(err, "a section block that is too short");
	if (major != SECTION_VERSION)
		return err_set(err, EINVAL, "version %u of the pcapng format is not known, only 1", major);
	savefile->interface_count = 0;
	return 0;
}

/* Return: as savefile_next(), and 0 for a block that holds no frame. */
static int block_next(struct savefile *savefile, struct span *data, struct dissect_record *record, struct err *err)
{
	struct span rest = *data, body;
	uint32_t type, length, magic = 0, again;

	if (rest.length < BLOCK_MIN)
		return more(savefile, BLOCK_MIN);
	span_take_be32(&rest, &type);
	if (type == BLOCK_SECTION) {
		/* The type reads the same either way; what follows the length says which way it is. */
		body = rest;
		span_skip(&body, 4);
		span_take_be32(&body, &magic);
		if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
			return damaged(err, "a section without byte order");
		savefile->little = magic != BYTE_ORDER_MAGIC;
	} else if (savefile->little) {
		type = __builtin_bswap32(type);
	}
	take32(savefile, &rest, &length);
	if (length < BLOCK_MIN || length > SAVEFILE_RECORD_MAX + BLOCK_MIN)
		return damaged(err, "a block of impossible length");
	if (data->length < length)
		return more(savefile, length);
	span_take(&rest, length - BLOCK_MIN, &body);
	take32(savefile, &rest, &again);
	if (again != length)
		return damaged(err, "a block whose two lengths differ");
	*data = rest;
	switch (type) {
	case BLOCK_SECTION:
		return block_section(savefile, body, err);
	case BLOCK_INTERFACE:
		return block_interface(savefile, body, err);
	case BLOCK_PACKET:
	case BLOCK_ENHANCED_PACKET:
		return block_packet(savefile, type, body, record, err);
	case BLOCK_SIMPLE_PACKET:
		return block_simple_packet(savefile, body, record, err);
	default:
		return 0;
	}
}

/* ---- either ------------------------------------------------------------------- */

static int begin(struct savefile *savefile, struct span *data, struct err *err)
{
	static const uint32_t magics[] = {PCAP_MICROSECONDS, PCAP_NANOSECONDS, PCAP_MODIFIED};
	struct span rest = *data;
	uint32_t magic;

	if (!span_take_be32(&rest, &magic))
		return more(savefile, sizeof(magic));
	if (magic == BLOCK_SECTION) {
		savefile->format = SAVEFILE_PCAPNG;
		return 0;
	}
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		savefile->little = magic == __builtin_bswap32(magics[i]);
		if (savefile->little || magic == magics[i])
			return pcap_head(savefile, data, err);
	}
	return err_set(err, EINVAL, "neither pcap nor pcapng: it begins with the bytes %02x %02x %02x %02x",
		       magic >> 24, magic >> 16 & 0xff, magic >> 8 & 0xff, magic & 0xff);
}

int savefile_next(struct savefile *savefile, struct span *data, struct dissect_record *record, struct err *err)
{
	int got = 0;

	if (savefile->format == SAVEFILE_UNKNOWN)
		got = begin(savefile, data, err);
	if (got == 0 && savefile->format == SAVEFILE_PCAP)
		return pcap_next_frame(savefile, data, record, err);
	while (got == 0)
		got = block_next(savefile, data, record, err);
	return got;
}
