/* The state of the interfaces' configuration that others ask for. Lock: net_lock. */
#pragma once
#include <stdbool.h>

struct netif;

/* Metrics: of routes to the same place the lower one is taken. What a person said comes before what
 * the network says. IPv6 numbers are around those of Linux (1024). */
#define ROUTE_METRIC_DHCP    100
#define ROUTE_METRIC_STATIC6 256
#define ROUTE_METRIC_RA	     1024

/* What DHCP and SLAAC call when they have got, lost or given up something: wakes the boot. */
void netconfig_progress(void);
