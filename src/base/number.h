/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_NUMBER_H
#define CONNTRACE_BASE_NUMBER_H

#include <stdint.h>

/**
 * number_parse() - a whole decimal number within limits
 * @text: digits with an optional sign; blanks, hex and trailing bytes are refused
 * @low: the smallest value allowed
 * @high: the largest value allowed
 * @value: set on success only
 *
 * Return: 0, -EINVAL when it is no number, -ERANGE when it is out of limits.
 */
int number_parse(const char *text, int64_t low, int64_t high, int64_t *value);

/**
 * number_parse_seconds() - decimal seconds ("0.25", "10") as nanoseconds
 * @text: digits with at most one point; independent of the locale
 * @low: the smallest value allowed, in nanoseconds
 * @high: the largest value allowed, in nanoseconds
 * @value: nanoseconds, set on success only
 *
 * Return: 0, -EINVAL or -ERANGE as number_parse(); more than nine decimals are -EINVAL.
 */
int number_parse_seconds(const char *text, int64_t low, int64_t high, int64_t *value);

/**
 * number_parse_duration() - a duration in the form of sleep(1) ("10", "0.5m", "2h") as nanoseconds
 * @text: decimal seconds as in number_parse_seconds(), or a decimal number of the unit that follows: s, m, h or d
 * @low: the smallest value allowed, in nanoseconds
 * @high: the largest value allowed, in nanoseconds
 * @value: nanoseconds, set on success only
 *
 * Return: 0, -EINVAL or -ERANGE as number_parse_seconds().
 */
int number_parse_duration(const char *text, int64_t low, int64_t high, int64_t *value);

#endif
