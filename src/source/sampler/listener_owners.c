// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/listener_owners.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/redact.h"
#include "base/xalloc.h"
#include "system/socket.h"
#include "system/procfs.h"

/* Interval at which all of /proc is read for other holders of the targets' listeners. */
#define RECHECK_NS (10 * CLOCK_NS_PER_SEC)
#define OWNERS_MAX 2000000
/* How often a listener is queried for TCP_DEFER_ACCEPT. */
#define DELAY_ASKS 8

/* ---- what holders have in common ---------------------------------------------------- */

/** struct identity_read - the identity of the target with the same number in the set, if it was read */
struct identity_read {
	bool is_read;
	struct common_identity common_identity;
};

struct naming {
	struct listener_owners *listener_owners;
	struct listener *listener;
	struct identity_read *identities;
	size_t at; /* number of the target to look at next: holders come in the order of the set */
};

/* The identity read is the target's only if it lives afterwards. */
static struct common_identity common_identity_of_target(struct common_identities *common_identities,
							const struct target *target)
{
	struct common_identity common_identity =
		target != NULL ? common_identity_of(common_identities, target->pid) : common_identity_unknown();

	return target != NULL && process_set_alive(target) ? common_identity : common_identity_unknown();
}

static bool wants_name(const struct listener *listener)
{
	return listener->owner == OWNERSHIP_TARGETS && !listener->named;
}

static void add_identity(struct listener *listener, const struct common_identity *common_identity)
{
	listener->common_identity =
		listener->found ? common_identity_join(&listener->common_identity, common_identity) : *common_identity;
	listener->found = true;
}

static void name_holder(void *context, pid_t pid)
{
	struct naming *naming = context;
	struct identity_read *identity;
	const struct target *target;

	while ((target = process_set_at(naming->listener_owners->process_set, naming->at)) != NULL &&
	       (target->pid != pid || target->ended > 0))
		naming->at++;
	if (target == NULL)
		return;
	identity = &naming->identities[naming->at];
	if (!identity->is_read)
		identity->common_identity =
			common_identity_of_target(naming->listener_owners->common_identities, target);
	identity->is_read = true;
	add_identity(naming->listener, &identity->common_identity);
}

static size_t count_targets(const struct listener_owners *listener_owners)
{
	size_t count = 0;

	while (process_set_at(listener_owners->process_set, count) != NULL)
		count++;
	return count;
}

static void name_listeners(struct listener_owners *listener_owners)
{
	struct identity_read *identities = NULL;
	struct common_identity common_identity;
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++) {
		if (!wants_name(listener))
			continue;
		listener->found = false;
		listener->named = true;
		if (listener->pid != 0) {
			common_identity = common_identity_of_target(
				listener_owners->common_identities,
				process_set_find(listener_owners->process_set, listener->pid));
			add_identity(listener, &common_identity);
			continue;
		}
		if (identities == NULL)
			identities = xcalloc(count_targets(listener_owners) + 1, sizeof(*identities));
		procfs_owners_holders(listener_owners->owners, listener->inode, name_holder,
				      &(struct naming){listener_owners, listener, identities, 0});
	}
	free(identities);
}

/* ---- holders -------------------------------------------------------------------------- */

/* Where /proc hides the processes of others (hidepid), the parents can't be read. */
static bool may_be_unseen(const struct listener *listener, pid_t holder, uid_t user, bool unseen)
{
	return user != listener->uid && (unseen || holder_activity_master(holder) < 0);
}

/* Whether several processes hold it, and a target is one of them. */
static bool is_shared(const struct listener_owners *listener_owners, const struct listener *listener)
{
	const struct procfs_holder *holder = procfs_owners_find(listener_owners->owners, listener->inode);

	return holder != NULL &&
	       (holder->shared || procfs_owners_find(listener_owners->others, listener->inode) != NULL);
}

/* Whether other processes hold it, and when they run is not known. */
static bool is_unobserved(const struct listener *listener, bool is_others)
{
	return is_others && (listener->others == 0 || listener->holders > HOLDER_ACTIVITY_MAX);
}

static void find_other_holder(struct listener *listener, const struct procfs_holder *other, pid_t holder)
{
	listener->sealed = other == NULL;
	listener->other_pid = other != NULL ? other->pid : holder_activity_master(holder);
}

/* Whether @pid is an ancestor of @target, and of the user that has created the listener: it has opened it. */
static bool is_opener(const struct listener *listener, pid_t pid, pid_t target)
{
	struct procfs_status status;

	return procfs_status(pid, &status) == 0 && status.uid[1] == listener->uid && procfs_is_ancestor(pid, target);
}

/*
 * The listener of another user that a target holds: the target has inherited it, or opened it before it gave up the
 * rights of that user. Who else may hold it are then the processes under the target's master, which is the process that
 * has opened it where that is known.
 */
static bool is_guarded(struct listener *listener, const struct procfs_holder *holder, const struct procfs_holder *other)
{
	pid_t master = other != NULL && is_opener(listener, other->pid, holder->pid) ? other->pid : 0;

	if (master == 0) {
		master = holder_activity_master(holder->pid);
		listener->master = holder->shared ? 0 : master;
		return master > 0 || (master == 0 && holder->shared);
	}
	listener->master = master;
	return true;
}

struct counting {
	struct listener_owners *listener_owners;
	struct listener *listener;
	bool is_target;
};

static void add_holder(void *context, pid_t pid)
{
	const struct counting *counting = context;
	struct listener *listener = counting->listener;

	listener->others += !counting->is_target;
	if (++listener->holders <= HOLDER_ACTIVITY_MAX)
		holder_activity_add(counting->listener_owners->activity, pid, listener->inode, counting->is_target);
}

/* Finds all holders of the listeners that several processes hold; @born: targets that were found since. */
static void find_holders(struct listener_owners *listener_owners, const struct procfs_owners *born)
{
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++) {
		struct counting counting = {listener_owners, listener, true};

		listener->holders = listener->others = 0;
		if (!is_shared(listener_owners, listener))
			continue;
		procfs_owners_holders(listener_owners->owners, listener->inode, add_holder, &counting);
		procfs_owners_holders(born, listener->inode, add_holder, &counting);
		counting.is_target = false;
		procfs_owners_holders(listener_owners->others, listener->inode, add_holder, &counting);
	}
}

/* Return: what the targets from number @known on hold; to be freed by procfs_owners_free(). */
static struct procfs_owners *read_born(const struct listener_owners *listener_owners, size_t known)
{
	struct procfs_owners *born = procfs_owners_new(OWNERS_MAX);
	const struct target *target;

	for (size_t i = known; (target = process_set_at(listener_owners->process_set, i)) != NULL; i++)
		(void)procfs_owners_add(born, target->pid);
	return born;
}

/* Finds other processes that hold the targets' listeners. */
static void check_others(struct listener_owners *listener_owners, uint32_t sample)
{
	struct procfs_owners *others = procfs_owners_new(OWNERS_MAX);
	struct procfs_owners *born;
	bool unseen, is_unseen = false;
	struct listener *listener;
	size_t known = count_targets(listener_owners);

	unseen = process_set_others(listener_owners->process_set, others);
	born = read_born(listener_owners, known);
	listener_owners->recheck_ns = clock_monotonic() + RECHECK_NS;
	listener_owners->others = others;
	holder_activity_search(listener_owners->activity, sample);
	find_holders(listener_owners, born);
	procfs_owners_free(born);
	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++) {
		const struct procfs_holder *holder = procfs_owners_find(listener_owners->owners, listener->inode);
		const struct procfs_holder *other = procfs_owners_find(others, listener->inode);
		bool was_shared = listener->shared;
		struct procfs_status status = {.uid = {[1] = (uid_t)-1}};

		if (holder == NULL)
			continue;
		/* One of several holders has ended since they were read: what is known remains until the next sample.
		 */
		if (procfs_status(holder->pid, &status) != 0 && holder->shared && other == NULL) {
			listener_owners->recheck_ns = 0;
			continue;
		}
		listener->named = false;
		listener->may_be_unseen = may_be_unseen(listener, holder->pid, status.uid[1], unseen);
		listener->shared = is_unobserved(listener, other != NULL) ||
				   (listener->may_be_unseen && !is_guarded(listener, holder, other));
		is_unseen |= listener->may_be_unseen;
		listener->owner = listener->shared || was_shared ? OWNERSHIP_UNCLEAR : OWNERSHIP_TARGETS;
		if (other != NULL || (listener->shared && !was_shared))
			find_other_holder(listener, other, holder->pid);
		/* A former holder may have accepted until now: the listener is the targets' from the next sample on. */
		if (was_shared && !listener->shared)
			listener_owners->recheck_ns = 0;
	}
	if (is_unseen)
		holder_activity_add_unseen(listener_owners->activity);
	/* A new child of a target may have been taken for another process. */
	if (!process_set_are_all(listener_owners->process_set))
		listener_owners_done(listener_owners);
}

/* Return: true when all processes must be read for other holders. */
static bool find_holder(struct listener_owners *listener_owners, struct listener *listener, uint32_t sample)
{
	const struct procfs_holder *holder = procfs_owners_find(listener_owners->owners, listener->inode);
	pid_t pid = holder != NULL && !holder->shared ? holder->pid : 0;
	bool is_unchecked = false;

	/* A target may have closed it just now: only a listener that is listed again belongs to others. */
	if (holder == NULL && (listener->owner != OWNERSHIP_TARGETS || listener->unheld))
		listener->owner = OWNERSHIP_OTHERS;
	else
		is_unchecked = listener->first_sample == sample || listener->owner == OWNERSHIP_OTHERS;
	listener->unheld = holder == NULL;
	/* A program may set it after listen(2). */
	if (holder != NULL && listener->delay_asked < DELAY_ASKS) {
		listener->delay = (uint8_t)socket_delay(holder->pid, holder->fd);
		listener->delay_asked++;
	}
	if (holder == NULL || pid == listener->pid)
		return is_unchecked;
	listener->named = false;
	listener->pid = pid;
	listener->since = sample;
	/* A holder older than the listener has created it. */
	if (pid != 0 && listener->first_sample == sample &&
	    process_set_find(listener_owners->process_set, pid)->found < sample)
		listener->since = 0;
	return is_unchecked;
}

void listener_owners_sample(struct listener_owners *listener_owners, uint32_t sample, bool forks)
{
	bool is_unchecked = forks || clock_monotonic() >= listener_owners->recheck_ns;
	bool any = false;
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++) {
		/* A listener that is gone was closed: its owner remains. */
		if (listener->sampled != sample)
			continue;
		if (find_holder(listener_owners, listener, sample))
			is_unchecked = true;
		any |= !listener->unheld;
	}
	if (is_unchecked && any)
		check_others(listener_owners, sample);
	name_listeners(listener_owners);
}

static struct holder_run run_of_others(const struct listener_owners *listener_owners, const struct listener *listener)
{
	struct holder_run run = {0, 0}, unseen;

	if (listener->others > 0)
		run = holder_activity_run_others(listener_owners->activity, listener->inode);
	if (!listener->may_be_unseen)
		return run;
	unseen = holder_activity_run_unseen(listener_owners->activity, listener->master);
	return holder_run_later(&run, &unseen);
}

void listener_owners_run(struct listener_owners *listener_owners)
{
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++) {
		struct holder_run run = run_of_others(listener_owners, listener);

		listener->has_run |= listener->run.last != 0 && run.last > listener->run.last;
		listener->run = run;
		listener->last = 0;
		if (listener->holders <= HOLDER_ACTIVITY_MAX)
			listener->last =
				holder_activity_last(listener_owners->activity, listener->inode, &listener->last_since);
	}
}

bool listener_owners_are_others(const struct listener_owners *listener_owners, uint32_t inode)
{
	return listener_owners->others != NULL && inode != 0 &&
	       procfs_owners_find(listener_owners->others, inode) != NULL;
}

bool listener_owners_explain(const struct listener_owners *listener_owners, struct err *why)
{
	char comm[16], name[4 * sizeof(comm) + 1], ip[ENDPOINT_TEXT], who[128] = "a process";
	const struct listener *listener;
	bool is_holder;
	pid_t other;
	size_t i = 0;

	while ((listener = listeners_at(listener_owners->listeners, i++)) != NULL && !listener->shared &&
	       !listener->has_run)
		continue;
	if (listener == NULL)
		return false;
	is_holder = listener->shared ? !listener->sealed : listener->others > 0;
	other = listener->shared || is_holder ? listener->other_pid : listener->master;
	if (other > 0) {
		procfs_comm(other, comm);
		escape_text(name, sizeof(name), redact_text(REDACT_COMM, comm));
		snprintf(who, sizeof(who), "PID %d%s%s%s", (int)other, name[0] != '\0' ? " (" : "", name,
			 name[0] != '\0' ? ")" : "");
	}
	endpoint_ip_text(&listener->local, ip);
	(void)err_set(why, 0,
		      "%s %s the listening socket %s port %u too and %s%s, so the owner of its short connections "
		      "is unknown",
		      who, is_holder ? "holds" : "may hold", ip, listener->local.port,
		      is_holder ? "is not watched" : "cannot be inspected",
		      listener->shared ? "" : ", and has run meanwhile");
	return true;
}

void listener_owners_done(struct listener_owners *listener_owners)
{
	procfs_owners_free(listener_owners->others);
	listener_owners->others = NULL;
}
