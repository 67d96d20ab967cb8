/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_FRAMES_H
#define CONNTRACE_SOURCE_PACKET_FRAMES_H

#include <pcap/pcap.h>
#include <stdint.h>

#include "source/packet/dissect.h"
#include "source/packet/process.h"

/**
 * struct frames - the filters whose result is reported of each frame of a link type
 * @next: those of another link type, or NULL
 * @link_type: DLT_*
 * @programs: compiled
 * @count: their number
 */
struct frames {
	struct frames *next;
	int link_type;
	struct bpf_program programs[PACKET_FRAME_FILTERS];
	size_t count;
};

/** frames_add() - an empty struct frames for a link type, in front of a list */
struct frames *frames_add(struct frames **list, int link_type);

/** frames_copy() - add one more filter, whose instructions are copied */
void frames_copy(struct frames *frames, const struct bpf_insn *instructions, uint32_t length);

/**
 * frames_compile() - compile those of @config, for a link type
 *
 * Return: 0, or a negative errno with the message in @err; the programs up to there are to be freed.
 */
int frames_compile(struct frames *frames, const struct packet_config *config, int link_type, struct err *err);

/**
 * frames_event() - what is reported of a frame besides its segment
 * @event: set to an EVENT_FRAME; frame.options is unchanged
 * @frames: the list of filters, which contains those for the frame's link type
 * @record: the frame
 * @is_segment: the event of its segment follows
 *
 * Pure, and the filters are the kernel's own language, which can neither loop nor reach outside of the frame.
 */
void frames_event(struct event *event, const struct frames *frames, const struct dissect_record *record,
		  bool is_segment);

#endif
