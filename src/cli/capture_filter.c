// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/capture_filter.h"

#include <stdio.h>

#include "base/table.h"
#include "source/packet/dissect.h"

/* The ends of a frame in pcap-filter(7). */
static const char *const ends[] = {"src", "dst"};

TABLE_COVERS(ends, 2);

static void put_range(FILE *to, const char *end, const struct port_range *range)
{
	if (range->low == range->high)
		fprintf(to, "%s port %u", end, range->low);
	else
		fprintf(to, "%s portrange %u-%u", end, range->low, range->high);
}

static void put_ports(FILE *to, const char *end, const struct conn_filter_ports *ports)
{
	const char *before = "(";

	for (size_t i = 0; i < ports->count; i++) {
		if (ports->elements[i].exclude)
			continue;
		fputs(before, to);
		put_range(to, end, &ports->elements[i].range);
		before = " or ";
	}
	fputs(before[0] == ' ' ? ") and " : "", to);
	for (size_t i = 0; i < ports->count; i++) {
		if (!ports->elements[i].exclude)
			continue;
		fputs("not ", to);
		put_range(to, end, &ports->elements[i].range);
		fputs(" and ", to);
	}
}

static void put_net(FILE *to, const char *end, const struct network *network)
{
	char text[ENDPOINT_TEXT];

	/* Every address of a family; pcap-filter(7) does not define /0. */
	if (network->bits == 0)
		fputs(endpoint_is_v4(&network->net) ? "ip" : "ip6", to);
	else
		fprintf(to, "%s net %s/%u", end, endpoint_ip_exact(&network->net, text), network->bits);
}

static void put_nets(FILE *to, const char *end, const struct conn_filter_nets *nets)
{
	const char *before = "(";

	for (size_t i = 0; i < nets->count; i++) {
		if (nets->elements[i].exclude)
			continue;
		fputs(before, to);
		put_net(to, end, &nets->elements[i].network);
		before = " or ";
	}
	fputs(before[0] == ' ' ? ") and " : "", to);
	for (size_t i = 0; i < nets->count; i++) {
		if (!nets->elements[i].exclude)
			continue;
		fputs("not (", to);
		put_net(to, end, &nets->elements[i].network);
		fputs(") and ", to);
	}
}

/* A TCP header with either end as the local one of a selected connection. */
static void put_segment(FILE *to, const struct conn_filter *filter)
{
	fputs("(", to);
	for (size_t local = 0; local < 2; local++) {
		fputs(local == 0 ? "(" : " or (", to);
		put_ports(to, ends[local], &filter->lport);
		put_ports(to, ends[1 - local], &filter->rport);
		put_nets(to, ends[1 - local], &filter->peer);
		/* Ends the list of conditions with a true one. */
		fputs("tcp)", to);
	}
	fputs(")", to);
}

/* IPv4 and IPv6 at the current header offset. */
static void put_ip(FILE *to, const struct conn_filter *filter, unsigned int decapsulate, bool names)
{
	bool any_family = filter->v4 == filter->v6;
	bool in_udp = decapsulate & (DISSECT_VXLAN | DISSECT_GENEVE);

	fputs("(ip and (", to);
	if (any_family || filter->v4) {
		fputs("(ip proto 6 and (ip[6:2] & 0x1fff != 0 or ", to);
		put_segment(to, filter);
		/* ICMP errors that may refer to a segment, and their later fragments. */
		fputs(")) or (ip proto 1 and (ip[6:2] & 0x1fff != 0 or icmp[0] = 3 or icmp[0] = 4 or icmp[0] = 11 or "
		      "icmp[0] = 12))",
		      to);
	} else {
		fputs("ip[0] & 0xf0 = 0", to);
	}
	if (decapsulate != 0)
		fputs(" or ip proto 4 or ip proto 41 or ip proto 47", to);
	fputs(in_udp ? " or ip proto 17" : names ? " or udp src port 53" : "", to);
	fputs(")) or (ip6 and (", to);
	if (any_family || filter->v6) {
		fputs("(ip6[6] = 6 and ", to);
		put_segment(to, filter);
		fputs(") or (ip6[6] != 6 and ip6[6] != 17 and (ip6[6] != 58 or ip6[40] < 128))", to);
	} else if (decapsulate != 0) {
		fputs("ip6[6] != 6 and ip6[6] != 17 and ip6[6] != 58", to);
	} else {
		fputs("ip6[0] & 0xf0 = 0", to);
	}
	fputs(in_udp ? " or ip6[6] = 17" : names ? " or (ip6[6] = 17 and udp src port 53)" : "", to);
	fputs("))", to);
}

char *capture_filter_text(const struct conn_filter *filter, unsigned int decapsulate, bool names, bool tagged)
{
	/* A tag that the kernel removed is not in the packet; there may be two more. */
	static const char *const levels[] = {"", " or (vlan and (", " or (vlan and ("};
	size_t count = tagged ? sizeof(levels) / sizeof(levels[0]) : 1, size;
	char *text = NULL;
	FILE *to;

	if (filter->v4 == filter->v6 && filter->lport.count == 0 && filter->rport.count == 0 && filter->peer.count == 0)
		return NULL;
	to = open_memstream(&text, &size);
	if (to == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		fputs(levels[i], to);
		put_ip(to, filter, decapsulate, names);
		fputs(" or (not ip and not ip6", to);
		if (tagged && i + 1 < count)
			fputs(" and not ether proto 0x8100 and not ether proto 0x88a8 and not ether proto 0x9100", to);
		fputs(")", to);
	}
	for (size_t i = 1; i < count; i++)
		fputs("))", to);
	fclose(to);
	return text;
}
