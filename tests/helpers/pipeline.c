// SPDX-License-Identifier: GPL-2.0-or-later
#include "pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "source/packet/fragments.h"
#include "source/packet/savefile_reader.h"
#include "source/source.h"

static uint64_t place_of(const struct flow *flow)
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
	uint64_t at = place_of(flow);

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

static void look(void *context, const struct dissect_record *record)
{
	struct pipeline *pipeline = context;
	struct dissect_record whole = *record;
	struct dissect_fragment fragment;
	enum dissect_result result;
	struct event event;

	whole.fragment = &fragment;
	whole.decapsulate = pipeline->decapsulate;
	result = dissect_frame(record->link_type, &whole, &event);
	pipeline->results[result]++;
	if (record->time_ns > pipeline->last_ns)
		pipeline->last_ns = record->time_ns;
	if (result == DISSECT_EVENT)
		feed(pipeline, &event);
	if (result == DISSECT_FRAGMENT && fragments_feed(pipeline->fragments, &fragment))
		while (fragments_take(pipeline->fragments, &event))
			feed(pipeline, &event);
}

bool pipeline_run(struct pipeline *pipeline, const char *path, uint8_t decapsulate)
{
	const struct savefile_user user = {.frame = look, .context = pipeline};
	int fd = open(path, O_RDONLY | O_CLOEXEC), got;
	struct savefile_reader *reader;
	struct err err = {""};

	memset(pipeline, 0, sizeof(*pipeline));
	if (fd < 0) {
		snprintf(pipeline->error, sizeof(pipeline->error), "%s", strerror(errno));
		return false;
	}
	grow(pipeline);
	pipeline->decapsulate = decapsulate;
	pipeline->fragments = fragments_new();
	reader = savefile_reader_new(fd, path, &user);
	while ((got = savefile_reader_read(reader, 1000, &err)) >= 0)
		;
	if (got != SOURCE_END)
		snprintf(pipeline->error, sizeof(pipeline->error), "%.*s", (int)sizeof(pipeline->error) - 1, err.text);
	savefile_reader_free(reader);
	close(fd);
	return true;
}

void pipeline_free(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->count; i++)
		wire_clear(&pipeline->conns[i].wire);
	free(pipeline->conns);
	free(pipeline->slots);
	fragments_free(pipeline->fragments);
}
