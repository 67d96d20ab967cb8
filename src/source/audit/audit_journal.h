/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_SOURCE_AUDIT_AUDIT_JOURNAL_H
#define CONNTRACE_SOURCE_AUDIT_AUDIT_JOURNAL_H

#include "base/span.h"
#include "base/text.h"

/**
 * audit_journal_line() - the record in a line of journalctl -o json
 * @text: a line of a log in any form
 * @to: room for the record
 *
 * systemd-journald takes records from audit itself. It keeps type, time and number in fields of their own, and the rest
 * as the message.
 *
 * Return: the record as auditd(8) writes it, or the message of an entry that is of another origin, borrowed from @to;
 * @text when it is no such line.
 */
struct span audit_journal_line(struct span text, struct text *to);

#endif
