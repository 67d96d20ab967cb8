// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/owner_lookup/owner_lookup.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "source/owner_lookup/sole_listeners.h"
#include "system/counters.h"
#include "system/local_addresses.h"
#include "system/procfs.h"
#include "system/procfs_owners.h"
#include "system/tcp_payload.h"

/* An accepted socket exists only after the handshake, so one query may be too early. */
static const int64_t delays_ns[] = {
	0,
	CLOCK_NS_PER_MS,
	4 * CLOCK_NS_PER_MS,
	20 * CLOCK_NS_PER_MS,
	200 * CLOCK_NS_PER_MS,
	CLOCK_NS_PER_SEC,
	2 * CLOCK_NS_PER_SEC,
};
#define LOOKS (sizeof(delays_ns) / sizeof(delays_ns[0]))
/* More wait at once only in a flood, whose sockets have no owner. */
#define WAITING_MAX 4096
/* So many at most are queried once a second until they are accepted. */
#define QUEUED_MAX 1024
/* Looks until then: the delay after them is a second. */
#define QUEUED_LOOKS 5
/*
 * All of /proc is read so often that it takes a twenty-fifth of the time, and at least five times a second: with a
 * hundred processes every 30 ms. The processes that have accepted on the same port before are read more often, within
 * the same share of the time.
 */
#define REFRESH_SHARE 25
#define REFRESH_NS (200 * CLOCK_NS_PER_MS)
#define SERVERS 64
/* Destroyed sockets that wait, at most, until /proc has been read again. */
#define ENDED_MAX 65536

struct waiting {
	struct flow flow;
	int64_t due_ns;
	unsigned int looks;
	bool has_socket; /* the kernel has shown one at the last look */
	bool is_queued;  /* and it waited to be accepted */
	bool is_early;   /* it has one, but all of /proc was not to be read yet */
	bool has_waited; /* for /proc */
};

/* A process that has accepted. */
struct server {
	uint64_t identity;
	pid_t pid;
	uint16_t port;
};

/* A socket that was destroyed, @at_ns by clock_now(). */
struct ended {
	struct flow flow;
	uint64_t cookie;
	int64_t at_ns;
};

struct owner_lookup {
	struct diag *diag;
	struct queue *events;
	struct procfs_owners *owners;
	int64_t refresh_ns;  /* monotonic, when all of /proc may be read again */
	int64_t ask_ns;      /* and when @servers may */
	int64_t attempts_ns; /* and when attempts are queried, INT64_MAX never */
	struct server servers[SERVERS];
	size_t server_at;
	struct waiting waiting[WAITING_MAX];
	size_t count;
	struct sole_listeners *sole;
	struct ended *ended; /* in order of time */
	size_t ended_count, ended_size;
	bool wants_reading; /* a listener is new, or something has ended: all of /proc is to be read */
	bool is_last;       /* and at once */
	int64_t refused;    /* lookups that lacked room here or in @owners, not yet reported */
};

/* Return: false when it is too early to read all of /proc. */
static bool read_all(struct owner_lookup *owner_lookup)
{
	int64_t began_ns = clock_monotonic(), pause_ns;

	if (began_ns < owner_lookup->refresh_ns && !(owner_lookup->is_last && owner_lookup->wants_reading))
		return false;
	sole_listeners_refresh(owner_lookup->sole, owner_lookup->owners);
	pause_ns = (clock_monotonic() - began_ns) * REFRESH_SHARE;
	owner_lookup->refresh_ns = began_ns + clock_sooner(pause_ns, REFRESH_NS);
	owner_lookup->wants_reading = false;
	return true;
}

/* diag_callback: the listeners give the direction of connections that are older than the run. */
static void report_listener(void *context, const struct event *event)
{
	struct event listener = *event;

	listener.info.reason = INFO_EXISTING;
	queue_push(context, &listener);
}

struct owner_lookup *owner_lookup_new(struct diag *diag, struct queue *events, bool sees_all, size_t sockets_max)
{
	struct owner_lookup *owner_lookup = xcalloc(1, sizeof(*owner_lookup));

	owner_lookup->diag = diag;
	owner_lookup->attempts_ns = sees_all ? clock_monotonic() : INT64_MAX;
	owner_lookup->events = events;
	owner_lookup->owners = procfs_owners_new(sockets_max);
	owner_lookup->sole = sole_listeners_new(diag);
	(void)diag_dump(diag, 1U << TCP_LISTEN, report_listener, events, &(struct err){""});
	(void)read_all(owner_lookup);
	return owner_lookup;
}

void owner_lookup_free(struct owner_lookup *owner_lookup)
{
	if (owner_lookup == NULL)
		return;
	procfs_owners_free(owner_lookup->owners);
	sole_listeners_free(owner_lookup->sole);
	free(owner_lookup->ended);
	free(owner_lookup);
}

void owner_lookup_add(struct owner_lookup *owner_lookup, const struct flow *flow)
{
	struct waiting *waiting;

	if (!flow_is_complete(flow))
		return;
	if (owner_lookup->count == WAITING_MAX) {
		owner_lookup->refused++;
		return;
	}
	waiting = &owner_lookup->waiting[owner_lookup->count++];
	waiting->flow = *flow;
	waiting->due_ns = clock_monotonic();
	waiting->looks = 0;
	waiting->has_socket = false;
	waiting->is_early = false;
	waiting->has_waited = false;
}

void owner_lookup_packet(void *context, const struct event *event)
{
	struct owner_lookup *owner_lookup = context;

	if (event->type != EVENT_SEGMENT || (event->segment.flags & SEGMENT_SYN) == 0 ||
	    !local_addresses_has(&event->flow.local))
		return;
	owner_lookup_add(owner_lookup, &event->flow);
	/* Its later connections may be too short. */
	if ((event->segment.flags & SEGMENT_ACK) != 0 && !sole_listeners_has(owner_lookup->sole, &event->flow.local))
		owner_lookup->wants_reading = true;
}

void owner_lookup_destroyed(struct owner_lookup *owner_lookup, const struct event *event)
{
	if (owner_lookup == NULL || event->type != EVENT_INFO || event->info.reason != INFO_DESTROY)
		return;
	/* What goes to another host's address may be taken by a listener of another port (TPROXY). */
	if (!flow_is_complete(&event->flow) || !local_addresses_has(&event->flow.local) ||
	    !sole_listeners_has(owner_lookup->sole, &event->flow.local))
		return;
	if (owner_lookup->ended_count == ENDED_MAX) {
		owner_lookup->refused++;
		return;
	}
	owner_lookup->ended = array_reserve(owner_lookup->ended, owner_lookup->ended_count, &owner_lookup->ended_size,
					    sizeof(*owner_lookup->ended));
	owner_lookup->ended[owner_lookup->ended_count++] = (struct ended){event->flow, event->info.cookie, clock_now()};
	owner_lookup->wants_reading = true;
}

/*
 * An incoming socket is younger than a process that accepted on that port before it, so that process has not inherited
 * it: its holder has accepted it, even if a child has it, too. (Or it was handed over, which /proc does not show.)
 */
static void ask_servers(struct owner_lookup *owner_lookup, uint16_t port)
{
	int64_t began_ns = clock_monotonic();
	bool any = false;

	if (began_ns < owner_lookup->ask_ns)
		return;
	for (size_t i = 0; i < SERVERS; i++) {
		const struct server *server = &owner_lookup->servers[i];

		if (server->pid == 0 || server->port != port || procfs_identity(server->pid) != server->identity)
			continue;
		(void)procfs_owners_add(owner_lookup->owners, server->pid);
		any = true;
	}
	if (any)
		owner_lookup->ask_ns = began_ns + (clock_monotonic() - began_ns) * REFRESH_SHARE;
}

static void note_server(struct owner_lookup *owner_lookup, const struct procfs_holder *holder, uint16_t port)
{
	const struct server new = {holder->identity, holder->pid, port};

	for (size_t i = 0; i < SERVERS; i++)
		if (owner_lookup->servers[i].identity == new.identity && owner_lookup->servers[i].port == port)
			return;
	owner_lookup->servers[owner_lookup->server_at++ % SERVERS] = new;
}

/* The table may be old, and the number may belong to another process now. */
static const struct procfs_holder *find_known(const struct owner_lookup *owner_lookup, uint32_t inode)
{
	const struct procfs_holder *holder = procfs_owners_find(owner_lookup->owners, inode);

	return holder != NULL && procfs_identity(holder->pid) == holder->identity ? holder : NULL;
}

static bool came_in(const struct event_info *info)
{
	struct tcp_payload tcp_payload;

	tcp_payload_init(&tcp_payload);
	tcp_payload_feed(&tcp_payload, info);
	return tcp_payload_direction(&tcp_payload) == DIR_IN;
}

/* @is_early: set to whether it is not found because all of /proc may not be read yet */
static const struct procfs_holder *find_holder(struct owner_lookup *owner_lookup, const struct event *socket,
					       bool *is_early)
{
	uint32_t inode = socket->info.inode;
	const struct procfs_holder *holder = find_known(owner_lookup, inode);
	bool is_servers = came_in(&socket->info);

	if (holder == NULL && is_servers) {
		ask_servers(owner_lookup, socket->flow.local.port);
		holder = find_known(owner_lookup, inode);
	}
	*is_early = holder == NULL && !read_all(owner_lookup);
	if (holder == NULL && !*is_early)
		holder = find_known(owner_lookup, inode);
	if (holder != NULL && !holder->shared && is_servers)
		note_server(owner_lookup, holder, socket->flow.local.port);
	return holder;
}

/* Return: false when the process has ended. */
static bool report_process(struct owner_lookup *owner_lookup, pid_t pid, uint64_t identity, int64_t time_ns)
{
	struct event facts[PROCFS_PROCESS_EVENTS];
	size_t count = procfs_process_list(pid, time_ns, facts);

	if (procfs_identity(pid) != identity)
		return false;
	for (size_t i = 0; i < count; i++)
		queue_push(owner_lookup->events, &facts[i]);
	return true;
}

/* Return: true when nothing more can be learned. */
static bool look_for(struct owner_lookup *owner_lookup, struct waiting *waiting)
{
	const struct flow *flow = &waiting->flow;
	const struct procfs_holder *holder;
	struct event event, owner;
	bool is_there = diag_query(owner_lookup->diag, flow, 0, &event) == 0;

	waiting->is_queued = is_there && event.info.inode == 0 &&
			     (event.info.state == TCP_ESTABLISHED || event.info.state == TCP_CLOSE_WAIT);
	waiting->has_socket = is_there && event.info.inode != 0;
	waiting->is_early = false;
	if (!waiting->has_socket)
		return false;
	counters_settle_or_unknown(owner_lookup->diag, &event);
	event.flow = *flow;
	queue_push(owner_lookup->events, &event);
	holder = find_holder(owner_lookup, &event, &waiting->is_early);
	if (holder == NULL)
		return false;
	if (holder->shared)
		return true;
	if (!report_process(owner_lookup, holder->pid, holder->identity, event.time_ns))
		return false;
	owner = event_new(EVENT_OWNER, ORIGIN_KERNEL, event.time_ns);
	owner.flow = *flow;
	owner.owner.cookie = event.info.cookie;
	owner.owner.inode = event.info.inode;
	owner.owner.pid = holder->pid;
	owner.owner.fd = holder->fd;
	owner.owner.uid = event.info.uid;
	queue_push(owner_lookup->events, &owner);
	return true;
}

static void add_attempt(void *context, const struct event *event)
{
	if (event->info.state == TCP_SYN_SENT)
		owner_lookup_add(context, &event->flow);
}

static void ask_attempts(struct owner_lookup *owner_lookup)
{
	struct err ignored;

	(void)diag_dump(owner_lookup->diag, 1U << TCP_SYN_SENT, add_attempt, owner_lookup, &ignored);
	owner_lookup->attempts_ns = clock_monotonic() + CLOCK_NS_PER_SEC;
}

void owner_lookup_end(struct owner_lookup *owner_lookup)
{
	if (owner_lookup == NULL)
		return;
	if (owner_lookup->attempts_ns != INT64_MAX)
		owner_lookup->attempts_ns = 0;
	owner_lookup->is_last = true;
}

/* Reports who accepted what had ended before all of /proc was read the last time. */
static void report_ended(struct owner_lookup *owner_lookup)
{
	struct sole_holder last = {0, 0, 0};
	struct event owner = event_new(EVENT_OWNER, ORIGIN_KERNEL, clock_now());
	size_t done = 0;

	for (; done < owner_lookup->ended_count; done++) {
		const struct ended *ended = &owner_lookup->ended[done];
		struct sole_holder holder;

		if (ended->at_ns >= sole_listeners_read_ns(owner_lookup->sole))
			break;
		if (!sole_listeners_judge(owner_lookup->sole, &ended->flow.local, &holder))
			continue;
		if ((holder.pid != last.pid || holder.identity != last.identity) &&
		    !report_process(owner_lookup, holder.pid, holder.identity, owner.time_ns))
			continue;
		last = holder;
		owner.flow = ended->flow;
		owner.owner.cookie = ended->cookie;
		owner.owner.pid = holder.pid;
		owner.owner.fd = -1;
		owner.owner.uid = (uint32_t)-1;
		owner.owner.since_ns = holder.since_ns;
		queue_push(owner_lookup->events, &owner);
	}
	owner_lookup->ended_count -= done;
	memmove(owner_lookup->ended, owner_lookup->ended + done,
		owner_lookup->ended_count * sizeof(*owner_lookup->ended));
}

static void report_refused(struct owner_lookup *owner_lookup)
{
	struct event event = event_new(EVENT_LOST, ORIGIN_KERNEL, clock_now());

	event.lost.where = LOST_LOOKUPS;
	event.lost.count = owner_lookup->refused;
	queue_push(owner_lookup->events, &event);
	owner_lookup->refused = 0;
}

/* Return: true when it needs no further look. */
static bool take_turn(struct owner_lookup *owner_lookup, struct waiting *waiting)
{
	if (look_for(owner_lookup, waiting))
		return true;
	if (waiting->is_queued && owner_lookup->count <= QUEUED_MAX) {
		waiting->looks = waiting->looks < QUEUED_LOOKS ? waiting->looks + 1 : waiting->looks;
		return false;
	}
	if (++waiting->looks < LOOKS)
		return false;
	/* The owner may be one of those that the table had no room for. */
	if (waiting->has_socket && procfs_owners_refused(owner_lookup->owners) > 0)
		owner_lookup->refused++;
	return true;
}

/* The socket may live for less than the delay, so one look comes as soon as /proc may be read. */
static void set_due(const struct owner_lookup *owner_lookup, struct waiting *waiting, int64_t now_ns)
{
	waiting->due_ns = now_ns + delays_ns[waiting->looks];
	if (!waiting->is_early || waiting->has_waited || waiting->due_ns <= owner_lookup->refresh_ns)
		return;
	waiting->due_ns = owner_lookup->refresh_ns;
	waiting->has_waited = true;
}

void owner_lookup_run(struct owner_lookup *owner_lookup)
{
	int64_t now_ns = clock_monotonic();

	if (owner_lookup != NULL && now_ns >= owner_lookup->attempts_ns)
		ask_attempts(owner_lookup);
	if (owner_lookup != NULL && owner_lookup->wants_reading)
		(void)read_all(owner_lookup);
	if (owner_lookup != NULL && owner_lookup->ended_count > 0)
		report_ended(owner_lookup);

	for (size_t i = 0; owner_lookup != NULL && i < owner_lookup->count;) {
		struct waiting *waiting = &owner_lookup->waiting[i];

		if (waiting->due_ns > now_ns) {
			i++;
			continue;
		}
		if (take_turn(owner_lookup, waiting)) {
			*waiting = owner_lookup->waiting[--owner_lookup->count];
			continue;
		}
		set_due(owner_lookup, waiting, now_ns);
		i++;
	}
	if (owner_lookup != NULL && owner_lookup->refused > 0)
		report_refused(owner_lookup);
}

int64_t owner_lookup_wait_ns(const struct owner_lookup *owner_lookup, int64_t now_ns)
{
	int64_t due_ns = owner_lookup != NULL ? owner_lookup->attempts_ns : INT64_MAX;

	for (size_t i = 0; owner_lookup != NULL && i < owner_lookup->count; i++)
		if (owner_lookup->waiting[i].due_ns < due_ns)
			due_ns = owner_lookup->waiting[i].due_ns;
	if (owner_lookup != NULL && owner_lookup->wants_reading)
		due_ns = clock_sooner(due_ns, owner_lookup->refresh_ns);
	return due_ns == INT64_MAX ? INT64_MAX : due_ns - now_ns;
}
