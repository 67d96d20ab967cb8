// SPDX-License-Identifier: GPL-2.0-or-later
#include "mkconn.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_SIZE (256 * 1024)
#define ADOPT_SIZE 256

/* --- new images ----------------------------------------------------------------------------------------------- */

/* What another image or process needs to know of a connection. */
static void adopt_text(char text[ADOPT_SIZE], const struct connection *connection)
{
	snprintf(text, ADOPT_SIZE, "%d:%s:%llu:%llu:%d:%d:%d", connection->fd, connection->dir, connection->rx_bytes,
		 connection->tx_bytes, connection->pid, connection->tid, connection->reported_fd);
}

/* The words from @at to @end in a new image, which gets what is open. */
__attribute__((noreturn)) static void execute(const struct scenario *scenario, int at, int end)
{
	char image[4096], truth[4096], limit[32], listener[32], channel[32], adopt[ADOPT_SIZE + 8];
	ssize_t length = readlink("/proc/self/exe", image, sizeof(image) - 1);
	char **words = calloc((size_t)(end - at) + 8, sizeof(*words));
	int num = 0;

	if (length < 0 || !words)
		die("exec");
	image[length] = '\0';
	words[num++] = image;
	snprintf(limit, sizeof(limit), "limit=%u", scenario->limit);
	words[num++] = limit;
	if (scenario->truth) {
		snprintf(truth, sizeof(truth), "truth=%s", scenario->truth);
		words[num++] = truth;
	}
	if (scenario->listener >= 0) {
		snprintf(listener, sizeof(listener), "adopt-listener=%d", scenario->listener);
		words[num++] = listener;
	}
	if (scenario->channel[0] >= 0) {
		snprintf(channel, sizeof(channel), "channel-fds=%d:%d", scenario->channel[0], scenario->channel[1]);
		words[num++] = channel;
	}
	if (scenario->connection) {
		strcpy(adopt, "adopt=");
		adopt_text(adopt + strlen(adopt), scenario->connection);
		words[num++] = adopt;
	}
	memcpy(words + num, scenario->words + at, (size_t)(end - at) * sizeof(*words));
	execv(image, words);
	die("exec %s", image);
}

void do_exec(struct scenario *scenario, int at, int end)
{
	if (scenario->connection && scenario->cloexec) {
		connection_ended(scenario->connection, "local");
		forget(scenario, "exec");
	}
	execute(scenario, at, end);
}

void do_vfork(struct scenario *scenario, int at, int end)
{
	pid_t pid = vfork();

	if (pid < 0)
		die("vfork");
	/* Of the scenario the child changes nothing: its memory is the parent's until exec. */
	if (pid == 0)
		execute(scenario, at, end);
}

void do_adopt(struct scenario *scenario, const char *what)
{
	struct connection *connection;
	unsigned long long rx, tx;
	int fd, pid, tid, reported_fd;
	char dir[4];

	errno = EINVAL;
	if (sscanf(what, "%d:%3[a-z]:%llu:%llu:%d:%d:%d", &fd, dir, &rx, &tx, &pid, &tid, &reported_fd) != 7)
		die("adopt=%s", what);
	connection = connection_new(fd, strcmp(dir, "in") == 0 ? "in" : "out");
	connection->rx_bytes = rx;
	connection->tx_bytes = tx;
	connection->pid = pid;
	connection->tid = tid;
	connection->reported_fd = reported_fd;
	connection_outcome(connection, 0);
	connection_names(connection);
	scenario->connection = connection;
}

/* --- clone ------------------------------------------------------------------------------------------------------ */

/* A child's own scenario and the block it does. */
struct part {
	struct scenario scenario;
	int from;
};

static int child_main(void *argument)
{
	struct part *part = argument;

	run(&part->scenario, part->from);
	tell_all(&part->scenario, "exit");
	_exit(0);
}

static int flag_of(const char *name)
{
	static const struct {
		const char *name;
		int flag;
	} flags[] = {
		{"vm", CLONE_VM},
		{"files", CLONE_FILES},
		{"fs", CLONE_FS},
		{"sighand", CLONE_SIGHAND},
		{"parent", CLONE_PARENT},
		{"untraced", CLONE_UNTRACED},
		{"vfork", CLONE_VFORK},
		{"io", CLONE_IO},
		{"sysvsem", CLONE_SYSVSEM},
		{"ptrace", CLONE_PTRACE},
		{"plain", 0},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(flags[i].name, name) == 0)
			return flags[i].flag;
	errno = EINVAL;
	die("clone=%s", name);
}

/* "clone3" among the flags makes it that call; the child goes on with a copy of the stack then. */
void do_clone(struct scenario *scenario, const char *names, int at)
{
	struct part *part = calloc(1, sizeof(*part));
	char copy[128], *name, *rest = copy;
	char *stack = malloc(STACK_SIZE);
	bool is_clone3 = false;
	int flags = 0;
	long pid;

	if (!part || !stack)
		die("clone");
	snprintf(copy, sizeof(copy), "%s", names);
	while ((name = strsep(&rest, ",")) != NULL) {
		if (strcmp(name, "clone3") == 0)
			is_clone3 = true;
		else
			flags |= flag_of(name);
	}
	part->scenario = *scenario;
	part->from = at;
	part->scenario.connection = part->scenario.kept = NULL;
	part->scenario.thread_num = 0;
	if (is_clone3) {
		/* struct clone_args, the first version */
		uint64_t arguments[8] = {(uint64_t)(unsigned int)flags, 0, 0, 0, SIGCHLD};

		pid = syscall(435, arguments, sizeof(arguments));
		if (pid == 0)
			child_main(part);
	} else {
		pid = clone(child_main, stack + STACK_SIZE, flags | SIGCHLD, part);
	}
	if (pid < 0)
		die("clone=%s", names);
}

/* --- passing descriptors ------------------------------------------------------------------------------------------ */

void do_pass(struct scenario *scenario, bool listener)
{
	char text[ADOPT_SIZE] = "", control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec data = {text, sizeof(text)};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = listener ? scenario->listener : current(scenario, "pass")->fd;

	if (!listener)
		adopt_text(text, scenario->connection);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(scenario->channel[0], &message, MSG_NOSIGNAL) < 0)
		die("pass");
	close(fd);
	if (listener)
		scenario->listener = -1;
	else
		forget(scenario, NULL);
}

void do_take(struct scenario *scenario, bool listener, bool cloexec)
{
	char text[ADOPT_SIZE], control[CMSG_SPACE(sizeof(int))];
	struct iovec data = {text, sizeof(text)};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t length;
	int fd;

	do {
		length = recvmsg(scenario->channel[1], &message, cloexec ? MSG_CMSG_CLOEXEC : 0);
	} while (length < 0 && errno == EINTR);
	if (length != sizeof(text) || !CMSG_FIRSTHDR(&message))
		die("take");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	if (listener) {
		scenario->listener = fd;
		return;
	}
	do_adopt(scenario, text);
	/* The sender had another number for it. */
	scenario->connection->fd = fd;
	connection_names(scenario->connection);
}
