// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/limits.h"

/* Quoted words are untrusted: a word of the command line, a name of a file, a packet. */
static void put(struct err *err, const char *text)
{
	escape_message(err->text, sizeof(err->text), text);
}

/* A message that ends with the reason of the system gets what may be done about it. */
static void add_remedy(char *text, size_t size, int error)
{
	const char *limits = limits_of(error), *reason = strerror(abs(error));
	size_t length = strlen(text), last = strlen(reason);

	if (limits != NULL && length >= last && strcmp(text + length - last, reason) == 0)
		snprintf(text + length, size - length, " (%s)", limits);
}

int err_set(struct err *err, int error, const char *format, ...)
{
	if (err != NULL) {
		char text[sizeof(err->text)];
		va_list arguments;

		va_start(arguments, format);
		vsnprintf(text, sizeof(text), format, arguments);
		va_end(arguments);
		add_remedy(text, sizeof(text), error);
		put(err, text);
	}
	return -abs(error);
}

void err_wrap(struct err *err, const char *format, ...)
{
	char before[sizeof(err->text)];
	char text[2 * sizeof(err->text) + 2];
	va_list arguments;

	if (err == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(before, sizeof(before), format, arguments);
	va_end(arguments);
	/* A message that is too long is truncated at its end. */
	snprintf(text, sizeof(text), "%s: %s", before, err->text);
	put(err, text);
}
