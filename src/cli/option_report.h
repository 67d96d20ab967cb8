/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_CLI_OPTION_REPORT_H
#define CONNTRACE_CLI_OPTION_REPORT_H

#include "base/err.h"

struct options;

/** option_report_add() - an operand of --report; Return: 0, or -EINVAL with the reason in @err */
int option_report_add(struct options *options, const char *word, struct err *err);

/** option_report_null() - --null: text without control characters; @option: its name in the message */
int option_report_null(struct options *options, const char *option, const char *word, struct err *err);

/** option_report_events() - the operand of --events, NULL none; returns as option_report_add() */
int option_report_events(struct options *options, const char *word, struct err *err);

/** option_report_expect() - --expect: rules, or those of @FILE; Return: 0, or -EINVAL with the reason in @err */
int option_report_expect(struct options *options, const char *option, const char *word, struct err *err);

/** option_report_metrics() - --metrics-by: enum metrics_by; Return: 0, or -EINVAL with the reason in @err */
int option_report_metrics(struct options *options, const char *option, const char *word, struct err *err);

/** option_report_check() - whether --expect and --learn have a place for their lines; Return: 0 or -EINVAL */
int option_report_check(const struct options *options, struct err *err);

/** option_report_settle() - after all options: the report of --events comes first, and peers is the default */
void option_report_settle(struct options *options);

#endif
