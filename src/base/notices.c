// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/notices.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void notices_add(struct notices *notices, const char *format, ...)
{
	size_t count = atomic_load_explicit(&notices->count, memory_order_relaxed);
	char text[sizeof(notices->texts[0].text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(notices->texts[i].text, text) == 0)
			return;
	}
	if (count == NOTICES_MAX)
		return;
	memcpy(notices->texts[count].text, text, sizeof(text));
	atomic_store_explicit(&notices->count, count + 1, memory_order_release);
}

const char *notices_take(struct notices *notices)
{
	if (notices->taken == atomic_load_explicit(&notices->count, memory_order_acquire))
		return NULL;
	return notices->texts[notices->taken++].text;
}
