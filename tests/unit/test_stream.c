// SPDX-License-Identifier: GPL-2.0-or-later
/* What HTTP and TLS say in the payload: heads in one piece, in many, cut, lost and again. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/packet/stream.h"
#include "source/packet/tls.h"

/** struct piece - a segment: what it says, or how many bytes passed without being captured */
struct piece {
	/** NULL ends the scenario */
	const char *text;
	/** bytes of payload on the wire behind those of @text */
	uint32_t cut;
	/** how far the sequence number is from where the last one ended */
	int32_t shift;
	uint16_t flags;
};

struct row {
	const char *scenario;
	struct piece pieces[8];
	/** "METHOD TARGET HOST;" or "STATUS;" of each message */
	const char *reported;
};

static char reported[8192];

static void note(void *context, const struct stream_speaker *speaker, const struct message *message)
{
	size_t length = strlen(reported);

	assert_ptr_equal(context, reported);
	assert_int_equal(speaker->remote.port, 80);
	assert_int_equal(speaker->time_ns, 1);
	if (message->kind == MESSAGE_HTTP_RESPONSE)
		snprintf(reported + length, sizeof(reported) - length, "%u;", message->status);
	else
		snprintf(reported + length, sizeof(reported) - length, "%s %s %s;", message->method, message->target,
			 message->host);
}

static struct event segment_new(uint16_t port)
{
	struct event event = event_new(EVENT_SEGMENT, ORIGIN_WIRE, 1);

	endpoint_parse(&event.flow.local, "192.0.2.1");
	endpoint_parse(&event.flow.remote, "192.0.2.2");
	event.flow.local.port = port;
	event.flow.remote.port = 80;
	event.segment.flags = SEGMENT_ACK;
	return event;
}

static void feed(struct stream *stream, struct event *event, const void *data, size_t length, uint32_t cut)
{
	/* Of exactly this size, so that a sanitizer sees one byte too far. */
	uint8_t *copy = malloc(length > 0 ? length : 1);

	memcpy(copy, data, length);
	event->segment.payload = (uint32_t)length + cut;
	stream_feed(stream, event, (struct span){copy, length}, note, reported);
	event->segment.seq += event->segment.payload;
	free(copy);
}

#define HEAD "GET /a HTTP/1.1\r\nUser-Agent: x\r\nHost: h.example\r\n\r\n"

static const struct row rows[] = {
	{"a request", {{HEAD, 0, 0, 0}}, "GET /a h.example;"},
	{"line feeds alone, field in capitals", {{"GET /a HTTP/1.0\nHOST:h\n\n", 0, 0, 0}}, "GET /a h;"},
	{"without a Host", {{"GET /a HTTP/1.0\r\n\r\n", 0, 0, 0}}, "GET /a ;"},
	{"the first Host counts", {{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0, 0, 0}}, "GET / a;"},
	{"two in one segment", {{HEAD "PUT /b HTTP/1.1\r\n\r\n", 0, 0, 0}}, "GET /a h.example;PUT /b ;"},
	{"in pieces",
	 {{"GE", 0, 0, 0}, {"T /a HTT", 0, 0, 0}, {"P/1.1\r\nHo", 0, 0, 0}, {"st: h\r\n\r", 0, 0, 0}, {"\n", 0, 0, 0}},
	 "GET /a h;"},
	{"a piece comes again, then overlaps",
	 {{"GET /a HTTP/1.1\r\nHo", 0, 0, 0}, {"GET /a HTTP/1.1\r\nHo", 0, -19, 0}, {"Host: h\r\n\r\n", 0, -2, 0}},
	 "GET /a h;"},
	{"the whole of it again",
	 {{HEAD, 0, 0, 0}, {HEAD, 0, -50, 0}, {"GET /b HTTP/1.0\r\n\r\n", 0, 0, 0}},
	 "GET /a h.example;GET /b ;"},
	{"a body by its length, then another",
	 {{"POST /p HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345", 0, 0, 0}, {"GET /x HTT", 5, 0, 0}, {HEAD, 0, 0, 0}},
	 "POST /p ;GET /a h.example;"},
	{"what looks like a request in a body is none",
	 {{"POST /p HTTP/1.1\r\nContent-Length: 48\r\n\r\n", 0, 0, 0},
	  {"GET /evil HTTP/1.1\r\nHost: evil.example\r\n\r\n123456", 0, 0, 0},
	  {HEAD, 0, 0, 0}},
	 "POST /p ;GET /a h.example;"},
	{"chunks, the largest of them cut",
	 {{"POST /p HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n"
	   "ff;x=1\r\n",
	   0, 0, 0},
	  {"GET", 252, 0, 0},
	  {"\r\n0\r\nA: b\r\n\r\n" HEAD, 0, 0, 0}},
	 "POST /p ;GET /a h.example;"},
	{"cut in the fields: reported with the known part",
	 {{"GET /a HTTP/1.1\r\nHost: h\r\nCoo", 900, 0, 0}},
	 "GET /a h;"},
	{"cut before Host", {{"GET /a HTTP/1.1\r\nCoo", 900, 0, 0}, {HEAD, 0, 0, 0}}, "GET /a ;GET /a h.example;"},
	{"cut in the first line", {{"GET /a HT", 9, 0, 0}}, ""},
	{"a lost segment, and on with the next message",
	 {{"GET /a HTTP/1.1\r\nHost", 0, 0, 0}, {HEAD, 0, 100, 0}},
	 "GET /a ;GET /a h.example;"},
	{"the second of two pieces first",
	 {{"", 0, 0, SEGMENT_SYN},
	  {": h\r\n\r\n", 0, 22, 0},
	  {"GET /a HTTP/1.1\r\nHost", 0, -(7 + 21), 0},
	  {HEAD, 0, 7, 0}},
	 "GET /a h;GET /a h.example;"},
	{"the third, the first, the second, and the third again",
	 {{"", 0, 0, SEGMENT_SYN},
	  {": h\r\n\r\n", 0, 22, 0},
	  {"GET /a HTT", 0, -(7 + 21), 0},
	  {"P/1.1\r\nHost", 0, 0, 0},
	  {": h\r\n\r\n", 0, 0, 0}},
	 "GET /a h;"},
	{"a piece is lost and sent again, behind two others",
	 {{"GET /a HTTP/1.1\r\n", 0, 0, 0},
	  {"Cookie: 1\r\n", 0, 9, 0},
	  {"\r\n" HEAD, 0, 0, 0},
	  {"Host: h\r\n", 0, -(9 + 11 + 53), 0}},
	 "GET /a h;GET /a h.example;"},
	{"the second request before the first",
	 {{"", 0, 0, SEGMENT_SYN}, {HEAD, 0, 20, 0}, {"GET /1 HTTP/1.0\r\n\r\n", 0, -(19 + 51), 0}},
	 "GET /1 ;GET /a h.example;"},
	{"the first was lost for good",
	 {{"", 0, 0, SEGMENT_SYN}, {"x: y\r\n\r\n", 0, 500, 0}, {HEAD, 0, 0, 0}},
	 "GET /a h.example;"},
	{"a held message is reported when it ends",
	 {{"GET /a HTTP/1.1\r\nHost", 0, 0, 0}, {HEAD, 0, 100, 0}, {"", 0, 0, SEGMENT_FIN}},
	 "GET /a ;GET /a h.example;"},
	{"a gap in a body holds nothing up",
	 {{"POST /p HTTP/1.1\r\nContent-Length: 10\r\n\r\n12", 0, 0, 0}, {"90" HEAD, 0, 6, 0}},
	 "POST /p ;GET /a h.example;"},
	{"ended in the middle", {{"GET /a HTTP/1.1\r\nHost", 0, 0, SEGMENT_RST}, {": b\r\n\r\n", 0, 0, 0}}, ""},
	{"a response in pieces", {{"HTTP/", 0, 0, 0}, {"1.1 204 No Content\r\n\r\n", 0, 0, 0}}, "204;"},
	{"responses",
	 {{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 Not Found\r\nContent-Length:0\r\n\r\n", 0, 0,
	   0},
	  {"HTTP/1.0 500\r\n\r\nuntil the end HTTP/1.1 200 OK\r\n\r\n", 0, 0, 0},
	  {"HTTP/1.1 200 OK\r\n\r\n", 0, 0, 0}},
	 "200;404;500;"},
	{"answers to HEAD have no body",
	 {{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 0, 0, 0},
	  {"HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 N\r\n\r\n", 0, 0, 0}},
	 "200;304;204;"},
	{"interim response",
	 {{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 0, 0, 0}},
	 "100;201;"},
	{"a tunnel begins", {{"CONNECT h:1 HTTP/1.1\r\n\r\n" HEAD, 0, 0, 0}}, "CONNECT h:1 ;"},
	{"other protocols",
	 {{"SSH-2.0-x\r\n", 0, 0, 0},
	  {"GET key\r\n", 0, 0, 0},
	  {"EHLO x\r\n", 0, 0, 0},
	  {"PRI * HTTP/2.0\r\n\r\n", 0, 0, 0},
	  {"HTTP/1.1 abc\r\n\r\n", 0, 0, 0}},
	 ""},
	{"numbers that cannot be",
	 {{"POST /p HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 0, 0, 0},
	  {"HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0, 0, 0}},
	 "POST /p ;200;"},
};

static void messages_are_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct stream *stream = stream_new(NULL);
		struct event event = segment_new(4000);

		/* Sequence numbers wrap around in the midst of it. */
		event.segment.seq = (uint32_t)-20;
		reported[0] = '\0';
		for (const struct piece *piece = row->pieces; piece->text != NULL; piece++) {
			event.segment.seq += (uint32_t)piece->shift;
			event.segment.flags = SEGMENT_ACK | piece->flags;
			feed(stream, &event, piece->text, strlen(piece->text), piece->cut);
		}
		stream_finish(stream, note, reported);
		if (strcmp(reported, row->reported) != 0)
			print_error("%s\n", row->scenario);
		assert_string_equal(reported, row->reported);
		stream_free(stream);
	}
}

static void lines_have_a_limit(void **state)
{
	struct stream *stream = stream_new(NULL);
	struct event event = segment_new(4000);
	char line[3000];

	(void)state;
	reported[0] = '\0';
	memset(line, 'a', sizeof(line));
	feed(stream, &event, "GET /", 5, 0);
	feed(stream, &event, line, sizeof(line), 0);
	feed(stream, &event, " HTTP/1.1\r\n\r\n", 13, 0);
	/* The target is kept in part. */
	assert_int_equal(strlen(reported), strlen("GET  ;") + MESSAGE_TARGET_MAX);
	reported[0] = '\0';
	feed(stream, &event, "GET /", 5, 0);
	for (int i = 0; i < 4; i++)
		feed(stream, &event, line, sizeof(line), 0);
	feed(stream, &event, " HTTP/1.1\r\n\r\n", 13, 0);
	assert_string_equal(reported, "");
	/* A field may be as long as it likes, and what follows it still counts. */
	feed(stream, &event, "GET /a HTTP/1.1\r\nCookie: ", 25, 0);
	for (int i = 0; i < 9; i++)
		feed(stream, &event, line, sizeof(line), 0);
	feed(stream, &event, "\r\nHost: h\r\n\r\n" HEAD, 13 + strlen(HEAD), 0);
	assert_string_equal(reported, "GET /a h;GET /a h.example;");
	stream_free(stream);
}

static void many_that_never_end(void **state)
{
	struct stream *stream = stream_new(NULL);
	struct event event;

	(void)state;
	reported[0] = '\0';
	for (uint16_t port = 1; port < 20000; port++) {
		event = segment_new(port);
		feed(stream, &event, "GET /a HTTP/1.1\r\n", 17, 0);
	}
	event = segment_new(30000);
	feed(stream, &event, HEAD, strlen(HEAD), 0);
	assert_string_equal(reported, "GET /a h.example;");
	stream_free(stream);
}

/* A ClientHello of @padding bytes of extensions before the name, in records of @record bytes. Return: its length. */
static size_t hello_new(uint8_t *to, const char *name, size_t padding, size_t record)
{
	uint8_t body[8192] = {1}, *at = body + 4;
	size_t length = 0, name_length = name != NULL ? strlen(name) : 0, extensions, made = 0;

	*at++ = 3;
	*at++ = 3;
	at += 32;  /* random */
	*at++ = 0; /* session id */
	memcpy(at, "\0\2\x13\1\1\0", 6);
	at += 6;
	extensions = (padding > 0 ? padding + 4 : 0) + (name != NULL ? name_length + 9 : 0);
	*at++ = (uint8_t)(extensions >> 8);
	*at++ = (uint8_t)extensions;
	if (padding > 0) {
		*at++ = 0;
		*at++ = 21;
		*at++ = (uint8_t)(padding >> 8);
		*at++ = (uint8_t)padding;
		at += padding;
	}
	if (name != NULL) {
		memcpy(at,
		       (uint8_t[]){0, 0, 0, (uint8_t)(name_length + 5), 0, (uint8_t)(name_length + 3), 0, 0,
				   (uint8_t)name_length},
		       9);
		memcpy(at + 9, name, name_length);
		at += 9 + name_length;
	}
	length = (size_t)(at - body);
	body[2] = (uint8_t)((length - 4) >> 8);
	body[3] = (uint8_t)(length - 4);
	for (size_t done = 0; done < length; done += record) {
		size_t part = length - done < record ? length - done : record;

		memcpy(to + made, (uint8_t[]){22, 3, 1, (uint8_t)(part >> 8), (uint8_t)part}, 5);
		memcpy(to + made + 5, body + done, part);
		made += 5 + part;
	}
	return made;
}

static void server_names(void **state)
{
	static const size_t paddings[] = {0, 100, 3000}, records[] = {7, 500, 16000};
	uint8_t hello[16384];

	(void)state;
	for (size_t p = 0; p < 3; p++) {
		for (size_t r = 0; r < 3; r++) {
			size_t length = hello_new(hello, "tls.example", paddings[p], records[r]);

			/* However it is cut into segments. */
			for (size_t segment = 1; segment <= length && length < sizeof(hello) / 2;
			     segment = segment * 3 + 1) {
				struct stream *stream = stream_new(NULL);
				struct event event = segment_new(4000);

				reported[0] = '\0';
				for (size_t at = 0; at < length; at += segment)
					feed(stream, &event, hello + at, length - at < segment ? length - at : segment,
					     0);
				assert_string_equal(reported, "  tls.example;");
				/* All of it again is not another. */
				event.segment.seq = 0;
				feed(stream, &event, hello, length, 0);
				assert_string_equal(reported, "  tls.example;");
				stream_free(stream);
			}
		}
	}
}

/* Whichever order its segments come in, and one of them twice. */
static void hello_in_any_order(void **state)
{
	static const uint8_t orders[][4] = {{0, 1, 2, 0}, {0, 2, 1, 1}, {1, 0, 2, 2},
					    {1, 2, 0, 1}, {2, 0, 1, 0}, {2, 1, 0, 2}};
	uint8_t hello[16384];
	size_t length = hello_new(hello, "tls.example", 3000, 16000), part = (length + 2) / 3;

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct stream *stream = stream_new(NULL);
		struct event event = segment_new(4000);

		reported[0] = '\0';
		event.segment.flags = SEGMENT_SYN;
		event.segment.seq = UINT32_MAX - 1000;
		feed(stream, &event, "", 0, 0);
		event.segment.flags = SEGMENT_ACK;
		for (size_t at = 0; at < 4; at++) {
			size_t from = orders[i][at] * part;

			event.segment.seq = UINT32_MAX - 1000 + 1 + (uint32_t)from;
			feed(stream, &event, hello + from, length - from < part ? length - from : part, 0);
		}
		assert_string_equal(reported, "  tls.example;");
		stream_free(stream);
	}
}

/* More is held than there is room for: what is missing is given up, and nothing else. */
static void holding_has_a_limit(void **state)
{
	struct stream *stream = stream_new(NULL);
	struct event event = segment_new(4000);

	(void)state;
	reported[0] = '\0';
	feed(stream, &event, "GET /a HTTP/1.1\r\nHost: h\r\n", 26, 0);
	event.segment.seq += 5;
	for (int i = 0; i < 9; i++)
		feed(stream, &event, "x: y\r\n", 6, 0);
	assert_string_equal(reported, "GET /a h;");
	feed(stream, &event, HEAD, strlen(HEAD), 0);
	assert_string_equal(reported, "GET /a h;GET /a h.example;");
	stream_free(stream);
}

static void hellos_without_and_not_whole(void **state)
{
	uint8_t hello[1024];
	size_t length = hello_new(hello, NULL, 0, 16000);
	struct message message;

	(void)state;
	assert_int_equal(tls_hello((struct span){hello, length}, &message), TLS_HELLO);
	assert_string_equal(message.host, "");
	length = hello_new(hello, "a", 10, 16000);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(tls_hello((struct span){hello, cut}, &message), TLS_MORE);
	/* A name longer than its extension, another handshake message, another version. */
	hello[length - 2] = 200;
	assert_int_equal(tls_hello((struct span){hello, length}, &message), TLS_OTHER);
	hello[5] = 2;
	assert_int_equal(tls_hello((struct span){hello, length}, &message), TLS_OTHER);
	hello[1] = 2;
	assert_int_equal(tls_hello((struct span){hello, length}, &message), TLS_OTHER);
	assert_false(tls_begins((struct span){hello, length}));
}

static void keep_piece(void *context, const struct event *event)
{
	struct message *joined = context;

	/* What is not first must not need what it was before. */
	if (message_join(joined, &event->message))
		joined->kind |= 0x80;
}

static void pieces_make_a_whole(void **state)
{
	static const size_t lengths[] = {
		0, 1, EVENT_MESSAGE_TEXT - 1, EVENT_MESSAGE_TEXT, EVENT_MESSAGE_TEXT + 1, 300, MESSAGE_TARGET_MAX};
	struct message whole = {.kind = MESSAGE_HTTP_REQUEST}, joined;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memset(whole.target, 'x', lengths[i]);
		whole.target[lengths[i]] = '\0';
		snprintf(whole.host, sizeof(whole.host), "%.*s", (int)(lengths[i] % 200), whole.target);
		snprintf(whole.method, sizeof(whole.method), "%s", i % 2 ? "GET" : "");
		snprintf(whole.fields, sizeof(whole.fields), "%s%s", i % 3 ? "A: b\n" : "",
			 i % 3 == 1 ? whole.target : "");
		memset(&joined, 'y', sizeof(joined));
		message_split(&whole, keep_piece, &joined);
		assert_int_equal(joined.kind, MESSAGE_HTTP_REQUEST | 0x80);
		assert_string_equal(joined.method, whole.method);
		assert_string_equal(joined.target, whole.target);
		assert_string_equal(joined.host, whole.host);
		assert_string_equal(joined.fields, whole.fields);
	}
}

static const struct message_names wanted = {3, {"user-agent", "X", "Set-Cookie"}};
static const struct message_names all = {2, {"x", "*"}};

static struct message_values values;
static unsigned int messages;

static void keep_values(void *context, const struct stream_speaker *speaker, const struct message *message)
{
	(void)speaker;
	assert_null(context);
	message_values(message, &wanted, &values);
	messages++;
}

static void fields_that_are_wanted(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nUSER-AGENT:\t curl/1 \r\nX-Y: no\r\nX:\r\nHost: h\r\n\r\n";
	static const char answer[] = "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nServer: s\r\nSet-Cookie:b=2\r\n"
				     "Content-Length: 0\r\n\r\n";
	struct stream *stream = stream_new(&wanted);
	struct event event = segment_new(4000);
	char line[MESSAGE_FIELDS_MAX + 100];

	(void)state;
	event.segment.payload = sizeof(head) - 1;
	stream_feed(stream, &event, (struct span){(const uint8_t *)head, sizeof(head) - 1}, keep_values, NULL);
	assert_int_equal(messages, 1);
	assert_string_equal(values.value[0], "curl/1");
	assert_string_equal(values.value[1], "");
	assert_null(values.value[2]);
	event.segment.seq += sizeof(head) - 1;
	event.segment.payload = sizeof(answer) - 1;
	stream_feed(stream, &event, (struct span){(const uint8_t *)answer, sizeof(answer) - 1}, keep_values, NULL);
	assert_int_equal(messages, 2);
	assert_null(values.value[0]);
	assert_string_equal(values.value[2], "a=1, b=2");
	/* What is too long is cut, and others have no room then. */
	event.segment.seq += sizeof(answer) - 1;
	snprintf(line, sizeof(line), "GET / HTTP/1.1\r\nX: %0*d\r\nUser-Agent: a\r\n\r\n", MESSAGE_FIELDS_MAX, 1);
	event.segment.payload = (uint32_t)strlen(line);
	stream_feed(stream, &event, (struct span){(const uint8_t *)line, strlen(line)}, keep_values, NULL);
	assert_int_equal(messages, 3);
	assert_int_equal(strlen(values.value[1]), MESSAGE_FIELDS_MAX - strlen("X: \n"));
	assert_null(values.value[0]);
	stream_free(stream);
}

static void keep_all(void *context, const struct stream_speaker *speaker, const struct message *message)
{
	(void)speaker;
	assert_null(context);
	message_values(message, &all, &values);
	messages++;
}

static void all_fields(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: h\r\nX:  1\r\n\r\n";
	struct stream *stream = stream_new(&all);
	struct event event = segment_new(4000);
	char line[MESSAGE_FIELDS_MAX + 100];

	(void)state;
	messages = 0;
	event.segment.payload = sizeof(head) - 1;
	stream_feed(stream, &event, (struct span){(const uint8_t *)head, sizeof(head) - 1}, keep_all, NULL);
	assert_int_equal(messages, 1);
	assert_string_equal(values.value[0], "1");
	assert_string_equal(values.value[1], "Host: h\nX:  1");
	stream_free(stream);
	stream = stream_new(&all);
	event = segment_new(4001);
	snprintf(line, sizeof(line), "GET / HTTP/1.1\r\nX: %0*d\r\n\r\nGET / HTTP/1.0\r\n\r\n", MESSAGE_FIELDS_MAX, 1);
	event.segment.payload = (uint32_t)strlen(line);
	stream_feed(stream, &event, (struct span){(const uint8_t *)line, strlen(line)}, keep_all, NULL);
	assert_int_equal(messages, 3);
	assert_null(values.value[0]);
	assert_null(values.value[1]);
	stream_free(stream);
}

static void names_of_fields(void **state)
{
	static const char *const wrong[] = {"",
					    ":",
					    "a:",
					    "a b",
					    "a,b",
					    "a::b",
					    "0123456789012345678901234567890123456789012345678901234567890123"};
	struct message_names names;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(message_names_parse(&names, wrong[i], &err), -EINVAL);
	assert_int_equal(message_names_parse(&names, "a:B:b:A:c-d", &err), 0);
	assert_int_equal(names.count, 3);
	assert_string_equal(names.name[2], "c-d");
	assert_int_equal(message_names_parse(&names, "a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:a", &err), 0);
	assert_int_equal(message_names_parse(&names, "a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q", &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_reported),
		cmocka_unit_test(lines_have_a_limit),
		cmocka_unit_test(many_that_never_end),
		cmocka_unit_test(server_names),
		cmocka_unit_test(hello_in_any_order),
		cmocka_unit_test(holding_has_a_limit),
		cmocka_unit_test(hellos_without_and_not_whole),
		cmocka_unit_test(pieces_make_a_whole),
		cmocka_unit_test(fields_that_are_wanted),
		cmocka_unit_test(all_fields),
		cmocka_unit_test(names_of_fields),
	};

	return UNIT_RUN(tests);
}
