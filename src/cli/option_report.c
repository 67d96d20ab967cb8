// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/option_report.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "cli/options.h"
#include "report/export/metrics.h"
#include "report/reports.h"

int option_report_add(struct options *options, const char *word, struct err *err)
{
	struct report_choice report;
	int error = reports_parse(&report, word, &options->io_filters, err);

	if (error != 0)
		return error;
	for (size_t i = 0; report.spec == NULL && i < options->report_count; i++)
		if (options->reports[i].ops == report.ops)
			return 0;
	if (options->report_count == REPORT_MOST) {
		free(report.spec);
		return err_set(err, EINVAL, "--report " ERR_QUOTED " is one too many; %d are allowed", word,
			       REPORT_MOST);
	}
	options->reports[options->report_count++] = report;
	return 0;
}

int option_report_null(struct options *options, const char *option, const char *word, struct err *err)
{
	for (const char *byte = word; *byte != '\0'; byte++)
		if (iscntrl((unsigned char)*byte))
			return err_set(err, EINVAL,
				       "%s " ERR_QUOTED " is not allowed; it takes text without tabs and newlines",
				       option, word);
	options->null = word;
	return 0;
}

int option_report_expect(struct options *options, const char *option, const char *word, struct err *err)
{
	int rc;

	if (options->expect == NULL)
		options->expect = expect_rules_new();
	rc = word[0] == '@' ? expect_rules_read(options->expect, word + 1, err)
			    : expect_rules_add(options->expect, word, err);
	if (rc != 0)
		err_wrap(err, "%s", option);
	return rc == 0 ? 0 : -EINVAL;
}

int option_report_metrics(struct options *options, const char *option, const char *word, struct err *err)
{
	static const struct words_bit words[] = {{"program", METRICS_BY_PROGRAM}, {"unit", METRICS_BY_UNIT}, {NULL, 0}};

	return words_bits(&options->metrics_by, words, "program and unit", option, word, err);
}

/* Learned rules have the names and addresses that others are compared with. */
int option_report_check(const struct options *options, struct err *err)
{
	if (options->top && (options->expect != NULL || options->learn))
		return err_set(err, EINVAL, "--top has no place for the lines of --%s",
			       options->learn ? "learn" : "expect");
	if (options->learn && options->redact != 0)
		return err_set(err, EINVAL, "--learn cannot go with --redact: its rules would permit nothing");
	return 0;
}

void option_report_settle(struct options *options)
{
	const struct report_ops *first = NULL;

	if (options->events)
		first = options->messages ? &report_messages : &report_events;
	else if (options_has_default(options))
		first = &report_peers;
	if (first == NULL)
		return;
	memmove(&options->reports[1], &options->reports[0], options->report_count * sizeof(options->reports[0]));
	options->reports[0] = (struct report_choice){first, NULL};
	options->report_count++;
}

int option_report_events(struct options *options, const char *word, struct err *err)
{
	static const char messages[] = "messages";
	bool begins = word != NULL && strncmp(word, messages, sizeof(messages) - 1) == 0;
	const char *names = begins ? word + sizeof(messages) - 1 : "?";

	options->events = true;
	options->handshakes = word != NULL && strcmp(word, "handshakes") == 0;
	options->messages = names[0] == '\0' || names[0] == ':';
	options->message_names.count = 0;
	if (word != NULL && !options->handshakes && !options->messages)
		return err_set(err, EINVAL,
			       "--events does not know " ERR_QUOTED
			       "; allowed are handshakes, messages[:FIELD...], or nothing",
			       word);
	return names[0] == ':' ? message_names_parse(&options->message_names, names + 1, err) : 0;
}
