/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_NAMES_H
#define CONNTRACE_REPORT_ROWS_NAMES_H

#include <sys/types.h>

#include "report/rows/top_names.h"
#include "track/groups.h"

/**
 * struct names - names of users, hosts, services and groups, each queried once
 *
 * At most NAMES_MAX are kept, and strings stay valid until names_free(); later
 * ones have no name. Each of these name services may be a server that does not
 * answer, so all are queried in the background (top_names.h). In the whole run,
 * for all reports together, answers of each of the three are waited for three
 * seconds, plus a tenth of the time that has passed. An address or user without
 * a name by then is shown by number in this report.
 */
struct names;

#define NAMES_MAX 8192U

/** names_new() - an empty set */
struct names *names_new(void);

/** names_free() - NULL is allowed */
void names_free(struct names *names);

/** names_user() - the user's name; NULL when it has none, when no answer came in time, and for -1 */
const char *names_user(struct names *names, uid_t uid);

/**
 * names_host() - the host's name, as names_user(); bytes from the network
 *
 * A name requested by names_ask() may be known already.
 */
const char *names_host(struct names *names, const struct endpoint *endpoint);

/** names_ask() - query the name of a host in the background, for later use */
void names_ask(const struct endpoint *endpoint);

/** names_tell() - report on standard error how many answers were not waited for, and which names were too many */
void names_tell(void);

/** names_never_wait() - show missing names by number; the next struct names may have them (for a screen) */
void names_never_wait(struct names *names);

/** names_know_groups() - set the groups; borrowed */
void names_know_groups(struct names *names, struct groups *groups);

/** names_groups() - the groups a connection is in, comma separated; NULL when it is in none */
const char *names_groups(struct names *names, const struct conn *conn);

/** names_group() - name of the group whose number plus one is @group, NULL for 0 */
const char *names_group(const struct names *names, unsigned int group);

/** names_set_slice() - set the start of the slice that is reported */
void names_set_slice(struct names *names, int64_t start_ns);

/** names_slice() - start of the slice; CONN_UNKNOWN when the run has no slices */
int64_t names_slice(const struct names *names);

/** names_service() - the service of a TCP port (services(5)), NULL when it has none */
const char *names_service(struct names *names, uint16_t port);

#endif
