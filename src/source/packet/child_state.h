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
 * State of the packet process, for its own files only, from top to bottom: child.c opens, confines and reads,
 * child_files.c reads savefiles, child_frames.c makes events of frames, child_publish.c passes them to the main
 * process.
 */

/** Maximum number of waiting events of an interface. */
#define CHILD_STAGE_SLOTS 8192

/** The longest time between two signs of life of the packet process. */
#define CHILD_IDLE_MS 500

struct child;

/** Connections whose process is remembered as reported. */
#define CHILD_NAMED 4096

/**
 * struct child_named - a connection whose process was reported
 * @hash: flow_hash() of the connection
 * @pid: the process, 0 none
 */
struct child_named {
	uint32_t hash;
	int32_t pid;
};

/**
 * struct child_input - one interface, or all savefiles
 * @capture: the interface
 * @child: the packet process
 * @staged: a ring of events that wait to be put in order with those of the others; NULL: there is one input
 *	    only
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
 * @config: its configuration
 * @shared: memory shared with the main process
 * @ring: the writing end of the events
 * @inputs: sources of frames
 * @frames: the writing end of the frames for a file; without a ring none are wanted
 * @answer: where an answer of DNS may be in the latest frame; nothing: none, or names are not wanted
 * @piece: the frame of the piece that was fed to @fragments last, until the first event of it; else NULL
 * @named: processes that savefiles tell, by the hash of the connection
 * @fragments: pieces of datagrams
 * @stream: directions that carry HTTP or TLS; NULL when messages are not wanted
 * @input_count: of @inputs
 * @results: frames, by enum dissect_result
 * @tcp: frames that carry TCP
 * @left: of them, those that are no event, by enum packet_left
 * @looked: frames that were searched for hidden segments
 * @taken: frames that were accepted, when their number is limited
 * @lost_unsaid: events that found the ring full and have not been reported
 * @checked_ns: when (monotonic) drops of the kernel and the usage of this process were last read
 * @last_ns: time of the latest frame
 * @other_ns: of a savefile: time of the latest frame that is no event
 * @passed_ns: the time up to which that was reported
 * @wake_every: the reader is woken when this many events wait
 * @live: packets do not wait for room
 * @is_urgent: the reader has to see unpublished events at once, however few
 * @draining: waiting packets are read, then it ends
 */
struct child {
	const struct child_config *config;
	struct child_shared *shared;
	struct ring_end ring;
	struct frame_ring_end frames;
	struct span answer;
	const struct dissect_record *piece;
	struct child_named named[CHILD_NAMED];
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

/** child_publish() - show the reader all committed events, and wake it when @worth events wait */
void child_publish(struct child *child, uint64_t worth);

/** child_publish_frames() - show the reader the counts of frames */
void child_publish_frames(struct child *child);

/** child_publish_counts() - show the reader the counts of frames, and the processor time and memory of this process */
void child_publish_counts(struct child *child);

/** child_wake_reader() - wake the main process */
void child_wake_reader(struct child *child);

/** child_wait_for() - wait for an order, for @interfaces also for a packet, at most @timeout_ms; exits if main has */
void child_wait_for(struct child *child, bool interfaces, int timeout_ms);

/** child_finish() - show the reader everything and the final @state, then exit */
void child_finish(struct child *child, enum child_state state);

/** child_ask_filter() - wait until the main process has put the filters for frames of @link_type into shared memory */
void child_ask_filter(struct child *child, int link_type);

/** child_files_open() - savefile @which, while it may be opened; Return: a descriptor or a negative errno */
int child_files_open(const struct child_config *config, size_t which, struct err *err);

/** child_files_read() - all savefiles to their ends; Return: 0 or the negative errno of the first that failed */
int child_files_read(struct child *child, const int *fds, struct err *err);

/** child_wait_for_room() - the ring is full: wait for the reader; Return: the place of the next event */
struct event *child_wait_for_room(struct child *child);

/** child_wait_for_frame_room() - the ring of frames for a file is full, and starved: wait for the reader to make room
 */
void child_wait_for_frame_room(struct child *child);

/** child_frames_function() - the function to be called for each frame of @input, with @input as context */
capture_function child_frames_function(const struct child_input *input);

/** child_frames_rejected() - a frame that the filter rejected; @context: as for child_frames_function() */
void child_frames_rejected(void *context, const struct dissect_record *record);

/** child_frames_hidden() - a frame gave no segment: search it for hidden ones, while no other frame has given one */
void child_frames_hidden(struct child *child, const struct dissect_record *record);

/** child_frames_are_all() - whether the limit of accepted frames is reached */
bool child_frames_are_all(const struct child *child);

/** child_frames_merge() - put the staged events up to @horizon_ns into the ring, oldest first */
void child_frames_merge(struct child *child, int64_t horizon_ns);

/** child_frames_end() - no more frames come: report what was held back */
void child_frames_end(struct child *child);

/**
 * child_frames_lose() - report that @count packets were lost, enum lost_where; dropped when there is no room for that
 */
void child_frames_lose(struct child *child, enum lost_where where, int64_t count, int64_t time_ns);

/** child_frames_lose_unsaid() - report the events that found the ring full, as soon as there is room */
void child_frames_lose_unsaid(struct child *child);

#endif
