#include "symbols.h"
#include "util.h"
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

struct symbol {
	uint64_t address;
	const char *name;
	bool function;
};

struct image {
	const char *path;
	int fd;
	Elf *elf;
	struct symbol *symbols;
	size_t count;
	uint64_t text_start, text_end, image_end;
	uint64_t variable; /* address of kernel_symbols, 0 if the kernel has none */
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	/* Of several names for an address a function's comes first; then any fixed order. */
	if (x->function != y->function)
		return x->function ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void __attribute__((noreturn)) fail(const struct image *im, int err)
{
	die("cannot write the symbol table of %s: %s", im->path, strerror(err));
}

static Elf_Scn *find_symtab(struct image *im, GElf_Shdr *shdr)
{
	for (Elf_Scn *s = NULL; (s = elf_nextscn(im->elf, s));)
		if (gelf_getshdr(s, shdr) && shdr->sh_type == SHT_SYMTAB)
			return s;
	die("%s: the link left no symbol table", im->path);
}

/* Functions, and labels of assembly, in executable sections. */
static void read_symbols(struct image *im)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = find_symtab(im, &shdr);
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = shdr.sh_size / shdr.sh_entsize;
	im->symbols = xmalloc(n * sizeof *im->symbols);
	for (size_t i = 0; i < n; i++) {
		GElf_Sym sym;
		if (!gelf_getsym(data, (int)i, &sym))
			continue;
		const char *name = elf_strptr(im->elf, shdr.sh_link, sym.st_name);
		if (!name || !*name)
			continue;
		if (!strcmp(name, "__text_start"))
			im->text_start = sym.st_value;
		else if (!strcmp(name, "__text_end"))
			im->text_end = sym.st_value;
		else if (!strcmp(name, "__image_end"))
			im->image_end = sym.st_value;
		else if (!strcmp(name, "kernel_symbols"))
			im->variable = sym.st_value;
		unsigned type = GELF_ST_TYPE(sym.st_info);
		if ((type != STT_FUNC && type != STT_NOTYPE) || starts_with(name, ".L") ||
		    sym.st_shndx == SHN_UNDEF || sym.st_shndx >= SHN_LORESERVE)
			continue;
		im->symbols[im->count++] = (struct symbol){sym.st_value, name, type == STT_FUNC};
	}
	/* Keep what lies in text, one name an address. */
	qsort(im->symbols, im->count, sizeof *im->symbols, by_address);
	size_t kept = 0;
	for (size_t i = 0; i < im->count; i++) {
		const struct symbol *s = &im->symbols[i];
		if (s->address < im->text_start || s->address >= im->text_end ||
		    (kept && im->symbols[kept - 1].address == s->address) ||
		    (!s->function && starts_with(s->name, "__")))
			continue;
		im->symbols[kept++] = *s;
	}
	im->count = kept;
}

static void make_table(const struct image *im, struct buffer *out)
{
	struct buffer names = {0};
	uint64_t base = im->text_start;
	uint32_t head[2] = {0x4d595355, (uint32_t)im->count};
	buffer_add(out, head, sizeof head);
	buffer_add(out, &base, sizeof base);
	for (size_t i = 0; i < im->count; i++) {
		uint32_t offset = (uint32_t)(im->symbols[i].address - base);
		buffer_add(out, &offset, sizeof offset);
	}
	for (size_t i = 0; i < im->count; i++) {
		uint32_t at = (uint32_t)names.len;
		buffer_add(out, &at, sizeof at);
		buffer_add(&names, im->symbols[i].name, strlen(im->symbols[i].name) + 1);
	}
	buffer_add(out, names.data, names.len);
	buffer_free(&names);
}

static void put(const struct image *im, uint64_t offset, const void *data, size_t n)
{
	const char *p = data;
	while (n) {
		ssize_t w = pwrite(im->fd, p, n, (off_t)offset);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			fail(im, w ? errno : ENOSPC);
		p += w;
		offset += (uint64_t)w;
		n -= (size_t)w;
	}
}

/* Turns the spare program header into the table's and tells the kernel where it is. */
static void place(const struct image *im, uint64_t offset, size_t length)
{
	size_t n;
	GElf_Ehdr ehdr;
	if (elf_getphdrnum(im->elf, &n) || !gelf_getehdr(im->elf, &ehdr))
		die("%s: %s", im->path, elf_errmsg(-1));
	uint64_t spare = 0, variable = 0;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;
		if (!gelf_getphdr(im->elf, (int)i, &p))
			die("%s: %s", im->path, elf_errmsg(-1));
		if (p.p_type == PT_NULL)
			spare = ehdr.e_phoff + i * ehdr.e_phentsize;
		if (p.p_type == PT_LOAD && im->variable >= p.p_vaddr &&
		    im->variable + 16 <= p.p_vaddr + p.p_filesz)
			variable = p.p_offset + (im->variable - p.p_vaddr);
	}
	if (!spare || !variable)
		die("%s: image.ld and the tool do not fit together: run `make`", im->path);
	uint64_t address = (im->image_end + PAGE - 1) / PAGE * PAGE;
	Elf64_Phdr header = {.p_type = PT_LOAD,
			     .p_flags = PF_R,
			     .p_offset = offset,
			     .p_vaddr = address,
			     .p_paddr = address,
			     .p_filesz = length,
			     .p_memsz = (length + PAGE - 1) / PAGE * PAGE,
			     .p_align = PAGE};
	const uint64_t value[2] = {address, length};
	put(im, spare, &header, sizeof header);
	put(im, variable, value, sizeof value);
}

void symbols_append(const char *path, bool strip)
{
	struct image im = {.path = path};
	struct buffer table = {0};
	struct stat st;
	im.fd = open(path, O_RDWR | O_CLOEXEC);
	if (im.fd < 0 || fstat(im.fd, &st))
		fail(&im, errno);
	elf_version(EV_CURRENT);
	im.elf = elf_begin(im.fd, ELF_C_READ, NULL);
	if (!im.elf)
		die("%s: %s", path, elf_errmsg(-1));
	read_symbols(&im);
	if (im.variable) {
		make_table(&im, &table);
		uint64_t end = (uint64_t)st.st_size;
		(void)strip;
		uint64_t offset = (end + PAGE - 1) / PAGE * PAGE;
		put(&im, offset, table.data, table.len);
		place(&im, offset, table.len);
	}
	elf_end(im.elf);
	if (fchmod(im.fd, (st.st_mode | 0111) & 0777) || close(im.fd))
		fail(&im, errno);
	buffer_free(&table);
	free(im.symbols);
}
