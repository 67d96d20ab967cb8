// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "run/sources_state.h"

/* A queue that refused this many values. */
static struct queue *full_queue(unsigned int refused)
{
	struct queue *queue = queue_new(sizeof(struct event), 1);
	struct event event = event_new(EVENT_LOST, ORIGIN_KERNEL, 1);

	assert_true(queue_push(queue, &event));
	for (unsigned int i = 0; i < refused; i++)
		assert_false(queue_push(queue, &event));
	return queue;
}

static void what_each_queue_refuses_is_counted(void **state)
{
	struct sources sources = {0};
	struct queue **const queues[] = {&sources.tracer_events, &sources.destroy_fresh, &sources.destroy_events,
					 &sources.lookups};
	const size_t count = sizeof(queues) / sizeof(queues[0]);
	unsigned int sum = 0;

	(void)state;
	assert_int_equal(sources_events_refused(&sources), 0);
	for (unsigned int i = 0; i < count; i++) {
		*queues[i] = full_queue(1U << i);
		sum += 1U << i;
		assert_int_equal(sources_events_refused(&sources), sum);
	}
	for (size_t i = 0; i < count; i++)
		queue_free(*queues[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_each_queue_refuses_is_counted),
	};

	return UNIT_RUN(tests);
}
