// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/local_side.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/rows/report.h"
#include "system/local_addresses.h"
#include "track/peers_keys.h"

/* Places of the table that are searched for a port; a port without one is not compared. */
#define TRIES 16

void local_side_mark(const struct options *options, bool is_file, struct event *event)
{
	const uint16_t ends = SEGMENT_HAS_OUTGOING | SEGMENT_HAS_INCOMING;
	uint16_t given = 0;

	if (options->local.count > 0) {
		given |= conn_filter_nets_match(&options->local, &event->flow.local) ? SEGMENT_HAS_OUTGOING : 0;
		given |= conn_filter_nets_match(&options->local, &event->flow.remote) ? SEGMENT_HAS_INCOMING : 0;
	}
	if (given != 0)
		event->segment.has = (uint16_t)((event->segment.has & ~ends) | given);
	else if (!is_file)
		local_addresses_mark(event);
}

static void narrow(struct local_side *side, unsigned int which, const struct conn *conn)
{
	struct endpoint *end = &side->ends[which];
	bool is_local = endpoint_ip_equal(end, &conn->flow.local);

	if (!is_local && !endpoint_ip_equal(end, &conn->flow.remote))
		memset(end, 0, sizeof(*end));
	side->remote[which] += !is_local;
}

static void compare_servers(struct local_side *side, const struct conn *conn)
{
	const struct endpoint *server = conn_server(conn);

	for (unsigned int i = 0; i < TRIES; i++) {
		struct endpoint *known = &side->servers[(server->port + i) % LOCAL_SIDE_PORTS];

		if (!endpoint_has_ip(known))
			*known = *server;
		if (known->port != server->port)
			continue;
		if (!endpoint_ip_equal(known, server))
			side->shared_port = server->port;
		return;
	}
}

void local_side_count(struct local_side *side, const struct conn *conn)
{
	if (side->connections++ == 0) {
		side->ends[0] = conn->flow.local;
		side->ends[1] = conn->flow.remote;
	}
	for (unsigned int i = 0; i < 2; i++)
		narrow(side, i, conn);
	/* Where the local side opened, PEER is the server. */
	if (side->shared_port == 0 && conn->dir == DIR_IN && endpoint_has_ip(&conn->flow.local))
		compare_servers(side, conn);
}

/* Whether a report has a row per peer, without a key that separates servers. */
static bool mixes_servers(const struct options *options)
{
	bool has_peers = options_has_default(options);
	struct peers_keys keys = {.count = 0};

	for (size_t i = 0; i < options->report_count; i++)
		has_peers |= options->reports[i].ops->uses_by;
	if (options->by != NULL && peers_parse_keys(options->by, &keys, NULL) != 0)
		return false;
	for (unsigned int i = 0; i < keys.count; i++)
		if (keys.key[i] == PEERS_KEY_SERVER || keys.key[i] == PEERS_KEY_LADDR)
			return false;
	return has_peers;
}

void local_side_advice(const struct local_side *side, const struct options *options, char *text, size_t size)
{
	bool is_end[2], is_remote;
	char ip[ENDPOINT_TEXT];
	unsigned int which;

	text[0] = '\0';
	if (!options_is_file(options) || side->connections < 2 || !mixes_servers(options))
		return;
	for (unsigned int i = 0; i < 2; i++)
		is_end[i] = endpoint_has_ip(&side->ends[i]);
	which = is_end[0] ? 0 : 1;
	is_remote = is_end[0] != is_end[1] && side->remote[which] > 0;
	if (is_remote && options->local.count == 0)
		snprintf(text, size,
			 "%s is an end of all %" PRIu64 " connections; with --local=%s the peers are the other ends",
			 endpoint_ip_text(&side->ends[which], ip), side->connections, ip);
	else if (side->shared_port != 0)
		snprintf(text, size, "several servers have port %u; with --by=server,port each has a row",
			 side->shared_port);
}
