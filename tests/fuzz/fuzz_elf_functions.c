// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as an ELF file: each function lies in the file, has a name that was asked for, and its code is that there.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/perf/code_sites.h"
#include "source/perf/elf_functions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"connect", "socket", NULL};

struct file {
	const uint8_t *data;
	size_t size;
	int count;
};

static void see_function(void *context, const struct elf_function *function)
{
	struct file *file = context;
	size_t sites[2] = {0, 0}, count;

	file->count++;
	/* It is imported. */
	if (function->length == 0 && function->name <= 1)
		return;
	if (function->name > 1 || function->length > ELF_FUNCTION_MAX || function->offset > file->size ||
	    file->size - function->offset < function->length ||
	    memcmp(function->code, file->data + function->offset, function->length) != 0)
		abort();
	count = code_sites_find(function->code, function->length, 42, sites, 2);
	for (size_t i = 0; i < count && i < 2; i++)
		if (sites[i] == 0 || sites[i] >= function->length)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file = {data, size, 0};
	int fd = memfd_create("elf", MFD_CLOEXEC), found;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	found = elf_functions(fd, names, see_function, &file);
	if (found > file.count || (found < 0 && file.count > 0 && size < 64))
		abort();
	close(fd);
	return 0;
}
