/* Options of packet sockets: packet(7). Rings shared with the program (PACKET_RX_RING and what
 * belongs to it) and fanout groups are not there, as in kernels built without them. */
#include <asm/errno.h>
#include "mm/kmalloc.h"
#include "net/af_packet.h"
#include "net/bpf.h"
#include "net/netif.h"

#define MEMBERSHIPS_MAX 256

/* struct packet_mreq without its address, whose length tells how long the whole is. */
struct mreq {
	int ifindex;
	uint16_t type, alen;
	uint8_t addr[8];
};
#define MREQ_MIN offsetof(struct mreq, addr)

static int apply(const struct packet_membership *m, bool add)
{
	struct netif *n = netif_by_index(m->ifindex);

	if (!n)
		return -ENODEV;
	switch (m->type) {
	case PACKET_MR_MULTICAST:
		return netif_link_mcast(n, m->addr, add);
	case PACKET_MR_ALLMULTI:
		netif_allmulti(n, add ? 1 : -1);
		return 0;
	case PACKET_MR_PROMISC:
	case PACKET_MR_UNICAST: /* drivers have no filter of unicast addresses but this one */
		netif_promiscuous(n, add ? 1 : -1);
		return 0;
	}
	return 0; /* Linux takes types that it does not know */
}

static struct packet_membership *find(struct packet_sock *s, const struct mreq *r)
{
	list_for_each_entry (m, &s->memberships, struct packet_membership, link)
		if (m->ifindex == r->ifindex && m->type == r->type && m->alen == r->alen &&
		    memcmp(m->addr, r->addr, r->alen) == 0)
			return m;
	return NULL;
}

static int add_membership(struct packet_sock *s, const struct mreq *r)
{
	struct packet_membership *m = find(s, r);
	unsigned count = 0;

	if (m) {
		m->users++;
		return 0;
	}
	list_for_each_entry (i, &s->memberships, struct packet_membership, link)
		count++;
	if (count >= MEMBERSHIPS_MAX)
		return -ENOBUFS;
	m = kzalloc(sizeof *m);
	if (!m)
		return -ENOBUFS;
	m->ifindex = r->ifindex;
	m->type = r->type;
	m->alen = r->alen;
	memcpy(m->addr, r->addr, sizeof m->addr);
	m->users = 1;
	int err = apply(m, true);
	if (err) {
		kfree(m);
		return err;
	}
	list_add_tail(&s->memberships, &m->link);
	return 0;
}

static void drop(struct packet_membership *m)
{
	apply(m, false);
	list_remove(&m->link);
	kfree(m);
}

int packet_membership_change(struct packet_sock *s, bool add, const void *val, unsigned len)
{
	struct mreq r = {0};

	if (len < sizeof r)
		return -EINVAL;
	memcpy(&r, val, sizeof r);
	if (r.alen > sizeof r.addr)
		return -EINVAL;
	const struct netif *n = netif_by_index(r.ifindex);
	if (add) {
		if (!n)
			return -ENODEV;
		/* An address must be the interface's length; the modes have none or any. */
		if (r.alen > ETH_ALEN ||
		    ((r.type == PACKET_MR_MULTICAST || r.type == PACKET_MR_UNICAST) &&
		     r.alen != ETH_ALEN))
			return -EINVAL;
		return add_membership(s, &r);
	}
	struct packet_membership *m = find(s, &r);
	if (m && !--m->users)
		drop(m);
	return 0; /* packet(7) says nothing of one that is not there, nor does Linux */
}

void packet_membership_drop_all(struct packet_sock *s)
{
	list_for_each_entry_safe (m, &s->memberships, struct packet_membership, link)
		drop(m);
}

/* Options that are a switch. */
static bool *switch_of(struct packet_sock *s, int name)
{
	switch (name) {
	case PACKET_AUXDATA:
		return &s->auxdata;
	case PACKET_ORIGDEV: /* there are no devices above others: it makes no difference */
		return &s->origdev;
	case PACKET_IGNORE_OUTGOING:
		return &s->ignore_outgoing;
	}
	return NULL;
}

int packet_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len)
{
	struct packet_sock *s = (struct packet_sock *)(void *)so;
	int v = 0;

	if (level == SOL_SOCKET)
		return bpf_setsockopt(so, name, val, len);
	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
		return packet_membership_change(s, name == PACKET_ADD_MEMBERSHIP, val, len);
	bool *flag = switch_of(s, name);
	if (!flag && name != PACKET_QDISC_BYPASS)
		return -ENOPROTOOPT;
	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (name == PACKET_IGNORE_OUTGOING && v != 0 && v != 1)
		return -EINVAL;
	if (flag)
		*flag = v != 0;
	return 0; /* there are no queueing disciplines: they are always bypassed */
}

static int statistics(struct packet_sock *s, void *val, unsigned *len)
{
	/* As Linux counts: packets include those that were dropped. Reading them resets them. */
	struct tpacket_stats st = {.tp_packets = s->received + s->dropped, .tp_drops = s->dropped};

	s->received = s->dropped = 0;
	if (*len > sizeof st)
		*len = sizeof st;
	memcpy(val, &st, *len);
	return 0;
}

int packet_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len)
{
	struct packet_sock *s = (struct packet_sock *)(void *)so;

	if (level == SOL_SOCKET)
		return bpf_getsockopt(so, name, val, len);
	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (name == PACKET_STATISTICS)
		return statistics(s, val, len);
	const bool *flag = switch_of(s, name);
	if (!flag && name != PACKET_QDISC_BYPASS)
		return -ENOPROTOOPT;
	int v = flag ? *flag : 1;
	if (*len > sizeof v)
		*len = sizeof v;
	memcpy(val, &v, *len);
	return 0;
}
