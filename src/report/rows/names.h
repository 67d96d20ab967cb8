/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_NAMES_H
#define CONNTRACE_REPORT_ROWS_NAMES_H

#include <sys/types.h>

#include "report/rows/top_names.h"
#include "track/groups.h"

/**
 * struct names - names of users, hosts, services and groups, each asked for once
 *
 * At most NAMES_MAX are remembered, and strings stay valid until names_free();
 * what comes after that has no name. Any of these name services may be a
 * server that does not answer, so all are asked in the background
 * (top_names.h). In the whole run, for all reports together, answers of each
 * of the three are waited for three seconds, and beyond that a tenth of the
 * time that has passed. What has no name by then keeps its number in this
 * report.
 */
struct names;

#define NAMES_MAX 8192U

/** names_new() - nothing known yet */
struct names *names_new(void);

/** names_free() - NULL is fine */
void names_free(struct names *names);

/** names_user() - the user's name; NULL when it has none, when no answer came in time, and for -1 */
const char *names_user(struct names *names, uid_t uid);

/**
 * names_host() - the host's name, as names_user(); bytes from the network
 *
 * Names that names_ask() has asked for may be there already.
 */
const char *names_host(struct names *names, const struct endpoint *endpoint);

/** names_ask() - the name of this host will be wanted: ask for it in the background */
void names_ask(const struct endpoint *endpoint);

/** names_tell() - say on standard error how many answers were not waited for, and of what there were too many */
void names_tell(void);

/** names_never_wait() - names that are not there yet come with the next struct names (for a screen) */
void names_never_wait(struct names *names);

/** names_know_groups() - these are the groups there are; borrowed */
void names_know_groups(struct names *names, struct groups *groups);

/** names_groups() - the groups a connection is in, comma separated; NULL when it is in none */
const char *names_groups(struct names *names, const struct conn *conn);

/** names_group() - of the group whose number plus one is @group, NULL for 0 */
const char *names_group(const struct names *names, unsigned int group);

/** names_set_slice() - the slice of the run that is reported begins at @start_ns */
void names_set_slice(struct names *names, int64_t start_ns);

/** names_slice() - when it begins; CONN_UNKNOWN when the run has no slices */
int64_t names_slice(const struct names *names);

/** names_service() - the service of a TCP port (services(5)), NULL when it has none */
const char *names_service(struct names *names, uint16_t port);

#endif
