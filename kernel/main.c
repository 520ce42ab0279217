/* The order in which the kernel comes up, ending in the program. */
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/image.h"
#include "boot_info.h"
#include "cmdline.h"
#include "hyper/hyper.h"
#include "lib/printk.h"
#include "main.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "sched/sched.h"
#include "start.h"
#include "time/clock.h"
#include "vfs/vfs.h"

/* tmp */
void random_init(void) __attribute__((weak));
void mm_free_boot_memory(void) __attribute__((weak));

void kernel_main(const char *error)
{
	hyper_select();
	hyper->early_init();
	if (error)
		panic("boot: %s", error);
	page_init();
	mm_init();
	fpu_init();
	options_init();
	if (hyper->irq_init)
		hyper->irq_init();
	clock_init();
	if (random_init)
		random_init();
	vfs_init();
	if (hyper->console_start_input)
		hyper->console_start_input();
	if (mm_free_boot_memory)
		mm_free_boot_memory();
	program_start();
}
