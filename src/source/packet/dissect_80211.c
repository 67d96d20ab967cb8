// SPDX-License-Identifier: GPL-2.0-or-later

#include "source/packet/dissect_ip.h"

/*
 * IEEE 802.11 frames, bare or behind a driver's header about their reception (radiotap.org; Prism and AVS are older).
 * Only unencrypted data frames carry a readable IP packet: an LLC header follows, as on other networks of that family.
 */

#define TYPE_MASK 0x0c
#define TYPE_DATA 0x08
#define SUBTYPE_NO_DATA 0x40
#define SUBTYPE_QOS 0x80

#define FLAG_TO_SYSTEM 0x01
#define FLAG_FROM_SYSTEM 0x02
#define FLAG_MORE_FRAGMENTS 0x04
#define FLAG_PROTECTED 0x40
#define FLAG_ORDER 0x80

/* Several packets in one frame. */
#define QOS_AGGREGATE 0x80

#define RADIOTAP_TSFT 0x00000001u
#define RADIOTAP_FLAGS 0x00000002u
#define RADIOTAP_MORE 0x80000000u
#define RADIOTAP_FLAG_PADDED 0x20
#define RADIOTAP_FLAG_BAD 0x40

/* Length of the Prism header, which all drivers use. */
#define PRISM_LENGTH 144
#define AVS_MAGIC 0x80211000u

static bool take_le16(struct span *span, uint16_t *value)
{
	if (!span_take_be16(span, value))
		return false;
	*value = __builtin_bswap16(*value);
	return true;
}

static bool take_le32(struct span *span, uint32_t *value)
{
	if (!span_take_be32(span, value))
		return false;
	*value = __builtin_bswap32(*value);
	return true;
}

/* @padded: the header is padded to a multiple of four bytes, as some cards do. */
static enum dissect_result data_frame(struct dissect_state *frame, bool padded)
{
	size_t before = frame->rest.length;
	uint8_t type, flags, qos = 0;
	uint16_t sequence;

	if (!span_take_u8(&frame->rest, &type) || !span_take_u8(&frame->rest, &flags))
		return DISSECT_MALFORMED;
	if ((type & TYPE_MASK) != TYPE_DATA || type & SUBTYPE_NO_DATA || flags & FLAG_PROTECTED)
		return DISSECT_OTHER;
	/* Duration and three addresses; bridges add the fourth. */
	if (!span_skip(&frame->rest, 20) || !take_le16(&frame->rest, &sequence) ||
	    (flags & FLAG_TO_SYSTEM && flags & FLAG_FROM_SYSTEM && !span_skip(&frame->rest, 6)))
		return DISSECT_MALFORMED;
	if (type & SUBTYPE_QOS && (!span_take_u8(&frame->rest, &qos) || !span_skip(&frame->rest, 1) ||
				   (flags & FLAG_ORDER && !span_skip(&frame->rest, 4))))
		return DISSECT_MALFORMED;
	if (padded && !span_skip(&frame->rest, (4 - (before - frame->rest.length) % 4) % 4))
		return DISSECT_MALFORMED;
	/* Pieces of a frame, and several packets in one, are neither reassembled nor split here. */
	if (sequence & 0x000f || flags & FLAG_MORE_FRAGMENTS || qos & QOS_AGGREGATE)
		return DISSECT_OTHER;
	return dissect_llc(frame);
}

enum dissect_result dissect_80211(struct dissect_state *frame)
{
	return data_frame(frame, false);
}

enum dissect_result dissect_radiotap(struct dissect_state *frame)
{
	uint32_t present, more;
	struct span header;
	uint16_t length;
	uint8_t flags = 0;

	if (!span_skip(&frame->rest, 2) || !take_le16(&frame->rest, &length) || length < 8 ||
	    !span_take(&frame->rest, length - 4u, &header) || !take_le32(&header, &present))
		return DISSECT_MALFORMED;
	for (more = present; more & RADIOTAP_MORE;)
		if (!take_le32(&header, &more))
			return DISSECT_MALFORMED;
	if (present & RADIOTAP_FLAGS) {
		/* Fields are aligned to their size, counted from the beginning of the header. */
		if (present & RADIOTAP_TSFT && !span_skip(&header, (8 - (length - header.length) % 8) % 8 + 8))
			return DISSECT_MALFORMED;
		if (!span_take_u8(&header, &flags))
			return DISSECT_MALFORMED;
	}
	return flags & RADIOTAP_FLAG_BAD ? DISSECT_OTHER : data_frame(frame, flags & RADIOTAP_FLAG_PADDED);
}

enum dissect_result dissect_prism(struct dissect_state *frame)
{
	uint32_t magic, length = PRISM_LENGTH;

	if (!span_take_be32(&frame->rest, &magic))
		return DISSECT_MALFORMED;
	if ((magic & 0xfffff000) == AVS_MAGIC) {
		if (!span_take_be32(&frame->rest, &length) || length < 8 || !span_skip(&frame->rest, length - 8))
			return DISSECT_MALFORMED;
	} else if (!span_skip(&frame->rest, PRISM_LENGTH - 4)) {
		return DISSECT_MALFORMED;
	}
	return data_frame(frame, false);
}
