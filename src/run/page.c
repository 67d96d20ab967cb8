// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config.h"
#include "report/export/metrics_file.h"
#include "report/html/html.h"

#define COMMAND_MAX 512

struct page {
	const struct options *options;
	struct metrics_file *file;
	char command[COMMAND_MAX];
	bool failed;
};

/* The words of the own command line, except for --html=FILE, so that the name of the page does not change it. */
static void read_command(char command[COMMAND_MAX])
{
	char words[COMMAND_MAX];
	FILE *file = fopen("/proc/self/cmdline", "re");
	size_t length = file != NULL ? fread(words, 1, sizeof(words) - 1, file) : 0, used = 0;
	bool skips = false;

	if (file != NULL)
		fclose(file);
	words[length] = '\0';
	for (const char *word = words; word < words + length; word += strlen(word) + 1) {
		const char *slash = strrchr(word, '/'), *shown = word == words && slash != NULL ? slash + 1 : word;
		bool is_html = strncmp(word, "--html=", 7) == 0;

		if (!is_html && !skips)
			used += (size_t)snprintf(command + used, used < COMMAND_MAX ? COMMAND_MAX - used : 0, "%s%s",
						 used > 0 ? " " : "", shown);
		if (used >= COMMAND_MAX)
			used = COMMAND_MAX - 1;
		skips = strcmp(word, "--html") == 0;
		if (skips && used >= 7)
			command[used -= 7] = '\0';
	}
}

int page_open(struct page **opened, const struct options *options, struct err *err)
{
	struct page *page;
	int rc;

	*opened = NULL;
	if (options->html == NULL)
		return 0;
	page = xcalloc(1, sizeof(*page));
	page->options = options;
	rc = metrics_file_open(&page->file, options->html, "the page", 0600, err);
	if (rc != 0) {
		free(page);
		return rc;
	}
	read_command(page->command);
	*opened = page;
	return 0;
}

int page_save(struct page *page, struct output *output, const struct summary *summary, struct err *err)
{
	struct html_run run;
	struct text text = {0};
	int rc;

	if (page == NULL)
		return 0;
	run = (struct html_run){
		.title = page->options->html_title,
		.command = page->command,
		.version = PACKAGE_VERSION,
		.is_file = options_is_file(page->options),
		.summary = *summary,
	};
	html_write(output_html(output), &run, &text);
	rc = metrics_file_save(page->file, &text, err);
	text_free(&text);
	page->failed = rc != 0;
	return rc;
}

bool page_has_failed(const struct page *page)
{
	return page != NULL && page->failed;
}

void page_close(struct page *page)
{
	if (page == NULL)
		return;
	metrics_file_close(page->file);
	free(page);
}
