/*
 * A PVH domain of Xen (docs/xen.md). As domU: console ring, event channels. As dom0, which is the
 * fastest way to test under Xen: the hypervisor's console; everything else is the same.
 */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "boot_info.h"
#include "cmdline.h"
#include "dev/irq.h"
#include "dev/xen/balloon.h"
#include "dev/xen/control.h"
#include "dev/xen/xenbus.h"
#include "dev/xen/xenstore.h"
#include "hyper/hyper.h"
#include "hyper/xen/clock.h"
#include "hyper/xen/console.h"
#include "hyper/xen/evtchn.h"
#include "hyper/xen/shared.h"
#include "lib/exitcode.h"
#include "lib/printk.h"
#include "sys/power.h"

#define EXIT_PORT 0xe9 /* docs/image.md, "Exit" */

static bool dom0;

static bool is_dom0(void)
{
	struct xen_feature_info info = {.submap_idx = 0};

	return !xen_version(XENVER_get_features, &info) && info.submap >> XENFEAT_dom0 & 1;
}

static void xen_early_init(void)
{
	long err;

	hypercall_init();
	dom0 = is_dom0();
	err = xen_shared_init();
	xen_console_init(dom0);
	if (err)
		panic("Xen does not share its information page (%ld)", err);
}

/* XENMEM_memory_map (memory.h): what a PC's firmware would answer to INT 15h, AX=E820h. */
static void xen_memory_map(void)
{
	static struct {
		uint64_t start, size;
		uint32_t type;
	} __attribute__((packed)) e820[BOOT_MAX_RANGES];
	struct xen_memory_map map = {.nr_entries = BOOT_MAX_RANGES};
	long err;

	set_xen_guest_handle(map.buffer, (void *)e820);
	err = xen_memory_op(XENMEM_memory_map, &map);
	if (err)
		panic("Xen tells no memory map (%ld)", err);
	for (unsigned i = 0; i < map.nr_entries && i < BOOT_MAX_RANGES; i++)
		if (e820[i].type == XEN_HVM_MEMMAP_TYPE_RAM)
			boot_add_ram(e820[i].start, e820[i].start + e820[i].size);
}

static void xen_irq_init(void)
{
	long err;

	irq_init();
	err = evtchn_init();
	if (err)
		panic("Xen delivers no events (%ld)", err);
}

/* To the port, which is Xen's log; and where the log cannot be had, to the console. */
static void exit_record(int code)
{
	char text[32];
	int n = ksnprintf(text, sizeof text, "unigornel: exit %u\n", (unsigned)code & 0xff);

	/* One by one: Xen need not decode a string instruction. */
	for (int i = 0; i < n; i++)
		outb(EXIT_PORT, (uint8_t)text[i]);
	if (cmdline.exit_console) {
		if (xen_console_in_line()) /* the record's line is its own */
			xen_console_write("\r\n", 2);
		xen_console_write(text, (size_t)n);
	}
	xen_console_drain();
}

static void __attribute__((noreturn)) xen_shutdown(int code)
{
	struct sched_shutdown s = {.reason = SHUTDOWN_poweroff};

	interrupts_off();
	exit_record(code);
	if (code == EXIT_KERNEL_PANIC)
		s.reason = SHUTDOWN_crash;
	else if (power_reboot_wanted())
		s.reason = SHUTDOWN_reboot;
	/* When dom0 powers off, Xen halts and the machine stays on; a reset ends it everywhere. */
	if (dom0)
		s.reason = SHUTDOWN_reboot;
	xen_sched_op(SCHEDOP_shutdown, &s);
	cpu_halt_forever();
}

static void xen_probe_devices(void)
{
	int err;

	if (dom0)
		return; /* it has real devices */
	balloon_boot();
	err = grant_init();
	if (err)
		printk("unigornel: Xen has no grant table for us (%d): no devices\n", err);
	else if (xs_init() == 0) {
		balloon_init();
		control_init();
		xenbus_init();
	}
}

const struct hypervisor hyper_xen = {
    .name = "xen",
    .detect = xen_detect,
    .early_init = xen_early_init,
    .memory_map = xen_memory_map,
    .memory_ready = xen_console_map,
    .irq_init = xen_irq_init,
    .wall_clock = xen_wall_clock,
    .clock_init = xen_clock_init,
    .timer_init = xen_timer_init,
    .timer_set = xen_timer_set,
    .console_write = xen_console_write,
    .console_start_input = xen_console_start_input,
    .probe_devices = xen_probe_devices,
    .shutdown = xen_shutdown,
};
