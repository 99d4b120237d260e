/* SPDX-License-Identifier: MIT */
/* terminal.c - the terminal of a process that stands for another one: whose it is, and how it was */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int open_it(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

/* Is our group the one that has it? Inside of a sandbox groups from outside have no numbers, and so cannot be told. */
static bool is_ours(int tty)
{
	pid_t own = getpgrp();

	return own > 0 && tcgetpgrp(tty) == own;
}

/* Is the group that has it gone? */
static bool is_abandoned(int tty)
{
	pid_t foreground = tcgetpgrp(tty);

	return foreground > 0 && kill(-foreground, 0) < 0 && errno == ESRCH;
}

void terminal_note(struct terminal *terminal)
{
	int tty = open_it();

	terminal->has_modes = tty >= 0 && is_ours(tty) && tcgetattr(tty, &terminal->modes) == 0;
	if (tty >= 0)
		close(tty);
}

bool terminal_regain(int signo)
{
	bool wanted = signo == SIGTTIN || signo == SIGTTOU, regains;
	int tty = wanted || signo == SIGSTOP ? open_it() : -1;

	if (tty < 0)
		return false;
	regains = (wanted && is_ours(tty)) || (is_abandoned(tty) && tcsetpgrp(tty, getpgrp()) == 0);
	close(tty);
	return regains;
}

void terminal_await(void)
{
	int tty = getpgrp() == 0 ? open_it() : -1;

	if (tty < 0)
		return;
	if (is_abandoned(tty))
		raise(SIGSTOP);
	close(tty);
}

void terminal_mend(const struct terminal *terminal)
{
	int tty = terminal->has_modes ? open_it() : -1;

	if (tty < 0)
		return;
	if (is_ours(tty) || is_abandoned(tty))
		tcsetattr(tty, TCSANOW, &terminal->modes);
	close(tty);
}
