// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/privileges.h"
#include "report/top/top_leave.h"

/* Ended by a second SIGINT, a run prints what it has in this time. */
#define AT_ONCE_NS (500 * CLOCK_NS_PER_MS)
/* What is being opened is given up this long after the first signal: a FIFO may never get its other end. */
#define OPENING_NS (5 * CLOCK_NS_PER_SEC)
/* The longest time between the two signals of one request, see is_same_request(). */
#define SAME_NS (20 * CLOCK_NS_PER_MS)

static struct {
	pthread_mutex_t mutex; /* the thread that holds it reads and handles the signals */
	int signal_fd;
	int pipe[2];
	int kick_fd; /* wakes the thread when the deadline changes */
	bool (*lives)(void *context);
	void *context;
	atomic_int untaken; /* SIGINT and SIGTERM in the pipe */
	atomic_bool hurries;
	_Atomic int64_t deadline_ns; /* monotonic, INT64_MAX none */
	bool is_opening;
	int count;     /* SIGINT and SIGTERM so far */
	int own_count; /* those of them that are not for the command */
	int last;
	uint32_t sender;     /* of the last one that a process has sent */
	int64_t received_ns; /* monotonic, when that was */
	bool is_final, is_at_once;
} interrupt = {.mutex = PTHREAD_MUTEX_INITIALIZER, .signal_fd = -1, .deadline_ns = INT64_MAX, .last = SIGINT};

static void end_at_once(int number) __attribute__((noreturn));
static void end_at_once(int number)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t unblocked;

	top_leave_restore();
	sigaction(number, &action, NULL);
	sigemptyset(&unblocked);
	sigaddset(&unblocked, number);
	pthread_sigmask(SIG_UNBLOCK, &unblocked, NULL);
	raise(number);
	_exit(128 + number);
}

static bool is_end(const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGINT || info->ssi_signo == SIGTERM;
}

/* Signals of the terminal are for the command to handle while it runs. */
static bool is_for_command(const struct signalfd_siginfo *info)
{
	return info->ssi_code == SI_KERNEL && interrupt.lives != NULL && interrupt.lives(interrupt.context);
}

/*
 * timeout(1) sends its signal twice, to its child and to the process group that both are in: that is one request to
 * end. So is what the same process sends again so soon.
 */
static bool is_same_request(const struct signalfd_siginfo *info)
{
	int64_t now_ns = clock_monotonic();
	bool is_same = info->ssi_code == SI_USER && interrupt.count > 0 && interrupt.last == (int)info->ssi_signo &&
		       interrupt.sender == info->ssi_pid && clock_since(interrupt.received_ns, now_ns) < SAME_NS;

	if (is_same || info->ssi_code != SI_USER)
		return is_same;
	interrupt.sender = info->ssi_pid;
	interrupt.received_ns = now_ns;
	return false;
}

/* The mutex is held. */
static void limit_opening(void)
{
	int64_t until_ns = clock_monotonic() + OPENING_NS;

	if (until_ns < atomic_load(&interrupt.deadline_ns))
		atomic_store(&interrupt.deadline_ns, until_ns);
}

static void take(const struct signalfd_siginfo *info)
{
	bool is_stuck = atomic_load(&interrupt.untaken) > 0;

	if (is_end(info) && is_same_request(info))
		return;
	if (is_end(info)) {
		interrupt.count++;
		interrupt.last = (int)info->ssi_signo;
		if (interrupt.is_opening && !is_for_command(info))
			limit_opening();
		if (interrupt.is_final) {
			if (interrupt.count > 1)
				end_at_once(interrupt.last);
			atomic_store(&interrupt.hurries, true);
			return;
		}
		if (!is_for_command(info)) {
			if (is_stuck)
				end_at_once(interrupt.last);
			interrupt.own_count++;
			atomic_fetch_add(&interrupt.untaken, 1);
		}
	}
	/* A full pipe holds hundreds that are not read. */
	if (write(interrupt.pipe[1], info, sizeof(*info)) < 0)
		return;
}

static void take_all(void)
{
	struct signalfd_siginfo info;

	while (read(interrupt.signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		take(&info);
}

static int wait_ms(void)
{
	int64_t deadline_ns = atomic_load(&interrupt.deadline_ns);
	int64_t left_ns = deadline_ns - clock_monotonic();

	if (deadline_ns == INT64_MAX)
		return -1;
	return left_ns > 0 ? (int)(left_ns / CLOCK_NS_PER_MS) + 1 : 0;
}

static void *read_signals(void *unused)
{
	struct pollfd fds[] = {{.fd = interrupt.signal_fd, .events = POLLIN},
			       {.fd = interrupt.kick_fd, .events = POLLIN}};
	uint64_t kicks;

	(void)unused;
	privileges_drop_all();
	for (;;) {
		(void)poll(fds, 2, wait_ms());
		if (read(interrupt.kick_fd, &kicks, sizeof(kicks)) < 0 && wait_ms() == 0)
			end_at_once(interrupt.last);
		pthread_mutex_lock(&interrupt.mutex);
		take_all();
		pthread_mutex_unlock(&interrupt.mutex);
	}
	return NULL;
}

int interrupt_open(const sigset_t *signals, struct err *err)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int rc;

	interrupt.signal_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	interrupt.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (interrupt.signal_fd < 0 || interrupt.kick_fd < 0 || pipe2(interrupt.pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_set(err, errno, "cannot watch for signals: %s", strerror(errno));
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	interrupt.is_opening = true;
	rc = pthread_create(&thread, &attributes, read_signals, NULL);
	pthread_attr_destroy(&attributes);
	return rc == 0 ? 0 : err_set(err, rc, "cannot start the thread for signals: %s", strerror(rc));
}

int interrupt_fd(void)
{
	return interrupt.pipe[0];
}

bool interrupt_read(struct signalfd_siginfo *info)
{
	if (read(interrupt.pipe[0], info, sizeof(*info)) != (ssize_t)sizeof(*info))
		return false;
	/* A signal for the command was not counted. */
	if (is_end(info) && atomic_load(&interrupt.untaken) > 0)
		atomic_fetch_sub(&interrupt.untaken, 1);
	return true;
}

void interrupt_command(bool (*lives)(void *context), void *context)
{
	pthread_mutex_lock(&interrupt.mutex);
	interrupt.lives = lives;
	interrupt.context = context;
	pthread_mutex_unlock(&interrupt.mutex);
}

/* The deadline has changed. */
static void kick(void)
{
	uint64_t one = 1;

	if (write(interrupt.kick_fd, &one, sizeof(one)) < 0)
		return; /* only when it is already readable */
}

void interrupt_opening(bool begins)
{
	pthread_mutex_lock(&interrupt.mutex);
	if (interrupt.is_opening && !begins && !interrupt.is_at_once)
		atomic_store(&interrupt.deadline_ns, INT64_MAX);
	interrupt.is_opening = begins;
	if (begins && interrupt.count > 0)
		limit_opening();
	pthread_mutex_unlock(&interrupt.mutex);
	kick();
}

void interrupt_final(bool at_once)
{
	pthread_mutex_lock(&interrupt.mutex);
	if (!interrupt.is_final)
		take_all();
	/* The second one came after the first had been read: no loop reads it any more. */
	at_once = at_once || (interrupt.own_count > 1 && atomic_load(&interrupt.untaken) > 0);
	interrupt.is_final = true;
	interrupt.lives = NULL;
	interrupt.is_at_once = at_once;
	pthread_mutex_unlock(&interrupt.mutex);
	if (!at_once)
		return;
	atomic_store(&interrupt.deadline_ns, clock_monotonic() + AT_ONCE_NS);
	kick();
}

bool interrupt_hurries(void)
{
	return atomic_load(&interrupt.hurries);
}
