/*
 * relay PORT LOG TTY END: connects the guest's console with a virtio port of the machine.
 *
 * Output is what xenconsoled writes to LOG: nothing of it is lost when a domain ends, is saved or
 * starts again, and xl console may have the terminal to itself. Input goes to the terminal that the
 * link TTY names, which follows the guest from one domain to the next.
 *
 * Once the file END exists it passes on what LOG has and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* 0, or -1 if the other side is gone. */
static int write_all(int fd, const char *buf, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, buf, n);
		if (w < 0 && errno != EINTR)
			return -1;
		if (w > 0) {
			buf += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

/* The child: what is typed, for as long as the machine lives. */
static void input(int port, const char *tty)
{
	char buf[1024], name[64], opened[64] = "";
	int fd = -1;

	for (;;) {
		ssize_t n = read(port, buf, sizeof buf);
		if (n <= 0) {
			usleep(20000);
			continue;
		}
		for (;;) {
			ssize_t l = readlink(tty, name, sizeof name - 1);
			if (l > 0) {
				name[l] = 0;
				if (strcmp(name, opened) != 0) {
					close(fd);
					fd = open(name, O_WRONLY | O_NOCTTY);
					strcpy(opened, name);
				}
				if (fd >= 0 && write_all(fd, buf, (size_t)n) == 0)
					break;
				opened[0] = 0; /* between two domains */
			}
			usleep(20000);
		}
	}
}

static void pass(int log, int port)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(log, buf, sizeof buf)) > 0)
		if (write_all(port, buf, (size_t)n) != 0)
			fail("relay: write");
}

int main(int argc, char **argv)
{
	char events[4096], *directory;

	if (argc != 5)
		return 2;
	int port = open(argv[1], O_RDWR);
	if (port < 0)
		fail(argv[1]);
	int log = open(argv[2], O_RDONLY | O_CREAT, 0644);
	if (log < 0)
		fail(argv[2]);
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		input(port, argv[3]);
	int watch = inotify_init();
	directory = strdup(argv[4]);
	if (watch < 0 || !directory || inotify_add_watch(watch, argv[2], IN_MODIFY) < 0 ||
	    inotify_add_watch(watch, dirname(directory), IN_CREATE) < 0)
		fail("inotify");
	for (;;) {
		int ended = access(argv[4], F_OK) == 0;
		pass(log, port);
		if (ended)
			break;
		if (read(watch, events, sizeof events) < 0 && errno != EINTR)
			fail("inotify");
	}
	kill(child, SIGKILL);
	return 0;
}
