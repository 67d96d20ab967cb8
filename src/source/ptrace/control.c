// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/control.h"

#include <sys/socket.h>

#include "base/span.h"

/* struct cmsghdr: a length that counts itself, level, type; then data, padded to the size of the length. */
size_t control_descriptors(const void *bytes, size_t length, bool is_narrow, int *fds, size_t room)
{
	struct span span = {bytes, length};
	size_t width = is_narrow ? sizeof(uint32_t) : sizeof(uint64_t);
	size_t head = width + 2 * sizeof(int);
	size_t count = 0;

	while (span.length >= head) {
		uint32_t narrow = 0;
		uint64_t whole = 0;
		int level, type;
		struct span data;
		bool read = is_narrow ? span_take_bytes(&span, &narrow, width) : span_take_bytes(&span, &whole, width);

		if (is_narrow)
			whole = narrow;
		if (!read || !span_take_bytes(&span, &level, sizeof(level)) ||
		    !span_take_bytes(&span, &type, sizeof(type)) || whole < head ||
		    !span_take(&span, (size_t)(whole - head), &data))
			break;
		while (level == SOL_SOCKET && type == SCM_RIGHTS && count < room &&
		       span_take_bytes(&data, &fds[count], sizeof(int)))
			count++;
		if (!span_skip(&span, (size_t)(-whole & (width - 1))))
			break;
	}
	return count;
}
