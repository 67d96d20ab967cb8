/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_DIAG_H
#define CONNTRACE_SYSTEM_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/event.h"

/**
 * struct diag - questions to the kernel about the TCP sockets of our network namespace
 *
 * sock_diag(7) over netlink, Linux 5.6 or younger; needs no privilege. The
 * kernel answers while it is asked, so nothing here waits. One thread at a time.
 */
struct diag;

/** Bits of a states mask: 1 << TCP_ESTABLISHED and so on (netinet/tcp.h). */
#define DIAG_ALL_STATES 0xfffU
/** Besides states: no counters, which costs a third. */
#define DIAG_NO_COUNTERS 0x10000U

/**
 * diag_open() - begin to ask
 * @diag: set on success only
 * @netns: inode number of our network namespace, written into every flow; 0 when unknown
 * @err: the story of a failure
 *
 * Return: 0 or a negative errno.
 */
int diag_open(struct diag **diag, uint32_t netns, struct err *err);

/** diag_answers() - does the kernel answer such questions here? It is asked for the listening sockets */
bool diag_answers(void);

/** diag_close() - end it; NULL is fine */
void diag_close(struct diag *diag);

/**
 * diag_query() - one connection, by its ends; the cost does not depend on how many there are
 * @diag: whom to ask
 * @flow: local and remote must be complete; netns is not looked at
 * @cookie: the socket meant, 0 for whichever has these ends
 * @event: set on success only; see message_to_event(); reason INFO_SAMPLE
 *
 * Asking gives a socket its cookie, if it has none yet.
 *
 * Return: 0, -ENOENT when there is none, -ESTALE when the socket with these
 * ends has another cookie, or another negative errno.
 */
int diag_query(struct diag *diag, const struct flow *flow, uint64_t cookie, struct event *event);

/**
 * diag_timewait() - did this side close first, so that a mini socket stays behind?
 * @diag: whom to ask
 * @flow: the ends of a socket whose last word has come
 * @cookie: its cookie, which must have been asked for while it lived: otherwise
 *          the mini socket has none in common with it
 *
 * The mini socket (TIME_WAIT, or FIN_WAIT2 until the peer's FIN comes) stands
 * for a minute at most, and goes when the peer sends a RST, when the opener
 * reuses the ends (on loopback after a second already, net.ipv4.tcp_tw_reuse),
 * and is not made when there are more than net.ipv4.tcp_max_tw_buckets. The last
 * is noticed here; so ask soon.
 *
 * Return: TIMEWAIT_PRESENT, or TIMEWAIT_NO_FIN while it is in FIN_WAIT2; TIMEWAIT_ABSENT when no socket has these ends;
 * TIMEWAIT_UNKNOWN when one with another cookie has, when the full socket still
 * lives, or when the kernel may be short of mini sockets.
 */
enum info_timewait diag_timewait(struct diag *diag, const struct flow *flow, uint64_t cookie);

/** diag_callback - called for each socket; @event is as of message_to_event() and gone afterwards */
typedef void diag_callback(void *context, const struct event *event);

/**
 * diag_dump() - all sockets in some states
 * @diag: whom to ask
 * @states: bits 1 << state, or DIAG_ALL_STATES; with DIAG_NO_COUNTERS sockets look like mini sockets
 * @callback: must not ask @diag anything
 * @context: handed to @callback
 * @err: the story of a failure
 *
 * A socket that comes or goes meanwhile may be missed or told twice. A
 * listener's rqueue is the length of its accept queue, its wqueue the limit;
 * handshakes under way are told in state TCP_SYN_RECV without counters.
 *
 * Return: how many were told, or a negative errno.
 */
int diag_dump(struct diag *diag, unsigned int states, diag_callback *callback, void *context, struct err *err);

#endif
