/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_WATCH_TIMES_H
#define CONNTRACE_SOURCE_SAMPLER_WATCH_TIMES_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct watch_times - when the next look is due; times are monotonic
 * @timer_fd: readable when there is something to do
 * @longest_ns: longest time between two looks, unless they cost too much
 * @interval_ns: from the last look to the next
 * @looked_ns: when the last look ended
 * @cost_ns: what it cost of a processor
 * @due_ns: when the next one is due
 * @peek_ns: from one peek to the next
 */
struct watch_times {
	int timer_fd;
	int64_t longest_ns;
	int64_t interval_ns;
	int64_t looked_ns;
	int64_t cost_ns;
	int64_t due_ns;
	int64_t peek_ns;
};

/** enum watch_due - what it is time for */
enum watch_due {
	WATCH_NOTHING,
	/** to see whether there are new listeners, which is cheap */
	WATCH_PEEK,
	WATCH_LOOK,
};

/** watch_times_open() - nothing is due; Return: 0 or a negative errno */
int watch_times_open(struct watch_times *times, int64_t longest_ns);

/** watch_times_close() - one that was never opened has timer_fd -1 */
void watch_times_close(struct watch_times *times);

/** watch_times_due() - what is it time for? To be asked when @timer_fd is readable */
enum watch_due watch_times_due(struct watch_times *times);

/**
 * watch_times_looked() - a look is over
 * @times: when the next one is due is worked out
 * @cost_ns: processor time that it took
 * @has_news: it has found new sockets
 * @is_opening: it is one of the first, which ask all of /proc
 */
void watch_times_looked(struct watch_times *times, int64_t cost_ns, bool has_news, bool is_opening);

/** watch_times_peeked() - a peek is over that took @cost_ns of a processor */
void watch_times_peeked(struct watch_times *times, int64_t cost_ns);

/** watch_times_hasten() - something waits for the next look: it comes at once, or as soon as it may cost that much */
void watch_times_hasten(struct watch_times *times);

#endif
