#include "dev/tty.h"
#include <asm/errno.h>
#include "cmdline.h"
#include "dev/tty_internal.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "time/clock.h"
#include "vfs/inode.h"
#include "vfs/path.h"

uint8_t tty_ring[TTY_RING_SIZE], tty_ring_marks[TTY_RING_SIZE / 8];

struct tty tty = {
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
		     [VEOF] = TTY_EOT,
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

void tty_put(const char *s, size_t n)
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
		tty_put(buf, n);
		spin_unlock(&tty.lock);
		done += (long)n;
	}
	return done;
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
		unsigned at = (tty.start + n) % TTY_RING_SIZE;
		if (tty_is_mark(at)) {
			*at_eof = true;
			break;
		}
		uint8_t c = tty_ring[at];
		n++;
		if (c == '\n' || is_cc(c, VEOL) || (is_cc(c, VEOL2) && lflag(IEXTEN)))
			break;
	}
	return n;
}

static void consume(unsigned n)
{
	tty.start = (tty.start + n) % TTY_RING_SIZE;
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
		unsigned step = TTY_RING_SIZE - tty.start < n ? TTY_RING_SIZE - tty.start : n;
		size_t got = uio_put(u, tty_ring + tty.start, step);
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
			if (tty.length < TTY_RING_SIZE / 2) {
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
