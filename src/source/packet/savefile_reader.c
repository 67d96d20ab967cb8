// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/savefile_reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "source/packet/savefile.h"
#include "source/packet/savefile_order.h"
#include "system/file_stream.h"
#include "source/source.h"

/* Number of bytes read at once; a larger record makes the buffer larger, up to SAVEFILE_RECORD_MAX. */
#define BUFFER_SIZE ((size_t)1 << 18)

/* Maximum number of link types in one file, each with a filter of its own; real files have fewer. */
#define LINKS_MAX 16

/* From a stream, frames are held back no longer than this, by their times and by the clock. */
#define HELD_MS 1000

struct link {
	int link_type;
	bool known;
	struct bpf_program filter;
};

struct savefile_reader {
	const char *name;
	struct savefile_user user;
	struct file_stream *stream;
	unsigned char *buffer;
	size_t size, begin, end;
	bool ended;
	int fd;
	int end_error; /* what came behind the frames in @order: SOURCE_END or an error, 0 not yet */
	struct err end_err;
	bool stands_still;            /* a stream brings nothing: frames held back are released */
	struct savefile_order *order; /* NULL: one interface up to now */
	int unknown;                  /* an unsupported link type of some frame; -1 none */
	size_t link_count;
	const struct link *latest; /* the link of the latest frame; NULL before the first */
	struct link links[LINKS_MAX];
	struct savefile savefile;
};

struct savefile_reader *savefile_reader_new(int fd, const char *name, const struct savefile_user *user)
{
	struct savefile_reader *reader = xcalloc(1, sizeof(*reader));

	reader->name = name;
	reader->fd = fd;
	reader->user = *user;
	reader->stream = file_stream_new(fd, "-r -");
	reader->size = BUFFER_SIZE;
	reader->buffer = xmalloc(reader->size);
	reader->unknown = -1;
	return reader;
}

/* Whether a stream brings nothing while frames are held back. */
static bool comes_nothing(const struct savefile_reader *reader)
{
	struct pollfd ready = {.fd = reader->fd, .events = POLLIN};

	return reader->user.wait != NULL && reader->order != NULL && savefile_order_count(reader->order) > 0 &&
	       poll(&ready, 1, HELD_MS) == 0;
}

/* Make room for and, unless the file ends or stands still before, read @need bytes. Return: 0 or a negative errno. */
static int fill(struct savefile_reader *reader, size_t need, struct err *err)
{
	memmove(reader->buffer, reader->buffer + reader->begin, reader->end - reader->begin);
	reader->end -= reader->begin;
	reader->begin = 0;
	if (need > reader->size) {
		reader->size = need;
		reader->buffer = xreallocarray(reader->buffer, need, 1);
	}
	while (reader->end < need && !reader->ended) {
		long got;

		if (reader->user.wait != NULL)
			reader->user.wait(reader->user.context);
		if (comes_nothing(reader)) {
			reader->stands_still = true;
			return 0;
		}
		got = file_stream_read(reader->stream, reader->buffer + reader->end, reader->size - reader->end, err);
		if (got < 0)
			return (int)got;
		reader->ended = got == 0;
		reader->end += (size_t)got;
	}
	return 0;
}

/* Return: NULL when there are too many. */
static struct link *find_link(struct savefile_reader *reader, int link_type)
{
	struct savefile_filter filter = {NULL, 0};
	struct link *link;

	for (size_t i = 0; i < reader->link_count; i++)
		if (reader->links[i].link_type == link_type)
			return &reader->links[i];
	if (reader->link_count == LINKS_MAX)
		return NULL;
	link = &reader->links[reader->link_count++];
	link->link_type = link_type;
	link->known = dissect_knows(link_type);
	if (link->known && reader->user.link != NULL)
		reader->user.link(reader->user.context, link_type, &filter);
	if (filter.length > 0) {
		link->filter.bf_len = filter.length;
		link->filter.bf_insns = xreallocarray(NULL, filter.length, sizeof(*filter.instructions));
		memcpy(link->filter.bf_insns, filter.instructions, filter.length * sizeof(*filter.instructions));
	}
	return link;
}

static int refuse(int link_type, struct err *err)
{
	const char *name = pcap_datalink_val_to_name(link_type);

	return err_set(err, EPROTONOSUPPORT, "link type %s (%d) is not understood; " DISSECT_LINKS,
		       name ? name : "unknown", link_type);
}

/* The first interface is known: a wrong filter is reported even if no frame follows. */
static int first_link(struct savefile_reader *reader, struct err *err)
{
	const struct link *link = find_link(reader, reader->savefile.interfaces[0].link_type);

	/* In pcapng there may be others. */
	if (link == NULL || link->known || reader->savefile.format == SAVEFILE_PCAPNG)
		return 0;
	return refuse(link->link_type, err);
}

/* Return: 1 when the frame passes, 0 when not, or a negative errno. */
static int filter(struct savefile_reader *reader, const struct dissect_record *record, struct err *err)
{
	const struct link *link = reader->latest;
	struct pcap_pkthdr header;

	if (link == NULL || link->link_type != record->link_type)
		link = reader->latest = find_link(reader, record->link_type);
	if (link == NULL)
		return err_set(err, EINVAL, "damaged: more than %d link types", LINKS_MAX);
	if (!link->known) {
		reader->unknown = record->link_type;
		return 0;
	}
	if (link->filter.bf_len == 0)
		return 1;
	header = (struct pcap_pkthdr){.caplen = record->caplen, .len = record->length};
	if (pcap_offline_filter(&link->filter, &header, record->data) != 0)
		return 1;
	if (reader->user.rejected != NULL)
		reader->user.rejected(reader->user.context, record);
	return 0;
}

/* The file has ended; a partial record, or frames left out, are reported. */
static int at_end(struct savefile_reader *reader, struct err *err)
{
	if (reader->end > reader->begin)
		return err_set(err, EINVAL, "cut off in the middle of %s",
			       reader->savefile.format == SAVEFILE_UNKNOWN ? "its head" : "a packet");
	if (reader->savefile.format == SAVEFILE_UNKNOWN)
		return err_set(err, EINVAL, "empty: not even the head of a savefile");
	return reader->unknown < 0 ? SOURCE_END : refuse(reader->unknown, err);
}

/* The next frame in the file, whether it passes or not. Return: as savefile_reader_next(). */
static int next_in_file(struct savefile_reader *reader, struct dissect_record *record, struct err *err)
{
	for (;;) {
		struct span data = {reader->buffer + reader->begin, reader->end - reader->begin};
		int got = savefile_next(&reader->savefile, &data, record, err);

		reader->begin = reader->end - data.length;
		if (got >= 0 && reader->link_count == 0 && reader->savefile.interface_count > 0) {
			int first = first_link(reader, err);

			got = first < 0 ? first : got;
		}
		if (got == SAVEFILE_FRAME)
			return filter(reader, record, err);
		if (got == SAVEFILE_MORE && reader->ended)
			return at_end(reader, err);
		if (got == SAVEFILE_MORE)
			got = fill(reader, reader->savefile.need, err);
		if (got < 0 || reader->stands_still)
			return got < 0 ? got : 0;
	}
}

static bool must_go(const struct savefile_reader *reader)
{
	const struct savefile_order *order = reader->order;

	if (savefile_order_count(order) == 0)
		return false;
	if (reader->end_error != 0 || savefile_order_is_full(order))
		return true;
	return reader->stands_still ||
	       (reader->user.wait != NULL && savefile_order_span_ns(order) > HELD_MS * CLOCK_NS_PER_MS);
}

static int next_in_order(struct savefile_reader *reader, struct dissect_record *record, struct err *err)
{
	int got;

	if (must_go(reader))
		return savefile_order_pop(reader->order, record);
	reader->stands_still = false;
	if (reader->end_error != 0) {
		*err = reader->end_err;
		return reader->end_error;
	}
	got = next_in_file(reader, record, &reader->end_err);
	if (got < 0)
		reader->end_error = got;
	else if (got > 0)
		savefile_order_push(reader->order, record);
	return 0;
}

int savefile_reader_next(struct savefile_reader *reader, struct dissect_record *record, struct err *err)
{
	int got;

	if (reader->order == NULL && reader->savefile.interface_count > 1)
		reader->order = savefile_order_new();
	got = reader->order != NULL ? next_in_order(reader, record, err) : next_in_file(reader, record, err);
	if (got < 0 && got != SOURCE_END)
		err_wrap(err, "\"%s\"", reader->name);
	return got;
}

int savefile_reader_read(struct savefile_reader *reader, int count, struct err *err)
{
	struct dissect_record record = {.time_ns = 0};
	int handed = 0;

	while (handed < count) {
		int got = savefile_reader_next(reader, &record, err);

		if (got < 0)
			return got;
		if (got > 0)
			reader->user.frame(reader->user.context, &record);
		handed++;
	}
	return handed;
}

void savefile_reader_free(struct savefile_reader *reader)
{
	if (reader == NULL)
		return;
	for (size_t i = 0; i < reader->link_count; i++)
		free(reader->links[i].filter.bf_insns);
	savefile_order_free(reader->order);
	file_stream_free(reader->stream);
	free(reader->buffer);
	free(reader);
}
