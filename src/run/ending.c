// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/ending.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/orphans.h"
#include "system/procfs.h"

/* Time to end after SIGTERM. */
#define TERM_NS (10 * CLOCK_NS_PER_SEC)
#define TERM_SEC 10
/* A command that ends sooner after SIGTERM needs no announcement. */
#define ANNOUNCE_NS CLOCK_NS_PER_SEC
/* A process that ends this soon after the command was not left behind. */
#define ALONE_NS (300 * CLOCK_NS_PER_MS)
#define NAMED_MOST 3
#define KNOWN_MOST 64
/* Limit of searches for orphans until two of them find the same, and the time between them. */
#define ORPHANS_LOOKS 6
#define ORPHANS_PAUSE_NS (50 * CLOCK_NS_PER_MS)

static bool is_filtered(const struct ending *ending)
{
	const struct options *options = ending->options;

	return options_traces(options) && !options->no_filter && options->follow;
}

static void begin(struct ending *ending, enum ending_step step)
{
	ending->step = step;
	ending->since_ns = clock_monotonic();
	ending->is_announced = false;
}

/* "nginx (PID 12), nginx (PID 13) and 4 more" */
static void name_all(const pid_t *pids, size_t count, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && i < NAMED_MOST; i++) {
		struct procfs_name name;

		used += (size_t)snprintf(text + used, size - used, "%s%s (PID %d)", i > 0 ? ", " : "",
					 procfs_name(&name, pids[i]), (int)pids[i]);
	}
	if (count > NAMED_MOST)
		snprintf(text + used, size - used, " and %zu more", count - NAMED_MOST);
}

/* Remove the processes that have ended; the first NAMED_MOST of @count are in @pids. */
static size_t keep_living(pid_t pids[NAMED_MOST], size_t count)
{
	size_t listed = count < NAMED_MOST ? count : NAMED_MOST, kept = 0;
	struct procfs_status status;

	for (size_t i = 0; i < listed; i++)
		if (procfs_status(pids[i], &status) == 0 && status.state != 'Z')
			pids[kept++] = pids[i];
	return kept > 0 ? count - (listed - kept) : 0;
}

/* Without calls a process counts as running until the next sample. Return: number of processes. */
static size_t name_others(struct ending *ending, int number, char *text, size_t size)
{
	pid_t pids[NAMED_MOST];
	size_t count = keep_living(pids, sources_others(ending->sources, number, pids, NAMED_MOST));

	name_all(pids, count, text, size);
	return count;
}

/*
 * Find the orphans of an untraced command. Between the two forks of a daemon there is a short-lived process, so only
 * processes found twice count.
 */
static size_t find_orphans(struct ending *ending, pid_t pids[NAMED_MOST])
{
	const struct timespec pause = {.tv_nsec = ORPHANS_PAUSE_NS};
	uint64_t start = command_start(sources_command(ending->sources));
	pid_t known[KNOWN_MOST], before[NAMED_MOST];
	size_t known_count = sources_others(ending->sources, 0, known, KNOWN_MOST);
	size_t count = 0, last;

	if (known_count > KNOWN_MOST)
		known_count = KNOWN_MOST;
	memset(pids, 0, NAMED_MOST * sizeof(*pids));
	for (int i = 0; i < ORPHANS_LOOKS; i++) {
		memcpy(before, pids, sizeof(before));
		last = count;
		count = orphans_find(start, known, known_count, pids, NAMED_MOST);
		if (count == 0 || (count == last && memcmp(before, pids, sizeof(before)) == 0))
			break;
		nanosleep(&pause, NULL);
	}
	return count;
}

static void say_orphans(struct ending *ending)
{
	char others[512], text[1024];
	pid_t pids[NAMED_MOST];
	size_t count;
	int length;

	if (sources_command(ending->sources) == NULL ||
	    ending->searches > (unsigned int)sources_have_ended(ending->sources))
		return;
	ending->searches++;
	count = keep_living(pids, find_orphans(ending, pids));
	if (count == 0)
		return;
	ending->searches = UINT_MAX;
	name_all(pids, count, others, sizeof(others));
	length =
		snprintf(text, sizeof(text),
			 "the command has ended and may have left running: %s; what is orphaned between two samples is "
			 "not watched, and nothing proves who started it; without --via=diag it is never lost",
			 others);
	if (procfs_may_watch(pids[0]))
		snprintf(text + length, sizeof(text) - (size_t)length,
			 ", and \"conntrace --via=diag -p %d\" watches it", (int)pids[0]);
	ending->say(ending->context, text);
}

static void say_left(struct ending *ending)
{
	char others[512], text[1024];
	int own = (int)getpid();

	if (name_others(ending, 0, others, sizeof(others)) == 0)
		return;
	ending->is_reported = true;
	if (is_filtered(ending))
		snprintf(text, sizeof(text),
			 "the command has ended, but left running: %s; the run goes on until they end; Ctrl-C or "
			 "\"kill %d\" ends them (SIGTERM, after %d s SIGKILL) and the run",
			 others, own, TERM_SEC);
	else
		snprintf(text, sizeof(text),
			 "the command has ended, but left running: %s; the run goes on until they end; Ctrl-C or "
			 "\"kill %d\" ends the run, and they run on",
			 others, own);
	ending->say(ending->context, text);
}

/* End the processes that the command left, or release them. */
static void end_left(struct ending *ending)
{
	bool filtered = is_filtered(ending);
	char others[512], text[1024];

	begin(ending, filtered ? ENDING_LEFT : ENDING_OVER);
	if (name_others(ending, filtered ? SIGTERM : 0, others, sizeof(others)) == 0)
		return;
	if (filtered)
		snprintf(text, sizeof(text),
			 "sent SIGTERM to what the command left running: %s; what has not ended in %d s gets SIGKILL, "
			 "because it cannot run without conntrace; Ctrl-C ends it at once",
			 others, TERM_SEC);
	else
		snprintf(text, sizeof(text), "processes that the command left run on: %s", others);
	ending->say(ending->context, text);
}

bool ending_signal(struct ending *ending, int number, bool is_terminal)
{
	bool lives = sources_command_lives(ending->sources);

	if (lives && is_terminal && ending->step < ENDING_COMMAND) {
		bool is_again = ending->step != ENDING_NONE;

		if (number != SIGINT || !sources_command_pass(ending->sources, number))
			return false;
		begin(ending, ENDING_PASSED);
		return is_again;
	}
	/* SIGHUP makes a daemon reread its configuration, any number of times. */
	if (number == SIGHUP && lives && ending->step < ENDING_COMMAND) {
		(void)sources_command_signal(ending->sources, number);
		return false;
	}
	if (ending->step != ENDING_NONE)
		return true;
	if (!lives) {
		end_left(ending);
		return false;
	}
	begin(ending, ENDING_PASSED);
	(void)sources_command_signal(ending->sources, number);
	return false;
}

void ending_ask(struct ending *ending)
{
	if (ending->step >= ENDING_COMMAND)
		return;
	if (!sources_command_lives(ending->sources)) {
		end_left(ending);
		return;
	}
	begin(ending, ENDING_COMMAND);
	(void)sources_command_signal(ending->sources, SIGTERM);
}

/* Handle a command that does not end by SIGTERM. */
static void hurry_command(struct ending *ending, int64_t since_ns)
{
	bool filtered = is_filtered(ending);

	if (since_ns >= ANNOUNCE_NS && !ending->is_announced) {
		ending->is_announced = true;
		ending->say(ending->context,
			    filtered ? "the run is over and the command was sent SIGTERM; if it has not ended in 10 s, "
				       "SIGKILL follows, because it cannot run without conntrace; Ctrl-C ends it now"
				     : "the run is over and the command was sent SIGTERM; if it has not ended in 10 s, "
				       "it runs on");
	}
	if (since_ns < TERM_NS)
		return;
	if (filtered)
		(void)sources_command_signal(ending->sources, SIGKILL);
	else
		begin(ending, ENDING_OVER);
}

static void check_left(struct ending *ending, int64_t now_ns)
{
	if (sources_have_ended(ending->sources))
		return;
	if (ending->alone_ns == 0)
		ending->alone_ns = now_ns;
	if (ending->step == ENDING_LEFT) {
		if (now_ns - ending->since_ns >= TERM_NS)
			begin(ending, ENDING_OVER);
	} else if (now_ns - ending->alone_ns >= ALONE_NS) {
		if (ending->step != ENDING_NONE)
			end_left(ending);
		else if (!ending->is_reported)
			say_left(ending);
	}
}

bool ending_check(struct ending *ending)
{
	int64_t now_ns = clock_monotonic();

	if (ending->step == ENDING_OVER)
		return true;
	if (!sources_command_lives(ending->sources)) {
		say_orphans(ending);
		check_left(ending, now_ns);
	} else if (ending->step == ENDING_COMMAND) {
		hurry_command(ending, now_ns - ending->since_ns);
	}
	return ending->step == ENDING_OVER;
}
