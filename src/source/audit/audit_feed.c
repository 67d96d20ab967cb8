// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "config.h"
#include "source/audit/audit_journal.h"

/* auparse.h of audit 3.0.9 takes it from glibc's sys/cdefs.h; musl has none. */
#ifndef __attribute_malloc__
#define __attribute_malloc__ __attribute__((malloc))
#endif
#include <auparse.h>
#include <libaudit.h>

/*
 * libauparse joins records by time, number and host. It passes an event on when its end is read, or two seconds of the
 * log later. auditd(8) does not write EOE, old kernels have no PROCTITLE, and ausearch(8) writes the records of an
 * event from the last to the first. Therefore the records that matter are noted here, and the end is written as soon as
 * the last one of them was. The notes also limit how many events libauparse holds, and so its memory and the time for
 * each record.
 */

/* Events whose records may be mixed. The numbers are counted up, so their low bits choose the place. */
#define OPEN_EVENTS 256

/* Longer than any log. */
#define EVENT_SECONDS 2000000000

/* A record of an event that is open. */
enum part {
	PART_CALL = 0x1,
	PART_SOCKETCALL = 0x2,
	PART_ADDRESS = 0x4,
};

struct open_event {
	struct audit_line end; /* the record that ends it; its type is AUDIT_LINE_FOREIGN when the place is free */
	uint32_t node;
	unsigned int parts;  /* those that were read */
	unsigned int wanted; /* those that it needs, known by its call */
	unsigned int records;
};

struct audit_feed {
	auparse_state_t *parser;
	void (*on_call)(void *context, const struct audit_call *call);
	void *context;
	bool day_first;
	struct hash_key key;
	struct audit_feed_stats stats;
	int64_t lost_most;
	struct open_event *last;
	size_t open_count;
	struct open_event open[OPEN_EVENTS];
	char nodes[OPEN_EVENTS][AUDIT_LINE_NODE]; /* names that outlive their lines */
	struct text record;
	struct text entry; /* of a journal */
};

/* ---- an event of libauparse --------------------------------------------------------- */

/* Numbers were written by audit_line_write(). */
static uint64_t number_of(const char *text, int base)
{
	return strtoull(text, NULL, base);
}

static void take_address(struct audit_call *call, const char *text)
{
	uint8_t bytes[AUDIT_FIELDS_ADDRESS];
	size_t length = audit_fields_hex((struct span){(const uint8_t *)text, strlen(text)}, bytes, sizeof(bytes));
	uint16_t family;

	if (length < sizeof(family))
		return;
	memcpy(&family, bytes, sizeof(family));
	if (endpoint_from_sockaddr(&call->address, bytes, length) == 0)
		call->address_kind = AUDIT_ADDRESS_INTERNET;
	else
		call->address_kind = family == AF_UNSPEC ? AUDIT_ADDRESS_UNSPEC : AUDIT_ADDRESS_OTHER;
}

static void take_name(char *to, size_t size, const char *text)
{
	size_t length = audit_fields_hex((struct span){(const uint8_t *)text, strlen(text)}, (uint8_t *)to, size - 1);

	to[length] = '\0';
}

/**
 * struct event_fields - the fields of an event, before they are a call
 * @call: all but its kind
 * @arch: architecture
 * @syscall: number, -1 none
 * @uring_op: operation, -1 none
 * @sub_args: arguments of socketcall(2)
 */
struct event_fields {
	struct audit_call call;
	uint32_t arch;
	int64_t syscall;
	int64_t uring_op;
	uint64_t sub_args[2];
};

static void take_field(struct event_fields *fields, int type, const char *name, const char *text)
{
	struct audit_call *call = &fields->call;
	uint64_t *args = type == AUDIT_SOCKETCALL ? fields->sub_args : call->args;

	if (strcmp(name, "a0") == 0)
		args[0] = number_of(text, 16);
	else if (strcmp(name, "a1") == 0)
		args[1] = number_of(text, 16);
	else if (strcmp(name, "saddr") == 0)
		take_address(call, text);
	else if (strcmp(name, "arch") == 0)
		fields->arch = (uint32_t)number_of(text, 16);
	else if (strcmp(name, "syscall") == 0)
		fields->syscall = (int64_t)number_of(text, 10);
	else if (strcmp(name, "uring_op") == 0)
		fields->uring_op = (int64_t)number_of(text, 10);
	else if (strcmp(name, "pid") == 0)
		call->pid = (int32_t)number_of(text, 10);
	else if (strcmp(name, "euid") == 0)
		call->euid = (int64_t)number_of(text, 10);
	else if (strcmp(name, "comm") == 0)
		take_name(call->comm, sizeof(call->comm), text);
	else if (strcmp(name, "exe") == 0)
		take_name(call->exe, sizeof(call->exe), text);
	else if (strcmp(name, "exit") == 0) {
		call->result = strtoll(text, NULL, 10);
		call->has_result = true;
	}
}

static bool is_call(struct event_fields *fields)
{
	struct audit_call *call = &fields->call;

	if (fields->uring_op >= 0 && fields->uring_op <= INT32_MAX) {
		call->is_uring = true;
		call->call = audit_line_uring((int)fields->uring_op);
	} else if (fields->syscall >= 0 && fields->syscall <= INT32_MAX) {
		call->call = audit_line_syscall(fields->arch, (int)fields->syscall, call->args[0], call->args[1]);
	}
	if (call->call == AUDIT_CALL_SOCKETCALL) {
		call->call = audit_line_socketcall(call->args[0]);
		memcpy(call->args, fields->sub_args, sizeof(call->args));
	}
	return call->call != AUDIT_CALL_NONE && call->pid > 0;
}

static int64_t time_of(int64_t seconds, unsigned int milliseconds)
{
	return clock_after(clock_times(CLOCK_NS_PER_SEC, (uint64_t)seconds), (int64_t)milliseconds * CLOCK_NS_PER_MS);
}

static void on_event(auparse_state_t *parser, auparse_cb_event_t kind, void *context)
{
	struct event_fields fields = {.syscall = -1, .uring_op = -1, .sub_args = {UINT64_MAX, UINT64_MAX}};
	struct audit_feed *feed = context;
	const au_event_t *stamp;

	fields.call.args[0] = fields.call.args[1] = UINT64_MAX;
	fields.call.euid = -1;
	if (kind != AUPARSE_CB_EVENT_READY || auparse_first_record(parser) <= 0)
		return;
	stamp = auparse_get_timestamp(parser);
	if (stamp == NULL)
		return;
	fields.call.time_ns = time_of(stamp->sec, stamp->milli);
	if (stamp->host != NULL)
		fields.call.node = (uint32_t)hash_bytes(&feed->key, stamp->host, strlen(stamp->host)) | 1;
	do {
		int type = auparse_get_type(parser);

		if (auparse_first_field(parser) == 0)
			continue;
		do {
			const char *name = auparse_get_field_name(parser), *text = auparse_get_field_str(parser);

			if (name != NULL && text != NULL)
				take_field(&fields, type, name, text);
		} while (auparse_next_field(parser) > 0);
	} while (auparse_next_record(parser) > 0);
	if (is_call(&fields))
		feed->on_call(feed->context, &fields.call);
}

/* ---- its records -------------------------------------------------------------------- */

static void leave(struct audit_feed *feed, enum log_left why, unsigned int records)
{
	feed->stats.lines.left[why] += records;
}

/* Return: whether it is written. */
static bool write_record(struct audit_feed *feed, const struct audit_line *line)
{
	bool is_whole = audit_line_write(line, &feed->record);

	if (is_whole)
		auparse_feed(feed->parser, feed->record.data, feed->record.length);
	else
		leave(feed, LOG_LEFT_DAMAGED, 1);
	return is_whole;
}

static void finish(struct audit_feed *feed, struct open_event *open)
{
	if (open->end.type != AUDIT_LINE_END)
		return;
	if (!(open->parts & PART_CALL))
		leave(feed, LOG_LEFT_APART, open->records);
	write_record(feed, &open->end);
	open->end.type = AUDIT_LINE_FOREIGN;
	/* Otherwise libauparse passes the event on when the next record comes. */
	if (--feed->open_count == 0)
		auparse_flush_feed(feed->parser);
}

static uint32_t node_of(const struct audit_feed *feed, struct span node)
{
	return node.length > 0 ? (uint32_t)hash_bytes(&feed->key, node.data, node.length) | 1 : 0;
}

static bool is_event(const struct audit_feed *feed, const struct open_event *open, const struct audit_line *line)
{
	return open->end.type == AUDIT_LINE_END && open->end.serial == line->serial &&
	       open->end.seconds == line->seconds && open->end.milliseconds == line->milliseconds &&
	       open->node == node_of(feed, line->node);
}

/* The place of a record's event, which is made when it is the first. */
static struct open_event *open_for(struct audit_feed *feed, const struct audit_line *line)
{
	size_t place = line->serial % OPEN_EVENTS;
	struct open_event *open = &feed->open[place];

	if (is_event(feed, open, line))
		return open;
	finish(feed, open);
	*open = (struct open_event){.end = *line, .node = node_of(feed, line->node)};
	open->end.type = AUDIT_LINE_END;
	memcpy(feed->nodes[place], line->node.data, line->node.length);
	open->end.node.data = (const uint8_t *)feed->nodes[place];
	feed->open_count++;
	return open;
}

/* The records that an event of this call has. An accept(2) that does not ask for the address has no SOCKADDR. */
static unsigned int parts_of(enum audit_line_call call)
{
	switch (call) {
	case AUDIT_CALL_SOCKETCALL:
		return PART_CALL | PART_SOCKETCALL | PART_ADDRESS;
	case AUDIT_CALL_BIND:
	case AUDIT_CALL_CONNECT:
	case AUDIT_CALL_ACCEPT:
		return PART_CALL | PART_ADDRESS;
	default:
		return PART_CALL;
	}
}

static bool is_call_record(const struct audit_line *line)
{
	return line->type == AUDIT_LINE_SYSCALL || line->type == AUDIT_LINE_URING;
}

/* A call that is whole in one record needs no joining. */
static void pass_on(struct audit_feed *feed, const struct audit_line *line)
{
	struct audit_fields fields;
	struct audit_call call;

	if (!audit_line_fields(line, &fields)) {
		leave(feed, LOG_LEFT_DAMAGED, 1);
		return;
	}
	call = (struct audit_call){
		.time_ns = time_of(line->seconds, line->milliseconds),
		.node = node_of(feed, line->node),
		.call = line->call,
		.args = {fields.args[0], fields.args[1]},
		.result = fields.exit,
		.has_result = fields.has_exit,
		.is_uring = line->type == AUDIT_LINE_URING,
		.pid = fields.pid,
		.euid = fields.euid,
	};
	memcpy(call.comm, fields.comm, sizeof(call.comm));
	memcpy(call.exe, fields.exe, strlen(fields.exe) + 1);
	feed->on_call(feed->context, &call);
}

static void add_record(struct audit_feed *feed, const struct audit_line *line)
{
	struct open_event *open;

	/* Behind an event that waits for records libauparse keeps the order. */
	if (feed->open_count == 0 && is_call_record(line) && parts_of(line->call) == PART_CALL) {
		pass_on(feed, line);
		return;
	}
	open = open_for(feed, line);
	open->records += write_record(feed, line);
	if (is_call_record(line)) {
		open->parts |= PART_CALL;
		open->wanted = parts_of(line->call);
	} else {
		open->parts |= line->type == AUDIT_LINE_SOCKADDR ? PART_ADDRESS : PART_SOCKETCALL;
	}
	feed->last = open;
	if (open->wanted != 0 && (open->parts & open->wanted) == open->wanted)
		finish(feed, open);
}

/* In the order of ausearch(8) it comes before the others. */
static void end_record(struct audit_feed *feed, const struct audit_line *line)
{
	struct open_event *open = &feed->open[line->serial % OPEN_EVENTS];

	if (is_event(feed, open, line) && (open->parts & PART_CALL))
		finish(feed, open);
}

/* The kernel's number counts since its start. */
static void note_loss(struct audit_feed *feed, int64_t lost)
{
	if (feed->lost_most == 0)
		feed->stats.lost++;
	else if (lost > feed->lost_most)
		feed->stats.lost += lost - feed->lost_most;
	else
		return;
	feed->lost_most = lost;
}

void audit_feed_line(struct audit_feed *feed, struct span text)
{
	struct audit_line line;

	audit_line_parse(&line, audit_journal_line(text, &feed->entry), feed->day_first);
	feed->stats.lines.read++;
	feed->stats.records += line.type != AUDIT_LINE_FOREIGN && line.type != AUDIT_LINE_SEPARATOR;
	switch (line.type) {
	case AUDIT_LINE_FOREIGN:
		leave(feed, LOG_LEFT_FOREIGN, 1);
		break;
	case AUDIT_LINE_OTHER:
		leave(feed, LOG_LEFT_OTHER, 1);
		break;
	case AUDIT_LINE_DAMAGED:
		leave(feed, LOG_LEFT_DAMAGED, 1);
		break;
	case AUDIT_LINE_SYSCALL:
	case AUDIT_LINE_SOCKETCALL:
	case AUDIT_LINE_SOCKADDR:
	case AUDIT_LINE_URING:
		add_record(feed, &line);
		break;
	case AUDIT_LINE_END:
		end_record(feed, &line);
		break;
	case AUDIT_LINE_SEPARATOR:
		if (feed->last != NULL)
			finish(feed, feed->last);
		break;
	case AUDIT_LINE_LOST:
		note_loss(feed, line.lost);
		break;
	case AUDIT_LINE_NUMBERLESS:
		leave(feed, LOG_LEFT_NUMBERLESS, 1);
		break;
	}
}

void audit_feed_end(struct audit_feed *feed)
{
	for (size_t i = 0; i < OPEN_EVENTS; i++)
		finish(feed, &feed->open[i]);
	auparse_flush_feed(feed->parser);
}

struct audit_feed *audit_feed_new(void (*on_call)(void *context, const struct audit_call *call), void *context,
				  bool day_first, struct err *err)
{
	struct audit_feed *feed = xcalloc(1, sizeof(*feed));

	feed->parser = auparse_init(AUSOURCE_FEED, NULL);
	if (feed->parser == NULL) {
		free(feed);
		err_set(err, ENOMEM, "libauparse cannot be started: %s", strerror(errno));
		return NULL;
	}
#ifdef HAVE_AUPARSE_SET_EOE_TIMEOUT
	/* A call may have begun long before the others whose records are mixed with its own. */
	auparse_set_eoe_timeout(EVENT_SECONDS);
#endif
	auparse_add_callback(feed->parser, on_event, feed, NULL);
	feed->on_call = on_call;
	feed->context = context;
	feed->day_first = day_first;
	hash_key_random(&feed->key);
	return feed;
}

const struct audit_feed_stats *audit_feed_stats(const struct audit_feed *feed)
{
	return &feed->stats;
}

void audit_feed_free(struct audit_feed *feed)
{
	if (feed == NULL)
		return;
	auparse_destroy(feed->parser);
	text_free(&feed->record);
	text_free(&feed->entry);
	free(feed);
}
