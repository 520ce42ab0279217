/*
 * relay PTY PORT LOG END: connects a domain's console (PTY of xenconsoled) with a virtio port of
 * the machine. xenconsole(1) wants a terminal on both sides and may lose the last words of a
 * domain.
 *
 * Once the file END exists it goes on until as many bytes have passed as xenconsoled has written to
 * LOG, then ends with 0; with 1 if the rest does not come within five seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void write_all(int fd, const char *buf, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, buf, n);
		if (w < 0 && errno != EINTR)
			fail("relay: write");
		if (w > 0) {
			buf += w;
			n -= (size_t)w;
		}
	}
}

/* The child: what is typed, for as long as the machine lives. */
static void input(int port, int pty)
{
	char buf[1024];

	for (;;) {
		ssize_t n = read(port, buf, sizeof buf);
		if (n > 0)
			write_all(pty, buf, (size_t)n);
		else
			usleep(20000);
	}
}

static off_t log_size(const char *log)
{
	struct stat st;

	return stat(log, &st) == 0 ? st.st_size : 0;
}

int main(int argc, char **argv)
{
	char buf[4096];
	off_t passed = 0;
	time_t limit = 0;
	bool ending = false;

	if (argc != 5)
		return 2;
	int pty = open(argv[1], O_RDWR | O_NOCTTY);
	if (pty < 0)
		fail(argv[1]);
	int port = open(argv[2], O_RDWR);
	if (port < 0)
		fail(argv[2]);
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		input(port, pty);
	for (;;) {
		struct pollfd p = {.fd = pty, .events = POLLIN};
		if (poll(&p, 1, 10) > 0) {
			ssize_t n = read(pty, buf, sizeof buf);
			if (n > 0) {
				write_all(port, buf, (size_t)n);
				passed += n;
				continue;
			}
			if (n == 0 || errno != EINTR)
				ending = true; /* xenconsoled has gone */
		}
		if (!ending && access(argv[4], F_OK) != 0)
			continue;
		ending = true;
		if (passed >= log_size(argv[3]))
			break;
		if (limit == 0)
			limit = time(NULL) + 5;
		else if (time(NULL) > limit)
			break;
	}
	kill(child, SIGKILL);
	return passed >= log_size(argv[3]) ? 0 : 1;
}
