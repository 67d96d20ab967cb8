/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_CAPABILITIES_H
#define CONNTRACE_RUN_CAPABILITIES_H

#include <stdio.h>

#include "cli/options.h"

/* What conntrace tells about itself and about the machine it is on. */

/** capabilities_check() - what works here with these privileges, and what is missing for the rest */
void capabilities_check(FILE *to);

/** capabilities_start() - what a run begins with, on standard error */
void capabilities_start(const struct options *options);

#endif
