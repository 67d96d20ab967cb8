// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/listener_owners.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/redact.h"
#include "system/socket.h"
#include "system/procfs.h"

/* Interval at which all of /proc is read for other holders of the targets' listeners. */
#define RECHECK_NS (10 * CLOCK_NS_PER_SEC)
#define OWNERS_MAX 2000000
/* How often a listener is queried for TCP_DEFER_ACCEPT. */
#define DELAY_ASKS 8

/* ---- what holders have in common ---------------------------------------------------- */

struct naming {
	struct listeners *listeners;
	struct common_identities *common_identities;
	const struct target *target;
	bool is_read; /* common_identity is that of target */
	struct common_identity common_identity;
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

static void name_inode(void *context, int fd, uint32_t inode)
{
	struct naming *naming = context;
	struct listener *listener;

	(void)fd;
	for (size_t i = 0; (listener = listeners_at(naming->listeners, i)) != NULL; i++) {
		if (!wants_name(listener) || listener->inode != inode)
			continue;
		if (!naming->is_read)
			naming->common_identity = common_identity_of_target(naming->common_identities, naming->target);
		naming->is_read = true;
		listener->common_identity =
			listener->found ? common_identity_join(&listener->common_identity, &naming->common_identity)
					: naming->common_identity;
		listener->found = true;
	}
}

static void name_listeners(struct listener_owners *listener_owners)
{
	struct naming naming = {.listeners = listener_owners->listeners,
				.common_identities = listener_owners->common_identities};
	const struct target *target;
	struct listener *listener;
	bool any = false;

	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++) {
		if (!wants_name(listener))
			continue;
		listener->found = listener->pid != 0;
		target = listener->found ? process_set_find(listener_owners->process_set, listener->pid) : NULL;
		listener->common_identity = common_identity_of_target(listener_owners->common_identities, target);
		listener->named = listener->found;
		any |= !listener->found;
	}
	for (size_t i = 0; any && (target = process_set_at(listener_owners->process_set, i)) != NULL; i++) {
		if (target->ended > 0)
			continue;
		naming.target = target;
		naming.is_read = false;
		(void)procfs_sockets(target->pid, name_inode, &naming);
	}
	for (size_t i = 0; any && (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++)
		if (wants_name(listener))
			listener->named = true;
}

/* ---- holders -------------------------------------------------------------------------- */

/* Where /proc hides the processes of others (hidepid), the parents can't be read. */
static bool may_be_unseen(const struct listener *listener, pid_t holder, uid_t user, bool unseen)
{
	return user != listener->uid && (unseen || unseen_holders_master(holder) < 0);
}

static void find_other_holder(struct listener *listener, const struct procfs_owners *others, pid_t holder)
{
	const struct procfs_holder *other = procfs_owners_find(others, listener->inode);

	listener->sealed = other == NULL;
	listener->other_pid = other != NULL ? other->pid : unseen_holders_master(holder);
}

/*
 * The listener of another user that a target holds: the target has inherited it, or opened it before it gave up the
 * rights of that user. Who else may hold it are then the processes under the target's master.
 */
static bool is_guarded(struct listener *listener, const struct procfs_holder *holder)
{
	pid_t master = unseen_holders_master(holder->pid);

	if (master < 0)
		return false;
	listener->master = holder->shared ? 0 : master;
	return master > 0 || holder->shared;
}

/* Finds other processes that hold the targets' listeners. */
static void check_others(struct listener_owners *listener_owners, uint32_t sample)
{
	struct procfs_owners *others = procfs_owners_new(OWNERS_MAX);
	bool unseen = process_set_others(listener_owners->process_set, others);
	bool is_unseen = false;
	struct listener *listener;

	listener_owners->recheck_ns = clock_monotonic() + RECHECK_NS;
	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++) {
		const struct procfs_holder *holder = procfs_owners_find(listener_owners->owners, listener->inode);
		bool is_others = procfs_owners_find(others, listener->inode) != NULL;
		bool was_shared = listener->shared;
		struct procfs_status status = {.uid = {[1] = (uid_t)-1}};

		if (holder == NULL)
			continue;
		/* One of several holders has ended since they were read: what is known remains until the next sample.
		 */
		if (procfs_status(holder->pid, &status) != 0 && holder->shared && !is_others) {
			listener_owners->recheck_ns = 0;
			continue;
		}
		listener->named = false;
		listener->may_be_unseen = may_be_unseen(listener, holder->pid, status.uid[1], unseen);
		listener->shared = is_others || (listener->may_be_unseen && !is_guarded(listener, holder));
		is_unseen |= listener->may_be_unseen;
		listener->owner = listener->shared || was_shared ? OWNERSHIP_UNCLEAR : OWNERSHIP_TARGETS;
		if (listener->shared && !was_shared)
			find_other_holder(listener, others, holder->pid);
		/* A former holder may have accepted until now: the listener is the targets' from the next sample on. */
		if (was_shared && !listener->shared)
			listener_owners->recheck_ns = 0;
	}
	if (is_unseen)
		unseen_holders_search(listener_owners->unseen_holders, sample);
	listener_owners->others = others;
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

void listener_owners_run(struct listener_owners *listener_owners)
{
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(listener_owners->listeners, i)) != NULL; i++)
		if (listener->may_be_unseen) {
			struct unseen_run run = unseen_holders_run(listener_owners->unseen_holders, listener->master);

			listener->has_run |= listener->run.last != 0 && listener->run.last != run.last;
			listener->run = run;
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
	const char *because;
	pid_t other;
	size_t i = 0;

	while ((listener = listeners_at(listener_owners->listeners, i++)) != NULL && !listener->shared &&
	       !listener->has_run)
		continue;
	if (listener == NULL)
		return false;
	other = listener->shared ? listener->other_pid : listener->master;
	if (other > 0) {
		procfs_comm(other, comm);
		escape_text(name, sizeof(name), redact_text(REDACT_COMM, comm));
		snprintf(who, sizeof(who), "PID %d%s%s%s", (int)other, name[0] != '\0' ? " (" : "", name,
			 name[0] != '\0' ? ")" : "");
	}
	endpoint_ip_text(&listener->local, ip);
	because = listener->sealed ? " and cannot be inspected" : " and is not watched";
	if (!listener->shared)
		because = ", cannot be inspected, and has run meanwhile";
	(void)err_set(
		why, 0, "%s %s the listening socket %s port %u too%s, so the owner of its short connections is unknown",
		who, listener->sealed || !listener->shared ? "may hold" : "holds", ip, listener->local.port, because);
	return true;
}

void listener_owners_done(struct listener_owners *listener_owners)
{
	procfs_owners_free(listener_owners->others);
	listener_owners->others = NULL;
}
