// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"

/* Quoted words are untrusted: a word of the command line, a name of a file, a packet. */
static void put(struct err *err, const char *text)
{
	escape_message(err->text, sizeof(err->text), text);
}

int err_set(struct err *err, int error, const char *format, ...)
{
	if (err != NULL) {
		char text[sizeof(err->text)];
		va_list arguments;

		va_start(arguments, format);
		vsnprintf(text, sizeof(text), format, arguments);
		va_end(arguments);
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
