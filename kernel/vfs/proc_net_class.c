/* /sys/class/net: sysfs-class-net of Linux's Documentation/ABI. On Linux these are links into
 * /sys/devices; here the directories themselves. */
#include <asm/errno.h>
#include "net/net.h"
#include "net/netdev.h"
#include "vfs/proc_net.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

enum attribute {
	ADDRESS,
	ADDR_LEN,
	BROADCAST,
	CARRIER,
	DEV_ID,
	DORMANT,
	FLAGS,
	IFINDEX,
	IFLINK,
	LINK_MODE,
	MTU,
	NETDEV_GROUP,
	OPERSTATE,
	TX_QUEUE_LEN,
	TYPE,
	STATISTICS, /* and from here on those */
};

static const char *const names[] = {
    [ADDRESS] = "address",
    [ADDR_LEN] = "addr_len",
    [BROADCAST] = "broadcast",
    [CARRIER] = "carrier",
    [DEV_ID] = "dev_id",
    [DORMANT] = "dormant",
    [FLAGS] = "flags",
    [IFINDEX] = "ifindex",
    [IFLINK] = "iflink",
    [LINK_MODE] = "link_mode",
    [MTU] = "mtu",
    [NETDEV_GROUP] = "netdev_group",
    [OPERSTATE] = "operstate",
    [TX_QUEUE_LEN] = "tx_queue_len",
    [TYPE] = "type",
};

#define STAT(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct netif_stats, name)                                          \
	}
static const struct {
	const char *name;
	size_t offset;
} statistics[] = {
    STAT(rx_packets), STAT(rx_bytes),	STAT(rx_errors),
    STAT(rx_dropped), STAT(tx_packets), STAT(tx_bytes),
    STAT(tx_errors),  STAT(tx_dropped), {"multicast", offsetof(struct netif_stats, rx_multicast)},
};

#define PER_INTERFACE 64

static int show_mac(struct textbuf *t, const uint8_t *m)
{
	text_printf(t, "%02x:%02x:%02x:%02x:%02x:%02x\n", m[0], m[1], m[2], m[3], m[4], m[5]);
	return 0;
}

static int show_attribute(struct textbuf *t, const struct netif *n, enum attribute which)
{
	static const uint8_t none[ETH_ALEN], all[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t state = netdev_operstate(n);

	switch (which) {
	case ADDRESS:
		return show_mac(t, n->mac);
	case BROADCAST:
		return show_mac(t, n->flags & IFF_LOOPBACK ? none : all);
	case ADDR_LEN:
		text_printf(t, "%d\n", ETH_ALEN);
		return 0;
	case CARRIER:
		if (!(n->flags & IFF_UP))
			return -EINVAL;
		text_printf(t, "%d\n", (n->flags & IFF_RUNNING) != 0);
		return 0;
	case DEV_ID:
		text_printf(t, "0x0\n");
		return 0;
	case FLAGS:
		text_printf(t, "0x%x\n", n->flags & 0xffffu & ~(unsigned)IFF_RUNNING);
		return 0;
	case IFINDEX:
	case IFLINK:
		text_printf(t, "%d\n", n->index);
		return 0;
	case MTU:
		text_printf(t, "%u\n", n->mtu);
		return 0;
	case OPERSTATE:
		text_printf(t, "%s\n", state == 6 ? "up" : state == 2 ? "down" : "unknown");
		return 0;
	case TX_QUEUE_LEN:
		text_printf(t, "%u\n", NETDEV_TXQLEN);
		return 0;
	case TYPE:
		text_printf(t, "%u\n", n->type);
		return 0;
	default: /* dormant, link_mode, netdev_group */
		text_printf(t, "0\n");
		return 0;
	}
}

static int show(struct textbuf *t, long arg)
{
	unsigned which = (unsigned)(arg % PER_INTERFACE);
	int err = -ENODEV;

	net_enter();
	const struct netif *n = netif_by_index((int)(arg / PER_INTERFACE));
	if (n && which < STATISTICS) {
		err = show_attribute(t, n, (enum attribute)which);
	} else if (n) {
		uint64_t v;
		memcpy(&v, (const char *)&n->stats + statistics[which - STATISTICS].offset,
		       sizeof v);
		text_printf(t, "%lu\n", v);
		err = 0;
	}
	net_leave();
	return err;
}

static const struct textfile text = {.show = show};

static void add(const struct netif *n)
{
	char path[96];
	long base = (long)n->index * PER_INTERFACE;

	for (unsigned i = 0; i < STATISTICS; i++) {
		ksnprintf(path, sizeof path, "/sys/class/net/%s/%s", n->name, names[i]);
		tree_text(&super_sysfs, path, 0444, &text, base + i);
	}
	for (unsigned i = 0; i < sizeof statistics / sizeof statistics[0]; i++) {
		ksnprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", n->name,
			  statistics[i].name);
		tree_text(&super_sysfs, path, 0444, &text, base + (long)(STATISTICS + i));
	}
}

void sys_class_net_init(void)
{
	/* Interfaces are only ever added, and at boot. */
	list_for_each_entry (n, &netif_list, struct netif, link)
		add(n);
}
