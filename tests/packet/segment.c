/* TCP segments as text: made, compared, shown. The language is explained in packet.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"
#include "peer.h"

static const char flag_names[] = "FSRP.UEC";
struct conn *c;
static struct conn *all_conns; /* kept to the end */
static uint16_t next_port = 40000;

/* Byte number position of a stream: SYN is 0, the first byte 1. */
uint8_t pattern_at(uint32_t position)
{
	return (uint8_t)(position * 7 + (position >> 8) * 13 + (position >> 16) * 31);
}

struct conn *conn_new(uint16_t lport)
{
	c = calloc(1, sizeof *c);
	c->older = all_conns;
	all_conns = c;
	c->lport = lport;
	c->rport = next_port++;
	c->remote = peer_address();
	c->irs = 1000000000u + c->rport * 4096u;
	c->window = 65535;
	c->ts_base = 500000;
	return c;
}

const char *flags_text(uint8_t flags, char *text)
{
	char *p = text;

	for (int i = 0; i < 8; i++)
		if (flags & 1 << i)
			*p++ = flag_names[i];
	if (p == text)
		*p++ = '-';
	*p = '\0';
	return text;
}

struct option {
	uint8_t kind, len;
	const uint8_t *value;
};

/* The next option; false at the end or where the list is broken. */
static bool next_option(const uint8_t *o, unsigned n, unsigned *at, struct option *r)
{
	while (*at < n && o[*at] == 1)
		++*at;
	if (*at >= n || o[*at] == 0)
		return false;
	if (*at + 2 > n || o[*at + 1] < 2 || *at + o[*at + 1] > n)
		return false;
	*r = (struct option){o[*at], o[*at + 1], o + *at + 2};
	*at += r->len;
	return true;
}

static bool find_option(const struct tcp_view *t, uint8_t kind, struct option *r)
{
	unsigned at = 0;

	while (next_option(t->options, t->options_len, &at, r))
		if (r->kind == kind)
			return true;
	return false;
}

void segment_log(bool incoming, const struct tcp_view *t)
{
	char line[400], flags[16];
	struct option o;
	unsigned at = 0;
	/* A connection not known yet shows its numbers as they are. */
	uint32_t own = incoming ? c->irs : c->iss_known ? c->iss : t->flags & 2 ? t->seq : 0;
	uint32_t others = incoming ? (c->iss_known ? c->iss : 0) : c->irs;
	int n = snprintf(line, sizeof line, "%c %u %s %u:%u", incoming ? '<' : '>', t->lport,
			 flags_text(t->flags, flags), t->seq - own, t->seq - own + t->len);

	if (t->flags & 0x10)
		n += snprintf(line + n, sizeof line - (size_t)n, " ack %u", t->ack - others);
	n += snprintf(line + n, sizeof line - (size_t)n, " win %u", t->window);
	while (n < 350 && next_option(t->options, t->options_len, &at, &o)) {
		size_t room = sizeof line - (size_t)n;
		if (o.kind == 2 && o.len == 4)
			n += snprintf(line + n, room, " mss %u", be16_at(o.value));
		else if (o.kind == 3 && o.len == 3)
			n += snprintf(line + n, room, " wscale %u", o.value[0]);
		else if (o.kind == 4)
			n += snprintf(line + n, room, " sackOK");
		else if (o.kind == 5)
			for (int i = 0; i + 10 <= o.len; i += 8)
				n += snprintf(line + n, room > 40 ? 40 : 0, " sack %u:%u",
					      be32_at(o.value + i) - others,
					      be32_at(o.value + i + 4) - others);
		else if (o.kind == 8 && o.len == 10)
			n += snprintf(line + n, room, " ts %u %u", be32_at(o.value),
				      be32_at(o.value + 4));
		else
			n += snprintf(line + n, room, " option %u", o.kind);
	}
	log_line("%s", line);
}

/* Text. */

struct text {
	const char *at, *file;
	int line;
};

static void skip(struct text *x)
{
	while (*x->at == ' ')
		x->at++;
}

static bool word(struct text *x, const char *w)
{
	size_t n = strlen(w);

	skip(x);
	if (strncmp(x->at, w, n) != 0 || isalnum((unsigned char)x->at[n]))
		return false;
	x->at += n;
	skip(x);
	return true;
}

static uint32_t number(struct text *x)
{
	char *end;

	skip(x);
	unsigned long v = strtoul(x->at, &end, 0);
	if (end == x->at)
		fail(x->file, x->line, "a number is missing at \"%s\"", x->at);
	x->at = end;
	return (uint32_t)v;
}

static bool at_number(struct text *x)
{
	skip(x);
	return isdigit((unsigned char)*x->at) ||
	       (*x->at == '-' && isdigit((unsigned char)x->at[1]));
}

static uint8_t parse_flags(struct text *x)
{
	uint8_t flags = 0;

	skip(x);
	for (; *x->at && *x->at != ' '; x->at++) {
		const char *f = strchr(flag_names, *x->at);
		if (*x->at == '-')
			continue;
		if (!f)
			fail(x->file, x->line, "flags at \"%s\"", x->at);
		flags |= (uint8_t)(1u << (f - flag_names));
	}
	return flags;
}

static uint32_t peer_clock(void)
{
	return c->ts_base + (uint32_t)now_ms();
}

static unsigned put_option(struct text *x, uint8_t *o, unsigned n)
{
	if (word(x, "mss")) {
		o[n] = 2, o[n + 1] = 4;
		set_be16(o + n + 2, number(x));
		return 4;
	}
	if (word(x, "wscale")) {
		o[n] = 3, o[n + 1] = 3, o[n + 2] = (uint8_t)number(x);
		return 3;
	}
	if (word(x, "sackOK")) {
		o[n] = 4, o[n + 1] = 2;
		return 2;
	}
	if (word(x, "sack")) {
		unsigned len = 2;
		while (at_number(x)) {
			set_be32(o + n + len, number(x) + c->iss);
			if (*x->at++ != ':')
				fail(x->file, x->line, "A:B");
			set_be32(o + n + len + 4, number(x) + c->iss);
			len += 8;
			skip(x);
		}
		o[n] = 5, o[n + 1] = (uint8_t)len;
		return len;
	}
	if (word(x, "ts")) {
		o[n] = 8, o[n + 1] = 10;
		set_be32(o + n + 2, at_number(x) ? number(x) : peer_clock());
		set_be32(o + n + 6, at_number(x) ? number(x) : c->ts_recent);
		return 10;
	}
	if (word(x, "nop"))
		return o[n] = 1, 1;
	if (word(x, "eol"))
		return o[n] = 0, 1;
	if (strncmp(x->at, "hex:", 4) == 0) {
		unsigned len = 0, v;
		for (x->at += 4; isxdigit((unsigned char)*x->at); x->at += 2, len++) {
			sscanf(x->at, "%2x", &v);
			o[n + len] = (uint8_t)v;
		}
		return len;
	}
	fail(x->file, x->line, "option \"%s\"", x->at);
}

/* Makes and delivers the segment that text says. */
static void put_segment(const char *file, int line, const char *text)
{
	uint8_t b[20 + 60 + 65536] = {0}, options[64];
	struct text x = {text, file, line};
	unsigned no = 0, doff = 99, ttl = 64, tos = 0;
	uint32_t seq = 0, end = 0, ack = 0, urg = 0;
	uint16_t sport = c->rport, dport = c->lport;
	bool no_ts = false, bad = false, have_ts = false;
	uint8_t flags = parse_flags(&x);

	skip(&x);
	if (at_number(&x)) {
		seq = end = number(&x);
		if (*x.at == ':') {
			x.at++;
			end = number(&x);
		}
	}
	for (skip(&x); *x.at; skip(&x)) {
		if (word(&x, "ack"))
			c->acked = number(&x), ack = c->acked + c->iss;
		else if (word(&x, "win"))
			c->window = number(&x);
		else if (word(&x, "urg"))
			urg = number(&x);
		else if (word(&x, "sport"))
			sport = (uint16_t)number(&x);
		else if (word(&x, "dport"))
			dport = (uint16_t)number(&x);
		else if (word(&x, "doff"))
			doff = number(&x);
		else if (word(&x, "ttl"))
			ttl = number(&x);
		else if (word(&x, "tos"))
			tos = number(&x);
		else if (word(&x, "badcsum"))
			bad = true;
		else if (word(&x, "nots"))
			no_ts = true;
		else if (*x.at == '<') {
			x.at++;
			for (skip(&x); *x.at != '>';) {
				have_ts |= strncmp(x.at, "ts", 2) == 0;
				if (no > 40)
					fail(file, line, "too many options");
				no += put_option(&x, options, no);
				skip(&x);
				if (*x.at == ',')
					x.at++;
				else if (*x.at != '>')
					fail(file, line, "options at \"%s\"", x.at);
			}
			x.at++;
		} else
			fail(file, line, "what is \"%s\"", x.at);
	}
	if (c->ts && !have_ts && !no_ts && !(flags & 2)) {
		struct text t = {"ts", file, line};
		options[no++] = 1;
		options[no++] = 1;
		no += put_option(&t, options, no);
	}
	while (no & 3)
		options[no++] = 0;
	size_t len = end - seq;
	set_be16(b, sport);
	set_be16(b + 2, dport);
	set_be32(b + 4, seq + c->irs);
	set_be32(b + 8, flags & 0x10 ? ack : 0);
	b[12] = (uint8_t)((doff < 16 ? doff : 5 + no / 4) << 4);
	b[13] = flags;
	set_be16(b + 14, c->window);
	set_be16(b + 18, urg);
	memcpy(b + 20, options, no);
	if (len > 65000)
		fail(file, line, "payload of %zu", len);
	for (size_t i = 0; i < len; i++)
		b[20 + no + i] = pattern_at(seq + (flags & 2 ? 1 : 0) + (uint32_t)i);
	struct ip_fields f = {.src = c->remote,
			      .dst = local_address(),
			      .protocol = 6,
			      .ttl = (uint8_t)ttl,
			      .tos = (uint8_t)tos};
	set_be16(b + 16, pseudo_checksum(f.src, f.dst, 6, b, 20 + no + len) ^ (bad ? 0x1234 : 0));
	struct tcp_view t = {.lport = sport,
			     .seq = seq + c->irs,
			     .ack = ack,
			     .flags = flags,
			     .window = c->window,
			     .options = b + 20,
			     .options_len = no,
			     .len = (unsigned)len};
	segment_log(true, &t);
	put_ip(f, b, 20 + no + len);
}

void seg_in(const char *file, int line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_segment(file, line, text);
}

struct later {
	struct conn *conn;
	const char *file;
	int line;
	char text[1024];
};

static void arrive(void *arg)
{
	struct later *l = arg;
	struct conn *was = c;

	c = l->conn;
	put_segment(l->file, l->line, l->text);
	c = was;
	free(l);
}

void seg_in_at(const char *file, int line, double ms, const char *fmt, ...)
{
	struct later *l = malloc(sizeof *l);
	va_list ap;

	*l = (struct later){.conn = c, .file = file, .line = line};
	va_start(ap, fmt);
	vsnprintf(l->text, sizeof l->text, fmt, ap);
	va_end(ap);
	event_add(ms, arrive, l);
}

/* Comparing. */

static bool take(struct tcp_view *t, bool peek)
{
	return tcp_take(&c->remote, c->rport, c->lport, peek, t);
}

/* What a segment tells about the machine is remembered. */
static void learn(const struct tcp_view *t)
{
	struct option o;

	if (t->flags & 2) {
		if (!c->lport)
			c->lport = t->lport;
		c->iss = t->seq;
		c->iss_known = true;
		if (find_option(t, 2, &o) && o.len == 4)
			c->mss = (uint16_t)be16_at(o.value);
		if (find_option(t, 3, &o) && o.len == 3)
			c->wscale = o.value[0];
	}
	c->last_seq = t->seq - c->iss;
	c->last_len = t->len;
	c->last_ack = t->ack - c->irs;
	c->last_win = t->window;
	c->last_flags = t->flags;
	c->last_tos = t->ip.tos;
	c->last_ttl = t->ip.ttl;
	c->options_len = t->options_len;
	memcpy(c->options, t->options, t->options_len);
	if (find_option(t, 8, &o) && o.len == 10) {
		c->last_ts_val = be32_at(o.value);
		c->last_ts_ecr = be32_at(o.value + 4);
		c->ts_recent = c->last_ts_val;
	}
	if ((int32_t)(c->last_seq + t->len - c->sent_max) > 0 || t->flags & 2)
		c->sent_max = c->last_seq + t->len;
	for (unsigned i = 0; i < t->len && !(t->flags & 2); i++)
		if (t->payload[i] != pattern_at(t->seq - c->iss + c->shift + i))
			fail(__FILE__, __LINE__, "payload byte %u of %u is not what was sent there",
			     i, t->len);
}

static bool compare_option(struct text *x, const struct tcp_view *t, char *why)
{
	bool absent = false;
	struct option o;

	skip(x);
	if (*x->at == '!') {
		absent = true;
		x->at++;
	}
	static const struct {
		const char *name;
		uint8_t kind;
	} names[] = {{"mss", 2}, {"wscale", 3}, {"sackOK", 4}, {"sack", 5}, {"ts", 8}};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		if (!word(x, names[i].name))
			continue;
		bool found = find_option(t, names[i].kind, &o);
		if (found == absent) {
			sprintf(why, "option %s %s", names[i].name,
				found ? "is there" : "is missing");
			return false;
		}
		switch (names[i].kind) {
		case 2:
			if (at_number(x)) {
				uint32_t want = number(x);
				if (o.len != 4 || be16_at(o.value) != want)
					return sprintf(why, "mss is not %u", want), false;
			}
			break;
		case 3:
			if (at_number(x)) {
				uint32_t want = number(x);
				if (o.len != 3 || o.value[0] != want)
					return sprintf(why, "wscale is not %u", want), false;
			}
			break;
		case 5:
			for (unsigned k = 0; at_number(x); k += 8) {
				uint32_t a = number(x);
				x->at++;
				uint32_t b = number(x);
				if (k + 10u > o.len || be32_at(o.value + k) - c->irs != a ||
				    be32_at(o.value + k + 4) - c->irs != b)
					return sprintf(why, "SACK block %u is not %u:%u", k / 8, a,
						       b),
					       false;
				if (*x->at == '$') { /* and no other */
					x->at++;
					if (o.len != k + 10)
						return sprintf(why, "more SACK blocks"), false;
				}
				skip(x);
			}
			break;
		case 8:
			if (at_number(x)) {
				uint32_t v = number(x);
				if (o.len != 10 || be32_at(o.value) != v)
					return sprintf(why, "TSval is not %u", v), false;
			}
			if (word(x, "ecr")) {
				uint32_t v = number(x);
				if (be32_at(o.value + 4) != v)
					return sprintf(why, "TSecr is %u, not %u",
						       be32_at(o.value + 4), v),
					       false;
			}
			break;
		}
		return true;
	}
	fail(x->file, x->line, "option at \"%s\"", x->at);
}

/* True if t is what text says; else why tells the difference. */
static bool compare(const char *file, int line, const char *text, const struct tcp_view *t,
		    char *why)
{
	struct text x = {text, file, line};
	uint8_t flags = parse_flags(&x), got = t->flags;
	uint32_t iss = c->iss_known && !(flags & 2) ? c->iss : t->flags & 2 ? t->seq : c->iss;

	if (!(flags & 8))
		got &= (uint8_t)~8u;
	if (!(flags & 0xc0))
		got &= 0x3f;
	if (got != flags) {
		char a[16], b[16];
		sprintf(why, "flags %s, not %s", flags_text(got, a), flags_text(flags, b));
		return false;
	}
	/* A SYN sent again has the same number. */
	if (flags & 2 && c->iss_known && t->seq != c->iss && c->lport == t->lport) {
		sprintf(why, "a SYN with another sequence number");
		return false;
	}
	if (at_number(&x)) {
		uint32_t a = number(&x);
		if (t->seq - iss != a)
			return sprintf(why, "sequence number %u, not %u", t->seq - iss, a), false;
		if (*x.at == ':') {
			x.at++;
			uint32_t b = number(&x);
			if (t->len != b - a)
				return sprintf(why, "%u bytes, not %u", t->len, b - a), false;
		} else if (t->len) {
			return sprintf(why, "%u bytes of payload", t->len), false;
		}
	}
	for (skip(&x); *x.at; skip(&x)) {
		if (word(&x, "ack")) {
			uint32_t a = number(&x);
			if (t->ack - c->irs != a)
				return sprintf(why, "ack %u, not %u", t->ack - c->irs, a), false;
		} else if (strncmp(x.at, "win>", 4) == 0) {
			x.at += 4;
			uint32_t w = number(&x);
			if (t->window <= w)
				return sprintf(why, "window %u, not > %u", t->window, w), false;
		} else if (strncmp(x.at, "win<", 4) == 0) {
			x.at += 4;
			uint32_t w = number(&x);
			if (t->window >= w)
				return sprintf(why, "window %u, not < %u", t->window, w), false;
		} else if (word(&x, "win")) {
			uint32_t w = number(&x);
			if (t->window != w)
				return sprintf(why, "window %u, not %u", t->window, w), false;
		} else if (word(&x, "urg")) {
			uint32_t u = number(&x);
			if (t->urg != u)
				return sprintf(why, "urgent pointer %u, not %u", t->urg, u), false;
		} else if (*x.at == '<') {
			x.at++;
			for (skip(&x); *x.at != '>';) {
				if (!compare_option(&x, t, why))
					return false;
				skip(&x);
				if (*x.at == ',')
					x.at++;
				skip(&x);
			}
			x.at++;
		} else
			fail(file, line, "what is \"%s\"", x.at);
	}
	return true;
}

void seg_out(const char *file, int line, double lo, double hi, const char *fmt, ...)
{
	char text[1024], why[128];
	uint64_t start = machine_now(), end = start + (uint64_t)(hi * 1e6);
	struct tcp_view t;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	while (!take(&t, false))
		if (!machine_step(end)) {
			machine_run_until(end);
			fail(file, line, "no segment within %g ms; expected %s", hi, text);
		}
	if (!compare(file, line, text, &t, why))
		fail(file, line, "%s; expected %s", why, text);
	learn(&t);
	if ((double)(machine_now() - start) < lo * 1e6 - 1 && hi > 0)
		fail(file, line, "after %g ms, too early; expected %s in %g to %g ms",
		     (double)(machine_now() - start) / 1e6, text, lo, hi);
}

bool seg_maybe(const char *file, int line, const char *fmt, ...)
{
	char text[1024], why[128];
	struct tcp_view t;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!take(&t, true) || !compare(file, line, text, &t, why))
		return false;
	take(&t, false);
	learn(&t);
	return true;
}

bool any_within(double ms)
{
	uint64_t end = machine_now() + (uint64_t)(ms * 1e6);
	struct tcp_view t;

	while (!take(&t, false))
		if (!machine_step(end)) {
			machine_run_until(end);
			return false;
		}
	learn(&t);
	return true;
}

void data_out(const char *file, int line, uint32_t seq, uint32_t end, double ms)
{
	uint64_t limit = machine_now() + (uint64_t)(ms * 1e6);
	struct tcp_view t;

	while (seq != end) {
		if (!take(&t, false)) {
			if (machine_step(limit))
				continue;
			machine_run_until(limit);
			fail(file, line, "data %u:%u is missing", seq, end);
		}
		if (t.flags & 6 || t.seq - c->iss != seq || (int32_t)(seq + t.len - end) > 0)
			fail(file, line, "a segment %u:%u instead of data from %u to at most %u",
			     t.seq - c->iss, t.seq - c->iss + t.len, seq, end);
		learn(&t);
		seq += t.len;
	}
}

void seg_none(const char *file, int line, double ms)
{
	struct tcp_view t;
	char flags[16];

	machine_run_until(machine_now() + (uint64_t)(ms * 1e6));
	if (take(&t, false))
		fail(file, line, "a segment that should not be: %s %u:%u at %.3f",
		     flags_text(t.flags, flags), t.seq - c->iss, t.seq - c->iss + t.len, t.ms);
}

unsigned discard(void)
{
	struct tcp_view t;
	unsigned n = 0;

	while (take(&t, false)) {
		learn(&t);
		n++;
	}
	return n;
}
