/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_XALLOC_H
#define CONNTRACE_BASE_XALLOC_H

#include <stddef.h>

/*
 * Allocation that does not fail: the program ends when memory is exhausted. All tables are limited, so this means that
 * the machine has run out of memory. The kernel detaches attached targets when a tracer ends.
 */

/** xmalloc() - malloc(3) that never returns NULL */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
/** xcalloc() - calloc(3) that never returns NULL */
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));
/** xalloc_aligned() - posix_memalign(3) that never returns NULL; @alignment is a power of two */
void *xalloc_aligned(size_t alignment, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(2)));
/**
 * xalloc_mapped() - zeroed memory from the kernel, in large pages where available, aligned to its own size
 * @size: a power of two, no less than a page; munmap(2) returns it to the system, which free(3) may not
 */
void *xalloc_mapped(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
/** xalloc_large() - zeroed memory for random access, in large pages where available */
void *xalloc_large(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
/** xreallocarray() - reallocarray(3) that never returns NULL; @count and @size are at least 1 */
void *xreallocarray(void *old, size_t count, size_t size) __attribute__((returns_nonnull, alloc_size(2, 3)));
/** xstrdup() - strdup(3) that never returns NULL; a NULL argument is a bug */
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull, nonnull));
/** xasprintf() - a new string by a printf(3) format, to be freed by the caller */
char *xasprintf(const char *format, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

#endif
