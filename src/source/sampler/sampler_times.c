// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/sampler/sampler_times.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

/* Samples may take a twenty-fifth of one processor while new sockets turn up, else a hundredth. */
#define LOAD_SHARE_NEWS 25
#define LOAD_SHARE_NO_NEWS 100
/* A list of listeners and owners alone may take a tenth, while final counters name ports without a known listener. */
#define LOAD_SHARE_LISTENERS 10
#define INTERVAL_MIN_NS (2 * CLOCK_NS_PER_MS)
/* A peek takes some 20 us with a hundred listeners. */
#define LOAD_SHARE_PEEK 200
#define PEEK_MIN_NS (5 * CLOCK_NS_PER_MS)

static void arm(const struct sampler_times *times)
{
	int64_t now_ns = clock_monotonic();
	int64_t wait_ns = clock_sooner(times->due_ns - now_ns, times->peek_ns);
	struct itimerspec timer = {{0, 0}, {0, 0}};

	if (times->wants_listeners && times->listeners_ns - now_ns < wait_ns)
		wait_ns = times->listeners_ns - now_ns;
	/* 0 would disarm it. */
	if (wait_ns < 1)
		wait_ns = 1;
	timer.it_value.tv_sec = wait_ns / CLOCK_NS_PER_SEC;
	timer.it_value.tv_nsec = wait_ns % CLOCK_NS_PER_SEC;
	(void)timerfd_settime(times->timer_fd, 0, &timer, NULL);
}

int sampler_times_open(struct sampler_times *times, int64_t longest_ns)
{
	*times = (struct sampler_times){.longest_ns = longest_ns, .peek_ns = PEEK_MIN_NS};
	times->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return times->timer_fd < 0 ? -errno : 0;
}

void sampler_times_close(struct sampler_times *times)
{
	if (times->timer_fd >= 0)
		close(times->timer_fd);
}

enum sampler_due sampler_times_due(struct sampler_times *times)
{
	uint64_t count;

	if (read(times->timer_fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
		return SAMPLER_NOTHING;
	if (clock_monotonic() >= times->due_ns)
		return SAMPLER_SAMPLE;
	return sampler_times_listeners_due(times) ? SAMPLER_LISTENERS : SAMPLER_PEEK;
}

bool sampler_times_listeners_due(const struct sampler_times *times)
{
	return times->wants_listeners && clock_monotonic() >= times->listeners_ns;
}

void sampler_times_listed(struct sampler_times *times, int64_t cost_ns)
{
	times->wants_listeners = false;
	times->listeners_ns = clock_monotonic() + cost_ns * LOAD_SHARE_LISTENERS;
	arm(times);
}

void sampler_times_sampled(struct sampler_times *times, int64_t cost_ns, bool has_news, bool is_opening)
{
	int64_t least = cost_ns * (has_news ? LOAD_SHARE_NEWS : LOAD_SHARE_NO_NEWS);

	/* The first read of all of /proc is not repeated: its cost would leave the run without samples for seconds. */
	if (is_opening)
		least = cost_ns;
	if (has_news)
		times->interval_ns = 0;
	times->interval_ns *= 2;
	if (times->interval_ns < INTERVAL_MIN_NS)
		times->interval_ns = INTERVAL_MIN_NS;
	if (times->interval_ns > times->longest_ns)
		times->interval_ns = times->longest_ns;
	if (times->interval_ns < least)
		times->interval_ns = least;
	times->wants_listeners = false;
	times->cost_ns = cost_ns;
	times->looked_ns = clock_monotonic();
	times->due_ns = times->looked_ns + times->interval_ns;
	arm(times);
}

void sampler_times_peeked(struct sampler_times *times, int64_t cost_ns)
{
	times->peek_ns = cost_ns * LOAD_SHARE_PEEK;
	if (times->peek_ns < PEEK_MIN_NS)
		times->peek_ns = PEEK_MIN_NS;
	arm(times);
}

void sampler_times_advance(struct sampler_times *times)
{
	int64_t soonest_ns = times->looked_ns + times->cost_ns * LOAD_SHARE_NEWS;

	if (soonest_ns >= times->due_ns)
		return;
	times->due_ns = soonest_ns;
	arm(times);
}

void sampler_times_hasten(struct sampler_times *times)
{
	if (times->wants_listeners)
		return;
	times->wants_listeners = true;
	arm(times);
}
