/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPECT_EXPECT_RULES_H
#define CONNTRACE_REPORT_EXPECT_EXPECT_RULES_H

#include <stddef.h>

#include "base/err.h"
#include "model/conn.h"

/*
 * What is expected of connections (--expect), as sentences that are separated by semicolons or lines:
 *
 *     rule   = [ "no" [ "other" ] ] [ "in" | "out" ] { clause } [ result ]
 *     clause = "to" places | "from" places | "on" ports | "by" name
 *     places = place { "," place }
 *     place  = ( ADDRESS [ "/" BITS ] | "*" ) [ ":" PORT [ "-" PORT ] ]
 *     ports  = PORT [ "-" PORT ] { "," PORT [ "-" PORT ] }
 *     result = "ok" | "fail" | "refused" | "reset" | "timeout" | "unreach" | "abort" | "error"
 *
 * Without "no" a rule permits connections, with this result if it has one. With "no" it forbids them. "no other"
 * forbids those to which no permitting rule applies.
 */

/** struct expect_rules - the rules of a run */
struct expect_rules;

/** enum expect_outcome - what rules say about a connection */
enum expect_outcome {
	EXPECT_KEPT,
	EXPECT_BROKEN,
	/** it depends on a value that is not known */
	EXPECT_UNPROVEN
};

/** expect_rules_new() - no rules */
struct expect_rules *expect_rules_new(void);

/**
 * expect_rules_add() - add the rules of a text
 * @text: "#" begins a comment, which ends with the line
 * @err: quotes the rule that is wrong
 *
 * Return: 0, or -EINVAL: a rule is wrong, there are too many, or none.
 */
int expect_rules_add(struct expect_rules *rules, const char *text, struct err *err);

/**
 * expect_rules_read() - add the rules of a file
 * @path: its name; stays the caller's, and is kept
 *
 * Return: 0, -EINVAL, or a negative errno of reading it.
 */
int expect_rules_read(struct expect_rules *rules, const char *path, struct err *err);

/** expect_rules_file() - the name of a file that was read, also for @rules NULL; NULL: there are no more */
const char *expect_rules_file(const struct expect_rules *rules, size_t index);

/** expect_rules_judge() - @rule is set to the rule unless it is kept; valid as long as @rules */
enum expect_outcome expect_rules_judge(const struct expect_rules *rules, const struct conn *conn, const char **rule);

/** expect_rules_free() - NULL is fine */
void expect_rules_free(struct expect_rules *rules);

#endif
