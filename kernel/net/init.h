/* What net_init and, the last one, net_start call, in order: one function a part. Each is called
 * once, with nothing held and before any other thread runs. */
#pragma once

void ip_init(void);	  /* tables and timers of ip4, ip6, neighbours, routes */
void loopback_init(void); /* lo, up, 127.0.0.1/8 and ::1/128 */
void socket_init(void);	  /* the layer itself */
void udp_init(void);
void raw_init(void); /* raw and ping sockets */
void tcp_init(void);
void unix_init(void);
void netlink_init(void);
void packet_socket_init(void);
void netconfig_start(void); /* addresses: command line, DHCP, SLAAC; may wait for DHCP */
