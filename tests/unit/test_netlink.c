/* unit: tests/unit/net/host.c tests/unit/net/parts.c kernel/net/addr.c kernel/net/checksum.c kernel/net/packet.c kernel/net/packet_gso.c kernel/net/netbuf.c kernel/net/netif.c kernel/net/notify.c kernel/net/loopback.c kernel/net/ethernet.c kernel/net/arp.c kernel/net/nd.c kernel/net/neighbour.c kernel/net/nd_dad.c kernel/net/ifaddr.c kernel/net/route*.c kernel/net/ic*.c kernel/net/ip*.c kernel/net/m[cl]*.c kernel/net/igmp.c kernel/net/frame.c kernel/sched/timer.c kernel/lib/siphash.c kernel/net/netlink*.c kernel/net/netdev.c kernel/net/cmsg.c kernel/vfs/uio.c */
/* AF_NETLINK, NETLINK_ROUTE: requests as bytes, good and bad, and what comes back. */
#include "net/host.h"
#include <string.h>
#include "net/netlink.h"
#include "mm/uaccess.h"
#include "sys/capability.h"

static const struct proto *protos[2];
static unsigned nprotos;
static bool allowed = true;

void socket_register(const struct proto *p)
{
	protos[nprotos++] = p;
}

void socket_free(struct socket *so)
{
	free(so);
}

void socket_set_error(struct socket *so, int error, uint32_t events)
{
	(void)events;
	so->error = error;
}

int socket_error(struct socket *so)
{
	int e = so->error;
	so->error = 0;
	return -e;
}

unsigned waitqueue_wake(struct waitqueue *wq, unsigned max, uint32_t events)
{
	(void)wq;
	(void)max;
	(void)events;
	return 0;
}

/* The program's memory is not touched: every buffer here is the kernel's. */
int put_user_u32(uintptr_t dst, uint32_t value)
{
	(void)dst;
	(void)value;
	abort();
}

int copy_to_user(uintptr_t dst, const void *src, size_t n)
{
	(void)dst;
	(void)src;
	(void)n;
	abort();
}

int copy_from_user(void *dst, uintptr_t src, size_t n)
{
	(void)dst;
	(void)src;
	(void)n;
	abort();
}

int zero_user(uintptr_t dst, size_t n)
{
	(void)dst;
	(void)n;
	abort();
}

bool process_capable(int cap)
{
	(void)cap;
	return allowed;
}

static struct socket *open_socket(void)
{
	struct socket *so = calloc(1, protos[0]->size);

	so->proto = protos[0];
	so->family = AF_NETLINK;
	so->rcvbuf = so->sndbuf = 212992;
	assert_int_equal(protos[0]->create(so, NETLINK_ROUTE), 0);
	return so;
}

static void bind_to(struct socket *so, uint32_t pid, uint32_t groups, int want)
{
	struct __kernel_sockaddr_storage a;
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups};

	memcpy(&a, &nl, sizeof nl);
	assert_int_equal(so->proto->bind(so, &a, sizeof nl), want);
}

static struct socket *nl;
static uint8_t request[4096], reply[65536];
static uint32_t request_len;
static long reply_len;

static void *begin(uint16_t type, uint16_t flags, const void *fixed, size_t n)
{
	struct nlmsghdr *h = (void *)request;

	memset(request, 0, sizeof request);
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST);
	h->nlmsg_seq = 77;
	memcpy(h + 1, fixed, n);
	request_len = (uint32_t)(NLMSG_HDRLEN + n);
	h->nlmsg_len = request_len;
	return h + 1;
}

static void attr(uint16_t type, const void *v, uint16_t n)
{
	request_len = (request_len + 3) & ~3u;
	struct nlattr *a = (void *)(request + request_len);
	a->nla_type = type;
	a->nla_len = (uint16_t)(sizeof *a + n);
	memcpy(a + 1, v, n);
	request_len += a->nla_len;
	((struct nlmsghdr *)(void *)request)->nlmsg_len = request_len;
}

static long send_bytes(const void *p, size_t n)
{
	struct uio u;
	struct socket_msg m = {.uio = &u};

	uio_init_kernel(&u, (void *)(uintptr_t)p, n);
	net_enter();
	long r = nl->proto->sendmsg(nl, &m);
	net_leave();
	return r;
}

static long receive(struct socket *so)
{
	struct uio u;
	struct socket_msg m = {.uio = &u};

	uio_init_kernel(&u, reply, sizeof reply);
	net_enter();
	reply_len = so->proto->recvmsg(so, &m);
	net_leave();
	return reply_len;
}

static const struct nlmsghdr *first(void)
{
	return (const void *)reply;
}

/* Sends the request; the error in its acknowledgement. */
static int acked(void)
{
	int err;

	assert_int_equal(send_bytes(request, request_len), request_len);
	assert_true(receive(nl) >= 36);
	assert_int_equal(first()->nlmsg_type, NLMSG_ERROR);
	assert_int_equal(first()->nlmsg_seq, 77);
	memcpy(&err, first() + 1, sizeof err);
	return err;
}

/* Sends a dump request and counts messages of a type in all of it. */
static unsigned dumped(uint16_t type)
{
	unsigned n = 0;

	assert_int_equal(send_bytes(request, request_len), request_len);
	for (;;) {
		long left = receive(nl);
		const uint8_t *at = reply;
		assert_true(left > 0);
		while (left > 0) {
			const struct nlmsghdr *h = (const void *)at;
			assert_true(h->nlmsg_len >= 16 && h->nlmsg_len <= left);
			assert_int_equal(h->nlmsg_seq, 77);
			assert_true(h->nlmsg_flags & NLM_F_MULTI);
			if (h->nlmsg_type == NLMSG_DONE) {
				assert_int_equal(receive(nl), -11);
				return n;
			}
			assert_int_equal(h->nlmsg_type, type);
			n++;
			at += (h->nlmsg_len + 3) & ~3u;
			left -= (h->nlmsg_len + 3) & ~3u;
		}
	}
}

static unsigned dump(uint16_t type, uint8_t family)
{
	struct rtgenmsg g = {family};

	begin(type, NLM_F_DUMP, &g, sizeof g);
	return dumped((uint16_t)(type - 2));
}

static void test_dumps(void **state)
{
	(void)state;
	assert_int_equal(dump(RTM_GETLINK, AF_UNSPEC), 2);
	assert_int_equal(dump(RTM_GETADDR, AF_INET), 2);
	assert_int_equal(dump(RTM_GETADDR, AF_INET6), 3);
	assert_int_equal(dump(RTM_GETADDR, AF_UNSPEC), 5);
	assert_int_equal(dump(RTM_GETADDR, 255), 5);
	unsigned all = dump(RTM_GETROUTE, AF_UNSPEC);
	assert_int_equal(dump(RTM_GETROUTE, AF_INET) + dump(RTM_GETROUTE, AF_INET6), all);
	dump(RTM_GETNEIGH, AF_UNSPEC);
	assert_int_equal(dump(RTM_GETRULE, AF_UNSPEC), 5);
}

static void test_many_addresses(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct ip_addr a = ip_from_v4(hton32(0x0a420000 + i * 256 + 1));
		net_enter();
		assert_int_equal(
		    ifaddr_add(&host_eth, &a, 24, IFADDR_STATIC, UINT64_MAX, UINT64_MAX), 0);
		net_leave();
	}
	assert_int_equal(dump(RTM_GETADDR, AF_INET), 42); /* more than a datagram */
	for (unsigned i = 0; i < 40; i++) {
		struct ip_addr a = ip_from_v4(hton32(0x0a420000 + i * 256 + 1));
		net_enter();
		assert_int_equal(ifaddr_del(&host_eth, &a, 24), 0);
		net_leave();
	}
}

static void addr_request(uint16_t type, uint16_t flags, const char *text, uint8_t prefix)
{
	struct ip_addr a = host_addr(text);
	bool v4 = ip_is_v4(&a);
	struct ifaddrmsg m = {
	    .ifa_family = v4 ? AF_INET : AF_INET6, .ifa_prefixlen = prefix, .ifa_index = 2};

	begin(type, (uint16_t)(flags | NLM_F_ACK), &m, sizeof m);
	attr(IFA_LOCAL, v4 ? a.b + 12 : a.b, v4 ? 4 : 16);
}

static void test_addresses(void **state)
{
	struct ip_addr a = host_addr("10.7.0.1");
	(void)state;
	addr_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.7.0.1", 16);
	assert_int_equal(acked(), 0);
	assert_int_equal(reply_len, 36); /* the header alone comes back */
	assert_non_null(ifaddr_find(&host_eth, &a));
	addr_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.7.0.1", 16);
	assert_int_equal(acked(), -17);
	assert_int_equal(reply_len, 20 + request_len); /* after an error all of it does */
	addr_request(RTM_DELADDR, 0, "10.7.0.1", 16);
	assert_int_equal(acked(), 0);
	addr_request(RTM_DELADDR, 0, "10.7.0.1", 16);
	assert_int_equal(acked(), -99);
	addr_request(RTM_NEWADDR, NLM_F_CREATE, "10.7.0.1", 33);
	assert_int_equal(acked(), -22);
	struct ifaddrmsg m = {.ifa_family = AF_INET, .ifa_prefixlen = 8, .ifa_index = 99};
	begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, &m, sizeof m);
	attr(IFA_LOCAL, "\x0a\7\0\1", 4);
	assert_int_equal(acked(), -19);
	m.ifa_index = 2;
	begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, &m, sizeof m);
	assert_int_equal(acked(), -22);
	begin(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, &m, sizeof m);
	attr(IFA_LOCAL, "\x0a\7\0\1", 3);
	assert_int_equal(acked(), -22);
	allowed = false;
	addr_request(RTM_NEWADDR, NLM_F_CREATE, "10.7.0.1", 16);
	assert_int_equal(acked(), -1);
	allowed = true;
}

static void route_request(uint16_t type, uint16_t flags, const char *dst, uint8_t bits,
			  const char *gateway)
{
	struct ip_addr d = host_addr(dst), g = host_addr(gateway);
	bool v4 = ip_is_v4(&d);
	struct rtmsg m = {.rtm_family = v4 ? AF_INET : AF_INET6,
			  .rtm_dst_len = bits,
			  .rtm_table = RT_TABLE_MAIN,
			  .rtm_protocol = RTPROT_BOOT,
			  .rtm_type = RTN_UNICAST};

	begin(type, (uint16_t)(flags | NLM_F_ACK), &m, sizeof m);
	attr(RTA_DST, v4 ? d.b + 12 : d.b, v4 ? 4 : 16);
	attr(RTA_GATEWAY, v4 ? g.b + 12 : g.b, v4 ? 4 : 16);
}

static void test_routes(void **state)
{
	uint16_t add = NLM_F_CREATE | NLM_F_EXCL;
	(void)state;
	route_request(RTM_NEWROUTE, add, "10.50.0.0", 16, "10.0.0.7");
	assert_int_equal(acked(), 0);
	route_request(RTM_NEWROUTE, add, "10.50.0.0", 16, "10.0.0.8");
	assert_int_equal(acked(), -17);
	route_request(RTM_NEWROUTE, NLM_F_REPLACE | NLM_F_CREATE, "10.50.0.0", 16, "10.0.0.8");
	assert_int_equal(acked(), 0);
	route_request(RTM_NEWROUTE, 0, "10.51.0.0", 16, "10.0.0.8");
	assert_int_equal(acked(), -2);
	route_request(RTM_NEWROUTE, add, "10.51.0.1", 16, "10.0.0.8"); /* bits beyond the prefix */
	assert_int_equal(acked(), -22);
	route_request(RTM_NEWROUTE, add, "10.51.0.0", 16, "192.0.2.1"); /* by another gateway */
	assert_int_not_equal(acked(), 0);
	route_request(RTM_DELROUTE, 0, "10.50.0.0", 16, "10.0.0.7");
	assert_int_equal(acked(), -3);
	route_request(RTM_DELROUTE, 0, "10.50.0.0", 16, "10.0.0.8");
	assert_int_equal(acked(), 0);
	/* Lookups. */
	struct rtmsg m = {.rtm_family = AF_INET, .rtm_dst_len = 32};
	begin(RTM_GETROUTE, 0, &m, sizeof m);
	attr(RTA_DST, "\x08\x08\x08\x08", 4);
	assert_int_equal(send_bytes(request, request_len), request_len);
	assert_true(receive(nl) > 0);
	assert_int_equal(first()->nlmsg_type, RTM_NEWROUTE);
	assert_int_equal(((const struct rtmsg *)(const void *)(first() + 1))->rtm_type,
			 RTN_UNICAST);
}

static void test_links(void **state)
{
	struct ifinfomsg m = {.ifi_index = 2};
	uint32_t mtu = 1400;
	(void)state;
	begin(RTM_GETLINK, 0, &m, sizeof m);
	assert_int_equal(send_bytes(request, request_len), request_len);
	assert_true(receive(nl) > 0);
	assert_int_equal(first()->nlmsg_type, RTM_NEWLINK);
	m.ifi_index = 0;
	begin(RTM_GETLINK, 0, &m, sizeof m);
	attr(IFLA_IFNAME, "lo", 3);
	assert_int_equal(send_bytes(request, request_len), request_len);
	assert_true(receive(nl) > 0);
	assert_int_equal(first()->nlmsg_type, RTM_NEWLINK);
	begin(RTM_GETLINK, NLM_F_ACK, &m, sizeof m);
	attr(IFLA_IFNAME, "nonesuch", 9);
	assert_int_equal(acked(), -19);
	m.ifi_index = 2;
	begin(RTM_NEWLINK, NLM_F_ACK, &m, sizeof m);
	attr(IFLA_MTU, &mtu, 4);
	assert_int_equal(acked(), 0);
	assert_int_equal(host_eth.mtu, 1400);
	mtu = 10;
	begin(RTM_SETLINK, NLM_F_ACK, &m, sizeof m);
	attr(IFLA_MTU, &mtu, 4);
	assert_int_equal(acked(), -22);
	begin(RTM_NEWLINK, NLM_F_ACK, &m, sizeof m);
	attr(IFLA_MTU, &mtu, 3);
	assert_int_equal(acked(), -22);
	begin(RTM_DELLINK, NLM_F_ACK, &m, sizeof m);
	assert_int_equal(acked(), -95);
}

static void test_events(void **state)
{
	struct socket *listener = open_socket();
	(void)state;
	bind_to(listener, 0, 0x1 | 0x10 | 0x40, 0); /* link, IPv4 addresses, IPv4 routes */
	addr_request(RTM_NEWADDR, NLM_F_CREATE, "10.8.0.1", 16);
	assert_int_equal(acked(), 0);
	unsigned addrs = 0, routes = 0;
	while (receive(listener) > 0) {
		assert_int_equal(first()->nlmsg_pid, 0);
		addrs += first()->nlmsg_type == RTM_NEWADDR;
		routes += first()->nlmsg_type == RTM_NEWROUTE;
	}
	assert_int_equal(addrs, 1);
	assert_true(routes >= 2);
	/* A listener that sleeps learns that it has missed something. */
	listener->rcvbuf = 4096;
	for (int i = 0; i < 50; i++) {
		addr_request(i & 1 ? RTM_NEWADDR : RTM_DELADDR, NLM_F_CREATE, "10.8.0.1", 16);
		assert_int_equal(acked(), 0);
	}
	assert_int_equal(receive(listener), -105);
	assert_true(receive(listener) > 0);
	listener->proto->release(listener);
	addr_request(RTM_DELADDR, 0, "10.8.0.1", 16);
	assert_int_equal(acked(), 0);
}

static void test_ports(void **state)
{
	struct socket *a = open_socket(), *b = open_socket();
	struct __kernel_sockaddr_storage name;
	struct sockaddr_nl n;
	(void)state;
	bind_to(a, 4242, 0, 0);
	bind_to(b, 4242, 0, -98);
	bind_to(b, 0, 0, 0);
	assert_int_equal(b->proto->getname(b, &name, false), sizeof n);
	memcpy(&n, &name, sizeof n);
	assert_int_not_equal(n.nl_pid, 0);
	assert_int_not_equal(n.nl_pid, 4242);
	bind_to(a, 4243, 0, -22);
	a->proto->release(a);
	b->proto->release(b);
	struct socket *c = calloc(1, protos[0]->size);
	c->proto = protos[0];
	assert_int_equal(protos[0]->create(c, 12), -93);
	free(c);
}

static void test_malformed(void **state)
{
	struct nlmsghdr h = {.nlmsg_len = 8, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = 1};
	(void)state;
	/* Lengths that cannot be are passed over without a word. */
	assert_int_equal(send_bytes(&h, sizeof h), sizeof h);
	h.nlmsg_len = 100;
	assert_int_equal(send_bytes(&h, sizeof h), sizeof h);
	assert_int_equal(send_bytes(&h, 5), 5);
	assert_int_equal(receive(nl), -11);
	/* A kind of object that is not there; a request without its fixed part. */
	struct rtgenmsg g = {AF_INET};
	begin(RTM_GETACTION, NLM_F_ACK, &g, sizeof g);
	assert_int_equal(acked(), -95);
	begin(RTM_NEWADDR, NLM_F_ACK, &g, sizeof g);
	assert_int_equal(acked(), -22);
	begin(NLMSG_NOOP, NLM_F_ACK, &g, 0);
	assert_int_equal(acked(), 0);
	/* Not a request. */
	begin(RTM_GETLINK, NLM_F_DUMP, &g, sizeof g);
	((struct nlmsghdr *)(void *)request)->nlmsg_flags &= (uint16_t)~NLM_F_REQUEST;
	send_bytes(request, request_len);
	assert_int_equal(receive(nl), -11);
	/* Answers that nobody reads are bounded. */
	begin(RTM_GETROUTE, NLM_F_DUMP, &g, sizeof g);
	long r = 0;
	for (int i = 0; i < 2000 && r >= 0; i++)
		r = send_bytes(request, request_len);
	while (receive(nl) != -11)
		;
}

void random_bytes(void *p, size_t n);

static void test_random(void **state)
{
	(void)state;
	for (int i = 0; i < 60000; i++) {
		uint8_t body[256], n;
		random_bytes(body, sizeof body);
		random_bytes(&n, 1);
		body[0] = (uint8_t[]){AF_INET, AF_INET6, AF_UNSPEC}[i % 3];
		body[4] = (uint8_t)(i & 3); /* the interface, often */
		body[5] = body[6] = body[7] = 0;
		begin((uint16_t)(RTM_NEWLINK + i % 32), (uint16_t)(body[9] << 8 | NLM_F_ACK), body,
		      n);
		/* No changes of the link itself: it would go down for good. */
		if (((struct nlmsghdr *)(void *)request)->nlmsg_type == RTM_NEWLINK ||
		    ((struct nlmsghdr *)(void *)request)->nlmsg_type == RTM_SETLINK)
			continue;
		if (n > 30)
			put_be16(request + 28, (uint16_t)((8 + n % 16) << 8)); /* a likely length */
		uint8_t *exact = malloc(request_len);
		memcpy(exact, request, request_len);
		send_bytes(exact, request_len);
		free(exact);
		while (receive(nl) != -11)
			;
	}
}

static int setup(void **state)
{
	(void)state;
	netlink_init();
	host_start();
	nl = open_socket();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nl->proto->release(nl);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dumps),     cmocka_unit_test(test_many_addresses),
	    cmocka_unit_test(test_addresses), cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_links),     cmocka_unit_test(test_events),
	    cmocka_unit_test(test_ports),     cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
