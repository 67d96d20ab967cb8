// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that ends with a connection open, at a moment when it is busy and
 * many of its threads are stopped by its tracer.
 *
 *   ending exit N      the first thread ends, and at once another one ends the process; N more are busy
 *   ending kill N [MS] it is killed from outside; N more threads are busy, for MS milliseconds
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Long enough for the threads to be at it. */
#define BUSY_MS 5
/* About as long as the first thread takes to its end. */
#define ROUNDS 30000

static volatile int first_ends;

/* Calls that are stopped for even where others are not. */
static void *be_busy(void *context)
{
	int error;

	(void)context;
	for (;;) {
		socklen_t length = sizeof(error);

		(void)getsockopt(0, SOL_SOCKET, SO_ERROR, &error, &length);
		(void)shutdown(0, SHUT_RD);
		(void)close(-1);
	}
	return NULL;
}

static void *end_all(void *context)
{
	(void)context;
	while (!first_ends)
		;
	for (volatile int i = 0; i < ROUNDS; i++)
		;
	_exit(0);
}

static void start(void *(*what)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, what, NULL) != 0)
		_exit(2);
}

static void wait_busy(int ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static void serve(int listener, bool ends_itself, int threads, int ready)
{
	if (accept(listener, NULL, NULL) < 0)
		_exit(2);
	for (int i = 0; i < threads; i++)
		start(be_busy);
	if (!ends_itself) {
		if (write(ready, "", 1) != 1)
			_exit(2);
		be_busy(NULL);
	}
	start(end_all);
	wait_busy(BUSY_MS);
	first_ends = 1;
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int listener = socket(AF_INET, SOCK_STREAM, 0), ready[2], client;
	socklen_t length = sizeof(address);
	bool kills;
	pid_t server;
	char byte;

	if (argc < 3)
		return 2;
	kills = strcmp(argv[1], "kill") == 0;
	if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0 || pipe(ready) < 0)
		return 2;
	server = fork();
	if (server == 0)
		serve(listener, !kills, atoi(argv[2]), ready[1]);
	close(listener);
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (struct sockaddr *)&address, length) < 0)
		return 2;
	if (kills && read(ready[0], &byte, 1) == 1) {
		wait_busy(argc > 3 ? atoi(argv[3]) : BUSY_MS);
		kill(server, SIGKILL);
	}
	/* Until the other side is gone. */
	if (read(client, &byte, 1) != 0)
		return 2;
	close(client);
	return waitpid(server, NULL, 0) == server ? 0 : 2;
}
