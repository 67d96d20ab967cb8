// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/hash.h"
#include "base/number.h"
#include "base/pool.h"
#include "base/lru.h"
#include "base/queue.h"
#include "base/span.h"
#include "base/words.h"

static void err_tells_and_wraps(void **state)
{
	struct err err = {""};

	(void)state;
	assert_int_equal(err_set(&err, ENOENT, "no %s", "file"), -ENOENT);
	assert_int_equal(err_set(&err, -ENOENT, "no %s", "file"), -ENOENT);
	err_wrap(&err, "-r %s", "x");
	assert_string_equal(err.text, "-r x: no file");
	assert_int_equal(err_set(NULL, EINVAL, "not wanted"), -EINVAL);
}

static void escape_makes_one_field(void **state)
{
	char text[64];

	(void)state;
	escape_text(text, sizeof(text), "a b\\\x1b[1m\xff");
	assert_string_equal(text, "a\\x20b\\x5c\\x1b[1m\\xff");
	/* Cut between bytes, never inside an escape. */
	assert_int_equal(escape_text(text, 6, "ab\ncd"), 2);
	assert_string_equal(text, "ab");
}

static void escape_keeps_json_valid(void **state)
{
	char text[64];

	(void)state;
	escape_json(text, sizeof(text), "q\"b\\n\n\xc3\xa9\xff");
	assert_string_equal(text, "q\\\"b\\\\n\\u000a\xc3\xa9\\u00ff");
	/* Overlong and surrogate forms are not UTF-8. */
	escape_json(text, sizeof(text), "\xc0\xaf\xed\xa0\x80");
	assert_string_equal(text, "\\u00c0\\u00af\\u00ed\\u00a0\\u0080");
}

static void hash_is_siphash(void **state)
{
	/* Two keys, two hashes; one key, one hash; every length counts. */
	struct hash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	struct hash_key other = {1, 2};
	uint8_t bytes[16];

	(void)state;
	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	/* The SipHash-1-3 value of 15 bytes under the standard test key. */
	assert_true(hash_bytes(&key, bytes, 15) == hash_bytes(&key, bytes, 15));
	assert_true(hash_bytes(&key, bytes, 15) != hash_bytes(&key, bytes, 16));
	assert_true(hash_bytes(&key, bytes, 15) != hash_bytes(&other, bytes, 15));
	assert_true(hash_bytes(&key, bytes, 0) == UINT64_C(0xabac0158050fc4dc));
	/* The same in each process. */
	assert_int_equal(hash_place(bytes, 15, 8192), 0x9ea);
	assert_true(hash_bytes(&key, bytes, 12) ==
		    hash_short(&key, UINT64_C(0x0706050403020100), UINT32_C(0x0b0a0908)));
}

static void number_takes_only_numbers(void **state)
{
	int64_t value = 7;

	(void)state;
	assert_int_equal(number_parse("65535", 0, 65535, &value), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(number_parse("99999", 0, 65535, &value), -ERANGE);
	assert_int_equal(number_parse("99999999999999999999", 0, 65535, &value), -ERANGE);
	assert_int_equal(number_parse("-1", 0, 5, &value), -ERANGE);
	assert_int_equal(number_parse("", 0, 5, &value), -EINVAL);
	assert_int_equal(number_parse("1 ", 0, 5, &value), -EINVAL);
	assert_int_equal(number_parse("0x1", 0, 5, &value), -EINVAL);
	assert_int_equal(value, 65535);
	assert_int_equal(number_parse_seconds("0.25", 1, INT64_MAX, &value), 0);
	assert_int_equal(value, CLOCK_NS_PER_SEC / 4);
	assert_int_equal(number_parse_seconds("1s", 1, INT64_MAX, &value), -EINVAL);
	assert_int_equal(number_parse_duration("0.5m", 1, INT64_MAX, &value), 0);
	assert_int_equal(value, 30 * CLOCK_NS_PER_SEC);
	assert_int_equal(number_parse_duration("2h", 1, INT64_MAX, &value), 0);
	assert_int_equal(value, 7200 * CLOCK_NS_PER_SEC);
	assert_int_equal(number_parse_duration("1d", 1, INT64_MAX, &value), 0);
	assert_int_equal(value, 86400 * CLOCK_NS_PER_SEC);
	assert_int_equal(number_parse_duration("3s", 1, INT64_MAX, &value), 0);
	assert_int_equal(value, 3 * CLOCK_NS_PER_SEC);
	assert_int_equal(number_parse_duration("7", 1, INT64_MAX, &value), 0);
	assert_int_equal(value, 7 * CLOCK_NS_PER_SEC);
	assert_int_equal(number_parse_duration("m", 1, INT64_MAX, &value), -EINVAL);
	assert_int_equal(number_parse_duration("1ms", 1, INT64_MAX, &value), -EINVAL);
	assert_int_equal(number_parse_duration("1m1", 1, INT64_MAX, &value), -EINVAL);
	assert_int_equal(number_parse_duration("-1h", 1, INT64_MAX, &value), -ERANGE);
	assert_int_equal(number_parse_duration("9999999999999d", 1, INT64_MAX - 1, &value), -ERANGE);
	assert_int_equal(number_parse_seconds(".", 1, INT64_MAX, &value), -EINVAL);
	assert_int_equal(number_parse_seconds("0", 1, INT64_MAX, &value), -ERANGE);
	assert_int_equal(number_parse_seconds("1e3", 1, INT64_MAX, &value), -EINVAL);
	assert_int_equal(number_parse_seconds("0.1234567891", 1, INT64_MAX, &value), -EINVAL);
}

static void clock_stays_at_the_ends_of_time(void **state)
{
	(void)state;
	assert_int_equal(clock_after(5, -7), -2);
	assert_int_equal(clock_after(INT64_MAX - 1, 2), INT64_MAX);
	assert_int_equal(clock_after(INT64_MIN + 1, -2), INT64_MIN);
	assert_int_equal(clock_since(7, 5), -2);
	assert_int_equal(clock_since(CLOCK_UNKNOWN, INT64_MAX), INT64_MAX);
	assert_int_equal(clock_since(INT64_MIN, 0), INT64_MAX);
	assert_int_equal(clock_since(INT64_MAX, INT64_MIN), INT64_MIN);
	assert_int_equal(clock_times(CLOCK_NS_PER_SEC, 3), 3 * CLOCK_NS_PER_SEC);
	assert_int_equal(clock_times(0, UINT64_MAX), 0);
	assert_int_equal(clock_times(CLOCK_NS_PER_SEC, UINT64_MAX), INT64_MAX);
	assert_int_equal(clock_rate(3, 2 * CLOCK_NS_PER_SEC), 1500);
	assert_int_equal(clock_rate(UINT64_MAX, 1), INT64_MAX);
	for (int64_t offset_ns = 0; offset_ns < 3; offset_ns++) {
		int64_t late_ns = INT64_MAX - offset_ns, aligned_ns = clock_aligned(late_ns, CLOCK_NS_PER_SEC);

		assert_true(aligned_ns <= late_ns && late_ns - aligned_ns < CLOCK_NS_PER_SEC);
		(void)clock_aligned(INT64_MIN + offset_ns, CLOCK_NS_PER_SEC);
	}
}

static void span_never_reads_beyond(void **state)
{
	const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct span span = {bytes, sizeof(bytes)}, taken;
	uint32_t word = 0;
	uint16_t half = 0;

	(void)state;
	assert_true(span_take_be32(&span, &word));
	assert_int_equal(word, 0x01020304);
	assert_false(span_take_be16(&span, &half));
	assert_int_equal(span.length, 1);
	assert_false(span_take(&span, 2, &taken));
	assert_true(span_take(&span, 1, &taken));
	assert_int_equal(taken.data[0], 5);
	assert_int_equal(span.length, 0);
}

#define QUEUE_VALUES 100000

static void *queue_writer(void *argument)
{
	for (uint64_t i = 0; i < QUEUE_VALUES; i++)
		while (!queue_push(argument, &i))
			;
	return NULL;
}

static void queue_keeps_order_between_threads(void **state)
{
	struct queue *queue = queue_new(sizeof(uint64_t), 1000);
	pthread_t writer;
	uint64_t value, expected = 0;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, queue_writer, queue), 0);
	while (expected < QUEUE_VALUES)
		if (queue_pop(queue, &value))
			assert_int_equal(value, expected++);
	pthread_join(writer, NULL);
	assert_null(queue_peek(queue));
	queue_free(queue);
}

/* Whatever the hashes are, the place used longest ago goes first. */
static void lru_takes_the_oldest_place(void **state)
{
	for (uint32_t spread = 0; spread < 3; spread++) {
		struct lru *lru = lru_new(3);
		uint32_t hashes[] = {7, 7 + spread, 7 + 4 * spread};

		(void)state;
		for (uint32_t i = 0; i < 3; i++) {
			assert_int_equal(lru_oldest(lru), i);
			assert_int_equal(lru_take(lru, hashes[i]), i);
		}
		assert_int_equal(lru_find(lru, hashes[2]), 2);
		if (spread == 0) {
			assert_int_equal(lru_next(lru, 2), 1);
			assert_int_equal(lru_next(lru, 1), 0);
			assert_int_equal(lru_next(lru, 0), LRU_NONE);
		}
		lru_use(lru, 0);
		assert_int_equal(lru_take(lru, 100), 1);
		assert_int_equal(lru_find(lru, 100), 1);
		if (spread > 0)
			assert_int_equal(lru_find(lru, hashes[1]), LRU_NONE);
		/* What is given back is the next, used just now or not. */
		lru_give(lru, 1);
		assert_int_equal(lru_find(lru, 100), LRU_NONE);
		assert_int_equal(lru_take(lru, 101), 1);
		assert_int_equal(lru_take(lru, 102), 2);
		assert_int_equal(lru_take(lru, 103), 0);
		lru_free(lru);
	}
}

static void queue_refuses_above_its_limit(void **state)
{
	struct queue *queue = queue_new(sizeof(int), 2);
	int value = 1;

	(void)state;
	assert_int_equal(queue_room(queue), 2);
	assert_true(queue_push(queue, &value));
	assert_true(queue_push(queue, &value));
	assert_int_equal(queue_room(queue), 0);
	assert_false(queue_push(queue, &value));
	assert_int_equal(queue_refused(queue), 1);
	assert_int_equal(queue_pushed(queue), 2);
	assert_true(queue_pop(queue, &value));
	assert_int_equal(queue_room(queue), 1);
	assert_true(queue_push(queue, &value));
	queue_free(queue);
}

/* Bytes of this process that are in memory. */
static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	size_t all = 0, pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &all, &pages), 2);
	(void)fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Each object is one's own; what is given back is used again, and all of a large page is the system's. */
static void pool_gives_back_what_is_whole(void **state)
{
	enum {
		SIZE = 456,
		COUNT = 100000
	};
	unsigned char **objects = calloc(COUNT, sizeof(*objects));
	struct pool *pool = pool_new(SIZE);
	size_t most;

	(void)state;
	assert_non_null(objects);
	for (int round = 0; round < 3; round++) {
		for (size_t i = round == 0 ? 0 : 1; i < COUNT; i += round == 0 ? 1 : 2) {
			objects[i] = pool_take(pool);
			assert_int_equal((uintptr_t)objects[i] % 16, 0);
			memset(objects[i], (int)(i % 251), SIZE);
		}
		for (size_t i = 0; i < COUNT; i++)
			for (size_t at = 0; at < SIZE; at += SIZE - 1)
				assert_int_equal(objects[i][at], i % 251);
		for (size_t i = 1; i < COUNT; i += 2)
			pool_give(pool, objects[i]);
	}
	most = resident();
	for (size_t i = 0; i < COUNT; i += 2)
		pool_give(pool, objects[i]);
#ifndef __SANITIZE_ADDRESS__
	/* But for the first, and one that is kept for the next. */
	assert_true(resident() + (size_t)SIZE * COUNT < most + (8UL << 20));
#endif
	objects[0] = pool_take(pool);
	memset(objects[0], 1, SIZE);
	pool_give(pool, objects[0]);
	pool_free(pool);
	free(objects);
	(void)most;
}

#ifndef __SANITIZE_ADDRESS__
/* A number of objects that varies about a border of large pages costs no new page each time. */
static void pool_keeps_an_empty_chunk(void **state)
{
	enum {
		SIZE = 456,
		COUNT = 15000,
		LEFT = 12000,
		ROOMY = 5000,
		MARK = 100
	};
	unsigned char **objects = calloc(COUNT, sizeof(*objects));
	struct pool *pool = pool_new(SIZE);

	(void)state;
	assert_non_null(objects);
	for (size_t i = 0; i < COUNT; i++) {
		objects[i] = pool_take(pool);
		objects[i][MARK] = 1;
	}
	for (int round = 0; round < 3; round++) {
		pool_give(pool, objects[ROOMY]);
		for (size_t i = LEFT; i < COUNT; i++)
			pool_give(pool, objects[i]);
		objects[ROOMY] = pool_take(pool);
		for (size_t i = LEFT; i < COUNT; i++) {
			objects[i] = pool_take(pool);
			assert_int_equal(objects[i][MARK], 1);
		}
	}
	pool_free(pool);
	free(objects);
}
#endif

static void arrays_keep_what_is_in_them(void **state)
{
	unsigned int *kept = NULL, *extended = NULL;
	size_t room = 0, count = 0;

	(void)state;
	for (; count < 1000; count++) {
		kept = array_reserve(kept, count, &room, sizeof(*kept));
		assert_true(room > count);
		extended = array_extend(extended, count, sizeof(*extended));
		kept[count] = extended[count] = (unsigned int)count;
	}
	/* What has shrunk grows again, from any length. */
	for (size_t left = 0; left < 70; left++) {
		for (count = left; count < left + 70; count++) {
			extended = array_extend(extended, count, sizeof(*extended));
			extended[count] = (unsigned int)count;
		}
		for (size_t i = 0; i < count; i++)
			assert_int_equal(extended[i], i);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(kept[i], i);
	free(kept);
	free(extended);
}

static void words_are_read_from_lists(void **state)
{
	static const struct words_bit table[] = {{"one", 1}, {"two", 2}, {"both", 3}, {NULL, 0}};
	struct words words = words_open("a,,b c");
	unsigned int bits = 0;
	struct err err = {""};

	(void)state;
	assert_string_equal(words_next(&words), "a");
	assert_string_equal(words_next(&words), "");
	assert_string_equal(words_next(&words), "b c");
	assert_null(words_next(&words));
	assert_null(words_next(&words));
	words_close(&words);
	assert_int_equal(words_bits(&bits, table, "one, two and both", "--x", "two,one", &err), 0);
	assert_int_equal(bits, 3);
	assert_int_equal(words_bits(&bits, table, "one, two and both", "--x", "one,thr\x1b ee", &err), -EINVAL);
	assert_string_equal(err.text, "--x does not know \"thr\\x1b ee\"; allowed are one, two and both");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_tells_and_wraps),           cmocka_unit_test(escape_makes_one_field),
		cmocka_unit_test(escape_keeps_json_valid),       cmocka_unit_test(hash_is_siphash),
		cmocka_unit_test(number_takes_only_numbers),     cmocka_unit_test(clock_stays_at_the_ends_of_time),
		cmocka_unit_test(span_never_reads_beyond),       cmocka_unit_test(queue_keeps_order_between_threads),
		cmocka_unit_test(queue_refuses_above_its_limit), cmocka_unit_test(lru_takes_the_oldest_place),
		cmocka_unit_test(pool_gives_back_what_is_whole), cmocka_unit_test(arrays_keep_what_is_in_them),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(pool_keeps_an_empty_chunk),
#endif
		cmocka_unit_test(words_are_read_from_lists),
	};

	return UNIT_RUN(tests);
}
