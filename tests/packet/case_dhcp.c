/* DHCPv4 (RFC 2131, 2132) and stateless autoconfiguration (RFC 4861, 4862, 8106). */
#include <asm/errno.h>
#include <string.h>
#include "packet.h"

/* A message of the client. */
struct dhcp {
	double ms;
	struct ip_view ip;
	const uint8_t *m;
	uint32_t xid, ciaddr, requested, server;
	unsigned type;
	bool broadcast;
};

static const uint8_t *option(const uint8_t *m, size_t n, uint8_t code)
{
	for (size_t at = 240; at + 1 < n && m[at] != 255;) {
		if (!m[at]) {
			at++;
			continue;
		}
		if (m[at] == code)
			return m + at + 1;
		at += 2u + m[at + 1];
	}
	return NULL;
}

static struct dhcp next_dhcp(double ms)
{
	double end = now_ms() + ms;
	struct dhcp d = {0};

	for (;;) {
		double left = end - now_ms();
		struct frame *f = left > 0 ? AWAIT(left) : get_frame();
		CHECK(f);
		if (be16_at(f->data + 12) != 0x0800)
			continue;
		d.ip = view_ip(f);
		if (d.ip.protocol != 17 || be16_at(d.ip.payload + 2) != 67)
			continue;
		d.ms = f->ms;
		d.m = d.ip.payload + 8;
		CHECK(d.ip.len >= 8 + 241);
		CHECK_EQ(be16_at(d.ip.payload), 68);
		CHECK_EQ(d.m[0], 1);
		CHECK_EQ(d.m[1], 1);
		CHECK_EQ(d.m[2], 6);
		CHECK(memcmp(d.m + 28, local_mac, 6) == 0);
		CHECK_EQ(be32_at(d.m + 236), 0x63825363);
		const uint8_t *o = option(d.m, d.ip.len - 8, 53);
		CHECK(o && o[0] == 1);
		d.type = o[1];
		d.xid = be32_at(d.m + 4);
		d.ciaddr = be32_at(d.m + 12);
		d.broadcast = be32_at(d.ip.dst.b) == 0xffffffff;
		if ((o = option(d.m, d.ip.len - 8, 50)))
			d.requested = be32_at(o + 1);
		if ((o = option(d.m, d.ip.len - 8, 54)))
			d.server = be32_at(o + 1);
		return d;
	}
}

#define LEASE 0xc0000263u /* 192.0.2.99 */

static void put_dhcp(unsigned type, uint32_t xid, uint32_t lease_s, const uint8_t *mac,
		     const void *more, size_t more_len)
{
	uint8_t b[8 + 600] = {0}, *m = b + 8, *o = m + 240;
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};

	set_be16(b, 67);
	set_be16(b + 2, 68);
	m[0] = 2, m[1] = 1, m[2] = 6;
	set_be32(m + 4, xid);
	if (type != 6)
		set_be32(m + 16, LEASE);
	memcpy(m + 28, mac, 6);
	set_be32(m + 236, 0x63825363);
	*o++ = 53, *o++ = 1, *o++ = (uint8_t)type;
	*o++ = 54, *o++ = 4;
	set_be32(o, PEER4), o += 4;
	if (type != 6) {
		*o++ = 51, *o++ = 4;
		set_be32(o, lease_s), o += 4;
		*o++ = 1, *o++ = 4;
		set_be32(o, 0xffffff00), o += 4;
		*o++ = 3, *o++ = 4;
		set_be32(o, PEER4), o += 4;
		if (more_len)
			memcpy(o, more, more_len);
		o += more_len;
	}
	*o++ = 255;
	size_t n = (size_t)(o - b);
	set_be16(b + 4, (unsigned)n);
	struct ip_fields f = {
	    .src = address4(PEER4), .dst = address4(0xffffffff), .protocol = 17, .mac_dst = all};
	set_be16(b + 6, pseudo_checksum(f.src, f.dst, 17, b, n));
	put_ip(f, b, n);
}

static uint32_t begin(void)
{
	wanted(WANT_UDP);
	machine_configure("ip=eth0:dhcp");
	struct dhcp d = next_dhcp(0.001);
	CHECK_EQ(d.type, 1);
	return d.xid;
}

/* A lease of so many seconds. */
static struct dhcp lease(uint32_t seconds)
{
	uint32_t xid = begin();
	struct dhcp d;

	put_dhcp(2, xid, seconds, local_mac, NULL, 0);
	while ((d = next_dhcp(30e3)).type != 3)
		if (d.type == 1 && d.xid != xid)
			put_dhcp(2, xid = d.xid, seconds, local_mac, NULL, 0);
	put_dhcp(5, d.xid, seconds, local_mac, NULL, 0);
	run_ms(5000); /* the address may be probed first */
	CHECK(machine_has_address("192.0.2.99"));
	while (get_frame())
		;
	return d;
}

CASE_FLAGS(dhcp_discover, "RFC 2131 4.1, 4.4.1", ONLY_V4 | NO_ADDRESS,
	   "DISCOVER goes to everyone, from nobody, after 1, 2, 4, 8 s, each a second more or less")
{
	double last = 0;

	wanted(WANT_UDP);
	machine_configure("ip=eth0:dhcp");
	for (int i = 0; i < 5; i++) {
		struct dhcp d = next_dhcp(70e3);
		CHECK_EQ(d.type, 1);
		CHECK(d.broadcast);
		CHECK_EQ(be32_at(d.ip.src.b), 0);
		CHECK_EQ(d.ciaddr, 0);
		CHECK(option(d.m, d.ip.len - 8, 55)); /* what it wants to know */
		if (i) {
			double wait = 500 << i, jitter = i == 1 ? 500 : 1000;
			CHECK_RANGE(d.ms - last, wait - jitter, wait + jitter);
		}
		last = d.ms;
	}
}

CASE_FLAGS(dhcp_lease, "RFC 2131 3.1", ONLY_V4 | NO_ADDRESS,
	   "OFFER, REQUEST, ACK: the address, the router, the name server")
{
	struct dhcp d = lease(3600);

	CHECK_EQ(d.requested, LEASE);
	CHECK_EQ(d.server, PEER4);
	CHECK(d.broadcast);
	CHECK_EQ(d.ciaddr, 0);
	int fd = sk(AF_INET, SOCK_DGRAM, 0);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address4(REMOTE4), 9), 1);
	struct frame *f = AWAIT(1000);
	CHECK_EQ(be32_at(view_ip(f).src.b), LEASE);
	CHECK(memcmp(f->data, peer_mac, 6) == 0);
}

CASE_FLAGS(dhcp_strangers, "RFC 2131 4.4.1", ONLY_V4 | NO_ADDRESS,
	   "offers with another number or for another machine are ignored")
{
	uint32_t xid = begin();
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 0x55};

	while (get_frame())
		;
	put_dhcp(2, xid ^ 1, 3600, local_mac, NULL, 0);
	put_dhcp(2, xid, 3600, other, NULL, 0);
	put_dhcp(5, xid, 3600, local_mac, NULL, 0); /* an ACK out of turn */
	run_ms(1000);
	for (struct frame *f; (f = get_frame());)
		CHECK(be16_at(f->data + 12) != 0x0800 || view_ip(f).payload[8 + 242] == 1);
	CHECK(!machine_has_address("192.0.2.99"));
}

CASE_FLAGS(dhcp_nak, "RFC 2131 3.1.5, 4.4.4", ONLY_V4 | NO_ADDRESS, "a NAK starts all over")
{
	uint32_t xid = begin();
	struct dhcp d;

	put_dhcp(2, xid, 3600, local_mac, NULL, 0);
	while ((d = next_dhcp(30e3)).type != 3)
		if (d.xid != xid)
			put_dhcp(2, xid = d.xid, 3600, local_mac, NULL, 0);
	put_dhcp(6, d.xid, 0, local_mac, NULL, 0);
	d = next_dhcp(30e3);
	CHECK_EQ(d.type, 1);
	CHECK(!machine_has_address("192.0.2.99"));
}

CASE_FLAGS(dhcp_renew, "RFC 2131 4.4.5", ONLY_V4 | NO_ADDRESS,
	   "at half the lease its server is asked to renew it")
{
	double start = now_ms();

	lease(1000);
	struct dhcp d = next_dhcp(600e3);
	CHECK_RANGE(d.ms - start, 490e3, 530e3);
	CHECK_EQ(d.type, 3);
	CHECK(!d.broadcast);
	CHECK_EQ(be32_at(d.ip.dst.b), PEER4);
	CHECK_EQ(d.ciaddr, LEASE);
	CHECK_EQ(d.requested, 0);
	CHECK_EQ(d.server, 0);
	put_dhcp(5, d.xid, 1000, local_mac, NULL, 0);
	double renewed = now_ms();
	d = next_dhcp(600e3);
	CHECK_RANGE(d.ms - renewed, 480e3, 520e3);
}

CASE_FLAGS(dhcp_rebind, "RFC 2131 4.4.5", ONLY_V4 | NO_ADDRESS,
	   "at seven eighths anyone is asked, in the end the address is given up")
{
	double start = now_ms(), rebind = 0;

	lease(1000);
	while (machine_has_address("192.0.2.99")) {
		run_ms(1000);
		for (struct frame *f; (f = get_frame());) {
			if (be16_at(f->data + 12) != 0x0800 || view_ip(f).protocol != 17)
				continue;
			if (be32_at(view_ip(f).dst.b) == 0xffffffff && !rebind)
				rebind = f->ms - start;
		}
		CHECK(now_ms() - start < 1100e3);
	}
	CHECK_RANGE(rebind, 850e3, 920e3);
	CHECK_RANGE(now_ms() - start, 990e3, 1030e3);
	CHECK_EQ(next_dhcp(70e3).type, 1);
}

CASE_FLAGS(dhcp_broken, "RFC 2131 4.1; RFC 2132 2", ONLY_V4 | NO_ADDRESS,
	   "options that are cut off or too long do no harm")
{
	uint32_t xid = begin();
	static const uint8_t bad[][6] = {{6, 3, 1, 2, 3, 0},	  {26, 1, 5, 0, 0, 0},
					 {121, 4, 33, 1, 2, 3},	  {119, 3, 0xc0, 0, 5, 0},
					 {15, 250, 'x', 0, 0, 0}, {51, 1, 3, 0, 0, 0},
					 {3, 0, 6, 0, 0, 0}};

	for (unsigned i = 0; i < 7; i++) {
		put_dhcp(2, xid, 3600, local_mac, bad[i], 6);
		put_dhcp(5, xid, 3600, local_mac, bad[i], 6);
	}
	run_ms(10e3);
	CHECK(true);
}

/* Router advertisements. */
static void put_ra(uint8_t hops, const uint8_t *options, size_t n, unsigned lifetime)
{
	uint8_t m[16 + 200] = {134, 0, 0, 0, 64, 0};
	struct ip_fields f = {
	    .src = address6("fe80::2"), .dst = address6("ff02::1"), .protocol = 58, .ttl = hops};
	static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};

	set_be16(m + 6, lifetime);
	memcpy(m + 16, options, n);
	set_be16(m + 2, pseudo_checksum(f.src, f.dst, 58, m, 16 + n));
	f.mac_dst = all;
	put_ip(f, m, 16 + n);
}

static void prefix(uint8_t *o, uint32_t valid, uint32_t preferred)
{
	memset(o, 0, 40);
	o[0] = 3, o[1] = 4, o[2] = 64, o[3] = 0xc0;
	set_be32(o + 4, valid);
	set_be32(o + 8, preferred);
	memcpy(o + 16, address6("2001:db8:1::").b, 16);
	o[32] = 1, o[33] = 1; /* source link address */
	memcpy(o + 34, peer_mac, 6);
}

CASE_FLAGS(slaac_solicit, "RFC 4861 6.3.7; RFC 7559 2", ONLY_V6 | NO_ADDRESS,
	   "routers are asked, ever slower")
{
	unsigned n = 0;

	wanted(WANT_RA);
	machine_configure("ip=eth0:auto");
	run_ms(60e3);
	for (struct frame *f; (f = get_frame()); n++) {
		struct ip_view v = view_ip(f);
		CHECK_EQ(v.ttl, 255);
		CHECK(memcmp(v.dst.b, address6("ff02::2").b, 16) == 0);
	}
	CHECK_RANGE(n, 1, 8);
}

CASE_FLAGS(slaac_address, "RFC 4862 5.5.3", ONLY_V6 | NO_ADDRESS,
	   "a prefix makes an address, a lifetime of the router a route")
{
	uint8_t o[40];

	machine_configure("ip=eth0:auto");
	run_ms(5000);
	prefix(o, 86400, 3600);
	put_ra(255, o, 40, 1800);
	run_ms(3000);
	/* Whether of the link address (RFC 4291) or opaque (RFC 7217): it is used as a source. */
	int fd = sk_udp();
	wanted(WANT_UDP);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address6("2001:db8:ffff::1"), 9), 1);
	struct frame *f = AWAIT(1000);
	CHECK(memcmp(f->data, peer_mac, 6) == 0);
	struct ip_view v = view_ip(f);
	CHECK(memcmp(v.src.b, address6("2001:db8:1::").b, 8) == 0);
}

CASE_FLAGS(slaac_invalid, "RFC 4861 6.1.2; RFC 4862 5.5.3", ONLY_V6 | NO_ADDRESS,
	   "advertisements that were routed, or whose prefixes make no sense, are ignored")
{
	uint8_t o[40];

	machine_configure("ip=eth0:auto");
	run_ms(5000);
	prefix(o, 86400, 3600);
	put_ra(254, o, 40, 1800);
	prefix(o, 3600, 86400); /* preferred longer than valid */
	put_ra(255, o, 40, 0);
	prefix(o, 86400, 3600);
	o[2] = 129;
	put_ra(255, o, 40, 0);
	o[2] = 64;
	o[1] = 0;
	put_ra(255, o, 40, 0);
	prefix(o, 86400, 3600);
	memcpy(o + 16, address6("fe80::").b, 16);
	put_ra(255, o, 40, 0);
	run_ms(3000);
	int fd = sk_udp();
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address6("2001:db8:ffff::1"), 9), -ENETUNREACH);
}

CASE_FLAGS(slaac_expiry, "RFC 4862 5.5.4; RFC 4861 6.3.5", ONLY_V6 | NO_ADDRESS,
	   "address and route end with their lifetimes")
{
	uint8_t o[40];

	machine_configure("ip=eth0:auto");
	run_ms(5000);
	prefix(o, 8000, 4000);
	put_ra(255, o, 40, 1800);
	run_ms(3000);
	int fd = sk_udp();
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address6("2001:db8:ffff::1"), 9), 1);
	run_ms(1810e3);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address6("2001:db8:ffff::1"), 9), -ENETUNREACH);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address6("2001:db8:1::5"), 9), 1);
	run_ms(8000e3);
	CHECK_EQ(sk_sendto(fd, "x", 1, 0, address6("2001:db8:1::5"), 9), -ENETUNREACH);
}
