// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/savefile.h"

#include <endian.h>
#include <errno.h>
#include <pcap/dlt.h>

#include "base/clock.h"

/*
 * libpcap's own reader accepts one link type and one resolution per file, while a capture of several interfaces has
 * many: hence this reader. It reads from memory, whatever filled it (file_stream.h).
 */

#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS 0xa1b23c4du
/* With eight more bytes in each record; written by old patched libpcaps (Kuznetzov). */
#define PCAP_MODIFIED 0xa1b2cd34u
/* Navtel's, with nanoseconds. */
#define PCAP_NAVTEL 0xa12b3c4du
/* IXIA's, by hardware (nanoseconds) and by software; the size of all records follows the head. */
#define PCAP_IXIA_HARDWARE 0x1c0001acu
#define PCAP_IXIA_SOFTWARE 0x1c0001abu
#define PCAP_FILE_HEAD 24
#define PCAP_FILE_HEAD_IXIA 28
#define PCAP_RECORD_HEAD 16
#define PCAP_RECORD_HEAD_NOKIA 20
#define PCAP_RECORD_HEAD_MODIFIED 24
#define PCAP_RECORD_HEAD_SUSE 28
/* Number of records checked to find the length of their heads. */
#define PCAP_RECORDS_TRIED 3
/* DG/UX writes this version. */
#define PCAP_VERSION_DGUX 543

#define SNOOP_MAGIC 0x736e6f6fu /* "snoo", then 'p' and three zeros */
#define SNOOP_MAGIC_END 0x70000000u
#define SNOOP_FILE_HEAD 16
#define SNOOP_RECORD_HEAD 24
/* The other part of that number: whether frames end with a checksum. */
#define PCAP_LINK_TYPE 0x03ffffffu

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 2 /* obsolete */
#define BLOCK_SIMPLE_PACKET 3
#define BLOCK_ENHANCED_PACKET 6
#define BLOCK_MIN 12
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define SECTION_VERSION 1

#define OPTION_COMMENT 1
#define OPTION_NAME 2
#define OPTION_RESOLUTION 9
#define OPTION_OFFSET 14

#define RESOLUTION_BINARY 0x80
#define RESOLUTION_DEFAULT 6

/* Seconds from here on are damage: the limit fits nanoseconds in 63 bits. */
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
	record->interface_name = savefile->interfaces[interface].name;
	return SAVEFILE_FRAME;
}

/* ---- pcap --------------------------------------------------------------------- */

/* AIX numbers its interfaces as SNMP does (RFC 1573), in version 2.2. Return: DLT_*, or -1: it is not AIX. */
static int aix_link_type(uint16_t minor, uint32_t number)
{
	if (minor != 2)
		return -1;
	switch (number) {
	case 6:
		return DLT_EN10MB;
	case 9:
		return DLT_IEEE802;
	case 15:
		return DLT_FDDI;
	case 24:
		return DLT_NULL;
	default:
		return -1;
	}
}

static int pcap_head(struct savefile *savefile, struct span *data, struct err *err)
{
	struct savefile_interface *only = &savefile->interfaces[0];
	struct span rest = *data;
	uint32_t magic, number;
	uint16_t major, minor;
	int aix;

	if (rest.length < PCAP_FILE_HEAD)
		return more(savefile, PCAP_FILE_HEAD);
	take32(savefile, &rest, &magic);
	take16(savefile, &rest, &major);
	take16(savefile, &rest, &minor);
	span_skip(&rest, 8);
	take32(savefile, &rest, &only->snaplen);
	take32(savefile, &rest, &number);
	if ((magic == PCAP_IXIA_HARDWARE || magic == PCAP_IXIA_SOFTWARE) && !span_skip(&rest, 4))
		return more(savefile, PCAP_FILE_HEAD_IXIA);
	if (major != 2 && !(major == PCAP_VERSION_DGUX && minor == 0))
		return err_set(err, EINVAL, "version %u of the pcap format is not known, only 2", major);
	*data = rest;
	aix = magic == PCAP_MICROSECONDS ? aix_link_type(minor, number) : -1;
	savefile->format = SAVEFILE_PCAP_BEGUN;
	savefile->record_head = magic == PCAP_MODIFIED ? PCAP_RECORD_HEAD_MODIFIED : PCAP_RECORD_HEAD;
	/* Up to version 2.2 the length on the wire came first, in 2.3 sometimes. */
	savefile->is_length_first = major != 2 || minor <= 3;
	savefile->interface_count = 1;
	only->resolution =
		magic == PCAP_NANOSECONDS || magic == PCAP_NAVTEL || magic == PCAP_IXIA_HARDWARE || aix >= 0 ? 9 : 6;
	only->link_type = aix >= 0 ? aix : link_type(number & PCAP_LINK_TYPE);
	return 0;
}

/* Seconds, fraction, captured length, length. */
static inline void pcap_words(const struct savefile *savefile, struct span *rest, uint32_t words[4])
{
	span_take_bytes(rest, words, 4 * sizeof(words[0]));
	if (savefile->little != (BYTE_ORDER == LITTLE_ENDIAN))
		for (size_t i = 0; i < 4; i++)
			words[i] = __builtin_bswap32(words[i]);
	/* More bytes captured than the frame had make no sense. */
	if (savefile->is_length_first && words[2] > words[3]) {
		uint32_t captured = words[3];

		words[3] = words[2];
		words[2] = captured;
	}
}

/* Number of records at the beginning of @data that make sense if each head has @head bytes, or -1: one does not. */
static int pcap_records_fit(const struct savefile *savefile, struct span data, size_t head)
{
	int count = 0;

	while (count < PCAP_RECORDS_TRIED && data.length >= head) {
		uint32_t words[4];

		pcap_words(savefile, &data, words);
		if (words[1] >= 1000000 || words[2] > SAVEFILE_RECORD_MAX || words[3] > SAVEFILE_RECORD_MAX ||
		    words[2] > words[3])
			return -1;
		count++;
		if (!span_skip(&data, head - PCAP_RECORD_HEAD + (size_t)words[2]))
			break;
	}
	return count;
}

/*
 * Some systems wrote longer heads of records under the same number: Red Hat 6.1, Nokia's IPSO, SuSE 6.3. Two records
 * distinguish them; from a pipe that has only one yet, the number decides.
 */
static int pcap_first_frame(struct savefile *savefile, const struct span *data)
{
	static const uint8_t heads[] = {PCAP_RECORD_HEAD_MODIFIED, PCAP_RECORD_HEAD_NOKIA, PCAP_RECORD_HEAD_SUSE};

	if (data->length < savefile->record_head)
		return more(savefile, savefile->record_head);
	savefile->format = SAVEFILE_PCAP;
	if (savefile->interfaces[0].resolution != 6 || pcap_records_fit(savefile, *data, savefile->record_head) >= 0)
		return 0;
	for (size_t i = 0; i < sizeof(heads); i++) {
		if (pcap_records_fit(savefile, *data, heads[i]) < 2)
			continue;
		savefile->record_head = heads[i];
		break;
	}
	return 0;
}

/* Two files that were joined by cat(1): the head of the second one is where a record is due. */
static bool is_pcap_head(const struct savefile *savefile, const uint32_t words[4])
{
	uint32_t first = words[0], version = savefile->little ? 4u << 16 | 2 : 2u << 16 | 4;

	if (words[3] != 0)
		return false;
	/* The second one may have the other byte order. */
	return (words[1] == version && (first == PCAP_MICROSECONDS || first == PCAP_NANOSECONDS)) ||
	       (words[1] == __builtin_bswap32(savefile->little ? 2u << 16 | 4 : 4u << 16 | 2) &&
		(first == __builtin_bswap32(PCAP_MICROSECONDS) || first == __builtin_bswap32(PCAP_NANOSECONDS)));
}

static inline int pcap_next_frame(struct savefile *savefile, struct span *data, struct dissect_record *record,
				  struct err *err)
{
	struct span rest = *data, bytes;
	uint32_t words[4];

	if (rest.length < savefile->record_head)
		return more(savefile, savefile->record_head);
	pcap_words(savefile, &rest, words);
	if (words[2] == 0 && is_pcap_head(savefile, words)) {
		savefile->format = SAVEFILE_UNKNOWN;
		return savefile_next(savefile, data, record, err);
	}
	span_skip(&rest, savefile->record_head - (size_t)PCAP_RECORD_HEAD);
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
		/* 34 bits of a fraction times a billion fit, and are finer than nanoseconds. */
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
	if (seconds >= (uint64_t)SECONDS_MAX || interface->offset_s < -SECONDS_MAX || interface->offset_s > SECONDS_MAX)
		return CLOCK_UNKNOWN;
	seconds += (uint64_t)interface->offset_s;
	return seconds < (uint64_t)SECONDS_MAX ? (int64_t)(seconds * CLOCK_NS_PER_SEC + fraction) : CLOCK_UNKNOWN;
}

/* The next option of a block; padding to a multiple of four bytes follows each. Return: false at the end. */
static bool take_option(const struct savefile *savefile, struct span *options, uint16_t *code, struct span *value)
{
	uint16_t length;

	if (!take16(savefile, options, code) || !take16(savefile, options, &length) || *code == 0 ||
	    !span_take(options, length, value))
		return false;
	span_skip(options, (4u - length % 4u) % 4u);
	return true;
}

static void take_name(struct savefile_interface *interface, struct span value)
{
	span_limit(&value, sizeof(interface->name) - 1);
	span_take_bytes(&value, interface->name, value.length);
}

static int block_interface(struct savefile *savefile, struct span body, struct err *err)
{
	struct savefile_interface *interface = &savefile->interfaces[savefile->interface_count];
	uint16_t number, code;
	struct span value;
	uint64_t offset;

	if (savefile->interface_count == SAVEFILE_INTERFACES)
		return damaged(err, "more than 1024 interfaces");
	*interface = (struct savefile_interface){.resolution = RESOLUTION_DEFAULT};
	if (!take16(savefile, &body, &number) || !span_skip(&body, 2) || !take32(savefile, &body, &interface->snaplen))
		return damaged(err, "an interface block that is too short");
	interface->link_type = link_type(number);
	while (take_option(savefile, &body, &code, &value)) {
		if (code == OPTION_RESOLUTION)
			span_take_u8(&value, &interface->resolution);
		else if (code == OPTION_OFFSET && take64(savefile, &value, &offset))
			interface->offset_s = (int64_t)offset;
		else if (code == OPTION_NAME)
			take_name(interface, value);
	}
	savefile->interface_count++;
	return 0;
}

/* The first comment that this program has written; the file may have others. */
static void take_owner(const struct savefile *savefile, struct span options, struct dissect_record *record)
{
	struct span value;
	uint16_t code;

	while (take_option(savefile, &options, &code, &value))
		if (code == OPTION_COMMENT && frame_owner_parse(value, &record->owner))
			return;
}

static int block_packet(struct savefile *savefile, uint32_t type, struct span body, struct dissect_record *record,
			struct err *err)
{
	uint32_t interface = 0, high, low;
	struct span bytes;
	uint16_t number;
	bool whole;

	record->owner = (struct frame_owner){.pid = 0};
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
	if (body.length > 0 && span_skip(&body, (4u - record->caplen % 4u) % 4u))
		take_owner(savefile, body, record);
	return frame(savefile, interface, block_time(&savefile->interfaces[interface], high, low), record);
}

static int block_simple_packet(struct savefile *savefile, struct span body, struct dissect_record *record,
			       struct err *err)
{
	uint32_t snaplen;

	record->owner = (struct frame_owner){.pid = 0};
	if (savefile->interface_count == 0 || !take32(savefile, &body, &record->length))
		return damaged(err, "a packet of an interface that was not described");
	snaplen = savefile->interfaces[0].snaplen;
	/* The padding of the block to a multiple of four bytes is not part of the frame. */
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
	struct span rest = *data, body = {0};
	uint32_t type, length, magic = 0, again;

	if (rest.length < BLOCK_MIN)
		return more(savefile, BLOCK_MIN);
	span_take_be32(&rest, &type);
	if (type == BLOCK_SECTION) {
		/* The type reads the same either way; the field behind the length gives the byte order. */
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

/* ---- snoop -------------------------------------------------------------------- */

/* RFC 1761, "Datalink Type"; a type without a DLT_* of this program stays an unknown number. */
static int snoop_link_type(uint32_t number)
{
	switch (number) {
	case 0: /* IEEE 802.3 */
	case 4: /* Ethernet */
		return DLT_EN10MB;
	case 2:
		return DLT_IEEE802;
	case 8:
		return DLT_FDDI;
	default:
		return -2;
	}
}

static int snoop_head(struct savefile *savefile, struct span *data, struct err *err)
{
	uint32_t end, version, number;

	if (data->length < SNOOP_FILE_HEAD)
		return more(savefile, SNOOP_FILE_HEAD);
	span_skip(data, 4);
	span_take_be32(data, &end);
	span_take_be32(data, &version);
	span_take_be32(data, &number);
	if (end != SNOOP_MAGIC_END || version != 2)
		return err_set(err, EINVAL, "version %u of the snoop format is not known, only 2", version);
	savefile->format = SAVEFILE_SNOOP;
	savefile->interface_count = 1;
	savefile->interfaces[0].link_type = snoop_link_type(number);
	return snoop_link_type(number) < 0
		       ? err_set(err, EPROTONOSUPPORT,
				 "snoop's link type %u is not understood, only Ethernet, Token Ring "
				 "and FDDI are",
				 number)
		       : 0;
}

static int snoop_next_frame(struct savefile *savefile, struct span *data, struct dissect_record *record,
			    struct err *err)
{
	struct span rest = *data, bytes;
	uint32_t size, seconds, microseconds;

	if (rest.length < SNOOP_RECORD_HEAD)
		return more(savefile, SNOOP_RECORD_HEAD);
	span_take_be32(&rest, &record->length);
	span_take_be32(&rest, &record->caplen);
	span_take_be32(&rest, &size);
	span_skip(&rest, 4); /* number dropped up to here */
	span_take_be32(&rest, &seconds);
	span_take_be32(&rest, &microseconds);
	if (size < SNOOP_RECORD_HEAD || size > SAVEFILE_RECORD_MAX || size - SNOOP_RECORD_HEAD < record->caplen)
		return damaged(err, "a packet larger than its record");
	if (!span_take(&rest, size - SNOOP_RECORD_HEAD, &bytes))
		return more(savefile, size);
	*data = rest;
	record->data = bytes.data;
	return frame(savefile, 0, (int64_t)seconds * CLOCK_NS_PER_SEC + (int64_t)microseconds * 1000, record);
}

/* ---- either ------------------------------------------------------------------- */

static int begin(struct savefile *savefile, struct span *data, struct err *err)
{
	static const uint32_t magics[] = {PCAP_MICROSECONDS, PCAP_NANOSECONDS,   PCAP_MODIFIED,
					  PCAP_NAVTEL,       PCAP_IXIA_HARDWARE, PCAP_IXIA_SOFTWARE};
	struct span rest = *data;
	uint32_t magic;

	if (!span_take_be32(&rest, &magic))
		return more(savefile, sizeof(magic));
	if (magic == BLOCK_SECTION) {
		savefile->format = SAVEFILE_PCAPNG;
		return 0;
	}
	if (magic == SNOOP_MAGIC)
		return snoop_head(savefile, data, err);
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		savefile->little = magic == __builtin_bswap32(magics[i]);
		if (savefile->little || magic == magics[i])
			return pcap_head(savefile, data, err);
	}
	return err_set(err, EINVAL, "neither pcap, pcapng nor snoop: it begins with the bytes %02x %02x %02x %02x",
		       magic >> 24, magic >> 16 & 0xff, magic >> 8 & 0xff, magic & 0xff);
}

int savefile_next(struct savefile *savefile, struct span *data, struct dissect_record *record, struct err *err)
{
	int got = 0;

	/* By far the most frequent. */
	if (savefile->format == SAVEFILE_PCAP)
		return pcap_next_frame(savefile, data, record, err);
	if (savefile->format == SAVEFILE_UNKNOWN)
		got = begin(savefile, data, err);
	if (got == 0 && savefile->format == SAVEFILE_PCAP_BEGUN) {
		got = pcap_first_frame(savefile, data);
		return got != 0 ? got : savefile_next(savefile, data, record, err);
	}
	if (got == 0 && savefile->format == SAVEFILE_SNOOP)
		return snoop_next_frame(savefile, data, record, err);
	while (got == 0)
		got = block_next(savefile, data, record, err);
	return got;
}
