/*
 * AF_UNIX, unix(7): sockets between parts of one program. The socket layer reaches it through
 * struct proto (SOCK_STREAM, SOCK_DGRAM and SOCK_SEQPACKET are registered by unix_init); here is
 * what does not fit there.
 *
 * Descriptors that travel in messages (SCM_RIGHTS) are dropped when a socket is released with
 * messages unread, when there was no room for them, and by the collector of cycles (unix_gc.c).
 * All that happens under net_lock, where no file may be released. So they are put aside, and
 * unix_drop_files closes them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/list.h"
#include "net/socket.h"

/* socketpair(2): makes two fresh AF_UNIX sockets of one proto each other's peers. 0, -ENOMEM.
 * net_lock. */
int unix_pair(struct socket *a, struct socket *b);

/* Internal: what unix_drop_files has to close. */
extern struct list unix_dropped;
void unix_drop_files_slow(void);
/*
 * Closes descriptors that were dropped. No lock may be held. The socket layer calls it after
 * net_leave wherever proto->release, sendmsg, recvmsg, accept or connect have been called for an
 * AF_UNIX socket (calling it always is cheap).
 */
static inline void unix_drop_files(void)
{
	if (__builtin_expect(!list_empty(&unix_dropped), 0))
		unix_drop_files_slow();
}

/* The line of so, an AF_UNIX socket, in /proc/net/unix, newline included; what fits is written and
 * terminated. Returns its length. net_lock. */
int unix_proc_line(struct socket *so, char *buf, size_t size);
#define UNIX_PROC_HEADER "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define UNIX_PROC_LINE	 256 /* enough for any line */

/* /proc/net/unigornel: files in flight now. */
extern unsigned unix_files_in_flight;
