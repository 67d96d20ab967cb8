// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/session_state.h"

#include <errno.h>

#include "run/debug.h"
#include "run/files.h"
#include "run/interrupt.h"
#include "run/privileges.h"
#include "run/run_stats.h"
#include "base/clock.h"
#include "run/local_side.h"

/* What every phase of a run does: feed the tracker, print, serve. The phases are in session.c and session_end.c. */

void session_check_output(struct session *session, int rc, const struct err *err)
{
	if (rc == 0 || session->write_error != 0)
		return;
	session->write_error = rc;
	session->write_err = *err;
	session->stopping = true;
}

void session_begin_writing(struct session *session)
{
	struct err err = {""};

	if (session->writes)
		return;
	session->writes = true;
	interrupt_opening(true);
	session_check_output(session, files_commit(session->output, session->record, &err), &err);
	if (session->packet_save != NULL)
		session_check_output(session, packet_save_commit(session->packet_save, &err), &err);
	interrupt_opening(false);
	privileges_drop(session->options, false);
}

/*
 * What depends on a TIME_WAIT socket must be queried while the socket exists: as
 * soon as the final counters are read, or, if the tracker does not know the
 * connection by then, when they are fed.
 */
void session_ask_timewait(void *context, struct event *event)
{
	struct session *session = context;
	struct diag *diag = sources_diag(session->sources);
	uint64_t cookie;

	if (event->type == EVENT_INFO && diag != NULL && tracker_wants_timewait(session->tracker, event, &cookie))
		event->info.timewait = (uint8_t)diag_timewait(diag, &event->flow, cookie);
}

void session_take_destroyed(void *context, struct event *event)
{
	const struct session *session = context;

	session_ask_timewait(context, event);
	owner_lookup_destroyed(session->owner_lookup, event);
}

/* A full disk ends the recording, and not the run. */
static void record(struct session *session, const struct event *event)
{
	struct err err = {""};
	int rc = record_event(session->record, event, &err);

	if (rc == 0)
		return;
	if (rc == -EPIPE) {
		session_check_output(session, rc, &err);
		return;
	}
	session_say(session, err.text);
	session->save_failed = true;
	(void)record_close(session->record, NULL);
	session->record = NULL;
}

/* Recording and debugging get each event before the tracker does. */
static void show(struct session *session, const struct event *event)
{
	if (event->type == EVENT_RUN)
		output_begin(session->output, event->run.has_packets);
	if (session->options->debug & OPTIONS_DEBUG_EVENTS)
		debug_event(event);
	if (session->record != NULL)
		record(session, event);
}

void session_feed_one(void *context, struct event *event)
{
	struct session *session = context;

	show(session, event);
	tracker_feed(session->tracker, event, 1);
}

void session_feed(struct session *session, int64_t until_ns)
{
	struct merge *merge = sources_merge(session->sources);
	struct event *events;
	size_t count;

	while ((events = merge_run(merge, until_ns, &count)) != NULL) {
		size_t fed = 0;

		session_begin_writing(session);
		for (size_t i = 0; i < count; i++) {
			struct event *event = &events[i];

			if (event->type == EVENT_INFO) {
				/* What is asked for now depends on what came before. */
				tracker_feed(session->tracker, events + fed, i - fed);
				fed = i;
				session_ask_timewait(session, event);
			}
			if (event->type == EVENT_SEGMENT)
				local_side_mark(session->options, session->is_file, event);
			if (event->type == EVENT_LOST &&
			    (event->lost.where == LOST_NETLINK || event->lost.where == LOST_RING))
				session->overrun_ns = clock_monotonic();
			show(session, event);
		}
		tracker_feed(session->tracker, events + fed, count - fed);
		merge_drop(merge, count);
	}
}

void session_save_packets(struct session *session, int64_t fed_ns)
{
	struct err err = {""};
	int rc;

	if (session->packet_save == NULL || !session->writes)
		return;
	rc = packet_save_step(session->packet_save, session->is_file ? tracker_now(session->tracker) : fed_ns, &err);
	session_say_failure(session, rc, &err);
	session->save_failed |= rc != 0;
}

size_t session_refresh(struct session *session, bool tell_gone)
{
	return session->is_file ? 0 : refresh_all(&session->refresh, tell_gone);
}

static const struct conn *no_open(void *context, const struct conn *previous)
{
	(void)context;
	(void)previous;
	return NULL;
}

const struct conn *session_next_open(void *context, const struct conn *previous)
{
	return tracker_next(context, previous);
}

static const struct conn *last_open(void *context, const struct conn *previous)
{
	return tracker_last(context, previous);
}

void session_print(struct session *session, enum output_when when)
{
	bool has_all = when == OUTPUT_FINAL && session_has_all(session);
	const struct output_walk walk = {has_all ? no_open : session_next_open, has_all ? no_open : last_open,
					 session->tracker};
	struct err err = {""};

	session_begin_writing(session);
	session_check_output(session, output_print(session->output, &walk, when, &err), &err);
	if (when == OUTPUT_SO_FAR)
		session_save_page(session, NULL);
}

void session_save_page(struct session *session, const struct summary *summary)
{
	struct summary now;
	struct err err = {""};

	if (session->page == NULL)
		return;
	if (summary == NULL) {
		run_stats_fill(&now, session->tracker, session->sources, session->options, session->start_ns,
			       session->finished);
		output_count(session->output, &now);
		summary = &now;
	}
	session_say_failure(session, page_save(session->page, session->output, summary, &err), &err);
}

/* A line for the user, wherever it does not spoil what is on the terminal. */
void session_say(void *context, const char *text)
{
	struct session *session = context;

	progress_wipe(&session->progress);
	top_run_notice(session->top_run, text);
}

void session_say_failure(struct session *session, int rc, const struct err *err)
{
	if (rc != 0)
		session_say(session, err->text);
}

void session_print_notices(struct session *session)
{
	const char *notice;

	while ((notice = sources_notice(session->sources)) != NULL)
		session_say(session, notice);
}

/* Who asks is answered, and what is due is written; that this fails ends no run. */
void session_serve(struct session *session, bool final)
{
	const struct services_run run = {session->tracker,  session->sources,  session->output,
					 session->start_ns, session->finished, session->writes};
	struct err err = {""};

	if (session->writes && services_due(session->services, final))
		session_refresh(session, false);
	session_say_failure(session, services_serve(session->services, &run, final, &err), &err);
}

bool session_has_all(const struct session *session)
{
	int64_t count = session->options->count;

	if (session->options->handshakes)
		return output_has_all(session->output);
	return count > 0 && session->finished >= (uint64_t)count;
}
