#include "image.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool image_is_elf(const char *path)
{
	char magic[SELFMAG];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is = fd >= 0 && read(fd, magic, SELFMAG) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
	if (fd >= 0)
		close(fd);
	return is;
}

/* Looks for the note in a PT_NOTE segment of n bytes (4-byte aligned notes). */
static bool find_note(const unsigned char *p, size_t n, struct image_info *info)
{
	while (n >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr h;
		memcpy(&h, p, sizeof h);
		size_t name = ((size_t)h.n_namesz + 3) & ~(size_t)3;
		size_t desc = ((size_t)h.n_descsz + 3) & ~(size_t)3;
		if (name > n - sizeof h || desc > n - sizeof h - name)
			return false;
		const char *text = (const char *)p + sizeof h + name;
		if (h.n_namesz == 10 && !memcmp(p + sizeof h, "unigornel", 10) && h.n_type == 1 &&
		    h.n_descsz && !text[h.n_descsz - 1]) {
			size_t first = strlen(text) + 1;
			info->version = xstrdup(text);
			info->go_version = xstrdup(first < h.n_descsz ? text + first : "");
			size_t third = first + strlen(info->go_version) + 1;
			info->network = third < h.n_descsz && !strcmp(text + third, "net");
			return true;
		}
		p += sizeof h + name + desc;
		n -= sizeof h + name + desc;
	}
	return false;
}

static char *check(const unsigned char *file, uint64_t size, struct image_info *info)
{
	Elf64_Ehdr e;
	if (size < sizeof e)
		return xstrdup(!size || memcmp(file, ELFMAG, size < SELFMAG ? size : SELFMAG)
				   ? "is no ELF file"
				   : "is truncated");
	memcpy(&e, file, sizeof e);
	if (memcmp(e.e_ident, ELFMAG, SELFMAG))
		return xstrdup("is no ELF file");
	if (e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_machine != EM_X86_64 || e.e_type != ET_EXEC ||
	    e.e_phentsize != sizeof(Elf64_Phdr))
		return xstrdup("is not an image made by unigornel (but some other ELF file)");
	if (e.e_phoff > size || e.e_phnum * sizeof(Elf64_Phdr) > size - e.e_phoff)
		return xstrdup("is truncated");
	bool ours = false, whole = true;
	for (unsigned i = 0; i < e.e_phnum; i++) {
		Elf64_Phdr p;
		memcpy(&p, file + e.e_phoff + i * sizeof p, sizeof p);
		bool inside = p.p_offset <= size && p.p_filesz <= size - p.p_offset;
		if (p.p_type == PT_LOAD || p.p_type == PT_NOTE)
			whole &= inside;
		if (p.p_type == PT_LOAD && p.p_paddr + p.p_memsz > info->end)
			info->end = p.p_paddr + p.p_memsz;
		if (p.p_type == PT_NOTE && inside && !ours)
			ours = find_note(file + p.p_offset, p.p_filesz, info);
	}
	if (ours || !whole)
		whole &=
		    e.e_shoff <= size && (uint64_t)e.e_shnum * e.e_shentsize <= size - e.e_shoff;
	if (!whole)
		return xstrdup("is truncated");
	return ours ? NULL : xstrdup("is not an image made by unigornel (but some other ELF file)");
}

char *image_check(const char *path, struct image_info *info)
{
	struct stat st;
	*info = (struct image_info){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		char *why = xasprintf("cannot be read: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return why;
	}
	uint64_t size = (uint64_t)st.st_size;
	unsigned char *file = NULL;
	if (!S_ISREG(st.st_mode) || !size) {
		close(fd);
		return xstrdup(S_ISREG(st.st_mode) ? "is empty" : "is not a regular file");
	}
	file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return xasprintf("cannot be read: %s", strerror(errno));
	char *why = check(file, size, info);
	munmap(file, size);
	return why;
}
