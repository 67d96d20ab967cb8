// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/child_state.h"

#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

/* What the packet process exchanges with the main process: events, counts, its state, and orders. */

void child_wake_reader(struct child *child)
{
	/* A full pipe wakes as well. */
	(void)!write(child->config->wake_fd, "", 1);
}

void child_finish(struct child *child, enum child_state state)
{
	ring_publish(&child->ring);
	atomic_store(&child->shared->state, state);
	child_wake_reader(child);
	_exit(state == CHILD_FAILED);
}

void child_publish_frames(struct child *child)
{
	for (int i = 0; i < DISSECT_RESULT_NUM; i++)
		atomic_store_explicit(&child->shared->frames[i], child->results[i], memory_order_relaxed);
	atomic_store_explicit(&child->shared->tcp, child->tcp, memory_order_relaxed);
	for (int i = 0; i < PACKET_LEFT_NUM; i++)
		atomic_store_explicit(&child->shared->left[i], child->left[i], memory_order_relaxed);
}

void child_publish_counts(struct child *child)
{
	struct rusage usage;

	child_publish_frames(child);
	atomic_store_explicit(&child->shared->cpu_ns, clock_process(), memory_order_relaxed);
	/* It began by fork(2): its memory is not that of another program, as after execve(2). */
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		atomic_store_explicit(&child->shared->peak_bytes, usage.ru_maxrss * INT64_C(1024),
				      memory_order_relaxed);
}

void child_wait_for(struct child *child, bool interfaces, int timeout_ms)
{
	struct pollfd fds[1 + PACKET_INTERFACES];
	char orders[64];
	nfds_t count = 0;
	ssize_t got;

	atomic_fetch_add_explicit(&child->shared->beat, 1, memory_order_relaxed);
	fds[count++] = (struct pollfd){.fd = child->config->control_fd, .events = POLLIN};
	for (size_t i = 0; interfaces && i < child->input_count; i++)
		fds[count++] = (struct pollfd){.fd = capture_fd(child->inputs[i].capture), .events = POLLIN};
	got = poll(fds, count, timeout_ms);
	atomic_fetch_add_explicit(&child->shared->beat, 1, memory_order_relaxed);
	if (got <= 0 || fds[0].revents == 0)
		return;
	got = read(child->config->control_fd, orders, sizeof(orders));
	if (got == 0)
		_exit(0);
	if (got > 0 && memchr(orders, CHILD_DRAIN, (size_t)got) != NULL)
		child->draining = true;
}

void child_publish(struct child *child, uint64_t worth)
{
	uint64_t waiting;

	ring_publish(&child->ring);
	/* The reader announces its sleep, then checks once more: one of the two must see the other's flag. */
	atomic_thread_fence(memory_order_seq_cst);
	waiting = ring_waiting(&child->ring);
	if (waiting < worth)
		return;
	if (ring_wants_reader(child->ring.ring, child->is_urgent ? UINT64_MAX : waiting))
		child_wake_reader(child);
	/* If it is awake it checks before it sleeps. */
	child->is_urgent = false;
}

/* Of a savefile that shall be read no further nothing more is needed. */
static void end_if_stopped(struct child *child)
{
	if (!atomic_load(&child->shared->stop))
		return;
	child_publish_counts(child);
	child_finish(child, CHILD_DONE);
}

void child_wait_for_frame_room(struct child *child)
{
	end_if_stopped(child);
	/* The reader decides by what these events show. */
	ring_publish(&child->ring);
	child_wake_reader(child);
	child_wait_for(child, false, CHILD_IDLE_MS);
}

struct event *child_wait_for_room(struct child *child)
{
	struct event *event = NULL;

	while (event == NULL) {
		end_if_stopped(child);
		atomic_store(&child->ring.ring->starved, 1);
		if (ring_wants_reader(child->ring.ring, UINT64_MAX))
			child_wake_reader(child);
		/* Only now, or room made in between would be missed. */
		event = ring_reserve(&child->ring);
		if (event == NULL)
			child_wait_for(child, false, CHILD_IDLE_MS);
		if (event == NULL)
			event = ring_reserve(&child->ring);
	}
	return event;
}

void child_ask_filter(struct child *child, int link_type)
{
	child->shared->link_type = link_type;
	atomic_store(&child->shared->state, CHILD_LINK);
	/* The reader sees the state after it has read the events before. */
	ring_publish(&child->ring);
	child_wake_reader(child);
	while (atomic_load(&child->shared->state) != CHILD_READY)
		child_wait_for(child, false, CHILD_IDLE_MS);
}
