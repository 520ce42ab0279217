/* Carries bytes between a running machine and the world until the machine ends. */
#pragma once
#include "machine.h"
#include <sys/types.h>

struct relay {
	const struct machine *machine;
	int console;	 /* stream socket or pseudo terminal: what the machine prints and reads */
	int exit_record; /* what it writes to the exit port; -1: the record is on the console */
	pid_t pid;	 /* the hypervisor's process, a group of its own */
	/* Asks the machine to end, as a power button does; the program gets SIGTERM. Called at most
	 * once. NULL: there is no such thing, the machine is killed. */
	void (*power_button)(void *arg);
	/* The button works from the start; else once the machine says so (docs/image.md, "Exit").
	 */
	bool button_ready;
	/* Called after the process was killed: for what it leaves behind. May be NULL. */
	void (*stopped)(void *arg);
	void *arg;
};

/* Ends when the machine does, or at the timeout. When a signal asks the tool to stop, the machine
 * is asked to end; at a second one, after the grace period, or if it cannot be asked, it is stopped
 * and the tool exits. Reaps pid. The exit code from the machine's record; EXIT_TIMEOUT; 128 plus
 * the signal if one asked the tool to stop and the program died of SIGTERM; or -1 if the machine
 * ended without one. *status: how the hypervisor's process ended. */
int relay_run(const struct relay *r, int *status);
