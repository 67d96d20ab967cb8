/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_WIRE_VIEW_H
#define CONNTRACE_TRACK_WIRE_VIEW_H

#include "track/wire.h"

/* Packet evidence as seen from either end. */

/** wire_new() - empty evidence on the heap, freed with wire_clear() and free(3) */
struct wire *wire_new(void);

/** wire_copy() - a copy of the evidence, for the other end's record */
struct wire *wire_copy(const struct wire *wire);

/**
 * wire_flip() - let the sides change places: local becomes remote
 *
 * Round trips are measured at the local side and are dropped.
 */
void wire_flip(struct wire *wire);

#endif
