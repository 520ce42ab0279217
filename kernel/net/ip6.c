#include <asm/errno.h>
#include "net/internal.h"
#include "net/icmp.h"
#include "net/neighbour.h"
#include "net/ip_internal.h"
void nd_init(void)
{
}
int ip6_output(struct packet *p, const struct route *rt, const struct ip_tx *tx)
{
	(void)rt;
	(void)tx;
	packet_free(p);
	return -ENETUNREACH;
}
int ip6_output_header(struct packet *p, const struct route *rt)
{
	(void)rt;
	packet_free(p);
	return -ENETUNREACH;
}
void ip6_input(struct packet *p)
{
	packet_free(p);
}
void icmp6_send_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info)
{
	(void)p;
	(void)type;
	(void)code;
	(void)info;
}
bool icmp6_quoted(const uint8_t *ip, uint32_t len, struct icmp_error *e)
{
	(void)ip;
	(void)len;
	(void)e;
	return false;
}
void nd_solicit(struct netif *n, const struct ip_addr *src, const struct ip_addr *addr,
		const uint8_t *mac)
{
	(void)n;
	(void)src;
	(void)addr;
	(void)mac;
}
void nd_dad_start(struct ifaddr *a)
{
	(void)a;
}
void nd_solicited_group(const struct ip_addr *addr, struct ip_addr *group)
{
	(void)addr;
	*group = (struct ip_addr){.b = {0xff, 2}};
}
