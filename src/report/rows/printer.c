// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/rows/printer.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/*
 * The writers of the formats but aligned tables (table.c). JSON is JSON Lines,
 * one independent object per row, which can be read during the run. Rows of
 * --events are printed one by one.
 */

/* Rows are written in pieces large enough to bypass the copy into stdio(3)'s buffer. */
#define WRITE_AT_ONCE (1U << 18)

/*
 * Rows of a long JSON report that this thread, which also writes, and another thread format. The texts of more would
 * take memory and save no time.
 */
#define ROWS_HERE 256
#define ROWS_THERE 384

/* What is unknown together is appended together: a third of the columns of a connection that only packets show. */
static void add_json_nulls(struct printer *printer, size_t i)
{
	struct printer_key *key = &printer->json_keys[i];
	size_t part = printer->columns.columns[i]->part;

	for (key->next = i; key->next < printer->columns.count; key->next++) {
		if (part == 0 || printer->columns.columns[key->next]->part != part)
			break;
		text_add(&key->nulls, printer->json_keys[key->next].text.data);
		text_add(&key->nulls, "null");
	}
}

/* The text before each value is the same in each row. */
static void add_json_keys(struct printer *printer)
{
	struct text key = {0};

	printer->json_keys = xcalloc(printer->columns.count, sizeof(*printer->json_keys));
	text_add_char(&key, '{');
	if (printer->report != NULL) {
		text_add(&key, "\"report\":");
		text_add_json(&key, printer->report);
		text_add_char(&key, ',');
	}
	for (size_t i = 0; i < printer->columns.count; i++) {
		text_add_char(&key, '"');
		for (const char *name = printer->columns.columns[i]->name; *name != '\0'; name++)
			text_add_char(&key, (char)tolower((unsigned char)*name));
		text_add(&key, "\":");
		printer->json_keys[i].text = key;
		key = (struct text){0};
		text_add_char(&key, ',');
	}
	text_free(&key);
	for (size_t i = 0; i < printer->columns.count; i++)
		add_json_nulls(printer, i);
}

/* The longest IPv6 address. */
#define ADDRESS_MOST 39

void printer_fit_rows(struct printer *printer)
{
	size_t count = printer->columns.count, left = printer->width, used = 0;
	size_t *widths = xcalloc(count + 1, sizeof(*widths));
	bool *empty = xcalloc(count + 1, sizeof(*empty));
	struct fit *fit = &printer->fit;

	for (size_t i = 0; i < count; i++) {
		widths[i] = format_width(printer->columns.columns[i], &printer->style);
		/* They are additional columns for a wide terminal. */
		empty[i] = strstr(printer->columns.columns[i]->name, "_RTX") != NULL;
	}
	fit_columns(fit, &printer->columns, widths, empty, printer->width);
	select_free(&printer->columns);
	printer->columns = fit->columns;
	fit->columns = (struct selection){0};
	text_add(&printer->left_out, fit->left_out.data != NULL ? fit->left_out.data : "");
	/* The last column is followed by no blank. */
	left++;
	for (size_t i = 0; i < printer->columns.count; i++)
		used += fit->widths[i] + 1;
	left -= used < left ? used : left;
	for (size_t i = printer->columns.count; i-- > 0;) {
		size_t more = left < ADDRESS_MOST - 15 ? left : ADDRESS_MOST - 15;

		if (printer->columns.columns[i]->type != COLUMN_ADDRESS)
			continue;
		fit->widths[i] += more;
		left -= more;
	}
	free(widths);
	free(empty);
}

void printer_init(struct printer *printer)
{
	printer->before = xcalloc(printer->columns.count, sizeof(*printer->before));
	printer_forget(printer);
	if (printer->format == REPORT_JSON)
		add_json_keys(printer);
}

void printer_join(struct printer *printer, const struct row *rows, size_t count)
{
	if (select_join(&printer->columns, printer->style.names, rows, count) == 0)
		return;
	printer->before = xreallocarray(printer->before, printer->columns.count, sizeof(*printer->before));
	printer_forget(printer);
}

void printer_clear(struct printer *printer)
{
	text_free(&printer->line);
	text_free(&printer->left_out);
	fit_free(&printer->fit);
	free(printer->before);
	for (size_t i = 0; printer->json_keys != NULL && i < printer->columns.count; i++) {
		text_free(&printer->json_keys[i].text);
		text_free(&printer->json_keys[i].nulls);
	}
	free(printer->json_keys);
	select_free(&printer->columns);
}

static void flush(struct printer *printer)
{
	if (printer->error != 0)
		return;
	errno = 0;
	if (fflush(printer->out) != 0)
		printer->error = errno != 0 ? -errno : -EIO;
}

/* Copying a fixed block is faster than copying the exact length of a short key. */
#define KEY_BLOCK 32

static void add_json_key(struct text *line, const struct text *key)
{
	if (key->length >= KEY_BLOCK || key->capacity < KEY_BLOCK) {
		text_add_bytes(line, key->data, key->length);
		return;
	}
	/* With its NUL. */
	memcpy(text_room(line, KEY_BLOCK), key->data, KEY_BLOCK);
	line->length += key->length;
}

static void add_json_row(const struct printer *printer, struct text *line, const struct row *row)
{
	for (size_t i = 0; i < printer->columns.count; i++) {
		const struct column *column = printer->columns.columns[i];
		const struct printer_key *key = &printer->json_keys[i];
		struct value value;

		if (column_is_absent(column, row)) {
			text_add_bytes(line, key->nulls.data, key->nulls.length);
			i = key->next - 1;
			continue;
		}
		add_json_key(line, &key->text);
		column_fetch(column, row, printer->style.names, &value);
		format_json(line, column, &value);
	}
	text_add(line, row_is_other(row) ? ",\"other\":true" : "");
	text_add(line, row_is_partial(row) ? ",\"partial\":true" : "");
	text_add(line, "}\n");
}

/* @row is NULL for the header. */
static void add_separated_row(struct printer *printer, const struct row *row)
{
	char separator = printer->format == REPORT_CSV ? ',' : printer->format == REPORT_TSV ? '\t' : ' ';
	struct text *line = &printer->line, field = {0};

	for (size_t i = 0; i < printer->columns.count; i++) {
		if (i > 0)
			text_add_char(line, separator);
		text_cut(&field, 0);
		if (row == NULL)
			text_add(&field, printer->columns.columns[i]->name);
		else
			printer_field(printer, &field, i, row);
		if (printer->format == REPORT_CSV)
			format_csv(line, field.data);
		else
			text_add(line, field.data);
	}
	text_free(&field);
	text_add(line, printer->format == REPORT_CSV ? "\r\n" : "\n");
}

static void write_line(struct printer *printer)
{
	printer_write(printer, printer->line.data, printer->line.length);
	text_cut(&printer->line, 0);
}

/* Return: true when another report has printed since this one. Its next row is the first one of a table. */
static bool begins_table(struct printer *printer)
{
	const void *last = printer->last != NULL ? *printer->last : NULL;

	if (printer->last != NULL)
		*printer->last = printer;
	return last != NULL && last != printer;
}

static void add_header(struct printer *printer)
{
	bool begins = begins_table(printer);

	if ((printer->header_done && !begins) || !printer->header || printer->format == REPORT_JSON)
		return;
	printer->header_done = true;
	if (begins)
		text_add(&printer->line, printer->format == REPORT_CSV ? "\r\n" : "\n");
	if (printer->format == REPORT_TABLE)
		table_add_row(printer, NULL);
	else
		add_separated_row(printer, NULL);
	write_line(printer);
}

void printer_header(struct printer *printer)
{
	add_header(printer);
	flush(printer);
}

static void add_row(struct printer *printer, const struct row *row)
{
	add_header(printer);
	if (printer->format == REPORT_TABLE)
		table_add_row(printer, row);
	else if (printer->format == REPORT_JSON)
		add_json_row(printer, &printer->line, row);
	else
		add_separated_row(printer, row);
}

void printer_row(struct printer *printer, const struct row *row)
{
	add_row(printer, row);
	write_line(printer);
	flush(printer);
}

struct share {
	const struct printer *printer;
	const struct row *rows;
	size_t count;
	struct text text;
};

static void *add_share(void *context)
{
	struct share *share = context;

	for (size_t i = 0; i < share->count; i++)
		add_json_row(share->printer, &share->text, &share->rows[i]);
	return NULL;
}

/*
 * All packets have been read, so a processor is idle, and each row in JSON is independent. One new thread per share is
 * simpler than one that waits for the next share, and starting it costs a hundredth of its work.
 * Return: the number of rows left for this thread alone.
 */
static size_t print_shares(struct printer *printer, const struct row *rows, size_t count)
{
	struct share other = {.printer = printer, .count = ROWS_THERE};
	pthread_t thread;

	/* Pseudonyms are numbered in the order of rows. */
	while (count >= ROWS_HERE + ROWS_THERE && printer->error == 0 && !redact_is_on()) {
		other.rows = rows + ROWS_HERE;
		text_cut(&other.text, 0);
		if (pthread_create(&thread, NULL, add_share, &other) != 0)
			break;
		for (size_t i = 0; i < ROWS_HERE; i++)
			add_json_row(printer, &printer->line, &rows[i]);
		write_line(printer);
		pthread_join(thread, NULL);
		printer_write(printer, other.text.data, other.text.length);
		rows += ROWS_HERE + ROWS_THERE;
		count -= ROWS_HERE + ROWS_THERE;
	}
	text_free(&other.text);
	return count;
}

void printer_rows(struct printer *printer, const struct row *rows, size_t count)
{
	size_t shared;

	printer_forget(printer);
	if (printer->format == REPORT_TABLE) {
		if (printer->separate)
			printer_write(printer, "\n", 1);
		printer->separate = true;
		(void)begins_table(printer);
		table_print(printer, rows, count);
	} else {
		add_header(printer);
		shared = printer->format == REPORT_JSON ? count - print_shares(printer, rows, count) : 0;
		for (size_t i = shared; i < count && printer->error == 0; i++) {
			add_row(printer, &rows[i]);
			if (printer->line.length >= WRITE_AT_ONCE)
				write_line(printer);
		}
		write_line(printer);
	}
	flush(printer);
}
