// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/fragments.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/lru.h"
#include "base/xalloc.h"

/*
 * Only the first piece of a datagram has the ports. It usually arrives first and holds the whole TCP header; then each
 * piece is reported as it arrives. Pieces that arrive before the header is complete (in reverse order, or because a
 * sender splits it, RFC 1858) wait for it, a few of each datagram.
 *
 * Any host can send pieces that never become whole. The table therefore has a fixed size, the least recently used entry
 * is replaced, and the hash is keyed.
 */

#define DATAGRAMS 1024
#define HELD 128 /* 64 KiB in pieces of 576 bytes each */
#define HEADER_FIXED 20
#define FRAGMENT_UNIT 8 /* all offsets are multiples of it */
#define HEADER_MAX 60

/* Longer than any host waits for the rest (RFC 8200, 4.5): the same identification is another datagram then. */
#define FORGET_NS (60 * CLOCK_NS_PER_SEC)

/* The key of pieces that belong together (RFC 791, RFC 8200, 4.5); no padding. */
struct key {
	struct endpoint local, remote;
	uint32_t id;
	uint32_t version;
};

struct piece {
	uint32_t offset, length, frame;
	uint16_t interface, tag, has;
	uint8_t ttl;
	bool more;
};

struct datagram {
	struct key key;
	int64_t last_ns;
	uint64_t have; /* a bit for each byte of header */
	struct flow flow;
	struct event_segment segment;
	struct piece held[HELD + 1]; /* there is always room for the one that completes the header */
	uint8_t header[HEADER_MAX];
	uint8_t held_count;
	uint8_t header_length; /* 0: not known yet */
};

struct fragments {
	struct hash_key hash_key;
	struct lru *lru;
	struct datagram datagrams[DATAGRAMS];
	struct datagram *current;
	int64_t now_ns;
	int64_t time_ns; /* of the current piece, or CLOCK_UNKNOWN */
	uint8_t taken;
};

struct fragments *fragments_new(void)
{
	struct fragments *fragments = xcalloc(1, sizeof(*fragments));

	hash_key_random(&fragments->hash_key);
	fragments->lru = lru_new(DATAGRAMS);
	return fragments;
}

void fragments_free(struct fragments *fragments)
{
	if (fragments == NULL)
		return;
	lru_free(fragments->lru);
	free(fragments);
}

static struct datagram *find(struct fragments *fragments, const struct dissect_fragment *fragment)
{
	struct key key = {fragment->local, fragment->remote, fragment->id, fragment->version};
	struct datagram *datagram;
	uint32_t hash, place;

	key.local.port = key.remote.port = 0;
	hash = (uint32_t)hash_bytes(&fragments->hash_key, &key, sizeof(key));
	place = lru_find(fragments->lru, hash);
	while (place != LRU_NONE && memcmp(&fragments->datagrams[place].key, &key, sizeof(key)) != 0)
		place = lru_next(fragments->lru, place);
	if (place != LRU_NONE) {
		lru_use(fragments->lru, place);
		datagram = &fragments->datagrams[place];
		if (fragments->now_ns - datagram->last_ns < FORGET_NS)
			return datagram;
	} else {
		datagram = &fragments->datagrams[lru_take(fragments->lru, hash)];
	}
	datagram->key = key;
	datagram->have = 0;
	datagram->held_count = datagram->header_length = 0;
	return datagram;
}

static void keep_header(struct datagram *datagram, const struct dissect_fragment *fragment)
{
	for (uint32_t i = 0; i < fragment->data.length && fragment->offset + i < HEADER_MAX; i++) {
		datagram->header[fragment->offset + i] = fragment->data.data[i];
		datagram->have |= UINT64_C(1) << (fragment->offset + i);
	}
}

/* Return: true once the header is complete, or as complete as the capture has it. */
static bool header_complete(struct datagram *datagram, const struct dissect_fragment *fragment)
{
	struct dissect_fragment whole = *fragment;
	struct event event;
	uint32_t length, have = 0;

	while (have < HEADER_MAX && datagram->have & UINT64_C(1) << have)
		have++;
	if (have < HEADER_FIXED)
		return false;
	length = (datagram->header[12] >> 4) * 4u;
	/* A first piece that holds all of it, of which the capture kept less. */
	if (have < length && !(fragment->offset == 0 && fragment->length >= length))
		return false;
	whole.data.data = datagram->header;
	whole.data.length = have < length ? have : length;
	whole.length = length;
	if (dissect_tcp(&whole, &event) != DISSECT_EVENT)
		return false;
	datagram->header_length = (uint8_t)length;
	datagram->flow = event.flow;
	datagram->segment = event.segment;
	return true;
}

bool fragments_feed(struct fragments *fragments, const struct dissect_fragment *fragment)
{
	struct datagram *datagram;
	bool known;

	/* Without a time stamp it is given the time of the one before. */
	if (fragment->time_ns >= 0)
		fragments->now_ns = fragment->time_ns;
	datagram = find(fragments, fragment);
	known = datagram->header_length != 0;
	fragments->current = NULL;
	fragments->taken = 0;
	fragments->time_ns = fragment->time_ns;
	datagram->last_ns = fragments->now_ns;
	if (fragment->offset == 0 && known) {
		/* A repeated one, or another one of the same number. */
		datagram->header_length = datagram->held_count = 0;
		datagram->have = 0;
		known = false;
	}
	if (known)
		datagram->held_count = 0;
	else
		keep_header(datagram, fragment);
	known = known || header_complete(datagram, fragment);
	if (datagram->held_count == HELD && !known)
		return false;
	datagram->held[datagram->held_count++] = (struct piece){
		.offset = fragment->offset,
		.length = fragment->length,
		.frame = fragment->frame,
		.interface = fragment->interface,
		.tag = fragment->tag,
		.has = fragment->has,
		.ttl = fragment->ttl,
		.more = fragment->more,
	};
	fragments->current = known ? datagram : NULL;
	return known;
}

bool fragments_take(struct fragments *fragments, struct event *event)
{
	struct datagram *datagram = fragments->current;
	struct event_segment *segment = &event->segment;
	const struct piece *piece;
	uint32_t begin, end;

	if (datagram == NULL || fragments->taken >= datagram->held_count)
		return false;
	piece = &datagram->held[fragments->taken++];
	begin = piece->offset > datagram->header_length ? piece->offset : datagram->header_length;
	end = piece->offset + piece->length > begin ? piece->offset + piece->length : begin;
	event->time_ns = fragments->time_ns;
	event->type = EVENT_SEGMENT;
	event->origin = ORIGIN_WIRE;
	event->flow = datagram->flow;
	event->flow_hash = 0; /* the event may have held another flow before */
	*segment = datagram->segment;
	segment->frame = piece->frame;
	segment->interface = piece->interface;
	segment->tag = piece->tag;
	segment->ttl = piece->ttl;
	segment->payload = end - begin;
	if (piece->offset == 0) {
		segment->flags &= (uint16_t)~SEGMENT_FIN;
	} else {
		segment->has = piece->has | SEGMENT_HAS_LATER_FRAGMENT;
		/* Pieces of the header differ in nothing else. */
		segment->checksum = (uint16_t)(segment->checksum + piece->offset / FRAGMENT_UNIT);
		segment->flags &= SEGMENT_ACK;
		segment->seq += (datagram->segment.flags & SEGMENT_SYN ? 1 : 0) + begin - datagram->header_length;
		segment->mss = segment->wscale = 0;
		segment->tsval = segment->tsecr = 0;
		/* The data of a reset is no payload of the connection (RFC 9293, 3.10.7.4). */
		if (datagram->segment.flags & SEGMENT_RST) {
			segment->payload = 0;
			segment->seq = datagram->segment.seq;
		}
	}
	if (!piece->more)
		segment->flags |= datagram->segment.flags & SEGMENT_FIN;
	return true;
}
