/* unit: kernel/sys/trace.c kernel/sys/trace_table.c kernel/sys/trace_flags.c kernel/lib/errno_names.c kernel/lib/printk.c */
/* The lines of --trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <asm/errno.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include "hyper/hyper.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/process.h"
#include "sys/syscall.h"
#include "sys/trace.h"

static struct thread self = {.tid = 7};
struct thread *current_thread = &self;
static char output[2048];
static size_t length;

static void capture(const char *s, size_t n)
{
	assert_true(length + n < sizeof(output));
	memcpy(output + length, s, n);
	length += n;
}

static const struct hypervisor test_hyper = {.console_write = capture};
const struct hypervisor *hyper = &test_hyper;

int copy_from_user(void *dst, uintptr_t src, size_t n)
{
	if (src < 4096)
		return -EFAULT;
	memcpy(dst, (void *)src, n);
	return 0;
}

long strncpy_from_user(char *dst, uintptr_t src, size_t size)
{
	if (src < 4096)
		return -EFAULT;
	size_t n = strnlen((const char *)src, size - 1);
	memcpy(dst, (const char *)src, n);
	dst[n] = '\0';
	return ((const char *)src)[n] ? -ENAMETOOLONG : (long)n;
}

const char *signal_name(int sig, char buf[12])
{
	snprintf(buf, 12, sig == SIGURG ? "SIGURG" : "SIG%d", sig);
	return buf;
}

static long result;
static long call(long a, long b, long c, long d, long e, long f)
{
	(void)a, (void)c, (void)d, (void)e, (void)f;
	if (result > 0 && b > 4096) /* a read fills its buffer */
		memcpy((void *)b, "data\n", 5);
	return result;
}

static void expect(long nr, long r, const char *want, long a, long b, long c, long d, long e,
		   long f)
{
	const long args[6] = {a, b, c, d, e, f};
	length = 0;
	result = r;
	assert_int_equal(syscall_trace(nr, args, call), r);
	output[length] = '\0';
	assert_string_equal(output, want);
}

static void test_calls(void **state)
{
	(void)state;
	const char *path = "/etc/hosts";
	char buf[16] = "hi\t\"\x01";
	expect(
	    __NR_openat, -ENOENT,
	    "[7] openat(AT_FDCWD, \"/etc/hosts\", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or "
	    "directory)\n",
	    AT_FDCWD, (long)path, O_CLOEXEC, 0, 0, 0);
	expect(__NR_openat, 3, "[7] openat(4, NULL, O_WRONLY|O_CREAT, 0644) = 3\n", 4, 0,
	       O_WRONLY | O_CREAT, 0644, 0, 0);
	expect(__NR_write, 5, "[7] write(1, \"hi\\t\\\"\\1\", 5) = 5\n", 1, (long)buf, 5, 0, 0, 0);
	expect(__NR_read, 5, "[7] read(0, \"data\\n\", 16) = 5\n", 0, (long)buf, 16, 0, 0, 0);
	expect(__NR_read, -EAGAIN,
	       "[7] read(0, 0x10, 16) = -1 EAGAIN (Resource temporarily unavailable)\n", 0, 16, 16,
	       0, 0, 0);
	expect(__NR_mmap, 0x7000,
	       "[7] mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7000\n", 0,
	       4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(__NR_futex, -512,
	       "[7] futex(0x2000, FUTEX_WAIT|FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0) = ? "
	       "(interrupted by "
	       "a signal)\n",
	       0x2000, 128, 1, 0, 0, 0);
	expect(__NR_exit_group, 0, "[7] exit_group(2) = ?\n", 2, 0, 0, 0, 0, 0);
	expect(469, -ENOSYS,
	       "[7] syscall_469(0x1, 0x2, 0, 0, 0, 0) = -1 ENOSYS (Function not implemented)\n", 1,
	       2, 0, 0, 0, 0);
}

static void test_structures(void **state)
{
	(void)state;
	uint64_t set = sigbit(SIGURG), full = ~sigbit(SIGURG), time[2] = {1, 500};
	int pair[2] = {3, 4};
	expect(__NR_rt_sigprocmask, 0, "[7] rt_sigprocmask(SIG_SETMASK, [URG], NULL, 8) = 0\n",
	       SIG_SETMASK, (long)&set, 0, 8, 0, 0);
	expect(__NR_rt_sigprocmask, 0, "[7] rt_sigprocmask(SIG_BLOCK, ~[URG], NULL, 8) = 0\n",
	       SIG_BLOCK, (long)&full, 0, 8, 0, 0);
	expect(__NR_nanosleep, 0, "[7] nanosleep({tv_sec=1, tv_nsec=500}, NULL) = 0\n", (long)time,
	       0, 0, 0, 0, 0);
	expect(__NR_pipe2, 0, "[7] pipe2([3, 4], O_RDONLY|O_NONBLOCK) = 0\n", (long)pair, 04000, 0,
	       0, 0, 0);
	expect(__NR_tgkill, 0, "[7] tgkill(1, 7, SIGURG) = 0\n", 1, 7, SIGURG, 0, 0, 0);
}

static void test_long_arguments_are_cut(void **state)
{
	(void)state;
	static char path[4000];
	memset(path, '\001', sizeof(path) - 1);
	const long args[6] = {(long)path, (long)path};
	length = 0;
	result = 0;
	syscall_trace(__NR_rename, args, call);
	assert_true(length < 600);
	assert_int_equal(output[length - 1], '\n');
}

static void test_signals(void **state)
{
	(void)state;
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_code = SI_TKILL;
	info.si_pid = 1;
	length = 0;
	trace_signal(SIGURG, &info);
	output[length] = '\0';
	assert_string_equal(output, "[7] --- SIGURG {si_code=SI_TKILL, si_pid=1, si_uid=0} ---\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_structures),
	    cmocka_unit_test(test_long_arguments_are_cut),
	    cmocka_unit_test(test_signals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
