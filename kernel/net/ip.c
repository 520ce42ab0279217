/* What both families share (net/ip.h), and the start of the IP layer. */
#include <asm/errno.h>
#include "net/icmp.h"
#include "net/init.h"
#include "net/internal.h"
#include "net/ip_internal.h"
#include "net/route_internal.h"

int ip_output(struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	return ip_is_v4(&tx->dst) ? ip4_output(p, rt, tx) : ip6_output(p, rt, tx);
}

int ip_output_header(struct packet *p, const struct route *rt)
{
	if (p->len >= 20 && !packet_need_linear(p, 20) && p->data[0] >> 4 == 4)
		return ip4_output_header(p, rt);
	if (p->len >= 40 && !packet_need_linear(p, 40) && p->data[0] >> 4 == 6)
		return ip6_output_header(p, rt);
	packet_free(p);
	return -EINVAL;
}

/* Members on this machine get a copy of what we send to a group or to everybody. p: data at the IP
 * header. */
void ip_loop_copy(const struct packet *p, const struct route *rt, uint16_t ethertype)
{
	struct packet *c = packet_copy(p);
	struct list segments;

	if (!c)
		return;
	c->broadcast = rt->broadcast;
	c->multicast = rt->multicast;
	if (!c->gso) {
		loopback_deliver(rt->netif, c, ethertype);
		return;
	}
	c->l2 = NULL;
	if (packet_segment(c, true, &segments))
		return;
	list_for_each_entry_safe (s, &segments, struct packet, link) {
		list_remove(&s->link);
		loopback_deliver(rt->netif, s, ethertype);
	}
}

void ip_init(void)
{
	route_init();
	route_exception_init();
	icmp_init();
	ip_frag_init();
	nd_init();
}
