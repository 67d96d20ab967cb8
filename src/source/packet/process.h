/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_PROCESS_H
#define CONNTRACE_SOURCE_PACKET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/queue.h"
#include "model/event.h"
#include "model/message.h"
#include "source/packet/frame_ring.h"
#include "source/source.h"

struct source_ops;

/** More interfaces than this are refused. */
#define PACKET_INTERFACES 16

/** More savefiles than this are refused. */
#define PACKET_SAVEFILES 256

/** Expressions that are tried in order, see struct packet_config. */
#define PACKET_NARROW 2

/** Filters whose result can be reported of each frame: one bit each in struct event_frame. */
#define PACKET_FRAME_FILTERS 32

/** Number of frames without a segment that are searched for hidden ones, while none was seen. */
#define PACKET_HIDDEN_LOOKED 10000

/**
 * enum packet_hidden - where TCP segments were that a packet filter, or the lack of --decapsulate, has hidden; from
 * PACKET_HIDDEN_GTP on, where they may have been
 */
enum packet_hidden {
	PACKET_HIDDEN_VLAN,
	PACKET_HIDDEN_QINQ,
	PACKET_HIDDEN_MPLS,
	PACKET_HIDDEN_PPPOE,
	PACKET_HIDDEN_IPIP,
	PACKET_HIDDEN_GRE,
	PACKET_HIDDEN_VXLAN,
	PACKET_HIDDEN_GENEVE,
	PACKET_HIDDEN_GTP,
	PACKET_HIDDEN_L2TP,
	PACKET_HIDDEN_ESP,
	PACKET_HIDDEN_WIREGUARD,
	PACKET_HIDDEN_TEREDO,
	PACKET_HIDDEN_ETHERIP,
	PACKET_HIDDEN_VXLAN_GPE,
	PACKET_HIDDEN_MPLS_IP,
	PACKET_HIDDEN_NUM
};

/**
 * struct packet_config - what to read
 * @interfaces: names, or "any"; exclusive with @savefiles
 * @interface_count: their number, up to PACKET_INTERFACES
 * @savefiles: of any format, compressed or not, "-" for standard input; read as one in order of time
 * @savefile_count: their number, up to PACKET_SAVEFILES
 * @filter: pcap-filter(7) expression for all of them, or NULL
 * @narrow: of interfaces, further expressions, of which the first that can be compiled for the link type
 *	    must match too; NULL or shorter lists end with NULL
 * @promisc: capture frames for other hosts too
 * @snaplen: bytes of each frame, 0 for what a TCP header needs
 * @buffer_kib: kernel buffer of each interface, 0 for the default
 * @decapsulate: enum dissect_tunnel, wrappings to remove
 * @frames: report an EVENT_FRAME for each TCP segment
 * @other_frames: and for each frame that has no other event
 * @frame_filters: pcap-filter(7) expressions whose result is in it
 * @frame_filter_count: their number, up to PACKET_FRAME_FILTERS
 * @packets: end after this number of frames, 0 for no end
 * @batch: number of events of a savefile per packet_read(), 0 for a fast default
 * @batch_seed: not 0: from 1 to @batch of them, at random with this seed
 * @flow_key: events get the flow_hash() under it
 * @messages: report messages of applications
 * @names: report the names that answers of DNS give for addresses
 * @fields: header fields of HTTP messages to report; NULL for none. Must live as long as the packet process
 * @keeps_frames: keep the frames of connections for packet_frame()
 * @drop_to: user that the packet process becomes when it starts as root; NULL: see confine_find_user()
 */
struct packet_config {
	const char *const *interfaces;
	size_t interface_count;
	const char *const *savefiles;
	size_t savefile_count;
	const char *filter;
	const char *narrow[PACKET_NARROW];
	bool promisc;
	int snaplen;
	int buffer_kib;
	uint8_t decapsulate;
	bool frames;
	bool other_frames;
	const char *const *frame_filters;
	size_t frame_filter_count;
	uint64_t packets;
	uint32_t batch;
	uint32_t batch_seed;
	struct hash_key flow_key;
	bool messages;
	bool names;
	const struct message_names *fields;
	bool keeps_frames;
	const char *drop_to;
};

/** enum packet_left - why a frame that carries TCP is no event */
enum packet_left {
	/** a fragment, without the piece that has the ports */
	PACKET_LEFT_FRAGMENT,
	/** its TCP header is cut or invalid */
	PACKET_LEFT_MALFORMED,
	/** it is in a tunnel that is not to be removed */
	PACKET_LEFT_TUNNEL,
	/** the filter rejected it; of savefiles only, elsewhere the kernel filters */
	PACKET_LEFT_FILTERED,
	PACKET_LEFT_NUM
};

/**
 * struct packet_stats - the statistics of the packet process up to now
 * @frames: frames read
 * @events: of them TCP segments, or ICMP errors about some
 * @other: of them something else
 * @fragments: of them later IP fragments of TCP segments
 * @malformed: of them cut or invalid
 * @tcp: frames that carry TCP, as far as can be determined; in a savefile those that the filter rejects, too
 * @left: by enum packet_left, those of @tcp that are no event
 * @kernel_drops: frames the kernel had no room for
 * @interface_drops: frames the network card had no room for, of the captured interfaces
 * @queue_drops: events that found the ring to this process full
 * @disordered: frames of savefiles that came after newer ones
 * @timeless: frames of savefiles without a time, or with one outside the range (before 1970, after 2254)
 * @hidden: by enum packet_hidden, of frames that gave no segment, while no segment was seen at all
 * @frame_drops: frames of connections without room in the ring of frames, or in pieces before the one with the ports
 * @cpu_ns: CPU time it took
 * @peak_bytes: peak resident memory of the packet process, shared memory included; 0 not known yet
 */
struct packet_stats {
	uint64_t frames;
	uint64_t events;
	uint64_t other;
	uint64_t fragments;
	uint64_t malformed;
	uint64_t tcp;
	uint64_t left[PACKET_LEFT_NUM];
	uint64_t kernel_drops;
	uint64_t interface_drops;
	uint64_t queue_drops;
	uint64_t disordered;
	uint64_t timeless;
	uint64_t hidden[PACKET_HIDDEN_NUM];
	uint64_t frame_drops;
	int64_t cpu_ns;
	int64_t peak_bytes;
};

/**
 * struct packet - the source of EVENT_SEGMENT, EVENT_ICMP and EVENT_LOST
 *
 * Packets and savefiles are untrusted, so a separate process reads them. It opens what it needs, then drops all other
 * rights (confine.h) before it reads the first byte, and reports through shared memory (ring.h). The verbs are those of
 * source/source.h.
 */
struct packet;

/**
 * packet_open() - start the packet process
 * @packet: set on success
 * @config: is copied, except for what its pointers refer to, which must live as long
 * @err: the message
 *
 * To be called before the program has threads, because it forks. Returns when the packet process captures, or has read
 * the head of the savefile; a pipe may fail later, in packet_read().
 */
int packet_open(struct packet **packet, const struct packet_config *config, struct err *err);

/** packet_source - the packet process in the loop of a run */
extern const struct source_ops packet_source;

/**
 * packet_fd() - see source/source.h; readable after packet_read() returned 0 and something arrived, or the process
 * ended
 */
int packet_fd(const struct packet *packet);

/**
 * packet_sleep() - the caller is about to wait for packet_fd()
 * @packet: the source
 * @has_patience: it will check by itself soon, so that only a SYN, or very many events, wake it
 *
 * Each wakeup costs more than a few events. Return: false when there is something to read first.
 */
bool packet_sleep(struct packet *packet, bool has_patience);

/**
 * packet_next() - the next event
 * @packet: the source
 * @event: filled as far as event_size() of its type goes, on 1
 * @err: on failure
 *
 * Return: 1, 0 for none now, SOURCE_END, or a negative errno: the packet process failed or hangs, an interface went
 * away, the savefile is damaged. Each such failure is reported once, after the events before it. The caller then
 * continues to call: the other interfaces may have more, and otherwise SOURCE_END is returned.
 */
int packet_next(struct packet *packet, struct event *event, struct err *err);

/**
 * packet_on_event() - make packet_read() pass each event to a function, before anything holds it back
 * @packet: the source
 * @function: called with @context and an EVENT_SEGMENT or EVENT_ICMP
 * @context: passed on
 */
void packet_on_event(struct packet *packet, void (*function)(void *context, const struct event *event), void *context);

/** packet_read() - see source/source.h: packet_next() into a queue, a bounded number of times */
int packet_read(struct packet *packet, struct queue *events, struct err *err);

/**
 * packet_drain() - end the capture: packets that the kernel has captured already are still delivered
 *
 * Afterwards packet_read() must be called until it returns SOURCE_END; that takes no longer than reading the kernel's
 * buffer once. A savefile ends at its current position.
 */
void packet_drain(struct packet *packet);

/** packet_abandon() - its time to end is over: packets are lost, as packet_read() will report */
void packet_abandon(struct packet *packet);

/**
 * packet_frame() - the oldest frame of a connection that is kept, with packet_config.keeps_frames
 * @packet: the source
 * @head: set on true
 * @data: set on true: its bytes, untrusted, valid until packet_frame_drop()
 *
 * The event of a frame comes with or after it. Return: false when there is none, or the packet process failed.
 */
bool packet_frame(struct packet *packet, struct frame_head *head, const uint8_t **data);

/** packet_frame_drop() - the frame that packet_frame() gave is not needed any more */
void packet_frame_drop(struct packet *packet, const struct frame_head *head);

/** packet_frames_press() - whether the frames that are kept take so much room that the oldest should be dropped */
bool packet_frames_press(const struct packet *packet);

/** packet_interface_drops() - frames of the @number-th interface that the kernel had no room for */
uint64_t packet_interface_drops(const struct packet *packet, size_t number);

/** packet_stats() - the statistics up to now */
void packet_stats(const struct packet *packet, struct packet_stats *stats);

/**
 * packet_offset() - how far a savefile has been read
 * @size: set to its size in bytes
 *
 * Return: bytes, -1 when it is no regular file.
 */
int64_t packet_offset(const struct packet *packet, int64_t *size);

/** packet_pid() - process id of the packet process */
pid_t packet_pid(const struct packet *packet);

/** packet_close() - end the packet process at once and free everything; NULL is allowed */
void packet_close(struct packet *packet);

#endif
