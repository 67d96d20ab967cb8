/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LINGER_H
#define CONNTRACE_RUN_LINGER_H

#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"

/** linger_ns() - how long more of a connection that has ended is waited for, before it is told */
int64_t linger_ns(const struct options *options);

/** linger_limit() - how many of those are kept at most; 0: all */
size_t linger_limit(const struct options *options);

#endif
