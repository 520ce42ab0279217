/* unigornel doctor and version: what is here, what works, what to install. */
#include "commands.h"
#include "gotool.h"
#include "image.h"
#include "link.h"
#include "machine.h"
#include "network_qemu.h"
#include "options.h"
#include "overlay.h"
#include "process.h"
#include "uses.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first line that a program prints; NULL if it is not there. Allocated. */
static char *first_line(const char *program, const char *arg)
{
	char *path = find_program(program);
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	if (!path)
		return NULL;
	strv_add(&argv, path);
	strv_add(&argv, arg);
	process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	buffer_add(&out, "", 0);
	out.data[strcspn(out.data, "\n")] = 0;
	strv_free(&argv);
	buffer_free(&err);
	free(path);
	return out.data;
}

static bool report(bool ok, const char *what, const char *found, const char *remedy)
{
	printf("%-8s %-10s %s\n", ok ? "ok" : "MISSING", what, ok ? found : remedy);
	return ok;
}

static bool report_program(const char *what, const char *program, const char *arg,
			   const char *remedy)
{
	char *line = first_line(program, arg);
	bool ok = report(line != NULL, what, line, remedy);
	free(line);
	return ok;
}

static void option(bool ok, const char *what, const char *found, const char *remedy)
{
	printf("%-8s %-10s %s\n", ok ? "ok" : "no", what, ok ? found : remedy);
}

static error_t parse_doctor(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	strv_add(state->input, arg);
	return 0;
}

static const struct argp doctor_argp = {
    NULL,
    parse_doctor,
    "[IMAGE...]",
    "Says what is installed here, which hypervisors work, and what to install; or, of an image "
    "that "
    "`unigornel build` made, what it supports.\v"
    "Lines with MISSING are needed for building and running; lines with \"no\" only for what they "
    "name. The exit code is 0 if nothing needed is missing. With images it is 0 if all are ours "
    "and "
    "whole.",
    NULL,
    NULL,
    NULL,
};

/* The Go line; go_env's own checks would exit. */
static bool report_go(void)
{
	const char *remedy = "install Go 1.19 or newer: apt-get install golang-go, or "
			     "https://go.dev/dl";
	char *line = first_line("go", "version");
	int minor = 0;
	const char *p = line ? strstr(line, "go1.") : NULL;
	if (p)
		minor = atoi(p + 4);
	bool old = p && minor < 19;
	char *text = old ? xasprintf("%s is too old: %s", line, remedy) : NULL;
	bool ok = report(line && !old, "go", line, text ? text : remedy);
	free(text);
	free(line);
	return ok;
}

/* The host's tap devices that this user may attach to, blank-separated. Allocated. */
static char *own_taps(void)
{
	struct buffer b = {0};
	DIR *d = opendir("/sys/class/net");
	for (const struct dirent *e; d && (e = readdir(d));) {
		char *flags = xasprintf("/sys/class/net/%s/tun_flags", e->d_name);
		char *owner = xasprintf("/sys/class/net/%s/owner", e->d_name);
		struct buffer f = {0}, o = {0};
		/* linux/if_tun.h: IFF_TAP is 2. An owner of -1 is root alone. */
		if (!read_file(flags, &f) && strtol(f.data, NULL, 16) & 2 &&
		    !read_file(owner, &o) && (!geteuid() || strtol(o.data, NULL, 10) == geteuid()))
			buffer_addf(&b, "%s%s", b.len ? " " : "", e->d_name);
		buffer_free(&f);
		buffer_free(&o);
		free(flags);
		free(owner);
	}
	if (d)
		closedir(d);
	return b.data;
}

/* How machines reach others, and others them. */
static void report_network(void)
{
	option(network_has_user(), "net user", "outgoing connections and -p, without rights",
	       "this QEMU has no user networking (libslirp): apt-get install qemu-system-x86");
	char *taps = own_taps();
	bool tun = !access("/dev/net/tun", R_OK | W_OK);
	option(tun && taps, "net tap", taps,
	       access("/dev/net/tun", F_OK) ? "no /dev/net/tun: modprobe tun"
	       : !tun
		   ? "/dev/net/tun is not yours to open: as root, chmod 666 /dev/net/tun"
		   : "no tap device is yours: sudo ip tuntap add tap0 mode tap user $USER && sudo "
		     "ip link set tap0 up (into a bridge: sudo ip link set tap0 master br0)");
	free(taps);
	const char *why = NULL, *bundle = ca_bundle(&why);
	option(bundle != NULL, "CA roots", bundle, why);
}

int command_doctor(int argc, char **argv)
{
	bool ok = true;
	struct strv images = {0};
	options_parse(&doctor_argp, "doctor", argc, argv, &images);
	if (images.n) {
		int bad = 0;
		for (size_t i = 0; i < images.n; i++)
			bad |= image_report(images.v[i]);
		return fflush(stdout) || bad ? 1 : 0;
	}
	const char *lib = library_dir_find(), *why = "";
	ok &= report(lib != NULL, "library", lib,
		     "libunigornel.a and image.ld: run `make`, or set UNIGORNEL_LIB");
	ok &= report_go();
	ok &= report_program("linker", "ld", "--version", "apt-get install binutils");
	ok &= report_program("assembler", "as", "--version", "apt-get install binutils");
	ok &= report_program("archiver", "ar", "--version", "apt-get install binutils");
	char *qemu = hypervisor_qemu.available(&why) ? hypervisor_qemu.version() : NULL;
	ok &= report(qemu != NULL, "qemu", qemu, why);
	free(qemu);
	if (hypervisor_qemu.available(&why) && !accel_runs_code("tcg"))
		ok &= report(false, "qemu", "", "it is there but does not run code (microvm, TCG)");
	if (hypervisor_qemu.available(&why))
		report_network();
	char *cache = xasprintf("%s", cache_dir());
	ok &= report(!access(cache, W_OK), "cache", cache, "not writable");
	free(cache);
	char *musl = find_program("musl-gcc"), *gcc = find_program("gcc");
	option(musl && gcc, "cgo", musl,
	       "programs that use C need: apt-get install musl-tools gcc");
	free(musl);
	free(gcc);
	const char *accel = getenv("UNIGORNEL_ACCEL");
	if (accel && !strcmp(accel, "tcg"))
		option(false, "kvm", "", "not asked for: UNIGORNEL_ACCEL=tcg");
	else
		option(kvm_works(), "kvm", "/dev/kvm runs code",
		       access("/dev/kvm", F_OK) ? "no /dev/kvm: QEMU emulates, several times slower"
		       : access("/dev/kvm", R_OK | W_OK)
			   ? "/dev/kvm is not yours: add yourself to group kvm"
			   : "/dev/kvm is there but does not run code: QEMU emulates");
	char *xen = hypervisor_xen.available(&why) ? hypervisor_xen.version() : NULL;
	option(xen != NULL, "xen", xen, why);
	free(xen);
	char *gdb = first_line("gdb", "--version");
	option(gdb != NULL, "gdb", gdb, "--gdb is for: apt-get install gdb");
	free(gdb);
	puts(ok ? "\nEverything needed is here."
		: "\nInstall what is missing, then run this again.");
	return fflush(stdout) || !ok ? 1 : 0;
}

static const struct argp version_argp = {
    NULL, NULL, NULL, "Prints the versions of the tool, Go and the hypervisors.", NULL, NULL, NULL};

int command_version(int argc, char **argv)
{
	const char *why;
	options_parse(&version_argp, "version", argc, argv, NULL);
	printf("unigornel %s\n", VERSION);
	char *go = first_line("go", "version");
	printf("%s\n", go ? go : "go: not installed");
	free(go);
	char *qemu = hypervisor_qemu.available(&why) ? hypervisor_qemu.version() : NULL;
	printf("%s\n", qemu ? qemu : "QEMU: not installed");
	free(qemu);
	char *xen = hypervisor_xen.available(&why) ? hypervisor_xen.version() : NULL;
	if (xen)
		printf("Xen %s\n", xen);
	free(xen);
	return fflush(stdout) ? 1 : 0;
}
