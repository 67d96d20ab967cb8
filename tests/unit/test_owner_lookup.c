// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "namespace.h"

#include "source/owner_lookup/owner_lookup.h"

/* As many flows as can wait at once, and @more. */
static void add_flows(struct owner_lookup *owner_lookup, unsigned int more)
{
	struct flow flow;

	memset(&flow, 0, sizeof(flow));
	assert_int_equal(endpoint_parse(&flow.local, "127.0.0.1"), 0);
	assert_int_equal(endpoint_parse(&flow.remote, "127.0.0.2"), 0);
	flow.remote.port = 80;
	for (unsigned int i = 0; i < 4096 + more; i++) {
		flow.local.port = (uint16_t)(i + 1);
		owner_lookup_add(owner_lookup, &flow);
	}
}

/* Return: the lookups reported as lost; there is at most one report. */
static int64_t lost_of(struct queue *queue)
{
	int64_t lost = 0;
	struct event event;

	while (queue_pop(queue, &event)) {
		if (event.type != EVENT_LOST)
			continue;
		assert_int_equal(event.lost.where, LOST_LOOKUPS);
		assert_int_equal(lost, 0);
		lost = event.lost.count;
	}
	return lost;
}

static void lookups_without_room_are_counted(void **state)
{
	struct owner_lookup *owner_lookup;
	struct queue *queue = queue_new(sizeof(struct event), 10000);
	struct diag *diag;
	struct err err;

	(void)state;
	assert_int_equal(diag_open(&diag, 0, &err), 0);
	owner_lookup = owner_lookup_new(diag, queue, false);
	add_flows(owner_lookup, 7);
	owner_lookup_run(owner_lookup);
	assert_int_equal(lost_of(queue), 7);
	owner_lookup_run(owner_lookup);
	assert_int_equal(lost_of(queue), 0);
	owner_lookup_free(owner_lookup);
	diag_close(diag);
	queue_free(queue);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_without_room_are_counted),
	};

	namespace_enter();
	return UNIT_RUN(tests);
}
