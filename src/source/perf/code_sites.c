// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Code of C libraries around a system call, x86-64.
 *
 * glibc up to 2.40 has the instruction in the function itself, twice where the call is a cancellation point: `mov
 * $number,%eax; syscall`. musl passes the number to a function as the first argument: `mov $number,%edi; call`. That
 * function keeps %rdi, %rsi and %rdx as the kernel got them.
 */
#include "source/perf/code_sites.h"

#include <string.h>

bool code_sites_can(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	return true;
#else
	return false;
#endif
}

#define MOV_EAX 0xb8
#define MOV_EDI 0xbf
#define CALL 0xe8
/* Length of `mov $number,%register`, and of `call`. */
#define LONG 5
#define SYSCALL_LENGTH 2
/* Longest distance from the number to the instruction that uses it: `sub`, loads of arguments. */
#define APART 16
/* The same in any code, where the arguments may be made in between. */
#define OWN_APART 64

static bool loads(const uint8_t *code, uint8_t mov, uint32_t number)
{
	const uint8_t bytes[LONG] = {mov, (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
				     (uint8_t)(number >> 24)};

	return memcmp(code, bytes, sizeof(bytes)) == 0;
}

static bool is_syscall(const uint8_t *code)
{
	return code[0] == 0x0f && code[1] == 0x05;
}

/* The end of `syscall` at most @apart behind @at; 0 none. */
static size_t syscall_end(const uint8_t *code, size_t length, size_t at, size_t apart)
{
	for (size_t i = at; i < at + apart && i + SYSCALL_LENGTH <= length; i++)
		if (is_syscall(code + i))
			return i + SYSCALL_LENGTH;
	return 0;
}

static size_t find(const uint8_t *code, size_t length, uint32_t number, bool is_called, size_t *sites, size_t room)
{
	size_t count = 0;

	for (size_t at = 0; at + LONG <= length; at++) {
		size_t end = 0;

		if (!loads(code + at, is_called ? MOV_EDI : MOV_EAX, number))
			continue;
		if (!is_called)
			end = syscall_end(code, length, at + LONG, APART);
		else if (at + 2 * LONG <= length && code[at + LONG] == CALL)
			end = at + 2 * LONG;
		if (end == 0 || end >= length)
			continue;
		if (count < room)
			sites[count] = end;
		count++;
	}
	return count;
}

size_t code_sites_find(const uint8_t *code, size_t length, uint32_t number, size_t *sites, size_t room)
{
	size_t count = code_sites_can() ? find(code, length, number, false, sites, room) : 0;

	return count > 0 || !code_sites_can() ? count : find(code, length, number, true, sites, room);
}

/* `cmpb $0,distance(%rip)`: glibc 2.34 and later, __libc_single_threaded. */
bool code_sites_flag(const uint8_t *code, size_t length, int64_t *offset)
{
	int32_t distance;

	if (!code_sites_can() || length < 7 || code[0] != 0x80 || code[1] != 0x3d || code[6] != 0)
		return false;
	memcpy(&distance, code + 2, sizeof(distance));
	*offset = 7 + (int64_t)distance;
	return true;
}

/*
 * Whether code that loads a number into the register of the opcode @mov has it in %eax by @length: `mov
 * %register,%eax`. Without it the number is an argument, such as a length, and what looks like `syscall` behind it part
 * of an address.
 */
static bool reaches_eax(const uint8_t *code, size_t length, uint8_t mov)
{
	const uint8_t from = (uint8_t)(mov - MOV_EAX);
	const uint8_t store[2] = {0x89, (uint8_t)(0xc0 | from << 3)}, load[2] = {0x8b, (uint8_t)(0xc0 | from)};

	return mov == MOV_EAX || memmem(code, length, store, sizeof(store)) != NULL ||
	       memmem(code, length, load, sizeof(load)) != NULL;
}

/* The number may be loaded into another register first: `mov $number,%register` is 0xb8 to 0xbf and the number. */
bool code_sites_has_own(const uint8_t *code, size_t length, uint32_t number)
{
	const uint8_t bytes[LONG - 1] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
					 (uint8_t)(number >> 24)};
	const uint8_t *at = code_sites_can() ? memmem(code, length, bytes, sizeof(bytes)) : NULL;

	while (at != NULL) {
		size_t behind = (size_t)(at - code) + sizeof(bytes);
		size_t end = syscall_end(code, length, behind, OWN_APART);

		if (at > code && (at[-1] & 0xf8) == MOV_EAX && end != 0 &&
		    reaches_eax(code + behind, end - behind, at[-1]))
			return true;
		at = memmem(code + behind, length - behind, bytes, sizeof(bytes));
	}
	return false;
}
