// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/child.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
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
#define CHECK_EVERY_NS (200 * CLOCK_NS_PER_MS)

/* Frames handled between two checks of control. */
#define ROUND_FRAMES 4096

/* A savefile wakes the reader when this many events wait: each wakeup costs both a system call. */
#define WAKE_EVERY 1024

static void fail(struct child *child, int error, const struct err *err)
{
	child->shared->error = error;
	memcpy(child->shared->text, err->text, sizeof(err->text));
	child_finish(child, CHILD_FAILED);
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
		atomic_fetch_add_explicit(&child->shared->interface_kernel_drops[child->inputs[i].number],
					  lost > 0 ? (uint64_t)lost : 0, memory_order_relaxed);
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
	child_wake_reader(child);
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
		child_wait_for(child, false, 0);
	else if (frames > 0 || staged)
		child_wait_for(child, false, GATHER_MS);
	if (frames < ROUND_FRAMES && !staged && !child->draining)
		child_wait_for(child, true, CHILD_IDLE_MS);
}

static void live_loop(struct child *child)
{
	for (;;) {
		int frames = live_round(child);
		bool staged = false;

		for (size_t i = 0; i < child->input_count; i++)
			staged |= child->inputs[i].count > 0;
		child_publish_frames(child);
		check(child);
		child_frames_lose_unsaid(child);
		child_publish(child, 1);
		if (frames == 0 && child->draining && !staged) {
			child_frames_end(child);
			child_frames_merge(child, INT64_MAX);
			child_finish(child, CHILD_DONE);
		}
		wait_for_frames(child, frames, staged);
		if (staged)
			release_stuck(child);
	}
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
	child_finish(child, CHILD_DONE);
}

/* The filters of an interface. */
static int frames_for(struct child_input *input, int link_type, struct err *err)
{
	const struct packet_config *packet = input->child->config->packet;

	if (packet->frame_filter_count == 0)
		return 0;
	return frames_compile(frames_add(&input->frames, link_type), packet, link_type, err);
}

static void interfaces_open(struct child *child)
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
			.names = packet->names,
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
	child.frames = (struct frame_ring_end){.ring = config->frame_ring, .room = config->frame_room};
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
		interfaces_open(&child);
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
		child_wake_reader(&child);
		live_loop(&child);
	}
	_exit(0);
}
