// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/wire_view.h"

#include <string.h>

#include "base/xalloc.h"
#include "track/wire_bits.h"

struct wire *wire_new(void)
{
	struct wire *wire = xmalloc(sizeof(*wire));

	wire_init(wire);
	return wire;
}

struct wire *wire_copy(const struct wire *wire)
{
	struct wire *copy = xmalloc(sizeof(*copy));

	memcpy(copy, wire, sizeof(*copy));
	return copy;
}

static void swap(uint8_t sides[WIRE_SIDES])
{
	uint8_t local = sides[WIRE_LOCAL];

	sides[WIRE_LOCAL] = sides[WIRE_REMOTE];
	sides[WIRE_REMOTE] = local;
}

void wire_flip(struct wire *wire)
{
	struct wire_half half = wire->halves[WIRE_LOCAL];
	uint32_t fresh_us = wire->fresh_us[WIRE_LOCAL];

	wire->halves[WIRE_LOCAL] = wire->halves[WIRE_REMOTE];
	wire->halves[WIRE_REMOTE] = half;
	swap(wire->wscale);
	swap(wire->fins);
	swap(wire->rsts);
	wire->fresh_us[WIRE_LOCAL] = wire->fresh_us[WIRE_REMOTE];
	wire->fresh_us[WIRE_REMOTE] = fresh_us;
	wire_copy_flip(wire);
	if (wire->bits & WIRE_OPENER_KNOWN)
		wire->bits ^= WIRE_OPENER_REMOTE;
	if (wire->bits & (WIRE_RST | WIRE_REFUSED | WIRE_ABORTED) && !wire->rst_here)
		wire->bits ^= WIRE_RST_REMOTE;
	if ((wire->halves[WIRE_LOCAL].bits | wire->halves[WIRE_REMOTE].bits) & HALF_FIN)
		wire->bits ^= WIRE_FIN_REMOTE_FIRST;
	wire->bits &= (uint16_t)~WIRE_PROBE;
	wire->srtt_ns = wire->minrtt_ns = UINT32_MAX;
}
