// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/perf/sites.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/table.h"
#include "source/perf/code_sites.h"
#include "source/perf/elf_functions.h"
#include "system/procfs.h"

/* connect(2) has one place for programs without threads and one for others; socket(2) has one that matters. */
#define CONNECTS_MAX 2

/* The functions, and what they call. */
static const char *const names[] = {"connect", "__connect", "__libc_connect", "socket", "__socket", NULL};
static const enum site_call name_calls[] = {SITE_CONNECT, SITE_CONNECT, SITE_CONNECT, SITE_SOCKET, SITE_SOCKET};
TABLE_COVERS(names, sizeof(name_calls) / sizeof(name_calls[0]) + 1);
static const uint32_t numbers[] = {[SITE_CONNECT] = SYS_connect, [SITE_SOCKET] = SYS_socket};
TABLE_COVERS(numbers, SITE_CALL_NUM);

/* A part of a file that is mapped to be executed. */
struct mapping {
	uint64_t begin, end, offset;
	ino_t inode;
	char path[PATH_MAX];
};

/**
 * struct search - for the sites of a process
 * @mapping: the one that is read
 * @sites: those of @file
 * @file: inode of the file that has them, 0 none yet
 * @too_many: another file has some, too, or one has more than there are breakpoints
 * @changed: a file is not the one that was mapped
 * @unread: errno of a file that cannot be opened, 0 none
 */
struct search {
	struct mapping mapping;
	struct sites sites;
	ino_t file;
	bool too_many, changed;
	int unread;
};

static void add_site(struct search *search, uint64_t address, enum site_call call)
{
	struct sites *sites = &search->sites;
	size_t same = 0;

	for (size_t i = 0; i < sites->count; i++) {
		if (sites->list[i].address == address)
			return;
		same += sites->list[i].call == call;
	}
	/* Behind the first place of socket(2) is one for kernels without SOCK_CLOEXEC. */
	if (call == SITE_SOCKET && same > 0)
		return;
	if ((search->file != 0 && search->file != search->mapping.inode) || same == CONNECTS_MAX) {
		search->too_many = true;
		return;
	}
	search->file = search->mapping.inode;
	sites->list[sites->count++] = (struct site){address, call};
}

static void see_function(void *context, const struct elf_function *function)
{
	struct search *search = context;
	const struct mapping *mapping = &search->mapping;
	enum site_call call = name_calls[function->name];
	size_t offsets[CONNECTS_MAX + 1];
	size_t count = code_sites_find(function->code, function->length, numbers[call], offsets, CONNECTS_MAX + 1);

	for (size_t i = 0; i < count && i < CONNECTS_MAX + 1; i++) {
		uint64_t offset = function->offset + offsets[i];

		if (offset >= mapping->offset && offset - mapping->offset < mapping->end - mapping->begin)
			add_site(search, mapping->begin + (offset - mapping->offset), call);
	}
}

static void read_file(struct search *search, pid_t pid)
{
	char path[2 * PROCFS_PATH];
	struct stat status;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, search->mapping.path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		search->unread = errno;
	else if (fstat(fd, &status) != 0 || status.st_ino != search->mapping.inode)
		search->changed = true;
	else
		(void)elf_functions(fd, names, see_function, search);
	if (fd >= 0)
		close(fd);
}

/* proc_pid_maps(5); the path is the rest of the line. */
static bool parse_mapping(const char *line, struct mapping *mapping)
{
	char rights[5];
	uint64_t inode;
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n", &mapping->begin,
		   &mapping->end, rights, &mapping->offset, &inode, &at) < 5 ||
	    at == 0 || rights[2] != 'x' || line[at] != '/')
		return false;
	mapping->inode = (ino_t)inode;
	snprintf(mapping->path, sizeof(mapping->path), "%s", line + at);
	mapping->path[strcspn(mapping->path, "\n")] = '\0';
	return true;
}

static int explain(const struct search *search, pid_t pid, struct err *err)
{
	if (search->too_many)
		return err_set(err, ENOENT, "PID %d has connect(2) in more than one library", (int)pid);
	/* It is gone where another one took its name, or was removed. */
	if (search->unread != 0 && search->unread != ENOENT)
		return err_set(err, search->unread, "the libraries of PID %d cannot be read: %s%s", (int)pid,
			       strerror(search->unread),
			       search->unread == EACCES ? "; CAP_SYS_PTRACE is needed (in a container: "
							  "--cap-add=SYS_PTRACE)"
							: "");
	if (search->changed || search->unread != 0)
		return err_set(err, ENOENT,
			       "the libraries of PID %d have been replaced since it was started: restart it", (int)pid);
	return err_set(err, ENOENT,
		       "no place where connect(2) returns was found in PID %d: its C library is unknown, or it is a "
		       "static program without symbols",
		       (int)pid);
}

int sites_find(pid_t pid, struct sites *sites, struct err *err)
{
	struct search search = {.file = 0};
	char path[PROCFS_PATH], *line = NULL;
	size_t size = 0;
	bool has_connect = false;
	FILE *maps;

	if (!code_sites_can())
		return err_set(err, ENOTSUP, "the code of this architecture is not understood: x86-64 is needed");
	maps = fopen(procfs_path(path, pid, "maps"), "re");
	if (maps == NULL)
		return procfs_why_not_watchable(pid, err->text, sizeof(err->text));
	while (getline(&line, &size, maps) >= 0)
		if (parse_mapping(line, &search.mapping))
			read_file(&search, pid);
	free(line);
	fclose(maps);
	for (size_t i = 0; i < search.sites.count; i++)
		has_connect |= search.sites.list[i].call == SITE_CONNECT;
	if (search.too_many || !has_connect)
		return explain(&search, pid, err);
	*sites = search.sites;
	return 0;
}
