// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_set(struct err *err, int error, const char *format, ...)
{
	if (err != NULL) {
		va_list arguments;

		va_start(arguments, format);
		vsnprintf(err->text, sizeof(err->text), format, arguments);
		va_end(arguments);
	}
	return -abs(error);
}

void err_wrap(struct err *err, const char *format, ...)
{
	char before[sizeof(err->text)];
	char story[sizeof(err->text)];
	va_list arguments;

	if (err == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(before, sizeof(before), format, arguments);
	va_end(arguments);
	memcpy(story, err->text, sizeof(story));
	/* A story too long for its place loses its end, never its beginning. */
	if ((size_t)snprintf(err->text, sizeof(err->text), "%s: %s", before, story) >= sizeof(err->text))
		err->text[sizeof(err->text) - 1] = '\0';
}
