// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t)now.tv_sec * CLOCK_NS_PER_SEC + now.tv_nsec;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_process(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* Of several readings the one that was disturbed least. */
int64_t clock_monotonic_epoch(void)
{
	int64_t best_ns = INT64_MAX, epoch_ns = 0;

	for (int i = 0; i < 3; i++) {
		int64_t before_ns = clock_monotonic(), now_ns = clock_now(), after_ns = clock_monotonic();

		if (after_ns - before_ns >= best_ns)
			continue;
		best_ns = after_ns - before_ns;
		epoch_ns = now_ns - (before_ns + best_ns / 2);
	}
	return epoch_ns;
}

int64_t clock_aligned(int64_t time_ns, int64_t interval_ns)
{
	time_t seconds = (time_t)(time_ns / CLOCK_NS_PER_SEC);
	struct tm local;
	int64_t offset_ns = 0;

	/* Days begin at local midnight; some zones differ from UTC by a part of an hour. */
	if (localtime_r(&seconds, &local) != NULL)
		offset_ns = local.tm_gmtoff * CLOCK_NS_PER_SEC;
	return clock_after(time_ns, -(clock_after(time_ns, offset_ns) % interval_ns));
}

int64_t clock_rate(uint64_t count, int64_t span_ns)
{
	__extension__ typedef unsigned __int128 wide;
	wide rate = (wide)count * 1000 * (wide)CLOCK_NS_PER_SEC / (wide)span_ns;

	return rate < (wide)INT64_MAX ? (int64_t)rate : INT64_MAX;
}
