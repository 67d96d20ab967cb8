// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "base/sha256.h"
#include "report/html/html_state.h"

/*
 * The page. Foreign text is in two places only: escaped in the static part, and in JSON whose "<", ">" and "&" are
 * escaped, so that no text ends its element. The policy permits the script and the style of this program by their
 * hashes, and nothing else.
 */

static void add_json_escaped(struct text *text, const char *json, size_t length)
{
	for (const char *end = json + length; json < end;) {
		size_t plain = 0;

		while (json + plain < end && json[plain] != '<' && json[plain] != '>' && json[plain] != '&')
			plain++;
		text_add_bytes(text, json, plain);
		json += plain;
		if (json < end)
			text_add(text, *json == '<' ? "\\u003c" : *json == '>' ? "\\u003e" : "\\u0026");
		json += json < end;
	}
}

static struct text joined(const char *const *lines)
{
	struct text text = {0};

	for (size_t i = 0; lines[i] != NULL; i++)
		text_add(&text, lines[i]);
	return text;
}

static void add_policy(struct text *page, const struct text *js, const struct text *css)
{
	char hash[SHA256_BASE64];

	text_add(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; base-uri 'none'; "
		       "form-action 'none'; script-src 'sha256-");
	text_add(page, sha256_base64(js->data, js->length, hash));
	text_add(page, "'; style-src 'sha256-");
	text_add(page, sha256_base64(css->data, css->length, hash));
	text_add(page, "'\">\n");
}

static void add_sentence(const struct html *html, struct text *page, const struct html_run *run)
{
	uint64_t failed = 0, all = 0;

	for (unsigned int i = 0; i < RESULT_NUM; i++) {
		all += run->summary.outcomes.results[i];
		failed += conn_has_failed(i) ? run->summary.outcomes.results[i] : 0;
	}
	text_add_unsigned(page, all);
	text_add(page, all == 1 ? " connection, " : " connections, ");
	text_add_unsigned(page, failed);
	text_add(page, " failed");
	text_add(page,
		 report_has_lost(&run->summary) ? "; something was lost, see the accounts" : "; nothing was lost");
	text_add(page, html->has_packets ? "." : "; without packets.");
	if (html->base_ns < 0)
		text_add(page, " There was no connection.");
}

/* As the last line in JSON, without what differs between runs over the same file. */
static void add_summary(struct text *data, const struct html_run *run)
{
	struct summary summary = run->summary;
	char *line = NULL, *value;
	size_t size = 0;
	FILE *file;

	if (run->is_file) {
		summary.cpu_ns = summary.peak_bytes = summary.duration_ns = CONN_UNKNOWN;
		summary.packet_peak_bytes = 0;
	}
	file = open_memstream(&line, &size);
	if (file == NULL)
		return;
	(void)report_summary(file, REPORT_JSON, &summary);
	fclose(file);
	/* {"summary":{...}} */
	value = line != NULL ? strchr(line, ':') : NULL;
	if (value != NULL && size > 0 && strrchr(line, '}') != NULL) {
		text_add(data, ",\n\"summary\":");
		text_add_bytes(data, value + 1, (size_t)(strrchr(line, '}') - value - 1));
	}
	free(line);
}

static void add_data(const struct html *html, struct text *page, const struct html_run *run)
{
	const char *command = run->command != NULL ? redact_text(REDACT_ARGS, run->command) : NULL;
	struct text data = {0};

	text_add(&data, "{\"version\":");
	text_add_json(&data, run->version);
	text_add(&data, ",\"command\":");
	if (command != NULL)
		text_add_json(&data, command);
	else
		text_add(&data, "null");
	text_add(&data, html->has_packets ? ",\"packets\":true," : ",\"packets\":false,");
	text_add_bytes(&data, html->data.data, html->data.length);
	add_summary(&data, run);
	text_add(&data, "}\n");
	add_json_escaped(page, data.data, data.length);
	text_free(&data);
}

void html_write(struct html *html, const struct html_run *run, struct text *page)
{
	struct text js = joined(html_js), css = joined(html_css);
	const char *title = run->title != NULL ? redact_text(REDACT_ARGS, run->title) : "conntrace";

	text_add(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	add_policy(page, &js, &css);
	text_add(page, "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		       "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	html_escape(page, title);
	text_add(page, "</title>\n<style>");
	text_add_bytes(page, css.data, css.length);
	text_add(page, "</style>\n</head>\n<body>\n<header><h1>");
	html_escape(page, title);
	text_add(page, "</h1>\n<p id=\"sentence\">");
	add_sentence(html, page, run);
	text_add(page,
		 "</p></header>\n<main id=\"main\"></main>\n<section id=\"peers\"><h2>Peers</h2>\n"
		 "<div class=\"wide\"><table id=\"table\"><thead><tr><th>Peer<th>Dir<th>Port<th>Processes<th>Conns"
		 "<th>Failed<th>HS ms<th>Queue ms<th>Resent<th>RX bytes<th>TX bytes</tr></thead>\n<tbody>\n");
	if (html->table.length > 0)
		text_add_bytes(page, html->table.data, html->table.length);
	text_add(page, "</tbody></table></div></section>\n<section id=\"after\"></section>\n"
		       "<script type=\"application/json\" id=\"data\">");
	add_data(html, page, run);
	text_add(page, "</script>\n<script>");
	text_add_bytes(page, js.data, js.length);
	text_add(page, "</script>\n</body>\n</html>\n");
	text_free(&js);
	text_free(&css);
}
