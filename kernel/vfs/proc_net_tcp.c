/* /proc/net/tcp and tcp6: Documentation/networking/proc_net_tcp.rst. */
#include "net/net.h"
#include "net/tcp.h"
#include "vfs/proc_net.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

#define TICK 10000000u /* ns; clock ticks of USER_HZ */

struct table {
	struct textbuf *t;
	bool v6;
	unsigned slot;
};

static void begin_line(struct table *b, const struct ip_addr *local, uint16_t lport,
		       const struct ip_addr *remote, uint16_t rport, unsigned state)
{
	text_printf(b->t, "%4u: ", b->slot++);
	proc_net_addr(b->t, local, b->v6);
	text_printf(b->t, ":%04X ", lport);
	proc_net_addr(b->t, remote, b->v6);
	text_printf(b->t, ":%04X %02X ", rport, state);
}

/* Which timer runs, as the table codes it, and for how long yet, in ticks. */
static unsigned active_timer(const struct tcp_sock *tp, uint64_t *ticks)
{
	static const struct {
		unsigned timer, code;
	} codes[] = {{TCP_T_RTO, 1},	 {TCP_T_TLP, 1},       {TCP_T_REO, 1},
		     {TCP_T_PERSIST, 4}, {TCP_T_KEEPALIVE, 2}, {TCP_T_LINGER, 2}};
	uint64_t now = net_now();

	*ticks = 0;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		uint64_t d = tp->deadline[codes[i].timer];
		if (!d)
			continue;
		*ticks = d > now ? (d - now) / TICK : 0;
		return codes[i].code;
	}
	return 0;
}

static void show_socket(struct table *b, const struct tcp_sock *tp)
{
	const struct inet_sock *s = &tp->inet;
	bool listens = tp->state == TCP_LISTEN;
	uint64_t ticks;
	unsigned timer = active_timer(tp, &ticks);
	uint32_t mss = tp->mss ? tp->mss : 1;

	begin_line(b, &s->local, s->local_port, &s->remote, s->remote_port, tp->state);
	text_printf(b->t, "%08X:%08X %02X:%08lX %08X %5u %8u %lu %d %016lx",
		    listens ? 0 : tp->write_seq - tp->snd_una,
		    listens ? tp->accept_len : tp->rcv_nxt - tp->copied_seq, timer, ticks,
		    tp->retransmits, 0u, tp->probes_out, s->so.ino, tp->orphan ? 1 : 2, 0ul);
	text_printf(b->t, " %lu %lu %u %u %d\n", tp->rto / TICK, TCP_DELACK / TICK,
		    (unsigned)tp->quick << 1 | tp->pingpong, tp->cc.cwnd / mss,
		    listens			    ? (int)tp->backlog
		    : tp->cc.ssthresh >= 0x7fffffff ? -1
						    : (int)(tp->cc.ssthresh / mss));
}

static bool of_table(const struct table *b, const struct ip_addr *local,
		     const struct ip_addr *remote)
{
	return b->v6 == !(ip_is_v4(local) && ip_is_v4(remote));
}

static void show_request(const struct tcp_request *r, void *arg)
{
	struct table *b = arg;
	uint64_t now = net_now();

	if (!of_table(b, &r->local, &r->remote))
		return;
	begin_line(b, &r->local, r->lport, &r->remote, r->rport, TCP_SYN_RECV);
	text_printf(b->t, "%08X:%08X %02X:%08lX %08X %5u %8d %d %d %016lx\n", 0u, 0u, 1u,
		    r->deadline > now ? (r->deadline - now) / TICK : 0, r->level, 0u, 0, 0, 0, 0ul);
}

static void show_timewait(const struct tcp_tw_view *v, void *arg)
{
	struct table *b = arg;
	uint64_t now = net_now();

	if (!of_table(b, &v->local, &v->remote))
		return;
	begin_line(b, &v->local, v->lport, &v->remote, v->rport, TCP_TIME_WAIT);
	text_printf(b->t, "%08X:%08X %02X:%08lX %08X %5d %8d %d %d %016lx\n", 0u, 0u, 3u,
		    v->expires > now ? (v->expires - now) / TICK : 0, 0u, 0, 0, 0, 3, 0ul);
}

static int show_tcp(struct textbuf *t, long arg)
{
	struct table b = {.t = t, .v6 = arg};

	text_printf(t, "%s",
		    b.v6 ? "  sl  local_address                         remote_address             "
			   "           st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
			   "inode\n"
			 : "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
			   "retrnsmt   uid  timeout inode\n");
	net_enter();
	list_for_each_entry (so, &socket_list, struct socket, all_link) {
		if (so->family != (b.v6 ? AF_INET6 : AF_INET) || so->type != SOCK_STREAM)
			continue;
		if (tcp_of(so)->state != TCP_CLOSE)
			show_socket(&b, tcp_of(so));
	}
	tcp_request_each(show_request, &b);
	tcp_timewait_each(show_timewait, &b);
	net_leave();
	return 0;
}

static const struct textfile tcp = {.show = show_tcp};

void proc_net_tcp_init(void)
{
	static const struct proc_net_file files[] = {
	    {"/proc/1/net/tcp", &tcp, 0},
	    {"/proc/1/net/tcp6", &tcp, 1},
	};
	proc_net_add(files, sizeof files / sizeof files[0]);
}
