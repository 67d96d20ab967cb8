// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections of processes that are not stopped.
 *
 * The kernel tells of each TCP socket of the network namespace that dies, with
 * its last counters, but not whose it was. That is found out in two ways.
 *
 * Looks. Now and then all sockets are listed (sock_diag); whose the new ones
 * are, the descriptors of the targets say (/proc/PID/fd). The list is made
 * first, so a socket in it that no target has afterwards was closed in between,
 * or is on its way; only what a second look finds with others is others'.
 *
 * Listeners. What came in through a listening socket that only targets hold, is
 * theirs, however short it lived. That nobody else holds it, all of /proc is
 * asked for when it is found, and again from time to time. Of a user's
 * processes some cannot be looked at; none of them is taken to hold a listener
 * that the target's own user has made.
 *
 * So the last word of a socket that no look has seen waits for the next one,
 * because its listener, or who shares it, may be as new as itself. What then is
 * neither a listener's of the targets nor one of others had been opened by
 * somebody on this host, and was too short: it is counted as nobody's
 * (EVENT_OWNER without a process).
 *
 * A look costs what there are sockets, and at least a walk through the kernel's
 * table, half a millisecond. Its time in relation to its cost is what adapts:
 * while new sockets turn up looks may take LOAD_SHARE of one processor; while
 * none do, the interval doubles up to the longest one.
 */
#include "watch.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "listeners.h"
#include "socket_table.h"
#include "source/procfs/procfs.h"
#include "source/procfs/procfs_owners.h"
#include "source/source.h"
#include "targets.h"
#include "track/bytes.h"

#define LOAD_SHARE 25 /* a look may take a twenty-fifth of one processor */
#define INTERVAL_MIN_NS (2 * CLOCK_NS_PER_MS)
/* All of /proc is asked again so often who else holds the targets' listeners. */
#define RECHECK_NS (10 * CLOCK_NS_PER_SEC)
#define OWNERS_MAX 2000000
/* An overrun may swallow the sign that all has been told of. */
#define MARK_NS (5 * CLOCK_NS_PER_SEC)
/* When so many last words wait for the next look, it is made at once. */
#define PENDING_MAX 16384
/* Not found with a target so often, a socket is others'. */
#define TRIES 2

#define STATE(state) (1U << (state))
/* Mini sockets have nothing to tell, and what is closed or not connected is no connection yet. */
#define STATES                                                                                                    \
	(STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_SENT) | STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) |             \
	 STATE(TCP_CLOSE_WAIT) | STATE(TCP_LAST_ACK) | STATE(TCP_LISTEN) | STATE(TCP_CLOSING))

/* Events in the order they came. */
struct events {
	struct event *list;
	size_t count, size;
};

struct watch {
	struct watch_config config;
	struct targets *targets;
	struct listeners *listeners;
	struct socket_table *sockets;
	struct procfs_owners *owners; /* what targets hold, as of the last look that asked */
	struct events fresh;          /* of this look: sockets that nobody has been found for */
	struct events pending;        /* last words that wait for a look */
	char **warnings;
	size_t warning_count;
	int timer_fd;
	uint32_t look;
	int pushed;
	int64_t interval_ns;
	int64_t recheck_ns;
	bool new_listeners;
	uint32_t marked; /* number of the look after which destroy_mark() was called, 0 none waits */
	int64_t marked_ns;
};

static void append(struct events *events, const struct event *event)
{
	if (events->count == events->size) {
		events->size = events->size > 0 ? events->size * 2 : 64;
		events->list = xreallocarray(events->list, events->size, sizeof(*events->list));
	}
	events->list[events->count++] = *event;
}

static bool push(struct watch *watch, const struct event *event)
{
	bool taken = queue_push(watch->config.events, event);

	watch->pushed += taken;
	return taken;
}

/* ---- who ------------------------------------------------------------------------ */

static void push_process(void *context, const struct event *event)
{
	(void)push(context, event);
}

/* Tell what a target is called, if that has changed. */
static void describe(struct watch *watch, pid_t pid, int64_t time_ns)
{
	struct target *target = targets_find(watch->targets, pid);
	char comm[16];

	if (target == NULL || target->looked == watch->look)
		return;
	target->looked = watch->look;
	procfs_comm(pid, comm);
	if (comm[0] == '\0' || memcmp(comm, target->comm, sizeof(comm)) == 0)
		return;
	memcpy(target->comm, comm, sizeof(comm));
	procfs_process_events(pid, time_ns, push_process, watch);
}

/* Several processes may be meant: they go by a number that no process has. */
static pid_t several(uint32_t inode)
{
	return -(pid_t)(inode & INT32_MAX);
}

static struct event owner_event(const struct event *socket)
{
	struct event event = event_new(EVENT_OWNER, ORIGIN_KERNEL, socket->time_ns);

	event.flow = socket->flow;
	event.owner.cookie = socket->info.cookie;
	event.owner.inode = socket->info.inode;
	event.owner.fd = -1;
	event.owner.uid = (uint32_t)-1;
	event.owner.born = 1;
	return event;
}

/*
 * Tell whose a socket is: by @verdict whoever accepted it, by @holder who has
 * it now (NULL unknown). Return: false when there was no room for it.
 */
static bool tell_owner(struct watch *watch, const struct event *socket, const struct verdict *verdict,
		       const struct procfs_holder *holder, bool born)
{
	bool accepted = verdict->owner == OWNERSHIP_TARGETS;
	struct event event = owner_event(socket);
	pid_t held = holder != NULL && !holder->shared ? holder->pid : 0;

	if (accepted && verdict->pid != 0)
		event.owner.pid = verdict->pid;
	else if (held != 0)
		event.owner.pid = held;
	else
		event.owner.pid = several(accepted ? verdict->through->inode : socket->info.inode);
	if (held != 0 && held == event.owner.pid)
		event.owner.fd = holder->fd;
	event.owner.born = born;
	describe(watch, event.owner.pid, event.time_ns);
	if (!push(watch, &event))
		return false;
	if (held != 0 && held != event.owner.pid) {
		describe(watch, held, event.time_ns);
		event.owner.pid = held;
		event.owner.fd = holder->fd;
		(void)push(watch, &event);
	}
	return true;
}

/* ---- listeners ------------------------------------------------------------------ */

struct search {
	uint32_t inode;
	bool found;
};

static void search_inode(void *context, int fd, uint32_t inode)
{
	struct search *search = context;

	(void)fd;
	if (inode == search->inode)
		search->found = true;
}

/* A listener of several targets of one name has that name, though nobody knows which of them accepts. */
static void name_listener(struct watch *watch, struct listener *listener)
{
	struct event event = event_new(EVENT_PROCESS, ORIGIN_KERNEL, clock_now());
	const struct target *target;
	char comm[16], other[16];
	bool any = false;

	listener->named = true;
	for (size_t i = 0; (target = targets_at(watch->targets, i)) != NULL; i++) {
		struct search search = {listener->inode, false};

		(void)procfs_sockets(target->pid, search_inode, &search);
		if (!search.found)
			continue;
		procfs_comm(target->pid, any ? other : comm);
		if (any && memcmp(comm, other, sizeof(comm)) != 0)
			return;
		any = true;
	}
	if (!any || comm[0] == '\0')
		return;
	event.process.pid = several(listener->inode);
	event.process.uid = (uint32_t)-1;
	event.process.fact = PROCESS_COMM;
	event.process.length = (uint8_t)strlen(comm);
	memcpy(event.process.text, comm, strlen(comm));
	(void)push(watch, &event);
}

static bool made_by_other(const struct listener *listener, pid_t holder)
{
	struct procfs_status status;

	return procfs_status(holder, &status) != 0 || status.uid[1] != listener->uid;
}

/* Who else holds the targets' listeners? */
static void check_strangers(struct watch *watch)
{
	struct procfs_owners *strangers = procfs_owners_new(OWNERS_MAX);
	bool unseen = targets_strangers(watch->targets, strangers);
	struct listener *listener;

	watch->recheck_ns = clock_monotonic() + RECHECK_NS;
	for (size_t i = 0; (listener = listeners_at(watch->listeners, i)) != NULL; i++) {
		const struct procfs_holder *holder = procfs_owners_find(watch->owners, listener->inode);

		if (holder == NULL)
			continue;
		listener->owner = OWNERSHIP_TARGETS;
		if (procfs_owners_find(strangers, listener->inode) != NULL ||
		    (unseen && made_by_other(listener, holder->pid)))
			listener->owner = OWNERSHIP_UNCLEAR;
	}
	procfs_owners_free(strangers);
}

/* After the targets' descriptors have been read: which listeners are theirs? */
static void own_listeners(struct watch *watch)
{
	bool unchecked = clock_monotonic() >= watch->recheck_ns;
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(watch->listeners, i)) != NULL; i++) {
		const struct procfs_holder *holder = procfs_owners_find(watch->owners, listener->inode);
		pid_t pid = holder != NULL && !holder->shared ? holder->pid : 0;

		/* One that is gone was closed: it stays whose it was. */
		if (listener->looked != watch->look)
			continue;
		/* One of theirs may have been closed just now: only what is listed again is others'. */
		if (holder == NULL && (listener->owner != OWNERSHIP_TARGETS || listener->unheld))
			listener->owner = OWNERSHIP_OTHERS;
		else if (listener->born == watch->look || listener->owner == OWNERSHIP_OTHERS)
			unchecked = true;
		listener->unheld = holder == NULL;
		if (holder == NULL)
			continue;
		if (pid != listener->pid)
			listener->named = false;
		listener->pid = pid;
	}
	if (unchecked)
		check_strangers(watch);
	for (size_t i = 0; (listener = listeners_at(watch->listeners, i)) != NULL; i++)
		if (listener->owner == OWNERSHIP_TARGETS && listener->pid == 0 && !listener->named)
			name_listener(watch, listener);
}

/* ---- looks ---------------------------------------------------------------------- */

/* diag_callback */
static void see(void *context, const struct event *event)
{
	struct watch *watch = context;
	struct socket_seen *seen;
	bool is_new, was_accepted, changed;

	if (event->info.state == TCP_LISTEN) {
		if (listeners_see(watch->listeners, event, watch->look))
			watch->new_listeners = true;
		return;
	}
	/* A mini socket in FIN_WAIT2: the socket itself is dead. */
	if (event->info.cookie == 0 || event->info.bytes_received < 0)
		return;
	seen = socket_table_add(watch->sockets, event->info.cookie);
	is_new = seen->look == 0;
	was_accepted = !is_new && seen->inode == 0 && event->info.inode != 0;
	changed = seen->state != event->info.state;
	seen->look = watch->look;
	seen->state = event->info.state;
	if (event->info.inode != 0)
		seen->inode = event->info.inode;
	if (was_accepted) {
		seen->tries = 0;
		if (seen->whose == SOCKET_OTHERS)
			seen->whose = SOCKET_UNDECIDED;
	}
	/* Without an inode nobody has it: asking again is of no use. */
	if (is_new || was_accepted || (seen->whose == SOCKET_UNDECIDED && event->info.inode != 0))
		append(&watch->fresh, event);
	else if (seen->whose == SOCKET_TARGETS && changed)
		(void)push(watch, event);
}

static enum conn_dir opened_by(const struct event_info *info)
{
	struct bytes bytes;

	if (info->state == TCP_SYN_SENT)
		return DIR_OUT;
	if (info->reason == INFO_DESTROY)
		return bytes_final_opener(info);
	bytes_init(&bytes);
	bytes_feed(&bytes, info);
	return bytes_direction(&bytes);
}

/* Whose is it, if it came in? */
static struct verdict judge(const struct watch *watch, const struct event *socket)
{
	if (opened_by(&socket->info) == DIR_OUT)
		return (struct verdict){.owner = OWNERSHIP_NONE};
	return listeners_judge(watch->listeners, &socket->flow.local);
}

static void decide(struct watch *watch, struct event *socket)
{
	struct socket_seen *seen = socket_table_find(watch->sockets, socket->info.cookie);
	const struct procfs_holder *holder = procfs_owners_find(watch->owners, socket->info.inode);
	struct verdict verdict = judge(watch, socket);
	bool is_existing = watch->look == 1;

	/* Waiting to be accepted, or closed and not done yet. */
	bool is_theirs = socket->info.inode == 0 && verdict.owner == OWNERSHIP_TARGETS;

	if (seen == NULL)
		return;
	if (holder == NULL && !is_theirs) {
		if (socket->info.inode != 0 && ++seen->tries >= TRIES)
			seen->whose = SOCKET_OTHERS;
		return;
	}
	if (!tell_owner(watch, socket, &verdict, holder, !is_existing))
		return;
	seen->whose = SOCKET_TARGETS;
	if (is_existing)
		socket->info.reason = INFO_EXISTING;
	if (verdict.owner != OWNERSHIP_NONE)
		socket->info.listener = 1;
	(void)push(watch, socket);
}

/*
 * A listener that is as new as a socket that died on its port: that may have
 * been another listener, through which others' connections came.
 */
static void distrust(struct watch *watch, const struct event *last)
{
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(watch->listeners, i)) != NULL; i++)
		if (listener->local.port == last->flow.local.port && listener->born == watch->look && watch->look > 1)
			listener->owner = OWNERSHIP_UNCLEAR;
}

static void decide_last(struct watch *watch, struct event *last)
{
	struct verdict verdict = judge(watch, last);

	if (last->flow.local.port == 0)
		return;
	if (verdict.owner == OWNERSHIP_TARGETS) {
		(void)tell_owner(watch, last, &verdict, NULL, true);
		last->info.listener = 1;
	} else if (verdict.owner != OWNERSHIP_OTHERS) {
		struct event nobody = owner_event(last);

		(void)push(watch, &nobody);
	}
}

static void decide_pending(struct watch *watch)
{
	struct events *pending = &watch->pending;

	for (size_t i = 0; watch->new_listeners && i < pending->count; i++)
		if (pending->list[i].flow.remote.port == 0 && pending->list[i].flow.local.port != 0)
			distrust(watch, &pending->list[i]);
	for (size_t i = 0; i < pending->count; i++) {
		decide_last(watch, &pending->list[i]);
		(void)push(watch, &pending->list[i]);
	}
	pending->count = 0;
}

static void read_targets(struct watch *watch)
{
	const struct target *target;

	procfs_owners_clear(watch->owners);
	for (size_t i = 0; (target = targets_at(watch->targets, i)) != NULL; i++)
		(void)procfs_owners_add(watch->owners, target->pid);
}

static int64_t processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * CLOCK_NS_PER_SEC + now.tv_nsec;
}

static void set_timer(struct watch *watch, int64_t cost_ns)
{
	int64_t least = cost_ns * LOAD_SHARE;
	struct itimerspec timer = {{0, 0}, {0, 0}};

	if (watch->fresh.count > 0)
		watch->interval_ns = 0;
	watch->interval_ns *= 2;
	if (watch->interval_ns < INTERVAL_MIN_NS)
		watch->interval_ns = INTERVAL_MIN_NS;
	if (watch->interval_ns > watch->config.look_ns)
		watch->interval_ns = watch->config.look_ns;
	if (watch->interval_ns < least)
		watch->interval_ns = least;
	timer.it_value.tv_sec = watch->interval_ns / CLOCK_NS_PER_SEC;
	timer.it_value.tv_nsec = watch->interval_ns % CLOCK_NS_PER_SEC;
	(void)timerfd_settime(watch->timer_fd, 0, &timer, NULL);
}

/*
 * What came through a listener that is gone may be told of long after: one of
 * the targets goes when all that died before it was missed has been read.
 */
static void forget_listeners(struct watch *watch)
{
	struct destroy *destroy = *watch->config.destroy;
	const struct listener *listener;
	uint32_t targets_look = 0;

	if (destroy == NULL)
		return;
	if (watch->marked != 0 &&
	    (destroy_has_caught_up(destroy) || clock_monotonic() - watch->marked_ns > MARK_NS)) {
		targets_look = watch->marked;
		watch->marked = 0;
	}
	listeners_forget(watch->listeners, watch->look - 1, targets_look);
	for (size_t i = 0; watch->marked == 0 && (listener = listeners_at(watch->listeners, i)) != NULL; i++) {
		if (listener->owner != OWNERSHIP_TARGETS || listener->looked == watch->look)
			continue;
		destroy_mark(destroy);
		watch->marked = watch->look;
		watch->marked_ns = clock_monotonic();
	}
}

int watch_look(struct watch *watch)
{
	int64_t began_ns = processor_time();
	size_t left;

	watch->look++;
	watch->pushed = 0;
	watch->fresh.count = 0;
	watch->new_listeners = false;
	(void)diag_dump(watch->config.diag, STATES, see, watch, &(struct err){""});
	left = targets_refresh(watch->targets);
	if (targets_follow(watch->targets) > 0 || watch->fresh.count > 0 || watch->new_listeners) {
		read_targets(watch);
		own_listeners(watch);
	}
	for (size_t i = 0; i < watch->fresh.count; i++)
		decide(watch, &watch->fresh.list[i]);
	decide_pending(watch);
	forget_listeners(watch);
	if (socket_table_count(watch->sockets) > 4096 && watch->look % 64 == 0)
		socket_table_sweep(watch->sockets, watch->look - 1);
	set_timer(watch, processor_time() - began_ns);
	return left == 0 ? SOURCE_END : watch->pushed;
}

int watch_fd(const struct watch *watch)
{
	return watch->timer_fd;
}

int watch_read(struct watch *watch)
{
	uint64_t times;

	if (read(watch->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return 0;
	return watch_look(watch);
}

/* ---- last words ------------------------------------------------------------------ */

bool watch_last_word(struct watch *watch, struct event *event)
{
	const struct socket_seen *seen = socket_table_find(watch->sockets, event->info.cookie);
	bool is_decided = seen != NULL && seen->whose != SOCKET_UNDECIDED;

	if (event->type != EVENT_INFO ||
	    listeners_by_cookie(watch->listeners, &event->flow.local, event->info.cookie) != NULL)
		return false;
	if (seen != NULL)
		socket_table_remove(watch->sockets, event->info.cookie);
	if (is_decided)
		return false;
	if (watch->pending.count >= PENDING_MAX)
		(void)watch_look(watch);
	append(&watch->pending, event);
	return true;
}

bool watch_waits(const struct watch *watch)
{
	return watch->pending.count > 0;
}

/* ---- opening ---------------------------------------------------------------------- */

void watch_close(struct watch *watch)
{
	if (watch == NULL)
		return;
	targets_free(watch->targets);
	listeners_free(watch->listeners);
	socket_table_free(watch->sockets);
	procfs_owners_free(watch->owners);
	free(watch->fresh.list);
	free(watch->pending.list);
	for (size_t i = 0; i < watch->warning_count; i++)
		free(watch->warnings[i]);
	free(watch->warnings);
	if (watch->timer_fd >= 0)
		close(watch->timer_fd);
	free(watch);
}

const char *watch_warning(const struct watch *watch, size_t index)
{
	return index < watch->warning_count ? watch->warnings[index] : NULL;
}

int watch_open(struct watch **opened, const struct watch_config *config, struct err *err)
{
	struct watch *watch = xcalloc(1, sizeof(*watch));
	int rc = 0;

	watch->config = *config;
	watch->targets = targets_new(config->follow);
	watch->listeners = listeners_new();
	watch->sockets = socket_table_new();
	watch->owners = procfs_owners_new(OWNERS_MAX);
	watch->warnings = xcalloc(config->pid_count, sizeof(char *));
	watch->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	for (size_t i = 0; i < config->pid_count; i++) {
		int error = targets_add(watch->targets, config->pids[i], config->netns, err);

		if (error == 0)
			continue;
		rc = error;
		watch->warnings[watch->warning_count++] = xstrdup(err->text);
	}
	if (targets_at(watch->targets, 0) != NULL)
		rc = watch->timer_fd < 0 ? err_set(err, errno, "no timer: %s", strerror(errno)) : 0;
	if (rc != 0) {
		watch_close(watch);
		return rc;
	}
	(void)watch_look(watch);
	*opened = watch;
	return 0;
}
