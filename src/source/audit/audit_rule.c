// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_rule.h"

#include <inttypes.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>

#define KEY_BEGIN "conntrace-"
/* io_uring_enter(2)'s operations IORING_OP_ACCEPT and IORING_OP_CONNECT. */
#define URING_ACCEPT 13
#define URING_CONNECT 16
/* audit.h of Linux before 5.16 lacks it. */
#ifndef AUDIT_FILTER_URING_EXIT
#define AUDIT_FILTER_URING_EXIT 7
#endif

static const struct {
	uint32_t arch;
	int machine;
} machines[] = {
#if defined(__x86_64__)
	{AUDIT_ARCH_X86_64, MACH_86_64},
	{AUDIT_ARCH_I386, MACH_X86},
#elif defined(__aarch64__)
	{AUDIT_ARCH_AARCH64, MACH_AARCH64},
	{AUDIT_ARCH_ARM, MACH_ARM},
#else
#error "the architecture's number in linux/audit.h is needed"
#endif
};

/* close(2) is not among them: the end of a connection comes with its final counters, and most files are no sockets. */
static const char *const calls[] = {"socket", "bind", "connect", "listen", "accept", "accept4", "socketcall",
				    "dup",    "dup2", "dup3",    "fork",   "vfork",  "clone",   "clone3"};

size_t audit_rule_machines(void)
{
	return sizeof(machines) / sizeof(machines[0]);
}

size_t audit_rule_size(const struct audit_rule *rule)
{
	return sizeof(rule->data) + rule->data.buflen;
}

static void set_bit(struct audit_rule *rule, int number)
{
	if (number >= 0 && number < AUDIT_BITMASK_SIZE * 32)
		rule->data.mask[AUDIT_WORD(number)] |= AUDIT_BIT(number);
}

static void add_field(struct audit_rule *rule, uint32_t field, uint32_t operator, uint32_t value)
{
	uint32_t at = rule->data.field_count++;

	rule->data.fields[at] = field;
	rule->data.fieldflags[at] = operator;
	rule->data.values[at] = value;
}

/* libaudit adds a key only for auditctl(8). */
static void add_key(struct audit_rule *rule, const struct audit_rule_owner *owner)
{
	int length = snprintf(rule->room + sizeof(rule->data), AUDIT_RULE_KEY, KEY_BEGIN "%d-%" PRIu64 "-%d",
			      (int)owner->pid, owner->start, owner->switched_on);

	add_field(rule, AUDIT_FILTERKEY, AUDIT_EQUAL, (uint32_t)length);
	rule->data.buflen = (uint32_t)length;
}

static void set_calls(struct audit_rule *rule, enum audit_rule_kind kind, size_t machine)
{
	add_field(rule, AUDIT_ARCH, AUDIT_EQUAL, machines[machine].arch);
	if (kind == AUDIT_RULE_PROBE)
		set_bit(rule, audit_name_to_syscall("getppid", machines[machine].machine));
	for (size_t i = 0; kind != AUDIT_RULE_PROBE && i < sizeof(calls) / sizeof(calls[0]); i++)
		set_bit(rule, audit_name_to_syscall(calls[i], machines[machine].machine));
}

void audit_rule_make(struct audit_rule *rule, enum audit_rule_kind kind, size_t machine, pid_t pid,
		     const struct audit_rule_owner *owner)
{
	bool is_uring = kind == AUDIT_RULE_URING || kind == AUDIT_RULE_URING_ALL;
	bool is_all = kind == AUDIT_RULE_ALL || kind == AUDIT_RULE_URING_ALL;

	memset(rule, 0, sizeof(*rule));
	rule->data.flags = is_uring ? AUDIT_FILTER_URING_EXIT : AUDIT_FILTER_EXIT;
	rule->data.action = AUDIT_ALWAYS;
	if (is_uring) {
		set_bit(rule, URING_ACCEPT);
		set_bit(rule, URING_CONNECT);
	} else {
		set_calls(rule, kind, machine);
	}
	/* No process has the number 0. */
	add_field(rule, kind == AUDIT_RULE_CHILDREN ? AUDIT_PPID : AUDIT_PID, is_all ? AUDIT_NOT_EQUAL : AUDIT_EQUAL,
		  kind == AUDIT_RULE_MARK ? 0 : (uint32_t)pid);
	add_key(rule, owner);
}

/* The key of a listed rule: its texts are in the order of the fields. Return: false when there is none. */
static bool key_of(const struct audit_rule_data *data, size_t length, char key[AUDIT_RULE_KEY])
{
	size_t at = 0, size;

	if (length < sizeof(*data) || data->field_count > AUDIT_MAX_FIELDS || data->buflen > length - sizeof(*data))
		return false;
	for (uint32_t i = 0; i < data->field_count; i++) {
		switch (data->fields[i]) {
		case AUDIT_FILTERKEY:
			size = data->values[i];
			if (size >= AUDIT_RULE_KEY || size > data->buflen - at)
				return false;
			memcpy(key, data->buf + at, size);
			key[size] = '\0';
			return true;
		/* None of the rules that a run makes has another text. */
		case AUDIT_WATCH:
		case AUDIT_DIR:
		case AUDIT_EXE:
			return false;
		default:
			break;
		}
	}
	return false;
}

bool audit_rule_owner(const struct audit_rule_data *data, size_t length, struct audit_rule_owner *owner)
{
	char key[AUDIT_RULE_KEY], rest;
	int pid, switched_on;
	uint64_t start;

	if (!key_of(data, length, key) ||
	    sscanf(key, KEY_BEGIN "%d-%" SCNu64 "-%d%c", &pid, &start, &switched_on, &rest) != 3)
		return false;
	*owner = (struct audit_rule_owner){pid, start, switched_on == 1};
	return pid > 0 && (switched_on == 0 || switched_on == 1);
}

bool audit_rule_owns_text(const struct audit_rule_owner *owner, const char *text, size_t length)
{
	char key[AUDIT_RULE_KEY + sizeof("key=\"-")];
	int size = snprintf(key, sizeof(key), "key=\"" KEY_BEGIN "%d-%" PRIu64 "-", (int)owner->pid, owner->start);

	return memmem(text, length, key, (size_t)size) != NULL;
}

bool audit_rule_hides_all(const struct audit_rule_data *data, size_t length)
{
	return length >= sizeof(*data) && (data->flags & ~AUDIT_FILTER_PREPEND) == AUDIT_FILTER_TASK &&
	       data->action == AUDIT_NEVER && data->field_count == 0;
}

bool audit_rule_excludes(const struct audit_rule_data *data, size_t length)
{
	if (length < sizeof(*data) || (data->flags & ~AUDIT_FILTER_PREPEND) != AUDIT_FILTER_EXCLUDE ||
	    data->field_count > AUDIT_MAX_FIELDS)
		return false;
	for (uint32_t i = 0; i < data->field_count; i++)
		if (data->fields[i] == AUDIT_MSGTYPE && data->fieldflags[i] == AUDIT_EQUAL &&
		    (data->values[i] == AUDIT_SYSCALL || data->values[i] == AUDIT_SOCKADDR))
			return true;
	return false;
}
