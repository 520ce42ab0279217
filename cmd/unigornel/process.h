/*
 * Child processes. Each runs in a process group of its own, so that Ctrl-C at the terminal reaches
 * the tool alone, which then ends the group; each dies with the tool (PR_SET_PDEATHSIG).
 */
#pragma once
#include <sys/types.h>
#include "util.h"

struct process_options {
	const char *dir;	/* working directory, NULL: ours */
	const struct strv *env; /* KEY=VALUE, added to our environment */
	/* Called for each line (without its newline) of stderr; NULL: stderr is passed through. */
	void (*err_line)(void *arg, const char *line);
	void *arg;
	struct buffer *out; /* receives stdout; NULL: stdout is passed through */
	struct buffer *err; /* receives stderr if err_line is NULL */
};

/* Runs a program to its end. The exit code (128+signal if killed), or -errno if it cannot be
 * started. When a signal asks the tool to stop, ends the child and exits. */
int process_run(const struct strv *argv, const struct process_options *o);

/* Starts a program with these descriptors as 0, 1, 2 (-1: /dev/null) and keep (a list ended by -1,
 * or NULL) inherited at the same numbers. The pid or -errno. */
pid_t process_spawn(const struct strv *argv, const struct process_options *o, const int fds[3],
		    const int *keep);
/* Asks the group to end, waits a little, then kills it. Reaps pid. The exit code as above. */
int process_stop(pid_t pid);
/* Waits for it. The exit code as above. */
int process_wait(pid_t pid);
/* Exit code of a wait status. */
int process_status(int status);
