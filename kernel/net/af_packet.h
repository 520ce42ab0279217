/* Packet sockets: packet(7). Frames as they come in and go out. Lock: net_lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/if_packet.h>
#include "net/addr.h"
#include "net/netif.h"
#include "net/socket.h"
#include "net/tap.h"

struct netif;

struct packet_membership {
	struct list link;
	int ifindex;
	uint16_t type, alen;
	uint8_t addr[8];
	unsigned users;
};

struct packet_sock {
	struct socket so;	    /* first */
	struct list tap_link;	    /* on the list of listeners; off it while protocol is 0 */
	be16_t protocol;	    /* ethertype, ETH_P_ALL for all, 0 for none; network order */
	int ifindex;		    /* 0: any */
	struct list queue;	    /* struct packet */
	uint32_t queued_bytes;	    /* truesize of what is in the queue */
	uint32_t received, dropped; /* PACKET_STATISTICS */
	bool auxdata, origdev, ignore_outgoing, loss;
	struct list memberships;
};

/* Numbers for sockstat. */
extern unsigned packet_socket_count;

/* af_packet_mreq.c: PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP. */
int packet_membership_change(struct packet_sock *s, bool add, const void *val, unsigned len);
void packet_membership_drop_all(struct packet_sock *s);
/* af_packet_opt.c */
int packet_setsockopt(struct socket *so, int level, int name, const void *val, unsigned len);
int packet_getsockopt(struct socket *so, int level, int name, void *val, unsigned *len);
/* af_packet_send.c */
long packet_sendmsg(struct socket *so, struct socket_msg *m);
/* The socket whose frame is on its way through netif_xmit: it does not get it back. */
extern const struct packet_sock *packet_sender;
