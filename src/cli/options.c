// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/redact.h"
#include "base/table.h"
#include "base/words.h"
#include "base/xalloc.h"
#include "cli/options_check.h"
#include "cli/option_debug.h"
#include "cli/option_files.h"
#include "cli/option_pids.h"
#include "cli/option_report.h"
#include "cli/option_user.h"
#include "source/packet/dissect.h"
#include "track/tracker.h"

/*
 * options.def becomes one table of struct option_def, and all code here reads
 * that table: the options of getopt_long(3), the allowed values, the defaults
 * and --help. So an option cannot exist in only one of these places.
 */

/** Ten years: no limit in practice, small enough to be added to any time. */
#define LONGEST_NS (INT64_C(315360000) * CLOCK_NS_PER_SEC)
#define DAY_NS (INT64_C(86400) * CLOCK_NS_PER_SEC)
/** Above any count of connections or rows, and far below an overflow. */
#define COUNT_MOST INT64_C(1000000000000000)
/** --retrans-ms was not given. */
#define RETRANS_UNSET INT64_MIN

static const char *const via_words[] = {"auto", "ptrace", "diag", "bpf", "perf", "audit", NULL};
TABLE_COVERS(via_words, OPTIONS_VIA_NUM + 1);
static const char *const schema_words[] = {"conntrace", "zeek", "ecs", "otel", NULL};
TABLE_COVERS(schema_words, REPORT_SCHEMA_NUM + 1);
static const char *const color_words[] = {"auto", "always", "never", NULL};
TABLE_COVERS(color_words, OPTIONS_COLOR_NUM + 1);
struct option_def;
typedef int option_take(struct options *options, const struct option_def *def, const char *word, struct err *err);

/* One line of options.def. @offset is the field's place in struct options; @low is a flag's value, too. */
struct option_def {
	int letter;
	const char *name;
	const char *argument;
	option_take *take;
	size_t offset;
	int64_t low;
	int64_t high;
	const char *const *words;
	const char *fallback;
};

/* "-p", "--peer" or "-p, --pid": the option as shown in messages. */
static const char *option_name(const struct option_def *def)
{
	static char name[64];

	if (def->name != NULL)
		snprintf(name, sizeof(name), "--%s", def->name);
	else
		snprintf(name, sizeof(name), "-%c", def->letter);
	return name;
}

static void *option_field(struct options *options, const struct option_def *def)
{
	return (char *)options + def->offset;
}

static int take_flag(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	bool value = def->low != 0;

	(void)word;
	(void)err;
	memcpy(option_field(options, def), &value, sizeof(value));
	return 0;
}

static int take_text(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	if (*word == '\0')
		return err_set(err, EINVAL, "%s needs an argument that is not empty", option_name(def));
	memcpy(option_field(options, def), &word, sizeof(word));
	return 0;
}

static int take_number(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	int64_t value;

	if (number_parse(word, def->low, def->high, &value) == 0) {
		memcpy(option_field(options, def), &value, sizeof(value));
		return 0;
	}
	return err_set(err, EINVAL, "%s " ERR_QUOTED " is not allowed; it takes a whole number from %lld to %lld",
		       option_name(def), word, (long long)def->low, (long long)def->high);
}

static int take_seconds(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	bool is_duration = strcmp(def->argument, "SEC") == 0;
	int64_t value;

	if ((is_duration ? number_parse_duration : number_parse_seconds)(word, def->low, def->high, &value) == 0) {
		memcpy(option_field(options, def), &value, sizeof(value));
		return 0;
	}
	return err_set(err, EINVAL, "%s " ERR_QUOTED " is not allowed; it takes %s from %g to %.0f%s", option_name(def),
		       word, is_duration ? "seconds" : "numbers", (double)def->low / CLOCK_NS_PER_SEC,
		       (double)def->high / CLOCK_NS_PER_SEC, is_duration ? ", or a number with s, m, h or d" : "");
}

static int take_milliseconds(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	int64_t value;

	/* Read as seconds, so that decimals are allowed. */
	if (number_parse_seconds(word, 0, DAY_NS * 1000, &value) != 0)
		return err_set(err, EINVAL, "%s " ERR_QUOTED " is not allowed; it takes milliseconds from 0 to %lld",
			       option_name(def), word, (long long)(DAY_NS / CLOCK_NS_PER_MS));
	value = value > 0 ? value / 1000 : SUSPICIOUS_OFF;
	memcpy(option_field(options, def), &value, sizeof(value));
	return 0;
}

static int take_word(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	char allowed[64] = "";
	size_t used = 0;

	for (unsigned int i = 0; def->words[i] != NULL; i++) {
		if (used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s", i > 0 ? ", " : "",
						 def->words[i]);
		if (strcmp(def->words[i], word) == 0) {
			/* All enums of struct options are unsigned int, as all supported compilers make them. */
			memcpy(option_field(options, def), &i, sizeof(i));
			return 0;
		}
	}
	return err_set(err, EINVAL, "%s does not know " ERR_QUOTED "; allowed are %s", option_name(def), word, allowed);
}

static int take_pids(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	return option_pids_parse(options, word, err);
}

static int take_user(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	return option_user_set(&options->user, option_name(def), word, err);
}

static int take_drop_to(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	return option_user_set(&options->drop_to, option_name(def), word, err);
}

static int take_interface(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	if (*word == '\0')
		return err_set(err, EINVAL, "%s needs the name of an interface; see \"ip link\"", option_name(def));
	for (size_t i = 0; i < options->interface_count; i++)
		if (strcmp(options->interfaces[i], word) == 0)
			return 0;
	options->interfaces = array_extend(options->interfaces, options->interface_count, sizeof(*options->interfaces));
	options->interfaces[options->interface_count++] = word;
	return 0;
}

static int take_read(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	options->read = options->read_count > 0 ? options->reads[0] : word;
	return option_files_add(&options->reads, &options->read_count, option_name(def), word, err);
}

static int take_audit_log(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	return option_files_add(&options->audit_logs, &options->audit_log_count, option_name(def), word, err);
}

static int take_packet_filter(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	if (*word == '\0')
		return err_set(err, EINVAL, "%s needs an expression; see pcap-filter(7)", option_name(def));
	free(options->packet_filter);
	options->packet_filter = xstrdup(word);
	return 0;
}

static int take_dir(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	for (enum conn_dir dir = DIR_IN; dir < DIR_NUM; dir++) {
		if (strcmp(word, conn_dir_text(dir)) == 0) {
			options->filter.dir = dir;
			return 0;
		}
	}
	return err_set(err, EINVAL, "%s does not know " ERR_QUOTED "; allowed are in and out", option_name(def), word);
}

static int take_ports(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	int error = conn_filter_parse_ports(option_field(options, def), word, err);

	if (error != 0)
		err_wrap(err, "%s", option_name(def));
	return error;
}

static int take_nets(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	int error = conn_filter_parse_nets(option_field(options, def), word, err);

	if (error != 0)
		err_wrap(err, "%s", option_name(def));
	return error;
}

static int take_processes(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	int error = process_choice_add(&options->filter.processes, (enum choice_kind)def->low, word, err);

	if (error != 0)
		err_wrap(err, "%s", option_name(def));
	return error;
}

static int take_group(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	int error = groups_add(options->groups, word, err);

	if (error != 0)
		err_wrap(err, "%s", option_name(def));
	return error;
}

static int take_only(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	int error = suspicious_parse(word, &options->only, err);

	if (error != 0)
		err_wrap(err, "%s", option_name(def));
	return error;
}

static int take_expect(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	return option_report_expect(options, option_name(def), word, err);
}

static int take_report(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	return option_report_add(options, word, err);
}

static int take_events(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	return option_report_events(options, word, err);
}

static int take_ladder(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	return ladder_parse(word != NULL ? word : "suspicious", &options->ladder, err);
}

static int take_live(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	(void)word;
	(void)err;
	options->ladder |= LADDER_LIVE;
	return 0;
}

static int take_redact(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	return redact_parse(word != NULL ? word : "addr,host,path,comm,user,args", &options->redact, err);
}

static int take_format(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	return report_parse_format(word, &options->format, err);
}

static int take_time(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	options->time_given = true;
	return report_parse_time(word, &options->time, err);
}

static int take_null(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	return option_report_null(options, option_name(def), word, err);
}

static int take_rotate(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	return option_files_rotate(&options->rotate, word, err);
}

static int take_json(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	(void)def;
	(void)word;
	(void)err;
	options->format = REPORT_JSON;
	return 0;
}

static int take_debug(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	return option_debug_parse(options, option_name(def), word, err);
}

static int take_decapsulate(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	static const struct words_bit words[] = {
		{"ipip", DISSECT_IPIP},     {"gre", DISSECT_GRE},     {"vxlan", DISSECT_VXLAN},
		{"geneve", DISSECT_GENEVE}, {"all", DISSECT_TUNNELS}, {NULL, 0},
	};

	return words_bits(&options->decapsulate, words, "ipip, gre, vxlan, geneve and all", option_name(def), word,
			  err);
}

static int take_metrics_by(struct options *options, const struct option_def *def, const char *word, struct err *err)
{
	return option_report_metrics(options, option_name(def), word, err);
}

#define FIELD(field) .offset = offsetof(struct options, field)
#define FLAG(field, value) .take = take_flag, FIELD(field), .low = (value)
#define TEXT(field) .take = take_text, FIELD(field)
#define NUMBER(field, least, most) .take = take_number, FIELD(field), .low = (least), .high = (most)
#define SECONDS(field, least, most) .take = take_seconds, FIELD(field), .low = (least), .high = (most)
#define MILLISECONDS(field) .take = take_milliseconds, FIELD(field)
#define WORD(field, list) .take = take_word, FIELD(field), .words = (list)
#define PORTS(field) .take = take_ports, FIELD(field)
#define NETS(field) .take = take_nets, FIELD(field)
#define PROCESSES(kind) .take = take_processes, .low = (kind)
#define CALL(function) .take = (function)
#define OPTION(letter_, name_, argument_, group_, how, help_, fallback_) \
	{.letter = (letter_), .name = (name_), .argument = (argument_), .fallback = (fallback_), how},

static const struct option_def defs[] = {
#include "cli/options.def"
};

#define DEF_COUNT (sizeof(defs) / sizeof(defs[0]))
/** Value of getopt_long() for the long option of defs[0]; above all letters. */
#define LONG_FIRST 0x100

/* Arguments of getopt_long(). "+" stops at the first operand, ":" suppresses its messages. */
struct getopt_tables {
	char letters[2 + 2 * DEF_COUNT + 1];
	struct option longs[DEF_COUNT + 1];
};

static void make_tables(struct getopt_tables *tables)
{
	char *letter = tables->letters;
	size_t count = 0;

	memset(tables, 0, sizeof(*tables));
	*letter++ = '+';
	*letter++ = ':';
	for (size_t i = 0; i < DEF_COUNT; i++) {
		bool argument = defs[i].argument != NULL;
		/* "[WHICH]" is optional. */
		bool optional = argument && defs[i].argument[0] == '[';

		if (defs[i].letter != 0) {
			*letter++ = (char)defs[i].letter;
			if (argument)
				*letter++ = ':';
		}
		if (defs[i].name != NULL)
			tables->longs[count++] = (struct option){
				.name = defs[i].name,
				.has_arg = optional   ? optional_argument
					   : argument ? required_argument
						      : no_argument,
				.val = LONG_FIRST + (int)i,
			};
	}
}

static const struct option_def *find_def(int value)
{
	if (value >= LONG_FIRST)
		return (size_t)(value - LONG_FIRST) < DEF_COUNT ? &defs[value - LONG_FIRST] : NULL;
	for (size_t i = 0; i < DEF_COUNT; i++)
		if (value != 0 && defs[i].letter == value)
			return &defs[i];
	return NULL;
}

/* The long option that the first @length bytes of @word are likely to mean, NULL: none. */
static const char *nearest_name(const char *word, size_t length)
{
	unsigned int best = WORDS_FAR;
	const char *name = NULL;
	char typed[WORDS_FAR];

	snprintf(typed, sizeof(typed), "%.*s", (int)length, word);
	for (size_t i = 0; i < DEF_COUNT && length < sizeof(typed); i++) {
		unsigned int far = defs[i].name != NULL ? words_distance(typed, defs[i].name) : WORDS_FAR;

		if (far < best) {
			best = far;
			name = defs[i].name;
		}
	}
	return name;
}

/* getopt_long() refused @word ("--reprot", "-xyz"); @value is its optopt. */
static int refuse(const char *word, int value, struct err *err)
{
	const struct option_def *def = find_def(value);
	size_t length = strcspn(word, "="), used = 0, matching = 0;
	char names[200] = "";
	const char *near;

	if (word[0] == '-' && word[1] == '-') {
		if (def != NULL)
			return err_set(err, EINVAL, "%s takes no argument, but " ERR_QUOTED " gives one",
				       option_name(def), word);
		for (size_t i = 0; i < DEF_COUNT; i++) {
			if (defs[i].name == NULL || strncmp(defs[i].name, word + 2, length - 2) != 0)
				continue;
			if (used < sizeof(names))
				used += (size_t)snprintf(names + used, sizeof(names) - used, "%s--%s",
							 matching > 0 ? ", " : "", defs[i].name);
			matching++;
		}
		if (length > 100)
			length = 100;
		if (matching > 1)
			return err_set(err, EINVAL, "\"%.*s\" may be any of %s", (int)length, word, names);
		near = nearest_name(word + 2, length - 2);
		return err_set(err, EINVAL, "unknown option \"%.*s\"%s%s%s", (int)length, word,
			       near != NULL ? "; did you mean --" : "", near != NULL ? near : "",
			       near != NULL ? "?" : "");
	}
	if (value == 'L' || value == 'E' || value == 'D')
		return err_set(err, EINVAL, "unknown option \"-%c\"; did you mean conntrack(8)?", value);
	if (isprint(value))
		return err_set(err, EINVAL, "unknown option \"-%c\"", value);
	return err_set(err, EINVAL, "unknown option in " ERR_QUOTED, word);
}

static bool all_digits(const char *word)
{
	return *word != '\0' && word[strspn(word, "0123456789")] == '\0';
}

static int parse_words(struct options *options, struct options_check *options_check, int argc, char *const argv[],
		       struct err *err)
{
	struct getopt_tables tables;
	int value, error = 0;

	make_tables(&tables);
	opterr = 0;
	optind = 0; /* both glibc and musl restart at 0 */
	while (error == 0) {
		int before = optind > 0 ? optind : 1;
		const struct option_def *def;

		value = getopt_long(argc, argv, tables.letters, tables.longs, NULL);
		if (value == -1) {
			options_check->dashes = optind > before && strcmp(argv[optind - 1], "--") == 0;
			/* More PIDs of an unquoted $(pidof ...); options may follow them. */
			if (options_check->dashes || options->pid_count == 0 || optind >= argc ||
			    !all_digits(argv[optind]))
				break;
			error = option_pids_add(options, argv[optind++], err);
		} else if (value == ':') {
			def = find_def(optopt);
			/* $(pidof PROGRAM) is empty when the program does not run. */
			error = err_set(
				err, EINVAL, "%s needs an argument, %s%s", def != NULL ? option_name(def) : "option",
				def != NULL ? def->argument : "a word", optopt == 'p' ? "; does the program run?" : "");
		} else if (value == '?' || (def = find_def(value)) == NULL) {
			error = refuse(argv[before], optopt, err);
		} else {
			options_check_given(options_check, def->name);
			error = def->take(options, def, optarg, err);
		}
	}
	options_check->words = argv + optind;
	options_check->count = (size_t)(argc - optind);
	return error;
}

/* Set the reasons to check, and the limit for late retransmissions. */
static int settle_limits(struct options *options, struct err *err)
{
	struct suspicious_limits *limits = &options->limits;
	uint16_t wanted = (uint16_t)(options->only | (options->suspicious ? SUSPICIOUS_SET : 0));

	limits->reasons = wanted != 0 ? wanted : SUSPICIOUS_SET;
	limits->half_open_ns = options->timeout_ns;
	if (limits->retrans_ns == RETRANS_UNSET)
		limits->retrans_ns = options->only & SUSPICIOUS_RETRANS ? 0 : CLOCK_NS_PER_SEC;
	if (options->only & SUSPICIOUS_GAP && limits->gap_ns == SUSPICIOUS_OFF)
		return err_set(err, EINVAL, "--only=gap needs --gap-ms=MS, the length of a gap");
	if (options->only & SUSPICIOUS_LONG && limits->long_ns == SUSPICIOUS_OFF)
		return err_set(err, EINVAL, "--only=long needs --long-ms=MS, the duration of a long connection");
	return 0;
}

int options_parse(struct options *options, int argc, char *const argv[], struct err *err)
{
	struct options parsed = {.follow = true, .groups = groups_new(), .limits.retrans_ns = RETRANS_UNSET};
	struct options_check options_check = {0};
	int error;

	/* A default that is invalid here (no such user) matters only when it is used. */
	for (size_t i = 0; i < DEF_COUNT; i++)
		if (defs[i].fallback != NULL)
			(void)defs[i].take(&parsed, &defs[i], defs[i].fallback, NULL);
	error = parse_words(&parsed, &options_check, argc, argv, err);
	if (error == 0 && !parsed.help && !parsed.version && !parsed.list_columns && !parsed.check)
		error = options_check_settle(&options_check, &parsed, err);
	if (error == 0)
		error = settle_limits(&parsed, err);
	if (error != 0) {
		options_free(&parsed);
		return options_usage(err);
	}
	option_report_settle(&parsed);
	*options = parsed;
	return 0;
}

int options_usage(struct err *err)
{
	if (err != NULL) {
		static const char hint[] = "\nTry 'conntrace --help'.";
		size_t length = strlen(err->text);

		if (length > sizeof(err->text) - sizeof(hint))
			length = sizeof(err->text) - sizeof(hint);
		memcpy(err->text + length, hint, sizeof(hint));
	}
	return -EINVAL;
}

void options_free(struct options *options)
{
	free(options->pids);
	free(options->user);
	free(options->drop_to);
	free(options->interfaces);
	free(options->reads);
	free(options->audit_logs);
	free(options->packet_filter);
	conn_filter_free(&options->filter);
	free(options->local.elements);
	groups_free(options->groups);
	expect_rules_free(options->expect);
	for (size_t i = 0; i < options->report_count; i++)
		free(options->reports[i].spec);
	io_spec_filters_free(&options->io_filters);
	memset(options, 0, sizeof(*options));
}

bool options_wants_color(const struct options *options, bool is_terminal)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (options->color != OPTIONS_COLOR_AUTO)
		return options->color == OPTIONS_COLOR_ALWAYS;
	return is_terminal && (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}
