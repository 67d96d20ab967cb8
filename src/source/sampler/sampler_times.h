/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_SAMPLER_TIMES_H
#define CONNTRACE_SOURCE_SAMPLER_SAMPLER_TIMES_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct sampler_times - when the next look is due; times are monotonic
 * @timer_fd: readable when there is something to do
 * @longest_ns: longest time between two looks, unless they cost too much
 * @interval_ns: from the last look to the next
 * @looked_ns: when the last look ended
 * @cost_ns: what it cost of a processor
 * @due_ns: when the next one is due
 * @peek_ns: from one peek to the next
 */
struct sampler_times {
	int timer_fd;
	int64_t longest_ns;
	int64_t interval_ns;
	int64_t looked_ns;
	int64_t cost_ns;
	int64_t due_ns;
	int64_t peek_ns;
};

/** enum sampler_due - what it is time for */
enum sampler_due {
	SAMPLER_NOTHING,
	/** to see whether there are new listeners, which is cheap */
	SAMPLER_PEEK,
	SAMPLER_SAMPLE,
};

/** sampler_times_open() - nothing is due; Return: 0 or a negative errno */
int sampler_times_open(struct sampler_times *times, int64_t longest_ns);

/** sampler_times_close() - one that was never opened has timer_fd -1 */
void sampler_times_close(struct sampler_times *times);

/** sampler_times_due() - what is it time for? To be asked when @timer_fd is readable */
enum sampler_due sampler_times_due(struct sampler_times *times);

/**
 * sampler_times_sampled() - a look is over
 * @times: when the next one is due is worked out
 * @cost_ns: processor time that it took
 * @has_news: it has found new sockets
 * @is_opening: it is one of the first, which ask all of /proc
 */
void sampler_times_sampled(struct sampler_times *times, int64_t cost_ns, bool has_news, bool is_opening);

/** sampler_times_peeked() - a peek is over that took @cost_ns of a processor */
void sampler_times_peeked(struct sampler_times *times, int64_t cost_ns);

/** sampler_times_hasten() - something waits for the next look: it comes at once, or as soon as it may cost that much */
void sampler_times_hasten(struct sampler_times *times);

#endif
