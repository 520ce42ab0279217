/* unit: tests/unit/vfs/shims.c kernel/vfs/[a-df-oq-z]*.c kernel/vfs/e[pv]*.c kernel/vfs/p[aeio]*.c kernel/dev/tty*.c kernel/time/deadline.c */
/* Pipes, FIFOs, eventfd, epoll, poll and select, descriptors and locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <cmocka.h>
#include "sched/wait.h"
#include "vfs/modes.h"
#include "vfs/shims.h"

#define assert_err(expr, err) assert_int_equal((expr), -(err))
#define assert_ok(expr)	      assert_int_equal((expr), 0)

static char big[200000], back[200000];
static int fds[2];

static void make_pipe(int flags)
{
	assert_ok(sys_pipe2(U(fds), flags));
}

static long write_text(const char *s)
{
	return sys_write(fds[1], U(s), strlen(s));
}

static void pipe_carries_bytes(void **state)
{
	(void)state;
	make_pipe(0);
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)random();
	size_t in = 0, out = 0;
	while (out < sizeof big) {
		size_t n = (size_t)random() % 30000;
		if (n > sizeof big - in)
			n = sizeof big - in;
		if (n > 65536 - (in - out))
			n = 65536 - (in - out);
		assert_int_equal(sys_write(fds[1], U(big + in), n), n);
		in += n;
		n = (size_t)random() % 30000;
		if (in == out)
			continue;
		long got = sys_read(fds[0], U(back + out), n);
		assert_int_equal(got, n < in - out ? n : in - out);
		out += (size_t)got;
	}
	assert_memory_equal(big, back, sizeof big);
	int left = -1;
	assert_ok(sys_ioctl(fds[0], FIONREAD, U(&left)));
	assert_int_equal(left, 0);
}

static void pipe_ends(void **state)
{
	char c;
	(void)state;
	make_pipe(0);
	assert_err(sys_read(fds[1], U(&c), 1), EBADF);
	assert_err(sys_write(fds[0], U("x"), 1), EBADF);
	assert_err(sys_lseek(fds[0], 0, SEEK_SET), ESPIPE);
	assert_err(sys_pread64(fds[0], U(&c), 1, 0), ESPIPE);
	write_text("ab");
	sys_close(fds[1]);
	assert_int_equal(sys_read(fds[0], U(back), 10), 2);
	assert_int_equal(sys_read(fds[0], U(back), 10), 0);
	make_pipe(0);
	sys_close(fds[0]);
	assert_err(write_text("x"), EPIPE);
	assert_int_equal(vfs_test_signal, SIGPIPE);
	assert_err(sys_pipe2(U(fds), 1), EINVAL);
	assert_err(sys_pipe2(16, 0), EFAULT);
}

static int drain(uint64_t deadline)
{
	(void)deadline;
	assert_true(sys_read(fds[0], U(back), 5000) > 0);
	return 0;
}

static void pipe_fills(void **state)
{
	(void)state;
	make_pipe(O_NONBLOCK);
	assert_err(sys_read(fds[0], U(back), 1), EAGAIN);
	assert_int_equal(sys_write(fds[1], U(big), sizeof big), 65536);
	assert_err(write_text("x"), EAGAIN);
	assert_int_equal(sys_read(fds[0], U(back), 4000), 4000);
	assert_err(sys_write(fds[1], U(big), 4096), EAGAIN); /* all or nothing */
	assert_int_equal(sys_write(fds[1], U(big), 4097), 4000);
	assert_ok(sys_fcntl(fds[1], F_SETFL, 0));
	vfs_test_sleep = drain;
	assert_int_equal(sys_write(fds[1], U(big), 10000), 10000);
	vfs_test_sleep = NULL;
	assert_int_equal(sys_fcntl(fds[0], F_GETPIPE_SZ, 0), 65536);
	assert_err(sys_fcntl(fds[0], F_SETPIPE_SZ, 4096), EBUSY);
	assert_int_equal(sys_fcntl(fds[0], F_SETPIPE_SZ, 100000), 131072);
	long total = 0;
	for (long n; (n = sys_read(fds[0], U(back), sizeof back)) > 0;)
		total += n;
	assert_true(total > 50000);
	assert_int_equal(sys_fcntl(fds[0], F_SETPIPE_SZ, 1), 4096);
}

static int interrupt(uint64_t deadline)
{
	(void)deadline;
	return -ERESTARTSYS;
}

static void pipe_is_interrupted(void **state)
{
	char c;
	(void)state;
	make_pipe(0);
	vfs_test_sleep = interrupt;
	assert_err(sys_read(fds[0], U(&c), 1), ERESTARTSYS);
	assert_int_equal(sys_write(fds[1], U(big), 100000), 65536); /* what is done counts */
}

static int fifo_writer;

static int open_writer(uint64_t deadline)
{
	(void)deadline;
	vfs_test_sleep = NULL;
	fifo_writer = (int)sys_open(U("/tmp/fifo"), O_WRONLY, 0);
	assert_true(fifo_writer >= 0);
	return 0;
}

static void fifo_waits_for_the_other_side(void **state)
{
	char c;
	(void)state;
	assert_ok(sys_mknod(U("/tmp/fifo"), S_IFIFO | 0644, 0));
	assert_err(sys_open(U("/tmp/fifo"), O_WRONLY | O_NONBLOCK, 0), ENXIO);
	vfs_test_sleep = open_writer;
	int rd = (int)sys_open(U("/tmp/fifo"), O_RDONLY, 0);
	assert_true(rd >= 0);
	assert_int_equal(sys_write(fifo_writer, U("x"), 1), 1);
	assert_int_equal(sys_read(rd, U(&c), 1), 1);
	sys_close(fifo_writer);
	assert_int_equal(sys_read(rd, U(&c), 1), 0);
	int rd2 = (int)sys_open(U("/tmp/fifo"), O_RDONLY | O_NONBLOCK, 0);
	struct {
		int fd;
		short events, revents;
	} p[2] = {{rd, POLLIN, 0}, {rd2, POLLIN, 0}};
	assert_int_equal(sys_poll(U(p), 2, 0), 1);
	assert_int_equal(p[0].revents, POLLHUP);
	assert_int_equal(p[1].revents, 0); /* nobody has hung up on it */
	int both = (int)sys_open(U("/tmp/fifo"), O_RDWR, 0);
	assert_true(both >= 0);
	assert_int_equal(sys_write(both, U("y"), 1), 1);
	assert_int_equal(sys_read(both, U(&c), 1), 1);
}

static void eventfd_counts(void **state)
{
	uint64_t v;
	(void)state;
	int fd = (int)sys_eventfd2(3, O_NONBLOCK);
	assert_err(sys_read(fd, U(&v), 4), EINVAL);
	assert_int_equal(sys_read(fd, U(&v), 8), 8);
	assert_int_equal(v, 3);
	assert_err(sys_read(fd, U(&v), 8), EAGAIN);
	v = UINT64_MAX;
	assert_err(sys_write(fd, U(&v), 8), EINVAL);
	v = UINT64_MAX - 1;
	assert_int_equal(sys_write(fd, U(&v), 8), 8);
	v = 1;
	assert_err(sys_write(fd, U(&v), 8), EAGAIN);
	assert_err(sys_write(fd, 16, 8), EFAULT);
	fd = (int)sys_eventfd2(2, O_NONBLOCK | 1);
	assert_int_equal(sys_read(fd, U(&v), 8), 8);
	assert_int_equal(v, 1);
	assert_int_equal(sys_read(fd, U(&v), 8), 8);
	assert_err(sys_read(fd, U(&v), 8), EAGAIN);
	assert_err(sys_eventfd2(0, 2), EINVAL);
}

/* epoll. */

static int ep;
static struct epoll_event events[16];

static long ctl(int op, int fd, uint32_t bits)
{
	struct epoll_event e = {.events = bits, .data = (uint64_t)(unsigned)fd};
	return sys_epoll_ctl(ep, op, fd, U(&e));
}

static long ready(void)
{
	return sys_epoll_wait(ep, U(events), 16, 0);
}

static int start_epoll(void **state)
{
	vfs_test_setup(state);
	ep = (int)sys_epoll_create1(0);
	assert_true(ep >= 0);
	return 0;
}

static void level_triggered(void **state)
{
	(void)state;
	make_pipe(O_NONBLOCK);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN));
	assert_int_equal(ready(), 0);
	write_text("ab");
	assert_int_equal(ready(), 1);
	assert_int_equal(events[0].events, EPOLLIN);
	assert_int_equal(events[0].data, fds[0]);
	assert_int_equal(sys_read(fds[0], U(back), 1), 1);
	assert_int_equal(ready(), 1); /* still */
	assert_int_equal(sys_read(fds[0], U(back), 1), 1);
	assert_int_equal(ready(), 0);
	sys_close(fds[1]);
	assert_int_equal(ready(), 1);
	assert_int_equal(events[0].events, EPOLLHUP);
}

static void edge_triggered(void **state)
{
	(void)state;
	make_pipe(O_NONBLOCK);
	write_text("before");
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
	assert_ok(ctl(EPOLL_CTL_ADD, fds[1], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
	assert_int_equal(ready(), 2);
	assert_int_equal(ready(), 0);
	write_text("more"); /* though it was readable all the time */
	assert_int_equal(ready(), 1);
	assert_int_equal(events[0].events, EPOLLIN);
	assert_int_equal(ready(), 0);
	sys_write(fds[1], U(big), 65536);
	ready();
	assert_int_equal(sys_read(fds[0], U(back), 1000), 1000);
	assert_int_equal(ready(), 0); /* not yet writable for PIPE_BUF */
	assert_int_equal(sys_read(fds[0], U(back), 5000), 5000);
	assert_int_equal(ready(), 1);
	assert_int_equal(events[0].events, EPOLLOUT);
}

static void one_shot(void **state)
{
	(void)state;
	make_pipe(O_NONBLOCK);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLONESHOT));
	write_text("x");
	assert_int_equal(ready(), 1);
	write_text("y");
	assert_int_equal(ready(), 0);
	assert_ok(ctl(EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT));
	assert_int_equal(ready(), 1);
	assert_int_equal(ready(), 0);
}

static void epoll_errors(void **state)
{
	(void)state;
	int file = (int)sys_open(U("/tmp/f"), O_CREAT | O_RDWR, 0666);
	make_pipe(0);
	assert_err(ctl(EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
	assert_err(ctl(EPOLL_CTL_ADD, 99, EPOLLIN), EBADF);
	assert_err(ctl(EPOLL_CTL_ADD, ep, EPOLLIN), EINVAL);
	assert_err(ctl(EPOLL_CTL_MOD, fds[0], EPOLLIN), ENOENT);
	assert_err(ctl(EPOLL_CTL_DEL, fds[0], 0), ENOENT);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN));
	assert_err(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN), EEXIST);
	assert_err(ctl(9, fds[0], EPOLLIN), EINVAL);
	assert_err(sys_epoll_ctl(ep, EPOLL_CTL_ADD, fds[1], 16), EFAULT);
	assert_ok(sys_epoll_ctl(ep, EPOLL_CTL_DEL, fds[0], 0));
	assert_err(sys_epoll_ctl(file, EPOLL_CTL_DEL, fds[0], 0), EINVAL);
	assert_err(sys_epoll_wait(ep, U(events), 0, 0), EINVAL);
	assert_err(sys_epoll_wait(file, U(events), 1, 0), EINVAL);
	assert_err(sys_epoll_wait(99, U(events), 1, 0), EBADF);
	assert_err(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE));
	assert_err(ctl(EPOLL_CTL_MOD, fds[0], EPOLLIN), EINVAL);
	assert_err(sys_epoll_create1(1), EINVAL);
	write_text("x");
	assert_err(sys_epoll_wait(ep, 16, 1, 0), EFAULT);
	assert_int_equal(ready(), 1); /* and is not lost by that */
}

static void closing_removes(void **state)
{
	(void)state;
	make_pipe(O_NONBLOCK);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN));
	int copy = (int)sys_dup(fds[0]);
	write_text("x");
	sys_close(fds[0]);
	assert_int_equal(ready(), 1); /* the file lives on in the copy */
	sys_close(copy);
	assert_int_equal(ready(), 0);
	make_pipe(O_NONBLOCK);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN));
	sys_close(ep); /* the instance goes first */
	write_text("x");
}

static void nested(void **state)
{
	(void)state;
	int outer = ep;
	int inner = (int)sys_epoll_create1(0);
	make_pipe(O_NONBLOCK);
	assert_ok(ctl(EPOLL_CTL_ADD, inner, EPOLLIN));
	ep = inner;
	assert_err(ctl(EPOLL_CTL_ADD, outer, EPOLLIN), ELOOP);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN));
	ep = outer;
	assert_int_equal(ready(), 0);
	write_text("x");
	assert_int_equal(ready(), 1);
	assert_int_equal((int)events[0].data, inner);
	sys_read(fds[0], U(back), 1);
	assert_int_equal(ready(), 0);
	int chain = inner;
	long err = 0;
	for (int i = 0; i < 8 && !err; i++) {
		ep = (int)sys_epoll_create1(0);
		struct epoll_event e = {.events = EPOLLIN, .data = 0};
		err = sys_epoll_ctl(ep, EPOLL_CTL_ADD, chain, U(&e));
		chain = ep;
	}
	assert_err(err, ELOOP);
}

static int write_later(uint64_t deadline)
{
	(void)deadline;
	write_text("x");
	return 0;
}

static int time_out(uint64_t deadline)
{
	assert_int_equal(deadline, vfs_test_monotonic + 5000000);
	return -ETIMEDOUT;
}

static void epoll_waits(void **state)
{
	(void)state;
	make_pipe(O_NONBLOCK);
	assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET));
	vfs_test_sleep = write_later;
	assert_int_equal(sys_epoll_wait(ep, U(events), 16, -1), 1);
	vfs_test_sleep = time_out;
	assert_int_equal(sys_epoll_wait(ep, U(events), 16, 5), 0);
	vfs_test_sleep = interrupt;
	assert_err(sys_epoll_wait(ep, U(events), 16, -1), EINTR);
}

static void fair_to_all(void **state)
{
	int readers[6];
	(void)state;
	for (int i = 0; i < 6; i++) {
		make_pipe(O_NONBLOCK);
		write_text("x");
		readers[i] = fds[0];
		assert_ok(ctl(EPOLL_CTL_ADD, fds[0], EPOLLIN));
	}
	int seen[64] = {0};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sys_epoll_wait(ep, U(events), 2, 0), 2);
		seen[(int)events[0].data]++;
		seen[(int)events[1].data]++;
	}
	for (int i = 0; i < 6; i++)
		assert_int_equal(seen[readers[i]], 1);
}

static void polls_and_selects(void **state)
{
	struct {
		int fd;
		short events, revents;
	} p[4];
	uint64_t in[4] = {0}, out[4] = {0};
	int64_t zero[2] = {0, 0};
	(void)state;
	make_pipe(O_NONBLOCK);
	int file = (int)sys_open(U("/tmp/f"), O_CREAT | O_RDWR, 0666);
	p[0].fd = fds[0], p[0].events = POLLIN;
	p[1].fd = fds[1], p[1].events = POLLOUT;
	p[2].fd = 99, p[2].events = POLLIN;
	p[3].fd = -1, p[3].events = POLLIN;
	assert_int_equal(sys_poll(U(p), 4, -1), 2);
	assert_int_equal(p[0].revents, 0);
	assert_int_equal(p[1].revents, POLLOUT);
	assert_int_equal(p[2].revents, POLLNVAL);
	assert_int_equal(p[3].revents, 0);
	vfs_test_sleep = write_later;
	assert_int_equal(sys_poll(U(p), 1, -1), 1);
	vfs_test_sleep = time_out;
	sys_read(fds[0], U(back), 10);
	assert_int_equal(sys_poll(U(p), 1, 5), 0);
	assert_int_equal(sys_poll(0, 0, 5), 0);
	in[0] = 1ull << fds[0] | 1ull << file;
	out[0] = 1ull << fds[1];
	assert_int_equal(sys_select(10, U(in), U(out), 0, U(zero)), 2);
	assert_int_equal(in[0], 1ull << file);
	assert_int_equal(out[0], 1ull << fds[1]);
	in[0] = 1ull << 40;
	assert_err(sys_select(41, U(in), 0, 0, U(zero)), EBADF);
	assert_err(sys_select(-1, U(in), 0, 0, U(zero)), EINVAL);
}

static void descriptors(void **state)
{
	(void)state;
	int a = (int)sys_open(U("/dev/null"), O_RDWR | O_CLOEXEC, 0);
	assert_int_equal(sys_fcntl(a, F_GETFD, 0), FD_CLOEXEC);
	int b = (int)sys_dup(a);
	assert_int_equal(sys_fcntl(b, F_GETFD, 0), 0);
	assert_int_equal(sys_fcntl(a, F_DUPFD, 100), 100);
	assert_int_equal(sys_fcntl(a, F_DUPFD_CLOEXEC, 100), 101);
	assert_int_equal(sys_fcntl(101, F_GETFD, 0), 1);
	assert_err(sys_fcntl(a, F_DUPFD, 1024), EINVAL);
	assert_int_equal(sys_dup2(a, a), a);
	assert_int_equal(sys_dup2(a, 50), 50);
	assert_err(sys_dup3(a, a, 0), EINVAL);
	assert_err(sys_dup3(a, 1024, 0), EBADF);
	assert_err(sys_dup2(77, 50), EBADF);
	assert_int_equal(sys_dup3(a, 50, O_CLOEXEC), 50);
	assert_ok(sys_close_range(50, 200, 0));
	assert_err(sys_close(100), EBADF);
	assert_ok(sys_close_range((unsigned)b, ~0u, 4));
	assert_int_equal(sys_fcntl(b, F_GETFD, 0), 1);
	assert_ok(sys_close(a));
	assert_int_equal(sys_dup(b), a); /* the lowest free one */
	assert_err(sys_fcntl(a, 9999, 0), EINVAL);
	int fd, last = 0;
	while ((fd = (int)sys_dup(a)) >= 0)
		last = fd;
	assert_err(fd, EMFILE);
	assert_int_equal(last, 1023);
}

static void locks(void **state)
{
	struct {
		int16_t type, whence;
		int64_t start, len;
		int32_t pid;
	} l = {F_WRLCK, SEEK_SET, 10, 20, 0};
	(void)state;
	int a = (int)sys_open(U("/tmp/f"), O_CREAT | O_RDWR, 0666);
	int b = (int)sys_open(U("/tmp/f"), O_RDWR, 0);
	assert_ok(sys_flock(a, LOCK_SH));
	assert_ok(sys_flock(b, LOCK_SH));
	assert_err(sys_flock(a, LOCK_EX | LOCK_NB), EAGAIN);
	assert_ok(sys_flock(b, LOCK_UN));
	assert_ok(sys_flock(a, LOCK_EX | LOCK_NB));
	vfs_test_sleep = interrupt;
	assert_err(sys_flock(b, LOCK_EX), ERESTARTSYS);
	sys_close(a);
	assert_ok(sys_flock(b, LOCK_EX | LOCK_NB));
	assert_err(sys_flock(b, 0), EINVAL);
	a = (int)sys_open(U("/tmp/f"), O_RDWR, 0);
	assert_ok(sys_fcntl(a, F_SETLK, U(&l))); /* the process does not conflict with itself */
	assert_ok(sys_fcntl(b, F_SETLK, U(&l)));
	assert_ok(sys_fcntl(b, F_GETLK, U(&l)));
	assert_int_equal(l.type, F_UNLCK);
	l.type = F_WRLCK;
	assert_err(sys_fcntl(a, F_OFD_SETLK, U(&l)), EAGAIN); /* but with a file's own lock */
	l.type = F_UNLCK;
	assert_ok(sys_fcntl(a, F_SETLK, U(&l)));
	l.type = F_WRLCK;
	assert_ok(sys_fcntl(a, F_OFD_SETLK, U(&l)));
	l.start = 15;
	l.len = 5;
	l.type = F_UNLCK; /* splits it */
	assert_ok(sys_fcntl(a, F_OFD_SETLK, U(&l)));
	l.type = F_RDLCK;
	assert_ok(sys_fcntl(b, F_OFD_SETLK, U(&l)));
	l.start = 0;
	l.len = 0;
	l.type = F_WRLCK;
	assert_ok(sys_fcntl(b, F_OFD_GETLK, U(&l)));
	assert_int_equal(l.type, F_WRLCK);
	assert_int_equal(l.start, 10);
	assert_int_equal(l.len, 5);
	assert_int_equal(l.pid, -1);
	l.whence = 7;
	assert_err(sys_fcntl(a, F_SETLK, U(&l)), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f)	 cmocka_unit_test_setup_teardown(f, vfs_test_setup, vfs_test_teardown)
#define EPOLL(f) cmocka_unit_test_setup_teardown(f, start_epoll, vfs_test_teardown)
	    TEST(pipe_carries_bytes),
	    TEST(pipe_ends),
	    TEST(pipe_fills),
	    TEST(pipe_is_interrupted),
	    TEST(fifo_waits_for_the_other_side),
	    TEST(eventfd_counts),
	    EPOLL(level_triggered),
	    EPOLL(edge_triggered),
	    EPOLL(one_shot),
	    EPOLL(epoll_errors),
	    EPOLL(closing_removes),
	    EPOLL(nested),
	    EPOLL(epoll_waits),
	    EPOLL(fair_to_all),
	    TEST(polls_and_selects),
	    TEST(descriptors),
	    TEST(locks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
