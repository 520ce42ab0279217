#include "vfs/procfs.h"
#include <asm/errno.h>
#include "cmdline.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

/* Texts that never change. */
static const char *const constants[] = {
    "0\n",
    "4096\n",
};
static const struct {
	const char *path;
	const char *text;
} fixed[] = {
    {"/proc/sys/kernel/ostype", "Linux\n"},    {"/proc/sys/net/core/somaxconn", "4096\n"},
    {"/proc/sys/fs/nr_open", "1048576\n"},     {"/proc/sys/fs/pipe-max-size", "1048576\n"},
    {"/proc/sys/vm/overcommit_memory", "1\n"}, {"/proc/sys/kernel/pid_max", "4194304\n"},
};

static int show_fixed(struct textbuf *t, long arg)
{
	text_printf(t, "%s", fixed[arg].text);
	return 0;
}

static int show_cpus(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "0\n");
	return 0;
}

static int show_hostname(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "%s\n", cmdline.hostname);
	return 0;
}

static const struct textfile fixed_text = {.show = show_fixed};
static const struct textfile cpus_text = {.show = show_cpus};
static const struct textfile hostname_text = {.show = show_hostname};

void procfs_init(void)
{
	(void)constants;
	tree_mkdir(&super_proc, "/proc", 0555);
	tree_mkdir(&super_sysfs, "/sys", 0555);
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		tree_text(&super_proc, fixed[i].path, 0644, &fixed_text, (long)i);
	tree_text(&super_proc, "/proc/sys/kernel/hostname", 0644, &hostname_text, 0);
	tree_text(&super_sysfs, "/sys/devices/system/cpu/online", 0444, &cpus_text, 0);
	tree_text(&super_sysfs, "/sys/devices/system/cpu/possible", 0444, &cpus_text, 0);
	tree_text(&super_sysfs, "/sys/devices/system/cpu/present", 0444, &cpus_text, 0);
}
