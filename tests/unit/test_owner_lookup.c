// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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
	owner_lookup = owner_lookup_new(diag, queue, false, OWNER_LOOKUP_SOCKETS);
	add_flows(owner_lookup, 7);
	owner_lookup_run(owner_lookup);
	assert_int_equal(lost_of(queue), 7);
	owner_lookup_run(owner_lookup);
	assert_int_equal(lost_of(queue), 0);
	owner_lookup_free(owner_lookup);
	diag_close(diag);
	queue_free(queue);
}

/* A connection on loopback whose client has descriptor @fds[0]. */
static void connect_here(int fds[2], struct flow *flow)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in local;
	socklen_t length = sizeof(address);

	fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(listen(fds[1], 1), 0);
	assert_int_equal(getsockname(fds[1], (struct sockaddr *)&address, &length), 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&address, sizeof(address)), 0);
	length = sizeof(local);
	assert_int_equal(getsockname(fds[0], (struct sockaddr *)&local, &length), 0);
	memset(flow, 0, sizeof(*flow));
	assert_int_equal(endpoint_parse(&flow->local, "127.0.0.1"), 0);
	flow->remote = flow->local;
	flow->local.port = ntohs(local.sin_port);
	flow->remote.port = ntohs(address.sin_port);
}

/* The lookups reported as lost when the table of holders has room for @sockets_max. */
static int64_t lost_with_room(size_t sockets_max)
{
	struct owner_lookup *owner_lookup;
	struct queue *queue = queue_new(sizeof(struct event), 10000);
	struct timespec pause = {0, 1000000};
	struct diag *diag;
	struct flow flow;
	struct err err;
	int64_t lost;
	int fds[2];

	connect_here(fds, &flow);
	assert_int_equal(diag_open(&diag, 0, &err), 0);
	owner_lookup = owner_lookup_new(diag, queue, false, sockets_max);
	owner_lookup_add(owner_lookup, &flow);
	while (owner_lookup_wait_ns(owner_lookup, 0) != INT64_MAX) {
		owner_lookup_run(owner_lookup);
		nanosleep(&pause, NULL);
	}
	lost = lost_of(queue);
	owner_lookup_free(owner_lookup);
	diag_close(diag);
	queue_free(queue);
	close(fds[0]);
	close(fds[1]);
	return lost;
}

static void holders_without_room_are_counted(void **state)
{
	(void)state;
	assert_int_equal(lost_with_room(OWNER_LOOKUP_SOCKETS), 0);
	assert_int_equal(lost_with_room(0), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_without_room_are_counted),
		cmocka_unit_test(holders_without_room_are_counted),
	};

	namespace_enter();
	return UNIT_RUN(tests);
}
