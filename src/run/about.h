/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_ABOUT_H
#define CONNTRACE_RUN_ABOUT_H

#include <stdio.h>

#include "cli/options.h"

/* What conntrace tells about itself and about the machine it is on. */

/** about_check() - what works here with these privileges, and what is missing for the rest */
void about_check(FILE *to);

/** about_start() - what a run begins with, on standard error */
void about_start(const struct options *options);

#endif
