// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/frames.h"

#include <errno.h>
#include <string.h>

#include "base/xalloc.h"
#include "source/packet/capture.h"
#include "source/packet/child.h"

struct frames *frames_add(struct frames **list, int link_type)
{
	struct frames *frames = xcalloc(1, sizeof(*frames));

	frames->link_type = link_type;
	frames->next = *list;
	*list = frames;
	return frames;
}

void frames_copy(struct frames *frames, const struct bpf_insn *instructions, uint32_t length)
{
	struct bpf_program *program = &frames->programs[frames->count++];

	program->bf_len = length;
	program->bf_insns = xreallocarray(NULL, length, sizeof(*instructions));
	memcpy(program->bf_insns, instructions, length * sizeof(*instructions));
}

int frames_compile(struct frames *frames, const struct packet_config *config, int link_type, struct err *err)
{
	for (size_t i = 0; i < config->frame_filter_count; i++) {
		struct bpf_program *program = &frames->programs[i];
		int got = capture_compile(program, config->frame_filters[i], link_type, true, err);

		if (got == 0 && program->bf_len > CHILD_FILTER_MAX)
			got = err_set(err, E2BIG, "filter \"%s\" is too long: %u instructions, %d are allowed",
				      config->frame_filters[i], program->bf_len, CHILD_FILTER_MAX);
		if (got < 0)
			return got;
		frames->count = i + 1;
	}
	return 0;
}

void frames_event(struct event *event, const struct frames *frames, const struct dissect_record *record,
		  bool is_segment)
{
	const struct pcap_pkthdr header = {.caplen = record->caplen, .len = record->length};
	uint8_t options[EVENT_OPTIONS];

	memcpy(options, event->frame.options, sizeof(options));
	*event = event_new(EVENT_FRAME, ORIGIN_WIRE, record->time_ns);
	memcpy(event->frame.options, options, sizeof(options));
	event->frame.length = is_segment ? 0 : record->length;
	while (frames != NULL && frames->link_type != record->link_type)
		frames = frames->next;
	for (size_t i = 0; frames != NULL && i < frames->count; i++)
		if (pcap_offline_filter(&frames->programs[i], &header, record->data) != 0)
			event->frame.filters |= UINT32_C(1) << i;
}
