// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/teller.h"

#include <string.h>

#include "system/tcp_info.h"
#include "system/procfs.h"

bool teller_push(struct teller *teller, const struct event *event)
{
	bool taken = queue_push(teller->events, event);

	teller->pushed += taken;
	return taken;
}

void teller_process(void *context, const struct event *event)
{
	(void)teller_push(context, event);
}

/* A name and a path of 4096 bytes in pieces. */
#define WORDS_MAX 40

struct words {
	struct event list[WORDS_MAX];
	size_t count;
};

static void keep_word(void *context, const struct event *event)
{
	struct words *words = context;

	if (words->count < WORDS_MAX)
		words->list[words->count++] = *event;
}

/* Tell what a target is called, if that has changed. */
static void describe(struct teller *teller, pid_t pid, int64_t time_ns)
{
	struct target *target = targets_find(teller->targets, pid);
	struct words words = {.count = 0};
	char comm[16];

	if (target == NULL || target->looked == teller->look)
		return;
	target->looked = teller->look;
	procfs_comm(pid, comm);
	if (comm[0] == '\0' || memcmp(comm, target->comm, sizeof(comm)) == 0)
		return;
	procfs_process_events(pid, time_ns, keep_word, &words);
	/* What was read is its own if it lives afterwards. */
	if (!targets_alive(target))
		return;
	memcpy(target->comm, comm, sizeof(comm));
	for (size_t i = 0; i < words.count; i++)
		(void)teller_push(teller, &words.list[i]);
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

/* Has one process alone held what a connection came through since look number @from? */
static bool is_sole(const struct teller *teller, const struct verdict *verdict, uint32_t from)
{
	const struct target *target = verdict->pid != 0 ? targets_find(teller->targets, verdict->pid) : NULL;

	return verdict->owner == OWNERSHIP_TARGETS && target != NULL && target->births < from && verdict->since < from;
}

/* Who opened or accepted a socket that @held has now (0 nobody, or several)? Return: 0 when nothing proves it. */
static pid_t find_opener(const struct teller *teller, const struct verdict *verdict, pid_t held, uint32_t from)
{
	const struct target *target = held != 0 ? targets_find(teller->targets, held) : NULL;

	/* Of what is older than the run nothing is known but who has it. */
	if (verdict->owner == OWNERSHIP_NONE || from == 0)
		return held;
	if (is_sole(teller, verdict, from))
		return verdict->pid;
	return target != NULL && target->found < from ? held : 0;
}

/*
 * A child that inherited what a connection came through, and is gone, may have had another name. And what waits to be
 * accepted may be by a child that is yet to be born.
 */
static bool may_be_childs(const struct teller *teller, const struct verdict *verdict, uint32_t from)
{
	const struct target *target = verdict->pid != 0 ? targets_find(teller->targets, verdict->pid) : NULL;

	return target != NULL ? target->births >= from : targets_had_births(teller->targets, from);
}

static pid_t common_pid(struct teller *teller, const struct claim *claim, pid_t held)
{
	bool is_open = claim->is_queued || may_be_childs(teller, &claim->verdict, claim->from);
	struct kin kin = is_open ? kin_unknown() : claim->verdict.kin;

	if (held != 0) {
		const struct target *target = targets_find(teller->targets, held);
		struct kin holder = kin_of(teller->kinfolk, held);

		if (target == NULL || !targets_alive(target))
			holder = kin_unknown();

		kin = kin_join(&kin, &holder);
	}
	return kin_pid(teller->kinfolk, &kin);
}

bool teller_owner(struct teller *teller, const struct event *socket, const struct claim *claim)
{
	struct event event = owner_event(socket);
	pid_t held = claim->holder != NULL && !claim->holder->shared ? claim->holder->pid : 0;
	pid_t opener = claim->is_queued ? 0 : find_opener(teller, &claim->verdict, held, claim->from);

	event.owner.pid = opener != 0 ? opener : common_pid(teller, claim, held);
	if (held != 0 && held == event.owner.pid)
		event.owner.fd = claim->holder->fd;
	event.owner.born = !claim->is_existing;
	describe(teller, event.owner.pid, event.time_ns);
	if (!teller_push(teller, &event))
		return false;
	if (held != 0 && held != event.owner.pid) {
		describe(teller, held, event.time_ns);
		event.owner.pid = held;
		event.owner.fd = claim->holder->fd;
		event.owner.last = 1;
		(void)teller_push(teller, &event);
	}
	return true;
}

void teller_nobody(struct teller *teller, const struct event *socket)
{
	struct event event = owner_event(socket);

	(void)teller_push(teller, &event);
}

bool teller_renewed(struct teller *teller, const struct event *socket)
{
	struct event event = *socket;

	tcp_info_unknown(&event.info);
	event.info.reason = INFO_RENEWED;
	event.info.cookie = socket->info.cookie;
	return teller_push(teller, &event);
}
