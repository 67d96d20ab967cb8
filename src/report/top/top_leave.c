// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_leave.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crash.h"

/*
 * State of the signal handler. It may only call write(2), tcsetattr(3) and
 * raise(3), so everything else is prepared.
 */
struct leave {
	volatile sig_atomic_t taken;
	struct termios modes;
	char farewell[TOP_LEAVE_BYTES];
	size_t length;
};

static struct leave own;
static struct leave *leave = &own;
static int leave_tty;

void top_leave_share(void)
{
	void *shared = mmap(NULL, sizeof(*leave), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared != MAP_FAILED)
		leave = shared;
}

static void restore(int tty)
{
	ssize_t ignored;

	if (!leave->taken)
		return;
	leave->taken = 0;
	ignored = write(tty, leave->farewell, leave->length);
	(void)ignored;
	tcsetattr(tty, TCSANOW, &leave->modes);
}

void top_leave_restore(void)
{
	restore(leave_tty);
}

void top_leave_rescue(void)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t group;

	if (tty < 0)
		tty = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (tty < 0)
		return;
	group = tcgetpgrp(tty);
	if (group < 0 || group == getpgrp())
		restore(tty);
	close(tty);
}

static void on_crash(int number)
{
	top_leave_restore();
	/* The handler was for one time: now the default action follows. */
	raise(number);
}

/* Signals whose default action does not end a process (signal(7)), or cannot be changed. */
static bool is_harmless(int number)
{
	static const int harmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGKILL};

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (harmless[i] == number)
			return true;
	return false;
}

/*
 * Handle every signal that would end the process. Other handlers, and signals ignored at the start, stay as they are;
 * libc refuses the signals that it uses itself.
 */
static void watch_crashes(bool on)
{
	const struct sigaction ours = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
	const struct sigaction none = {.sa_handler = SIG_DFL};
	struct sigaction now;

	for (int number = 1; number <= SIGRTMAX; number++)
		if (!is_harmless(number) && sigaction(number, NULL, &now) == 0 &&
		    now.sa_handler == (on ? SIG_DFL : on_crash))
			(void)sigaction(number, on ? &ours : &none, NULL);
	crash_restore(on ? top_leave_restore : NULL);
}

void top_leave_prepare(int tty, const struct termios *modes, const char *farewell, size_t length)
{
	static bool has_exit;

	leave_tty = tty;
	leave->modes = *modes;
	leave->length = length < sizeof(leave->farewell) ? length : sizeof(leave->farewell);
	memcpy(leave->farewell, farewell, leave->length);
	leave->taken = 1;
	watch_crashes(true);
	if (!has_exit)
		atexit(top_leave_restore);
	has_exit = true;
}

void top_leave_taken(bool taken)
{
	leave->taken = taken;
}

void top_leave_end(void)
{
	leave->taken = 0;
	watch_crashes(false);
}
