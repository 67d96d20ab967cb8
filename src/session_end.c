// SPDX-License-Identifier: GPL-2.0-or-later
#include "session_state.h"

#include <poll.h>

#include "accounts.h"
#include "base/clock.h"
#include "interrupt.h"

/* The same on a busy machine. */
#define LATE_WORDS_NS (3 * CLOCK_NS_PER_SEC)
#define LAST_WORDS_POLL_MS 5

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
		session_feed(session, sources_settled_ns(session->sources));
	for (bool first = true;; first = false) {
		struct pollfd fds[SOURCES_FDS];
		size_t count;
		bool ready;

		sources_read(session->sources);
		/* Of a file that is played, what has not been shown has not been. */
		session_feed(session, pace_now(&session->pace, clock_monotonic()));
		/* Once: with many open connections the kernel has more to do than to answer the same again. */
		gone = first ? session_look(session, false) : gone;
		awaited = look_awaited(&session->look);
		tracker_account(session->tracker, &account);
		if ((awaited == 0 && account.unsettled == 0) || interrupt_hurries() ||
		    clock_monotonic() >= (awaited > 0 ? late_ns : until_ns))
			break;
		count = sources_fds(session->sources, fds, &ready);
		(void)poll(fds, count, LAST_WORDS_POLL_MS);
	}
	if (gone > 0)
		(void)session_look(session, true);
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
	live_leave(session->live);
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
	session_print(session, OUTPUT_FINAL);
	accounts_fill(&summary, session->tracker, session->sources, session->start_ns, session->finished);
	if (session->write_error == 0)
		session_check_output(session, output_summary(session->output, &summary, &err), &err);
}

/* ---- what ends the run --------------------------------------------------------------- */

static void on_end_signal(struct session *session, const struct signalfd_siginfo *info)
{
	if (session->options->command != NULL) {
		session->at_once |= ending_signal(&session->ending, (int)info->ssi_signo,
						  info->ssi_code == SI_KERNEL);
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
		else if (!job_signal(&session->job, (int)info.ssi_signo, session->options->command != NULL))
			on_end_signal(session, &info);
	}
}

bool session_stop(struct session *session, int64_t now_ns)
{
	bool stays = pace_is_ahead(&session->pace, sources_merge(session->sources)) || live_stays(session->live);

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
