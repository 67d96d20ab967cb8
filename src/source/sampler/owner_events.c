// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/owner_events.h"

#include <netinet/tcp.h>
#include <string.h>

#include "base/clock.h"
#include "system/tcp_info.h"
#include "system/procfs.h"

bool owner_events_push(struct owner_events *owner_events, const struct event *event)
{
	bool taken = queue_push(owner_events->events, event);

	owner_events->pushed += taken;
	return taken;
}

void owner_events_process(void *context, const struct event *event)
{
	(void)owner_events_push(context, event);
}

/* Reports the name of a target if it has changed. */
static void describe(struct owner_events *owner_events, pid_t pid, int64_t time_ns)
{
	struct target *target = process_set_find(owner_events->process_set, pid);
	struct event facts[PROCFS_PROCESS_EVENTS];
	size_t count;
	char comm[16];

	if (target == NULL || target->sampled == owner_events->sample)
		return;
	target->sampled = owner_events->sample;
	procfs_comm(pid, comm);
	if (comm[0] == '\0' || memcmp(comm, target->comm, sizeof(comm)) == 0)
		return;
	count = procfs_process_list(pid, time_ns, facts);
	/* The name read is the target's only if it lives afterwards. */
	if (!process_set_alive(target))
		return;
	memcpy(target->comm, comm, sizeof(comm));
	for (size_t i = 0; i < count; i++)
		(void)owner_events_push(owner_events, &facts[i]);
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

/* Whether one process alone has held what a connection came through since sample number @from. */
static bool is_sole(const struct owner_events *owner_events, const struct ownership *ownership, uint32_t from)
{
	const struct target *target =
		ownership->pid != 0 ? process_set_find(owner_events->process_set, ownership->pid) : NULL;

	return ownership->owner == OWNERSHIP_TARGETS && target != NULL && target->forks < from &&
	       ownership->since < from;
}

/* Finds who opened or accepted a socket that @held holds now (0 none, or several). Return: 0 when nothing proves it. */
static pid_t find_opener(const struct owner_events *owner_events, const struct ownership *ownership, pid_t held,
			 uint32_t from)
{
	const struct target *target = held != 0 ? process_set_find(owner_events->process_set, held) : NULL;

	/* For a socket older than the run only its present holder is known. */
	if (ownership->owner == OWNERSHIP_NONE || from == 0)
		return held;
	if (is_sole(owner_events, ownership, from))
		return ownership->pid;
	return target != NULL && target->found < from ? held : 0;
}

/*
 * A child that inherited what a connection came through, and is gone, may have had another name. A connection that
 * waits may be accepted by a future child.
 */
static bool may_be_childs(const struct owner_events *owner_events, const struct ownership *ownership, uint32_t from)
{
	const struct target *target = ownership->pid != 0 && ownership->is_alone
					      ? process_set_find(owner_events->process_set, ownership->pid)
					      : NULL;

	return target != NULL ? target->forks >= from : process_set_had_forks(owner_events->process_set, from);
}

static pid_t common_pid(struct owner_events *owner_events, const struct socket_evidence *evidence, pid_t held)
{
	bool is_open = evidence->is_queued || may_be_childs(owner_events, &evidence->ownership, evidence->from);
	struct common_identity common_identity =
		is_open ? common_identity_unknown() : evidence->ownership.common_identity;

	if (held != 0) {
		const struct target *target = process_set_find(owner_events->process_set, held);
		struct common_identity holder = common_identity_of(owner_events->common_identities, held);

		if (target == NULL || !process_set_alive(target))
			holder = common_identity_unknown();

		common_identity = common_identity_join(&common_identity, &holder);
	}
	return common_identity_pid(owner_events->common_identities, &common_identity);
}

bool owner_events_owner(struct owner_events *owner_events, const struct event *socket,
			const struct socket_evidence *evidence)
{
	struct event event = owner_event(socket);
	pid_t held = evidence->holder != NULL && !evidence->holder->shared ? evidence->holder->pid : 0;
	pid_t opener = evidence->is_queued ? 0 : find_opener(owner_events, &evidence->ownership, held, evidence->from);

	if (evidence->listed_ns != 0)
		event.time_ns = evidence->listed_ns;
	event.owner.pid = opener != 0 ? opener : common_pid(owner_events, evidence, held);
	if (held != 0 && held == event.owner.pid)
		event.owner.fd = evidence->holder->fd;
	event.owner.born = !evidence->is_existing;
	describe(owner_events, event.owner.pid, event.time_ns);
	if (!owner_events_push(owner_events, &event))
		return false;
	if (held != 0 && held != event.owner.pid) {
		describe(owner_events, held, event.time_ns);
		event.owner.pid = held;
		event.owner.fd = evidence->holder->fd;
		event.owner.last = 1;
		(void)owner_events_push(owner_events, &event);
	}
	return true;
}

static void tell_listener(struct owner_events *owner_events, const struct listener *listener, enum info_reason reason)
{
	struct event event = event_new(EVENT_INFO, ORIGIN_KERNEL, clock_now());

	tcp_info_unknown(&event.info);
	event.flow.local = listener->local;
	event.info.state = TCP_LISTEN;
	event.info.reason = (uint8_t)reason;
	event.info.cookie = listener->cookie;
	event.info.rqueue = listener->waiting;
	event.info.wqueue = listener->backlog;
	(void)owner_events_push(owner_events, &event);
}

void owner_events_listeners(struct owner_events *owner_events, struct listeners *listeners)
{
	struct listener *listener;

	for (size_t i = 0; (listener = listeners_at(listeners, i)) != NULL; i++) {
		if (listener->sampled != owner_events->sample || listener->owner == OWNERSHIP_OTHERS ||
		    listener->unheld)
			continue;
		if (!listener->is_reported)
			tell_listener(owner_events, listener, INFO_EXISTING);
		if (!listener->is_reported_full && listener->waiting > listener->backlog) {
			tell_listener(owner_events, listener, INFO_WAITING);
			listener->is_reported_full = true;
		}
		listener->is_reported = true;
	}
}

/*
 * An attempt that was refused: its SYN alone was sent, never acknowledged, and a segment came. A socket that was
 * accepted has measured the round trip of its SYN/ACK, so there the byte under way would be a FIN. Or the kernel
 * disconnected it (see source/destroy): it has lost its counters and the port of the other end, but not the address.
 */
static bool has_failed(const struct event *socket)
{
	const struct event_info *info = &socket->info;

	if (info->reason != INFO_DESTROY || info->state != TCP_CLOSE)
		return false;
	if (socket->flow.remote.port == 0)
		return endpoint_has_ip(&socket->flow.remote) && info->bytes_received < 0;
	return info->bytes_acked == 0 && info->bytes_received == 0 && info->bytes_sent == 0 && info->wqueue == 1 &&
	       info->notsent_bytes == 0 && info->rtt_us < 0 && info->segs_in > 0;
}

void owner_events_none(struct owner_events *owner_events, const struct event *socket)
{
	struct event event = owner_event(socket);

	event.owner.failed = has_failed(socket);
	(void)owner_events_push(owner_events, &event);
}

bool owner_events_renewed(struct owner_events *owner_events, const struct event *socket)
{
	struct event event = *socket;

	tcp_info_unknown(&event.info);
	event.info.reason = INFO_RENEWED;
	event.info.cookie = socket->info.cookie;
	return owner_events_push(owner_events, &event);
}
