// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "system/confine.h"
#include "source/packet/ring.h"

/* The two walls around the packet process: what it may do, and what is believed of what it says. */

/* ---- the sandbox -------------------------------------------------------------- */

static int do_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int do_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int do_execve(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int do_kill(void)
{
	return kill(getppid(), 0);
}

static int do_fork(void)
{
	return (int)fork();
}

static int do_write_elsewhere(void)
{
	return (int)write(STDERR_FILENO, "", 0);
}

static int do_mmap_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int do_unlink(void)
{
	return unlink("/nowhere/at/all");
}

static int do_getsockopt_elsewhere(void)
{
	socklen_t length = 0;

	return getsockopt(0, SOL_SOCKET, SO_PEERCRED, NULL, &length);
}

static int do_openat2(void)
{
	return (int)syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0);
}

static int do_read_memory(void)
{
	return (int)process_vm_readv(getppid(), NULL, 0, NULL, 0, 0);
}

static int do_pidfd_getfd(void)
{
	return (int)syscall(SYS_pidfd_getfd, 0, 0, 0);
}

static int do_io_uring(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int do_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int do_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static int do_send(void)
{
	return (int)send(0, "", 0, 0);
}

static int do_connect(void)
{
	return connect(0, NULL, 0);
}

static int do_mprotect_code(void)
{
	return mprotect((void *)0x1000, 4096, PROT_READ | PROT_EXEC);
}

static int do_map_file(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 0) == MAP_FAILED;
}

static int do_setuid(void)
{
	return setuid(0);
}

static int do_allowed(void)
{
	/* Larger than malloc(3) keeps in stock: what comes from the kernel must still come. */
	char *memory = malloc(1 << 22);
	int64_t now_ns = clock_now();

	poll(NULL, 0, 0);
	if (memory == NULL || now_ns < 0)
		return 1;
	memory[1 << 21] = 1;
	free(memory);
	return 0;
}

/* Confine a process and let it try. Return: its wait status. */
static int confined(int (*attempt)(void))
{
	struct confine_config config = {.name = "test", .uid = 65534, .gid = 65534, .write_fd = 63, .parent = getpid()};
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (confine(&config, NULL) != 0)
			_exit(99);
		_exit(attempt() == 0 ? 0 : 98);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void sandbox_kills_what_is_not_needed(void **state)
{
	static const struct {
		const char *name;
		int (*attempt)(void);
	} attempts[] = {
		{"open", do_open},
		{"socket", do_socket},
		{"ptrace", do_ptrace},
		{"execve", do_execve},
		{"kill", do_kill},
		{"fork", do_fork},
		{"write to another descriptor", do_write_elsewhere},
		{"executable memory", do_mmap_code},
		{"unlink", do_unlink},
		{"another socket option", do_getsockopt_elsewhere},
		{"openat2", do_openat2},
		{"memory of another process", do_read_memory},
		{"pidfd_getfd", do_pidfd_getfd},
		{"io_uring", do_io_uring},
		{"bpf", do_bpf},
		{"unshare", do_unshare},
		{"send", do_send},
		{"connect", do_connect},
		{"memory made executable", do_mprotect_code},
		{"a file mapped", do_map_file},
		{"setuid", do_setuid},
	};

	(void)state;
	assert_int_equal(confined(do_allowed), 0);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int status = confined(attempts[i].attempt);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: wait status 0x%x", attempts[i].name, status);
	}
}

/* ---- shared memory ------------------------------------------------------------ */

static void ring_put(struct ring_end *writer, enum event_type type)
{
	struct event event, *slot = ring_reserve(writer);

	memset(&event, 0xff, sizeof(event));
	event.time_ns = 1;
	event.type = (uint8_t)type;
	if (slot == NULL) {
		fail();
		return;
	}
	memcpy(slot, &event, RING_SLOT);
	ring_commit(writer);
	ring_publish(writer);
}

static void ring_is_not_believed(void **state)
{
	struct ring *ring = calloc(1, ring_size(4));
	struct ring_end writer = ring_end(ring, 4), reader = ring_end(ring, 4);
	struct event event;

	(void)state;
	assert_non_null(ring);
	assert_int_equal(ring_take(&reader, &event), 0);
	ring_put(&writer, EVENT_SEGMENT);
	assert_int_equal(ring_take(&reader, &event), 1);
	assert_int_equal(event.flow.proto, IPPROTO_TCP);
	assert_int_equal(event.flow.netns, 0);
	assert_int_equal(event.flow.local.zero, 0);
	assert_int_equal(event.origin, ORIGIN_WIRE);
	/* An event that only others may send. */
	ring_put(&writer, EVENT_CALL);
	assert_int_equal(ring_take(&reader, &event), -EPROTO);
	/* The writer learns what was taken when the reader says so. */
	ring_put(&writer, EVENT_SEGMENT);
	ring_put(&writer, EVENT_SEGMENT);
	assert_null(ring_reserve(&writer));
	ring_taken(&reader);
	ring_put(&writer, EVENT_SEGMENT);
	ring_put(&writer, EVENT_SEGMENT);
	assert_null(ring_reserve(&writer));
	/* The reader sees what the writer has published. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(ring_take(&reader, &event), 1);
	ring_taken(&reader);
	assert_non_null(ring_reserve(&writer));
	assert_int_equal(ring_commit(&writer), 1);
	assert_int_equal(ring_take(&reader, &event), 0);
	ring_publish(&writer);
	assert_int_equal(ring_take(&reader, &event), 1);
	/* More than can be. */
	atomic_store(&ring->head, 1000);
	assert_int_equal(ring_take(&reader, &event), -EPROTO);
	free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sandbox_kills_what_is_not_needed),
		cmocka_unit_test(ring_is_not_believed),
	};

	return UNIT_RUN(tests);
}
