// SPDX-License-Identifier: GPL-2.0-or-later
#include "report/top/top_screen.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "config.h"
#include "report/top/top_keys.h"
#include "report/top/top_leave.h"

void top_screen_signals(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGWINCH);
	sigaddset(&blocked, SIGTSTP);
	sigaddset(&blocked, SIGCONT);
	sigaddset(&blocked, TOP_SCREEN_SIGNAL);
	/* A background job that uses the terminal is stopped for it, and this process may be one that must not stop. */
	sigaddset(&blocked, SIGTTIN);
	sigaddset(&blocked, SIGTTOU);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

#ifdef HAVE_NCURSES

#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <term.h>

/* Longest wait for the rest of a key's sequence; after that it is a lone Esc. */
#define ESCAPE_MS 50

struct top_screen {
	SCREEN *screen;
	FILE *out, *in;
	int tty;
	int signal_fd;
	pid_t proxy;
	bool color, utf8;
	bool away;    /* others use the terminal, until SIGCONT or the proxy's signal */
	bool shelved; /* another job was in the foreground at the last check */
	bool more;    /* curses may hold keys that it has read already */
	bool hung_up;
};

/* ---- giving the terminal back ------------------------------------------------------------ */

static struct {
	char text[TOP_LEAVE_BYTES];
	size_t length;
} farewell;

static int add_farewell(int character)
{
	if (farewell.length < sizeof(farewell.text))
		farewell.text[farewell.length++] = (char)character;
	return character;
}

static void add_capability(const char *name)
{
	char *text = tigetstr((char *)(uintptr_t)name);

	if (text != NULL && text != (char *)-1)
		tputs(text, 1, add_farewell);
}

static void prepare_leaving(int tty, const struct termios *modes)
{
	farewell.length = 0;
	/* Plain characters, normal arrow keys, a cursor, the first line of an empty screen or the old screen. */
	add_capability("sgr0");
	add_capability("op");
	add_capability("rmkx");
	add_capability("cnorm");
	add_capability("rmcup");
	top_leave_prepare(tty, modes, farewell.text, farewell.length);
}

/* ---- sharing the terminal with a shell ------------------------------------------------------ */

/* Return: true when the shell gave us the terminal. One without a foreground group is ours. */
static bool is_foreground(const struct top_screen *screen)
{
	pid_t group = tcgetpgrp(screen->tty);

	return group < 0 || group == getpgrp();
}

static bool is_ours(struct top_screen *screen)
{
	screen->shelved = !is_foreground(screen);
	return !screen->away && !screen->shelved;
}

static void fit(struct top_screen *screen)
{
	struct winsize size;

	if (ioctl(screen->tty, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
		resizeterm(size.ws_row, size.ws_col);
}

/* Stop until continued; or let the proxy stop, which reports back when it continues. */
static void stop(const struct top_screen *screen, enum top_screen_stop reason)
{
	const union sigval value = {.sival_int = reason};
	sigset_t stopping;

	if (screen->proxy > 0) {
		sigqueue(screen->proxy, TOP_SCREEN_SIGNAL, value);
		return;
	}
	sigemptyset(&stopping);
	sigaddset(&stopping, SIGTSTP);
	raise(SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &stopping, NULL);
	/* The process is stopped here. */
	pthread_sigmask(SIG_BLOCK, &stopping, NULL);
	raise(TOP_SCREEN_SIGNAL);
}

static void give_back(struct top_screen *screen)
{
	if (screen->away || screen->proxy < 0)
		return;
	endwin();
	top_leave_taken(false);
	screen->away = true;
	stop(screen, TOP_SCREEN_STOP_KEY);
}

/* ---- taking the terminal ------------------------------------------------------------------- */

/*
 * By the number in TOP_COLOR, less one. Those of 256 have a contrast of 4 to both white and black: the color cube of
 * xterm, which users do not change.
 */
static const struct {
	short of_8;
	short of_256;
} colors[] = {
	{COLOR_RED, COLOR_RED},         /* TOP_RED */
	{COLOR_MAGENTA, COLOR_MAGENTA}, /* TOP_MAGENTA */
	{-1, 28},                       /* TOP_GREEN */
	{-1, 31},                       /* TOP_BLUE */
	{COLOR_MAGENTA, 130},           /* TOP_ORANGE */
};

static void start_colors(bool color)
{
	if (!color || !has_colors())
		return;
	start_color();
	/* The terminal's own background, light or dark. */
	if (use_default_colors() != OK)
		return;
	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		init_pair((short)(i + 1), COLORS >= 256 ? colors[i].of_256 : colors[i].of_8, -1);
}

/* Begin for the first time. Return: 0 or an errno; curses gives no reason. */
static int begin(struct top_screen *screen)
{
	struct termios modes;

	if (tcgetattr(screen->tty, &modes) != 0)
		return -errno;
	/* Signals are read from a descriptor: curses must not install handlers. */
	use_env(TRUE);
	screen->screen = newterm(NULL, screen->out, screen->in);
	if (screen->screen == NULL)
		return -ENOTSUP;
	set_term(screen->screen);
	signal(SIGTSTP, SIG_DFL);
	signal(SIGWINCH, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prepare_leaving(screen->tty, &modes);
	cbreak();
	noecho();
	nonl();
	set_escdelay(ESCAPE_MS);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	start_colors(screen->color);
	return 0;
}

/* Take the terminal after a stop, unless in the background. */
static void take(struct top_screen *screen)
{
	if (!screen->away)
		return;
	if (!is_foreground(screen)) {
		stop(screen, TOP_SCREEN_STOP_BACKGROUND);
		return;
	}
	screen->away = false;
	if (screen->screen == NULL) {
		/* top_screen_check() succeeded before, so a failure means that the terminal is gone. */
		screen->hung_up = begin(screen) != 0;
		return;
	}
	top_leave_taken(true);
	fit(screen);
	clearok(curscr, TRUE);
	refresh();
}

/* ---- opening ----------------------------------------------------------------------------- */

static int open_signals(void)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGWINCH);
	sigaddset(&wanted, SIGTSTP);
	sigaddset(&wanted, SIGCONT);
	sigaddset(&wanted, TOP_SCREEN_SIGNAL);
	return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int refuse(struct err *err, const char *reason)
{
	const char *term = getenv("TERM");

	return err_set(err, ENOTSUP, "no screen here: TERM=\"%s\" %s; printing plain lines", term != NULL ? term : "",
		       reason);
}

/* A screen needs these. They are checked before curses, which would print its own message. */
int top_screen_check(int tty, struct err *err)
{
	int answer;

	if (setupterm(NULL, tty, &answer) != OK)
		return refuse(err, "is an unknown terminal type");
	if (tigetstr((char *)(uintptr_t) "cup") == NULL || tigetstr((char *)(uintptr_t) "clear") == NULL) {
		(void)del_curterm(cur_term);
		return refuse(err, "cannot move its cursor");
	}
	(void)del_curterm(cur_term);
	return 0;
}

int top_screen_open(struct top_screen **opened, int tty, bool color, pid_t proxy, struct err *err)
{
	struct top_screen *screen;
	int rc;

	if (!isatty(tty))
		return refuse(err, "is not on a terminal");
	setlocale(LC_CTYPE, "");
	screen = xcalloc(1, sizeof(*screen));
	screen->tty = tty;
	screen->proxy = proxy;
	screen->color = color;
	screen->signal_fd = open_signals();
	screen->out = fdopen(fcntl(tty, F_DUPFD_CLOEXEC, 3), "w");
	screen->in = fdopen(fcntl(tty, F_DUPFD_CLOEXEC, 3), "r");
	if (screen->signal_fd < 0 || screen->out == NULL || screen->in == NULL) {
		rc = err_set(err, errno, "cannot use the terminal: %s", strerror(errno));
		top_screen_close(screen);
		return rc;
	}
	screen->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* The shell would take modes set in the background for the terminal's original ones. */
	if (proxy >= 0 && !is_foreground(screen)) {
		screen->away = true;
		stop(screen, TOP_SCREEN_STOP_BACKGROUND);
	} else if (begin(screen) != 0) {
		top_screen_close(screen);
		return refuse(err, "cannot be set up");
	}
	*opened = screen;
	return 0;
}

void top_screen_close(struct top_screen *screen)
{
	if (screen == NULL)
		return;
	if (screen->screen != NULL) {
		if (!screen->hung_up && !screen->away)
			endwin();
		top_leave_end();
		delscreen(screen->screen);
	}
	if (screen->out != NULL)
		fclose(screen->out);
	if (screen->in != NULL)
		fclose(screen->in);
	if (screen->signal_fd >= 0)
		close(screen->signal_fd);
	free(screen);
}

/* ---- signals and keys ---------------------------------------------------------------------- */

void top_screen_fds(const struct top_screen *screen, int fds[TOP_SCREEN_FDS])
{
	/* Another job's keys would wake us all the time; drawing checks whether the terminal is ours again. */
	fds[0] = !screen->away && !screen->shelved ? screen->tty : -1;
	fds[1] = screen->signal_fd;
}

/* Return: true when a signal was read. */
static bool read_signals(struct top_screen *screen)
{
	struct signalfd_siginfo info;
	bool come = false;

	while (read(screen->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		come = true;
		if (info.ssi_signo == SIGTSTP) {
			give_back(screen);
		} else if (info.ssi_signo == TOP_SCREEN_SIGNAL) {
			take(screen);
		} else if (is_ours(screen)) {
			/* After SIGSTOP, for example: the shell used the terminal in between. */
			if (info.ssi_signo == SIGCONT) {
				reset_prog_mode();
				clearok(curscr, TRUE);
			}
			fit(screen);
		}
	}
	return come;
}

int top_screen_key(struct top_screen *screen)
{
	static const struct {
		wint_t curses;
		int key;
	} keys[] = {
		{KEY_UP, TOP_KEY_UP},         {KEY_DOWN, TOP_KEY_DOWN},
		{KEY_LEFT, TOP_KEY_LEFT},     {KEY_RIGHT, TOP_KEY_RIGHT},
		{KEY_PPAGE, TOP_KEY_PAGE_UP}, {KEY_NPAGE, TOP_KEY_PAGE_DOWN},
		{KEY_HOME, TOP_KEY_HOME},     {KEY_END, TOP_KEY_END},
		{KEY_ENTER, TOP_KEY_ENTER},   {KEY_BACKSPACE, TOP_KEY_BACKSPACE},
		{KEY_RESIZE, TOP_KEY_RESIZE},
	};
	struct pollfd fds[] = {{.fd = screen->signal_fd, .events = POLLIN}, {.fd = screen->tty, .events = POLLIN}};
	wint_t got;
	int rc;

	if (poll(fds, 2, 0) <= 0 && !screen->more)
		return TOP_KEY_NONE;
	/* A signal may have produced a key, such as a resize. */
	screen->more = true;
	if (fds[0].revents != 0 && read_signals(screen))
		return TOP_KEY_RESIZE;
	screen->more = is_ours(screen);
	if (!screen->more)
		return TOP_KEY_NONE;
	if ((fds[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
		screen->hung_up = true;
		return TOP_KEY_NONE;
	}
	rc = get_wch(&got);
	screen->more = rc != ERR;
	if (rc == ERR)
		return TOP_KEY_NONE;
	if (rc == OK)
		return (int)got;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].curses == got)
			return keys[i].key;
	return TOP_KEY_RESIZE;
}

/* ---- drawing ------------------------------------------------------------------------------ */

void top_screen_size(const struct top_screen *screen, unsigned int *width, unsigned int *height)
{
	/* Before the first drawing any size will do. */
	bool was_shown = screen->screen != NULL;

	*width = was_shown ? (unsigned int)COLS : 80;
	*height = was_shown ? (unsigned int)LINES : 24;
}

static attr_t attributes_of(unsigned int attributes, short *pair)
{
	attr_t result = A_NORMAL;

	*pair = (short)((attributes & TOP_COLOR) / TOP_RED);
	if (attributes & TOP_BOLD)
		result |= A_BOLD;
	if (attributes & TOP_DIM)
		result |= A_DIM;
	if (attributes & TOP_REVERSE)
		result |= A_REVERSE;
	if (attributes & TOP_UNDERLINE)
		result |= A_UNDERLINE;
	return result;
}

static void draw_line(const struct top_grid *grid, unsigned int y)
{
	const struct top_char *line = grid->chars + (size_t)y * grid->width;
	unsigned int x = 0;

	while (x < grid->width) {
		unsigned int attributes = line[x].attributes, length = 0;
		wchar_t run[TOP_WIDTH_MOST + 1];
		short pair;
		attr_t attr = attributes_of(attributes, &pair);

		while (x + length < grid->width && line[x + length].attributes == attributes) {
			run[length] = (wchar_t)line[x + length].code;
			length++;
		}
		run[length] = L'\0';
		attr_set(attr, pair, NULL);
		mvaddnwstr((int)y, (int)x, run, (int)length);
		x += length;
	}
}

void top_screen_draw(struct top_screen *screen, const struct top_grid *grid, bool again)
{
	if (screen->hung_up || !is_ours(screen))
		return;
	erase();
	for (unsigned int y = 0; y < grid->height; y++)
		draw_line(grid, y);
	attr_set(A_NORMAL, 0, NULL);
	curs_set(grid->cursor_x >= 0);
	if (grid->cursor_x >= 0)
		move((int)grid->height - 1, grid->cursor_x);
	if (again)
		clearok(curscr, TRUE);
	refresh();
}

bool top_screen_is_utf8(const struct top_screen *screen)
{
	return screen->utf8;
}

bool top_screen_has_hung_up(const struct top_screen *screen)
{
	return screen->hung_up;
}

bool top_screen_is_away(const struct top_screen *screen)
{
	return screen->away;
}

#else /* without ncurses */

int top_screen_check(int tty, struct err *err)
{
	(void)tty;
	return err_set(err, ENOTSUP, "no screen here: built without ncurses; printing plain lines");
}

int top_screen_open(struct top_screen **screen, int tty, bool color, pid_t proxy, struct err *err)
{
	(void)screen;
	(void)tty;
	(void)color;
	(void)proxy;
	return err_set(err, ENOTSUP, "no screen here: built without ncurses; printing plain lines");
}

void top_screen_close(struct top_screen *screen)
{
	(void)screen;
}

void top_screen_fds(const struct top_screen *screen, int fds[TOP_SCREEN_FDS])
{
	(void)screen;
	fds[0] = fds[1] = -1;
}

int top_screen_key(struct top_screen *screen)
{
	(void)screen;
	return TOP_KEY_NONE;
}

void top_screen_size(const struct top_screen *screen, unsigned int *width, unsigned int *height)
{
	(void)screen;
	*width = *height = 0;
}

void top_screen_draw(struct top_screen *screen, const struct top_grid *grid, bool again)
{
	(void)screen;
	(void)grid;
	(void)again;
}

bool top_screen_is_utf8(const struct top_screen *screen)
{
	(void)screen;
	return false;
}

bool top_screen_has_hung_up(const struct top_screen *screen)
{
	(void)screen;
	return true;
}

bool top_screen_is_away(const struct top_screen *screen)
{
	(void)screen;
	return false;
}

#endif
