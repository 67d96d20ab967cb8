/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_RULES_STATUS_H
#define CONNTRACE_RUN_RULES_STATUS_H

#include "base/text.h"
#include "cli/options.h"
#include "report/rows/summary.h"

/** RULES_STATUS_BROKEN - the exit status of a run whose connections break a rule of --expect */
#define RULES_STATUS_BROKEN 3

/**
 * rules_status() - what a run proves about the rules of --expect
 * @options: of the run
 * @summary: of the whole run
 * @why: gets a sentence when something was not observed that could break a rule
 *
 * Return: an exit status: 0, RULES_STATUS_BROKEN, or 1: not proven.
 */
int rules_status(const struct options *options, const struct summary *summary, struct text *why);

#endif
