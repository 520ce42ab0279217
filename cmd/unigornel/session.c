#include "session.h"
#include "util.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX	      "unigornel."
#define STALE_SECONDS 60

static char *directory;
static struct strv unfinished;
static pid_t owner;
static volatile sig_atomic_t caught, times;

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
	times++;
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

/* Removes the directories of tools that were killed outright: old enough not to be just in the
 * making, and not locked. */
static void reclaim(const char *tmp)
{
	DIR *d = opendir(tmp);
	const struct dirent *e;
	while (d && (e = readdir(d))) {
		struct stat st;
		if (!starts_with(e->d_name, PREFIX))
			continue;
		int fd =
		    openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!fstat(fd, &st) && st.st_uid == geteuid() &&
		    time(NULL) - st.st_mtim.tv_sec > STALE_SECONDS &&
		    !flock(fd, LOCK_EX | LOCK_NB)) {
			char *path = xasprintf("%s/%s", tmp, e->d_name);
			nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
			free(path);
		}
		close(fd);
	}
	if (d)
		closedir(d);
}

const char *session_dir(void)
{
	if (directory)
		return directory;
	const char *tmp = getenv("TMPDIR");
	if (!tmp || !*tmp)
		tmp = "/tmp";
	reclaim(tmp);
	char *path = xasprintf("%s/" PREFIX "XXXXXX", tmp);
	if (!mkdtemp(path))
		die("cannot make a temporary directory %s: %s (set TMPDIR)", path, strerror(errno));
	directory = path;
	/* Held until the process ends, however it ends. */
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
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

int session_interrupts(void)
{
	return times;
}

void session_check(void)
{
	if (caught)
		exit(128 + caught);
}
