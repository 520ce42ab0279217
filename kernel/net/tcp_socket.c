/* TCP as the socket layer sees it: the table of functions, new sockets, names, limits. */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/eventpoll.h>
#include <linux/sockios.h>
#include "mm/uaccess.h"
#include "net/init.h"
#include "net/socket_abi.h"
#include "net/tcp.h"

struct inet_table tcp_table;
struct tcp_limits tcp_limits;

#define SIOCOUTQNSD_CMD 0x894b
#define MIB		(1u << 20)

static uint32_t clamp(uint64_t v, uint32_t low, uint32_t high)
{
	return v < low ? low : v > high ? high : (uint32_t)v;
}

/* The sizes of Linux, less on small machines. */
static void set_limits(void)
{
	uint64_t share = packet_stats.bytes_limit ? packet_stats.bytes_limit : 64ull * MIB;

	tcp_limits.rmem_default = 131072;
	tcp_limits.wmem_default = 16384;
	tcp_limits.rmem_max = clamp(share / 8, 131072, 6 * MIB);
	tcp_limits.wmem_max = clamp(share / 8, 131072, 4 * MIB);
	tcp_limits.max_orphans = clamp(share / 65536, 64, 65536);
	tcp_limits.max_timewait = clamp(share / 2048, 1024, 65536);
	tcp_limits.max_requests = clamp(share / 4096, 512, 16384);
}

void tcp_init(void)
{
	tcp_clock_update();
	set_limits();
	if (inet_table_init(&tcp_table, true))
		panic("tcp: no memory for the table of connections");
	tcp_isn_init();
	tcp_cookie_init();
	tcp_delack_init();
	tcp_timewait_init();
	tcp_listen_init();
	socket_register(&tcp_proto4);
	socket_register(&tcp_proto6);
}

void tcp_init_sock(struct tcp_sock *tp)
{
	struct socket *so = tcp_so(tp);

	inet_init_sock(&tp->inet, so->family);
	so->rcvbuf = tcp_limits.rmem_default;
	so->sndbuf = tcp_limits.wmem_default;
	tp->state = TCP_CLOSE;
	list_init(&tp->send_queue);
	list_init(&tp->sent_order);
	list_init(&tp->receive_queue);
	list_init(&tp->islands);
	list_init(&tp->delack_link);
	list_init(&tp->accept_queue);
	list_init(&tp->accept_link);
	list_init(&tp->requests);
	list_init(&tp->reap_link);
	tp->reordering = 3;
	tp->mss = 536;
	tp->gso_max = 65536;
	tp->rcv_mss = 536;
	tp->rcv_ratio = 128;
	tp->rcvq_space = 65535;
	tcp_timer_setup(tp);
	tcp_rtt_init(tp);
	tcp_cc_init(&tp->cc, &tcp_cc_cubic, tp->mss);
	tcp_stats.connections++;
}

static int create(struct socket *so, int protocol)
{
	if (protocol != IPPROTO_IP && protocol != IPPROTO_TCP)
		return -EPROTONOSUPPORT;
	so->protocol = IPPROTO_TCP;
	tcp_init_sock(tcp_of(so));
	return 0;
}

static int tcp_bind(struct socket *so, const struct __kernel_sockaddr_storage *a, unsigned len)
{
	struct tcp_sock *tp = tcp_of(so);
	struct ip_addr addr;
	uint16_t port;
	int ifindex, err;

	err = inet_from_sockaddr(&tp->inet, a, len, &addr, &port, &ifindex);
	/* AF_UNSPEC with the unspecified address is AF_INET (compatibility, as Linux). */
	if (err == -EAFNOSUPPORT && !tp->inet.v6 && a->ss_family == AF_UNSPEC) {
		struct __kernel_sockaddr_storage copy = *a;

		copy.ss_family = AF_INET;
		err = inet_from_sockaddr(&tp->inet, &copy, len, &addr, &port, &ifindex);
		if (!err && !ip_is_any(&addr))
			err = -EAFNOSUPPORT;
	}
	if (err)
		return err;
	if (tp->state != TCP_CLOSE || tp->inet.local_port)
		return -EINVAL;
	if (ip_is_multicast(&addr) && tp->inet.v6)
		return -EINVAL;
	err = inet_set_scope(&tp->inet, &addr, ifindex);
	if (err)
		return err;
	return inet_bind(&tcp_table, &tp->inet, &addr, port);
}

static int getname(struct socket *so, struct __kernel_sockaddr_storage *a, bool peer)
{
	struct tcp_sock *tp = tcp_of(so);

	if (peer && (!tp->inet.remote_port || TCP_IN(tp, TCPF(TCP_CLOSE) | TCPF(TCP_SYN_SENT))))
		return -ENOTCONN;
	return inet_getname(so, a, peer);
}

/* As tcp_poll of Linux, bit by bit. */
uint32_t tcp_poll(struct socket *so)
{
	struct tcp_sock *tp = tcp_of(so);
	uint32_t mask = 0, target = so->rcvlowat ? so->rcvlowat : 1;

	if (tp->state == TCP_LISTEN)
		return list_empty(&tp->accept_queue) ? 0 : EPOLLIN | EPOLLRDNORM;
	if (so->shutdown == (RCV_SHUTDOWN | SEND_SHUTDOWN) || tp->state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (so->shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (!TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV))) {
		if (tp->urg_data && tp->urg_seq == tp->copied_seq && !so->oobinline)
			target++;
		if (tp->rcv_queued >= target)
			mask |= EPOLLIN | EPOLLRDNORM;
		if (so->shutdown & SEND_SHUTDOWN || tcp_writable(tp))
			mask |= EPOLLOUT | EPOLLWRNORM;
		else
			tp->nospace = true;
		if (tp->urg_data & TCP_URG_VALID)
			mask |= EPOLLPRI;
	}
	if (so->error || !list_empty(&tp->inet.errors))
		mask |= EPOLLERR;
	return mask;
}

int tcp_ioctl(struct socket *so, unsigned cmd, uintptr_t arg)
{
	struct tcp_sock *tp = tcp_of(so);
	bool young = TCP_IN(tp, TCPF(TCP_SYN_SENT) | TCPF(TCP_SYN_RECV));
	int n;

	switch (cmd) {
	case FIONREAD: /* SIOCINQ */
		if (tp->state == TCP_LISTEN)
			return -EINVAL;
		n = young ? 0 : (int)tcp_readable(tp);
		break;
	case SIOCATMARK:
		n = tp->urg_data && tp->urg_seq == tp->copied_seq;
		break;
	case TIOCOUTQ: /* SIOCOUTQ */
		if (tp->state == TCP_LISTEN)
			return -EINVAL;
		n = young ? 0 : (int)(tp->write_seq - tp->snd_una);
		break;
	case SIOCOUTQNSD_CMD:
		if (tp->state == TCP_LISTEN)
			return -EINVAL;
		n = young ? 0 : (int)(tp->write_seq - tp->snd_nxt);
		break;
	default:
		return netdev_ioctl(cmd, arg);
	}
	return copy_to_user(arg, &n, sizeof n);
}

/* SO_LINGER waits until FIN is acknowledged or the connection has failed. */
static bool unsent(struct socket *so)
{
	return TCP_IN(tcp_of(so), TCPF(TCP_FIN_WAIT1) | TCPF(TCP_CLOSING) | TCPF(TCP_LAST_ACK));
}

#define TCP_PROTO(FAMILY, NAME)                                                                    \
	{                                                                                          \
		.name = NAME, .family = FAMILY, .type = SOCK_STREAM, .protocol = IPPROTO_TCP,      \
		.size = sizeof(struct tcp_sock), .create = create, .release = tcp_release,         \
		.bind = tcp_bind, .connect = tcp_connect, .listen = tcp_listen,                    \
		.accept = tcp_accept, .shutdown = tcp_shutdown, .getname = getname,                \
		.sendmsg = tcp_sendmsg, .recvmsg = tcp_recvmsg, .poll = tcp_poll,                  \
		.setsockopt = tcp_setsockopt, .getsockopt = tcp_getsockopt, .ioctl = tcp_ioctl,    \
		.unsent = unsent,                                                                  \
	}

const struct proto tcp_proto4 = TCP_PROTO(AF_INET, "TCP");
const struct proto tcp_proto6 = TCP_PROTO(AF_INET6, "TCPv6");
