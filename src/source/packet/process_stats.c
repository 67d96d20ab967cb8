// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/process_state.h"

/* What the main process reads of the packet process besides events: frames for a file, and statistics. */

bool packet_frame(struct packet *packet, struct frame_head *head, const uint8_t **data)
{
	int got = packet->frames.ring != NULL && !packet->given_up ? frame_ring_peek(&packet->frames, head, data) : 0;

	if (got < 0)
		process_refuse(packet);
	return got > 0;
}

void packet_frame_drop(struct packet *packet, const struct frame_head *head)
{
	frame_ring_drop(&packet->frames, head);
	if (!packet_frames_press(packet) && atomic_load_explicit(&packet->frames.ring->starved, memory_order_relaxed) &&
	    atomic_exchange(&packet->frames.ring->starved, 0))
		process_order(packet, CHILD_ROOM);
}

bool packet_frames_press(const struct packet *packet)
{
	return packet->frames.ring != NULL && frame_ring_used(&packet->frames) > packet->frames.room / 2;
}

uint64_t packet_interface_drops(const struct packet *packet, size_t number)
{
	return atomic_load_explicit(&packet->shared->interface_kernel_drops[number], memory_order_relaxed);
}

/* The packet process may be compromised; its numbers are added to others. */
static int64_t plausible(const _Atomic int64_t *number)
{
	int64_t value = atomic_load_explicit(number, memory_order_relaxed);

	return value >= 0 && value < INT64_MAX / 2 ? value : 0;
}

void packet_stats(const struct packet *packet, struct packet_stats *stats)
{
	const struct child_shared *shared = packet->shared;

	stats->events = atomic_load_explicit(&shared->frames[DISSECT_EVENT], memory_order_relaxed);
	stats->other = atomic_load_explicit(&shared->frames[DISSECT_OTHER], memory_order_relaxed);
	stats->fragments = atomic_load_explicit(&shared->frames[DISSECT_FRAGMENT], memory_order_relaxed);
	stats->malformed = atomic_load_explicit(&shared->frames[DISSECT_MALFORMED], memory_order_relaxed);
	stats->frames = stats->events + stats->other + stats->fragments + stats->malformed;
	stats->tcp = atomic_load_explicit(&shared->tcp, memory_order_relaxed);
	for (int i = 0; i < PACKET_LEFT_NUM; i++)
		stats->left[i] = atomic_load_explicit(&shared->left[i], memory_order_relaxed);
	stats->kernel_drops = atomic_load_explicit(&shared->kernel_drops, memory_order_relaxed);
	stats->queue_drops = atomic_load_explicit(&shared->queue_drops, memory_order_relaxed);
	for (size_t i = 0; i < PACKET_HIDDEN_NUM; i++)
		stats->hidden[i] = atomic_load_explicit(&shared->hidden[i], memory_order_relaxed);
	stats->disordered = atomic_load_explicit(&shared->disordered, memory_order_relaxed);
	stats->timeless = atomic_load_explicit(&shared->timeless, memory_order_relaxed);
	stats->frame_drops = atomic_load_explicit(&shared->frame_drops, memory_order_relaxed);
	stats->interface_drops = packet->interface_drops.sum;
	stats->cpu_ns = plausible(&shared->cpu_ns);
	stats->peak_bytes = plausible(&shared->peak_bytes);
}

int64_t packet_offset(const struct packet *packet, int64_t *size)
{
	*size = packet->files.size;
	return savefile_set_offset(&packet->files, packet->config.savefile_count);
}
