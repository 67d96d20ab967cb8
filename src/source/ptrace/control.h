/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_PTRACE_CONTROL_H
#define CONNTRACE_SOURCE_PTRACE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

/**
 * control_descriptors() - the descriptors that came with a message (SCM_RIGHTS of unix(7))
 * @bytes: control data as recvmsg(2) left it, from a program's memory (cmsg(3))
 * @length: number of bytes
 * @is_narrow: the program's size_t has 32 bits
 * @fds: where they go
 * @room: size of @fds
 *
 * Return: number of descriptors found, at most @room; those before malformed data count.
 */
size_t control_descriptors(const void *bytes, size_t length, bool is_narrow, int *fds, size_t room);

#endif
