/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPECT_EXPECT_H
#define CONNTRACE_REPORT_EXPECT_EXPECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/conn.h"
#include "report/expect/expect_rules.h"

/**
 * struct expect_options - of a check
 * @rules: what is expected, NULL nothing; the caller keeps them
 * @learns: print rules that all connections keep
 * @json: lines are objects
 * @out: for the lines; stays the caller's
 */
struct expect_options {
	const struct expect_rules *rules;
	bool learns;
	bool json;
	FILE *out;
};

/** struct expect - connections are compared with rules, or make rules */
struct expect;

/** expect_new() - @options is copied */
struct expect *expect_new(const struct expect_options *options);

/** expect_conn() - a connection is over, or still open at the end: print a line if it breaks a rule; NULL is fine */
void expect_conn(struct expect *expect, const struct conn *conn);

/** expect_finish() - print the rules that were learned; NULL is fine */
void expect_finish(struct expect *expect);

/** expect_broken() - connections that broke a rule; 0 for NULL */
uint64_t expect_broken(const struct expect *expect);

/** expect_unproven() - connections whose values are not known well enough to say; 0 for NULL */
uint64_t expect_unproven(const struct expect *expect);

/** expect_error() - Return: 0, or the negative errno of a failed write; 0 for NULL */
int expect_error(const struct expect *expect);

/** expect_free() - NULL is fine */
void expect_free(struct expect *expect);

#endif
