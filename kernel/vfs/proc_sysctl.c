/* /proc/sys and /sys: settings, most of them constant. */
#include "cmdline.h"
#include "lib/random.h"
#include "lib/string.h"
#include "vfs/fdtable.h"
#include "sys/utsname.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

static const struct {
	const char *path, *text;
} constants[] = {
    {"/proc/sys/kernel/ostype", UTS_SYSNAME "\n"},
    {"/proc/sys/kernel/osrelease", UTS_RELEASE "\n"},
    {"/proc/sys/kernel/version", UTS_VERSION "\n"},
    {"/proc/sys/kernel/pid_max", "4194304\n"},
    {"/proc/sys/kernel/threads-max", "8192\n"},
    {"/proc/sys/kernel/ngroups_max", "65536\n"},
    {"/proc/sys/kernel/cap_last_cap", "40\n"},
    {"/proc/sys/kernel/perf_event_paranoid", "4\n"},
    {"/proc/sys/kernel/random/entropy_avail", "256\n"},
    {"/proc/sys/kernel/random/poolsize", "256\n"},
    {"/proc/sys/vm/overcommit_memory", "1\n"},
    {"/proc/sys/vm/max_map_count", "65530\n"},
    {"/proc/sys/vm/mmap_min_addr", "65536\n"},
    {"/proc/sys/fs/file-max", "1048576\n"},
    {"/proc/sys/fs/nr_open", "1048576\n"},
    {"/proc/sys/fs/pipe-max-size", "1048576\n"},
    {"/proc/sys/fs/pipe-user-pages-hard", "0\n"},
    {"/proc/sys/fs/pipe-user-pages-soft", "0\n"},
    {"/proc/sys/fs/protected_hardlinks", "0\n"},
    {"/proc/sys/fs/protected_symlinks", "0\n"},
};

/* One CPU is in use (sched/sched.h). */
static const char *const cpu_lists[] = {"online", "possible", "present"};

static int show_constant(struct textbuf *t, long arg)
{
	text_printf(t, "%s", constants[arg].text);
	return 0;
}

static int show_cpus(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "0\n");
	return 0;
}

static int show_empty(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "\n");
	return 0;
}

static int show_hostname(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "%s\n", __atomic_load_n(&cmdline.hostname, __ATOMIC_ACQUIRE));
	return 0;
}

/* RFC 4122 section 4.4. */
static void print_uuid(struct textbuf *t, uint8_t b[16])
{
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++)
		text_printf(t, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
	text_printf(t, "\n");
}

static int show_uuid(struct textbuf *t, long arg)
{
	uint8_t b[16];
	(void)arg;
	random_bytes(b, sizeof b);
	print_uuid(t, b);
	return 0;
}

static int show_boot_id(struct textbuf *t, long arg)
{
	static uint8_t id[16];
	static bool made;
	(void)arg;
	if (!made)
		random_bytes(id, sizeof id);
	made = true;
	print_uuid(t, id);
	return 0;
}

static int show_file_count(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "%u\t0\t1048576\n", fd_count());
	return 0;
}

static const struct textfile constant_text = {.show = show_constant},
			     cpus_text = {.show = show_cpus}, empty_text = {.show = show_empty},
			     uuid_text = {.show = show_uuid}, boot_id_text = {.show = show_boot_id},
			     file_count_text = {.show = show_file_count},
			     hostname_text = {.show = show_hostname};

void proc_sysctl_init(void)
{
	static const char cpu_dir[] = "/sys/devices/system/cpu/";
	for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
		tree_text(&super_proc, constants[i].path, 0444, &constant_text, (long)i);
	tree_text(&super_proc, "/proc/sys/kernel/hostname", 0444, &hostname_text, 0);
	tree_text(&super_proc, "/proc/sys/kernel/random/uuid", 0444, &uuid_text, 0);
	tree_text(&super_proc, "/proc/sys/kernel/random/boot_id", 0444, &boot_id_text, 0);
	tree_text(&super_proc, "/proc/sys/fs/file-nr", 0444, &file_count_text, 0);
	for (size_t i = 0; i < sizeof cpu_lists / sizeof cpu_lists[0]; i++) {
		char path[64];
		strlcpy(path, cpu_dir, sizeof path);
		strlcpy(path + sizeof cpu_dir - 1, cpu_lists[i], sizeof path - sizeof cpu_dir);
		tree_text(&super_sysfs, path, 0444, &cpus_text, 0);
	}
	tree_text(&super_sysfs, "/sys/devices/system/cpu/offline", 0444, &empty_text, 0);
	dentry_put(tree_mkdir(&super_sysfs, "/sys/devices/system/cpu/cpu0", 0755));
}
