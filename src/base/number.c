// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/number.h"

#include <errno.h>
#include <stdbool.h>

#include "base/clock.h"

int number_parse(const char *text, int64_t low, int64_t high, int64_t *value)
{
	bool negative = *text == '-';
	int64_t sum = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, *text - '0', &sum))
			sum = INT64_MAX; /* saturated: certainly out of any limit but the largest */
	}
	if (negative)
		sum = -sum;
	if (sum < low || sum > high)
		return -ERANGE;
	*value = sum;
	return 0;
}

int number_parse_seconds(const char *text, int64_t low, int64_t high, int64_t *value)
{
	int64_t seconds = 0, fraction = 0, unit = CLOCK_NS_PER_SEC, sum;
	bool digits = false, negative = *text == '-';

	if (negative)
		text++;
	for (; *text >= '0' && *text <= '9'; text++, digits = true)
		if (seconds < INT64_MAX / 20 / CLOCK_NS_PER_SEC)
			seconds = seconds * 10 + (*text - '0');
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++, digits = true) {
			if (unit == 1)
				return -EINVAL;
			unit /= 10;
			fraction += (*text - '0') * unit;
		}
	}
	if (!digits || *text != '\0')
		return -EINVAL;
	sum = seconds * CLOCK_NS_PER_SEC + fraction;
	if (negative)
		sum = -sum;
	if (sum < low || sum > high)
		return -ERANGE;
	*value = sum;
	return 0;
}
