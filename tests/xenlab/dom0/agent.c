/*
 * agent PORT...: runs commands in dom0 for the outer machine (`xenlab exec`, lib/exec.pl), one at a
 * time on each of the virtio ports.
 *
 * A frame is a byte that says what it is, four bytes of length (little endian) and as many of data:
 *
 *	to us	R	starts a command: sixteen bytes that we send back, then its words, each with
 *a NUL I	input of the command E	the end of its input from us	1 2	what it wrote on
 *standard output and standard error X	it has ended: one byte, the status as a shell gives it
 *
 * Before the first frame of a command's output the sixteen bytes are sent as they are, so that a
 * client skips what the one before it, which was killed, has left behind. Who hangs up ends his
 * command; so does a new R.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEADER = 5, NONCE = 16, FRAME_MAX = 65536, WORDS_MAX = 256 };

static int port;

/* A port whose other side nobody holds says so at once whenever it is asked (and that it can be
 * read, which gives nothing); but it sends SIGIO when that changes. */
static bool connected(void)
{
	struct pollfd p = {.fd = port, .events = POLLIN};

	return poll(&p, 1, 0) == 0 || !(p.revents & POLLHUP);
}

static void wait_for_client(void)
{
	sigset_t io;

	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	while (!connected())
		sigtimedwait(&io, NULL, &(struct timespec){.tv_sec = 1});
}

/* False if the client has gone. */
static bool write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EAGAIN) {
			struct pollfd out = {.fd = fd, .events = POLLOUT};
			if (poll(&out, 1, -1) < 0 && errno != EINTR)
				return false;
			if ((out.revents & POLLHUP) && !(out.revents & POLLOUT))
				return false;
		} else if (w < 0 && errno != EINTR) {
			return false;
		} else if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return true;
}

static bool send_frame(char type, const void *data, uint32_t n)
{
	unsigned char h[HEADER] = {(unsigned char)type, (unsigned char)n, (unsigned char)(n >> 8),
				   (unsigned char)(n >> 16), (unsigned char)(n >> 24)};

	return write_all(port, h, sizeof h) && write_all(port, data, n);
}

/* What has arrived and is not a whole frame yet. */
static unsigned char in[HEADER + FRAME_MAX];
static size_t have;

/* One read. False if the client has gone. */
static bool receive(void)
{
	ssize_t n = read(port, in + have, sizeof in - have);

	if (n > 0)
		have += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* The type of the frame at the head of `in`, 0 if it is not complete, -1 if it is none. */
static int frame(uint32_t *length)
{
	if (have < HEADER)
		return 0;
	*length = in[1] | (uint32_t)in[2] << 8 | (uint32_t)in[3] << 16 | (uint32_t)in[4] << 24;
	if (!strchr("RIE", in[0]) || in[0] == 0 || *length > FRAME_MAX)
		return -1;
	return have < HEADER + *length ? 0 : in[0];
}

static void consume(uint32_t length)
{
	have -= HEADER + length;
	memmove(in, in + HEADER + length, have);
}

struct command {
	pid_t pid;
	int input, output, error; /* -1: closed */
};

static struct command start(char *words, size_t n)
{
	struct command c = {.pid = -1};
	int i[2], o[2], e[2], count = 0;
	char *argv[WORDS_MAX + 1];

	for (char *p = words; p < words + n && count < WORDS_MAX; p += strlen(p) + 1)
		argv[count++] = p;
	argv[count] = NULL;
	if (pipe2(i, O_CLOEXEC) || pipe2(o, O_CLOEXEC) || pipe2(e, O_CLOEXEC)) {
		perror("agent: pipe");
		exit(1);
	}
	c.pid = fork();
	if (c.pid < 0) {
		perror("agent: fork");
		exit(1);
	}
	if (c.pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		setsid();
		dup2(i[0], 0);
		dup2(o[1], 1);
		dup2(e[1], 2);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(i[0]);
	close(o[1]);
	close(e[1]);
	c.input = i[1];
	c.output = o[0];
	c.error = e[0];
	fcntl(c.input, F_SETFL, O_NONBLOCK);
	return c;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Passes on one piece of what the command wrote; closes *fd at its end. */
static bool pass(char type, int *fd)
{
	char buf[16384];
	ssize_t n = read(*fd, buf, sizeof buf);

	if (n > 0)
		return send_frame(type, buf, (uint32_t)n);
	close_fd(fd);
	return true;
}

/* Handles a frame for a running command. False if the command must end. */
static bool take_input(struct command *c)
{
	uint32_t length;
	int type = frame(&length);

	if (type == 0)
		return true;
	if (type != 'I' && type != 'E')
		return false; /* R: somebody new */
	if (type == 'I' && c->input >= 0) {
		ssize_t n = write(c->input, in + HEADER, length);
		if (n < 0 && errno == EAGAIN)
			return true; /* it stays where it is */
		if (n >= 0 && (uint32_t)n < length) {
			uint32_t rest = length - (uint32_t)n;
			memmove(in + HEADER, in + HEADER + n, have - HEADER - (size_t)n);
			have -= (size_t)n;
			for (int b = 0; b < 4; b++)
				in[1 + b] = (unsigned char)(rest >> 8 * b);
			return true;
		}
		if (n < 0)
			close_fd(&c->input); /* it does not read any more */
	}
	if (type == 'E')
		close_fd(&c->input);
	consume(length);
	return true;
}

/* Runs the command of the frame at the head of `in`. */
static void run(uint32_t length)
{
	unsigned char status;
	int code = 0;
	bool ended = false, ok;
	struct command c;

	in[HEADER + length - 1] = 0;
	ok = write_all(port, in + HEADER, NONCE);
	c = start((char *)in + HEADER + NONCE, length - NONCE);
	consume(length);
	while (ok) {
		uint32_t n;
		bool blocked = frame(&n) == 'I';
		struct pollfd p[4] = {
		    {.fd = port, .events = blocked ? 0 : POLLIN},
		    {.fd = c.output, .events = POLLIN},
		    {.fd = c.error, .events = POLLIN},
		    {.fd = blocked ? c.input : -1, .events = POLLOUT},
		};
		if (!ended && waitpid(c.pid, &code, WNOHANG) == c.pid)
			ended = true;
		/* Whom the command has left behind in the background is not waited for. */
		int ready = poll(p, 4, ended ? 0 : 20);
		if (ready == 0 && ended)
			break;
		if (p[1].revents)
			ok = ok && pass('1', &c.output);
		if (p[2].revents)
			ok = ok && pass('2', &c.error);
		if (p[0].revents & POLLIN)
			ok = ok && receive();
		else if (p[0].revents & POLLHUP)
			ok = false;
		ok = ok && take_input(&c);
		if (ended && c.output < 0 && c.error < 0)
			break;
	}
	if (!ok) {
		kill(-c.pid, SIGKILL);
		if (!ended)
			waitpid(c.pid, &code, 0);
	}
	close_fd(&c.input);
	close_fd(&c.output);
	close_fd(&c.error);
	status = (unsigned char)(WIFSIGNALED(code) ? 128 + WTERMSIG(code) : WEXITSTATUS(code));
	if (ok)
		send_frame('X', &status, 1);
}

static void serve(const char *path)
{
	port = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (port < 0) {
		perror(path);
		exit(1);
	}
	fcntl(port, F_SETOWN, getpid());
	fcntl(port, F_SETFL, O_NONBLOCK | O_ASYNC);
	for (;;) {
		uint32_t length = 0;
		wait_for_client();
		struct pollfd p = {.fd = port, .events = POLLIN};
		if (poll(&p, 1, -1) < 0 || !receive()) {
			have = 0;
			continue;
		}
		int type = frame(&length);
		if (type == 'R' && length > NONCE + 1)
			run(length);
		else if (type == 'I' || type == 'E')
			consume(length); /* of a command that has ended */
		else if (type != 0)
			have = 0;
	}
}

int main(int argc, char **argv)
{
	sigset_t io;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&io);
	sigaddset(&io, SIGIO);
	sigprocmask(SIG_BLOCK, &io, NULL);
	for (int i = 1; i < argc; i++) {
		pid_t pid = fork();
		if (pid < 0)
			perror("agent: fork");
		if (pid == 0)
			serve(argv[i]);
	}
	return 0;
}
