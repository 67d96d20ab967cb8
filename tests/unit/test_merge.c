// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "merge/merge.h"

static void push(struct queue *stream, int64_t time_ns)
{
	struct event event = event_new(EVENT_LOST, ORIGIN_KERNEL, time_ns);

	assert_true(queue_push(stream, &event));
}

static int64_t next(struct merge *merge, int64_t until_ns)
{
	struct event event;

	return merge_next(merge, until_ns, &event) ? event.time_ns : -1;
}

static void streams_become_one_order(void **state)
{
	struct merge *merge = merge_new();
	struct queue *a = merge_stream(merge), *b = merge_stream(merge), *c = merge_stream(merge);

	(void)state;
	push(a, 1), push(a, 4), push(a, 9);
	push(b, 2), push(b, 3);
	push(c, 9);
	for (int64_t expected = 1; expected <= 4; expected++)
		assert_int_equal(next(merge, 100), expected);
	/* What is younger than the limit stays: something older may still come. */
	assert_int_equal(next(merge, 8), -1);
	push(b, 7);
	assert_int_equal(next(merge, 8), 7);
	assert_int_equal(next(merge, 9), 9);
	assert_int_equal(next(merge, INT64_MAX), 9);
	assert_int_equal(next(merge, INT64_MAX), -1);
	merge_free(merge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_become_one_order),
	};

	return UNIT_RUN(tests);
}
