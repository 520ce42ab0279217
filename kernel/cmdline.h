/* The command line: docs/image.md has its grammar. Parsed once at boot; constant afterwards. Words
 * about the network go to net/networds.h. */
#pragma once
#include <stdbool.h>

#define CMDLINE_VIRTIO_MMIO 32

struct cmdline {
	char **argv; /* NULL-terminated, argv[0] is the program's name */
	int argc;
	char **envp; /* NULL-terminated */
	int envc;
	const char *hostname;
	bool hostname_given; /* by hostname=: no DHCP server is asked */
	const char *cwd;     /* start directory, "/" by default */
	bool trace;
	bool gdb;
	bool quiet;
	bool exit_console; /* the exit record goes to the console too */
	bool console_pipe; /* console=pipe: stdin is a byte stream, not a terminal */
	unsigned grace;	   /* grace=SECONDS: from a request to end to the end (sys/power.h) */
	/* Values of virtio_mmio.device=, which monitors append: SIZE@BASE:IRQ[:ID]. */
	const char *virtio_mmio[CMDLINE_VIRTIO_MMIO];
	unsigned virtio_mmio_count;
};

extern struct cmdline cmdline;

/* Parses text (modified in place and kept). Returns 0 or -EINVAL; *error then says what and where.
 */
int cmdline_parse(char *text, const char **error);

/* Adds KEY=VALUE, which is kept, to the environment unless the command line sets KEY. After
 * cmdline_parse; a handful of times. */
void cmdline_default_env(char *entry);
