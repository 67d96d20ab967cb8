// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/holders.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/escape.h"
#include "system/socket.h"
#include "system/procfs.h"

/* All of /proc is asked again so often who else holds the targets' listeners. */
#define RECHECK_NS (10 * CLOCK_NS_PER_SEC)
#define OWNERS_MAX 2000000
/* How often a listener is asked whether it defers. */
#define DELAY_ASKS 8

/* ---- what holders have in common ---------------------------------------------------- */

struct naming {
	struct listeners *listeners;
	struct kinfolk *kinfolk;
	const struct target *target;
	bool is_read; /* kin is that of target */
	struct kin kin;
};

/* What was read is its own if it lives afterwards. */
static struct kin kin_of_target(struct kinfolk *kinfolk, const struct target *target)
{
	struct kin kin = target != NULL ? kin_of(kinfolk, target->pid) : kin_unknown();

	return target != NULL && targets_alive(target) ? kin : kin_unknown();
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
			naming->kin = kin_of_target(naming->kinfolk, naming->target);
		naming->is_read = true;
		listener->kin = listener->found ? kin_join(&listener->kin, &naming->kin) : naming->kin;
		listener->found = true;
	}
}

static void name_listeners(struct holders *holders)
{
	struct naming naming = {.listeners = holders->listeners, .kinfolk = holders->kinfolk};
	const struct target *target;
	struct listener *listener;
	bool any = false;

	for (size_t i = 0; (listener = listeners_at(holders->listeners, i)) != NULL; i++) {
		if (!wants_name(listener))
			continue;
		listener->found = listener->pid != 0;
		target = listener->found ? targets_find(holders->targets, listener->pid) : NULL;
		listener->kin = kin_of_target(holders->kinfolk, target);
		listener->named = listener->found;
		any |= !listener->found;
	}
	for (size_t i = 0; any && (target = targets_at(holders->targets, i)) != NULL; i++) {
		if (target->ended > 0)
			continue;
		naming.target = target;
		naming.is_read = false;
		(void)procfs_sockets(target->pid, name_inode, &naming);
	}
	for (size_t i = 0; any && (listener = listeners_at(holders->listeners, i)) != NULL; i++)
		if (wants_name(listener))
			listener->named = true;
}

/* ---- who ------------------------------------------------------------------------------ */

static bool made_by_other(const struct listener *listener, pid_t holder)
{
	struct procfs_status status;

	return procfs_status(holder, &status) != 0 || status.uid[1] != listener->uid;
}

/* The nearest parent whose sockets may not be seen; 0 none. */
static pid_t sealed_parent(pid_t pid)
{
	struct procfs_status status;

	while (procfs_status(pid, &status) == 0 && status.ppid > 0) {
		pid = status.ppid;
		if (procfs_may_list(pid) == -EACCES)
			return pid;
	}
	return 0;
}

static void find_other_holder(struct listener *listener, const struct procfs_owners *strangers, pid_t holder)
{
	const struct procfs_holder *other = procfs_owners_find(strangers, listener->inode);

	listener->sealed = other == NULL;
	listener->other_pid = other != NULL ? other->pid : sealed_parent(holder);
}

/* Who else holds the targets' listeners? */
static void check_strangers(struct holders *holders)
{
	struct procfs_owners *strangers = procfs_owners_new(OWNERS_MAX);
	bool unseen = targets_strangers(holders->targets, strangers);
	struct listener *listener;

	holders->recheck_ns = clock_monotonic() + RECHECK_NS;
	for (size_t i = 0; (listener = listeners_at(holders->listeners, i)) != NULL; i++) {
		const struct procfs_holder *holder = procfs_owners_find(holders->owners, listener->inode);
		bool was_shared = listener->shared;

		if (holder == NULL)
			continue;
		listener->named = false;
		listener->shared = procfs_owners_find(strangers, listener->inode) != NULL ||
				   (unseen && made_by_other(listener, holder->pid));
		listener->owner = listener->shared || was_shared ? OWNERSHIP_UNCLEAR : OWNERSHIP_TARGETS;
		if (listener->shared && !was_shared)
			find_other_holder(listener, strangers, holder->pid);
		/* Who had it until now may have accepted until now: it is the targets' from the next look on. */
		if (was_shared && !listener->shared)
			holders->recheck_ns = 0;
	}
	holders->strangers = strangers;
	/* A child of a target's may have been taken for a stranger. */
	if (!targets_are_all(holders->targets))
		holders_done(holders);
}

/* Return: must all processes be asked who else has it? */
static bool find_holder(struct holders *holders, struct listener *listener, uint32_t look)
{
	const struct procfs_holder *holder = procfs_owners_find(holders->owners, listener->inode);
	pid_t pid = holder != NULL && !holder->shared ? holder->pid : 0;
	bool is_unchecked = false;

	/* One of theirs may have been closed just now: only what is listed again is others'. */
	if (holder == NULL && (listener->owner != OWNERSHIP_TARGETS || listener->unheld))
		listener->owner = OWNERSHIP_OTHERS;
	else
		is_unchecked = listener->born == look || listener->owner == OWNERSHIP_OTHERS;
	listener->unheld = holder == NULL;
	/* A program may decide it after listen(2). */
	if (holder != NULL && listener->delay_asked < DELAY_ASKS) {
		listener->delay = (uint8_t)socket_delay(holder->pid, holder->fd);
		listener->delay_asked++;
	}
	if (holder == NULL || pid == listener->pid)
		return is_unchecked;
	listener->named = false;
	listener->pid = pid;
	listener->since = look;
	/* Who is older than the listener has made it. */
	if (pid != 0 && listener->born == look && targets_find(holders->targets, pid)->found < look)
		listener->since = 0;
	return is_unchecked;
}

void holders_look(struct holders *holders, uint32_t look, bool births)
{
	bool is_unchecked = births || clock_monotonic() >= holders->recheck_ns;
	bool any = false;
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(holders->listeners, i)) != NULL; i++) {
		/* One that is gone was closed: it stays whose it was. */
		if (listener->looked != look)
			continue;
		if (find_holder(holders, listener, look))
			is_unchecked = true;
		any |= !listener->unheld;
	}
	if (is_unchecked && any)
		check_strangers(holders);
	name_listeners(holders);
}

bool holders_are_others(const struct holders *holders, uint32_t inode)
{
	return holders->strangers != NULL && inode != 0 && procfs_owners_find(holders->strangers, inode) != NULL;
}

bool holders_explain(const struct holders *holders, struct err *why)
{
	char comm[16], name[4 * sizeof(comm) + 1], ip[ENDPOINT_TEXT], who[128] = "a process";
	const struct listener *listener;
	size_t i = 0;

	while ((listener = listeners_at(holders->listeners, i++)) != NULL && !listener->shared)
		continue;
	if (listener == NULL)
		return false;
	if (listener->other_pid > 0) {
		procfs_comm(listener->other_pid, comm);
		escape_text(name, sizeof(name), comm);
		snprintf(who, sizeof(who), "PID %d%s%s%s", (int)listener->other_pid, name[0] != '\0' ? " (" : "", name,
			 name[0] != '\0' ? ")" : "");
	}
	endpoint_ip_text(&listener->local, ip);
	(void)err_set(why, 0,
		      "%s %s the listening socket %s port %u too%s, so whose its short connections are is unknown", who,
		      listener->sealed ? "may hold" : "holds", ip, listener->local.port,
		      listener->sealed ? " and can't be looked at" : " and is not watched");
	return true;
}

void holders_done(struct holders *holders)
{
	procfs_owners_free(holders->strangers);
	holders->strangers = NULL;
}
