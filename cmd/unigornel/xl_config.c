#include "xl_config.h"
#include "disk.h"
#include "network.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

char *xl_absolute(const char *path)
{
	char full[PATH_MAX];
	if (!realpath(path, full))
		die("cannot read %s: %s", path, strerror(errno));
	return xstrdup(full);
}

/* A string of xl.cfg(5). */
static void add_string(struct buffer *b, const char *name, const char *value)
{
	if (strpbrk(value, "\"\\\n"))
		die("%s: Xen's configuration cannot hold %s", name, value);
	buffer_addf(b, "%s = \"%s\"\n", name, value);
}

static void comment(const struct xl_config *c, struct buffer *b, const char *text)
{
	if (c->explained)
		buffer_addf(b, "\n# %s\n", text);
}

/* xl-network-configuration(5). Without a MAC address xl makes one up, another at each start. */
static void add_vifs(const struct machine *m, const struct xl_config *c, struct buffer *b)
{
	const struct network *n = m->network;
	if (!n->n) {
		comment(c, b,
			"No network: the program does not use it, or --net none. Else:\n"
			"# vif = [ \"bridge=xenbr0\" ]");
		return;
	}
	comment(c, b,
		"eth0, eth1, ... on bridges of dom0 (brctl, or ip link add xenbr0 type bridge; the "
		"bridge\n"
		"# has a physical interface as a port to lead out). Without bridge= xl takes the "
		"one of\n"
		"# /etc/xen/xl.conf, vif.default.bridge, else xenbr0. Without mac= it makes one up "
		"at each "
		"start.");
	buffer_addf(b, "vif = [");
	for (unsigned i = 0; i < n->n; i++) {
		const struct interface *f = &n->interfaces[i];
		const char *between = "";
		buffer_addf(b, "%s\"", i ? ", " : " ");
		if (f->mac) {
			buffer_addf(b, "mac=%s", f->mac);
			between = ",";
		}
		if (*f->tap) {
			buffer_addf(b, "%sbridge=%s", between, f->tap);
			between = ",";
		}
		if (!*between)
			buffer_addf(b, "type=vif");
		buffer_addf(b, "\"");
	}
	buffer_addf(b, " ]\n");
}

/* xl-disk-configuration(5). */
static void add_disks(const struct machine *m, const struct xl_config *c, struct buffer *b)
{
	const struct disks *d = m->disks;
	if (!d->n) {
		comment(
		    c, b,
		    "No disks. One would be /dev/xvda in the machine:\n"
		    "# disk = [ \"format=raw, vdev=xvda, access=rw, target=/dev/vg0/volume\" ]");
		return;
	}
	comment(c, b,
		"/dev/xvda, /dev/xvdb, ... in the machine. Block devices are served by dom0's "
		"kernel; files\n"
		"# by a QEMU in dom0 (Debian's qemu-system-xen), or attach them yourself: losetup "
		"-f --show "
		"FILE.");
	buffer_addf(b, "disk = [\n");
	for (size_t i = 0; i < d->n; i++) {
		if (strpbrk(d->disk[i].path, "\"\\\n"))
			die("--disk %s: Xen's configuration cannot hold this name",
			    d->disk[i].path);
		/* The target comes last: to the end of the string it is the name. */
		buffer_addf(b, "    \"format=raw, vdev=xvd%c, access=%s, target=%s\",\n",
			    (int)('a' + i), d->disk[i].readonly ? "ro" : "rw", d->disk[i].path);
	}
	buffer_addf(b, "]\n");
}

void xl_config_write(const struct machine *m, const struct xl_config *c, struct buffer *b)
{
	char *image = xl_absolute(m->image);
	char *line = xasprintf("%s%s", c->watched ? "exit=console " : "", m->command_line);
	if (c->explained)
		buffer_addf(
		    b,
		    "# %s as a guest of Xen; made by unigornel xl-config. See xl.cfg(5).\n"
		    "#\n"
		    "#     xl create -c FILE      start it, with its console (Ctrl-] leaves it)\n"
		    "#     xl console %s\n"
		    "#     xl shutdown %s        the program gets SIGTERM, and some time\n"
		    "#     xl destroy %s         at once\n\n",
		    c->name, c->name, c->name, c->name);
	add_string(b, "name", c->name);
	comment(c, b, "The image is a PVH guest, and a kernel to Xen.");
	buffer_addf(b, "type = \"pvh\"\n");
	add_string(b, "kernel", image);
	if (m->module) {
		char *module = xl_absolute(m->module);
		comment(c, b,
			"Files of the machine, or words for the command line: a cpio archive.");
		add_string(b, "ramdisk", module);
		free(module);
	}
	comment(c, b,
		"Words for the kernel, then -- and the program's arguments (docs/image.md). "
		"env=KEY=VALUE\n"
		"# sets a variable of its environment.");
	add_string(b, "cmdline", line);
	comment(c, b, "MB at the start; xl mem-set gives and takes up to maxmem. One CPU is used.");
	buffer_addf(b, "memory = %llu\n", (unsigned long long)(m->memory >> 20));
	if (c->explained)
		buffer_addf(b, "maxmem = %llu\n", (unsigned long long)(m->memory >> 20));
	buffer_addf(b, "vcpus = %u\n", m->cpus);
	add_vifs(m, c, b);
	add_disks(m, c, b);
	comment(c, b,
		"What becomes of the domain when the program ends (any exit code: poweroff), when "
		"xl reboot\n"
		"# asked for it, and when the kernel fails: destroy, restart, preserve, "
		"coredump-restart.\n"
		"# The exit code is in Xen's log if Xen keeps what guests say (guest_loglvl=all): "
		"xl dmesg.");
	buffer_addf(b, "on_poweroff = \"destroy\"\non_reboot = \"%s\"\non_crash = \"destroy\"\n",
		    c->watched ? "destroy" : "restart");
	free(image);
	free(line);
}
