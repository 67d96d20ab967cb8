// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/process_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/xalloc.h"

/* The kernel cuts a name there (TASK_COMM_LEN). */
#define COMM_LENGTH (sizeof(((struct process *)NULL)->comm) - 1)

/* As systemctl(1), a name without a type is that of a service. */
static char *unit_name(const char *word)
{
	return xasprintf("%s%s", word, strchr(word, '.') == NULL ? ".service" : "");
}

int process_choice_add(struct process_choice *choice, enum choice_kind kind, const char *word, struct err *err)
{
	size_t length = strlen(word);
	char *kept;

	if (length == 0)
		return err_set(err, EINVAL, "an empty name chooses nothing");
	if (kind == CHOICE_CGROUP && word[0] != '/')
		return err_set(err, EINVAL, ERR_QUOTED " is not the path of a control group; it begins with /", word);
	kept = kind == CHOICE_UNIT ? unit_name(word) : xstrdup(word);
	if (kind == CHOICE_COMM && length > COMM_LENGTH)
		kept[COMM_LENGTH] = '\0';
	while (kind == CHOICE_CGROUP && length > 1 && kept[length - 1] == '/')
		kept[--length] = '\0';
	choice->words[kind] = array_extend(choice->words[kind], choice->counts[kind], sizeof(char *));
	choice->words[kind][choice->counts[kind]++] = kept;
	return 0;
}

bool process_choice_is_empty(const struct process_choice *choice)
{
	for (unsigned int kind = 0; kind < CHOICE_NUM; kind++)
		if (choice->counts[kind] > 0)
			return false;
	return true;
}

bool process_choice_needs_cgroup(const struct process_choice *choice)
{
	return choice->counts[CHOICE_UNIT] + choice->counts[CHOICE_CGROUP] + choice->counts[CHOICE_CONTAINER] > 0;
}

static bool is_below(const char *path, const char *above)
{
	size_t length = strlen(above);

	return strcmp(above, "/") == 0 ||
	       (strncmp(path, above, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}

/* Of an identifier the first digits are kept (cgroup_container()); the path has all of them. */
static bool is_container(const struct process *process, const char *word)
{
	if (process->container == NULL)
		return false;
	if (strncmp(process->container, word, strlen(word)) == 0)
		return true;
	return strncmp(word, process->container, strlen(process->container)) == 0 &&
	       strstr(process->cgroup, word) != NULL;
}

static bool matches(enum choice_kind kind, const char *word, const struct process *process)
{
	switch (kind) {
	case CHOICE_COMM:
		return strcmp(process->comm, word) == 0;
	case CHOICE_UNIT:
		return process->unit != NULL && strcmp(process->unit, word) == 0;
	case CHOICE_CGROUP:
		return is_below(process->cgroup, word);
	default:
		return is_container(process, word);
	}
}

static bool is_known(enum choice_kind kind, const struct process *process)
{
	return process != NULL && (kind == CHOICE_COMM ? process->comm[0] != '\0' : process->cgroup != NULL);
}

enum choice_result process_choice_match(const struct process_choice *choice, const struct process *process)
{
	enum choice_result result = CHOICE_YES;

	for (unsigned int kind = 0; kind < CHOICE_NUM; kind++) {
		bool any = choice->counts[kind] == 0;

		if (!any && !is_known(kind, process)) {
			result = CHOICE_UNKNOWN;
			continue;
		}
		for (size_t i = 0; i < choice->counts[kind] && !any; i++)
			any = matches(kind, choice->words[kind][i], process);
		if (!any)
			return CHOICE_NO;
	}
	return result;
}

void process_choice_free(struct process_choice *choice)
{
	for (unsigned int kind = 0; kind < CHOICE_NUM; kind++) {
		for (size_t i = 0; i < choice->counts[kind]; i++)
			free(choice->words[kind][i]);
		free(choice->words[kind]);
	}
	memset(choice, 0, sizeof(*choice));
}
