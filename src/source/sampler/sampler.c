// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections of processes that are not stopped.
 *
 * The kernel reports each TCP socket of the network namespace that is destroyed, with its final counters, but not its
 * owner. The owner is found in two ways.
 *
 * Samples. All sockets are listed from time to time (sock_diag). The descriptors of the targets (/proc/PID/fd) give the
 * owners of new sockets. The list is made first, so a socket in it that no target has afterwards was closed in between,
 * or is being passed. Only a socket found with other processes, or in no target by a second sample, is others'.
 *
 * Listeners. A connection that came in through a listening socket that only targets hold is theirs, however short it
 * lived. All of /proc is read for other holders when the listener is found, and again from time to time. Processes that
 * can't be inspected are assumed not to hold a listener that the target's own user has created.
 *
 * A listener is often held by a process that is no target, too: the master that opened it, perhaps of another user, or
 * another worker. What was accepted in a time in which none of these has run is the targets' (holder_activity.h).
 *
 * The final counters of a socket that no sample has seen therefore wait for the next sample, because its listener, or
 * another holder of that, may be as new as itself. A socket that then belongs neither to a listener of the targets nor
 * to others was opened by some process of this host, and was too short: it is counted as a socket without owner
 * (EVENT_OWNER without a process).
 *
 * The target that accepted is reported if it is proven. A connection was accepted after some sample, either the one
 * before it was first seen, or the last that saw it wait. If one process alone has held the listener since that sample,
 * and can have had no child since (process_set.h), that process accepted it, as does the only one of several holders
 * that has run since. If one process alone was found with the
 * connection, and is older than that sample, it has not inherited the connection. Otherwise the PID stays unknown, and
 * what the processes that may have accepted have in common is reported instead (common_identity.h). Descriptors of
 * other processes handed over (SCM_RIGHTS) between two samples leave no trace.
 *
 * The cost of a sample grows with the number of sockets. It includes a walk through the kernel's table, half a
 * millisecond at least. The interval adapts to that cost (sampler_times.c). In between, a peek at the listeners alone
 * finds new ones early for a few microseconds. A new one, and final counters at a port without a known listener, cause
 * a sample of the listeners and their owners alone.
 */
#include "source/sampler/sampler.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "system/counters.h"
#include "system/procfs.h"
#include "source/sampler/sampler_state.h"
#include "source/source.h"

#define OWNERS_MAX 2000000
/* An overrun may drop the mark that shows that all has been reported. */
#define MARK_NS (5 * CLOCK_NS_PER_SEC)
/* A socket not found with a target in this many samples belongs to others. */
#define TRIES 2
/* With this many final counters waiting, the next sample is made at once. */
#define PENDING_MAX 16384

#define STATE(state) (1U << (state))
/* Mini sockets have no counters, and a closed or unconnected socket is no connection yet. */
#define STATES                                                                                        \
	(STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_SENT) | STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) | \
	 STATE(TCP_CLOSE_WAIT) | STATE(TCP_LAST_ACK) | STATE(TCP_LISTEN) | STATE(TCP_CLOSING))

static void append(struct events *events, const struct event *event)
{
	events->list = array_reserve(events->list, events->count, &events->size, sizeof(*events->list));
	events->list[events->count++] = *event;
}

/* ---- samples -------------------------------------------------------------------- */

/* diag_callback */
static void see(void *context, const struct event *event)
{
	struct sampler *sampler = context;
	enum socket_news news;

	if (event->info.state == TCP_LISTEN) {
		if (listeners_see(sampler->listeners, event, sampler->sample))
			sampler->new_listeners = true;
		return;
	}
	/* A mini socket in FIN_WAIT2: the socket itself is destroyed. One without ends has just been disconnected. */
	if (event->info.cookie == 0 || event->info.bytes_received < 0 || !flow_is_complete(&event->flow))
		return;
	news = socket_table_see(sampler->sockets, event, sampler->sample, sampler->full_before);
	if (news != SOCKET_SAME)
		append(news == SOCKET_FRESH ? &sampler->fresh : &sampler->changed, event);
}

/* diag_callback */
static void see_again(void *context, const struct event *event)
{
	struct sampler *sampler = context;

	socket_table_see_again(sampler->sockets, event, sampler->sample);
}

static struct ownership judge(const struct sampler *sampler, const struct event *socket, const struct socket_seen *seen)
{
	const struct arrival arrival = {
		.from = seen->from,
		.is_opened = seen->renewal != SOCKET_FIRST,
		.is_queued = seen->from == sampler->sample,
	};

	return sampler_judge(sampler, socket, &arrival);
}

/* Ends and counters are not read in one step: this checks that the socket is the same when queried again. */
static bool is_still(struct sampler *sampler, const struct event *socket)
{
	struct event again;

	return diag_query(sampler->config.diag, &socket->flow, socket->info.cookie, &again) == 0;
}

/* Whether there is a target of this user whose descriptors can't be read, or descriptors that had no room. */
static bool may_be_unread(const struct sampler *sampler, const struct event_info *info)
{
	const struct target *target;

	if (procfs_owners_refused(sampler->owners) > 0)
		return true;
	for (size_t i = 0; (target = process_set_at(sampler->process_set, i)) != NULL; i++)
		if (target->unread != 0 && target->ended == 0 && procfs_owner(target->pid, "") == info->uid)
			return true;
	return false;
}

/*
 * The socket belongs to others when no target was found to hold it twice, or other processes were. A connection through
 * a listener of the targets is still theirs, even where no holder can be seen: the table of an io_uring (direct
 * descriptors) is shown only while the ring is not busy.
 */
static bool owned_through_listener(struct sampler *sampler, const struct event *socket, struct socket_seen *seen)
{
	if (++seen->tries < TRIES && !listener_owners_are_others(&sampler->listener_owners, socket->info.inode))
		return false;
	if (judge(sampler, socket, seen).owner == OWNERSHIP_TARGETS)
		return true;
	if (may_be_unread(sampler, &socket->info))
		owner_events_none(&sampler->owner_events, socket);
	seen->owner = SOCKET_OTHERS;
	return false;
}

/* Its process closed it, or ended, before a sample showed the owner; the socket may live on for long. */
static void give_up(struct sampler *sampler, const struct event *socket, struct socket_seen *seen,
		    enum ownership_owner owner)
{
	if (!socket_table_is_orphan(&socket->info))
		return;
	seen->owner = SOCKET_OTHERS;
	if (owner != OWNERSHIP_OTHERS)
		owner_events_none(&sampler->owner_events, socket);
}

static void decide(struct sampler *sampler, struct event *socket)
{
	struct socket_seen *seen = socket_table_find(sampler->sockets, socket->info.cookie);
	struct socket_evidence evidence = {.is_existing = sampler->sample == 1, .listed_ns = socket->time_ns};

	if (seen == NULL)
		return;
	/* The owner before the run is unknown: the listener on its port may be a successor. */
	if (evidence.is_existing && socket_table_is_orphan(&socket->info)) {
		seen->owner = SOCKET_OTHERS;
		return;
	}
	if (seen->renewal == SOCKET_RENEWED) {
		if (!is_still(sampler, socket) || !owner_events_renewed(&sampler->owner_events, socket))
			return;
		seen->renewal = SOCKET_RENEWAL_REPORTED;
	}
	evidence.holder = procfs_owners_find(sampler->owners, socket->info.inode);
	if (evidence.holder == NULL && socket->info.inode != 0 && !owned_through_listener(sampler, socket, seen))
		return;
	if (seen->sure != sampler->sample)
		counters_settle_or_unknown(sampler->config.diag, socket);
	evidence.ownership = judge(sampler, socket, seen);
	if (evidence.ownership.owner != OWNERSHIP_NONE)
		socket->info.delay = evidence.ownership.delay;
	evidence.from = seen->from;
	evidence.is_queued = seen->from == sampler->sample;
	/* Waiting to be accepted, or closed and not destroyed yet. */
	if (evidence.holder == NULL && evidence.ownership.owner != OWNERSHIP_TARGETS) {
		give_up(sampler, socket, seen, evidence.ownership.owner);
		return;
	}
	if (!owner_events_owner(&sampler->owner_events, socket, &evidence))
		return;
	seen->owner = SOCKET_TARGETS;
	if (evidence.is_existing)
		socket->info.reason = INFO_EXISTING;
	if (evidence.ownership.owner != OWNERSHIP_NONE)
		socket->info.listener = 1;
	(void)owner_events_push(&sampler->owner_events, socket);
}

/* Listeners may have changed between two samples. */
static void doubt(struct sampler *sampler)
{
	/* All listeners of the first sample existed before. */
	if (sampler->sample == 1)
		return;
	listeners_compare(sampler->listeners, sampler->sample);
	for (size_t i = 0; i < sampler->pending_count; i++)
		if (sampler_has_dead_listener(&sampler->pending[i].event))
			listeners_mark_unreliable(sampler->listeners, &sampler->pending[i].event.flow.local,
						  sampler->sample);
}

static void read_process_set(struct sampler *sampler)
{
	struct target *target;

	/* The descriptors of a target that has ended meanwhile may be those of another process. */
	do {
		procfs_owners_clear(sampler->owners);
		for (size_t i = 0; (target = process_set_at(sampler->process_set, i)) != NULL; i++)
			if (target->ended == 0 && procfs_owners_add(sampler->owners, target->pid) < 0 &&
			    target->unread == 0 && process_set_alive(target))
				target->unread = 1;
	} while (!process_set_last(sampler->process_set));
}

static int64_t processor_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * CLOCK_NS_PER_SEC + now.tv_nsec;
}

static bool wants_mark(const struct sampler *sampler)
{
	const struct listener *listener;

	if (sampler->config.marks || process_set_had_forks(sampler->process_set, sampler->trusted))
		return true;
	for (size_t i = 0; (listener = listeners_at(sampler->listeners, i)) != NULL; i++)
		if (listener->unreliable_from != 0 || listener->run.last > sampler->trusted ||
		    listener->since >= sampler->trusted || listener->last_since > sampler->trusted ||
		    (listener->owner == OWNERSHIP_TARGETS && listener->sampled != sampler->sample))
			return true;
	return false;
}

/* Finds out how far the reports of destroyed sockets have come, if that matters to a listener. */
static void update_mark(struct sampler *sampler)
{
	struct destroy *destroy = *sampler->config.destroy;

	if (destroy == NULL) {
		sampler->trusted_until_ns = sampler->sampled_before_ns;
		return;
	}
	if (sampler->marked != 0 && !sampler->is_behind &&
	    (destroy_has_caught_up(destroy) || clock_monotonic() - sampler->marked_ns > MARK_NS)) {
		sampler->trusted = sampler->marked;
		sampler->trusted_until_ns = sampler->marked_until_ns;
		sampler->marked = 0;
		listeners_trust(sampler->listeners, sampler->trusted);
	}
	if (sampler->marked != 0 || sampler->is_draining || !wants_mark(sampler))
		return;
	destroy_mark(destroy);
	sampler->marked = sampler->sample;
	sampler->marked_until_ns = sampler->sampled_before_ns;
	sampler->marked_ns = clock_monotonic();
}

/*
 * Connections through a listener that is gone may be reported long after. A listener of the targets is dropped when all
 * sockets destroyed before it was missed have been read.
 */
static void forget_listeners(struct sampler *sampler)
{
	update_mark(sampler);
	if (*sampler->config.destroy != NULL)
		listeners_forget(sampler->listeners, sampler->sample - 1, sampler->trusted);
}

/* Lists sockets in these states; finds the owners of listeners, and of sockets if there are new ones. */
static void list_sockets(struct sampler *sampler, unsigned int states)
{
	bool forks;

	sampler->sample++;
	sampler->owner_events.sample = sampler->sample;
	sampler->owner_events.pushed = 0;
	sampler->fresh.count = sampler->changed.count = 0;
	sampler->new_listeners = false;
	holder_activity_begin(sampler->activity);
	(void)diag_dump(sampler->config.diag, states, see, sampler, &(struct err){""});
	sampler->left = process_set_refresh(sampler->process_set);
	if (sampler->config.choice != NULL)
		process_set_choose(sampler->process_set, sampler->config.choice, sampler->config.netns);
	forks = process_set_follow(sampler->process_set, sampler->sample);
	forks |= holder_activity_sample(sampler->activity, sampler->sample);
	if (forks || sampler->fresh.count > 0 || sampler->new_listeners) {
		read_process_set(sampler);
		listener_owners_sample(&sampler->listener_owners, sampler->sample, forks);
	}
	listener_owners_run(&sampler->listener_owners);
}

static void decide_listed(struct sampler *sampler)
{
	doubt(sampler);
	owner_events_listeners(&sampler->owner_events, sampler->listeners);
	for (size_t i = 0; i < sampler->changed.count; i++) {
		counters_settle_or_unknown(sampler->config.diag, &sampler->changed.list[i]);
		(void)owner_events_push(&sampler->owner_events, &sampler->changed.list[i]);
	}
	for (size_t i = 0; i < sampler->fresh.count; i++)
		decide(sampler, &sampler->fresh.list[i]);
	sampler_decide_pending(sampler);
	forget_listeners(sampler);
	listener_owners_done(&sampler->listener_owners);
}

/* More processes may be chosen later. */
static int pushed_or_end(const struct sampler *sampler)
{
	return sampler->left == 0 && sampler->config.choice == NULL ? SOURCE_END : sampler->owner_events.pushed;
}

int sampler_sample(struct sampler *sampler)
{
	int64_t began_ns = processor_time();

	sampler->sampled_before_ns = sampler->sampled_ns;
	sampler->sampled_ns = clock_now();
	sampler->full_before = sampler->full;
	sampler->full = sampler->sample + 1;
	list_sockets(sampler, STATES);
	if (sampler->fresh.count > COUNTERS_SINGLE_MAX)
		(void)diag_dump(sampler->config.diag, STATES | DIAG_NO_COUNTERS, see_again, sampler, &(struct err){""});
	decide_listed(sampler);
	if (socket_table_count(sampler->sockets) > 4096 && sampler->sample % 64 == 0)
		socket_table_sweep(sampler->sockets, sampler->full_before);
	sampler_times_sampled(&sampler->times, processor_time() - began_ns, sampler->fresh.count > 0,
			      sampler->sample <= SAMPLER_OPENING);
	return pushed_or_end(sampler);
}

/*
 * A server may live for a few milliseconds. The listeners and their owners are enough for the connections that came
 * through them, and the kernel keeps listeners in a small table of their own.
 */
static int sample_listeners(struct sampler *sampler)
{
	int64_t began_ns = processor_time();

	list_sockets(sampler, STATE(TCP_LISTEN));
	decide_listed(sampler);
	sampler_times_listed(&sampler->times, processor_time() - began_ns);
	return pushed_or_end(sampler);
}

int sampler_fd(const struct sampler *sampler)
{
	return sampler->times.timer_fd;
}

/* diag_callback */
static void peek_at(void *context, const struct event *event)
{
	struct sampler *sampler = context;

	if (listeners_by_cookie(sampler->listeners, &event->flow.local, event->info.cookie) == NULL)
		sampler->new_listeners = true;
}

/* Until another holder of their listeners runs, targets have accepted what has been reported. */
static void settle(struct sampler *sampler)
{
	if (sampler->pending_count == sampler->settled)
		return;
	if (holder_activity_is_none(sampler->activity))
		sampler->settled = sampler->pending_count;
	else
		sampler_times_advance(&sampler->times);
}

/* A listener may live and end between two samples; the owner of connections through it would be unknown. */
static bool sees_new_listeners(struct sampler *sampler)
{
	int64_t began_ns = processor_time();

	sampler->new_listeners = false;
	(void)diag_dump(sampler->config.diag, STATE(TCP_LISTEN) | DIAG_NO_COUNTERS, peek_at, sampler,
			&(struct err){""});
	if (sampler->new_listeners)
		sampler_times_hasten(&sampler->times);
	update_mark(sampler);
	settle(sampler);
	sampler_times_peeked(&sampler->times, processor_time() - began_ns);
	return sampler_times_listeners_due(&sampler->times);
}

int sampler_read(struct sampler *sampler)
{
	enum sampler_due due = sampler_times_due(&sampler->times);

	if (due == SAMPLER_SAMPLE)
		return sampler_sample(sampler);
	if (due == SAMPLER_LISTENERS || (due == SAMPLER_PEEK && sees_new_listeners(sampler)))
		return sample_listeners(sampler);
	return 0;
}

bool sampler_final_counters(struct sampler *sampler, struct event *event)
{
	if (sampler->pending_count >= PENDING_MAX) {
		sampler->is_behind = true;
		(void)sampler_sample(sampler);
		sampler->is_behind = false;
	}
	return sampler_final_add(sampler, event);
}

bool sampler_shares(struct sampler *sampler)
{
	const struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(sampler->listeners, i)) != NULL; i++)
		if (listener->others > 0 || listener->shared || listener->may_be_unseen)
			return true;
	return false;
}

bool sampler_splits(struct sampler *sampler)
{
	const struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(sampler->listeners, i)) != NULL; i++)
		if (listener->owner == OWNERSHIP_TARGETS && listener->holders > 1)
			return true;
	return false;
}

bool sampler_listener(struct sampler *sampler, uint32_t inode, struct endpoint *local)
{
	const struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(sampler->listeners, i)) != NULL; i++)
		if (listener->inode == inode) {
			*local = listener->local;
			return true;
		}
	return false;
}

int64_t sampler_sampled_ns(const struct sampler *sampler)
{
	return sampler->sampled_ns;
}

int64_t sampler_reported_ns(const struct sampler *sampler, int64_t *pushed_ns)
{
	*pushed_ns = sampler->pushed_ns;
	return sampler->reported_ns;
}

bool sampler_waits(const struct sampler *sampler)
{
	return sampler->pending_count > 0;
}

int sampler_drain_read(struct sampler *sampler)
{
	/* The mark is that of the end of the run now: one of the sampler would replace it before it is read. */
	sampler->is_draining = true;
	return sampler_waits(sampler) ? sampler_sample(sampler) : 0;
}

size_t sampler_others(struct sampler *sampler, pid_t *pids, size_t room)
{
	const struct target *target;
	size_t count = 0;

	/* They are not the run's to wait for. */
	if (sampler->config.choice != NULL)
		return 0;
	for (size_t i = 0; (target = process_set_at(sampler->process_set, i)) != NULL; i++) {
		if (target->ended > 0)
			continue;
		if (count < room)
			pids[count] = target->pid;
		count++;
	}
	return count;
}

/* ---- opening ---------------------------------------------------------------------- */

void sampler_close(struct sampler *sampler)
{
	if (sampler == NULL)
		return;
	process_set_free(sampler->process_set);
	listeners_free(sampler->listeners);
	holder_activity_free(sampler->activity);
	socket_table_free(sampler->sockets);
	procfs_owners_free(sampler->owners);
	free(sampler->fresh.list);
	free(sampler->changed.list);
	free(sampler->pending);
	common_identity_free(sampler->common_identities);
	for (size_t i = 0; i < sampler->warning_count; i++)
		free(sampler->warnings[i]);
	free(sampler->warnings);
	sampler_times_close(&sampler->times);
	free(sampler);
}

const char *sampler_notice(struct sampler *sampler)
{
	if (sampler->warned < sampler->warning_count)
		return sampler->warnings[sampler->warned++];
	return process_set_departed(sampler->process_set);
}

const char *sampler_refused(const struct sampler *sampler, size_t index)
{
	return index < sampler->warning_count ? sampler->warnings[index] : NULL;
}

int sampler_open(struct sampler **opened, const struct sampler_config *config, struct err *err)
{
	struct sampler *sampler = xcalloc(1, sizeof(*sampler));
	int rc = 0, timer_rc;

	sampler->config = *config;
	sampler->process_set = process_set_new(config->follow, PROCESS_SET_MAX);
	sampler->trusted = 1;
	sampler->listeners = listeners_new();
	sampler->activity = holder_activity_new(sampler->process_set);
	sampler->sockets = socket_table_new();
	sampler->owners = procfs_owners_new(OWNERS_MAX);
	sampler->owner_events = (struct owner_events){.process_set = sampler->process_set, .events = config->events};
	sampler->owner_events.common_identities = sampler->common_identities =
		common_identity_new(owner_events_process, &sampler->owner_events);
	sampler->listener_owners = (struct listener_owners){sampler->process_set,
							    sampler->listeners,
							    sampler->owners,
							    sampler->common_identities,
							    sampler->activity,
							    0,
							    NULL};
	sampler->warnings = xcalloc(config->pid_count, sizeof(char *));
	timer_rc = sampler_times_open(&sampler->times, config->sample_ns);
	for (size_t i = 0; i < config->pid_count; i++) {
		int error = process_set_add(sampler->process_set, config->pids[i], config->netns, err);

		if (error == 0)
			continue;
		rc = error;
		sampler->warnings[sampler->warning_count++] = xstrdup(err->text);
	}
	if (config->choice != NULL || process_set_at(sampler->process_set, 0) != NULL)
		rc = timer_rc < 0 ? err_set(err, -timer_rc, "no timer: %s", strerror(-timer_rc)) : 0;
	if (rc != 0) {
		sampler_close(sampler);
		return rc;
	}
	while (sampler->sample < SAMPLER_OPENING)
		(void)sampler_sample(sampler);
	/* The mark of the first sample would be read before that of the last one can be made. */
	sampler->marked = 0;
	update_mark(sampler);
	*opened = sampler;
	return 0;
}

bool sampler_explain(const struct sampler *sampler, struct err *why)
{
	return listener_owners_explain(&sampler->listener_owners, why);
}
