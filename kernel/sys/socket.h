/* Stands in for libc's <sys/socket.h>, which some of Linux's own headers (<linux/if.h>) want. */
#pragma once
#ifdef HOST_TEST
#include_next <sys/socket.h>
#else
#include "net/socket_abi.h"

typedef __kernel_sa_family_t sa_family_t;

struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};
#endif
