/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_CONN_FILTER_H
#define CONNTRACE_TRACK_CONN_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/conn.h"
#include "model/network.h"
#include "model/port_range.h"
#include "model/process_choice.h"

/*
 * Selects the connections that are shown. A list has wanted elements and excluded ones (written with a leading "!"). A
 * value passes the list when a wanted element matches, or the list has none, and no excluded element matches.
 */

/**
 * struct conn_filter_port - an element of a port list
 * @range: its ports
 * @exclude: written with "!"
 */
struct conn_filter_port {
	struct port_range range;
	bool exclude;
};

/**
 * struct conn_filter_ports - a port list
 * @elements: owned by the list
 * @count: how many; 0 lets every port pass
 */
struct conn_filter_ports {
	struct conn_filter_port *elements;
	size_t count;
};

/**
 * struct conn_filter_net - an element of a list of peers
 * @network: its addresses
 * @exclude: written with "!"
 */
struct conn_filter_net {
	struct network network;
	bool exclude;
};

/**
 * struct conn_filter_nets - a list of peers
 * @elements: owned by the list
 * @count: how many; 0 lets every peer pass
 */
struct conn_filter_nets {
	struct conn_filter_net *elements;
	size_t count;
};

/**
 * struct conn_filter - which connections are wanted; all zero wants every one
 * @v4: IPv4 wanted; neither @v4 nor @v6 means both
 * @v6: IPv6 wanted
 * @dir: DIR_IN or DIR_OUT, DIR_UNKNOWN for both
 * @lport: ports of the local side
 * @rport: ports of the remote side
 * @peer: addresses of the remote side
 * @processes: processes that opened or accepted it
 */
struct conn_filter {
	bool v4;
	bool v6;
	enum conn_dir dir;
	struct conn_filter_ports lport;
	struct conn_filter_ports rport;
	struct conn_filter_nets peer;
	struct process_choice processes;
};

/**
 * conn_filter_parse_ports() - add "80,8000-8080,https,!22" to a list
 * @ports: unchanged on failure
 * @list: comma separated; names are those of services(5) for TCP
 * @err: quotes the word that is wrong
 *
 * Return: 0 or -EINVAL.
 */
int conn_filter_parse_ports(struct conn_filter_ports *ports, const char *list, struct err *err);

/**
 * conn_filter_parse_nets() - add "192.0.2.0/24,2001:db8::/32,!192.0.2.7" to a list
 * @nets: unchanged on failure
 * @list: comma separated; an address without /BITS is that one address
 * @err: quotes the word that is wrong
 *
 * Return: 0 or -EINVAL.
 */
int conn_filter_parse_nets(struct conn_filter_nets *nets, const char *list, struct err *err);

/**
 * conn_filter_match() - whether a connection is wanted
 *
 * An unknown value passes a list that has only exclusions. It passes no other list, no family, no direction and no
 * choice of processes.
 */
bool conn_filter_match(const struct conn_filter *filter, const struct conn *conn);

/** conn_filter_nets_match() - whether an address passes a list */
bool conn_filter_nets_match(const struct conn_filter_nets *nets, const struct endpoint *address);

/** conn_filter_is_empty() - whether it wants every connection */
bool conn_filter_is_empty(const struct conn_filter *filter);

/** conn_filter_free() - free the lists and make it want everything */
void conn_filter_free(struct conn_filter *filter);

#endif
