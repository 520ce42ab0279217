/*
 * firstline LOG SECONDS MARKER[,MARKER...] COMMAND [ARGUMENT...]: runs COMMAND (xl create), and
 * says when lines with the markers were in LOG, the domain's console as xenconsoled keeps it, in
 * milliseconds from the start of COMMAND; and when COMMAND returned ("exit"). Nothing is polled:
 * this shares the one CPU with the domain that is measured.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_MARKERS 8

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static char text[1 << 20]; /* the log so far */
static size_t length;

/* Reads what is new. Complete lines only count: the end of the text is that of the last one. */
static void read_log(const char *log, int *fd)
{
	ssize_t n;

	if (*fd < 0)
		*fd = open(log, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return;
	while ((n = read(*fd, text + length, sizeof text - 1 - length)) > 0)
		length += (size_t)n;
}

int main(int argc, char **argv)
{
	char *markers[MAX_MARKERS], *slash, buf[4096];
	int count = 0, found = 0, log_fd = -1, status;
	bool seen[MAX_MARKERS] = {false}, exited = false;
	sigset_t mask;

	if (argc < 5)
		return 2;
	for (char *m = strtok(argv[3], ","); m && count < MAX_MARKERS; m = strtok(NULL, ","))
		markers[count++] = m;
	setlinebuf(stdout);
	unlink(argv[1]);
	snprintf(buf, sizeof buf, "%s", argv[1]);
	slash = strrchr(buf, '/');
	if (!slash)
		return 2;
	*slash = 0;
	int notify = inotify_init1(IN_CLOEXEC);
	if (notify < 0 || inotify_add_watch(notify, buf, IN_CREATE | IN_MODIFY) < 0)
		fail(buf);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	int signals = signalfd(-1, &mask, SFD_CLOEXEC);
	double start = now_ms(), limit = start + atof(argv[2]) * 1e3;
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		sigprocmask(SIG_UNBLOCK, &mask, NULL);
		execvp(argv[4], argv + 4);
		fail(argv[4]);
	}
	while (found < count || !exited) {
		struct pollfd p[] = {{.fd = notify, .events = POLLIN},
				     {.fd = signals, .events = POLLIN}};
		double left = limit - now_ms();

		if (left <= 0 || poll(p, 2, (int)left + 1) < 0) {
			printf("%s\nfirstline: given up\n", text);
			return 1;
		}
		double at = now_ms() - start;
		if (p[0].revents && read(notify, buf, sizeof buf) > 0) {
			read_log(argv[1], &log_fd);
			for (int i = 0; i < count; i++) {
				char *m = seen[i] ? NULL : strstr(text, markers[i]);

				if (m && strchr(m, '\n')) {
					seen[i] = true;
					found++;
					printf("%s %.1f\n", markers[i], at);
				}
			}
		}
		if (p[1].revents && read(signals, buf, sizeof buf) > 0 &&
		    waitpid(child, &status, WNOHANG) == child) {
			exited = true;
			printf("exit %.1f\n", at);
			if (status) {
				printf("firstline: status %d\n", status);
				return 1;
			}
		}
	}
	return 0;
}
