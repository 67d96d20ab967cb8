// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/pace.h"

#include "base/clock.h"

bool pace_has_begun(const struct pace *pace)
{
	return pace->clock_ns != 0;
}

int64_t pace_now(const struct pace *pace, int64_t clock_ns)
{
	double passed;

	if (pace->speed == 0 || pace->clock_ns == 0)
		return INT64_MAX;
	if (pace->paused)
		return pace->file_ns;
	passed = (double)(clock_ns - pace->clock_ns) * ((double)pace->speed / (double)PACE_ONE);
	/* Ten years a second is possible, and no file is that long. */
	return passed < 4e18 ? clock_after(pace->file_ns, (int64_t)passed) : INT64_MAX;
}

void pace_change(struct pace *pace, int64_t speed, bool paused, int64_t clock_ns)
{
	if (speed == pace->speed && paused == pace->paused)
		return;
	if (pace_has_begun(pace) && pace->speed != 0) {
		pace->file_ns = pace_now(pace, clock_ns);
		pace->clock_ns = clock_ns;
	}
	pace->speed = speed;
	pace->paused = paused;
}

int64_t pace_file_now(struct pace *pace, struct merge *merge)
{
	int64_t clock_ns = clock_monotonic();

	if (pace->speed != 0 && !pace_has_begun(pace)) {
		size_t count;
		const struct event *first = merge_run(merge, INT64_MAX, &count);

		/* What a recording tells before anything happened has no time. */
		if (first == NULL || first->time_ns <= 0)
			return 0;
		pace->file_ns = first->time_ns;
		pace->clock_ns = clock_ns;
	}
	return pace_now(pace, clock_ns);
}

bool pace_is_ahead(const struct pace *pace, struct merge *merge)
{
	return pace->speed != 0 && !merge_is_empty(merge);
}
