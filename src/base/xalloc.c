// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/xalloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/crash.h"

#define CACHE_LINE 64
/* On x86-64 and, with pages of 4 KiB, on aarch64; with another size the kernel uses the whole pages. */
#define LARGE_PAGE (1UL << 21)

static void *checked(void *memory)
{
	if (memory == NULL)
		crash_exit("out of memory", 125);
	return memory;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	return checked(reallocarray(old, count, size));
}

void *xalloc_aligned(size_t alignment, size_t size)
{
	void *memory = NULL;

	return checked(posix_memalign(&memory, alignment, size) == 0 ? memory : NULL);
}

void *xalloc_mapped(size_t size)
{
	char *memory = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	memory = checked(memory != MAP_FAILED ? memory : NULL);
	before = (size - (uintptr_t)memory % size) % size;
	if (before > 0)
		munmap(memory, before);
	munmap(memory + before + size, size - before);
	(void)madvise(memory + before, size, MADV_HUGEPAGE); /* only slower on failure */
	return memory + before;
}

void *xalloc_large(size_t size)
{
	size_t alignment = size < LARGE_PAGE ? CACHE_LINE : LARGE_PAGE;
	void *memory = xalloc_aligned(alignment, size);

	if (alignment == LARGE_PAGE)
		(void)madvise(memory, size, MADV_HUGEPAGE); /* only slower on failure */
	return memset(memory, 0, size);
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

char *xasprintf(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	return checked(length < 0 ? NULL : text);
}
