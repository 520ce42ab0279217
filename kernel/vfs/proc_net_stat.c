/*
 * Counters: /proc/net/snmp and netstat (RFC 4022, RFC 4113 and Linux's own names; only what is
 * counted is there), sockstat, sockstat6, and unigornel: everything of the stack that is alive, for
 * those who look for leaks.
 */
#include <linux/in.h>
#include "net/af_packet.h"
#include "net/inet_dgram.h"
#include "net/ip_internal.h"
#include "net/neighbour.h"
#include "net/net.h"
#include "net/packet.h"
#include "net/tcp.h"
#include "net/udp.h"
#include "net/unix.h"
#include "vfs/proc_net.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

/* Sockets alive by kind. */
struct census {
	unsigned all, tcp, tcp6, udp, udp6, raw, raw6, ping, unix_sockets, packet, netlink;
	unsigned state[16]; /* of TCP */
	uint64_t tcp_bytes, udp_bytes;
};

static void count_tcp(struct census *c, struct socket *so)
{
	const struct tcp_sock *tp = tcp_of(so);

	*(so->family == AF_INET ? &c->tcp : &c->tcp6) += 1;
	c->state[tp->state & 15]++;
	c->tcp_bytes += (uint64_t)tp->wmem + tp->rmem;
}

static void count_dgram(struct census *c, struct socket *so)
{
	bool v4 = so->family == AF_INET;

	if (so->type == SOCK_RAW) {
		*(v4 ? &c->raw : &c->raw6) += 1;
	} else if (so->protocol != IPPROTO_UDP && so->protocol != IPPROTO_UDPLITE &&
		   so->protocol != 0) {
		c->ping++;
	} else {
		*(v4 ? &c->udp : &c->udp6) += 1;
		c->udp_bytes += dgram_of(so)->rx_bytes;
	}
}

static void count(struct census *c)
{
	memset(c, 0, sizeof *c);
	list_for_each_entry (so, &socket_list, struct socket, all_link) {
		c->all++;
		switch (so->family) {
		case AF_INET:
		case AF_INET6:
			if (so->type == SOCK_STREAM)
				count_tcp(c, so);
			else
				count_dgram(c, so);
			break;
		case AF_UNIX:
			c->unix_sockets++;
			break;
		case AF_PACKET:
			c->packet++;
			break;
		case AF_NETLINK:
			c->netlink++;
			break;
		}
	}
}

#define PAGES(bytes) ((unsigned long)((bytes) + 4095) >> 12)

static int show_sockstat(struct textbuf *t, long v6)
{
	struct census c;

	net_enter();
	count(&c);
	if (v6) {
		text_printf(t,
			    "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\n"
			    "RAW6: inuse %u\nFRAG6: inuse 0 memory 0\n",
			    c.tcp6, c.udp6, c.raw6);
	} else {
		unsigned alive = c.tcp + c.tcp6;
		text_printf(t, "sockets: used %u\n", c.all);
		text_printf(t, "TCP: inuse %u orphan %u tw %lu alloc %u mem %lu\n",
			    alive - c.state[TCP_CLOSE], tcp_orphans, tcp_stats.timewait, alive,
			    PAGES(c.tcp_bytes));
		text_printf(t, "UDP: inuse %u mem %lu\nUDPLITE: inuse 0\nRAW: inuse %u\n",
			    c.udp + c.udp6, PAGES(c.udp_bytes), c.raw);
		text_printf(t, "FRAG: inuse %u memory %lu\n", ip_frag_memory != 0, ip_frag_memory);
	}
	net_leave();
	return 0;
}

struct number {
	const char *name;
	uint64_t value;
};

/* Two lines: names, then numbers. */
static void table(struct textbuf *t, const char *title, const struct number *v, size_t n)
{
	text_printf(t, "%s:", title);
	for (size_t i = 0; i < n; i++)
		text_printf(t, " %s", v[i].name);
	text_printf(t, "\n%s:", title);
	for (size_t i = 0; i < n; i++)
		text_printf(t, " %lu", v[i].value);
	text_printf(t, "\n");
}
#define TABLE(t, title, v) table(t, title, v, sizeof(v) / sizeof((v)[0]))

static int show_snmp(struct textbuf *t, long arg)
{
	struct census c;

	(void)arg;
	net_enter();
	count(&c);
	const struct number ip[] = {{"Forwarding", 2}, {"DefaultTTL", 64}};
	const struct number tcp[] = {
	    {"RtoAlgorithm", 1}, /* "other": RFC 6298 has no number */
	    {"RtoMin", TCP_RTO_MIN / MS},
	    {"RtoMax", TCP_RTO_MAX / MS},
	    {"ActiveOpens", tcp_stats.active_opens},
	    {"PassiveOpens", tcp_stats.passive_opens},
	    {"AttemptFails", tcp_stats.attempt_fails},
	    {"EstabResets", tcp_stats.estab_resets},
	    {"CurrEstab", c.state[TCP_ESTABLISHED] + c.state[TCP_CLOSE_WAIT]},
	    {"InSegs", tcp_stats.in_segs},
	    {"OutSegs", tcp_stats.out_segs},
	    {"RetransSegs", tcp_stats.retrans_segs},
	    {"InErrs", tcp_stats.in_errs},
	    {"OutRsts", tcp_stats.out_rsts},
	    {"InCsumErrors", tcp_stats.csum_errors}};
	const struct udp_stats *u = &udp_stats4;
	const struct number udp[] = {{"InDatagrams", u->in},
				     {"NoPorts", u->no_ports},
				     {"InErrors", u->in_errors},
				     {"OutDatagrams", u->out},
				     {"RcvbufErrors", u->rcvbuf_errors},
				     {"SndbufErrors", u->sndbuf_errors},
				     {"InCsumErrors", u->csum_errors},
				     {"IgnoredMulti", u->ignored_multi}};
	TABLE(t, "Ip", ip);
	TABLE(t, "Tcp", tcp);
	TABLE(t, "Udp", udp);
	net_leave();
	return 0;
}

static int show_snmp6(struct textbuf *t, long arg)
{
	const struct udp_stats *u = &udp_stats6;

	(void)arg;
	net_enter();
	const struct number udp[] = {{"Udp6InDatagrams", u->in},
				     {"Udp6NoPorts", u->no_ports},
				     {"Udp6InErrors", u->in_errors},
				     {"Udp6OutDatagrams", u->out},
				     {"Udp6RcvbufErrors", u->rcvbuf_errors},
				     {"Udp6SndbufErrors", u->sndbuf_errors},
				     {"Udp6InCsumErrors", u->csum_errors},
				     {"Udp6IgnoredMulti", u->ignored_multi}};
	for (size_t i = 0; i < sizeof udp / sizeof udp[0]; i++)
		text_printf(t, "%-32s\t%lu\n", udp[i].name, udp[i].value);
	net_leave();
	return 0;
}

static int show_netstat(struct textbuf *t, long arg)
{
	(void)arg;
	net_enter();
	const struct tcp_stats *s = &tcp_stats;
	const struct number ext[] = {{"SyncookiesSent", s->cookies_sent},
				     {"SyncookiesRecv", s->cookies_recv},
				     {"SyncookiesFailed", s->cookies_failed},
				     {"PruneCalled", s->rcv_pruned},
				     {"TWRecycled", s->timewait_recycled},
				     {"PAWSEstab", s->paws},
				     {"ListenOverflows", s->listen_overflows},
				     {"ListenDrops", s->listen_drops},
				     {"TCPTimeouts", s->timeouts},
				     {"TCPFastRetrans", s->fast_retrans},
				     {"TCPLossProbes", s->tlp_probes},
				     {"TCPDSACKRecv", s->dsack_recv},
				     {"TCPDSACKUndo", s->undo},
				     {"TCPAbortOnMemory", s->mem_aborts},
				     {"TCPOFODrop", s->ooo_dropped},
				     {"TCPChallengeACK", s->challenge_acks}};
	TABLE(t, "TcpExt", ext);
	net_leave();
	return 0;
}

static unsigned list_length(const struct list *l)
{
	unsigned n = 0;

	for (const struct list *i = l->next; i != l; i = i->next)
		n++;
	return n;
}

static void count_request(const struct tcp_request *r, void *arg)
{
	(void)r;
	++*(uint64_t *)arg;
}

static void show_interfaces(struct textbuf *t)
{
	list_for_each_entry (n, &netif_list, struct netif, link) {
		const struct netif_stats *s = &n->stats;
		text_printf(t,
			    "%s: rx_csum_offload %lu rx_gro %lu tx_gso %lu rx_polls %lu "
			    "rx_interrupts %lu addresses %u groups %u\n",
			    n->name, s->rx_csum_offload, s->rx_gro, s->tx_gso, s->rx_polls,
			    s->rx_interrupts, list_length(&n->addrs), list_length(&n->multicast));
	}
}

static int show_unigornel(struct textbuf *t, long arg)
{
	static const char *const states[] = {[TCP_ESTABLISHED] = "tcp_established",
					     [TCP_SYN_SENT] = "tcp_syn_sent",
					     [TCP_SYN_RECV] = "tcp_syn_recv",
					     [TCP_FIN_WAIT1] = "tcp_fin_wait1",
					     [TCP_FIN_WAIT2] = "tcp_fin_wait2",
					     [TCP_TIME_WAIT] = "tcp_time_wait",
					     [TCP_CLOSE] = "tcp_close",
					     [TCP_CLOSE_WAIT] = "tcp_close_wait",
					     [TCP_LAST_ACK] = "tcp_last_ack",
					     [TCP_LISTEN] = "tcp_listen",
					     [TCP_CLOSING] = "tcp_closing"};
	struct census c;
	uint64_t requests = 0;

	(void)arg;
	net_enter();
	count(&c);
	c.state[TCP_TIME_WAIT] = (unsigned)tcp_stats.timewait;
	tcp_request_each(count_request, &requests);
	const struct number numbers[] = {{"packets", packet_stats.packets},
					 {"netbufs", packet_stats.netbufs},
					 {"bytes", packet_stats.bytes},
					 {"bytes_limit", packet_stats.bytes_limit},
					 {"alloc_failures", packet_stats.failures},
					 {"sockets", socket_count},
					 {"sockets_tcp", c.tcp + c.tcp6},
					 {"sockets_udp", c.udp + c.udp6},
					 {"sockets_raw", c.raw + c.raw6},
					 {"sockets_ping", c.ping},
					 {"sockets_unix", c.unix_sockets},
					 {"sockets_packet", c.packet},
					 {"sockets_netlink", c.netlink},
					 {"unix_files_in_flight", unix_files_in_flight},
					 {"tcp_requests", requests},
					 {"tcp_orphans", tcp_orphans},
					 {"tcp_connections", tcp_stats.connections},
					 {"tcp_segments", tcp_stats.segments},
					 {"tcp_bytes", c.tcp_bytes},
					 {"udp_bytes", c.udp_bytes},
					 {"reassembly_bytes", ip_frag_memory},
					 {"neighbours", neighbour_count},
					 {"routes", list_length(&route_list)},
					 {"route_generation", route_generation}};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		text_printf(t, "%s %lu\n", numbers[i].name, numbers[i].value);
	for (size_t i = 1; i < sizeof states / sizeof states[0]; i++)
		text_printf(t, "%s %u\n", states[i], c.state[i]);
	show_interfaces(t);
	net_leave();
	return 0;
}

static const struct textfile sockstat = {.show = show_sockstat}, snmp = {.show = show_snmp},
			     snmp6 = {.show = show_snmp6}, netstat = {.show = show_netstat},
			     unigornel = {.show = show_unigornel};

void proc_net_stat_init(void)
{
	static const struct proc_net_file files[] = {
	    {"/proc/1/net/sockstat", &sockstat, 0}, {"/proc/1/net/sockstat6", &sockstat, 1},
	    {"/proc/1/net/snmp", &snmp, 0},	    {"/proc/1/net/snmp6", &snmp6, 0},
	    {"/proc/1/net/netstat", &netstat, 0},   {"/proc/1/net/unigornel", &unigornel, 0},
	};
	proc_net_add(files, sizeof files / sizeof files[0]);
}
