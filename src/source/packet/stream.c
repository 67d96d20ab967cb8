// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/packet/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/lru.h"
#include "base/xalloc.h"
#include "source/packet/http.h"
#include "source/packet/tls.h"

/*
 * A direction is kept between its messages too, or a retransmitted segment would be a message of its own. Any host can
 * begin messages and never end them. The table therefore has a fixed size, the least recently used entry is replaced,
 * and the hash is keyed. Its memory is only touched where it is used.
 *
 * Segments out of order are held until the missing ones have come, or there is no room for more. Only the SYN shows
 * whether a first segment is the first byte of its direction; its number is remembered for a while.
 */
#define DIRECTIONS 2048

/* A ClientHello with the largest key shares in use is below 4 KiB. */
#define HELLO_MAX 8192

/* A record's type, version and length (RFC 8446, 5.1), and the type of application data. */
#define TLS_HEAD 5
#define TLS_DATA 23

/* A head in a few segments, whichever of them is late. */
#define HELD 8
#define HELD_MAX 8192

/* Room for the SYN of connections without payload yet. */
#define AWAITED 16384

/* Both ends of a direction; no padding. */
struct key {
	struct endpoint local, remote;
};

#define KEY_WORDS (sizeof(struct key) / sizeof(uint64_t))

enum kind {
	KIND_NONE,
	/** the beginning of a message is missing */
	KIND_WAITING,
	KIND_HTTP,
	KIND_TLS,
	/** records behind a ClientHello */
	KIND_RECORDS,
	/** its messages are complete; kept to recognize it */
	KIND_DONE,
};

/* A segment out of order; its captured bytes are at @at of the held ones. */
struct piece {
	uint32_t seq, length;
	uint16_t at, captured;
};

struct direction {
	struct key key;
	int64_t time_ns;
	uint32_t next_seq;
	uint8_t kind;
	uint8_t held_count;
	uint8_t record_have; /* bytes of @record_head */
	uint8_t record_head[TLS_HEAD];
	uint16_t record_left; /* bytes of the record still to come */
	uint16_t held_bytes;
	struct piece held[HELD];
	union {
		struct http http;
		struct {
			uint32_t length;
			uint8_t data[HELLO_MAX];
		} hello;
	};
	uint8_t held_data[HELD_MAX];
};

/* The first byte of a direction. */
struct awaited {
	struct key key;
	uint32_t seq;
};

struct stream {
	const struct message_names *wanted;
	struct hash_key hash_key;
	uint32_t live;
	struct lru *first, *lru; /* of awaited, of directions */
	struct awaited awaited[AWAITED];
	struct direction directions[DIRECTIONS];
};

_Static_assert(sizeof(struct key) % sizeof(uint64_t) == 0, "a key is whole words");

/* The callback, and the direction it is called for. */
struct reporter {
	stream_function *function;
	void *context;
	const struct direction *direction;
	const struct message_names *wanted;
};

static void report(void *context, const struct message *message)
{
	const struct reporter *reporter = context;
	const struct direction *direction = reporter->direction;
	const struct stream_speaker speaker = {direction->key.local, direction->key.remote, direction->time_ns};

	reporter->function(reporter->context, &speaker, message);
}

struct stream *stream_new(const struct message_names *wanted)
{
	struct stream *stream = xcalloc(1, sizeof(*stream));

	stream->wanted = wanted;
	hash_key_random(&stream->hash_key);
	stream->first = lru_new(AWAITED);
	stream->lru = lru_new(DIRECTIONS);
	return stream;
}

void stream_free(struct stream *stream)
{
	if (stream == NULL)
		return;
	lru_free(stream->first);
	lru_free(stream->lru);
	free(stream);
}

static uint32_t key_hash(const struct stream *stream, const struct key *key)
{
	uint64_t words[KEY_WORDS];

	memcpy(words, key, sizeof(words));
	return (uint32_t)hash_words(&stream->hash_key, words, KEY_WORDS);
}

/* ---- first bytes ------------------------------------------------------------------ */

static uint32_t awaited_find(const struct stream *stream, const struct key *key, uint32_t hash)
{
	uint32_t place = lru_find(stream->first, hash);

	while (place != LRU_NONE && memcmp(&stream->awaited[place].key, key, sizeof(*key)) != 0)
		place = lru_next(stream->first, place);
	return place;
}

static void await_first(struct stream *stream, const struct key *key, uint32_t hash, uint32_t seq)
{
	uint32_t place = awaited_find(stream, key, hash);

	if (place == LRU_NONE)
		place = lru_take(stream->first, hash);
	else
		lru_use(stream->first, place);
	stream->awaited[place] = (struct awaited){*key, seq};
}

/* Number of missing bytes before @seq, the first one seen; 0 also if it is unknown. */
static uint32_t missing_before(struct stream *stream, const struct key *key, uint32_t hash, uint32_t seq)
{
	uint32_t place = awaited_find(stream, key, hash), missing;

	if (place == LRU_NONE)
		return 0;
	lru_give(stream->first, place);
	missing = seq - stream->awaited[place].seq;
	return missing <= HELD_MAX ? missing : 0;
}

/* ---- the table ---------------------------------------------------------------------- */

static struct direction *find(struct stream *stream, const struct key *key, uint32_t hash)
{
	uint32_t place = lru_find(stream->lru, hash);

	while (place != LRU_NONE && memcmp(&stream->directions[place].key, key, sizeof(*key)) != 0)
		place = lru_next(stream->lru, place);
	return place != LRU_NONE ? &stream->directions[place] : NULL;
}

static void forget(struct stream *stream, struct direction *direction)
{
	direction->kind = KIND_NONE;
	lru_give(stream->lru, (uint32_t)(direction - stream->directions));
	stream->live--;
}

static void begin(struct direction *direction, enum kind kind, const struct message_names *wanted)
{
	direction->kind = (uint8_t)kind;
	if (kind == KIND_HTTP)
		http_init(&direction->http, wanted);
	else if (kind == KIND_TLS)
		direction->hello.length = 0;
}

static enum kind kind_of(struct span payload)
{
	if (tls_begins(payload) || tls_answers(payload))
		return KIND_TLS;
	return payload.length > 0 && http_begins(payload) ? KIND_HTTP : KIND_NONE;
}

/* ---- reading -------------------------------------------------------------------------- */

/* Look for the first record of application data. What is no record ends the search. */
static void feed_records(struct direction *direction, struct span data, struct reporter *reporter)
{
	const struct message message = {.kind = MESSAGE_TLS_DATA};
	uint8_t *head = direction->record_head;

	while (data.length > 0 && direction->kind == KIND_RECORDS) {
		size_t take = direction->record_left < data.length ? direction->record_left : data.length;

		if (take > 0) {
			direction->record_left = (uint16_t)(direction->record_left - take);
			(void)span_skip(&data, take);
			continue;
		}
		(void)span_take_u8(&data, &head[direction->record_have++]);
		if (direction->record_have < TLS_HEAD)
			continue;
		direction->record_have = 0;
		direction->record_left = (uint16_t)(head[3] << 8 | head[4]);
		if (head[1] != 3 || head[0] == TLS_DATA)
			direction->kind = KIND_DONE;
		if (head[1] == 3 && head[0] == TLS_DATA)
			report(reporter, &message);
	}
}

static bool feed_hello(struct direction *direction, struct span data, struct reporter *reporter)
{
	struct span whole = {direction->hello.data, direction->hello.length + data.length};
	enum tls_result result;
	struct message message;

	if (whole.length > HELLO_MAX)
		return false;
	memcpy(direction->hello.data + direction->hello.length, data.data, data.length);
	direction->hello.length = (uint32_t)whole.length;
	result = tls_begins(whole) ? tls_hello(whole, &message) : tls_server_hello(whole, &message);
	if (result != TLS_HELLO)
		return result != TLS_OTHER;
	direction->kind = message.kind == MESSAGE_TLS_HELLO ? KIND_RECORDS : KIND_DONE;
	direction->record_have = 0;
	direction->record_left = 0;
	report(reporter, &message);
	feed_records(direction, whole, reporter);
	return true;
}

/* Return: true when what follows can be parsed. */
static bool feed(struct direction *direction, struct span data, struct reporter *reporter)
{
	if (direction->kind == KIND_WAITING)
		begin(direction, kind_of(data), reporter->wanted);
	if (direction->kind == KIND_DONE)
		return true;
	if (direction->kind == KIND_TLS)
		return feed_hello(direction, data, reporter);
	if (direction->kind == KIND_RECORDS) {
		feed_records(direction, data, reporter);
		return true;
	}
	return direction->kind == KIND_HTTP && http_feed(&direction->http, data, report, reporter);
}

/* Missing bytes. Return: as feed(). */
static bool skip(struct direction *direction, uint32_t count, struct reporter *reporter)
{
	if (direction->kind == KIND_RECORDS && count <= direction->record_left) {
		direction->record_left = (uint16_t)(direction->record_left - count);
		return true;
	}
	/* The head of a record may be among the missing bytes. */
	if (direction->kind == KIND_RECORDS)
		direction->kind = KIND_DONE;
	if (direction->kind != KIND_HTTP)
		return direction->kind == KIND_DONE;
	return http_skip(&direction->http, count, report, reporter);
}

/* The next segment, or one behind a gap. After unparsable bytes a new message may begin. */
static void pass(struct direction *direction, uint32_t seq, uint32_t length, struct span payload,
		 struct reporter *reporter)
{
	/* A retransmission; the sequence numbers show how much of it is old. */
	int32_t known = (int32_t)(direction->next_seq - seq);
	bool reads = true;

	if (known < 0 && !skip(direction, (uint32_t)-known, reporter))
		direction->kind = KIND_WAITING;
	if (known < 0)
		known = 0;
	if ((uint32_t)known >= length)
		return;
	if (!span_skip(&payload, (uint32_t)known))
		payload.length = 0;
	length -= (uint32_t)known;
	span_limit(&payload, length);
	direction->next_seq = seq + (uint32_t)known + length;
	if (payload.length > 0)
		reads = feed(direction, payload, reporter);
	if (reads && length > payload.length)
		reads = skip(direction, length - (uint32_t)payload.length, reporter);
	if (!reads)
		direction->kind = KIND_WAITING;
}

/* ---- segments out of order -------------------------------------------------------------- */

/* Return: false when it need not be held, or there is no room. */
static bool hold(struct direction *direction, uint32_t seq, uint32_t length, struct span payload)
{
	uint32_t ahead = seq - direction->next_seq;

	if (direction->kind == KIND_DONE || (direction->kind == KIND_HTTP && http_passes(&direction->http, ahead)) ||
	    direction->held_count == HELD || payload.length > (size_t)(HELD_MAX - direction->held_bytes))
		return false;
	direction->held[direction->held_count++] = (struct piece){
		.seq = seq,
		.length = length,
		.at = direction->held_bytes,
		.captured = (uint16_t)payload.length,
	};
	memcpy(direction->held_data + direction->held_bytes, payload.data, payload.length);
	direction->held_bytes = (uint16_t)(direction->held_bytes + payload.length);
	return true;
}

/* Read held segments, as far as nothing is missing before them, or with @gaps all of them. */
static void release(struct direction *direction, bool gaps, struct reporter *reporter)
{
	while (direction->held_count > 0) {
		struct piece *lowest = &direction->held[0], piece;

		for (uint8_t i = 1; i < direction->held_count; i++)
			if ((int32_t)(direction->held[i].seq - lowest->seq) < 0)
				lowest = &direction->held[i];
		if (!gaps && (int32_t)(lowest->seq - direction->next_seq) > 0)
			return;
		piece = *lowest;
		*lowest = direction->held[--direction->held_count];
		pass(direction, piece.seq, piece.length, (struct span){direction->held_data + piece.at, piece.captured},
		     reporter);
	}
	direction->held_bytes = 0;
}

/* An entry for a new direction: a free one, or the least recently used one. */
static struct direction *take(struct stream *stream, const struct key *key, uint32_t hash, struct reporter *reporter)
{
	struct direction *chosen = &stream->directions[lru_oldest(stream->lru)];

	if (chosen->kind == KIND_NONE) {
		stream->live++;
	} else {
		reporter->direction = chosen;
		release(chosen, true, reporter);
	}
	(void)lru_take(stream->lru, hash);
	chosen->key = *key;
	chosen->kind = KIND_WAITING;
	chosen->held_count = 0;
	chosen->held_bytes = 0;
	return chosen;
}

/* ---- public functions --------------------------------------------------------------------- */

void stream_feed(struct stream *stream, const struct event *event, struct span payload, stream_function *function,
		 void *context)
{
	const struct event_segment *segment = &event->segment;
	const struct key key = {event->flow.local, event->flow.remote};
	struct reporter reporter = {.function = function, .context = context, .wanted = stream->wanted};
	uint32_t seq = segment->seq, hash, missing;
	bool ends = (segment->flags & (SEGMENT_FIN | SEGMENT_RST)) != 0;
	bool matters = segment->payload > 0 || (ends && stream->live > 0);
	struct direction *direction;

	if (!matters && !(segment->flags & SEGMENT_SYN))
		return;
	hash = key_hash(stream, &key);
	if (segment->flags & SEGMENT_SYN)
		await_first(stream, &key, hash, ++seq);
	if (!matters)
		return;
	direction = stream->live > 0 ? find(stream, &key, hash) : NULL;
	if (direction == NULL) {
		missing = missing_before(stream, &key, hash, seq);
		if (segment->payload == 0 || (missing == 0 && kind_of(payload) == KIND_NONE))
			return;
		direction = take(stream, &key, hash, &reporter);
		direction->next_seq = seq - missing;
	}
	reporter.direction = direction;
	direction->time_ns = event->time_ns;
	if (direction->kind != KIND_DONE)
		lru_use(stream->lru, (uint32_t)(direction - stream->directions));
	if ((int32_t)(seq - direction->next_seq) <= 0 || !hold(direction, seq, segment->payload, payload)) {
		/* Without room the missing part is given up. */
		if ((int32_t)(seq - direction->next_seq) > 0)
			release(direction, true, &reporter);
		pass(direction, seq, segment->payload, payload, &reporter);
	}
	release(direction, ends, &reporter);
	if (ends || (direction->kind == KIND_WAITING && direction->held_count == 0))
		forget(stream, direction);
}

void stream_finish(struct stream *stream, stream_function *function, void *context)
{
	struct direction *directions = stream->directions;

	for (size_t i = 0; i < DIRECTIONS && stream->live > 0; i++) {
		struct reporter reporter = {function, context, &directions[i], stream->wanted};

		if (directions[i].kind == KIND_NONE)
			continue;
		release(&directions[i], true, &reporter);
		forget(stream, &directions[i]);
	}
}
