// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * --via=audit: its rules, and what it does to the kernel's audit, against a kernel made here: a thread that answers on
 * a socket. And the calls that wait until it is certain whose socket was read.
 */
#include "unit.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/audit/audit_control.h"
#include "source/audit/audit_held.h"
#include "source/audit/audit_rule.h"
#include "source/audit/audit_state.h"
#include "source/audit/audit_watch.h"
#include "system/procfs.h"
#include "system/socket.h"

#define RULES_MAX 64

/* ---- the kernel --------------------------------------------------------------------------- */

struct kernel {
	int fd;
	pthread_t thread;
	struct audit_status status;
	struct audit_rule rules[RULES_MAX];
	size_t count;
	unsigned int switches;
	size_t count_at_switch; /* of rules, when it was last switched on or off */
};

static void answer(const struct kernel *kernel, const struct nlmsghdr *request, uint16_t type, const void *payload,
		   size_t size)
{
	char buffer[4096] = {0};
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)buffer;

	header->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	header->nlmsg_type = type;
	header->nlmsg_seq = request->nlmsg_seq;
	memcpy(buffer + sizeof(*header), payload, size);
	assert_int_equal(send(kernel->fd, buffer, header->nlmsg_len, 0), header->nlmsg_len);
}

static size_t place_of(const struct kernel *kernel, const void *rule, size_t size)
{
	size_t i = 0;

	while (i < kernel->count &&
	       (audit_rule_size(&kernel->rules[i]) != size || memcmp(&kernel->rules[i], rule, size) != 0))
		i++;
	return i;
}

static int change(struct kernel *kernel, const struct nlmsghdr *request)
{
	const void *payload = request + 1;
	size_t size = request->nlmsg_len - sizeof(*request), place = place_of(kernel, payload, size);

	if (request->nlmsg_type == AUDIT_SET) {
		kernel->status.enabled = ((const struct audit_status *)payload)->enabled;
		kernel->switches++;
		kernel->count_at_switch = kernel->count;
		return 0;
	}
	if (kernel->status.enabled == 2)
		return -EPERM;
	if (request->nlmsg_type == AUDIT_ADD_RULE) {
		if (place < kernel->count)
			return -EEXIST;
		memset(&kernel->rules[place], 0, sizeof(kernel->rules[place]));
		memcpy(&kernel->rules[kernel->count++], payload, size);
		return 0;
	}
	if (place == kernel->count)
		return -ENOENT;
	memmove(&kernel->rules[place], &kernel->rules[place + 1], (--kernel->count - place) * sizeof(kernel->rules[0]));
	return 0;
}

static void *serve(void *context)
{
	struct kernel *kernel = context;
	char buffer[4096] __attribute__((aligned(8)));
	const struct nlmsghdr *request = (const struct nlmsghdr *)(void *)buffer;

	while (recv(kernel->fd, buffer, sizeof(buffer), 0) > 0) {
		int error = 0;

		if (request->nlmsg_type != AUDIT_GET && request->nlmsg_type != AUDIT_LIST_RULES)
			error = change(kernel, request);
		answer(kernel, request, NLMSG_ERROR, &error, sizeof(error));
		if (request->nlmsg_type == AUDIT_GET)
			answer(kernel, request, AUDIT_GET, &kernel->status, sizeof(kernel->status));
		for (size_t i = 0; request->nlmsg_type == AUDIT_LIST_RULES && i < kernel->count; i++)
			answer(kernel, request, AUDIT_LIST_RULES, &kernel->rules[i],
			       audit_rule_size(&kernel->rules[i]));
		if (request->nlmsg_type == AUDIT_LIST_RULES)
			answer(kernel, request, NLMSG_DONE, &error, 0);
	}
	return NULL;
}

static struct audit_control *start(struct kernel *kernel)
{
	int ends[2];

	memset(kernel, 0, sizeof(*kernel));
	kernel->status.failure = AUDIT_FAIL_PRINTK;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	kernel->fd = ends[0];
	assert_int_equal(pthread_create(&kernel->thread, NULL, serve, kernel), 0);
	return audit_control_new(ends[1]);
}

static void end_kernel(struct kernel *kernel, struct audit_control *control)
{
	audit_control_free(control);
	pthread_join(kernel->thread, NULL);
	close(kernel->fd);
}

/* ---- rules -------------------------------------------------------------------------------- */

static struct audit_rule_owner self(void)
{
	return (struct audit_rule_owner){.pid = getpid(), .start = procfs_start(getpid())};
}

static void test_rules_name_their_run(void **state)
{
	const struct audit_rule_owner owner = {77, 1234567, true};
	struct audit_rule_owner found;
	struct audit_rule rule;

	(void)state;
	for (int kind = AUDIT_RULE_PROCESS; kind <= AUDIT_RULE_MARK; kind++) {
		audit_rule_make(&rule, kind, 0, 55, &owner);
		assert_true(audit_rule_owner(&rule.data, audit_rule_size(&rule), &found));
		assert_int_equal(found.pid, 77);
		assert_int_equal(found.start, 1234567);
		assert_true(found.switched_on);
		/* A list that was cut. */
		assert_false(audit_rule_owner(&rule.data, audit_rule_size(&rule) - 1, &found));
		assert_false(audit_rule_owner(&rule.data, sizeof(rule.data) - 1, &found));
	}
	/* Somebody's key that only looks like one. */
	memcpy(rule.room + sizeof(rule.data), "conntracy", 9);
	assert_false(audit_rule_owner(&rule.data, audit_rule_size(&rule), &found));
}

static void test_rules_of_processes(void **state)
{
	const struct audit_rule_owner owner = self();
	struct audit_rule rule;

	(void)state;
	audit_rule_make(&rule, AUDIT_RULE_PROCESS, 0, 55, &owner);
	assert_int_equal(rule.data.fields[0], AUDIT_ARCH);
	assert_int_equal(rule.data.fields[1], AUDIT_PID);
	assert_int_equal(rule.data.fieldflags[1], AUDIT_EQUAL);
	assert_int_equal(rule.data.values[1], 55);
	audit_rule_make(&rule, AUDIT_RULE_CHILDREN, 1, 55, &owner);
	assert_int_equal(rule.data.fields[1], AUDIT_PPID);
	audit_rule_make(&rule, AUDIT_RULE_ALL, 0, 55, &owner);
	assert_int_equal(rule.data.fieldflags[1], AUDIT_NOT_EQUAL);
	audit_rule_make(&rule, AUDIT_RULE_URING, 0, 55, &owner);
	assert_int_equal(rule.data.fields[0], AUDIT_PID);
	assert_int_equal(rule.data.mask[0], 1u << 13 | 1u << 16);
	audit_rule_make(&rule, AUDIT_RULE_MARK, 0, 55, &owner);
	assert_int_equal(rule.data.values[1], 0);
}

/* ---- switching on and off -------------------------------------------------------------------- */

static void test_audit_is_left_as_found(void **state)
{
	struct audit_rule_owner owner = self();
	struct audit_state *opened;
	struct audit_control *control;
	struct audit_watch *watch;
	struct kernel kernel;
	struct err err;

	(void)state;
	for (uint32_t enabled = 0; enabled < 2; enabled++) {
		control = start(&kernel);
		kernel.status.enabled = enabled;
		assert_int_equal(audit_state_open(&opened, control, &owner, &err), 0);
		assert_int_equal(owner.switched_on, enabled == 0);
		/* A run that is killed now has left a rule. */
		assert_int_equal(kernel.count, enabled == 0);
		assert_int_equal(kernel.count_at_switch, enabled == 0);
		watch = audit_watch_new(control, &owner, true, -1);
		assert_int_equal(audit_watch_add(watch, getpid()), 0);
		assert_int_equal(audit_watch_add(watch, getpid()), 0);
		/* By its number, as a parent, each for every architecture, and of io_uring. */
		assert_int_equal(kernel.count, 2 * audit_rule_machines() + 1 + (enabled == 0));
		assert_int_equal(kernel.status.enabled, 1);
		assert_true(audit_watch_meet(watch, getpid(), 1));
		assert_false(audit_watch_meet(watch, 1, 0));
		audit_watch_free(watch);
		audit_state_close(opened);
		assert_int_equal(kernel.count, 0);
		assert_int_equal(kernel.count_at_switch > 0, enabled == 0);
		assert_int_equal(kernel.status.enabled, enabled);
		assert_int_equal(kernel.switches, enabled == 0 ? 2 : 0);
		end_kernel(&kernel, control);
	}
}

static void test_an_ended_process_has_no_rules(void **state)
{
	const struct audit_rule_owner owner = self();
	struct kernel kernel;
	struct audit_control *control = start(&kernel);
	struct audit_watch *watch = audit_watch_new(control, &owner, false, -1);
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(audit_watch_add(watch, child), 0);
	assert_int_equal(kernel.count, audit_rule_machines() + 1);
	assert_int_equal(audit_watch_refresh(watch), 0);
	assert_int_equal(audit_watch_living(watch, NULL, 0), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(audit_watch_refresh(watch), audit_rule_machines() + 1);
	assert_int_equal(kernel.count, 0);
	/* Its last records still come. */
	assert_true(audit_watch_meet(watch, child, 1));
	audit_watch_forget(watch);
	assert_false(audit_watch_meet(watch, child, 1));
	assert_int_equal(audit_watch_add(watch, child), -ESRCH);
	audit_watch_free(watch);
	end_kernel(&kernel, control);
}

static pid_t ended_process(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	return child;
}

/* A run that was killed had switched audit on; one that goes on, this process, has rules. */
static void test_of_several_runs_the_last_switches_off(void **state)
{
	const struct audit_rule_owner killed = {ended_process(), 1, true}, other = {1, procfs_start(1), false};
	struct audit_rule_owner owner = self();
	struct kernel kernel;
	struct audit_control *control = start(&kernel);
	struct audit_rule left, lives;
	struct audit_state *opened;
	struct err err;

	(void)state;
	kernel.status.enabled = 1;
	audit_rule_make(&left, AUDIT_RULE_PROCESS, 0, 5, &killed);
	audit_rule_make(&lives, AUDIT_RULE_PROCESS, 0, 6, &other);
	assert_int_equal(audit_control_add(control, &left.data, audit_rule_size(&left)), 0);
	assert_int_equal(audit_control_add(control, &left.data, audit_rule_size(&left)), -EEXIST);
	assert_int_equal(audit_control_add(control, &lives.data, audit_rule_size(&lives)), 0);
	assert_int_equal(audit_state_open(&opened, control, &owner, &err), 0);
	assert_int_equal(audit_state_removed(opened), 1);
	assert_true(owner.switched_on);
	/* The other one's rule, and the own mark. */
	assert_int_equal(kernel.count, 2);
	audit_state_close(opened);
	/* The other one's rule, and a mark that says that audit was off. */
	assert_int_equal(kernel.count, 2);
	assert_int_equal(kernel.status.enabled, 1);
	assert_int_equal(audit_control_delete(control, &lives.data, audit_rule_size(&lives)), 0);
	assert_int_equal(audit_control_delete(control, &lives.data, audit_rule_size(&lives)), -ENOENT);
	owner = self();
	assert_int_equal(audit_state_open(&opened, control, &owner, &err), 0);
	assert_int_equal(audit_state_removed(opened), 1);
	audit_state_close(opened);
	assert_int_equal(kernel.count, 0);
	assert_int_equal(kernel.status.enabled, 0);
	end_kernel(&kernel, control);
}

static void expect_refusal(struct audit_control *control, struct kernel *kernel, const char *words)
{
	struct audit_rule_owner owner = self();
	struct audit_state *opened;
	struct err err;
	size_t count = kernel->count;

	assert_true(audit_state_open(&opened, control, &owner, &err) < 0);
	assert_non_null(strstr(err.text, words));
	assert_true(audit_state_check(control, &err) < 0);
	assert_non_null(strstr(err.text, words));
	assert_int_equal(kernel->count, count);
	assert_int_equal(kernel->switches, 0);
}

static void test_what_forbids_it_is_reported(void **state)
{
	struct kernel kernel;
	struct audit_control *control = start(&kernel);
	struct audit_rule rule;

	(void)state;
	kernel.status.enabled = 2;
	expect_refusal(control, &kernel, "locked until the next boot");
	kernel.status.enabled = 0;
	kernel.status.failure = AUDIT_FAIL_PANIC;
	expect_refusal(control, &kernel, "auditctl -f 2");
	kernel.status.failure = AUDIT_FAIL_PRINTK;
	memset(&rule, 0, sizeof(rule));
	rule.data.flags = AUDIT_FILTER_TASK;
	rule.data.action = AUDIT_NEVER;
	assert_int_equal(audit_control_add(control, &rule.data, audit_rule_size(&rule)), 0);
	expect_refusal(control, &kernel, "never,task");
	kernel.count = 0;
	rule.data.flags = AUDIT_FILTER_EXCLUDE;
	rule.data.field_count = 1;
	rule.data.fields[0] = AUDIT_MSGTYPE;
	rule.data.fieldflags[0] = AUDIT_EQUAL;
	rule.data.values[0] = AUDIT_SYSCALL;
	assert_int_equal(audit_control_add(control, &rule.data, audit_rule_size(&rule)), 0);
	expect_refusal(control, &kernel, "excludes the records of calls");
	end_kernel(&kernel, control);
}

/* ---- calls that wait ----------------------------------------------------------------------------- */

struct released {
	struct audit_call call;
	bool has_sample;
	int count;
};

static void take(void *context, const struct audit_call *call, const struct event *sample)
{
	struct released *released = context;

	released->call = *call;
	released->has_sample = sample != NULL;
	released->count++;
}

/* Of this process, one of whose descriptors is a connection to a listener of its own. */
struct pair {
	int listener, client, pidfd;
	struct audit_call connect;
};

static void connect_pair(struct pair *pair)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	pair->listener = socket(AF_INET, SOCK_STREAM, 0);
	pair->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(pair->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(pair->listener, 1), 0);
	assert_int_equal(getsockname(pair->listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(connect(pair->client, (struct sockaddr *)&address, sizeof(address)), 0);
	pair->pidfd = socket_process(getpid());
	pair->connect = (struct audit_call){
		.time_ns = clock_now(),
		.call = AUDIT_CALL_CONNECT,
		.args = {(uint64_t)pair->client, 0},
		.has_result = true,
		.pid = getpid(),
		.address_kind = AUDIT_ADDRESS_INTERNET,
	};
	assert_int_equal(endpoint_from_sockaddr(&pair->connect.address, &address, length), 0);
}

static void close_pair(struct pair *pair)
{
	close(pair->listener);
	close(pair->client);
	if (pair->pidfd >= 0)
		close(pair->pidfd);
}

static void test_a_socket_counts_once_it_is_certain(void **state)
{
	struct released released = {.count = 0};
	struct audit_held *held = audit_held_new(take, &released);
	struct audit_call next = {.call = AUDIT_CALL_SHUTDOWN, .has_result = true, .pid = getpid()};
	struct event counters;
	struct pair pair;

	(void)state;
	if (!socket_can_take())
		skip();
	connect_pair(&pair);
	/* An emulator may not read a socket's counters. */
	if (socket_read_counters(pair.client, &counters) != 0)
		skip();
	audit_held_add(held, &pair.connect, pair.pidfd);
	assert_int_equal(released.count, 0);
	assert_int_equal(audit_held_oldest_ns(held), pair.connect.time_ns);
	/* A call that began before the socket was read proves nothing. */
	next.time_ns = pair.connect.time_ns;
	audit_held_add(held, &next, pair.pidfd);
	assert_int_equal(released.count, 0);
	next.time_ns = clock_now() + 1;
	audit_held_add(held, &next, pair.pidfd);
	assert_int_equal(released.count, 3);
	audit_held_free(held);

	/* The first of them again, alone. */
	released.count = 0;
	held = audit_held_new(take, &released);
	audit_held_add(held, &pair.connect, pair.pidfd);
	audit_held_flush(held);
	assert_int_equal(released.count, 1);
	assert_true(released.has_sample && released.call.is_tcp && released.call.cookie != 0);
	assert_true(released.call.local.port != 0);
	assert_int_equal(audit_held_oldest_ns(held), CLOCK_UNKNOWN);
	audit_held_free(held);
	close_pair(&pair);
}

static void test_a_reused_descriptor_is_another_socket(void **state)
{
	struct released released = {.count = 0};
	struct audit_held *held = audit_held_new(take, &released);
	struct audit_call made = {.call = AUDIT_CALL_SOCKET, .has_result = true, .pid = getpid()};
	struct pair pair;

	(void)state;
	if (!socket_can_take())
		skip();
	connect_pair(&pair);
	audit_held_add(held, &pair.connect, pair.pidfd);
	made.time_ns = pair.connect.time_ns;
	made.result = pair.client;
	audit_held_add(held, &made, pair.pidfd);
	/* Nothing of the socket that was read may be said of the first one. */
	assert_int_equal(released.count, 2);
	audit_held_free(held);
	released.count = 0;
	held = audit_held_new(take, &released);
	audit_held_add(held, &pair.connect, -1);
	assert_int_equal(released.count, 1);
	assert_true(!released.has_sample && released.call.cookie == 0 && released.call.local.port == 0);
	audit_held_free(held);
	close_pair(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_name_their_run),
		cmocka_unit_test(test_rules_of_processes),
		cmocka_unit_test(test_audit_is_left_as_found),
		cmocka_unit_test(test_an_ended_process_has_no_rules),
		cmocka_unit_test(test_of_several_runs_the_last_switches_off),
		cmocka_unit_test(test_what_forbids_it_is_reported),
		cmocka_unit_test(test_a_socket_counts_once_it_is_certain),
		cmocka_unit_test(test_a_reused_descriptor_is_another_socket),
	};

	return UNIT_RUN(tests);
}
