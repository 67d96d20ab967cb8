// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/xalloc.h"

static const struct report_ops *const kinds[] = {
#define REPORTS_ADDRESS(name) &report_##name,
	REPORTS(REPORTS_ADDRESS)};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct report_ops *reports_each(size_t i)
{
	return i < KINDS ? kinds[i] : NULL;
}

/* Return: true when @text is the name of a kind or, if the kind has a spec, the name and what follows it. */
static bool is_named(const struct report_ops *ops, const char *text)
{
	size_t length = strlen(ops->name);

	if (ops->help == NULL)
		return false;
	if (strcmp(ops->name, text) == 0 || (ops->alias != NULL && strcmp(ops->alias, text) == 0))
		return true;
	return ops->spec_size > 0 && strncmp(ops->name, text, length) == 0 && text[length] == ',';
}

static int refuse(const char *text, struct err *err)
{
	struct text allowed = {0};
	size_t last = 0;
	int ret;

	for (size_t i = 0; i < KINDS; i++)
		last = kinds[i]->help != NULL ? i : last;
	for (size_t i = 0; i <= last; i++) {
		if (kinds[i]->help == NULL)
			continue;
		text_add(&allowed, i == 0 ? "" : i < last ? ", " : " and ");
		text_add(&allowed, kinds[i]->help);
	}
	ret = err_set(err, EINVAL, "--report does not know " ERR_QUOTED "; allowed are %s%s", text, allowed.data,
		      strchr(text, ',') != NULL ? "; each report needs its own --report" : "");
	text_free(&allowed);
	return ret;
}

int reports_parse(struct report_choice *choice, const char *text, struct io_filters *filters, struct err *err)
{
	struct report_choice parsed = {NULL, NULL};
	int ret;

	for (size_t i = 0; i < KINDS && parsed.ops == NULL; i++)
		if (is_named(kinds[i], text))
			parsed.ops = kinds[i];
	if (parsed.ops == NULL)
		return refuse(text, err);
	if (parsed.ops->spec_size > 0) {
		parsed.spec = xcalloc(1, parsed.ops->spec_size);
		ret = parsed.ops->parse(parsed.spec, text + strlen(parsed.ops->name), filters, err);
		if (ret != 0) {
			free(parsed.spec);
			return ret;
		}
	}
	*choice = parsed;
	return 0;
}
