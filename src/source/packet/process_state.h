/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_PROCESS_STATE_H
#define CONNTRACE_SOURCE_PACKET_PROCESS_STATE_H

#include "source/packet/child.h"
#include "source/packet/dissect.h"
#include "source/packet/heartbeat.h"
#include "source/packet/interface_drops.h"
#include "source/packet/process.h"
#include "source/packet/savefile_set.h"

/* State of the side of the main process, for process.c and process_stats.c only. */

struct packet {
	struct packet_config config;
	struct child_shared *shared;
	size_t shared_size;
	struct ring_end ring;
	struct frame_ring_end frames;
	void (*on_event)(void *context, const struct event *event);
	void *on_event_context;
	int control_fd;
	int wake_fd;
	int kill_fd; /* see confine_leash() */
	int pid_fd;
	struct savefile_set files;
	pid_t pid;
	struct interface_drops interface_drops;
	bool draining;
	bool warned;   /* the message of a lost interface was reported */
	bool gone;     /* end of file on the wake pipe */
	bool reported; /* the last message was reported; only SOURCE_END is left */
	bool lost;     /* packets may pass unseen, and an event has reported it */
	bool given_up; /* with the message in failure */
	struct err failure;
	struct heartbeat heartbeat;
};

/** process_order() - write into the control pipe of the packet process */
void process_order(struct packet *packet, enum child_order what);

/** process_refuse() - the packet process left invalid data: it is ended, and the next packet_next() says so */
void process_refuse(struct packet *packet);

#endif
