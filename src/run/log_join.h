/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_LOG_JOIN_H
#define CONNTRACE_RUN_LOG_JOIN_H

#include "base/text.h"
#include "track/tracker.h"

/** log_join_explain() - how a log of audit was joined to packets; nothing is added when there was none to join */
void log_join_explain(struct text *text, const struct tracker *tracker);

#endif
