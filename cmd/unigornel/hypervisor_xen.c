/* Xen, through its toolstack xl: a PVH guest. */
#include "machine.h"
#include "process.h"
#include "relay.h"
#include "session.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool available(const char **why)
{
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

static char *version(void)
{
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	const char *const words[] = {"xl", "info", "xen_version"};
	for (size_t i = 0; i < 3; i++)
		strv_add(&argv, words[i]);
	int status = process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	strv_free(&argv);
	buffer_free(&err);
	if (status || !out.data)
		return NULL;
	out.data[strcspn(out.data, "\n")] = 0;
	return out.data;
}

/* A string of xl.cfg(5). The caller has kept quotes and backslashes out (command_run.c puts such
 * command lines into the boot module). */
static void setting(struct buffer *b, const char *name, const char *value)
{
	if (strpbrk(value, "\"\\\n"))
		die("%s: Xen's configuration cannot hold %s", name, value);
	buffer_addf(b, "%s = \"%s\"\n", name, value);
}

static void absolute(struct buffer *b, const char *name, const char *path)
{
	char full[PATH_MAX];
	if (!realpath(path, full))
		die("cannot read %s: %s", path, strerror(errno));
	setting(b, name, full);
}

static void destroy(void *name)
{
	struct strv argv = {0};
	strv_add(&argv, "xl");
	strv_add(&argv, "destroy");
	strv_add(&argv, name);
	const int fds[3] = {-1, -1, -1};
	pid_t pid = process_spawn(&argv, NULL, fds, NULL);
	if (pid > 0)
		process_wait(pid);
	strv_free(&argv);
}

static int run(const struct machine *m)
{
	const char *why;
	if (!available(&why))
		die("%s", why);
	if (m->gdb_port)
		die("--gdb works with QEMU only (on Xen: gdbsx)");
	char *name = xasprintf("unigornel-%d", (int)getpid());
	char *config = xasprintf("%s/xl.cfg", session_dir());
	struct buffer b = {0};
	setting(&b, "name", name);
	buffer_addf(&b, "type = \"pvh\"\n");
	absolute(&b, "kernel", m->image);
	if (m->module)
		absolute(&b, "ramdisk", m->module);
	setting(&b, "cmdline", m->command_line);
	buffer_addf(&b, "memory = %llu\nvcpus = %u\n", (unsigned long long)(m->memory >> 20),
		    m->cpus);
	buffer_addf(&b, "on_poweroff = \"destroy\"\non_reboot = \"destroy\"\n"
			"on_crash = \"destroy\"\n");
	int err = write_file(config, b.data, b.len);
	if (err)
		die("cannot write %s: %s", config, strerror(-err));
	int pair[2], status;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("cannot make a socket: %s", strerror(errno));
	struct strv argv = {0};
	const char *const words[] = {"xl", "-q", "create", "-c", config};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		strv_add(&argv, words[i]);
	const int fds[3] = {pair[1], pair[1], STDERR_FILENO};
	pid_t pid = process_spawn(&argv, NULL, fds, NULL);
	if (pid < 0)
		die("cannot run xl: %s", strerror(-pid));
	close(pair[1]);
	const struct relay r = {m, pair[0], -1, pid, destroy, name};
	int code = relay_run(&r, &status);
	close(pair[0]);
	if (code < 0) {
		warn("the machine ended without an exit code (see `xl dmesg`)");
		code = EXIT_TOOL_ERROR;
	}
	strv_free(&argv);
	buffer_free(&b);
	unlink(config);
	free(config);
	free(name);
	return code;
}

const struct hypervisor hypervisor_xen = {"xen", available, run, version};
