/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_CHILD_STATE_H
#define CONNTRACE_SOURCE_PACKET_CHILD_STATE_H

#include "source/packet/capture.h"
#include "source/packet/child.h"
#include "source/packet/dissect.h"
#include "source/packet/fragments.h"
#include "source/packet/frames.h"
#include "source/packet/ring.h"
#include "source/packet/stream.h"

/*
 * What the packet process knows, for its own files only: child.c opens, confines
 * and reads, child_frames.c makes events of what was read.
 */

/** Events of an interface that may wait. */
#define CHILD_STAGE_SLOTS 8192

struct child;

/**
 * struct child_input - one interface, or all savefiles
 * @capture: the interface
 * @child: whose
 * @staged: a ring of events that wait to be put in order with those of the others; NULL: it is alone
 * @frames: filters of the frames that are reported one by one, by link type
 * @first: of @staged
 * @count: of @staged
 * @number: of the interface; those of a savefile are added
 */
struct child_input {
	struct capture *capture;
	struct child *child;
	struct event *staged;
	struct frames *frames;
	uint32_t first;
	uint32_t count;
	uint16_t number;
};

/**
 * struct child - the packet process
 * @config: what it was made for
 * @shared: memory it has in common with the main process
 * @ring: the writing end of the events
 * @inputs: where frames come from
 * @fragments: pieces of datagrams
 * @stream: directions that speak HTTP or TLS; NULL when nobody asks what they say
 * @input_count: of @inputs
 * @results: frames, by what became of them
 * @tcp: frames that carry TCP
 * @left: of them, those that are no event, by enum packet_left
 * @looked: frames that were looked at for hidden segments
 * @taken: frames that were taken in, when there is an end to them
 * @lost_unsaid: events that found the ring full and have not been told of
 * @checked_ns: when, by the monotonic clock, the kernel was asked for what it dropped, and what this process took
 * @last_ns: time of the latest frame
 * @other_ns: of a savefile: time of the latest frame that is no event
 * @passed_ns: up to when that has been told
 * @wake_every: the reader is woken when so many events wait
 * @live: nobody waits for room
 * @is_urgent: the reader has to see what is unpublished at once, however little it is
 * @draining: what is there is read, then it ends
 */
struct child {
	const struct child_config *config;
	struct child_shared *shared;
	struct ring_end ring;
	struct child_input inputs[PACKET_INTERFACES];
	struct fragments *fragments;
	struct stream *stream;
	size_t input_count;
	uint64_t results[DISSECT_RESULT_NUM];
	uint64_t tcp;
	uint64_t left[PACKET_LEFT_NUM];
	uint64_t looked;
	uint64_t taken;
	uint64_t lost_unsaid;
	int64_t checked_ns;
	int64_t last_ns;
	int64_t other_ns;
	int64_t passed_ns;
	uint32_t wake_every;
	bool live;
	bool is_urgent;
	bool draining;
};

/** child_publish() - let the reader see what there is, and wake it when @worth events wait */
void child_publish(struct child *child, uint64_t worth);

/** child_publish_counts() - let the reader see the accounts */
void child_publish_counts(struct child *child);

/** child_ask_filter() - wait until the main process has put the filters for frames of @link_type into shared memory */
void child_ask_filter(struct child *child, int link_type);

/** child_files_open() - savefile @which, while it may be opened; Return: a descriptor or a negative errno */
int child_files_open(const struct child_config *config, size_t which, struct err *err);

/** child_files_read() - all savefiles to their ends; Return: 0 or the negative errno of the first that failed */
int child_files_read(struct child *child, const int *fds, struct err *err);

/** child_wait_for_room() - the ring is full: wait for the reader; Return: where the next event may be written */
struct event *child_wait_for_room(struct child *child);

/** child_frames_function() - what is to be called for each frame of @input, with it as context */
capture_function child_frames_function(const struct child_input *input);

/** child_frames_rejected() - a frame that the filter did not let pass; @context: as for child_frames_function() */
void child_frames_rejected(void *context, const struct dissect_record *record);

/** child_frames_hidden() - a frame gave no segment: look what hides in it, while no other has given one */
void child_frames_hidden(struct child *child, const struct dissect_record *record);

/** child_frames_are_all() - have as many been taken in as there shall be? */
bool child_frames_are_all(const struct child *child);

/** child_frames_merge() - put the staged events up to @horizon_ns into the ring, oldest first */
void child_frames_merge(struct child *child, int64_t horizon_ns);

/** child_frames_end() - no more will come: what was held back is told */
void child_frames_end(struct child *child);

/** child_frames_lose() - tell that @count packets were lost, enum lost_where; not when there is no room for that */
void child_frames_lose(struct child *child, enum lost_where where, int64_t count, int64_t time_ns);

/** child_frames_lose_unsaid() - tell of the events that found the ring full, as soon as there is room */
void child_frames_lose_unsaid(struct child *child);

#endif
