/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SYSTEM_LOCAL_ADDRESSES_H
#define CONNTRACE_SYSTEM_LOCAL_ADDRESSES_H

#include <stdbool.h>

#include "model/event.h"

/** local_addresses_load() - note the addresses of this host's interfaces, as they are now */
void local_addresses_load(void);

/** local_addresses_has() - is it one of them, or a loopback address? */
bool local_addresses_has(const struct endpoint *endpoint);

/** local_addresses_mark() - an EVENT_SEGMENT: which ends are this host's; known now, it goes into a recording too */
void local_addresses_mark(struct event *event);

#endif
