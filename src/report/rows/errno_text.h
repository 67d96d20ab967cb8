/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_ERRNO_TEXT_H
#define CONNTRACE_REPORT_ROWS_ERRNO_TEXT_H

#include <stddef.h>

/**
 * errno_text() - the name of an errno value (errno(3)): "ECONNREFUSED"
 * @error: 0 is "0"; a number without a name is shown as the number
 * @buffer: room for a number
 * @size: of @buffer
 *
 * Names come from a table of our own, because strerrorname_np(3) is only in
 * glibc since 2.32.
 *
 * Return: a constant or @buffer.
 */
const char *errno_text(int error, char *buffer, size_t size);

#endif
