/* The harness itself, and what sockets answer before any packet flies. */
#include <asm/errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include "packet.h"

CASE(socket_create, "socket(2)", "TCP and UDP sockets of both families can be made and closed")
{
	int t = sk_tcp(), u = sk_udp();

	CHECK(t >= 0 && u >= 0 && t != u);
	CHECK_EQ(sk_get(t, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	CHECK_EQ(sk_get(u, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	CHECK_EQ(sk_close(t), 0);
	CHECK_EQ(sk_close(u), 0);
	CHECK_EQ(sk_close(u), -EBADF);
}
