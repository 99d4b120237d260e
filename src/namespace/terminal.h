/* SPDX-License-Identifier: MIT */
/* terminal.h - the terminal of a process that stands for another one: whose it is, and how it was */
#ifndef NETNS_TERMINAL_H
#define NETNS_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct terminal {
	bool has_modes; /* it was ours when they were noted */
	struct termios modes;
};

/* Note its modes, if we are the ones who use it. */
void terminal_note(struct terminal *terminal);

/*
 * Was one of our process group stopped by `signo` for want of the terminal, and can have it now? The shell that waits for us believes that
 * it runs, and may have given us the terminal without another word. And an interactive shell in a sandbox takes it for its own process
 * group, and cannot give it back: ours has no number in its PID namespace. When that group is gone, the terminal is taken back here.
 * SIGTTOU must be blocked.
 */
bool terminal_regain(int signo);

/*
 * Before a line is read: if such a shell has had the terminal, stop until it is taken back. Reading would do so by itself, but for a process
 * group without a shell outside, as a terminal of its own or a container gives: there it only fails.
 */
void terminal_await(void);

/* Give it the noted modes, if it is ours: who was killed while a line was being edited has left those that suit no shell. Likewise. */
void terminal_mend(const struct terminal *terminal);

#endif
