/* A machine to run, and the hypervisors that can run it. */
#pragma once
#include "util.h"

struct disks;
struct network;

struct machine {
	const char *image;
	char *command_line; /* docs/image.md, "Command line" */
	const char *module; /* cpio archive, or NULL */
	uint64_t memory;    /* bytes */
	unsigned cpus;
	struct network *network;
	const struct disks *disks; /* disk.h */
	const char *type;	   /* microvm, q35, pc */
	const char *accel;	   /* kvm, tcg; NULL: the best that works */
	int gdb_port;		   /* 0: none */
	bool tty;	    /* a person's terminal; else the console is a pipe (console=pipe) */
	bool no_stdin;	    /* the program's standard input is empty */
	int64_t timeout_ms; /* 0: none */
	unsigned grace;	    /* seconds that the program has to end when it is asked to */
	/* Receives what the machine prints; NULL: our stdout. */
	void (*output)(void *arg, const char *data, size_t n);
	void *output_arg;
};

struct hypervisor {
	const char *name;
	/* True if it can be used here; else *why says what is missing and what to install. */
	bool (*available)(const char **why);
	/* Runs it to its end. The exit code: the program's, or one of docs/image.md's. */
	int (*run)(const struct machine *m);
	/* True if it has user networking: outgoing connections and -p, without rights. */
	bool (*user_network)(void);
	/* One line for `version`, allocated, or NULL. */
	char *(*version)(void);
};

extern const struct hypervisor hypervisor_qemu, hypervisor_xen;

/* NULL if there is none of this name. */
const struct hypervisor *hypervisor_find(const char *name);

/* True if KVM runs code here (not merely if /dev/kvm exists). Asks once. */
bool kvm_works(void);
/* True if QEMU runs code with this acceleration. */
bool accel_runs_code(const char *accel);
