// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/interval.h"

#include "base/clock.h"

/* The wall clock may be set during the run, so each border is computed again. */
static void find_next(struct interval *interval, int64_t clock_ns)
{
	int64_t rest_ns = interval->interval_ns, now_ns = clock_now();

	if (interval->is_aligned)
		rest_ns -= now_ns - clock_aligned(now_ns, interval->interval_ns);
	else if (interval->next_ns > 0)
		rest_ns -= (clock_ns - interval->next_ns) % interval->interval_ns;
	/* A slightly early wakeup is on time. */
	if (interval->next_ns > 0 && rest_ns < interval->interval_ns / 8)
		rest_ns += interval->interval_ns;
	interval->next_ns = clock_ns + rest_ns;
}

void interval_begin(struct interval *interval, const struct options *options, int64_t start_ns)
{
	*interval = (struct interval){.is_aligned = options->align};
	/* The screen has its own interval. */
	if (options->interval_ns == 0 || options->top)
		return;
	interval->interval_ns = options->interval_ns;
	find_next(interval, options->align ? clock_monotonic() : start_ns);
}

int64_t interval_wait_ns(const struct interval *interval, int64_t clock_ns)
{
	if (interval->interval_ns == 0)
		return INT64_MAX;
	return interval->next_ns > clock_ns ? interval->next_ns - clock_ns : 0;
}

bool interval_due(struct interval *interval, int64_t clock_ns, int64_t end_ns)
{
	if (interval->interval_ns == 0 || clock_ns < interval->next_ns)
		return false;
	find_next(interval, clock_ns);
	return end_ns == 0 || clock_ns < end_ns;
}
