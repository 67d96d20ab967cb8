// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * waits HOW COUNT: a parent that learns of the end of its children by pidfd and asks without blocking
 *
 * Prints how often the pidfd was readable and the child was not there, and how often its status was another one.
 * HOW is how the child ends:
 *	exit		exit_group(2)
 *	holding		the same, with a connection open that no other process holds
 *	shared		the same, with a connection that the parent holds too
 *	threads		exit_group(2) by one of five threads
 *	leader		its first thread ends first (pthread_exit), another one ends the process
 *	kill		the parent kills it while it sleeps
 *	execs		it executes sh(1) from a thread that is not the first
 *	vfork		it is born by vfork(2)
 *	nowait		as exit; the parent looks first (WNOWAIT)
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define STATUS 7

static const char *how;
static int held = -1;

static int is(const char *word)
{
	return strcmp(how, word) == 0;
}

/* A connection with oneself; Return: one end, the other one stays open. */
static int connection(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
	    connect(fd, (struct sockaddr *)&address, length) != 0 || accept(listener, NULL, NULL) < 0)
		exit(1);
	close(listener);
	return fd;
}

static void *sleeper(void *unused)
{
	pause();
	return unused;
}

/* Killed in the stop at its end, before the tracer has heard of that, it could not be let go. */
static void await_leader(void)
{
	char state = 0;

	while (state != 'Z') {
		FILE *file = fopen("/proc/self/stat", "r");

		if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			_exit(1);
		fclose(file);
	}
}

static void *ender(void *unused)
{
	usleep(300);
	if (is("leader"))
		await_leader();
	if (is("execs"))
		execlp("sh", "sh", "-c", "exit 7", (char *)NULL);
	_exit(STATUS);
	return unused;
}

static void child(void)
{
	pthread_t thread;

	if (is("kill"))
		pause();
	if (is("holding"))
		(void)connection();
	if (is("threads"))
		for (int i = 0; i < 4; i++)
			pthread_create(&thread, NULL, sleeper, NULL);
	if (is("threads") || is("leader") || is("execs")) {
		pthread_create(&thread, NULL, ender, NULL);
		if (is("leader"))
			pthread_exit(NULL);
		pause();
	}
	usleep(300);
	_exit(STATUS);
}

static pid_t born(void)
{
	pid_t pid;

	if (is("vfork")) {
		pid = vfork();
		if (pid == 0) {
			execlp("sh", "sh", "-c", "exit 7", (char *)NULL);
			_exit(1);
		}
		return pid;
	}
	pid = fork();
	if (pid == 0)
		child();
	return pid;
}

int main(int argc, char *argv[])
{
	int count = argc == 3 ? atoi(argv[2]) : 0, missed = 0, wrong = 0;

	if (argc != 3)
		return 2;
	how = argv[1];
	if (is("shared"))
		held = connection();
	for (int i = 0; i < count; i++) {
		pid_t pid = born();
		int fd = (int)syscall(SYS_pidfd_open, pid, 0);
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		siginfo_t info = {0};

		if (fd < 0)
			return 77;
		if (is("kill")) {
			usleep(300);
			kill(pid, SIGKILL);
		}
		poll(&poller, 1, -1);
		if (is("nowait")) {
			waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT);
			missed += info.si_pid != pid;
			info = (siginfo_t){0};
		}
		waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
		if (info.si_pid != pid) {
			missed++;
			waitid(P_PIDFD, (id_t)fd, &info, WEXITED);
		}
		wrong += info.si_status != (is("kill") ? SIGKILL : STATUS);
		close(fd);
	}
	printf("missed %d wrong %d\n", missed, wrong);
	return held == 0;
}
