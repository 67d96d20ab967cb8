// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/tracer_state.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "system/procfs.h"
#include "source/ptrace/seccomp_filter.h"
#include "source/ptrace/handshake.h"
#include "source/ptrace/exit_sockets.h"
#include "source/ptrace/launch.h"
#include "source/ptrace/signal_hold.h"
#include "source/ptrace/sealed.h"
#include "source/ptrace/tracee.h"

/*
 * One thread makes every ptrace(2) call, because the kernel accepts them only from the thread that attached. It blocks
 * in wait4(2), which costs a tracee least. A stop adds to a user's latency, so the tracee is resumed first and its
 * events are pushed afterwards. The main thread reads them on a timer of its own.
 *
 * Launched under the seccomp filter a thread runs (PTRACE_CONT) until the filter stops it at the entry of a call of
 * interest. When the call's result matters too it runs to the exit stop (PTRACE_SYSCALL; since 4.8 the seccomp stop
 * comes after the entry stop). Attached processes have no filter, and each call stops twice.
 *
 * All attachments are PTRACE_SEIZE: only then a group-stop can be distinguished from a signal and kept up with
 * PTRACE_LISTEN. A failed ptrace call means that the thread is being killed; its end will be reported.
 */

/* Number of descriptors of existing connections that are read between two checks for waiting stops. */
#define EXISTING_AT_ONCE 16
/* At the end, number of stops, or wake-ups of a millisecond each, to wait for a call that must not be left alone. */
#define LAST_STOPS 1000

static void wake_main(struct tracer *tracer)
{
	uint64_t one = 1;

	if (write(tracer->wake_fd, &one, sizeof(one)) < 0)
		return; /* only when the counter is full: it is readable then */
}

/* All events up to @time_ns have been pushed, but for the ends that are awaited. */
static void settle(struct tracer *tracer, int64_t time_ns)
{
	atomic_store_explicit(&tracer->settled_ns, clock_sooner(time_ns, endings_settled_ns(&tracer->endings)),
			      memory_order_release);
}

static void push(struct tracer *tracer)
{
	stop_push(&tracer->gathered);
	if (tracer->endings.count > 0 || tracer->gathered.holds)
		stop_release(&tracer->gathered, endings_settled_ns(&tracer->endings));
	if (tracer->gathered.pushed && atomic_exchange(&tracer->sleeping, false))
		wake_main(tracer);
	tracer->gathered.pushed = false;
}

static void resume(struct tracer *tracer, const struct tracee *tracee, int signal_number)
{
	bool run = tracer->gathered.filtered && !tracee->in_call && tracee->target->deferred_count == 0 &&
		   tracee->linger_calls == 0 && tracee->target->close_stops != CLOSE_STOPS_WANTED &&
		   !tracee->target->is_sealed;

	/* ESRCH: it was killed meanwhile and will be reported. */
	(void)ptrace(run ? PTRACE_CONT : PTRACE_SYSCALL, tracee->tid, NULL, (void *)(intptr_t)signal_number);
	standby_done(&tracer->standby);
}

/* ---- entry and exit of calls -------------------------------------------- */

static void on_syscall_stop(struct tracer *tracer, struct tracee *tracee)
{
	/* The exit of a call that does not matter needs no query. */
	if (tracee->in_call && tracee->call.kind == SYSCALL_OTHER && tracee->target->close_stops != CLOSE_STOPS_WANTED)
		tracee->in_call = false;
	else
		stop_at_call(&tracer->gathered, tracee, false);
}

/* ---- creation and end of threads ------------------------------------------ */

/* A thread that has not been reported yet: its first stop overtook its parent's. */
static struct tracee *adopt(struct tracer *tracer, pid_t tid, const struct target *parent)
{
	struct tracee *tracee = tracee_find(tracer->table, tid);
	struct procfs_status status = {.tgid = tid};

	if (tracee != NULL) {
		if (parent != NULL)
			target_inherit(tracee->target, parent);
		return tracee;
	}
	(void)procfs_status(tid, &status);
	/* The descriptors it inherited matter before its parent's stop is reported. */
	tracee = parent == NULL ? tracee_find(tracer->table, status.ppid) : NULL;
	if (tracee != NULL)
		parent = tracee->target;
	return tracee_add(tracer->table, tid, status.tgid > 0 ? status.tgid : tid, parent);
}

static void on_new_child(struct tracer *tracer, struct tracee *parent, int event)
{
	struct tracee *child;
	unsigned long tid;

	if (!tracee_message(parent, event, &tid) || tracee_ended_early(tracer->table, (pid_t)tid))
		return;
	child = adopt(tracer, (pid_t)tid, parent->target);
	child->announced = true;
	target_born(child->target, parent->target);
}

/*
 * exec by a thread that does not lead its group: the kernel ends the others and gives the thread the leader's id; the
 * message carries the old one, which will never be reported again.
 */
static void on_exec(struct tracer *tracer, struct tracee *tracee)
{
	unsigned long old;

	if (tracee_message(tracee, PTRACE_EVENT_EXEC, &old) && (pid_t)old != tracee->tid) {
		struct tracee *former = tracee_find(tracer->table, (pid_t)old);

		/* It is known, whether or not its parent's stop has reported it. */
		tracee->announced = true;
		if (former != NULL && !former->announced)
			tracee_end_early(tracer->table, (pid_t)old);
		if (former != NULL)
			tracee_remove(tracer->table, former);
	}
	tracee_exiting(tracee, false);
	tracee->target->leader_ended = false;
	stop_executed(&tracer->gathered, tracee);
	sealed_executed(&tracer->gathered, tracee->target);
	tracee->target->described = false;
	tracee->target->exit_reported = false;
	tracee->target->deferred_count = 0;
	/* exec gives a table of its own; only a child that is not followed may share it again. */
	tracee->target->owns_descriptors = tracer->gathered.follows;
	tracee->in_call = !tracer->gathered.filtered;
	tracee->call.kind = SYSCALL_OTHER;
	if (tracer->launching)
		exit_sockets_inherited(&tracer->gathered, tracee->target);
}

/* Return: true when it was detached: it must not be resumed, and is forgotten. */
static bool on_exit_stop(struct tracer *tracer, struct tracee *tracee)
{
	tracee_exiting(tracee, true);
	if (tracee->tid == tracee->target->pid)
		tracee->target->leader_ended = true;
	exit_sockets_read(&tracer->gathered, tracee);
	if (!endings_let_go(tracee))
		return false;
	standby_done(&tracer->standby);
	endings_gone(&tracer->endings, &tracer->gathered, tracer->table, tracee);
	return true;
}

static void on_ended(struct tracer *tracer, pid_t tid, int status)
{
	struct tracee *tracee = tracee_find(tracer->table, tid);

	if (tid == atomic_load(&tracer->command)) {
		atomic_store(&tracer->command_status, status);
		atomic_store(&tracer->command_ended, true);
		wake_main(tracer);
	}
	if (tracee == NULL)
		return;
	tracee->end_status = status;
	endings_gone(&tracer->endings, &tracer->gathered, tracer->table, tracee);
}

/* ---- stops ---------------------------------------------------------------- */

static bool is_stop_signal(int number)
{
	return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

static void on_stopped(struct tracer *tracer, struct tracee *tracee, int status)
{
	int number = WSTOPSIG(status);
	int deliver = 0;

	switch (status >> 16) {
	case 0:
		if (number == (SIGTRAP | 0x80))
			on_syscall_stop(tracer, tracee);
		else
			deliver = number;
		break;
	case PTRACE_EVENT_SECCOMP:
		stop_at_call(&tracer->gathered, tracee, true);
		break;
	case PTRACE_EVENT_CLONE:
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		on_new_child(tracer, tracee, status >> 16);
		break;
	case PTRACE_EVENT_EXEC:
		on_exec(tracer, tracee);
		break;
	case PTRACE_EVENT_EXIT:
		if (on_exit_stop(tracer, tracee))
			return;
		break;
	case PTRACE_EVENT_STOP:
		if (tracee->tid == atomic_load(&tracer->command)) {
			atomic_store(&tracer->command_stopped, is_stop_signal(number));
			wake_main(tracer);
		}
		if (is_stop_signal(number)) {
			(void)ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
			standby_done(&tracer->standby);
			return;
		}
		break;
	default:
		break;
	}
	resume(tracer, tracee, deliver);
}

/* ---- attaching ------------------------------------------------------------- */

/* Some of the sockets older than the run, not all at once, so that stopped threads don't wait long. */
static void look_at_existing(struct tracer *tracer)
{
	struct attach_sockets *sockets = &tracer->existing;

	for (int i = 0; i < EXISTING_AT_ONCE && sockets->at < sockets->count; i++) {
		const struct attach_socket *socket = &sockets->list[sockets->at++];
		const struct tracee *tracee = tracee_find(tracer->table, socket->pid);

		if (tracee == NULL)
			continue;
		tracer->gathered.time_ns = clock_now();
		exit_sockets_existing(&tracer->gathered, tracee->target, socket->fd);
		push(tracer);
	}
}

static int attach_all(struct tracer *tracer)
{
	const struct tracer_config *config = &tracer->config;
	int rc = 0;

	tracer->exit_status = 1;
	handshake_await_all(config->pids, config->pid_count);
	tracer->warnings = xcalloc(config->pid_count + 1, sizeof(char *));
	for (size_t i = 0; i < config->pid_count; i++) {
		int this_rc = attach_process(tracer->table, config->pids[i], tracer->options, &tracer->existing,
					     &tracer->err);

		if (this_rc == 0)
			continue;
		rc = this_rc;
		tracer->warnings[tracer->warning_count++] = xstrdup(tracer->err.text);
	}
	return tracee_count(tracer->table) > 0 ? 0 : rc;
}

/* ---- launching -------------------------------------------------------------- */

static int wait_and_dispatch(struct tracer *tracer, int flags);

static int launch(struct tracer *tracer)
{
	const struct tracer_config *config = &tracer->config;
	struct launch child;
	struct err why;
	int rc;

	tracer->exit_status = 125;
	if (tracer->gathered.filtered) {
		const struct seccomp_filter_choice choice = {.closes = config->closes, .no_uring = config->no_uring};

		rc = seccomp_filter_build(&tracer->program, &choice, &tracer->err);
		if (rc != 0)
			return rc;
	}
	rc = launch_fork(&child, config, tracer->gathered.filtered ? &tracer->program : NULL, &tracer->err);
	if (rc != 0)
		return rc;
	launch_release_inherited();
	atomic_store(&tracer->command, child.pid);
	if (ptrace(PTRACE_SEIZE, child.pid, NULL, (void *)(uintptr_t)tracer->options) != 0) {
		rc = -errno;
		procfs_why_not_traceable(child.pid, -rc, why.text, sizeof(why.text));
		err_set(&tracer->err, rc, "cannot trace \"%s\": %s", config->command[0], why.text);
		kill(child.pid, SIGKILL);
		close(child.go);
		close(child.result);
		while (waitpid(child.pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		return rc;
	}
	tracee_add(tracer->table, child.pid, child.pid, NULL)->announced = true;
	if (!tracer->gathered.filtered)
		(void)ptrace(PTRACE_INTERRUPT, child.pid, NULL, NULL);
	tracer->launching = true;
	launch_go(&child);
	/* Until the exec has happened, which closed the pipe of the result, or the child is gone. */
	do {
		rc = wait_and_dispatch(tracer, 0);
	} while (rc >= 0 && rc != PTRACE_EVENT_EXEC && tracee_find(tracer->table, child.pid) != NULL);
	tracer->launching = false;
	return launch_result(&child, config->command[0], &tracer->exit_status, &tracer->err);
}

/* ---- the thread --------------------------------------------------------------- */

/* Act on a report of wait4(2). Return: its ptrace event, 0 for others. */
static int dispatch(struct tracer *tracer, pid_t tid, int status)
{
	struct tracee *tracee;

	tracer->gathered.time_ns = clock_now();
	if (!WIFSTOPPED(status)) {
		standby_done(&tracer->standby);
		on_ended(tracer, tid, status);
		push(tracer);
		settle(tracer, INT64_MAX);
		return 0;
	}
	atomic_fetch_add_explicit(&tracer->stops, 1, memory_order_relaxed);
	settle(tracer, tracer->gathered.time_ns - 1);
	tracee = adopt(tracer, tid, NULL);
	tracee->target->tid = tid;
	on_stopped(tracer, tracee, status);
	push(tracer);
	settle(tracer, INT64_MAX);
	placement_stop(&tracer->placement, tid);
	return status >> 16;
}

/* Wait for one report and act on it; Return: as dispatch(), -EAGAIN when there was none, or another negative errno. */
static int wait_and_dispatch(struct tracer *tracer, int flags)
{
	int status;
	pid_t tid = standby_wait(&tracer->standby, &status, flags);

	if (tid == 0)
		return -EAGAIN;
	return tid < 0 ? tid : dispatch(tracer, tid, status);
}

static void dispatch_all(struct tracer *tracer)
{
	reports_take(&tracer->reports, &tracer->standby);
	for (size_t i = 0; i < tracer->reports.count; i++) {
		pid_t tid = tracer->reports.list[i].tid;

		if (tid == 0)
			continue;
		standby_keep(&tracer->standby, tid, tracer->reports.list[i].status);
		tracer->reports.list[i].tid = 0;
		dispatch(tracer, tid, tracer->reports.list[i].status);
	}
}

/* Whether the end of any process is still to be reported. */
static bool lives(const struct tracer *tracer)
{
	return tracee_count(tracer->table) > 0 || tracer->endings.count > 0 ||
	       (atomic_load(&tracer->command) > 0 && !atomic_load(&tracer->command_ended));
}

static void check_endings(struct tracer *tracer, bool wait)
{
	tracer->gathered.time_ns = clock_now();
	endings_check(&tracer->endings, &tracer->gathered, wait);
	push(tracer);
	settle(tracer, INT64_MAX);
}

/* Those that have not been counted yet. */
static void ask_targets(struct tracer *tracer)
{
	struct tracer_question *question = &tracer->question;

	for (struct tracee *tracee = tracee_next(tracer->table, NULL); tracee != NULL;
	     tracee = tracee_next(tracer->table, tracee)) {
		struct target *target = tracee->target;

		if (target->asked || target->exit_reported)
			continue;
		target->asked = true;
		if (question->number != 0)
			(void)kill(target->pid, question->number);
		if (question->count < question->room)
			question->pids[question->count] = target->pid;
		question->count++;
	}
}

/* A child whose creation is still to be reported is one of them. One created later was not created under a signal. */
static void answer(struct tracer *tracer)
{
	for (struct tracee *tracee = tracee_next(tracer->table, NULL); tracee != NULL;
	     tracee = tracee_next(tracer->table, tracee))
		tracee->target->asked = false;
	dispatch_all(tracer);
	ask_targets(tracer);
	dispatch_all(tracer);
	ask_targets(tracer);
	atomic_store(&tracer->question.waits, false);
}

void *tracer_thread(void *argument)
{
	struct tracer *tracer = argument;
	sigset_t wake;

	sigemptyset(&wake);
	sigaddset(&wake, TRACER_WAKE_SIGNAL);
	placement_init(&tracer->placement);
	standby_watch(tracer);
	pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
	tracer->open_rc = tracer->config.command != NULL ? launch(tracer) : attach_all(tracer);
	if (tracer->open_rc != 0)
		standby_end();
	if (tracer->open_rc == 0 && tracer->config.opened != NULL)
		tracer->config.opened(tracer->config.opened_context);
	sem_post(&tracer->ready);
	if (tracer->open_rc != 0)
		return NULL;
	while (!atomic_load(&tracer->stop) && lives(tracer)) {
		bool more = tracer->existing.at < tracer->existing.count;
		int rc = wait_and_dispatch(tracer, more || tracer->endings.count > 0 ? WNOHANG : 0);
		bool is_turn = reports_due(&tracer->reports);

		if (atomic_load(&tracer->question.waits))
			answer(tracer);
		if (is_turn)
			dispatch_all(tracer);
		if (rc == -EAGAIN && more)
			look_at_existing(tracer);
		if (tracer->endings.count > 0 && (is_turn || rc < 0))
			check_endings(tracer, rc < 0 && !more);
		else if (rc == -ECHILD)
			break;
	}
	for (int i = 0; i < LAST_STOPS && signal_hold_lasts(tracer->table); i++)
		(void)wait_and_dispatch(tracer, 0);
	standby_end();
	stop_release(&tracer->gathered, INT64_MAX);
	atomic_store(&tracer->settled_ns, INT64_MAX);
	atomic_store(&tracer->done, true);
	wake_main(tracer);
	return NULL;
}
