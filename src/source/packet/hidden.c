// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/hidden.h"

#include "base/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * A packet filter reads fixed offsets: behind a VLAN tag, MPLS labels or PPPoE
 * it finds addresses and ports only if the expression names the wrapping, and
 * it can't read into a tunnel. An empty report shows neither this, nor that all
 * segments are in a tunnel of a kind that is not decoded.
 */

/*
 * The name of a wrapping, and the word of pcap-filter(7) or the --decapsulate that it needs, NULL if none helps; in
 * that order.
 */
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
	[PACKET_HIDDEN_GTP] = {DISSECT_WRAPPED_GTP, true, "GTP-U (UDP port 2152)", NULL},
	[PACKET_HIDDEN_L2TP] = {DISSECT_WRAPPED_L2TP, true, "L2TP", NULL},
	[PACKET_HIDDEN_ESP] = {DISSECT_WRAPPED_ESP, true, "ESP (IPsec)", NULL},
	[PACKET_HIDDEN_WIREGUARD] = {DISSECT_WRAPPED_WIREGUARD, true, "WireGuard (UDP port 51820)", NULL},
	[PACKET_HIDDEN_TEREDO] = {DISSECT_WRAPPED_TEREDO, true, "Teredo (UDP port 3544)", NULL},
	[PACKET_HIDDEN_ETHERIP] = {DISSECT_WRAPPED_ETHERIP, true, "Ethernet in IP", NULL},
	[PACKET_HIDDEN_VXLAN_GPE] = {DISSECT_WRAPPED_VXLAN_GPE, true, "VXLAN-GPE (UDP port 4790)", NULL},
	[PACKET_HIDDEN_MPLS_IP] = {DISSECT_WRAPPED_MPLS_IP, true, "MPLS in UDP or IP", NULL},
};

TABLE_COVERS(kinds, PACKET_HIDDEN_NUM);

void hidden_check(_Atomic uint64_t counts[PACKET_HIDDEN_NUM], const struct dissect_record *record)
{
	uint16_t wrappings = 0;
	struct dissect_record unwrapped = *record;
	struct event event;
	bool is_segment;

	unwrapped.decapsulate = DISSECT_TUNNELS;
	unwrapped.wrappings = &wrappings;
	unwrapped.tcp = NULL;
	unwrapped.fragment = NULL;
	unwrapped.options = NULL;
	unwrapped.payload = NULL;
	is_segment =
		dissect_frame(record->link_type, &unwrapped, &event) == DISSECT_EVENT && event.type == EVENT_SEGMENT;
	for (int i = 0; i < PACKET_HIDDEN_NUM; i++)
		if (wrappings & kinds[i].wrapping && (is_segment || kinds[i].word == NULL))
			atomic_fetch_add_explicit(&counts[i], 1, memory_order_relaxed);
}

/* The kind that hides most segments; of equal ones the innermost, because tunnels come last. Else one that may. */
static int most_of(const uint64_t counts[PACKET_HIDDEN_NUM])
{
	int most = 0;

	for (int i = 1; i < PACKET_HIDDEN_NUM; i++)
		if (counts[i] > 0 && counts[i] >= counts[most] &&
		    (kinds[i].word != NULL || counts[most] == 0 || kinds[most].word == NULL))
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
	if (kinds[most].word == NULL) {
		snprintf(text, size,
			 "no TCP segment was seen; %" PRIu64 "%s of the frames %s %s, into which conntrace "
			 "does not look",
			 count, count >= PACKET_HIDDEN_LOOKED ? " or more" : "", count == 1 ? "is" : "are",
			 kinds[most].what);
		return true;
	}
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
