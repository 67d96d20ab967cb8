/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_DIAG_H
#define CONNTRACE_SYSTEM_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/event.h"

/**
 * struct diag - queries to the kernel about the TCP sockets of the own network namespace
 *
 * sock_diag(7) over netlink, Linux 5.6 or later; needs no privilege. The kernel answers within the request, so no
 * function blocks. One thread at a time.
 */
struct diag;

/** Bits of a states mask: 1 << TCP_ESTABLISHED and so on (netinet/tcp.h). */
#define DIAG_ALL_STATES 0xfffU
/** In a states mask: no counters, which takes a third of the time. */
#define DIAG_NO_COUNTERS 0x10000U

/**
 * diag_open() - open a connection to the kernel
 * @diag: set on success only
 * @netns: inode number of the own network namespace, written into every flow; 0 when unknown
 * @err: the message
 *
 * Return: 0 or a negative errno.
 */
int diag_open(struct diag **diag, uint32_t netns, struct err *err);

/** diag_answers() - whether the kernel answers queries here; it is queried for the listening sockets */
bool diag_answers(void);

/** diag_close() - end it; NULL is fine */
void diag_close(struct diag *diag);

/**
 * diag_query() - query one connection by its ends; the cost does not depend on the number of connections
 * @diag: the connection to the kernel
 * @flow: local and remote must be complete; netns is ignored
 * @cookie: the socket's cookie, 0 for any socket with these ends
 * @event: set on success only; see message_to_event(); reason INFO_SAMPLE
 *
 * The query gives a socket its cookie, if it has none yet.
 *
 * Return: 0, -ENOENT when there is none, -ESTALE when the socket with these ends has another cookie, or another
 * negative errno.
 */
int diag_query(struct diag *diag, const struct flow *flow, uint64_t cookie, struct event *event);

/**
 * diag_timewait() - whether this side closed first and left a mini socket
 * @diag: the connection to the kernel
 * @flow: the ends of a socket whose final counters have come
 * @cookie: its cookie, if that was queried while it existed; else 0, because the mini socket has another one
 *
 * The mini socket (TIME_WAIT, or FIN_WAIT2 until the peer's FIN comes) lasts a minute at most. It ends when the peer
 * sends a RST or when the opener reuses the ends (on loopback after a second already, net.ipv4.tcp_tw_reuse), so the
 * query must come soon. It is not made when there are more than net.ipv4.tcp_max_tw_buckets, which this function
 * detects.
 *
 * Return: TIMEWAIT_PRESENT, or TIMEWAIT_NO_FIN while it is in FIN_WAIT2; TIMEWAIT_ABSENT when no socket has these ends;
 * TIMEWAIT_UNKNOWN when one with another cookie has, when the full socket still exists, or when the limit of mini
 * sockets may be reached.
 */
enum info_timewait diag_timewait(struct diag *diag, const struct flow *flow, uint64_t cookie);

/** diag_callback - called for each socket; @event is as of message_to_event() and gone afterwards */
typedef void diag_callback(void *context, const struct event *event);

/**
 * diag_dump() - all sockets in some states
 * @diag: the connection to the kernel
 * @states: bits 1 << state, or DIAG_ALL_STATES; with DIAG_NO_COUNTERS sockets have no more than mini sockets
 * @callback: must not use @diag
 * @context: passed to @callback
 * @err: the message
 *
 * A socket that comes or goes meanwhile may be missed or reported twice. A listener's rqueue is the length of its
 * accept queue, its wqueue the limit; handshakes under way are reported in state TCP_SYN_RECV without counters.
 *
 * Return: the number of sockets reported, or a negative errno.
 */
int diag_dump(struct diag *diag, unsigned int states, diag_callback *callback, void *context, struct err *err);

#endif
