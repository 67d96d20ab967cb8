/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_CLOCK_H
#define CONNTRACE_BASE_CLOCK_H

#include <stdint.h>

/*
 * Time is nanoseconds since the epoch everywhere, as in the time stamps of packets; sources convert. The wall clock can
 * step, so a span between two time stamps is computed by clock_span(), which returns unknown instead of a negative
 * number.
 */

/** An unknown time or span. */
#define CLOCK_UNKNOWN INT64_C(-1)

#define CLOCK_NS_PER_SEC INT64_C(1000000000)
#define CLOCK_NS_PER_MS INT64_C(1000000)
#define CLOCK_NS_PER_US INT64_C(1000)

/** clock_now() - CLOCK_REALTIME in nanoseconds since the epoch */
int64_t clock_now(void);

/** clock_process() - CPU time of this process, all its threads, in nanoseconds */
int64_t clock_process(void);

/** clock_monotonic() - CLOCK_MONOTONIC in nanoseconds; for waiting and for run times */
int64_t clock_monotonic(void);

/** clock_monotonic_epoch() - the present difference of clock_now() and clock_monotonic() */
int64_t clock_monotonic_epoch(void);

/** clock_aligned() - the last moment up to @time_ns when the local clock showed a multiple of @interval_ns */
int64_t clock_aligned(int64_t time_ns, int64_t interval_ns);

/** clock_span() - @to - @from, or CLOCK_UNKNOWN when either is unknown or the span would be negative */
static inline int64_t clock_span(int64_t from, int64_t to)
{
	return from < 0 || to < from ? CLOCK_UNKNOWN : to - from;
}

/*
 * Files and packets may contain any time, so results saturate at the limits of their type, which keeps the order of
 * times.
 */

/** clock_after() - @time_ns + @span_ns, or the largest or smallest possible time */
static inline int64_t clock_after(int64_t time_ns, int64_t span_ns)
{
	int64_t sum_ns;

	if (__builtin_add_overflow(time_ns, span_ns, &sum_ns))
		return span_ns < 0 ? INT64_MIN : INT64_MAX;
	return sum_ns;
}

/** clock_since() - @to - @from, negative when @to is the earlier one, or the largest or smallest possible span */
static inline int64_t clock_since(int64_t from_ns, int64_t to_ns)
{
	int64_t span_ns;

	if (__builtin_sub_overflow(to_ns, from_ns, &span_ns))
		return to_ns < from_ns ? INT64_MIN : INT64_MAX;
	return span_ns;
}

/** clock_times() - @count times @span_ns, which is not negative, or the longest possible span */
static inline int64_t clock_times(int64_t span_ns, uint64_t count)
{
	int64_t product_ns;

	return __builtin_mul_overflow(span_ns, count, &product_ns) ? INT64_MAX : product_ns;
}

/** clock_rate() - @count in @span_ns as thousandths per second; @span_ns is positive */
int64_t clock_rate(uint64_t count, int64_t span_ns);

/** clock_sooner() - the lesser of two times or spans, both known */
static inline int64_t clock_sooner(int64_t one_ns, int64_t other_ns)
{
	return one_ns < other_ns ? one_ns : other_ns;
}

#endif
