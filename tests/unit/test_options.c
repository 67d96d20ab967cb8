// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/options.h"

#define WORDS_MAX 24

/* The command line @line, split at blanks; "~" stands for a blank inside a word. Words live until the next call. */
static int parse(struct options *options, const char *line, struct err *err)
{
	static char copy[512];
	static char *argv[WORDS_MAX + 1];
	int argc = 0;
	char *rest = copy, *word;

	snprintf(copy, sizeof(copy), "conntrace %s", line);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		assert_true(argc < WORDS_MAX);
		argv[argc++] = word;
		for (; *word != '\0'; word++)
			if (*word == '~')
				*word = ' ';
	}
	argv[argc] = NULL;
	err->text[0] = '\0';
	return options_parse(options, argc, argv, err);
}

static struct options accepts(const char *line)
{
	struct options options;
	struct err err;

	if (parse(&options, line, &err) != 0)
		fail_msg("\"%s\" should be fine, but: %s", line, err.text);
	return options;
}

static void refuses(const char *line, const char *part)
{
	static const char hint[] = "\nTry 'conntrace --help'.";
	struct options options;
	struct err err;

	if (parse(&options, line, &err) == 0)
		fail_msg("\"%s\" should be refused", line);
	if (strstr(err.text, part) == NULL)
		fail_msg("\"%s\" should say \"%s\", says \"%s\"", line, part, err.text);
	assert_string_equal(err.text + strlen(err.text) - strlen(hint), hint);
}

static void defaults_are_those_of_the_table(void **state)
{
	struct options options = accepts("true");

	(void)state;
	assert_true(options.follow);
	assert_int_equal(options.via, OPTIONS_VIA_AUTO);
	assert_int_equal(options.timeout_ns, 30 * CLOCK_NS_PER_SEC);
	assert_int_equal(options.snaplen, 256);
	assert_int_equal(options.format, REPORT_TABLE);
	assert_int_equal(options.time, REPORT_TIME_CLOCK);
	assert_int_equal(options.report_count, 1);
	assert_ptr_equal(options.reports[0].ops, &report_peers);
	assert_int_equal(options.duration_ns, 0);
	assert_int_equal(options.pid_count, 0);
	assert_null(options.drop_to);
	assert_null(options.packet_filter);
	assert_string_equal(options.command[0], "true");
	assert_null(options.command[1]);
	options_free(&options);
}

static void pids_come_in_every_form(void **state)
{
	/* What an unquoted $(pidof nginx) leaves on the command line, with an option behind it. */
	struct options options = accepts("-p 30 20 10 -c 5 7");

	(void)state;
	assert_int_equal(options.pid_count, 4);
	assert_int_equal(options.pids[0], 30);
	assert_int_equal(options.pids[3], 7);
	assert_int_equal(options.count, 5);
	assert_null(options.command);
	options_free(&options);
	options = accepts("--pid=1,2~3\n4 -p 2,,5");
	assert_int_equal(options.pid_count, 5);
	options_free(&options);
	options = accepts("-p 1 -i lo -- 123 -p 4");
	assert_int_equal(options.pid_count, 1);
	assert_string_equal(options.command[0], "123");
	assert_string_equal(options.command[1], "-p");
	options_free(&options);
	/* "--" as an argument of an option is no "--" before operands. */
	options = accepts("-p 1 --by -- 2");
	assert_int_equal(options.pid_count, 2);
	options_free(&options);
	refuses("-p 0", "\"0\" is not a PID; allowed are numbers from 1 to 4194304");
	refuses("-p 99999999", "\"99999999\" is not a PID");
	refuses("-p 1 99999999", "\"99999999\" is not a PID");
	refuses("-p 1,x", "\"x\" is not a PID");
	refuses("-p -d 3", "is not a PID; does the program run");
	refuses("-p ~", "contains no PID");
	refuses("-p", "--pid needs an argument, PIDS");
	refuses("-p 1 nginx", "\"nginx\" is not a PID; after -p write \"-- COMMAND\"");
}

static void options_behind_the_command_are_its_own(void **state)
{
	struct options options = accepts("-q curl -q -z x --help");

	(void)state;
	assert_true(options.quiet);
	assert_false(options.help);
	assert_string_equal(options.command[0], "curl");
	assert_string_equal(options.command[4], "--help");
	options_free(&options);
	refuses("--", "\"--\" has no COMMAND");
	refuses("", "nothing to watch");
	refuses("-u root -p 1", "--user does nothing without a COMMAND");
	options = accepts("-u 0 true");
	assert_string_equal(options.user, "root");
	options_free(&options);
	refuses("-u 4294967295 true", "is not a user");
	refuses("-u no-such-user-here true", "\"no-such-user-here\" is not a user");
}

static void operands_after_packets_are_a_filter(void **state)
{
	struct options options = accepts("-i eth0 -i lo -i eth0 tcp port 80");

	(void)state;
	assert_int_equal(options.interface_count, 2);
	assert_string_equal(options.packet_filter, "tcp port 80");
	assert_null(options.command);
	options_free(&options);
	options = accepts("-i eth0 -- ./server -x");
	assert_null(options.packet_filter);
	assert_string_equal(options.command[0], "./server");
	options_free(&options);
	options = accepts("-r cap.pcap ip[2]~-~1~=~0");
	assert_string_equal(options.packet_filter, "ip[2] - 1 = 0");
	options_free(&options);
	options = accepts("-p 1 -i any --filter tcp~port~80");
	assert_string_equal(options.packet_filter, "tcp port 80");
	options_free(&options);
	options = accepts("--replay=x -r cap.pcap port 80");
	assert_string_equal(options.packet_filter, "port 80");
	options_free(&options);
	refuses("-i lo --filter tcp udp", "\"udp\" is a second packet filter");
	refuses("-r cap.pcap port 80 -c 5", "\"-c\" follows the packet filter \"port\"");
	refuses("--filter tcp true", "--filter does nothing without packets");
	refuses("-r cap.pcap tcp[", "packet filter \"tcp[\": ");
	refuses("-i lo --filter nonsense", "see pcap-filter(7)");
	options = accepts("-r cap.pcap wlan type data");
	options_free(&options);
	refuses("--replay x y", "\"y\" is one word too many");
}

static void files_and_the_living_do_not_mix(void **state)
{
	(void)state;
	refuses("-r f -i lo", "--read cannot go with --interface");
	refuses("-r f -p 1", "--read cannot go with --pid");
	refuses("-r f -- true", "--read cannot go with a COMMAND");
	refuses("-r f --all", "--read cannot go with --all");
	refuses("--replay=f --all", "--replay cannot go with --all");
	refuses("--audit-log=f --all", "--audit-log cannot go with --all");
	refuses("--replay f -- true", "--replay cannot go with a COMMAND");
	refuses("--replay f --via ptrace", "--via does nothing without processes");
	refuses("-r f --promisc", "--promisc does nothing without an interface");
	refuses("-p 1 --no-io-uring", "--no-io-uring does nothing without a COMMAND");
	refuses("--no-io-uring --no-filter true", "--no-io-uring does nothing without the system-call filter");
	refuses("-p 1 --watch-close", "--watch-close does nothing without a COMMAND");
	refuses("-i lo --no-filter", "--no-filter does nothing without a COMMAND");
	refuses("-z conns --by peer true", "--by does nothing without the report");
}

/* The packet process reads payload only for those who look at it. */
static void payload_is_read_when_it_shows(void **state)
{
	static const struct {
		const char *line;
		bool payload;
	} lines[] = {
		{"-r x", false},
		{"-r x -z conns", false},
		{"-r x -z conns -j", true},
		{"-r x -j", false},
		{"-r x --events -j", true},
		{"-r x --events", false},
		{"-r x --events=messages", true},
		{"-r x --by=host", true},
		{"-r x -z conns --columns=+HOST", true},
		{"-r x -z http,tree", true},
		{"-r x -z io,stat,1", false},
		{"-r x -z histogram,HS_MS", false},
		{"-r x -z histogram,HS_MS,host", true},
		{"-r x --record=y", true},
		{"-i lo", false},
		{"-i lo --top", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct options options = accepts(lines[i].line);

		if (options.payload != lines[i].payload)
			fail_msg("\"%s\" wants payload: %d", lines[i].line, options.payload);
		options_free(&options);
	}
}

static void numbers_have_limits(void **state)
{
	struct options options = accepts("-d 0.25 -I 1 --timeout=2.5 --limit 3 true");

	(void)state;
	assert_int_equal(options.duration_ns, CLOCK_NS_PER_SEC / 4);
	assert_int_equal(options.interval_ns, CLOCK_NS_PER_SEC);
	assert_int_equal(options.timeout_ns, 5 * CLOCK_NS_PER_SEC / 2);
	assert_int_equal(options.limit, 3);
	options_free(&options);
	refuses("--timeout=0 true", "--timeout \"0\" is not allowed; it takes seconds from 0.001 to 86400");
	refuses("-d -1 true", "--duration \"-1\" is not allowed; it takes seconds from 0.001 to 315360000");
	refuses("-d 1e3 true", "--duration \"1e3\"");
	refuses("-I 0 true", "--interval \"0\"");
	refuses("-c 0 true", "--count \"0\" is not allowed; it takes a whole number from 1 to 1000000000000000");
	refuses("-c 99999999999999999999 true", "--count \"99999999999999999999\"");
	refuses("--snaplen 63 -i lo", "--snaplen \"63\" is not allowed; it takes a whole number from 64 to 262144");
	refuses("-B x -i lo", "--buffer-size \"x\"");
	refuses("--limit -1 true", "--limit \"-1\"");
}

static void words_are_checked(void **state)
{
	struct options options = accepts("--via=ptrace --format=csv -j --time=iso -N -n --color=never -H true");

	(void)state;
	assert_int_equal(options.via, OPTIONS_VIA_PTRACE);
	assert_int_equal(options.format, REPORT_JSON);
	assert_int_equal(options.time, REPORT_TIME_ISO);
	assert_int_equal(options.color, OPTIONS_COLOR_NEVER);
	assert_false(options.resolve);
	assert_true(options.no_header);
	options_free(&options);
	options = accepts("-z conv,tcp -z peers -z conns --debug=events,sources true");
	assert_int_equal(options.report_count, 2);
	assert_ptr_equal(options.reports[0].ops, &report_conns);
	assert_ptr_equal(options.reports[1].ops, &report_peers);
	assert_int_equal(options.debug, OPTIONS_DEBUG_EVENTS | OPTIONS_DEBUG_SOURCES);
	options_free(&options);
	/* Rows of two kinds would spoil the events' columns, so the table is printed on request only. */
	options = accepts("--events true");
	assert_int_equal(options.report_count, 1);
	assert_ptr_equal(options.reports[0].ops, &report_events);
	options_free(&options);
	/* As many reports as may be given, and the events besides. */
	options = accepts("-zio,stat,1 -zio,stat,2 -zio,stat,3 -zio,stat,4 -zio,stat,5 -zio,stat,6 -zio,stat,7 "
			  "-zio,stat,8 -zio,stat,9 -zio,stat,10 -zio,stat,11 -zio,stat,12 -zio,stat,13 "
			  "-zio,stat,14 -zhistogram,HS_MS -zconns --events true");
	assert_int_equal(options.report_count, REPORT_ALL);
	assert_ptr_equal(options.reports[0].ops, &report_events);
	assert_ptr_equal(options.reports[REPORT_MOST].ops, &report_conns);
	options_free(&options);
	refuses("-z nonsense true", "--report does not know \"nonsense\"; allowed are peers, conns");
	refuses("-z peers,conns true", "and histogram,COLUMN; each report needs its own --report");
	refuses("--via=wire true", "--via does not know \"wire\"; allowed are auto, ptrace, diag, bpf");
	refuses("--format=xml true",
		"--format does not know \"xml\"; "
		"allowed are table, raw, json, csv, tsv, for io,stat plot and for --ladder mermaid");
	refuses("--dir=up true", "--dir does not know \"up\"; allowed are in and out");
	refuses("--debug=everything true", "--debug does not know \"everything\"");
	refuses("--output= true", "--output needs an argument that is not empty");
}

static void the_filter_is_filled(void **state)
{
	struct options options = accepts("-4 --dir=out --lport=80 --lport=!81 --rport http --peer 10.0.0.0/8 true");

	(void)state;
	assert_true(options.filter.v4);
	assert_int_equal(options.filter.dir, DIR_OUT);
	assert_int_equal(options.filter.lport.count, 2);
	assert_int_equal(options.filter.rport.elements[0].range.low, 80);
	assert_int_equal(options.filter.peer.elements[0].network.bits, 8);
	options_free(&options);
	refuses("--lport 99999 true", "--lport: \"99999\" is not a port");
	refuses("--rport x-y-z true", "--rport: \"x-y-z\"");
	refuses("--peer 10.0.0.1/8 true", "--peer: \"10.0.0.1/8\" has host bits set");
	refuses("--peer 10.0.0.0/33 true", "allowed are /0 to /32");
}

static void unknown_options_are_named(void **state)
{
	(void)state;
	refuses("-L", "unknown option \"-L\"; did you mean conntrack(8)?");
	refuses("-E", "did you mean conntrack(8)?");
	refuses("-qD", "did you mean conntrack(8)?");
	refuses("-x", "unknown option \"-x\"");
	refuses("--nonsense=3 true", "unknown option \"--nonsense\"");
	refuses("--re true",
		"\"--re\" may be any of --read, --retrans-ms, --report, --resolve, --redact, --record, --replay");
	refuses("--help=me", "--help takes no argument");
}

static void about_needs_nothing_to_watch(void **state)
{
	struct options options = accepts("--help");

	(void)state;
	assert_true(options.help);
	options_free(&options);
	options = accepts("-V");
	assert_true(options.version);
	options_free(&options);
	options = accepts("--list-columns");
	assert_true(options.list_columns);
	options_free(&options);
	options = accepts("--check");
	assert_true(options.check);
	options_free(&options);
}

static void help_fits_a_terminal(void **state)
{
	size_t size = 0, lines = 0;
	char *text = NULL, *rest, *line;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	assert_non_null(to);
	options_help(to);
	fclose(to);
	assert_non_null(strstr(text, "\n  -p, --pid=PIDS "));
	assert_non_null(strstr(text, "(default 30)"));
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		lines++;
		if (strlen(line) > 80)
			fail_msg("more than 80 columns: %s", line);
	}
	assert_true(lines > 50);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_table),
		cmocka_unit_test(pids_come_in_every_form),
		cmocka_unit_test(options_behind_the_command_are_its_own),
		cmocka_unit_test(operands_after_packets_are_a_filter),
		cmocka_unit_test(files_and_the_living_do_not_mix),
		cmocka_unit_test(payload_is_read_when_it_shows),
		cmocka_unit_test(numbers_have_limits),
		cmocka_unit_test(words_are_checked),
		cmocka_unit_test(the_filter_is_filled),
		cmocka_unit_test(unknown_options_are_named),
		cmocka_unit_test(about_needs_nothing_to_watch),
		cmocka_unit_test(help_fits_a_terminal),
	};

	return UNIT_RUN(tests);
}
