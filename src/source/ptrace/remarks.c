// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/remarks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void remarks_add(struct remarks *remarks, const char *format, ...)
{
	size_t count = atomic_load_explicit(&remarks->count, memory_order_relaxed);
	char text[sizeof(remarks->texts[0].text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(remarks->texts[i].text, text) == 0)
			return;
	}
	if (count == REMARKS_MAX)
		return;
	memcpy(remarks->texts[count].text, text, sizeof(text));
	atomic_store_explicit(&remarks->count, count + 1, memory_order_release);
}

const char *remarks_take(struct remarks *remarks)
{
	if (remarks->taken == atomic_load_explicit(&remarks->count, memory_order_acquire))
		return NULL;
	return remarks->texts[remarks->taken++].text;
}
