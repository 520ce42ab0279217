/* Numbers and layouts of the socket interface that <linux/...> headers leave to libc: x86-64 Linux.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <asm/socket.h>
#ifdef HOST_TEST
#include <sys/socket.h> /* the host's, which wants to be first */
#endif
#include <linux/socket.h>

#ifndef AF_INET
#define AF_UNSPEC  0
#define AF_UNIX	   1
#define AF_LOCAL   1
#define AF_INET	   2
#define AF_INET6   10
#define AF_NETLINK 16
#define AF_PACKET  17
#define AF_MAX	   46
#endif

#ifndef SOCK_CLOEXEC
#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_RAW       3
#define SOCK_RDM       4
#define SOCK_SEQPACKET 5
#define SOCK_DCCP      6
#define SOCK_PACKET    10
#define SOCK_CLOEXEC   02000000
#define SOCK_NONBLOCK  04000
#endif
#define SOCK_TYPE_MASK 0xf
#define SOCK_MAX       11

#ifndef SHUT_RD
#define SHUT_RD	  0
#define SHUT_WR	  1
#define SHUT_RDWR 2
#endif

#ifndef MSG_PEEK
#define MSG_OOB		 1u
#define MSG_PEEK	 2u
#define MSG_DONTROUTE	 4u
#define MSG_CTRUNC	 8u
#define MSG_TRUNC	 0x20u
#define MSG_DONTWAIT	 0x40u
#define MSG_EOR		 0x80u
#define MSG_WAITALL	 0x100u
#define MSG_CONFIRM	 0x800u
#define MSG_ERRQUEUE	 0x2000u
#define MSG_NOSIGNAL	 0x4000u
#define MSG_MORE	 0x8000u
#define MSG_WAITFORONE	 0x10000u
#define MSG_ZEROCOPY	 0x4000000u
#define MSG_FASTOPEN	 0x20000000u
#define MSG_CMSG_CLOEXEC 0x40000000u
#endif

#ifndef SOL_SOCKET
#define SOL_SOCKET 1
#endif
#ifndef SOL_IP
#define SOL_IP 0
#endif
#ifndef SOL_TCP
#define SOL_TCP 6
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef SOL_IPV6
#define SOL_IPV6 41
#endif
#ifndef SOL_ICMPV6
#define SOL_ICMPV6 58
#endif
#ifndef SOL_RAW
#define SOL_RAW 255
#endif
#ifndef SOL_PACKET
#define SOL_PACKET 263
#endif
#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#ifndef SCM_RIGHTS
#define SCM_RIGHTS 1
#endif
#ifndef SCM_CREDENTIALS
#define SCM_CREDENTIALS 2
#endif
#define SOMAXCONN_LIMIT 4096 /* /proc/sys/net/core/somaxconn */

/* struct msghdr, mmsghdr, cmsghdr, linger and ucred of the program. */
struct user_msghdr {
	uintptr_t name;
	int namelen;
	uint32_t pad0;
	uintptr_t iov;
	size_t iovlen;
	uintptr_t control;
	size_t controllen;
	uint32_t flags;
	uint32_t pad1;
};

struct user_mmsghdr {
	struct user_msghdr hdr;
	uint32_t len;
	uint32_t pad;
};

struct user_cmsghdr {
	size_t len;
	int level, type;
};

struct user_linger {
	int onoff, linger;
};

struct user_ucred {
	int pid;
	uint32_t uid, gid;
};

#define CMSG_ROUND(n)	      (((n) + 7) & ~(size_t)7)
#define CMSG_LENGTH(n)	      (sizeof(struct user_cmsghdr) + (n))
#define CMSG_DATA_OF(c)	      ((void *)((struct user_cmsghdr *)(c) + 1))
#define CMSG_CONST_DATA_OF(c) ((const void *)((const struct user_cmsghdr *)(c) + 1))
