/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_CAPABILITIES_H
#define CONNTRACE_RUN_CAPABILITIES_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/options.h"

/* Messages about conntrace and the machine it runs on. */

/**
 * capabilities_check() - print what works here with these privileges, and what the rest needs
 * @to: lines with "yes" or "no"
 * @options: how processes given by -p would be watched is printed too; capabilities_choose() is called then
 */
void capabilities_check(FILE *to, struct options *options);

/**
 * capabilities_choose() - replace OPTIONS_VIA_AUTO where BPF works here: for attached processes
 *
 * It is tried.
 */
void capabilities_choose(struct options *options);

/**
 * capabilities_choose_again() - take ptrace after a run that capabilities_choose() gave breakpoints could not have them
 * @options: set to what is taken now
 * @err: why session_open() failed
 *
 * Another program may have taken them meanwhile.
 *
 * Return: false when that was not the reason, or the user asked for breakpoints.
 */
bool capabilities_choose_again(struct options *options, const struct err *err);

/** capabilities_start() - print the first notice of a run on standard error */
void capabilities_start(const struct options *options);

#endif
