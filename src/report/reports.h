/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_REPORTS_H
#define CONNTRACE_REPORT_REPORTS_H

#include "report/rows/report.h"

/** The kinds of reports, in the order in which messages name them; report_NAME is defined in the file of each. */
#define REPORTS(REPORT)   \
	REPORT(peers)     \
	REPORT(conns)     \
	REPORT(groups)    \
	REPORT(http_tree) \
	REPORT(tls_tree)  \
	REPORT(io_stat)   \
	REPORT(histogram) \
	REPORT(events)    \
	REPORT(messages)

#define REPORTS_DECLARE(name) extern const struct report_ops report_##name;
REPORTS(REPORTS_DECLARE)

/** REPORT_OPTIONS_DEFAULT - the options when none is given */
#define REPORT_OPTIONS_DEFAULT                                                                                  \
	{                                                                                                       \
		.reports = {{&report_peers, NULL}}, .report_count = 1, .start_ns = CONN_UNKNOWN, .header = true \
	}

/**
 * reports_parse() - an operand of --report: "peers", "conns" (alias "conv,tcp"), "histogram,HS_MS", ...
 * @choice: set on success; its spec is to be freed by free(3)
 * @text: the operand
 * @filters: gets the packet filters of the report
 * @err: says which word is wrong and what is allowed
 *
 * Return: 0 or -EINVAL.
 */
int reports_parse(struct report_choice *choice, const char *text, struct io_filters *filters, struct err *err);

/** reports_each() - the kinds of reports: @i from 0 on; NULL after the last one */
const struct report_ops *reports_each(size_t i);

#endif
