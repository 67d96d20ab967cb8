// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/job_proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crash.h"
#include "report/top/top_leave.h"
#include "report/top/top_screen.h"

/* Sent to the child when its parent is killed. */
#define KILLED_SIGNAL (SIGRTMAX - 1)

static pid_t proxy;
/* Shared by both processes. */
static atomic_bool *is_over;

pid_t job_proxy_pid(void)
{
	return proxy;
}

void job_proxy_over(void)
{
	if (proxy <= 0)
		return;
	atomic_store(is_over, true);
	kill(proxy, SIGCONT);
}

int job_proxy_end_like(int wait_status)
{
	const struct rlimit no_core = {0, 0};
	sigset_t unblocked;
	int number = WTERMSIG(wait_status);

	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	/* The other process has dumped its core already. */
	setrlimit(RLIMIT_CORE, &no_core);
	signal(number, SIG_DFL);
	sigemptyset(&unblocked);
	sigaddset(&unblocked, number);
	sigprocmask(SIG_UNBLOCK, &unblocked, NULL);
	raise(number);
	return 128 + number;
}

/* Return: true when the shell gave this job the terminal. */
static bool is_foreground(void)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool is_ours = tty >= 0 && tcgetpgrp(tty) == getpgrp();

	if (tty >= 0)
		close(tty);
	return is_ours;
}

/* Stop like any other process; returns when continued. */
static void stop(pid_t child, bool traces, enum top_screen_stop reason)
{
	const struct timespec at_once = {0, 0};
	sigset_t stopping;

	sigemptyset(&stopping);
	sigaddset(&stopping, SIGTSTP);
	raise(SIGTSTP);
	/* From here on a SIGCONT takes the pending SIGTSTP away (signal(7)); one that came before shows here. */
	if (atomic_load(is_over)) {
		sigtimedwait(&stopping, NULL, &at_once);
		return;
	}
	/* The shell may have brought the job to the foreground meanwhile, and does not continue what did not stop. */
	if (reason == TOP_SCREEN_STOP_BACKGROUND && is_foreground()) {
		sigtimedwait(&stopping, NULL, &at_once);
		kill(child, TOP_SCREEN_SIGNAL);
		return;
	}
	if (!traces)
		kill(child, SIGSTOP);
	sigprocmask(SIG_UNBLOCK, &stopping, NULL);
	/* The process is stopped here. */
	sigprocmask(SIG_BLOCK, &stopping, NULL);
	if (!traces)
		kill(child, SIGCONT);
	kill(child, TOP_SCREEN_SIGNAL);
}

/* Return: true for a signal of the terminal, which the child gets as well. */
static bool is_for_both(const siginfo_t *info)
{
	return info->si_code == SI_KERNEL && (info->si_signo == SIGINT || info->si_signo == SIGQUIT ||
					      info->si_signo == SIGTSTP || info->si_signo == SIGWINCH);
}

static int wait_for(pid_t child, bool traces, const sigset_t *all)
{
	int wait_status;
	siginfo_t info;

	while (waitpid(child, &wait_status, WNOHANG) != child) {
		if (sigwaitinfo(all, &info) < 0 || info.si_signo == SIGCHLD || info.si_signo == SIGCONT)
			continue;
		if (info.si_signo == TOP_SCREEN_SIGNAL && info.si_pid == child)
			stop(child, traces, info.si_value.sival_int);
		else if (!is_for_both(&info))
			kill(child, info.si_signo);
	}
	return wait_status;
}

static void on_killed(int number)
{
	(void)number;
	crash_kill();
}

/* When the parent ends, the child, which uses the terminal, must end. */
static void end_with(pid_t parent, bool has_command)
{
	/* A command under a filter must not outlive the tracer; attached processes are released. */
	int number = has_command ? KILLED_SIGNAL : SIGTERM;
	struct sigaction action = {.sa_handler = on_killed};

	/* SIGTTOU, too: the shell may have the terminal by then. */
	sigfillset(&action.sa_mask);
	sigaction(KILLED_SIGNAL, &action, NULL);
	prctl(PR_SET_PDEATHSIG, number);
	if (getppid() != parent)
		raise(number);
}

bool job_proxy_fork(const struct options *options, int *wait_status)
{
	pid_t parent = getpid(), child;
	bool traces = options_traces(options) && options_has_target(options);
	sigset_t all, before;

	if (!options->screen)
		return true;
	top_leave_share();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	is_over = mmap(NULL, sizeof(*is_over), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = is_over != MAP_FAILED ? fork() : -1;
	if (child > 0) {
		*wait_status = wait_for(child, traces, &all);
		/* A killed process does not restore the terminal. */
		if (WIFSIGNALED(*wait_status))
			top_leave_rescue();
		return false;
	}
	if (child == 0) {
		proxy = parent;
		end_with(parent, options->command != NULL);
	} else {
		fprintf(stderr, "conntrace: cannot make a child: %s; Ctrl-Z does not stop this run\n", strerror(errno));
		proxy = -1;
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return true;
}
