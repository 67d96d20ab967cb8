/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_ELF_FUNCTIONS_H
#define CONNTRACE_SOURCE_PERF_ELF_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Functions of an ELF file (elf(5)), found by their names. The file is any bytes: each part is read within limits. */

/** Longest function whose code is read, in bytes. */
#define ELF_FUNCTION_MAX 4096

/**
 * struct elf_function - a function of the file
 * @name: number of its name in the list of names
 * @address: virtual address, as the symbol has it
 * @offset: of its code in the file
 * @length: of its code, at most ELF_FUNCTION_MAX; 0: the file imports it
 * @code: its code
 */
struct elf_function {
	size_t name;
	uint64_t address;
	uint64_t offset;
	size_t length;
	uint8_t code[ELF_FUNCTION_MAX];
};

/**
 * elf_functions() - find functions by their names in both symbol tables
 * @fd: the file; its position does not matter
 * @names: names without version, NULL behind the last
 * @callback: called with each; one that has several names, or is in both tables, comes several times
 * @context: passed to @callback
 *
 * Return: how many, or a negative errno: -ENOEXEC when it is no ELF file of this architecture, or a damaged one.
 */
int elf_functions(int fd, const char *const *names,
		  void (*callback)(void *context, const struct elf_function *function), void *context);

/** elf_functions_has_section() - whether an ELF file of this architecture has a section of this name */
bool elf_functions_has_section(int fd, const char *name);

#endif
