/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PERF_CODE_SITES_H
#define CONNTRACE_SOURCE_PERF_CODE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** code_sites_can() - whether the code of this architecture is understood, and its registers show the call */
bool code_sites_can(void);

/**
 * code_sites_find() - the instructions at which a system call has just returned
 * @code: of a function of a C library
 * @length: of the code
 * @number: of the system call
 * @sites: offsets in the code
 * @room: most of them
 *
 * Behind `syscall`, or behind the call of a function of the library that makes it and keeps the registers. There the
 * result register has the kernel's result, below 0 an errno, and the registers of the arguments still have those.
 *
 * Return: how many there are; may be more than @room.
 */
size_t code_sites_find(const uint8_t *code, size_t length, uint32_t number, size_t *sites, size_t room);

/**
 * code_sites_flag() - what a function compares with 0 to find out whether its process has threads
 * @code: of the function
 * @length: of the code
 * @offset: of that byte from the function, set on success
 *
 * Return: false when it does not begin so.
 */
bool code_sites_flag(const uint8_t *code, size_t length, int64_t *offset);

/** code_sites_has_own() - whether some code, of any program, makes this system call itself */
bool code_sites_has_own(const uint8_t *code, size_t length, uint32_t number);

#endif
