// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* Plain segments that are kept, because a later one may show that they were lost. */
#define TAIL 32
#define ROOM_FIRST 8
/* Maximum number of entries of a connection; with each segment kept, that of miruo. */
#define ROOM_MOST 512
#define ROOM_MOST_FULL 65536

#define STANDS_OUT                                                                                                \
	(SEGMENT_RESENT | SEGMENT_RESENT_PART | SEGMENT_OUT_OF_ORDER | SEGMENT_KEEPALIVE | SEGMENT_WINDOW_PROBE | \
	 SEGMENT_ZERO_WINDOW | SEGMENT_STRAY | SEGMENT_FRAGMENT | SEGMENT_CUT | SEGMENT_SENT_AGAIN)

struct timeline *timeline_new(struct timeline_rules *rules)
{
	struct timeline *timeline = xcalloc(1, sizeof(*timeline));

	timeline->rules = rules;
	rules->bytes += sizeof(*timeline);
	return timeline;
}

void timeline_free(struct timeline *timeline)
{
	if (timeline == NULL)
		return;
	timeline->rules->bytes -= sizeof(*timeline) + timeline->room * sizeof(*timeline->entries);
	free(timeline->entries);
	free(timeline);
}

void timeline_clear(struct timeline *timeline)
{
	timeline->rules->bytes -= timeline->room * sizeof(*timeline->entries);
	free(timeline->entries);
	timeline->entries = NULL;
	timeline->count = timeline->room = 0;
	timeline->unkept = (struct timeline_fold){.forced = false};
}

bool timeline_is_empty(const struct timeline *timeline)
{
	return timeline == NULL || (timeline->count == 0 && !timeline->unkept.forced);
}

uint64_t timeline_unkept(const struct timeline *timeline)
{
	const struct timeline_fold *fold = timeline != NULL ? &timeline->unkept : NULL;

	return fold != NULL ? fold->segments[WIRE_LOCAL] + fold->segments[WIRE_REMOTE] + fold->calls : 0;
}

/* Whether the entry is more than plain data and its acknowledgement. */
static bool stands_out(const struct timeline_entry *entry)
{
	const struct segment *segment = &entry->segment;

	if (entry->kind != TIMELINE_SEGMENT)
		return entry->kind != TIMELINE_FOLD;
	return segment->flags & (SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST | SEGMENT_URG) ||
	       segment->judged & STANDS_OUT || memcmp(&segment->before, &segment->after, sizeof(segment->before)) != 0;
}

/* ---- folding -------------------------------------------------------------------- */

static void fold_into(struct timeline_fold *fold, const struct timeline_entry *entry, bool forced)
{
	fold->forced |= forced;
	fold->last_ns = entry->time_ns;
	switch (entry->kind) {
	case TIMELINE_SEGMENT:
		fold->segments[entry->segment.side]++;
		fold->bytes[entry->segment.side] += entry->segment.payload;
		break;
	case TIMELINE_FOLD:
		for (int i = 0; i < WIRE_SIDES; i++) {
			fold->segments[i] += entry->fold.segments[i];
			fold->bytes[i] += entry->fold.bytes[i];
		}
		fold->forced |= entry->fold.forced;
		fold->calls += entry->fold.calls;
		fold->last_ns = entry->fold.last_ns;
		break;
	default:
		fold->calls += entry->kind == TIMELINE_CALL;
		break;
	}
}

/* Append to the entries that stay (@count of them); others go into the fold before it. */
static void settle_entry(struct timeline *timeline, uint32_t *count, const struct timeline_entry *entry, bool stays,
			 bool forced)
{
	struct timeline_entry *last = *count > 0 ? &timeline->entries[*count - 1] : NULL, folded;

	if (stays) {
		timeline->entries[(*count)++] = *entry;
		return;
	}
	if (last == NULL || last->kind != TIMELINE_FOLD) {
		folded = (struct timeline_entry){.time_ns = entry->time_ns, .kind = TIMELINE_FOLD};
		fold_into(&folded.fold, entry, forced);
		timeline->entries[(*count)++] = folded;
		return;
	}
	fold_into(&last->fold, entry, forced);
}

/* Fold plain segments that are not near a remarkable entry, except the last @tail entries. */
static void fold_plain(struct timeline *timeline, uint32_t tail)
{
	uint32_t context = timeline->rules->context, count = 0;
	uint32_t from = timeline->count > tail ? timeline->count - tail : 0;
	/* Distances in entries to the nearest remarkable one, before and behind. */
	uint32_t behind = 0, before = UINT32_MAX;

	if (timeline->rules->full)
		return;
	for (uint32_t i = 0; i < timeline->count; i++) {
		const struct timeline_entry entry = timeline->entries[i];
		bool out = stands_out(&entry);

		/* The next remarkable one, or the first of the tail, which may become remarkable. */
		if (behind <= i) {
			behind = i + 1;
			while (behind < from && !stands_out(&timeline->entries[behind]))
				behind++;
		}
		before = out ? 0 : before < UINT32_MAX ? before + 1 : before;
		settle_entry(timeline, &count, &entry,
			     out || i >= from ||
				     (entry.kind == TIMELINE_SEGMENT &&
				      (before <= context || (behind - i <= context && behind < timeline->count))),
			     false);
	}
	timeline->count = count;
}

/* Keep the beginning and the end. */
static void fold_middle(struct timeline *timeline)
{
	uint32_t quarter = timeline->room / 4, total = timeline->count, count = quarter;

	if (total <= 3 * quarter)
		return;
	for (uint32_t i = quarter; i < total; i++) {
		const struct timeline_entry entry = timeline->entries[i];

		settle_entry(timeline, &count, &entry, i >= total - quarter, true);
	}
	timeline->count = count;
}

static void fold_unkept(struct timeline *timeline, const struct timeline_entry *entry)
{
	if (!timeline->unkept.forced)
		timeline->unkept_ns = entry->time_ns;
	fold_into(&timeline->unkept, entry, true);
}

/* ---- growing ---------------------------------------------------------------------- */

static bool grow(struct timeline *timeline)
{
	struct timeline_rules *rules = timeline->rules;
	uint32_t most = rules->full ? ROOM_MOST_FULL : ROOM_MOST;
	uint32_t room = timeline->room > 0 ? timeline->room * 2 : ROOM_FIRST;
	size_t more = (room - timeline->room) * sizeof(*timeline->entries);

	if (room > most || more > rules->limit || rules->bytes > rules->limit - more)
		return false;
	timeline->entries = xreallocarray(timeline->entries, room, sizeof(*timeline->entries));
	timeline->room = room;
	rules->bytes += more;
	return true;
}

/* Return: the next entry, or NULL when there is no room even for the first one. */
static struct timeline_entry *make_room(struct timeline *timeline)
{
	if (timeline->count == timeline->room) {
		if (timeline->room >= 4 * TAIL)
			fold_plain(timeline, TAIL + timeline->rules->context);
		/* Grow unless much was folded: else the next fold comes soon. */
		if (timeline->count >= timeline->room / 4 * 3 && !grow(timeline)) {
			if (timeline->room == 0)
				return NULL;
			fold_plain(timeline, timeline->rules->context);
			fold_middle(timeline);
		}
	}
	return &timeline->entries[timeline->count++];
}

/* Entries come ordered by time, except those of several sources that report late. */
static void append(struct timeline *timeline, const struct timeline_entry *entry)
{
	struct timeline_entry *at = make_room(timeline);

	if (at == NULL) {
		fold_unkept(timeline, entry);
		return;
	}
	while (at > timeline->entries && at[-1].time_ns > entry->time_ns && at[-1].kind != TIMELINE_FOLD) {
		*at = at[-1];
		at--;
	}
	*at = *entry;
}

/* ---- what happens ------------------------------------------------------------------- */

static bool is_sent_again(const struct segment *earlier, const struct segment *segment)
{
	if (earlier->side != segment->side || earlier->seq < 0 || segment->seq < 0)
		return false;
	if (segment->payload == 0)
		return earlier->seq == segment->seq && earlier->flags == segment->flags;
	return earlier->payload > 0 && earlier->seq < segment->seq + segment->payload &&
	       segment->seq < earlier->seq + earlier->payload;
}

/* The segment that this one repeats. */
static void find_before(struct timeline *timeline, struct segment *segment)
{
	for (uint32_t i = timeline->count; i-- > 0;) {
		struct timeline_entry *entry = &timeline->entries[i];

		if (entry->kind != TIMELINE_SEGMENT || !is_sent_again(&entry->segment, segment))
			continue;
		entry->segment.judged |= SEGMENT_SENT_AGAIN;
		segment->before_ns = entry->time_ns;
		return;
	}
}

void timeline_segment(struct timeline *timeline, struct segment *segment)
{
	struct timeline_entry entry = {.time_ns = segment->time_ns, .kind = TIMELINE_SEGMENT};

	if (segment->judged & SEGMENT_COPY && !timeline->rules->full)
		return;
	if (segment->judged & (SEGMENT_RESENT | SEGMENT_RESENT_PART))
		find_before(timeline, segment);
	entry.segment = *segment;
	append(timeline, &entry);
}

void timeline_call(struct timeline *timeline, const struct event *event)
{
	const struct timeline_entry entry = {.time_ns = event->time_ns, .kind = TIMELINE_CALL, .call = event->call};

	append(timeline, &entry);
}

void timeline_icmp(struct timeline *timeline, const struct event *event, enum wire_side side)
{
	const struct timeline_entry entry = {
		.time_ns = event->time_ns,
		.kind = TIMELINE_ICMP,
		.icmp = {.icmp = event->icmp, .side = (uint8_t)side},
	};

	append(timeline, &entry);
}

/* @to has @size bytes, more than three. */
static void shorten(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length < size) {
		memcpy(to, from, length + 1);
		return;
	}
	memcpy(to, from, size - 3);
	memcpy(to + size - 3, "..", 3);
}

struct timeline_message timeline_message_of(const struct message *message, enum wire_side side)
{
	struct timeline_message made = {.status = message->status, .kind = message->kind, .side = (uint8_t)side};

	shorten(made.method, sizeof(made.method), message->method);
	shorten(made.target, sizeof(made.target), message->target);
	shorten(made.host, sizeof(made.host), message->host);
	return made;
}

void timeline_message(struct timeline *timeline, const struct timeline_message *message, int64_t time_ns)
{
	const struct timeline_entry entry = {.time_ns = time_ns, .kind = TIMELINE_MESSAGE, .message = *message};

	append(timeline, &entry);
}

static void flip_fold(struct timeline_fold *fold)
{
	const struct timeline_fold before = *fold;

	for (int i = 0; i < WIRE_SIDES; i++) {
		fold->segments[i] = before.segments[wire_other((enum wire_side)i)];
		fold->bytes[i] = before.bytes[wire_other((enum wire_side)i)];
	}
}

static void flip_entry(struct timeline_entry *entry)
{
	switch (entry->kind) {
	case TIMELINE_SEGMENT:
		segment_flip(&entry->segment);
		break;
	case TIMELINE_ICMP:
		entry->icmp.side = (uint8_t)wire_other((enum wire_side)entry->icmp.side);
		break;
	case TIMELINE_MESSAGE:
		entry->message.side = (uint8_t)wire_other((enum wire_side)entry->message.side);
		break;
	case TIMELINE_FOLD:
		flip_fold(&entry->fold);
		break;
	default:
		break;
	}
}

void timeline_flip(struct timeline *timeline)
{
	uint8_t local = timeline->states.of[WIRE_LOCAL];

	timeline->states.of[WIRE_LOCAL] = timeline->states.of[WIRE_REMOTE];
	timeline->states.of[WIRE_REMOTE] = local;
	for (uint32_t i = 0; i < timeline->count; i++)
		flip_entry(&timeline->entries[i]);
	flip_fold(&timeline->unkept);
}

static struct timeline_entry unkept_entry(const struct timeline *timeline)
{
	return (struct timeline_entry){.time_ns = timeline->unkept_ns, .kind = TIMELINE_FOLD, .fold = timeline->unkept};
}

void timeline_join(struct timeline *timeline, struct timeline *other)
{
	const struct timeline_entry unkept = unkept_entry(other);

	timeline->states = other->states;
	if (other->unkept.forced)
		fold_unkept(timeline, &unkept);
	for (uint32_t i = 0; i < other->count; i++)
		append(timeline, &other->entries[i]);
	timeline_free(other);
}

/* With room for one more. */
static struct timeline *copy(const struct timeline *timeline)
{
	struct timeline *made = timeline_new(timeline->rules);

	made->states = timeline->states;
	made->unkept = timeline->unkept;
	made->unkept_ns = timeline->unkept_ns;
	made->count = timeline->count;
	made->room = timeline->count + 1;
	made->entries = xcalloc(made->room, sizeof(*made->entries));
	made->rules->bytes += made->room * sizeof(*made->entries);
	if (made->count > 0)
		memcpy(made->entries, timeline->entries, made->count * sizeof(*made->entries));
	return made;
}

struct timeline *timeline_folded(const struct timeline *timeline)
{
	struct timeline *made = copy(timeline);

	fold_plain(made, 0);
	if (made->unkept.forced) {
		uint32_t at = 0;

		while (at < made->count && made->entries[at].time_ns < made->unkept_ns)
			at++;
		memmove(&made->entries[at + 1], &made->entries[at], (made->count++ - at) * sizeof(*made->entries));
		made->entries[at] = unkept_entry(made);
	}
	return made;
}

struct timeline *timeline_copy(const struct timeline *timeline)
{
	struct timeline *made = copy(timeline);

	timeline_flip(made);
	for (uint32_t i = 0; i < made->count; i++)
		if (made->entries[i].kind == TIMELINE_SEGMENT)
			made->entries[i].segment.judged |= SEGMENT_REPORTED;
	return made;
}
