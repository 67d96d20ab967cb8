/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_DEFERRED_H
#define CONNTRACE_SOURCE_PTRACE_DEFERRED_H

#include "source/ptrace/stop.h"

/*
 * With TCP_FASTOPEN_CONNECT, connect(2) returns 0 at once if there is a cookie,
 * and the SYN leaves with the data of the first send, whatever call that is. On
 * a blocking socket it then waits for the handshake as a send with MSG_FASTOPEN
 * does, and must not be disturbed either (signal_hold.h). So such sockets are
 * remembered, and as long as a launched process has any, its threads stop at
 * every call, as attached ones do all the time: no filter knows which send it
 * will be. A thread that is asleep in a call when another connects is not
 * reached before it stops the next time.
 */

/** deferred_add() - the socket's SYN waits for the first send */
void deferred_add(struct target *target, int fd);

/** deferred_is() - is it one of them? */
bool deferred_is(const struct target *target, int fd);

/** deferred_remove() - something was sent, successfully or not */
void deferred_remove(struct target *target, int fd);

/** deferred_check() - forget those that were closed or sent on by calls that nobody saw */
void deferred_check(struct stop *stop, struct target *target);

#endif
