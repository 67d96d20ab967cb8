/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_REDACT_H
#define CONNTRACE_BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Pseudonyms in place of what identifies people and hosts (--redact). The same text has the same pseudonym in all
 * outputs of a run, numbered in the order of appearance. endpoint_ip_text() shows addresses, column_fetch() the values
 * of rows; the few other places where names go out call redact_text().
 */

/** enum redact_kind - what can be hidden; each kind is numbered on its own */
enum redact_kind {
	/** IP addresses; with them socket cookies and community ids */
	REDACT_ADDR,
	/** names of hosts: Host, TLS server names, resolved names */
	REDACT_HOST,
	/** paths of files and control groups, request-targets */
	REDACT_PATH,
	/** names of programs, units and containers */
	REDACT_COMM,
	/** users, by name and number */
	REDACT_USER,
	/** command lines, also that of this program */
	REDACT_ARGS,
	REDACT_KIND_NUM
};

/** Kinds that are hidden now, bits; only redact_begin() writes it. */
extern unsigned int redact_kinds;

/** redact_parse() - "addr,host,..." to bits of enum redact_kind; Return: 0, or -EINVAL with the message in @err */
int redact_parse(const char *text, unsigned int *kinds, struct err *err);

/** redact_begin() - hide @kinds from now on; before the first thread and the first output */
void redact_begin(unsigned int kinds);

/** redact_is_on() - whether anything is hidden */
static inline bool redact_is_on(void)
{
	return redact_kinds != 0;
}

/** redact_hides() - whether @kind is hidden */
static inline bool redact_hides(enum redact_kind kind)
{
	return redact_kinds >> kind & 1;
}

/** redact_text() - @text, or its pseudonym if @kind is hidden, valid until the program ends; NULL and "" stay */
const char *redact_text(enum redact_kind kind, const char *text);

/** redact_number() - number of these bytes, in order of appearance, from 1: of 4 bytes and of more apart */
uint64_t redact_number(enum redact_kind kind, const void *bytes, size_t length);

#endif
