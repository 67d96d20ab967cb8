// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/expect/expect_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/words.h"
#include "base/xalloc.h"
#include "model/network.h"
#include "model/port_range.h"

#define RULES_MAX 10000
/* A file of that many rules is shorter. */
#define FILE_MAX (4 << 20)
#define BLANKS " \t\r"

/* An endpoint; @any_address: each address. */
struct place {
	struct network network;
	struct port_range ports;
	bool any_address;
};

/**
 * struct rule - one sentence
 * @text: as written, without blanks around it
 * @forbids: "no"
 * @other: "no other"
 * @dir: DIR_UNKNOWN both
 * @places: of the other side, or the local port; @count 0 everything
 * @ports: of the local side, as places without address
 * @name: of the process, NULL any
 * @results: bits of enum conn_result, 0 any
 */
struct rule {
	char *text;
	bool forbids, other;
	enum conn_dir dir;
	struct place *places;
	size_t count;
	struct place *ports;
	size_t port_count;
	char *name;
	unsigned int results;
};

struct expect_rules {
	struct rule *list;
	size_t count;
	const char **files;
	size_t file_count;
};

#define FAILED                                                                                     \
	(1U << RESULT_REFUSED | 1U << RESULT_RESET | 1U << RESULT_TIMEOUT | 1U << RESULT_UNREACH | \
	 1U << RESULT_ABORT | 1U << RESULT_ERROR)

struct expect_rules *expect_rules_new(void)
{
	return xcalloc(1, sizeof(struct expect_rules));
}

static void clear_rule(struct rule *rule)
{
	free(rule->text);
	free(rule->places);
	free(rule->ports);
	free(rule->name);
}

void expect_rules_free(struct expect_rules *rules)
{
	if (rules == NULL)
		return;
	for (size_t i = 0; i < rules->count; i++)
		clear_rule(&rules->list[i]);
	free(rules->list);
	free(rules->files);
	free(rules);
}

/* ---- the parser ------------------------------------------------------------------- */

/* The colon before the port: an address of IPv6 with a port is in brackets. */
static char *find_port(char *word)
{
	char *bracket = word[0] == '[' ? strchr(word, ']') : NULL;
	char *colon = strchr(bracket != NULL ? bracket : word, ':');

	return colon != NULL && bracket == NULL && strchr(colon + 1, ':') != NULL ? NULL : colon;
}

/* "10.0.0.0/8:5432", "[2001:db8::]/32:80-90", "*:25", ":25" */
static int parse_place(struct place *place, char *word, struct err *err)
{
	char *port = find_port(word), *slash = strchr(word, '/');
	int rc = 0;

	if (port == NULL && slash != NULL && strchr(slash, ':') != NULL)
		return err_set(err, EINVAL,
			       ERR_QUOTED ": with a port, the address of an IPv6 network is in brackets: [%.*s]%s",
			       word, (int)(slash - word), word, slash);

	*place = (struct place){.ports = {0, UINT16_MAX}};
	if (port != NULL) {
		*port++ = '\0';
		rc = port_range_parse(port, &place->ports, err);
	}
	place->any_address = strcmp(word, "*") == 0 || (word[0] == '\0' && port != NULL);
	return rc != 0 || place->any_address ? rc : network_parse(word, &place->network, err);
}

static int parse_port(struct place *place, char *word, struct err *err)
{
	*place = (struct place){.any_address = true};
	return port_range_parse(word, &place->ports, err);
}

static int parse_list(struct place **places, size_t *count, const char *list,
		      int (*parse)(struct place *place, char *word, struct err *err), struct err *err)
{
	struct words words = words_open(list);
	int rc = *count > 0 ? err_set(err, EINVAL, ERR_QUOTED " is a second list of its kind", list) : 0;
	char *word;

	while (rc == 0 && (word = words_next(&words)) != NULL) {
		*places = array_extend(*places, *count, sizeof(**places));
		rc = parse(&(*places)[(*count)++], word, err);
	}
	words_close(&words);
	return rc;
}

/* What a clause can be said of: "to" of those that go out, the others of those that come in. */
static int set_dir(struct rule *rule, enum conn_dir dir, const char *word, struct err *err)
{
	if (rule->dir != DIR_UNKNOWN && rule->dir != dir)
		return err_set(err, EINVAL, ERR_QUOTED " is for connections that %s", word,
			       dir == DIR_OUT ? "go out" : "come in");
	rule->dir = dir;
	return 0;
}

static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit != '\0' ? strchr(digits, digit) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

/* COMM is printed with \xNN for other bytes, and is read so. */
static char *parse_name(const char *word)
{
	char *name = xmalloc(strlen(word) + 1), *to = name;

	while (*word != '\0') {
		bool escaped = word[0] == '\\' && word[1] == 'x' && hex_digit(word[2]) >= 0 && hex_digit(word[3]) >= 0;

		*to++ = escaped ? (char)(hex_digit(word[2]) << 4 | hex_digit(word[3])) : *word;
		word += escaped ? 4 : 1;
	}
	*to = '\0';
	return name;
}

static int parse_clause(struct rule *rule, const char *word, const char *operand, struct err *err)
{
	int rc = 0;

	if (operand == NULL)
		return err_set(err, EINVAL, ERR_QUOTED " needs a word after it", word);
	if (strcmp(word, "by") == 0) {
		if (rule->name != NULL)
			return err_set(err, EINVAL, ERR_QUOTED " is a second name", operand);
		rule->name = parse_name(operand);
		return 0;
	}
	rc = set_dir(rule, strcmp(word, "to") == 0 ? DIR_OUT : DIR_IN, word, err);
	if (rc != 0)
		return rc;
	if (strcmp(word, "on") == 0)
		return parse_list(&rule->ports, &rule->port_count, operand, parse_port, err);
	return parse_list(&rule->places, &rule->count, operand, parse_place, err);
}

static bool is_clause(const char *word)
{
	static const char *const clauses[] = {"to", "from", "on", "by"};

	for (size_t i = 0; i < sizeof(clauses) / sizeof(clauses[0]); i++)
		if (strcmp(word, clauses[i]) == 0)
			return true;
	return false;
}

/* Bits of the results that a word means, 0: it is none. */
static unsigned int parse_result(const char *word)
{
	if (strcmp(word, "fail") == 0)
		return FAILED;
	for (unsigned int result = RESULT_OK; result < RESULT_PENDING; result++)
		if (strcmp(word, conn_result_text(result)) == 0)
			return 1U << result;
	return 0;
}

static int check_rule(const struct rule *rule, struct err *err)
{
	if (rule->other && rule->results != 0)
		return err_set(err, EINVAL, "\"no other\" has no result");
	if (rule->other || rule->dir != DIR_UNKNOWN || rule->name != NULL || rule->results != 0)
		return 0;
	return err_set(err, EINVAL, "it says nothing about connections");
}

static int refuse_word(const char *word, struct err *err)
{
	static const char *const known[] = {"in", "out", "to", "from", "on", "by", "no", "other", "fail"};
	const size_t count = sizeof(known) / sizeof(known[0]);
	const char *nearest = NULL;
	unsigned int best = WORDS_FAR;

	for (size_t i = 0; i < count + RESULT_PENDING - RESULT_OK; i++) {
		const char *name = i < count ? known[i] : conn_result_text(RESULT_OK + (unsigned int)(i - count));
		unsigned int far = words_distance(word, name);

		nearest = far < best ? name : nearest;
		best = far < best ? far : best;
	}
	if (nearest != NULL)
		return err_set(err, EINVAL, ERR_QUOTED " is not understood; did you mean %s?", word, nearest);
	return err_set(err, EINVAL, ERR_QUOTED " is not understood; allowed are in, out, to, from, on, by and a result",
		       word);
}

/* @copy is the sentence, which is cut into words. */
static int parse_rule(struct rule *rule, char *copy, struct err *err)
{
	char *rest = NULL, *word = strtok_r(copy, BLANKS, &rest);
	int rc = 0;

	rule->forbids = word != NULL && strcmp(word, "no") == 0;
	if (rule->forbids)
		word = strtok_r(NULL, BLANKS, &rest);
	rule->other = rule->forbids && word != NULL && strcmp(word, "other") == 0;
	if (rule->other)
		word = strtok_r(NULL, BLANKS, &rest);
	if (word != NULL && (strcmp(word, "in") == 0 || strcmp(word, "out") == 0)) {
		rule->dir = strcmp(word, "in") == 0 ? DIR_IN : DIR_OUT;
		word = strtok_r(NULL, BLANKS, &rest);
	}
	while (rc == 0 && word != NULL && is_clause(word)) {
		rc = parse_clause(rule, word, strtok_r(NULL, BLANKS, &rest), err);
		word = strtok_r(NULL, BLANKS, &rest);
	}
	if (rc == 0 && word != NULL) {
		rule->results = parse_result(word);
		if (rule->results == 0)
			return refuse_word(word, err);
		word = strtok_r(NULL, BLANKS, &rest);
		if (word != NULL)
			return err_set(err, EINVAL, ERR_QUOTED " follows the result, which ends a rule", word);
	}
	return rc == 0 ? check_rule(rule, err) : rc;
}

/* @sentence: without comment; it may be blank */
static int add_rule(struct expect_rules *rules, char *sentence, struct err *err)
{
	struct rule *rule;
	char *copy;
	size_t length;
	int rc;

	sentence += strspn(sentence, BLANKS);
	for (length = strlen(sentence); length > 0 && strchr(BLANKS, sentence[length - 1]) != NULL; length--)
		sentence[length - 1] = '\0';
	if (length == 0)
		return 0;
	if (rules->count == RULES_MAX)
		return err_set(err, EINVAL, "there are more than %d rules", RULES_MAX);
	rules->list = array_extend(rules->list, rules->count, sizeof(*rules->list));
	rule = &rules->list[rules->count++];
	*rule = (struct rule){.text = xstrdup(sentence)};
	copy = xstrdup(sentence);
	rc = parse_rule(rule, copy, err);
	free(copy);
	if (rc != 0)
		err_wrap(err, ERR_QUOTED, rule->text);
	return rc;
}

int expect_rules_add(struct expect_rules *rules, const char *text, struct err *err)
{
	char *copy = xstrdup(text), *lines = copy, *line, *sentence;
	size_t before = rules->count;
	int rc = 0;

	while (rc == 0 && (line = strsep(&lines, "\n")) != NULL) {
		line[strcspn(line, "#")] = '\0';
		while (rc == 0 && (sentence = strsep(&line, ";")) != NULL)
			rc = add_rule(rules, sentence, err);
	}
	free(copy);
	return rc == 0 && rules->count == before ? err_set(err, EINVAL, "there is no rule in it") : rc;
}

int expect_rules_read(struct expect_rules *rules, const char *path, struct err *err)
{
	FILE *file = fopen(path, "re");
	size_t length = 0;
	char *text;
	int rc;

	if (file == NULL)
		return err_set(err, errno, "cannot open " ERR_QUOTED ": %s", path, strerror(errno));
	rules->files = array_extend(rules->files, rules->file_count, sizeof(*rules->files));
	rules->files[rules->file_count++] = path;
	text = xmalloc(FILE_MAX + 1);
	errno = 0;
	length = fread(text, 1, FILE_MAX, file);
	text[length] = '\0';
	if (ferror(file))
		rc = err_set(err, errno != 0 ? errno : EIO, "cannot read " ERR_QUOTED ": %s", path, strerror(errno));
	else if (length == FILE_MAX || strlen(text) != length)
		rc = err_set(err, EINVAL, ERR_QUOTED " is not a file of rules", path);
	else
		rc = expect_rules_add(rules, text, err);
	free(text);
	fclose(file);
	if (rc == -EINVAL)
		err_wrap(err, ERR_QUOTED, path);
	return rc;
}

const char *expect_rules_file(const struct expect_rules *rules, size_t index)
{
	return rules != NULL && index < rules->file_count ? rules->files[index] : NULL;
}

/* ---- judgement ---------------------------------------------------------------------- */

/** enum applies - whether a rule is about a connection */
enum applies {
	APPLIES_NO,
	APPLIES_UNKNOWN,
	APPLIES_YES
};

static enum applies least(enum applies a, enum applies b)
{
	return a < b ? a : b;
}

static enum applies yes_if(bool is_known, bool is_so)
{
	return !is_known ? APPLIES_UNKNOWN : is_so ? APPLIES_YES : APPLIES_NO;
}

static enum applies is_among(const struct place *places, size_t count, const struct endpoint *end)
{
	enum applies best = count == 0 ? APPLIES_YES : APPLIES_NO;

	for (size_t i = 0; i < count && best != APPLIES_YES; i++) {
		const struct place *place = &places[i];
		bool any_port = place->ports.low == 0 && place->ports.high == UINT16_MAX;
		enum applies applies = least(
			place->any_address ? APPLIES_YES
					   : yes_if(endpoint_has_ip(end), network_contains(&place->network, end)),
			any_port ? APPLIES_YES : yes_if(end->port != 0, port_range_contains(&place->ports, end->port)));

		best = applies > best ? applies : best;
	}
	return best;
}

/* Whatever its result. */
static enum applies is_about(const struct rule *rule, const struct conn *conn)
{
	const struct process *process = conn->process;
	enum applies applies = APPLIES_YES;

	if (rule->dir != DIR_UNKNOWN)
		applies = yes_if(conn->dir != DIR_UNKNOWN, conn->dir == rule->dir);
	if (rule->name != NULL)
		applies = least(applies, yes_if(process != NULL && process->comm[0] != '\0',
						process != NULL && strcmp(process->comm, rule->name) == 0));
	applies = least(applies, is_among(rule->places, rule->count, &conn->flow.remote));
	return least(applies, is_among(rule->ports, rule->port_count, &conn->flow.local));
}

static enum applies has_result(const struct rule *rule, const struct conn *conn)
{
	if (rule->results == 0)
		return APPLIES_YES;
	return yes_if(conn->result != RESULT_UNKNOWN && conn->result != RESULT_PENDING,
		      (rule->results >> conn->result & 1) != 0);
}

/**
 * struct permission - what the rules without "no" say together
 * @named: whether any is about the connection
 * @kept: whether any of these has its result
 * @rule: the first one that has not
 */
struct permission {
	enum applies named, kept;
	const char *rule;
};

static struct permission permit(const struct expect_rules *rules, const struct conn *conn)
{
	struct permission permission = {APPLIES_NO, APPLIES_NO, NULL};

	for (size_t i = 0; i < rules->count && permission.kept != APPLIES_YES; i++) {
		const struct rule *rule = &rules->list[i];
		enum applies named = rule->forbids ? APPLIES_NO : is_about(rule, conn), kept;

		if (named == APPLIES_NO)
			continue;
		kept = least(named, has_result(rule, conn));
		permission.named = named > permission.named ? named : permission.named;
		permission.kept = kept > permission.kept ? kept : permission.kept;
		if (permission.rule == NULL)
			permission.rule = rule->text;
	}
	return permission;
}

static enum applies forbids(const struct rule *rule, const struct conn *conn, const struct permission *permission)
{
	enum applies applies = least(is_about(rule, conn), has_result(rule, conn));

	if (!rule->forbids)
		return APPLIES_NO;
	/* APPLIES_YES becomes APPLIES_NO, and the other way round. */
	return rule->other ? least(applies, APPLIES_YES - permission->named) : applies;
}

enum expect_outcome expect_rules_judge(const struct expect_rules *rules, const struct conn *conn, const char **rule)
{
	struct permission permission = permit(rules, conn);
	enum expect_outcome outcome = EXPECT_KEPT;

	if (permission.named == APPLIES_YES && permission.kept != APPLIES_YES) {
		*rule = permission.rule;
		outcome = permission.kept == APPLIES_NO ? EXPECT_BROKEN : EXPECT_UNPROVEN;
	} else if (permission.named == APPLIES_UNKNOWN && permission.kept == APPLIES_NO) {
		*rule = permission.rule;
		outcome = EXPECT_UNPROVEN;
	}
	for (size_t i = 0; i < rules->count && outcome != EXPECT_BROKEN; i++) {
		enum applies applies = forbids(&rules->list[i], conn, &permission);

		if (applies == APPLIES_YES)
			outcome = EXPECT_BROKEN;
		else if (applies == APPLIES_UNKNOWN && outcome == EXPECT_KEPT)
			outcome = EXPECT_UNPROVEN;
		else
			continue;
		*rule = rules->list[i].text;
	}
	return outcome;
}
