// SPDX-License-Identifier: GPL-2.0-or-later
/* A /proc of our own making: processes that need not exist, in states that are hard to come by. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/diag.h"
#include "system/procfs_children.h"
#include "system/procfs_netstat.h"
#include "system/procfs.h"
#include "system/procfs_owners.h"
#include "system/procfs_tcp.h"

static char tree[64];

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *walk)
{
	(void)facts;
	(void)type;
	(void)walk;
	return remove(path);
}

/** path_in() - a path in the tree, its directories made */
static const char *path_in(char path[256], int pid, const char *name)
{
	if (pid == 0)
		snprintf(path, 256, "%s/%s", tree, name);
	else
		snprintf(path, 256, "%s/%d/%s", tree, pid, name);
	for (char *at = path + strlen(tree) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		mkdir(path, 0755);
		*at = '/';
	}
	return path;
}

static void write_file(int pid, const char *name, const char *text)
{
	char path[256];
	FILE *file = fopen(path_in(path, pid, name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void write_bytes(int pid, const char *name, const char *bytes, size_t length)
{
	char path[256];
	FILE *file = fopen(path_in(path, pid, name), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void write_link(int pid, const char *name, const char *target)
{
	char path[256];

	assert_return_code(symlink(target, path_in(path, pid, name)), errno);
}

/** struct fake - what a fake process differs in from one that may be attached to */
struct fake {
	int pid, parent, tracer, tgid;
	char state;
	unsigned int uid[3], gid;
	unsigned long long permitted, effective;
	int seccomp;
	bool kernel_thread;
	bool has_no_memory;
};

static struct fake fake_of(int pid)
{
	unsigned int uid = getuid();

	return (struct fake){
		.pid = pid,
		.parent = 1,
		.tgid = pid,
		.state = 'S',
		.uid = {uid, uid, uid},
		.gid = getgid(),
	};
}

static void write_process(const struct fake *fake, const char *comm)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "Name:\t%s\nState:\t%c (whatever)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n"
		 "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n%sCapPrm:\t%016llx\nCapEff:\t%016llx\nSeccomp:\t%d\n",
		 comm, fake->state, fake->tgid, fake->pid, fake->parent, fake->tracer, fake->uid[0], fake->uid[1],
		 fake->uid[2], fake->uid[2], fake->gid, fake->gid, fake->gid, fake->gid,
		 fake->kernel_thread || fake->has_no_memory ? "" : "VmSize:\t   100 kB\n", fake->permitted,
		 fake->effective, fake->seccomp);
	write_file(fake->pid, "status", text);
	snprintf(text, sizeof(text), "%s\n", comm);
	write_file(fake->pid, "comm", text);
	if (!fake->kernel_thread && !fake->has_no_memory)
		return;
	snprintf(text, sizeof(text), "%d (%s) %c %d 0 0 0 -1 %u 0 0\n", fake->pid, comm, fake->state, fake->parent,
		 fake->kernel_thread ? 0x00208040 : 0x00400104);
	write_file(fake->pid, "stat", text);
}

static int set_up(void **state)
{
	struct fake self = fake_of(getpid());

	(void)state;
	strcpy(tree, "/tmp/test_procfs.XXXXXX");
	if (mkdtemp(tree) == NULL)
		return -1;
	procfs_set_root(tree);
	write_process(&self, "self");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	procfs_set_root("/proc");
	return nftw(tree, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect_why(int pid, int error, const char *part)
{
	char text[512];

	procfs_why_not_attachable(pid, error, text, sizeof(text));
	if (strstr(text, part) == NULL)
		print_error("\"%s\" is not in: %s\n", part, text);
	assert_non_null(strstr(text, part));
	assert_null(strchr(text, '\n'));
	assert_int_equal(strncmp(text, "cannot attach to PID ", 21), 0);
}

static void facts_are_read(void **state)
{
	struct fake fake = fake_of(500);
	struct procfs_status status;
	char comm[16], path[PATH_MAX];

	(void)state;
	fake.parent = getpid();
	fake.tracer = 77;
	fake.permitted = 0x80000;
	fake.seccomp = 2;
	write_process(&fake, "a) b\nc");
	write_file(500, "stat", "500 (a) b\nc) S 1 500 500 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 2\n");
	write_link(500, "exe", "/usr/bin/some thing (deleted)");
	assert_int_equal(procfs_status(500, &status), 0);
	assert_int_equal(status.tgid, 500);
	assert_int_equal(status.ppid, getpid());
	assert_int_equal(status.tracer, 77);
	assert_int_equal(status.uid[2], getuid());
	assert_int_equal(status.gid[0], getgid());
	assert_int_equal(status.permitted, 0x80000);
	assert_int_equal(status.seccomp, 2);
	assert_int_equal(status.state, 'S');
	assert_true(status.has_memory);
	assert_int_equal(procfs_status(501, &status), -ESRCH);
	procfs_comm(500, comm);
	assert_string_equal(comm, "a) b\nc");
	procfs_comm(501, comm);
	assert_string_equal(comm, "");
	assert_int_equal(procfs_exe(500, path, sizeof(path)), 29);
	assert_string_equal(path, "/usr/bin/some thing (deleted)");
	assert_int_equal(procfs_exe(500, path, 29), -ENAMETOOLONG);
	assert_int_equal(procfs_exe(501, path, sizeof(path)), -ENOENT);
	assert_int_equal(procfs_thread_group(500), 500);
	assert_int_equal(procfs_thread_group(501), -1);
	assert_int_equal(procfs_netns(500), 0);
	assert_true(procfs_is_ancestor(getpid(), getpid()));
	assert_true(procfs_is_ancestor(1, getpid()));
	assert_false(procfs_is_ancestor(500, getpid()));
	assert_int_equal(procfs_ptrace_scope(), 0);
	write_file(0, "sys/kernel/yama/ptrace_scope", "2\n");
	assert_int_equal(procfs_ptrace_scope(), 2);
}

static void real_proc_is_understood(void **state)
{
	struct procfs_status status;
	char path[PATH_MAX];
	struct stat facts;

	(void)state;
	procfs_set_root("/proc");
	assert_int_equal(procfs_status(getpid(), &status), 0);
	assert_int_equal(status.tgid, getpid());
	assert_int_equal(status.ppid, getppid());
	assert_int_equal(status.uid[1], geteuid());
	assert_true(procfs_exe(getpid(), path, sizeof(path)) > 0);
	assert_return_code(stat("/proc/self/ns/net", &facts), errno);
	assert_int_equal(procfs_netns(getpid()), facts.st_ino);
	assert_true(procfs_is_ancestor(getppid(), getpid()));
	procfs_set_root(tree);
}

/** struct pieces - strings put together again */
struct pieces {
	char text[PROCESS_FACT_NUM][PATH_MAX];
	int events;
};

static void take_piece(void *context, const struct event *event)
{
	struct pieces *pieces = context;

	assert_int_equal(event->type, EVENT_PROCESS);
	assert_int_equal(event->time_ns, 12345);
	assert_int_equal(event->process.pid, 600);
	assert_int_equal(event->process.uid, getuid());
	assert_true(event->process.length <= EVENT_PROCESS_TEXT);
	memcpy(pieces->text[event->process.fact] + event->process.offset, event->process.text, event->process.length);
	pieces->events++;
}

static void names_come_in_pieces(void **state)
{
	static struct pieces pieces;
	struct fake fake = fake_of(600), parent = fake_of(599);
	char path[301];

	(void)state;
	write_process(&fake, "long path");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[300] = '\0';
	write_link(600, "exe", path);
	procfs_process_events(600, 12345, take_piece, &pieces);
	assert_int_equal(pieces.events, 1 + 3);
	assert_string_equal(pieces.text[PROCESS_COMM], "long path");
	assert_string_equal(pieces.text[PROCESS_EXE], path);
	assert_string_equal(pieces.text[PROCESS_CGROUP], "");
	/* One that is gone has nothing to tell. */
	procfs_process_events(601, 12345, take_piece, &pieces);
	assert_int_equal(pieces.events, 4);
	memset(&pieces, 0, sizeof(pieces));
	write_process(&parent, "the shell");
	write_file(600, "stat", "600 (a) b (c\n) S 599 600 600 0 -1 4194560\n");
	write_file(600, "cgroup", "1:name=systemd:/\n0::/system.slice/a\033.service\n");
	write_bytes(600, "cmdline", "nginx: worker\0-c\0\033x\0\0", 20);
	procfs_process_events(600, 12345, take_piece, &pieces);
	assert_int_equal(pieces.events, 1 + 3 + 1 + 1 + 1);
	assert_string_equal(pieces.text[PROCESS_CGROUP], "/system.slice/a\033.service");
	assert_string_equal(pieces.text[PROCESS_PARENT], "599 the shell");
	assert_string_equal(pieces.text[PROCESS_CMDLINE], "nginx: worker -c \033x");
	for (size_t length = 254; length <= 300; length++) {
		memset(&pieces, 0, sizeof(pieces));
		write_bytes(600, "cmdline", path, length);
		procfs_process_events(600, 12345, take_piece, &pieces);
		assert_int_equal(strlen(pieces.text[PROCESS_CMDLINE]), length > 255 ? 255 : length);
		assert_int_equal(memcmp(pieces.text[PROCESS_CMDLINE], path, length > 255 ? 252 : length), 0);
		assert_int_equal(
			strcmp(pieces.text[PROCESS_CMDLINE] + (length > 255 ? 252 : length), length > 255 ? "..." : ""),
			0);
	}
	/* The process without a parent in the own PID namespace. */
	write_file(600, "stat", "600 (x) S 0 600 600 0 -1 4194560\n");
	memset(&pieces, 0, sizeof(pieces));
	procfs_process_events(600, 12345, take_piece, &pieces);
	assert_string_equal(pieces.text[PROCESS_PARENT], "");
	procfs_skip_details();
	memset(&pieces, 0, sizeof(pieces));
	procfs_process_events(600, 12345, take_piece, &pieces);
	assert_int_equal(pieces.events, 1 + 3);
	assert_false(procfs_cgroup(600, path, sizeof(path)));
}

static void count_thread(void *context, pid_t tid)
{
	*(long *)context += tid;
}

static void append_pid(void *context, pid_t pid)
{
	char *text = context;
	size_t length = strlen(text);

	snprintf(text + length, 64 - length, " %d", (int)pid);
}

static void sockets_have_all_their_holders(void **state)
{
	struct procfs_owners *owners = procfs_owners_new(4);
	char text[64] = "";

	(void)state;
	write_link(711, "fd/3", "socket:[4100]");
	write_link(711, "fd/4", "socket:[4100]");
	write_link(711, "fd/5", "socket:[4101]");
	write_link(712, "fd/3", "socket:[4100]");
	write_link(712, "fd/4", "socket:[4100]");
	write_link(713, "fd/7", "socket:[4100]");
	assert_int_equal(procfs_owners_add(owners, 712), 2);
	procfs_owners_holders(owners, 4100, append_pid, text);
	assert_string_equal(text, " 712");
	assert_int_equal(procfs_owners_add(owners, 711), 3);
	assert_int_equal(procfs_owners_add(owners, 713), 1);
	text[0] = '\0';
	procfs_owners_holders(owners, 4100, append_pid, text);
	assert_string_equal(text, " 712 711 713");
	text[0] = '\0';
	procfs_owners_holders(owners, 4101, append_pid, text);
	procfs_owners_holders(owners, 4102, append_pid, text);
	procfs_owners_holders(owners, 0, append_pid, text);
	assert_string_equal(text, " 711");
	/* A limit is kept, and said so: there is room for one more. */
	assert_int_equal(procfs_owners_add(owners, 713), 1);
	assert_int_equal(procfs_owners_refused(owners), 0);
	assert_int_equal(procfs_owners_add(owners, 713), 1);
	assert_int_equal(procfs_owners_refused(owners), 1);
	procfs_owners_clear(owners);
	procfs_owners_holders(owners, 4100, append_pid, text);
	assert_string_equal(text, " 711");
	procfs_owners_free(owners);
}

static void sockets_find_their_owner(void **state)
{
	struct procfs_owners *owners = procfs_owners_new(1000);
	const struct procfs_holder *holder;
	char name[32], target[32];
	long sum = 0;

	(void)state;
	write_link(700, "fd/0", "/dev/null");
	write_link(700, "fd/9", "socket:[4000]");
	write_link(700, "fd/5", "socket:[4000]");
	write_link(700, "fd/6", "socket:[4001]");
	write_link(701, "fd/3", "socket:[4001]");
	write_link(701, "fd/4", "anon_inode:[eventpoll]");
	write_link(701, "fd/5", "anon_inode:[io_uring]");
	write_link(701, "fd/7", "socket:[4004]");
	write_file(701, "fdinfo/5",
		   "pos:\t0\nUserFiles:\t3\n    0: socket:[4003]\n    2: socket:[4004]\nUserBufs:\t0\n");
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "fd/%d", 10 + i);
		snprintf(target, sizeof(target), "socket:[%d]", 10000 + i);
		write_link(702, name, target);
	}
	write_file(702, "task/702/comm", "x");
	write_file(702, "task/703/comm", "x");
	assert_int_equal(procfs_threads(702, count_thread, &sum), 2);
	assert_int_equal(sum, 702 + 703);
	assert_true(procfs_threads(799, count_thread, &sum) < 0);

	assert_int_equal(procfs_owners_refresh(owners), 504);
	holder = procfs_owners_find(owners, 4000);
	assert_non_null(holder);
	assert_int_equal(holder->pid, 700);
	assert_int_equal(holder->fd, 5);
	assert_false(holder->shared);
	holder = procfs_owners_find(owners, 4001);
	assert_non_null(holder);
	assert_int_equal(holder->pid, 700);
	assert_int_equal(holder->fd, 6);
	assert_true(holder->shared);
	for (int i = 0; i < 500; i++) {
		holder = procfs_owners_find(owners, (uint32_t)(10000 + i));
		assert_non_null(holder);
		assert_int_equal(holder->fd, 10 + i);
	}
	/* A direct descriptor is none, and one that there is goes before it. */
	holder = procfs_owners_find(owners, 4003);
	assert_non_null(holder);
	assert_int_equal(holder->pid, 701);
	assert_int_equal(holder->fd, -1);
	holder = procfs_owners_find(owners, 4004);
	assert_non_null(holder);
	assert_int_equal(holder->fd, 7);
	assert_false(holder->shared);
	assert_null(procfs_owners_find(owners, 4002));
	assert_null(procfs_owners_find(owners, 0));
	procfs_owners_free(owners);

	/* A limit is kept, and said so. */
	owners = procfs_owners_new(10);
	assert_int_equal(procfs_owners_add(owners, 702), 500);
	assert_int_equal(procfs_owners_refused(owners), 490);
	procfs_owners_clear(owners);
	assert_int_equal(procfs_owners_refused(owners), 0);
	assert_int_equal(procfs_owners_add(owners, 798), -ENOENT);
	procfs_owners_free(owners);
	procfs_owners_free(NULL);
}

static void tcp_tables_are_read(void **state)
{
	struct event event = event_new(EVENT_INFO, ORIGIN_KERNEL, 1);
	const char *head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
			   "inode\n";
	const uint32_t v4 = htonl(INADDR_LOOPBACK), v6[4] = {0, 0, 0, htonl(1)};
	char text[1024], name[ENDPOINT_TEXT];
	uint32_t inode;

	(void)state;
	snprintf(text, sizeof(text),
		 "%s   0: %08X:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4000 1 x\n"
		 "  17: %08X:1F90 %08X:C350 01 00000010:00000000 00:00000000 00000000  1000        0 4001 1 x\n"
		 "  18: nonsense\n",
		 head, v4, v4, v4);
	write_file(900, "net/tcp", text);
	assert_int_equal(procfs_tcp_find(900, 4001, &event), 0);
	assert_int_equal(event.info.state, TCP_ESTABLISHED);
	assert_int_equal(event.info.inode, 4001);
	assert_int_equal(event.info.uid, 1000);
	assert_int_equal(event.flow.local.port, 8080);
	assert_int_equal(event.flow.remote.port, 50000);
	endpoint_ip_text(&event.flow.remote, name);
	assert_string_equal(name, "127.0.0.1");
	event = event_new(EVENT_INFO, ORIGIN_KERNEL, 1);
	assert_int_equal(procfs_tcp_find(900, 4000, &event), 0);
	assert_int_equal(event.info.state, TCP_LISTEN);
	assert_int_equal(event.flow.remote.port, 0);
	/* Without IPv6 there is no second table; with it, it is looked at too. */
	assert_int_equal(procfs_tcp_find(900, 4002, &event), -ENOENT);
	snprintf(text, sizeof(text), "%s   3: %08X%08X%08X%08X:0016 %08X%08X%08X%08X:0017 08 0:0 0:0 0 0 0 4002 1\n",
		 head, v6[0], v6[1], v6[2], v6[3], v6[0], v6[1], v6[2], v6[3]);
	write_file(900, "net/tcp6", text);
	assert_int_equal(procfs_tcp_find(900, 4002, &event), 0);
	endpoint_ip_text(&event.flow.local, name);
	assert_string_equal(name, "::1");
	assert_int_equal(event.flow.remote.port, 23);
	assert_int_equal(procfs_tcp_find(901, 4002, &event), -ENOENT);
	write_link(900, "fd/0", "/dev/null");
	assert_int_equal(procfs_tcp_inode(900, 0, &inode), -ENOTSUP);
	assert_int_equal(procfs_tcp_inode(900, 1, &inode), -ENOENT);
}

static void protocols_are_reported_apart(void **state)
{
	static const struct {
		int family, type, rc;
	} kinds[] = {
		{AF_INET, SOCK_STREAM, 0},
		{AF_INET, SOCK_DGRAM, -ENOTSUP},
		{AF_UNIX, SOCK_STREAM, -ENOTSUP},
	};
	uint32_t inode;

	(void)state;
	procfs_set_root("/proc");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int fd = socket(kinds[i].family, kinds[i].type | SOCK_CLOEXEC, 0);

		assert_return_code(fd, errno);
		assert_int_equal(procfs_tcp_inode(getpid(), fd, &inode), kinds[i].rc);
		close(fd);
	}
	procfs_set_root(tree);
}

static void refusals_are_explained(void **state)
{
	struct fake fake = fake_of(800);
	struct fake self = fake_of(getpid());

	(void)state;
	expect_why(800, ESRCH, "there is no such process");
	expect_why(800, EPERM, "hidepid");
	write_process(&fake, "prog");
	expect_why(800, EPERM, "PID 800 (prog): neither users nor Yama are in the way; a security module");
	expect_why(800, EIO, strerror(EIO));
	expect_why(800, ESRCH, "ended meanwhile");
	self.seccomp = 2;
	write_process(&self, "self");
	expect_why(800, EPERM, "--cap-add=SYS_PTRACE");
	self.seccomp = 0;
	write_process(&self, "self");

	fake.uid[0] = fake.uid[1] = fake.uid[2] = 4000000;
	write_process(&fake, "evil\x1b[name");
	expect_why(800, EPERM, "(evil\\x1b[name): it belongs to user 4000000; run conntrace as that user or ");
	fake.uid[0] = getuid();
	write_process(&fake, "prog");
	expect_why(800, EPERM, "it runs a set-user-ID program of user");
	fake = fake_of(800);
	fake.gid = 4000000;
	write_process(&fake, "prog");
	expect_why(800, EPERM, "group 4000000; run conntrace ");
	fake = fake_of(800);
	fake.permitted = 0x400;
	write_process(&fake, "prog");
	expect_why(800, EPERM, "has capabilities");
	/* A tracer that has them, and the right one, is not stopped by users. */
	self.permitted = self.effective = 0x80400;
	write_process(&self, "self");
	expect_why(800, EPERM, "neither users nor Yama");
}

static void tracers_and_the_dead_are_explained(void **state)
{
	struct fake fake = fake_of(800), tracer = fake_of(801);
	char path[256], text[512];

	(void)state;
	write_process(&tracer, "gdb");
	fake.tracer = 801;
	write_process(&fake, "prog");
	/* What works for it is recommended. */
	procfs_why_not_attachable(800, EPERM, text, sizeof(text));
	assert_null(strstr(text, "--via=diag"));
	assert_return_code(mkdir(path_in(path, 800, "fd"), 0700), errno);
	expect_why(800, EPERM, "it is traced by PID 801 (gdb) already, and only one can");
	/* Under an emulator of programs there is no sock_diag(7). */
	procfs_why_not_attachable(800, EPERM, text, sizeof(text));
	assert_int_equal(strstr(text, "; --via=diag needs no tracing") != NULL, diag_answers());
	fake.tracer = 0;
	fake.tgid = 799;
	write_process(&fake, "prog");
	expect_why(800, EPERM, "a thread of the process 799");
	fake = fake_of(800);
	fake.kernel_thread = true;
	write_process(&fake, "kworker/0:1");
	expect_why(800, EPERM, "thread of the kernel");
	/* Its memory is released before it has ended. */
	fake.kernel_thread = false;
	fake.has_no_memory = true;
	fake.state = 'R';
	write_process(&fake, "a) S 1 1 1 1 1 2129984");
	expect_why(800, EPERM, "it is ending");
	fake.state = 'Z';
	fake.parent = 801;
	write_process(&fake, "prog");
	expect_why(800, EPERM, "it has ended, and its parent, PID 801 (gdb)");
}

static void undumpable_is_explained(void **state)
{
	struct fake self = fake_of(getpid()), fake = fake_of(800);

	(void)state;
	/* As if the files belonged to the user of this test and the process to another one. */
	fake.uid[0] = fake.uid[1] = fake.uid[2] = 4000000;
	memcpy(self.uid, fake.uid, sizeof(self.uid));
	write_process(&self, "self");
	write_process(&fake, "daemon");
	expect_why(800, EPERM, "not dumpable");
}

static void yama_is_explained(void **state)
{
	struct fake fake = fake_of(800), self = fake_of(getpid());

	(void)state;
	write_process(&fake, "prog");
	write_file(0, "sys/kernel/yama/ptrace_scope", "1\n");
	expect_why(800, EPERM, "by its ancestors only (kernel.yama.ptrace_scope is 1)");
	fake.parent = 801;
	write_process(&fake, "prog");
	fake = fake_of(801);
	fake.parent = getpid();
	write_process(&fake, "shell");
	expect_why(800, EPERM, "neither users nor Yama");
	write_file(0, "sys/kernel/yama/ptrace_scope", "2\n");
	expect_why(800, EPERM, "kernel.yama.ptrace_scope is 2");
	self.effective = 0x80000;
	write_process(&self, "self");
	expect_why(800, EPERM, "neither users nor Yama");
	write_file(0, "sys/kernel/yama/ptrace_scope", "3\n");
	expect_why(800, EPERM, "until the next boot");
}

static void the_call_a_thread_sleeps_in(void **state)
{
	uint64_t number, arguments[6];

	(void)state;
	write_file(500, "syscall", "44 0x3 0x7f12 0xa 0x20000000 0x7ffd 0x10 0x7ffe 0x7fff\n");
	assert_int_equal(procfs_call(500, &number, arguments), 0);
	assert_int_equal(number, 44);
	assert_int_equal(arguments[0], 3);
	assert_int_equal(arguments[5], 0x10);
	write_file(500, "syscall", "running\n");
	assert_int_equal(procfs_call(500, &number, arguments), -EAGAIN);
	write_file(500, "syscall", "-1 0x7ffe 0x7fff\n");
	assert_int_equal(procfs_call(500, &number, arguments), -EAGAIN);
	assert_int_equal(procfs_call(501, &number, arguments), -ENOENT);
	assert_int_equal(procfs_run_time(500), -1);
	write_file(500, "schedstat", "2116853 94113 7\n");
	assert_int_equal(procfs_run_time(500), 2116853);
}

static void counters_are_found_by_name(void **state)
{
	static const char text[] = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 23 4\n"
				   "IpExt: A\nIpExt: 5\n";
	char copy[sizeof(text)], cut[] = "TcpExt: A B\n", none[] = "";

	(void)state;
	memcpy(copy, text, sizeof(text));
	assert_int_equal(procfs_netstat_find(copy, "ListenOverflows"), 23);
	memcpy(copy, text, sizeof(text));
	assert_int_equal(procfs_netstat_find(copy, "Overflows"), -1);
	assert_int_equal(procfs_netstat_find(cut, "A"), -1);
	assert_int_equal(procfs_netstat_find(none, "A"), -1);
	assert_int_equal(procfs_netstat_value(-1, "ListenOverflows"), -1);
}

/* More than the kernel gives in one read(2). */
#define CHILDREN 1000

static void count_child(void *context, pid_t child)
{
	(void)child;
	++*(int *)context;
}

static void children_are_found_however_many(void **state)
{
	int seen = 0, made = 0, ends[2];
	char byte;
	pid_t pid = 0;

	(void)state;
	procfs_set_root("/proc");
	assert_int_equal(pipe(ends), 0);
	for (; made < CHILDREN; made++) {
		pid = fork();
		if (pid == 0) {
			close(ends[1]);
			_exit(read(ends[0], &byte, 1) != 0);
		}
		if (pid < 0)
			break;
	}
	assert_int_equal(procfs_children(getpid(), count_child, &seen), 0);
	close(ends[1]);
	close(ends[0]);
	for (int i = 0; i < made; i++)
		assert_true(wait(NULL) > 0);
	if (pid < 0)
		skip(); /* the number of processes is limited here */
	assert_int_equal(seen, CHILDREN);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(facts_are_read),
		TEST(real_proc_is_understood),
		TEST(names_come_in_pieces),
		TEST(children_are_found_however_many),
		TEST(sockets_have_all_their_holders),
		TEST(sockets_find_their_owner),
		TEST(tcp_tables_are_read),
		TEST(protocols_are_reported_apart),
		TEST(refusals_are_explained),
		TEST(tracers_and_the_dead_are_explained),
		TEST(undumpable_is_explained),
		TEST(yama_is_explained),
		TEST(the_call_a_thread_sleeps_in),
		TEST(counters_are_found_by_name),
	};

	return UNIT_RUN(tests);
}
