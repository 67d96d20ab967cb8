// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/strace_sockets.h"

#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/xalloc.h"

/* Processes and descriptors are numbered in sequence, so their low bits spread them. */
#define CHAINS 4096

/* A descriptor of a process. */
struct holding {
	struct holding *next;
	int32_t process;
	int32_t fd;
	struct strace_socket *socket;
};

struct strace_sockets {
	struct holding *chains[CHAINS];
};

struct strace_sockets *strace_sockets_new(void)
{
	return xcalloc(1, sizeof(struct strace_sockets));
}

static void let_go(struct holding **place)
{
	struct holding *holding = *place;

	*place = holding->next;
	if (--holding->socket->holders == 0)
		free(holding->socket);
	free(holding);
}

void strace_sockets_free(struct strace_sockets *sockets)
{
	for (size_t i = 0; sockets != NULL && i < CHAINS; i++)
		while (sockets->chains[i] != NULL)
			let_go(&sockets->chains[i]);
	free(sockets);
}

static struct holding **find(struct strace_sockets *sockets, int32_t process, int64_t fd)
{
	struct holding **place = &sockets->chains[((uint32_t)process ^ (uint32_t)fd) % CHAINS];

	while (*place != NULL && ((*place)->process != process || (*place)->fd != fd))
		place = &(*place)->next;
	return place;
}

struct strace_socket *strace_sockets_find(struct strace_sockets *sockets, int32_t process, int64_t fd)
{
	const struct holding *holding = *find(sockets, process, fd);

	return holding != NULL ? holding->socket : NULL;
}

void strace_sockets_hold(struct strace_sockets *sockets, int32_t process, int64_t fd, struct strace_socket *socket)
{
	struct holding **place = find(sockets, process, fd), *holding = xcalloc(1, sizeof(*holding));

	holding->process = process;
	holding->fd = (int32_t)fd;
	holding->socket = socket;
	holding->next = *place;
	*place = holding;
	socket->holders++;
}

void strace_sockets_drop(struct strace_sockets *sockets, int32_t process, int64_t fd)
{
	struct holding **place = find(sockets, process, fd);

	if (*place != NULL)
		let_go(place);
}

struct strace_socket *strace_sockets_add(struct strace_sockets *sockets, int32_t process, int64_t fd)
{
	struct strace_socket *socket = xcalloc(1, sizeof(*socket));

	strace_sockets_drop(sockets, process, fd);
	strace_sockets_hold(sockets, process, fd, socket);
	return socket;
}

int64_t strace_sockets_any(const struct strace_sockets *sockets, int32_t process)
{
	for (size_t i = 0; i < CHAINS; i++)
		for (const struct holding *holding = sockets->chains[i]; holding != NULL; holding = holding->next)
			if (holding->process == process)
				return holding->fd;
	return -1;
}

void strace_sockets_bound(struct strace_socket *socket, const struct strace_line *line)
{
	struct endpoint local;

	if (socket != NULL && strace_line_address(line, &local))
		socket->bound = local;
}

bool strace_sockets_listens(const struct strace_socket *socket, const struct strace_line *line, int64_t time_ns,
			    struct event *event)
{
	struct endpoint remote;
	bool is_tcp = true;

	*event = event_new(EVENT_INFO, ORIGIN_CALLS, time_ns);
	/* With -yy the line shows its end. */
	(void)strace_line_ends(line->arguments, &is_tcp, &event->flow.local, &remote);
	if (event->flow.local.port == 0 && socket != NULL)
		event->flow.local = socket->bound;
	event->info.state = TCP_LISTEN;
	event->info.reason = INFO_EXISTING;
	return is_tcp && event->flow.local.port != 0;
}
