/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_TRACK_DISTRIBUTION_H
#define CONNTRACE_TRACK_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A distribution gives the median and the quantiles of its values. It keeps every value, and its results are exact,
 * while the budget that it shares with others allows. Then it becomes a log-linear histogram: each octave is split into
 * DISTRIBUTION_STEPS equal steps, and a quantile is the middle of a step, at most 1/(2 * DISTRIBUTION_STEPS) = 0.8 %
 * away from the true value. Count and maximum stay exact.
 */
#define DISTRIBUTION_STEPS 64
#define DISTRIBUTION_OCTAVES 64

/** Values that any distribution may keep exactly, whatever the budget says. */
#define DISTRIBUTION_ALWAYS_EXACT 64

/**
 * struct distribution_histogram - many values by their steps
 * @max: the largest
 * @octaves: DISTRIBUTION_STEPS counts each, NULL for one that is empty
 */
struct distribution_histogram {
	int64_t max;
	uint64_t *octaves[DISTRIBUTION_OCTAVES];
};

/**
 * struct distribution - many values that are not negative; all zero is an empty one
 * @count: how many
 * @is_histogram: @histogram is valid, else @single for one value, and @values for more
 * @sorted: @values are in ascending order
 * @single: the value
 * @values: each of them, in room for a power of two
 * @histogram: their steps
 *
 * Rows of a report have several, most of one value or none, so it is small.
 */
struct distribution {
	uint64_t count : 62;
	uint64_t is_histogram : 1;
	uint64_t sorted : 1;
	union {
		int64_t single;
		int64_t *values;
		struct distribution_histogram *histogram;
	};
};

/**
 * distribution_add() - one more value
 * @budget: values that may still be kept exactly by all who share it; taken from and given back to, below zero by
 *          those who keep no more than DISTRIBUTION_ALWAYS_EXACT
 * @value: not negative
 */
void distribution_add(struct distribution *distribution, int64_t *budget, int64_t value);

/** distribution_median() - the middle value, or the mean of the middle two; -1 when there is none */
int64_t distribution_median(struct distribution *distribution);

/** distribution_quantile() - the value that @percent of 100 values do not exceed (nearest rank); -1 when empty */
int64_t distribution_quantile(struct distribution *distribution, unsigned int percent);

/**
 * distribution_each() - all values, in no order
 * @function: gets a value and how often it occurs; for a histogram the middle of each step
 */
void distribution_each(const struct distribution *distribution,
		       void (*function)(void *context, int64_t value, uint64_t count), void *context);

/** distribution_merge() - add all values of @from, a histogram step by step; both use @budget */
void distribution_merge(struct distribution *to, const struct distribution *from, int64_t *budget);

/** distribution_copy() - make @to, which must be empty, equal to @from; the copy uses no budget */
void distribution_copy(struct distribution *to, const struct distribution *from);

/** distribution_clear() - free what it holds and give exact values back to @budget; it is empty then */
void distribution_clear(struct distribution *distribution, int64_t *budget);

#endif
