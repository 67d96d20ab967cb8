// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay/strace_line.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/errno_name.h"

/*
 * Output of strace(1) 5 and 6:
 *
 *	4711 1700000000.123456 accept4(3, {sa_family=AF_INET, sin_port=htons(4000),
 *		sin_addr=inet_addr("192.0.2.9")}, [128 => 16], SOCK_CLOEXEC) = 5 <0.000031>
 *	[pid  4711] 1700000000.123456 connect(3, {...}, 16 <unfinished ...>
 *	4711 1700000000.123456 <... connect resumed>) = -1 ECONNREFUSED (Connection refused) <0.000031>
 *	4711 1700000000.123456 +++ exited with 0 +++
 */

#define NANO_DIGITS 9

static bool take_word(struct span *text, const char *word)
{
	size_t length = strlen(word);

	return text->length >= length && memcmp(text->data, word, length) == 0 && span_skip(text, length);
}

static void skip_blanks(struct span *text)
{
	while (take_word(text, " "))
		;
}

static bool take_digits(struct span *text, int64_t *number)
{
	int64_t sum = 0;
	size_t count = 0;

	while (text->length > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (int64_t)(text->data[0] - '0'), &sum))
			return false;
		(void)span_skip(text, 1);
		count++;
	}
	*number = sum;
	return count > 0;
}

/* Seconds with decimals, in nanoseconds. */
static bool take_seconds(struct span *text, int64_t *nanoseconds)
{
	struct span rest = *text;
	int64_t seconds, fraction = 0;
	int digits = 0;

	if (!take_digits(&rest, &seconds) || !take_word(&rest, "."))
		return false;
	while (rest.length > 0 && rest.data[0] >= '0' && rest.data[0] <= '9' && digits < NANO_DIGITS) {
		fraction = fraction * 10 + (rest.data[0] - '0');
		(void)span_skip(&rest, 1);
		digits++;
	}
	if (digits == 0)
		return false;
	for (; digits < NANO_DIGITS; digits++)
		fraction *= 10;
	if (__builtin_mul_overflow(seconds, CLOCK_NS_PER_SEC, &seconds) ||
	    __builtin_add_overflow(seconds, fraction, nanoseconds))
		return false;
	*text = rest;
	return true;
}

/* The first place where @word begins; NULL when there is none. */
static const uint8_t *find(struct span text, const char *word)
{
	return text.length > 0 ? memmem(text.data, text.length, word, strlen(word)) : NULL;
}

static struct span behind(struct span text, const uint8_t *at, size_t count)
{
	(void)span_skip(&text, (size_t)(at - text.data) + count);
	return text;
}

static int refuse(struct span text, const char *why, struct err *err)
{
	char word[41];
	size_t length = text.length < sizeof(word) - 1 ? text.length : sizeof(word) - 1;

	memcpy(word, text.data, length);
	word[length] = '\0';
	return err_set(err, EINVAL, ERR_QUOTED " %s; a log of strace -f -ttt -T -o FILE is expected", word, why);
}

static int32_t parse_error(struct span *text)
{
	char name[32];
	size_t length = 0;

	while (length < text->length && length < sizeof(name) - 1 &&
	       ((text->data[length] >= 'A' && text->data[length] <= 'Z') ||
		(text->data[length] >= '0' && text->data[length] <= '9')))
		length++;
	memcpy(name, text->data, length);
	name[length] = '\0';
	return length > 0 ? errno_name_number(name) : -1;
}

/* " = -1 ECONNREFUSED (Connection refused) <0.000031>" */
static void parse_result(struct strace_line *line, struct span text)
{
	bool negative = take_word(&text, "-");
	const uint8_t *end = NULL;

	line->result = -1;
	line->error = -1;
	if (take_digits(&text, &line->result) && !negative) {
		line->error = 0;
	} else if (negative) {
		line->result = -1;
		skip_blanks(&text);
		line->error = parse_error(&text);
		if (line->error <= 0)
			line->error = -1;
	}
	for (const uint8_t *at = find(text, " <"); at != NULL; at = find(behind(text, at, 2), " <"))
		end = at;
	if (end != NULL) {
		struct span duration = behind(text, end, 2);

		if (!take_seconds(&duration, &line->duration_ns) || !take_word(&duration, ">") || duration.length != 0)
			line->duration_ns = -1;
	}
}

/* Strings of the tracee may contain any byte, but a quotation mark only after a backslash. */
static const uint8_t *end_of_arguments(struct span text)
{
	const uint8_t *found = NULL;
	bool quoted = false;

	for (size_t i = 0; i < text.length; i++) {
		if (quoted && text.data[i] == '\\')
			i++;
		else if (text.data[i] == '"')
			quoted = !quoted;
		else if (!quoted && text.data[i] == ')' && found == NULL && text.length - i > 1 &&
			 text.data[i + 1] == ' ') {
			struct span rest = behind(text, text.data + i, 1);

			skip_blanks(&rest);
			if (take_word(&rest, "= "))
				found = text.data + i;
		}
	}
	return found;
}

static void parse_call(struct strace_line *line, struct span text)
{
	const uint8_t *end;

	if (take_word(&text, "<... ")) {
		const uint8_t *resumed = find(text, " resumed>");

		if (resumed == NULL)
			return;
		line->name = (struct span){text.data, (size_t)(resumed - text.data)};
		text = behind(text, resumed, strlen(" resumed>"));
		line->kind = STRACE_RESUMED;
	} else {
		const uint8_t *bracket = find(text, "(");

		if (bracket == NULL)
			return;
		line->name = (struct span){text.data, (size_t)(bracket - text.data)};
		text = behind(text, bracket, 1);
		line->kind = STRACE_CALL;
	}
	end = line->kind == STRACE_CALL ? find(text, "<unfinished ...>") : NULL;
	if (end != NULL && end + strlen("<unfinished ...>") == text.data + text.length) {
		line->kind = STRACE_UNFINISHED;
		line->arguments = (struct span){text.data, (size_t)(end - text.data)};
		return;
	}
	end = end_of_arguments(text);
	if (end == NULL) {
		line->kind = STRACE_DAMAGED;
		return;
	}
	line->arguments = (struct span){text.data, (size_t)(end - text.data)};
	text = behind(text, end, 1);
	skip_blanks(&text);
	(void)take_word(&text, "= ");
	parse_result(line, text);
}

int strace_line_parse(struct strace_line *line, struct span text, struct err *err)
{
	struct strace_line made = {.kind = STRACE_OTHER, .duration_ns = -1, .result = -1, .error = -1};
	struct span rest = text;
	bool is_marked = take_word(&rest, "[pid ");
	int64_t tid;

	skip_blanks(&rest);
	if (!take_digits(&rest, &tid) || tid <= 0 || tid > INT32_MAX || (is_marked && !take_word(&rest, "]")) ||
	    !take_word(&rest, " "))
		return refuse(text, "does not begin with the number of a process", err);
	made.tid = (int32_t)tid;
	skip_blanks(&rest);
	if (!take_seconds(&rest, &made.time_ns) || !take_word(&rest, " ") || made.time_ns < CLOCK_NS_PER_SEC * 86400)
		return refuse(text, "has no time since the epoch", err);
	if (take_word(&rest, "+++ "))
		made.kind = STRACE_GONE;
	else if (!take_word(&rest, "--- ") && !take_word(&rest, "[ ") && !take_word(&rest, "strace: ")) {
		made.kind = STRACE_DAMAGED;
		parse_call(&made, rest);
	}
	*line = made;
	return 0;
}

bool strace_line_is(const struct strace_line *line, const char *name)
{
	return line->name.length == strlen(name) && memcmp(line->name.data, name, line->name.length) == 0;
}

/* Whether it says something of sockets, their descriptors or processes. */
static bool matters(const struct strace_line *line)
{
	static const char *const names[] = {
		"accept", "accept4",  "bind",  "clone", "clone3",      "close",  "connect",  "dup",    "dup2", "dup3",
		"execve", "execveat", "fcntl", "fork",  "getsockname", "listen", "shutdown", "socket", "vfork"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strace_line_is(line, names[i]))
			return true;
	return strace_line_is(line, "getsockopt") &&
	       (line->kind == STRACE_UNFINISHED || strace_line_has(line, "SO_ERROR"));
}

void strace_line_count(const struct strace_line *line, bool is_waiting, struct log_lines *lines)
{
	if (line->kind == STRACE_DAMAGED)
		lines->left[LOG_LEFT_DAMAGED]++;
	else if (line->kind == STRACE_OTHER || (line->kind != STRACE_GONE && !matters(line)))
		lines->left[LOG_LEFT_OTHER]++;
	else if (line->kind == STRACE_RESUMED && !is_waiting)
		lines->left[LOG_LEFT_APART]++;
}

bool strace_line_has(const struct strace_line *line, const char *word)
{
	return find(line->arguments, word) != NULL;
}

bool strace_line_number(const struct strace_line *line, unsigned int index, int64_t *number)
{
	struct span rest = line->arguments;

	while (index-- > 0) {
		const uint8_t *comma = find(rest, ", ");

		if (comma == NULL)
			return false;
		rest = behind(rest, comma, 2);
	}
	return take_digits(&rest, number);
}

bool strace_line_string(const struct strace_line *line, struct span *string)
{
	const uint8_t *begin = find(line->arguments, "\""), *end;
	struct span rest;

	if (begin == NULL)
		return false;
	rest = behind(line->arguments, begin, 1);
	end = find(rest, "\"");
	if (end == NULL)
		return false;
	*string = (struct span){rest.data, (size_t)(end - rest.data)};
	return true;
}

/* The text between @before and @after. */
static bool between(struct span text, const char *before, const char *after, char *to, size_t size)
{
	const uint8_t *begin = find(text, before), *end;
	size_t length;

	if (begin == NULL)
		return false;
	text = behind(text, begin, strlen(before));
	end = find(text, after);
	length = end != NULL ? (size_t)(end - text.data) : size;
	if (length >= size)
		return false;
	memcpy(to, text.data, length);
	to[length] = '\0';
	return memchr(to, '\0', length) == NULL;
}

static bool parse_port(const char *text, uint16_t *port)
{
	struct span span = {(const uint8_t *)text, strlen(text)};
	int64_t number;

	if (!take_digits(&span, &number) || span.length != 0 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

bool strace_line_address(const struct strace_line *line, struct endpoint *endpoint)
{
	bool is_v6 = strace_line_has(line, "sa_family=AF_INET6");
	struct endpoint made;
	char ip[ENDPOINT_TEXT], port[8];

	if (!is_v6 && !strace_line_has(line, "sa_family=AF_INET,"))
		return false;
	if (!between(line->arguments, is_v6 ? "sin6_port=htons(" : "sin_port=htons(", ")", port, sizeof(port)) ||
	    !between(line->arguments, is_v6 ? "inet_pton(AF_INET6, \"" : "inet_addr(\"", "\"", ip, sizeof(ip)) ||
	    endpoint_parse(&made, ip) < 0 || !parse_port(port, &made.port))
		return false;
	*endpoint = made;
	return true;
}

/* "192.0.2.1:80" or "[2001:db8::1]:80" */
static bool parse_end(const char *text, struct endpoint *end)
{
	const char *colon = strrchr(text, ':');
	struct endpoint made;
	char ip[ENDPOINT_TEXT];
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;

	if (length > 1 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (length == 0 || length >= sizeof(ip))
		return false;
	memcpy(ip, text, length);
	ip[length] = '\0';
	if (endpoint_parse(&made, ip) < 0 || !parse_port(colon + 1, &made.port))
		return false;
	*end = made;
	return true;
}

bool strace_line_ends(struct span text, bool *is_tcp, struct endpoint *local, struct endpoint *remote)
{
	const uint8_t *mark = find(text, "<");
	char both[2 * ENDPOINT_TEXT + 20], *arrow;
	bool is_v6;

	if (mark == NULL)
		return false;
	text = behind(text, mark, 1);
	is_v6 = take_word(&text, "TCPv6:[");
	*is_tcp = is_v6 || take_word(&text, "TCP:[");
	if (!*is_tcp)
		return take_word(&text, "UDP") || take_word(&text, "UNIX") || take_word(&text, "NETLINK") ||
		       take_word(&text, "RAW") || take_word(&text, "PACKET");
	if (!between(text, "", "]>", both, sizeof(both)))
		return true;
	arrow = strstr(both, "->");
	if (arrow != NULL) {
		*arrow = '\0';
		(void)parse_end(arrow + 2, remote);
	}
	(void)parse_end(both, local);
	return true;
}

struct span strace_line_mark(struct span text)
{
	const uint8_t *end = end_of_arguments(text);

	return end != NULL ? behind(text, end, 1) : (struct span){text.data, 0};
}
