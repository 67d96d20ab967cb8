// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a line of a log of strace. */
#include <stdlib.h>

#include "source/replay/strace_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span part, const uint8_t *data, size_t size)
{
	if (part.length > 0 && (part.data < data || part.data + part.length > data + size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {data, size};
	struct endpoint local = {0}, remote = {0};
	struct strace_line line;
	struct span string;
	struct err err = {""};
	int64_t number;
	bool is_tcp = false;

	if (strace_line_parse(&line, text, &err) < 0) {
		if (err.text[0] == '\0')
			abort();
		return 0;
	}
	if (line.tid <= 0 || line.time_ns <= 0 || line.duration_ns < -1 || line.error < -1 ||
	    (line.error == 0 && line.result < 0))
		abort();
	inside(line.name, data, size);
	inside(line.arguments, data, size);
	inside(strace_line_mark(text), data, size);
	if (strace_line_string(&line, &string))
		inside(string, data, size);
	for (unsigned int i = 0; i < 4; i++)
		if (strace_line_number(&line, i, &number) && number < 0)
			abort();
	(void)strace_line_address(&line, &remote);
	if (!strace_line_ends(line.arguments, &is_tcp, &local, &remote) && is_tcp)
		abort();
	(void)strace_line_is(&line, "accept");
	return 0;
}
