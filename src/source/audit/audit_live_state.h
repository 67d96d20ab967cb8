/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_LIVE_STATE_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_LIVE_STATE_H

#include "model/event.h"
#include "source/audit/audit_calls.h"
#include "source/audit/audit_control.h"
#include "source/audit/audit_feed.h"
#include "source/audit/audit_held.h"
#include "source/audit/audit_live.h"
#include "source/audit/audit_rule.h"
#include "source/audit/audit_state.h"
#include "source/audit/audit_unrecorded.h"
#include "source/audit/audit_watch.h"

/* What opening and reading share. */

/* A record is at most a line of auditd(8). */
#define AUDIT_LIVE_RECORD 16384
/* Records that are read at once. */
#define AUDIT_LIVE_BATCH 16

struct audit_live {
	struct audit_control *control;
	struct audit_rule_owner owner;
	struct audit_state *state;
	struct audit_watch *watch;
	struct audit_feed *feed;
	struct audit_calls *calls;
	struct audit_held *held;
	struct audit_unrecorded *unrecorded;
	int records; /* the multicast group */
	int epoll;
	bool all, blind, draining;
	int64_t backlog_ns;   /* monotonic, when the kernel was asked for it */
	int64_t sent_ns;      /* all records until then had been sent */
	struct queue *events; /* of this reading */
	int appended;
	struct event *existing; /* from before the run, to be read first */
	size_t existing_count, existing_room;
	char **notices;
	size_t notice_count, notice_at;
	size_t removals;                 /* rules that were removed and whose record has not come */
	int64_t removed_ns, received_ns; /* monotonic */
	int64_t settled_ns;
	uint64_t serial; /* the highest that came */
	bool has_gap;    /* records were lost here since then */
	uint32_t lost;   /* the kernel's count, as reported */
	char line[AUDIT_LIVE_RECORD + 64];
	char batch[AUDIT_LIVE_BATCH][AUDIT_LIVE_RECORD + 8] __attribute__((aligned(8)));
};

/** audit_live_notice() - @text is to be reported; it is freed later */
void audit_live_notice(struct audit_live *live, char *text);

/** audit_live_append() - an event of this reading; @context is the source */
void audit_live_append(void *context, const struct event *event);

/** audit_live_take_call() - a call of a watched process; @context is the source */
void audit_live_take_call(void *context, const struct audit_call *call);

/** audit_live_release() - a call that has waited; @context is the source */
void audit_live_release(void *context, const struct audit_call *call, const struct event *sample);

/** audit_live_close() - end it, and undo what it has changed; NULL is allowed */
void audit_live_close(void *source);

#endif
