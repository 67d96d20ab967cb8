/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_ARRAY_H
#define CONNTRACE_BASE_ARRAY_H

#include <stddef.h>

/**
 * array_reserve() - make room for one more element
 * @list: the elements, NULL none
 * @count: how many there are
 * @room: allocated elements, 0 at first; doubled when @count reaches it
 * @size: of an element
 *
 * Return: the elements, which may have moved. Never NULL, as xreallocarray().
 */
void *array_reserve(void *list, size_t count, size_t *room, size_t size) __attribute__((returns_nonnull));

/**
 * array_extend() - make room for one more element of an array whose room is not kept
 * @list: the elements, NULL none; made by this function alone
 * @count: how many there are
 * @size: of an element
 *
 * The number of allocated elements is a power of two, at least @count. Elements are added one at a time.
 *
 * Return: as array_reserve().
 */
void *array_extend(void *list, size_t count, size_t size) __attribute__((returns_nonnull));

#endif
