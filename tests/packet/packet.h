/*
 * Packet tests: the network stack, compiled for the host, on a virtual clock and a virtual cable.
 * A case is a C function that acts as the program (system calls) and as the peer (frames), and says
 * what the stack must answer and when. Nothing here looks into the stack: only frames, results of
 * system calls and time count, so a case states what its RFC demands of anybody's implementation.
 *
 * Every case runs in a process of its own, first over IPv4, then over IPv6 with the interface's
 * offloads on and received frames in two pieces. When it has ended, every descriptor is closed, an
 * hour passes, and every packet and socket must be gone.
 *
 * Segments are written as text:
 *
 *   FLAGS [SEQ[:END]] [ack N] [win N] [urg N] [<options>]
 *
 * FLAGS are of S F R P U E C and . for ACK. SEQ is relative to the sender's initial sequence number
 * (its SYN is 0), END - SEQ the length of the payload, N of ack relative to the other side's. The
 * options are mss N, wscale N, sackOK, sack A:B ..., ts VAL [ECR], nop, eol, hex:BYTES, separated
 * by commas; a segment put in may say sport N, dport N, doff N, badcsum, ttl N, tos N as well.
 * Payload bytes follow from their position, in both directions, and are always compared.
 *
 * For a segment that must come out only what is stated is compared: every flag but PSH, (PSH where
 * "P" is said), SEQ, END, ack, win (also win>N, win<N), urg, and the options named; !name says that
 * an option must be absent.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* One case: CASE(name, "RFC and section", "what it shows") { ... } */
struct packet_case {
	const char *name, *source, *what, *file;
	void (*run)(void);
	unsigned flags;
	struct packet_case *next;
};
#define ONLY_V4	   1u /* for what only one family has */
#define ONLY_V6	   2u
#define NO_ADDRESS 4u /* the interface has none: the case configures it */
void case_register(struct packet_case *c);
#define CASE_FLAGS(id, source_, flags_, what_)                                                     \
	static void run_##id(void);                                                                \
	static struct packet_case case_##id = {#id,	 source_, what_, __FILE__,                 \
					       run_##id, flags_,  NULL};                           \
	__attribute__((constructor)) static void register_##id(void)                               \
	{                                                                                          \
		case_register(&case_##id);                                                         \
	}                                                                                          \
	static void run_##id(void)
#define CASE(id, source_, what_) CASE_FLAGS(id, source_, 0, what_)

void fail(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail(__FILE__, __LINE__, "not true: %s", #cond);                           \
	} while (0)
#define CHECK_EQ(got_, want_)                                                                      \
	do {                                                                                       \
		long long g_ = (long long)(got_), w_ = (long long)(want_);                         \
		if (g_ != w_)                                                                      \
			fail(__FILE__, __LINE__, "%s is %lld, not %lld (%s)", #got_, g_, w_,       \
			     #want_);                                                              \
	} while (0)
#define CHECK_RANGE(got_, lo_, hi_)                                                                \
	do {                                                                                       \
		long long g_ = (long long)(got_);                                                  \
		if (g_ < (long long)(lo_) || g_ > (long long)(hi_))                                \
			fail(__FILE__, __LINE__, "%s is %lld, not in %lld..%lld", #got_, g_,       \
			     (long long)(lo_), (long long)(hi_));                                  \
	} while (0)

/* The family of this run, and whether the interface has offloads. */
extern bool v6, offload;

/* Time. */
double now_ms(void);
void run_ms(double ms);

/* The machine: 192.0.2.1/24 and 2001:db8::1/64, the peer and router ends in 2. */
#define LOCAL4	0xc0000201u
#define PEER4	0xc0000202u
#define REMOTE4 0xc6336407u /* 198.51.100.7, behind the router */
extern const uint8_t local_mac[6], peer_mac[6];
struct address {
	bool v6;
	uint8_t b[16]; /* IPv4 in the first four */
};
struct address local_address(void), peer_address(void);
struct address address4(uint32_t a);
struct address address6(const char *text);

/* Frames. */
struct frame {
	double ms; /* when it was sent */
	size_t len;
	uint8_t data[];
};
void put_frame(const void *data, size_t len);
/* An IP datagram to or from the peer, whichever family: header and Ethernet are added. */
struct ip_fields {
	struct address src, dst;
	uint8_t protocol, ttl, tos;
	uint16_t id, frag; /* IPv4: the field with its flags, host order */
	bool bad_checksum;
	const uint8_t *mac_dst; /* NULL: local_mac */
	const void *options; /* IPv4 options, IPv6 extension headers (next of the first is given) */
	size_t options_len;
	size_t claim; /* total (IPv4) or payload (IPv6) length in the header; 0: the true one */
};
void put_ip(struct ip_fields f, const void *payload, size_t len);
/* The next frame that is not TCP's: ARP, ICMP and so on, as wanted() chose; NULL: none now. */
struct frame *get_frame(void);
/* The kinds that get_frame gives, all else is forgotten. The harness answers ARP and neighbour
 * solicitations for the peer unless the case wants to see them. */
#define WANT_ARP  1u
#define WANT_ND	  2u
#define WANT_ICMP 4u /* also ICMPv6, except ND and MLD */
#define WANT_UDP  8u
#define WANT_MC	  16u /* IGMP, MLD */
#define WANT_RA	  32u /* router solicitations */
#define WANT_IP	  64u /* everything else */
void wanted(unsigned kinds);
/* Runs until there is one, at most ms; fails without. */
struct frame *await_frame(double ms, const char *file, int line);
#define AWAIT(ms) await_frame(ms, __FILE__, __LINE__)
void no_frame(double ms, const char *file, int line);
#define NO_FRAME(ms) no_frame(ms, __FILE__, __LINE__)
/* The IP header in a frame, checked: protocol's header and its length. */
struct ip_view {
	struct address src, dst;
	uint8_t protocol, ttl, tos;
	uint16_t id, frag;
	uint32_t flow;
	const uint8_t *header, *payload;
	size_t len;
};
struct ip_view view_ip(const struct frame *f);
uint16_t inet_sum(const void *p, size_t n, uint32_t start);
/* The transport checksum over pseudo header and payload; 0 when right. */
uint16_t transport_sum(const struct ip_view *v);
uint16_t pseudo_checksum(struct address src, struct address dst, uint8_t protocol, const void *p,
			 size_t n);
static inline unsigned be16_at(const void *p)
{
	const uint8_t *b = p;
	return (unsigned)(b[0] << 8 | b[1]);
}
static inline uint32_t be32_at(const void *p)
{
	return (uint32_t)be16_at(p) << 16 | be16_at((const uint8_t *)p + 2);
}
static inline void set_be16(void *p, unsigned v)
{
	uint8_t *b = p;
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}
static inline void set_be32(void *p, uint32_t v)
{
	set_be16(p, v >> 16);
	set_be16((uint8_t *)p + 2, v & 0xffff);
}

/* TCP connections as the peer sees them. */
struct conn {
	uint16_t lport, rport; /* the machine's and the peer's; lport 0: learnt from its SYN */
	struct address remote; /* the peer's by default */
	uint32_t iss, irs;     /* of the machine, of the peer */
	uint32_t shift;	       /* bytes of the stream before number 1, if a case counts anew */
	bool iss_known;
	uint32_t window; /* field of the last segment put in, and the default of the next */
	bool ts;	 /* timestamps are added to what is put in */
	uint32_t ts_base, ts_recent; /* the peer's clock at 0 ms; the last value it has seen */
	uint32_t last_seq, last_ack; /* of the last segment out, relative */
	uint32_t last_win, last_len;
	uint32_t sent_max, acked; /* the highest byte sent, and acknowledged by the peer, plus 1 */
	uint32_t last_ts_val, last_ts_ecr;
	uint8_t last_flags, last_tos, last_ttl;
	uint8_t wscale; /* that the machine offered */
	uint16_t mss;	/* likewise */
	unsigned char options[40];
	unsigned options_len;
	struct conn *older;
};
extern struct conn *c;		       /* the current one */
struct conn *conn_new(uint16_t lport); /* makes it the current one; peer ports count up */

void seg_in(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A segment comes now, in ms, ... */
#define in(...) seg_in(__FILE__, __LINE__, __VA_ARGS__)
void seg_in_at(const char *file, int line, double ms, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
#define in_after(ms, ...) seg_in_at(__FILE__, __LINE__, ms, __VA_ARGS__)
/* Nothing can be seen of several until in_end: they are one batch of the driver. */
void batch_begin(void), batch_end(void);

void seg_out(const char *file, int line, double lo, double hi, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The connection's next segment has been sent, at this moment; within lo to hi ms from now. */
#define out(...)		seg_out(__FILE__, __LINE__, 0, 0, __VA_ARGS__)
#define out_within(lo, hi, ...) seg_out(__FILE__, __LINE__, lo, hi, __VA_ARGS__)
/* Takes the next segment if it matches. */
bool seg_maybe(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define maybe(...) seg_maybe(__FILE__, __LINE__, __VA_ARGS__)
/* Takes the next segment, whatever it is, at most ms from now; false: there is none. */
bool any_within(double ms);
/* Data from SEQ to END, in whatever segments, has been sent within ms. */
void data_out(const char *file, int line, uint32_t seq, uint32_t end, double ms);
#define out_data(seq, end, ms) data_out(__FILE__, __LINE__, seq, end, ms)
/* No segment of the connection for ms from now. */
void seg_none(const char *file, int line, double ms);
#define quiet(ms) seg_none(__FILE__, __LINE__, ms)
/* Forgets what has been sent; returns the number of segments. */
unsigned discard(void);

/* The program. Results as the kernel gives them: negative errno. */
int sk(int family, int type, int protocol); /* O_NONBLOCK */
int sk_tcp(void), sk_udp(void);
long sk_close(int fd);
long sk_bind(int fd, struct address a, uint16_t port);
long sk_connect(int fd, struct address a, uint16_t port);
long sk_listen(int fd, int backlog);
long sk_accept(int fd);
long sk_send(int fd, size_t n, int flags); /* n bytes of the stream's pattern */
long sk_send_bytes(int fd, const void *p, size_t n, int flags);
long sk_recv(int fd, size_t n, int flags); /* and compares with the pattern */
long sk_recv_bytes(int fd, void *p, size_t n, int flags);
long sk_sendto(int fd, const void *p, size_t n, int flags, struct address a, uint16_t port);
/* Scope identifiers for link-local peers are the interface's. */
long sk_recvfrom(int fd, void *p, size_t n, int flags, struct address *a, uint16_t *port);
long sk_recvmsg(int fd, struct msghdr *m, int flags);
long sk_sendmsg(int fd, const struct msghdr *m, int flags);
long sk_shutdown(int fd, int how);
long sk_set(int fd, int level, int name, int value);
long sk_set_bytes(int fd, int level, int name, const void *p, unsigned n);
int sk_get(int fd, int level, int name); /* fails the case on error */
long sk_get_bytes(int fd, int level, int name, void *p, unsigned *n);
long sk_name(int fd, bool peer, struct address *a, uint16_t *port);
long sk_ioctl(int fd, unsigned cmd, void *p);
unsigned sk_poll(int fd); /* POLL bits now */
void sk_block(int fd);	  /* clears O_NONBLOCK; time runs while it waits */
int sk_error(int fd);	  /* SO_ERROR */
/* Readiness edges as EPOLLET gives them: bits of the edges since the last call. */
int sk_watch(int fd);
unsigned sk_edges(int watch);
/* Bytes the program has sent on fd and received from it. */
size_t sent_bytes(int fd), received_bytes(int fd);

/* Common beginnings. */
#define TS   1u /* the peer offers timestamps */
#define SACK 2u
#define WS   4u /* window scale 7 */
#define ALL  7u
int listen_on(uint16_t port, int backlog);
/* A connection from the peer with MSS 1460 (1440): three packets, accepted. win: the peer's window,
 * unscaled bytes. */
int passive(unsigned options, uint32_t win);
int passive_on(int listener, uint16_t port, unsigned options, uint32_t win);
/* A connection to the peer's port 80; the last ACK is seen. */
int active(unsigned options, uint32_t win);
/* As above with a round trip of ms between SYN and its answer. */
int active_rtt(unsigned options, uint32_t win, double ms);
/* What the machine sends in a full segment to this peer, options deducted. */
uint32_t mss(void);
/* The MSS option that the peer sends. */
unsigned peer_mss(void);
/* ACKs what has come, until n bytes of the stream (relative) are acknowledged; a round trip is ms.
 */
void pump_to(uint32_t seq, double ms);

/* ICMP error of the peer (or router) about a segment that the machine sent: its relative sequence
 * number. Types and codes are IPv4's; IPv6's equivalents are put in for a case over IPv6. */
enum icmp_kind {
	UNREACH_NET,
	UNREACH_HOST,
	UNREACH_PORT,
	UNREACH_PROTO,
	UNREACH_ADMIN,
	TOO_BIG,
	TIME_EXCEEDED,
	PARAM_PROBLEM,
	SOURCE_QUENCH
};
void icmp_in(enum icmp_kind kind, uint32_t seq, uint32_t mtu);

/* Memory in use by packets. */
uint64_t packets_alive(void), packet_bytes(void), sockets_alive(void);
void packet_bytes_limit(uint64_t bytes);

/* Interface and addresses, for cases that change them. */
void machine_add_address(const char *text, unsigned prefix);
int machine_ifindex(void);
void machine_set_mtu(uint32_t mtu);
void machine_link(bool up);
/* Configures the interface, words (one, NULL: none) as on the command line; may wait for DHCP. */
void machine_configure(const char *words);
bool machine_has_address(const char *text);
