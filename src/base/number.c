// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/number.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

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

/* Read decimal digits with at most one point. Return: the first byte after them, NULL: there are none or too many. */
static const char *read_decimal(const char *text, int64_t *nanos)
{
	int64_t seconds = 0, fraction = 0, unit = CLOCK_NS_PER_SEC;
	bool digits = false;

	for (; *text >= '0' && *text <= '9'; text++, digits = true)
		if (seconds < INT64_MAX / 20 / CLOCK_NS_PER_SEC)
			seconds = seconds * 10 + (*text - '0');
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9'; text++, digits = true) {
			if (unit == 1)
				return NULL;
			unit /= 10;
			fraction += (*text - '0') * unit;
		}
	}
	*nanos = seconds * CLOCK_NS_PER_SEC + fraction;
	return digits ? text : NULL;
}

static int parse_decimal(const char *text, bool has_unit, int64_t low, int64_t high, int64_t *value)
{
	static const struct {
		char letter;
		int seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	bool negative = *text == '-';
	int64_t sum;

	text = read_decimal(text + negative, &sum);
	if (text == NULL)
		return -EINVAL;
	for (size_t i = 0; has_unit && i < sizeof(units) / sizeof(units[0]); i++) {
		if (*text != units[i].letter)
			continue;
		if (__builtin_mul_overflow(sum, units[i].seconds, &sum))
			sum = INT64_MAX;
		text++;
		break;
	}
	if (*text != '\0')
		return -EINVAL;
	if (negative)
		sum = -sum;
	if (sum < low || sum > high)
		return -ERANGE;
	*value = sum;
	return 0;
}

int number_parse_seconds(const char *text, int64_t low, int64_t high, int64_t *value)
{
	return parse_decimal(text, false, low, high, value);
}

int number_parse_duration(const char *text, int64_t low, int64_t high, int64_t *value)
{
	return parse_decimal(text, true, low, high, value);
}
