// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/session_state.h"

#include "run/run_stats.h"
#include "base/clock.h"
#include "run/interrupt.h"
#include "run/log_join.h"
#include "run/rules_status.h"
#include "report/rows/names.h"

/* The same on a busy machine. */
#define FINAL_COUNTERS_LATE_NS (3 * CLOCK_NS_PER_SEC)
/* A socket that is not found any more is freed, and reported, within this time. */
#define FREED_NS (50 * CLOCK_NS_PER_MS)
/* Those that have ended are counted in one part of the time in so many. */
#define COUNT_SHARE 20

/* ---- draining ---------------------------------------------------------------------- */

/* Whether the kernel has reported all that was destroyed before @sampled_ns, and what was being freed then. */
static bool has_final_counters(const struct session *session, int64_t sampled_ns)
{
	const struct destroy *destroy = sources_destroy(session->sources);

	/* BPF programs report it at once. */
	return (destroy != NULL ? destroy_has_caught_up(destroy) : sources_has_programs(session->sources)) &&
	       session->overrun_ns == 0 && clock_monotonic() - sampled_ns >= FREED_NS;
}

void session_begin_draining(struct session *session)
{
	int64_t now_ns = clock_monotonic();

	progress_end(&session->progress);
	top_run_leave(session->top_run);
	backlog_sample(&session->backlog, true);
	session->final_ns = now_ns + (session->is_file ? 0 : FINAL_COUNTERS_NS);
	session->late_ns = session->final_ns;
	if (sources_destroy(session->sources) != NULL && session->overrun_ns == 0)
		session->late_ns = now_ns + FINAL_COUNTERS_LATE_NS;
}

/* Once: with many open connections the kernel has more to do than to answer the same query again. */
static void sample_once(struct session *session)
{
	if (session->sampled_ns != 0)
		return;
	/* A listener may have become known since draining began. */
	backlog_sample(&session->backlog, true);
	session->gone = session_refresh(session, false);
	if (sources_destroy(session->sources) != NULL)
		destroy_mark(sources_destroy(session->sources));
	session->sampled_ns = clock_monotonic();
}

/*
 * The kernel reports a destroyed socket within a moment: the run waits while a report is missing that may still come.
 * The end of the other connections is unknown.
 */
bool session_has_drained(struct session *session)
{
	struct tracker_stats run;
	size_t awaited;

	session->awaits = true;
	if (!sources_drain(session->sources)) {
		int64_t until_ns = sources_settled_ns(session->sources);

		session_feed(session, until_ns);
		session_save_packets(session, until_ns);
		return false;
	}
	if (session->sampled_ns == 0)
		owner_lookup_end(session->owner_lookup);
	owner_lookup_run(session->owner_lookup);
	/* Of a file that is played, only what has been shown counts. */
	session_feed(session, playback_now(&session->playback, clock_monotonic()));
	sample_once(session);
	awaited = refresh_awaited(&session->refresh);
	tracker_stats(session->tracker, &run);
	if ((awaited > 0 || run.unsettled > 0) && !interrupt_hurries() &&
	    !has_final_counters(session, session->sampled_ns) &&
	    clock_monotonic() < (awaited > 0 ? session->late_ns : session->final_ns))
		return false;
	if (session->gone > 0)
		(void)session_refresh(session, true);
	return true;
}

/* ---- the reports ------------------------------------------------------------------ */

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

static void say_join(struct session *session)
{
	struct text text = {0};

	log_join_explain(&text, session->tracker);
	if (text.length > 0 && !session->options->quiet)
		session_say(session, text.data);
	text_free(&text);
}

/* All is known that will be: the packets that wait are written or not, and the file is closed. */
static void end_packets(struct session *session)
{
	struct text text = {0};
	struct err err = {""};
	int rc = packet_save_end(session->packet_save, &text, &err);

	session_say_failure(session, rc, &err);
	session->save_failed |= rc != 0;
	if (text.length > 0 && (!session->options->quiet || packet_save_has_lost(session->packet_save)))
		session_say(session, text.data);
	text_free(&text);
}

void session_print_final(struct session *session)
{
	struct summary summary;
	struct err err = {""};
	struct text why = {0};

	session_print_notices(session);
	tracker_finish(session->tracker, session->is_file ? 0 : clock_now());
	/* A stream that turned out to be no input: it is as if it could not be opened. */
	if (session->is_file && !session->writes && sources_failed(session->sources) != NULL)
		return;
	session_begin_writing(session);
	end_packets(session);
	session_serve(session, true);
	if (session->write_error != 0)
		return;
	ask_names(session);
	session_print(session, OUTPUT_FINAL);
	say_join(session);
	run_stats_fill(&summary, session->tracker, session->sources, session->options, session->start_ns,
		       session->finished);
	run_stats_explain(&summary, session->output, session->options, session->sources);
	if (session_has_all(session) && !session->options->handshakes)
		summary.connections = session->finished;
	session_save_page(session, &summary);
	if (session->write_error == 0)
		session_check_output(session, output_summary(session->output, &summary, &err), &err);
	session->rules_status = rules_status(session->options, &summary, &why);
	if (why.length > 0)
		session_say(session, why.data);
	text_free(&why);
}

/* ---- -c -------------------------------------------------------------------------------- */

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
	    options->control != NULL || options->metrics != NULL || options->html != NULL)
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

/* What continues in a file that was removed is lost, so that the exit status is not 0. */
static void reopen_output(struct session *session)
{
	struct err err = {""};
	int rc = output_reopen(session->output, &err);

	session_say_failure(session, rc, &err);
	session->reopen_failed |= rc != 0;
}

void session_signals(struct session *session)
{
	struct signalfd_siginfo info;

	while (interrupt_read(&info)) {
		if (info.ssi_signo == SIGUSR1)
			session->print_now = true;
		else if (info.ssi_signo == SIGHUP && session->options->append)
			reopen_output(session);
		else if (!job_control_signal(&session->job_control, (int)info.ssi_signo,
					     session->options->command != NULL))
			on_end_signal(session, &info);
		else if (info.ssi_signo == SIGTSTP && info.ssi_code == SI_KERNEL)
			(void)sources_command_pass(session->sources, SIGTSTP);
	}
}

bool session_is_over(struct session *session, int64_t now_ns)
{
	bool stays = playback_is_ahead(&session->playback, sources_merge(session->sources)) ||
		     top_run_stays(session->top_run);
	bool has_ended = sources_have_ended(session->sources) && !stays;

	/* Once: a command may run on behind the limit, and the loop is not to wait for a time that is over. */
	if (session->end_ns > 0 && now_ns >= session->end_ns) {
		session->stopping = true;
		session->end_ns = 0;
	}
	if (session->options->command == NULL)
		return session->at_once || session->stopping || has_ended;
	/* The command has done nothing wrong when the reader of the report has gone. */
	if (session->write_error != 0)
		session->stopping = false;
	if (session->stopping && session->phase == SESSION_RUNNING && session->ending.step < ENDING_COMMAND) {
		/* The run is over now; what the command does on its way out is not part of it. */
		interrupt_command(NULL, NULL);
		session->asks_command = true;
		return true;
	}
	return ending_check(&session->ending) || session->at_once || has_ended;
}
