// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a savefile, compressed or not, all the way to the evidence of
 * connections: what the packet process and the tracker do with it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/packet/fragments.h"
#include "source/packet/savefile_reader.h"
#include "source/source.h"
#include "track/wire.h"

/* A few bytes of a compressed file can stand for gigabytes. */
#define FRAMES_MAX 4096

#define WIRES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pipeline {
	struct fragments *fragments;
	struct wire wires[WIRES];
	int frames;
};

static void feed(struct pipeline *pipeline, const struct event *event)
{
	/* Both directions of a connection meet in one; that others meet there too is as good as a forgery. */
	struct wire *wire = &pipeline->wires[(event->flow.local.port ^ event->flow.remote.port) % WIRES];
	enum wire_side side = event->flow.local.port > event->flow.remote.port ? WIRE_LOCAL : WIRE_REMOTE;
	struct conn conn;

	if (event->type == EVENT_ICMP) {
		wire_icmp(wire, event, side);
	} else if (event->type == EVENT_SEGMENT) {
		if (!wire_accepts(wire, event, side)) {
			wire_clear(wire);
			wire_init(wire);
		}
		wire_feed(wire, event, side);
	} else {
		abort();
	}
	conn_init(&conn);
	wire_settle(wire, event->time_ns, INT64_C(30000000000), &conn);
	if (conn.rx_bytes < CONN_UNKNOWN || conn.tx_bytes < CONN_UNKNOWN || conn.hs_ns < CONN_UNKNOWN)
		abort();
}

static void look(void *context, const struct dissect_record *record)
{
	struct pipeline *pipeline = context;
	struct dissect_record whole = *record;
	struct dissect_fragment fragment;
	enum dissect_result result;
	struct event event;

	pipeline->frames++;
	if (record->time_ns < CLOCK_UNKNOWN)
		abort();
	whole.fragment = &fragment;
	whole.decapsulate = DISSECT_TUNNELS;
	memset(&event, 0xa5, sizeof(event));
	result = dissect_frame(record->link_type, &whole, &event);
	if (result == DISSECT_EVENT)
		feed(pipeline, &event);
	if (result == DISSECT_FRAGMENT && fragments_feed(pipeline->fragments, &fragment))
		while (fragments_take(pipeline->fragments, &event))
			feed(pipeline, &event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pipeline pipeline;
	static int fd = -1;
	const struct savefile_user user = {.frame = look, .context = &pipeline};
	struct savefile_reader *reader;
	struct err err;
	int got = 0;

	if (fd < 0) {
		fd = memfd_create("savefile", MFD_CLOEXEC);
		pipeline.fragments = fragments_new();
	}
	if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	for (int i = 0; i < WIRES; i++)
		wire_init(&pipeline.wires[i]);
	pipeline.frames = 0;
	reader = savefile_reader_new(fd, "savefile", &user);
	while (got >= 0 && pipeline.frames < FRAMES_MAX)
		got = savefile_reader_read(reader, 16, &err);
	if (got < 0 && got != SOURCE_END && memchr(err.text, '\0', sizeof(err.text)) == NULL)
		abort();
	savefile_reader_free(reader);
	for (int i = 0; i < WIRES; i++)
		wire_clear(&pipeline.wires[i]);
	return 0;
}
