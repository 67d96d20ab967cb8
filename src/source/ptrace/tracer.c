// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/tracer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "source/procfs/procfs.h"
#include "source/ptrace/attach.h"
#include "source/ptrace/filter.h"
#include "source/ptrace/handshake.h"
#include "source/ptrace/holdings.h"
#include "source/ptrace/launch.h"
#include "source/ptrace/placement.h"
#include "source/ptrace/quiet.h"
#include "source/ptrace/reports.h"
#include "source/ptrace/sealed.h"
#include "source/ptrace/stop.h"
#include "source/ptrace/tracee.h"
#include "source/source.h"

/*
 * One thread owns every ptrace(2) call, because the kernel wants all of them
 * from the thread that attached. It blocks in wait4(2), which costs a tracee
 * least; a stop costs a user's latency, so the tracee is resumed first and its
 * events are pushed afterwards. Main reads them on a clock of its own.
 *
 * Launched under the seccomp filter a thread runs (PTRACE_CONT) until the
 * filter stops it at the entry of a call that matters; when the call's result
 * matters too it is let run to the exit stop (PTRACE_SYSCALL; since 4.8 the
 * seccomp stop comes after the entry stop). Attached there is no filter, and
 * each call stops twice.
 *
 * All attachments are PTRACE_SEIZE: only then a group-stop can be told from a
 * signal and kept up with PTRACE_LISTEN. A failed ptrace call means that the
 * thread is dying; its end will be reported.
 */

/* How many descriptors of existing connections are looked at between two looks at waiting stops. */
#define EXISTING_AT_ONCE 16
/* At the end, how many stops, or wake-ups of a millisecond each, a call is waited for that must not be left alone. */
#define LAST_STOPS 1000
/* The signal that gets the thread out of wait4(2); its handler does nothing. */
#define WAKE_SIGNAL SIGRTMAX

struct tracer {
	struct tracer_config config;
	pthread_t thread;
	int wake_fd;
	size_t seen; /* main's: events pushed when it looked last */
	atomic_bool sleeping;
	atomic_bool stop;
	atomic_bool done;
	_Atomic uint64_t stops;
	_Atomic int64_t settled_ns; /* before the stop that is being handled; INT64_MAX: all it told has been pushed */
	_Atomic pid_t command;
	atomic_bool command_ended;
	atomic_int command_status;
	atomic_bool command_stopped;
	struct remarks remarks;

	/* From here on the thread's own, until `ready` is posted or the thread has ended. */
	sem_t ready;
	int open_rc;
	int exit_status;
	struct err err;
	char **warnings;
	size_t warning_count;
	struct tracee_table *table;
	struct stop gathered;
	struct placement placement;
	struct reports reports;
	bool launching; /* until the command's own exec */
	long options;
	struct attach_sockets existing;
	struct sock_fprog program;
};

static void wake_main(struct tracer *tracer)
{
	uint64_t one = 1;

	if (write(tracer->wake_fd, &one, sizeof(one)) < 0)
		return; /* only when the counter is full: it is readable then */
}

static void push(struct tracer *tracer)
{
	if (stop_push(&tracer->gathered) && atomic_exchange(&tracer->sleeping, false))
		wake_main(tracer);
}

static void resume(struct tracer *tracer, const struct tracee *tracee, int signal_number)
{
	bool run = tracer->gathered.filtered && !tracee->in_call && tracee->target->deferred_count == 0 &&
		   !tracee->target->is_sealed;

	/* ESRCH: it was killed meanwhile and will be reported. */
	(void)ptrace(run ? PTRACE_CONT : PTRACE_SYSCALL, tracee->tid, NULL, (void *)(intptr_t)signal_number);
}

/* ---- entry and exit of calls -------------------------------------------- */

static void on_syscall_stop(struct tracer *tracer, struct tracee *tracee)
{
	/* The way out of a call that does not matter: nothing to ask. */
	if (tracee->in_call && tracee->call.kind == SYSCALL_OTHER)
		tracee->in_call = false;
	else
		stop_at_call(&tracer->gathered, tracee, false);
}

/* ---- life of threads ------------------------------------------------------ */

/* A thread nobody told us of yet: its first stop overtook its parent's. */
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
	/* Which descriptors it was born with matters before its parent is heard. */
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
 * exec by a thread that does not lead its group: the kernel ends the others
 * and gives the thread the leader's id; the message carries the old one, which
 * will never be reported again.
 */
static void on_exec(struct tracer *tracer, struct tracee *tracee)
{
	unsigned long old;

	if (tracee_message(tracee, PTRACE_EVENT_EXEC, &old) && (pid_t)old != tracee->tid) {
		struct tracee *former = tracee_find(tracer->table, (pid_t)old);

		if (former != NULL)
			tracee_remove(tracer->table, former);
	}
	tracee_exiting(tracee, false);
	tracee->target->leader_ended = false;
	stop_executed(&tracer->gathered, tracee);
	sealed_executed(&tracer->gathered, tracee->target);
	tracee->target->described = false;
	tracee->target->exit_told = false;
	tracee->target->deferred_count = 0;
	/* exec gives a table of its own; only a child that is not followed may share it again. */
	tracee->target->owns_descriptors = tracer->gathered.follows;
	tracee->in_call = !tracer->gathered.filtered;
	tracee->call.kind = SYSCALL_OTHER;
	if (tracer->launching)
		holdings_inherited(&tracer->gathered, tracee->target);
}

static void on_exit_stop(struct tracer *tracer, struct tracee *tracee)
{
	tracee_exiting(tracee, true);
	if (tracee->tid == tracee->target->pid)
		tracee->target->leader_ended = true;
	holdings_look(&tracer->gathered, tracee);
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
	if (!tracee->announced)
		tracee_end_early(tracer->table, tid);
	if (tracee->target->threads == 1)
		holdings_tell(&tracer->gathered, tracee, status);
	if (tracee->target->threads == 1)
		sealed_ended(&tracer->gathered, tracee, status);
	push(tracer);
	tracee_remove(tracer->table, tracee);
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
		on_exit_stop(tracer, tracee);
		break;
	case PTRACE_EVENT_STOP:
		if (tracee->tid == atomic_load(&tracer->command)) {
			atomic_store(&tracer->command_stopped, is_stop_signal(number));
			wake_main(tracer);
		}
		if (is_stop_signal(number)) {
			(void)ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
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
		holdings_existing(&tracer->gathered, tracee->target, socket->fd);
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
		const struct filter_choice choice = {config->closes, config->no_uring};

		rc = filter_build(&tracer->program, &choice, &tracer->err);
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

/* Act on what wait4(2) reported. Return: the ptrace event it was, 0 for others. */
static int dispatch(struct tracer *tracer, pid_t tid, int status)
{
	struct tracee *tracee;

	tracer->gathered.time_ns = clock_now();
	if (!WIFSTOPPED(status)) {
		on_ended(tracer, tid, status);
		return 0;
	}
	atomic_fetch_add_explicit(&tracer->stops, 1, memory_order_relaxed);
	atomic_store_explicit(&tracer->settled_ns, tracer->gathered.time_ns - 1, memory_order_release);
	tracee = adopt(tracer, tid, NULL);
	tracee->target->tid = tid;
	on_stopped(tracer, tracee, status);
	push(tracer);
	atomic_store_explicit(&tracer->settled_ns, INT64_MAX, memory_order_release);
	placement_stop(&tracer->placement, tid);
	return status >> 16;
}

/* Wait for one report and act on it; Return: as dispatch(), -EAGAIN when there was none, or another negative errno. */
static int wait_and_dispatch(struct tracer *tracer, int flags)
{
	int status;
	pid_t tid = wait4(-1, &status, __WALL | flags, NULL);

	if (tid == 0)
		return -EAGAIN;
	return tid < 0 ? -errno : dispatch(tracer, tid, status);
}

static void dispatch_all(struct tracer *tracer)
{
	reports_take(&tracer->reports);
	for (size_t i = 0; i < tracer->reports.count; i++) {
		if (tracer->reports.list[i].tid != 0)
			dispatch(tracer, tracer->reports.list[i].tid, tracer->reports.list[i].status);
	}
}

static void *run(void *argument)
{
	struct tracer *tracer = argument;
	sigset_t wake;

	sigemptyset(&wake);
	sigaddset(&wake, WAKE_SIGNAL);
	placement_init(&tracer->placement);
	tracer->open_rc = tracer->config.command != NULL ? launch(tracer) : attach_all(tracer);
	sem_post(&tracer->ready);
	if (tracer->open_rc != 0)
		return NULL;
	pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
	while (!atomic_load(&tracer->stop) && tracee_count(tracer->table) > 0) {
		bool more = tracer->existing.at < tracer->existing.count;
		int rc = wait_and_dispatch(tracer, more ? WNOHANG : 0);

		if (reports_due(&tracer->reports))
			dispatch_all(tracer);
		if (rc == -EAGAIN)
			look_at_existing(tracer);
		else if (rc == -ECHILD)
			break;
	}
	for (int i = 0; i < LAST_STOPS && quiet_lasts(tracer->table); i++)
		(void)wait_and_dispatch(tracer, 0);
	atomic_store(&tracer->done, true);
	wake_main(tracer);
	return NULL;
}

static void do_nothing(int number)
{
	(void)number;
}

static long options_of(const struct tracer_config *config, bool filtered)
{
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;

	if (config->follow)
		options |= PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	/* Without a tracer the filter makes calls fail, so nobody may survive us under it. */
	if (filtered)
		options |= PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	return options;
}

static void tracer_free(struct tracer *tracer)
{
	tracee_table_free(tracer->table);
	outside_close(&tracer->gathered.outside);
	if (tracer->wake_fd >= 0)
		close(tracer->wake_fd);
	for (size_t i = 0; i < tracer->warning_count; i++)
		free(tracer->warnings[i]);
	free(tracer->warnings);
	free(tracer->existing.list);
	free(tracer->program.filter);
	sem_destroy(&tracer->ready);
	free(tracer);
}

int tracer_open(struct tracer **opened, const struct tracer_config *config, int *exit_status, struct err *err)
{
	struct sigaction action = {.sa_handler = do_nothing};
	/* Stops are waited for: a signal for each would only cost the tracee time. */
	const struct sigaction children = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	struct tracer *tracer = xcalloc(1, sizeof(*tracer));
	int rc;

	syscalls_init();
	launch_remember_signals();
	sigaction(WAKE_SIGNAL, &action, NULL);
	sigaction(SIGCHLD, &children, NULL);
	atomic_init(&tracer->settled_ns, INT64_MAX);
	tracer->config = *config;
	tracer->gathered.queue = config->events;
	tracer->gathered.remarks = &tracer->remarks;
	tracer->table = tracee_table_new();
	tracer->gathered.table = tracer->table;
	tracer->gathered.netns = procfs_netns(getpid());
	tracer->gathered.filtered = config->command != NULL && config->filter && config->follow;
	tracer->gathered.closes = !tracer->gathered.filtered || config->closes;
	tracer->gathered.follows = config->follow;
	tracer->options = options_of(config, tracer->gathered.filtered);
	sem_init(&tracer->ready, 0, 0);
	*exit_status = config->command != NULL ? 125 : 1;
	tracer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = tracer->wake_fd < 0 ? -errno : -pthread_create(&tracer->thread, NULL, run, tracer);
	if (rc != 0) {
		rc = err_set(err, rc, "cannot start the tracing thread: %s", strerror(-rc));
		tracer_free(tracer);
		return rc;
	}
	while (sem_wait(&tracer->ready) != 0)
		;
	if (tracer->open_rc != 0) {
		pthread_join(tracer->thread, NULL);
		rc = tracer->open_rc;
		*exit_status = tracer->exit_status;
		*err = tracer->err;
		tracer_free(tracer);
		return rc;
	}
	*opened = tracer;
	return 0;
}

const char *tracer_warning(const struct tracer *tracer, size_t index)
{
	return index < tracer->warning_count ? tracer->warnings[index] : NULL;
}

const char *tracer_remark(struct tracer *tracer)
{
	return remarks_take(&tracer->remarks);
}

int tracer_fd(const struct tracer *tracer)
{
	return tracer->wake_fd;
}

int tracer_read(struct tracer *tracer)
{
	bool done = atomic_load(&tracer->done);
	size_t before;
	uint64_t wakes;

	if (read(tracer->wake_fd, &wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
		return SOURCE_END;
	if (done && queue_peek(tracer->config.events) == NULL)
		return SOURCE_END;
	before = tracer->seen;
	tracer->seen = queue_pushed(tracer->config.events);
	return (int)(tracer->seen - before);
}

int64_t tracer_settled_ns(const struct tracer *tracer)
{
	return atomic_load_explicit(&tracer->settled_ns, memory_order_acquire);
}

bool tracer_sleep(struct tracer *tracer)
{
	atomic_store(&tracer->sleeping, true);
	if (queue_pushed(tracer->config.events) == tracer->seen && !atomic_load(&tracer->done))
		return true;
	atomic_store(&tracer->sleeping, false);
	return false;
}

void tracer_signal(struct tracer *tracer, int number)
{
	pid_t pid = atomic_load(&tracer->command);

	if (pid > 0 && !atomic_load(&tracer->command_ended))
		kill(pid, number);
}

bool tracer_status(const struct tracer *tracer, int *status)
{
	if (!atomic_load(&tracer->command_ended))
		return false;
	*status = atomic_load(&tracer->command_status);
	return true;
}

bool tracer_command_stopped(const struct tracer *tracer)
{
	return atomic_load(&tracer->command_stopped);
}

uint64_t tracer_stops(const struct tracer *tracer)
{
	return atomic_load_explicit(&tracer->stops, memory_order_relaxed);
}

void tracer_close(struct tracer *tracer)
{
	const struct timespec pause = {.tv_nsec = CLOCK_NS_PER_MS};

	if (tracer == NULL)
		return;
	atomic_store(&tracer->stop, true);
	/* A wake-up that comes between the thread's look at `stop` and its wait is lost, so it is repeated. */
	while (!atomic_load(&tracer->done)) {
		pthread_kill(tracer->thread, WAKE_SIGNAL);
		nanosleep(&pause, NULL);
	}
	pthread_join(tracer->thread, NULL);
	tracer_free(tracer);
}
