// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/array.h"

#include "base/xalloc.h"

/* Elements that are allocated at first. */
#define ROOM_FIRST 16

void *array_reserve(void *list, size_t count, size_t *room, size_t size)
{
	if (list != NULL && count < *room)
		return list;
	*room = *room > 0 ? *room * 2 : ROOM_FIRST;
	return xreallocarray(list, *room, size);
}

void *array_extend(void *list, size_t count, size_t size)
{
	if (list != NULL && (count & (count - 1)) != 0)
		return list;
	return xreallocarray(list, count > 0 ? count * 2 : 1, size);
}
