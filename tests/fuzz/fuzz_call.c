/*
 * What programs hand to sockets: addresses, options, control messages, netlink requests, BPF
 * filters, ioctls. The input is a row of calls with their bytes.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "../packet/machine.h"
#include "engine.h"
#include "wire.h"

const char fuzz_name[] = "call";

#define U(p) ((uintptr_t)(p))
#define FDS  12

static void seen(const uint8_t *f, size_t len)
{
	wire_answer(f, len);
}

static uint64_t packets, sockets;

extern bool (*vfs_test_bad)(uintptr_t at, size_t n);

/* What a call has that may hold pointers; else NULL. */
static const uint8_t *lent;
static size_t lent_size;

/* Pointers that the input makes up lead nowhere, even if there is something on the host. Just
 * behind what is lent ASan watches. */
static bool unmapped(uintptr_t at, size_t n)
{
	const size_t watched = 64;

	if (lent && (at < U(lent) || at + n > U(lent) + lent_size + watched))
		return true;

	unsigned char in[64];
	/* ASan's shadow lies below. */
	if (at < 0x500000000000ul)
		return true;
	uintptr_t first = at & ~4095ul, last = (at + n - 1) & ~4095ul;

	for (; first <= last; first += sizeof in * 4096) {
		size_t len = last + 4096 - first;
		if (len > sizeof in * 4096)
			len = sizeof in * 4096;
		if (mincore((void *)first, len, in) != 0)
			return true;
	}
	return false;
}

/* A close with SO_LINGER may wait for years, as Linux's does: after a day there is a signal. */
#define PATIENCE_NS 86400000000000u

extern int (*vfs_test_sleep)(uint64_t deadline);

static int (*sleep_of_machine)(uint64_t deadline);
static uint64_t patience; /* until then */

static int sleep_until_signal(uint64_t deadline)
{
	return machine_now() < patience ? sleep_of_machine(deadline) : -512; /* -ERESTARTSYS */
}

void fuzz_setup(void)
{
	vfs_test_bad = unmapped;
	machine_sent = seen;
	wire_start(true);
	sleep_of_machine = vfs_test_sleep;
	vfs_test_sleep = sleep_until_signal;
	packets = wire_packets();
	sockets = wire_sockets();
}

/* The next length-prefixed piece of the input. */
static const uint8_t *piece(const uint8_t **at, const uint8_t *end, size_t *n)
{
	const uint8_t *p;

	*n = 0;
	if (*at >= end)
		return *at;
	*n = **at;
	++*at;
	if (*n == 255 && end - *at >= 1)
		*n = 255 + (size_t)(*(*at)++) * 4;
	if (*n > (size_t)(end - *at))
		*n = (size_t)(end - *at);
	p = *at;
	*at += *n;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX, 16, 17};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
	static const int protocols[] = {
	    0,	0,     IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6,
	    99, 0x300, 255,	    IPPROTO_RAW};
	static const int levels[] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP,
				     263,	 270,	     58,	   255,		SOL_SOCKET};
	static uint8_t buffer[65536];
	const uint8_t *at = data, *end = data + size;
	int fds[FDS], n = 0;

	machine_seed(7);
	for (int steps = 0; end - at >= 3 && steps < 100; steps++) {
		unsigned op = at[0], a = at[1], b = at[2];
		size_t len, clen;
		at += 3;
		patience = machine_now() + PATIENCE_NS;
		int fd = n ? fds[a % (unsigned)n] : -1;
		const uint8_t *p;
		/* Just as large as said, so that a read beyond is seen. */
		uint8_t *copy;

		switch (op % 12) {
		case 0:
			if (n == FDS)
				break;
			fd = (int)sys_socket(families[a % 5], types[b % 4] | SOCK_NONBLOCK,
					     protocols[(b >> 2) % 10]);
			if (fd >= 0)
				fds[n++] = fd;
			break;
		case 1:
		case 2:
			p = piece(&at, end, &len);
			copy = malloc(len ? len : 1);
			memcpy(copy, p, len);
			if (op % 12 == 1)
				sys_bind(fd, U(copy), (unsigned)len);
			else
				sys_connect(fd, U(copy), (unsigned)len);
			free(copy);
			break;
		case 3:
		case 4:
			p = piece(&at, end, &len);
			copy = malloc(len ? len : 1);
			memcpy(copy, p, len);
			lent = copy, lent_size = len;
			sys_setsockopt(fd, levels[b % 10], (int)(op >> 4 | (b & 112)), U(copy),
				       (unsigned)len);
			lent = NULL;
			free(copy);
			break;
		case 5: {
			unsigned l = b;
			sys_getsockopt(fd, levels[op >> 4 & 7], (int)(op >> 4 | (b & 96)),
				       U(buffer), U(&l));
			break;
		}
		case 6:
		case 7: { /* sendmsg with name, control and data */
			p = piece(&at, end, &len);
			const uint8_t *c = piece(&at, end, &clen);
			size_t dlen;
			const uint8_t *d = piece(&at, end, &dlen);
			uint8_t *name = malloc(len + 1), *control = malloc(clen + 1),
				*text = malloc(dlen + 1);
			memcpy(name, p, len);
			memcpy(control, c, clen);
			memcpy(text, d, dlen);
			struct iovec v = {text, dlen};
			struct msghdr m = {.msg_name = len ? name : NULL,
					   .msg_namelen = (unsigned)len,
					   .msg_iov = &v,
					   .msg_iovlen = 1,
					   .msg_control = clen ? control : NULL,
					   .msg_controllen = clen};
			sys_sendmsg(fd, U(&m),
				    MSG_NOSIGNAL | (b & 1 ? MSG_MORE : 0) |
					(b & 2 ? MSG_DONTROUTE : 0));
			free(name);
			free(control);
			free(text);
			break;
		}
		case 8: {
			uint8_t control[300];
			struct iovec v = {buffer, b * 16};
			struct sockaddr_storage name;
			struct msghdr m = {.msg_name = &name,
					   .msg_namelen = sizeof name,
					   .msg_iov = &v,
					   .msg_iovlen = 1,
					   .msg_control = control,
					   .msg_controllen = a};
			sys_recvmsg(fd, U(&m),
				    (op & 16 ? MSG_PEEK : 0) | (op & 32 ? MSG_ERRQUEUE : 0) |
					(op & 64 ? MSG_TRUNC : 0));
			break;
		}
		case 9:
			p = piece(&at, end, &len);
			memset(buffer, 0, 256);
			memcpy(buffer, p, len < 256 ? len : 256);
			lent = buffer, lent_size = sizeof buffer;
			sys_ioctl(fd, 0x8900u + b, U(buffer));
			lent = NULL;
			break;
		case 10: /* a BPF filter and a frame for it */
			p = piece(&at, end, &len);
			copy = malloc(len ? len : 1);
			memcpy(copy, p, len);
			struct {
				uint16_t n;
				void *code;
			} filter = {(uint16_t)(len / 8), copy};
			sys_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, U(&filter), sizeof filter);
			free(copy);
			uint8_t f[100] = {255, 255, 255, 255, 255, 255, 2,   0,
					  0,   0,   0,	 2,   8,   0,	0x45};
			f[17] = (uint8_t)(op >> 4) + 28, f[23] = 17;
			wire_fix(f, 60);
			wire_frame(f, 60);
			break;
		default:
			switch (b % 8) {
			case 0:
				sys_listen(fd, (int)(op >> 4));
				break;
			case 1:
				sys_shutdown(fd, (int)(op >> 4 & 3));
				break;
			case 2: {
				long r = sys_accept4(fd, 0, 0, SOCK_NONBLOCK);
				if (r >= 0 && n < FDS)
					fds[n++] = (int)r;
				else if (r >= 0)
					sys_close((int)r);
				break;
			}
			case 3:
				if (n) {
					sys_close(fd);
					fds[a % (unsigned)n] = fds[n - 1];
					n--;
				}
				break;
			case 4: {
				unsigned l = sizeof(struct sockaddr_storage);
				sys_getsockname(fd, U(buffer), U(&l));
				l = a;
				sys_getpeername(fd, U(buffer), U(&l));
				break;
			}
			case 5: {
				int pair[2];
				if (n + 2 <= FDS &&
				    sys_socketpair(AF_UNIX, types[a % 4] | SOCK_NONBLOCK, 0,
						   U(pair)) == 0) {
					fds[n++] = pair[0];
					fds[n++] = pair[1];
				}
				break;
			}
			default:
				machine_run_until(machine_now() + ((uint64_t)a << 22));
			}
		}
	}
	patience = machine_now() + PATIENCE_NS;
	machine_close_all();
	machine_run_until(machine_now() + 400000000000u);
	static unsigned rounds;
	if (++rounds % 16 == 0) {
		machine_run_until(machine_now() + 4000000000000u);
		if (wire_sockets() != sockets)
			wire_die("sockets are left");
		if (wire_packets() > packets + 300)
			wire_die("packets are left");
	}
	return 0;
}
