#include "process.h"
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int process_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int process_wait(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return process_status(status);
}

static void child(const struct strv *argv, const struct process_options *o, const int fds[3],
		  const int *keep, int report, pid_t parent)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before the prctl */
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Above 2 first, so that no dup2 below overwrites a source. */
	int src[3];
	for (int i = 0; i < 3; i++)
		src[i] = fcntl(fds[i] < 0 ? null : fds[i], F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++)
		dup2(src[i], i);
	for (; keep && *keep >= 0; keep++)
		fcntl(*keep, F_SETFD, 0);
	for (size_t i = 0; o && o->env && i < o->env->n; i++)
		putenv(o->env->v[i]);
	if (!(o && o->dir && chdir(o->dir)))
		execvp(argv->v[0], argv->v);
	int err = errno;
	if (write(report, &err, sizeof err) < 0)
		_exit(126);
	_exit(127);
}

pid_t process_spawn(const struct strv *argv, const struct process_options *o, const int fds[3],
		    const int *keep)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pid_t parent = getpid(), pid = fork();
	if (pid < 0) {
		int err = errno;
		close(report[0]);
		close(report[1]);
		return -err;
	}
	if (!pid)
		child(argv, o, fds, keep, report[1], parent);
	setpgid(pid, pid);
	close(report[1]);
	int err = 0;
	ssize_t n;
	do
		n = read(report[0], &err, sizeof err);
	while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == (ssize_t)sizeof err) {
		waitpid(pid, NULL, 0);
		return -err;
	}
	return pid;
}

int process_stop(pid_t pid)
{
	int status;
	/* go removes its work directory on SIGINT. */
	kill(-pid, SIGINT);
	for (int i = 0; i < 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			kill(-pid, SIGKILL); /* what it left of its group */
			return process_status(status);
		}
		poll(NULL, 0, 20);
	}
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return process_status(status);
}

/* Hands the complete lines of b to the callback; at the end of input also what is left. */
static void give_lines(struct buffer *b, const struct process_options *o, bool end)
{
	size_t start = 0;
	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] != '\n')
			continue;
		b->data[i] = 0;
		o->err_line(o->arg, b->data + start);
		start = i + 1;
	}
	if (end && start < b->len) {
		o->err_line(o->arg, b->data + start);
		start = b->len;
	}
	if (!start)
		return;
	memmove(b->data, b->data + start, b->len - start);
	b->len -= start;
}

/* Reads what is there. False at the end. */
static bool drain(int fd, struct buffer *b)
{
	char chunk[65536];
	ssize_t n = read(fd, chunk, sizeof chunk);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	buffer_add(b, chunk, (size_t)n);
	return n > 0;
}

int process_run(const struct strv *argv, const struct process_options *o)
{
	static const struct process_options none;
	if (!o)
		o = &none;
	int out[2] = {-1, -1}, err[2] = {-1, -1};
	struct buffer lines = {NULL, 0, 0};
	bool want_err = o->err_line || o->err;

	session_check();
	if ((o->out && pipe2(out, O_CLOEXEC)) || (want_err && pipe2(err, O_CLOEXEC)))
		die("cannot make a pipe: %s", strerror(errno));
	const int fds[3] = {-1, o->out ? out[1] : STDOUT_FILENO, want_err ? err[1] : STDERR_FILENO};
	pid_t pid = process_spawn(argv, o, fds, NULL);
	if (out[1] >= 0)
		close(out[1]);
	if (err[1] >= 0)
		close(err[1]);
	if (pid < 0) {
		close(out[0]);
		close(err[0]);
		return pid;
	}
	struct pollfd p[2] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
	while (p[0].fd >= 0 || p[1].fd >= 0) {
		/* The timeout covers a signal that comes between the test and poll. */
		if (poll(p, 2, 200) < 0 && errno != EINTR)
			break;
		if (session_interrupted()) {
			process_stop(pid);
			session_check();
		}
		if (p[0].revents && !drain(p[0].fd, o->out))
			p[0].fd = -1;
		if (p[1].revents && !drain(p[1].fd, o->err_line ? &lines : o->err))
			p[1].fd = -1;
		if (o->err_line && p[1].revents)
			give_lines(&lines, o, p[1].fd < 0);
	}
	if (out[0] >= 0)
		close(out[0]);
	if (err[0] >= 0)
		close(err[0]);
	buffer_free(&lines);
	int status;
	for (;;) {
		pid_t w = waitpid(pid, &status, out[0] >= 0 || err[0] >= 0 ? 0 : WNOHANG);
		if (w == pid)
			break;
		if (session_interrupted()) {
			process_stop(pid);
			session_check();
		}
		if (w == 0)
			poll(NULL, 0, 5);
	}
	return process_status(status);
}
