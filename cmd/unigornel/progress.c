#include "progress.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static char text[64];
static volatile sig_atomic_t tenths, shown;

/* Async-signal-safe: formats by hand. */
static void tick(int sig)
{
	(void)sig;
	char line[96], digits[16];
	size_t n = 0, k = 0;
	tenths += 5;
	unsigned t = (unsigned)tenths;
	if (!text[0])
		return;
	const char head[] = "\r\033[Kunigornel: ";
	memcpy(line, head, sizeof head - 1);
	n = sizeof head - 1;
	memcpy(line + n, text, strnlen(text, sizeof text));
	n += strnlen(text, sizeof text);
	line[n++] = ' ';
	for (unsigned v = t / 10; v || !k; v /= 10)
		digits[k++] = (char)('0' + v % 10);
	while (k)
		line[n++] = digits[--k];
	line[n++] = 's';
	shown = 1;
	if (write(STDERR_FILENO, line, n) < 0)
		text[0] = 0;
}

void progress_begin(const char *step, bool off)
{
	if (off || !isatty(STDERR_FILENO))
		return;
	tenths = 0;
	progress_step(step);
	struct sigaction sa = {.sa_handler = tick, .sa_flags = SA_RESTART};
	sigemptyset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, NULL);
	const struct itimerval every = {{0, 500000}, {0, 500000}};
	setitimer(ITIMER_REAL, &every, NULL);
}

void progress_step(const char *step)
{
	snprintf(text, sizeof text, "%s", step);
}

void progress_end(void)
{
	const struct itimerval off = {{0, 0}, {0, 0}};
	setitimer(ITIMER_REAL, &off, NULL);
	text[0] = 0;
	progress_clear();
}

void progress_clear(void)
{
	if (shown && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		return;
	shown = 0;
}
