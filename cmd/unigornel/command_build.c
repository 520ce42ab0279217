/* unigornel build */
#include "build.h"
#include "commands.h"
#include "cpio.h"
#include "options.h"
#include "session.h"
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILES   0x2001
#define KEY_NO_CA   0x2002
#define KEY_NETWORK 0x2003

static enum build_network network_value(const char *arg)
{
	static const char *const values[] = {
	    [NETWORK_AUTO] = "auto", [NETWORK_YES] = "yes", [NETWORK_NO] = "no"};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		if (!strcmp(arg, values[i]))
			return (enum build_network)i;
	die("--network %s: it is auto, yes or no", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct build *b = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->child_inputs[1] = state->child_inputs[2] =
		    &b->flags;
		return 0;
	case 'o':
		b->output = xstrdup(arg);
		return 0;
	case KEY_FILES:
		strv_add(&b->files, arg);
		return 0;
	case KEY_NO_CA:
		b->no_ca = true;
		return 0;
	case KEY_NETWORK:
		b->network = network_value(arg);
		return 0;
	case ARGP_KEY_ARG:
		strv_add(&b->packages, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
    {NULL, 'o', "FILE", 0,
     "Write the image to FILE (default: NAME.elf, where NAME is what go build would choose; a "
     "directory: in there)",
     1},
    {"files", KEY_FILES, "HOSTDIR[:GUESTDIR]", 0,
     "Pack the directory's files into the image, at GUESTDIR (default /); may be repeated", 1},
    {"no-ca", KEY_NO_CA, NULL, 0,
     "Leave the host's CA certificates out, which programs that verify TLS peers otherwise get "
     "(SSL_CERT_FILE names others)",
     1},
    {"network", KEY_NETWORK, "auto|yes|no", 0,
     "Link the network stack (300 KiB): yes, no, or, by default, if the program's symbols say that "
     "it opens sockets; one that makes system calls by number needs yes",
     1},
    {0},
};

static const struct argp_child children[] = {
    {&goflags_argp, 0, "Flags of go build (see `go help build`), passed on:", 20},
    {&goflags_verbose_argp, 0, NULL, 21},
    {&goflags_parallel_argp, 0, NULL, 21},
    {0}};

static const struct argp argp = {
    options,
    parse,
    "[PACKAGE]",
    "Builds a Go program into one bootable ELF file.\v"
    "PACKAGE is what go build takes: a directory, an import path, or .go files; the current "
    "directory by default.\n\n"
    "The same file boots on QEMU (microvm, q35, pc) and on Xen:\n\n"
    "    unigornel build -o hello.elf ./examples/hello\n"
    "    unigornel run hello.elf\n",
    children,
    NULL,
    NULL,
};

int command_build(int argc, char **argv)
{
	struct build b = {0};
	struct gotool go;
	int n = options_parse(&argp, "build", argc, argv, &b);
	if (n < argc)
		die("build: arguments of the program belong to run");
	if (!b.packages.n)
		strv_add(&b.packages, ".");
	for (size_t i = 0; i < b.files.n; i++)
		cpio_check_spec(b.files.v[i]);
	gotool_find(&go, &b.packages);
	enum build_result result;
	build_image(&go, &b, &result);
	return 0;
}
