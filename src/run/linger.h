/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LINGER_H
#define CONNTRACE_RUN_LINGER_H

#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"

/** linger_ns() - wait for late packets of an ended connection, before it is reported */
int64_t linger_ns(const struct options *options);

/** linger_limit() - limit of kept ended connections; 0: all */
size_t linger_limit(const struct options *options);

#endif
