#include "net/netdev.h"
#include <asm/errno.h>
#include "lib/string.h"

#define LOWER_UP 0x10000u

uint32_t netdev_flags(const struct netif *n)
{
	uint32_t flags = n->flags & (IFF_UP | IFF_BROADCAST | IFF_LOOPBACK | IFF_MULTICAST |
				     IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_POINTOPOINT);

	if ((n->flags & IFF_UP) && (n->flags & IFF_RUNNING))
		flags |= IFF_RUNNING | LOWER_UP;
	return flags;
}

/*
 * IFF_PROMISC and IFF_ALLMULTI set by hand are one user of the mode, whatever how often they are
 * set: a bit per interface remembers that.
 */
static void set_mode(struct netif *n, bool on, uint32_t bit, void (*change)(struct netif *, int))
{
	static uint64_t by_hand[2];
	uint64_t *set = &by_hand[bit == IFF_ALLMULTI], mask = 1ull << (n->index & 63);

	if (on == ((*set & mask) != 0))
		return;
	*set ^= mask;
	change(n, on ? 1 : -1);
}

int netdev_change_flags(struct netif *n, uint32_t flags, uint32_t mask)
{
	int err = 0;

	if (mask & IFF_PROMISC)
		set_mode(n, flags & IFF_PROMISC, IFF_PROMISC, netif_promiscuous);
	if (mask & IFF_ALLMULTI)
		set_mode(n, flags & IFF_ALLMULTI, IFF_ALLMULTI, netif_allmulti);
	if ((mask & IFF_UP) && (bool)(flags & IFF_UP) != (bool)(n->flags & IFF_UP))
		err = netif_set_up(n, flags & IFF_UP);
	return err;
}

uint8_t netdev_operstate(const struct netif *n)
{
	enum { UNKNOWN = 0, DOWN = 2, UP = 6 };

	if (!(n->flags & IFF_UP) || !(n->flags & IFF_RUNNING))
		return DOWN;
	return n->flags & IFF_LOOPBACK ? UNKNOWN : UP;
}

bool netdev_name_ok(const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || *name == ' ' || (*name >= 9 && *name <= 13))
			return false;
	return true;
}

int netdev_rename(struct netif *n, const char *name)
{
	if (!netdev_name_ok(name))
		return -EINVAL;
	if (strcmp(n->name, name) == 0)
		return 0;
	if (netif_by_name(name))
		return -EEXIST;
	if (n->flags & IFF_UP)
		return -EBUSY;
	strlcpy(n->name, name, sizeof n->name);
	net_notify(NET_LINK, n);
	return 0;
}
