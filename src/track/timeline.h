/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_TIMELINE_H
#define CONNTRACE_TRACK_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/message.h"
#include "track/segment.h"

/** enum timeline_kind - kind of an entry */
enum timeline_kind {
	TIMELINE_SEGMENT,
	/** the program's call */
	TIMELINE_CALL,
	/** an ICMP error about a segment of it */
	TIMELINE_ICMP,
	/** a message of an application in the segments up to here */
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
 * @forced: folded for lack of room; else because none of them was remarkable
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
 * @side: enum wire_side: the sender of the segment that it is about
 */
struct timeline_icmp {
	struct event_icmp icmp;
	uint8_t side;
};

/**
 * struct timeline_message - the head of a message, limited to a line
 *
 * The texts are untrusted bytes, as in struct message; "" is unknown, and a truncated one ends in "..".
 *
 * @status: of an HTTP response
 * @kind: enum message_kind
 * @side: enum wire_side: its sender
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
 * struct timeline_entry - an event of a connection
 * @time_ns: when; of a fold, when its first entry did
 * @kind: enum timeline_kind, which selects the valid member
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
 * @full: keep each segment, not only remarkable ones
 * @context: plain segments kept around each remarkable one
 * @bytes: memory in use by all of them
 * @limit: limit of @bytes
 */
struct timeline_rules {
	bool full;
	unsigned int context;
	size_t bytes;
	size_t limit;
};

/** Default memory limit for all time lines of a run. */
#define TIMELINE_BYTES ((size_t)128 << 20)

/**
 * struct timeline - the calls and segments of a connection, ordered by time
 *
 * Plain segments are folded when no later segment can make them remarkable, so memory grows with events and not with
 * traffic. When that is still too much, the middle is folded.
 *
 * @states: of both ends now
 * @headed: for reports that print entries as they come: the connection's header has been printed
 * @count: number of @entries
 * @entries: the entries
 * @unkept: entries that came while the memory of all time lines had no room for even one; forced unless there are none
 * @unkept_ns: time of the first of these
 */
struct timeline {
	struct timeline_rules *rules;
	struct timeline_entry *entries;
	uint32_t count;
	uint32_t room;
	struct tcp_states states;
	bool headed;
	struct timeline_fold unkept;
	int64_t unkept_ns;
};

/** timeline_new() - an empty one; @rules must outlive it */
struct timeline *timeline_new(struct timeline_rules *rules);

/** timeline_free() - NULL is fine */
void timeline_free(struct timeline *timeline);

/** timeline_clear() - drop the entries, keep the states */
void timeline_clear(struct timeline *timeline);

/**
 * timeline_segment() - a segment passed
 * @timeline: of its connection
 * @segment: before_ns is filled in, if the segment that it repeats is still kept
 */
void timeline_segment(struct timeline *timeline, struct segment *segment);

/** timeline_call() - the program made a call */
void timeline_call(struct timeline *timeline, const struct event *event);

/** timeline_icmp() - an ICMP error about a segment of @side came */
void timeline_icmp(struct timeline *timeline, const struct event *event, enum wire_side side);

/** timeline_message_of() - the part of a @message of @side that fits in a line */
struct timeline_message timeline_message_of(const struct message *message, enum wire_side side);

/** timeline_message() - an application sent a message */
void timeline_message(struct timeline *timeline, const struct timeline_message *message, int64_t time_ns);

/** timeline_flip() - let the sides change places */
void timeline_flip(struct timeline *timeline);

/** timeline_join() - move the entries of @other, which is freed */
void timeline_join(struct timeline *timeline, struct timeline *other);

/** timeline_is_empty() - whether nothing happened; true for NULL */
bool timeline_is_empty(const struct timeline *timeline);

/** timeline_unkept() - segments and calls of which nothing is left but their number; 0 for NULL */
uint64_t timeline_unkept(const struct timeline *timeline);

/** timeline_folded() - a copy with all plain segments folded, for printing; @unkept is a fold in it */
struct timeline *timeline_folded(const struct timeline *timeline);

/** timeline_copy() - a copy as seen from the other end; its segments are SEGMENT_REPORTED */
struct timeline *timeline_copy(const struct timeline *timeline);

#endif
