// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "config.h"

/* The sanitizers have handlers of their own. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#define IS_SANITIZED (__has_feature(address_sanitizer))
#else
#define IS_SANITIZED false
#endif

static const struct {
	int number;
	const char *name;
} fatal[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
	     {SIGFPE, "SIGFPE"},   {SIGABRT, "SIGABRT"}, {SIGSYS, "SIGSYS"}};
#define FATAL_COUNT (sizeof(fatal) / sizeof(fatal[0]))

static struct {
	pid_t pid; /* a child has these handlers until execve(2) */
	const char *outcome, *standby_outcome;
	void (*_Atomic restore)(void);
	bool (*_Atomic standby)(void *context);
	void *context;
	_Atomic pid_t child;
	_Atomic pid_t first; /* the thread that crashed first, 0 none */
} crash;

static char main_stack[CRASH_STACK_SIZE];

/* A line that is built without the C library. */
struct line {
	char text[1024];
	size_t length;
};

static void add(struct line *line, const char *text)
{
	while (*text != '\0' && line->length < sizeof(line->text) - 1)
		line->text[line->length++] = *text++;
}

static void add_number(struct line *line, uintptr_t number, unsigned int base)
{
	char digits[24];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	add(line, base == 16 ? "0x" : "");
	add(line, digits + at);
}

static void say(struct line *line)
{
	ssize_t ignored;

	add(line, "\n");
	ignored = write(STDERR_FILENO, line->text, line->length);
	(void)ignored;
}

/* Limits of this program's code, set by the linker. */
extern const char __executable_start[] __attribute__((weak, visibility("hidden")));
extern const char etext[] __attribute__((weak));

static void add_place(struct line *line, const void *context)
{
	const ucontext_t *user = context;
	uintptr_t at, start = (uintptr_t)__executable_start;

#if defined(__x86_64__)
	at = (uintptr_t)user->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	at = (uintptr_t)user->uc_mcontext.pc;
#else
	(void)user;
	return;
#endif
	if (start != 0 && at >= start && at < (uintptr_t)etext) {
		add(line, " at " PACKAGE_NAME "+");
		at -= start;
	} else {
		add(line, " at ");
	}
	add_number(line, at, 16);
}

static void tell(int number, const siginfo_t *info, const void *context, const char *outcome)
{
	struct line line = {.length = 0};

	add(&line, PACKAGE_NAME ": crashed (version " PACKAGE_VERSION ", ");
	for (size_t i = 0; i < FATAL_COUNT; i++)
		add(&line, fatal[i].number == number ? fatal[i].name : "");
	if (info->si_code <= 0 && info->si_code != SI_TKILL) {
		add(&line, " sent by PID ");
		add_number(&line, (uintptr_t)info->si_pid, 10);
	}
	if (info->si_code > 0 && (number == SIGSEGV || number == SIGBUS)) {
		add(&line, " for address ");
		add_number(&line, (uintptr_t)info->si_addr, 16);
	}
	add(&line, syscall(SYS_gettid) == getpid() ? ", main thread" : ", another thread");
	add_place(&line, context);
	add(&line, "), there is no report; ");
	add(&line, outcome);
	say(&line);
}

/* End the process by the signal: an instruction that caused it does so when it is executed again. */
static void die(int number, const siginfo_t *info)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t unblocked;

	sigaction(number, &action, NULL);
	if (info->si_code > 0 && number != SIGSYS)
		return;
	sigemptyset(&unblocked);
	sigaddset(&unblocked, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &unblocked, NULL);
}

/* Return: true in the first thread that crashed. */
static bool begin(void)
{
	pid_t none = 0;
	void (*restore)(void) = atomic_load(&crash.restore);

	if (!atomic_compare_exchange_strong(&crash.first, &none, (pid_t)syscall(SYS_gettid)))
		return false;
	if (restore != NULL)
		restore();
	return true;
}

static const char *outcome(void)
{
	return atomic_load(&crash.standby) != NULL ? crash.standby_outcome : crash.outcome;
}

static void stand_by(void)
{
	bool (*standby)(void *) = atomic_load(&crash.standby);
	pid_t child = atomic_load(&crash.child);
	struct line line = {.length = 0};

	if (standby == NULL)
		return;
	if (child > 0)
		kill(child, SIGKILL);
	if (standby(crash.context))
		return;
	add(&line, PACKAGE_NAME ": the tracing thread does not answer; what runs under its filter is killed");
	say(&line);
}

static void on_crash(int number, siginfo_t *info, void *context)
{
	struct line line = {.length = 0};

	if (getpid() != crash.pid) {
		die(number, info);
		return;
	}
	if (begin()) {
		tell(number, info, context, outcome());
		stand_by();
	} else {
		add(&line, PACKAGE_NAME ": crashed once more");
		add(&line, atomic_load(&crash.standby) != NULL ? "; what runs under its filter is killed" : "");
		say(&line);
	}
	die(number, info);
}

void crash_exit(const char *why, int status)
{
	struct line line = {.length = 0};

	add(&line, PACKAGE_NAME ": ");
	add(&line, why);
	if (getpid() == crash.pid && begin()) {
		add(&line, "; ");
		add(&line, outcome());
		say(&line);
		stand_by();
	} else {
		say(&line);
	}
	_exit(status);
}

void crash_kill(void)
{
	(void)begin();
	kill(getpid(), SIGKILL);
}

bool crash_has_happened(void)
{
	return atomic_load(&crash.first) != 0;
}

void crash_stack(void *stack)
{
	const stack_t handlers = {
		.ss_sp = stack, .ss_size = CRASH_STACK_SIZE, .ss_flags = stack == NULL ? SS_DISABLE : 0};

	(void)sigaltstack(&handlers, NULL);
}

void crash_watch(const char *outcome)
{
	struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK}, old;

	crash.pid = getpid();
	crash.outcome = outcome;
	if (IS_SANITIZED)
		return;
	/*
	 * A wake signal that arrives together with a fatal one is delivered on top of it: its handler would take over
	 * and never return to that of the crash.
	 */
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, CRASH_WAKE_SIGNAL);
	crash_stack(main_stack);
	/* Ignored signals stay ignored for a launched command. */
	for (size_t i = 0; i < FATAL_COUNT; i++)
		if (sigaction(fatal[i].number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(fatal[i].number, &action, NULL);
}

void crash_restore(void (*restore)(void))
{
	atomic_store(&crash.restore, restore);
}

void crash_standby(bool (*standby)(void *context), void *context, const char *outcome)
{
	crash.context = context;
	crash.standby_outcome = outcome;
	atomic_store(&crash.standby, standby);
}

void crash_child(pid_t pid)
{
	atomic_store(&crash.child, pid);
}
