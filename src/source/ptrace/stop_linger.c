// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source/ptrace/inject.h"
#include "source/ptrace/memory.h"
#include "source/ptrace/seccomp_filter.h"
#include "source/ptrace/stop.h"
#include "system/procfs.h"

/*
 * After setsockopt(2) of SO_LINGER with a time of 0, close(2) resets the connection, and the kernel clears the counters
 * before the socket is destroyed (tcp_disconnect).
 *
 * Proxies call both directly after one another: the next calls of the thread are stopped for. Servers set the option on
 * the listening socket, whose connections inherit it, and some clients before connect(2) or long before close(2). Their
 * process gets a second filter that stops at close(2), before the program goes on with the connection. While no process
 * has set the option and none has received a descriptor, one connection of a listening socket shows it for all of them;
 * in 32-bit programs setsockopt(2) may be a socketcall(2) that does not stop. Of the actions
 * of several filters the kernel takes SECCOMP_RET_TRACE before SECCOMP_RET_ALLOW (seccomp(2)).
 */

/* Calls of the thread that are stopped for until close(2). */
#define CALLS_MAX 4
/* Exit stops at which a filter can't be added, until it is given up. */
#define TRIES_MAX 16
/* Room in the process for the filter, given back afterwards. */
#define ROOM 4096

static void want(struct tracee *tracee)
{
	if (tracee->target->close_stops == CLOSE_STOPS_NOT)
		tracee->target->close_stops = CLOSE_STOPS_WANTED;
}

void stop_linger_set(struct stop *stop, struct tracee *tracee)
{
	const struct syscall *call = &tracee->call;
	struct linger linger;

	stop->lingers = true;
	if (!stop->filtered || stop->closes || tracee->target->close_stops == CLOSE_STOPS_ADDED || call->fd < 0 ||
	    call->length < sizeof(linger) || target_next_socket(tracee->target, call->fd) != call->fd ||
	    !memory_read(tracee->tid, call->address, &linger, sizeof(linger)))
		return;
	if (tracee->linger_calls > 0 && tracee->linger_fd != call->fd)
		want(tracee);
	tracee->linger_fd = call->fd;
	tracee->linger_calls = linger.l_onoff != 0 && linger.l_linger == 0 ? CALLS_MAX : 0;
}

bool stop_linger_closes(struct tracee *tracee)
{
	if (tracee->linger_calls == 0)
		return false;
	tracee->linger_calls--;
	if (tracee->call.kind != SYSCALL_CLOSE || tracee->call.fd != tracee->linger_fd) {
		if (tracee->linger_calls == 0)
			want(tracee);
		return false;
	}
	tracee->linger_calls = 0;
	return true;
}

void stop_linger_ask(struct stop *stop, const struct tracee *tracee)
{
	const struct target *target = tracee->target;
	const struct syscall *call = &tracee->call;
	bool is_known = call->kind == SYSCALL_ACCEPT && call->fd + 1 == target->plain_listener && !stop->lingers &&
			!call->is_narrow;

	stop->resets = false;
	stop->asks_linger = stop->filtered && !stop->closes && target->close_stops == CLOSE_STOPS_NOT && !is_known;
}

void stop_linger_got(const struct stop *stop, struct tracee *tracee)
{
	if (stop->resets)
		want(tracee);
	else if (tracee->call.kind == SYSCALL_ACCEPT && !stop->asks_linger)
		tracee->target->plain_listener = tracee->call.fd + 1;
}

/* A program that has filters of its own may be killed for a call of seccomp(2). */
static bool has_one_filter(pid_t tid)
{
	struct procfs_status own, status;

	return procfs_status(getpid(), &own) == 0 && procfs_status(tid, &status) == 0 && own.seccomp_filters >= 0 &&
	       status.seccomp_filters == own.seccomp_filters + 1;
}

static bool write_filter(const struct stop *stop, pid_t tid, uint64_t room)
{
	const struct sock_fprog *filter = &stop->close_filter;
	uint64_t instructions = room + sizeof(*filter);
	struct sock_fprog there = {.len = filter->len};
	size_t size = filter->len * sizeof(*filter->filter);

	there.filter = (struct sock_filter *)(uintptr_t)instructions; /* NOLINT(performance-no-int-to-ptr) */
	return sizeof(*filter) + size <= ROOM && memory_write(tid, room, &there, sizeof(there)) &&
	       memory_write(tid, instructions, filter->filter, size);
}

/* With the other threads of the process. Return: false when the kernel refuses it. */
static bool add_filter(const struct stop *stop, struct injection *injection)
{
	const uint64_t map[6] = {0, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX};
	int64_t room = inject_call(injection, SYS_mmap, map);
	const uint64_t unmap[6] = {(uint64_t)room, ROOM};
	const uint64_t load[6] = {SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
				  (uint64_t)room};
	bool is_added;

	if (room < 0)
		return false;
	is_added = write_filter(stop, injection->tid, (uint64_t)room) && inject_call(injection, SYS_seccomp, load) == 0;
	(void)inject_call(injection, SYS_munmap, unmap);
	return is_added;
}

void stop_linger_add(struct stop *stop, struct tracee *tracee)
{
	const struct seccomp_filter_choice choice = {.closes = true, .only_closes = true};
	struct target *target = tracee->target;
	struct injection injection;
	struct err err;

	if (target->close_stops != CLOSE_STOPS_WANTED)
		return;
	target->close_stops = CLOSE_STOPS_REFUSED;
	if (target->is_sealed || !has_one_filter(tracee->tid) ||
	    (stop->close_filter.filter == NULL && seccomp_filter_build(&stop->close_filter, &choice, &err) != 0))
		return;
	if (!inject_begin(&injection, tracee->tid)) {
		if (++target->close_tries < TRIES_MAX)
			target->close_stops = CLOSE_STOPS_WANTED;
		return;
	}
	if (add_filter(stop, &injection))
		target->close_stops = CLOSE_STOPS_ADDED;
	inject_end(&injection);
}
