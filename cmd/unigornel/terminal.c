#include "terminal.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved, raw;
static volatile sig_atomic_t active;

bool terminal_interactive(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
	       tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* Back from Ctrl-Z: the shell has set its own mode. tcsetattr is async-signal-safe. */
static void continued(int sig)
{
	(void)sig;
	if (active)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void stop(int sig)
{
	(void)sig;
	if (active)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	raise(SIGSTOP);
}

void terminal_raw(void)
{
	if (active || tcgetattr(STDIN_FILENO, &saved))
		return;
	raw = saved;
	cfmakeraw(&raw);
	raw.c_lflag |= ISIG;
	raw.c_cc[VQUIT] = _POSIX_VDISABLE; /* Ctrl-\ is for the machine: Go prints its goroutines */
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	struct sigaction sa = {.sa_handler = continued, .sa_flags = SA_RESTART};
	sigemptyset(&sa.sa_mask);
	sigaction(SIGCONT, &sa, NULL);
	sa.sa_handler = stop;
	sigaction(SIGTSTP, &sa, NULL);
	static bool registered;
	if (!registered)
		atexit(terminal_restore);
	registered = true;
	active = 1;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

void terminal_restore(void)
{
	if (!active)
		return;
	active = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}
