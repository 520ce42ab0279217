/*
 * Every parser behind the cable: the input is a row of frames, each with its length (two bytes),
 * the time after it and what is to be made right: checksums, our link address, DHCP's number.
 * Sockets of all kinds listen, DHCP and router advertisements configure the interface.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "../packet/machine.h"
#include "engine.h"
#include "wire.h"

const char fuzz_name[] = "frame";

#define U(p) ((uintptr_t)(p))
static int fds[32];
static unsigned nfds;
static uint64_t packets;

void machine_configure(const char *words);

/* The transaction that DHCP waits for: answers are put into it. */
static uint8_t xid[4];

static void seen(const uint8_t *f, size_t len)
{
	if (len >= 14 + 20 + 8 + 236 && f[23] == 17 && f[35] == 68 && f[37] == 67)
		memcpy(xid, f + 14 + 20 + 8 + 4, 4);
	if (len > 65535 + 14)
		wire_die("a frame too long");
	wire_answer(f, len);
}

static int open_socket(int family, int type, int protocol, uint16_t port)
{
	int fd = (int)sys_socket(family, type | SOCK_NONBLOCK, protocol), one = 1;
	struct sockaddr_in6 a = {.sin6_port = __builtin_bswap16(port)};

	if (fd < 0)
		return fd;
	fds[nfds++] = fd;
	a.sin6_family = (sa_family_t)family;
	if (port) {
		sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, U(&one), sizeof one);
		sys_bind(fd, U(&a), family == AF_INET ? 16 : sizeof a);
	}
	if (type == SOCK_STREAM)
		sys_listen(fd, 5);
	if (type == SOCK_DGRAM || type == SOCK_RAW) {
		static const int v4[] = {8 /* PKTINFO */, 11 /* RECVERR */, 12, 13, 20},
				 v6[] = {49, 25, 51, 66, 50};
		for (int i = 0; i < 5; i++)
			sys_setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
				       family == AF_INET ? v4[i] : v6[i], U(&one), sizeof one);
	}
	return fd;
}

void fuzz_setup(void)
{
	machine_sent = seen;
	wire_start(true);
	open_socket(AF_INET6, SOCK_DGRAM, 0, 53);
	int u4 = open_socket(AF_INET, SOCK_DGRAM, 0, 54);
	open_socket(AF_INET6, SOCK_STREAM, 0, 80);
	open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP, 0);
	open_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, 0);
	open_socket(AF_INET, SOCK_RAW, 99, 0);
	open_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP, 0);
	open_socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, 0);
	open_socket(17 /* AF_PACKET */, SOCK_RAW, 0x0300 /* ETH_P_ALL */, 0);
	int nl = (int)sys_socket(16, SOCK_RAW | SOCK_NONBLOCK, 0);
	if (nl >= 0) {
		struct {
			uint16_t family, pad;
			uint32_t pid, groups;
		} a = {16, 0, 0, 0x7ff};
		fds[nfds++] = nl;
		sys_bind(nl, U(&a), 12);
	}
	struct ip_mreq m = {{__builtin_bswap32(0xe0000105u)}, {__builtin_bswap32(0xc0000201u)}};
	sys_setsockopt(u4, IPPROTO_IP, IP_ADD_MEMBERSHIP, U(&m), sizeof m);
	int conn = open_socket(AF_INET, SOCK_DGRAM, 0, 0);
	struct sockaddr_in peer = {.sin_family = AF_INET,
				   .sin_port = __builtin_bswap16(7),
				   .sin_addr = {__builtin_bswap32(0xc0000202u)}};
	sys_connect(conn, U(&peer), sizeof peer);
	machine_configure(NULL);
	machine_run_until(machine_now() + 10000000000u);
	packets = wire_packets();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buffer[65536], control[512];
	const uint8_t *end = data + size;

	machine_seed(7);
	while (end - data > 4) {
		size_t n = (size_t)(data[0] << 8 | data[1]) & 2047;
		unsigned time = data[2], how = data[3];
		uint8_t f[2048];
		data += 4;
		if (n > (size_t)(end - data))
			n = (size_t)(end - data);
		memcpy(f, data, n);
		data += n;
		if (how & 4 && n >= 14 + 20 + 8 + 240)
			memcpy(f + 14 + 20 + 8 + 4, xid, 4);
		if (!(how & 1))
			wire_fix(f, n);
		if (n >= 14 && how & 2) /* for us, whoever it was for */
			memcpy(f, "\2\0\0\0\0\1", 6);
		wire_frame(f, n);
		machine_run_until(machine_now() + ((uint64_t)time << (how >> 3)));
	}
	for (unsigned i = 0; i < nfds; i++)
		for (int k = 0; k < 50; k++) {
			struct iovec v = {buffer, sizeof buffer};
			struct sockaddr_storage name;
			struct msghdr m = {.msg_name = &name,
					   .msg_namelen = sizeof name,
					   .msg_iov = &v,
					   .msg_iovlen = 1,
					   .msg_control = control,
					   .msg_controllen = sizeof control};
			long r = sys_recvmsg(fds[i], U(&m), k & 1 ? MSG_ERRQUEUE : 0);
			long a = r < 0 ? sys_accept4(fds[i], 0, 0, SOCK_NONBLOCK) : -1;
			if (a >= 0)
				sys_close((int)a);
			if (r < 0 && a < 0 && k > 1)
				break;
		}
	if (wire_bytes() > 32u << 20)
		wire_die("more than 32 MiB of buffers");
	static unsigned rounds;
	if (++rounds % 64 == 0) {
		machine_run_until(machine_now() + 4000000000000u);
		if (wire_packets() > packets + 600)
			wire_die("packets pile up");
	}
	return 0;
}
