/* What run and test share about machines: their options, and the parts of a machine made from them.
 */
#pragma once
#include <argp.h>
#include "disk.h"
#include "machine.h"
#include "network.h"
#include "util.h"

struct cpio;

struct guest_options {
	const struct hypervisor *hypervisor;
	uint64_t memory;
	unsigned cpus;
	const char *type, *accel;
	struct strv env;   /* KEY=VALUE */
	struct strv files; /* HOSTDIR[:GUESTDIR] */
	const char *hostname;
	int64_t timeout_ms;
	unsigned grace; /* seconds */
	int gdb_port;
	bool trace;
	bool no_ca;	    /* keep the host's CA certificates out */
	const char *module; /* path of a boot module, if one is needed; NULL: among our own files */
	struct network network;
	struct disks disks;
};

/* Child parser for command lines; its input is a struct guest_options. */
extern const struct argp guest_argp;
/* --timeout, which means something else to `go test`. The same input. */
extern const struct argp guest_timeout_argp;

/* Options with their defaults. memory is what the command thinks right. */
void guest_defaults(struct guest_options *g, uint64_t memory);

/* Appends a word to a command line, quoted as docs/image.md says. */
void guest_add_word(struct buffer *line, const char *word);

/*
 * Fills in m for the image: command line (options, words, then the program's arguments) and module.
 * words: further options of the kernel. tree: host directories to put into the module at their
 * guest paths, pairs of host and guest; may be NULL. Exits if the machine cannot be made: too
 * little memory, unreadable files.
 */
void guest_prepare(const struct guest_options *g, const char *image, const struct strv *words,
		   const struct strv *args, void (*fill)(void *arg, struct cpio *c), void *fill_arg,
		   struct machine *m);
