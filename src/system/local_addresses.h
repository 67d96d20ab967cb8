/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_LOCAL_ADDRESSES_H
#define CONNTRACE_SYSTEM_LOCAL_ADDRESSES_H

#include <stdbool.h>

#include "model/event.h"

/**
 * local_addresses_open() - note the addresses of this host's interfaces, as they are now
 * @follow: listen for changes (rtnetlink); where the system forbids it the addresses stay those of now
 */
void local_addresses_open(bool follow);

/** local_addresses_refresh() - take in what has changed; to be called before packets are read, and does not wait */
void local_addresses_refresh(void);

/** local_addresses_close() - forget them */
void local_addresses_close(void);

/** local_addresses_has() - is it one of them now, or a loopback address? */
bool local_addresses_has(const struct endpoint *endpoint);

/** local_addresses_mark() - an EVENT_SEGMENT: which ends were this host's at its time; goes into a recording too */
void local_addresses_mark(struct event *event);

#endif
