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
#include <sys/uio.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/table.h"
#include "base/xalloc.h"
#include "source/perf/code_sites.h"
#include "source/perf/elf_functions.h"
#include "system/procfs.h"

/* A call has one place for programs without threads and one for others; socket(2) has one that matters. */
#define PATHS_MAX 2
#define FOUND_MAX (PATHS_MAX * SITE_CALL_NUM)
/* Bits of the calls that accept. */
#define ACCEPTS (1U << SITE_ACCEPT | 1U << SITE_ACCEPT4)

/* Code is read in such pieces, each with the end of the one before; more of it than that is not searched. */
#define OWN_AT_ONCE (1024UL * 1024)
#define OWN_OVERLAP 80
#define OWN_MOST (256UL * 1024 * 1024)

/* The functions, and what they call. */
static const enum site_call name_calls[] = {SITE_CONNECT, SITE_CONNECT, SITE_CONNECT, SITE_SOCKET,     SITE_SOCKET,
					    SITE_ACCEPT,  SITE_ACCEPT,  SITE_ACCEPT4, SITE_GETSOCKOPT, SITE_GETSOCKOPT};
static const char *const names[] = {"connect", "__connect",     "__libc_connect", "socket",     "__socket",
				    "accept",  "__libc_accept", "accept4",        "getsockopt", "__getsockopt",
				    NULL};
TABLE_COVERS(names, sizeof(name_calls) / sizeof(name_calls[0]) + 1);
static const uint32_t numbers[] = {[SITE_CONNECT] = SYS_connect,
				   [SITE_SOCKET] = SYS_socket,
				   [SITE_ACCEPT] = SYS_accept,
				   [SITE_ACCEPT4] = SYS_accept4,
				   [SITE_GETSOCKOPT] = SYS_getsockopt};
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
 * @list: the sites of @file, @count of them
 * @flag: address of the C library's note that there are no threads; 0 unknown
 * @file: inode of the file that has them, 0 none yet
 * @too_many: another file has some, too, or one has more than there are breakpoints
 * @changed: a file is not the one that was mapped
 * @files: how many have been read
 * @imports: bits of the calls that the files import, @first_imports the accepting ones of the first file with any
 * @program_accepts: the first file, the program itself, has some
 * @is_go: a program of Go, which makes its system calls itself
 * @own: a file without sites whose code makes connect(2) itself, "" none
 * @unread: errno of a file that cannot be opened, 0 none
 */
struct search {
	struct mapping mapping;
	struct site list[FOUND_MAX];
	size_t count;
	uint64_t flag;
	ino_t file;
	bool too_many, changed, is_go, program_accepts;
	unsigned int files, imports, first_imports;
	char own[PATH_MAX];
	int unread;
};

static void add_site(struct search *search, uint64_t address, enum site_call call)
{
	size_t same = 0;

	for (size_t i = 0; i < search->count; i++) {
		if (search->list[i].address == address)
			return;
		same += search->list[i].call == call;
	}
	/* Behind the first place is one for kernels without SOCK_CLOEXEC, or with older options. */
	if ((call == SITE_SOCKET || call == SITE_GETSOCKOPT) && same > 0)
		return;
	if ((search->file != 0 && search->file != search->mapping.inode) || same == PATHS_MAX) {
		search->too_many = true;
		return;
	}
	search->file = search->mapping.inode;
	search->list[search->count++] = (struct site){address, call, SITE_PATH_ANY};
}

static void see_function(void *context, const struct elf_function *function)
{
	struct search *search = context;
	const struct mapping *mapping = &search->mapping;
	enum site_call call = name_calls[function->name];
	size_t offsets[PATHS_MAX + 1];
	size_t count = code_sites_find(function->code, function->length, numbers[call], offsets, PATHS_MAX + 1);
	int64_t flag;

	if (function->length == 0)
		search->imports |= 1U << call;
	for (size_t i = 0; i < count && i < PATHS_MAX + 1; i++) {
		uint64_t offset = function->offset + offsets[i];

		if (offset < mapping->offset || offset - mapping->offset >= mapping->end - mapping->begin)
			continue;
		add_site(search, mapping->begin + (offset - mapping->offset), call);
		if (call == SITE_CONNECT && code_sites_flag(function->code, function->length, &flag))
			search->flag = mapping->begin + (function->offset - mapping->offset) + (uint64_t)flag;
	}
}

/* The code of the mapping makes connect(2) itself, as a program may that is written without a C library. */
static bool has_own_calls(const struct mapping *mapping, int fd)
{
	uint64_t left = mapping->end - mapping->begin, offset = mapping->offset;
	uint8_t *code = left <= OWN_MOST ? xmalloc(OWN_AT_ONCE) : NULL;
	bool has = false;

	while (code != NULL && left > OWN_OVERLAP && !has) {
		ssize_t got = pread(fd, code, left < OWN_AT_ONCE ? left : OWN_AT_ONCE, (off_t)offset);

		if (got <= OWN_OVERLAP)
			break;
		has = code_sites_has_own(code, (size_t)got, SYS_connect);
		left -= (uint64_t)got - OWN_OVERLAP;
		offset += (uint64_t)got - OWN_OVERLAP;
	}
	free(code);
	return has;
}

static void search_file(struct search *search, int fd)
{
	size_t before = search->count;

	if (elf_functions_has_section(fd, ".gopclntab"))
		search->is_go = true;
	(void)elf_functions(fd, names, see_function, search);
	if (search->first_imports == 0)
		search->first_imports = search->imports & ACCEPTS;
	search->program_accepts |= search->files++ == 0 && search->first_imports != 0;
	if (search->count == before && search->mapping.inode != search->file && has_own_calls(&search->mapping, fd))
		snprintf(search->own, sizeof(search->own), "%s", search->mapping.path);
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
		search_file(search, fd);
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
	char path[256];

	if (search->is_go)
		return err_set(err, ENOENT, "PID %d is a program of Go, which makes its system calls itself", (int)pid);
	if (search->too_many)
		return err_set(err, ENOENT, "PID %d has connect(2) in more than one library", (int)pid);
	if (search->own[0] != '\0') {
		escape_message(path, sizeof(path), search->own);
		return err_set(err, ENOENT, "PID %d makes system calls itself, without the C library: %s", (int)pid,
			       path);
	}
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
		       "no place where connect(2) returns was found in PID %d: its C library is none of glibc 2.31 to "
		       "2.40 and musl, or it is a static program without symbols",
		       (int)pid);
}

/* ---- which of them --------------------------------------------------------------------- */

static void count_thread(void *context, pid_t tid)
{
	(void)tid;
	++*(int *)context;
}

/* The flag is a char, 1 while there has never been a second thread. */
static enum site_path path_of(const struct search *search, pid_t pid)
{
	int threads = 0;
	char flag = 0;
	struct iovec local = {&flag, sizeof(flag)};
	struct iovec remote = {(void *)(uintptr_t)search->flag, sizeof(flag)};

	(void)procfs_threads(pid, count_thread, &threads);
	if (threads > 1)
		return SITE_PATH_THREADS;
	if (search->flag == 0 || process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof(flag))
		return SITE_PATH_ANY;
	return flag != 0 ? SITE_PATH_SINGLE : SITE_PATH_THREADS;
}

static size_t count_calls(const struct search *search, enum site_call call)
{
	size_t count = 0;

	for (size_t i = 0; i < search->count; i++)
		count += search->list[i].call == call;
	return count;
}

/* The path of programs without threads is the first in each function. */
static void name_paths(struct search *search)
{
	for (size_t i = 0; i < search->count; i++) {
		struct site *site = &search->list[i];

		for (size_t k = 0; k < search->count; k++)
			if (k != i && search->list[k].call == site->call)
				site->path =
					site->address < search->list[k].address ? SITE_PATH_SINGLE : SITE_PATH_THREADS;
	}
}

static bool is_accept(const struct site *site)
{
	return (1U << site->call & ACCEPTS) != 0;
}

/*
 * Which of accept(2) and accept4(2) are called, as bits. A program that imports both takes accept4(2), and the other
 * one on kernels without it; that is a guess, so only where one is enough. A program without imports may look the
 * functions up (dlsym(3)).
 */
static unsigned int accepts_of(const struct search *search, const struct sites_wish *wish)
{
	unsigned int imports = search->imports & ACCEPTS;

	if (!wish->accepts)
		return 0;
	if (wish->one_accept && search->first_imports != 0)
		imports = search->first_imports & 1U << SITE_ACCEPT4 ? 1U << SITE_ACCEPT4 : 1U << SITE_ACCEPT;
	return (wish->one_accept && imports != 0) || search->program_accepts ? imports : ACCEPTS;
}

static void choose(const struct search *search, const struct sites_wish *wish, pid_t pid, struct sites *sites)
{
	unsigned int accepts = accepts_of(search, wish);
	bool has_paths = count_calls(search, SITE_CONNECT) > 1 || count_calls(search, SITE_ACCEPT) > 1;

	*sites = (struct sites){.path = SITE_PATH_ANY};
	if (wish->accepts && has_paths) {
		sites->path = wish->path != SITE_PATH_ANY ? wish->path : path_of(search, pid);
		sites->is_partial = sites->path == SITE_PATH_ANY;
	}
	for (size_t i = 0; i < search->count && sites->count < SITES_MAX; i++) {
		const struct site *site = &search->list[i];

		if (site->call == SITE_GETSOCKOPT ||
		    (is_accept(site) ? !(accepts & 1U << site->call) : sites->is_partial))
			continue;
		if (sites->path == SITE_PATH_ANY || site->path == SITE_PATH_ANY || site->path == sites->path)
			sites->list[sites->count++] = *site;
	}
	for (size_t i = 0; i < search->count && sites->count < SITES_MAX && wish->outcomes && !sites->is_partial; i++)
		if (search->list[i].call == SITE_GETSOCKOPT)
			sites->list[sites->count++] = search->list[i];
}

int sites_find(pid_t pid, const struct sites_wish *wish, struct sites *sites, struct err *err)
{
	struct search search = {.file = 0};
	char path[PROCFS_PATH], *line = NULL;
	size_t size = 0;
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
	if (search.is_go || search.own[0] != '\0' || search.too_many || count_calls(&search, SITE_CONNECT) == 0)
		return explain(&search, pid, err);
	name_paths(&search);
	choose(&search, wish, pid, sites);
	return 0;
}
