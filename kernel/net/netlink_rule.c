/* Routing rules and queueing disciplines, as far as there are any: ip-rule(8), tc(8). */
#include <linux/fib_rules.h>
#include "net/netlink.h"

static void rule(struct netlink_reply *r, uint8_t family, uint32_t priority, uint8_t table)
{
	struct fib_rule_hdr *m = netlink_begin(r, RTM_NEWRULE, sizeof *m);

	if (!m)
		return;
	m->family = family;
	m->table = table;
	m->action = FR_ACT_TO_TBL;
	netlink_put_u32(r, FRA_TABLE, table);
	if (priority)
		netlink_put_u32(r, FRA_PRIORITY, priority);
	netlink_put_u8(r, FRA_PROTOCOL, RTPROT_KERNEL);
	netlink_end(r);
}

int netlink_rule_dump(const struct netlink_request *q, struct netlink_reply *r)
{
	uint8_t family = *(const uint8_t *)q->fixed;

	for (int v6 = 0; v6 < 2; v6++) {
		uint8_t f = v6 ? AF_INET6 : AF_INET;
		if (family != AF_UNSPEC && family != f)
			continue;
		rule(r, f, 0, RT_TABLE_LOCAL);
		rule(r, f, 32766, RT_TABLE_MAIN);
		if (!v6)
			rule(r, f, 32767, RT_TABLE_DEFAULT);
	}
	return 0;
}

int netlink_qdisc_dump(const struct netlink_request *q, struct netlink_reply *r)
{
	(void)q;
	(void)r;
	return 0;
}
