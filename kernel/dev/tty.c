#include "dev/tty.h"
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include "cmdline.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "time/clock.h"
#include "signal/signal.h"
#include "vfs/inode.h"
#include "vfs/path.h"

#define RING_SIZE 4096u /* N_TTY_BUF_SIZE of Linux */
#define DLE	  0x10
#define EOT	  0x04

/* Rings: what was typed, and a bit for each byte that is no data but an end of file (VEOF). */
static uint8_t ring[RING_SIZE], ring_marks[RING_SIZE / 8];

static struct {
	spinlock_t lock;
	struct waitqueue wait;
	struct termios termios;
	struct winsize winsize;
	int foreground; /* process group; there is only one */
	/* Of the rings. */
	unsigned start, length;
	unsigned ready;	 /* of length: complete lines (canonical mode); all in raw mode */
	unsigned column; /* of the cursor, for erasing tabs */
	bool stopped;	 /* Ctrl-S */
	/* console=pipe */
	bool pipe, escaped, ended;
	void (*resume)(void);
} tty = {
    .wait = WAITQUEUE_INIT(tty.wait),
    .termios =
	{
	    .c_iflag = ICRNL | IXON,
	    .c_oflag = OPOST | ONLCR,
	    .c_cflag = B115200 | CS8 | CREAD | HUPCL,
	    .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	    .c_cc = {[VINTR] = 3,
		     [VQUIT] = 28,
		     [VERASE] = 127,
		     [VKILL] = 21,
		     [VEOF] = EOT,
		     [VMIN] = 1,
		     [VSTART] = 17,
		     [VSTOP] = 19,
		     [VSUSP] = 26,
		     [VREPRINT] = 18,
		     [VDISCARD] = 15,
		     [VWERASE] = 23,
		     [VLNEXT] = 22},
	},
    .foreground = 1,
};

static bool iflag(tcflag_t f)
{
	return tty.termios.c_iflag & f;
}

static bool lflag(tcflag_t f)
{
	return tty.termios.c_lflag & f;
}

static bool is_cc(uint8_t c, unsigned which)
{
	return c && tty.termios.c_cc[which] == c;
}

/* Output. */

/* What one byte becomes, OPOST. Returns its length. */
static size_t post_process(uint8_t c, char out[8])
{
	tcflag_t o = tty.termios.c_oflag;
	out[0] = (char)c;
	if (!(o & OPOST))
		return 1;
	if (c == '\n' && (o & ONLCR)) {
		tty.column = 0;
		out[0] = '\r';
		out[1] = '\n';
		return 2;
	}
	if (c == '\r') {
		if ((o & ONOCR) && !tty.column)
			return 0;
		if (o & OCRNL)
			out[0] = '\n';
		tty.column = 0;
		return 1;
	}
	if (c == '\n' && (o & ONLRET))
		tty.column = 0;
	if (c == '\t') {
		unsigned n = 8 - tty.column % 8;
		tty.column += n;
		if ((o & TABDLY) != XTABS)
			return 1;
		memset(out, ' ', n);
		return n;
	}
	if (c == '\b' && tty.column)
		tty.column--;
	else if (c >= ' ' && (c & 0xc0) != 0x80)
		tty.column++;
	if ((o & OLCUC) && c >= 'a' && c <= 'z')
		out[0] = (char)(c - 32);
	return 1;
}

static void put_text(const char *s, size_t n)
{
	char out[256];
	size_t used = 0;
	if (tty.pipe || !(tty.termios.c_oflag & OPOST)) {
		console_write(s, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (used + 8 > sizeof out) {
			console_write(out, used);
			used = 0;
		}
		used += post_process((uint8_t)s[i], out + used);
	}
	console_write(out, used);
}

static long tty_write(struct file *f, struct uio *u, uint64_t *pos)
{
	char buf[512];
	long done = 0;
	(void)pos;
	while (u->left) {
		while (tty.stopped) { /* Ctrl-S */
			if (file_nonblock(f))
				return done ? done : -EAGAIN;
			int err = wait_event(&tty.wait, !tty.stopped, WAIT_FOREVER);
			if (err)
				return done ? done : err;
		}
		size_t n = uio_get(u, buf, u->left < sizeof buf ? u->left : sizeof buf);
		if (!n)
			return done ? done : -EFAULT;
		spin_lock(&tty.lock);
		put_text(buf, n);
		spin_unlock(&tty.lock);
		done += (long)n;
	}
	return done;
}

/* Input. */

static void echo(uint8_t c)
{
	if (!lflag(ECHO) && !(c == '\n' && lflag(ECHONL) && lflag(ICANON)))
		return;
	char text[2] = {'^', (char)(c ^ 0x40)};
	if (lflag(ECHOCTL) && (c < ' ' || c == 127) && c != '\n' && c != '\t' &&
	    !is_cc(c, VSTART) && !is_cc(c, VSTOP))
		put_text(text, 2);
	else
		put_text((char *)&c, 1);
}

static bool ring_eof(unsigned at)
{
	return ring_marks[at / 8] >> (at % 8) & 1;
}

static bool ring_put(uint8_t c, bool eof)
{
	if (tty.length == RING_SIZE)
		return false;
	unsigned at = (tty.start + tty.length++) % RING_SIZE;
	ring[at] = c;
	if (eof)
		ring_marks[at / 8] |= (uint8_t)(1u << (at % 8));
	else
		ring_marks[at / 8] &= (uint8_t) ~(1u << (at % 8));
	return true;
}

static uint8_t last_byte(void)
{
	return ring[(tty.start + tty.length - 1) % RING_SIZE];
}

/* Columns that the line being edited takes on the screen up to its byte end. */
static unsigned width_upto(unsigned end)
{
	unsigned width = 0;
	for (unsigned i = tty.ready; i < end; i++) {
		uint8_t c = ring[(tty.start + i) % RING_SIZE];
		if (c == '\t')
			width += 8 - width % 8;
		else if (c < ' ' || c == 127)
			width += lflag(ECHOCTL) ? 2 : 0;
		else if ((c & 0xc0) != 0x80)
			width++;
	}
	return width;
}

/* Erases the last character of the line being edited; a UTF-8 sequence as one. */
static void erase_one(bool show)
{
	unsigned before = width_upto(tty.length);
	while (tty.length > tty.ready + 1 && iflag(IUTF8) && (last_byte() & 0xc0) == 0x80)
		tty.length--;
	tty.length--;
	unsigned columns = before - width_upto(tty.length);
	while (show && columns--)
		put_text("\b \b", 3);
}

static bool is_word(uint8_t c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* VERASE, VKILL, VWERASE. */
static void erase(uint8_t c)
{
	bool show = lflag(ECHO) && lflag(ECHOE);
	if (is_cc(c, VERASE)) {
		if (tty.length > tty.ready)
			erase_one(show);
	} else if (is_cc(c, VKILL)) {
		while (tty.length > tty.ready)
			erase_one(show && lflag(ECHOKE));
		if (lflag(ECHO) && !(lflag(ECHOKE) && lflag(ECHOE))) {
			echo(c);
			if (lflag(ECHOK))
				put_text("\n", 1);
		}
	} else {
		while (tty.length > tty.ready && !is_word(last_byte()))
			erase_one(show);
		while (tty.length > tty.ready && is_word(last_byte()))
			erase_one(show);
	}
}

static int signal_of(uint8_t c)
{
	if (!lflag(ISIG))
		return 0;
	return is_cc(c, VINTR) ? SIGINT : is_cc(c, VQUIT) ? SIGQUIT : is_cc(c, VSUSP) ? SIGTSTP : 0;
}

/* One byte in canonical mode, after signals and flow control. */
static void canonical(uint8_t c)
{
	if (is_cc(c, VERASE) || is_cc(c, VKILL) || (is_cc(c, VWERASE) && lflag(IEXTEN))) {
		erase(c);
		return;
	}
	if (is_cc(c, VREPRINT) && lflag(IEXTEN) && lflag(ECHO)) {
		echo(c);
		put_text("\n", 1);
		for (unsigned i = tty.ready; i < tty.length; i++)
			echo(ring[(tty.start + i) % RING_SIZE]);
		return;
	}
	if (is_cc(c, VEOF)) {
		if (ring_put(c, true))
			tty.ready = tty.length;
		return;
	}
	bool ends = c == '\n' || is_cc(c, VEOL) || (is_cc(c, VEOL2) && lflag(IEXTEN));
	/* The last place is kept for the newline, so that a line can always end. */
	if (tty.length >= RING_SIZE - (ends ? 0 : 1) || !ring_put(c, false)) {
		if (iflag(IMAXBEL))
			put_text("\a", 1);
		return;
	}
	echo(c);
	if (ends)
		tty.ready = tty.length;
}

/* One byte typed; returns the signal it stands for. The lock is held. */
static int input_byte(uint8_t c)
{
	if (iflag(ISTRIP))
		c &= 0x7f;
	if (iflag(IXON)) {
		if (is_cc(c, VSTOP)) {
			tty.stopped = true;
			return 0;
		}
		if (is_cc(c, VSTART) || (tty.stopped && iflag(IXANY))) {
			tty.stopped = false;
			if (is_cc(c, VSTART))
				return 0;
		}
	}
	int sig = signal_of(c);
	if (sig) {
		if (!lflag(NOFLSH))
			tty.start = tty.length = tty.ready = 0;
		tty.stopped = false;
		echo(c);
		return sig;
	}
	if (c == '\r') {
		if (iflag(IGNCR))
			return 0;
		if (iflag(ICRNL))
			c = '\n';
	} else if (c == '\n' && iflag(INLCR)) {
		c = '\r';
	}
	if (lflag(ICANON)) {
		canonical(c);
	} else if (ring_put(c, false)) {
		tty.ready = tty.length;
		echo(c);
	}
	return 0;
}

/* One byte of console=pipe. */
static void pipe_byte(uint8_t c)
{
	if (tty.ended)
		return;
	if (!tty.escaped && c == DLE) {
		tty.escaped = true;
		return;
	}
	if (tty.escaped && c == EOT)
		tty.ended = true;
	else if (tty.escaped && c != DLE)
		ring_put(DLE, false);
	if (!tty.ended)
		ring_put(c, false);
	tty.escaped = false;
	tty.ready = tty.length;
}

void tty_input(const char *s, size_t n)
{
	spin_lock(&tty.lock);
	for (size_t i = 0; i < n; i++) {
		if (tty.pipe) {
			pipe_byte((uint8_t)s[i]);
			continue;
		}
		int sig = input_byte((uint8_t)s[i]);
		if (sig) {
			spin_unlock(&tty.lock);
			siginfo_t info = {.si_signo = sig, .si_code = SI_KERNEL};
			signal_send_process(sig, &info);
			spin_lock(&tty.lock);
		}
	}
	spin_unlock(&tty.lock);
	waitqueue_wake_all(&tty.wait, EPOLLIN | EPOLLRDNORM | EPOLLOUT);
}

size_t tty_room(void)
{
	spin_lock(&tty.lock);
	size_t room = RING_SIZE - tty.length;
	if (tty.pipe)
		room = room > 1 ? room - 1 : 0; /* an escape may give two bytes */
	else if (lflag(ICANON) && tty.ready)
		room = room < 256 ? 0 : room; /* lines wait: the rest may too */
	else if (lflag(ICANON) && !room)
		room = 1; /* an overlong line: its end, or a Ctrl-C, must get in */
	spin_unlock(&tty.lock);
	return room;
}

void tty_when_room(void (*resume)(void))
{
	spin_lock(&tty.lock);
	tty.resume = resume;
	spin_unlock(&tty.lock);
}

/* Bytes that a read would get now, in canonical mode to the end of the line; *at_eof: the line is
 * an end of file. */
static unsigned readable(bool *at_eof)
{
	*at_eof = false;
	if (tty.pipe || !lflag(ICANON))
		return tty.length;
	unsigned n = 0;
	while (n < tty.ready) {
		unsigned at = (tty.start + n) % RING_SIZE;
		if (ring_eof(at)) {
			*at_eof = true;
			break;
		}
		uint8_t c = ring[at];
		n++;
		if (c == '\n' || is_cc(c, VEOL) || (is_cc(c, VEOL2) && lflag(IEXTEN)))
			break;
	}
	return n;
}

static void consume(unsigned n)
{
	tty.start = (tty.start + n) % RING_SIZE;
	tty.length -= n;
	tty.ready = tty.ready > n ? tty.ready - n : 0;
}

/* Copies what is there. Bytes or -EFAULT. The lock is held. */
static long take(struct uio *u)
{
	bool at_eof;
	unsigned n = readable(&at_eof);
	bool whole = n <= u->left;
	long done = 0;
	if (n > u->left)
		n = (unsigned)u->left;
	while (n) {
		unsigned step = RING_SIZE - tty.start < n ? RING_SIZE - tty.start : n;
		size_t got = uio_put(u, ring + tty.start, step);
		consume((unsigned)got);
		done += (long)got;
		n -= (unsigned)got;
		if (got < step)
			return done ? done : -EFAULT;
	}
	/* Ctrl-D after text only ends the read; the mark goes with the text. */
	if (at_eof && whole)
		consume(1);
	return done;
}

static bool can_read(void)
{
	if (tty.pipe)
		return tty.length || tty.ended;
	if (lflag(ICANON))
		return tty.ready != 0;
	unsigned min = tty.termios.c_cc[VTIME] ? 1 : tty.termios.c_cc[VMIN];
	return tty.length >= (min ? min : 1);
}

/* How long a read in raw mode waits: VTIME in tenths of a second (termios(3), MIN and TIME). */
static uint64_t read_deadline(void)
{
	const cc_t *cc = tty.termios.c_cc;
	if (tty.pipe || lflag(ICANON) || cc[VMIN])
		return WAIT_FOREVER;
	return clock_monotonic() + cc[VTIME] * 100000000ull;
}

static long tty_read(struct file *f, struct uio *u, uint64_t *pos)
{
	(void)pos;
	uint64_t deadline = read_deadline();
	for (;;) {
		void (*resume)(void) = NULL;
		spin_lock(&tty.lock);
		long n = -EAGAIN;
		if (can_read()) {
			n = take(u);
			if (tty.length < RING_SIZE / 2) {
				resume = tty.resume;
				tty.resume = NULL;
			}
		}
		spin_unlock(&tty.lock);
		if (resume)
			resume();
		if (n != -EAGAIN || file_nonblock(f))
			return n;
		int err = wait_event(&tty.wait, can_read(), deadline);
		if (err == -ETIMEDOUT)
			return 0;
		if (err)
			return err;
	}
}

static uint32_t tty_poll(struct file *f, struct waitqueue **wq)
{
	(void)f;
	*wq = &tty.wait;
	spin_lock(&tty.lock);
	uint32_t events = tty.stopped ? 0 : EPOLLOUT | EPOLLWRNORM;
	if (can_read())
		events |= EPOLLIN | EPOLLRDNORM;
	if (tty.ended)
		events |= EPOLLHUP;
	spin_unlock(&tty.lock);
	return events;
}

/* ioctl_tty(2). */

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
			n += !ring_eof((tty.start + i) % RING_SIZE);
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

static long tty_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
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

const struct file_ops tty_ops = {
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .ioctl = tty_ioctl,
};

void tty_init(void)
{
	tty.pipe = cmdline.console_pipe;
}

struct file *tty_open(int flags)
{
	if (tty.pipe) {
		struct file *f =
		    file_new_anon(&tty_ops, (unsigned)flags, "[console]", S_IFIFO, NULL);
		if (f)
			f->inode->ops = &tty_ops; /* /dev/stdin and the like open it again */
		return f;
	}
	struct dentry *d = path_lookup_kernel("/dev/console");
	if (!d)
		return NULL;
	struct file *f = file_new(&tty_ops, (unsigned)flags, d->inode, d, NULL);
	dentry_put(d);
	return f;
}
