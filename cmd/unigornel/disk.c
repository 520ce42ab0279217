#include "disk.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u

/* Formats that hold a disk without being its bytes. A guest that got one as raw would write over
 * it.
 */
static const char *container_format(int fd)
{
	static const struct {
		const char *magic, *name;
	} known[] = {
	    {"QFI\xfb", "qcow2"},
	    {"KDMV", "vmdk"},
	    {"vhdxfile", "vhdx"},
	    {"conectix", "vpc"},
	    {"<<< Oracle VM VirtualBox Disk Image >>>", "vdi"},
	};
	char head[64] = {0};
	if (pread(fd, head, sizeof head, 0) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!memcmp(head, known[i].magic, strlen(known[i].magic)))
			return known[i].name;
	return NULL;
}

static int open_disk(const char *spec, const char *path, bool readonly)
{
	int fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		die("--disk %s: there is no such file: `truncate -s 1G %s` makes one", spec, path);
	if (errno == EISDIR)
		die("--disk %s: this is a directory (--files brings its files into the machine)",
		    spec);
	if (!readonly && (errno == EACCES || errno == EROFS || errno == EPERM) &&
	    !access(path, R_OK))
		die("--disk %s: it cannot be written: %s:ro gives it to the machine read-only",
		    spec, path);
	die("--disk %s: %s", spec, strerror(errno));
}

void disk_add(struct disks *d, const char *spec)
{
	size_t n = strlen(spec);
	bool readonly = ends_with(spec, ":ro");
	if (d->n == MAX_DISKS)
		die("--disk %s: a machine has at most %d", spec, MAX_DISKS);
	char *path = xstrdup(spec);
	if (readonly)
		path[n - 3] = 0;
	if (!*path)
		die("--disk %s: a file is needed", spec);
	int fd = open_disk(spec, path, readonly);
	struct stat st;
	if (fstat(fd, &st))
		die("--disk %s: %s", spec, strerror(errno));
	bool device = S_ISBLK(st.st_mode);
	uint64_t bytes = (uint64_t)st.st_size;
	if (S_ISDIR(st.st_mode))
		die("--disk %s: this is a directory (--files brings its files into the machine)",
		    spec);
	if (!device && !S_ISREG(st.st_mode))
		die("--disk %s: neither a file nor a block device", spec);
	if (device && ioctl(fd, BLKGETSIZE64, &bytes))
		die("--disk %s: its size cannot be had: %s", spec, strerror(errno));
	if (!bytes)
		die("--disk %s: it is empty: `truncate -s 1G %s` gives it a size", spec, path);
	if (bytes % SECTOR)
		die("--disk %s: its %llu bytes are no whole sectors of %u bytes: `truncate -s "
		    "%%%u %s` fills it up",
		    spec, (unsigned long long)bytes, SECTOR, SECTOR, path);
	const char *format = container_format(fd);
	if (format)
		die("--disk %s: this is a %s image, not a raw one: `qemu-img convert -O raw %s "
		    "%s.raw`",
		    spec, format, path, path);
	close(fd);
	for (size_t i = 0; i < d->n; i++)
		if (d->disk[i].ino == st.st_ino && d->disk[i].dev == st.st_dev &&
		    !(readonly && d->disk[i].readonly))
			die("--disk %s: the machine has this disk already", spec);
	char *full = realpath(path, NULL);
	if (!full)
		die("--disk %s: %s", spec, strerror(errno));
	free(path);
	d->disk[d->n++] = (struct disk){full, readonly, device, bytes, st.st_dev, st.st_ino};
}

/* In QEMU's options a comma of a value is written twice. */
static void add_value(struct buffer *b, const char *value)
{
	for (; *value; value++)
		buffer_add(b, *value == ',' ? ",," : value, *value == ',' ? 2 : 1);
}

/*
 * The host's page cache takes part (cache.direct=off): what the machine has written survives QEMU,
 * and its flush is an fdatasync. Errors go to the machine, which would else be stopped when the
 * host's disk is full.
 */
void disk_arguments(const struct disks *d, bool microvm, struct strv *argv)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct disk *k = &d->disk[i];
		struct buffer b = {0};
		buffer_addf(&b, "driver=raw,node-name=disk%zu,read-only=%s,discard=unmap,", i,
			    k->readonly ? "on" : "off");
		buffer_addf(&b, "cache.direct=off,cache.no-flush=off,file.driver=%s,",
			    k->device ? "host_device" : "file");
		buffer_addf(&b, "file.discard=unmap,file.filename=");
		add_value(&b, k->path);
		strv_add(argv, "-blockdev");
		strv_add(argv, b.data);
		buffer_free(&b);
		strv_add(argv, "-device");
		strv_addf(argv, "%s,drive=disk%zu,serial=disk%zu,rerror=report,werror=report",
			  microvm ? "virtio-blk-device" : "virtio-blk-pci,disable-legacy=on", i, i);
	}
}

char *disk_complaint(const struct disks *d, const char *said)
{
	const char *which = strstr(said, "drive=disk");
	if (which && strstr(said, "Failed to get") && strstr(said, "lock")) {
		unsigned long i = strtoul(which + strlen("drive=disk"), NULL, 10);
		return xasprintf("--disk %s: another machine uses this disk",
				 i < d->n ? d->disk[i].path : "");
	}
	if (strstr(said, "is not a valid device model name") && strstr(said, "virtio-blk"))
		return xstrdup("this QEMU has no virtio block device: `apt-get install "
			       "qemu-system-x86`");
	return NULL;
}
