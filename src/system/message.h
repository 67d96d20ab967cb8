/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_MESSAGE_H
#define CONNTRACE_SYSTEM_MESSAGE_H

#include <stdint.h>

#include "model/event.h"

struct nlmsghdr;

/**
 * message_to_event() - convert the kernel's description of a socket over netlink (sock_diag(7))
 * @event: set on success only, wholly: an EVENT_INFO of ORIGIN_KERNEL with reason INFO_SAMPLE; flow.netns is 0
 * @header: a SOCK_DIAG_BY_FAMILY or TCPDIAG_GETSOCK message, whole within its buffer (mnl_nlmsg_ok())
 * @time_ns: becomes event.time_ns; the message carries no time
 *
 * A full socket has counters when the message has them (INET_DIAG_INFO), queues, inode and uid; the destroy events have
 * no inode and no uid, because no process holds the socket any more. A TIME_WAIT or FIN_WAIT2 mini socket only has
 * ends, cookie and state. For a listener info.rqueue is the length of its accept queue and info.wqueue the limit.
 *
 * Return: 0, or -EBADMSG for another message.
 */
int message_to_event(struct event *event, const struct nlmsghdr *header, int64_t time_ns);

/** message_remedy() - the remedy when sock_diag(7) is not available; @error is the errno, either sign */
const char *message_remedy(int error);

#endif
