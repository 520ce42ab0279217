/* ioctl_tty(2). */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include "dev/tty_internal.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "signal/signal.h"
#include "vfs/file.h"

static void flush_input(void)
{
	spin_lock(&tty.lock);
	tty.start = tty.length = tty.ready = 0;
	spin_unlock(&tty.lock);
}

static long set_termios(unsigned cmd, uintptr_t arg)
{
	struct termios t;
	if (copy_from_user(&t, arg, sizeof t))
		return -EFAULT;
	if (cmd == TCSETSF)
		flush_input();
	spin_lock(&tty.lock);
	bool was_canonical = lflag(ICANON);
	tty.termios = t;
	if (was_canonical != lflag(ICANON))
		tty.ready = tty.length; /* what was typed is there to read */
	if (!iflag(IXON))
		tty.stopped = false;
	spin_unlock(&tty.lock);
	waitqueue_wake_all(&tty.wait, EPOLLIN | EPOLLRDNORM | EPOLLOUT);
	return 0;
}

static long set_winsize(uintptr_t arg)
{
	struct winsize w;
	if (copy_from_user(&w, arg, sizeof w))
		return -EFAULT;
	bool changed = memcmp(&w, &tty.winsize, sizeof w) != 0;
	tty.winsize = w;
	if (changed) {
		siginfo_t info = {.si_signo = SIGWINCH, .si_code = SI_KERNEL};
		signal_send_process(SIGWINCH, &info);
	}
	return 0;
}

static long flush(uintptr_t which)
{
	if (which != TCIFLUSH && which != TCOFLUSH && which != TCIOFLUSH)
		return -EINVAL;
	if (which != TCOFLUSH)
		flush_input();
	return 0;
}

static uint32_t bytes_readable(void)
{
	spin_lock(&tty.lock);
	uint32_t n = 0;
	if (tty.pipe || !lflag(ICANON))
		n = tty.length;
	else
		for (unsigned i = 0; i < tty.ready; i++)
			n += !tty_is_mark((tty.start + i) % TTY_RING_SIZE);
	spin_unlock(&tty.lock);
	return n;
}

static long flow(uintptr_t action)
{
	if (action > TCION)
		return -EINVAL;
	if (action == TCOOFF || action == TCOON) {
		tty.stopped = action == TCOOFF;
		waitqueue_wake_all(&tty.wait, EPOLLOUT);
	}
	return 0;
}

long tty_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	uint32_t value;
	(void)f;
	if (cmd == FIONREAD)
		return put_user_u32(arg, bytes_readable());
	if (tty.pipe)
		return -ENOTTY;
	switch (cmd) {
	case TCGETS:
		return copy_to_user(arg, &tty.termios, sizeof tty.termios);
	case TCSETS:
	case TCSETSW: /* output is synchronous: it is drained */
	case TCSETSF:
		return set_termios(cmd, arg);
	case TIOCGWINSZ:
		return copy_to_user(arg, &tty.winsize, sizeof tty.winsize);
	case TIOCSWINSZ:
		return set_winsize(arg);
	case TIOCGPGRP:
	case TIOCGSID:
		return put_user_u32(arg, (uint32_t)tty.foreground);
	case TIOCSPGRP:
		if (get_user_u32(&value, arg))
			return -EFAULT;
		if ((int)value < 0)
			return -EINVAL;
		return (int)value == tty.foreground ? 0 : -ESRCH; /* the only group there is */
	case TIOCSCTTY:
	case TCSBRK:
	case TCSBRKP:
		return 0;
	case TCFLSH:
		return flush(arg);
	case TIOCOUTQ:
		return put_user_u32(arg, 0);
	case TCXONC:
		return flow(arg);
	default:
		return -ENOTTY;
	}
}
