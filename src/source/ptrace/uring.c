// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/uring.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "system/diag.h"
#include "system/socket.h"
#include "system/procfs.h"
#include "system/procfs_uring.h"

/* Samples longer than this take at most a tenth of the time. */
#define LONG_LOOK_NS (2 * CLOCK_NS_PER_MS)
#define SHARE 10

/* Entries of a growing list. */
struct places {
	struct uring_socket *list;
	size_t count;
};

/* The result of one sample: all sockets, those fully reported, and new direct ones. */
struct finding {
	struct stop *stop;
	struct tracee *tracee;
	struct places all;
	struct places done;
	struct places direct;
};

static void add_place(struct places *places, uint32_t inode, int fd)
{
	size_t count = places->count;

	places->list = array_extend(places->list, count, sizeof(*places->list));
	places->list[count] = (struct uring_socket){inode, fd};
	places->count++;
}

static void add_descriptor(void *context, int fd, uint32_t inode)
{
	struct finding *finding = context;

	add_place(&finding->all, inode, fd);
}

static void add_direct(void *context, uint32_t inode)
{
	struct finding *finding = context;

	add_place(&finding->all, inode, -1);
}

static int compare(const void *a, const void *b)
{
	const struct uring_socket *left = a, *right = b;

	return left->inode < right->inode ? -1 : left->inode > right->inode;
}

/* Return: true when it is fully reported. A socket that is not connected yet may be reported later. */
static bool tell(struct stop *stop, struct tracee *tracee, int fd, const struct event *info)
{
	struct event *event;

	if (info->info.state == TCP_LISTEN) {
		event = stop_gather(stop, EVENT_INFO, ORIGIN_KERNEL);
		*event = *info;
		event->flow.netns = tracee->target->netns;
		event->info.reason = INFO_SAMPLE;
		stop_push(stop);
		return true;
	}
	if (info->flow.remote.port == 0)
		return false;
	if (fd >= 0)
		target_mark_socket(tracee->target, fd, true);
	stop_gather_socket(stop, stop_gather_call(stop, tracee, CALL_TAKE, fd), info, INFO_SAMPLE);
	stop_push(stop);
	return true;
}

static bool is_among(const struct uring_socket *list, size_t count, uint32_t inode)
{
	const struct uring_socket wanted = {.inode = inode};

	return count > 0 && bsearch(&wanted, list, count, sizeof(wanted), compare) != NULL;
}

static void look_at(struct finding *finding, const struct uring_socket *place)
{
	const struct uring *uring = finding->tracee->target->uring;
	struct event info;
	int rc;

	if (is_among(uring->known, uring->known_count, place->inode)) {
		add_place(&finding->done, place->inode, place->fd);
		return;
	}
	if (place->fd < 0) {
		add_place(&finding->direct, place->inode, -1);
		return;
	}
	rc = stop_read_socket(finding->stop, finding->tracee->target, place->fd, socket_read, &info);
	if (rc == -ENOTSUP || (rc == 0 && tell(finding->stop, finding->tracee, place->fd, &info)))
		add_place(&finding->done, place->inode, place->fd);
}

/* A direct one has no descriptor to read, but the kernel's list of sockets has it. */
static void resolve(void *context, const struct event *event)
{
	struct finding *finding = context;

	if (is_among(finding->direct.list, finding->direct.count, event->info.inode) &&
	    tell(finding->stop, finding->tracee, -1, event))
		add_place(&finding->done, event->info.inode, -1);
}

/* Processor time of this thread: other processes that want the processor do not make a sample dearer. */
static int64_t processor_time(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return used.tv_sec * CLOCK_NS_PER_SEC + used.tv_nsec;
}

void uring_find(struct stop *stop, struct tracee *tracee)
{
	struct finding finding = {.stop = stop, .tracee = tracee};
	struct target *target = tracee->target;
	struct uring *uring = target->uring;
	int64_t begin_ns = clock_monotonic(), cost_ns = processor_time();
	struct err err;

	if (uring == NULL || begin_ns < uring->next_ns)
		return;
	stop_describe(stop, target);
	(void)procfs_sockets(target_descriptors(target), add_descriptor, &finding);
	for (size_t i = 0; i < uring->ring_count; i++)
		(void)procfs_uring_sockets(target_descriptors(target), uring->rings[i], add_direct, &finding);
	for (size_t i = 0; i < finding.all.count; i++)
		look_at(&finding, &finding.all.list[i]);
	if (finding.direct.count > 0 && diag_fallback_get(&stop->diag_fallback) != NULL) {
		qsort(finding.direct.list, finding.direct.count, sizeof(*finding.direct.list), compare);
		(void)diag_dump(diag_fallback_get(&stop->diag_fallback), DIAG_ALL_STATES, resolve, &finding, &err);
	}
	if (finding.done.count > 0)
		qsort(finding.done.list, finding.done.count, sizeof(*finding.done.list), compare);
	free(uring->known);
	uring->known = finding.done.list;
	uring->known_count = finding.done.count;
	free(finding.all.list);
	free(finding.direct.list);
	cost_ns = processor_time() - cost_ns;
	uring->next_ns = cost_ns > LONG_LOOK_NS ? begin_ns + cost_ns * SHARE : 0;
}
