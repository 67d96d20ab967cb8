// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/hidden.h"

#include "base/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * A packet filter reads fixed offsets: behind a VLAN tag, MPLS labels or PPPoE it finds addresses and ports only if the
 * expression names the wrapping, and it can't read into a tunnel. An empty report does not show this.
 */

/* The name of a wrapping, and the word of pcap-filter(7) or the --decapsulate that it needs; in that order. */
static const struct {
	uint16_t wrapping;
	bool is_tunnel;
	const char *what;
	const char *word;
} kinds[] = {
	[PACKET_HIDDEN_VLAN] = {DISSECT_WRAPPED_VLAN, false, "behind VLAN tags", "vlan"},
	[PACKET_HIDDEN_QINQ] = {DISSECT_WRAPPED_QINQ, false, "behind two VLAN tags", "vlan"},
	[PACKET_HIDDEN_MPLS] = {DISSECT_WRAPPED_MPLS, false, "behind MPLS labels", "mpls"},
	[PACKET_HIDDEN_PPPOE] = {DISSECT_WRAPPED_PPPOE, false, "in PPPoE", "pppoes"},
	[PACKET_HIDDEN_IPIP] = {DISSECT_WRAPPED_IPIP, true, "in IP tunnels", "ipip"},
	[PACKET_HIDDEN_GRE] = {DISSECT_WRAPPED_GRE, true, "in GRE tunnels", "gre"},
	[PACKET_HIDDEN_VXLAN] = {DISSECT_WRAPPED_VXLAN, true, "in VXLAN tunnels", "vxlan"},
	[PACKET_HIDDEN_GENEVE] = {DISSECT_WRAPPED_GENEVE, true, "in Geneve tunnels", "geneve"},
};

TABLE_COVERS(kinds, PACKET_HIDDEN_NUM);

void hidden_check(_Atomic uint64_t counts[PACKET_HIDDEN_NUM], const struct dissect_record *record)
{
	uint16_t wrappings = 0;
	struct dissect_record unwrapped = *record;
	struct event event;

	unwrapped.decapsulate = DISSECT_TUNNELS;
	unwrapped.wrappings = &wrappings;
	unwrapped.tcp = NULL;
	unwrapped.fragment = NULL;
	unwrapped.options = NULL;
	unwrapped.payload = NULL;
	if (dissect_frame(record->link_type, &unwrapped, &event) != DISSECT_EVENT || event.type != EVENT_SEGMENT)
		return;
	for (int i = 0; i < PACKET_HIDDEN_NUM; i++)
		if (wrappings & kinds[i].wrapping)
			atomic_fetch_add_explicit(&counts[i], 1, memory_order_relaxed);
}

/* The kind that hides most segments; of equal ones the innermost, because tunnels come last. */
static int most_of(const uint64_t counts[PACKET_HIDDEN_NUM])
{
	int most = 0;

	for (int i = 1; i < PACKET_HIDDEN_NUM; i++)
		if (counts[i] > 0 && counts[i] >= counts[most])
			most = i;
	return most;
}

bool hidden_text(char *text, size_t size, const struct packet_stats *stats, const char *filter)
{
	int most = most_of(stats->hidden);
	uint64_t count = stats->hidden[most];
	char words[64] = "";

	if (stats->events > 0 || count == 0 || (filter == NULL && !kinds[most].is_tunnel))
		return false;
	if (kinds[most].is_tunnel) {
		snprintf(text, size,
			 "no TCP segment was seen outside of tunnels, and %" PRIu64 "%s %s: add "
			 "--decapsulate=%s%s",
			 count, count >= PACKET_HIDDEN_LOOKED ? " or more" : "", kinds[most].what, kinds[most].word,
			 filter != NULL ? ", and choose by --lport, --rport or --peer, for a packet filter does not "
					  "look into them"
					: "");
		return true;
	}
	/* The wrappings of nearly all are to be removed, from the outside in. */
	for (int i = 0; !kinds[i].is_tunnel; i++)
		if (stats->hidden[i] == count)
			snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s and ", kinds[i].word);
	snprintf(text, size,
		 "no packet passed the filter; %" PRIu64 "%s that did not %s %s, where it does not look: "
		 "write \"%s(%.200s)\"",
		 count, count >= PACKET_HIDDEN_LOOKED ? " or more" : "",
		 count == 1 ? "is a TCP segment" : "are TCP segments", kinds[most].what, words, filter);
	return true;
}
