// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/top_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/xalloc.h"
#include "run/job_proxy.h"
#include "run/output.h"
#include "run/progress.h"
#include "report/top/top_keys.h"
#include "report/top/top_model.h"
#include "report/rows/top_names.h"
#include "report/top/top_screen.h"
#include "system/procfs.h"

/* Two updates a second suffice for a reader. */
#define TICK_NS (500 * CLOCK_NS_PER_MS)
/* With many connections a tick is costly. It comes less often than this only with very many, */
#define TICK_LONG_NS CLOCK_NS_PER_SEC
/* so it takes at most these shares of the time. */
#define TICK_SHARE_MANY 200
#define TICK_SHARE_VERY_MANY 6
/* A key is answered at once, but the screen is drawn at most this often. */
#define DRAW_NS (40 * CLOCK_NS_PER_MS)
#define PLAIN_NS (2 * CLOCK_NS_PER_SEC)
#define PLAIN_WIDTH 80
#define PLAIN_WIDTH_MOST 300

struct top_run {
	const struct options *options;
	struct top_state state;
	struct top_model *model;
	struct top_list list;
	struct top_grid grid;
	struct top_names *names;
	struct text ladder; /* of the connection on the page of details */
	uint64_t ladder_id;
	struct top_screen *screen; /* NULL: plain lines, or the screen is closed */
	int tty;                   /* -1: plain lines */
	int64_t tick_ns;
	int64_t next_tick_ns; /* monotonic */
	int64_t drawn_ns;
	bool dirty;
	bool again;
	bool quit;
	char **notices;
	size_t notice_count;
};

/* ---- opening ------------------------------------------------------------------------------ */

/* Open the user's terminal. Return: -1 for none. */
static int open_tty(bool is_command)
{
	int tty;

	/* A redirected output gets lines. A command's output must be redirected anyway. */
	if (!is_command && !isatty(STDOUT_FILENO))
		return -1;
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0 && isatty(STDOUT_FILENO))
		tty = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return tty;
}

/* Return: the terminal a screen can be drawn on, or -1, with the reason if there is a terminal. */
static int open_screen(const struct options *options, struct err *why)
{
	int tty = open_tty(options->command != NULL);

	if (tty >= 0 && top_screen_check(tty, why) != 0) {
		close(tty);
		tty = -1;
	}
	return tty;
}

void top_run_find_screen(struct options *options)
{
	struct err ignored;
	int tty = options->top ? open_screen(options, &ignored) : -1;

	options->screen = tty >= 0;
	if (tty >= 0)
		close(tty);
}

static void name_target(struct top_run *top_run)
{
	const struct options *options = top_run->options;
	char *title = top_run->state.title;
	size_t size = sizeof(top_run->state.title);
	const char *path = options_file(options);

	if (path != NULL) {
		const char *name = strrchr(path, '/');

		snprintf(title, size, "%s", name != NULL ? name + 1 : path);
	} else if (options->command != NULL) {
		snprintf(title, size, "%s", options->command[0]);
	} else if (options->pid_count > 0) {
		size_t used = (size_t)snprintf(title, size, "pid");

		for (size_t i = 0; i < options->pid_count && used + 12 < size; i++)
			used += (size_t)snprintf(title + used, size - used, " %d", (int)options->pids[i]);
	} else if (options->all) {
		snprintf(title, size, "%s processes",
			 process_choice_is_empty(&options->filter.processes) ? "all" : "chosen");
	} else {
		snprintf(title, size, "%s%s", options->interfaces[0], options->interface_count > 1 ? " ..." : "");
	}
	/* Foreign bytes must not reach the terminal. */
	for (char *at = title; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

/* COMMAND must not write to the screen or read the keys. */
static int check_command(const struct top_run *top_run, struct err *err)
{
	int null;

	if (top_run->options->command == NULL || top_run->tty < 0)
		return 0;
	if (isatty(STDOUT_FILENO) || isatty(STDERR_FILENO))
		return err_set(err, EINVAL,
			       "--top needs the terminal \"%s\" would write to; redirect both, as in: "
			       "conntrace --top -- %s >FILE 2>&1",
			       top_run->options->command[0], top_run->options->command[0]);
	if (!isatty(STDIN_FILENO))
		return 0;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return err_set(err, errno, "cannot use /dev/null: %s", strerror(errno));
	close(null);
	return 0;
}

/* Lines for people would corrupt a format for programs. */
static int check_format(const struct top_run *top_run, struct err *err)
{
	const enum report_format format = top_run->options->format;
	bool is_for_people = format == REPORT_TABLE || format == REPORT_RAW;

	if (top_run->tty >= 0 || is_for_people || top_run->options->output != NULL)
		return 0;
	return err_set(err, EINVAL,
		       "--top would mix plain lines, because there is no screen here, with those of "
		       "the report's format; write the report to -o FILE, or use -I SEC -z conns "
		       "instead of --top");
}

int top_run_open(struct top_run **opened, const struct options *options, struct err *err)
{
	struct top_run *top_run;
	struct err why = {""};
	int rc;

	if (!options->top)
		return 0;
	top_run = xcalloc(1, sizeof(*top_run));
	top_run->options = options;
	top_state_init(&top_run->state);
	top_run->state.keep_ns = options->keep_ns;
	top_run->state.resolve = options->resolve;
	top_run->state.is_file = options_is_file(options);
	top_run->state.speed = options->speed > 0 ? options->speed : TOP_SPEED_ONE;
	if (options->sort != NULL)
		top_state_sort(&top_run->state, options->sort);
	name_target(top_run);
	top_run->names = top_names_new();
	top_run->tty = open_screen(options, &why);
	rc = check_format(top_run, err);
	if (rc == 0)
		rc = check_command(top_run, err);
	if (rc != 0) {
		top_run_close(top_run);
		return rc;
	}
	if (why.text[0] != '\0')
		top_run_notice(top_run, why.text);
	top_run->tick_ns = top_run->tty >= 0 ? TICK_NS : PLAIN_NS;
	if (options->interval_ns > 0)
		top_run->tick_ns = options->interval_ns > TICK_NS ? options->interval_ns : TICK_NS;
	*opened = top_run;
	return 0;
}

void top_run_start(struct top_run *top_run)
{
	struct err err = {""};

	if (top_run == NULL || top_run->tty < 0)
		return;
	if (top_screen_open(&top_run->screen, top_run->tty, options_wants_color(top_run->options, true),
			    job_proxy_pid(), &err) != 0) {
		top_run_notice(top_run, err.text);
		return;
	}
	top_run->state.utf8 = top_screen_is_utf8(top_run->screen);
	top_run->dirty = true;
}

void top_run_leave(struct top_run *top_run)
{
	bool is_away;

	if (top_run == NULL)
		return;
	is_away = top_run->screen != NULL && top_screen_is_away(top_run->screen);
	top_screen_close(top_run->screen);
	top_run->screen = NULL;
	/* The process that stopped in our place must end, too. */
	if (is_away)
		job_proxy_over();
	for (size_t i = 0; i < top_run->notice_count; i++) {
		fprintf(stderr, "conntrace: %s\n", top_run->notices[i]);
		free(top_run->notices[i]);
	}
	top_run->notice_count = 0;
}

void top_run_close(struct top_run *top_run)
{
	if (top_run == NULL)
		return;
	top_run_leave(top_run);
	if (top_run->tty >= 0)
		close(top_run->tty);
	top_model_free(top_run->model);
	top_order_free(&top_run->list);
	top_grid_free(&top_run->grid);
	top_names_free(top_run->names);
	text_free(&top_run->ladder);
	free(top_run->notices);
	free(top_run);
}

void top_run_notice(struct top_run *top_run, const char *text)
{
	if (top_run == NULL || top_run->tty < 0) {
		fprintf(stderr, "conntrace: %s\n", text);
		return;
	}
	top_run->notices = array_extend(top_run->notices, top_run->notice_count, sizeof(*top_run->notices));
	top_run->notices[top_run->notice_count++] = xstrdup(text);
	snprintf(top_run->state.message, sizeof(top_run->state.message), "%s", text);
	top_run->dirty = true;
}

/* ---- running ------------------------------------------------------------------------------ */

/* Its time line is available now, but not when the screen is drawn. */
static void keep_ladder(struct top_run *top_run, const struct conn *conn)
{
	if (top_run->state.page != TOP_PAGE_DETAILS || conn->id != top_run->state.chosen_id)
		return;
	text_free(&top_run->ladder);
	top_ladder(&top_run->ladder, conn, top_run->grid.width);
	top_run->ladder_id = conn->id;
}

void top_run_finished(struct top_run *top_run, const struct conn *conn)
{
	/* The model begins with the first tick; connections that ended before it are added. */
	if (top_run->model == NULL)
		top_run->model = top_model_new(conn->start_ns);
	top_model_finished(top_run->model, conn);
	keep_ladder(top_run, conn);
}

size_t top_run_fds(const struct top_run *top_run, struct pollfd fds[TOP_RUN_FDS])
{
	int descriptors[TOP_SCREEN_FDS];

	if (top_run == NULL || top_run->screen == NULL)
		return 0;
	top_screen_fds(top_run->screen, descriptors);
	for (size_t i = 0; i < TOP_RUN_FDS; i++)
		fds[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
	return TOP_RUN_FDS;
}

int64_t top_run_wait_ns(const struct top_run *top_run, int64_t clock_ns)
{
	int64_t until_ns;

	if (top_run == NULL)
		return INT64_MAX;
	until_ns = top_run->state.paused ? INT64_MAX : top_run->next_tick_ns;
	if (top_run->dirty && top_run->screen != NULL && top_run->drawn_ns + DRAW_NS < until_ns)
		until_ns = top_run->drawn_ns + DRAW_NS;
	return until_ns > clock_ns ? until_ns - clock_ns : 0;
}

static const char *host_name(void *context, const struct endpoint *endpoint)
{
	return top_names_host(context, endpoint);
}

static enum top_life life(const struct process *process, int64_t then_ns)
{
	if (process->pid <= 0 || then_ns < 0)
		return TOP_LIFE_UNKNOWN;
	return procfs_has_ended(process->pid, then_ns) ? TOP_LIFE_ENDED : TOP_LIFE_RUNS;
}

static struct top_style style_of(struct top_run *top_run)
{
	return (struct top_style){
		.state = &top_run->state,
		.now_ns = top_run->model != NULL ? top_model_totals(top_run->model)->now_ns : 0,
		.name = host_name,
		.name_context = top_run->names,
		.life = top_run->state.is_file ? NULL : life,
		.ladder = top_run->ladder_id == top_run->state.chosen_id ? top_run->ladder.data : NULL,
	};
}

static void order(struct top_run *top_run)
{
	const struct top_style style = style_of(top_run);
	const struct top_rows rows = top_model_rows(top_run->model);

	top_order(&top_run->list, &rows, &style);
	top_keys_settle(&top_run->state, &top_run->list, top_layout_rows(top_run->grid.height));
}

/* Print the screen as lines, with all rows. */
static void print_plain(struct top_run *top_run)
{
	const struct top_style style = style_of(top_run);
	const char *columns = getenv("COLUMNS");
	long width = columns != NULL ? strtol(columns, NULL, 10) : PLAIN_WIDTH;
	size_t most = top_run->options->limit > 0 ? (size_t)top_run->options->limit : top_run->list.count;
	size_t rows = top_run->list.count < most ? top_run->list.count : most;
	struct text text = {0};

	if (width < TOP_WIDTH_LEAST || width > PLAIN_WIDTH_MOST)
		width = PLAIN_WIDTH;
	top_grid_resize(&top_run->grid, (unsigned int)width, (unsigned int)rows + TOP_HEIGHT_LEAST);
	top_layout(&top_run->grid, &top_run->list, top_model_totals(top_run->model), &style);
	/* Leave out the last line, which shows the keys, and the blank one of an empty list. */
	for (unsigned int y = 0; y + 1 < top_run->grid.height; y++)
		if (y != rows + 3 || rows == 0)
			top_grid_plain(&text, &top_run->grid, y);
	fwrite(text.data, 1, text.length, stdout);
	fflush(stdout);
	text_free(&text);
}

static void tick(struct top_run *top_run, int64_t now_ns, struct tracker *tracker)
{
	const struct conn *conn = NULL;

	if (top_run->model == NULL)
		top_run->model = top_model_new(now_ns);
	top_model_begin(top_run->model, now_ns);
	while ((conn = tracker_next(tracker, conn)) != NULL) {
		if (conn_filter_match(&top_run->options->filter, conn) && output_selects(top_run->options, conn))
			top_model_open(top_run->model, conn);
		keep_ladder(top_run, conn);
	}
	top_model_end(top_run->model, top_run->state.keep_ns,
		      top_run->state.page == TOP_PAGE_DETAILS ? top_run->state.chosen_id : 0);
	order(top_run);
	if (top_run->screen == NULL)
		print_plain(top_run);
	top_run->dirty = true;
}

bool top_run_stays(const struct top_run *top_run)
{
	return top_run != NULL && top_run->screen != NULL && top_run->state.is_file && !top_run->quit;
}

static void draw(struct top_run *top_run)
{
	const struct top_totals nothing = {.rx_rate = CONN_UNKNOWN, .tx_rate = CONN_UNKNOWN};
	const struct top_style style = style_of(top_run);
	unsigned int width, height;

	top_screen_size(top_run->screen, &width, &height);
	top_grid_resize(&top_run->grid, width, height);
	top_keys_settle(&top_run->state, &top_run->list, top_layout_rows(height));
	top_run->state.scroll_most =
		top_layout(&top_run->grid, &top_run->list,
			   top_run->model != NULL ? top_model_totals(top_run->model) : &nothing, &style);
	top_screen_draw(top_run->screen, &top_run->grid, top_run->again);
	top_run->dirty = top_run->again = false;
}

static bool needs_order(const struct top_state *before, const struct top_state *after)
{
	return before->sort != after->sort || before->steady != after->steady ||
	       before->descending != after->descending || before->fold != after->fold ||
	       before->resolve != after->resolve || strcmp(before->filter, after->filter) != 0;
}

static bool keys(struct top_run *top_run)
{
	int64_t clock_ns;
	int key;

	if (top_run->screen == NULL)
		return !top_run->quit;
	while (!top_run->quit && (key = top_screen_key(top_run->screen)) != TOP_KEY_NONE) {
		const struct top_state before = top_run->state;
		enum top_action action =
			top_keys_press(&top_run->state, key, &top_run->list, top_layout_rows(top_run->grid.height));

		/* The next key may apply to the new page. */
		if (top_run->model != NULL && needs_order(&before, &top_run->state))
			order(top_run);
		top_run->dirty = true;
		top_run->again |= action == TOP_ACTION_REDRAW;
		top_run->quit |= action == TOP_ACTION_QUIT;
	}
	top_run->quit |= top_screen_has_hung_up(top_run->screen);
	if (top_run->quit)
		return false;
	clock_ns = clock_monotonic();
	if (top_run->dirty && clock_ns - top_run->drawn_ns >= DRAW_NS) {
		draw(top_run);
		top_run->drawn_ns = clock_ns;
	}
	return true;
}

/* Get the time line of a newly selected connection; later ticks keep it. */
static void find_ladder(struct top_run *top_run, struct tracker *tracker)
{
	const struct conn *conn = NULL;

	text_free(&top_run->ladder);
	top_run->ladder_id = top_run->state.chosen_id;
	while ((conn = tracker_next(tracker, conn)) != NULL)
		keep_ladder(top_run, conn);
	top_run->dirty = true;
}

/* The time until the next tick, given the cost of the last one. */
static int64_t pause_ns(const struct top_run *top_run, int64_t cost_ns)
{
	int64_t pause_ns = cost_ns * TICK_SHARE_MANY;

	if (pause_ns > TICK_LONG_NS)
		pause_ns = TICK_LONG_NS;
	if (pause_ns < cost_ns * TICK_SHARE_VERY_MANY)
		pause_ns = cost_ns * TICK_SHARE_VERY_MANY;
	return pause_ns > top_run->tick_ns ? pause_ns : top_run->tick_ns;
}

bool top_run_show(struct top_run *top_run, struct refresh *refresh, struct sources *sources, struct playback *playback)
{
	int64_t began_ns = clock_monotonic(), now_ns;

	if (top_run == NULL)
		return true;
	if (top_run->state.is_file)
		playback_change(playback, top_run->state.speed, top_run->state.paused || top_run->state.has_ended,
				began_ns);
	if (top_run->state.is_file && !top_run->state.has_ended && sources_have_ended(sources) &&
	    !playback_is_ahead(playback, sources_merge(sources))) {
		/* Draw once more, so the screen shows the final state. */
		top_run->state.has_ended = true;
		top_run->next_tick_ns = 0;
	}
	if (!top_run->state.paused && began_ns >= top_run->next_tick_ns &&
	    (!top_run->state.is_file || playback_has_begun(playback))) {
		now_ns = top_run->state.is_file ? playback_now(playback, began_ns) : clock_now();
		top_run->state.percent = progress_percent(sources);
		if (!top_run->state.is_file)
			(void)refresh_all(refresh, false);
		tick(top_run, now_ns, refresh->tracker);
		top_run->next_tick_ns = began_ns + pause_ns(top_run, clock_monotonic() - began_ns);
		if (top_run->state.has_ended)
			top_run->next_tick_ns = INT64_MAX;
	}
	if (!keys(top_run))
		return false;
	if (top_run->state.page == TOP_PAGE_DETAILS && top_run->ladder_id != top_run->state.chosen_id)
		find_ladder(top_run, refresh->tracker);
	return true;
}
