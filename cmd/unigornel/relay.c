#include "relay.h"
#include "process.h"
#include "session.h"
#include "terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* docs/image.md, "Console input". */
#define DLE 0x10
#define EOT 0x04

/* After its exit record a machine gets this long to be gone. */
#define LINGER_MS 2000

/* What a machine may take to end after the grace period: the kernel ends it by itself then. */
#define END_MS 5000

/* Output that nobody takes for so long is dropped when the machine is to end. */
#define UNREAD_MS 1000

struct state {
	const struct relay *r;
	char in[4096]; /* from stdin, escaped, waiting for the machine */
	size_t in_start, in_len;
	bool stdin_open;
	struct buffer record;
	int code;
	bool output_failed;
	int64_t deadline; /* --timeout, 0: none */
	bool at_line_start;
	bool input_ready; /* the machine's serial port takes input */
	bool button_ready;
	bool asked;	      /* the machine was asked to end */
	int64_t kill_at;      /* then: the end of its time */
	int64_t unread_since; /* likewise: stdout takes nothing; 0: it does */
	bool unread;
};

static void read_stdin(struct state *s)
{
	char raw[sizeof s->in / 2];
	ssize_t n = s->r->machine->no_stdin ? 0 : read(STDIN_FILENO, raw, sizeof raw);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	s->in_start = s->in_len = 0;
	if (n <= 0) {
		s->stdin_open = false;
		if (!s->r->machine->tty)
			s->in[s->in_len++] = DLE;
		s->in[s->in_len++] = EOT; /* to a terminal: Ctrl-D */
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (!s->r->machine->tty && raw[i] == DLE)
			s->in[s->in_len++] = DLE;
		s->in[s->in_len++] = raw[i];
	}
}

static void write_console(struct state *s)
{
	ssize_t n = write(s->r->console, s->in + s->in_start, s->in_len - s->in_start);
	if (n > 0)
		s->in_start += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		s->in_start = s->in_len = 0; /* the machine is gone */
}

/* "unigornel: exit N" at the start of a line. */
static void find_record(struct state *s)
{
	static const char head[] = "unigornel: exit ";
	const char *p = s->record.data;
	while ((p = strstr(p, head))) {
		const char *digits = p + sizeof head - 1;
		char *end;
		long n = strtol(digits, &end, 10);
		if ((p == s->record.data || p[-1] == '\n') && end != digits && *end == '\n' &&
		    n >= 0 && n <= 255)
			s->code = (int)n;
		p = digits;
	}
}

/* To be asked all the time: sees to it that the machine is told when a signal asks us to stop. True
 * when it must be killed. */
static bool must_stop(struct state *s)
{
	int signals = session_interrupts();
	if (!signals)
		return false;
	if (!s->asked) {
		s->asked = true;
		s->kill_at = now_ms();
		if (s->r->power_button && s->button_ready) {
			s->kill_at += (int64_t)s->r->machine->grace * 1000 + END_MS;
			s->r->power_button(s->r->arg);
		}
	}
	return signals > 1 || now_ms() >= s->kill_at;
}

/* Writes to stdout in pieces that a pipe with room takes at once, so that a reader who has stopped
 * reading keeps neither Ctrl-C nor --timeout from working. False if nobody will ever read it. */
static bool write_out(struct state *s, const char *data, size_t n)
{
	while (n) {
		struct pollfd p = {STDOUT_FILENO, POLLOUT, 0};
		int ready = poll(&p, 1, 200);
		if (must_stop(s) || (s->deadline && now_ms() >= s->deadline))
			return true; /* the main loop ends it */
		if (ready <= 0) {
			if (!s->asked)
				continue;
			if (!s->unread_since)
				s->unread_since = now_ms();
			s->unread = now_ms() - s->unread_since >= UNREAD_MS;
			if (s->unread)
				return true;
			continue;
		}
		s->unread_since = 0;
		ssize_t w = write(STDOUT_FILENO, data, n < PIPE_BUF ? n : PIPE_BUF);
		if (w < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (w > 0) {
			data += w;
			n -= (size_t)w;
		}
	}
	return true;
}

static void show(struct state *s, const char *data, size_t n)
{
	const struct machine *m = s->r->machine;
	if (m->output)
		m->output(m->output_arg, data, n);
	else if (!s->output_failed && !s->unread && !write_out(s, data, n))
		s->output_failed = true;
}

/* Where the exit record comes over the console, its line is not shown: what may become one is held
 * back from the line's start on. */
static void show_without_record(struct state *s, const char *data, size_t n)
{
	static const char head[] = "unigornel: exit ";
	for (size_t i = 0; i < n; i++) {
		bool candidate = s->at_line_start || s->record.len;
		s->at_line_start = data[i] == '\n';
		if (!candidate) {
			/* Up to the line's end in one piece. */
			const char *newline = memchr(data + i, '\n', n - i);
			size_t part = newline ? (size_t)(newline - data) - i + 1 : n - i;
			show(s, data + i, part);
			i += part - 1;
			s->at_line_start = newline != NULL;
			continue;
		}
		buffer_add(&s->record, data + i, 1);
		size_t k = s->record.len < sizeof head - 1 ? s->record.len : sizeof head - 1;
		bool prefix = !memcmp(s->record.data, head, k);
		if (prefix && data[i] == '\n') {
			char *cr = strchr(s->record.data, '\r');
			if (cr)
				memcpy(cr, "\n", 2);
			find_record(s);
			prefix = s->code >= 0;
		} else if (prefix && s->record.len < 32) {
			continue;
		}
		if (!prefix || s->record.len >= 32)
			show(s, s->record.data, s->record.len);
		s->record.len = 0;
	}
}

/* False at the end of the stream. */
static bool read_console(struct state *s)
{
	char chunk[16384];
	ssize_t n = read(s->r->console, chunk, sizeof chunk);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n)
		return false;
	if (s->r->exit_record >= 0)
		show(s, chunk, (size_t)n);
	else
		show_without_record(s, chunk, (size_t)n);
	return true;
}

static bool read_record(struct state *s)
{
	char chunk[256];
	ssize_t n = read(s->r->exit_record, chunk, sizeof chunk);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n)
		return false;
	buffer_add(&s->record, chunk, (size_t)n);
	find_record(s);
	if (strstr(s->record.data, "unigornel: input\n"))
		s->input_ready = true;
	if (strstr(s->record.data, "unigornel: button\n"))
		s->button_ready = true;
	return true;
}

static int stop_machine(const struct relay *r)
{
	int status;
	kill(-r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r->stopped)
		r->stopped(r->arg);
	return status;
}

static void interrupted(const struct relay *r)
{
	stop_machine(r);
	terminal_restore();
	session_check();
}

/* Milliseconds until the nearer deadline, for poll; 0 deadlines do not count. */
static int wait_ms(int64_t a, int64_t b)
{
	int64_t d = !a ? b : !b || a < b ? a : b;
	if (!d)
		return 1000;
	int64_t left = d - now_ms();
	return left < 0 ? 0 : left > 1000 ? 1000 : (int)left;
}

int relay_run(const struct relay *r, int *status)
{
	struct state s = {.r = r,
			  .stdin_open = true,
			  .code = -1,
			  .at_line_start = true,
			  .input_ready = r->exit_record < 0,
			  .button_ready = r->button_ready};
	int64_t deadline = r->machine->timeout_ms ? now_ms() + r->machine->timeout_ms : 0;
	int64_t linger = 0;
	s.deadline = deadline;
	bool console_open = true, record_open = r->exit_record >= 0;
	fcntl(r->console, F_SETFL, O_NONBLOCK);
	if (r->machine->tty)
		terminal_raw();
	while (console_open || record_open) {
		bool pending = s.in_start < s.in_len;
		bool want_input = s.input_ready && s.stdin_open && !pending;
		struct pollfd p[3] = {
		    {console_open ? r->console : -1, (short)(POLLIN | (pending ? POLLOUT : 0)), 0},
		    {record_open ? r->exit_record : -1, POLLIN, 0},
		    {want_input && !r->machine->no_stdin ? STDIN_FILENO : -1, POLLIN, 0}};
		if (want_input && r->machine->no_stdin) {
			read_stdin(&s);
			continue;
		}
		if (poll(p, 3, wait_ms(deadline, linger ? linger : s.kill_at)) < 0 &&
		    errno != EINTR)
			die("poll: %s", strerror(errno));
		if (must_stop(&s))
			interrupted(r);
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			console_open = read_console(&s);
			linger = 0; /* a slow reader of ours does not count */
		}
		if (console_open && p[0].revents & POLLOUT)
			write_console(&s);
		if (p[1].revents)
			record_open = read_record(&s);
		if (p[2].revents)
			read_stdin(&s);
		if (s.output_failed) { /* nobody reads: as a program that gets SIGPIPE */
			*status = stop_machine(r);
			terminal_restore();
			return 128 + SIGPIPE;
		}
		if (s.code >= 0 && !linger)
			linger = now_ms() + LINGER_MS;
		if (linger && now_ms() >= linger)
			break;
		if (deadline && s.code < 0 && now_ms() >= deadline) {
			*status = stop_machine(r);
			terminal_restore();
			return EXIT_TIMEOUT;
		}
	}
	if (console_open || record_open) {
		*status = stop_machine(r);
	} else {
		while (waitpid(r->pid, status, 0) < 0)
			if (must_stop(&s))
				interrupted(r);
	}
	terminal_restore();
	buffer_free(&s.record);
	if (s.asked && s.code == 128 + SIGTERM)
		s.code = 128 + session_interrupted();
	return s.code;
}
