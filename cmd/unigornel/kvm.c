/*
 * Whether KVM works: /dev/kvm may exist and open where nested virtualisation, or QEMU's CPU model
 * on it, then fails. So QEMU runs three instructions under it: a firmware that writes to the port
 * of QEMU's isa-debug-exit device. That it worked is remembered for this boot of the host.
 */
#include "machine.h"
#include "overlay.h"
#include "process.h"
#include "session.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#define QEMU	   "qemu-system-x86_64"
#define LIMIT_MS   5000
#define EXIT_VALUE 0x11 /* QEMU exits with twice that plus one */

/* A firmware whose reset vector is: mov al, EXIT_VALUE; out 0xf4, al; hlt. */
static char *make_firmware(void)
{
	static unsigned char rom[65536];
	static const unsigned char code[] = {0xb0, EXIT_VALUE, 0xe6, 0xf4, 0xf4};
	char *path = xasprintf("%s/probe.rom", session_dir());
	memset(rom, 0xf4, sizeof rom);
	memcpy(rom + sizeof rom - 16, code, sizeof code);
	if (write_file(path, rom, sizeof rom)) {
		free(path);
		return NULL;
	}
	return path;
}

bool accel_runs_code(const char *accel)
{
	char *rom = make_firmware();
	if (!rom)
		return false;
	struct strv argv = {0};
	const char *const words[] = {QEMU,
				     "-M",
				     "microvm,auto-kernel-cmdline=off",
				     "-accel",
				     accel,
				     "-cpu",
				     "max",
				     "-m",
				     "8M",
				     "-nodefaults",
				     "-no-user-config",
				     "-display",
				     "none",
				     "-no-reboot",
				     "-device",
				     "isa-debug-exit,iobase=0xf4,iosize=1",
				     "-bios",
				     rom};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		strv_add(&argv, words[i]);
	const int fds[3] = {-1, -1, -1};
	pid_t pid = process_spawn(&argv, NULL, fds, NULL);
	strv_free(&argv);
	int status = 0;
	int64_t deadline = now_ms() + LIMIT_MS;
	bool ended = pid < 0;
	while (!ended && now_ms() < deadline && !session_interrupted()) {
		ended = waitpid(pid, &status, WNOHANG) == pid;
		if (!ended)
			poll(NULL, 0, 5);
	}
	if (!ended) {
		kill(-pid, SIGKILL);
		process_wait(pid);
	}
	session_check();
	unlink(rom);
	free(rom);
	return pid >= 0 && ended && process_status(status) == 2 * EXIT_VALUE + 1;
}

/* What the answer depends on: this boot of the host, and this QEMU. Allocated. */
static char *circumstances(void)
{
	struct buffer b = {0};
	struct stat st;
	char *qemu = find_program(QEMU);
	if (read_file("/proc/sys/kernel/random/boot_id", &b) || !qemu || stat(qemu, &st))
		b.len = 0;
	else
		buffer_addf(&b, "%s %lld %lld\n", qemu, (long long)st.st_mtim.tv_sec,
			    (long long)st.st_size);
	free(qemu);
	if (b.len)
		return b.data;
	buffer_free(&b);
	return NULL;
}

/* Whether the CPU has VMX or SVM, as /proc/cpuinfo lists. Without them /dev/kvm, which may be there
 * all the same, is left alone. */
static bool cpu_virtualises(void)
{
	struct buffer info = {0};
	bool found = false;
	if (!read_file("/proc/cpuinfo", &info) && info.len) {
		const char *flags = strstr(info.data, "\nflags");
		size_t n = flags ? strcspn(flags + 1, "\n") + 1 : 0;
		found = n && (memmem(flags, n, " vmx", 4) || memmem(flags, n, " svm", 4));
	}
	buffer_free(&info);
	return found;
}

bool kvm_works(void)
{
	static int known = -1;
	if (known >= 0)
		return known;
	known = 0;
	if (!cpu_virtualises() || access("/dev/kvm", R_OK | W_OK))
		return false;
	char *path = xasprintf("%s/kvm-works", cache_dir()), *now = circumstances();
	struct buffer before = {0};
	if (now && !read_file(path, &before) && !strcmp(before.data, now))
		known = 1;
	else
		known = accel_runs_code("kvm");
	if (known && now)
		write_file(path, now, strlen(now));
	buffer_free(&before);
	free(now);
	free(path);
	return known;
}
