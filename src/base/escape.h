/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_ESCAPE_H
#define CONNTRACE_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * escape_text() - escape untrusted bytes for one field of a text table
 * @to: the result, NUL-terminated when @size > 0
 * @size: room there; 4 times the length of @from + 1 holds anything
 * @from: the untrusted string
 *
 * Every byte that is not printable ASCII, every blank, and the backslash become \xNN, so that a field never holds a
 * blank or a terminal escape. An empty string stays empty. A result that does not fit is cut between two bytes of
 * @from, never inside an escape.
 *
 * Return: the length written.
 */
size_t escape_text(char *to, size_t size, const char *from);

/**
 * escape_message() - escape a sentence with untrusted words for a terminal
 * @to: the result, NUL-terminated when @size > 0
 * @size: room there; 4 times the length of @from + 1 holds anything
 * @from: the sentence
 *
 * As escape_text(), but blanks and backslashes stay, so an escaped word is not escaped twice.
 *
 * Return: the length written.
 */
size_t escape_message(char *to, size_t size, const char *from);

/**
 * escape_json() - escape untrusted bytes for the inside of a JSON string (RFC 8259)
 * @to: the result, NUL-terminated when @size > 0
 * @size: room there; 6 times the length of @from + 1 holds anything
 * @from: the untrusted string
 *
 * Valid UTF-8 is kept, but characters that a terminal interprets or that reorder text (C1, bidirectional and other
 * invisible controls, line separators) become \uNNNN. A byte that is not UTF-8 becomes \u00NN with NN the byte, so that
 * nothing is lost silently.
 *
 * Return: the length written.
 */
size_t escape_json(char *to, size_t size, const char *from);

/** escape_is_plain_json() - whether escape_json() leaves this byte unchanged in any context */
static inline bool escape_is_plain_json(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

#endif
