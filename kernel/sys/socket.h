/* Stands in for libc's <sys/socket.h>, which some of Linux's own headers (<linux/if.h>) want.
 * Host programs that use libc beside the kernel's headers get the real one. */
#pragma once
#if defined(HOST_TEST) && !defined(HOST_NO_LIBC)
#include_next <sys/socket.h>
#else
#include <linux/socket.h>
#include "net/socket_abi.h"

typedef __kernel_sa_family_t sa_family_t;

struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};
#endif
