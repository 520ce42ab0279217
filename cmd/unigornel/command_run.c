/* unigornel run */
#include "build.h"
#include "commands.h"
#include "cpio.h"
#include "guest.h"
#include "image.h"
#include "options.h"
#include "session.h"
#include "terminal.h"
#include "xl_config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct run {
	struct build build;
	struct guest_options guest;
	const char *output; /* of xl-config */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run *r = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->child_inputs[1] = &r->guest;
		state->child_inputs[2] = &r->guest.network;
		state->child_inputs[3] = state->child_inputs[4] = &r->build.flags;
		return 0;
	case ARGP_KEY_ARG:
		if (r->build.packages.n &&
		    !(ends_with(arg, ".go") && ends_with(r->build.packages.v[0], ".go")))
			die("%s: unexpected %s (the program's arguments come after --)",
			    state->name + strlen("unigornel "), arg);
		strv_add(&r->build.packages, arg);
		return 0;
	case 'o':
		r->output = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
    {&guest_argp, 0, "The machine:", 10},
    {&guest_timeout_argp, 0, NULL, 10},
    {&network_publish_argp, 0, "Its network:", 11},
    {&goflags_argp, 0, "Flags of go build (see `go help build`), passed on:", 20},
    {&goflags_verbose_argp, 0, NULL, 21},
    {0}};

static const struct argp argp = {
    NULL,
    parse,
    "PACKAGE|IMAGE [-- ARGUMENTS]",
    "Boots a Go program as a virtual machine and exits with its exit code.\v"
    "PACKAGE is what go run takes and is built first; IMAGE is what `unigornel build` made. Input "
    "and output are the machine's console (standard output and standard error come out "
    "together). Ctrl-C stops the machine: the program gets SIGTERM and some time (--grace); a "
    "second "
    "one does not wait.\n\n"
    "    unigornel run ./examples/hello\n"
    "    unigornel run -p 8080:80 ./cmd/server\n"
    "    unigornel run -m 64M -e GOGC=50 ./cmd/tool -- -verbose file.txt\n"
    "    unigornel run --files ./site:/srv hello.elf\n\n"
    "Exit codes: the program's own; 123 the kernel failed, 124 --timeout, 125 the tool or the "
    "hypervisor failed, 130 Ctrl-C, 137 out of memory, 143 SIGTERM.",
    children,
    NULL,
    NULL,
};

/* An existing file that is no Go source is meant as an image. */
static bool names_image(const char *arg)
{
	struct stat st;
	return !ends_with(arg, ".go") && !stat(arg, &st) && !S_ISDIR(st.st_mode);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static char *program_name(const char *image)
{
	char *name = xstrdup(base_name(image));
	if (ends_with(name, ".elf") && strlen(name) > 4)
		name[strlen(name) - 4] = 0;
	return name;
}

int command_run(int argc, char **argv)
{
	struct run r = {0};
	struct machine m = {0};
	struct strv args = {0}, words = {0};
	guest_defaults(&r.guest, 256u << 20);
	int n = options_parse(&argp, "run", argc, argv, &r);
	for (int i = n + 1; i < argc; i++)
		strv_add(&args, argv[i]);
	if (!r.build.packages.n)
		die("run: a package or an image is needed (unigornel run --help)");
	const char *why, *image = r.build.packages.v[0];
	if (!r.guest.hypervisor->available(&why))
		die("%s", why);
	if (!names_image(image)) {
		struct gotool go;
		char *dir = xasprintf("%s/image", session_dir());
		/* What cannot work is told before the long step. */
		for (size_t i = 0; i < r.guest.files.n; i++)
			cpio_check_spec(r.guest.files.v[i]);
		gotool_find(&go, &r.build.packages);
		if (mkdir(dir, 0700))
			die("cannot make %s", dir);
		r.build.output = dir;
		r.build.no_ca = r.guest.no_ca;
		r.build.network = network_asked(&r.guest.network) ? NETWORK_YES : NETWORK_AUTO;
		enum build_result result;
		image = build_image(&go, &r.build, &result);
	}
	strv_addf(&words, "arg0=/%s", program_name(image));
	m.tty = terminal_interactive();
	/* In the background the terminal is not ours to read. */
	m.no_stdin = !m.tty && isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) != getpgrp();
	guest_prepare(&r.guest, image, &words, &args, NULL, NULL, &m);
	return r.guest.hypervisor->run(&m);
}

static const struct argp_option xl_options[] = {
    {"output", 'o', "FILE", 0,
     "Write the configuration there instead of printing it, and a boot module, if one is needed, "
     "beside it",
     0},
    {0},
};

/* go's flags and -p mean nothing to an image on a bridge. */
static const struct argp_child xl_children[] = {{&guest_argp, 0, "The machine:", 10},
						{&guest_timeout_argp, 0, NULL, 10},
						{&network_publish_argp, 0, "Its network:", 11},
						{0}};

static const struct argp xl_argp = {
    xl_options,
    parse,
    "IMAGE [-- ARGUMENTS]",
    "Prints a configuration file for xl, with which IMAGE runs as a guest of Xen.\v"
    "The flags are those of run; the file is explained by comments, to be changed as needed.\n\n"
    "    unigornel xl-config -m 128M --disk /dev/vg0/data server.elf -- -listen :80 >server.cfg\n"
    "    xl create -c server.cfg\n\n"
    "--files, and arguments with quotes or of great length, need a boot module: then -o is needed.",
    xl_children,
    NULL,
    NULL,
};

/* Xen as the toolstack knows it, with no lab around. */
static bool no_user_network(void)
{
	return false;
}

static const struct hypervisor plain_xl = {.name = "xen", .user_network = no_user_network};

int command_xl_config(int argc, char **argv)
{
	struct run r = {0};
	struct machine m = {.tty = true};
	struct strv args = {0}, words = {0};
	struct buffer text = {0};
	guest_defaults(&r.guest, 256u << 20);
	unsetenv("TERM"); /* of who will look at the console nothing is known */
	int n = options_parse(&xl_argp, "xl-config", argc, argv, &r);
	for (int i = n + 1; i < argc; i++)
		strv_add(&args, argv[i]);
	if (!r.build.packages.n)
		die("xl-config: an image is needed (unigornel build makes it)");
	const char *image = r.build.packages.v[0];
	if (!names_image(image))
		die("xl-config: %s is no image: `unigornel build -o server.elf %s` makes one",
		    image, image);
	if (r.guest.timeout_ms || r.guest.gdb_port)
		die("xl-config: %s is for `unigornel run`",
		    r.guest.gdb_port ? "--gdb" : "--timeout");
	r.guest.hypervisor = &plain_xl;
	char *name = program_name(image);
	strv_addf(&words, "arg0=/%s", name);
	if (r.output)
		r.guest.module = xasprintf("%s.cpio", r.output);
	guest_prepare(&r.guest, image, &words, &args, NULL, NULL, &m);
	if (m.module && !r.output)
		die("xl-config: --files, and arguments that are long or have quotes, need a boot "
		    "module: "
		    "-o FILE writes it beside the configuration");
	xen_check_network(m.network);
	xl_config_write(&m, &(struct xl_config){.name = name, .explained = true}, &text);
	if (!r.output) {
		fwrite(text.data, 1, text.len, stdout);
		return fflush(stdout) ? 1 : 0;
	}
	int err = write_file(r.output, text.data, text.len);
	if (err)
		die("cannot write %s: %s", r.output, strerror(-err));
	return 0;
}
