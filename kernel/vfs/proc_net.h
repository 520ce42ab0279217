/* /proc/net: texts about the network. proc_net.c has interfaces and neighbours, proc_net_route.c
 * routes, proc_net_sock.c sockets, proc_net_tcp.c TCP, proc_net_stat.c counters, proc_net_sys.c
 * /proc/sys/net, proc_net_class.c /sys/class/net. Every show function takes net_lock for as long as
 * it prints. */
#pragma once
#include <stddef.h>
#include "net/addr.h"

struct textbuf;
struct textfile;

/* Makes them all; called by procfs_init. */
void proc_net_init(void);
void proc_net_route_init(void);
void proc_net_sock_init(void);
void proc_net_tcp_init(void);
void proc_net_stat_init(void);
void proc_net_sys_init(void);
/* /sys/class/net: once the interfaces are known. No lock held. */
void sys_class_net_init(void);

struct proc_net_file {
	const char *path;
	const struct textfile *text;
	long arg;
};
void proc_net_add(const struct proc_net_file *files, size_t n);

/* An address as the kernel's tables have it: words of host order in hexadecimal digits. */
void proc_net_addr(struct textbuf *t, const struct ip_addr *a, bool v6);
