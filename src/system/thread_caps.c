// SPDX-License-Identifier: GPL-2.0-or-later
#include "system/thread_caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Bits of a set; the kernel knows fewer. */
#define CAPABILITIES 64

/* The kernel's words have 32 bits of each set. */
typedef struct __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3];

static bool get(words sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &header, sets) == 0;
}

bool thread_caps_has(unsigned int capability)
{
	words sets;

	return capability < CAPABILITIES && get(sets) && (sets[capability / 32].effective >> capability % 32 & 1) != 0;
}

void thread_caps_keep(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	words sets;

	if (!get(sets))
		return;
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t mask = (uint32_t)(kept >> 32 * i);

		sets[i].effective &= mask;
		sets[i].permitted &= mask;
		sets[i].inheritable &= mask;
	}
	/* The kernel lowers the ambient set with the permitted one. */
	(void)syscall(SYS_capset, &header, sets);
}

void thread_caps_keep_bounds(uint64_t kept)
{
	for (unsigned int i = 0; i < CAPABILITIES; i++)
		if (!(kept >> i & 1) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

bool thread_caps_drop(void)
{
	words sets;

	thread_caps_keep(0);
	if (!get(sets))
		return false;
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if ((sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0)
			return false;
	return true;
}
