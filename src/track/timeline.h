/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_TIMELINE_H
#define CONNTRACE_TRACK_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/message.h"
#include "track/segment.h"

/** enum timeline_kind - what an entry is */
enum timeline_kind {
	TIMELINE_SEGMENT,
	/** the program's call */
	TIMELINE_CALL,
	/** an ICMP error about a segment of it */
	TIMELINE_ICMP,
	/** what an application said in the segments up to here */
	TIMELINE_MESSAGE,
	/** several entries that are only counted */
	TIMELINE_FOLD,
	TIMELINE_KIND_NUM
};

/**
 * struct timeline_fold - entries that are only counted
 * @segments: by enum wire_side
 * @bytes: their payload, likewise
 * @last_ns: time of the last one
 * @calls: calls among them
 * @forced: there was no room for more; else nothing stood out in them
 */
struct timeline_fold {
	uint64_t segments[WIRE_SIDES];
	uint64_t bytes[WIRE_SIDES];
	int64_t last_ns;
	uint32_t calls;
	bool forced;
};

/**
 * struct timeline_icmp - an ICMP error
 * @icmp: the error
 * @side: enum wire_side: who sent the segment that it is about
 */
struct timeline_icmp {
	struct event_icmp icmp;
	uint8_t side;
};

/**
 * struct timeline_message - the head of a message, as much of it as a line has room for
 *
 * The texts are foreign bytes, as in struct message; "" is unknown, and a long one ends in "..".
 *
 * @status: of an HTTP response
 * @kind: enum message_kind
 * @side: enum wire_side: who said it
 * @method: of an HTTP request
 * @target: likewise
 * @host: as in struct message
 */
struct timeline_message {
	uint16_t status;
	uint8_t kind;
	uint8_t side;
	char method[12];
	char target[56];
	char host[44];
};

/**
 * struct timeline_entry - what happened
 * @time_ns: when; of a fold, when its first entry did
 * @kind: enum timeline_kind, and so which member counts
 */
struct timeline_entry {
	int64_t time_ns;
	uint8_t kind;
	union {
		struct segment segment;
		struct event_call call;
		struct timeline_icmp icmp;
		struct timeline_message message;
		struct timeline_fold fold;
	};
};

/**
 * struct timeline_rules - how all time lines of a run are kept
 * @full: keep each segment, not only those that stand out
 * @context: plain segments kept around each one that stands out
 * @bytes: what all of them take now
 * @limit: what they may take
 */
struct timeline_rules {
	bool full;
	unsigned int context;
	size_t bytes;
	size_t limit;
};

/** What all time lines of a run may take unless asked otherwise. */
#define TIMELINE_BYTES ((size_t)128 << 20)

/**
 * struct timeline - the calls and segments of a connection, in the order of time
 *
 * Plain segments are folded when they are old enough that none after them can
 * make them stand out, so memory goes with what happened and not with what was
 * carried; and where even that is too much, the middle is folded.
 *
 * @states: of both ends now
 * @headed: for who prints entries as they come: it has been said which connection it is
 * @count: entries there are
 * @entries: the entries
 */
struct timeline {
	struct timeline_rules *rules;
	struct timeline_entry *entries;
	uint32_t count;
	uint32_t room;
	struct tcp_states states;
	bool headed;
};

/** timeline_new() - an empty one; @rules must outlive it */
struct timeline *timeline_new(struct timeline_rules *rules);

/** timeline_free() - NULL is fine */
void timeline_free(struct timeline *timeline);

/** timeline_clear() - forget what happened, but not the states */
void timeline_clear(struct timeline *timeline);

/**
 * timeline_segment() - a segment passed
 * @timeline: of its connection
 * @segment: before_ns is filled in, if the one it repeats is still there
 */
void timeline_segment(struct timeline *timeline, struct segment *segment);

/** timeline_call() - the program made a call */
void timeline_call(struct timeline *timeline, const struct event *event);

/** timeline_icmp() - an ICMP error came about a segment of @side */
void timeline_icmp(struct timeline *timeline, const struct event *event, enum wire_side side);

/** timeline_message_of() - what a line has room for of a @message of @side */
struct timeline_message timeline_message_of(const struct message *message, enum wire_side side);

/** timeline_message() - an application said something */
void timeline_message(struct timeline *timeline, const struct timeline_message *message, int64_t time_ns);

/** timeline_flip() - let the sides change places */
void timeline_flip(struct timeline *timeline);

/** timeline_join() - take what @other has, which is freed */
void timeline_join(struct timeline *timeline, struct timeline *other);

/** timeline_folded() - a copy in which nothing plain is left, for printing */
struct timeline *timeline_folded(const struct timeline *timeline);

/** timeline_copy() - the same seen from the other end; its segments are SEGMENT_REPORTED */
struct timeline *timeline_copy(const struct timeline *timeline);

/** timeline_stands_out() - is the entry more than plain data and its acknowledgement? */
bool timeline_stands_out(const struct timeline_entry *entry);

#endif
