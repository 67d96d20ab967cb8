/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_LOCAL_ADDRESSES_H
#define CONNTRACE_SYSTEM_LOCAL_ADDRESSES_H

#include <stdbool.h>

#include "model/event.h"

/**
 * local_addresses_open() - read the current addresses of this host's interfaces
 * @follow: listen for changes (rtnetlink); where the system forbids it the addresses stay the same
 */
void local_addresses_open(bool follow);

/** local_addresses_refresh() - process changes; to be called before packets are read; does not block */
void local_addresses_refresh(void);

/** local_addresses_close() - forget them */
void local_addresses_close(void);

/** local_addresses_has() - whether it is one of them now, or a loopback address */
bool local_addresses_has(const struct endpoint *endpoint);

/** local_addresses_mark() - mark the ends of an EVENT_SEGMENT that were this host's at its time; recorded too */
void local_addresses_mark(struct event *event);

#endif
