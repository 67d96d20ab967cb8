// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/tracer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "system/procfs.h"
#include "source/ptrace/launch.h"
#include "source/ptrace/tracee.h"
#include "source/ptrace/tracer_state.h"
#include "source/source.h"

static long options_of(const struct tracer_config *config, bool filtered)
{
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;

	if (config->follow)
		options |= PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	/* Without a tracer the filter makes calls fail, so no process under it may outlive the tracer. */
	if (filtered)
		options |= PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	return options;
}

static void tracer_free(struct tracer *tracer)
{
	endings_free(&tracer->endings);
	tracee_table_free(tracer->table);
	diag_fallback_close(&tracer->gathered.diag_fallback);
	free(tracer->gathered.held);
	if (tracer->wake_fd >= 0)
		close(tracer->wake_fd);
	for (size_t i = 0; i < tracer->warning_count; i++)
		free(tracer->warnings[i]);
	free(tracer->warnings);
	free(tracer->existing.list);
	free(tracer->program.filter);
	free(tracer->gathered.close_filter.filter);
	sem_destroy(&tracer->ready);
	free(tracer);
}

int tracer_open(struct tracer **opened, const struct tracer_config *config, int *exit_status, struct err *err)
{
	struct sigaction action = {.sa_handler = standby_on_wake};
	/* Stops are waited for: a signal for each would only cost the tracee time. */
	const struct sigaction children = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	struct tracer *tracer = xcalloc(1, sizeof(*tracer));
	int rc;

	syscalls_init();
	launch_remember_signals();
	sigaction(TRACER_WAKE_SIGNAL, &action, NULL);
	sigaction(SIGCHLD, &children, NULL);
	atomic_init(&tracer->settled_ns, INT64_MAX);
	tracer->config = *config;
	tracer->gathered.queue = config->events;
	tracer->gathered.notices = &tracer->notices;
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
	rc = tracer->wake_fd < 0 ? -errno : -pthread_create(&tracer->thread, NULL, tracer_thread, tracer);
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

const char *tracer_refused(const struct tracer *tracer, size_t index)
{
	return index < tracer->warning_count ? tracer->warnings[index] : NULL;
}

const char *tracer_notice(struct tracer *tracer)
{
	return notices_take(&tracer->notices);
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

pid_t tracer_command(const struct tracer *tracer)
{
	return atomic_load(&tracer->command_ended) ? 0 : atomic_load(&tracer->command);
}

bool tracer_status(const struct tracer *tracer, int *status)
{
	if (!atomic_load(&tracer->command_ended))
		return false;
	*status = atomic_load(&tracer->command_status);
	return true;
}

/* A wake-up between the thread's check of the question and its wait is lost, so it is repeated. */
static void wake_thread(struct tracer *tracer)
{
	const struct timespec pause = {.tv_nsec = CLOCK_NS_PER_MS};

	pthread_kill(tracer->thread, TRACER_WAKE_SIGNAL);
	nanosleep(&pause, NULL);
}

size_t tracer_others(struct tracer *tracer, int number, pid_t *pids, size_t room)
{
	struct tracer_question *question = &tracer->question;

	question->number = number;
	question->pids = pids;
	question->room = room;
	question->count = 0;
	atomic_store(&question->waits, true);
	while (atomic_load(&question->waits) && !atomic_load(&tracer->done))
		wake_thread(tracer);
	return question->count;
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
	if (tracer == NULL)
		return;
	standby_end();
	atomic_store(&tracer->stop, true);
	while (!atomic_load(&tracer->done))
		wake_thread(tracer);
	pthread_join(tracer->thread, NULL);
	tracer_free(tracer);
}
