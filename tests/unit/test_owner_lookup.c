// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "namespace.h"

#include "base/clock.h"
#include "source/owner_lookup/owner_lookup.h"
#include "source/owner_lookup/sole_listeners.h"

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

static int listen_here(struct endpoint *local, int shares)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, sizeof(shares)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(endpoint_from_sockaddr(local, &address, length), 0);
	return fd;
}

/* A child that has the listener, until @pipe is closed. */
static pid_t child_until(const int pipe[2])
{
	pid_t child = fork();
	char byte;

	if (child == 0) {
		close(pipe[1]);
		_exit(read(pipe[0], &byte, 1) != 0);
	}
	return child;
}

static void only_a_sole_holder_without_children_is_proven(void **state)
{
	struct procfs_owners *owners = procfs_owners_new(OWNER_LOOKUP_SOCKETS);
	struct sole_listeners *sole;
	struct sole_holder first, again;
	struct endpoint local, any;
	struct diag *diag;
	struct err err;
	int fd, ends[2];
	pid_t child;

	(void)state;
	assert_int_equal(diag_open(&diag, 0, &err), 0);
	sole = sole_listeners_new(diag);
	sole_listeners_refresh(sole, owners);
	fd = listen_here(&local, 0);
	any = local;
	assert_int_equal(endpoint_parse(&any, "127.0.0.2"), 0);
	any.port = local.port;
	assert_false(sole_listeners_judge(sole, &local, &first));
	sole_listeners_refresh(sole, owners);
	assert_true(sole_listeners_has(sole, &local));
	assert_false(sole_listeners_has(sole, &any));
	assert_true(sole_listeners_judge(sole, &local, &first));
	assert_int_equal(first.pid, getpid());
	assert_true(first.since_ns >= sole_listeners_read_ns(sole));

	/* The same since then. */
	sole_listeners_refresh(sole, owners);
	assert_true(sole_listeners_judge(sole, &local, &again));
	assert_true(again.since_ns == first.since_ns);

	/* A child has it. */
	assert_int_equal(pipe(ends), 0);
	child = child_until(ends);
	sole_listeners_refresh(sole, owners);
	assert_false(sole_listeners_judge(sole, &local, &again));

	/* It has ended: what it accepted is unknown. */
	close(ends[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	sole_listeners_refresh(sole, owners);
	assert_true(sole_listeners_judge(sole, &local, &again));
	assert_true(again.since_ns > first.since_ns);
	first = again;

	/* So is what a child accepted that began and ended between two refreshes. */
	assert_int_equal(pipe(ends), 0);
	child = child_until(ends);
	close(ends[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	sole_listeners_refresh(sole, owners);
	assert_true(sole_listeners_judge(sole, &local, &again));
	assert_true(again.since_ns > first.since_ns);
	first = again;

	close(fd);
	sole_listeners_refresh(sole, owners);
	assert_false(sole_listeners_judge(sole, &local, &again));

	/* Others may listen there meanwhile. */
	fd = listen_here(&local, 1);
	sole_listeners_refresh(sole, owners);
	assert_false(sole_listeners_judge(sole, &local, &again));
	close(fd);
	sole_listeners_free(sole);
	procfs_owners_free(owners);
	diag_close(diag);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_without_room_are_counted),
		cmocka_unit_test(holders_without_room_are_counted),
		cmocka_unit_test(only_a_sole_holder_without_children_is_proven),
	};

	namespace_enter();
	return UNIT_RUN(tests);
}
