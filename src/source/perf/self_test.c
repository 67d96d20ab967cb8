// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/perf/self_test.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/perf/armed.h"
#include "source/perf/hit_rings.h"
#include "source/perf/sites.h"
#include "system/procfs.h"

/* No descriptor has this number: the kernel refuses it without looking further. */
#define NO_SOCKET (-1)
/* More than any processor has. */
#define FREE_MAX 64

/**
 * struct test_result - what the records of the child say
 * @sites: of it
 * @address: that it gave to connect(2)
 * @good: calls that were reported as they were
 * @bad: calls that were not
 */
struct test_result {
	struct sites sites;
	struct sockaddr_in address;
	int good, bad;
};

/* In the child: waits for the breakpoints. */
static void call_connect(int fd, const struct sockaddr_in *address)
{
	struct sockaddr_in copy = *address;
	char byte;

	if (read(fd, &byte, 1) == 1)
		(void)connect(NO_SOCKET, (const struct sockaddr *)&copy, sizeof(copy));
	_exit(0);
}

static void see_hit(void *context, const struct hit *hit)
{
	struct test_result *result = context;
	const void *memory;
	bool is_site = false;

	if (hit->type != HIT_CALL)
		return;
	for (size_t i = 0; i < result->sites.count; i++)
		is_site |= result->sites.list[i].address == hit->address && result->sites.list[i].call == SITE_CONNECT;
	memory = hit_records_memory(hit, hit->arguments[1], sizeof(result->address));
	if (is_site && hit->result == -EBADF && (int)hit->arguments[0] == NO_SOCKET && memory != NULL &&
	    memcmp(memory, &result->address, sizeof(result->address)) == 0)
		result->good++;
	else
		result->bad++;
}

static int explain(int rc, struct err *err)
{
	char text[16] = "";
	int level = 2;

	if (procfs_read(0, "sys/kernel/perf_event_paranoid", text, sizeof(text)) > 0)
		level = (int)strtol(text, NULL, 10);
	if (rc == -EACCES || rc == -EPERM) {
		if (level > 2)
			return err_set(err, EACCES,
				       "kernel.perf_event_paranoid is %d: this kernel then has no breakpoints for "
				       "ordinary users; sysctl kernel.perf_event_paranoid=2, or CAP_PERFMON",
				       level);
		return err_set(err, EACCES, "perf_event_open(2) is not allowed here (container, sandbox)");
	}
	if (rc == -ENOSYS)
		return err_set(err, ENOSYS, "the kernel has no perf_event_open(2), or a container forbids it");
	if (rc == -ENOSPC)
		return err_set(err, ENODEV, "this processor, or its virtual machine, has no free breakpoints");
	if (rc == -EINVAL)
		return err_set(err, ENOTSUP, "breakpoints that end with execve(2) need Linux 5.13");
	if (rc == -EOPNOTSUPP || rc == -ENOENT || rc == -ENODEV)
		return err_set(err, ENODEV, "this kernel has no hardware breakpoints");
	return rc;
}

/* Return: 0, or a negative errno; @result is filled. */
static int watch_child(pid_t child, int fd, struct test_result *result, struct err *err)
{
	struct hit_rings *rings = NULL;
	struct armed *armed = NULL;
	const struct sites_wish wish = {.accepts = false};
	int rc = sites_find(child, &wish, &result->sites, err);

	if (rc != 0)
		return rc == -ENOENT ? err_set(err, ENOTSUP, "the C library here is not understood: %s", err->text)
				     : rc;
	rc = hit_rings_open(&rings, err);
	if (rc == 0) {
		armed = armed_new(rings, false);
		rc = armed_process(armed, child, &result->sites, ARMED_NAMED, err);
	}
	if (rc == 0 && write(fd, "", 1) == 1) {
		while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
			;
		armed_disable(armed);
		hit_rings_read(rings, see_hit, result);
		if (result->good != 1 || result->bad != 0 || armed_hits(armed) != 1)
			rc = err_set(err, ENODEV,
				     "hardware breakpoints do not report what a test program does: %d of 1 call right, "
				     "%d wrong",
				     result->good, result->bad);
	} else {
		rc = explain(rc, err);
	}
	armed_free(armed);
	hit_rings_close(rings);
	return rc;
}

int self_test_run(struct err *err)
{
	struct test_result result = {
		.address = {.sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
	};
	int fds[2], rc;
	pid_t child;

	if (pipe(fds) != 0)
		return err_set(err, errno, "no pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(fds[1]);
		call_connect(fds[0], &result.address);
	}
	close(fds[0]);
	rc = child > 0 ? watch_child(child, fds[1], &result, err)
		       : err_set(err, errno, "no child process: %s", strerror(errno));
	close(fds[1]);
	/* It ends when the pipe is closed, and may have been waited for. */
	while (child > 0 && waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		;
	return rc;
}

int self_test_free(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_BREAKPOINT,
		.bp_type = HW_BREAKPOINT_X,
		.bp_addr = (uintptr_t)self_test_free,
		.bp_len = sizeof(long),
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	int fds[FREE_MAX], count = 0;

	while (count < FREE_MAX) {
		int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0)
			break;
		fds[count++] = fd;
	}
	for (int i = 0; i < count; i++)
		close(fds[i]);
	return count;
}
