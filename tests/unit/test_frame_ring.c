// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/conn.h"
#include "model/frame_owner.h"
#include "report/export/pcapng.h"
#include "source/packet/frame_ring.h"

#define ROOM 4096

struct ends {
	struct frame_ring_end writer, reader;
};

static struct ends new_ring(void)
{
	struct frame_ring *ring = aligned_alloc(64, frame_ring_size(ROOM));
	struct frame_ring_end end = {.ring = ring, .room = ROOM};

	memset(ring, 0, frame_ring_size(ROOM));
	return (struct ends){end, end};
}

static bool put(struct ends *ends, uint32_t caplen, uint8_t fill)
{
	struct frame_head head = {.caplen = caplen, .length = caplen + 1, .interface = fill, .name = "lo"};
	uint8_t data[ROOM];

	memset(data, fill, sizeof(data));
	return frame_ring_put(&ends->writer, &head, data);
}

static void take(struct ends *ends, uint32_t caplen, uint8_t fill)
{
	struct frame_head head;
	const uint8_t *data;

	assert_int_equal(frame_ring_peek(&ends->reader, &head, &data), 1);
	assert_int_equal(head.caplen, caplen);
	assert_int_equal(head.interface, fill);
	for (uint32_t i = 0; i < caplen; i++)
		assert_int_equal(data[i], fill);
	frame_ring_drop(&ends->reader, &head);
}

/* Frames of any length come out as they went in, wherever the memory ends. */
static void frames_come_out_as_they_went_in(void **state)
{
	struct ends ends = new_ring();
	struct frame_head head;
	const uint8_t *data;

	(void)state;
	assert_int_equal(frame_ring_peek(&ends.reader, &head, &data), 0);
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t one = i * 7 % 1500, other = i * 13 % 300;

		assert_true(put(&ends, one, (uint8_t)i));
		assert_true(put(&ends, other, (uint8_t)(i + 1)));
		take(&ends, one, (uint8_t)i);
		take(&ends, other, (uint8_t)(i + 1));
		assert_int_equal(frame_ring_peek(&ends.reader, &head, &data), 0);
	}
	free(ends.writer.ring);
}

static void a_full_ring_refuses(void **state)
{
	struct ends ends = new_ring();
	uint8_t count = 0;

	(void)state;
	assert_true(frame_ring_is_too_small(&ends.writer, ROOM / 2));
	assert_false(put(&ends, ROOM / 2, 0));
	while (put(&ends, 200, count))
		count++;
	assert_true(count >= 10 && count <= 20);
	for (uint8_t i = 0; i < count; i++)
		take(&ends, 200, i);
	assert_true(put(&ends, 200, 99));
	take(&ends, 200, 99);
	free(ends.writer.ring);
}

/* The writer reads bytes of strangers: nothing that it leaves leads the reader astray. */
static void nonsense_is_refused(void **state)
{
	static const uint32_t sizes[] = {
		0, 1, 8, sizeof(struct frame_head) - 8, sizeof(struct frame_head) + 4, ROOM, UINT32_MAX};
	static const uint32_t lengths[] = {105, ROOM, UINT32_MAX};
	struct frame_head head;
	const uint8_t *data;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ends ends = new_ring();

		assert_true(put(&ends, 100, 1));
		memcpy(ends.writer.ring->bytes + offsetof(struct frame_head, size), &sizes[i], sizeof(sizes[i]));
		assert_int_equal(frame_ring_peek(&ends.reader, &head, &data), -EPROTO);
		free(ends.writer.ring);
	}
	for (uint64_t count = 1; count != 0; count <<= 1) {
		struct ends ends = new_ring();

		atomic_store(&ends.writer.ring->head, count);
		assert_int_equal(frame_ring_peek(&ends.reader, &head, &data), -EPROTO);
		free(ends.writer.ring);
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ends ends = new_ring();

		assert_true(put(&ends, 100, 1));
		memcpy(ends.writer.ring->bytes + offsetof(struct frame_head, caplen), &lengths[i], sizeof(lengths[i]));
		assert_int_equal(frame_ring_peek(&ends.reader, &head, &data), -EPROTO);
		free(ends.writer.ring);
	}
}

static bool parse(const char *text, struct frame_owner *owner)
{
	return frame_owner_parse((struct span){(const uint8_t *)text, strlen(text)}, owner);
}

static void comments_are_read_again(void **state)
{
	static const struct frame_owner owners[] = {
		{.pid = 0},
		{.pid = 1, .comm = "curl", .dir = DIR_OUT, .way = FRAME_SENT},
		{.pid = INT32_MAX, .comm = "a b\\=\x7f\xff\n", .dir = DIR_IN, .way = FRAME_RECEIVED},
		{.comm = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"},
	};
	static const char *const wrong[] = {
		"",
		"conntrace",
		"conntrace: pid=0",
		"conntrace: pid=-1",
		"conntrace: pid=4294967297",
		"conntrace: comm=",
		"conntrace: comm=sixteen_letters_",
		"conntrace: comm=\\x00",
		"conntrace: comm=\\xg0",
		"conntrace: comm=a\\x4",
		"conntrace:  pid=1",
		"conntrace: pid=1\n",
		"conntrace: \xff",
		" conntrace: pid=1",
	};
	struct frame_owner owner;
	char text[FRAME_OWNER_TEXT];
	int length;

	(void)state;
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		length = frame_owner_text(&owners[i], text);
		assert_int_equal(length, strlen(text));
		assert_true(parse(text, &owner));
		assert_int_equal(owner.pid, owners[i].pid);
		assert_int_equal(owner.dir, owners[i].dir);
		assert_int_equal(owner.way, owners[i].way);
		assert_string_equal(owner.comm, owners[i].comm);
	}
	(void)frame_owner_text(&owners[1], text);
	assert_string_equal(text, "conntrace: pid=1 comm=curl dir=out sent");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(parse(wrong[i], &owner));
	assert_true(parse("conntrace: pid=7 later=word dir=both", &owner));
	assert_int_equal(owner.pid, 7);
}

/* The part of some blocks that a full disk has taken ends with a whole block. */
static void a_part_ends_with_a_whole_block(void **state)
{
	const uint8_t data[61] = {1};
	const struct pcapng_frame frame = {.time_ns = 5, .data = data, .caplen = 61, .length = 61, .comment = "hello"};
	struct text blocks = {0};
	size_t ends[5] = {0}, last = 0;
	uint64_t frames;

	(void)state;
	pcapng_section(&blocks, "test");
	ends[1] = blocks.length;
	pcapng_interface(&blocks, 1, "lo");
	ends[2] = blocks.length;
	pcapng_frame(&blocks, &frame);
	ends[3] = blocks.length;
	pcapng_statistics(&blocks, 0, 5, 6, 3);
	ends[4] = blocks.length;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(ends[i] % 4, 0);
	for (size_t length = 0; length <= blocks.length; length++) {
		while (last < 4 && ends[last + 1] <= length)
			last++;
		assert_int_equal(pcapng_whole(blocks.data, length, &frames), ends[last]);
		assert_int_equal(frames, last >= 3);
	}
	text_free(&blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_out_as_they_went_in),
		cmocka_unit_test(a_full_ring_refuses),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(comments_are_read_again),
		cmocka_unit_test(a_part_ends_with_a_whole_block),
	};

	return UNIT_RUN(tests);
}
