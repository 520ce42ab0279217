/*
 * Xen, through its toolstack xl: a PVH guest. With UNIGORNEL_XENLAB in the environment, the path of
 * tests/xenlab/xenlab, the guest runs under the Xen of that test bed (docs/xen.md).
 */
#include "machine.h"
#include "network.h"
#include "process.h"
#include "relay.h"
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* Under the lab the tool itself watches the time; this is for the case that the tool is killed. */
#define LAB_TIMEOUT "86400"

static const char *lab(void)
{
	const char *path = getenv("UNIGORNEL_XENLAB");
	return path && *path ? path : NULL;
}

static bool available(const char **why)
{
	if (lab()) {
		if (!access(lab(), X_OK))
			return true;
		*why = "UNIGORNEL_XENLAB does not name a program (it is the path of "
		       "tests/xenlab/xenlab)";
		return false;
	}
	char *path = find_program("xl");
	bool ok = path && !access("/proc/xen/privcmd", F_OK);
	if (!path)
		*why = "xl is not on PATH: `apt-get install xen-system-amd64`, then boot under Xen "
		       "(or try `make xenlab`)";
	else if (!ok)
		*why = "this system does not run as Xen's dom0: boot under Xen (or try `make "
		       "xenlab`)";
	free(path);
	return ok;
}

static void add_words(struct strv *argv, const char *const *words)
{
	for (; *words; words++)
		strv_add(argv, *words);
}

static char *version(void)
{
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	static const char *const host[] = {"xl", "info", "xen_version", NULL};
	static const char *const bed[] = {"status", NULL};
	if (lab())
		strv_add(&argv, lab());
	add_words(&argv, lab() ? bed : host);
	int status = process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	strv_free(&argv);
	buffer_free(&err);
	if (status || !out.data)
		return NULL;
	const char *line = lab() ? strstr(out.data, "xen  ") : out.data;
	char *text = line ? xasprintf("Xen %.*s%s", (int)strcspn(line + (lab() ? 11 : 0), "\n"),
				      line + (lab() ? 11 : 0), lab() ? " (lab)" : "")
			  : NULL;
	buffer_free(&out);
	return text;
}

static char *absolute(const char *path)
{
	char full[PATH_MAX];
	if (!realpath(path, full))
		die("cannot read %s: %s", path, strerror(errno));
	return xstrdup(full);
}

/* The guest's end without a word. */
static int no_record(const char *where)
{
	warn("the machine ended without an exit code (%s)", where);
	return EXIT_TOOL_ERROR;
}

/* In the lab the exit record comes out of Xen's log, through a pipe. */
static int run_lab(const struct machine *m)
{
	struct strv argv = {0}, env = {0};
	int pair[2], record[2], status;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || pipe2(record, O_CLOEXEC))
		die("cannot make a socket: %s", strerror(errno));
	char *image = absolute(m->image);
	static const char *const run[] = {"run",       "--raw",	    "--timeout",
					  LAB_TIMEOUT, "--cmdline", NULL};
	strv_add(&argv, lab());
	add_words(&argv, run);
	strv_add(&argv, m->command_line);
	strv_add(&argv, "--mem");
	strv_addf(&argv, "%llu", (unsigned long long)(m->memory >> 20));
	strv_add(&argv, "--record");
	strv_addf(&argv, "/dev/fd/%d", record[1]);
	if (m->module) {
		strv_add(&argv, "--ramdisk");
		strv_add(&argv, m->module);
	}
	strv_add(&argv, image);
	/* What a killed lab leaves behind goes with our own files. */
	strv_addf(&env, "TMPDIR=%s", session_dir());
	const int fds[3] = {pair[1], pair[1], STDERR_FILENO}, keep[] = {record[1], -1};
	pid_t pid = process_spawn(&argv, &(struct process_options){.env = &env}, fds, keep);
	if (pid < 0)
		die("cannot run %s: %s", lab(), strerror(-pid));
	close(pair[1]);
	close(record[1]);
	const struct relay r = {
	    .machine = m, .console = pair[0], .exit_record = record[0], .pid = pid};
	int code = relay_run(&r, &status);
	close(pair[0]);
	close(record[0]);
	strv_free(&argv);
	strv_free(&env);
	free(image);
	return code < 0 ? no_record("see above") : code;
}

/* A string of xl.cfg(5). */
static void setting(struct buffer *b, const char *name, const char *value)
{
	if (strpbrk(value, "\"\\\n"))
		die("%s: Xen's configuration cannot hold %s", name, value);
	buffer_addf(b, "%s = \"%s\"\n", name, value);
}

/* Xen's log is not for everybody, and by default does not show what guests say: the exit record
 * comes over the console (docs/image.md, "Exit"). guest.c has kept quotes out of the command line.
 */
static void write_config(const struct machine *m, const char *name, const char *path)
{
	struct buffer b = {0};
	char *image = absolute(m->image);
	char *line = xasprintf("exit=console %s", m->command_line);
	setting(&b, "name", name);
	buffer_addf(&b, "type = \"pvh\"\n");
	setting(&b, "kernel", image);
	if (m->module) {
		char *module = absolute(m->module);
		setting(&b, "ramdisk", module);
		free(module);
	}
	setting(&b, "cmdline", line);
	buffer_addf(&b, "memory = %llu\nvcpus = %u\n", (unsigned long long)(m->memory >> 20),
		    m->cpus);
	buffer_addf(&b, "on_poweroff = \"destroy\"\non_reboot = \"destroy\"\n"
			"on_crash = \"destroy\"\n");
	int err = write_file(path, b.data, b.len);
	if (err)
		die("cannot write %s: %s", path, strerror(-err));
	buffer_free(&b);
	free(image);
	free(line);
}

static void destroy(void *name)
{
	struct strv argv = {0};
	static const char *const words[] = {"xl", "destroy", NULL};
	add_words(&argv, words);
	strv_add(&argv, name);
	const int fds[3] = {-1, -1, -1};
	pid_t pid = process_spawn(&argv, NULL, fds, NULL);
	if (pid > 0)
		process_wait(pid);
	strv_free(&argv);
}

/* xenconsole(1) takes input only from a terminal. */
static void pseudo_terminal(int *near, int *far)
{
	struct termios t;
	*near = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*near < 0 || grantpt(*near) || unlockpt(*near))
		die("cannot make a terminal: %s", strerror(errno));
	*far = open(ptsname(*near), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*far < 0 || tcgetattr(*far, &t))
		die("cannot open %s: %s", ptsname(*near), strerror(errno));
	cfmakeraw(&t);
	tcsetattr(*far, TCSANOW, &t);
}

static int run(const struct machine *m)
{
	const char *why;
	if (!available(&why))
		die("%s", why);
	if (m->network->n)
		die("--hypervisor xen: there is no driver for Xen's network yet; leave the "
		    "network's flags out, or use QEMU");
	if (m->gdb_port)
		die("--gdb works with QEMU only (on Xen: gdbsx)");
	if (lab())
		return run_lab(m);
	char *name = xasprintf("unigornel-%d", (int)getpid());
	char *config = xasprintf("%s/xl.cfg", session_dir());
	int near, far, status;
	write_config(m, name, config);
	pseudo_terminal(&near, &far);
	struct strv argv = {0};
	static const char *const words[] = {"xl", "create", "-q", "-c", NULL};
	add_words(&argv, words);
	strv_add(&argv, config);
	const int fds[3] = {far, far, STDERR_FILENO};
	pid_t pid = process_spawn(&argv, NULL, fds, NULL);
	if (pid < 0)
		die("cannot run xl: %s", strerror(-pid));
	close(far);
	const struct relay r = {.machine = m,
				.console = near,
				.exit_record = -1,
				.pid = pid,
				.stopped = destroy,
				.arg = name};
	int code = relay_run(&r, &status);
	close(near);
	if (code < 0)
		code = no_record("see `xl dmesg`");
	strv_free(&argv);
	unlink(config);
	free(config);
	free(name);
	return code;
}

const struct hypervisor hypervisor_xen = {"xen", available, run, version};
