/* SPDX-License-Identifier: MIT */
/*
 * input.c - the characters that libedit reads, and what happens between two of them
 *
 * Theory. While a line is read the signals are blocked but in input_char()'s ppoll(), so that a handler need only note which one came,
 * and libedit, which is not made for being interrupted, never is.
 *
 * What is printed below the line, or ends it, must begin behind its last row, and only a key's function can make libedit go there. So
 * input_char() first returns a key of its own, whose function goes to the bottom; asked for the next character, it acts.
 *
 * libedit has its own idea of what a terminal's modes are outside of it. The modes that were there before a line come back after it.
 */
#include "editor.h"
#include "menu.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define BOTTOM_KEY 0x1e /* Ctrl-^, which nothing else uses */
#define CTRL_V 0x16 /* the next character as it is */
#define CTRL_X 0x18 /* begins keys */
#define PASTE_ON "\033[?2004h" /* the terminal shall mark what is pasted; others ignore it */
#define PASTE_OFF "\033[?2004l"

/* Those before SIGTSTP do not wait for the end of what is pasted. */
static const struct {
	int signo;
	enum deed deed;
} caught[EDIT_SIGNALS] = {
	{ SIGINT, INTERRUPT }, { SIGTERM, END }, { SIGHUP, END }, { SIGQUIT, END }, { SIGALRM, END },
	{ SIGTSTP, STOP }, { SIGWINCH, RESIZE }, { SIGCONT, RESUME },
};
enum { URGENT = 5, RESUMED = EDIT_SIGNALS - 1 };

/* What the handler writes: a program has one terminal. */
static volatile sig_atomic_t arrived[EDIT_SIGNALS];

/*
 * The terminal's modes
 */

/* Its size; one that does not tell has that which libedit takes it for. */
static struct winsize window(const struct edit *e)
{
	struct winsize size = { 0 };

	ioctl(e->fd, TIOCGWINSZ, &size);
	size.ws_row = size.ws_row ? size.ws_row : 24;
	size.ws_col = size.ws_col ? size.ws_col : 80;
	return size;
}

static void leave_terminal(struct edit *e)
{
	fputs(PASTE_OFF, e->out);
	fflush(e->out);
	el_set(e->el, EL_PREP_TERM, 0);
	tcsetattr(e->fd, TCSADRAIN, &e->modes);
}

void input_await_terminal(int fd)
{
	while (tcdrain(fd) < 0 && errno == EINTR)
		;
}

static void take_terminal(struct edit *e)
{
	input_await_terminal(e->fd);
	tcgetattr(e->fd, &e->modes);
	el_set(e->el, EL_PREP_TERM, 1);
	fputs(PASTE_ON, e->out);
	fflush(e->out);
}

/*
 * Signals
 */

static void note(int signo)
{
	for (size_t i = 0; i < EDIT_SIGNALS; i++)
		if (caught[i].signo == signo)
			arrived[i] = 1;
}

static void catch_signals(struct edit *e)
{
	struct sigaction action = { .sa_handler = note };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < EDIT_SIGNALS; i++)
		sigaddset(&set, caught[i].signo);
	sigprocmask(SIG_BLOCK, &set, &e->mask);
	for (size_t i = 0; i < EDIT_SIGNALS; i++) {
		arrived[i] = 0;
		sigaction(caught[i].signo, NULL, &e->before[i]);
		if (e->before[i].sa_handler != SIG_IGN || caught[i].deed == RESIZE || caught[i].deed == RESUME)
			sigaction(caught[i].signo, &action, NULL);
	}
}

static void release_signals(struct edit *e)
{
	for (size_t i = 0; i < EDIT_SIGNALS; i++)
		sigaction(caught[i].signo, &e->before[i], NULL);
	sigprocmask(SIG_SETMASK, &e->mask, NULL);
}

/* Let the signal do what it would have done. */
static void suffer(struct edit *e, size_t i)
{
	struct sigaction noting;
	sigset_t only;

	sigaction(caught[i].signo, &e->before[i], &noting);
	raise(caught[i].signo);
	sigemptyset(&only);
	sigaddset(&only, caught[i].signo);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	sigprocmask(SIG_BLOCK, &only, NULL);
	sigaction(caught[i].signo, &noting, NULL);
	sigemptyset(&only);
	sigaddset(&only, SIGCONT); /* the one that ended a stop */
	sigtimedwait(&only, NULL, &(struct timespec){ 0 });
}

static enum deed next_deed(struct edit *e)
{
	for (size_t i = 0; e->deed == NOTHING && i < (e->pasting ? URGENT : EDIT_SIGNALS); i++)
		if (arrived[i]) {
			arrived[i] = 0;
			e->event = i;
			e->deed = caught[i].deed;
		}
	return e->deed;
}

/*
 * Between two characters
 */

/* Draw the line where the cursor is now, which is at the beginning of a row. */
static void redraw(struct edit *e)
{
	el_cursor(e->el, -e->back);
	e->back = 0;
	el_set(e->el, EL_REFRESH);
}

static void show_list(struct edit *e)
{
	struct winsize size = window(e);

	fputs("\r\n", e->out);
	menu_print(e->out, &e->found, size.ws_row, size.ws_col);
}

/* The last row is drawn anew; how a terminal wraps those above is its own affair. */
static void resize(struct edit *e)
{
	char *clear = NULL;

	fputc('\r', e->out);
	if (el_get(e->el, EL_GETTC, "ce", &clear) == 0 && clear)
		fputs(clear, e->out);
	el_resize(e->el);
}

/* Returns false when the line is given up. */
static bool act(struct edit *e)
{
	enum deed deed = e->deed;

	e->deed = NOTHING;
	e->at_bottom = false;
	switch (deed) {
	case NOTHING:
		break;
	case INTERRUPT:
		fputs("^C\r\n", e->out);
		e->interrupted = true;
		return false;
	case STOP:
	case END:
		fputs(deed == STOP ? "^Z" : "\r\n", e->out);
		leave_terminal(e);
		suffer(e, e->event);
		arrived[RESUMED] = 1;
		break;
	case RESUME: /* somebody else had the terminal */
		leave_terminal(e);
		take_terminal(e);
		resize(e);
		redraw(e);
		break;
	case RESIZE:
		resize(e);
		redraw(e);
		break;
	case LIST:
		show_list(e);
		redraw(e);
		break;
	}
	return true;
}

unsigned char input_later(struct edit *e, enum deed deed)
{
	const LineInfoW *line = el_wline(e->el);

	if (deed == NOTHING)
		return CC_ERROR;
	e->deed = deed;
	e->back = (int)(line->lastchar - line->cursor);
	e->at_bottom = true;
	el_cursor(e->el, e->back);
	return CC_CURSOR;
}

/* The function of BOTTOM_KEY */
static unsigned char go_to_bottom(EditLine *el, int key)
{
	struct edit *e = edit_of(el);

	(void)key;
	return e->deed == NOTHING ? CC_REFRESH : input_later(e, e->deed);
}

/*
 * A character at the end of a line is drawn fast, for which libedit must know the row that it is in. In a line that does not fit on the
 * screen it does not, after the cursor was moved, and writes to memory that it does not have (3.1-20221030). So such a line is drawn anew
 * first. This counts rather too many columns than too few.
 */
static bool is_risky(struct edit *e, wchar_t c)
{
	const LineInfoW *line = el_wline(e->el);
	size_t n = strlen(e->prompt ? e->prompt : ""), columns;
	struct winsize size;

	if (e->within != PLAIN || e->pasting || line->cursor != line->lastchar || (c < L' ' && c != CTRL_V) || c == 0x7f)
		return false;
	size = window(e);
	columns = size.ws_col;
	for (const wchar_t *p = line->buffer; p < line->lastchar; p++)
		n += *p == L'\n' ? columns : *p > L' ' && *p < 0x7f ? 1 : 8;
	return n + 2 * columns >= columns * size.ws_row;
}

/* What comes after this character: a key that is more than one must not be broken up. */
static void follow(struct edit *e, wchar_t c)
{
	switch (e->within) {
	case PLAIN:
		e->within = c == L'\033' ? ESCAPED : c == CTRL_V || c == CTRL_X ? QUOTED : PLAIN;
		break;
	case QUOTED:
		e->within = PLAIN;
		break;
	case ESCAPED:
		e->within = c == L'[' || c == L'O' ? IN_SEQUENCE : PLAIN;
		break;
	case IN_SEQUENCE:
		e->within = c >= L' ' && c < L'@' ? IN_SEQUENCE : PLAIN;
		break;
	}
}

/* One byte of input: 1, 0 at its end, -1 for an error, 2 when a signal came first. */
static int read_byte(const struct edit *e, char *byte)
{
	struct pollfd input = { .fd = e->fd, .events = POLLIN };
	ssize_t n;

	if (ppoll(&input, 1, NULL, &e->mask) < 0)
		return errno == EINTR ? 2 : -1;
	n = read(e->fd, byte, 1);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 2 : -1;
	return (int)n;
}

/* A character of the user's, or BOTTOM_KEY when something is to be done first: 1; else 0 or -1 as read_byte. */
static int read_char(struct edit *e, wchar_t *to)
{
	mbstate_t state = { 0 };
	size_t width;
	char byte;
	int n;

	for (;;) {
		enum deed deed = next_deed(e);

		/* In the midst of a key's sequence libedit takes ours for a part of it: it is asked again, but not for ever. */
		if (deed != NOTHING && deed != RESUME && !e->at_bottom && ++e->asked < 8) {
			*to = BOTTOM_KEY;
			return 1;
		}
		e->asked = 0;
		if (deed != NOTHING) {
			if (!act(e))
				return -1;
			continue;
		}
		n = read_byte(e, &byte);
		if (n <= 0)
			return n;
		width = n == 1 ? mbrtowc(to, &byte, 1, &state) : (size_t)-1;
		if (width == (size_t)-1) /* no character, or a signal: begin anew */
			state = (mbstate_t){ 0 };
		else if (width != (size_t)-2)
			return 1;
	}
}

int input_char(EditLine *el, wchar_t *to)
{
	struct edit *e = edit_of(el);
	int n = 1;

	if (e->held) {
		*to = e->held;
		e->held = 0;
	} else {
		n = read_char(e, to);
		if (n != 1 || *to == BOTTOM_KEY)
			return n;
		if (is_risky(e, *to)) {
			e->held = *to;
			*to = BOTTOM_KEY;
			return n;
		}
	}
	follow(e, *to);
	return n;
}

void input_bind(EditLine *el)
{
	el_wset(el, EL_ADDFN, L"nslua-bottom", L"Go to the last row", go_to_bottom);
	el_set(el, EL_BIND, "^^", "nslua-bottom", NULL);
	el_set(el, EL_BIND, "-a", "^^", "nslua-bottom", NULL);
}

void input_begin(struct edit *e)
{
	e->deed = NOTHING;
	e->at_bottom = e->pasting = e->interrupted = false;
	e->held = 0;
	e->within = PLAIN;
	catch_signals(e);
	take_terminal(e);
}

void input_end(struct edit *e)
{
	leave_terminal(e);
	release_signals(e);
}
