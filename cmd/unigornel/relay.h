/* Carries bytes between a running machine and the world until the machine ends. */
#pragma once
#include "machine.h"
#include <sys/types.h>

struct relay {
	const struct machine *machine;
	int console;	 /* stream socket or pseudo terminal: what the machine prints and reads */
	int exit_record; /* what it writes to the exit port; -1: the record is on the console */
	pid_t pid;	 /* the hypervisor's process, a group of its own */
	/* Called after the process was killed: for what it leaves behind. May be NULL. */
	void (*stopped)(void *arg);
	void *arg;
};

/* Ends when the machine does, at the timeout, or when a signal asks the tool to stop (then it stops
 * the machine and exits). Reaps pid. The exit code from the machine's record; EXIT_TIMEOUT; or -1
 * if the machine ended without one. *status: how the hypervisor's process ended. */
int relay_run(const struct relay *r, int *status);
