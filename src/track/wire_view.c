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
	wire_rare_copy(copy);
	return copy;
}

void wire_flip(struct wire *wire)
{
	struct wire_half half = wire->halves[WIRE_LOCAL];

	wire->halves[WIRE_LOCAL] = wire->halves[WIRE_REMOTE];
	wire->halves[WIRE_REMOTE] = half;
	wire_rare_flip(wire);
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
