/* /proc/net/udp, udp6, raw, raw6, icmp, icmp6, unix, packet, netlink: proc(5). */
#include <linux/in.h>
#include "net/af_packet.h"
#include "net/inet_dgram.h"
#include "net/net.h"
#include "net/netlink.h"
#include "net/unix.h"
#include "vfs/proc_net.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

#define STATE_CONNECTED 1u /* TCP_ESTABLISHED */
#define STATE_NOT	7u /* TCP_CLOSE */

/* Which sockets a table shows. */
enum table { UDP4, UDP6, RAW4, RAW6, PING4, PING6 };

static bool belongs(const struct socket *so, enum table which)
{
	bool v6 = so->family == AF_INET6, v4 = so->family == AF_INET;
	bool ping = so->type == SOCK_DGRAM &&
		    (so->protocol == IPPROTO_ICMP || so->protocol == 58 /* ICMPv6 */);

	switch (which) {
	case UDP4:
		return v4 && so->type == SOCK_DGRAM && !ping;
	case UDP6:
		return v6 && so->type == SOCK_DGRAM && !ping;
	case RAW4:
		return v4 && so->type == SOCK_RAW;
	case RAW6:
		return v6 && so->type == SOCK_RAW;
	case PING4:
		return v4 && ping;
	case PING6:
		return v6 && ping;
	}
	return false;
}

static void show_dgram(struct textbuf *t, struct socket *so, unsigned slot, bool raw, bool v6)
{
	const struct inet_sock *s = inet_of(so);
	unsigned local = raw ? (unsigned)so->protocol : s->local_port;

	text_printf(t, "%5u: ", slot);
	proc_net_addr(t, &s->local, v6);
	text_printf(t, ":%04X ", local);
	proc_net_addr(t, &s->remote, v6);
	text_printf(t, ":%04X %02X %08X:%08X 00:00000000 00000000 %5u %8d %lu %d %016lx %u\n",
		    s->remote_port, s->connected ? STATE_CONNECTED : STATE_NOT, 0u,
		    dgram_of(so)->rx_bytes, 0u, 0, so->ino, 2, 0ul, so->drops);
}

static int show_dgrams(struct textbuf *t, long arg)
{
	enum table which = (enum table)arg;
	bool v6 = which == UDP6 || which == RAW6 || which == PING6;
	unsigned slot = 0;

	text_printf(t,
		    v6 ? "  sl  local_address                         remote_address             "
			 "           st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
			 "inode ref pointer drops\n"
		       : "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
			 "retrnsmt   uid  timeout inode ref pointer drops             \n");
	net_enter();
	list_for_each_entry (so, &socket_list, struct socket, all_link)
		if (belongs(so, which))
			show_dgram(t, so, slot++, which == RAW4 || which == RAW6, v6);
	net_leave();
	return 0;
}

static int show_unix(struct textbuf *t, long arg)
{
	char line[UNIX_PROC_LINE];

	(void)arg;
	text_printf(t, "%s", UNIX_PROC_HEADER);
	net_enter();
	list_for_each_entry (so, &socket_list, struct socket, all_link)
		if (so->family == AF_UNIX)
			text_append(t, line, (size_t)unix_proc_line(so, line, sizeof line));
	net_leave();
	return 0;
}

static int show_packet(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	net_enter();
	list_for_each_entry (so, &socket_list, struct socket, all_link) {
		const struct packet_sock *s = (const void *)so;
		if (so->family == AF_PACKET)
			text_printf(t, "%016lx %-6d %-4d %04x   %-5d %1d %-6u %-6u %-6lu\n", 0ul, 2,
				    so->type, ntoh16(s->protocol), s->ifindex, s->protocol != 0,
				    s->queued_bytes, 0u, so->ino);
	}
	net_leave();
	return 0;
}

static int show_netlink(struct textbuf *t, long arg)
{
	(void)arg;
	text_printf(t, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    "
		       "Drops    Inode\n");
	net_enter();
	list_for_each_entry (so, &socket_list, struct socket, all_link) {
		const struct netlink_sock *s = (const void *)so;
		if (so->family == AF_NETLINK)
			text_printf(t, "%016lx %-3d %-10u %08x %-8u %-8d %-5d %-8d %-8u %-8lu\n",
				    0ul, 0, s->portid, (unsigned)s->groups, s->queued_bytes, 0, 0,
				    2, so->drops, so->ino);
	}
	net_leave();
	return 0;
}

static const struct textfile dgrams = {.show = show_dgrams}, unix_text = {.show = show_unix},
			     packet = {.show = show_packet}, netlink = {.show = show_netlink};

void proc_net_sock_init(void)
{
	static const struct proc_net_file files[] = {
	    {"/proc/1/net/udp", &dgrams, UDP4},	  {"/proc/1/net/udp6", &dgrams, UDP6},
	    {"/proc/1/net/raw", &dgrams, RAW4},	  {"/proc/1/net/raw6", &dgrams, RAW6},
	    {"/proc/1/net/icmp", &dgrams, PING4}, {"/proc/1/net/icmp6", &dgrams, PING6},
	    {"/proc/1/net/unix", &unix_text, 0},  {"/proc/1/net/packet", &packet, 0},
	    {"/proc/1/net/netlink", &netlink, 0},
	};
	proc_net_add(files, sizeof files / sizeof files[0]);
}
