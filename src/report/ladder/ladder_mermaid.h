/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_LADDER_LADDER_MERMAID_H
#define CONNTRACE_REPORT_LADDER_LADDER_MERMAID_H

#include "base/text.h"
#include "model/conn.h"
#include "track/timeline.h"

/** Least value of --ladder-chars: the participants, and a note about the rest. */
#define LADDER_MERMAID_LEAST 500

/**
 * ladder_mermaid() - append the time line of a connection as a sequence diagram of Mermaid, in a fence of Markdown
 * @timeline: folded; NULL there is none
 * @most: characters of the diagram at most, LADDER_MERMAID_LEAST at least: the least telling entries are folded first
 */
void ladder_mermaid(struct text *text, const struct conn *conn, const struct timeline *timeline, size_t most);

#endif
