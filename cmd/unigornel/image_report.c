/* What an image supports, read from its headers, notes and symbols: `unigornel doctor IMAGE`. */
#include "image.h"
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Xen's note with the entry of PVH guests, xen/elfnote.h. */
#define XEN_ELFNOTE_PHYS32_ENTRY 18

/* A device and the symbol by which its driver is known. */
static const struct {
	const char *symbol, *group, *name;
} drivers[] = {
    {"virtio_net_driver", "virtio", "net"}, {"virtio_blk_driver", "virtio", "blk"},
    {"virtio_rng_driver", "virtio", "rng"}, {"xen_netfront", "xen", "netfront"},
    {"xen_blkfront", "xen", "blkfront"},
};
#define NDRIVERS (sizeof drivers / sizeof drivers[0])

struct facts {
	bool symbols, pvh;
	bool driver[NDRIVERS];
	uint64_t files, file_bytes; /* packed into the image */
	bool ca;		    /* one of them is the bundle of CA certificates */
};

static void read_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *h, struct facts *f)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym symbol;
	if (!data || !h->sh_entsize)
		return;
	f->symbols = true;
	for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
		const char *name = elf_strptr(elf, h->sh_link, symbol.st_name);
		for (size_t d = 0; name && d < NDRIVERS; d++)
			f->driver[d] |= !strcmp(name, drivers[d].symbol);
	}
}

static void read_notes(Elf_Scn *section, struct facts *f)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Nhdr h;
	size_t name, desc, next = 0;
	while (data && (next = gelf_getnote(data, next, &h, &name, &desc)) > 0)
		f->pvh |= h.n_type == XEN_ELFNOTE_PHYS32_ENTRY && h.n_namesz == 4 &&
			  !memcmp((char *)data->d_buf + name, "Xen", 4);
}

/* Eight hexadecimal digits. */
static uint64_t field(const char *header, unsigned n)
{
	char digits[9] = "";
	memcpy(digits, header + 6 + 8 * n, 8);
	return strtoull(digits, NULL, 16);
}

/* cpio(5), "New ASCII Format": a header of 110 bytes, the name, the data, each filled up to four.
 */
static void read_files(Elf_Scn *section, struct facts *f)
{
	Elf_Data *data = elf_getdata(section, NULL);
	if (!data || !data->d_buf)
		return;
	const char *p = data->d_buf;
	for (size_t left = data->d_size; left >= 110 && !memcmp(p, "07070", 5);) {
		uint64_t mode = field(p, 1), size = field(p, 6), length = field(p, 11);
		uint64_t name_end = (110 + length + 3) & ~3ull,
			 end = name_end + ((size + 3) & ~3ull);
		if (!length || end > left || !strncmp(p + 110, "TRAILER!!!", length))
			return;
		if ((mode & 0170000) == 0100000) {
			f->files++;
			f->file_bytes += size;
		}
		f->ca |= strstr(p + 110, "ca-certificates.crt") != NULL;
		p += end;
		left -= end;
	}
}

static void read_facts(Elf *elf, struct facts *f)
{
	size_t names;
	Elf_Scn *section = NULL;
	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr h;
		if (!gelf_getshdr(section, &h))
			continue;
		const char *name = elf_strptr(elf, names, h.sh_name);
		if (h.sh_type == SHT_SYMTAB)
			read_symbols(elf, section, &h, f);
		if (h.sh_type == SHT_NOTE)
			read_notes(section, f);
		if (name && !strcmp(name, ".unigornel.files"))
			read_files(section, f);
	}
}

static void line(const char *what, const char *text)
{
	printf("  %-9s %s\n", what, text);
}

static void print_devices(const struct facts *f)
{
	if (!f->symbols) {
		line("devices", "not known: the image was stripped of its symbols");
		return;
	}
	for (size_t i = 0; i < NDRIVERS; i++) {
		bool first = !i || strcmp(drivers[i].group, drivers[i - 1].group) != 0;
		if (!first)
			continue;
		struct buffer b = {0};
		for (size_t j = i; j < NDRIVERS && !strcmp(drivers[j].group, drivers[i].group); j++)
			if (f->driver[j])
				buffer_addf(&b, "%s%s", b.len ? ", " : "", drivers[j].name);
		printf("  %-9s %s: %s\n", i ? "" : "devices", drivers[i].group,
		       b.len ? b.data : "none");
		buffer_free(&b);
	}
}

int image_report(const char *path)
{
	struct image_info info;
	struct facts f = {0};
	char *why = image_check(path, &info);
	if (why) {
		warn("%s %s", path, why);
		return 1;
	}
	elf_version(EV_CURRENT);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	if (elf)
		read_facts(elf, &f);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
	/* The image itself and what even a small program's runtime takes. */
	unsigned long long image = (info.end + (1u << 20) - 1) >> 20, least = image + 3;
	printf("%s\n", path);
	printf("  %-9s unigornel %s%s\n", "made by", info.version,
	       strcmp(info.version, VERSION) ? " (this tool is another version: build it anew)"
					     : "");
	line("program", *info.go_version ? info.go_version : "Go of unknown version");
	line("network",
	     info.network
		 ? "the program uses it: run gives it an interface, with addresses by DHCP "
		   "or --ip"
		 : "the program opens no sockets: the image has no network stack (build --network "
		   "yes)");
	line("boots by", f.pvh
			     ? "PVH: QEMU -kernel (microvm, q35, pc), Xen type=\"pvh\", Firecracker"
			     : "no PVH note: nothing boots it");
	print_devices(&f);
	printf("  %-9s %llu MiB are the image's; from %llu MiB for a small program, 64 MiB is "
	       "usual (-m, "
	       "memory=)\n",
	       "memory", image, least);
	if (f.files)
		printf("  %-9s %llu packed, %llu KiB%s\n", "files", (unsigned long long)f.files,
		       (unsigned long long)((f.file_bytes + 1023) >> 10),
		       f.ca ? ", with the CA certificates of the host that built it" : "");
	else
		line("files", "none packed (build --files, or run --files)");
	free(info.version);
	free(info.go_version);
	return 0;
}
