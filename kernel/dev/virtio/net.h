/*
 * The virtio network driver (virtio 1.2, section 5.1): net.c sets the device up and answers its
 * interrupts, net_rx.c and net_tx.c move frames, net_ctrl.c sets filters.
 *
 * Lock: net_lock guards everything here but the set-up.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_net.h>
#include "lib/list.h"
#include "dev/virtio/virtio.h"
#include "net/netif.h"
#include "net/packet.h"
#include "sched/timer.h"

/* Of virtio 1.2, newer than the header. */
#define VIRTIO_NET_F_GUEST_USO4	  54
#define VIRTIO_NET_F_GUEST_USO6	  55
#define VIRTIO_NET_F_HOST_USO	  56
#define VIRTIO_NET_HDR_GSO_UDP_L4 5

/* More multicast addresses than that and the device passes all. */
#define NET_MULTICAST_MAX 64

#define NET_HEADER ((uint32_t)sizeof(struct virtio_net_hdr_v1))

/* A command that the device may be reading. */
struct net_command {
	struct virtio_net_ctrl_hdr head;
	uint8_t ack;
	bool busy;  /* the device has it */
	bool dirty; /* to be sent, again if busy */
	uint32_t length;
	uint8_t data[8 + NET_MULTICAST_MAX * ETH_ALEN];
};

enum { COMMAND_MAC, COMMAND_PROMISC, COMMAND_ALLMULTI, COMMAND_TABLE, COMMANDS };

struct virtio_net {
	struct netif netif;
	struct virtio_device *device;

	/* net_rx.c */
	struct virtqueue rx;
	bool mergeable;
	uint32_t rx_buffer; /* bytes of a receive buffer */
	unsigned rx_target; /* buffers that the device should have, */
	unsigned rx_floor;  /* and has at least: frames are dropped before it gets fewer */

	/* net_tx.c */
	struct virtqueue tx;
	uint32_t held_bytes; /* put into the ring since the device was notified */
	struct list waiting; /* packets, while the ring is full */
	unsigned nwaiting;

	/* net_ctrl.c */
	struct virtqueue control;
	bool has_control;
	struct net_command command[COMMANDS];
	uint8_t device_mac[ETH_ALEN]; /* what the device filters by */

	/* While `polling` there are no receive interrupts: frames are fetched when `poll` expires,
	 * because they are many or the program is busy (epoll_busy), or by catch_up. */
	struct timer poll;
	bool polling;
	struct timer broken;
};

/* Makes sure that `poll` expires soon. */
void net_hold_back(struct virtio_net *v);

/* Makes the queue and fills it. 0, -errno. */
int net_rx_init(struct virtio_net *v);
/* Hands up to budget frames to the stack and gives the device fresh buffers; returns how many. */
unsigned net_rx_poll(struct virtio_net *v, unsigned budget);
/* Gives back all buffers, once the device has been reset. */
void net_rx_drain(struct virtio_net *v);

int net_tx_init(struct virtio_net *v);
int net_tx_xmit(struct netif *n, struct packet *p);
void net_tx_flush(struct netif *n);
/* Notifies the device of all there is. */
void net_tx_notify(struct virtio_net *v);
bool net_tx_sending(struct netif *n);
/* Frees what has been sent; sends what waited. True if there was something. */
bool net_tx_reclaim(struct virtio_net *v);
void net_tx_drain(struct virtio_net *v);

int net_ctrl_init(struct virtio_net *v, unsigned index);
/* Tells the device the interface's modes, addresses and MAC address: starts what differs. */
void net_ctrl_update(struct netif *n);
/* Takes back the commands that the device has done. */
bool net_ctrl_reclaim(struct virtio_net *v);
