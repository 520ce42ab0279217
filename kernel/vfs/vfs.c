#include "vfs/vfs.h"
#include <asm/errno.h>
#include "boot_info.h"
#include "cmdline.h"
#include "dev/tty.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/oom.h"
#include "mm/page.h"
#include "vfs/devfs.h"
#include "vfs/etcfiles.h"
#include "vfs/fdtable.h"
#include "vfs/path.h"
#include "vfs/procfs.h"
#include "vfs/tree.h"
#include "vfs/unpack.h"

/* docs/image.md, "Files". Absent where the image brings none. */
extern const char unigornel_files_start[] __attribute__((weak));
extern const char unigornel_files_end[] __attribute__((weak));

static void make_root(void)
{
	struct inode *i = inode_new(&super_tmpfs, S_IFDIR | 0755);
	tree_root = kzalloc(sizeof *tree_root);
	if (!i || !tree_root)
		oom_end("the file tree", PAGE_SIZE);
	i->nlink = 2;
	i->dir.dentry = tree_root;
	*tree_root = (struct dentry){.inode = i, .parent = tree_root, .name = "", .linked = true};
	atomic_store(&tree_root->refs, 1);
	list_init(&tree_root->sibling);
}

/* The module's RAM, once no file's data lies in it. */
static void release_module(struct backing *b)
{
	(void)b;
	page_add_range(page_align_up(boot_info.module.start),
		       page_align_down(boot_info.module.end));
}

static struct backing module_backing = {.release = release_module};

static void unpack(const void *archive, size_t n, struct backing *b, const char *what)
{
	const char *error;
	if (unpack_cpio(archive, n, b, &error))
		panic("%s is not a good cpio archive: %s", what, error);
}

static void unpack_module(void)
{
	const struct boot_range *m = &boot_info.module;
	if (m->start >= m->end)
		return;
	atomic_store(&module_backing.refs, 1);
	unpack(phys_to_virt(m->start), m->end - m->start, &module_backing, "the boot module");
	if (atomic_fetch_sub(&module_backing.refs, 1) == 1)
		release_module(&module_backing);
}

static void enter_start_directory(void)
{
	struct dentry *d = path_lookup_kernel(cmdline.cwd ? cmdline.cwd : "/");
	if (!d || !inode_is(d->inode, S_IFDIR))
		panic("the start directory %s (cwd=) does not exist", cmdline.cwd);
	cwd_set(d);
	dentry_put(d);
}

static void open_console(void)
{
	struct file *f = tty_open(O_RDWR);
	if (!f)
		oom_end("the console", sizeof *f);
	for (int fd = 0; fd < 3; fd++)
		if (fd_install(file_get(f), 0, false) != fd)
			panic("descriptor %d is not free at start", fd);
	file_put(f);
}

void vfs_init(void)
{
	make_root();
	if (unigornel_files_start)
		unpack(unigornel_files_start, (size_t)(unigornel_files_end - unigornel_files_start),
		       NULL, "the image's file section");
	unpack_module();
	devfs_init();
	procfs_init();
	etcfiles_init();
	dentry_put(tree_mkdir(&super_tmpfs, "/tmp", 01777));
	dentry_put(tree_mkdir(&super_tmpfs, "/var/tmp", 01777));
	dentry_put(tree_mkdir(&super_tmpfs, "/root", 0700));
	dentry_put(tree_mkdir(&super_tmpfs, "/usr/bin", 0755));
	dentry_put(tree_mkdir(&super_tmpfs, "/run", 0755));
	tty_init();
	enter_start_directory();
	open_console();
}
