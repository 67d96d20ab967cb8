// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/histogram.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/table.h"
#include "base/xalloc.h"

/* From below a microsecond to about 290 years. */
#define BINS 64
/* Longest bar. */
#define BAR_MOST 40

#define PREFIX "histogram,"

static const char *const spread_names[] = {
	[PEERS_HS] = PREFIX "HS_MS",       [PEERS_QUEUE] = PREFIX "QUEUE_MS",     [PEERS_RTT] = PREFIX "RTT_MS",
	[PEERS_FIRST] = PREFIX "FIRST_MS", [PEERS_CONNECT] = PREFIX "CONNECT_MS", [PEERS_TLS] = PREFIX "TLS_MS"};

TABLE_COVERS(spread_names, PEERS_SPREAD_NUM);

const char *histogram_name(const struct histogram_spec *spec)
{
	return spread_names[spec->spread];
}

int histogram_parse(struct histogram_spec *spec, const char *text, struct err *err)
{
	size_t length = strcspn(text, ",");
	const char *by = text[length] == ',' ? text + length + 1 : "";
	struct peers_keys keys;

	if (length == 0)
		return err_set(err, EINVAL,
			       "--report=histogram lacks the column: HS_MS, QUEUE_MS, RTT_MS, FIRST_MS, CONNECT_MS or "
			       "TLS_MS, as in "
			       "-z histogram,HS_MS");
	for (unsigned int spread = 0; spread < PEERS_SPREAD_NUM; spread++) {
		const char *name = spread_names[spread] + strlen(PREFIX);

		if (strlen(name) != length || strncasecmp(name, text, length) != 0)
			continue;
		if (text[length] == ',' && peers_parse_keys(by, &keys, err) != 0)
			return err_wrap(err, "--report \"histogram,%.100s\"", text), -EINVAL;
		if (strlen(by) >= sizeof(spec->by))
			break;
		spec->spread = (enum peers_spread)spread;
		memcpy(spec->by, by, strlen(by) + 1);
		return 0;
	}
	return err_set(err, EINVAL,
		       "--report \"histogram,%.100s\" is not allowed; it takes HS_MS, QUEUE_MS, RTT_MS, FIRST_MS, "
		       "CONNECT_MS or TLS_MS, then "
		       "keys as for --by",
		       text);
}

/* Bin 0 is below a microsecond, 1 begins at one, 2 at two, 3 at four, and so on. */
static unsigned int bin_of(int64_t value_ns)
{
	uint64_t us = (uint64_t)(value_ns / CLOCK_NS_PER_US);

	return us > 0 ? 64 - (unsigned int)__builtin_clzll(us) : 0;
}

static int64_t begin_of(unsigned int bin)
{
	uint64_t us = bin > 0 ? UINT64_C(1) << (bin - 1) : 0;

	return us < INT64_MAX / CLOCK_NS_PER_US ? (int64_t)us * CLOCK_NS_PER_US : INT64_MAX;
}

static void count_value(void *context, int64_t value, uint64_t count)
{
	uint64_t *counts = context;

	counts[bin_of(value)] += count;
}

struct histogram_bin *histogram_bins(struct peers_group *group, enum peers_spread spread, size_t *count)
{
	uint64_t counts[BINS + 1] = {0}, unknown = group->spreads_unknown[spread], most = unknown;
	unsigned int first = 0, last = BINS;
	struct histogram_bin *bins;

	*count = 0;
	if (group->spreads[spread].count == 0 && unknown == 0)
		return NULL;
	distribution_each(&group->spreads[spread], count_value, counts);
	while (first <= last && counts[first] == 0)
		first++;
	while (last > first && counts[last] == 0)
		last--;
	for (unsigned int i = first; i <= last; i++)
		most = counts[i] > most ? counts[i] : most;
	bins = xcalloc(BINS + 2, sizeof(*bins));
	if (unknown > 0)
		bins[(*count)++] = (struct histogram_bin){group, CONN_UNKNOWN, CONN_UNKNOWN, unknown, most};
	for (unsigned int i = first; i <= last; i++)
		bins[(*count)++] = (struct histogram_bin){group, begin_of(i), begin_of(i + 1), counts[i], most};
	return bins;
}

/* ---- columns ------------------------------------------------------------------------- */

static void get_from(const struct row *row, struct names *names, struct value *value)
{
	(void)names;
	value->number = row->bin->from_ns;
	value->known = value->number >= 0;
}

static void get_to(const struct row *row, struct names *names, struct value *value)
{
	(void)names;
	value->number = row->bin->to_ns;
	value->known = value->number >= 0;
}

static void get_count(const struct row *row, struct names *names, struct value *value)
{
	(void)names;
	value->known = true;
	value->number = (int64_t)row->bin->count;
}

static void get_slice(const struct row *row, struct names *names, struct value *value)
{
	(void)row;
	value->number = names_slice(names);
	value->known = value->number >= 0;
}

static void get_bar(const struct row *row, struct names *names, struct value *value)
{
	const struct histogram_bin *bin = row->bin;
	/* Rounded, but a count above 0 gets a bar. */
	size_t length = (size_t)((double)bin->count * BAR_MOST / (double)bin->most + 0.5);

	_Static_assert(BAR_MOST < sizeof(value->buffer), "there is room for it");
	(void)names;
	if (length == 0 && bin->count > 0)
		length = 1;
	memset(value->buffer, '#', length);
	value->buffer[length] = '\0';
	value->known = true;
	/* A count of 0 is known, and a field is never empty. */
	value->text = length > 0 ? value->buffer : ".";
}

const struct column *histogram_columns(size_t *count)
{
	static const struct column columns[] = {
		{"FROM_MS", COLUMN_MS, "ms", "smallest value in this row", get_from, 0},
		{"TO_MS", COLUMN_MS, "ms", "smallest value above this row", get_to, 0},
		{"COUNT", COLUMN_COUNT, "connections", "number of connections", get_count, 0},
		{"BAR", COLUMN_TEXT, "", "count relative to the fullest row", get_bar, 0},
		{"SLICE", COLUMN_TIME, "s", "with -I: start of the row's interval", get_slice, 0},
	};

	*count = sizeof(columns) / sizeof(columns[0]);
	return columns;
}
