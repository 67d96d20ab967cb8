/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_ROWS_COMMUNITY_ID_H
#define CONNTRACE_REPORT_ROWS_COMMUNITY_ID_H

#include "model/flow.h"

/** Room for a community id: "1:", 28 digits of base64, NUL. */
#define COMMUNITY_ID_TEXT 32

/**
 * community_id() - the Community ID flow hash, version 1, seed 0
 * @flow: a complete flow; both directions give the same id
 * @text: set on success only
 *
 * Zeek, Suricata, Wireshark and others compute the same text for the same
 * connection, so their records and ours can be joined by it.
 *
 * Return: @text, or NULL when the flow is not complete.
 */
const char *community_id(const struct flow *flow, char text[COMMUNITY_ID_TEXT]);

#endif
