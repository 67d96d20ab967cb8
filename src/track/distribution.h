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
 * struct distribution - many values that are not negative; all zero is an empty one
 * @count: how many
 * @max: the largest
 * @values: each of them; NULL while it is empty
 * @octaves: with @is_histogram: DISTRIBUTION_OCTAVES pointers to DISTRIBUTION_STEPS counts each (NULL: empty)
 * @capacity: room in @values
 * @is_histogram: @octaves is valid, else @values
 * @sorted: @values are in ascending order
 */
struct distribution {
	uint64_t count;
	int64_t max;
	union {
		int64_t *values;
		uint64_t **octaves;
	};
	uint32_t capacity;
	bool is_histogram;
	bool sorted;
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
