/* The order in which the kernel comes up, ending in the program. */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/image.h"
#include "boot_info.h"
#include "cmdline.h"
#include "dev/tty.h"
#include "hyper/hyper.h"
#include "lib/printk.h"
#include "lib/random.h"
#include "main.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "net/net.h"
#include "sched/futex.h"
#include "sched/sched.h"
#include "start.h"
#include "time/clock.h"
#include "vfs/vfs.h"

void kernel_main(const char *error)
{
	hyper_select();
	hyper->early_init();
	if (error)
		panic("boot: %s", error);
	if (!boot_info.nram && hyper->memory_map)
		hyper->memory_map();
	if (!boot_info.nram)
		panic("boot: nobody tells where memory is");
	page_init();
	mm_init();
	if (hyper->memory_ready)
		hyper->memory_ready();
	fpu_init();
	options_init();
	hyper->irq_init();
	clock_init();
	random_init();
	futex_init();
	tty_init();
	vfs_init();
	hyper->console_start_input();
	mm_free_boot_memory();
	net_init();
	if (hyper->probe_devices)
		hyper->probe_devices();
	net_start();
	program_start();
}
