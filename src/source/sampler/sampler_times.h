/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_SAMPLER_SAMPLER_TIMES_H
#define CONNTRACE_SOURCE_SAMPLER_SAMPLER_TIMES_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct sampler_times - when the next sample is due; times are monotonic
 * @timer_fd: readable when a sample or a peek is due
 * @longest_ns: longest time between two samples, unless they cost too much
 * @interval_ns: from the last sample to the next
 * @looked_ns: when the last sample ended
 * @cost_ns: processor time that it took
 * @due_ns: when the next one is due
 * @peek_ns: from one peek to the next
 * @wants_listeners: the listeners and their owners are to be sampled alone, at @listeners_ns or later
 */
struct sampler_times {
	int timer_fd;
	int64_t longest_ns;
	int64_t interval_ns;
	int64_t looked_ns;
	int64_t cost_ns;
	int64_t due_ns;
	int64_t peek_ns;
	bool wants_listeners;
	int64_t listeners_ns;
};

/** enum sampler_due - what is due */
enum sampler_due {
	SAMPLER_NOTHING,
	/** a cheap check for new listeners */
	SAMPLER_PEEK,
	/** a sample of the listeners alone */
	SAMPLER_LISTENERS,
	SAMPLER_SAMPLE,
};

/** sampler_times_open() - nothing is due; Return: 0 or a negative errno */
int sampler_times_open(struct sampler_times *times, int64_t longest_ns);

/** sampler_times_close() - one that was never opened has timer_fd -1 */
void sampler_times_close(struct sampler_times *times);

/** sampler_times_due() - what is due; to be called when @timer_fd is readable */
enum sampler_due sampler_times_due(struct sampler_times *times);

/**
 * sampler_times_sampled() - a sample is over
 * @times: the next due time is computed
 * @cost_ns: processor time that it took
 * @has_news: it has found new sockets
 * @is_opening: it is one of the first, which read all of /proc
 */
void sampler_times_sampled(struct sampler_times *times, int64_t cost_ns, bool has_news, bool is_opening);

/** sampler_times_peeked() - a peek is over that took @cost_ns of a processor */
void sampler_times_peeked(struct sampler_times *times, int64_t cost_ns);

/** sampler_times_advance() - the next sample is made as soon as the usual load allows */
void sampler_times_advance(struct sampler_times *times);

/** sampler_times_hasten() - a listener may be new: a sample of listeners is due at once, or as its cost allows */
void sampler_times_hasten(struct sampler_times *times);

/** sampler_times_listeners_due() - whether a sample of listeners is due now */
bool sampler_times_listeners_due(const struct sampler_times *times);

/** sampler_times_listed() - a sample of listeners is over that took @cost_ns of a processor */
void sampler_times_listed(struct sampler_times *times, int64_t cost_ns);

#endif
