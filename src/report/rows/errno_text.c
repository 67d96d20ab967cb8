// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/errno_text.h"

#include <libaudit.h>
#include <stdio.h>

const char *errno_text(int error, char *buffer, size_t size)
{
	const char *name = error > 0 ? audit_errno_to_name(error) : NULL;

	if (name != NULL)
		return name;
	snprintf(buffer, size, "%d", error);
	return buffer;
}
