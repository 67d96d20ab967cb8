/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_CAPTURE_FILTER_H
#define CONNTRACE_CLI_CAPTURE_FILTER_H

#include "track/conn_filter.h"

/**
 * capture_filter_text() - a capture filter for the packets of connections that a filter selects
 * @filter: the selected connections
 * @decapsulate: enum dissect_tunnel bits: the content of these tunnels is unknown before they are decoded
 * @names: the answers of DNS pass, too
 * @tagged: packets may have VLAN tags; not every link type supports them
 *
 * A pcap-filter(7) expression that passes more than selected, but never less: the local end of a packet is not known,
 * so either may be. IP fragments, ICMP errors, headers between IPv6 and TCP, and packets that are not plain IP (MPLS,
 * PPPoE) pass. The direction of a connection is not known from one packet.
 *
 * It must be compiled alone: the keyword vlan shifts the offsets of everything after it.
 *
 * Return: to be freed; NULL when all packets must pass.
 */
char *capture_filter_text(const struct conn_filter *filter, unsigned int decapsulate, bool names, bool tagged);

#endif
