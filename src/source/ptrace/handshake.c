// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/handshake.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "system/socket.h"
#include "system/procfs.h"
#include "source/ptrace/memory.h"
#include "source/ptrace/standby.h"
#include "source/ptrace/syscalls.h"

/* A lost SYN is retransmitted after a second. */
#define AWAIT_MS 2000
#define LOOK_MS 1
/* Longer than the rest of the call takes, once its thread runs again. */
#define CALL_END_NS (100 * CLOCK_NS_PER_US)

/* A thread, and how long it had run when it was last found in a handshake; -1 never. */
struct sender {
	pid_t pid;
	pid_t tid;
	int64_t run_ns;
};

struct senders {
	struct sender *list;
	size_t count;
	pid_t pid;
};

static bool read_memory(void *context, uint64_t address, void *to, size_t length)
{
	return memory_read(*(const pid_t *)context, address, to, length);
}

/* Return: true when the send waits for an answer. Where descriptors can't be duplicated, only MSG_FASTOPEN shows it. */
static bool is_unanswered(pid_t pid, const struct syscall *call)
{
	int pidfd = socket_process(pid);
	int socket = pidfd < 0 ? pidfd : standby_take(pidfd, call->fd);
	struct event info;
	int rc = socket < 0 ? socket : socket_read_counters(socket, &info);

	if (socket >= 0)
		standby_drop(socket);
	if (pidfd >= 0)
		close(pidfd);
	return rc == 0 ? info.info.state == TCP_SYN_SENT : call->kind == SYSCALL_CONNECT;
}

static bool lasts(struct sender *sender)
{
	uint64_t number, arguments[6];
	struct syscall call;
	bool asleep = procfs_call(sender->tid, &number, arguments) == 0;
	int64_t run_ns;

	if (asleep && syscalls_is_send(&call, number, arguments, read_memory, &sender->tid) &&
	    is_unanswered(sender->pid, &call)) {
		sender->run_ns = procfs_run_time(sender->tid);
		return true;
	}
	if (sender->run_ns < 0)
		return false;
	/* After the answer has arrived the thread is still in the call until it has run. */
	run_ns = procfs_run_time(sender->tid);
	return run_ns >= 0 && run_ns - sender->run_ns < (asleep ? 1 : CALL_END_NS);
}

static void await(struct senders *senders)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * CLOCK_NS_PER_MS};
	int64_t until_ns = clock_monotonic() + AWAIT_MS * CLOCK_NS_PER_MS;

	for (;;) {
		size_t left = 0;

		for (size_t i = 0; i < senders->count; i++)
			if (lasts(&senders->list[i]))
				senders->list[left++] = senders->list[i];
		senders->count = left;
		if (left == 0 || clock_monotonic() >= until_ns)
			return;
		nanosleep(&pause, NULL);
	}
}

void handshake_await(pid_t pid, pid_t tid)
{
	struct sender sender = {pid, tid, -1};
	struct senders one = {&sender, 1, pid};

	await(&one);
}

static void add_thread(void *context, pid_t tid)
{
	struct senders *senders = context;
	struct sender sender = {senders->pid, tid, -1};

	if (!lasts(&sender))
		return;
	senders->list = array_extend(senders->list, senders->count, sizeof(*senders->list));
	senders->list[senders->count++] = sender;
}

void handshake_await_all(const pid_t *pids, size_t count)
{
	struct senders senders = {NULL, 0, 0};

	for (size_t i = 0; i < count; i++) {
		senders.pid = pids[i];
		(void)procfs_threads(pids[i], add_thread, &senders);
	}
	await(&senders);
	free(senders.list);
}
