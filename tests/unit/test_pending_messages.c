// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages that wait until it is known whose connection it is. */
#include "unit.h"

#include <string.h>

#include "track/pending_messages.h"

static unsigned int reported;
static uint16_t first, last;

static void take(void *context, const struct message *message, int64_t time_ns)
{
	assert_ptr_equal(context, &reported);
	assert_int_equal(message->status, time_ns);
	first = reported == 0 ? message->status : first;
	last = message->status;
	reported++;
}

static struct pending_messages *add(struct pending_messages *pending_messages, struct pending_limit *limit,
				    unsigned int number)
{
	const struct message message = {.kind = MESSAGE_HTTP_RESPONSE, .status = (uint16_t)number};

	return pending_messages_add(pending_messages, limit, &message, number);
}

static void in_order_and_all(void **state)
{
	struct pending_limit limit = {0};
	struct pending_messages *a = NULL, *b = NULL;

	(void)state;
	for (unsigned int i = 1; i <= 10; i++) {
		a = add(a, &limit, i);
		b = add(b, &limit, 100 + i);
	}
	reported = 0;
	assert_int_equal(pending_messages_report(a, take, &reported), 0);
	assert_int_equal(reported, 10);
	assert_int_equal(first, 1);
	assert_int_equal(last, 10);
	assert_int_equal(limit.count, 10);
	pending_messages_free(b);
	assert_int_equal(limit.count, 0);
	assert_null(limit.oldest);
	assert_null(limit.newest);
}

static void the_oldest_make_room(void **state)
{
	struct pending_limit limit = {0};
	struct pending_messages *early = NULL, *others = NULL, *ours = NULL;
	uint64_t forgotten;

	(void)state;
	early = add(early, &limit, 1);
	for (unsigned int i = 0; i < 20000; i++)
		others = add(others, &limit, 2);
	/* The latest one is reported, regardless of the number that wait in vain. */
	ours = add(ours, &limit, 3);
	early = add(early, &limit, 4);
	reported = 0;
	assert_int_equal(pending_messages_report(ours, take, &reported), 0);
	assert_int_equal(reported, 1);
	assert_int_equal(first, 3);
	reported = 0;
	assert_int_equal(pending_messages_report(early, take, &reported), 1);
	assert_int_equal(reported, 1);
	assert_int_equal(first, 4);
	reported = 0;
	forgotten = pending_messages_report(others, take, &reported);
	assert_int_equal(forgotten + reported, 20000);
	assert_int_equal(limit.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_and_all),
		cmocka_unit_test(the_oldest_make_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
