/* QEMU, with KVM or its own emulation. */
#include "disk.h"
#include "machine.h"
#include "network_qemu.h"
#include "process.h"
#include "relay.h"
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QEMU	     "qemu-system-x86_64"
#define INSTALL_HINT "`apt-get install qemu-system-x86`"

static bool available(const char **why)
{
	char *path = find_program(QEMU);
	if (!path)
		*why = QEMU " is not on PATH: " INSTALL_HINT;
	free(path);
	return path != NULL;
}

static bool user_network(void)
{
	return true;
}

static char *version(void)
{
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	strv_add(&argv, QEMU);
	strv_add(&argv, "--version");
	int status = process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	strv_free(&argv);
	buffer_free(&err);
	if (status || !out.data)
		return NULL;
	out.data[strcspn(out.data, "\n")] = 0;
	return out.data;
}

/* A connected pair; the far end goes to QEMU. */
static void channel(int *near, int *far)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("cannot make a socket: %s", strerror(errno));
	*near = pair[0];
	*far = pair[1];
}

/* The acceleration to use, and why to tell the user about it. */
static const char *choose_accel(const struct machine *m)
{
	const char *wanted = m->accel ? m->accel : getenv("UNIGORNEL_ACCEL");
	if (wanted && *wanted) {
		if (strcmp(wanted, "kvm") && strcmp(wanted, "tcg"))
			die("--accel %s: it is kvm or tcg", wanted);
		if (!strcmp(wanted, "kvm") && !kvm_works())
			die("--accel kvm: KVM does not work here (is /dev/kvm yours to open, and "
			    "virtualisation on?)");
		return wanted;
	}
	if (kvm_works())
		return "kvm";
	warn("KVM does not work here: using QEMU's emulation (TCG), which is several times slower");
	return "tcg";
}

static void add_words(struct strv *argv, const char *const *words)
{
	for (; *words; words++)
		strv_add(argv, *words);
}

/* QEMU's end of the channels. */
struct ends {
	int console, record, control;
};

/* keep: descriptors that QEMU must inherit, for the network's. */
static void command_line(const struct machine *m, const char *accel, const struct ends *far,
			 struct strv *argv, int *keep)
{
	bool micro = !strcmp(m->type, "microvm");
	strv_add(argv, QEMU);
	strv_add(argv, "-M");
	/* The machine's own additions to the command line are not for our kernel. */
	strv_addf(argv, "%s%s", m->type, micro ? ",auto-kernel-cmdline=off" : "");
	strv_add(argv, "-accel");
	strv_add(argv, accel);
	static const char *const fixed[] = {"-cpu",	"max",	"-nodefaults", "-no-user-config",
					    "-display", "none", "-no-reboot",  "-monitor",
					    "none",	NULL};
	add_words(argv, fixed);
	strv_add(argv, "-smp");
	strv_addf(argv, "%u", m->cpus);
	strv_add(argv, "-m");
	strv_addf(argv, "size=%lluk", (unsigned long long)(m->memory >> 10));
	strv_add(argv, "-chardev");
	strv_addf(argv, "socket,id=console,fd=%d", far->console);
	strv_add(argv, "-serial");
	strv_add(argv, "chardev:console");
	strv_add(argv, "-chardev");
	strv_addf(argv, "socket,id=exit,fd=%d", far->record);
	strv_add(argv, "-device");
	strv_add(argv, "isa-debugcon,iobase=0xe9,chardev=exit");
	/* virtio 1.x only; the microvm's transports would else start as legacy ones. */
	if (micro) {
		strv_add(argv, "-global");
		strv_add(argv, "virtio-mmio.force-legacy=false");
	}
	strv_add(argv, "-chardev");
	strv_addf(argv, "socket,id=control,fd=%d", far->control);
	strv_add(argv, "-mon");
	strv_add(argv, "chardev=control,mode=control");
	network_arguments(m->network, micro, argv, keep);
	disk_arguments(m->disks, micro, argv);
	strv_add(argv, "-kernel");
	strv_add(argv, m->image);
	strv_add(argv, "-append");
	strv_add(argv, m->command_line);
	if (m->module) {
		strv_add(argv, "-initrd");
		strv_add(argv, m->module);
	}
	if (m->gdb_port) {
		strv_add(argv, "-gdb");
		strv_addf(argv, "tcp:127.0.0.1:%d", m->gdb_port);
	}
}

/* QEMU's first complaint, without its own name and warnings in front. */
static char *complaint(int fd)
{
	struct buffer b = {0};
	char *line = NULL, *save = NULL;
	lseek(fd, 0, SEEK_SET);
	char chunk[4096];
	ssize_t n;
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		buffer_add(&b, chunk, (size_t)n);
	buffer_add(&b, "", 0);
	for (char *l = strtok_r(b.data, "\n", &save); l && !line; l = strtok_r(NULL, "\n", &save))
		if (!strstr(l, "warning:"))
			line = starts_with(l, QEMU ": ") ? l + strlen(QEMU ": ") : l;
	line = line ? xstrdup(line) : NULL;
	buffer_free(&b);
	return line;
}

/* By the QEMU Machine Protocol; its answers are of no interest. */
static void power_button(void *control)
{
	static const char text[] =
	    "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"system_powerdown\"}\n";
	ssize_t n = send(*(int *)control, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)n; /* a machine that is gone needs no button */
}

static int run(const struct machine *m)
{
	const char *why;
	if (!available(&why))
		die("%s", why);
	const char *accel = choose_accel(m);
	network_open(m->network);
	int console, record, control, status;
	struct ends far;
	channel(&console, &far.console);
	channel(&record, &far.record);
	channel(&control, &far.control);
	char *log = xasprintf("%s/qemu.log", session_dir());
	int log_fd = open(log, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log_fd < 0)
		die("cannot write %s: %s", log, strerror(errno));
	struct strv argv = {0};
	int keep[4 + MAX_INTERFACES] = {far.console, far.record, far.control};
	command_line(m, accel, &far, &argv, keep + 3);
	const int fds[3] = {-1, log_fd, log_fd};
	pid_t pid = process_spawn(&argv, NULL, fds, keep);
	if (pid < 0)
		die("cannot run " QEMU ": %s", strerror(-pid));
	close(far.console);
	close(far.record);
	close(far.control);
	network_started(m->network, pid);
	if (m->gdb_port)
		warn("waiting for gdb: gdb %s -ex 'target remote 127.0.0.1:%d'", m->image,
		     m->gdb_port);
	const struct relay r = {.machine = m,
				.console = console,
				.exit_record = record,
				.pid = pid,
				.power_button = power_button,
				.arg = &control};
	int code = relay_run(&r, &status);
	close(console);
	close(record);
	close(control);
	if (code < 0) {
		char *said = complaint(log_fd);
		const char *network = said ? network_complaint(said) : NULL;
		char *better = network ? xstrdup(network)
			       : said  ? disk_complaint(m->disks, said)
				       : NULL;
		if (better) {
			free(said);
			said = better;
		}
		warn("the machine ended without an exit code: %s",
		     said			     ? said
		     : process_status(status) >= 128 ? "QEMU was killed"
						     : "it reset itself (a triple fault)");
		free(said);
		code = EXIT_TOOL_ERROR;
	}
	close(log_fd);
	unlink(log);
	free(log);
	strv_free(&argv);
	return code;
}

const struct hypervisor hypervisor_qemu = {"qemu", available, run, user_network, version};
