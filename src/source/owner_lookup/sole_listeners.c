// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/owner_lookup/sole_listeners.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "system/procfs.h"
#include "system/procfs_children.h"
#include "system/socket.h"

/* A listening socket. @holder.pid is 0 if several processes or none hold it, or one that may not be read may. */
struct listening {
	struct endpoint local;
	uint64_t cookie;
	uint32_t inode;
	uid_t uid;             /* of its creator */
	bool v6only, is_bound; /* IPV6_V6ONLY; SO_BINDTODEVICE: others may listen there for another interface */
	struct sole_holder holder;
	struct procfs_offspring offspring; /* of the holder */
	int fd;                            /* of the holder */
	bool is_exclusive, was_asked;      /* see socket_is_exclusive(); it was queried */
};

struct listening_list {
	struct listening *list;
	size_t count, size;
};

struct sole_listeners {
	struct diag *diag;
	struct listening_list now;
	int64_t forks; /* of the system, when the last refresh began */
	int64_t read_ns;
};

struct sole_listeners *sole_listeners_new(struct diag *diag)
{
	struct sole_listeners *sole = xcalloc(1, sizeof(*sole));

	sole->diag = diag;
	return sole;
}

void sole_listeners_free(struct sole_listeners *sole)
{
	if (sole == NULL)
		return;
	free(sole->now.list);
	free(sole);
}

/* diag_callback */
static void add_listener(void *context, const struct event *event)
{
	struct listening_list *now = context;

	now->list = array_reserve(now->list, now->count, &now->size, sizeof(*now->list));
	now->list[now->count++] = (struct listening){.local = event->flow.local,
						     .cookie = event->info.cookie,
						     .inode = event->info.inode,
						     .uid = event->info.uid,
						     .v6only = event->info.v6only != 0,
						     .is_bound = event->info.device != 0};
}

static const struct listening *find_cookie(const struct listening_list *list, uint64_t cookie)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->list[i].cookie == cookie)
			return &list->list[i];
	return NULL;
}

/* @before: the same listener at the last refresh, NULL none; @is_still: no process has been made since. */
static void judge_holder(struct listening *listening, const struct listening *before, bool is_still,
			 const struct procfs_holder *holder)
{
	bool is_same =
		before != NULL && before->holder.pid == holder->pid && before->holder.identity == holder->identity;

	if (is_same && is_still)
		listening->offspring = before->offspring;
	else
		procfs_offspring(holder->pid, &listening->offspring);
	if (procfs_identity(holder->pid) != holder->identity)
		return;
	is_same = is_same && procfs_offspring_is_same(&before->offspring, &listening->offspring);
	listening->fd = holder->fd;
	listening->was_asked = is_same && before->was_asked;
	listening->is_exclusive = is_same && before->is_exclusive;
	listening->holder =
		(struct sole_holder){holder->pid, holder->identity, is_same ? before->holder.since_ns : clock_now()};
}

/*
 * Whether its user has created the listener. One that another user created was inherited, and processes that are not
 * readable may have it, too.
 */
static bool is_own(const struct listening *listening, pid_t pid)
{
	struct procfs_status status;

	return procfs_status(pid, &status) == 0 && status.uid[1] == listening->uid;
}

void sole_listeners_refresh(struct sole_listeners *sole, struct procfs_owners *owners)
{
	struct listening_list before = sole->now;
	int64_t forks = procfs_forks();
	bool is_still = forks >= 0 && forks == sole->forks;
	struct err ignored;
	bool sees_any, sees_all;

	sole->now = (struct listening_list){NULL, 0, 0};
	sole->forks = forks;
	sole->read_ns = clock_now();
	(void)diag_dump(sole->diag, 1U << TCP_LISTEN, add_listener, &sole->now, &ignored);
	/* After the list: a listener that was closed meanwhile has no holder. */
	sees_any = procfs_owners_refresh(owners) >= 0 && procfs_owners_refused(owners) == 0;
	/* Hidden processes (hidepid) hide the first. */
	sees_all = procfs_owners_unreadable(owners) == 0 && procfs_identity(1) != 0;
	for (size_t i = 0; sees_any && i < sole->now.count; i++) {
		struct listening *listening = &sole->now.list[i];
		const struct procfs_holder *holder = procfs_owners_find(owners, listening->inode);

		if (holder != NULL && !holder->shared && (sees_all || is_own(listening, holder->pid)))
			judge_holder(listening, find_cookie(&before, listening->cookie), is_still, holder);
	}
	free(before.list);
}

int64_t sole_listeners_read_ns(const struct sole_listeners *sole)
{
	return sole->read_ns;
}

static bool may_take(const struct listening *listening, const struct endpoint *local)
{
	if (listening->local.port != local->port)
		return false;
	if (endpoint_has_ip(&listening->local))
		return endpoint_ip_equal(&listening->local, local);
	return endpoint_is_v4(local) ? !listening->v6only : !endpoint_is_v4(&listening->local);
}

bool sole_listeners_has(const struct sole_listeners *sole, const struct endpoint *local)
{
	for (size_t i = 0; i < sole->now.count; i++)
		if (may_take(&sole->now.list[i], local))
			return true;
	return false;
}

/* Else another socket can have listened there between two readings, and accepted. */
static bool is_exclusive(struct listening *listening)
{
	if (!listening->was_asked)
		listening->is_exclusive = socket_is_exclusive(listening->holder.pid, listening->fd, listening->cookie);
	listening->was_asked = true;
	return listening->is_exclusive;
}

bool sole_listeners_judge(struct sole_listeners *sole, const struct endpoint *local, struct sole_holder *holder)
{
	*holder = (struct sole_holder){0, 0, 0};
	for (size_t i = 0; i < sole->now.count; i++) {
		struct listening *listening = &sole->now.list[i];

		if (!may_take(listening, local))
			continue;
		if (listening->holder.pid == 0 || listening->is_bound || !is_exclusive(listening) ||
		    (holder->pid != 0 && listening->holder.pid != holder->pid))
			return false;
		if (listening->holder.since_ns > holder->since_ns)
			*holder = listening->holder;
	}
	return holder->pid != 0;
}
