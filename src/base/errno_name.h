/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_BASE_ERRNO_NAME_H
#define CONNTRACE_BASE_ERRNO_NAME_H

/** errno_name() - "ECONNREFUSED"; NULL when the number has no name, or neither libaudit nor libc knows names */
const char *errno_name(int error);

/** errno_name_number() - the number of a name; -1 when it is unknown */
int errno_name_number(const char *name);

#endif
