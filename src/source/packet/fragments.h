/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_FRAGMENTS_H
#define CONNTRACE_SOURCE_PACKET_FRAGMENTS_H

#include <stdbool.h>

#include "source/packet/dissect.h"

/**
 * struct fragments - IP datagrams of which some pieces were seen
 *
 * It keeps what is needed to report the pieces of each as events: the TCP header, and the pieces that arrived before
 * that was complete. The payload is not kept.
 */
struct fragments;

/** fragments_new() - an empty, bounded table; reads random numbers, so not under confine() */
struct fragments *fragments_new(void);

/** fragments_free() - free it; NULL is allowed */
void fragments_free(struct fragments *fragments);

/**
 * fragments_feed() - a piece was seen
 *
 * Return: true when there are events for fragments_take(); false when the connection of the piece is unknown, now or
 * permanently.
 */
bool fragments_feed(struct fragments *fragments, const struct dissect_fragment *fragment);

/**
 * fragments_take() - the next event of the piece that was fed last
 * @fragments: the table
 * @event: an EVENT_SEGMENT, filled as far as event_size() goes, on true
 *
 * The piece that holds the beginning of the TCP header is an ordinary segment; the others have
 * SEGMENT_HAS_LATER_FRAGMENT. A FIN is reported with the last.
 */
bool fragments_take(struct fragments *fragments, struct event *event);

#endif
