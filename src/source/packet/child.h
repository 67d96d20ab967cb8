/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_CHILD_H
#define CONNTRACE_SOURCE_PACKET_CHILD_H

#include <pcap/pcap.h>
#include <stdatomic.h>
#include <stdint.h>

#include "system/confine.h"
#include "source/packet/frame_ring.h"
#include "source/packet/process.h"
#include "source/packet/ring.h"

/* Shared by process.c, in the main process, and child.c, in the packet process. */

/** The longest filter program the kernel takes (BPF_MAXINSNS of linux/bpf_common.h). */
#define CHILD_FILTER_MAX 4096

/** enum child_state - state of the packet process */
enum child_state {
	CHILD_STARTING,
	/** the head of the savefile is read: link_type is set, the filter is awaited */
	CHILD_LINK,
	/** frames are being read */
	CHILD_READY,
	/** ended by itself: no more events come */
	CHILD_DONE,
	/** ended by an error given in error and text */
	CHILD_FAILED,
};

/** enum child_order - bytes the main process writes into the control pipe; its end is an order to end */
enum child_order {
	/** the filter is in filter */
	CHILD_GO = 'g',
	/** there is room in the ring again */
	CHILD_ROOM = 'r',
	/** read what the kernel has, and end */
	CHILD_DRAIN = 'd',
};

/**
 * struct child_shared - memory of both processes
 * @state: enum child_state
 * @beat: increases while the packet process works, or waits for packets
 * @pauses: it waits for a stream that may pause for any time
 * @stop: set by the main process to end a savefile early
 * @warned: text and error hold the message of an interface that is lost while others continue
 * @error: errno, with CHILD_FAILED or @warned
 * @link_type: with CHILD_LINK
 * @text: the message
 * @frames: by enum dissect_result
 * @tcp: see struct packet_stats
 * @left: see struct packet_stats
 * @kernel_drops: see struct packet_stats
 * @queue_drops: see struct packet_stats
 * @disordered: see struct packet_stats
 * @timeless: see struct packet_stats
 * @hidden: see struct packet_stats
 * @cpu_ns: see struct packet_stats
 * @peak_bytes: see struct packet_stats
 * @frame_drops: see struct packet_stats
 * @interface_kernel_drops: see packet_interface_drops()
 * @filter_length: instructions in @filter, 0 for no filter
 * @filter: compiled by the main process, because compiling may look up names
 * @frame_filter_lengths: instructions in each of @frame_filters
 * @frame_filters: like @filter, those of struct packet_config
 * @ring: the events
 */
struct child_shared {
	_Atomic uint32_t state;
	_Atomic uint32_t beat;
	_Atomic uint32_t pauses;
	_Atomic uint32_t stop;
	_Atomic uint32_t warned;
	int32_t error;
	int32_t link_type;
	char text[sizeof(((struct err *)NULL)->text)];
	_Atomic uint64_t frames[4];
	_Atomic uint64_t tcp;
	_Atomic uint64_t left[PACKET_LEFT_NUM];
	_Atomic uint64_t kernel_drops;
	_Atomic uint64_t queue_drops;
	_Atomic uint64_t disordered;
	_Atomic uint64_t timeless;
	_Atomic uint64_t hidden[PACKET_HIDDEN_NUM];
	_Atomic int64_t cpu_ns;
	_Atomic int64_t peak_bytes;
	_Atomic uint64_t frame_drops;
	_Atomic uint64_t interface_kernel_drops[PACKET_INTERFACES];
	uint32_t filter_length;
	struct bpf_insn filter[CHILD_FILTER_MAX];
	uint32_t frame_filter_lengths[PACKET_FRAME_FILTERS];
	struct bpf_insn frame_filters[PACKET_FRAME_FILTERS][CHILD_FILTER_MAX];
	struct ring ring;
};

/**
 * struct child_config - configuration of the packet process
 * @packet: what to read
 * @confine: its user and limits
 * @shared: the shared memory
 * @slots: of the ring
 * @frame_ring: frames for a file, NULL: none are wanted
 * @frame_room: bytes of that ring
 * @control_fd: orders come from here
 * @kill_fd: kept open for its owner, see confine_leash()
 * @wake_fd: a byte here wakes the main process; closed by the end of the process
 * @file_fds: of each savefile that is a regular file and can be opened, else -1
 * @deferred: a savefile is a stream that may pause: show all events before each wait
 */
struct child_config {
	const struct packet_config *packet;
	struct confine_config confine;
	struct child_shared *shared;
	uint64_t slots;
	struct frame_ring *frame_ring;
	uint64_t frame_room;
	int control_fd;
	int kill_fd;
	int wake_fd;
	const int *file_fds;
	bool deferred;
};

/** child_run() - be the packet process */
void child_run(const struct child_config *config) __attribute__((noreturn));

#endif
