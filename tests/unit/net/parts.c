/* Weak stand-ins for the parts of the stack that a test does not link: calling one fails it. */
#include "lib/printk.h"
#include "net/net.h"
#include "net/addr.h"
#include "net/packet.h"
#include "net/checksum.h"
#include "net/netif.h"
#include "net/route.h"
#include "net/ip.h"
#include "net/mcast.h"
#include "net/socket.h"
#include "net/inet.h"
#include "net/tcp_cc.h"
#include "net/init.h"
#include "net/unix.h"
#include "net/dhcp.h"
#include "net/slaac.h"
#include "net/tap.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"
__attribute__((weak)) bool ip_prefix_match(const struct ip_addr *a, const struct ip_addr *b,
					   unsigned bits)
{
	panic("net: ip_prefix_match is not linked in");
}
__attribute__((weak)) void ip_format(char out[IP_TEXT], const struct ip_addr *a)
{
	panic("net: ip_format is not linked in");
}
__attribute__((weak)) bool ip_parse(const char *text, struct ip_addr *out)
{
	panic("net: ip_parse is not linked in");
}
__attribute__((weak)) struct netbuf *netbuf_alloc(uint32_t size)
{
	panic("net: netbuf_alloc is not linked in");
}
__attribute__((weak)) void netbuf_put(struct netbuf *b)
{
	panic("net: netbuf_put is not linked in");
}
__attribute__((weak)) struct packet *packet_alloc(uint32_t room)
{
	panic("net: packet_alloc is not linked in");
}
__attribute__((weak)) struct packet *packet_wrap(struct netbuf *buf, uint32_t offset, uint32_t len)
{
	panic("net: packet_wrap is not linked in");
}
__attribute__((weak)) void packet_free(struct packet *p)
{
	panic("net: packet_free is not linked in");
}
__attribute__((weak)) struct packet *packet_clone(const struct packet *p, uint32_t linear_copy)
{
	panic("net: packet_clone is not linked in");
}
__attribute__((weak)) struct packet *packet_copy(const struct packet *p)
{
	panic("net: packet_copy is not linked in");
}
__attribute__((weak)) void *packet_push(struct packet *p, uint32_t n)
{
	panic("net: packet_push is not linked in");
}
__attribute__((weak)) void *packet_pull(struct packet *p, uint32_t n)
{
	panic("net: packet_pull is not linked in");
}
__attribute__((weak)) void *packet_put(struct packet *p, uint32_t n)
{
	panic("net: packet_put is not linked in");
}
__attribute__((weak)) int packet_need_linear(struct packet *p, uint32_t n)
{
	panic("net: packet_need_linear is not linked in");
}
__attribute__((weak)) void packet_trim(struct packet *p, uint32_t n)
{
	panic("net: packet_trim is not linked in");
}
__attribute__((weak)) void packet_skip(struct packet *p, uint32_t n)
{
	panic("net: packet_skip is not linked in");
}
__attribute__((weak)) int packet_add_frag(struct packet *p, struct netbuf *buf, uint32_t offset,
					  uint32_t len)
{
	panic("net: packet_add_frag is not linked in");
}
__attribute__((weak)) void packet_read(const struct packet *p, uint32_t offset, void *dst,
				       uint32_t n)
{
	panic("net: packet_read is not linked in");
}
__attribute__((weak)) uint32_t packet_read_uio(const struct packet *p, uint32_t offset,
					       struct uio *u, uint32_t n)
{
	panic("net: packet_read_uio is not linked in");
}
__attribute__((weak)) uint16_t packet_sum(const struct packet *p, uint32_t offset, uint32_t n,
					  uint32_t initial)
{
	panic("net: packet_sum is not linked in");
}
__attribute__((weak)) int packet_finish_csum(struct packet *p)
{
	panic("net: packet_finish_csum is not linked in");
}
__attribute__((weak)) int packet_segment(struct packet *p, bool keep_partial, struct list *out)
{
	panic("net: packet_segment is not linked in");
}
__attribute__((weak)) bool packet_memory_pressure(void)
{
	panic("net: packet_memory_pressure is not linked in");
}
__attribute__((weak)) uint64_t checksum_add(const void *p, size_t n, uint64_t sum)
{
	panic("net: checksum_add is not linked in");
}
__attribute__((weak)) uint16_t checksum_fold(uint64_t sum)
{
	panic("net: checksum_fold is not linked in");
}
__attribute__((weak)) uint64_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst,
					       uint8_t protocol, uint32_t length)
{
	panic("net: checksum_pseudo is not linked in");
}
__attribute__((weak)) void netif_register(struct netif *n, const char *pattern)
{
	panic("net: netif_register is not linked in");
}
__attribute__((weak)) struct netif *netif_by_index(int index)
{
	panic("net: netif_by_index is not linked in");
}
__attribute__((weak)) struct netif *netif_by_name(const char *name)
{
	panic("net: netif_by_name is not linked in");
}
__attribute__((weak)) int netif_set_up(struct netif *n, bool up)
{
	panic("net: netif_set_up is not linked in");
}
__attribute__((weak)) int netif_set_mtu(struct netif *n, uint32_t mtu)
{
	panic("net: netif_set_mtu is not linked in");
}
__attribute__((weak)) int netif_set_mac(struct netif *n, const uint8_t mac[ETH_ALEN])
{
	panic("net: netif_set_mac is not linked in");
}
__attribute__((weak)) void netif_set_link(struct netif *n, bool running)
{
	panic("net: netif_set_link is not linked in");
}
__attribute__((weak)) void netif_promiscuous(struct netif *n, int delta)
{
	panic("net: netif_promiscuous is not linked in");
}
__attribute__((weak)) void netif_allmulti(struct netif *n, int delta)
{
	panic("net: netif_allmulti is not linked in");
}
__attribute__((weak)) int netif_link_mcast(struct netif *n, const uint8_t mac[ETH_ALEN], bool add)
{
	panic("net: netif_link_mcast is not linked in");
}
__attribute__((weak)) int netif_xmit(struct netif *n, struct packet *p)
{
	panic("net: netif_xmit is not linked in");
}
__attribute__((weak)) void netif_want_flush(struct netif *n)
{
	panic("net: netif_want_flush is not linked in");
}
__attribute__((weak)) void netif_flush(void)
{
}
__attribute__((weak)) void netif_input(struct netif *n, struct packet *p)
{
	panic("net: netif_input is not linked in");
}
__attribute__((weak)) void netif_input_end(void)
{
	panic("net: netif_input_end is not linked in");
}
__attribute__((weak)) int ifaddr_add(struct netif *n, const struct ip_addr *addr, uint8_t prefix,
				     uint8_t origin, uint64_t valid_until, uint64_t preferred_until)
{
	panic("net: ifaddr_add is not linked in");
}
__attribute__((weak)) int ifaddr_del(struct netif *n, const struct ip_addr *addr, uint8_t prefix)
{
	panic("net: ifaddr_del is not linked in");
}
__attribute__((weak)) struct ifaddr *ifaddr_find(const struct netif *n, const struct ip_addr *addr)
{
	panic("net: ifaddr_find is not linked in");
}
__attribute__((weak)) struct ifaddr *ifaddr_find_any(const struct netif *n,
						     const struct ip_addr *addr)
{
	panic("net: ifaddr_find_any is not linked in");
}
__attribute__((weak)) void net_notifier_add(struct net_notifier *n)
{
	panic("net: net_notifier_add is not linked in");
}
__attribute__((weak)) void net_notify(enum net_event event, void *object)
{
	panic("net: net_notify is not linked in");
}
__attribute__((weak)) int route_add(const struct route_entry *e)
{
	panic("net: route_add is not linked in");
}
__attribute__((weak)) int route_del(const struct route_entry *e)
{
	panic("net: route_del is not linked in");
}
__attribute__((weak)) int route_lookup(struct route *r, const struct ip_addr *dst,
				       const struct ip_addr *src, int ifindex)
{
	panic("net: route_lookup is not linked in");
}
__attribute__((weak)) void route_update_pmtu(const struct ip_addr *dst, uint32_t mtu,
					     uint32_t sent_length)
{
	panic("net: route_update_pmtu is not linked in");
}
__attribute__((weak)) int ip_output(struct packet *p, const struct route *rt,
				    const struct ip_tx *tx)
{
	panic("net: ip_output is not linked in");
}
__attribute__((weak)) void ip4_input(struct packet *p)
{
	panic("net: ip4_input is not linked in");
}
__attribute__((weak)) void ip6_input(struct packet *p)
{
	panic("net: ip6_input is not linked in");
}
__attribute__((weak)) void tcp_input(struct packet *p)
{
	packet_free(p);
}
__attribute__((weak)) void udp_input(struct packet *p)
{
	packet_free(p);
}
__attribute__((weak)) void icmp4_input(struct packet *p)
{
	panic("net: icmp4_input is not linked in");
}
__attribute__((weak)) void icmp6_input(struct packet *p)
{
	panic("net: icmp6_input is not linked in");
}
__attribute__((weak)) bool raw_input(const struct packet *p)
{
	return false;
}
__attribute__((weak)) void tcp_icmp_error(const struct icmp_error *e)
{
}
__attribute__((weak)) void udp_icmp_error(const struct icmp_error *e)
{
}
__attribute__((weak)) void raw_icmp_error(const struct icmp_error *e)
{
}
__attribute__((weak)) void icmp_send_error(const struct packet *p, uint8_t type, uint8_t code,
					   uint32_t info)
{
	panic("net: icmp_send_error is not linked in");
}
__attribute__((weak)) void icmp_send_port_unreachable(const struct packet *p)
{
	panic("net: icmp_send_port_unreachable is not linked in");
}
__attribute__((weak)) bool ping_input(const struct packet *p)
{
	return false;
}
__attribute__((weak)) int mcast_join(struct netif *n, const struct ip_addr *group)
{
	return 0;
}
__attribute__((weak)) int mcast_leave(struct netif *n, const struct ip_addr *group)
{
	return 0;
}
__attribute__((weak)) bool mcast_member(const struct netif *n, const struct ip_addr *group)
{
	return true;
}
__attribute__((weak)) void igmp_input(struct packet *p)
{
	packet_free(p);
}
__attribute__((weak)) void mld_input(struct packet *p)
{
	packet_free(p);
}
__attribute__((weak)) void cmsg_put(struct socket_msg *m, int level, int type, const void *data,
				    size_t len)
{
	panic("net: cmsg_put is not linked in");
}
__attribute__((weak)) void socket_register(const struct proto *p)
{
	panic("net: socket_register is not linked in");
}
__attribute__((weak)) struct socket *socket_alloc(const struct proto *p, int family)
{
	panic("net: socket_alloc is not linked in");
}
__attribute__((weak)) void socket_free(struct socket *so)
{
	panic("net: socket_free is not linked in");
}
__attribute__((weak)) struct socket *socket_of(struct file *f)
{
	panic("net: socket_of is not linked in");
}
__attribute__((weak)) int socket_error(struct socket *so)
{
	panic("net: socket_error is not linked in");
}
__attribute__((weak)) void socket_set_error(struct socket *so, int error, uint32_t events)
{
	panic("net: socket_set_error is not linked in");
}
__attribute__((weak)) long socket_send_kernel(struct file *f, const void *p, size_t n,
					      unsigned msg_flags)
{
	panic("net: socket_send_kernel is not linked in");
}
__attribute__((weak)) void inet_init_sock(struct inet_sock *s, int family)
{
	panic("net: inet_init_sock is not linked in");
}
__attribute__((weak)) int inet_from_sockaddr(const struct inet_sock *s,
					     const struct __kernel_sockaddr_storage *a,
					     unsigned len, struct ip_addr *addr, uint16_t *port,
					     int *ifindex)
{
	panic("net: inet_from_sockaddr is not linked in");
}
__attribute__((weak)) int inet_to_sockaddr(const struct inet_sock *s, const struct ip_addr *addr,
					   uint16_t port, int ifindex,
					   struct __kernel_sockaddr_storage *a)
{
	panic("net: inet_to_sockaddr is not linked in");
}
__attribute__((weak)) int inet_route(struct inet_sock *s, const struct ip_addr *dst)
{
	panic("net: inet_route is not linked in");
}
__attribute__((weak)) void inet_fill_tx(const struct inet_sock *s, const struct ip_addr *dst,
					uint8_t protocol, struct ip_tx *tx)
{
	panic("net: inet_fill_tx is not linked in");
}
__attribute__((weak)) int inet_table_init(struct inet_table *t, bool stream)
{
	panic("net: inet_table_init is not linked in");
}
__attribute__((weak)) int inet_bind(struct inet_table *t, struct inet_sock *s,
				    const struct ip_addr *addr, uint16_t port)
{
	panic("net: inet_bind is not linked in");
}
__attribute__((weak)) int inet_autobind(struct inet_table *t, struct inet_sock *s,
					bool (*in_use)(const struct inet_sock *s, uint16_t port))
{
	panic("net: inet_autobind is not linked in");
}
__attribute__((weak)) int inet_hash_insert(struct inet_table *t, struct inet_sock *s)
{
	panic("net: inet_hash_insert is not linked in");
}
__attribute__((weak)) void inet_hash_remove(struct inet_table *t, struct inet_sock *s)
{
	panic("net: inet_hash_remove is not linked in");
}
__attribute__((weak)) void inet_bind_inherit(struct inet_table *t, struct inet_sock *child,
					     const struct inet_sock *listener)
{
	panic("net: inet_bind_inherit is not linked in");
}
__attribute__((weak)) void inet_unbind(struct inet_table *t, struct inet_sock *s)
{
	panic("net: inet_unbind is not linked in");
}
__attribute__((weak)) struct inet_sock *
inet_lookup_connected(struct inet_table *t, const struct ip_addr *local, uint16_t lport,
		      const struct ip_addr *remote, uint16_t rport, int ifindex)
{
	panic("net: inet_lookup_connected is not linked in");
}
__attribute__((weak)) struct inet_sock *
inet_lookup_bound(struct inet_table *t, const struct ip_addr *local, uint16_t lport,
		  const struct ip_addr *remote, uint16_t rport, int ifindex,
		  bool (*accept)(const struct inet_sock *s))
{
	panic("net: inet_lookup_bound is not linked in");
}
__attribute__((weak)) uint32_t inet_hash(const struct inet_table *t, const struct ip_addr *local,
					 uint16_t lport, const struct ip_addr *remote,
					 uint16_t rport)
{
	panic("net: inet_hash is not linked in");
}
__attribute__((weak)) int inet_setsockopt(struct inet_sock *s, int level, int name, const void *val,
					  unsigned len)
{
	panic("net: inet_setsockopt is not linked in");
}
__attribute__((weak)) int inet_getsockopt(struct inet_sock *s, int level, int name, void *val,
					  unsigned *len)
{
	panic("net: inet_getsockopt is not linked in");
}
__attribute__((weak)) int inet_send_cmsg(struct inet_sock *s, const struct socket_msg *m,
					 struct ip_tx *tx, int *ifindex)
{
	panic("net: inet_send_cmsg is not linked in");
}
__attribute__((weak)) void inet_recv_cmsg(struct inet_sock *s, struct socket_msg *m,
					  const struct packet *p)
{
	panic("net: inet_recv_cmsg is not linked in");
}
__attribute__((weak)) bool inet_mcast_wanted(const struct inet_sock *s, const struct packet *p)
{
	panic("net: inet_mcast_wanted is not linked in");
}
__attribute__((weak)) void inet_queue_error(struct inet_sock *s, const struct icmp_error *e)
{
	panic("net: inet_queue_error is not linked in");
}
__attribute__((weak)) long inet_recv_error(struct inet_sock *s, struct socket_msg *m)
{
	panic("net: inet_recv_error is not linked in");
}
__attribute__((weak)) void inet_destroy(struct inet_sock *s)
{
	panic("net: inet_destroy is not linked in");
}
__attribute__((weak)) int netdev_ioctl(unsigned cmd, uintptr_t arg)
{
	panic("net: netdev_ioctl is not linked in");
}
__attribute__((weak)) const struct tcp_cc_ops *tcp_cc_find(const char *name)
{
	panic("net: tcp_cc_find is not linked in");
}
__attribute__((weak)) void tcp_cc_init(struct tcp_cc *c, const struct tcp_cc_ops *ops, uint32_t mss)
{
	panic("net: tcp_cc_init is not linked in");
}
__attribute__((weak)) void tcp_cc_set_mss(struct tcp_cc *c, uint32_t mss)
{
	panic("net: tcp_cc_set_mss is not linked in");
}
__attribute__((weak)) void tcp_prr_start(struct tcp_prr *p, uint32_t in_flight)
{
	panic("net: tcp_prr_start is not linked in");
}
__attribute__((weak)) uint32_t tcp_prr_cwnd(struct tcp_prr *p, const struct tcp_cc *c,
					    uint32_t delivered, uint32_t pipe, bool safe)
{
	panic("net: tcp_prr_cwnd is not linked in");
}
__attribute__((weak)) void tcp_prr_sent(struct tcp_prr *p, uint32_t bytes)
{
	panic("net: tcp_prr_sent is not linked in");
}
__attribute__((weak)) int dhcp_start(struct netif *n)
{
	return 0;
}
__attribute__((weak)) bool dhcp_pending(const struct netif *n)
{
	return false;
}
__attribute__((weak)) bool dhcp_input(struct packet *p)
{
	return false;
}
__attribute__((weak)) void dhcp_arp_input(struct netif *n, const uint8_t mac[6], uint32_t ip)
{
}
__attribute__((weak)) int slaac_start(struct netif *n)
{
	return 0;
}
__attribute__((weak)) bool slaac_pending(const struct netif *n)
{
	return false;
}
__attribute__((weak)) void slaac_input_ra(struct packet *p)
{
	packet_free(p);
}
__attribute__((weak)) void slaac_link_local(const struct netif *n, struct ip_addr *addr)
{
	panic("net: slaac_link_local is not linked in");
}
__attribute__((weak)) void slaac_duplicate(struct netif *n, const struct ip_addr *a)
{
}
__attribute__((weak)) void ip_init(void)
{
}
__attribute__((weak)) void loopback_init(void)
{
}
__attribute__((weak)) void socket_init(void)
{
}
__attribute__((weak)) void udp_init(void)
{
}
__attribute__((weak)) void raw_init(void)
{
}
__attribute__((weak)) void tcp_init(void)
{
}
__attribute__((weak)) void unix_init(void)
{
}
__attribute__((weak)) void netlink_init(void)
{
}
__attribute__((weak)) void packet_socket_init(void)
{
}
__attribute__((weak)) void netconfig_start(void)
{
}

__attribute__((weak)) struct list netif_list = LIST_INIT(netif_list);
__attribute__((weak)) struct list route_list = LIST_INIT(route_list);
__attribute__((weak)) struct list socket_list = LIST_INIT(socket_list);
__attribute__((weak)) uint64_t socket_count;
__attribute__((weak)) uint32_t route_generation;
__attribute__((weak)) struct packet_stats packet_stats;
__attribute__((weak)) const struct tcp_cc_ops tcp_cc_cubic, tcp_cc_reno;
__attribute__((weak)) struct list unix_dropped = LIST_INIT(unix_dropped);
__attribute__((weak)) void unix_drop_files_slow(void)
{
}
__attribute__((weak)) int unix_pair(struct socket *a, struct socket *b)
{
	panic("net: unix_pair is not linked in");
}
__attribute__((weak)) void inet_leave_all(struct inet_sock *s)
{
}
__attribute__((weak)) void inet_purge_errors(struct inet_sock *s)
{
}

/* Parts that may be missing for a while without harm. */
__attribute__((weak)) void tcp_input_end(void)
{
}
__attribute__((weak)) void packet_socket_tap(struct netif *n, const struct packet *p, bool outgoing)
{
}
