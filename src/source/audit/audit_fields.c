// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_fields.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libaudit.h>
#include <linux/io_uring.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/table.h"

/* The longest number, name of a call or address, with its NUL. */
#define WORD_SIZE 64

static bool starts(struct span text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && memcmp(text.data, word, length) == 0;
}

static bool contains(struct span text, const char *word)
{
	return text.length > 0 && memmem(text.data, text.length, word, strlen(word)) != NULL;
}

/* What follows " NAME=", to the end of the record. */
static bool find_field(struct span body, const char *name, struct span *value)
{
	size_t length = strlen(name);

	while (body.length > length) {
		const uint8_t *at = memmem(body.data, body.length, name, length);
		bool is_begin;

		if (at == NULL)
			return false;
		/* The fields of an address begin behind "{". */
		is_begin = at == body.data || at[-1] == ' ' || at[-1] == '{';
		(void)span_skip(&body, (size_t)(at - body.data) + length);
		if (is_begin && starts(body, "=")) {
			(void)span_skip(&body, 1);
			*value = body;
			return true;
		}
	}
	return false;
}

/* The characters up to the next blank. */
static struct span word_of(struct span value)
{
	const uint8_t *end = value.length > 0 ? memchr(value.data, ' ', value.length) : NULL;

	if (end != NULL)
		value.length = (size_t)(end - value.data);
	return value;
}

static bool find_word(struct span body, const char *name, struct span *value)
{
	if (!find_field(body, name, value))
		return false;
	*value = word_of(*value);
	return true;
}

/* A word as a string; an empty one when it is too long. */
static const char *string_of(struct span word, char to[WORD_SIZE])
{
	size_t length = word.length < WORD_SIZE && memchr(word.data, '\0', word.length) == NULL ? word.length : 0;

	memcpy(to, word.data, length);
	to[length] = '\0';
	return to;
}

bool audit_fields_take_decimal(struct span *text, uint64_t *number)
{
	struct span rest = *text;
	uint64_t sum = 0;

	while (rest.length > 0 && rest.data[0] >= '0' && rest.data[0] <= '9') {
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, rest.data[0] - '0', &sum))
			return false;
		(void)span_skip(&rest, 1);
	}
	if (rest.data == text->data)
		return false;
	*text = rest;
	*number = sum;
	return true;
}

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t audit_fields_hex(struct span text, uint8_t *to, size_t size)
{
	size_t count = 0;

	for (; count < size && text.length >= 2; count++) {
		int high = digit_of(text.data[0]), low = digit_of(text.data[1]);

		if (high < 0 || low < 0)
			break;
		to[count] = (uint8_t)(high << 4 | low);
		(void)span_skip(&text, 2);
	}
	return count;
}

static bool parse_hex(struct span word, uint64_t *number)
{
	uint64_t sum = 0;

	if (starts(word, "0x"))
		(void)span_skip(&word, 2);
	if (word.length == 0 || word.length > 16)
		return false;
	for (size_t i = 0; i < word.length; i++) {
		if (digit_of(word.data[i]) < 0)
			return false;
		sum = sum << 4 | (uint64_t)digit_of(word.data[i]);
	}
	*number = sum;
	return true;
}

/* ---- calls --------------------------------------------------------------------------- */

/* Arguments for which ausearch -i has names. Those that are not here do not matter. */
static uint64_t named_argument(struct span word)
{
	static const struct {
		const char *name;
		uint64_t number;
	} names[] = {
		{"inet", AF_INET},
		{"inet6", AF_INET6},
		{"socket", SYS_SOCKET},
		{"bind", SYS_BIND},
		{"listen", SYS_LISTEN},
		{"accept", SYS_ACCEPT},
		{"connect", SYS_CONNECT},
		{"accept4", SYS_ACCEPT4},
		{"F_DUPFD", F_DUPFD},
		{"shutdown", SYS_SHUTDOWN},
		{"F_DUPFD_CLOEXEC", F_DUPFD_CLOEXEC},
		{"SHUT_RD", SHUT_RD},
		{"SHUT_WR", SHUT_WR},
		{"SHUT_RDWR", SHUT_RDWR},
	};
	char text[WORD_SIZE];

	if (contains(word, "SOCK_STREAM"))
		return SOCK_STREAM;
	if (contains(word, "SOCK_DGRAM"))
		return SOCK_DGRAM;
	if (contains(word, "CLONE_FILES"))
		return CLONE_FILES;
	string_of(word, text);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i].name) == 0)
			return names[i].number;
	return UINT64_MAX;
}

static void parse_argument(uint64_t *argument, struct span word, bool is_interpreted)
{
	if (!parse_hex(word, argument) && is_interpreted)
		*argument = named_argument(word);
}

static void parse_arch(struct audit_fields *fields, struct span word, bool is_interpreted)
{
	char text[WORD_SIZE];
	uint64_t number;

	string_of(word, text);
	if (is_interpreted && audit_name_to_machine(text) >= 0)
		fields->machine = audit_name_to_machine(text);
	else if (parse_hex(word, &number) && number <= UINT32_MAX)
		fields->machine = audit_elf_to_machine((unsigned int)number);
}

/* Behind the architecture. */
static void parse_syscall(struct audit_fields *fields, struct span word, bool is_interpreted)
{
	struct span digits = word;
	char text[WORD_SIZE];
	uint64_t number;

	if (fields->machine < 0)
		return;
	if (audit_fields_take_decimal(&digits, &number) && digits.length == 0 && number <= INT32_MAX)
		fields->syscall = (int)number;
	else if (is_interpreted)
		fields->syscall = audit_name_to_syscall(string_of(word, text), fields->machine);
}

static void parse_uring(struct audit_fields *fields, struct span word)
{
	char text[WORD_SIZE];
	uint64_t number;

	string_of(word, text);
	if (audit_fields_take_decimal(&word, &number) && number <= INT32_MAX)
		fields->uring_op = (int)number;
	else if (strcmp(text, "accept") == 0)
		fields->uring_op = IORING_OP_ACCEPT;
	else if (strcmp(text, "connect") == 0)
		fields->uring_op = IORING_OP_CONNECT;
}

/* "5", "-111", "ECONNREFUSED(Connection refused)" */
static void parse_exit(struct audit_fields *fields, struct span word)
{
	bool is_negative = starts(word, "-");
	char text[WORD_SIZE];
	uint64_t number;

	if (is_negative)
		(void)span_skip(&word, 1);
	if (audit_fields_take_decimal(&word, &number)) {
		fields->has_exit = number <= INT32_MAX;
		fields->exit = is_negative ? -(int64_t)number : (int64_t)number;
		return;
	}
	string_of(word, text);
	text[strcspn(text, "(")] = '\0';
	fields->exit = -(int64_t)audit_name_to_errno(text);
	fields->has_exit = fields->exit < 0;
}

/*
 * In quotation marks, or in hexadecimal digits when it has unusual characters; ausearch -i writes it as it is, with
 * blanks in it.
 */
static void parse_name(struct span value, bool is_interpreted, char *to, size_t size)
{
	struct span word = word_of(value);
	size_t length = 0;

	if (starts(value, "\"")) {
		const uint8_t *end;

		(void)span_skip(&value, 1);
		end = value.length > 0 ? memchr(value.data, '"', value.length) : NULL;
		value.length = end != NULL ? (size_t)(end - value.data) : 0;
	} else if (is_interpreted) {
		/* Its end was found by the caller. */
	} else if (starts(word, "(")) {
		return; /* (null), (none) */
	} else {
		length = audit_fields_hex(word, (uint8_t *)to, size - 1);
		to[length] = '\0';
		return;
	}
	length = value.length < size - 1 ? value.length : size - 1;
	memcpy(to, value.data, length);
	to[length] = '\0';
}

/*
 * In ausearch -i the name has up to 15 bytes of any kind, so the last " exe=" that can be behind it is. Return: the
 * path, without data when it stands elsewhere.
 */
static struct span parse_comm(struct audit_fields *fields, struct span value, bool is_interpreted)
{
	struct span exe = {NULL, 0};
	size_t end = word_of(value).length;

	for (size_t i = 0; is_interpreted && i < AUDIT_FIELDS_COMM && i + 5 < value.length; i++)
		if (memcmp(value.data + i, " exe=", 5) == 0) {
			end = i;
			exe = (struct span){value.data + i + 5, value.length - i - 5};
		}
	if (is_interpreted)
		value.length = end;
	parse_name(value, is_interpreted, fields->comm, sizeof(fields->comm));
	return exe;
}

static void parse_exe(struct audit_fields *fields, struct span value, bool is_interpreted)
{
	const uint8_t *end = NULL;

	if (is_interpreted && value.length > 0) {
		end = memmem(value.data, value.length, " subj=", strlen(" subj="));
		if (end == NULL)
			end = memmem(value.data, value.length, " key=", strlen(" key="));
	}
	if (end != NULL)
		value.length = (size_t)(end - value.data);
	parse_name(value, is_interpreted, fields->exe, sizeof(fields->exe));
}

/* ---- a record -------------------------------------------------------------------------- */

enum field {
	FIELD_ARCH,
	FIELD_SYSCALL,
	FIELD_A0,
	FIELD_A1,
	FIELD_URING_OP,
	FIELD_EXIT,
	FIELD_PID,
	FIELD_EUID,
	FIELD_COMM,
	FIELD_EXE,
	FIELD_NUM,
};

#define FIELDS_OF_CALL (1u << FIELD_ARCH | 1u << FIELD_SYSCALL | 1u << FIELD_A0 | 1u << FIELD_A1)

/* The longest name that matters; shorter ones end with zeros. */
#define NAME_SIZE 8

static enum field field_of(const char name[NAME_SIZE])
{
	static const char names[][NAME_SIZE] = {
		[FIELD_ARCH] = "arch", [FIELD_SYSCALL] = "syscall",
		[FIELD_A0] = "a0",     [FIELD_A1] = "a1",
		[FIELD_EXIT] = "exit", [FIELD_URING_OP] = {'u', 'r', 'i', 'n', 'g', '_', 'o', 'p'},
		[FIELD_PID] = "pid",   [FIELD_EUID] = "euid",
		[FIELD_COMM] = "comm", [FIELD_EXE] = "exe",
	};
	TABLE_COVERS(names, FIELD_NUM);
	enum field field = 0;

	while (field < FIELD_NUM && memcmp(name, names[field], NAME_SIZE) != 0)
		field++;
	return field;
}

/* "NAME=VALUE" at the begin of @text, which is moved past VALUE. Return: the value to the end of the record. */
static struct span take_token(struct span *text, enum field *field)
{
	const uint8_t *end = memchr(text->data, ' ', text->length);
	struct span token = {text->data, end != NULL ? (size_t)(end - text->data) : text->length};
	struct span value = *text;
	char name[NAME_SIZE] = "";
	size_t i = 0;

	while (i < token.length && i < NAME_SIZE && token.data[i] != '=') {
		name[i] = (char)token.data[i];
		i++;
	}
	*field = i < token.length && token.data[i] == '=' ? field_of(name) : FIELD_NUM;
	(void)span_skip(&value, i + 1);
	(void)span_skip(text, token.length + (end != NULL));
	return value;
}

static void parse_field(struct audit_fields *fields, enum field field, struct span value, bool is_interpreted)
{
	struct span word = word_of(value);
	uint64_t number;

	switch (field) {
	case FIELD_ARCH:
		parse_arch(fields, word, is_interpreted);
		break;
	case FIELD_SYSCALL:
		parse_syscall(fields, word, is_interpreted);
		break;
	case FIELD_A0:
		fields->has_args = true;
		parse_argument(&fields->args[0], word, is_interpreted);
		break;
	case FIELD_A1:
		parse_argument(&fields->args[1], word, is_interpreted);
		break;
	case FIELD_URING_OP:
		parse_uring(fields, word);
		break;
	case FIELD_EXIT:
		parse_exit(fields, word);
		break;
	case FIELD_PID:
		if (audit_fields_take_decimal(&word, &number) && number <= INT32_MAX)
			fields->pid = (int32_t)number;
		break;
	case FIELD_EUID:
		if (audit_fields_take_decimal(&word, &number) && number < UINT32_MAX)
			fields->euid = (int64_t)number;
		break;
	case FIELD_EXE:
		parse_exe(fields, value, is_interpreted);
		break;
	default:
		break;
	}
}

void audit_fields_parse(struct audit_fields *fields, struct span body, bool is_interpreted,
			enum audit_fields_which which)
{
	unsigned int wanted = which == AUDIT_FIELDS_CALL    ? FIELDS_OF_CALL
			      : which == AUDIT_FIELDS_URING ? 1u << FIELD_URING_OP
							    : (1u << FIELD_NUM) - 1;

	fields->machine = fields->syscall = fields->uring_op = -1;
	fields->has_args = fields->has_exit = false;
	fields->exit = fields->pid = 0;
	fields->euid = -1;
	fields->comm[0] = fields->exe[0] = '\0';
	fields->args[0] = fields->args[1] = UINT64_MAX;
	while (wanted != 0 && body.length > 0) {
		enum field field;
		struct span value = take_token(&body, &field);

		/* The first one counts: others may stand in a name that ausearch -i writes as it is. */
		if (!(wanted & 1u << field))
			continue;
		wanted &= ~(1u << field);
		if (field != FIELD_COMM) {
			parse_field(fields, field, value, is_interpreted);
			continue;
		}
		value = parse_comm(fields, value, is_interpreted);
		if (value.data != NULL)
			parse_exe(fields, value, is_interpreted);
		wanted &= value.data != NULL ? ~(1u << FIELD_EXE) : ~0u;
	}
}

/* ---- addresses ------------------------------------------------------------------------- */

static size_t put_address(const char *ip, uint16_t port, uint8_t address[AUDIT_FIELDS_ADDRESS])
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	_Static_assert(sizeof(v6) <= AUDIT_FIELDS_ADDRESS, "both fit");
	if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1) {
		memcpy(address, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1) {
		memcpy(address, &v6, sizeof(v6));
		return sizeof(v6);
	}
	return 0;
}

static size_t put_family(sa_family_t family, uint8_t address[AUDIT_FIELDS_ADDRESS])
{
	memcpy(address, &family, sizeof(family));
	return sizeof(family);
}

/* "{ saddr_fam=inet laddr=192.0.2.1 lport=80 }", earlier "{ fam=inet ...", earlier still "inet host:192.0.2.1 serv:80"
 */
static size_t named_address(struct span value, uint8_t address[AUDIT_FIELDS_ADDRESS])
{
	struct span ip, port, family;
	char text[WORD_SIZE];
	uint64_t number;

	if (starts(value, "inet")) {
		const uint8_t *host = memmem(value.data, value.length, "host:", 5);
		const uint8_t *serv = memmem(value.data, value.length, "serv:", 5);

		if (host == NULL || serv == NULL)
			return 0;
		ip = word_of((struct span){host + 5, value.length - (size_t)(host + 5 - value.data)});
		port = word_of((struct span){serv + 5, value.length - (size_t)(serv + 5 - value.data)});
	} else {
		if (!find_word(value, "saddr_fam", &family) && !find_word(value, "fam", &family))
			return starts(value, "unspec") ? put_family(AF_UNSPEC, address) : put_family(AF_UNIX, address);
		if (starts(family, "unspec"))
			return put_family(AF_UNSPEC, address);
		if (!starts(family, "inet"))
			return put_family(AF_UNIX, address);
		if (!find_word(value, "laddr", &ip) || !find_word(value, "lport", &port))
			return 0;
	}
	if (!audit_fields_take_decimal(&port, &number) || number > UINT16_MAX)
		return 0;
	return put_address(string_of(ip, text), (uint16_t)number, address);
}

/* The host that wrote the log may have another byte order: both families are below 256. */
static uint16_t family_of(const uint8_t *bytes)
{
	return bytes[0] != 0 ? bytes[0] : bytes[1];
}

size_t audit_fields_address(struct span body, bool is_interpreted, uint8_t address[AUDIT_FIELDS_ADDRESS])
{
	uint8_t bytes[AUDIT_FIELDS_ADDRESS];
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct span value;
	size_t length;

	if (!find_field(body, "saddr", &value))
		return 0;
	length = audit_fields_hex(value, bytes, sizeof(bytes));
	if (length < 2 || is_interpreted)
		return is_interpreted ? named_address(value, address) : 0;
	/* Behind the address, sin_zero and the rest of a longer length are what was in the program's memory. */
	if (family_of(bytes) == AF_INET && length >= 8) {
		memcpy(&v4.sin_port, bytes + 2, 2);
		memcpy(&v4.sin_addr, bytes + 4, 4);
		memcpy(address, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (family_of(bytes) == AF_INET6 && length >= 24) {
		memcpy(&v6.sin6_port, bytes + 2, 2);
		memcpy(&v6.sin6_addr, bytes + 8, 16);
		memcpy(address, &v6, sizeof(v6));
		return sizeof(v6);
	}
	if (family_of(bytes) == AF_INET || family_of(bytes) == AF_INET6)
		return 0;
	return put_family(family_of(bytes), address);
}
