// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "source/ptrace/control.h"

#define ROOM 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes are control data of either width: no more descriptors than there is room for, nor than the bytes hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[ROOM];

	for (int is_narrow = 0; is_narrow <= 1; is_narrow++) {
		size_t count = control_descriptors(data, size, is_narrow, fds, ROOM);

		if (count > ROOM || count * sizeof(int) > size)
			abort();
	}
	return 0;
}
