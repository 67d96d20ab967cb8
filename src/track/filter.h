/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_FILTER_H
#define CONNTRACE_TRACK_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/conn.h"
#include "model/network.h"
#include "model/port_range.h"

/*
 * Which connections are shown. A list holds what is wanted and what is
 * excluded (written with a leading "!"): something is in the list when it is
 * wanted, or nothing is, and no exclusion names it.
 */

/**
 * struct filter_port - an element of a port list
 * @range: its ports
 * @exclude: written with "!"
 */
struct filter_port {
	struct port_range range;
	bool exclude;
};

/**
 * struct filter_ports - a port list
 * @elements: owned by the list
 * @count: how many; 0 lets every port pass
 */
struct filter_ports {
	struct filter_port *elements;
	size_t count;
};

/**
 * struct filter_net - an element of a list of peers
 * @network: its addresses
 * @exclude: written with "!"
 */
struct filter_net {
	struct network network;
	bool exclude;
};

/**
 * struct filter_nets - a list of peers
 * @elements: owned by the list
 * @count: how many; 0 lets every peer pass
 */
struct filter_nets {
	struct filter_net *elements;
	size_t count;
};

/**
 * struct filter - which connections are wanted; all zero wants every one
 * @v4: IPv4 wanted; neither @v4 nor @v6 means both
 * @v6: IPv6 wanted
 * @dir: DIR_IN or DIR_OUT, DIR_UNKNOWN for both
 * @lport: ports of the local side
 * @rport: ports of the remote side
 * @peer: addresses of the remote side
 */
struct filter {
	bool v4;
	bool v6;
	enum conn_dir dir;
	struct filter_ports lport;
	struct filter_ports rport;
	struct filter_nets peer;
};

/**
 * filter_parse_ports() - add "80,8000-8080,https,!22" to a list
 * @ports: unchanged on failure
 * @list: comma separated; names are those of services(5) for TCP
 * @err: quotes the word that is wrong
 *
 * Return: 0 or -EINVAL.
 */
int filter_parse_ports(struct filter_ports *ports, const char *list, struct err *err);

/**
 * filter_parse_nets() - add "192.0.2.0/24,2001:db8::/32,!192.0.2.7" to a list
 * @nets: unchanged on failure
 * @list: comma separated; an address without /BITS is that one address
 * @err: quotes the word that is wrong
 *
 * Return: 0 or -EINVAL.
 */
int filter_parse_nets(struct filter_nets *nets, const char *list, struct err *err);

/**
 * filter_match() - is this connection wanted?
 *
 * What is unknown is not what was asked for: it passes no family, direction
 * or list of wanted things, but it passes a list of exclusions only.
 */
bool filter_match(const struct filter *filter, const struct conn *conn);

/** filter_is_empty() - does it want every connection? */
bool filter_is_empty(const struct filter *filter);

/** filter_free() - free the lists and make it want everything */
void filter_free(struct filter *filter);

#endif
