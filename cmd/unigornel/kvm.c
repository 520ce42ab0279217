/* Whether KVM works: /dev/kvm may exist on a CPU without VMX or SVM, where it is left alone, or
 * where nested virtualisation fails at the first instruction, so one is executed.
 * linux/Documentation/virt/kvm/api.rst. */
#include "machine.h"
#include "util.h"
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs HLT in real mode. In a child, since a broken KVM may hang. */
static bool probe(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0 || ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return false;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	unsigned char *page =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm < 0 || page == MAP_FAILED)
		return false;
	page[0] = 0xf4; /* hlt */
	struct kvm_userspace_memory_region region = {
	    .guest_phys_addr = 0x1000, .memory_size = 4096, .userspace_addr = (uintptr_t)page};
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return false;
	int cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (cpu < 0 || size <= 0)
		return false;
	struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	struct kvm_sregs s;
	if (run == MAP_FAILED || ioctl(cpu, KVM_GET_SREGS, &s))
		return false;
	s.cs.base = 0;
	s.cs.selector = 0;
	const struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
	if (ioctl(cpu, KVM_SET_SREGS, &s) || ioctl(cpu, KVM_SET_REGS, &regs))
		return false;
	return !ioctl(cpu, KVM_RUN, 0) && run->exit_reason == KVM_EXIT_HLT;
}

/* The CPU's virtualisation extension, as the kernel lists it in /proc/cpuinfo. */
static bool cpu_virtualises(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool found = false;
	if (!f)
		return false;
	while (!found && fgets(line, sizeof line, f)) {
		if (!starts_with(line, "flags"))
			continue;
		for (char *save, *w = strtok_r(line, " \t\n", &save); w && !found;
		     w = strtok_r(NULL, " \t\n", &save))
			found = !strcmp(w, "vmx") || !strcmp(w, "svm");
	}
	fclose(f);
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
	pid_t pid = fork();
	if (pid < 0)
		return false;
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(2);
		_exit(probe() ? 0 : 1);
	}
	int status;
	while (waitpid(pid, &status, 0) < 0)
		;
	known = WIFEXITED(status) && !WEXITSTATUS(status);
	return known;
}
