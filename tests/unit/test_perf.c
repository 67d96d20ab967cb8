// SPDX-License-Identifier: GPL-2.0-or-later
/* Breakpoints: where system calls return, records of the kernel, and what they say of sockets. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source/perf/code_sites.h"
#include "source/perf/connect_calls.h"
#include "source/perf/elf_functions.h"
#include "source/perf/hit_records.h"
#include "source/perf/sites.h"

/* ---- code --------------------------------------------------------------------------- */

/* connect of glibc 2.36: without threads, and as a cancellation point. */
static const uint8_t glibc[] = {
	0x80, 0x3d, 0x21, 0x0e, 0x0d, 0x00, 0x00,             /* cmpb $0,__libc_single_threaded */
	0x74, 0x17,                                           /* je */
	0xb8, 0x2a, 0x00, 0x00, 0x00, 0x0f, 0x05,             /* mov $42,%eax; syscall */
	0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff, 0x77, 0x58, 0xc3, /* cmp, ja, ret */
	0xe8, 0x3b, 0xb0, 0xf7, 0xff,                         /* call __pthread_enable_asynccancel */
	0xb8, 0x2a, 0x00, 0x00, 0x00, 0x0f, 0x05,             /* mov $42,%eax; syscall */
	0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff,
};
/* connect of musl 1.2: mov $42,%edi; call __syscall_cp */
static const uint8_t musl[] = {
	0x48, 0x83, 0xec, 0x10, 0x49, 0x89, 0xf2, 0x48, 0x63, 0xf7, 0x6a, 0x00, 0xbf, 0x2a,
	0x00, 0x00, 0x00, 0xe8, 0x4f, 0x5e, 0x02, 0x00, 0x48, 0x89, 0xc7, 0xe8, 0x27, 0xd3,
};
/* A wrapper, as those of sanitizers: no system call in it. */
static const uint8_t wrapper[] = {0x55, 0x48, 0x89, 0xe5, 0xe8, 0x00, 0x01, 0x00, 0x00, 0x5d, 0xc3};

static void test_code(void **state)
{
	/* mov $42,%edx; mov $1,%esi; lea 0xa050f(%rip),%rdi: a length, and an address that looks like syscall. */
	static const uint8_t argument[] = {0xba, 42,   0,    0,    0,    0xbe, 1,    0,   0,
					   0,    0x48, 0x8d, 0x3d, 0x0f, 0x05, 0x0a, 0x00};
	/* mov $42,%edx; xor %esi,%esi; mov %edx,%eax; syscall */
	static const uint8_t moved[] = {0xba, 42, 0, 0, 0, 0x31, 0xf6, 0x89, 0xd0, 0x0f, 0x05};
	size_t sites[3] = {0};
	int64_t flag;

	(void)state;
	if (!code_sites_can())
		skip();
	assert_int_equal(code_sites_find(glibc, sizeof(glibc), 42, sites, 3), 2);
	assert_int_equal(sites[0], 16);
	assert_int_equal(sites[1], 37);
	assert_int_equal(code_sites_find(glibc, sizeof(glibc), 41, sites, 3), 0);
	/* Cut behind the second instruction: what comes next is not in the function. */
	assert_int_equal(code_sites_find(glibc, 37, 42, sites, 3), 1);
	assert_int_equal(code_sites_find(glibc, sizeof(glibc), 42, sites, 1), 2);
	assert_int_equal(code_sites_find(musl, sizeof(musl), 42, sites, 3), 1);
	assert_int_equal(sites[0], 22);
	assert_int_equal(code_sites_find(wrapper, sizeof(wrapper), 42, sites, 3), 0);
	for (size_t length = 0; length < sizeof(glibc); length++)
		assert_true(code_sites_find(glibc, length, 42, sites, 3) <= 2);
	/* A program that makes the call itself, in the middle of other code; up to the end of what is read. */
	assert_true(code_sites_has_own(glibc, sizeof(glibc), 42));
	assert_true(code_sites_has_own(glibc, 16, 42));
	assert_false(code_sites_has_own(glibc, 15, 42));
	assert_false(code_sites_has_own(glibc, sizeof(glibc), 41));
	assert_false(code_sites_has_own(musl, sizeof(musl), 42));
	assert_false(code_sites_has_own(argument, sizeof(argument), 42));
	assert_true(code_sites_has_own(moved, sizeof(moved), 42));
	assert_true(code_sites_flag(glibc, sizeof(glibc), &flag));
	assert_int_equal(flag, 0xd0e21 + 7);
	assert_false(code_sites_flag(glibc, 6, &flag));
	assert_false(code_sites_flag(musl, sizeof(musl), &flag));
}

/* The sites of this very program are behind system calls. */
static void test_own_sites(void **state)
{
	struct sites sites;
	struct err err = {""};
	const struct sites_wish wish = {.accepts = false};
	int rc = sites_find(getpid(), &wish, &sites, &err);
	size_t connects = 0;

	(void)state;
	if (rc != 0)
		print_message("# %s\n", err.text);
	if (rc != 0)
		skip();
	assert_true(sites.count <= SITES_MAX);
	for (size_t i = 0; i < sites.count; i++) {
		const uint8_t *code = (const uint8_t *)(uintptr_t)sites.list[i].address;

		connects += sites.list[i].call == SITE_CONNECT;
		assert_true((code[-2] == 0x0f && code[-1] == 0x05) || code[-5] == 0xe8);
	}
	assert_true(connects == 1 || connects == 2);
	assert_int_equal(sites.count - connects, 1);
}

static void test_no_elf(void **state)
{
	static const char *const names[] = {"connect", NULL};
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_int_equal(elf_functions(fileno(file), names, NULL, NULL), -ENOEXEC);
	assert_true(fputs("#!/bin/sh\n", file) >= 0);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(elf_functions(fileno(file), names, NULL, NULL), -ENOEXEC);
	fclose(file);
}

/* ---- records ------------------------------------------------------------------------ */

/* What the kernel writes of a breakpoint, with @stack bytes of the stack, @valid of them there. */
struct sample {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t time, abi, registers[7], size;
	uint8_t stack[64];
	uint64_t valid;
};

static struct sample sample(void)
{
	struct sample one = {
		.header = {.type = PERF_RECORD_SAMPLE, .size = sizeof(one)},
		.pid = 100,
		.tid = 101,
		.time = 5000,
		.abi = PERF_SAMPLE_REGS_ABI_64,
		.registers = {(uint64_t)-ECONNREFUSED, 16, 0x7008, 7, 0x7000, 0x401000, 0x7010},
		.size = sizeof(one.stack),
		.valid = 40,
	};

	return one;
}

static void test_records(void **state)
{
	struct sample one = sample();
	struct hit hit;

	(void)state;
	assert_true(hit_records_read((struct span){(uint8_t *)&one, sizeof(one)}, &hit));
	assert_int_equal(hit.type, HIT_CALL);
	assert_int_equal(hit.pid, 100);
	assert_int_equal(hit.tid, 101);
	assert_int_equal(hit.time, 5000);
	assert_int_equal(hit.address, 0x401000);
	assert_int_equal(hit.result, -ECONNREFUSED);
	assert_int_equal(hit.arguments[0], 7);
	/* Memory that came with it, at its borders. */
	assert_ptr_equal(hit_records_memory(&hit, 0x7008, 16), hit.bytes + 8);
	assert_ptr_equal(hit_records_memory(&hit, 0x7000, 40), hit.bytes);
	assert_null(hit_records_memory(&hit, 0x7000, 41));
	assert_null(hit_records_memory(&hit, 0x6fff, 1));
	assert_null(hit_records_memory(&hit, UINT64_MAX, 16));
	/* A part of it is damaged. */
	for (size_t length = 0; length < sizeof(one) - sizeof(one.stack) - 16; length += 8)
		assert_false(hit_records_read((struct span){(uint8_t *)&one, length}, &hit));
	one.valid = 65;
	assert_false(hit_records_read((struct span){(uint8_t *)&one, sizeof(one)}, &hit));
	one.abi = PERF_SAMPLE_REGS_ABI_32;
	assert_false(hit_records_read((struct span){(uint8_t *)&one, sizeof(one)}, &hit));
}

/* ---- sockets ------------------------------------------------------------------------ */

#define STACK 0x7000

static uint64_t now;

static struct hit call(pid_t pid, int64_t result, uint64_t first, uint64_t second, uint64_t third)
{
	struct hit hit = {
		.type = HIT_CALL,
		.time = ++now,
		.pid = pid,
		.tid = pid,
		.result = result,
		.arguments = {first, second, third},
		.stack = STACK,
	};

	return hit;
}

static size_t make(struct connect_calls *calls, pid_t pid, int fd, int type, struct event *events)
{
	struct hit hit = call(pid, fd, AF_INET, (uint64_t)type, 0);

	return connect_calls_take(calls, &hit, SITE_SOCKET, (int64_t)now, events);
}

static size_t connected(struct connect_calls *calls, pid_t pid, int fd, int error, uint16_t port, struct event *events)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct hit hit = call(pid, -error, (uint64_t)fd, port != 0 ? STACK : 0x1000, sizeof(address));

	memcpy(hit.bytes, &address, sizeof(address));
	hit.length = sizeof(address);
	return connect_calls_take(calls, &hit, SITE_CONNECT, (int64_t)now, events);
}

static void test_attempts(void **state)
{
	struct connect_calls *calls = connect_calls_new();
	struct event events[CONNECT_CALLS_MAX];

	(void)state;
	assert_int_equal(make(calls, 9, 3, SOCK_STREAM | SOCK_CLOEXEC, events), 0);
	assert_int_equal(connected(calls, 9, 3, ECONNREFUSED, 80, events), 1);
	assert_int_equal(events[0].call.kind, CALL_CONNECT_END);
	assert_int_equal(events[0].call.error, ECONNREFUSED);
	assert_int_equal(events[0].call.pid, 9);
	assert_int_equal(events[0].call.fd, 3);
	assert_int_equal(events[0].flow.remote.port, 80);
	assert_int_equal(events[0].call.begin_ns, -1);
	assert_true(events[0].call.cookie & EVENT_COOKIE_MADE_UP);
	/* Another one on the same socket; its address is not on the stack. */
	assert_int_equal(connected(calls, 9, 3, 0, 0, events), 1);
	assert_int_equal(events[0].flow.remote.port, 0);
	/* The descriptor is another socket's: the connection is gone. */
	assert_int_equal(make(calls, 9, 3, SOCK_STREAM, events), 1);
	assert_int_equal(events[0].call.kind, CALL_GONE);
	/* It is asked for the outcome. */
	assert_int_equal(connected(calls, 9, 3, EINPROGRESS, 80, events), 1);
	assert_int_equal(connected(calls, 9, 3, EALREADY, 80, events), 0);
	assert_int_equal(connected(calls, 9, 3, EISCONN, 80, events), 1);
	assert_int_equal(events[0].call.kind, CALL_OUTCOME);
	assert_int_equal(events[0].call.error, 0);
	connect_calls_free(calls);
}

/* connect(2) of a datagram socket returns the same, and is no connection. */
static void test_datagrams(void **state)
{
	struct connect_calls *calls = connect_calls_new();
	struct event events[CONNECT_CALLS_MAX];

	(void)state;
	assert_int_equal(make(calls, 9, 3, SOCK_DGRAM | SOCK_NONBLOCK, events), 0);
	assert_int_equal(connected(calls, 9, 3, 0, 53, events), 0);
	assert_int_equal(connect_calls_unclear(calls), 0);
	/* Of a socket from before the run nothing is known, unless the errno shows it. */
	assert_int_equal(connected(calls, 9, 4, 0, 80, events), 0);
	assert_int_equal(connected(calls, 9, 4, ENETUNREACH, 80, events), 0);
	assert_int_equal(connect_calls_unclear(calls), 2);
	assert_int_equal(connected(calls, 9, 4, ECONNREFUSED, 80, events), 1);
	assert_int_equal(connected(calls, 9, 5, EBADF, 80, events), 0);
	connect_calls_free(calls);
}

static void test_children(void **state)
{
	struct connect_calls *calls = connect_calls_new();
	struct event events[CONNECT_CALLS_MAX];

	(void)state;
	assert_int_equal(make(calls, 9, 3, SOCK_STREAM, events), 0);
	connect_calls_fork(calls, 10, 9, ++now);
	connect_calls_fork(calls, 11, 10, ++now);
	assert_int_equal(connected(calls, 11, 3, 0, 80, events), 1);
	/* What the parent opens later is not the child's. */
	assert_int_equal(make(calls, 9, 4, SOCK_STREAM, events), 0);
	assert_int_equal(connected(calls, 10, 4, 0, 80, events), 0);
	/* The number of a process is another's. */
	assert_int_equal(make(calls, 10, 5, SOCK_STREAM, events), 0);
	connect_calls_fork(calls, 10, 1, ++now);
	assert_int_equal(connected(calls, 10, 5, 0, 80, events), 0);
	connect_calls_free(calls);
}

/* @room: bytes that accept(2) has written of the address and, behind it, its length. */
static size_t accepted(struct connect_calls *calls, int family, int result, size_t room, struct event *events)
{
	struct {
		struct sockaddr_in address;
		socklen_t length;
	} memory = {
		{.sin_family = (sa_family_t)family, .sin_port = htons(4711), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
		sizeof(memory.address)};
	struct hit hit = call(9, result, 3, STACK, STACK + sizeof(memory.address));

	memcpy(hit.bytes, &memory, sizeof(memory));
	hit.length = room;
	return connect_calls_take(calls, &hit, SITE_ACCEPT4, (int64_t)now, events);
}

static void test_accepts(void **state)
{
	struct connect_calls *calls = connect_calls_new();
	struct event events[CONNECT_CALLS_MAX];

	(void)state;
	assert_int_equal(accepted(calls, AF_INET, 7, 20, events), 1);
	assert_int_equal(events[0].call.kind, CALL_ACCEPT);
	assert_int_equal(events[0].call.fd, 7);
	assert_int_equal(events[0].call.pid, 9);
	assert_int_equal(events[0].call.cookie, 0);
	assert_int_equal(events[0].flow.remote.port, 4711);
	assert_int_equal(events[0].flow.local.port, 0);
	/* It failed; or is of another kind. */
	assert_int_equal(accepted(calls, AF_INET, -EAGAIN, 20, events), 0);
	assert_int_equal(accepted(calls, AF_UNIX, 7, 20, events), 0);
	assert_int_equal(connect_calls_nameless(calls), 0);
	/* The address, or its length, is not on the stack. */
	assert_int_equal(accepted(calls, AF_INET, 7, 19, events), 1);
	assert_int_equal(events[0].flow.remote.port, 0);
	assert_int_equal(connect_calls_nameless(calls), 1);
	/* The descriptor is not that of the earlier attempt any more. */
	assert_int_equal(make(calls, 9, 8, SOCK_STREAM, events), 0);
	assert_int_equal(connected(calls, 9, 8, 0, 80, events), 1);
	assert_int_equal(accepted(calls, AF_INET, 8, 20, events), 2);
	assert_int_equal(events[0].call.kind, CALL_GONE);
	assert_int_equal(events[1].call.kind, CALL_ACCEPT);
	connect_calls_free(calls);
}

/* getsockopt(2), with the value on the stack. */
static size_t asked(struct connect_calls *calls, int fd, int level, int name, int value, struct event *events)
{
	struct hit hit = call(9, 0, (uint64_t)fd, (uint64_t)level, (uint64_t)name);

	hit.arguments[3] = STACK + 8;
	memcpy(hit.bytes + 8, &value, sizeof(value));
	hit.length = 12;
	return connect_calls_take(calls, &hit, SITE_GETSOCKOPT, (int64_t)now, events);
}

static void test_outcomes(void **state)
{
	struct connect_calls *calls = connect_calls_new();
	struct event events[CONNECT_CALLS_MAX];

	(void)state;
	assert_int_equal(make(calls, 9, 5, SOCK_STREAM, events), 0);
	/* There is no attempt. */
	assert_int_equal(asked(calls, 5, SOL_SOCKET, SO_ERROR, ECONNREFUSED, events), 0);
	assert_int_equal(connected(calls, 9, 5, EINPROGRESS, 80, events), 1);
	/* They are of other things, or prove nothing: a connection that came about may be reset. */
	assert_int_equal(asked(calls, 5, SOL_SOCKET, SO_TYPE, ECONNREFUSED, events), 0);
	assert_int_equal(asked(calls, 5, IPPROTO_TCP, SO_ERROR, ECONNREFUSED, events), 0);
	assert_int_equal(asked(calls, 6, SOL_SOCKET, SO_ERROR, ECONNREFUSED, events), 0);
	assert_int_equal(asked(calls, 5, SOL_SOCKET, SO_ERROR, 0, events), 0);
	assert_int_equal(asked(calls, 5, SOL_SOCKET, SO_ERROR, ECONNRESET, events), 0);
	assert_int_equal(asked(calls, 5, SOL_SOCKET, SO_ERROR, ECONNREFUSED, events), 1);
	assert_int_equal(events[0].call.kind, CALL_SO_ERROR);
	assert_int_equal(events[0].call.error, ECONNREFUSED);
	assert_int_equal(events[0].call.fd, 5);
	assert_int_equal(asked(calls, 5, SOL_SOCKET, SO_ERROR, ECONNREFUSED, events), 0);
	connect_calls_free(calls);
}

/* With accept(2) there is room for one path, or for no connect(2). */
static void test_paths(void **state)
{
	struct err err = {""};

	(void)state;
	for (int path = SITE_PATH_SINGLE; path <= SITE_PATH_THREADS; path++) {
		const struct sites_wish wish = {.accepts = true, .path = (enum site_path)path};
		struct sites sites;
		size_t calls[SITE_CALL_NUM] = {0};

		if (sites_find(getpid(), &wish, &sites, &err) != 0)
			skip();
		for (size_t i = 0; i < sites.count; i++) {
			calls[sites.list[i].call]++;
			assert_true(sites.list[i].path == SITE_PATH_ANY || (int)sites.list[i].path == path);
		}
		assert_false(sites.is_partial);
		/* One for each of accept(2) and accept4(2) that is imported; a place that is left is for getsockopt(2).
		 */
		assert_int_equal(calls[SITE_CONNECT] + calls[SITE_SOCKET], 2);
		assert_int_not_equal(calls[SITE_ACCEPT] + calls[SITE_ACCEPT4], 0);
		assert_int_equal(calls[SITE_ACCEPT] + calls[SITE_ACCEPT4] + calls[SITE_GETSOCKOPT], 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code),     cmocka_unit_test(test_own_sites), cmocka_unit_test(test_no_elf),
		cmocka_unit_test(test_records),  cmocka_unit_test(test_attempts),  cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_children), cmocka_unit_test(test_accepts),   cmocka_unit_test(test_paths),
		cmocka_unit_test(test_outcomes),
	};

	return UNIT_RUN(tests);
}
