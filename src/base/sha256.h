/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_SHA256_H
#define CONNTRACE_BASE_SHA256_H

#include <stddef.h>

/** Room for sha256_base64(), with its NUL. */
#define SHA256_BASE64 45

/** sha256_base64() - SHA-256 (FIPS 180-4) of @length bytes at @data in base64; Return: @text */
const char *sha256_base64(const void *data, size_t length, char text[SHA256_BASE64]);

#endif
