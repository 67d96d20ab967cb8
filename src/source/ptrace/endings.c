// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/endings.h"

#include <poll.h>
#include <sys/ptrace.h>
#include <time.h>

#include "base/clock.h"
#include "source/ptrace/exit_sockets.h"
#include "source/ptrace/sealed.h"

/*
 * A detached process is gone after some 100 us, or much later if it has much memory to release. Stops of other threads
 * wait that long at most, so the first waits are short.
 */
#define PAUSE_FIRST_NS (50 * CLOCK_NS_PER_MS / 1000)
#define PAUSE_MOST_NS CLOCK_NS_PER_MS
/* Longest time for which the end of a process delays other events. */
#define DELAY_MOST_NS CLOCK_NS_PER_SEC
/* Further ones are checked in the next round. */
#define POLL_MOST 64

bool endings_let_go(struct tracee *tracee)
{
	struct target *target = tracee->target;
	unsigned long status;

	if (!tracee_message(tracee, PTRACE_EVENT_EXIT, &status) ||
	    (target->holding_count > 0 && exit_sockets_end_fd(target) < 0) ||
	    ptrace(PTRACE_DETACH, tracee->tid, NULL, NULL) != 0)
		return false;
	target->let_go = true;
	tracee->end_status = (int)status;
	return true;
}

void endings_gone(struct endings *endings, struct stop *stop, struct tracee_table *table, struct tracee *tracee)
{
	struct target *target = tracee->target;

	if (!tracee->announced)
		tracee_end_early(table, tracee->tid);
	if (target->threads > 1 || !target->let_go || target->holding_count == 0) {
		if (target->threads == 1) {
			exit_sockets_report(stop, tracee, tracee->end_status);
			sealed_ended(stop, tracee, tracee->end_status);
		}
		stop_push(stop);
		tracee_remove(table, tracee);
		return;
	}
	tracee_take(table, tracee);
	tracee->next = endings->first;
	endings->first = tracee;
	if (endings->count++ == 0 || target->end_ns < endings->oldest_ns)
		endings->oldest_ns = target->end_ns;
	endings->pause_ns = PAUSE_FIRST_NS;
}

static size_t list_fds(const struct endings *endings, struct pollfd fds[POLL_MOST])
{
	size_t count = 0;

	for (const struct tracee *tracee = endings->first; tracee != NULL && count < POLL_MOST; tracee = tracee->next)
		fds[count++] = (struct pollfd){.fd = tracee->target->pidfd, .events = POLLIN};
	return count;
}

void endings_check(struct endings *endings, struct stop *stop, bool wait)
{
	struct timespec pause = {.tv_nsec = wait ? endings->pause_ns : 0};
	struct tracee **link = &endings->first;
	struct pollfd fds[POLL_MOST];
	size_t count = list_fds(endings, fds);
	int ready = ppoll(fds, count, &pause, NULL);

	if (ready <= 0) {
		if (wait && endings->pause_ns < PAUSE_MOST_NS)
			endings->pause_ns *= 2;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct tracee *tracee = *link;

		if (fds[i].revents == 0) {
			link = &tracee->next;
			continue;
		}
		*link = tracee->next;
		endings->count--;
		exit_sockets_report(stop, tracee, tracee->end_status);
		sealed_ended(stop, tracee, tracee->end_status);
		stop_push(stop);
		tracee_free(tracee);
	}
	endings->oldest_ns = INT64_MAX;
	for (const struct tracee *tracee = endings->first; tracee != NULL; tracee = tracee->next)
		endings->oldest_ns = clock_sooner(endings->oldest_ns, tracee->target->end_ns);
}

int64_t endings_settled_ns(const struct endings *endings)
{
	if (endings->count == 0 || clock_now() - endings->oldest_ns > DELAY_MOST_NS)
		return INT64_MAX;
	return endings->oldest_ns - 1;
}

void endings_free(struct endings *endings)
{
	while (endings->first != NULL) {
		struct tracee *tracee = endings->first;

		endings->first = tracee->next;
		tracee_free(tracee);
	}
}
