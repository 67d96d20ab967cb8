// SPDX-License-Identifier: GPL-2.0-or-later
#include "attribution.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "look.h"
#include "source/procfs/procfs.h"
#include "source/procfs/procfs_owners.h"

/* A socket that accepts is there only after the handshake, so one look may be too early. */
static const int64_t delays_ns[] = {
	0, CLOCK_NS_PER_MS, 4 * CLOCK_NS_PER_MS, 20 * CLOCK_NS_PER_MS, 200 * CLOCK_NS_PER_MS, CLOCK_NS_PER_SEC,
};
#define LOOKS (sizeof(delays_ns) / sizeof(delays_ns[0]))
/* More wait at once only in a flood, which is nobody's. */
#define WAITING_MAX 4096
/* All of /proc is read at most so often. */
#define REFRESH_NS (200 * CLOCK_NS_PER_MS)
#define OWNERS_MAX 200000

struct waiting {
	struct flow flow;
	int64_t due_ns;
	unsigned int looks;
};

struct attribution {
	struct diag *diag;
	struct queue *events;
	struct procfs_owners *owners;
	int64_t refreshed_ns;
	struct waiting waiting[WAITING_MAX];
	size_t count;
};

struct attribution *attribution_new(struct diag *diag, struct queue *events)
{
	struct attribution *attribution = xcalloc(1, sizeof(*attribution));

	attribution->diag = diag;
	attribution->events = events;
	attribution->owners = procfs_owners_new(OWNERS_MAX);
	attribution->refreshed_ns = CLOCK_UNKNOWN;
	return attribution;
}

void attribution_free(struct attribution *attribution)
{
	if (attribution == NULL)
		return;
	procfs_owners_free(attribution->owners);
	free(attribution);
}

void attribution_add(struct attribution *attribution, const struct flow *flow)
{
	struct waiting *waiting = &attribution->waiting[attribution->count];

	if (attribution->count == WAITING_MAX || !flow_is_complete(flow))
		return;
	attribution->count++;
	waiting->flow = *flow;
	waiting->due_ns = clock_monotonic();
	waiting->looks = 0;
}

static const struct procfs_holder *find_holder(struct attribution *attribution, uint32_t inode, int64_t now_ns)
{
	const struct procfs_holder *holder = procfs_owners_find(attribution->owners, inode);

	if (holder != NULL || inode == 0 ||
	    (attribution->refreshed_ns >= 0 && now_ns - attribution->refreshed_ns < REFRESH_NS))
		return holder;
	attribution->refreshed_ns = now_ns;
	(void)procfs_owners_refresh(attribution->owners);
	return procfs_owners_find(attribution->owners, inode);
}

static void push_process(void *context, const struct event *event)
{
	queue_push(context, event);
}

/* Return: true when nothing more can be learned. */
static bool look_for(struct attribution *attribution, const struct flow *flow, int64_t now_ns)
{
	const struct procfs_holder *holder;
	struct event event, owner;

	if (diag_query(attribution->diag, flow, 0, &event) != 0 || event.info.inode == 0)
		return false;
	look_make_sure(attribution->diag, &event);
	event.flow = *flow;
	queue_push(attribution->events, &event);
	holder = find_holder(attribution, event.info.inode, now_ns);
	if (holder == NULL)
		return false;
	if (holder->shared)
		return true;
	procfs_process_events(holder->pid, event.time_ns, push_process, attribution->events);
	owner = event_new(EVENT_OWNER, ORIGIN_KERNEL, event.time_ns);
	owner.flow = *flow;
	owner.owner.cookie = event.info.cookie;
	owner.owner.inode = event.info.inode;
	owner.owner.pid = holder->pid;
	owner.owner.fd = holder->fd;
	owner.owner.uid = event.info.uid;
	queue_push(attribution->events, &owner);
	return true;
}

void attribution_look(struct attribution *attribution)
{
	int64_t now_ns = clock_monotonic();

	for (size_t i = 0; attribution != NULL && i < attribution->count;) {
		struct waiting *waiting = &attribution->waiting[i];

		if (waiting->due_ns > now_ns) {
			i++;
			continue;
		}
		if (look_for(attribution, &waiting->flow, now_ns) || ++waiting->looks == LOOKS) {
			*waiting = attribution->waiting[--attribution->count];
			continue;
		}
		waiting->due_ns = now_ns + delays_ns[waiting->looks];
		i++;
	}
}

int64_t attribution_wait_ns(const struct attribution *attribution, int64_t now_ns)
{
	int64_t due_ns = INT64_MAX;

	for (size_t i = 0; attribution != NULL && i < attribution->count; i++)
		if (attribution->waiting[i].due_ns < due_ns)
			due_ns = attribution->waiting[i].due_ns;
	return due_ns == INT64_MAX ? INT64_MAX : due_ns - now_ns;
}
