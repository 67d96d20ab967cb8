// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <netinet/tcp.h>

#include "run/refresh.h"
#include "source/sampler/socket_table.h"
#include "system/tcp_info.h"

/* What looks at one socket, with cookie 5, have found. */

static struct event a_sample(int state, uint16_t local_port, uint16_t remote_port, int64_t bytes)
{
	struct event event = event_new(EVENT_INFO, ORIGIN_KERNEL, 0);

	assert_int_equal(endpoint_parse(&event.flow.local, "192.0.2.1"), 0);
	assert_int_equal(endpoint_parse(&event.flow.remote, "192.0.2.9"), 0);
	event.flow.local.port = local_port;
	event.flow.remote.port = remote_port;
	tcp_info_unknown(&event.info);
	event.info.cookie = 5;
	event.info.inode = 55;
	event.info.state = (uint8_t)state;
	event.info.bytes_received = bytes;
	event.info.bytes_sent = event.info.bytes_acked = 0;
	return event;
}

/* A table that has seen it in look number 7, and found whose it is. */
static struct socket_table *a_table(int state, enum socket_owner owner)
{
	struct socket_table *table = socket_table_new();
	struct event sample = a_sample(state, 40000, 80, 100);

	assert_int_equal(socket_table_see(table, &sample, 7, 6), SOCKET_FRESH);
	assert_int_equal(socket_table_find(table, 5)->from, 6);
	socket_table_find(table, 5)->owner = (uint8_t)owner;
	return table;
}

static void one_that_goes_on_is_no_news(void **state)
{
	struct socket_table *table = a_table(TCP_ESTABLISHED, SOCKET_TARGETS);
	struct event sample = a_sample(TCP_ESTABLISHED, 40000, 80, 100);

	(void)state;
	assert_int_equal(socket_table_see(table, &sample, 8, 7), SOCKET_SAME);
	sample = a_sample(TCP_CLOSE_WAIT, 40000, 80, 101);
	assert_int_equal(socket_table_see(table, &sample, 9, 8), SOCKET_CHANGED);
	sample = a_sample(TCP_LAST_ACK, 40000, 80, 101);
	assert_false(socket_table_is_renewed(table, socket_table_find(table, 5), &sample));
	assert_int_equal(socket_table_find(table, 5)->from, 6);
	assert_int_equal(socket_table_find(table, 5)->renewal, SOCKET_FIRST);
	socket_table_free(table);
}

static void counters_are_sure_if_all_is_as_it_was(void **state)
{
	struct socket_table *table = a_table(TCP_ESTABLISHED, SOCKET_UNDECIDED);
	struct event again = a_sample(TCP_ESTABLISHED, 40000, 80, -1);

	(void)state;
	/* Another look's counters, another state, other ends, another socket. */
	socket_table_see_again(table, &again, 8);
	again = a_sample(TCP_CLOSE_WAIT, 40000, 80, -1);
	socket_table_see_again(table, &again, 7);
	again = a_sample(TCP_ESTABLISHED, 40000, 81, -1);
	socket_table_see_again(table, &again, 7);
	again = a_sample(TCP_ESTABLISHED, 40000, 80, -1);
	again.info.cookie = 6;
	socket_table_see_again(table, &again, 7);
	assert_null(socket_table_find(table, 6));
	assert_int_equal(socket_table_find(table, 5)->sure, 0);
	again.info.cookie = 5;
	socket_table_see_again(table, &again, 7);
	assert_int_equal(socket_table_find(table, 5)->sure, 7);
	socket_table_free(table);
}

static void what_has_moved_is_not_known(void **state)
{
	const struct refresh_known known = {5, 100, 11, 4, 3, 0, 0, TCP_ESTABLISHED};
	const struct event_info same = {.cookie = 5,
					.bytes_received = 100,
					.bytes_acked = 11,
					.segs_in = 4,
					.segs_out = 3,
					.state = TCP_ESTABLISHED};
	/* A FIN that was taken in, or is in the backlog; ours, waiting, sent, acknowledged; and what the state says. */
	struct event_info moved[] = {same, same, same, same, same, same};

	(void)state;
	assert_true(refresh_known_holds(&known, &same));
	moved[0].bytes_received++;
	moved[1].segs_in++;
	moved[2].wqueue = moved[2].notsent_bytes = 1;
	moved[3].segs_out++;
	moved[4].bytes_acked++;
	moved[5].state = TCP_CLOSE_WAIT;
	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++)
		assert_false(refresh_known_holds(&known, &moved[i]));
}

static void one_that_is_connected_again_is_asked_for_again(void **state)
{
	const struct event looks[] = {
		a_sample(TCP_ESTABLISHED, 40000, 81, 200),
		a_sample(TCP_ESTABLISHED, 40001, 80, 200),
		a_sample(TCP_ESTABLISHED, 40000, 80, 99),
		a_sample(TCP_SYN_SENT, 40000, 80, 100),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct socket_table *table = a_table(TCP_ESTABLISHED, SOCKET_TARGETS);
		struct socket_seen *seen;

		assert_int_equal(socket_table_see(table, &looks[i], 9, 8), SOCKET_FRESH);
		seen = socket_table_find(table, 5);
		assert_int_equal(seen->renewal, SOCKET_RENEWED);
		assert_int_equal(seen->owner, SOCKET_UNDECIDED);
		assert_int_equal(seen->from, 8);
		/* Until that is reported, it stays so. */
		assert_int_equal(socket_table_see(table, &looks[i], 10, 9), SOCKET_FRESH);
		assert_int_equal(socket_table_find(table, 5)->renewal, SOCKET_RENEWED);
		socket_table_free(table);
	}
}

static void of_a_stranger_nothing_was_reported(void **state)
{
	struct socket_table *table = a_table(TCP_ESTABLISHED, SOCKET_OTHERS);
	struct event sample = a_sample(TCP_SYN_SENT, 40001, 80, 0);

	(void)state;
	assert_int_equal(socket_table_see(table, &sample, 8, 7), SOCKET_FRESH);
	assert_int_equal(socket_table_find(table, 5)->renewal, SOCKET_RENEWAL_REPORTED);
	assert_int_equal(socket_table_find(table, 5)->owner, SOCKET_UNDECIDED);
	socket_table_free(table);
}

/* A destroy event without ends or counters belongs to the latest connection. */
static void one_that_was_disconnected_proves_nothing(void **state)
{
	struct socket_table *table = a_table(TCP_ESTABLISHED, SOCKET_TARGETS);
	struct event last = a_sample(TCP_CLOSE, 40000, 0, -1);

	(void)state;
	assert_false(socket_table_is_renewed(table, socket_table_find(table, 5), &last));
	last = a_sample(TCP_CLOSE, 40000, 80, -1);
	assert_false(socket_table_is_renewed(table, socket_table_find(table, 5), &last));
	last = a_sample(TCP_CLOSE, 40000, 81, -1);
	assert_true(socket_table_is_renewed(table, socket_table_find(table, 5), &last));
	socket_table_free(table);
}

static void one_that_waited_is_asked_for_when_it_is_accepted(void **state)
{
	struct socket_table *table = socket_table_new();
	struct event sample = a_sample(TCP_ESTABLISHED, 80, 40000, 0);

	(void)state;
	sample.info.inode = 0;
	assert_int_equal(socket_table_see(table, &sample, 7, 6), SOCKET_FRESH);
	socket_table_find(table, 5)->owner = SOCKET_OTHERS;
	assert_int_equal(socket_table_see(table, &sample, 8, 7), SOCKET_SAME);
	assert_int_equal(socket_table_find(table, 5)->from, 8);
	sample.info.inode = 55;
	assert_int_equal(socket_table_see(table, &sample, 9, 8), SOCKET_FRESH);
	assert_int_equal(socket_table_find(table, 5)->from, 8);
	assert_int_equal(socket_table_find(table, 5)->owner, SOCKET_UNDECIDED);
	socket_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_goes_on_is_no_news),
		cmocka_unit_test(counters_are_sure_if_all_is_as_it_was),
		cmocka_unit_test(what_has_moved_is_not_known),
		cmocka_unit_test(one_that_is_connected_again_is_asked_for_again),
		cmocka_unit_test(of_a_stranger_nothing_was_reported),
		cmocka_unit_test(one_that_was_disconnected_proves_nothing),
		cmocka_unit_test(one_that_waited_is_asked_for_when_it_is_accepted),
	};

	return UNIT_RUN(tests);
}
