// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "source/merge.h"

static void push(struct queue *stream, int64_t time_ns)
{
	struct event event = event_new(EVENT_LOST, ORIGIN_KERNEL, time_ns);

	assert_true(queue_push(stream, &event));
}

static int64_t next(struct merge *merge, int64_t until_ns)
{
	size_t count = 0;
	struct event *events = merge_run(merge, until_ns, &count);
	int64_t time_ns = events != NULL ? events->time_ns : -1;

	if (events != NULL)
		merge_drop(merge, 1);
	return time_ns;
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

/* A run ends where another stream goes first: with equal times that is the stream that was made earlier. */
static void runs_end_where_another_stream_is_older(void **state)
{
	struct merge *merge = merge_new();
	struct queue *a = merge_stream(merge), *b = merge_stream(merge);
	size_t count = 0;

	(void)state;
	push(b, 1), push(b, 2), push(b, 5), push(b, 6);
	push(a, 5), push(a, 5), push(a, 6), push(a, 8);
	assert_int_equal(merge_run(merge, 100, &count)->time_ns, 1);
	assert_int_equal(count, 2);
	merge_drop(merge, 1);
	assert_int_equal(merge_run(merge, 100, &count)->time_ns, 2);
	assert_int_equal(count, 1);
	merge_drop(merge, count);
	assert_int_equal(merge_run(merge, 100, &count)->time_ns, 5);
	assert_int_equal(count, 2);
	merge_drop(merge, count);
	assert_int_equal(merge_run(merge, 100, &count)->time_ns, 5);
	assert_int_equal(count, 1);
	merge_drop(merge, count);
	assert_int_equal(merge_run(merge, 6, &count)->time_ns, 6);
	assert_int_equal(count, 1);
	merge_drop(merge, count);
	assert_int_equal(next(merge, 6), 6);
	assert_null(merge_run(merge, 7, &count));
	for (int i = 0; i < 2 * MERGE_RUN; i++)
		push(a, 9);
	merge_run(merge, 100, &count);
	assert_int_equal(count, MERGE_RUN);
	merge_free(merge);
}

/* Whichever of two files is read first: nothing of one is given before it is known what the other has. */
static void an_awaited_stream_is_waited_for(void **state)
{
	struct merge *merge = merge_new();
	struct queue *a = merge_stream(merge), *b = merge_stream(merge);

	(void)state;
	merge_await(merge, a, true);
	merge_await(merge, b, true);
	push(b, 5), push(b, 6);
	assert_int_equal(next(merge, INT64_MAX), -1);
	push(a, 5);
	assert_int_equal(next(merge, INT64_MAX), 5);
	assert_int_equal(next(merge, INT64_MAX), -1);
	push(a, 7);
	assert_int_equal(next(merge, INT64_MAX), 5);
	assert_int_equal(next(merge, INT64_MAX), 6);
	assert_int_equal(next(merge, INT64_MAX), -1);
	merge_await(merge, b, false);
	assert_int_equal(next(merge, INT64_MAX), 7);
	push(b, 8);
	assert_int_equal(next(merge, INT64_MAX), -1);
	merge_await_none(merge);
	assert_int_equal(next(merge, INT64_MAX), 8);
	merge_free(merge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_become_one_order),
		cmocka_unit_test(runs_end_where_another_stream_is_older),
		cmocka_unit_test(an_awaited_stream_is_waited_for),
	};

	return UNIT_RUN(tests);
}
