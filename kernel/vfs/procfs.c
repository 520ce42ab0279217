#include "vfs/procfs.h"
#include "dev/block_file.h"
#include "vfs/proc_net.h"
#include "vfs/tree.h"

void procfs_init(void)
{
	dentry_put(tree_mkdir(&super_proc, "/proc", 0555));
	dentry_put(tree_mkdir(&super_sysfs, "/sys", 0555));
	proc_self_init();
	proc_fd_init();
	proc_system_init();
	proc_sysctl_init();
	proc_net_init();
	block_sysfs_init();
}
