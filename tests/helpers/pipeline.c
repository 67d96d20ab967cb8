// SPDX-License-Identifier: GPL-2.0-or-later
#include "pipeline.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"

static uint64_t flow_hash(const struct flow *flow)
{
	static const struct hash_key key = {1, 2};

	/* The same for both directions. */
	return hash_bytes(&key, &flow->local, sizeof(flow->local)) ^
	       hash_bytes(&key, &flow->remote, sizeof(flow->remote));
}

static bool flow_same(const struct flow *a, const struct flow *b, enum wire_side *side)
{
	*side = WIRE_LOCAL;
	if (endpoint_equal(&a->local, &b->local) && endpoint_equal(&a->remote, &b->remote))
		return true;
	*side = WIRE_REMOTE;
	return endpoint_equal(&a->local, &b->remote) && endpoint_equal(&a->remote, &b->local);
}

static uint32_t *slot_find(struct pipeline *pipeline, const struct flow *flow, enum wire_side *side)
{
	uint64_t at = flow_hash(flow);

	for (;; at++) {
		uint32_t *slot = &pipeline->slots[at & (pipeline->size - 1)];

		if (*slot == 0 || flow_same(&pipeline->conns[*slot - 1].flow, flow, side))
			return slot;
	}
}

static void grow(struct pipeline *pipeline)
{
	enum wire_side side;

	pipeline->room = pipeline->room ? pipeline->room * 2 : 1024;
	pipeline->size = pipeline->room * 2;
	pipeline->conns = xreallocarray(pipeline->conns, pipeline->room, sizeof(*pipeline->conns));
	free(pipeline->slots);
	pipeline->slots = xcalloc(pipeline->size, sizeof(*pipeline->slots));
	for (uint32_t i = 0; i < pipeline->count; i++)
		*slot_find(pipeline, &pipeline->conns[i].flow, &side) = i + 1;
}

static void feed(struct pipeline *pipeline, const struct event *event)
{
	enum wire_side side = WIRE_LOCAL;
	uint32_t *slot;
	struct pipeline_conn *conn;

	if (pipeline->count == pipeline->room)
		grow(pipeline);
	slot = slot_find(pipeline, &event->flow, &side);
	if (event->type == EVENT_ICMP) {
		if (*slot != 0)
			wire_icmp(&pipeline->conns[*slot - 1].wire, event, side);
		return;
	}
	if (*slot == 0 || !wire_accepts(&pipeline->conns[*slot - 1].wire, event, side)) {
		*slot = ++pipeline->count;
		conn = &pipeline->conns[*slot - 1];
		conn->flow = event->flow;
		wire_init(&conn->wire);
		side = WIRE_LOCAL;
	}
	wire_feed(&pipeline->conns[*slot - 1].wire, event, side);
}

bool pipeline_run(struct pipeline *pipeline, const char *path)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct pcap_pkthdr *header;
	const u_char *data;
	pcap_t *pcap;
	int link, got;

	memset(pipeline, 0, sizeof(*pipeline));
	pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	if (pcap == NULL) {
		snprintf(pipeline->error, sizeof(pipeline->error), "%s", error);
		return false;
	}
	link = pcap_datalink(pcap);
	if (!dissect_knows(link)) {
		snprintf(pipeline->error, sizeof(pipeline->error), "link type %d", link);
		pcap_close(pcap);
		return false;
	}
	grow(pipeline);
	while ((got = pcap_next_ex(pcap, &header, &data)) == 1) {
		bool dated = header->ts.tv_sec >= 0 && header->ts.tv_sec < INT64_C(9000000000);
		struct dissect_record record = {
			.data = data,
			.caplen = header->caplen,
			.length = header->len,
			.time_ns = pipeline->last_ns,
		};
		enum dissect_verdict verdict;
		struct event event;

		if (dated)
			record.time_ns = header->ts.tv_sec * INT64_C(1000000000) + header->ts.tv_usec;
		verdict = dissect_frame(link, &record, &event);
		pipeline->verdicts[verdict]++;
		if (record.time_ns > pipeline->last_ns)
			pipeline->last_ns = record.time_ns;
		if (verdict == DISSECT_EVENT)
			feed(pipeline, &event);
	}
	if (got == PCAP_ERROR)
		snprintf(pipeline->error, sizeof(pipeline->error), "%s", pcap_geterr(pcap));
	pcap_close(pcap);
	return true;
}

void pipeline_free(struct pipeline *pipeline)
{
	free(pipeline->conns);
	free(pipeline->slots);
}
