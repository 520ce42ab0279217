/*
 * Xen, through its toolstack xl: a PVH guest. With UNIGORNEL_XENLAB in the environment, the path of
 * tests/xenlab/xenlab, the guest runs under the Xen of that test bed (docs/xen.md).
 */
#include "disk.h"
#include "machine.h"
#include "network_qemu.h"
#include "process.h"
#include "relay.h"
#include "session.h"
#include "xl_config.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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

static bool user_network(void)
{
	return lab() != NULL;
}

/* The guest's end without a word. */
static int no_record(const char *where)
{
	warn("the machine ended without an exit code (%s)", where);
	return EXIT_TOOL_ERROR;
}

/* `xenlab exec` for the run in the directory; it goes on by itself. */
static void lab_power_button(void *directory)
{
	struct strv argv = {0};
	static const char *const words[] = {"xl", "shutdown", "guest", NULL};
	strv_add(&argv, lab());
	strv_add(&argv, "exec");
	strv_add(&argv, directory);
	add_words(&argv, words);
	const int fds[3] = {-1, -1, -1};
	process_spawn(&argv, NULL, fds, NULL);
	strv_free(&argv);
}

/* The lab's outer network is QEMU's user networking with its usual addresses, or one tap. */
static void lab_network(const struct machine *m, struct strv *argv)
{
	struct network *n = m->network;
	const char *tap = NULL, *pcap = NULL;
	unsigned users = 0;
	network_open_ports(n);
	for (unsigned i = 0; i < n->n; i++) {
		const struct interface *f = &n->interfaces[i];
		users += f->kind == ATTACH_USER;
		if (f->kind == ATTACH_USER &&
		    (users > 1 || f->user4.net.s_addr != htonl(0x0a000200)))
			die("--net user: in the Xen lab there is one such network, 10.0.2.0/24");
		if (f->kind == ATTACH_TAP && tap)
			die("--net tap=%s: the Xen lab has room for one tap device", f->tap);
		if (f->kind == ATTACH_TAP)
			tap = f->tap;
		if (f->pcap && pcap)
			die("--pcap %s: the Xen lab captures one network", f->pcap);
		if (f->pcap)
			pcap = f->pcap;
		strv_addf(argv, "--vif=%s%s%s%s", f->mac ? "mac=" : "", f->mac ? f->mac : "",
			  f->kind != ATTACH_BRIDGE ? ""
			  : f->mac		   ? ",bridge="
						   : "bridge=",
			  f->kind == ATTACH_BRIDGE ? f->tap : "");
	}
	if (tap && users)
		die("--net: the Xen lab has either user networking or a tap device");
	if (tap) {
		strv_add(argv, "--tap");
		strv_add(argv, tap);
	}
	if (pcap) {
		strv_add(argv, "--pcap");
		strv_add(argv, pcap);
	}
	for (size_t i = 0; i < n->published; i++) {
		const struct publish *p = &n->publish[i];
		strv_add(argv, "--fwd");
		strv_addf(argv, "%s:%u:%u%s",
			  p->v6		? "127.0.0.1"
			  : *p->address ? p->address
					: "0.0.0.0",
			  p->v6 ? p->inner : p->host, p->guest, p->udp ? "/udp" : "");
	}
}

/* In the lab the exit record comes out of Xen's log, through a pipe. */
static int run_lab(const struct machine *m)
{
	struct strv argv = {0}, env = {0};
	int pair[2], record[2], status;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || pipe2(record, O_CLOEXEC))
		die("cannot make a socket: %s", strerror(errno));
	char *image = xl_absolute(m->image), *directory = xasprintf("%s/lab", session_dir());
	static const char *const run[] = {"run",       "--raw",	    "--timeout",
					  LAB_TIMEOUT, "--cmdline", NULL};
	strv_add(&argv, lab());
	add_words(&argv, run);
	strv_add(&argv, m->command_line);
	strv_add(&argv, "--mem");
	strv_addf(&argv, "%llu", (unsigned long long)(m->memory >> 20));
	strv_add(&argv, "--record");
	strv_addf(&argv, "/dev/fd/%d", record[1]);
	strv_add(&argv, "--dir");
	strv_add(&argv, directory);
	lab_network(m, &argv);
	for (size_t i = 0; i < m->disks->n; i++) {
		strv_add(&argv, "--disk");
		strv_addf(&argv, "%s%s", m->disks->disk[i].path,
			  m->disks->disk[i].readonly ? ":ro" : "");
	}
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
	const struct relay r = {.machine = m,
				.console = pair[0],
				.exit_record = record[0],
				.pid = pid,
				.power_button = lab_power_button,
				.button_ready = true,
				.arg = directory};
	int code = relay_run(&r, &status);
	close(pair[0]);
	close(record[0]);
	strv_free(&argv);
	strv_free(&env);
	free(image);
	free(directory);
	if (code < 0)
		session_check();
	return code < 0 ? no_record("see above") : code;
}

/* Xen's log is not for everybody, and by default does not show what guests say: the exit record
 * comes over the console (docs/image.md, "Exit"). guest.c has kept quotes out of the command line.
 */
static void write_config(const struct machine *m, const char *name, const char *path)
{
	struct buffer b = {0};
	xl_config_write(m, &(struct xl_config){.name = name, .watched = true}, &b);
	int err = write_file(path, b.data, b.len);
	if (err)
		die("cannot write %s: %s", path, strerror(-err));
	buffer_free(&b);
}

/* xl VERB NAME. Its exit status. */
static int xl(const char *verb, const char *name)
{
	struct strv argv = {0};
	strv_add(&argv, "xl");
	strv_add(&argv, verb);
	strv_add(&argv, name);
	const int fds[3] = {-1, -1, -1};
	pid_t pid = process_spawn(&argv, NULL, fds, NULL);
	int status = pid > 0 ? process_wait(pid) : -1;
	strv_free(&argv);
	return status;
}

static void destroy(void *name)
{
	xl("destroy", name);
}

/* A domain that is not there yet cannot be asked. */
static void power_button(void *name)
{
	if (xl("shutdown", name))
		destroy(name);
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

void xen_check_network(const struct network *n)
{
	for (unsigned i = 0; i < n->n; i++) {
		const struct interface *f = &n->interfaces[i];
		if (f->kind == ATTACH_USER)
			die("--net user is QEMU's; on Xen a machine is on a bridge of dom0: --net "
			    "bridge=xenbr0");
		if (f->kind == ATTACH_TAP)
			die("--net tap=%s is for QEMU; on Xen a machine is on a bridge of dom0: "
			    "--net bridge=xenbr0",
			    f->tap);
		if (f->pcap)
			die("--pcap works with QEMU; on Xen dom0 sees the packets: tcpdump -w %s "
			    "-i vifN.%u, N being the domain's number (xl domid)",
			    f->pcap, i);
	}
}

static int run(const struct machine *m)
{
	const char *why;
	if (!available(&why))
		die("%s", why);
	if (m->gdb_port)
		die("--gdb works with QEMU only (on Xen: gdbsx)");
	if (lab())
		return run_lab(m);
	xen_check_network(m->network);
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
				.power_button = power_button,
				.button_ready = true,
				.stopped = destroy,
				.arg = name};
	int code = relay_run(&r, &status);
	close(near);
	if (code < 0) {
		session_check();
		code = no_record("see `xl dmesg`");
	}
	strv_free(&argv);
	unlink(config);
	free(config);
	free(name);
	return code;
}

const struct hypervisor hypervisor_xen = {"xen", available, run, user_network, version};
