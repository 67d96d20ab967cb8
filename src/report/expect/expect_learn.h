/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_EXPECT_EXPECT_LEARN_H
#define CONNTRACE_REPORT_EXPECT_EXPECT_LEARN_H

#include "model/conn.h"

/** struct expect_learn - rules made of connections */
struct expect_learn;

/** expect_learn_new() - of no connection */
struct expect_learn *expect_learn_new(void);

/** expect_learn_conn() - a connection that the rules are to permit */
void expect_learn_conn(struct expect_learn *learn, const struct conn *conn);

/** expect_learn_each() - each rule, in an order that does not depend on that of the connections; comments begin with
 * "#" */
void expect_learn_each(struct expect_learn *learn, void (*sink)(void *context, const char *rule), void *context);

/** expect_learn_free() - NULL is fine */
void expect_learn_free(struct expect_learn *learn);

#endif
