// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "source/packet/http.h"
#include "source/packet/tls.h"

/*
 * A direction is kept between its messages too, or a segment that comes again
 * would be a message of its own. Anybody can begin messages and never end
 * them, so the table has a fixed size, the oldest of a bucket goes first, and
 * the hash is keyed. Its memory is only touched where it is used.
 */
#define BUCKETS 512
#define WAYS 4

/* A ClientHello with the largest key shares in use is below 4 KiB. */
#define HELLO_MAX 8192

/* Both ends of a direction; no padding. */
struct key {
	struct endpoint local, remote;
};

#define KEY_WORDS (sizeof(struct key) / sizeof(uint64_t))

enum kind {
	KIND_NONE,
	KIND_HTTP,
	KIND_TLS,
	/** it has said what there is to say; kept to know it again */
	KIND_DONE,
};

struct direction {
	struct key key;
	uint64_t used;
	uint32_t next_seq;
	uint8_t kind;
	union {
		struct http http;
		struct {
			uint32_t length;
			uint8_t data[HELLO_MAX];
		} hello;
	};
};

struct stream {
	struct hash_key hash_key;
	uint64_t clock;
	uint32_t live;
	struct direction directions[BUCKETS][WAYS];
};

_Static_assert(sizeof(struct key) % sizeof(uint64_t) == 0, "a key is whole words");

struct stream *stream_new(void)
{
	struct stream *stream = xcalloc(1, sizeof(*stream));

	hash_key_random(&stream->hash_key);
	return stream;
}

void stream_free(struct stream *stream)
{
	free(stream);
}

static struct direction *bucket_of(struct stream *stream, const struct key *key)
{
	uint64_t words[KEY_WORDS];

	memcpy(words, key, sizeof(words));
	return stream->directions[hash_words(&stream->hash_key, words, KEY_WORDS) % BUCKETS];
}

static struct direction *find(struct direction *bucket, const struct key *key)
{
	for (int i = 0; i < WAYS; i++)
		if (bucket[i].kind != KIND_NONE && memcmp(&bucket[i].key, key, sizeof(*key)) == 0)
			return &bucket[i];
	return NULL;
}

static void forget(struct stream *stream, struct direction *direction)
{
	direction->kind = KIND_NONE;
	stream->live--;
}

/* A place for a new direction: a free one, or that which was used longest ago. */
static struct direction *take(struct stream *stream, struct direction *bucket, const struct key *key, enum kind kind)
{
	struct direction *chosen = bucket;

	for (int i = 1; i < WAYS && chosen->kind != KIND_NONE; i++)
		if (bucket[i].kind == KIND_NONE || bucket[i].used < chosen->used)
			chosen = &bucket[i];
	if (chosen->kind == KIND_NONE)
		stream->live++;
	chosen->key = *key;
	chosen->kind = (uint8_t)kind;
	if (kind == KIND_HTTP)
		http_init(&chosen->http);
	else
		chosen->hello.length = 0;
	return chosen;
}

static bool feed_hello(struct direction *direction, struct span data, stream_function *function, void *context)
{
	struct span whole = {direction->hello.data, direction->hello.length + data.length};
	enum tls_verdict verdict;
	struct message message;

	if (whole.length > HELLO_MAX)
		return false;
	memcpy(direction->hello.data + direction->hello.length, data.data, data.length);
	direction->hello.length = (uint32_t)whole.length;
	verdict = tls_hello(whole, &message);
	if (verdict == TLS_HELLO) {
		direction->kind = KIND_DONE;
		function(context, &message);
	}
	return verdict != TLS_OTHER;
}

/* Return: is there a reason to keep the direction? */
static bool feed(struct direction *direction, struct span data, stream_function *function, void *context)
{
	if (direction->kind == KIND_DONE)
		return true;
	if (direction->kind == KIND_TLS)
		return feed_hello(direction, data, function, context);
	return http_feed(&direction->http, data, function, context);
}

/* Return: as feed(). */
static bool skip(struct direction *direction, uint32_t count, stream_function *function, void *context)
{
	if (count == 0)
		return true;
	if (direction->kind != KIND_HTTP)
		return direction->kind == KIND_DONE;
	return http_skip(&direction->http, count, function, context);
}

/* What was kept of the direction goes on at @seq. Return: NULL when it must be begun anew. */
static struct direction *go_on(struct stream *stream, struct direction *direction, uint32_t seq,
			       stream_function *function, void *context)
{
	int32_t ahead = (int32_t)(seq - direction->next_seq);

	if (ahead <= 0 || skip(direction, (uint32_t)ahead, function, context))
		return direction;
	forget(stream, direction);
	return NULL;
}

static enum kind kind_of(struct span payload)
{
	if (tls_begins(payload))
		return KIND_TLS;
	return payload.length > 0 && http_begins(payload) ? KIND_HTTP : KIND_NONE;
}

void stream_feed(struct stream *stream, const struct event *event, struct span payload, stream_function *function,
		 void *context)
{
	const struct event_segment *segment = &event->segment;
	struct key key = {event->flow.local, event->flow.remote};
	uint32_t seq = segment->seq + ((segment->flags & SEGMENT_SYN) != 0), known, left = segment->payload;
	bool ends = (segment->flags & (SEGMENT_FIN | SEGMENT_RST)) != 0, keep;
	struct direction *bucket, *direction = NULL;
	enum kind kind;

	if (left == 0 && (!ends || stream->live == 0))
		return;
	kind = kind_of(payload);
	if (stream->live == 0 && kind == KIND_NONE)
		return;
	bucket = bucket_of(stream, &key);
	direction = find(bucket, &key);
	if (direction != NULL)
		direction = go_on(stream, direction, seq, function, context);
	if (direction == NULL && kind != KIND_NONE) {
		direction = take(stream, bucket, &key, kind);
		direction->next_seq = seq;
	}
	if (direction == NULL)
		return;
	/* What came before comes again; the sequence numbers say how much of it. */
	known = direction->next_seq - seq;
	if ((int32_t)known < 0)
		known = 0;
	if (known < left) {
		left -= known;
		if (!span_skip(&payload, known))
			payload.length = 0;
		span_limit(&payload, left);
		if (direction->kind != KIND_DONE)
			direction->used = ++stream->clock;
		direction->next_seq = seq + segment->payload;
		keep = payload.length == 0 || feed(direction, payload, function, context);
		if (left > payload.length)
			keep = keep && skip(direction, left - (uint32_t)payload.length, function, context);
	} else {
		keep = true;
	}
	if (!keep || ends)
		forget(stream, direction);
}
