// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/uring.h"

#include <stdlib.h>

#include "base/escape.h"
#include "base/redact.h"
#include "base/xalloc.h"
#include "system/procfs.h"

void uring_free(struct uring *uring)
{
	if (uring != NULL)
		free(uring->known);
	free(uring);
}

void uring_made(struct stop *stop, struct tracee *tracee, int fd)
{
	struct target *target = tracee->target;

	if (target->uring == NULL) {
		char comm[16], name[sizeof(comm) * 4 + 1];

		target->uring = xcalloc(1, sizeof(*target->uring));
		procfs_comm(target->pid, comm);
		escape_text(name, sizeof(name), redact_text(REDACT_COMM, comm));
		notices_add(stop->notices,
			    "%s uses io_uring(7), which does without system calls: its connections are found by "
			    "looking, and one that is over before that may lack its process or not be seen at all; "
			    "--no-io-uring lets a COMMAND have none",
			    name);
	}
	for (size_t i = 0; i < target->uring->ring_count; i++)
		if (target->uring->rings[i] == fd)
			return;
	if (target->uring->ring_count < URING_RINGS)
		target->uring->rings[target->uring->ring_count++] = fd;
}
