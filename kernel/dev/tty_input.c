/* What is typed: echo, editing, signals, end of file; and the escapes of console=pipe. */
#include <asm/signal.h>
#include "dev/tty.h"
#include "dev/tty_internal.h"
#include "signal/signal.h"
#include "vfs/file.h"

#define DLE 0x10

static void echo(uint8_t c)
{
	if (!lflag(ECHO) && !(c == '\n' && lflag(ECHONL) && lflag(ICANON)))
		return;
	char text[2] = {'^', (char)(c ^ 0x40)};
	if (lflag(ECHOCTL) && (c < ' ' || c == 127) && c != '\n' && c != '\t' &&
	    !is_cc(c, VSTART) && !is_cc(c, VSTOP))
		tty_put(text, 2);
	else
		tty_put((char *)&c, 1);
}

static bool ring_put(uint8_t c, bool eof)
{
	if (tty.length == TTY_RING_SIZE)
		return false;
	unsigned at = (tty.start + tty.length++) % TTY_RING_SIZE;
	tty_ring[at] = c;
	if (eof)
		tty_ring_marks[at / 8] |= (uint8_t)(1u << (at % 8));
	else
		tty_ring_marks[at / 8] &= (uint8_t) ~(1u << (at % 8));
	return true;
}

static uint8_t last_byte(void)
{
	return tty_ring[(tty.start + tty.length - 1) % TTY_RING_SIZE];
}

/* Columns that the line being edited takes on the screen up to its byte end. */
static unsigned width_upto(unsigned end)
{
	unsigned width = 0;
	for (unsigned i = tty.ready; i < end; i++) {
		uint8_t c = tty_ring[(tty.start + i) % TTY_RING_SIZE];
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
		tty_put("\b \b", 3);
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
				tty_put("\n", 1);
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
	if (tty.literal) {
		tty.literal = false;
		if (tty.length < TTY_RING_SIZE - 1 && ring_put(c, false))
			echo(c);
		return;
	}
	if (is_cc(c, VERASE) || is_cc(c, VKILL) || (is_cc(c, VWERASE) && lflag(IEXTEN))) {
		erase(c);
		return;
	}
	if (is_cc(c, VREPRINT) && lflag(IEXTEN) && lflag(ECHO)) {
		echo(c);
		tty_put("\n", 1);
		for (unsigned i = tty.ready; i < tty.length; i++)
			echo(tty_ring[(tty.start + i) % TTY_RING_SIZE]);
		return;
	}
	if (is_cc(c, VEOF)) {
		if (ring_put(c, true))
			tty.ready = tty.length;
		return;
	}
	if (is_cc(c, VLNEXT) && lflag(IEXTEN)) {
		tty.literal = true;
		if (lflag(ECHO) && lflag(ECHOCTL))
			tty_put("^\b", 2);
		return;
	}
	bool ends = c == '\n' || is_cc(c, VEOL) || (is_cc(c, VEOL2) && lflag(IEXTEN));
	/* The last place is kept for the newline, so that a line can always end. */
	if (tty.length >= TTY_RING_SIZE - (ends ? 0 : 1) || !ring_put(c, false)) {
		if (iflag(IMAXBEL))
			tty_put("\a", 1);
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
	if (tty.literal && lflag(ICANON)) {
		canonical(c);
		return 0;
	}
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
	if (tty.escaped && c == TTY_EOT)
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
	size_t room = TTY_RING_SIZE - tty.length;
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
