// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/words.h"
#include "base/xalloc.h"

static void append(struct selection *selection, const struct column *column, bool descending)
{
	selection->columns = array_extend(selection->columns, selection->count, sizeof(*selection->columns));
	selection->descending = array_extend(selection->descending, selection->count, sizeof(*selection->descending));
	selection->columns[selection->count] = column;
	selection->descending[selection->count++] = descending;
}

void select_append(struct selection *selection, const struct column *column)
{
	append(selection, column, false);
}

void select_free(struct selection *selection)
{
	free(selection->columns);
	free(selection->descending);
	*selection = (struct selection){0};
}

static bool contains(const struct selection *selection, const struct column *column)
{
	for (size_t i = 0; i < selection->count; i++)
		if (selection->columns[i] == column)
			return true;
	return false;
}

static const struct column *find(const struct selection *all, const char *word)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcasecmp(all->columns[i]->name, word) == 0)
			return all->columns[i];
	return NULL;
}

int select_keys(const struct report_choice *choice, const struct report_options *options, struct peers_keys *keys,
		struct err *err)
{
	const struct report_ops *ops = choice->ops;
	const char *by = options->by != NULL ? options->by : PEERS_KEYS_DEFAULT;

	*keys = (struct peers_keys){.count = 0};
	if (ops->keys != NULL)
		by = ops->keys(choice->spec);
	return ops->has_keys && by[0] != '\0' ? peers_parse_keys(by, keys, err) : 0;
}

/* Append the columns of the keys, which come first in a report of groups of connections. */
static void append_keys(struct selection *selection, const struct peers_keys *keys)
{
	for (unsigned int i = 0; i < keys->count; i++)
		append(selection, column_key(keys->key[i]), false);
}

/* All columns of a report, in the order of JSON; @slice: also the column of the slice, the last one. */
static void append_all(struct selection *selection, const struct report_ops *ops, const struct peers_keys *keys,
		       const struct report_options *options, bool slice)
{
	size_t count;
	const struct column *columns = ops->columns(&count);

	append_keys(selection, keys);
	for (size_t i = 0; i < count - !slice; i++)
		append(selection, &columns[i], false);
	for (size_t i = 0; ops->has_fields && i < options->message_names->count; i++)
		if (find(selection, options->fields->column[i].name) == NULL)
			append(selection, &options->fields->column[i], false);
	if (ops->more_columns == NULL)
		return;
	columns = ops->more_columns(&count);
	for (size_t i = 0; i < count; i++)
		if (find(selection, columns[i].name) == NULL)
			append(selection, &columns[i], false);
}

static int refuse(const struct selection *all, const char *option, const char *word, struct err *err)
{
	const struct column *nearest = NULL;
	unsigned int best = WORDS_FAR;

	for (size_t i = 0; i < all->count; i++) {
		unsigned int far = words_distance(word, all->columns[i]->name);

		if (far < best) {
			best = far;
			nearest = all->columns[i];
		}
	}
	if (nearest != NULL)
		return err_set(err, EINVAL,
			       "%s: no column " ERR_QUOTED " here; did you mean %s? --list-columns lists all", option,
			       word, nearest->name);
	return err_set(err, EINVAL, "%s: no column " ERR_QUOTED " here; --list-columns lists those of the report",
		       option, word);
}

static bool has_column(const struct report_choice *choice, const struct report_options *options, const char *word)
{
	struct selection all = {0};
	struct peers_keys keys;
	bool found;

	if (choice->ops->columns == NULL || select_keys(choice, options, &keys, NULL) != 0)
		return false;
	append_all(&all, choice->ops, &keys, options, true);
	found = find(&all, word) != NULL;
	select_free(&all);
	return found;
}

/* Return: 0 when another report of the run has the column; it applies to that one then. */
static int check_elsewhere(const struct selection *all, const struct report_options *options, const char *option,
			   const char *word, struct err *err)
{
	for (size_t i = 0; i < options->report_count; i++)
		if (has_column(&options->reports[i], options, word))
			return 0;
	return refuse(all, option, word, err);
}

/* The reasons of chosen connections, behind all others, so that columns read by number stay. */
static void append_why(struct selection *selection, const struct report_ops *ops)
{
	size_t count;
	const struct column *columns = ops->columns(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(columns[i].name, "WHY") == 0 && !contains(selection, &columns[i]))
			append(selection, &columns[i], false);
}

static void append_default(struct selection *selection, const struct selection *all, const struct report_ops *ops,
			   const struct peers_keys *keys, const struct report_options *options)
{
	struct words words = words_open(ops->defaults != NULL ? ops->defaults : "");
	const char *word;

	for (size_t i = 0; ops->defaults == NULL && i + 1 < all->count; i++)
		append(selection, all->columns[i], false);
	if (ops->defaults != NULL)
		append_keys(selection, keys);
	while (ops->defaults != NULL && (word = words_next(&words)) != NULL) {
		const struct column *column = find(all, word);

		if (column != NULL && !contains(selection, column))
			append(selection, column, false);
	}
	words_close(&words);
	if (options->why && ops->defaults != NULL && !ops->has_all)
		append_why(selection, ops);
	for (size_t i = 0; ops->has_fields && i < options->message_names->count; i++)
		if (!contains(selection, find(all, options->fields->column[i].name)))
			append(selection, find(all, options->fields->column[i].name), false);
}

int select_columns(const struct report_ops *ops, const struct peers_keys *keys, const struct report_options *options,
		   struct selection *selection, struct err *err)
{
	const char *text = options->columns;
	bool add = text != NULL && text[0] == '+';
	struct selection all = {0}, chosen = {0};
	struct words words = words_open(text != NULL ? text : "");
	const char *word;
	int ret = 0;

	append_all(&all, ops, keys, options, true);
	/* The known values of a connection differ from message to message. */
	if ((text == NULL || add) && options->format == REPORT_JSON && !ops->has_fields)
		append_all(&chosen, ops, keys, options, options->slices && ops->is_sliced);
	else if (text == NULL || add)
		append_default(&chosen, &all, ops, keys, options);
	while (ret == 0 && text != NULL && (word = words_next(&words)) != NULL) {
		const struct column *column;

		if (add && word[0] == '+')
			word++;
		column = find(&all, word);
		if (column == NULL)
			ret = check_elsewhere(&all, options, "--columns", word, err);
		else if (!contains(&chosen, column))
			append(&chosen, column, false);
	}
	words_close(&words);
	/* All of them apply to other reports. */
	if (ret == 0 && chosen.count == 0)
		append_default(&chosen, &all, ops, keys, options);
	select_free(&all);
	if (ret < 0)
		select_free(&chosen);
	else
		*selection = chosen;
	return ret;
}

static int parse_sort(const struct selection *all, char *word, bool *descending, struct err *err)
{
	char *order = strchr(word, ':');

	*descending = false;
	if (order == NULL)
		return 0;
	*order++ = '\0';
	*descending = strcasecmp(order, "desc") == 0;
	if (*descending || strcasecmp(order, "asc") == 0)
		return 0;
	return err_set(err, EINVAL, "--sort: no order " ERR_QUOTED "; allowed are asc and desc, as in --sort=%s:desc",
		       order, find(all, word) != NULL ? word : all->columns[0]->name);
}

/* Append the default order of a report. */
static void append_own_sort(struct selection *selection, const struct selection *all, const char *sort)
{
	char *word = xstrdup(sort);
	bool descending;

	(void)parse_sort(all, word, &descending, NULL);
	append(selection, find(all, word), descending);
	free(word);
}

int select_sort(const struct report_ops *ops, const struct peers_keys *keys, const struct report_options *options,
		struct selection *selection, struct err *err)
{
	struct selection all = {0}, chosen = {0};
	struct words words = words_open(options->sort != NULL ? options->sort : "");
	char *word;
	int ret = 0;

	append_all(&all, ops, keys, options, true);
	while (ret == 0 && options->sort != NULL && (word = words_next(&words)) != NULL) {
		const struct column *column;
		bool descending;

		ret = parse_sort(&all, word, &descending, err);
		if (ret < 0)
			break;
		column = find(&all, word);
		if (column == NULL && (options->sorts_elsewhere == NULL || !options->sorts_elsewhere(word)))
			ret = check_elsewhere(&all, options, "--sort", word, err);
		else if (column != NULL && !contains(&chosen, column))
			append(&chosen, column, descending);
	}
	words_close(&words);
	if (ret == 0 && ops->sort != NULL) {
		append_own_sort(&chosen, &all, ops->sort);
		append_keys(&chosen, keys);
	}
	select_free(&all);
	if (ret < 0)
		select_free(&chosen);
	else
		*selection = chosen;
	return ret;
}

static bool has_any(const struct column *column, struct names *names, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct value value;

		column_fetch(column, &rows[i], names, &value);
		if ((value.known && value.number > 0) || (!value.known && value.of_rest > 0))
			return true;
	}
	return false;
}

static void insert(struct selection *selection, const struct column *column, size_t at)
{
	size_t behind = (selection->count - at) * sizeof(*selection->columns);

	append(selection, column, false);
	memmove(selection->columns + at + 1, selection->columns + at, behind);
	selection->columns[at] = column;
}

size_t select_join(struct selection *selection, struct names *names, const struct row *rows, size_t count)
{
	/* Of several with the same neighbour, the last one comes first. */
	static const struct {
		const char *name;
		const char *behind;
	} joining[] = {{"UNKNOWN", "FAIL"}, {"PENDING", "FAIL"}, {"SYN_RTX", "HS_MS"}};
	size_t all_count, before = selection->count;
	const struct column *all =
		count > 0 && rows[0].group != NULL ? column_groups(&all_count) : column_conns(&all_count);

	for (size_t k = 0; count > 0 && k < sizeof(joining) / sizeof(joining[0]); k++) {
		const struct column *column = NULL;
		size_t at = 0;

		for (size_t i = 0; i < all_count; i++)
			if (strcmp(all[i].name, joining[k].name) == 0)
				column = &all[i];
		while (at < selection->count && strcmp(selection->columns[at]->name, joining[k].behind) != 0)
			at++;
		if (column != NULL && at < selection->count && !contains(selection, column) &&
		    has_any(column, names, rows, count))
			insert(selection, column, at + 1);
	}
	return selection->count - before;
}
