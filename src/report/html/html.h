/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_REPORT_HTML_HTML_H
#define CONNTRACE_REPORT_HTML_HTML_H

#include "base/text.h"
#include "model/conn.h"
#include "report/rows/report.h"
#include "report/rows/summary.h"
#include "track/groups.h"
#include "track/timeline.h"

/*
 * --html: a run as one page. It needs neither network nor other files: script and style are constants of the program
 * (page.js, page.css), data are JSON in an element that is not executed, and the policy of the page permits nothing
 * else.
 */

/** Memory of all time lines when no ladder is drawn: the page has few of them. */
#define HTML_TIMELINE_BYTES ((size_t)12 << 20)

/** struct html - what the page will show */
struct html;

/**
 * struct html_run - what is known of the run when the page is written
 * @title: NULL for the default
 * @command: command line as text, may be cut; NULL unknown
 * @version: of this program
 * @is_file: events come from a file: times of today are not those of the page
 * @summary: the accounts
 */
struct html_run {
	const char *title;
	const char *command;
	const char *version;
	bool is_file;
	struct summary summary;
};

/** html_new() - an empty page; @groups are those of --group, NULL none, and must outlive it */
struct html *html_new(struct groups *groups);

/** html_free() - NULL is fine */
void html_free(struct html *html);

/** html_entry() - something happened on a connection */
void html_entry(struct html *html, const struct conn *conn, const struct timeline_entry *entry);

/** html_finished() - a connection has ended; called once for each; NULL does nothing */
void html_finished(struct html *html, const struct conn *conn);

/** html_forget() - a connection has ended that the page does not show; NULL does nothing */
void html_forget(struct html *html, uint64_t id);

/**
 * html_collect() - prepare the data: of all that have ended, and of the open ones
 * @next_open: gives these, as for report_print()
 */
void html_collect(struct html *html, report_next *next_open, void *context);

/** html_write() - append the page with the data of the last html_collect() */
void html_write(struct html *html, const struct html_run *run, struct text *page);

#endif
