// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/errno_name.h"

#include <string.h>

#include "config.h"
#ifdef HAVE_AUDIT
#include <libaudit.h>
#endif

#ifdef HAVE_AUDIT

const char *errno_name(int error)
{
	return error > 0 ? audit_errno_to_name(error) : NULL;
}

int errno_name_number(const char *name)
{
	return audit_name_to_errno(name);
}

#else

/* The largest one that a system call returns (MAX_ERRNO of the kernel). */
#define ERRNO_MAX 4095

const char *errno_name(int error)
{
#ifdef HAVE_STRERRORNAME_NP
	return error > 0 ? strerrorname_np(error) : NULL;
#else
	(void)error;
	return NULL;
#endif
}

int errno_name_number(const char *name)
{
	for (int error = 1; error <= ERRNO_MAX; error++) {
		const char *known = errno_name(error);

		if (known != NULL && strcmp(known, name) == 0)
			return error;
	}
	return -1;
}

#endif
