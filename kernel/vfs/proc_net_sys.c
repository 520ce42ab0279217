/* /proc/sys/net: what programs read to learn limits. Only the buffer sizes can be changed. */
#include <asm/errno.h>
#include "net/net.h"
#include "net/socket.h"
#include "net/tcp.h"
#include "vfs/proc_net.h"
#include "vfs/procfs.h"
#include "vfs/textbuf.h"
#include "vfs/tree.h"

static const struct {
	const char *path, *text;
} constants[] = {
    {"/proc/sys/net/core/somaxconn", "4096\n"},
    {"/proc/sys/net/core/netdev_max_backlog", "1000\n"},
    {"/proc/sys/net/core/optmem_max", "20480\n"},
    {"/proc/sys/net/core/default_qdisc", "noqueue\n"},
    {"/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"},
    {"/proc/sys/net/ipv4/ip_local_reserved_ports", "\n"},
    {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n"},
    {"/proc/sys/net/ipv4/ip_forward", "0\n"},
    {"/proc/sys/net/ipv4/ip_default_ttl", "64\n"},
    {"/proc/sys/net/ipv4/ip_nonlocal_bind", "0\n"},
    {"/proc/sys/net/ipv4/ping_group_range", "0\t2147483647\n"},
    {"/proc/sys/net/ipv4/igmp_max_memberships", "20\n"},
    {"/proc/sys/net/ipv4/icmp_echo_ignore_all", "0\n"},
    {"/proc/sys/net/ipv4/tcp_congestion_control", "cubic\n"},
    {"/proc/sys/net/ipv4/tcp_available_congestion_control", "cubic reno\n"},
    {"/proc/sys/net/ipv4/tcp_allowed_congestion_control", "cubic reno\n"},
    {"/proc/sys/net/ipv4/tcp_fin_timeout", "60\n"},
    {"/proc/sys/net/ipv4/tcp_keepalive_time", "7200\n"},
    {"/proc/sys/net/ipv4/tcp_keepalive_intvl", "75\n"},
    {"/proc/sys/net/ipv4/tcp_keepalive_probes", "9\n"},
    {"/proc/sys/net/ipv4/tcp_syn_retries", "6\n"},
    {"/proc/sys/net/ipv4/tcp_synack_retries", "5\n"},
    {"/proc/sys/net/ipv4/tcp_retries2", "15\n"},
    {"/proc/sys/net/ipv4/tcp_sack", "1\n"},
    {"/proc/sys/net/ipv4/tcp_dsack", "1\n"},
    {"/proc/sys/net/ipv4/tcp_timestamps", "1\n"},
    {"/proc/sys/net/ipv4/tcp_window_scaling", "1\n"},
    {"/proc/sys/net/ipv4/tcp_syncookies", "1\n"},
    {"/proc/sys/net/ipv4/tcp_fastopen", "0\n"},
    {"/proc/sys/net/ipv4/tcp_ecn", "0\n"},
    {"/proc/sys/net/ipv4/tcp_abort_on_overflow", "0\n"},
    {"/proc/sys/net/ipv4/tcp_slow_start_after_idle", "1\n"},
    {"/proc/sys/net/ipv6/bindv6only", "0\n"},
    {"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0\n"},
    {"/proc/sys/net/ipv6/conf/default/disable_ipv6", "0\n"},
    {"/proc/sys/net/ipv6/conf/all/forwarding", "0\n"},
    {"/proc/sys/net/ipv4/conf/all/forwarding", "0\n"},
    {"/proc/sys/net/ipv4/conf/all/rp_filter", "0\n"},
};

static int show_constant(struct textbuf *t, long arg)
{
	text_printf(t, "%s", constants[arg].text);
	return 0;
}

/* Buffer sizes of sockets, in bytes as SO_RCVBUF and SO_SNDBUF are asked for. */
static const struct {
	const char *path;
	uint32_t *value, min;
} sizes[] = {
    {"/proc/sys/net/core/rmem_default", &net_rmem_default, 2304},
    {"/proc/sys/net/core/rmem_max", &net_rmem_max, 2304},
    {"/proc/sys/net/core/wmem_default", &net_wmem_default, 4608},
    {"/proc/sys/net/core/wmem_max", &net_wmem_max, 4608},
};
#define SIZE_MAX_SET 0x3fffffffu /* doubled it is still a signed number */

static int show_size(struct textbuf *t, long arg)
{
	text_printf(t, "%u\n", *sizes[arg].value);
	return 0;
}

static int store_size(const char *text, size_t n, long arg)
{
	uint64_t v = 0;
	size_t i = 0;

	while (n && (text[n - 1] == '\n' || text[n - 1] == ' ' || text[n - 1] == '\0'))
		n--;
	for (; i < n && text[i] >= '0' && text[i] <= '9' && v <= SIZE_MAX_SET; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	if (i == 0 || i < n || v < sizes[arg].min || v > SIZE_MAX_SET)
		return -EINVAL;
	net_enter();
	*sizes[arg].value = (uint32_t)v;
	net_leave();
	return 0;
}

static int show_tcp_mem(struct textbuf *t, long send)
{
	net_enter();
	text_printf(t, "4096\t%u\t%u\n", send ? tcp_limits.wmem_default : tcp_limits.rmem_default,
		    send ? tcp_limits.wmem_max : tcp_limits.rmem_max);
	net_leave();
	return 0;
}

static int show_limit(struct textbuf *t, long which)
{
	text_printf(t, "%u\n",
		    which == 0	 ? tcp_limits.max_requests
		    : which == 1 ? tcp_limits.max_timewait
				 : tcp_limits.max_orphans);
	return 0;
}

static const struct textfile constant = {.show = show_constant},
			     size = {.show = show_size, .store = store_size},
			     tcp_mem = {.show = show_tcp_mem}, limit = {.show = show_limit};

void proc_net_sys_init(void)
{
	static const struct proc_net_file files[] = {
	    {"/proc/sys/net/ipv4/tcp_rmem", &tcp_mem, 0},
	    {"/proc/sys/net/ipv4/tcp_wmem", &tcp_mem, 1},
	    {"/proc/sys/net/ipv4/tcp_max_syn_backlog", &limit, 0},
	    {"/proc/sys/net/ipv4/tcp_max_tw_buckets", &limit, 1},
	    {"/proc/sys/net/ipv4/tcp_max_orphans", &limit, 2},
	};
	for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
		tree_text(&super_proc, constants[i].path, 0444, &constant, (long)i);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		tree_text(&super_proc, sizes[i].path, 0644, &size, (long)i);
	proc_net_add(files, sizeof files / sizeof files[0]);
}
