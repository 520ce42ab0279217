/* Packet sockets (af_packet.c) as the interfaces see them. Lock: net_lock. */
#pragma once
#include <stdbool.h>

struct netif;
struct packet;

/* Packet sockets that listen; while it is 0 nobody is called. */
extern unsigned packet_taps;

/* Gives copies of a frame (data at the link header) to the packet sockets that want it. p stays the
 * caller's. outgoing: it is being sent. */
void packet_socket_tap(struct netif *n, const struct packet *p, bool outgoing);
