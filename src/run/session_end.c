// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/session_state.h"

#include <poll.h>

#include "run/run_stats.h"
#include "base/clock.h"
#include "run/interrupt.h"
#include "report/rows/names.h"

/* The same on a busy machine. */
#define LATE_WORDS_NS (3 * CLOCK_NS_PER_SEC)
#define FINAL_COUNTERS_POLL_MS 5
/* A socket that is not found any more is freed, and told of, within this time. */
#define FREED_NS (50 * CLOCK_NS_PER_MS)
/* Those that have ended are counted in one part of the time in so many. */
#define COUNT_SHARE 20

/* ---- the end ---------------------------------------------------------------------- */

/* Has the kernel told of all that had died when it was looked for? A moment more is for what is just being freed. */
static bool deaths_are_heard(const struct session *session, int64_t looked_ns)
{
	const struct destroy *destroy = sources_destroy(session->sources);

	return destroy != NULL && session->overrun_ns == 0 && destroy_has_caught_up(destroy) &&
	       clock_monotonic() - looked_ns >= FREED_NS;
}

/*
 * Of what has died lately the kernel tells within a moment: wait while something is missed and may still come. The end
 * of the rest is unknown.
 */
static void hear_last_words(struct session *session)
{
	int64_t until_ns = clock_monotonic() + (session->is_file ? 0 : FINAL_COUNTERS_NS);
	bool waits = sources_destroy(session->sources) != NULL && session->overrun_ns == 0;
	int64_t late_ns = waits ? clock_monotonic() + LATE_WORDS_NS : until_ns;
	struct tracker_stats run;
	int64_t looked_ns = 0;
	size_t gone = 0, awaited;

	backlog_sample(&session->backlog, true);
	while (!sources_drain(session->sources))
		session_feed(session, sources_settled_ns(session->sources));
	for (;;) {
		struct pollfd fds[SOURCES_FDS];
		size_t count;
		bool ready;

		sources_read(session->sources);
		/* Of a file that is played, what has not been shown has not been. */
		session_feed(session, playback_now(&session->playback, clock_monotonic()));
		/* Once: with many open connections the kernel has more to do than to answer the same again. */
		if (looked_ns == 0) {
			gone = session_refresh(session, false);
			if (sources_destroy(session->sources) != NULL)
				destroy_mark(sources_destroy(session->sources));
			looked_ns = clock_monotonic();
		}
		awaited = refresh_awaited(&session->refresh);
		tracker_stats(session->tracker, &run);
		if ((awaited == 0 && run.unsettled == 0) || interrupt_hurries() ||
		    deaths_are_heard(session, looked_ns) || clock_monotonic() >= (awaited > 0 ? late_ns : until_ns))
			break;
		count = sources_fds(session->sources, fds, &ready);
		(void)poll(fds, count, FINAL_COUNTERS_POLL_MS);
	}
	if (gone > 0)
		(void)session_refresh(session, true);
}

/* JSON has numbers in any case. */
bool session_resolves(const struct session *session)
{
	return session->options->resolve && session->options->format != REPORT_JSON;
}

/* Of the open ones; those that ended have been asked for. All at once, because the time for answers is short. */
static void ask_names(struct session *session)
{
	const struct conn *conn = NULL;

	while (session_resolves(session) && (conn = tracker_next(session->tracker, conn)) != NULL)
		if (conn_filter_match(&session->options->filter, conn))
			names_ask(&conn->flow.remote);
}

/* Everything that is to be printed at the end; once. */
void session_report_all(struct session *session)
{
	struct summary summary;
	struct err err = {""};

	if (session->reported)
		return;
	session->reported = true;
	progress_end(&session->progress);
	top_run_leave(session->top_run);
	hear_last_words(session);
	session_tell_notices(session);
	tracker_finish(session->tracker, session->is_file ? 0 : clock_now());
	/* A stream that turned out to be no input: it is as if it could not be opened. */
	if (session->is_file && !session->writes && sources_failed(session->sources) != NULL)
		return;
	session_begin_writing(session);
	session_serve(session, true);
	if (session->write_error != 0)
		return;
	ask_names(session);
	session_print(session, OUTPUT_FINAL);
	run_stats_fill(&summary, session->tracker, session->sources, session->options, session->start_ns,
		       session->finished);
	run_stats_explain(&summary, session->output, session->options, session->sources);
	if (session_has_all(session) && !session->options->handshakes)
		summary.connections = session->finished;
	if (session->write_error == 0)
		session_check_output(session, output_summary(session->output, &summary, &err), &err);
}

/* ---- -c -------------------------------------------------------------------------------- */

bool session_has_all(const struct session *session)
{
	int64_t count = session->options->count;

	if (session->options->handshakes)
		return output_has_all(session->output);
	return count > 0 && session->finished >= (uint64_t)count;
}

void session_count(struct session *session)
{
	uint64_t wanted = (uint64_t)session->options->count, count = session->finished;
	int64_t began_ns = clock_monotonic();
	const struct conn *conn = NULL;

	session->stopping |= session_has_all(session);
	if (wanted == 0 || session->is_file || session->options->handshakes || session->stopping ||
	    count + tracker_ended(session->tracker) < wanted || began_ns < session->count_ns)
		return;
	while (count < wanted && (conn = tracker_next_ended(session->tracker, conn)) != NULL)
		count += conn_filter_match(&session->options->filter, conn) && output_selects(session->options, conn);
	session->stopping |= count >= wanted;
	session->count_ns = clock_monotonic() + (clock_monotonic() - began_ns) * COUNT_SHARE;
}

int session_reader(const struct session *session)
{
	const struct options *options = session->options;

	if (session->write_error != 0 || options->command != NULL || options->record != NULL ||
	    options->control != NULL || options->metrics != NULL)
		return -1;
	return output_fd(session->output);
}

/* ---- what ends the run --------------------------------------------------------------- */

static void on_end_signal(struct session *session, const struct signalfd_siginfo *info)
{
	if (session->options->command != NULL) {
		session->at_once |= ending_signal(&session->ending, (int)info->ssi_signo, info->ssi_code == SI_KERNEL);
		return;
	}
	session->at_once |= session->stopping;
	session->stopping = true;
}

void session_signals(struct session *session)
{
	struct err err = {""};
	struct signalfd_siginfo info;

	while (interrupt_read(&info)) {
		if (info.ssi_signo == SIGUSR1)
			session->print_now = true;
		else if (info.ssi_signo == SIGHUP && session->options->append)
			session_say_failure(session, output_reopen(session->output, &err), &err);
		else if (!job_control_signal(&session->job_control, (int)info.ssi_signo,
					     session->options->command != NULL))
			on_end_signal(session, &info);
	}
}

bool session_stop(struct session *session, int64_t now_ns)
{
	bool stays = playback_is_ahead(&session->playback, sources_merge(session->sources)) ||
		     top_run_stays(session->top_run);

	if (session->end_ns > 0 && now_ns >= session->end_ns)
		session->stopping = true;
	if (session->options->command == NULL)
		return session->at_once || session->stopping || (sources_have_ended(session->sources) && !stays);
	/* Nobody reads our report, but the command has done nothing wrong. */
	if (session->write_error != 0)
		session->stopping = false;
	if (session->stopping && session->ending.step < ENDING_COMMAND) {
		/* The run is over now; what the command does on its way out is none of it. */
		interrupt_command(NULL, NULL);
		session_report_all(session);
		ending_ask(&session->ending);
	}
	return ending_check(&session->ending) || session->at_once || (sources_have_ended(session->sources) && !stays);
}
