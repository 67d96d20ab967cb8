// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/html/html_flows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/idmap.h"
#include "base/xalloc.h"
#include "model/tcp_options.h"

#define FLOWS_MAX 16384
#define EXCHANGES_MAX 64
/* Points of one connection, and memory of all. */
#define POINTS_MAX 6000
#define BYTES_MAX ((size_t)8 << 20)

/* A request and its answer: first and last payload; -1 not yet. */
struct exchange {
	int64_t ns[4];
};

/* A segment with a number. */
struct point {
	uint32_t since_us; /* since the first one */
	uint32_t seq;
	uint32_t ack;
	uint32_t payload;
	uint32_t window;
	uint16_t judged;
	uint8_t side;
	uint8_t flags;
};

/* What a point acknowledges selectively: the first range, which has the segment that it answers (RFC 2018, section 4).
 */
struct range {
	uint32_t point;
	uint32_t from;
	uint32_t to;
};

struct html_flow {
	struct exchange *exchanges;
	struct point *points;
	struct range *ranges;
	uint32_t exchange_count, exchange_room;
	size_t point_count, point_room;
	size_t range_count, range_room;
	uint32_t errors;
	bool more_exchanges;
	bool more_points;
	int64_t first_ns;
};

struct html_flows {
	struct idmap *map;
	size_t bytes;
	uint64_t untracked;
	uint64_t last_untracked;
};

struct html_flows *html_flows_new(void)
{
	struct html_flows *flows = xcalloc(1, sizeof(*flows));

	flows->map = idmap_new(sizeof(struct html_flow));
	return flows;
}

static void clear(struct html_flow *flow)
{
	free(flow->exchanges);
	free(flow->points);
	free(flow->ranges);
}

void html_flows_free(struct html_flows *flows)
{
	struct html_flow *flow = NULL;

	while ((flow = idmap_next(flows->map, flow)) != NULL)
		clear(flow);
	idmap_free(flows->map);
	free(flows);
}

/* A side that sends after the other one has answered begins the next exchange. */
static void add_payload(struct html_flows *flows, struct html_flow *flow, bool is_opener, int64_t time_ns)
{
	struct exchange *last = flow->exchange_count > 0 ? &flow->exchanges[flow->exchange_count - 1] : NULL;
	size_t room = flow->exchange_room;

	if (flow->more_exchanges)
		return;
	if (last == NULL || (is_opener && last->ns[2] >= 0)) {
		if (flow->exchange_count == EXCHANGES_MAX || flows->bytes >= BYTES_MAX) {
			flow->more_exchanges = true;
			return;
		}
		flow->exchanges = array_reserve(flow->exchanges, flow->exchange_count, &room, sizeof(*last));
		flows->bytes += (room - flow->exchange_room) * sizeof(*last);
		flow->exchange_room = (uint32_t)room;
		last = &flow->exchanges[flow->exchange_count++];
		for (int i = 0; i < 4; i++)
			last->ns[i] = CLOCK_UNKNOWN;
	}
	if (last->ns[is_opener ? 0 : 2] < 0)
		last->ns[is_opener ? 0 : 2] = time_ns;
	last->ns[is_opener ? 1 : 3] = time_ns;
}

static void add_range(struct html_flows *flows, struct html_flow *flow, const struct segment *segment)
{
	const struct span options = {.data = segment->options, .length = sizeof(segment->options)};
	struct range range = {.point = (uint32_t)flow->point_count};
	size_t room = flow->range_room;
	char text[128];

	tcp_options_sack(text, sizeof(text), options, segment->ack_offset);
	if (sscanf(text, "%" SCNu32 "-%" SCNu32, &range.from, &range.to) != 2)
		return;
	flow->ranges = array_reserve(flow->ranges, flow->range_count, &room, sizeof(range));
	flows->bytes += (room - flow->range_room) * sizeof(range);
	flow->range_room = room;
	flow->ranges[flow->range_count++] = range;
}

static void add_point(struct html_flows *flows, struct html_flow *flow, const struct segment *segment)
{
	size_t room = flow->point_room;
	int64_t since_us;

	if (flow->more_points || segment->time_ns < 0 || segment->seq < 0 || segment->seq > UINT32_MAX)
		return;
	since_us = clock_since(flow->first_ns, segment->time_ns) / CLOCK_NS_PER_US;
	if (flow->point_count == POINTS_MAX || flows->bytes >= BYTES_MAX || since_us < 0 || since_us > UINT32_MAX) {
		flow->more_points = true;
		return;
	}
	flow->points = array_reserve(flow->points, flow->point_count, &room, sizeof(*flow->points));
	flows->bytes += (room - flow->point_room) * sizeof(*flow->points);
	flow->point_room = room;
	add_range(flows, flow, segment);
	flow->points[flow->point_count++] = (struct point){
		.since_us = (uint32_t)since_us,
		.seq = (uint32_t)segment->seq,
		.ack = segment->ack >= 0 && segment->ack <= UINT32_MAX ? (uint32_t)segment->ack : UINT32_MAX,
		.payload = segment->payload,
		.window = segment->window,
		.judged = segment->judged,
		.side = segment->side,
		.flags = (uint8_t)segment->flags,
	};
}

void html_flows_entry(struct html_flows *flows, const struct conn *conn, const struct timeline_entry *entry)
{
	struct html_flow *flow = idmap_find(flows->map, conn->id);
	const struct segment *segment = &entry->segment;

	if (entry->kind != TIMELINE_SEGMENT && entry->kind != TIMELINE_MESSAGE)
		return;
	if (flow == NULL && idmap_count(flows->map) >= FLOWS_MAX) {
		flows->untracked += conn->id != flows->last_untracked;
		flows->last_untracked = conn->id;
		return;
	}
	if (flow == NULL) {
		flow = idmap_put(flows->map, conn->id);
		flow->first_ns = entry->time_ns;
	}
	if (entry->kind == TIMELINE_MESSAGE) {
		flow->errors += entry->message.kind == MESSAGE_HTTP_RESPONSE && entry->message.status >= 500;
		return;
	}
	if (segment->judged & SEGMENT_COPY)
		return;
	add_point(flows, flow, segment);
	if (segment->payload > 0 && segment->time_ns >= 0 && conn->dir != DIR_UNKNOWN &&
	    !(segment->judged & (SEGMENT_RESENT | SEGMENT_KEEPALIVE | SEGMENT_WINDOW_PROBE | SEGMENT_STRAY)))
		add_payload(flows, flow, (segment->side == WIRE_LOCAL) == (conn->dir == DIR_OUT), segment->time_ns);
}

const struct html_flow *html_flows_find(const struct html_flows *flows, uint64_t id)
{
	return idmap_find(flows->map, id);
}

void html_flows_end(struct html_flows *flows, uint64_t id)
{
	struct html_flow *flow = idmap_find(flows->map, id);

	if (flow == NULL)
		return;
	flows->bytes -= flow->exchange_room * sizeof(*flow->exchanges) + flow->point_room * sizeof(*flow->points) +
			flow->range_room * sizeof(*flow->ranges);
	clear(flow);
	idmap_remove(flows->map, id);
}

uint64_t html_flows_untracked(const struct html_flows *flows)
{
	return flows->untracked;
}

size_t html_flow_points(const struct html_flow *flow)
{
	return flow != NULL ? flow->point_count : 0;
}

uint32_t html_flow_errors(const struct html_flow *flow)
{
	return flow != NULL ? flow->errors : 0;
}

static void add_since(struct text *text, int64_t base_ns, int64_t time_ns)
{
	if (time_ns < 0)
		text_add(text, "null");
	else
		text_add_number(text, (time_ns - base_ns) / CLOCK_NS_PER_US);
}

void html_flow_exchanges(const struct html_flow *flow, int64_t base_ns, struct text *text)
{
	if (flow == NULL || flow->exchange_count == 0) {
		text_add(text, "null");
		return;
	}
	for (uint32_t i = 0; i < flow->exchange_count; i++) {
		for (int j = 0; j < 4; j++) {
			text_add(text, j > 0 ? "," : i > 0 ? ",[" : "[[");
			add_since(text, base_ns, flow->exchanges[i].ns[j]);
		}
		text_add_char(text, ']');
	}
	text_add(text, flow->more_exchanges ? ",null]" : "]");
}

/*
 * Eight numbers for each point: time, sender, flags, sequence number, payload, acknowledgement, window, properties; and
 * three for each that acknowledges selectively: its place among the points, and the range.
 */
void html_flow_graph(const struct html_flow *flow, uint64_t id, int64_t base_ns, struct text *text)
{
	text_add(text, "{\"id\":");
	text_add_unsigned(text, id);
	text_add(text, ",\"t0\":");
	add_since(text, base_ns, flow->first_ns);
	text_add(text, flow->more_points ? ",\"cut\":true,\"p\":[" : ",\"cut\":false,\"p\":[");
	for (size_t i = 0; i < flow->point_count; i++) {
		const struct point *point = &flow->points[i];
		const uint32_t numbers[] = {point->since_us, point->side, point->flags,  point->seq,
					    point->payload,  point->ack,  point->window, point->judged};

		for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
			if (i > 0 || j > 0)
				text_add_char(text, ',');
			if (numbers[j] == UINT32_MAX)
				text_add(text, "null");
			else
				text_add_unsigned(text, numbers[j]);
		}
	}
	text_add(text, "],\"sack\":[");
	for (size_t i = 0; i < flow->range_count; i++) {
		const struct range *range = &flow->ranges[i];
		char numbers[40];

		snprintf(numbers, sizeof(numbers), "%s%" PRIu32 ",%" PRIu32 ",%" PRIu32, i > 0 ? "," : "", range->point,
			 range->from, range->to);
		text_add(text, numbers);
	}
	text_add(text, "]}");
}
