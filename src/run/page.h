/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONNTRACE_RUN_PAGE_H
#define CONNTRACE_RUN_PAGE_H

#include "cli/options.h"
#include "run/output.h"
#include "report/rows/summary.h"

/** struct page - the file of --html */
struct page;

/** page_open() - @page is set on success, to NULL without --html; Return: 0, or a negative errno with @err */
int page_open(struct page **page, const struct options *options, struct err *err);

/**
 * page_save() - replace the file by the data of the last output_print(); the old or the new one is there, complete
 * @page: NULL does nothing
 * @summary: of the run so far
 *
 * Return: 0, or a negative errno with the message in @err.
 */
int page_save(struct page *page, struct output *output, const struct summary *summary, struct err *err);

/** page_has_failed() - whether the last page_save() failed; false for NULL */
bool page_has_failed(const struct page *page);

/** page_close() - the file stays; NULL is fine */
void page_close(struct page *page);

#endif
