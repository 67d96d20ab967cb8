// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/perf/elf_functions.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/span.h"
#include "base/xalloc.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

/* More than any real program has. */
#define SECTIONS_MAX 4096
#define SEGMENTS_MAX 256
/* Symbols read together. */
#define SYMBOLS_AT_ONCE 4096
#define NAME_MAX_LENGTH 32

/**
 * struct elf_file - what is needed of a file
 * @size: of the file
 * @sections: its section headers
 * @section_names: number of the section with the names of the sections
 * @segments: its program headers
 * @names: strings of the symbol table that is read
 */
struct elf_file {
	int fd;
	uint64_t size;
	Elf64_Shdr *sections;
	size_t section_count, section_names;
	Elf64_Phdr *segments;
	size_t segment_count;
	struct span names;
};

static bool read_at(int fd, void *to, size_t length, uint64_t offset)
{
	size_t done = 0;

	if (offset > INT64_MAX - length)
		return false;
	while (done < length) {
		ssize_t got = pread(fd, (char *)to + done, length - done, (off_t)(offset + done));

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

/* Return: @count elements, or NULL. */
static void *read_array(const struct elf_file *file, size_t count, size_t size, uint64_t offset)
{
	void *list;

	if (count > file->size / size)
		return NULL;
	list = xcalloc(count + 1, size);
	if (read_at(file->fd, list, count * size, offset))
		return list;
	free(list);
	return NULL;
}

static int read_headers(struct elf_file *file)
{
	Elf64_Ehdr header;
	struct stat status;

	if (fstat(file->fd, &status) != 0 || status.st_size <= 0)
		return -ENOEXEC;
	file->size = (uint64_t)status.st_size;
	if (!read_at(file->fd, &header, sizeof(header), 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != MACHINE)
		return -ENOEXEC;
	if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_phentsize != sizeof(Elf64_Phdr) ||
	    header.e_shnum > SECTIONS_MAX || header.e_phnum > SEGMENTS_MAX)
		return -ENOEXEC;
	file->section_count = header.e_shnum;
	file->section_names = header.e_shstrndx;
	file->segment_count = header.e_phnum;
	file->sections = read_array(file, file->section_count, sizeof(Elf64_Shdr), header.e_shoff);
	file->segments = read_array(file, file->segment_count, sizeof(Elf64_Phdr), header.e_phoff);
	return file->sections != NULL && file->segments != NULL ? 0 : -ENOEXEC;
}

/* Where the code at a virtual address is in the file; false: nowhere. */
static bool find_offset(const struct elf_file *file, uint64_t address, uint64_t length, uint64_t *offset)
{
	for (size_t i = 0; i < file->segment_count; i++) {
		const Elf64_Phdr *segment = &file->segments[i];

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || address < segment->p_vaddr ||
		    address - segment->p_vaddr > segment->p_filesz ||
		    segment->p_filesz - (address - segment->p_vaddr) < length)
			continue;
		return !__builtin_add_overflow(segment->p_offset, address - segment->p_vaddr, offset);
	}
	return false;
}

/* The number of its name in @names, or that of the NULL there. */
static size_t find_name(const struct elf_file *file, uint32_t at, const char *const *names)
{
	struct span rest = file->names;
	char name[NAME_MAX_LENGTH] = "";
	size_t i = 0;

	if (span_skip(&rest, at))
		memcpy(name, rest.data, rest.length < sizeof(name) - 1 ? rest.length : sizeof(name) - 1);
	while (names[i] != NULL && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static bool read_function(const struct elf_file *file, const Elf64_Sym *symbol, struct elf_function *function)
{
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);

	function->length = 0;
	if (symbol->st_shndx == SHN_UNDEF)
		return true;
	if (type != STT_FUNC || symbol->st_size == 0)
		return false;
	function->address = symbol->st_value;
	function->length = symbol->st_size < ELF_FUNCTION_MAX ? symbol->st_size : ELF_FUNCTION_MAX;
	return find_offset(file, function->address, function->length, &function->offset) &&
	       read_at(file->fd, function->code, function->length, function->offset);
}

/* Return: how many, or a negative errno. */
static int read_symbols(struct elf_file *file, const Elf64_Shdr *table, const char *const *names,
			void (*callback)(void *context, const struct elf_function *function), void *context)
{
	uint64_t left = table->sh_size / sizeof(Elf64_Sym), at = table->sh_offset;
	struct elf_function *function = xcalloc(1, sizeof(*function));
	Elf64_Sym *symbols = xcalloc(SYMBOLS_AT_ONCE, sizeof(*symbols));
	int found = 0;

	while (left > 0 && found >= 0) {
		size_t count = left < SYMBOLS_AT_ONCE ? (size_t)left : SYMBOLS_AT_ONCE;

		if (!read_at(file->fd, symbols, count * sizeof(*symbols), at)) {
			found = -ENOEXEC;
			break;
		}
		for (size_t i = 0; i < count; i++) {
			function->name = find_name(file, symbols[i].st_name, names);
			if (names[function->name] == NULL || !read_function(file, &symbols[i], function))
				continue;
			callback(context, function);
			found++;
		}
		left -= count;
		at += count * sizeof(*symbols);
	}
	free(symbols);
	free(function);
	return found;
}

static int read_table(struct elf_file *file, const Elf64_Shdr *table, const char *const *names,
		      void (*callback)(void *context, const struct elf_function *function), void *context)
{
	const Elf64_Shdr *strings;
	uint8_t *text;
	int rc;

	if (table->sh_link >= file->section_count)
		return -ENOEXEC;
	strings = &file->sections[table->sh_link];
	text = strings->sh_type == SHT_STRTAB ? read_array(file, strings->sh_size, 1, strings->sh_offset) : NULL;
	if (text == NULL)
		return -ENOEXEC;
	file->names = (struct span){text, strings->sh_size};
	rc = read_symbols(file, table, names, callback, context);
	free(text);
	return rc;
}

int elf_functions(int fd, const char *const *names,
		  void (*callback)(void *context, const struct elf_function *function), void *context)
{
	struct elf_file file = {.fd = fd};
	int rc = read_headers(&file), sum = 0;

	for (size_t i = 0; i < file.section_count && rc >= 0; i++) {
		if (file.sections[i].sh_type != SHT_DYNSYM && file.sections[i].sh_type != SHT_SYMTAB)
			continue;
		rc = read_table(&file, &file.sections[i], names, callback, context);
		sum += rc;
	}
	free(file.sections);
	free(file.segments);
	return rc < 0 ? rc : sum;
}

bool elf_functions_has_section(int fd, const char *name)
{
	struct elf_file file = {.fd = fd};
	const char *const names[] = {name, NULL};
	const Elf64_Shdr *strings;
	uint8_t *text = NULL;
	bool has = false;

	if (read_headers(&file) == 0 && file.section_names < file.section_count) {
		strings = &file.sections[file.section_names];
		text = read_array(&file, strings->sh_size, 1, strings->sh_offset);
	}
	if (text != NULL)
		file.names = (struct span){text, file.sections[file.section_names].sh_size};
	for (size_t i = 0; i < file.section_count && text != NULL && !has; i++)
		has = names[find_name(&file, file.sections[i].sh_name, names)] != NULL;
	free(text);
	free(file.sections);
	free(file.segments);
	return has;
}
