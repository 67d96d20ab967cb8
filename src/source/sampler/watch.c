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
 * or is on its way; only what is found with others then, or with no target by a
 * second look, is others'.
 *
 * Listeners. What came in through a listening socket that only targets hold, is
 * theirs, however short it lived. That nobody else holds it, all of /proc is
 * asked for when it is found, and again from time to time. Of a user's
 * processes some cannot be looked at; none of them is taken to hold a listener
 * that the target's own user has made.
 *
 * So the last word of a socket that no look has seen waits for the next one, because its listener, or who shares it,
 * may be as new as itself. What then is neither a listener's of the targets nor one of others had been opened by
 * somebody on this host, and was too short: it is counted as nobody's (EVENT_OWNER without a process).
 *
 * Which of the targets accepted is told if it is proven. A connection was
 * accepted after some look, the one before it was seen first, or the last that
 * saw it wait. If one process alone has held the listener since that look, and
 * can have had no child since (targets.h), nobody else can have accepted. If one
 * alone was found with the connection, and it is older than that look, it has
 * not inherited it. Otherwise the PID stays unknown, and what those have in
 * common who may have accepted is told instead (kin.h). That descriptors of
 * other processes are handed over (SCM_RIGHTS) between two looks, nothing shows.
 *
 * A look costs what there are sockets, and at least a walk through the kernel's table, half a millisecond. Its time in
 * relation to its cost is what adapts (watch_times.c). In between a peek at the listeners alone, which costs a few
 * microseconds, finds new ones early, and a last word at a port where no listener is known hastens the next look.
 */
#include "source/sampler/watch.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "system/counters.h"
#include "source/sampler/holders.h"
#include "source/sampler/kin.h"
#include "source/sampler/listeners.h"
#include "source/sampler/socket_table.h"
#include "system/procfs.h"
#include "system/procfs_owners.h"
#include "source/source.h"
#include "source/sampler/targets.h"
#include "source/sampler/teller.h"
#include "system/bytes.h"
#include "source/sampler/watch_times.h"

#define OWNERS_MAX 2000000
/* An overrun may swallow the sign that all has been told of. */
#define MARK_NS (5 * CLOCK_NS_PER_SEC)
/* When so many last words wait for the next look, it is made at once. */
#define PENDING_MAX 16384
/* Not found with a target so often, a socket is others'. */
#define TRIES 2
#define OPENING_LOOKS 2 /* prove who held the listeners before the next connection comes */

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

/**
 * struct pending - a last word that waits for a look
 * @event: it
 * @from: number of the last look before the connection was accepted
 * @is_late: it may have died before that look
 * @is_told: it has been told that it is the targets'
 * @is_opened: its socket has had a connection before, so it did not come in
 * @is_renewed: what was told was of that one; @holder had the socket when the targets were asked last
 */
struct pending {
	struct event event;
	uint32_t from;
	bool is_late, is_told, is_opened, is_renewed;
	struct procfs_holder holder;
};

struct watch {
	struct watch_config config;
	struct targets *targets;
	struct listeners *listeners;
	struct kinfolk *kinfolk;
	struct holders holders;
	struct socket_table *sockets;
	struct procfs_owners *owners; /* what targets hold, as of the last look that asked */
	struct events fresh;          /* of this look: sockets that nobody has been found for */
	struct events changed;        /* and the targets' in another state than before */
	struct pending *pending;
	size_t pending_count, pending_size;
	char **warnings;
	size_t warning_count, warned;
	struct watch_times times;
	uint32_t look;
	struct teller teller;
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

/* ---- looks ---------------------------------------------------------------------- */

/* diag_callback */
static void see(void *context, const struct event *event)
{
	struct watch *watch = context;
	enum socket_news news;

	if (event->info.state == TCP_LISTEN) {
		if (listeners_see(watch->listeners, event, watch->look))
			watch->new_listeners = true;
		return;
	}
	/* A mini socket in FIN_WAIT2: the socket itself is dead. One without ends has just been disconnected. */
	if (event->info.cookie == 0 || event->info.bytes_received < 0 || !flow_is_complete(&event->flow))
		return;
	news = socket_table_see(watch->sockets, event, watch->look);
	if (news != SOCKET_SAME)
		append(news == SOCKET_FRESH ? &watch->fresh : &watch->changed, event);
}

/* diag_callback */
static void see_again(void *context, const struct event *event)
{
	struct watch *watch = context;

	socket_table_see_again(watch->sockets, event, watch->look);
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

/* Whose is it, if it came in, after look number @from? Its last word may be @is_late. What @is_opened did not. */
static struct verdict judge(const struct watch *watch, const struct event *socket, uint32_t from, bool is_late,
			    bool is_opened)
{
	struct verdict verdict = {.owner = OWNERSHIP_NONE, .kin = kin_unknown()};

	if (!is_opened && opened_by(&socket->info) != DIR_OUT)
		verdict = listeners_judge(watch->listeners, &socket->flow.local, from, is_late);
	/* Children that are not followed are strangers. */
	if (from < verdict.doubted ||
	    (verdict.owner == OWNERSHIP_TARGETS && !watch->config.follow && targets_had_births(watch->targets, from)))
		verdict.owner = OWNERSHIP_UNCLEAR;
	return verdict;
}

/* Its ends and its counters are not read at once: is it still the same when it is asked for again? */
static bool is_still(struct watch *watch, const struct event *socket)
{
	struct event again;

	return diag_query(watch->config.diag, &socket->flow, socket->info.cookie, &again) == 0;
}

/* Is there a target of this user whose descriptors can't be read? */
static bool may_be_unread(const struct watch *watch, const struct event_info *info)
{
	const struct target *target;

	for (size_t i = 0; (target = targets_at(watch->targets, i)) != NULL; i++)
		if (target->unread != 0 && target->ended == 0 && procfs_owner(target->pid, "") == info->uid)
			return true;
	return false;
}

/*
 * Somebody has it, and no target was found to, again, or others were: then it
 * is others'. But what came in through a listener of the targets is theirs, even
 * where nobody can see them hold it: the table of an io_uring (direct
 * descriptors) is told only while the ring is not busy.
 */
static bool is_theirs_anyway(struct watch *watch, const struct event *socket, struct socket_seen *seen)
{
	if (++seen->tries < TRIES && !holders_are_others(&watch->holders, socket->info.inode))
		return false;
	if (judge(watch, socket, seen->from, false, seen->renewal != SOCKET_FIRST).owner == OWNERSHIP_TARGETS)
		return true;
	if (may_be_unread(watch, &socket->info))
		teller_nobody(&watch->teller, socket);
	seen->whose = SOCKET_OTHERS;
	return false;
}

/* Closed by its owner and still dying: only a socket that waits to be accepted has nobody in these states. */
static bool is_orphan(const struct event_info *info)
{
	return info->inode == 0 && info->state != TCP_ESTABLISHED && info->state != TCP_CLOSE_WAIT;
}

static void decide(struct watch *watch, struct event *socket)
{
	struct socket_seen *seen = socket_table_find(watch->sockets, socket->info.cookie);
	struct claim claim = {.is_existing = watch->look == 1};

	if (seen == NULL)
		return;
	/* Whose it was before the run nothing tells: the listener on its port may be a successor's. */
	if (claim.is_existing && is_orphan(&socket->info)) {
		seen->whose = SOCKET_OTHERS;
		return;
	}
	if (seen->renewal == SOCKET_RENEWED) {
		if (!is_still(watch, socket) || !teller_renewed(&watch->teller, socket))
			return;
		seen->renewal = SOCKET_RENEWAL_TOLD;
	}
	claim.holder = procfs_owners_find(watch->owners, socket->info.inode);
	if (claim.holder == NULL && socket->info.inode != 0 && !is_theirs_anyway(watch, socket, seen))
		return;
	if (seen->sure != watch->look)
		counters_settle_or_unknown(watch->config.diag, socket);
	claim.verdict = judge(watch, socket, seen->from, false, seen->renewal != SOCKET_FIRST);
	if (claim.verdict.owner != OWNERSHIP_NONE)
		socket->info.delay = claim.verdict.delay;
	claim.from = seen->from;
	claim.is_queued = seen->from == watch->look;
	/* Waiting to be accepted, or closed and not done yet. */
	if (claim.holder == NULL && claim.verdict.owner != OWNERSHIP_TARGETS)
		return;
	if (!teller_owner(&watch->teller, socket, &claim))
		return;
	seen->whose = SOCKET_TARGETS;
	if (claim.is_existing)
		socket->info.reason = INFO_EXISTING;
	if (claim.verdict.owner != OWNERSHIP_NONE)
		socket->info.listener = 1;
	(void)teller_push(&watch->teller, socket);
}

static bool is_dead_listener(const struct event *last)
{
	return last->flow.local.port != 0 && last->flow.remote.port == 0 && last->info.listener == 0;
}

/* Which listeners there were between two looks. */
static void doubt(struct watch *watch)
{
	/* What there was at the first look was there before. */
	if (watch->look == 1)
		return;
	listeners_compare(watch->listeners, watch->look);
	for (size_t i = 0; i < watch->pending_count; i++)
		if (is_dead_listener(&watch->pending[i].event))
			listeners_doubt(watch->listeners, &watch->pending[i].event.flow.local, watch->look);
}

static void decide_last(struct watch *watch, struct pending *pending)
{
	struct event *last = &pending->event;
	struct claim claim = {
		.verdict = judge(watch, last, pending->from, pending->is_late, pending->is_opened),
		.from = pending->from,
	};

	if (last->flow.local.port == 0 || is_dead_listener(last))
		return;
	if (pending->is_renewed && teller_renewed(&watch->teller, last) && pending->holder.pid != 0 &&
	    !targets_had_births(watch->targets, pending->from)) {
		claim.holder = &pending->holder;
		(void)teller_owner(&watch->teller, last, &claim);
		return;
	}
	if (claim.verdict.owner == OWNERSHIP_TARGETS) {
		(void)teller_owner(&watch->teller, last, &claim);
		last->info.listener = 1;
		last->info.delay = claim.verdict.delay;
		last->info.mptcp = claim.verdict.mptcp ? MPTCP_PERHAPS : MPTCP_NO;
	} else if (claim.verdict.owner != OWNERSHIP_OTHERS && !pending->is_told) {
		teller_nobody(&watch->teller, last);
	}
}

static void decide_pending(struct watch *watch)
{
	for (size_t i = 0; i < watch->pending_count; i++) {
		decide_last(watch, &watch->pending[i]);
		(void)teller_push(&watch->teller, &watch->pending[i].event);
	}
	watch->pending_count = 0;
}

static void read_targets(struct watch *watch)
{
	struct target *target;

	/* One that has ended meanwhile may have been read for another. */
	do {
		procfs_owners_clear(watch->owners);
		for (size_t i = 0; (target = targets_at(watch->targets, i)) != NULL; i++)
			if (target->ended == 0 && procfs_owners_add(watch->owners, target->pid) < 0 &&
			    target->unread == 0 && targets_alive(target))
				target->unread = 1;
	} while (!targets_last(watch->targets));
}

static int64_t processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * CLOCK_NS_PER_SEC + now.tv_nsec;
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
		listeners_trust(watch->listeners, targets_look);
	}
	listeners_forget(watch->listeners, watch->look - 1, targets_look);
	for (size_t i = 0; watch->marked == 0 && (listener = listeners_at(watch->listeners, i)) != NULL; i++) {
		if (listener->doubts_from == 0 &&
		    (listener->owner != OWNERSHIP_TARGETS || listener->looked == watch->look))
			continue;
		destroy_mark(destroy);
		watch->marked = watch->look;
		watch->marked_ns = clock_monotonic();
	}
}

int watch_look(struct watch *watch)
{
	int64_t began_ns = processor_time();
	bool births;
	size_t left;

	watch->look++;
	watch->teller.look = watch->look;
	watch->teller.pushed = 0;
	watch->fresh.count = watch->changed.count = 0;
	watch->new_listeners = false;
	(void)diag_dump(watch->config.diag, STATES, see, watch, &(struct err){""});
	left = targets_refresh(watch->targets);
	births = targets_follow(watch->targets, watch->look);
	if (births || watch->fresh.count > 0 || watch->new_listeners) {
		read_targets(watch);
		holders_look(&watch->holders, watch->look, births);
	}
	if (watch->fresh.count > COUNTERS_SINGLE_MAX)
		(void)diag_dump(watch->config.diag, STATES | DIAG_NO_COUNTERS, see_again, watch, &(struct err){""});
	doubt(watch);
	for (size_t i = 0; i < watch->changed.count; i++) {
		counters_settle_or_unknown(watch->config.diag, &watch->changed.list[i]);
		(void)teller_push(&watch->teller, &watch->changed.list[i]);
	}
	for (size_t i = 0; i < watch->fresh.count; i++)
		decide(watch, &watch->fresh.list[i]);
	decide_pending(watch);
	forget_listeners(watch);
	holders_done(&watch->holders);
	if (socket_table_count(watch->sockets) > 4096 && watch->look % 64 == 0)
		socket_table_sweep(watch->sockets, watch->look - 1);
	watch_times_looked(&watch->times, processor_time() - began_ns, watch->fresh.count > 0,
			   watch->look <= OPENING_LOOKS);
	return left == 0 ? SOURCE_END : watch->teller.pushed;
}

int watch_fd(const struct watch *watch)
{
	return watch->times.timer_fd;
}

/* diag_callback */
static void peek_at(void *context, const struct event *event)
{
	struct watch *watch = context;

	if (listeners_by_cookie(watch->listeners, &event->flow.local, event->info.cookie) == NULL)
		watch->new_listeners = true;
}

/* A listener may live and end between two looks; what came through it then, nobody could say. */
static bool sees_new_listeners(struct watch *watch)
{
	int64_t began_ns = processor_time();

	watch->new_listeners = false;
	(void)diag_dump(watch->config.diag, STATE(TCP_LISTEN) | DIAG_NO_COUNTERS, peek_at, watch, &(struct err){""});
	if (watch->new_listeners)
		watch_times_hasten(&watch->times);
	watch_times_peeked(&watch->times, processor_time() - began_ns);
	return watch->new_listeners && clock_monotonic() >= watch->times.due_ns;
}

int watch_read(struct watch *watch)
{
	enum watch_due due = watch_times_due(&watch->times);

	if (due == WATCH_LOOK || (due == WATCH_PEEK && sees_new_listeners(watch)))
		return watch_look(watch);
	return 0;
}

/* ---- last words ------------------------------------------------------------------ */

/* Is it of another connection than what was told of the socket? */
static bool is_last_of_another(const struct watch *watch, const struct socket_seen *seen, const struct event *event)
{
	if (!flow_is_complete(&event->flow))
		return false;
	return seen->renewal == SOCKET_RENEWED ||
	       (seen->whose == SOCKET_TARGETS && socket_table_is_renewed(watch->sockets, seen, event));
}

static void set_renewed(const struct watch *watch, const struct socket_seen *seen, struct pending *pending)
{
	const struct procfs_holder *holder = procfs_owners_find(watch->owners, seen->inode);

	pending->is_opened = pending->is_renewed = true;
	pending->is_told = false;
	pending->from = seen->look;
	/* A last word does not tell; and it may be plain TCP this time. */
	if (seen->was_mptcp)
		pending->event.info.mptcp = MPTCP_PERHAPS;
	if (holder != NULL)
		pending->holder = *holder;
}

bool watch_last_word(struct watch *watch, struct event *event)
{
	const struct socket_seen *seen = socket_table_find(watch->sockets, event->info.cookie);
	struct pending pending = {.event = *event, .from = watch->look, .is_late = seen == NULL};
	bool is_decided = false;

	if (event->type != EVENT_INFO ||
	    listeners_by_cookie(watch->listeners, &event->flow.local, event->info.cookie) != NULL)
		return false;
	if (seen != NULL) {
		pending.from = seen->from;
		pending.is_told = seen->whose == SOCKET_TARGETS || seen->renewal == SOCKET_RENEWED;
		pending.is_opened = seen->renewal != SOCKET_FIRST;
		if (is_last_of_another(watch, seen, event))
			set_renewed(watch, seen, &pending);
		/* Who has accepted one that was waiting is not decided. */
		is_decided = seen->whose == SOCKET_OTHERS ||
			     (pending.is_told && seen->from != seen->look);
		socket_table_remove(watch->sockets, event->info.cookie);
	}
	if (is_decided)
		return false;
	if (watch->pending_count >= PENDING_MAX)
		(void)watch_look(watch);
	if (watch->pending_count == watch->pending_size) {
		watch->pending_size = watch->pending_size > 0 ? watch->pending_size * 2 : 64;
		watch->pending = xreallocarray(watch->pending, watch->pending_size, sizeof(*watch->pending));
	}
	watch->pending[watch->pending_count++] = pending;
	/* It came in, and what it came through is not known, and may be as short-lived. */
	if (flow_is_complete(&event->flow) && opened_by(&event->info) != DIR_OUT &&
	    listeners_judge(watch->listeners, &event->flow.local, pending.from, false).owner == OWNERSHIP_NONE)
		watch_times_hasten(&watch->times);
	return true;
}

bool watch_waits(const struct watch *watch)
{
	return watch->pending_count > 0;
}

size_t watch_others(struct watch *watch, pid_t *pids, size_t room)
{
	const struct target *target;
	size_t count = 0;

	for (size_t i = 0; (target = targets_at(watch->targets, i)) != NULL; i++) {
		if (target->ended > 0)
			continue;
		if (count < room)
			pids[count] = target->pid;
		count++;
	}
	return count;
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
	free(watch->changed.list);
	free(watch->pending);
	kin_free(watch->kinfolk);
	for (size_t i = 0; i < watch->warning_count; i++)
		free(watch->warnings[i]);
	free(watch->warnings);
	watch_times_close(&watch->times);
	free(watch);
}

const char *watch_warning(struct watch *watch)
{
	if (watch->warned < watch->warning_count)
		return watch->warnings[watch->warned++];
	return targets_departed(watch->targets);
}

const char *watch_refused(const struct watch *watch, size_t index)
{
	return index < watch->warning_count ? watch->warnings[index] : NULL;
}

int watch_open(struct watch **opened, const struct watch_config *config, struct err *err)
{
	struct watch *watch = xcalloc(1, sizeof(*watch));
	int rc = 0, timer_rc;

	watch->config = *config;
	watch->targets = targets_new(config->follow);
	watch->listeners = listeners_new();
	watch->sockets = socket_table_new();
	watch->owners = procfs_owners_new(OWNERS_MAX);
	watch->teller = (struct teller){.targets = watch->targets, .events = config->events};
	watch->teller.kinfolk = watch->kinfolk = kin_new(teller_process, &watch->teller);
	watch->holders = (struct holders){watch->targets, watch->listeners, watch->owners, watch->kinfolk, 0, NULL};
	watch->warnings = xcalloc(config->pid_count, sizeof(char *));
	timer_rc = watch_times_open(&watch->times, config->look_ns);
	for (size_t i = 0; i < config->pid_count; i++) {
		int error = targets_add(watch->targets, config->pids[i], config->netns, err);

		if (error == 0)
			continue;
		rc = error;
		watch->warnings[watch->warning_count++] = xstrdup(err->text);
	}
	if (targets_at(watch->targets, 0) != NULL)
		rc = timer_rc < 0 ? err_set(err, -timer_rc, "no timer: %s", strerror(-timer_rc)) : 0;
	if (rc != 0) {
		watch_close(watch);
		return rc;
	}
	while (watch->look < OPENING_LOOKS)
		(void)watch_look(watch);
	*opened = watch;
	return 0;
}

bool watch_explain(const struct watch *watch, struct err *why)
{
	return holders_explain(&watch->holders, why);
}
