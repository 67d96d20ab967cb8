// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/packet_save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "base/clock.h"
#include "base/lru.h"
#include "base/xalloc.h"
#include "model/frame_owner.h"
#include "report/export/packet_file.h"
#include "run/output.h"

/*
 * A packet is written when its connection is known to be wanted. Until then it waits in the ring of the packet process,
 * and the packets behind it wait, too, so that the file is in order of time. It waits no longer than HOLD_NS, because
 * most packets of a host belong to no watched process, and not if the ring is half full; with --only it waits for the
 * end of its connection. What was passed over and turns out to be wanted is counted.
 *
 * A life is a connection, in the time in which its ends have that flow. Lives of connections that have been reported
 * are kept for packets that still wait.
 */

#define HOLD_NS (2 * CLOCK_NS_PER_SEC)

/* An answer of the tracker holds for this time. */
#define CHECK_NS (10 * CLOCK_NS_PER_MS)

#define LIVES 65536

enum decision {
	UNDECIDED,
	/** it is wanted, but its process is not known yet */
	WANTED_SO_FAR,
	WANTED,
	UNWANTED,
};

struct life {
	struct flow flow; /* the local end of the connection is its local one */
	int64_t start_ns;
	int64_t end_ns;     /* INT64_MAX: it is not reported yet */
	int64_t checked_ns; /* when the tracker was last asked */
	uint64_t passed;    /* packets that were passed over */
	uint32_t hash;
	uint8_t decision;
	struct frame_owner owner;
};

struct packet_save {
	const struct options *options;
	struct sources *sources;
	struct tracker *tracker;
	struct packet_file *file;
	struct lru *lru;
	struct life *lives;
	int64_t last_ns; /* time of the latest packet that has one */
	bool is_file;
	bool is_over;
	bool has_failed;
	uint64_t added;
	uint64_t written;
	uint64_t late;     /* packets passed over whose connection was wanted */
	uint64_t timeless; /* packets without a time */
	uint64_t dropped;  /* by the packet process */
};

static int64_t kernel_drops(void *context, uint16_t number)
{
	const struct packet_save *save = context;

	return sources_interface_drops(save->sources, number);
}

int packet_save_open(struct packet_save **opened, const struct options *options, struct err *err)
{
	struct packet_save *save = xcalloc(1, sizeof(*save));
	const struct packet_file_config config = {
		.path = options->write,
		.rotate_bytes = options->rotate.bytes,
		.rotate_ns = options->rotate.span_ns,
		.kept = options->rotate.kept,
		.program = "conntrace " PACKAGE_VERSION,
		.drops = kernel_drops,
		.context = save,
	};
	int rc = packet_file_open(&save->file, &config, err);

	if (rc != 0) {
		free(save);
		return rc;
	}
	save->options = options;
	save->is_file = options_is_file(options);
	save->lru = lru_new(LIVES);
	save->lives = xcalloc(LIVES, sizeof(*save->lives));
	*opened = save;
	return 0;
}

void packet_save_begin(struct packet_save *save, struct sources *sources, struct tracker *tracker)
{
	save->sources = sources;
	save->tracker = tracker;
}

bool packet_save_is_to_come(const struct packet_save *save)
{
	return save != NULL && packet_file_is_to_come(save->file);
}

int packet_save_commit(struct packet_save *save, struct err *err)
{
	return packet_file_commit(save->file, err);
}

/* ---- lives ------------------------------------------------------------------------- */

static bool has_ends(const struct flow *a, const struct flow *b)
{
	return endpoint_equal(&a->local, &b->local) && endpoint_equal(&a->remote, &b->remote);
}

/*
 * The life of a packet at @time_ns, of both ends if both are of interest the wanted one: the latest that began before,
 * else the earliest.
 */
static struct life *find_life(struct packet_save *save, const struct flow *flow, uint32_t hash, int64_t time_ns)
{
	const struct flow reverse = flow_reverse(flow);
	struct life *found = NULL;

	for (uint32_t at = lru_find(save->lru, hash); at != LRU_NONE; at = lru_next(save->lru, at)) {
		struct life *life = &save->lives[at];
		bool is_later;

		if (!has_ends(&life->flow, flow) && !has_ends(&life->flow, &reverse))
			continue;
		is_later = found != NULL && life->start_ns > found->start_ns;
		if (found == NULL || (life->start_ns == found->start_ns && life->decision == WANTED) ||
		    (found->start_ns > time_ns ? !is_later : is_later && life->start_ns <= time_ns))
			found = life;
	}
	if (found != NULL)
		lru_use(save->lru, (uint32_t)(found - save->lives));
	return found;
}

static struct life *add_life(struct packet_save *save, const struct flow *flow, uint32_t hash, int64_t start_ns)
{
	struct life *life = &save->lives[lru_take(save->lru, hash)];

	*life = (struct life){
		.flow = *flow,
		.start_ns = start_ns,
		.end_ns = INT64_MAX,
		.checked_ns = INT64_MIN,
		.hash = hash,
	};
	return life;
}

static void take_owner(struct life *life, const struct conn *conn)
{
	const struct process *process = conn->process;

	/* If both ends are wanted, the packets are those of the one that accepted. */
	if (life->owner.dir == DIR_IN && conn->dir == DIR_OUT)
		return;
	life->flow = conn->flow;
	life->owner = (struct frame_owner){.dir = conn->dir, .tid = conn->tid};
	if (process == NULL)
		return;
	life->owner.pid = process->pid > 0 ? process->pid : 0;
	snprintf(life->owner.comm, sizeof(life->owner.comm), "%.15s", process->comm);
}

static void decide(struct packet_save *save, struct life *life, enum decision decision)
{
	life->decision = (uint8_t)decision;
	if (decision != WANTED && decision != WANTED_SO_FAR)
		return;
	save->late += life->passed;
	life->passed = 0;
}

void packet_save_finished(struct packet_save *save, const struct conn *conn, bool wanted)
{
	uint32_t hash;
	struct life *life;

	if (save == NULL || save->is_over)
		return;
	hash = flow_hash(sources_flow_key(save->sources), &conn->flow);
	life = find_life(save, &conn->flow, hash, conn->start_ns);
	if (life == NULL || conn->start_ns > life->end_ns)
		life = add_life(save, &conn->flow, hash, conn->start_ns);
	if (conn->start_ns < life->start_ns)
		life->start_ns = conn->start_ns;
	if (life->end_ns == INT64_MAX || conn->end_ns > life->end_ns)
		life->end_ns = conn->end_ns;
	if (wanted) {
		take_owner(life, conn);
		decide(save, life, WANTED);
	} else if (life->decision == UNDECIDED) {
		/* Of both ends the packets are wanted if one of them is. */
		decide(save, life, UNWANTED);
	}
}

/* What the tracker knows of one end of a connection. */
static enum decision ask_end(const struct packet_save *save, const struct flow *flow, int64_t time_ns,
			     struct life *life)
{
	const struct conn_filter *filter = &save->options->filter;
	const struct conn *conn = tracker_find(save->tracker, flow);

	/* A later connection of the same ends has nothing to do with the packet. */
	if (conn == NULL || (time_ns >= 0 && conn->start_ns > time_ns))
		return UNDECIDED;
	if (!conn_filter_match(filter, conn))
		return filter->dir != DIR_UNKNOWN && conn->dir == DIR_UNKNOWN ? UNDECIDED : UNWANTED;
	if (!output_selects(save->options, conn))
		return UNDECIDED;
	if (conn->start_ns < life->start_ns)
		life->start_ns = conn->start_ns;
	take_owner(life, conn);
	return conn->process != NULL && conn->process->comm[0] != '\0' ? WANTED : WANTED_SO_FAR;
}

static void ask(struct packet_save *save, struct life *life, int64_t time_ns, int64_t now_ns)
{
	const struct flow flow = life->flow, reverse = flow_reverse(&flow);
	enum decision one, other;

	if (life->end_ns != INT64_MAX || life->decision == WANTED || life->checked_ns > now_ns - CHECK_NS)
		return;
	life->checked_ns = now_ns;
	one = ask_end(save, &flow, time_ns, life);
	other = ask_end(save, &reverse, time_ns, life);
	if (one == WANTED || other == WANTED)
		decide(save, life, WANTED);
	else if (one == WANTED_SO_FAR || other == WANTED_SO_FAR)
		decide(save, life, WANTED_SO_FAR);
	else if (one == UNWANTED || other == UNWANTED)
		decide(save, life, UNWANTED);
}

static struct life *life_of(struct packet_save *save, const struct frame_head *head, int64_t time_ns)
{
	struct life *life = find_life(save, &head->flow, head->flow_hash, time_ns);

	/* Behind the end of a connection there may be another one of the same ends. */
	if (life != NULL && life->end_ns < time_ns) {
		const struct flow reverse = flow_reverse(&head->flow);
		const struct conn *conn = tracker_find(save->tracker, &head->flow);

		if (conn == NULL)
			conn = tracker_find(save->tracker, &reverse);
		if (conn != NULL && conn->start_ns > life->end_ns && conn->start_ns <= time_ns)
			life = NULL;
	}
	return life != NULL ? life : add_life(save, &head->flow, head->flow_hash, time_ns);
}

/* ---- packets ------------------------------------------------------------------------ */

static void write_frame(struct packet_save *save, const struct frame_head *head, const uint8_t *data,
			const struct life *life)
{
	struct frame_owner owner = life->owner;
	char comment[FRAME_OWNER_TEXT];
	struct pcapng_frame frame = {
		.time_ns = head->time_ns,
		.data = data,
		.caplen = head->caplen,
		.length = head->length,
		.pid = (uint32_t)owner.pid,
		.tid = (uint32_t)owner.tid,
		.comment = comment,
	};
	const char *name = head->name;

	owner.way = endpoint_equal(&head->flow.local, &life->flow.local) ? FRAME_SENT : FRAME_RECEIVED;
	frame.way = owner.way;
	(void)frame_owner_text(&owner, comment);
	if (!save->is_file && head->interface < save->options->interface_count)
		name = save->options->interfaces[head->interface];
	packet_file_add(save->file, &frame, head->interface, head->link_type, name);
	save->added++;
}

/* The oldest packet. Return: false when it has to wait. */
static bool take_frame(struct packet_save *save, const struct frame_head *head, const uint8_t *data, int64_t fed_ns,
		       bool is_pressed)
{
	int64_t time_ns = head->time_ns >= 0 ? head->time_ns : save->last_ns;
	bool chooses = save->options->only != 0 || save->options->suspicious;
	struct life *life;
	bool has_waited;

	if (!save->is_over && time_ns >= fed_ns)
		return false;
	if (head->time_ns < 0) {
		save->timeless++;
		return true;
	}
	has_waited = save->is_over || is_pressed || (!chooses && time_ns + HOLD_NS < fed_ns);
	life = life_of(save, head, time_ns);
	ask(save, life, time_ns, save->is_over ? INT64_MAX : fed_ns);
	if (!has_waited && (life->decision == UNDECIDED || life->decision == WANTED_SO_FAR))
		return false;
	save->last_ns = time_ns;
	if (life->decision == WANTED || life->decision == WANTED_SO_FAR)
		write_frame(save, head, data, life);
	else if (life->decision == UNDECIDED)
		life->passed++;
	return true;
}

static void take_frames(struct packet_save *save, int64_t fed_ns)
{
	struct packet *packet = sources_packet(save->sources);
	struct frame_head head;
	const uint8_t *data;

	/* Live, packets wait in the ring for a slow disk; a file is read no faster than the disk writes. */
	while (packet_frame(packet, &head, &data) && packet_file_has_room(save->file, save->is_file || save->is_over) &&
	       take_frame(save, &head, data, fed_ns, packet_frames_press(packet)))
		packet_frame_drop(packet, &head);
}

static int check_file(struct packet_save *save, struct err *err)
{
	int rc = packet_file_failed(save->file, err);

	save->has_failed |= rc != 0;
	return rc;
}

int packet_save_step(struct packet_save *save, int64_t fed_ns, struct err *err)
{
	if (save == NULL || save->is_over)
		return 0;
	take_frames(save, fed_ns);
	packet_file_flush(save->file);
	return check_file(save, err);
}

static void add_count(struct text *report, uint64_t count, const char *one, const char *more)
{
	text_add_unsigned(report, count);
	text_add(report, count == 1 ? one : more);
}

static void add_loss(struct text *report, uint64_t count, const char *why)
{
	if (count == 0)
		return;
	text_add(report, "; ");
	add_count(report, count, " is missing: ", " are missing: ");
	text_add(report, why);
}

static void describe(const struct packet_save *save, const char *name, struct text *report)
{
	text_add(report, name);
	text_add(report, ": ");
	add_count(report, save->written, " packet written", " packets written");
	add_loss(report, save->added - save->written, "writing failed");
	add_loss(report, save->late, "it was not known in time that the connection is wanted");
	add_loss(report, save->dropped, "no room while packets waited, or a piece without ports");
	add_loss(report, save->timeless, "the savefile has no time for it");
}

int packet_save_end(struct packet_save *save, struct text *report, struct err *err)
{
	struct packet_stats stats;
	char *name;
	int rc;

	if (save == NULL || save->is_over)
		return 0;
	save->is_over = true;
	take_frames(save, INT64_MAX);
	sources_packet_stats(save->sources, &stats);
	save->dropped = stats.frame_drops;
	name = xstrdup(packet_file_name(save->file));
	rc = packet_file_close(save->file, &save->written, err);
	save->file = NULL;
	save->has_failed |= rc != 0;
	describe(save, name, report);
	free(name);
	return rc;
}

bool packet_save_has_lost(const struct packet_save *save)
{
	return save->has_failed || save->added > save->written || save->late + save->dropped + save->timeless > 0;
}

void packet_save_free(struct packet_save *save)
{
	struct err ignored;
	uint64_t frames;

	if (save == NULL)
		return;
	(void)packet_file_close(save->file, &frames, &ignored);
	lru_free(save->lru);
	free(save->lives);
	free(save);
}
