// SPDX-License-Identifier: GPL-2.0-or-later
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "about.h"
#include "accounts.h"
#include "attribution.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "debug.h"
#include "files.h"
#include "job.h"
#include "local_addresses.h"
#include "live.h"
#include "load.h"
#include "look.h"
#include "output.h"
#include "pace.h"
#include "progress.h"
#include "services.h"
#include "slices.h"
#include "sources.h"
#include "track/tracker.h"
#include "tracking.h"

#define IDLE_NS (200 * CLOCK_NS_PER_MS)
/* The kernel tells of a socket's death from a work queue, a little after the fact, and later on a busy machine. */
#define LAST_WORDS_NS (200 * CLOCK_NS_PER_MS)
#define LATE_WORDS_NS (3 * CLOCK_NS_PER_SEC)
#define LAST_WORDS_POLL_MS 5
/* A launched command that was told to end gets this long before it is killed. */
#define KILL_NS (5 * CLOCK_NS_PER_SEC)

struct session {
	const struct options *options;
	struct sources *sources;
	struct tracker *tracker;
	struct look look;
	struct output *output;
	struct live *live;
	struct pace pace;
	struct progress progress;
	struct services *services;
	struct attribution *attribution;
	struct record_file *record;
	int signal_fd;
	struct job job;
	int64_t start_ns;       /* monotonic */
	struct slices slices;
	int64_t look_ns;        /* since the epoch: when the counters are to be looked at */
	int64_t end_ns;         /* monotonic, 0 none */
	int64_t kill_ns;        /* monotonic, 0 none */
	int64_t overrun_ns;     /* monotonic, 0 none: when last words were lost */
	struct load load;
	uint64_t finished;
	bool is_file;
	bool stopping;
	bool at_once;
	bool print_now;
	bool reported;
	bool writes; /* the files are created or emptied */
	int write_error;
	struct err write_err;
};

/* ---- reports ------------------------------------------------------------------- */

static void on_finished(void *context, const struct conn *conn)
{
	struct session *session = context;

	services_finished(session->services, conn);
	if (!output_finished(session->output, conn))
		return;
	if (session->live != NULL)
		live_finished(session->live, conn);
	session->finished++;
	if (session->options->count > 0 && (int64_t)session->finished == session->options->count)
		session->stopping = true;
}

static void on_message(void *context, const struct conn *conn, const struct message *message, int64_t time_ns)
{
	output_message(((struct session *)context)->output, conn, message, time_ns);
}

static void on_opened(void *context, const struct flow *flow)
{
	const struct session *session = context;

	if (session->attribution != NULL && local_addresses_has(&flow->local))
		attribution_add(session->attribution, flow);
}

static const struct conn *next_open(void *context, const struct conn *previous)
{
	return tracker_next(context, previous);
}

static const struct conn *last_open(void *context, const struct conn *previous)
{
	return tracker_last(context, previous);
}

/* A reader that went away ends the run quietly; any other failure is told at the end. */
static void check_output(struct session *session, int rc, const struct err *err)
{
	if (rc == 0 || session->write_error != 0)
		return;
	session->write_error = rc;
	session->write_err = *err;
	session->stopping = true;
}

/* There is something to write. Until then the files are what the run before has left. */
static void begin_writing(struct session *session)
{
	struct err err = {""};

	if (session->writes)
		return;
	session->writes = true;
	check_output(session, files_commit(session->output, session->record, &err), &err);
}

/* ---- feeding -------------------------------------------------------------------- */

/*
 * What hangs on a TIME_WAIT socket must be asked while it lives: as soon as the
 * last word is read, or, of a connection the tracker has not heard of by then,
 * when it is fed.
 */
static void ask_timewait(void *context, struct event *event)
{
	struct session *session = context;
	struct diag *diag = sources_diag(session->sources);

	if (event->type == EVENT_INFO && diag != NULL && tracker_wants_timewait(session->tracker, &event->info))
		event->info.timewait = (uint8_t)diag_timewait(diag, &event->flow, event->info.cookie);
}

/* Whoever wants to see each event sees it before it is fed. */
static void show(struct session *session, const struct event *event)
{
	if (event->type == EVENT_RUN)
		output_begin(session->output, event->run.has_packets);
	if (session->options->debug & OPTIONS_DEBUG_EVENTS)
		debug_event(event);
	if (session->record != NULL) {
		struct err err = {""};

		check_output(session, record_event(session->record, event, &err), &err);
	}
}

static void feed_one(void *context, struct event *event)
{
	struct session *session = context;

	show(session, event);
	tracker_feed(session->tracker, event, 1);
}

static void feed(struct session *session, int64_t until_ns)
{
	struct merge *merge = sources_merge(session->sources);
	struct event *events;
	size_t count;

	while ((events = merge_run(merge, until_ns, &count)) != NULL) {
		size_t fed = 0;

		begin_writing(session);
		for (size_t i = 0; i < count; i++) {
			struct event *event = &events[i];

			if (event->type == EVENT_INFO) {
				/* What is asked for now hangs on what came before. */
				tracker_feed(session->tracker, events + fed, i - fed);
				fed = i;
				ask_timewait(session, event);
			}
			if (event->type == EVENT_SEGMENT && !session->is_file)
				local_addresses_mark(event);
			if (event->type == EVENT_LOST && event->lost.where == LOST_NETLINK)
				session->overrun_ns = clock_monotonic();
			show(session, event);
		}
		tracker_feed(session->tracker, events + fed, count - fed);
		merge_drop(merge, count);
	}
}

/* Return: how many of the open connections are gone, see look_at_all() */
static size_t look_at_open(struct session *session, bool tell_gone)
{
	return session->is_file ? 0 : look_at_all(&session->look, tell_gone);
}

static void print_reports(struct session *session, enum output_when when)
{
	const struct output_walk walk = {next_open, last_open, session->tracker};
	struct err err = {""};

	begin_writing(session);
	check_output(session, output_print(session->output, &walk, when, &err), &err);
}

/* A line for the user, wherever it does not spoil what is on the terminal. */
static void say(struct session *session, const char *text)
{
	progress_wipe(&session->progress);
	live_notice(session->live, text);
}

static void say_failure(struct session *session, int rc, const struct err *err)
{
	if (rc != 0)
		say(session, err->text);
}

/* Who asks is answered, and what is due is written; that this fails ends no run. */
static void serve(struct session *session, bool final)
{
	const struct services_run run = {session->tracker, session->sources, session->start_ns, session->finished,
					 session->writes};
	struct err err = {""};

	if (session->writes && services_due(session->services, final))
		look_at_open(session, false);
	say_failure(session, services_serve(session->services, &run, final, &err), &err);
}

/* ---- opening ---------------------------------------------------------------------- */

static void open_tracker(struct session *session)
{
	const struct options *options = session->options;
	struct tracker_config config = tracking_config(options, session->sources);
	struct event run = tracking_run(options, session->sources, &config);
	struct tracker_notify notify = {session, on_opened, on_finished,
					output_wants_messages(session->output) ? on_message : NULL};
	struct tracker_observer observer;

	session->tracker = tracker_new(&config, &notify);
	session->look = (struct look){
		.diag = sources_diag(session->sources),
		.netns = sources_netns(session->sources),
		.tracker = session->tracker,
		.feed = feed_one,
		.context = session,
	};
	if (output_observer(session->output, &observer) || output_counter(session->output, &observer))
		tracker_observe(session->tracker, &observer);
	sources_on_last_word(session->sources, ask_timewait, session);
	if (config.whole && !session->is_file && sources_diag(session->sources) != NULL)
		session->attribution =
			attribution_new(sources_diag(session->sources), sources_lookups(session->sources));
	if (session->attribution != NULL)
		sources_on_packet(session->sources, attribution_packet, session->attribution);
	if (options->replay == NULL)
		feed_one(session, &run);
}

static void tell_notices(struct session *session)
{
	const char *notice;

	while ((notice = sources_notice(session->sources)) != NULL)
		say(session, notice);
}

int session_open(struct session **opened, const struct options *options, const sigset_t *mask, int *exit_status,
		 struct err *err)
{
	struct session *session = xcalloc(1, sizeof(*session));
	int rc;

	session->options = options;
	session->is_file = options_is_file(options);
	session->signal_fd = -1;
	session->start_ns = clock_monotonic();
	*exit_status = options->command != NULL ? 125 : 1;
	rc = files_check(options, err);
	if (rc == 0)
		rc = job_open_signals(&session->signal_fd, options, err);
	if (rc == 0)
		rc = live_open(&session->live, options, err);
	if (rc == 0)
		rc = output_open(&session->output, options, session->is_file ? CLOCK_UNKNOWN : clock_now(), err);
	if (rc == -EINVAL)
		*exit_status = 2;
	if (rc == 0)
		rc = services_open(&session->services, options, err);
	if (rc == 0 && options->record != NULL)
		rc = record_open(&session->record, options->record, err);
	local_addresses_load();
	if (rc == 0)
		rc = sources_open(&session->sources, options, mask, exit_status, err);
	if (rc != 0) {
		struct err ignored;

		(void)session_close(session, NULL, &ignored);
		return rc;
	}
	debug_sources(options, session->sources);
	open_tracker(session);
	if (!session->is_file)
		begin_writing(session);
	session->look_ns = session->is_file ? INT64_MAX : output_border_ns(session->output, clock_now());
	if (options->duration_ns > 0)
		session->end_ns = session->start_ns + options->duration_ns;
	slices_begin(&session->slices, options, session->start_ns);
	session->pace.speed = options->speed > 0 ? options->speed : options->top ? PACE_ONE : 0;
	/* What is there before the run waits for no slower witness. */
	if (!session->is_file && sources_tracer(session->sources) == NULL)
		feed(session, clock_now());
	tell_notices(session);
	about_start(options);
	progress_begin(&session->progress, options, session->sources);
	live_start(session->live);
	*opened = session;
	return 0;
}

/* ---- the end ---------------------------------------------------------------------- */

/* What has died lately is told within a moment: wait while something is missed; the end of the rest is unknown. */
static void hear_last_words(struct session *session)
{
	int64_t until_ns = clock_monotonic() + (session->is_file ? 0 : LAST_WORDS_NS);
	bool waits = sources_has_destroy(session->sources) && session->overrun_ns == 0;
	int64_t late_ns = waits ? clock_monotonic() + LATE_WORDS_NS : until_ns;
	struct tracker_account account;
	size_t gone = 0, awaited = 0;

	while (!sources_drain(session->sources))
		feed(session, sources_settled_ns(session->sources));
	for (bool first = true;; first = false) {
		struct pollfd fds[SOURCES_FDS];
		size_t count;
		bool ready;

		sources_read(session->sources);
		/* Of a file that is played, what has not been shown has not been. */
		feed(session, pace_now(&session->pace, clock_monotonic()));
		/* Once: with many open connections the kernel has more to do than to answer the same again. */
		gone = first ? look_at_open(session, false) : gone;
		awaited = look_awaited(&session->look);
		tracker_account(session->tracker, &account);
		if ((awaited == 0 && account.unsettled == 0) || clock_monotonic() >= (awaited > 0 ? late_ns : until_ns))
			break;
		count = sources_fds(session->sources, fds, &ready);
		(void)poll(fds, count, LAST_WORDS_POLL_MS);
	}
	if (gone > 0)
		(void)look_at_open(session, true);
}

/* Everything that is to be printed at the end; once. */
static void report_all(struct session *session)
{
	struct summary summary;
	struct err err = {""};

	if (session->reported)
		return;
	session->reported = true;
	progress_end(&session->progress);
	live_leave(session->live);
	hear_last_words(session);
	tell_notices(session);
	tracker_finish(session->tracker, session->is_file ? 0 : clock_now());
	/* A stream that turned out to be no input: it is as if it could not be opened. */
	if (session->is_file && !session->writes && sources_failed(session->sources) != NULL)
		return;
	begin_writing(session);
	serve(session, true);
	if (session->write_error != 0)
		return;
	print_reports(session, OUTPUT_FINAL);
	accounts_fill(&summary, session->tracker, session->sources, session->start_ns, session->finished);
	if (session->write_error == 0)
		check_output(session, output_summary(session->output, &summary, &err), &err);
}

/* ---- running ------------------------------------------------------------------------ */

/*
 * The terminal's Ctrl-C and hangup reach a launched command by themselves, and
 * it is the command's to decide; what somebody sends to us alone is passed on to it.
 */
static void on_end_signal(struct session *session, const struct signalfd_siginfo *info)
{
	bool is_terminal = info->ssi_code == SI_KERNEL;

	if (session->options->command != NULL && is_terminal)
		return;
	if (session->stopping || session->kill_ns > 0) {
		session->at_once = true;
		return;
	}
	if (sources_command_signal(session->sources, (int)info->ssi_signo))
		session->kill_ns = INT64_MAX;
	else
		session->stopping = true;
}

static void read_signals(struct session *session)
{
	struct err err = {""};
	struct signalfd_siginfo info;

	while (read(session->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			session->print_now = true;
		else if (info.ssi_signo == SIGHUP && session->options->append)
			say_failure(session, output_reopen(session->output, &err), &err);
		else if (!job_signal(&session->job, (int)info.ssi_signo, session->options->command != NULL))
			on_end_signal(session, &info);
	}
}

/* -d, -c or a dead output end a run; a launched command can't go on without us, so it is asked to end. */
static void stop_command(struct session *session, int64_t now_ns)
{
	if (session->end_ns > 0 && now_ns >= session->end_ns)
		session->stopping = true;
	if (!session->stopping || session->options->command == NULL)
		return;
	if (session->write_error != 0) {
		/* Nobody reads our report, but the command has done nothing wrong. */
		session->stopping = false;
		return;
	}
	if (session->kill_ns == 0) {
		/* The run is over now; what the command does on its way out is none of it. */
		report_all(session);
		(void)sources_command_signal(session->sources, SIGTERM);
		session->kill_ns = now_ns + KILL_NS;
	} else if (now_ns >= session->kill_ns) {
		session->at_once = true;
	}
}

static bool is_over(const struct session *session)
{
	bool stays = pace_is_ahead(&session->pace, sources_merge(session->sources)) || live_stays(session->live);

	if (session->at_once || (sources_have_ended(session->sources) && !stays))
		return true;
	return session->stopping && session->options->command == NULL;
}

static int64_t time_to_wait(const struct session *session, bool was_busy, int64_t now_ns)
{
	bool holds = !merge_is_empty(sources_merge(session->sources));
	int64_t hold_ns = session->is_file ? LOAD_NS : sources_hold_ns(session->sources) / 2;
	int64_t wait = was_busy ? LOAD_NS : holds ? hold_ns : IDLE_NS;

	if ((was_busy || holds) && session->is_file && session->pace.speed == 0)
		wait = 0;
	if (!was_busy)
		wait = clock_sooner(wait, attribution_wait_ns(session->attribution, now_ns));
	wait = clock_sooner(wait, live_wait_ns(session->live, now_ns));
	if (session->end_ns > 0)
		wait = clock_sooner(wait, session->end_ns - now_ns);
	wait = clock_sooner(wait, slices_wait_ns(&session->slices, now_ns));
	wait = clock_sooner(wait, session->look_ns - clock_now());
	return wait > 0 ? wait : 0;
}

static void wait_for_work(struct session *session, bool was_busy)
{
	struct pollfd fds[2 + LIVE_FDS + SOURCES_FDS];
	struct timespec timeout;
	bool ready = false;
	size_t count = 2;
	int64_t wait = time_to_wait(session, was_busy, clock_monotonic());

	fds[0] = (struct pollfd){.fd = session->signal_fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = services_fd(session->services), .events = POLLIN};
	count += live_fds(session->live, fds + count);
	if (!was_busy && !pace_is_ahead(&session->pace, sources_merge(session->sources)))
		count += sources_fds(session->sources, fds + count, &ready);
	if (ready)
		wait = 0;
	timeout = (struct timespec){wait / CLOCK_NS_PER_SEC, wait % CLOCK_NS_PER_SEC};
	(void)ppoll(fds, count, &timeout, NULL);
	if (fds[0].revents != 0)
		read_signals(session);
}

static void report_in_time(struct session *session, int64_t now_ns)
{
	bool is_due = slices_due(&session->slices, now_ns, session->end_ns);

	if ((is_due || session->print_now) && session->write_error == 0 && !session->reported) {
		/* What died in the slice belongs into it, also where nobody has looked since. */
		sources_look(session->sources);
		feed(session, sources_settled_ns(session->sources));
		look_at_open(session, false);
		print_reports(session, is_due && !session->is_file ? OUTPUT_SLICE : OUTPUT_SO_FAR);
	}
	session->print_now = false;
}

static void look_in_time(struct session *session, int64_t epoch_ns)
{
	if (epoch_ns < session->look_ns)
		return;
	(void)look_at_open(session, false);
	session->look_ns = output_border_ns(session->output, epoch_ns);
}

static void take_in(struct session *session)
{
	int64_t until_ns = sources_settled_ns(session->sources);
	int64_t pace_ns = session->is_file ? pace_file_now(&session->pace, sources_merge(session->sources)) : until_ns;

	if (session->reported)
		merge_clear(sources_merge(session->sources));
	if (session->reported)
		return;
	attribution_look(session->attribution);
	feed(session, clock_sooner(until_ns, pace_ns));
	tracker_tick(session->tracker, session->is_file ? 0 : until_ns);
	output_handshakes(session->output, next_open, session->tracker);
	/* Some sockets died unheard: find out which, once those that are heard of have had time. */
	if (session->overrun_ns > 0 && clock_monotonic() - session->overrun_ns > LAST_WORDS_NS) {
		session->overrun_ns = 0;
		(void)look_at_open(session, true);
	}
}

void session_run(struct session *session)
{
	struct err write_err = {""};
	bool was_busy = false;

	while (!is_over(session)) {
		wait_for_work(session, was_busy);
		was_busy = !pace_is_ahead(&session->pace, sources_merge(session->sources)) &&
			   load_is_high(&session->load, sources_read(session->sources), session->is_file);
		take_in(session);
		if (sources_packets_are_all(session->sources) ||
		    (!session->reported && !live_show(session->live, &session->look, session->sources, &session->pace)))
			session->stopping = true;
		progress_show(&session->progress, session->sources);
		look_in_time(session, clock_now());
		report_in_time(session, clock_monotonic());
		serve(session, false);
		check_output(session, output_error(session->output, &write_err), &write_err);
		stop_command(session, clock_monotonic());
		job_check(&session->job, sources_tracer(session->sources));
		tell_notices(session);
	}
}

int session_report(struct session *session, struct err *err)
{
	report_all(session);
	if (session->write_error == -EPIPE)
		return 0;
	if (session->write_error != 0)
		*err = session->write_err;
	else if (sources_failed(session->sources) != NULL)
		return -EIO; /* a notice has said why */
	return session->write_error != 0 ? session->write_error : services_have_failed(session->services) ? -EIO : 0;
}

int session_close(struct session *session, int *wait_status, struct err *err)
{
	int rc;

	if (session == NULL)
		return 0;
	sources_close(session->sources, wait_status);
	live_close(session->live);
	services_close(session->services);
	tracker_free(session->tracker);
	look_free(&session->look);
	attribution_free(session->attribution);
	rc = files_close(session->output, session->record, err);
	if (session->signal_fd >= 0)
		close(session->signal_fd);
	free(session);
	return rc;
}
