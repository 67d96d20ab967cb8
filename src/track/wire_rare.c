// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "track/wire_bits.h"

/* There may be a million connections, and few have holes, retransmissions, copies or closed windows. */

static const struct wire_rare no_rare = {.late_us = UINT32_MAX};

void wire_init(struct wire *wire)
{
	memset(wire, 0, sizeof(*wire));
	wire->halves[WIRE_LOCAL].syn_acked_ns = wire->halves[WIRE_REMOTE].syn_acked_ns = CLOCK_UNKNOWN;
	wire->first_ns = wire->last_ns = wire->syn_ns = wire->gap_ns = CLOCK_UNKNOWN;
	wire->srtt_ns = wire->minrtt_ns = WIRE_RTT_UNKNOWN;
	wire->first_us = WIRE_FIRST_NONE;
	wire->rare = &no_rare;
}

void wire_clear(struct wire *wire)
{
	if (wire->rare != &no_rare)
		free((void *)(uintptr_t)wire->rare);
}

struct wire_rare *wire_rare(struct wire *wire)
{
	if (wire->rare == &no_rare) {
		struct wire_rare *rare = xmalloc(sizeof(*rare));

		*rare = no_rare;
		wire->rare = rare;
	}
	return (struct wire_rare *)(uintptr_t)wire->rare;
}

void wire_rare_copy(struct wire *wire)
{
	struct wire_rare *rare;

	if (wire->rare == &no_rare)
		return;
	rare = xmalloc(sizeof(*rare));
	*rare = *wire->rare;
	wire->rare = rare;
}

void wire_rare_flip(struct wire *wire)
{
	struct wire_rare *rare, old = *wire->rare;

	if (wire->rare == &no_rare)
		return;
	rare = wire_rare(wire);
	for (unsigned int side = 0; side < WIRE_SIDES; side++) {
		unsigned int other = wire_other((enum wire_side)side);

		memcpy(rare->holes[side], old.holes[other], sizeof(old.holes[other]));
		rare->retrans[side] = old.retrans[other];
	}
}
