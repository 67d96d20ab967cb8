// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/xalloc.h"
#include "source/packet/capture.h"
#include "source/packet/frames.h"
#include "source/packet/process_state.h"

/*
 * The side of the main process. It starts the packet process, receives events through a ring in shared memory, and
 * checks everything it finds there.
 *
 * One pipe leads each way. The packet process holds the writing end of the wake pipe, so end of file there means that
 * it has ended, whatever the cause and whichever thread reaps it (a tracer waits for all children). The main process
 * holds the writing end of the control pipe, so that the packet process notices when the main process has ended.
 */

/* Live, the ring must cover the pauses of a busy main process: half a second of 250 000 packets per second. */
#define LIVE_SLOTS 131072
/* Events read while the writer writes should still be in the cache. */
#define FILE_SLOTS 8192

/*
 * One packet_read() must end while packets keep coming. Of a savefile it takes no more than stays in the cache (L2),
 * beside the records, until it comes out of the queue; live, the caller may sleep afterwards, so it takes all there
 * are.
 */
#define READ_FILE_EVENTS 1024

/* Frames that wait until it is known whether they are wanted: some seconds of a busy interface, in short frames. */
#define FRAME_ROOM (UINT64_C(64) << 20)

/* Number of slots given back at once. */
#define TAKE_AT_ONCE 64

/* A packet process that has found the ring full is woken when this part of it is left: each time costs microseconds. */
#define LEFT_AT_WAKE 8

/* A main process that will check soon by itself is woken for this many events: a small part of the ring. */
#define PATIENT_EVENTS 4096

/* Interval at which a starting packet process is checked. */
#define LOOK_MS 500

void process_order(struct packet *packet, enum child_order what)
{
	char byte = (char)what;

	if (packet->control_fd >= 0)
		(void)!write(packet->control_fd, &byte, 1);
}

static int hand_frame_filters(struct packet *packet, struct err *err)
{
	struct child_shared *shared = packet->shared;
	struct frames frames = {.count = 0};
	int got = frames_compile(&frames, &packet->config, shared->link_type, err);

	for (size_t i = 0; i < frames.count; i++) {
		struct bpf_program *program = &frames.programs[i];

		memcpy(shared->frame_filters[i], program->bf_insns, program->bf_len * sizeof(program->bf_insns[0]));
		shared->frame_filter_lengths[i] = program->bf_len;
		pcap_freecode(program);
	}
	return got;
}

/* The packet process has read the head of the savefile: give it the filter for that link type. */
static int hand_filter(struct packet *packet, struct err *err)
{
	struct child_shared *shared = packet->shared;
	struct bpf_program program;

	if (packet->config.filter != NULL) {
		int got = capture_compile(&program, packet->config.filter, shared->link_type, true, err);

		if (got < 0)
			return got;
		if (program.bf_len > CHILD_FILTER_MAX) {
			pcap_freecode(&program);
			return err_set(err, E2BIG, "filter \"%s\" is too long: %u instructions, %d are allowed",
				       packet->config.filter, program.bf_len, CHILD_FILTER_MAX);
		}
		memcpy(shared->filter, program.bf_insns, program.bf_len * sizeof(program.bf_insns[0]));
		shared->filter_length = program.bf_len;
		pcap_freecode(&program);
	}
	if (packet->config.frame_filter_count > 0) {
		int got = hand_frame_filters(packet, err);

		if (got < 0)
			return got;
	}
	atomic_store(&shared->state, CHILD_READY);
	process_order(packet, CHILD_GO);
	return 0;
}

/* Take the bytes out of the wake pipe; its end is noted. */
static void wake_clear(struct packet *packet)
{
	char bytes[256];
	ssize_t got;

	do {
		got = read(packet->wake_fd, bytes, sizeof(bytes));
	} while (got == sizeof(bytes) || (got < 0 && errno == EINTR));
	if (got == 0)
		packet->gone = true;
}

/*
 * The message that the packet process left. It may contain any bytes, so it is cut and escaped like other foreign text.
 */
static int report_end(const struct packet *packet, struct err *err)
{
	char text[sizeof(err->text)];
	int error = packet->shared->error;

	memcpy(text, packet->shared->text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (error == 0 || error < -4095 || error > 4095)
		error = EPROTO;
	return err_set(err, error, "%s", text);
}

/* It ended without a message. */
static int death(struct packet *packet, struct err *err)
{
	int status = 0;
	pid_t got;

	do {
		got = waitpid(packet->pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	if (got == packet->pid && WIFSIGNALED(status))
		return err_set(err, EPIPE, "the packet process was killed by signal %d%s; no packets are seen any more",
			       WTERMSIG(status),
			       WTERMSIG(status) == SIGSYS ? " (a system call that its filter forbids)" : "");
	return err_set(err, EPIPE, "the packet process ended; no packets are seen any more");
}

static void kill_child(struct packet *packet)
{
	if (packet->pid <= 0)
		return;
	if (packet->kill_fd >= 0)
		close(packet->kill_fd);
	packet->kill_fd = -1;
	/* By descriptor, because the number may be reused once another thread has reaped this one. */
	if (packet->pid_fd >= 0)
		syscall(SYS_pidfd_send_signal, packet->pid_fd, SIGKILL, NULL, 0);
	else if (waitpid(packet->pid, NULL, WNOHANG) == 0)
		kill(packet->pid, SIGKILL);
}

/* Its events are ignored from now on, and it must not continue; packet_next() reports it. */
static void give_up(struct packet *packet)
{
	kill_child(packet);
	packet->given_up = true;
}

/* From now on packets pass unseen. Return: true when @event reports it, for the first time. */
static bool tell_lost(struct packet *packet, struct event *event)
{
	if (packet->lost)
		return false;
	packet->lost = true;
	*event = event_new(EVENT_LOST, ORIGIN_WIRE, clock_now());
	event->lost.where = LOST_PACKET_PROCESS;
	event->lost.count = EVENT_UNKNOWN;
	return true;
}

/* It ended, but not by itself. Return: as packet_next(). */
static int early_end(struct packet *packet, struct event *event, struct err *err)
{
	if (tell_lost(packet, event))
		return 1;
	packet->reported = true;
	return packet->given_up ? err_set(err, EPIPE, "%s", packet->failure.text) : death(packet, err);
}

/* A packet process that hangs is given up. */
static bool is_silent(struct packet *packet)
{
	const struct child_shared *shared = packet->shared;

	if (!packet->given_up &&
	    heartbeat_hangs(&packet->heartbeat, atomic_load(&shared->beat), atomic_load(&shared->pauses), packet->pid,
			    clock_monotonic(), &packet->failure))
		give_up(packet);
	return packet->given_up;
}

/* The ring is empty: check for other news. Return: as packet_next(). */
static int news(struct packet *packet, uint32_t state, struct event *event, struct err *err)
{
	int got;

	if (packet->reported)
		return SOURCE_END;
	if (interface_drops_event(&packet->interface_drops, event, state == CHILD_DONE || packet->gone))
		return 1;
	if (state == CHILD_LINK) {
		got = hand_filter(packet, err);
		packet->reported = got < 0;
		return got;
	}
	if (atomic_load(&packet->shared->warned) && !packet->warned) {
		if (tell_lost(packet, event))
			return 1;
		packet->warned = true;
		return report_end(packet, err);
	}
	if (state != CHILD_DONE && state != CHILD_FAILED && !packet->gone && !is_silent(packet)) {
		/* A stream may bring nothing more. */
		return packet->draining && packet->config.savefile_count > 0 ? SOURCE_END : 0;
	}
	if (state != CHILD_DONE && state != CHILD_FAILED)
		return early_end(packet, event, err);
	/* A damaged savefile ends at the damage, but after the failure of an interface the others may continue. */
	if (state == CHILD_FAILED && packet->config.savefile_count == 0 && tell_lost(packet, event))
		return 1;
	packet->reported = true;
	return state == CHILD_DONE ? SOURCE_END : report_end(packet, err);
}

/* Slots that were taken may be overwritten; a packet process that waits for that is woken when enough are free. */
static void give_room(struct packet *packet)
{
	struct ring_end *end = &packet->ring;

	ring_taken(end);
	if (end->head - end->tail <= end->count / LEFT_AT_WAKE &&
	    atomic_load_explicit(&end->ring->starved, memory_order_relaxed) && atomic_exchange(&end->ring->starved, 0))
		process_order(packet, CHILD_ROOM);
}

void process_refuse(struct packet *packet)
{
	err_set(&packet->failure, EPROTO,
		"the packet process sent an invalid event; it was ended, and no packets are seen any more");
	give_up(packet);
}

static int take(struct packet *packet, struct event *event, struct err *err)
{
	int got = ring_take(&packet->ring, event);

	if (got < 0) {
		process_refuse(packet);
		return early_end(packet, event, err);
	}
	if (got == 0 || packet->ring.tail % TAKE_AT_ONCE == 0)
		give_room(packet);
	return got;
}

int packet_next(struct packet *packet, struct event *event, struct err *err)
{
	uint32_t state;
	int got;

	if (packet->reported)
		return SOURCE_END;
	if (packet->given_up)
		return early_end(packet, event, err);
	got = take(packet, event, err);
	if (got != 0)
		return got;
	/* Empty. Request a wake-up, then check once more, or an event in between would wait for the next. */
	wake_clear(packet);
	state = atomic_load(&packet->shared->state);
	atomic_store(&packet->shared->ring.armed, 1);
	got = take(packet, event, err);
	if (got != 0)
		return got;
	/* The state from before the ring was found empty: an end since then may have come with more events. */
	return news(packet, state, event, err);
}

/* Number of events of a savefile that are read at a time; it affects only the duration. */
static int batch_size(struct packet_config *config)
{
	if (config->batch == 0)
		return READ_FILE_EVENTS;
	if (config->batch_seed == 0)
		return (int)config->batch;
	/* Marsaglia, Xorshift RNGs, 2003. */
	config->batch_seed ^= config->batch_seed << 13;
	config->batch_seed ^= config->batch_seed >> 17;
	config->batch_seed ^= config->batch_seed << 5;
	return (int)(config->batch_seed % config->batch + 1);
}

void packet_on_event(struct packet *packet, void (*function)(void *context, const struct event *event), void *context)
{
	packet->on_event = function;
	packet->on_event_context = context;
}

int packet_read(struct packet *packet, struct queue *events, struct err *err)
{
	int limit = packet->config.savefile_count > 0 ? batch_size(&packet->config) : LIVE_SLOTS;
	int count = 0, got = 0;

	/* Events that find the queue full stay in the ring. */
	while (count < limit) {
		struct event *event = queue_reserve(events);

		got = event != NULL ? packet_next(packet, event, err) : 0;
		if (got != 1)
			break;
		if (packet->on_event != NULL)
			packet->on_event(packet->on_event_context, event);
		queue_commit(events);
		count++;
	}
	/* The events are in the queue whatever is returned. */
	if (got < 0 && got != SOURCE_END && count > 0)
		return got;
	return count > 0 ? count : got;
}

/* Until the packet process has started, or has reported why not. */
static int wait_ready(struct packet *packet, struct err *err)
{
	struct pollfd wake = {.fd = packet->wake_fd, .events = POLLIN};

	for (;;) {
		uint32_t state = atomic_load(&packet->shared->state);

		if (state == CHILD_READY || state == CHILD_DONE)
			return 0;
		if (state == CHILD_FAILED)
			return report_end(packet, err);
		if (state == CHILD_LINK)
			return hand_filter(packet, err);
		if (packet->gone)
			return death(packet, err);
		if (is_silent(packet))
			return err_set(err, EPIPE, "%s", packet->failure.text);
		poll(&wake, 1, LOOK_MS);
		wake_clear(packet);
	}
}

static int check_config(struct packet *packet, const struct packet_config *config, struct err *err)
{
	int got = savefile_set_check(&packet->files, config, err);

	if (got < 0)
		return got;
	if ((config->savefile_count > 0) == (config->interface_count > 0))
		return err_set(err, EINVAL, "packets come from interfaces or from savefiles, one of them");
	if (config->interface_count > PACKET_INTERFACES)
		return err_set(err, E2BIG, "%zu interfaces: %d are allowed, or use \"any\"", config->interface_count,
			       PACKET_INTERFACES);
	return 0;
}

static int start(struct packet *packet, struct child_config *child, struct err *err)
{
	int control[2], wake[2], leash[2];

	/* Open descriptors are closed by packet_close(), or with the process if this fails. */
	if (pipe2(control, O_CLOEXEC) < 0 || pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0 || pipe2(leash, O_CLOEXEC) < 0)
		return err_set(err, errno, "packet process: pipe: %s", strerror(errno));
	fcntl(control[1], F_SETFL, O_NONBLOCK);
	packet->control_fd = control[1];
	packet->wake_fd = wake[0];
	packet->kill_fd = leash[1];
	child->control_fd = control[0];
	child->kill_fd = leash[0];
	child->wake_fd = child->confine.write_fd = wake[1];
	child->confine.parent = getpid();
	packet->pid = fork();
	if (packet->pid == 0)
		child_run(child);
	crash_child(packet->pid);
	if (packet->pid < 0)
		err_set(err, errno, "packet process: fork: %s", strerror(errno));
	else
		packet->pid_fd = (int)syscall(SYS_pidfd_open, packet->pid, 0);
	confine_leash(leash[0], packet->pid);
	close(control[0]);
	close(wake[1]);
	close(leash[0]);
	return packet->pid < 0 ? -EAGAIN : 0;
}

static void *map_shared(size_t size, struct err *err)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED)
		return memory;
	err_set(err, errno, "packet process: shared memory: %s", strerror(errno));
	return NULL;
}

static int map_frames(struct packet *packet, struct err *err)
{
	packet->frames.ring = map_shared(frame_ring_size(FRAME_ROOM), err);
	packet->frames.room = FRAME_ROOM;
	return packet->frames.ring != NULL ? 0 : -ENOMEM;
}

int packet_open(struct packet **result, const struct packet_config *config, struct err *err)
{
	struct packet *packet = xcalloc(1, sizeof(*packet));
	struct child_config child = {.packet = &packet->config, .confine.name = "packet process"};
	uint64_t slots = config->savefile_count > 0 ? FILE_SLOTS : LIVE_SLOTS;
	int got;

	packet->config = *config;
	packet->control_fd = packet->wake_fd = packet->kill_fd = packet->pid_fd = -1;
	packet->pid = -1;
	packet->shared_size = offsetof(struct child_shared, ring) + ring_size(slots);
	got = check_config(packet, config, err);
	if (got == 0)
		got = confine_find_user(config->drop_to, &child.confine, err);
	if (got < 0)
		goto fail;
	packet->shared = map_shared(packet->shared_size, err);
	got = packet->shared == NULL ? -ENOMEM : config->keeps_frames ? map_frames(packet, err) : 0;
	if (got < 0)
		goto fail;
	child.shared = packet->shared;
	child.slots = slots;
	child.frame_ring = packet->frames.ring;
	child.frame_room = packet->frames.room;
	packet->ring = ring_end(&packet->shared->ring, slots);
	/* A caller that waits for the first event before its first read is woken too. */
	atomic_store(&packet->shared->ring.armed, 1);
	/* Opening may resolve names, which has no time limit. */
	atomic_store(&packet->shared->pauses, 1);
	child.deferred = packet->files.deferred;
	interface_drops_begin(&packet->interface_drops, &packet->config);
	child.file_fds = packet->files.fds;
	got = savefile_set_open(&packet->files, &packet->config, err);
	if (got == 0)
		got = start(packet, &child, err);
	if (got == 0 && !packet->files.deferred)
		got = wait_ready(packet, err);
	if (got < 0)
		goto fail;
	*result = packet;
	return 0;
fail:
	packet_close(packet);
	return got;
}

int packet_fd(const struct packet *packet)
{
	return packet->wake_fd;
}

bool packet_sleep(struct packet *packet, bool has_patience)
{
	struct ring *ring = packet->ring.ring;

	atomic_store(&ring->armed, has_patience ? PATIENT_EVENTS : 1);
	/* Only now, or events in between would not be noticed. */
	return has_patience || atomic_load(&ring->head) == packet->ring.tail;
}

void packet_drain(struct packet *packet)
{
	packet->draining = true;
	atomic_store(&packet->shared->stop, 1);
	process_order(packet, CHILD_DRAIN);
}

void packet_abandon(struct packet *packet)
{
	if (packet->reported || packet->given_up)
		return;
	err_set(&packet->failure, EPIPE,
		"the packet process did not come to an end; it was ended, and its last packets are lost");
	give_up(packet);
}

pid_t packet_pid(const struct packet *packet)
{
	return packet->pid;
}

void packet_close(struct packet *packet)
{
	if (packet == NULL)
		return;
	if (packet->pid > 0) {
		kill_child(packet);
		while (waitpid(packet->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (packet->control_fd >= 0)
		close(packet->control_fd);
	if (packet->wake_fd >= 0)
		close(packet->wake_fd);
	if (packet->kill_fd >= 0)
		close(packet->kill_fd);
	if (packet->pid_fd >= 0)
		close(packet->pid_fd);
	savefile_set_close(&packet->files);
	if (packet->shared != NULL)
		munmap(packet->shared, packet->shared_size);
	if (packet->frames.ring != NULL)
		munmap(packet->frames.ring, frame_ring_size(FRAME_ROOM));
	free(packet);
}
