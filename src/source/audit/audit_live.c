// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_live.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "model/event.h"
#include "source/audit/audit_live_state.h"
#include "source/source.h"
#include "system/procfs.h"

/* Other sources are read after this many records. */
#define RECORDS_AT_ONCE 8192
/* A record comes this late, and its time is up to a tick too early. Other events wait for it. */
#define LATE_NS (250 * CLOCK_NS_PER_MS)
/* Without a record for this time, and none waiting in the kernel, all have come. */
#define QUIET_NS (200 * CLOCK_NS_PER_MS)
/* Between two questions for the backlog. */
#define BACKLOG_NS (20 * CLOCK_NS_PER_MS)
#define QUIET_PAUSE_NS CLOCK_NS_PER_MS
/* The records of the removal of rules come at once, unless audit drops such records. */
#define END_NS (2 * CLOCK_NS_PER_SEC)

/* ---- records -------------------------------------------------------------------------- */

void audit_live_notice(struct audit_live *live, char *text)
{
	live->notices = array_extend(live->notices, live->notice_count, sizeof(*live->notices));
	live->notices[live->notice_count++] = text;
}

void audit_live_append(void *context, const struct event *event)
{
	struct audit_live *live = context;

	live->appended += queue_push(live->events, event);
}

void audit_live_release(void *context, const struct audit_call *call, const struct event *sample)
{
	struct audit_live *live = context;

	audit_calls_feed(live->calls, call);
	if (sample != NULL)
		audit_live_append(live, sample);
}

void audit_live_take_call(void *context, const struct audit_call *call)
{
	struct audit_live *live = context;

	/* A thread is among them; it is no process. */
	if (call->call == AUDIT_CALL_FORK && call->result > 0 &&
	    procfs_thread_group((pid_t)call->result) == (pid_t)call->result)
		(void)audit_watch_meet(live->watch, (pid_t)call->result, call->pid);
	audit_held_add(live->held, call, audit_watch_pidfd(live->watch, call->pid));
}

/* The number behind @name in a record; 0 when there is none. */
static uint64_t number_behind(const char *text, size_t length, const char *name)
{
	const char *at = memmem(text, length, name, strlen(name));

	return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void report_loss(struct audit_live *live, int64_t count)
{
	struct event event = event_new(EVENT_LOST, ORIGIN_AUDIT, clock_now());

	event.lost.where = LOST_AUDIT;
	event.lost.count = count;
	audit_live_append(live, &event);
}

/* Numbers count all events of the host: what is missing between two is the most that can have been lost. */
static void take_serial(struct audit_live *live, uint64_t serial)
{
	if (live->has_gap && serial > live->serial + 1)
		report_loss(live, (int64_t)(serial - live->serial - 1));
	live->has_gap = false;
	if (serial > live->serial)
		live->serial = serial;
}

static void feed_line(struct audit_live *live, const char *type, const char *text, size_t length)
{
	int used = snprintf(live->line, sizeof(live->line), "type=%s msg=%.*s", type, (int)length, text);

	audit_feed_line(live->feed, (struct span){(const uint8_t *)live->line, (size_t)used});
}

/* The text is terminated by a NUL. */
static void take_record(struct audit_live *live, unsigned int type, const char *text, size_t length)
{
	pid_t pid;

	switch (type) {
	case AUDIT_SYSCALL:
	case AUDIT_URINGOP:
		pid = (pid_t)number_behind(text, length, " pid=");
		take_serial(live, number_behind(text, length, ":"));
		audit_unrecorded_drop(live->unrecorded, pid);
		if (audit_watch_meet(live->watch, pid, (pid_t)number_behind(text, length, " ppid=")))
			feed_line(live, type == AUDIT_SYSCALL ? "SYSCALL" : "URINGOP", text, length);
		break;
	case AUDIT_SOCKETCALL:
		feed_line(live, "SOCKETCALL", text, length);
		break;
	case AUDIT_SOCKADDR:
		feed_line(live, "SOCKADDR", text, length);
		break;
	case AUDIT_EOE:
		feed_line(live, "EOE", text, length);
		break;
	case AUDIT_CONFIG_CHANGE:
		if (live->removals > 0 && memmem(text, length, "remove_rule", strlen("remove_rule")) != NULL &&
		    audit_rule_owns_text(&live->owner, text, length))
			live->removals--;
		break;
	default:
		break;
	}
}

/* Several records by one call, because a call of a program has four or more. Return: 0 when there is no more now. */
static int receive(struct audit_live *live)
{
	struct mmsghdr messages[AUDIT_LIVE_BATCH];
	struct iovec rooms[AUDIT_LIVE_BATCH];
	int got;

	for (size_t i = 0; i < AUDIT_LIVE_BATCH; i++) {
		rooms[i] = (struct iovec){live->batch[i], AUDIT_LIVE_RECORD};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &rooms[i], .msg_iovlen = 1};
	}
	got = recvmmsg(live->records, messages, AUDIT_LIVE_BATCH, MSG_DONTWAIT, NULL);
	if (got < 0 && errno == ENOBUFS)
		live->has_gap = true;
	if (got < 0)
		return errno == ENOBUFS || errno == EINTR;
	live->received_ns = clock_monotonic();
	for (int i = 0; i < got; i++) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)live->batch[i];
		size_t length = messages[i].msg_len;

		live->batch[i][length] = '\0';
		if (length > sizeof(*header))
			take_record(live, header->nlmsg_type, live->batch[i] + sizeof(*header),
				    length - sizeof(*header));
	}
	return got;
}

/* ---- the source ------------------------------------------------------------------------ */

static void note_removed(struct audit_live *live, size_t count)
{
	live->removals += count;
	if (count > 0)
		live->removed_ns = clock_monotonic();
}

/* All records of calls before the last removal of a rule have come. */
static bool has_caught_up(const struct audit_live *live)
{
	return live->removals == 0 || clock_since(live->removed_ns, clock_monotonic()) > END_NS;
}

static bool is_quiet(struct audit_live *live)
{
	struct audit_control_status status;

	if (clock_since(live->received_ns, clock_monotonic()) < QUIET_NS ||
	    audit_control_status(live->control, &status) != 0)
		return false;
	/* It may have come between the two. */
	return status.backlog == 0 && receive(live) == 0;
}

static void report_kernel_losses(struct audit_live *live)
{
	struct audit_control_status status;

	if (audit_control_status(live->control, &status) != 0 || status.lost == live->lost)
		return;
	report_loss(live, (int64_t)(status.lost - live->lost));
	live->lost = status.lost;
}

static void report_unrecorded(struct audit_live *live)
{
	char *text;

	while ((text = audit_unrecorded_next(live->unrecorded)) != NULL)
		audit_live_notice(live, text);
}

/*
 * When did none wait in the kernel? To be asked before the records are read: the kernel may be late by any time, and
 * what it sends between a read and the answer would be missed. It is asked again only after a moment.
 */
static void ask_for_backlog(struct audit_live *live)
{
	struct audit_control_status status;
	int64_t now_ns = clock_now(), asked_ns = clock_monotonic();

	if (clock_since(live->backlog_ns, asked_ns) < BACKLOG_NS)
		return;
	live->backlog_ns = asked_ns;
	if (audit_control_status(live->control, &status) == 0 && status.backlog == 0)
		live->sent_ns = now_ns;
}

static void settle(struct audit_live *live, bool is_empty)
{
	int64_t oldest_ns = audit_held_oldest_ns(live->held);

	if (oldest_ns >= 0)
		live->settled_ns = oldest_ns - 1;
	else if (is_empty && live->removals == 0)
		live->settled_ns = live->sent_ns - LATE_NS;
}

static bool is_over(const struct audit_live *live)
{
	return live->draining || (!live->all && audit_watch_living(live->watch, NULL, 0) == 0);
}

static int read_events(void *source, struct queue *events, struct err *err)
{
	struct audit_live *live = source;
	int count = 0, got = 1;
	bool ends;

	(void)err;
	live->events = events;
	live->appended = 0;
	for (size_t i = 0; i < live->existing_count; i++)
		audit_live_append(live, &live->existing[i]);
	live->existing_count = 0;
	note_removed(live, audit_watch_refresh(live->watch));
	ends = is_over(live);
	ask_for_backlog(live);
	while (count < RECORDS_AT_ONCE && (got = receive(live)) > 0)
		count += got;
	if (got == 0 && has_caught_up(live)) {
		if (ends)
			audit_feed_end(live->feed);
		if (ends || (audit_held_oldest_ns(live->held) >= 0 && is_quiet(live)))
			audit_held_flush(live->held);
		audit_watch_forget(live->watch);
	} else {
		ends = false;
	}
	if (ends) {
		report_kernel_losses(live);
		report_unrecorded(live);
	}
	settle(live, got == 0);
	return ends && live->appended == 0 ? SOURCE_END : live->appended;
}

static bool prepare_sleep(void *source, bool is_patient)
{
	const struct timespec pause = {.tv_nsec = QUIET_PAUSE_NS};
	const struct audit_live *live = source;

	if (live->existing_count > 0)
		return false;
	if (is_patient || (audit_held_oldest_ns(live->held) < 0 && !is_over(live)))
		return true;
	/* The end of a wait is no event. */
	nanosleep(&pause, NULL);
	return false;
}

static int fd_of(const void *source)
{
	return ((const struct audit_live *)source)->epoll;
}

static int64_t settled_ns(const void *source)
{
	return ((const struct audit_live *)source)->settled_ns;
}

static const char *notice(void *source)
{
	struct audit_live *live = source;

	return live->notice_at < live->notice_count ? live->notices[live->notice_at++] : NULL;
}

static size_t others(void *source, int number, pid_t *pids, size_t room)
{
	const struct audit_live *live = source;

	(void)number;
	return audit_watch_living(live->watch, pids, room);
}

static void drain(void *source)
{
	struct audit_live *live = source;

	if (live->draining)
		return;
	note_removed(live, audit_watch_stop(live->watch));
	live->draining = true;
}

static bool is_drained(const void *source)
{
	const struct audit_live *live = source;

	return has_caught_up(live) && audit_held_oldest_ns(live->held) < 0;
}

void audit_live_close(void *source)
{
	struct audit_live *live = source;

	if (live == NULL)
		return;
	audit_state_close(live->state);
	audit_watch_free(live->watch);
	audit_held_free(live->held);
	audit_unrecorded_free(live->unrecorded);
	audit_calls_free(live->calls);
	audit_feed_free(live->feed);
	audit_control_free(live->control);
	if (live->records >= 0)
		close(live->records);
	if (live->epoll >= 0)
		close(live->epoll);
	for (size_t i = 0; i < live->notice_count; i++)
		free(live->notices[i]);
	free(live->notices);
	free(live->existing);
	free(live);
}

const struct source_ops audit_live_source = {
	.name = "audit",
	.role = SOURCE_TARGET,
	.fd = fd_of,
	.sleep = prepare_sleep,
	.read = read_events,
	.drain_read = read_events,
	.settled_ns = settled_ns,
	.notice = notice,
	.others = others,
	.drain = drain,
	.is_drained = is_drained,
	.drain_ns = END_NS + CLOCK_NS_PER_SEC,
	.close = audit_live_close,
};
