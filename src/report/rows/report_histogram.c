// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "base/xalloc.h"
#include "report/rows/histogram.h"
#include "report/rows/report_peers.h"

static int parse_spec(void *spec, const char *text, struct io_filters *filters, struct err *err)
{
	(void)filters;
	return histogram_parse(spec, text + (text[0] == ','), err);
}

static const char *title_of(const void *spec)
{
	return histogram_name(spec);
}

static const char *keys_of(const void *spec)
{
	return ((const struct histogram_spec *)spec)->by;
}

/* One group after another; the rows of a group stay in the order of the quantity. */
static void print_histograms(struct report *report, struct peers *peers)
{
	const struct histogram_spec *spec = report->spec;
	size_t groups = peers_count(peers) + (peers_rest(peers) != NULL);
	size_t *counts = xcalloc(groups + 1, sizeof(*counts));
	struct histogram_bin **bins = xcalloc(groups + 1, sizeof(*bins));
	struct report_rows rows = {0};

	for (size_t i = 0; i < groups; i++) {
		struct peers_group *group = report_peers_group(peers, i);

		bins[i] = histogram_bins(group, spec->spread, &counts[i]);
		for (size_t j = 0; j < counts[i]; j++)
			report_rows_add(&rows, (struct row){.group = group, .bin = &bins[i][j]});
	}
	report_rows_print(report, &rows);
	for (size_t i = 0; i < groups; i++)
		free(bins[i]);
	free(bins);
	free(counts);
}

static void open_histogram(struct report *report, const struct report_options *options)
{
	struct peers_report *own = (struct peers_report *)report;

	(void)options;
	own->print = print_histograms;
	report_peers_open(own);
}

const struct report_ops report_histogram = {
	.name = "histogram",
	.help = "histogram,COLUMN",
	.size = sizeof(struct peers_report),
	.spec_size = sizeof(struct histogram_spec),
	.columns = histogram_columns,
	.has_keys = true,
	.is_sliced = true,
	.parse = parse_spec,
	.title = title_of,
	.keys = keys_of,
	.open = open_histogram,
	.finished = report_peers_finished,
	.print = report_peers_print,
	.slice = report_peers_slice,
	.partial = report_peers_partial,
	.close = report_peers_close,
};
