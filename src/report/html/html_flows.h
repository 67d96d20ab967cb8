/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_HTML_HTML_FLOWS_H
#define CONNTRACE_REPORT_HTML_HTML_FLOWS_H

#include "base/text.h"
#include "model/conn.h"
#include "track/timeline.h"

/* What the segments of open connections show beyond the columns: exchanges of payload, and points of a graph. */

/** struct html_flows - of all open connections, within limits */
struct html_flows;

/** struct html_flow - of one connection */
struct html_flow;

/** html_flows_new() - an empty one */
struct html_flows *html_flows_new(void);

/** html_flows_free() - free it */
void html_flows_free(struct html_flows *flows);

/** html_flows_entry() - something happened on a connection */
void html_flows_entry(struct html_flows *flows, const struct conn *conn, const struct timeline_entry *entry);

/** html_flows_find() - that of a connection; NULL there is none */
const struct html_flow *html_flows_find(const struct html_flows *flows, uint64_t id);

/** html_flows_end() - a connection has ended: drop it */
void html_flows_end(struct html_flows *flows, uint64_t id);

/** html_flows_untracked() - connections for which there was no room */
uint64_t html_flows_untracked(const struct html_flows *flows);

/** html_flow_points() - number of points of a graph; 0 for NULL */
size_t html_flow_points(const struct html_flow *flow);

/** html_flow_errors() - HTTP answers with a status of 500 or more; 0 for NULL */
uint32_t html_flow_errors(const struct html_flow *flow);

/**
 * html_flow_exchanges() - append requests and answers as JSON: [[first, last, first of the answer, last of it], ...]
 * @base_ns: times are microseconds since then
 */
void html_flow_exchanges(const struct html_flow *flow, int64_t base_ns, struct text *text);

/** html_flow_graph() - append the points as a JSON object */
void html_flow_graph(const struct html_flow *flow, uint64_t id, int64_t base_ns, struct text *text);

#endif
