// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "run/front.h"
#include "run/output.h"
#include "run/progress.h"
#include "report/top/top_keys.h"
#include "report/top/top_model.h"
#include "report/rows/top_names.h"
#include "report/top/top_screen.h"

/* Twice a second is often enough for numbers that somebody reads. */
#define TICK_NS (500 * CLOCK_NS_PER_MS)
/* With many connections a tick is costly. Less often than this it comes only where there are very many, */
#define TICK_LONG_NS CLOCK_NS_PER_SEC
/* so that it takes these parts of the time: of the one and of the other. */
#define TICK_SHARE_MANY 200
#define TICK_SHARE_VERY_MANY 6
/* A key is answered at once, but not more often than a screen is worth it. */
#define DRAW_NS (40 * CLOCK_NS_PER_MS)
#define PLAIN_NS (2 * CLOCK_NS_PER_SEC)
#define PLAIN_WIDTH 80
#define PLAIN_WIDTH_MOST 300

struct live {
	const struct options *options;
	struct top_state state;
	struct top_model *model;
	struct top_list list;
	struct top_grid grid;
	struct top_names *names;
	struct text ladder; /* of the connection that is shown alone */
	uint64_t ladder_id;
	struct top_screen *screen; /* NULL: plain lines, or the screen is not there any more */
	int tty;                   /* -1: plain lines */
	int64_t tick_ns;
	int64_t next_tick_ns; /* monotonic */
	int64_t drawn_ns;
	bool dirty;
	bool anew;
	bool quit;
	char **notices;
	size_t notice_count;
};

/* ---- opening ------------------------------------------------------------------------------ */

/* The terminal in front of the user, or -1. */
static int open_tty(bool is_command)
{
	int tty;

	/* Somebody reads our output: they want lines. A command's output has to go elsewhere anyway. */
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

void live_find_screen(struct options *options)
{
	struct err ignored;
	int tty = options->top ? open_screen(options, &ignored) : -1;

	options->screen = tty >= 0;
	if (tty >= 0)
		close(tty);
}

static void name_target(struct live *live)
{
	const struct options *options = live->options;
	char *title = live->state.title;
	size_t size = sizeof(live->state.title);
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
	} else {
		snprintf(title, size, "%s%s", options->interfaces[0], options->interface_count > 1 ? " ..." : "");
	}
	/* Foreign bytes have no business on a terminal. */
	for (char *at = title; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

/* COMMAND must not write on the screen, nor take the keys. */
static int check_command(const struct live *live, struct err *err)
{
	int null;

	if (live->options->command == NULL || live->tty < 0)
		return 0;
	if (isatty(STDOUT_FILENO) || isatty(STDERR_FILENO))
		return err_set(err, EINVAL,
			       "--top needs the terminal \"%s\" would write to; redirect both, as in: "
			       "conntrace --top -- %s >FILE 2>&1",
			       live->options->command[0], live->options->command[0]);
	if (!isatty(STDIN_FILENO))
		return 0;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		return err_set(err, errno, "cannot use /dev/null: %s", strerror(errno));
	close(null);
	return 0;
}

/* Lines for people in between would spoil what is for programs. */
static int check_format(const struct live *live, struct err *err)
{
	const enum report_format format = live->options->format;
	bool is_for_people = format == REPORT_TABLE || format == REPORT_RAW;

	if (live->tty >= 0 || is_for_people || live->options->output != NULL)
		return 0;
	return err_set(err, EINVAL, "--top would print plain lines, because there is no screen here, among those of "
				    "the report's format; let the report go to -o FILE, or take -I SEC -z conns "
				    "instead of --top");
}

int live_open(struct live **opened, const struct options *options, struct err *err)
{
	struct live *live;
	struct err why = {""};
	int rc;

	if (!options->top)
		return 0;
	live = xcalloc(1, sizeof(*live));
	live->options = options;
	top_state_init(&live->state);
	live->state.keep_ns = options->keep_ns;
	live->state.resolve = options->resolve;
	live->state.is_file = options_is_file(options);
	live->state.speed = options->speed > 0 ? options->speed : TOP_SPEED_ONE;
	name_target(live);
	live->names = top_names_new();
	live->tty = open_screen(options, &why);
	rc = check_format(live, err);
	if (rc == 0)
		rc = check_command(live, err);
	if (rc != 0) {
		live_close(live);
		return rc;
	}
	if (why.text[0] != '\0')
		live_notice(live, why.text);
	live->tick_ns = live->tty >= 0 ? TICK_NS : PLAIN_NS;
	if (options->interval_ns > 0)
		live->tick_ns = options->interval_ns > TICK_NS ? options->interval_ns : TICK_NS;
	*opened = live;
	return 0;
}

/* The same rule as for tables, except that the terminal is known to be one. */
static bool wants_color(const struct options *options)
{
	const char *no_color = getenv("NO_COLOR");

	if (options->color != OPTIONS_COLOR_AUTO)
		return options->color == OPTIONS_COLOR_ALWAYS;
	return no_color == NULL || *no_color == '\0';
}

void live_start(struct live *live)
{
	struct err err = {""};

	if (live == NULL || live->tty < 0)
		return;
	if (top_screen_open(&live->screen, live->tty, wants_color(live->options), front_pid(), &err) != 0) {
		live_notice(live, err.text);
		return;
	}
	live->state.utf8 = top_screen_is_utf8(live->screen);
	live->dirty = true;
}

void live_leave(struct live *live)
{
	bool is_away;

	if (live == NULL)
		return;
	is_away = live->screen != NULL && top_screen_is_away(live->screen);
	top_screen_close(live->screen);
	live->screen = NULL;
	/* Who stopped in our place is to end, too. */
	if (is_away)
		front_over();
	for (size_t i = 0; i < live->notice_count; i++) {
		fprintf(stderr, "conntrace: %s\n", live->notices[i]);
		free(live->notices[i]);
	}
	live->notice_count = 0;
}

void live_close(struct live *live)
{
	if (live == NULL)
		return;
	live_leave(live);
	if (live->tty >= 0)
		close(live->tty);
	top_model_free(live->model);
	top_order_free(&live->list);
	top_layout_free(&live->grid);
	top_names_free(live->names);
	text_free(&live->ladder);
	free(live->notices);
	free(live);
}

void live_notice(struct live *live, const char *text)
{
	if (live == NULL || live->tty < 0) {
		fprintf(stderr, "conntrace: %s\n", text);
		return;
	}
	live->notices = xreallocarray(live->notices, live->notice_count + 1, sizeof(*live->notices));
	live->notices[live->notice_count++] = xstrdup(text);
	snprintf(live->state.message, sizeof(live->state.message), "%s", text);
	live->dirty = true;
}

/* ---- running ------------------------------------------------------------------------------ */

/* Its time line is lent to us now, and not when it is drawn. */
static void keep_ladder(struct live *live, const struct conn *conn)
{
	if (live->state.page != TOP_PAGE_DETAILS || conn->id != live->state.chosen_id)
		return;
	text_free(&live->ladder);
	top_ladder(&live->ladder, conn, live->grid.width);
	live->ladder_id = conn->id;
}

void live_finished(struct live *live, const struct conn *conn)
{
	/* The model begins with the first tick; what ended before it has to be in it. */
	if (live->model == NULL)
		live->model = top_model_new(conn->start_ns);
	top_model_finished(live->model, conn);
	keep_ladder(live, conn);
}

size_t live_fds(const struct live *live, struct pollfd fds[LIVE_FDS])
{
	int descriptors[TOP_SCREEN_FDS];

	if (live == NULL || live->screen == NULL)
		return 0;
	top_screen_fds(live->screen, descriptors);
	for (size_t i = 0; i < LIVE_FDS; i++)
		fds[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
	return LIVE_FDS;
}

int64_t live_wait_ns(const struct live *live, int64_t clock_ns)
{
	int64_t until_ns;

	if (live == NULL)
		return INT64_MAX;
	until_ns = live->state.paused ? INT64_MAX : live->next_tick_ns;
	if (live->dirty && live->screen != NULL && live->drawn_ns + DRAW_NS < until_ns)
		until_ns = live->drawn_ns + DRAW_NS;
	return until_ns > clock_ns ? until_ns - clock_ns : 0;
}

static const char *host_name(void *context, const struct endpoint *endpoint)
{
	return top_names_host(context, endpoint);
}

static struct top_style style_of(struct live *live)
{
	return (struct top_style){
		.state = &live->state,
		.now_ns = live->model != NULL ? top_model_totals(live->model)->now_ns : 0,
		.name = host_name,
		.name_context = live->names,
		.ladder = live->ladder_id == live->state.chosen_id ? live->ladder.data : NULL,
	};
}

static void order(struct live *live)
{
	const struct top_style style = style_of(live);
	size_t count = 0;
	struct top_row *const *rows = live->model != NULL ? top_model_rows(live->model, &count) : NULL;

	live->list.other = top_model_totals(live->model)->other;
	top_order(&live->list, rows, count, &style);
	top_keys_settle(&live->state, &live->list, top_layout_rows(live->grid.height));
}

/* A screen full of lines: as many as there are rows. */
static void print_plain(struct live *live)
{
	const struct top_style style = style_of(live);
	const char *columns = getenv("COLUMNS");
	long width = columns != NULL ? strtol(columns, NULL, 10) : PLAIN_WIDTH;
	size_t most = live->options->limit > 0 ? (size_t)live->options->limit : live->list.count;
	size_t rows = live->list.count < most ? live->list.count : most;
	struct text text = {0};

	if (width < TOP_WIDTH_LEAST || width > PLAIN_WIDTH_MOST)
		width = PLAIN_WIDTH;
	top_layout_resize(&live->grid, (unsigned int)width, (unsigned int)rows + TOP_HEIGHT_LEAST);
	top_layout(&live->grid, &live->list, top_model_totals(live->model), &style);
	/* Without the last line, which is about keys, and the blank one for an empty list. */
	for (unsigned int y = 0; y + 1 < live->grid.height; y++)
		if (y != rows + 3 || rows == 0)
			top_layout_plain(&text, &live->grid, y);
	fwrite(text.data, 1, text.length, stdout);
	fflush(stdout);
	text_free(&text);
}

static void tick(struct live *live, int64_t now_ns, struct tracker *tracker)
{
	const struct conn *conn = NULL;

	if (live->model == NULL)
		live->model = top_model_new(now_ns);
	top_model_begin(live->model, now_ns);
	while ((conn = tracker_next(tracker, conn)) != NULL) {
		if (filter_match(&live->options->filter, conn) && output_chooses(live->options, conn))
			top_model_open(live->model, conn);
		keep_ladder(live, conn);
	}
	top_model_end(live->model, live->state.keep_ns,
		      live->state.page == TOP_PAGE_DETAILS ? live->state.chosen_id : 0);
	order(live);
	if (live->screen == NULL)
		print_plain(live);
	live->dirty = true;
}

bool live_stays(const struct live *live)
{
	return live != NULL && live->screen != NULL && live->state.is_file && !live->quit;
}

static void draw(struct live *live)
{
	const struct top_totals nothing = {.rx_rate = CONN_UNKNOWN, .tx_rate = CONN_UNKNOWN};
	const struct top_style style = style_of(live);
	unsigned int width, height;

	top_screen_size(live->screen, &width, &height);
	top_layout_resize(&live->grid, width, height);
	top_keys_settle(&live->state, &live->list, top_layout_rows(height));
	live->state.scroll_most = top_layout(&live->grid, &live->list,
					     live->model != NULL ? top_model_totals(live->model) : &nothing, &style);
	top_screen_draw(live->screen, &live->grid, live->anew);
	live->dirty = live->anew = false;
}

static bool needs_order(const struct top_state *before, const struct top_state *after)
{
	return before->sort != after->sort || before->descending != after->descending || before->fold != after->fold ||
	       before->resolve != after->resolve || strcmp(before->filter, after->filter) != 0;
}

static bool keys(struct live *live)
{
	int64_t clock_ns;
	int key;

	if (live->screen == NULL)
		return !live->quit;
	while (!live->quit && (key = top_screen_key(live->screen)) != TOP_KEY_NONE) {
		const struct top_state before = live->state;
		enum top_action action =
			top_keys_press(&live->state, key, &live->list, top_layout_rows(live->grid.height));

		/* The next key may be about what this one has brought up. */
		if (needs_order(&before, &live->state))
			order(live);
		live->dirty = true;
		live->anew |= action == TOP_ACTION_REDRAW;
		live->quit |= action == TOP_ACTION_QUIT;
	}
	live->quit |= top_screen_has_hung_up(live->screen);
	if (live->quit)
		return false;
	clock_ns = clock_monotonic();
	if (live->dirty && clock_ns - live->drawn_ns >= DRAW_NS) {
		draw(live);
		live->drawn_ns = clock_ns;
	}
	return true;
}

/* Of one that has just been chosen; later ticks keep it. */
static void find_ladder(struct live *live, struct tracker *tracker)
{
	const struct conn *conn = NULL;

	text_free(&live->ladder);
	live->ladder_id = live->state.chosen_id;
	while ((conn = tracker_next(tracker, conn)) != NULL)
		keep_ladder(live, conn);
	live->dirty = true;
}

/* From one tick to the next, when it has taken so long. */
static int64_t pause_ns(const struct live *live, int64_t cost_ns)
{
	int64_t pause_ns = cost_ns * TICK_SHARE_MANY;

	if (pause_ns > TICK_LONG_NS)
		pause_ns = TICK_LONG_NS;
	if (pause_ns < cost_ns * TICK_SHARE_VERY_MANY)
		pause_ns = cost_ns * TICK_SHARE_VERY_MANY;
	return pause_ns > live->tick_ns ? pause_ns : live->tick_ns;
}

bool live_show(struct live *live, struct look *look, struct sources *sources, struct pace *pace)
{
	int64_t began_ns = clock_monotonic(), now_ns;

	if (live == NULL)
		return true;
	if (live->state.is_file)
		pace_change(pace, live->state.speed, live->state.paused || live->state.has_ended, began_ns);
	if (live->state.is_file && !live->state.has_ended && sources_have_ended(sources) &&
	    !pace_is_ahead(pace, sources_merge(sources))) {
		/* Once more: then everything there was is on the screen. */
		live->state.has_ended = true;
		live->next_tick_ns = 0;
	}
	if (!live->state.paused && began_ns >= live->next_tick_ns &&
	    (!live->state.is_file || pace_has_begun(pace))) {
		now_ns = live->state.is_file ? pace_now(pace, began_ns) : clock_now();
		live->state.percent = progress_percent(sources);
		if (!live->state.is_file)
			(void)look_at_all(look, false);
		tick(live, now_ns, look->tracker);
		live->next_tick_ns = began_ns + pause_ns(live, clock_monotonic() - began_ns);
		if (live->state.has_ended)
			live->next_tick_ns = INT64_MAX;
	}
	if (!keys(live))
		return false;
	if (live->state.page == TOP_PAGE_DETAILS && live->ladder_id != live->state.chosen_id)
		find_ladder(live, look->tracker);
	return true;
}
