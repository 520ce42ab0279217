/* A machine as a configuration file of Xen's toolstack, xl.cfg(5). */
#pragma once
#include "machine.h"

struct xl_config {
	const char *name;
	bool explained; /* with comments for who goes on editing it */
	/* The end is the tool's to notice: the domain goes whatever it ends by, and its console
	 * says the exit code. */
	bool watched;
};

/* Appends the file. Exits if a name in it cannot be written there. */
void xl_config_write(const struct machine *m, const struct xl_config *c, struct buffer *b);

/* Exits if an interface is of a kind that only QEMU has. */
void xen_check_network(const struct network *n);

/* The path of a file that is there, from the root. Allocated; exits if there is none. */
char *xl_absolute(const char *path);
