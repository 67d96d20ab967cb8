// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as /proc/PID/cgroup: the path lies in the text, and each name fits and is found again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[512], unit[CGROUP_NAME], again[CGROUP_NAME], container[CGROUP_NAME];
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (cgroup_path(text, path, sizeof(path))) {
		if (path[0] != '/' || strchr(path, '\n') != NULL || strstr(text, path) == NULL)
			abort();
		if (cgroup_unit(path, unit) && (strlen(unit) >= sizeof(unit) || !cgroup_unit(path, again) ||
						strcmp(unit, again) != 0 || strstr(path, unit) == NULL))
			abort();
		if (cgroup_container(path, container) && strlen(container) >= sizeof(container))
			abort();
	}
	/* Any text is a path. */
	if (cgroup_unit(text, unit) && strstr(text, unit) == NULL)
		abort();
	(void)cgroup_container(text, container);
	free(text);
	return 0;
}
