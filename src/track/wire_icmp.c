// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/wire_bits.h"

/* The effect of an ICMP error on an attempt (RFC 792, RFC 4443). */

#define ICMP4_UNREACHABLE 3
#define ICMP4_FRAGMENTATION_NEEDED 4
#define ICMP4_CODE_MAX 15 /* RFC 1812, 5.2.7.1; Linux ignores those above */
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_REASSEMBLY 1 /* the code of time exceeded that Linux ignores (icmp_unreach()) */
#define ICMP4_PARAMETER_PROBLEM 12
#define ICMP6_UNREACHABLE 1
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAMETER_PROBLEM 4

/*
 * Whether it ends an attempt. On Linux all errors do that report a lost SYN (tcp_v4_err(), tcp_v6_err()), though RFC
 * 1122, 4.2.3.9 requires some to be ignored. @bits: set to those that name it.
 */
static bool icmp_ends(const struct event_icmp *icmp, uint16_t *bits)
{
	bool v4 = icmp->version == 4;

	*bits = WIRE_UNREACHABLE | (v4 ? 0 : WIRE_UNREACHABLE_V6);
	if (icmp->type == (v4 ? ICMP4_UNREACHABLE : ICMP6_UNREACHABLE))
		return !v4 || (icmp->code != ICMP4_FRAGMENTATION_NEEDED && icmp->code <= ICMP4_CODE_MAX);
	if (icmp->type == (v4 ? ICMP4_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED)) {
		*bits |= WIRE_TIME_EXCEEDED;
		return !v4 || icmp->code != ICMP4_REASSEMBLY;
	}
	if (icmp->type == (v4 ? ICMP4_PARAMETER_PROBLEM : ICMP6_PARAMETER_PROBLEM))
		*bits |= WIRE_PARAMETER_PROBLEM;
	return *bits & WIRE_PARAMETER_PROBLEM;
}

bool wire_icmp(struct wire *wire, const struct event *event, enum wire_side side)
{
	const struct event_icmp *icmp = &event->icmp;
	struct wire_half *half = &wire->halves[side];
	uint16_t bits;

	/* Once a SYN has been answered, such errors are soft (RFC 1122, 4.2.3.9; RFC 5461). */
	if (!icmp_ends(icmp, &bits) || !(half->bits & HALF_SYN) || half->bits & HALF_SYN_ACKED ||
	    icmp->seq != half->base || side != wire_opener(wire))
		return false;
	if (!(wire->bits & WIRE_UNREACHABLE)) {
		wire->bits |= bits;
		wire_rare(wire)->icmp_code = icmp->code;
		if (half->syn_acked_ns < 0)
			half->syn_acked_ns = event->time_ns;
		if (event->time_ns < 0)
			wire->bits |= WIRE_TIMELESS;
	}
	return true;
}

void wire_icmp_alone(struct wire *wire, const struct event *event)
{
	struct wire_half *half = &wire->halves[WIRE_LOCAL];

	wire_half_base(wire, WIRE_LOCAL, event->icmp.seq);
	half->bits |= HALF_SYN;
	half->next = 1;
	wire->bits |= WIRE_OPENER_KNOWN;
	wire->first_ns = wire->last_ns = event->time_ns >= 0 ? event->time_ns : 0;
	(void)wire_icmp(wire, event, WIRE_LOCAL);
}
