// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/errno_text.h"

#include <stdio.h>

#include "base/errno_name.h"

const char *errno_text(int error, char *buffer, size_t size)
{
	const char *name = errno_name(error);

	if (name != NULL)
		return name;
	snprintf(buffer, size, "%d", error);
	return buffer;
}
