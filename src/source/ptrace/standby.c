// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/standby.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "source/ptrace/tracer_state.h"
#include "system/socket.h"

/* Longest stay of the tracing thread in one system call that a signal does not interrupt. */
#define ANSWER_TRIES 5000

/* Read by the tracing thread in its signal handler, cleared by whichever thread closes the tracer. */
static _Atomic(struct tracer *) watched;
static pid_t thread_tid;
/*
 * A duplicate of a tracee's descriptor, -1 none; without a FIN or an end of file while it is open. While is_taken is
 * set it may be open.
 */
static struct {
	volatile sig_atomic_t fd, is_taken;
} duplicate = {.fd = -1};

/* As wait(2) encodes it. */
static int to_status(const siginfo_t *report)
{
	switch (report->si_code) {
	case CLD_EXITED:
		return (report->si_status & 0xff) << 8;
	case CLD_KILLED:
		return report->si_status & 0x7f;
	case CLD_DUMPED:
		return (report->si_status & 0x7f) | 0x80;
	default:
		return (int)((unsigned int)report->si_status << 8 | 0x7f);
	}
}

pid_t standby_wait(struct standby *standby, int *status, int flags)
{
	standby->report.si_pid = 0;
	atomic_signal_fence(memory_order_seq_cst);
	if (waitid(P_ALL, 0, &standby->report, WEXITED | __WALL | flags) != 0)
		return -errno;
	if (standby->report.si_pid != 0)
		*status = to_status(&standby->report);
	return standby->report.si_pid;
}

void standby_keep(struct standby *standby, pid_t tid, int status)
{
	bool is_killed = WIFSIGNALED(status);

	standby->report.si_code = is_killed ? CLD_KILLED : WIFSTOPPED(status) ? CLD_TRAPPED : CLD_EXITED;
	standby->report.si_status = is_killed ? WTERMSIG(status) : (int)((unsigned int)status >> 8);
	atomic_signal_fence(memory_order_seq_cst);
	standby->report.si_pid = tid;
	atomic_signal_fence(memory_order_seq_cst);
}

void standby_done(struct standby *standby)
{
	atomic_signal_fence(memory_order_seq_cst);
	standby->report.si_pid = 0;
}

int standby_take(int pidfd, int fd)
{
	duplicate.is_taken = 1;
	duplicate.fd = socket_take(pidfd, fd);
	if (duplicate.fd < 0)
		duplicate.is_taken = 0;
	return duplicate.fd;
}

void standby_drop(int fd)
{
	close(fd);
	duplicate.fd = -1;
	duplicate.is_taken = 0;
}

static bool is_stop_signal(int number)
{
	return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

static void go_on(struct tracer *tracer, pid_t tid, int status)
{
	int number = WSTOPSIG(status), event = status >> 16;

	if (!WIFSTOPPED(status)) {
		if (tid != atomic_load(&tracer->command))
			return;
		atomic_store(&tracer->command_status, status);
		atomic_store(&tracer->command_ended, true);
	} else if (event == PTRACE_EVENT_EXIT) {
		(void)ptrace(PTRACE_DETACH, tid, NULL, NULL);
	} else if (event == PTRACE_EVENT_STOP && is_stop_signal(number)) {
		(void)ptrace(PTRACE_LISTEN, tid, NULL, NULL);
	} else {
		/* A signal is delivered; any other stop carries none. */
		if (event != 0 || number == (SIGTRAP | 0x80))
			number = 0;
		(void)ptrace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)number);
	}
}

/* In the tracing thread, inside a signal handler, until all that it traces has ended. */
static void take_over(struct tracer *tracer)
{
	struct reports *reports = &tracer->reports;
	int status;
	pid_t tid;

	atomic_store(&tracer->standby.begun, true);
	if (duplicate.fd >= 0)
		close(duplicate.fd);
	if (tracer->standby.report.si_pid != 0)
		go_on(tracer, tracer->standby.report.si_pid, to_status(&tracer->standby.report));
	for (size_t i = 0; i < reports->count && i < REPORTS_MAX; i++)
		if (reports->list[i].tid != 0)
			go_on(tracer, reports->list[i].tid, reports->list[i].status);
	for (;;) {
		tid = wait4(-1, &status, __WALL, NULL);
		if (tid > 0)
			go_on(tracer, tid, status);
		else if (errno != EINTR)
			break;
	}
	atomic_store(&tracer->standby.over, true);
}

/* In any thread that has crashed. */
static bool keep_going(void *context)
{
	const struct timespec pause = {.tv_nsec = CLOCK_NS_PER_MS};
	struct tracer *tracer = context;

	if (syscall(SYS_gettid) == thread_tid) {
		take_over(tracer);
		return true;
	}
	for (int i = 0; i < ANSWER_TRIES && !atomic_load(&tracer->standby.begun); i++) {
		(void)syscall(SYS_tgkill, getpid(), thread_tid, TRACER_WAKE_SIGNAL);
		nanosleep(&pause, NULL);
	}
	while (atomic_load(&tracer->standby.begun) && !atomic_load(&tracer->standby.over))
		nanosleep(&pause, NULL);
	return atomic_load(&tracer->standby.over);
}

void standby_on_wake(int number)
{
	struct tracer *tracer = atomic_load(&watched);

	(void)number;
	if (tracer == NULL || !crash_has_happened() || syscall(SYS_gettid) != thread_tid ||
	    atomic_load(&tracer->standby.begun))
		return;
	/* The signal is sent again until it is answered: the duplicate is closed first. */
	if (duplicate.is_taken)
		return;
	take_over(tracer);
	/* The thread that crashed ends the process. */
	for (;;)
		pause();
}

void standby_watch(struct tracer *tracer)
{
	static char stack[CRASH_STACK_SIZE];

	crash_stack(stack);
	if (!tracer->gathered.filtered)
		return;
	thread_tid = (pid_t)syscall(SYS_gettid);
	atomic_store(&watched, tracer);
	crash_standby(keep_going, tracer,
		      "the command goes on unwatched; conntrace stays behind it until all it started has ended, "
		      "because it cannot run without a tracer");
}

void standby_end(void)
{
	crash_standby(NULL, NULL, NULL);
	atomic_store(&watched, NULL);
}
