// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options.h"

#include <stddef.h>
#include <string.h>

#include "base/table.h"

/* --help, from the same table as all other code for options. */

enum options_group {
	WHOM,
	WIRE,
	WHICH,
	STOP,
	WHAT,
	HOW,
	SERVICES,
	KEEP,
	ABOUT,
	GROUP_NUM
};

static const char *const group_titles[] = {
	[WHOM] = "Processes",
	[WIRE] = "Packets",
	[WHICH] = "Which connections",
	[STOP] = "When to stop",
	[WHAT] = "Reports and events",
	[HOW] = "Output",
	[SERVICES] = "Services",
	[KEEP] = "Record and replay",
	[ABOUT] = "About",
};

TABLE_COVERS(group_titles, GROUP_NUM);

/* The text of --help for a line of options.def. */
struct option_help {
	int letter;
	const char *name;
	const char *argument;
	enum options_group group;
	const char *help;
	const char *fallback;
};

#define OPTION(letter, name, argument, group, how, help, fallback) {letter, name, argument, group, help, fallback},

static const struct option_help options[] = {
#include "cli/options.def"
};

/** First column of the texts of --help, and the end of its lines. */
#define HELP_COLUMN 28
#define HELP_WIDTH 80

/* @text from column @column on, later lines from HELP_COLUMN on. */
static void print_wrapped(FILE *to, const char *text, int column)
{
	for (const char *word = text; *word != '\0';) {
		int length = (int)strcspn(word, " ");

		if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
			fputc('\n', to);
			column = 0;
		}
		if (column < HELP_COLUMN)
			column += fprintf(to, "%*s", HELP_COLUMN - column, "");
		else if (word != text)
			column += fprintf(to, " ");
		column += fprintf(to, "%.*s", length, word);
		word += length;
		word += strspn(word, " ");
	}
	fputc('\n', to);
}

static void print_option(FILE *to, const struct option_help *def)
{
	char help[256];
	int column = 0;

	if (def->letter != 0)
		column += fprintf(to, "  -%c", def->letter);
	else
		column += fprintf(to, "    ");
	if (def->name != NULL) {
		column += fprintf(to, "%s --%s", def->letter != 0 ? "," : " ", def->name);
		if (def->argument != NULL)
			column += fprintf(to, def->argument[0] == '[' ? "[=%s" : "=%s",
					  def->argument + (def->argument[0] == '['));
	} else if (def->argument != NULL) {
		column += fprintf(to, " %s", def->argument);
	}
	if (column > HELP_COLUMN - 2) {
		fputc('\n', to);
		column = 0;
	}
	snprintf(help, sizeof(help), def->fallback != NULL ? "%s (default %s)" : "%s", def->help, def->fallback);
	print_wrapped(to, help, column);
}

void options_help(FILE *to)
{
	fputs("Usage: conntrace [OPTION...] -p PID[,PID...] [PID...]   attach\n"
	      "       conntrace [OPTION...] [--] COMMAND [ARG...]      launch\n"
	      "       conntrace [OPTION...] -i IFACE [FILTER...]       the host, on the wire\n"
	      "       conntrace [OPTION...] -r FILE [FILTER...]        a savefile\n"
	      "\n"
	      "Shows the TCP connections of processes: the result of each attempt, how long it\n"
	      "waited and where, how many bytes it moved and how it ended.\n",
	      to);
	for (unsigned int group = 0; group < GROUP_NUM; group++) {
		fprintf(to, "\n%s:\n", group_titles[group]);
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
			if (options[i].group == group)
				print_option(to, &options[i]);
	}
	fputs("\n-i together with -p or -- COMMAND joins packets to the traced processes'\n"
	      "connections. What was not seen is printed as -, never as 0. See conntrace(1).\n",
	      to);
}
