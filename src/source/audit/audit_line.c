// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_line.h"

#include <ctype.h>
#include <fcntl.h>
#include <libaudit.h>
#include <linux/io_uring.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/text.h"
#include "source/audit/audit_fields.h"

/*
 * Forms of one record:
 *
 *	type=SYSCALL msg=audit(1700000000.123:45): arch=c000003e syscall=42 success=no exit=-111 a0=3 ...
 *
 *	node=web1 type=SYSCALL msg=audit(1700000000.123:45): ... key=(null)<0x1d>ARCH=x86_64 SYSCALL=connect ...
 *
 *	type=SYSCALL msg=audit(11/14/2023 22:13:20.123:45) : arch=x86_64 syscall=connect exit=ECONNREFUSED(...) ...
 *
 *	[   12.345678] audit: type=1300 audit(1700000000.123:45): arch=c000003e syscall=42 ...
 *
 *	Nov 14 22:13:20 web1 kernel: type=1300 audit(1700000000.123:45): arch=c000003e ...
 *
 *	Nov 14 22:13:20 web1 audisp-syslog[77]: type=SYSCALL msg=audit(1700000000.123:45): arch=c000003e ...
 *
 * and each behind the file's name and the number of the line, as grep(1) and zgrep(1) print it.
 */

/* The words of a prefix are short; "type=" further behind is part of another text. */
#define PREFIX_MAX 256

/* In nanoseconds it fits in a time (year 2242). */
#define SECONDS_MAX (INT64_C(1) << 33)

static bool starts(struct span text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && memcmp(text.data, word, length) == 0;
}

static bool take(struct span *text, const char *word)
{
	return starts(*text, word) && span_skip(text, strlen(word));
}

static bool is(struct span text, const char *word)
{
	return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

static const uint8_t *find(struct span text, const char *word)
{
	return text.length > 0 ? memmem(text.data, text.length, word, strlen(word)) : NULL;
}

static struct span from(struct span text, const uint8_t *at)
{
	(void)span_skip(&text, (size_t)(at - text.data));
	return text;
}

/* The characters before @end or a NUL, which stays in @text. */
static struct span take_until(struct span *text, char end)
{
	struct span word = *text;
	const char ends[] = {end, '\0'};

	for (size_t i = 0; i < sizeof(ends); i++) {
		const uint8_t *at = word.length > 0 ? memchr(word.data, ends[i], word.length) : NULL;

		if (at != NULL)
			word.length = (size_t)(at - word.data);
	}
	(void)span_skip(text, word.length);
	return word;
}

/* ---- the head ----------------------------------------------------------------------- */

static bool take_stamp_end(struct span *text, struct audit_line *line)
{
	uint64_t milliseconds;

	if (!take(text, ".") || !audit_fields_take_decimal(text, &milliseconds) || milliseconds > 999 ||
	    !take(text, ":") || !audit_fields_take_decimal(text, &line->serial))
		return false;
	line->milliseconds = (uint32_t)milliseconds;
	return take(text, ")");
}

/* The order of the three numbers of a date depends on the locale in which ausearch -i ran. */
static bool order_date(const uint64_t numbers[3], char separator, bool day_first, struct tm *date)
{
	uint64_t year = numbers[2], month = numbers[0], day = numbers[1];

	if (numbers[0] > 999) {
		year = numbers[0];
		month = numbers[1];
		day = numbers[2];
	} else if (separator == '.' || numbers[0] > 12 || (day_first && numbers[1] <= 12)) {
		month = numbers[1];
		day = numbers[0];
	}
	if (year < 100)
		year += 2000;
	if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1970 || year > 9999)
		return false;
	date->tm_year = (int)year - 1900;
	date->tm_mon = (int)month - 1;
	date->tm_mday = (int)day;
	return true;
}

/* "11/14/2023 22:13:20", in local time. */
static bool take_local_time(struct span *text, struct audit_line *line, bool day_first)
{
	struct tm date = {.tm_isdst = -1};
	uint64_t numbers[3], clock[3];
	char separator = '\0';
	time_t seconds;

	for (int i = 0; i < 3; i++) {
		if (i > 0) {
			if (text->length == 0 || strchr("/.-", text->data[0]) == NULL)
				return false;
			separator = (char)text->data[0];
			(void)span_skip(text, 1);
		}
		if (!audit_fields_take_decimal(text, &numbers[i]))
			return false;
	}
	if (!take(text, " ") || !order_date(numbers, separator, day_first, &date))
		return false;
	for (int i = 0; i < 3; i++)
		if ((i > 0 && !take(text, ":")) || !audit_fields_take_decimal(text, &clock[i]) || clock[i] > 60)
			return false;
	date.tm_hour = (int)clock[0];
	date.tm_min = (int)clock[1];
	date.tm_sec = (int)clock[2];
	seconds = mktime(&date);
	line->seconds = seconds;
	return seconds > 0 && seconds <= SECONDS_MAX;
}

/* "audit(1700000000.123:45):" and the blanks around its colon. */
static bool take_stamp(struct span *text, struct audit_line *line, bool day_first)
{
	struct span rest = *text;
	uint64_t seconds;

	if (!take(&rest, "audit("))
		return false;
	*text = rest;
	if (audit_fields_take_decimal(&rest, &seconds) && starts(rest, ".") && seconds <= SECONDS_MAX &&
	    take_stamp_end(&rest, line)) {
		line->seconds = (int64_t)seconds;
	} else {
		rest = *text;
		if (!take_local_time(&rest, line, day_first) || !take_stamp_end(&rest, line))
			return false;
		line->is_interpreted = true;
	}
	(void)take(&rest, " ");
	if (!take(&rest, ":"))
		return false;
	*text = rest;
	return true;
}

static enum audit_line_type type_of(struct span name)
{
	static const struct {
		const char *name, *number;
		enum audit_line_type type;
	} types[] = {
		{"SYSCALL", "1300", AUDIT_LINE_SYSCALL},   {"SOCKETCALL", "1304", AUDIT_LINE_SOCKETCALL},
		{"SOCKADDR", "1306", AUDIT_LINE_SOCKADDR}, {"EOE", "1320", AUDIT_LINE_END},
		{"PROCTITLE", "1327", AUDIT_LINE_END},     {"URINGOP", "1336", AUDIT_LINE_URING},
	};

	/* A library that is older than the kernel calls a type UNKNOWN[1336]. */
	if (take(&name, "UNKNOWN[") && name.length > 0)
		name.length--;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (is(name, types[i].name) || is(name, types[i].number))
			return types[i].type;
	return AUDIT_LINE_OTHER;
}

/* "node=web1 " before the type: the name or address of a host. Another character in it would end the record's head. */
static struct span node_of(struct span prefix)
{
	const uint8_t *at = find(prefix, "node=");
	struct span node = {prefix.data, 0};
	size_t length = 0;

	if (at == NULL || (at > prefix.data && at[-1] != ' '))
		return node;
	node = from(prefix, at + strlen("node="));
	while (length < node.length && length < AUDIT_LINE_NODE &&
	       (isalnum(node.data[length]) || memchr("._-:", node.data[length], 4) != NULL))
		length++;
	node.length = length;
	return node;
}

/* "audit: audit_lost=12 audit_rate_limit=0 audit_backlog_limit=64" */
static bool is_loss(struct audit_line *line, struct span text)
{
	const uint8_t *at = find(text, "audit_lost=");
	uint64_t count;

	if (at == NULL || find(text, "audit_backlog_limit=") == NULL)
		return false;
	text = from(text, at + strlen("audit_lost="));
	if (!audit_fields_take_decimal(&text, &count) || count > INT32_MAX)
		return false;
	line->lost = (int64_t)count;
	line->type = AUDIT_LINE_LOST;
	return true;
}

/* "Nov 14 22:13:20 web1 audit[4711]: SYSCALL arch=c000003e ...": the journal keeps time and number elsewhere. */
static bool is_numberless(struct span text)
{
	static const char *const words[] = {": SYSCALL arch=", ": SOCKADDR saddr="};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct span head = text;

		span_limit(&head, PREFIX_MAX);
		if (find(head, words[i]) != NULL)
			return true;
	}
	return false;
}

/* A line that is no record, or has none of the types that matter. */
static void parse_other(struct audit_line *line, struct span text)
{
	if (starts(text, "----"))
		line->type = AUDIT_LINE_SEPARATOR;
	else if (!is_loss(line, text) && is_numberless(text))
		line->type = AUDIT_LINE_NUMBERLESS;
}

/* ---- calls ---------------------------------------------------------------------------- */

enum audit_line_call audit_line_socketcall(uint64_t number)
{
	switch (number) {
	case SYS_SOCKET:
		return AUDIT_CALL_SOCKET;
	case SYS_BIND:
		return AUDIT_CALL_BIND;
	case SYS_CONNECT:
		return AUDIT_CALL_CONNECT;
	case SYS_LISTEN:
		return AUDIT_CALL_LISTEN;
	case SYS_ACCEPT:
	case SYS_ACCEPT4:
		return AUDIT_CALL_ACCEPT;
	case SYS_SHUTDOWN:
		return AUDIT_CALL_SHUTDOWN;
	default:
		return AUDIT_CALL_NONE;
	}
}

static enum audit_line_call call_of(const char *name, uint64_t first, uint64_t second)
{
	static const struct {
		const char *name;
		enum audit_line_call call;
	} calls[] = {
		{"socket", AUDIT_CALL_SOCKET},     {"bind", AUDIT_CALL_BIND},     {"connect", AUDIT_CALL_CONNECT},
		{"listen", AUDIT_CALL_LISTEN},     {"accept", AUDIT_CALL_ACCEPT}, {"accept4", AUDIT_CALL_ACCEPT},
		{"shutdown", AUDIT_CALL_SHUTDOWN}, {"close", AUDIT_CALL_CLOSE},   {"dup", AUDIT_CALL_DUP},
		{"dup2", AUDIT_CALL_DUP},          {"dup3", AUDIT_CALL_DUP},      {"fork", AUDIT_CALL_FORK},
		{"vfork", AUDIT_CALL_FORK},        {"clone3", AUDIT_CALL_FORK},   {"socketcall", AUDIT_CALL_SOCKETCALL},
	};

	if (name == NULL)
		return AUDIT_CALL_NONE;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(name, calls[i].name) == 0)
			return calls[i].call;
	if (strcmp(name, "fcntl") == 0 || strcmp(name, "fcntl64") == 0)
		return second == F_DUPFD || second == F_DUPFD_CLOEXEC ? AUDIT_CALL_DUP : AUDIT_CALL_NONE;
	if (strcmp(name, "clone") == 0)
		return first & CLONE_FILES ? AUDIT_CALL_NONE : AUDIT_CALL_FORK;
	return AUDIT_CALL_NONE;
}

/* Calls of the x32 architecture have this bit in their number (__X32_SYSCALL_BIT). */
#define X32_BIT 0x40000000

enum audit_line_call audit_line_syscall(uint32_t arch, int number, uint64_t first_argument, uint64_t second_argument)
{
	int machine = audit_elf_to_machine(arch);

	if (machine == MACH_86_64)
		number &= ~X32_BIT;
	return machine < 0 ? AUDIT_CALL_NONE
			   : call_of(audit_syscall_to_name(number, machine), first_argument, second_argument);
}

/* Sets line.call, and the type of a call that does not matter, or has none. */
static void take_call(struct audit_line *line)
{
	struct audit_fields fields;

	audit_fields_parse(&fields, line->body, line->is_interpreted, AUDIT_FIELDS_CALL);
	if (fields.machine >= 0 && fields.syscall >= 0)
		line->call = audit_line_syscall(audit_machine_to_elf(fields.machine), fields.syscall, fields.args[0],
						fields.args[1]);
	if (fields.machine < 0 || find(line->body, " syscall=") == NULL)
		line->type = AUDIT_LINE_DAMAGED;
	else if (line->call == AUDIT_CALL_NONE)
		line->type = AUDIT_LINE_OTHER;
}

enum audit_line_call audit_line_uring(int operation)
{
	if (operation == IORING_OP_CONNECT)
		return AUDIT_CALL_CONNECT;
	return operation == IORING_OP_ACCEPT ? AUDIT_CALL_ACCEPT : AUDIT_CALL_NONE;
}

static void take_uring(struct audit_line *line)
{
	struct audit_fields fields;

	audit_fields_parse(&fields, line->body, line->is_interpreted, AUDIT_FIELDS_URING);
	line->call = audit_line_uring(fields.uring_op);
	if (fields.uring_op < 0)
		line->type = AUDIT_LINE_DAMAGED;
	else if (line->call == AUDIT_CALL_NONE)
		line->type = AUDIT_LINE_OTHER;
}

void audit_line_parse(struct audit_line *line, struct span text, bool day_first)
{
	struct span head = text, rest;
	const uint8_t *at;

	*line = (struct audit_line){.type = AUDIT_LINE_FOREIGN, .node = {text.data, 0}, .body = {text.data, 0}};
	if (text.length > 0 && text.data[text.length - 1] == '\r')
		text.length--;
	span_limit(&head, PREFIX_MAX);
	at = starts(head, "type=") ? head.data : find(head, "type=");
	if (at == NULL || (at > head.data && at[-1] != ' ' && at[-1] != ':')) {
		parse_other(line, text);
		return;
	}
	rest = from(text, at + strlen("type="));
	line->type = type_of(take_until(&rest, ' '));
	line->node = node_of((struct span){text.data, (size_t)(at - text.data)});
	(void)take(&rest, " ");
	(void)take(&rest, "msg=");
	if (!take_stamp(&rest, line, day_first)) {
		line->type = line->type == AUDIT_LINE_OTHER ? AUDIT_LINE_FOREIGN : AUDIT_LINE_DAMAGED;
		line->seconds = 0;
		return;
	}
	/* What auditd(8) adds in the enriched form is names of what stands before. */
	line->body = take_until(&rest, '\x1d');
	if (line->type == AUDIT_LINE_SYSCALL)
		take_call(line);
	else if (line->type == AUDIT_LINE_URING)
		take_uring(line);
}

/* ---- the record again ------------------------------------------------------------------- */

static void add_hex(struct text *to, const char *name, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	char *at;

	text_add(to, name);
	at = text_room(to, 2 * length);
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = ((const uint8_t *)bytes)[i];

		*at++ = digits[byte >> 4];
		*at++ = digits[byte & 15];
	}
	*at = '\0';
	to->length += 2 * length;
}

static void add_hex_number(struct text *to, const char *name, uint64_t number)
{
	char digits[16], *first = digits + sizeof(digits);

	do {
		*--first = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number > 0);
	text_add(to, name);
	text_add_bytes(to, first, (size_t)(digits + sizeof(digits) - first));
}

static void add_number(struct text *to, const char *name, int64_t number)
{
	text_add(to, name);
	text_add_number(to, number);
}

bool audit_line_fields(const struct audit_line *line, struct audit_fields *fields)
{
	audit_fields_parse(fields, line->body, line->is_interpreted, AUDIT_FIELDS_ALL);
	return fields->pid > 0 && (line->type != AUDIT_LINE_SYSCALL || (fields->machine >= 0 && fields->syscall >= 0));
}

static bool add_call(const struct audit_line *line, struct text *to)
{
	struct audit_fields fields;

	if (!audit_line_fields(line, &fields))
		return false;
	if (line->type == AUDIT_LINE_URING) {
		add_number(to, " uring_op=", fields.uring_op);
	} else {
		add_hex_number(to, " arch=", (uint64_t)audit_machine_to_elf(fields.machine));
		add_number(to, " syscall=", fields.syscall);
		add_hex_number(to, " a0=", fields.args[0]);
		add_hex_number(to, " a1=", fields.args[1]);
	}
	if (fields.has_exit)
		add_number(to, " exit=", fields.exit);
	add_number(to, " pid=", fields.pid);
	if (fields.euid >= 0)
		add_number(to, " euid=", fields.euid);
	if (fields.comm[0] != '\0')
		add_hex(to, " comm=", fields.comm, strlen(fields.comm));
	if (fields.exe[0] != '\0')
		add_hex(to, " exe=", fields.exe, strlen(fields.exe));
	return true;
}

static bool add_socketcall(const struct audit_line *line, struct text *to)
{
	struct audit_fields fields;

	audit_fields_parse(&fields, line->body, line->is_interpreted, AUDIT_FIELDS_CALL);
	if (!fields.has_args)
		return false;
	add_hex_number(to, " nargs=2 a0=", fields.args[0]);
	add_hex_number(to, " a1=", fields.args[1]);
	return true;
}

static bool add_address(const struct audit_line *line, struct text *to)
{
	uint8_t address[AUDIT_FIELDS_ADDRESS];
	size_t length = audit_fields_address(line->body, line->is_interpreted, address);

	if (length > 0)
		add_hex(to, " saddr=", address, length);
	return length > 0;
}

/* EOE has no fields; a blank is behind its colon. */
static bool add_end(const struct audit_line *line, struct text *to)
{
	(void)line;
	text_add_char(to, ' ');
	return true;
}

bool audit_line_write(const struct audit_line *line, struct text *to)
{
	static const struct {
		enum audit_line_type type;
		const char *name;
		bool (*add)(const struct audit_line *line, struct text *to);
	} types[] = {
		{AUDIT_LINE_SYSCALL, "type=SYSCALL msg=audit(", add_call},
		{AUDIT_LINE_SOCKETCALL, "type=SOCKETCALL msg=audit(", add_socketcall},
		{AUDIT_LINE_SOCKADDR, "type=SOCKADDR msg=audit(", add_address},
		{AUDIT_LINE_URING, "type=URINGOP msg=audit(", add_call},
		{AUDIT_LINE_END, "type=EOE msg=audit(", add_end},
	};
	size_t i = 0;

	to->length = 0;
	if (line->node.length > 0) {
		text_add(to, "node=");
		text_add_bytes(to, (const char *)line->node.data, line->node.length);
		text_add_char(to, ' ');
	}
	while (i < sizeof(types) / sizeof(types[0]) && types[i].type != line->type)
		i++;
	if (i == sizeof(types) / sizeof(types[0]))
		return false;
	text_add(to, types[i].name);
	text_add_number(to, line->seconds);
	text_add_char(to, '.');
	text_add_digits(to, line->milliseconds, 3);
	text_add_char(to, ':');
	text_add_unsigned(to, line->serial);
	text_add(to, "):");
	if (!types[i].add(line, to))
		return false;
	text_add_char(to, '\n');
	return true;
}
