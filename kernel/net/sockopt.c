/*
 * Options of SOL_SOCKET: socket(7), Documentation/networking/timestamping.rst. An option whose
 * effect this kernel does not have answers -ENOPROTOOPT, as a kernel built without it.
 */
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/if.h>
#include <linux/in.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include "lib/string.h"
#include "net/inet.h"
#include "net/netif.h"
#include "net/socket_call.h"

#define MIN_SNDBUF 4608u /* SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF of x86-64 */
#define MIN_RCVBUF 2304u
#define BUF_LOCKS  3 /* SOCK_SNDBUF_LOCK 1, SOCK_RCVBUF_LOCK 2 */

/* Receive timestamps by software are what there is. */
#define STAMP_FLAGS                                                                                \
	(SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_HARDWARE | \
	 SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_OPT_CMSG)

static int set_bound(struct socket *so, int ifindex)
{
	so->bound_ifindex = ifindex;
	if (so->family == AF_INET || so->family == AF_INET6)
		inet_of(so)->route.generation = 0;
	return 0;
}

static int bind_to_device(struct socket *so, const char *val, unsigned len)
{
	char name[IFNAMSIZ];
	unsigned n = len < IFNAMSIZ ? len : IFNAMSIZ - 1;

	memcpy(name, val, n);
	name[n] = 0;
	if (!name[0])
		return set_bound(so, 0);
	struct netif *netif = netif_by_name(name);
	return netif ? set_bound(so, netif->index) : -ENODEV;
}

/* Linux keeps twice of what is asked for, since its own overhead counts. */
static void set_sndbuf(struct socket *so, int val, uint32_t max)
{
	uint32_t v = (uint32_t)val > max ? max : (uint32_t)val; /* negative ones become the most */
	so->sndbuf = v * 2 < MIN_SNDBUF ? MIN_SNDBUF : v * 2;
	so->sndbuf_locked = true;
	socket_wake(so, EPOLLOUT | EPOLLWRNORM);
}

static void set_rcvbuf(struct socket *so, int val, uint32_t max)
{
	uint32_t v = (uint32_t)val > max ? max : (uint32_t)val;
	so->rcvbuf = v * 2 < MIN_RCVBUF ? MIN_RCVBUF : v * 2;
	so->rcvbuf_locked = true;
}

static bool wants_stamps(const struct socket *so)
{
	return so->timestamp || so->timestampns || so->timestamping;
}

/* Runs around a change of the options on timestamps, so that arrivals are stamped or not. */
static void count_stamps(bool before, const struct socket *so)
{
	bool after = wants_stamps(so);
	if (after && !before)
		net_timestamps++;
	if (before && !after)
		net_timestamps--;
}

static int set_stamps(struct socket *so, bool on, bool ns)
{
	bool before = wants_stamps(so);
	so->timestamp = on && !ns;
	so->timestampns = on && ns;
	count_stamps(before, so);
	return 0;
}

static int set_timestamping(struct socket *so, int val)
{
	bool before = wants_stamps(so);
	if (val & ~SOF_TIMESTAMPING_MASK)
		return -EINVAL;
	if (val & ~STAMP_FLAGS)
		return -EOPNOTSUPP; /* nothing here stamps what is sent */
	so->timestamping = (uint32_t)val;
	count_stamps(before, so);
	return 0;
}

static int set_timeout(uint64_t *to, const void *val, unsigned len)
{
	int64_t t[2];
	if (len < sizeof t)
		return -EINVAL;
	memcpy(t, val, sizeof t);
	if (t[1] < 0 || t[1] >= 1000000)
		return -EDOM;
	if (t[0] < 0)
		*to = 1; /* time is always up */
	else if (t[0] > INT64_MAX / 1000000000 - 1)
		*to = 0;
	else
		*to = (uint64_t)t[0] * 1000000000u + (uint64_t)t[1] * 1000u;
	return 0;
}

static int set_linger(struct socket *so, const void *val, unsigned len)
{
	struct user_linger l;
	if (len < sizeof l)
		return -EINVAL;
	memcpy(&l, val, sizeof l);
	so->linger = l.onoff != 0;
	if (so->linger)
		so->linger_s = l.linger < 0 ? INT32_MAX : (uint32_t)l.linger;
	return 0;
}

static int set_pacing(struct socket *so, const void *val, unsigned len, int v)
{
	uint64_t rate = (uint32_t)v == ~0u ? UINT64_MAX : (uint32_t)v;
	if (len >= sizeof rate)
		memcpy(&rate, val, sizeof rate);
	so->max_pacing_rate = rate;
	return 0;
}

static bool has_peek_off(const struct socket *so)
{
	return so->family == AF_UNIX || (so->type == SOCK_DGRAM && so->protocol == IPPROTO_UDP);
}

static int set_peek_off(struct socket *so, int v)
{
	if (!has_peek_off(so))
		return -EOPNOTSUPP;
	so->peek_off = v;
	return 0;
}

/* Options with a plain flag. NULL: it is none of them. */
static bool *flag_of(struct socket *so, int name)
{
	switch (name) {
	case SO_DEBUG:
		return &so->debug;
	case SO_REUSEADDR:
		return &so->reuseaddr;
	case SO_REUSEPORT:
		return &so->reuseport;
	case SO_DONTROUTE:
		return &so->dontroute;
	case SO_BROADCAST:
		return &so->broadcast;
	case SO_KEEPALIVE:
		return &so->keepalive;
	case SO_OOBINLINE:
		return &so->oobinline;
	case SO_NO_CHECK:
		return &so->no_check;
	case SO_PASSCRED:
		return &so->passcred;
	case SO_PASSSEC:
		return &so->passsec;
	case SO_RXQ_OVFL:
		return &so->rxq_ovfl;
	case SO_SELECT_ERR_QUEUE:
		return &so->select_err_queue;
	default:
		return NULL;
	}
}

/* Credentials and security labels come from peers on this machine. */
static bool may_carry(const struct socket *so, int name)
{
	return (name != SO_PASSCRED && name != SO_PASSSEC) || so->family == AF_UNIX ||
	       so->family == AF_NETLINK;
}

static int set_option(struct socket *so, int name, const void *val, unsigned len)
{
	int v;

	if (name == SO_BINDTODEVICE)
		return bind_to_device(so, val, len);
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	bool *flag = flag_of(so, name);
	if (flag) {
		if (!may_carry(so, name))
			return -EOPNOTSUPP;
		*flag = v != 0;
		if (name == SO_DONTROUTE)
			set_bound(so, so->bound_ifindex);
		return 0;
	}
	switch (name) {
	case SO_SNDBUF:
		set_sndbuf(so, v, net_wmem_max);
		return 0;
	case SO_RCVBUF:
		set_rcvbuf(so, v, net_rmem_max);
		return 0;
	case SO_SNDBUFFORCE:
		set_sndbuf(so, v < 0 ? 0 : v, INT32_MAX / 2);
		return 0;
	case SO_RCVBUFFORCE:
		set_rcvbuf(so, v < 0 ? 0 : v, INT32_MAX / 2);
		return 0;
	case SO_BUF_LOCK:
		if (v & ~BUF_LOCKS)
			return -EINVAL;
		so->sndbuf_locked = v & 1;
		so->rcvbuf_locked = v & 2;
		return 0;
	case SO_PRIORITY:
		so->priority = (uint32_t)v;
		return 0;
	case SO_MARK:
		so->mark = (uint32_t)v;
		return 0;
	case SO_LINGER:
		return set_linger(so, val, len);
	case SO_BSDCOMPAT:
		return 0; /* means nothing, in Linux too */
	case SO_RCVLOWAT:
		so->rcvlowat = v < 0 ? INT32_MAX : v ? (uint32_t)v : 1;
		return 0;
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&so->rcvtimeo, val, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&so->sndtimeo, val, len);
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
		return set_stamps(so, v != 0, false);
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		return set_stamps(so, v != 0, true);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		return set_timestamping(so, v);
	case SO_BINDTOIFINDEX:
		return v < 0 ? -EINVAL : set_bound(so, v);
	case SO_INCOMING_CPU:
		so->incoming_cpu = (uint32_t)v;
		return 0;
	case SO_MAX_PACING_RATE:
		return set_pacing(so, val, len, v);
	case SO_PEEK_OFF:
		return set_peek_off(so, v);
	case SO_CNX_ADVICE:
		return v == 1 ? set_bound(so, so->bound_ifindex) : 0;
	default:
		return -ENOPROTOOPT;
	}
}

int socket_setsockopt(struct socket *so, int name, const void *val, unsigned len)
{
	int err = set_option(so, name, val, len);
	bool told = so->proto->setsockopt && (!err || err == -ENOPROTOOPT);

	/* The protocol hears of all that went well, and has options of its own. */
	if (told) {
		int own = so->proto->setsockopt(so, SOL_SOCKET, name, val, len);
		if (err)
			err = own == -EOPNOTSUPP ? err : own;
	}
	return err;
}

/* Answers with n bytes, or as many as there is room for. */
static int answer(void *val, unsigned *len, const void *from, unsigned n)
{
	if (n < *len)
		*len = n;
	memcpy(val, from, *len);
	return 0;
}

static int answer_int(void *val, unsigned *len, int v)
{
	return answer(val, len, &v, sizeof v);
}

static int answer_timeout(void *val, unsigned *len, uint64_t ns)
{
	int64_t t[2] = {(int64_t)(ns / 1000000000u), (int64_t)(ns % 1000000000u / 1000u)};
	return answer(val, len, t, sizeof t);
}

static int answer_u64(void *val, unsigned *len, uint64_t v)
{
	if (*len < sizeof v)
		return -EINVAL;
	return answer(val, len, &v, sizeof v);
}

static int get_device(const struct socket *so, void *val, unsigned *len)
{
	struct netif *n = so->bound_ifindex ? netif_by_index(so->bound_ifindex) : NULL;
	if (!so->bound_ifindex) {
		*len = 0;
		return 0;
	}
	if (*len < IFNAMSIZ)
		return -EINVAL;
	if (!n)
		return -ENODEV;
	*len = (unsigned)strnlen(n->name, IFNAMSIZ - 1) + 1;
	memcpy(val, n->name, *len - 1);
	((char *)val)[*len - 1] = 0;
	return 0;
}

static int get_peer_name(struct socket *so, void *val, unsigned *len)
{
	struct __kernel_sockaddr_storage a;
	int n = so->proto->getname ? so->proto->getname(so, &a, true) : -ENOTCONN;
	if (n < 0)
		return -ENOTCONN;
	if ((unsigned)n < *len)
		return -EINVAL;
	memcpy(val, &a, *len);
	return 0;
}

static int get_meminfo(const struct socket *so, void *val, unsigned *len)
{
	uint32_t m[SK_MEMINFO_VARS] = {[SK_MEMINFO_RCVBUF] = so->rcvbuf,
				       [SK_MEMINFO_SNDBUF] = so->sndbuf,
				       [SK_MEMINFO_DROPS] = so->drops};
	return answer(val, len, m, sizeof m);
}

static int get_option(struct socket *so, int name, void *val, unsigned *len)
{
	bool *flag = flag_of(so, name);
	if (flag)
		return may_carry(so, name) ? answer_int(val, len, *flag) : -EOPNOTSUPP;
	switch (name) {
	case SO_TYPE:
		return answer_int(val, len, so->type);
	case SO_DOMAIN:
		return answer_int(val, len, so->family);
	case SO_PROTOCOL:
		return answer_int(val, len, so->protocol);
	case SO_ERROR:
		return answer_int(val, len, -socket_error(so));
	case SO_ACCEPTCONN:
		return answer_int(val, len, so->acceptconn);
	case SO_SNDBUF:
		return answer_int(val, len, (int)so->sndbuf);
	case SO_RCVBUF:
		return answer_int(val, len, (int)so->rcvbuf);
	case SO_BUF_LOCK:
		return answer_int(val, len, so->sndbuf_locked | so->rcvbuf_locked << 1);
	case SO_PRIORITY:
		return answer_int(val, len, (int)so->priority);
	case SO_MARK:
		return answer_int(val, len, (int)so->mark);
	case SO_LINGER:
		return answer(val, len, &(struct user_linger){so->linger, (int)so->linger_s},
			      sizeof(struct user_linger));
	case SO_BSDCOMPAT:
		return answer_int(val, len, 0);
	case SO_RCVLOWAT:
		return answer_int(val, len, (int)so->rcvlowat);
	case SO_SNDLOWAT:
		return answer_int(val, len, 1);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return answer_timeout(val, len, so->rcvtimeo);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return answer_timeout(val, len, so->sndtimeo);
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
		return answer_int(val, len, so->timestamp);
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		return answer_int(val, len, so->timestampns);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		return answer_int(val, len, (int)so->timestamping);
	case SO_BINDTODEVICE:
		return get_device(so, val, len);
	case SO_BINDTOIFINDEX:
		return answer_int(val, len, so->bound_ifindex);
	case SO_INCOMING_CPU:
		return answer_int(val, len, (int)so->incoming_cpu);
	case SO_MAX_PACING_RATE:
		if (*len >= sizeof so->max_pacing_rate)
			return answer_u64(val, len, so->max_pacing_rate);
		return answer_int(val, len,
				  so->max_pacing_rate > UINT32_MAX ? -1 : (int)so->max_pacing_rate);
	case SO_PEEK_OFF:
		return has_peek_off(so) ? answer_int(val, len, so->peek_off) : -EOPNOTSUPP;
	case SO_PEERNAME:
		return get_peer_name(so, val, len);
	case SO_PEERCRED: /* of a socket that has no peer on this machine */
		return answer(val, len, &(struct user_ucred){0, ~0u, ~0u},
			      sizeof(struct user_ucred));
	case SO_COOKIE:
		return answer_u64(val, len, so->cookie);
	case SO_NETNS_COOKIE:
		if (*len != sizeof(uint64_t))
			return -EINVAL;
		return answer_u64(val, len, 1);
	case SO_MEMINFO:
		return get_meminfo(so, val, len);
	case SO_INCOMING_NAPI_ID:
		return answer_int(val, len, 0);
	default:
		return -ENOPROTOOPT;
	}
}

int socket_getsockopt(struct socket *so, int name, void *val, unsigned *len)
{
	/* What the protocol knows better (credentials of a local peer, filters) goes first. */
	if (so->proto->getsockopt) {
		int own = so->proto->getsockopt(so, SOL_SOCKET, name, val, len);
		if (own != -ENOPROTOOPT && own != -EOPNOTSUPP)
			return own;
	}
	return get_option(so, name, val, len);
}
