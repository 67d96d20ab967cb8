// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/packet/savefile.h"
#include "source/packet/savefile_reader.h"
#include "source/source.h"

/* Savefiles as bytes, written by hand where libpcap would not write them. */

struct file {
	uint8_t bytes[8192];
	size_t length;
	bool big;
};

static void put(struct file *file, uint64_t value, int bytes)
{
	assert_true(file->length + (size_t)bytes <= sizeof(file->bytes));
	for (int i = 0; i < bytes; i++)
		file->bytes[file->length++] = (uint8_t)(value >> 8 * (file->big ? bytes - 1 - i : i));
}

static void put_pcap(struct file *file, uint32_t magic, uint32_t link)
{
	put(file, magic, 4);
	put(file, 2, 2);
	put(file, 4, 2);
	put(file, 0, 8);
	put(file, 65535, 4);
	put(file, link, 4);
}

static void put_pcap_frame(struct file *file, uint32_t seconds, uint32_t fraction, uint8_t byte)
{
	put(file, seconds, 4);
	put(file, fraction, 4);
	put(file, 1, 4);
	put(file, 60, 4);
	put(file, byte, 1);
}

static void put_section(struct file *file)
{
	put(file, 0x0a0d0d0a, 4);
	put(file, 28, 4);
	put(file, 0x1a2b3c4d, 4);
	put(file, 1, 2);
	put(file, 0, 2);
	put(file, UINT64_MAX, 8);
	put(file, 28, 4);
}

/* @resolution 0: none given. */
static void put_interface(struct file *file, uint16_t link, uint8_t resolution, int64_t offset_s)
{
	uint32_t length = 20 + (resolution ? 8 : 0) + (offset_s ? 12 : 0) + 4;

	put(file, 1, 4);
	put(file, length, 4);
	put(file, link, 2);
	put(file, 0, 2);
	put(file, 1, 4);
	if (resolution) {
		put(file, 9, 2);
		put(file, 1, 2);
		put(file, resolution, 1);
		put(file, 0, 3);
	}
	if (offset_s) {
		put(file, 14, 2);
		put(file, 8, 2);
		put(file, (uint64_t)offset_s, 8);
	}
	put(file, 0, 4);
	put(file, length, 4);
}

static void put_packet(struct file *file, uint32_t interface, uint64_t units, uint8_t byte)
{
	put(file, 6, 4);
	put(file, 36, 4);
	put(file, interface, 4);
	put(file, units >> 32, 4);
	put(file, units & UINT32_MAX, 4);
	put(file, 1, 4);
	put(file, 60, 4);
	put(file, byte, 1);
	put(file, 0, 3);
	put(file, 36, 4);
}

/* A block without a frame. */
static void put_other(struct file *file, uint32_t type)
{
	put(file, type, 4);
	put(file, 16, 4);
	put(file, 0, 4);
	put(file, 16, 4);
}

#define FRAMES_MAX 16

struct seen {
	struct dissect_record records[FRAMES_MAX];
	uint8_t bytes[FRAMES_MAX];
	int count;
	int end; /* what came last: SAVEFILE_MORE with nothing left, or an error */
	size_t left;
	struct err err;
};

/* All frames of @file; each step sees no more than the bytes it has asked for. */
static struct seen read_all(const struct file *file)
{
	static struct savefile savefile;
	struct seen seen = {.count = 0};
	size_t at = 0, have = 0;

	memset(&savefile, 0, sizeof(savefile));
	for (;;) {
		uint8_t *copy = malloc(have ? have : 1);
		struct span data = {copy, have};
		struct dissect_record record = {.time_ns = 0};
		int got;

		assert_non_null(copy);
		memcpy(copy, file->bytes + at, have);
		got = savefile_next(&savefile, &data, &record, &seen.err);
		at += have - data.length;
		have = data.length;
		if (got == SAVEFILE_FRAME) {
			assert_true(seen.count < FRAMES_MAX);
			seen.bytes[seen.count] = record.data[0];
			seen.records[seen.count++] = record;
		}
		free(copy);
		if (got == SAVEFILE_MORE) {
			assert_true(savefile.need > have);
			have = savefile.need;
		}
		if (got < 0 || (got == SAVEFILE_MORE && at + have > file->length)) {
			seen.end = got;
			seen.left = file->length - at;
			return seen;
		}
	}
}

static void pcap_of_every_kind(void **state)
{
	static const struct {
		uint32_t magic;
		int64_t unit_ns;
		int more;
	} kinds[] = {{0xa1b2c3d4, 1000, 0}, {0xa1b23c4d, 1, 0}, {0xa1b2cd34, 1000, 8}};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct file file = {.big = i % 2};
		struct seen seen;

		put_pcap(&file, kinds[i / 2].magic, 101);
		for (uint8_t frame = 0; frame < 3; frame++) {
			put(&file, 1700000000, 4);
			put(&file, 999999, 4);
			put(&file, 1, 4);
			put(&file, 60, 4);
			put(&file, 0, kinds[i / 2].more);
			put(&file, frame, 1);
		}
		seen = read_all(&file);
		assert_int_equal(seen.count, 3);
		assert_int_equal(seen.left, 0);
		assert_int_equal(seen.bytes[2], 2);
		assert_int_equal(seen.records[2].caplen, 1);
		assert_int_equal(seen.records[2].length, 60);
		assert_int_equal(seen.records[2].link_type, DLT_RAW);
		assert_true(seen.records[2].time_ns ==
			    INT64_C(1700000000) * CLOCK_NS_PER_SEC + 999999 * kinds[i / 2].unit_ns);
	}
}

static void pcapng_of_several_interfaces(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct file file = {.big = big};
		struct seen seen;

		put_section(&file);
		put_other(&file, 0x0bad);
		put_interface(&file, 1, 0, 0);
		put_interface(&file, 113, 9, 0);
		put_interface(&file, 101, 0x80 | 20, 0);
		put_interface(&file, 1, 3, 1000);
		put_packet(&file, 1, UINT64_C(1700000000123456789), 1);
		put_packet(&file, 0, UINT64_C(1700000000123456), 0);
		put_other(&file, 5);
		put_packet(&file, 2, (UINT64_C(1700000000) << 20) + (1 << 19), 2);
		put_packet(&file, 3, UINT64_C(1700000000123), 3);
		/* A simple packet knows no time. */
		put(&file, 3, 4);
		put(&file, 20, 4);
		put(&file, 60, 4);
		put(&file, 0x2a2a2a2a, 4);
		put(&file, 20, 4);
		/* An obsolete one. */
		put(&file, 2, 4);
		put(&file, 36, 4);
		put(&file, 2, 2);
		put(&file, 0, 2);
		put(&file, (UINT64_C(1700000001) << 20) >> 32, 4);
		put(&file, (UINT64_C(1700000001) << 20) & UINT32_MAX, 4);
		put(&file, 1, 4);
		put(&file, 60, 4);
		put(&file, 0x07070707, 4);
		put(&file, 36, 4);
		/* A new section begins with no interface; its byte order is its own. */
		file.big = !big;
		put_section(&file);
		put_interface(&file, 276, 6, 0);
		put_packet(&file, 0, UINT64_C(1700000002000000), 9);
		seen = read_all(&file);
		assert_int_equal(seen.left, 0);
		assert_int_equal(seen.count, 7);
		assert_int_equal(seen.bytes[0], 1);
		assert_int_equal(seen.records[0].link_type, DLT_LINUX_SLL);
		assert_int_equal(seen.records[0].interface, 1);
		assert_true(seen.records[0].time_ns == INT64_C(1700000000123456789));
		assert_int_equal(seen.records[1].link_type, DLT_EN10MB);
		assert_true(seen.records[1].time_ns == INT64_C(1700000000123456000));
		assert_int_equal(seen.records[2].link_type, DLT_RAW);
		assert_true(seen.records[2].time_ns == INT64_C(1700000000500000000));
		assert_true(seen.records[3].time_ns == INT64_C(1700001000123000000));
		assert_true(seen.records[4].time_ns == CLOCK_UNKNOWN);
		assert_int_equal(seen.records[4].caplen, 1); /* the snapshot length of interface 0 */
		assert_int_equal(seen.records[4].length, 60);
		assert_int_equal(seen.bytes[5], 7);
		assert_true(seen.records[5].time_ns == INT64_C(1700000001000000000));
		assert_int_equal(seen.records[6].interface, 0);
		assert_int_equal(seen.records[6].link_type, 276);
		assert_true(seen.records[6].time_ns == INT64_C(1700000002000000000));
	}
}

/* Resolutions and offsets that cannot be leave the time unknown, and never overflow. */
static void times_that_cannot_be(void **state)
{
	static const uint8_t resolutions[] = {1,    10,        18,        19,        20,        0x7f,
					      0x80, 0x80 | 34, 0x80 | 35, 0x80 | 63, 0x80 | 64, 0xff};

	(void)state;
	for (size_t i = 0; i < sizeof(resolutions); i++) {
		struct file file = {.big = false};
		struct seen seen;

		put_section(&file);
		put_interface(&file, 1, 6, 0);
		put_interface(&file, 1, resolutions[i], 0);
		put_interface(&file, 1, resolutions[i], INT64_MIN);
		put_packet(&file, 0, UINT64_C(1700000000000000), 0);
		put_packet(&file, 1, UINT64_MAX, 1);
		put_packet(&file, 2, UINT64_MAX, 2);
		seen = read_all(&file);
		assert_int_equal(seen.count, 3);
		for (int frame = 1; frame < 3; frame++)
			assert_true(seen.records[frame].time_ns >= CLOCK_UNKNOWN);
		assert_true(seen.records[2].time_ns == CLOCK_UNKNOWN);
	}
}

static void damage_is_named(void **state)
{
	static const struct {
		const char *says;
		uint8_t kind;
	} cases[] = {
		{"begins with the bytes 47 45 54 20", 0},
		{"version 9 of the pcap format", 1},
		{"a packet of more than 16 MiB", 2},
		{"a section without byte order", 3},
		{"a block of impossible length", 4},
		{"a block whose two lengths differ", 5},
		{"was not described", 6},
		{"a packet larger than its block", 7},
		{"version 2 of the pcapng format", 8},
		{"more than 1024 interfaces", 9},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct file file = {.big = false};
		struct seen seen;
		size_t at;

		if (cases[i].kind == 0)
			put(&file, 0x20544547, 4);
		if (cases[i].kind == 1 || cases[i].kind == 2) {
			put_pcap(&file, 0xa1b2c3d4, 1);
			put_pcap_frame(&file, 1, 1, 1);
			file.bytes[cases[i].kind == 1 ? 4 : 24 + 11] = 9;
		}
		if (cases[i].kind >= 3) {
			put_section(&file);
			put_interface(&file, 1, 6, 0);
			at = file.length;
			put_packet(&file, cases[i].kind == 6, 1, 1);
			if (cases[i].kind == 3)
				file.bytes[8]++;
			if (cases[i].kind == 4)
				file.bytes[at + 4] = 8;
			if (cases[i].kind == 5)
				file.bytes[file.length - 4]++;
			if (cases[i].kind == 7)
				file.bytes[at + 20] = 200;
			if (cases[i].kind == 8)
				file.bytes[12] = 2;
		}
		if (cases[i].kind == 9) {
			struct savefile *savefile = calloc(1, sizeof(*savefile));
			struct dissect_record record;
			struct span data;

			assert_non_null(savefile);
			file.length = 0;
			put_section(&file);
			put_interface(&file, 1, 6, 0);
			savefile->format = SAVEFILE_PCAPNG;
			savefile->little = true;
			savefile->interface_count = SAVEFILE_INTERFACES;
			data = (struct span){file.bytes + 28, file.length - 28};
			seen.end = savefile_next(savefile, &data, &record, &seen.err);
			free(savefile);
		} else {
			seen = read_all(&file);
		}
		assert_int_equal(seen.end, -EINVAL);
		if (strstr(seen.err.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].says, seen.err.text);
	}
}

/* ---- from a descriptor -------------------------------------------------------- */

struct reported {
	int frames;
	int links[FRAMES_MAX];
	int link_count;
	bool refuse;
	struct dissect_record last;
	uint8_t last_byte;
};

static void reported_frame(void *context, const struct dissect_record *record)
{
	struct reported *reported = context;

	reported->frames++;
	reported->last = *record;
	reported->last_byte = record->data[0];
}

static void reported_link(void *context, int link_type, struct savefile_filter *filter)
{
	static const struct bpf_insn nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct reported *reported = context;

	reported->links[reported->link_count++] = link_type;
	if (reported->refuse && link_type == DLT_RAW)
		*filter = (struct savefile_filter){&nothing, 1};
}

static int read_file(const struct file *file, struct reported *reported, struct err *err)
{
	const struct savefile_user user = {.frame = reported_frame, .link = reported_link, .context = reported};
	char name[] = "/tmp/test_savefile.XXXXXX";
	int fd = mkstemp(name), got;
	struct savefile_reader *reader;

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, file->bytes, file->length), file->length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	reader = savefile_reader_new(fd, "x.pcapng", &user);
	while ((got = savefile_reader_read(reader, 1, err)) >= 0)
		;
	savefile_reader_free(reader);
	close(fd);
	return got;
}

/* What systems wrote before, beside and behind version 2.4; each record is captured to 1 byte of 60. */
static void pcap_of_old(void **state)
{
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t network;
		bool length_first; /* its length on the wire stands before its captured one */
		int head_more, record_more;
		int64_t unit_ns;
		int link_type;
	} layouts[] = {
		{0xa1b2c3d4, 2, 2, 1, true, 0, 0, 1000, DLT_EN10MB},   /* before libpcap 0.4 */
		{0xa1b2c3d4, 2, 3, 1, true, 0, 0, 1000, DLT_EN10MB},   /* some of these, */
		{0xa1b2c3d4, 2, 3, 1, false, 0, 0, 1000, DLT_EN10MB},  /* and others */
		{0xa1b2c3d4, 543, 0, 1, true, 0, 0, 1000, DLT_EN10MB}, /* DG/UX */
		{0xa1b2c3d4, 2, 2, 6, false, 0, 0, 1, DLT_EN10MB},     /* AIX */
		{0xa1b2c3d4, 2, 2, 9, false, 0, 0, 1, DLT_IEEE802},    /* AIX, Token Ring */
		{0xa1b2c3d4, 2, 2, 24, false, 0, 0, 1, DLT_NULL},      /* AIX, lo0 */
		{0xa1b2c3d4, 2, 4, 1, false, 0, 8, 1000, DLT_EN10MB},  /* Red Hat 6.1 */
		{0xa1b2c3d4, 2, 4, 1, false, 0, 4, 1000, DLT_EN10MB},  /* Nokia IPSO */
		{0xa1b2cd34, 2, 4, 1, false, 0, 12, 1000, DLT_EN10MB}, /* SuSE 6.3 */
		{0xa12b3c4d, 2, 4, 1, false, 0, 0, 1, DLT_EN10MB},     /* Navtel */
		{0x1c0001ac, 2, 4, 1, false, 4, 0, 1, DLT_EN10MB},     /* IXIA, hardware */
		{0x1c0001ab, 2, 4, 1, false, 4, 0, 1000, DLT_EN10MB},  /* IXIA, software */
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct file file = {.big = i % 2};
		struct reported reported = {.frames = 0};
		struct err err = {""};

		put(&file, layouts[i / 2].magic, 4);
		put(&file, layouts[i / 2].major, 2);
		put(&file, layouts[i / 2].minor, 2);
		put(&file, 0, 8);
		put(&file, 65535, 4);
		put(&file, layouts[i / 2].network, 4);
		put(&file, 0, layouts[i / 2].head_more);
		for (uint8_t frame = 0; frame < 3; frame++) {
			put(&file, 1700000000, 4);
			put(&file, 123456, 4);
			put(&file, layouts[i / 2].length_first ? 60 : 1, 4);
			put(&file, layouts[i / 2].length_first ? 1 : 60, 4);
			put(&file, 0, layouts[i / 2].record_more > 8 ? 8 : layouts[i / 2].record_more);
			put(&file, 0, layouts[i / 2].record_more > 8 ? 4 : 0);
			put(&file, frame, 1);
		}
		assert_int_equal(read_file(&file, &reported, &err), SOURCE_END);
		assert_int_equal(reported.frames, 3);
		assert_int_equal(reported.last_byte, 2);
		assert_int_equal(reported.last.caplen, 1);
		assert_int_equal(reported.last.length, 60);
		assert_int_equal(reported.last.link_type, layouts[i / 2].link_type);
		assert_true(reported.last.time_ns ==
			    INT64_C(1700000000) * CLOCK_NS_PER_SEC + 123456 * layouts[i / 2].unit_ns);
	}
}

/* RFC 1761: numbers are big-endian, and a record is filled up to a multiple of 4. */
static void snoop(void **state)
{
	struct file file = {.big = true};
	struct reported reported = {.frames = 0};
	struct err err = {""};

	(void)state;
	put(&file, 0x736e6f6f, 4);
	put(&file, 0x70000000, 4);
	put(&file, 2, 4);
	put(&file, 4, 4);
	for (uint8_t frame = 0; frame < 3; frame++) {
		put(&file, 60, 4);
		put(&file, 5, 4);
		put(&file, 32, 4);
		put(&file, 0, 4);
		put(&file, 1700000000, 4);
		put(&file, 123456, 4);
		put(&file, frame, 1);
		put(&file, 0, 7);
	}
	assert_int_equal(read_file(&file, &reported, &err), SOURCE_END);
	assert_int_equal(reported.frames, 3);
	assert_int_equal(reported.last_byte, 2);
	assert_int_equal(reported.last.caplen, 5);
	assert_int_equal(reported.last.length, 60);
	assert_int_equal(reported.last.link_type, DLT_EN10MB);
	assert_true(reported.last.time_ns == INT64_C(1700000000123456000));
	/* The record of the last frame is shorter than what was captured. */
	file.bytes[file.length - 32 + 11] = 26;
	reported.frames = 0;
	assert_int_equal(read_file(&file, &reported, &err), -EINVAL);
	assert_int_equal(reported.frames, 2);
	assert_non_null(strstr(err.text, "a packet larger than its record"));
	file.bytes[15] = 12;
	assert_int_equal(read_file(&file, &reported, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.text, "snoop's link type 12"));
	file.bytes[11] = 1;
	assert_int_equal(read_file(&file, &reported, &err), -EINVAL);
	assert_non_null(strstr(err.text, "version 1 of the snoop format"));
}

static void each_link_type_has_its_filter(void **state)
{
	struct reported reported = {.refuse = true};
	struct file file = {.big = true};
	struct err err = {""};

	(void)state;
	put_section(&file);
	put_interface(&file, 1, 6, 0);
	put_interface(&file, 101, 6, 0);
	for (uint32_t i = 0; i < 6; i++)
		put_packet(&file, i % 2, 1, 1);
	assert_int_equal(read_file(&file, &reported, &err), SOURCE_END);
	assert_int_equal(reported.frames, 3);
	assert_int_equal(reported.link_count, 2);
	assert_int_equal(reported.links[0], DLT_EN10MB);
	assert_int_equal(reported.links[1], DLT_RAW);
}

static void unknown_link_types_are_left_out_and_reported(void **state)
{
	struct reported reported = {.frames = 0};
	struct file file = {.big = false}, pcap = {.big = false};
	struct err err = {""};

	(void)state;
	put_section(&file);
	put_interface(&file, 189, 6, 0);
	put_interface(&file, 1, 6, 0);
	put_packet(&file, 0, 1, 1);
	put_packet(&file, 1, 1, 1);
	assert_int_equal(read_file(&file, &reported, &err), -EPROTONOSUPPORT);
	assert_int_equal(reported.frames, 1);
	assert_non_null(strstr(err.text, "\"x.pcapng\": link type USB_LINUX (189)"));
	/* Unless no frame has it. */
	reported.frames = 0;
	file.length -= 72;
	put_packet(&file, 1, 1, 1);
	assert_int_equal(read_file(&file, &reported, &err), SOURCE_END);
	assert_int_equal(reported.frames, 1);
	/* In pcap there is no other. */
	put_pcap(&pcap, 0xa1b2c3d4, 189);
	assert_int_equal(read_file(&pcap, &reported, &err), -EPROTONOSUPPORT);
}

static void ends_in_the_middle_are_reported(void **state)
{
	struct file file = {.big = false}, head;
	struct err err = {""};
	size_t whole;

	(void)state;
	put_pcap(&file, 0xa1b2c3d4, 1);
	put_pcap_frame(&file, 1, 1, 1);
	whole = file.length;
	put_pcap_frame(&file, 1, 1, 1);
	for (size_t length = 0; length <= file.length; length++) {
		struct reported reported = {.frames = 0};
		int got;

		head = file;
		head.length = length;
		got = read_file(&head, &reported, &err);
		assert_int_equal(reported.frames, (length >= whole) + (length >= file.length));
		if (length == 24 || length == whole || length == file.length)
			assert_int_equal(got, SOURCE_END);
		else
			assert_int_equal(got, -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_of_every_kind),
		cmocka_unit_test(pcapng_of_several_interfaces),
		cmocka_unit_test(times_that_cannot_be),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test(pcap_of_old),
		cmocka_unit_test(snoop),
		cmocka_unit_test(each_link_type_has_its_filter),
		cmocka_unit_test(unknown_link_types_are_left_out_and_reported),
		cmocka_unit_test(ends_in_the_middle_are_reported),
	};

	return UNIT_RUN(tests);
}
