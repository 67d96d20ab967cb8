/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_MEMORY_H
#define CONNTRACE_SOURCE_PTRACE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * memory_read() - read memory of a stopped tracee
 * @tid: the thread, in a ptrace stop of the calling thread
 * @address: there
 * @to: @length bytes are written here on success; in part on failure
 *
 * By process_vm_readv(2); where that is forbidden or missing (container,
 * CONFIG_CROSS_MEMORY_ATTACH), word by word by ptrace(2).
 *
 * Return: false when it can't be read.
 */
bool memory_read(pid_t tid, uint64_t address, void *to, size_t length);

/** memory_write() - write memory of a stopped tracee; Return: false when it can't be written */
bool memory_write(pid_t tid, uint64_t address, const void *from, size_t length);

#endif
