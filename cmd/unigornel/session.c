#include "session.h"
#include "util.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *directory;
static struct strv unfinished;
static pid_t owner;
static volatile sig_atomic_t caught;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	/* Go's module cache style read-only directories may lie in it. */
	if (type == FTW_DNR)
		chmod(path, 0700);
	remove(path);
	return 0;
}

static void cleanup(void)
{
	if (getpid() != owner) /* a forked child that could not exec */
		return;
	for (size_t i = 0; i < unfinished.n; i++)
		unlink(unfinished.v[i]);
	if (directory)
		nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void handler(int sig)
{
	caught = sig;
}

void session_begin(void)
{
	owner = getpid();
	/* What is opened later must not become a standard descriptor. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(1);
	atexit(cleanup);
	struct sigaction sa = {.sa_handler = handler}; /* no SA_RESTART: waits must end */
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
}

const char *session_dir(void)
{
	if (!directory) {
		const char *tmp = getenv("TMPDIR");
		char *path = xasprintf("%s/unigornel-XXXXXX", tmp && *tmp ? tmp : "/tmp");
		if (!mkdtemp(path))
			die("cannot make a temporary directory %s: %s (set TMPDIR)", path,
			    strerror(errno));
		directory = path;
	}
	return directory;
}

void session_remove_at_exit(const char *path)
{
	strv_add(&unfinished, path);
}

void session_keep(const char *path)
{
	for (size_t i = 0; i < unfinished.n; i++) {
		if (strcmp(unfinished.v[i], path))
			continue;
		free(unfinished.v[i]);
		unfinished.v[i] = unfinished.v[--unfinished.n];
		unfinished.v[unfinished.n] = NULL;
		return;
	}
}

int session_interrupted(void)
{
	return caught;
}

void session_check(void)
{
	if (caught)
		exit(128 + caught);
}
