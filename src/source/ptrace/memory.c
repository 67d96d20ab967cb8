// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* Aligned words, so that none reaches into an unmapped page. */
static bool peek(pid_t tid, uint64_t address, unsigned char *to, size_t length)
{
	while (length > 0) {
		size_t skip = address % sizeof(long);
		size_t count = sizeof(long) - skip < length ? sizeof(long) - skip : length;
		void *at = (void *)(uintptr_t)(address - skip); /* NOLINT(performance-no-int-to-ptr) */
		long word;

		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, tid, at, NULL);
		if (word == -1 && errno != 0)
			return false;
		memcpy(to, (const unsigned char *)&word + skip, count);
		address += count;
		to += count;
		length -= count;
	}
	return true;
}

bool memory_write(pid_t tid, uint64_t address, const void *from, size_t length)
{
	struct iovec local = {(void *)(uintptr_t)from, length};
	struct iovec remote = {(void *)(uintptr_t)address, length}; /* NOLINT(performance-no-int-to-ptr) */

	return process_vm_writev(tid, &local, 1, &remote, 1, 0) == (ssize_t)length;
}

bool memory_read(pid_t tid, uint64_t address, void *to, size_t length)
{
	struct iovec local = {to, length};
	struct iovec remote = {(void *)(uintptr_t)address, length}; /* NOLINT(performance-no-int-to-ptr) */
	ssize_t count = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	if (count == (ssize_t)length)
		return true;
	return count < 0 && (errno == EPERM || errno == ENOSYS) && peek(tid, address, to, length);
}
