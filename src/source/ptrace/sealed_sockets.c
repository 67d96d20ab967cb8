// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/sealed_sockets.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/xalloc.h"

/* A process with more sockets than this loses the oldest from its list. */
#define SOCKETS_MAX 65536

void sealed_free(struct sealed *sealed)
{
	if (sealed != NULL)
		free(sealed->list);
	free(sealed);
}

struct sealed_socket *sealed_find(const struct target *target, int fd)
{
	for (size_t i = 0; target->sealed != NULL && i < target->sealed->count; i++)
		if (target->sealed->list[i].fd == fd)
			return &target->sealed->list[i];
	return NULL;
}

void sealed_remove(struct target *target, struct sealed_socket *socket)
{
	*socket = target->sealed->list[--target->sealed->count];
}

void sealed_add(struct target *target, int fd, uint64_t cookie, const struct endpoint *local)
{
	struct sealed_socket *known = sealed_find(target, fd);
	struct sealed *sealed;

	if (known != NULL)
		sealed_remove(target, known);
	if (target->sealed == NULL)
		target->sealed = xcalloc(1, sizeof(*target->sealed));
	sealed = target->sealed;
	if (sealed->count == SOCKETS_MAX)
		sealed_remove(target, &sealed->list[0]);
	sealed->list = array_extend(sealed->list, sealed->count, sizeof(*sealed->list));
	sealed->list[sealed->count++] = (struct sealed_socket){fd, cookie, *local};
}

void sealed_inherit(struct target *child, const struct target *parent)
{
	child->is_sealed = parent->is_sealed;
	for (size_t i = 0; parent->sealed != NULL && i < parent->sealed->count; i++) {
		const struct sealed_socket *socket = &parent->sealed->list[i];

		sealed_add(child, socket->fd, socket->cookie, &socket->local);
	}
}

void sealed_forget(struct target *target)
{
	sealed_free(target->sealed);
	target->sealed = NULL;
}
