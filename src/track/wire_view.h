/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_WIRE_VIEW_H
#define CONNTRACE_TRACK_WIRE_VIEW_H

#include "track/wire.h"

/* The same packets seen from one end or the other. */

/** wire_new() - evidence of a connection on the heap, nothing seen yet; freed with free(3) */
struct wire *wire_new(void);

/** wire_copy() - the same evidence once more, for the other end's record */
struct wire *wire_copy(const struct wire *wire);

/**
 * wire_flip() - let the sides change places: local becomes remote
 *
 * Round trips are the local side's own measure and are forgotten.
 */
void wire_flip(struct wire *wire);

#endif
