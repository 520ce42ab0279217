/* unit: tests/unit/vfs/shims.c kernel/vfs/[a-df-oq-z]*.c kernel/vfs/e[pv]*.c kernel/vfs/p[aeio]*.c kernel/dev/tty*.c kernel/time/deadline.c */
/* The terminal: line editing, end of file, signals, raw mode, and console=pipe. */
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
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <cmocka.h>
#include "cmdline.h"
#include "dev/tty.h"
#include "sched/wait.h"
#include "vfs/fdtable.h"
#include "vfs/shims.h"

#define assert_err(expr, err) assert_int_equal((expr), -(err))
#define assert_ok(expr)	      assert_int_equal((expr), 0)

static int fd;
static char buf[8192];
static struct termios original, t;

static void type(const char *s)
{
	tty_input(s, strlen(s));
}

static void expect(const char *s)
{
	long n = sys_read(fd, U(buf), sizeof buf);
	assert_int_equal(n, strlen(s));
	assert_memory_equal(buf, s, (size_t)n);
}

static void expect_nothing(void)
{
	assert_err(sys_read(fd, U(buf), sizeof buf), EAGAIN);
}

static void expect_screen(const char *s)
{
	assert_int_equal(vfs_test_console_length, strlen(s));
	assert_memory_equal(vfs_test_console, s, strlen(s));
	vfs_test_console_length = 0;
}

static int start(void **state)
{
	vfs_test_setup(state);
	fd = (int)sys_open(U("/dev/tty"), O_RDWR | O_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_ok(sys_ioctl(fd, TCGETS, U(&t)));
	original = t;
	return 0;
}

static int finish(void **state)
{
	assert_ok(sys_ioctl(fd, TCSETSF, U(&original)));
	return vfs_test_teardown(state);
}

static void lines(void **state)
{
	(void)state;
	type("hal");
	expect_nothing();
	type("lo\rnext");
	expect_screen("hallo\r\nnext");
	expect("hallo\n");
	expect_nothing();
	type("\nthird\n");
	assert_int_equal(sys_read(fd, U(buf), 3), 3); /* part of a line, then the rest */
	expect("t\n");
	expect("third\n");
}

static void editing(void **state)
{
	(void)state;
	type("abx\x7f\x63\n");
	expect("abc\n");
	expect_screen("abx\b \bc\r\n");
	type("\x7fone two  \x17three\n");
	expect("one three\n");
	vfs_test_console_length = 0;
	type("ab\x15x\n");
	expect("x\n");
	expect_screen("ab\b \b\b \bx\r\n");
	type("a\tb\x7f\x7f\x7f\x7fz\n");
	expect("z\n");
	t.c_iflag |= IUTF8;
	assert_ok(sys_ioctl(fd, TCSETS, U(&t)));
	vfs_test_console_length = 0;
	type("h\xc3\xa9\x7fi\n");
	expect("hi\n");
	expect_screen("h\xc3\xa9\b \bi\r\n");
	type("\x01\n");
	expect_screen("^A\r\n");
	expect("\x01\n");
	type("\x16\x03\x16\x15\n"); /* taken as they are */
	expect("\x03\x15\n");
	assert_int_equal(vfs_test_signal, 0);
}

static void end_of_file(void **state)
{
	(void)state;
	type("\x04");
	assert_int_equal(sys_read(fd, U(buf), 10), 0);
	expect_nothing();
	type("part\x04");
	expect("part");
	expect_nothing();
	type("a\x04\x04");
	expect("a");
	assert_int_equal(sys_read(fd, U(buf), 10), 0);
	type("xyz\x04");
	assert_int_equal(sys_read(fd, U(buf), 3), 3); /* just as many: no end of file after it */
	expect_nothing();
	int n;
	type("ab\n\x04");
	assert_ok(sys_ioctl(fd, FIONREAD, U(&n)));
	assert_int_equal(n, 3);
	expect("ab\n");
	assert_int_equal(sys_read(fd, U(buf), 10), 0);
}

static void signals(void **state)
{
	(void)state;
	type("text\x03");
	assert_int_equal(vfs_test_signal, SIGINT);
	expect_screen("text^C");
	expect_nothing();
	type("\n");
	expect("\n"); /* the text is gone */
	type("\x1c");
	assert_int_equal(vfs_test_signal, SIGQUIT);
	type("\x13");
	assert_err(sys_write(fd, U("x"), 1), EAGAIN); /* stopped */
	type("\x11");
	assert_int_equal(sys_write(fd, U("x"), 1), 1);
	t.c_lflag &= ~(unsigned)ISIG;
	assert_ok(sys_ioctl(fd, TCSETS, U(&t)));
	vfs_test_signal = 0;
	type("\x03\n");
	assert_int_equal(vfs_test_signal, 0);
	expect("\x03\n");
}

static void long_lines_end(void **state)
{
	(void)state;
	for (int i = 0; i < 6000; i++)
		type("x");
	assert_true(tty_room() > 0); /* its end must get in */
	type("\n");
	assert_int_equal(sys_read(fd, U(buf), sizeof buf), 4096);
	assert_int_equal(buf[4095], '\n');
	for (int i = 0; i < 500; i++)
		if (tty_room() >= 10)
			type("123456789\n");
	assert_int_equal(tty_room(), 0);
	expect("123456789\n");
}

static int resumed;

static void resume(void)
{
	resumed++;
}

static void raw_mode(void **state)
{
	(void)state;
	type("typed ahead");
	t.c_lflag &= ~(unsigned)(ICANON | ECHO | ISIG | IEXTEN);
	t.c_iflag &= ~(unsigned)(ICRNL | IXON);
	t.c_oflag &= ~(unsigned)OPOST;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	assert_ok(sys_ioctl(fd, TCSETS, U(&t)));
	expect("typed ahead");
	vfs_test_console_length = 0;
	type("\r\x03\x04\x7f\x13");
	expect("\r\x03\x04\x7f\x13");
	assert_int_equal(sys_write(fd, U("a\nb"), 3), 3);
	expect_screen("a\nb");
	while (tty_room())
		type("y");
	tty_when_room(resume);
	assert_int_equal(sys_read(fd, U(buf), 100), 100);
	assert_int_equal(resumed, 0);
	assert_int_equal(sys_read(fd, U(buf), 4000), 3996);
	assert_int_equal(resumed, 1);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 0;
	assert_ok(sys_ioctl(fd, TCSETS, U(&t)));
	type("q");
	expect("q");
}

static int time_out(uint64_t deadline)
{
	assert_int_equal(deadline, vfs_test_monotonic + 300000000);
	return -ETIMEDOUT;
}

static void raw_timeout(void **state)
{
	(void)state;
	t.c_lflag &= ~(unsigned)ICANON;
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 3;
	assert_ok(sys_ioctl(fd, TCSETS, U(&t)));
	assert_ok(sys_fcntl(fd, F_SETFL, 0));
	vfs_test_sleep = time_out;
	assert_int_equal(sys_read(fd, U(buf), 1), 0);
	assert_ok(sys_fcntl(fd, F_SETFL, O_NONBLOCK));
}

static int type_later(uint64_t deadline)
{
	(void)deadline;
	type("late\n");
	return 0;
}

static void blocks_and_polls(void **state)
{
	struct {
		int fd;
		short events, revents;
	} p = {fd, POLLIN | POLLOUT, 0};
	(void)state;
	assert_int_equal(sys_poll(U(&p), 1, 0), 1);
	assert_int_equal(p.revents, POLLOUT);
	type("half");
	sys_poll(U(&p), 1, 0);
	assert_int_equal(p.revents, POLLOUT);
	type("\n");
	sys_poll(U(&p), 1, 0);
	assert_int_equal(p.revents, POLLIN | POLLOUT);
	expect("half\n");
	assert_ok(sys_fcntl(fd, F_SETFL, 0));
	vfs_test_sleep = type_later;
	expect("late\n");
	assert_ok(sys_fcntl(fd, F_SETFL, O_NONBLOCK));
}

static void settings(void **state)
{
	uint16_t w[4] = {24, 80, 0, 0};
	int group = 0;
	(void)state;
	assert_ok(sys_ioctl(fd, TIOCSWINSZ, U(w)));
	assert_int_equal(vfs_test_signal, SIGWINCH);
	w[0] = 0;
	assert_ok(sys_ioctl(fd, TIOCGWINSZ, U(w)));
	assert_int_equal(w[0], 24);
	assert_ok(sys_ioctl(fd, TIOCGPGRP, U(&group)));
	assert_int_equal(group, 1);
	assert_err(sys_ioctl(fd, 0x1234, 0), ENOTTY);
	assert_err(sys_ioctl(fd, TCGETS, 8), EFAULT);
	assert_err(sys_lseek(fd, 0, 0), ESPIPE);
	int null = (int)sys_open(U("/dev/null"), O_RDWR, 0);
	assert_err(sys_ioctl(null, TCGETS, U(&t)), ENOTTY);
}

static void pipe_mode(void **state)
{
	(void)state;
	cmdline.console_pipe = true;
	tty_init();
	struct file *f = tty_open(O_RDWR | O_NONBLOCK);
	assert_non_null(f);
	fd = fd_install(f, 0, false);
	assert_true(fd >= 0);
	expect_nothing();
	assert_err(sys_ioctl(fd, TCGETS, U(&t)), ENOTTY);
	tty_input("a\x03\x04\r\n\x10", 6);
	expect("a\x03\x04\r\n");
	tty_input("\x10x", 2);
	expect("\x10x");
	tty_input("\x10z", 2); /* no escape: both bytes */
	expect("\x10z");
	size_t sent = 0;
	for (size_t room; (room = tty_room()) != 0; sent += room) {
		char data[64];
		memset(data, 'd', sizeof data);
		if (room > sizeof data)
			room = sizeof data;
		tty_input(data, room);
	}
	assert_true(sent >= 4000);
	assert_int_equal(sys_read(fd, U(buf), sizeof buf), sent);
	tty_input("last\x10\x04ignored", 13);
	expect("last");
	assert_int_equal(sys_read(fd, U(buf), 10), 0);
	assert_int_equal(sys_read(fd, U(buf), 10), 0);
	vfs_test_console_length = 0;
	assert_int_equal(sys_write(fd, U("out\n"), 4), 4);
	expect_screen("out\n");
	vfs_test_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)
	    TEST(lines),	  TEST(editing),
	    TEST(end_of_file),	  TEST(signals),
	    TEST(long_lines_end), TEST(raw_mode),
	    TEST(raw_timeout),	  TEST(blocks_and_polls),
	    TEST(settings),	  cmocka_unit_test_setup(pipe_mode, vfs_test_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
