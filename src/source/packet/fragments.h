/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PACKET_FRAGMENTS_H
#define CONNTRACE_SOURCE_PACKET_FRAGMENTS_H

#include <stdbool.h>

#include "source/packet/dissect.h"

/**
 * struct fragments - IP datagrams of which some pieces were seen
 *
 * Of each so much is kept that its pieces can be told as events: the TCP
 * header, and what came before that was complete. The payload is not.
 */
struct fragments;

/** fragments_new() - an empty, bounded table; asks for random numbers, so not under confine() */
struct fragments *fragments_new(void);

/** fragments_free() - NULL is fine */
void fragments_free(struct fragments *fragments);

/**
 * fragments_feed() - a piece was seen
 *
 * Return: true when there are events for fragments_take(); false when the
 * piece cannot be told to which connection it belongs, now or ever.
 */
bool fragments_feed(struct fragments *fragments, const struct dissect_fragment *fragment);

/**
 * fragments_take() - the next event of what was fed last
 * @fragments: the table
 * @event: an EVENT_SEGMENT, filled as far as event_size() says, on true
 *
 * The piece that holds the beginning of the TCP header is an ordinary segment;
 * the others have SEGMENT_HAS_LATER_FRAGMENT. A FIN is told with the last.
 */
bool fragments_take(struct fragments *fragments, struct event *event);

#endif
