// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/slices.h"

#include "base/clock.h"

/* The wall clock may be set meanwhile, so each border is looked for anew. */
static void find_next(struct slices *slices, int64_t clock_ns)
{
	int64_t rest_ns = slices->interval_ns, now_ns = clock_now();

	if (slices->is_aligned)
		rest_ns -= now_ns - clock_aligned(now_ns, slices->interval_ns);
	else if (slices->next_ns > 0)
		rest_ns -= (clock_ns - slices->next_ns) % slices->interval_ns;
	/* A hair too early is on time. */
	if (slices->next_ns > 0 && rest_ns < slices->interval_ns / 8)
		rest_ns += slices->interval_ns;
	slices->next_ns = clock_ns + rest_ns;
}

void slices_begin(struct slices *slices, const struct options *options, int64_t start_ns)
{
	*slices = (struct slices){.is_aligned = options->align};
	/* The screen has an interval of its own. */
	if (options->interval_ns == 0 || options->top)
		return;
	slices->interval_ns = options->interval_ns;
	find_next(slices, options->align ? clock_monotonic() : start_ns);
}

int64_t slices_wait_ns(const struct slices *slices, int64_t clock_ns)
{
	if (slices->interval_ns == 0)
		return INT64_MAX;
	return slices->next_ns > clock_ns ? slices->next_ns - clock_ns : 0;
}

bool slices_due(struct slices *slices, int64_t clock_ns, int64_t end_ns)
{
	if (slices->interval_ns == 0 || clock_ns < slices->next_ns)
		return false;
	find_next(slices, clock_ns);
	return end_ns == 0 || clock_ns < end_ns;
}
