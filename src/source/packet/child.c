// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "source/packet/child_state.h"
#include "source/source.h"

/*
 * The packet process: open, confine, read. Everything that allocates or may fail for lack of rights comes before
 * confine(), everything that reads captured bytes after it.
 *
 * Live, it reads the interfaces when packets wait and then lets packets gather for a short time, so that a busy
 * interface costs a few hundred wakeups a second and not one per packet; the kernel's buffer holds them meanwhile.
 * Packets of several interfaces are put in order: those newer than the beginning of a round wait for the next one,
 * because an interface read earlier in the round may still get an older packet.
 */

#define GATHER_MS 5
#define IDLE_MS 500
#define CHECK_EVERY_NS (200 * CLOCK_NS_PER_MS)

/* Frames handled between two checks of control. */
#define ROUND_FRAMES 4096

/* A savefile wakes the reader when this many events wait: each wakeup costs both a system call. */
#define WAKE_EVERY 1024

static void wake_reader(struct child *child)
{
	/* A full pipe wakes as well. */
	(void)!write(child->config->wake_fd, "", 1);
}

static void finish(struct child *child, enum child_state state)
{
	ring_publish(&child->ring);
	atomic_store(&child->shared->state, state);
	wake_reader(child);
	_exit(state == CHILD_FAILED);
}

static void fail(struct child *child, int error, const struct err *err)
{
	child->shared->error = error;
	memcpy(child->shared->text, err->text, sizeof(err->text));
	finish(child, CHILD_FAILED);
}

static void publish_frames(struct child *child)
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

	publish_frames(child);
	atomic_store_explicit(&child->shared->cpu_ns, clock_process(), memory_order_relaxed);
	/* It began by fork(2): its memory is not that of another program, as after execve(2). */
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		atomic_store_explicit(&child->shared->peak_bytes, usage.ru_maxrss * INT64_C(1024),
				      memory_order_relaxed);
}

/* Wait until an order or a packet arrives, or @timeout_ms pass. Ends when the main process did. */
static void wait_for(struct child *child, bool interfaces, int timeout_ms)
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
		wake_reader(child);
	/* If it is awake it checks before it sleeps. */
	child->is_urgent = false;
}

struct event *child_wait_for_room(struct child *child)
{
	struct event *event = NULL;

	while (event == NULL) {
		if (atomic_load(&child->shared->stop)) {
			child_publish_counts(child);
			finish(child, CHILD_DONE);
		}
		atomic_store(&child->ring.ring->starved, 1);
		if (ring_wants_reader(child->ring.ring, UINT64_MAX))
			wake_reader(child);
		/* Only now, or room made in between would be missed. */
		event = ring_reserve(&child->ring);
		if (event == NULL)
			wait_for(child, false, IDLE_MS);
		if (event == NULL)
			event = ring_reserve(&child->ring);
	}
	return event;
}

/* Steps that cost a system call each. */
static void check(struct child *child)
{
	int64_t time_ns = clock_monotonic(), drops = 0;

	if (!child->draining && time_ns - child->checked_ns < CHECK_EVERY_NS)
		return;
	child->checked_ns = time_ns;
	child_publish_counts(child);
	for (size_t i = 0; i < child->input_count; i++) {
		int64_t lost = capture_drops(child->inputs[i].capture);

		drops += lost > 0 ? lost : 0;
	}
	if (drops == 0)
		return;
	atomic_fetch_add_explicit(&child->shared->kernel_drops, (uint64_t)drops, memory_order_relaxed);
	child_frames_lose(child, LOST_CAPTURE_KERNEL, drops, child->last_ns ? child->last_ns : clock_now());
}

/* An interface is gone; the others continue. */
static void drop_input(struct child *child, size_t which, int error, const struct err *err)
{
	if (child->input_count == 1) {
		child_publish_counts(child);
		fail(child, error, err);
	}
	child_frames_merge(child, INT64_MAX);
	child->shared->error = error;
	memcpy(child->shared->text, err->text, sizeof(err->text));
	atomic_store(&child->shared->warned, 1);
	child->inputs[which] = child->inputs[--child->input_count];
	wake_reader(child);
}

/* Read what every interface has now, up to a bound. Return: number of frames. */
static int live_round(struct child *child)
{
	bool several = child->config->packet->interface_count > 1;
	int64_t begin_ns = several ? clock_now() : 0;
	int frames = 0;
	struct err err;

	for (size_t i = 0; i < child->input_count; i++) {
		struct child_input *input = &child->inputs[i];
		int got = 0;

		if (input->count < CHILD_STAGE_SLOTS)
			got = capture_read(input->capture, ROUND_FRAMES, child_frames_function(input), input, &err);
		if (got < 0) {
			drop_input(child, i--, got, &err);
			continue;
		}
		frames += got;
	}
	/* More of them arrive all the time, and do not count. */
	if (child_frames_are_all(child))
		frames = 0;
	if (several)
		child_frames_merge(child, child->draining && frames == 0 ? INT64_MAX : begin_ns);
	return frames;
}

/* A clock set back must not hold staged events until it has caught up. */
static void release_stuck(struct child *child)
{
	for (size_t i = 0; i < child->input_count; i++) {
		const struct child_input *input = &child->inputs[i];

		if (input->count > 0 && input->staged[input->first].time_ns > clock_now() + CLOCK_NS_PER_SEC) {
			child_frames_merge(child, INT64_MAX);
			return;
		}
	}
}

/* Wait until there is something to read and, unless much came at once, more has had time to gather. */
static void wait_for_frames(struct child *child, int frames, bool staged)
{
	if (frames >= ROUND_FRAMES || child->draining)
		wait_for(child, false, 0);
	else if (frames > 0 || staged)
		wait_for(child, false, GATHER_MS);
	if (frames < ROUND_FRAMES && !staged && !child->draining)
		wait_for(child, true, IDLE_MS);
}

static void live_loop(struct child *child)
{
	for (;;) {
		int frames = live_round(child);
		bool staged = false;

		for (size_t i = 0; i < child->input_count; i++)
			staged |= child->inputs[i].count > 0;
		publish_frames(child);
		check(child);
		child_frames_lose_unsaid(child);
		child_publish(child, 1);
		if (frames == 0 && child->draining && !staged) {
			child_frames_end(child);
			child_frames_merge(child, INT64_MAX);
			finish(child, CHILD_DONE);
		}
		wait_for_frames(child, frames, staged);
		if (staged)
			release_stuck(child);
	}
}

void child_ask_filter(struct child *child, int link_type)
{
	child->shared->link_type = link_type;
	atomic_store(&child->shared->state, CHILD_LINK);
	/* The reader sees the state after it has read the events before. */
	ring_publish(&child->ring);
	wake_reader(child);
	while (atomic_load(&child->shared->state) != CHILD_READY)
		wait_for(child, false, IDLE_MS);
}

/* The savefiles are opened while they may be, and read later. */
static void files_open(struct child *child, int *fds)
{
	for (size_t i = 0; i < child->config->packet->savefile_count; i++) {
		struct err err;

		fds[i] = child_files_open(child->config, i, &err);
		if (fds[i] < 0)
			fail(child, fds[i], &err);
	}
}

static void files_read(struct child *child, const int *fds)
{
	struct err err;
	int got = child_files_read(child, fds, &err);

	if (got < 0)
		fail(child, got, &err);
	finish(child, CHILD_DONE);
}

/* The filters of an interface. */
static int frames_for(struct child_input *input, int link_type, struct err *err)
{
	const struct packet_config *packet = input->child->config->packet;

	if (packet->frame_filter_count == 0)
		return 0;
	return frames_compile(frames_add(&input->frames, link_type), packet, link_type, err);
}

static void top_run_start(struct child *child)
{
	const struct packet_config *packet = child->config->packet;
	struct err err;

	for (size_t i = 0; i < packet->interface_count; i++) {
		struct capture_config config = {
			.interface = packet->interfaces[i],
			.filter = packet->filter,
			.narrow = packet->narrow,
			.narrow_count = PACKET_NARROW,
			.promisc = packet->promisc,
			.udp = packet->other_frames || (packet->decapsulate & (DISSECT_VXLAN | DISSECT_GENEVE)) != 0,
			.snaplen = packet->snaplen,
			.buffer_kib = packet->buffer_kib,
		};
		int got = capture_open_live(&child->inputs[i].capture, &config, &err);

		if (got == 0)
			got = frames_for(&child->inputs[i], capture_link_type(child->inputs[i].capture), &err);
		if (got < 0)
			fail(child, got, &err);
		if (packet->interface_count > 1)
			child->inputs[i].staged = xcalloc(CHILD_STAGE_SLOTS, sizeof(struct event));
	}
}

/* The main process handles the terminal's signals; this one ends with its control pipe. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

void child_run(const struct child_config *config)
{
	static struct child child;
	static int keep[3 + PACKET_SAVEFILES];
	size_t files = config->packet->savefile_count;
	bool file = files > 0;
	struct err err = {""};
	int got;

	child.config = config;
	child.shared = config->shared;
	child.ring = ring_end(&config->shared->ring, config->slots);
	child.live = !file;
	/* Live, the end of a round wakes the reader. */
	child.wake_every = file ? WAKE_EVERY : UINT32_MAX;
	child.fragments = fragments_new();
	child.stream = config->packet->messages ? stream_new(config->packet->fields) : NULL;
	child.input_count = file ? 1 : config->packet->interface_count;
	for (size_t i = 0; i < child.input_count; i++) {
		child.inputs[i].child = &child;
		child.inputs[i].number = (uint16_t)i;
	}
	ignore_signals();
	prctl(PR_SET_NAME, "conntrace-pkt", 0, 0, 0);
	if (file) {
		/* Before anything is closed: /dev/fd/63 of a shell's <(command) is one of these descriptors. */
		files_open(&child, keep + 3);
	}
	keep[0] = config->control_fd;
	keep[1] = config->wake_fd;
	keep[2] = config->kill_fd;
	confine_descriptors(keep, 3 + files);
	if (!file)
		top_run_start(&child);
	/* The first use of the clock may need setup. */
	child.checked_ns = clock_monotonic();
	(void)clock_now();
	got = confine(&config->confine, &err);
	if (got < 0)
		fail(&child, got, &err);
	atomic_store(&child.shared->pauses, 0);
	if (file) {
		files_read(&child, keep + 3);
	} else {
		atomic_store(&child.shared->state, CHILD_READY);
		wake_reader(&child);
		live_loop(&child);
	}
	_exit(0);
}
