/* Options of level IPPROTO_TCP (tcp(7)); the IP levels are inet_sockopt's. */
#include <asm/errno.h>
#include <linux/in.h>
#include "net/socket_abi.h"
#include "net/tcp.h"

#define MAX_KEEPIDLE  32767
#define MAX_KEEPINTVL 32767
#define MAX_KEEPCNT   127
#define MAX_SYNCNT    127
#define MAX_WINDOW    32767u
#define FIN_TIMEOUT   60
#define RCV_CLAMP_MIN 2048u /* SOCK_MIN_RCVBUF / 2 of Linux, about */
#define DEFER_LEVELS  7

static bool usable(const struct tcp_sock *tp)
{
	return TCP_IN(tp, ~(TCPF(TCP_CLOSE) | TCPF(TCP_LISTEN) | TCPF(TCP_SYN_SENT)));
}

/* Seconds to the number of SYN-ACKs after which they have passed (1 + 2 + 4 ...). */
static uint8_t seconds_to_levels(int s)
{
	uint8_t level = 0;
	int period = 1, timeout = 1;

	if (s <= 0)
		return 0;
	level = 1;
	while (s > period && level < 255) {
		level++;
		timeout <<= 1;
		if (timeout > 120)
			timeout = 120;
		period += timeout;
	}
	return level;
}

static int levels_to_seconds(uint8_t level)
{
	int period = 0, timeout = 1;

	if (level == 0)
		return 0;
	period = timeout;
	while (--level) {
		timeout <<= 1;
		if (timeout > 120)
			timeout = 120;
		period += timeout;
	}
	return period;
}

static int set_congestion(struct tcp_sock *tp, const char *val, unsigned len)
{
	char name[16];
	const struct tcp_cc_ops *ops;

	if (len < 1)
		return -EINVAL;
	if (len > sizeof name - 1)
		len = sizeof name - 1;
	memcpy(name, val, len);
	name[len] = 0;
	ops = tcp_cc_find(name);
	if (!ops)
		return -ENOENT;
	if (ops != tp->cc.ops) {
		uint32_t cwnd = tp->cc.cwnd, ssthresh = tp->cc.ssthresh;

		tcp_cc_init(&tp->cc, ops, tp->mss);
		tp->cc.cwnd = cwnd;
		tp->cc.ssthresh = ssthresh;
	}
	return 0;
}

static int set_keepalive_time(struct tcp_sock *tp, int v)
{
	if (v < 1 || v > MAX_KEEPIDLE)
		return -EINVAL;
	tp->keepidle = (uint32_t)v;
	if (tp->inet.so.keepalive && usable(tp))
		tcp_keepalive_start(tp);
	return 0;
}

static int set_window_clamp(struct tcp_sock *tp, int v)
{
	if (v == 0) {
		if (tp->state != TCP_CLOSE)
			return -EINVAL;
		tp->window_clamp = 0;
	} else {
		tp->window_clamp = (uint32_t)v < RCV_CLAMP_MIN ? RCV_CLAMP_MIN : (uint32_t)v;
	}
	return 0;
}

static void set_quickack(struct tcp_sock *tp, int v)
{
	if (!v) {
		tp->quick = 0;
		tp->pingpong = true;
		return;
	}
	tp->pingpong = false;
	tp->quick = 16;
	if (usable(tp) && tp->ack_pending != TCP_ACK_NONE) {
		tcp_send_ack(tp);
		if (!(v & 1))
			tp->pingpong = true;
	}
}

static int set_int(struct tcp_sock *tp, int name, int v)
{
	switch (name) {
	case TCP_MAXSEG:
		if (v && (v < (int)TCP_MIN_MSS || v > (int)MAX_WINDOW))
			return -EINVAL;
		tp->user_mss = (uint16_t)v;
		return 0;
	case TCP_NODELAY:
		tp->nodelay = v != 0;
		if (v && tp->send_head && usable(tp) && !tp->cork)
			tcp_output_force(tp);
		return 0;
	case TCP_CORK:
		tp->cork = v != 0;
		if (!v && tp->send_head && usable(tp)) {
			tp->more = false;
			tcp_timer_clear(tp, TCP_T_CORK);
			tcp_output(tp);
		}
		return 0;
	case TCP_KEEPIDLE:
		return set_keepalive_time(tp, v);
	case TCP_KEEPINTVL:
		if (v < 1 || v > MAX_KEEPINTVL)
			return -EINVAL;
		tp->keepintvl = (uint32_t)v;
		return 0;
	case TCP_KEEPCNT:
		if (v < 1 || v > MAX_KEEPCNT)
			return -EINVAL;
		tp->keepcnt = (uint8_t)v;
		return 0;
	case TCP_SYNCNT:
		if (v < 1 || v > MAX_SYNCNT)
			return -EINVAL;
		tp->syncnt = (uint8_t)v;
		return 0;
	case TCP_LINGER2:
		if (v < 0)
			tp->linger2 = -1;
		else if (v > 120)
			tp->linger2 = 0;
		else
			tp->linger2 = v;
		return 0;
	case TCP_DEFER_ACCEPT:
		tp->defer_accept = seconds_to_levels(v);
		return 0;
	case TCP_WINDOW_CLAMP:
		return set_window_clamp(tp, v);
	case TCP_QUICKACK:
		set_quickack(tp, v);
		return 0;
	case TCP_USER_TIMEOUT:
		if (v < 0)
			return -EINVAL;
		tp->user_timeout = (uint32_t)v;
		return 0;
	case TCP_NOTSENT_LOWAT:
		tp->notsent_lowat = (uint32_t)v;
		tcp_write_space(tp);
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
	case TCP_THIN_DUPACK:
		return v < 0 || v > 1 ? -EINVAL : v ? -EOPNOTSUPP : 0;
	case TCP_TIMESTAMP:
	case TCP_REPAIR_QUEUE:
	case TCP_QUEUE_SEQ:
	case TCP_REPAIR_OPTIONS:
		return -EPERM; /* outside of TCP_REPAIR */
	case TCP_REPAIR:
		return -EPERM;
	case TCP_FASTOPEN:
	case TCP_FASTOPEN_CONNECT:
		return v ? -EOPNOTSUPP : 0;
	case TCP_INQ:
		if (v > 1 || v < 0)
			return -EINVAL;
		tp->inq = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int tcp_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len)
{
	struct tcp_sock *tp = tcp_of(so);
	int v, err;

	tcp_clock_update();
	if (level == SOL_SOCKET) {
		/* The layer has stored it; what TCP must do besides. */
		if (name == SO_KEEPALIVE) {
			if (so->keepalive && usable(tp))
				tcp_keepalive_start(tp);
			else
				tcp_timer_clear(tp, TCP_T_KEEPALIVE);
			return 0;
		}
		return -ENOPROTOOPT;
	}
	if (level != IPPROTO_TCP) {
		err = inet_setsockopt(&tp->inet, level, name, val, len);
		tp->tx_valid = false;
		return err;
	}
	if (name == TCP_CONGESTION)
		return set_congestion(tp, val, len);
	if (name == TCP_ULP)
		return len < 1 ? -EINVAL : -ENOENT;
	if (name == TCP_MD5SIG || name == TCP_MD5SIG_EXT || name == TCP_FASTOPEN_KEY)
		return name == TCP_FASTOPEN_KEY ? -EOPNOTSUPP : -ENOPROTOOPT;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	err = set_int(tp, name, v);
	tcp_reap();
	return err;
}

static int put(void *val, unsigned *len, const void *src, unsigned n)
{
	if (*len > n)
		*len = n;
	memcpy(val, src, *len);
	return 0;
}

static int get_int(struct tcp_sock *tp, int name, int *v)
{
	switch (name) {
	case TCP_MAXSEG:
		*v = usable(tp) ? tp->mss : tp->user_mss ? tp->user_mss : 536;
		return 0;
	case TCP_NODELAY:
		*v = tp->nodelay;
		return 0;
	case TCP_CORK:
		*v = tp->cork;
		return 0;
	case TCP_KEEPIDLE:
		*v = tp->keepidle ? (int)tp->keepidle : 7200;
		return 0;
	case TCP_KEEPINTVL:
		*v = tp->keepintvl ? (int)tp->keepintvl : 75;
		return 0;
	case TCP_KEEPCNT:
		*v = tp->keepcnt ? tp->keepcnt : 9;
		return 0;
	case TCP_SYNCNT:
		*v = tp->syncnt ? tp->syncnt : 6;
		return 0;
	case TCP_LINGER2:
		*v = tp->linger2 > 0 ? tp->linger2 : tp->linger2 < 0 ? -1 : FIN_TIMEOUT;
		return 0;
	case TCP_DEFER_ACCEPT:
		*v = levels_to_seconds(tp->defer_accept);
		return 0;
	case TCP_WINDOW_CLAMP:
		*v = (int)(tp->window_clamp ? tp->window_clamp
			   : usable(tp)	    ? 65535u << tp->rcv_wscale
					    : 0);
		return 0;
	case TCP_QUICKACK:
		*v = !tp->pingpong;
		return 0;
	case TCP_USER_TIMEOUT:
		*v = (int)tp->user_timeout;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*v = (int)tp->notsent_lowat;
		return 0;
	case TCP_TIMESTAMP:
		*v = (int)tcp_ts_now(tp);
		return 0;
	case TCP_INQ:
		*v = tp->inq;
		return 0;
	case TCP_THIN_LINEAR_TIMEOUTS:
	case TCP_THIN_DUPACK:
	case TCP_REPAIR:
	case TCP_FASTOPEN:
	case TCP_FASTOPEN_CONNECT:
	case TCP_FASTOPEN_NO_COOKIE:
	case TCP_SAVE_SYN:
	case TCP_TX_DELAY:
		*v = 0;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int tcp_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len)
{
	struct tcp_sock *tp = tcp_of(so);
	int v = 0, err;

	tcp_clock_update();
	if (level == SOL_SOCKET)
		return -ENOPROTOOPT;
	if (level != IPPROTO_TCP)
		return inet_getsockopt(&tp->inet, level, name, val, len);
	if (name == TCP_INFO) {
		struct tcp_info info;

		tcp_fill_info(tp, &info);
		return put(val, len, &info, sizeof info);
	}
	if (name == TCP_CONGESTION) {
		char text[16] = {0};

		strlcpy(text, tp->cc.ops->name, sizeof text);
		return put(val, len, text, sizeof text);
	}
	if (name == TCP_CC_INFO || name == TCP_ULP || name == TCP_SAVED_SYN) {
		*len = 0;
		return 0;
	}
	err = get_int(tp, name, &v);
	return err ? err : put(val, len, &v, sizeof v);
}
