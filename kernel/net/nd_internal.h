/* What nd.c and nd_dad.c tell each other. Lock: net_lock. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "net/netif.h"

#define ND_OPT_SOURCE 1 /* RFC 4861, 4.6.1 */
#define ND_OPT_TARGET 2
#define ND_OPT_NONCE  14 /* RFC 3971, 5.3.2 */

/* Asks whether anybody has addr, as one who has no address yet (RFC 4862, 5.4.2). */
void nd_solicit_dad(struct netif *n, const struct ip_addr *addr, const uint8_t nonce[6]);
bool nd_dad_own_nonce(const uint8_t nonce[6]);
/* a is in use elsewhere, at mac (NULL: unknown). a may be gone afterwards. */
void nd_dad_failed(struct ifaddr *a, const uint8_t *mac);
/* ifaddr.c: takes a's routes and group away; it stays in the list as IFADDR_DUPLICATE. */
void ifaddr_set_duplicate(struct ifaddr *a);
