// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/job_control.h"

#include <stdio.h>

#include "base/clock.h"

/* A command that catches the signal may stop by another one within this time; a later stop is unrelated. */
#define ANSWER_NS CLOCK_NS_PER_SEC

static const int signals_of_jobs[] = {SIGTSTP, SIGTTIN, SIGTTOU};
#define SIGNAL_COUNT (sizeof(signals_of_jobs) / sizeof(signals_of_jobs[0]))

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void job_control_signals(sigset_t *signals, const struct options *options)
{
	bool stops_nobody = options->screen || !options_traces(options) || !options_has_target(options);

	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGUSR1);
	/* With --append the log is reopened even if nohup(1) ignored the signal. */
	if (!is_ignored(SIGHUP) || options->append)
		sigaddset(signals, SIGHUP);
	for (size_t i = 0; i < SIGNAL_COUNT && !stops_nobody; i++)
		if (!is_ignored(signals_of_jobs[i]))
			sigaddset(signals, signals_of_jobs[i]);
}

bool job_control_signal(struct job_control *job_control, int number, bool is_launched)
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		if (number != signals_of_jobs[i])
			continue;
		job_control->number = number;
		if (is_launched)
			job_control->asked_ns = clock_monotonic();
		else if (!job_control->reported)
			fputs("conntrace: not stopped, because the watched process would hang; Ctrl-C ends the run\n",
			      stderr);
		job_control->reported = !is_launched;
		return true;
	}
	return false;
}

bool job_control_check(struct job_control *job_control, const struct tracer *tracer)
{
	sigset_t stop;
	bool stops;

	if (job_control->asked_ns == 0 || tracer == NULL || !tracer_command_stopped(tracer))
		return false;
	stops = clock_monotonic() - job_control->asked_ns < ANSWER_NS;
	if (stops) {
		sigemptyset(&stop);
		sigaddset(&stop, job_control->number);
		raise(job_control->number);
		/* It stops here. SIGCONT, sent to the whole job, continues the command too. */
		sigprocmask(SIG_UNBLOCK, &stop, NULL);
		sigprocmask(SIG_BLOCK, &stop, NULL);
	}
	job_control->asked_ns = 0;
	return stops;
}
