#include "guest.h"
#include "cpio.h"
#include "image.h"
#include "session.h"
#include <stdlib.h>
#include <string.h>

/* QEMU's PVH loader has room for 4095 bytes; the kernel for 8191 altogether. */
#define MAX_APPEND 3500u
#define MAX_TOTAL  8190u

/* Seconds, as in kernel/cmdline.c. */
#define DEFAULT_GRACE 10u
#define MAX_GRACE     86400

enum {
	KEY_SMP = 0x2000,
	KEY_FILES,
	KEY_DISK,
	KEY_TIMEOUT,
	KEY_MACHINE,
	KEY_ACCEL,
	KEY_HYPERVISOR,
	KEY_TRACE,
	KEY_GDB,
	KEY_HOSTNAME,
	KEY_NO_CA,
	KEY_GRACE
};

static const struct argp_option options[] = {
    {"memory", 'm', "SIZE", 0, "Memory of the machine, for instance 64M or 1G", 0},
    {"env", 'e', "KEY=VALUE", 0, "A variable of the program's environment; KEY alone takes ours",
     1},
    {"files", KEY_FILES, "HOSTDIR[:GUESTDIR]", 0,
     "The directory's files appear in the machine at GUESTDIR (default /); may be repeated", 0},
    {"disk", KEY_DISK, "FILE[:ro]", 0,
     "A raw image or a block device as a disk of the machine (/dev/vda, on Xen /dev/xvda, and so "
     "on), with :ro not to be written; may be repeated",
     0},
    {"no-ca", KEY_NO_CA, NULL, 0,
     "Leave the host's CA certificates out of the image, which programs that verify TLS peers "
     "otherwise get (SSL_CERT_FILE names others)",
     0},
    {"smp", KEY_SMP, "N", 0, "Number of CPUs", 0},
    {"hostname", KEY_HOSTNAME, "NAME", 0, "Name of the machine", 0},
    {"hypervisor", KEY_HYPERVISOR, "NAME", 0, "qemu (default) or xen", 0},
    {"machine", KEY_MACHINE, "TYPE", 0, "QEMU's machine: microvm (default), q35 or pc", 0},
    {"accel", KEY_ACCEL, "HOW", 0,
     "kvm or tcg; by default kvm where it works (UNIGORNEL_ACCEL sets another default)", 0},
    {"grace", KEY_GRACE, "TIME", 0,
     "When the machine is asked to end (Ctrl-C, SIGTERM, its power button) the program gets "
     "SIGTERM "
     "and this long to end by itself; default 10s",
     0},
    {"trace", KEY_TRACE, NULL, 0, "Print the program's system calls", 0},
    {"gdb", KEY_GDB, "PORT", OPTION_ARG_OPTIONAL,
     "Wait for gdb on this port (default 1234) before the program starts", 0},
    {0},
};

static unsigned long number(const char *arg, const char *flag, unsigned long max)
{
	char *end;
	unsigned long n = *arg >= '0' && *arg <= '9' ? strtoul(arg, &end, 10) : 0;
	if (!n || n > max || *end)
		die("%s %s: a number from 1 to %lu is needed", flag, arg, max);
	return n;
}

static void add_environment(struct guest_options *g, const char *arg)
{
	const char *equals = strchr(arg, '=');
	if (equals == arg || !*arg)
		die("-e %s: KEY=VALUE is needed", arg);
	if (equals)
		strv_add(&g->env, arg);
	else if (getenv(arg))
		strv_addf(&g->env, "%s=%s", arg, getenv(arg));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct guest_options *g = state->input;
	switch (key) {
	case 'm':
		g->memory = parse_size(arg);
		if (!g->memory)
			die("-m %s: a size like 64M or 1G is needed", arg);
		return 0;
	case 'e':
		add_environment(g, arg);
		return 0;
	case KEY_FILES:
		strv_add(&g->files, arg);
		return 0;
	case KEY_DISK:
		disk_add(&g->disks, arg);
		return 0;
	case KEY_TIMEOUT:
		g->timeout_ms = parse_duration_ms(arg);
		if (g->timeout_ms < 0)
			die("--timeout %s: a time like 30s or 5m is needed", arg);
		return 0;
	case KEY_GRACE: {
		int64_t ms = parse_duration_ms(arg);
		if (ms < 0 || ms > MAX_GRACE * 1000)
			die("--grace %s: a time like 30s or 5m is needed, at most a day", arg);
		g->grace = (unsigned)((ms + 999) / 1000);
		return 0;
	}
	case KEY_SMP:
		g->cpus = (unsigned)number(arg, "--smp", 255);
		if (g->cpus > 1)
			warn("--smp %u: this kernel uses one CPU; the others stay idle", g->cpus);
		return 0;
	case KEY_HOSTNAME:
		if (!*arg || strlen(arg) > 64)
			die("--hostname: 1 to 64 characters are needed");
		g->hostname = arg;
		return 0;
	case KEY_HYPERVISOR:
		g->hypervisor = hypervisor_find(arg);
		if (!g->hypervisor)
			die("--hypervisor %s: it is qemu or xen", arg);
		return 0;
	case KEY_MACHINE:
		if (strcmp(arg, "microvm") && strcmp(arg, "q35") && strcmp(arg, "pc"))
			die("--machine %s: it is microvm, q35 or pc", arg);
		g->type = arg;
		return 0;
	case KEY_ACCEL:
		if (strcmp(arg, "kvm") && strcmp(arg, "tcg"))
			die("--accel %s: it is kvm or tcg", arg);
		g->accel = arg;
		return 0;
	case KEY_NO_CA:
		g->no_ca = true;
		return 0;
	case KEY_TRACE:
		g->trace = true;
		return 0;
	case KEY_GDB:
		g->gdb_port = arg ? (int)number(arg, "--gdb", 65535) : 1234;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option timeout_options[] = {
    {"timeout", KEY_TIMEOUT, "TIME", 0, "Stop the machine after TIME (30s, 5m): exit code 124", 0},
    {0},
};

const struct argp guest_timeout_argp = {timeout_options, parse, NULL, NULL, NULL, NULL, NULL};
const struct argp guest_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

void guest_defaults(struct guest_options *g, uint64_t memory)
{
	*g = (struct guest_options){.hypervisor = &hypervisor_qemu,
				    .memory = memory,
				    .cpus = 1,
				    .type = "microvm",
				    .grace = DEFAULT_GRACE};
}

void guest_add_word(struct buffer *line, const char *word)
{
	if (line->len)
		buffer_add(line, " ", 1);
	if (*word && !strpbrk(word, " \t\r\n\"\\")) {
		buffer_add(line, word, strlen(word));
		return;
	}
	buffer_add(line, "\"", 1);
	for (; *word; word++) {
		if (*word == '\n') {
			buffer_add(line, "\\n", 2);
			continue;
		}
		if (*word == '"' || *word == '\\')
			buffer_add(line, "\\", 1);
		buffer_add(line, word, 1);
	}
	buffer_add(line, "\"", 1);
}

static void add_option(struct buffer *line, const char *name, const char *value)
{
	char *word = xasprintf("%s%s", name, value);
	guest_add_word(line, word);
	free(word);
}

static void make_command_line(const struct guest_options *g, const struct machine *m,
			      const struct strv *words, const struct strv *args,
			      struct buffer *line)
{
	struct strv net = {0};
	/* Before the user's: of two with one key the later wins. */
	guest_add_word(line, "env=PATH=/usr/local/bin:/usr/bin:/bin");
	guest_add_word(line, "env=HOME=/");
	if (m->tty && getenv("TERM"))
		add_option(line, "env=TERM=", getenv("TERM"));
	if (!m->tty)
		guest_add_word(line, "console=pipe");
	if (g->trace)
		guest_add_word(line, "trace");
	if (g->gdb_port)
		guest_add_word(line, "gdb");
	network_words(m->network, &net);
	for (size_t i = 0; i < net.n; i++)
		guest_add_word(line, net.v[i]);
	strv_free(&net);
	if (g->grace != DEFAULT_GRACE) {
		char *word = xasprintf("grace=%u", g->grace);
		guest_add_word(line, word);
		free(word);
	}
	if (g->hostname)
		add_option(line, "hostname=", g->hostname);
	for (size_t i = 0; words && i < words->n; i++)
		guest_add_word(line, words->v[i]);
	for (size_t i = 0; i < g->env.n; i++)
		add_option(line, "env=", g->env.v[i]);
	guest_add_word(line, "--");
	for (size_t i = 0; args && i < args->n; i++)
		guest_add_word(line, args->v[i]);
}

void guest_prepare(const struct guest_options *g, const char *image, const struct strv *words,
		   const struct strv *args, void (*fill)(void *arg, struct cpio *c), void *fill_arg,
		   struct machine *m)
{
	struct image_info info;
	struct buffer line = {0};
	char *why = image_check(image, &info);
	if (why)
		die("%s %s", image, why);
	m->image = image;
	m->memory = g->memory;
	m->cpus = g->cpus;
	m->type = g->type;
	m->accel = g->accel;
	m->gdb_port = g->gdb_port;
	m->timeout_ms = g->timeout_ms;
	m->disks = &g->disks;
	m->grace = g->grace;
	/* Programs without sockets start faster and smaller without a device. */
	m->network = network_finish(&g->network, info.network,
				    g->hypervisor->user_network() ? ATTACH_USER : ATTACH_BRIDGE);
	if (m->network->n && !info.network)
		die("%s has no network stack, as its program opens no sockets: `unigornel build "
		    "--network yes` links it",
		    image);
	make_command_line(g, m, words, args, &line);
	if (line.len > MAX_TOTAL)
		die("arguments and environment take %zu bytes; a machine takes %u (use --files)",
		    line.len, MAX_TOTAL);
	/* Long ones, and those that a hypervisor's configuration could misread, travel as a file.
	 */
	bool as_file = line.len > MAX_APPEND || strpbrk(line.data, "\"\\\n") ||
		       strspn(line.data, " ") == line.len;
	uint64_t module = 0;
	if (as_file || g->files.n || fill) {
		char *path =
		    g->module ? xstrdup(g->module) : xasprintf("%s/module.cpio", session_dir());
		struct cpio *c = cpio_create(path);
		if (fill)
			fill(fill_arg, c);
		for (size_t i = 0; i < g->files.n; i++)
			cpio_add_spec(c, g->files.v[i]);
		if (as_file)
			cpio_add_data(c, "/.unigornel/cmdline", line.data, line.len);
		module = cpio_finish(c);
		m->module = path;
	}
	m->command_line = as_file ? xstrdup("") : line.data;
	/* Below that not even the kernel's tables fit; the kernel itself explains what comes later.
	 */
	uint64_t need = info.end + module + (1u << 20);
	if (m->memory < need)
		die("-m %lluK is too little: %s needs at least %lluM",
		    (unsigned long long)(m->memory >> 10), image,
		    (unsigned long long)((need + (1u << 20) - 1) >> 20));
	free(info.version);
	free(info.go_version);
}
