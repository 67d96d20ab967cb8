/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_FIELDS_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/** Room for an address in the form of struct sockaddr_in6. */
#define AUDIT_FIELDS_ADDRESS 28
/** Room for the name of a program, as long as the kernel keeps it, with its NUL. */
#define AUDIT_FIELDS_COMM 16
/** Room for the path of a program file, with its NUL; longer ones are cut. */
#define AUDIT_FIELDS_EXE 512

/** enum audit_fields_which - what is wanted */
enum audit_fields_which {
	/** architecture, call and arguments */
	AUDIT_FIELDS_CALL,
	/** the operation of io_uring(7) */
	AUDIT_FIELDS_URING,
	AUDIT_FIELDS_ALL,
};

/**
 * struct audit_fields - the fields of a SYSCALL, SOCKETCALL or URINGOP record
 * @machine: of libaudit, -1 unknown
 * @syscall: number, -1 unknown
 * @uring_op: operation, -1 unknown
 * @args: the first two arguments; names of ausearch -i are numbers again where they matter
 * @has_args: the first one was there
 * @exit: result, or the negative errno; valid with @has_exit
 * @has_exit: it was there and could be read
 * @pid: thread group id, 0 unknown
 * @euid: effective user, -1 unknown; ausearch -i has only the name
 * @comm: name of the thread, "" unknown
 * @exe: path of the program file, "" unknown
 */
struct audit_fields {
	int machine;
	int syscall;
	int uring_op;
	uint64_t args[2];
	bool has_args;
	int64_t exit;
	bool has_exit;
	int32_t pid;
	int64_t euid;
	char comm[AUDIT_FIELDS_COMM];
	char exe[AUDIT_FIELDS_EXE];
};

/** audit_fields_parse() - read the wanted ones of @body; the others are unknown */
void audit_fields_parse(struct audit_fields *fields, struct span body, bool is_interpreted,
			enum audit_fields_which which);

/**
 * audit_fields_address() - the address of a SOCKADDR record
 * @body: the fields
 * @is_interpreted: ausearch -i wrote them
 * @address: set: as in memory of this host, without what the record has behind it
 *
 * Return: its length: that of struct sockaddr_in or struct sockaddr_in6, 2 of another family or of a shorter address, 0
 * when it cannot be read.
 */
size_t audit_fields_address(struct span body, bool is_interpreted, uint8_t address[AUDIT_FIELDS_ADDRESS]);

/** audit_fields_take_decimal() - a decimal number at the begin of @text, which is moved past it */
bool audit_fields_take_decimal(struct span *text, uint64_t *number);

/** audit_fields_hex() - decode pairs of hexadecimal digits; Return: how many bytes, up to @size */
size_t audit_fields_hex(struct span text, uint8_t *to, size_t size);

#endif
