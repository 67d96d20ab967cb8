/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_DEFERRED_H
#define CONNTRACE_SOURCE_PTRACE_DEFERRED_H

#include "source/ptrace/stop.h"

/*
 * With TCP_FASTOPEN_CONNECT, connect(2) returns 0 at once if there is a cookie, and the SYN leaves with the data of the
 * first send, by any call. On a blocking socket that call then waits for the handshake as a send with MSG_FASTOPEN
 * does, and must not be disturbed either (signal_hold.h). Such sockets are therefore remembered. While a launched
 * process has any, its threads stop at every call, as attached ones always do, because no filter can know the call of
 * the first send. A thread that sleeps in a call when another connects is not reached before its next stop.
 */

/** deferred_add() - the socket's SYN waits for the first send */
void deferred_add(struct target *target, int fd);

/** deferred_is() - whether the socket is one of them */
bool deferred_is(const struct target *target, int fd);

/** deferred_remove() - something was sent, successfully or not */
void deferred_remove(struct target *target, int fd);

/** deferred_check() - forget those that were closed or sent on by calls that were not traced */
void deferred_check(struct stop *stop, struct target *target);

#endif
