// SPDX-License-Identifier: GPL-2.0-or-later
#include "track/distribution.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/xalloc.h"

#define STEP_BITS 6

/* From this many values on they are sorted by digits, of this many bits. */
#define MANY 1024
#define DIGIT_BITS 11
#define DIGIT(value, shift) ((size_t)((value) >> (shift)) & ((1 << DIGIT_BITS) - 1))

_Static_assert(1 << STEP_BITS == DISTRIBUTION_STEPS, "an octave has this many steps");

/*
 * Octave 0 holds 0 .. STEPS-1, one value per step; octave n > 0 holds
 * STEPS << (n - 1) up to its double, in steps of 1 << (n - 1).
 */
static void locate(int64_t value, unsigned int *octave, unsigned int *step)
{
	unsigned int bits = value > 0 ? 64 - (unsigned int)__builtin_clzll((unsigned long long)value) : 0;

	*octave = bits > STEP_BITS ? bits - STEP_BITS : 0;
	*step = (unsigned int)(*octave > 0 ? value >> (*octave - 1) : value) & (DISTRIBUTION_STEPS - 1);
}

static int64_t step_middle(unsigned int octave, unsigned int step)
{
	int64_t width;

	if (octave == 0)
		return step;
	width = INT64_C(1) << (octave - 1);
	return (DISTRIBUTION_STEPS + (int64_t)step) * width + width / 2;
}

static uint64_t *histogram_octave(struct distribution_histogram *histogram, unsigned int octave)
{
	if (histogram->octaves[octave] == NULL)
		histogram->octaves[octave] = xcalloc(DISTRIBUTION_STEPS, sizeof(uint64_t));
	return histogram->octaves[octave];
}

static void histogram_add(struct distribution_histogram *histogram, int64_t value)
{
	unsigned int octave, step;

	locate(value, &octave, &step);
	histogram_octave(histogram, octave)[step]++;
	if (value > histogram->max)
		histogram->max = value;
}

static void histogram_merge(struct distribution_histogram *to, const struct distribution_histogram *from)
{
	for (unsigned int octave = 0; octave < DISTRIBUTION_OCTAVES; octave++)
		for (unsigned int step = 0; from->octaves[octave] != NULL && step < DISTRIBUTION_STEPS; step++)
			histogram_octave(to, octave)[step] += from->octaves[octave][step];
	if (from->max > to->max)
		to->max = from->max;
}

/* The room that array_extend() has made. */
static int64_t room(const struct distribution *distribution)
{
	if (distribution->is_histogram || distribution->count < 2)
		return 0;
	return INT64_C(1) << (64 - __builtin_clzll((unsigned long long)distribution->count - 1));
}

/* Those of a distribution that is no histogram. */
static const int64_t *exact_values(const struct distribution *distribution)
{
	return distribution->count == 1 ? &distribution->single : distribution->values;
}

static void become_histogram(struct distribution *distribution, int64_t *budget)
{
	struct distribution_histogram *histogram = xcalloc(1, sizeof(*histogram));

	*budget += room(distribution);
	for (uint64_t i = 0; i < distribution->count; i++)
		histogram_add(histogram, exact_values(distribution)[i]);
	if (distribution->count > 1)
		free(distribution->values);
	distribution->histogram = histogram;
	distribution->is_histogram = true;
}

/* True when there is room for one more exact value. The budget counts allocated room, not values. */
static bool grow(struct distribution *distribution, int64_t *budget)
{
	uint64_t count = distribution->count;
	int64_t more = (int64_t)(2 * count) - room(distribution);

	if (count == 0 || (count & (count - 1)) != 0)
		return true;
	if (more > *budget && 2 * count > DISTRIBUTION_ALWAYS_EXACT)
		return false;
	*budget -= more;
	if (count == 1) {
		int64_t *values = array_extend(NULL, count, sizeof(*values));

		values[0] = distribution->single;
		distribution->values = values;
	} else {
		distribution->values = array_extend(distribution->values, count, sizeof(*distribution->values));
	}
	return true;
}

void distribution_add(struct distribution *distribution, int64_t *budget, int64_t value)
{
	if (!distribution->is_histogram && !grow(distribution, budget))
		become_histogram(distribution, budget);
	if (distribution->is_histogram)
		histogram_add(distribution->histogram, value);
	else if (distribution->count > 0)
		distribution->values[distribution->count] = value;
	else
		distribution->single = value;
	distribution->sorted = distribution->count++ == 0;
}

static int compare_values(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* By digits, the lowest first: faster than comparing, for a million values are in no predictable order. */
static void sort_many(int64_t *values, size_t count)
{
	int64_t *from = values, *to = xreallocarray(NULL, count, sizeof(*to)), max = 0;

	for (size_t i = 0; i < count; i++)
		max = values[i] > max ? values[i] : max;
	for (unsigned int shift = 0; shift < 63 && max >> shift > 0; shift += DIGIT_BITS) {
		size_t ends[1 << DIGIT_BITS] = {0}, end = 0;
		int64_t *sorted = to;

		for (size_t i = 0; i < count; i++)
			ends[DIGIT(from[i], shift)]++;
		for (size_t digit = 0; digit < 1 << DIGIT_BITS; digit++)
			ends[digit] = end += ends[digit];
		for (size_t i = count; i-- > 0;)
			sorted[--ends[DIGIT(from[i], shift)]] = from[i];
		to = from;
		from = sorted;
	}
	if (from != values)
		memcpy(values, from, count * sizeof(*values));
	free(from != values ? from : to);
}

static void sort(struct distribution *distribution)
{
	if (distribution->count >= MANY)
		sort_many(distribution->values, distribution->count);
	else
		qsort(distribution->values, distribution->count, sizeof(*distribution->values), compare_values);
	distribution->sorted = true;
}

/* The value of @rank, from 1 up to count. */
static int64_t value_of_rank(struct distribution *distribution, uint64_t rank)
{
	uint64_t passed = 0;
	int64_t max;

	if (!distribution->is_histogram) {
		if (!distribution->sorted)
			sort(distribution);
		return exact_values(distribution)[rank - 1];
	}
	max = distribution->histogram->max;
	if (rank == distribution->count)
		return max;
	for (unsigned int octave = 0; octave < DISTRIBUTION_OCTAVES; octave++) {
		const uint64_t *steps = distribution->histogram->octaves[octave];

		for (unsigned int step = 0; steps != NULL && step < DISTRIBUTION_STEPS; step++) {
			passed += steps[step];
			if (passed >= rank) {
				int64_t middle = step_middle(octave, step);

				return middle < max ? middle : max;
			}
		}
	}
	return max;
}

int64_t distribution_median(struct distribution *distribution)
{
	int64_t low, high;

	if (distribution->count == 0)
		return -1;
	low = value_of_rank(distribution, (distribution->count + 1) / 2);
	high = value_of_rank(distribution, distribution->count / 2 + 1);
	return low + (high - low) / 2;
}

int64_t distribution_quantile(struct distribution *distribution, unsigned int percent)
{
	uint64_t rank = (distribution->count * percent + 99) / 100;

	if (distribution->count == 0)
		return -1;
	return value_of_rank(distribution, rank > 0 ? rank : 1);
}

void distribution_each(const struct distribution *distribution,
		       void (*function)(void *context, int64_t value, uint64_t count), void *context)
{
	for (uint64_t i = 0; !distribution->is_histogram && i < distribution->count; i++)
		function(context, exact_values(distribution)[i], 1);
	for (unsigned int octave = 0; distribution->is_histogram && octave < DISTRIBUTION_OCTAVES; octave++) {
		const uint64_t *steps = distribution->histogram->octaves[octave];

		for (unsigned int step = 0; steps != NULL && step < DISTRIBUTION_STEPS; step++)
			if (steps[step] > 0)
				function(context, step_middle(octave, step), steps[step]);
	}
}

void distribution_merge(struct distribution *to, const struct distribution *from, int64_t *budget)
{
	for (uint64_t i = 0; !from->is_histogram && i < from->count; i++)
		distribution_add(to, budget, exact_values(from)[i]);
	if (!from->is_histogram)
		return;
	if (!to->is_histogram)
		become_histogram(to, budget);
	histogram_merge(to->histogram, from->histogram);
	to->count += from->count;
}

void distribution_copy(struct distribution *to, const struct distribution *from)
{
	*to = *from;
	if (from->is_histogram) {
		to->histogram = xcalloc(1, sizeof(*to->histogram));
		histogram_merge(to->histogram, from->histogram);
	} else if (from->count > 1) {
		to->values = xreallocarray(NULL, (size_t)room(from), sizeof(*from->values));
		memcpy(to->values, from->values, from->count * sizeof(*from->values));
	}
}

void distribution_clear(struct distribution *distribution, int64_t *budget)
{
	*budget += room(distribution);
	for (unsigned int octave = 0; distribution->is_histogram && octave < DISTRIBUTION_OCTAVES; octave++)
		free(distribution->histogram->octaves[octave]);
	if (distribution->is_histogram)
		free(distribution->histogram);
	else if (distribution->count > 1)
		free(distribution->values);
	memset(distribution, 0, sizeof(*distribution));
}
