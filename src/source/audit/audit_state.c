// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/audit/audit_state.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "system/procfs.h"

/* The records of a rule that is added and removed come at once, unless audit drops such records. */
#define PROBE_NS (3 * CLOCK_NS_PER_SEC)

struct audit_state {
	struct audit_control *control;
	struct audit_rule_owner owner;
	struct audit_control_status found;
	size_t removed;
};

/* ---- rules of runs ---------------------------------------------------------------------- */

/** struct survey - the rules of runs */
struct survey {
	struct audit_control *control;
	pid_t own;      /* process of this run: its rules are to go, too */
	bool others;    /* another run has rules */
	bool switched;  /* one that has ended found audit switched off */
	bool hides_all; /* no process is audited */
	bool excludes;  /* records of calls are not made */
	void **rules;   /* copies of those that are to go */
	size_t *lengths;
	size_t count;
};

static void note(void *context, const struct audit_rule_data *rule, size_t length)
{
	struct survey *survey = context;
	struct audit_rule_owner owner;

	survey->excludes |= audit_rule_excludes(rule, length);
	survey->hides_all |= audit_rule_hides_all(rule, length);
	if (!audit_rule_owner(rule, length, &owner))
		return;
	if (owner.pid != survey->own && procfs_start(owner.pid) == owner.start) {
		survey->others = true;
		return;
	}
	survey->switched |= owner.switched_on;
	survey->rules = array_extend(survey->rules, survey->count, sizeof(*survey->rules));
	survey->lengths = array_extend(survey->lengths, survey->count, sizeof(*survey->lengths));
	survey->rules[survey->count] = xcalloc(1, length);
	memcpy(survey->rules[survey->count], rule, length);
	survey->lengths[survey->count++] = length;
}

static void survey_end(struct survey *survey)
{
	for (size_t i = 0; i < survey->count; i++)
		free(survey->rules[i]);
	free(survey->rules);
	free(survey->lengths);
}

/* Return: how many of the noted rules were removed. */
static size_t remove_rules(struct survey *survey)
{
	size_t removed = 0;

	for (size_t i = 0; i < survey->count; i++)
		removed += audit_control_delete(survey->control, survey->rules[i], survey->lengths[i]) == 0;
	return removed;
}

/* ---- opening -------------------------------------------------------------------------- */

static int why_not(int error, struct err *err)
{
	if (error == -EPERM || error == -EACCES)
		return err_set(err, EPERM, "audit is not permitted: %s",
			       geteuid() == 0
				       ? "a container (its processes have other numbers), or the lack of "
					 "CAP_AUDIT_CONTROL, forbids it"
				       : "run conntrace as root, or give it CAP_AUDIT_CONTROL and CAP_AUDIT_READ");
	if (error == -ECONNREFUSED)
		return err_set(err, EPERM, "audit is not permitted: it answers in the first user namespace only");
	return err_set(err, -error, "the kernel's audit does not answer: %s", strerror(-error));
}

/* What forbids rules, by status and rules. */
static int check(const struct audit_control_status *status, const struct survey *survey, struct err *err)
{
	if (status->enabled == 2)
		return err_set(err, EPERM,
			       "the rules of audit are locked until the next boot (auditctl -e 2): none can be added");
	if (status->failure == AUDIT_FAIL_PANIC)
		return err_set(
			err, ENOTSUP,
			"the kernel would stop if a record of audit were lost (auditctl -f 2): no record is added");
	if (survey->excludes)
		return err_set(err, ENOTSUP,
			       "a rule of audit excludes the records of calls or of addresses: auditctl -l shows it, "
			       "auditctl -d exclude,always -F msgtype=... removes it");
	if (survey->hides_all)
		return err_set(
			err, ENOTSUP,
			"a rule of audit keeps the kernel from auditing processes: auditctl -d never,task removes it, "
			"and processes that were started under it must be started again");
	return 0;
}

static int look(struct survey *survey, struct audit_control_status *status, struct err *err)
{
	int rc = audit_control_status(survey->control, status);

	if (rc == 0)
		rc = audit_control_rules(survey->control, note, survey);
	return rc != 0 ? why_not(rc, err) : check(status, survey, err);
}

int audit_state_check(struct audit_control *control, struct err *err)
{
	struct survey survey = {.control = control};
	struct audit_control_status status;
	int rc = look(&survey, &status, err);

	survey_end(&survey);
	return rc;
}

/* A rule that matches nothing: the last run is to switch audit off. */
static void add_mark(const struct audit_state *state)
{
	struct audit_rule mark;

	audit_rule_make(&mark, AUDIT_RULE_MARK, 0, 0, &state->owner);
	(void)audit_control_add(state->control, &mark.data, audit_rule_size(&mark));
}

int audit_state_open(struct audit_state **opened, struct audit_control *control, struct audit_rule_owner *owner,
		     struct err *err)
{
	struct survey survey = {.control = control, .own = owner->pid};
	struct audit_state *state = xcalloc(1, sizeof(*state));
	int rc = look(&survey, &state->found, err);

	state->control = control;
	owner->switched_on = state->found.enabled == 0 || survey.switched;
	state->owner = *owner;
	/* Before anything is changed that a run which is killed would leave. */
	if (rc == 0 && owner->switched_on)
		add_mark(state);
	if (rc == 0)
		state->removed = remove_rules(&survey);
	survey_end(&survey);
	if (rc == 0 && state->found.enabled == 0) {
		rc = audit_control_enable(control, true);
		if (rc != 0)
			(void)why_not(rc, err);
	}
	if (rc == 0)
		*opened = state;
	else
		free(state);
	return rc;
}

const struct audit_control_status *audit_state_found(const struct audit_state *state)
{
	return &state->found;
}

size_t audit_state_removed(const struct audit_state *state)
{
	return state->removed;
}

void audit_state_close(struct audit_state *state)
{
	struct survey survey = {0};

	if (state == NULL)
		return;
	survey.control = state->control;
	survey.own = state->owner.pid;
	survey.switched = state->owner.switched_on;
	(void)audit_control_rules(state->control, note, &survey);
	/* Off before the rules that say so are removed: the run may be killed between. */
	if (survey.switched && !survey.others)
		(void)audit_control_enable(state->control, false);
	(void)remove_rules(&survey);
	if (survey.switched && survey.others) {
		state->owner.switched_on = true;
		add_mark(state);
	}
	survey_end(&survey);
	free(state);
}

/* ---- is this process audited? ----------------------------------------------------------- */

/* Records of the kernel come in order: that of the call is before that of the rule's removal. */
static bool take_record(const struct audit_state *state, const struct nlmsghdr *header, size_t length,
			enum audit_sight *sight)
{
	const char *text = (const char *)(header + 1);
	size_t size = length - sizeof(*header);

	if (!audit_rule_owns_text(&state->owner, text, size))
		return false;
	if (header->nlmsg_type == AUDIT_SYSCALL)
		*sight = AUDIT_SIGHT_AUDITED;
	if (header->nlmsg_type != AUDIT_CONFIG_CHANGE || memmem(text, size, "remove_rule", 11) == NULL)
		return false;
	if (*sight == AUDIT_SIGHT_UNKNOWN)
		*sight = AUDIT_SIGHT_BLIND;
	return true;
}

enum audit_sight audit_state_probe(struct audit_state *state, int records)
{
	int64_t until_ns = clock_after(clock_monotonic(), PROBE_NS), left_ns;
	uint8_t buffer[16384] __attribute__((aligned(8)));
	enum audit_sight sight = AUDIT_SIGHT_UNKNOWN;
	struct pollfd wait = {.fd = records, .events = POLLIN};
	struct audit_rule rule;

	audit_rule_make(&rule, AUDIT_RULE_PROBE, 0, getpid(), &state->owner);
	if (audit_control_add(state->control, &rule.data, audit_rule_size(&rule)) != 0)
		return sight;
	(void)syscall(SYS_getppid);
	(void)audit_control_delete(state->control, &rule.data, audit_rule_size(&rule));
	while ((left_ns = clock_since(clock_monotonic(), until_ns)) > 0) {
		ssize_t got;

		(void)poll(&wait, 1, (int)(left_ns / CLOCK_NS_PER_MS) + 1);
		got = recv(records, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (got >= (ssize_t)sizeof(struct nlmsghdr) &&
		    take_record(state, (const struct nlmsghdr *)buffer, (size_t)got, &sight))
			break;
	}
	return sight;
}
