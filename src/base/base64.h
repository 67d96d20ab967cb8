/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_BASE64_H
#define CONNTRACE_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/** base64() - @length bytes as base64 with padding (RFC 4648, 4) and a NUL: (length + 2) / 3 * 4 + 1 characters at @to
 */
void base64(char *to, const uint8_t *bytes, size_t length);

#endif
