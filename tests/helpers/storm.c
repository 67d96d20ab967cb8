// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * storm - many short connections over loopback, and how fast they went
 *
 *   storm server port-file=FILE connections=N [request=100] [response=200]
 *       One thread: accept4, read, write, shutdown(SHUT_WR), read to the end, close; ends after N connections.
 *   storm client port=PORT connections=N [threads=2] [sources=127.0.0.1,127.0.0.2] [request=100] [response=200]
 *       Each connection from the next source address in turn: connect, write, read to the end, close.
 *
 * open=N (both, threads=1): so many connections are kept open; the client closes the oldest before it makes another,
 * the server then reads it to the end and closes it too; if more than 16, it is that far ahead of the answers.
 * rate=N (client): no more than so many a second.
 * hold (both): at the end wait for a line, or the end, on stdin before the last ones are closed.
 *
 * Both print one JSON line: {"connections":,"seconds":,"per_second":,"rx_bytes":,"tx_bytes":}, the server's clock
 * starting with its first connection. Everything that fails ends the run with exit status 1; limit=SEC (120) bounds it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOURCES_MAX 16
#define THREADS_MAX 16
#define MESSAGE_MAX 65536
#define OPEN_MAX 65536
/* Of those that are kept so many have not been answered yet: a server has more than one client, which do not wait. */
#define LAG 16

/**
 * struct plan - what the words say
 * @connections: how many, of this thread
 * @first: number of its first one, which decides where its sources begin
 * @open: how many are kept open, 0: each is ended before the next
 * @rate: most in a second, 0 any number
 * @hold: wait before the last ones are closed
 */
struct plan {
	const char *port_file;
	unsigned long port;
	unsigned long connections;
	unsigned long first;
	unsigned long threads;
	unsigned long open;
	unsigned long rate;
	bool hold;
	size_t request;
	size_t response;
	struct in_addr sources[SOURCES_MAX];
	unsigned int source_num;
	unsigned long long rx_bytes;
	unsigned long long tx_bytes;
};

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_result(const struct plan *plan, double took)
{
	printf("{\"connections\":%lu,\"seconds\":%.6f,\"per_second\":%.1f,\"rx_bytes\":%llu,\"tx_bytes\":%llu}\n",
	       plan->connections, took, (double)plan->connections / took, plan->rx_bytes, plan->tx_bytes);
	fflush(stdout);
}

static void write_all(struct plan *plan, int fd, size_t size)
{
	static const char zeros[MESSAGE_MAX];

	while (size > 0) {
		ssize_t wrote = write(fd, zeros, size);

		if (wrote < 0)
			die("write");
		plan->tx_bytes += (size_t)wrote;
		size -= (size_t)wrote;
	}
}

/* Reads @size bytes or to the end, whichever comes first. */
static void read_some(struct plan *plan, int fd, size_t size)
{
	char bytes[MESSAGE_MAX];

	while (size > 0) {
		ssize_t got = read(fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes));

		if (got < 0)
			die("read");
		if (got == 0)
			return;
		plan->rx_bytes += (size_t)got;
		size -= (size_t)got;
	}
}

/* The file appears complete, so that a waiting reader gets a port. */
static void tell_port(int listener, const char *name)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	char temporary[4096];
	FILE *file;

	getsockname(listener, (struct sockaddr *)&address, &length);
	snprintf(temporary, sizeof(temporary), "%s.new", name);
	file = fopen(temporary, "we");
	if (!file || fprintf(file, "%u\n", ntohs(address.sin_port)) < 0 || fclose(file) != 0 ||
	    rename(temporary, name) < 0)
		die(name);
}

static int kept[OPEN_MAX];
static unsigned long kept_num;

/* Keeps @fd, number @i, in place of the one @plan->open before it. Return: that one, -1 none. */
static int keep(const struct plan *plan, unsigned long i, int fd)
{
	int oldest = kept_num == plan->open ? kept[i % plan->open] : -1;

	kept[i % plan->open] = fd;
	if (oldest < 0)
		kept_num++;
	return oldest;
}

/* The client reads the answer on number @i of those that are kept. */
static void read_kept(struct plan *plan, unsigned long i)
{
	read_some(plan, kept[i % plan->open], plan->response);
}

/* The end of one that was kept: the client closes first. */
static void end_kept(struct plan *plan, int fd, bool is_server)
{
	if (fd < 0)
		return;
	if (is_server)
		read_some(plan, fd, SIZE_MAX);
	close(fd);
}

static void end_all_kept(struct plan *plan, bool is_server)
{
	char byte;

	if (plan->hold && read(STDIN_FILENO, &byte, 1) < 0)
		die("stdin");
	for (unsigned long i = 0; i < kept_num; i++)
		end_kept(plan, kept[(plan->connections + i) % kept_num], is_server);
}

/* Before number @i: not earlier than the rate allows. */
static void wait_turn(const struct plan *plan, double begin, unsigned long i)
{
	double early = plan->rate ? begin + (double)i / (double)plan->rate - seconds() : 0;

	if (early > 0.001)
		usleep((useconds_t)(early * 1e6));
}

static void server(struct plan *plan)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	double begin = 0;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1024) < 0)
		die("listen");
	if (plan->port_file)
		tell_port(listener, plan->port_file);
	for (unsigned long i = 0; i < plan->connections; i++) {
		struct sockaddr_in peer;
		socklen_t length = sizeof(peer);
		int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);

		if (fd < 0)
			die("accept4");
		if (i == 0)
			begin = seconds();
		read_some(plan, fd, plan->request);
		write_all(plan, fd, plan->response);
		if (plan->open) {
			end_kept(plan, keep(plan, i, fd), true);
			continue;
		}
		shutdown(fd, SHUT_WR);
		read_some(plan, fd, SIZE_MAX);
		close(fd);
	}
	end_all_kept(plan, true);
	print_result(plan, seconds() - begin);
}

static void *client_thread(void *argument)
{
	struct plan *plan = argument;
	struct sockaddr_in there = {.sin_family = AF_INET,
				    .sin_port = htons((uint16_t)plan->port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	unsigned long lag = plan->open > LAG ? LAG : 0;
	double begin = seconds();

	for (unsigned long i = 0; i < plan->connections; i++) {
		struct sockaddr_in here = {.sin_family = AF_INET};
		int fd, on = 1;

		wait_turn(plan, begin, i);
		if (plan->open && kept_num == plan->open)
			end_kept(plan, kept[i % plan->open], false);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			die("socket");
		if (plan->source_num) {
			here.sin_addr = plan->sources[(plan->first + i) % plan->source_num];
			/* The port is chosen by connect, so that all of them serve every source and target. */
			setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
			if (bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
				die("bind");
		}
		if (connect(fd, (struct sockaddr *)&there, sizeof(there)) < 0)
			die("connect");
		write_all(plan, fd, plan->request);
		if (plan->open) {
			(void)keep(plan, i, fd);
			if (i >= lag)
				read_kept(plan, i - lag);
			continue;
		}
		read_some(plan, fd, SIZE_MAX);
		close(fd);
	}
	for (unsigned long i = plan->connections > lag ? plan->connections - lag : 0;
	     plan->open && i < plan->connections; i++)
		read_kept(plan, i);
	end_all_kept(plan, false);
	return NULL;
}

static void client(struct plan *plan)
{
	struct plan parts[THREADS_MAX];
	pthread_t threads[THREADS_MAX];
	unsigned long given = 0;
	double begin = seconds();

	for (unsigned long i = 0; i < plan->threads; i++) {
		parts[i] = *plan;
		parts[i].first = given;
		parts[i].connections = plan->connections / plan->threads + (i < plan->connections % plan->threads);
		given += parts[i].connections;
		errno = pthread_create(&threads[i], NULL, client_thread, &parts[i]);
		if (errno)
			die("pthread_create");
	}
	for (unsigned long i = 0; i < plan->threads; i++) {
		pthread_join(threads[i], NULL);
		plan->rx_bytes += parts[i].rx_bytes;
		plan->tx_bytes += parts[i].tx_bytes;
	}
	print_result(plan, seconds() - begin);
}

static void parse_sources(struct plan *plan, char *list)
{
	char *rest = NULL;

	for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		errno = EINVAL;
		if (plan->source_num == SOURCES_MAX ||
		    inet_pton(AF_INET, word, &plan->sources[plan->source_num++]) != 1)
			die(word);
	}
}

int main(int argc, char **argv)
{
	static struct plan plan = {.threads = 2, .request = 100, .response = 200};
	unsigned int limit = 120;

	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		unsigned long number = value ? strtoul(++value, NULL, 10) : 0;

		if (strcmp(argv[i], "hold") == 0) {
			plan.hold = true;
			continue;
		}
		if (!value)
			goto usage;
		if (strncmp(argv[i], "port-file=", 10) == 0)
			plan.port_file = value;
		else if (strncmp(argv[i], "port=", 5) == 0)
			plan.port = number;
		else if (strncmp(argv[i], "connections=", 12) == 0)
			plan.connections = number;
		else if (strncmp(argv[i], "threads=", 8) == 0)
			plan.threads = number;
		else if (strncmp(argv[i], "request=", 8) == 0)
			plan.request = number;
		else if (strncmp(argv[i], "response=", 9) == 0)
			plan.response = number;
		else if (strncmp(argv[i], "open=", 5) == 0)
			plan.open = number;
		else if (strncmp(argv[i], "rate=", 5) == 0)
			plan.rate = number;
		else if (strncmp(argv[i], "limit=", 6) == 0)
			limit = (unsigned int)number;
		else if (strncmp(argv[i], "sources=", 8) == 0)
			parse_sources(&plan, value);
		else
			goto usage;
	}
	if (argc < 2 || plan.connections == 0 || plan.threads == 0 || plan.threads > THREADS_MAX ||
	    plan.request > MESSAGE_MAX || plan.response > MESSAGE_MAX || plan.open > OPEN_MAX ||
	    (plan.open && plan.threads != 1))
		goto usage;
	alarm(limit);
	if (strcmp(argv[1], "server") == 0)
		server(&plan);
	else if (strcmp(argv[1], "client") == 0)
		client(&plan);
	else
		goto usage;
	return 0;
usage:
	fputs("usage: storm server|client NAME=VALUE... (they stand at the head of storm.c)\n", stderr);
	return 1;
}
