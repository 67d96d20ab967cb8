// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/ptrace/control.h"
#include "source/ptrace/memory.h"
#include "source/ptrace/stop.h"

/* The largest number of descriptors in a message (unix(7)). */
#define DESCRIPTORS_MAX 253
#define CONTROL_MAX 4096
/* Maximum number of messages of one recvmmsg(2) that are searched. */
#define MESSAGES_MAX 16

/* Offsets of the control data in struct msghdr, in both sizes; struct mmsghdr is padded to that of its pointers. */
static bool read_control(const struct tracee *tracee, uint64_t message, uint64_t *address, size_t *length)
{
	uint32_t narrow[7];
	uint64_t wide[7];

	if (tracee->call.is_narrow) {
		if (!memory_read(tracee->tid, message, narrow, sizeof(narrow)))
			return false;
		*address = narrow[4];
		*length = narrow[5];
	} else {
		if (!memory_read(tracee->tid, message, wide, sizeof(wide)))
			return false;
		*address = wide[4];
		*length = (size_t)wide[5];
	}
	return *address != 0 && *length > 0;
}

bool stop_takes_control(const struct tracee *tracee)
{
	uint64_t control;
	size_t length;

	return read_control(tracee, tracee->call.address, &control, &length);
}

void stop_received(struct stop *stop, struct tracee *tracee, int64_t value)
{
	size_t size = tracee->call.is_narrow ? 32 : 64;
	int64_t messages = tracee->call.length == 0 ? 1 : value;
	unsigned char control[CONTROL_MAX];
	int fds[DESCRIPTORS_MAX];

	for (int64_t i = 0; i < messages && i < MESSAGES_MAX; i++) {
		uint64_t address;
		size_t length, count;

		if (!read_control(tracee, tracee->call.address + (uint64_t)i * size, &address, &length))
			continue;
		if (length > sizeof(control))
			length = sizeof(control);
		if (!memory_read(tracee->tid, address, control, length))
			continue;
		count = control_descriptors(control, length, tracee->call.is_narrow, fds, DESCRIPTORS_MAX);
		for (size_t at = 0; at < count; at++)
			stop_take(stop, tracee, fds[at]);
	}
}
