// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "run/capabilities.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "run/debug.h"
#include "run/files.h"
#include "run/interrupt.h"
#include "system/local_addresses.h"
#include "system/procfs.h"
#include "system/tcp_info.h"
#include "run/privileges.h"
#include "report/rows/names.h"
#include "run/session_state.h"
#include "run/tracking.h"

/*
 * A run has one loop: wait, read the sources, and what its phase does with the
 * events. session_run() is the loop, step_PHASE() is what a phase does.
 *
 *            | waits for              | sources      | events               | others
 * -----------+------------------------+--------------+----------------------+---------------------------------------
 * OPENING    | -                      | are opened   | of before the run    | session_open(); privileges are dropped
 * RUNNING    | signals, sources, the  | are read     | feed the tracker     | reports of intervals, --top, --control,
 *            | screen, clients, times |              |                      | --metrics; a limit or a signal ends it
 * DRAINING   | sources                | deliver what | feed the tracker     | waits for final counters; then the
 *            |                        | has happened |                      | reports and the summary are printed
 * STOPPING   | signals, sources,      | are read     | are dropped: the     | --control, --metrics; the launched
 *            | clients                |              | report is printed    | command is asked to end (ending.h)
 * REPORTED   | -                      | are closed   | -                    | session_report(), session_close()
 *
 * Only enter() changes the phase. The final reports are printed once, at the
 * end of DRAINING. STOPPING is for a launched command that runs on; else
 * REPORTED follows DRAINING.
 */

#define IDLE_NS (200 * CLOCK_NS_PER_MS)

/* ---- reports ------------------------------------------------------------------- */

static void on_finished(void *context, const struct conn *conn)
{
	struct session *session = context;
	bool is_shown;

	services_finished(session->services, conn);
	if (session_resolves(session) && conn_filter_match(&session->options->filter, conn))
		names_ask(&conn->flow.remote);
	/* -c: what ends in the same moment as the last one is in no report. */
	is_shown = !session_has_all(session) && output_finished(session->output, conn);
	packet_save_finished(session->packet_save, conn, is_shown);
	if (!is_shown)
		return;
	if (session->top_run != NULL)
		top_run_finished(session->top_run, conn);
	session->finished++;
	session->stopping |= session_has_all(session);
}

static bool on_message(void *context, const struct conn *conn, const struct message *message, int64_t time_ns)
{
	return output_message(((struct session *)context)->output, conn, message, time_ns);
}

static void on_opened(void *context, const struct flow *flow)
{
	const struct session *session = context;

	if (session->owner_lookup != NULL && local_addresses_has(&flow->local))
		owner_lookup_add(session->owner_lookup, flow);
}

/* ---- opening ---------------------------------------------------------------------- */

/* @begin_ns: since the epoch: what is older than the run is older than that, before the sources were opened */
static void open_tracker(struct session *session, int64_t begin_ns)
{
	const struct options *options = session->options;
	struct tracker_config config = tracking_config(options, session->sources);
	struct tracker_notify notify = {session, on_opened, on_finished,
					output_wants_messages(session->output) ? on_message : NULL};
	struct tracker_observer observer;

	session->tracker = tracker_new(&config, &notify);
	session->refresh = (struct refresh){
		.diag = sources_diag(session->sources),
		.netns = sources_netns(session->sources),
		.tracker = session->tracker,
		.feed = session_feed_one,
		.context = session,
	};
	if (output_observer(session->output, &observer) || output_counter(session->output, &observer))
		tracker_observe(session->tracker, &observer);
	sources_on_final_counters(session->sources, session_take_destroyed, session);
	if (config.whole && !session->is_file && sources_diag(session->sources) != NULL)
		session->owner_lookup =
			owner_lookup_new(sources_diag(session->sources), sources_lookups(session->sources),
					 tracking_captures_all(options), OWNER_LOOKUP_SOCKETS);
	session->backlog = (struct backlog){
		.diag = session->is_file || options_samples(options) ? NULL : sources_diag(session->sources),
		.tracker = session->tracker,
		.feed = session_feed_one,
		.context = session,
		.start_ns = begin_ns,
	};
	if (session->owner_lookup != NULL)
		sources_on_packet(session->sources, owner_lookup_packet, session->owner_lookup);
	if (session->packet_save != NULL)
		packet_save_begin(session->packet_save, session->sources, session->tracker);
	if (options->replay == NULL) {
		struct event run;

		/* The sockets that have been destroyed so far are older than the watch. */
		if (!session->is_file)
			(void)sources_read(session->sources);
		run = tracking_run(options, session->sources, &config, begin_ns);
		session_feed_one(session, &run);
	}
}

/* What is read of the system, before any source is open. */
static void prepare_system(const struct options *options, bool is_file)
{
	if (!options->details)
		procfs_skip_details();
	if (!options->measures)
		tcp_info_skip_measures();
	local_addresses_open(!is_file && options->interface_count > 0);
}

/* What is written beside the reports, and not yet. */
static int open_other_outputs(struct session *session, struct err *err)
{
	const struct options *options = session->options;
	int rc = services_open(&session->services, options, err);

	if (rc == 0)
		rc = page_open(&session->page, options, err);
	if (rc == 0 && options->record != NULL)
		rc = record_open(&session->record, options->record, err);
	return rc == 0 && options->write != NULL ? packet_save_open(&session->packet_save, options, err) : rc;
}

static void begin_times(struct session *session)
{
	const struct options *options = session->options;
	/* Attaching may have taken seconds, in which nothing was seen. */
	int64_t from_ns = options->command == NULL ? clock_monotonic() : session->start_ns;

	session->refresh_ns = session->is_file ? INT64_MAX : output_border_ns(session->output, clock_now());
	if (options->duration_ns > 0)
		session->end_ns = from_ns + options->duration_ns;
	interval_begin(&session->interval, options, from_ns);
}

int session_open(struct session **opened, const struct options *options, const sigset_t *mask, int *exit_status,
		 struct err *err)
{
	struct session *session = xcalloc(1, sizeof(*session));
	int64_t begin_ns = options_is_file(options) ? CLOCK_UNKNOWN : clock_now();
	sigset_t signals;
	int rc;

	session->options = options;
	session->is_file = options_is_file(options);
	session->start_ns = clock_monotonic();
	*exit_status = options->command != NULL ? 125 : 1;
	job_control_signals(&signals, options);
	rc = files_check(options, err);
	if (rc == 0)
		rc = interrupt_open(&signals, err);
	if (rc == 0)
		rc = top_run_open(&session->top_run, options, err);
	if (rc == 0)
		rc = output_open(&session->output, options, begin_ns, err);
	if (rc == -EINVAL)
		*exit_status = 2;
	if (rc == 0)
		rc = open_other_outputs(session, err);
	prepare_system(options, session->is_file);
	if (rc == 0)
		rc = sources_open(&session->sources, options, mask, exit_status, err);
	if (rc != 0) {
		struct err ignored;

		(void)session_close(session, NULL, &ignored);
		return rc;
	}
	debug_sources(options, session->sources);
	session->ending = (struct ending){
		.options = options,
		.sources = session->sources,
		.say = session_say,
		.context = session,
	};
	interrupt_command(sources_command_lives, session->sources);
	open_tracker(session, begin_ns);
	privileges_drop(options,
			files_are_to_come(session->output, session->record) ||
				(session->packet_save != NULL && packet_save_is_to_come(session->packet_save)));
	interrupt_opening(false);
	if (!session->is_file)
		session_begin_writing(session);
	begin_times(session);
	/* A live run has no pace: held events keep no source from being read. */
	if (session->is_file)
		session->playback.speed = options->speed > 0 ? options->speed : options->top ? PLAYBACK_ONE : 0;
	/* Events of before the run do not wait for slower sources. */
	if (!session->is_file && sources_tracer(session->sources) == NULL)
		session_feed(session, clock_now());
	session_print_notices(session);
	capabilities_start(options);
	progress_begin(&session->progress, options, session->sources);
	top_run_start(session->top_run);
	*opened = session;
	return 0;
}

/* ---- running ------------------------------------------------------------------------ */

static int64_t time_to_wait(const struct session *session, bool was_busy, int64_t now_ns)
{
	bool holds = !merge_is_empty(sources_merge(session->sources));
	int64_t hold_ns = session->is_file ? LOAD_NS : sources_hold_ns(session->sources) / 2;
	int64_t wait = was_busy ? LOAD_NS : holds ? hold_ns : IDLE_NS;

	/* Nothing is due any more: times that nothing moves on would keep the loop from waiting. */
	if (session->phase == SESSION_STOPPING)
		return wait;
	if ((was_busy || holds) && session->is_file && session->playback.speed == 0)
		wait = 0;
	if (!was_busy)
		wait = clock_sooner(wait, owner_lookup_wait_ns(session->owner_lookup, now_ns));
	wait = clock_sooner(wait, top_run_wait_ns(session->top_run, now_ns));
	if (session->end_ns > 0)
		wait = clock_sooner(wait, session->end_ns - now_ns);
	wait = clock_sooner(wait, interval_wait_ns(&session->interval, now_ns));
	wait = clock_sooner(wait, session->refresh_ns - clock_now());
	return wait > 0 ? wait : 0;
}

/* Signals do not end draining, but a second SIGINT hurries it (interrupt.h). */
static void wait_to_drain(struct session *session)
{
	struct pollfd fds[SOURCES_FDS];
	bool ready;
	size_t count = sources_fds(session->sources, fds, &ready);

	(void)poll(fds, count, ready || !session->awaits ? 0 : FINAL_COUNTERS_POLL_MS);
}

static void wait_for_work(struct session *session)
{
	struct pollfd fds[3 + TOP_RUN_FDS + SOURCES_FDS];
	struct timespec timeout;
	bool ready = false;
	size_t count = 3;
	int64_t wait = time_to_wait(session, session->was_busy, clock_monotonic());

	fds[0] = (struct pollfd){.fd = interrupt_fd(), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = services_fd(session->services), .events = POLLIN};
	/* A pipe that has no reader any more is to be noticed even when there is nothing to write. */
	fds[2] = (struct pollfd){.fd = session_reader(session), .events = 0};
	count += top_run_fds(session->top_run, fds + count);
	if (!session->was_busy && !playback_is_ahead(&session->playback, sources_merge(session->sources)))
		count += sources_fds(session->sources, fds + count, &ready);
	if (ready)
		wait = 0;
	timeout = (struct timespec){wait / CLOCK_NS_PER_SEC, wait % CLOCK_NS_PER_SEC};
	(void)ppoll(fds, count, &timeout, NULL);
	if (fds[0].revents != 0)
		session_signals(session);
	if ((fds[2].revents & POLLERR) != 0)
		session_check_output(session, -EPIPE, &(struct err){""});
}

static void report_in_time(struct session *session, int64_t now_ns)
{
	bool is_due = interval_due(&session->interval, now_ns, session->end_ns);

	if ((is_due || session->print_now) && session->write_error == 0) {
		/* Sockets destroyed in the interval belong to it, also those without a sample since. */
		sources_find_owners(session->sources);
		session_feed(session, sources_settled_ns(session->sources));
		session_refresh(session, false);
		session_print(session, is_due && !session->is_file ? OUTPUT_SLICE : OUTPUT_SO_FAR);
	}
	session->print_now = false;
}

static void refresh_in_time(struct session *session, int64_t epoch_ns)
{
	if (epoch_ns < session->refresh_ns)
		return;
	(void)session_refresh(session, false);
	session->refresh_ns = output_border_ns(session->output, epoch_ns);
}

static void take_in(struct session *session)
{
	int64_t until_ns = sources_settled_ns(session->sources);
	int64_t playback_ns =
		session->is_file ? playback_file_now(&session->playback, sources_merge(session->sources)) : until_ns;

	owner_lookup_run(session->owner_lookup);
	backlog_sample(&session->backlog, false);
	session_feed(session, clock_sooner(until_ns, playback_ns));
	tracker_tick(session->tracker, session->is_file ? 0 : until_ns);
	session_save_packets(session, until_ns);
	output_handshakes(session->output, session_next_open, session->tracker);
	session_count(session);
	/* Destroy events were lost: query which sockets are gone, once the others have been reported. */
	if (session->overrun_ns > 0 && clock_monotonic() - session->overrun_ns > FINAL_COUNTERS_NS) {
		session->overrun_ns = 0;
		(void)session_refresh(session, true);
	}
}

static void serve(struct session *session)
{
	struct err err = {""};

	session_serve(session, false);
	session_check_output(session, output_error(session->output, &err), &err);
	if (job_control_check(&session->job_control, sources_tracer(session->sources)))
		(void)sources_command_pass(session->sources, SIGCONT);
	session_print_notices(session);
}

/* From now on a signal hurries what is still to be done. */
static void make_final(const struct session *session)
{
	interrupt_final(session->at_once);
}

static void enter(struct session *session, enum session_phase phase)
{
	session->phase = phase;
	if (phase == SESSION_DRAINING) {
		if (!session->asks_command)
			make_final(session);
		session_begin_draining(session);
	} else if (phase == SESSION_STOPPING) {
		session_print_final(session);
		ending_ask(&session->ending);
	} else if (phase == SESSION_REPORTED && session->asks_command) {
		make_final(session);
	} else if (phase == SESSION_REPORTED) {
		session_print_final(session);
	}
}

static void step_running(struct session *session)
{
	take_in(session);
	if (sources_packets_are_all(session->sources) ||
	    !top_run_show(session->top_run, &session->refresh, session->sources, &session->playback))
		session->stopping = true;
	progress_show(&session->progress, session->sources);
	refresh_in_time(session, clock_now());
	report_in_time(session, clock_monotonic());
	serve(session);
	if (session_is_over(session, clock_monotonic()))
		enter(session, SESSION_DRAINING);
}

static void step_draining(struct session *session)
{
	if (session_has_drained(session))
		enter(session, session->asks_command ? SESSION_STOPPING : SESSION_REPORTED);
}

static void step_stopping(struct session *session)
{
	merge_clear(sources_merge(session->sources));
	serve(session);
	if (session_is_over(session, clock_monotonic()))
		enter(session, SESSION_REPORTED);
}

void session_run(struct session *session)
{
	static void (*const steps[SESSION_PHASE_NUM])(struct session * session) = {
		[SESSION_RUNNING] = step_running,
		[SESSION_DRAINING] = step_draining,
		[SESSION_STOPPING] = step_stopping,
	};

	enter(session, SESSION_RUNNING);
	while (session->phase != SESSION_REPORTED) {
		bool drains = session->phase == SESSION_DRAINING;

		if (drains)
			wait_to_drain(session);
		else
			wait_for_work(session);
		session->was_busy =
			(drains || !playback_is_ahead(&session->playback, sources_merge(session->sources))) &&
			load_is_high(&session->load, sources_read(session->sources), session->is_file);
		steps[session->phase](session);
	}
}

int session_report(struct session *session, struct err *err)
{
	if (session->write_error == -EPIPE)
		return 0;
	if (session->write_error != 0)
		*err = session->write_err;
	else if (sources_failed(session->sources) != NULL)
		return -EIO; /* a notice has said why */
	return session->write_error != 0 ? session->write_error
	       : services_have_failed(session->services) || page_has_failed(session->page) || session->reopen_failed ||
			       session->save_failed
		       ? -EIO
		       : 0;
}

int session_rules_status(const struct session *session)
{
	return session->rules_status;
}

int session_close(struct session *session, int *wait_status, struct err *err)
{
	int rc;

	if (session == NULL)
		return 0;
	sources_close(session->sources, wait_status);
	top_run_close(session->top_run);
	services_close(session->services);
	page_close(session->page);
	packet_save_free(session->packet_save);
	tracker_free(session->tracker);
	refresh_free(&session->refresh);
	owner_lookup_free(session->owner_lookup);
	local_addresses_close();
	rc = files_close(session->output, session->record, err);
	free(session);
	return rc;
}
