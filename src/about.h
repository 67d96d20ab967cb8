/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_ABOUT_H
#define CONNTRACE_ABOUT_H

#include <stdio.h>

/* What conntrace tells about itself and about the machine it is on. */

/** about_check() - what works here with these privileges, and what is missing for the rest */
void about_check(FILE *to);

#endif
