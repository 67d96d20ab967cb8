/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_CAPTURE_FILTER_H
#define CONNTRACE_CLI_CAPTURE_FILTER_H

#include "track/conn_filter.h"

/**
 * capture_filter_text() - which packets of an interface may be of the connections that a filter wants
 * @filter: the wanted connections
 * @decapsulate: enum dissect_tunnel bits: what is in these tunnels nobody knows before they are taken off
 * @tagged: packets may have VLAN tags within; not every link type knows these
 *
 * A pcap-filter(7) expression that lets through more than is wanted, but nothing less: which end of a packet is the
 * local one is not known, so either may be. IP fragments, ICMP errors, headers between IPv6 and TCP, and whatever is
 * not plainly IP (MPLS, PPPoE) pass. The direction of a connection cannot be told from one packet.
 *
 * It must be compiled alone: the keyword vlan shifts the offsets of all that follows it.
 *
 * Return: to be freed; NULL when all packets may be.
 */
char *capture_filter_text(const struct conn_filter *filter, unsigned int decapsulate, bool tagged);

#endif
