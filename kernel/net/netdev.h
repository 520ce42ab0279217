/* What interfaces look like to programs: shared by netlink, ioctls, /proc and /sys. Lock: net_lock.
 */
#pragma once
#include <stdint.h>
#include "net/netif.h"

#define NETDEV_TXQLEN 1000u /* the default of Linux; there is no queue above the ring */

/* IFF_* as SIOCGIFFLAGS and netlink show them, IFF_LOWER_UP in bit 16. */
uint32_t netdev_flags(const struct netif *n);
/* Changes those of the flags that can be (IFF_UP, IFF_PROMISC, IFF_ALLMULTI) and are in mask. */
int netdev_change_flags(struct netif *n, uint32_t flags, uint32_t mask);
/* IF_OPER_* (RFC 2863). */
uint8_t netdev_operstate(const struct netif *n);
/* A name that an interface may have: not empty, short, no blank, slash or colon (Linux). */
bool netdev_name_ok(const char *name);
/* 0, -EINVAL, -EEXIST, -EBUSY (it is up). */
int netdev_rename(struct netif *n, const char *name);
